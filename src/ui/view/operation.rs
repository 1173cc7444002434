//! The prompts before an operation, with its consequences.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::action::Context;
use super::super::state::Model;
use super::super::state::editor::Editor;
use super::super::state::operation::{Ask, Confirm, POLICIES, PolicyPrompt};
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::{input, popup};
use super::footer;
use super::words::{own, span};
use super::{put, put_cut};
use crate::workspace::{Operation, Policy, Preview};

/// The widest box.
const WIDTH: u16 = 72;

/// Draws the prompt for a policy.
pub fn policy(
    model: &Model,
    prompt: &PolicyPrompt,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let keys = footer::keys(model, Context::Policy, theme, WIDTH.min(area.width) - 6);
    let height = u16::try_from(POLICIES.len()).unwrap_or(0) + 6;
    let title = format!("Policy of {}", text::clean(&prompt.projection));
    let inner = popup::draw(buf, area, (WIDTH, height), &title, keys, theme);
    put(buf, inner, 0, &Line::from(own("> ", theme.title)));
    let field = Rect {
        x: inner.x + 2,
        width: inner.width.saturating_sub(2),
        height: inner.height.min(1),
        ..inner
    };
    let editor = &prompt.editor;
    let cursor = input::draw(buf, field, editor.text(), editor.before(), theme.strong);
    let check = match prompt.policy() {
        Ok(policy) => vec![
            own(format!("{} ", theme.glyphs.done), theme.good),
            own(allowance(policy), theme.dim),
        ],
        Err(wrong) => vec![
            own(theme.glyphs.failed, theme.bad),
            Span::raw(" "),
            own(wrong, theme.warn),
        ],
    };
    put(buf, inner, 1, &Line::from(check));
    let near = prompt.near();
    for (row, (at, (policy, words))) in (3..).zip(POLICIES.iter().enumerate()) {
        let (mark, style) = if near == Some(at) {
            (theme.glyphs.selected, theme.chosen)
        } else {
            (" ", theme.text)
        };
        let line = Line::from(vec![
            own(format!("{mark} "), theme.title),
            own(format!("{policy:<16}  "), style),
            own(*words, theme.dim),
        ]);
        put_cut(buf, inner, row, &line, theme);
    }
    cursor
}

/// What a policy allows.
fn allowance(policy: crate::workspace::Policy) -> String {
    match policy.allowance() {
        None => "stale by policy: any age is allowed until somebody asks".to_owned(),
        Some(time) if time.is_zero() => "allows no lateness of its own".to_owned(),
        Some(time) => format!("allows an age of {}", text::span(time)),
    }
}

/// Draws the preview of a rebuild or a replay.
pub fn confirm(
    model: &Model,
    confirm: &Confirm,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let name = text::clean(&confirm.projection).into_owned();
    let replay = matches!(confirm.ask, Ask::Replay { .. });
    let title = match &confirm.ask {
        Ask::Replay { .. } => format!("Replay into {name}"),
        Ask::Plain(operation) => format!("{} {name}", plain(operation).0),
        Ask::Rebuild { hold: false } => format!("Rebuild {name}"),
        Ask::Rebuild { hold: true } => format!("Rebuild {name}, and hold"),
    };
    let inside = usize::from(WIDTH.min(area.width).saturating_sub(4));
    let mut lines = intro(confirm, inside, theme);
    let fields = u16::try_from(lines.len()).unwrap_or(0);
    let asks = replay && confirm.refused().is_none();
    if asks {
        lines.extend([Line::default(), Line::default(), Line::default()]);
    }
    lines.extend(bound(model, confirm, inside, theme));
    lines.extend(consequences(confirm, inside, theme));
    let height = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let context = if asks {
        Context::Replay
    } else {
        Context::Confirm
    };
    let keys = keys(model, confirm, context, theme, WIDTH.min(area.width) - 6);
    let inner = popup::draw(buf, area, (WIDTH, height), &title, keys, theme);
    for (row, line) in (0..).zip(&lines) {
        put_cut(buf, inner, row, line, theme);
    }
    match &confirm.ask {
        Ask::Replay {
            after,
            name: typed,
            naming,
        } if asks && fields + 1 < inner.height => {
            let first = field(buf, inner, fields, "after position", after, !*naming, theme);
            let label = format!("type {name}");
            let second = field(buf, inner, fields + 1, &label, typed, *naming, theme);
            if *naming { second } else { first }
        }
        _ => None,
    }
}

/// The keys that do something now.
fn keys(
    model: &Model,
    confirm: &Confirm,
    context: Context,
    theme: &Theme,
    width: u16,
) -> Line<'static> {
    let mut line = footer::keys(model, context, theme, width);
    let Some(at) = line.spans.iter().position(|span| span.content == " do it") else {
        return line;
    };
    if confirm.refused().is_some() {
        if matches!(confirm.ask, Ask::Replay { .. }) {
            line.spans[at].content = " rebuild instead".into();
        } else {
            // The key, its word, and the space behind them: there is nothing that it does.
            line.spans
                .drain(at.saturating_sub(1)..(at + 2).min(line.spans.len()));
        }
    }
    line
}

/// A word for an operation that is done at once, and what it does.
fn plain(operation: &Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::CutOver { .. } => (
            "Cut over",
            "The new version answers from now on; the one there is will be kept, and a rollback goes back to it.",
        ),
        Operation::RollBack { .. } => (
            "Roll back",
            "The version that was kept answers from now on, from where it stands: its rows may be older \
             until it has caught up. What the file says is not built again until it changes; another \
             rollback goes forward.",
        ),
        _ => (
            "Cancel the rebuild of",
            "The new version is removed, however far it is. The version there is goes on answering. What \
             a changed file says is not built again until it changes.",
        ),
    }
}

/// What the operation is.
fn intro(confirm: &Confirm, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let words = match (&confirm.ask, confirm.refused()) {
        (Ask::Plain(_), Some(_)) => "",
        (Ask::Plain(operation), None) => plain(operation).1,
        (Ask::Rebuild { hold: true }, _) => {
            "Folds the read model again from position 0 into a new version, which then follows and waits: \
             compare the two, then cut over or cancel."
        }
        (Ask::Rebuild { hold: false }, _) => {
            "Folds the read model again from position 0 into a new version. The version there is \
             answers until the new one has caught up."
        }
        (Ask::Replay { .. }, None) => {
            "Applies events again to the rows that answer now. While it runs, answers may show \
             older values. It cannot be taken back."
        }
        (Ask::Replay { .. }, Some(_)) => "",
    };
    let wrapped = text::wrap(words, width, theme.glyphs.ellipsis);
    let mut lines: Vec<Line<'static>> = wrapped
        .into_iter()
        .map(|line| Line::from(own(line, theme.text)))
        .collect();
    if !lines.is_empty() {
        lines.push(Line::default());
    }
    lines
}

/// How far a rebuild goes where the policy would not let it go on by itself.
fn bound(model: &Model, confirm: &Confirm, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let view = model.projection(&confirm.projection);
    let manual = view.filter(|view| view.policy == Policy::Manual);
    let (Some(view), Ask::Rebuild { .. }) = (manual, &confirm.ask) else {
        return Vec::new();
    };
    let words = format!(
        "It goes up to position {}, where the read model stands: its policy is manual.",
        text::thousands(view.checkpoint.get())
    );
    let wrapped = text::wrap(&words, width, theme.glyphs.ellipsis);
    let lines = wrapped
        .into_iter()
        .map(|line| Line::from(own(line, theme.warn)));
    lines.chain([Line::default()]).collect()
}

fn field(
    buf: &mut Buffer,
    area: Rect,
    row: u16,
    label: &str,
    editor: &Editor,
    focused: bool,
    theme: &Theme,
) -> Option<Position> {
    let pad = usize::from(area.width / 3).min(24);
    let shown = text::cut(label, pad, theme.glyphs.ellipsis);
    let space = " ".repeat(pad - text::width(&shown));
    let (mark, style) = if focused {
        (theme.glyphs.selected, theme.chosen)
    } else {
        (" ", theme.strong)
    };
    let line = Line::from(vec![
        own(format!("{mark} "), theme.title),
        own(format!("{shown}{space}  "), style),
    ]);
    put(buf, area, row, &line);
    let used = u16::try_from(pad + 4).unwrap_or(0).min(area.width);
    let place = Rect {
        x: area.x + used,
        y: area.y + row,
        width: area.width - used,
        height: 1,
    };
    input::draw(buf, place, editor.text(), editor.before(), theme.text)
}

/// What it would mean, or why it cannot be done.
fn consequences(confirm: &Confirm, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    if let Some(reason) = confirm.refused() {
        return refusal(confirm, reason, width, theme);
    }
    let mut lines = match &confirm.preview {
        None if confirm.operation().is_err() => {
            let wrong = "write a position: a whole number from 0";
            return vec![Line::from(own(
                format!("{} {wrong}", theme.glyphs.failed),
                theme.warn,
            ))];
        }
        None => return on_its_way(confirm, width, theme),
        Some(Err(error)) => {
            let words = format!("{} {}", theme.glyphs.failed, text::clean(error));
            let wrapped = text::wrap(&words, width, theme.glyphs.ellipsis);
            return wrapped
                .into_iter()
                .map(|l| Line::from(own(l, theme.bad)))
                .collect();
        }
        Some(Ok(preview)) => facts(confirm, preview, width, theme),
    };
    lines.push(Line::default());
    lines.push(match &confirm.ask {
        Ask::Replay { name, .. } if !confirm.sure() && name.text().is_empty() => {
            Line::from(own("To be sure, type its name.", theme.dim))
        }
        Ask::Replay { .. } if !confirm.sure() => Line::from(own(
            format!("{} not its name yet", theme.glyphs.failed),
            theme.warn,
        )),
        _ => Line::from(own(
            format!("{} Enter does it.", theme.glyphs.done),
            theme.good,
        )),
    });
    lines
}

/// Before it is known what it would mean: Enter does nothing yet, and says so where somebody pressed it.
fn on_its_way(confirm: &Confirm, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (words, style) = if confirm.early {
        let words = "Still working out what it means: press Enter again once it is here.";
        (words, theme.warn)
    } else {
        ("working out what it means …", theme.dim)
    };
    let wrapped = text::wrap(words, width, theme.glyphs.ellipsis);
    let lines = wrapped.into_iter();
    lines.map(|line| Line::from(own(line, style))).collect()
}

/// The preview as a small table.
fn facts(confirm: &Confirm, preview: &Preview, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let row = |label: &str, value: Vec<Span<'static>>| {
        let mut spans = vec![own(format!("{label:<15}"), theme.dim)];
        spans.extend(value);
        Line::from(spans)
    };
    let events = text::count(preview.events, "event", "events");
    let takes = match preview.takes {
        Some((fast, slow)) if text::span(fast) == text::span(slow) => {
            format!("about {}", text::span(slow))
        }
        Some((fast, slow)) => format!("{} to {}", text::span(fast), text::span(slow)),
        None if preview.events == 0 => "no time: there is nothing to apply".to_owned(),
        None => "not known: nothing was measured yet".to_owned(),
    };
    let short = preview
        .disk_free
        .is_some_and(|free| free < preview.disk_needed);
    let disk = match preview.disk_free {
        Some(free) => format!(
            "{} of {} free",
            text::bytes(preview.disk_needed),
            text::bytes(free)
        ),
        None => text::bytes(preview.disk_needed),
    };
    let disk = own(disk, if short { theme.bad } else { theme.text });
    let answers = if preview.answers.is_empty() {
        "none".to_owned()
    } else {
        text::clean(&preview.answers.join(", ")).into_owned()
    };
    let room = width.saturating_sub(15);
    let mut lines = vec![
        row("applies", vec![own(events, theme.strong)]),
        row("takes", vec![own(takes, theme.text)]),
        row("disk", vec![disk]),
    ];
    let mut label = "still answers";
    if let Ask::Plain(_) = confirm.ask {
        lines.clear();
        label = "answers";
    }
    for line in text::wrap(&answers, room, theme.glyphs.ellipsis)
        .into_iter()
        .take(3)
    {
        lines.push(row(label, vec![own(line, theme.text)]));
        label = "";
    }
    if preview.parked.count.any() {
        let words = text::clean(&preview.parked.to_string()).into_owned();
        let wrapped = text::wrap(&words, room, theme.glyphs.ellipsis);
        let labels = std::iter::once("without").chain(std::iter::repeat(""));
        let lacks = labels.zip(wrapped).take(4);
        lines.extend(lacks.map(|(label, line)| row(label, vec![own(line, theme.warn)])));
    }
    lines
}

fn refusal(confirm: &Confirm, reason: &str, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let what = match &confirm.ask {
        Ask::Replay { .. } => "replay",
        Ask::Rebuild { .. } => "rebuild",
        Ask::Plain(Operation::CutOver { .. }) => "cutover",
        Ask::Plain(Operation::RollBack { .. }) => "rollback",
        Ask::Plain(_) => "cancel",
    };
    let words = format!(
        "{} No {what}: {}.",
        theme.glyphs.failed,
        text::clean(reason).trim_end_matches('.')
    );
    let wrapped = text::wrap(&words, width, theme.glyphs.ellipsis);
    let mut lines: Vec<Line<'static>> = wrapped
        .into_iter()
        .map(|l| Line::from(own(l, theme.warn)))
        .collect();
    if what == "replay" {
        lines.push(Line::default());
        let way = "A rebuild gives the same rows without that risk, beside the version that answers: \
                   Enter shows what it would take.";
        let wrapped = text::wrap(way, width, theme.glyphs.ellipsis);
        lines.extend(
            wrapped
                .into_iter()
                .map(|l| Line::from(span(&l, theme.text))),
        );
    }
    lines
}
