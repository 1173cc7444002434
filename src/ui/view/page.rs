//! A page about one projection: its lines, and as many of them as fit.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::keymap::Keymap;
use super::super::state::Model;
use super::super::state::page::{About, Page};
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::popup;
use super::put_cut;
use super::words::{own, span, status};
use super::{checked, diff, footer, parked};
use crate::lag::why::{Case, Remedy, Verdict};
use crate::text::{program, thousands};
use crate::workspace::Recorded;

/// The widest page.
const WIDTH: u16 = 110;

/// Draws it.
pub fn draw(
    model: &Model,
    page: &Page,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let width = WIDTH.min(area.width);
    let (lines, seen) = lines(model, page, theme, usize::from(width).saturating_sub(4));
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let keys = footer::keys(model, model.context(), theme, width.saturating_sub(6));
    let inner = popup::draw(buf, area, (width, height), &title(page), keys, theme);
    let last = lines.len().saturating_sub(usize::from(inner.height));
    let above = match seen {
        Some(seen) => (seen + 1).saturating_sub(usize::from(inner.height)),
        None => page.scroll,
    };
    for (row, line) in (0..).zip(lines.iter().skip(above.min(last))) {
        put_cut(buf, inner, row, line, theme);
    }
    None
}

/// How many lines a page has where it is this wide.
pub fn length(model: &Model, page: &Page, width: u16) -> usize {
    if let About::Parked(waits) = &page.about {
        // One is chosen: there is none beyond the last.
        let found = waits.as_ref().and_then(|found| found.as_ref().ok());
        return found.map_or(0, |(_, events)| events.len().saturating_sub(1));
    }
    let width = usize::from(WIDTH.min(width)).saturating_sub(4);
    lines(model, page, &Theme::monochrome(), width).0.len()
}

fn title(page: &Page) -> String {
    let name = text::clean(&page.projection);
    match &page.about {
        About::Verify(_) => format!("Is {name} what its handlers make of the log?"),
        About::Repair(repair) => format!("Mend {} of {name}", text::clean(&repair.key)),
        About::Why => format!("Why is {name} as it is?"),
        About::Operations(_) => format!("What was done to {name}"),
        About::Parked(_) => format!("What {name} has parked"),
        About::Diff(_) => format!("What a cutover of {name} would change"),
    }
}

/// Its lines; and which of them has to be seen, where one does.
fn lines(
    model: &Model,
    page: &Page,
    theme: &Theme,
    width: usize,
) -> (Vec<Line<'static>>, Option<usize>) {
    if let About::Parked(Some(Ok(found))) = &page.about {
        let (lines, seen) = parked::lines(found, page.scroll, model, theme, width);
        return (lines, Some(seen));
    }
    let lines = match &page.about {
        About::Why => why(model, &page.projection, theme, width),
        About::Operations(None) => vec![Line::from(own("reading the log …", theme.dim))],
        About::Operations(Some(Err(error))) => wrapped(error, theme.bad, width, theme),
        About::Operations(Some(Ok(recorded))) => operations(recorded, theme, width),
        About::Diff(None) => vec![Line::from(own("comparing rows …", theme.dim))],
        About::Diff(Some(Err(error))) => wrapped(error, theme.bad, width, theme),
        About::Diff(Some(Ok(found))) => diff::lines(found, &model.keys, theme, width),
        About::Verify(verify) => checked::verify(verify, &model.keys, theme, width),
        About::Repair(repair) => checked::repair(repair, theme, width),
        About::Parked(Some(Err(error))) => wrapped(error, theme.bad, width, theme),
        About::Parked(_) => vec![Line::from(own("reading …", theme.dim))],
    };
    (lines, None)
}

pub(super) fn wrapped(
    words: &str,
    style: ratatui::style::Style,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    text::wrap(&text::clean(words), width, theme.glyphs.ellipsis)
        .into_iter()
        .map(|line| Line::from(own(line, style)))
        .collect()
}

/// The verdict, the numbers it rests on, and what helps.
fn why(model: &Model, name: &str, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let Some(view) = model.projection(name) else {
        return wrapped("it is gone", theme.dim, width, theme);
    };
    let case = model.snapshot.case(view);
    let verdict = case.verdict();
    let (glyph, word, style) = status(view.lag.status, theme);
    let mut lines = vec![
        Line::from(own(format!("{glyph} {word}"), style)),
        Line::default(),
    ];
    lines.extend(wrapped(
        &case.sentence(&verdict),
        theme.strong,
        width,
        theme,
    ));
    lines.push(Line::default());
    for number in case.numbers(&verdict) {
        lines.push(Line::from(vec![
            own(format!("{:>18}  ", number.name), theme.dim),
            own(number.value.to_string(), theme.text),
        ]));
    }
    let helps = helps((&case, &verdict), &model.keys, theme, width);
    if !helps.is_empty() {
        lines.push(Line::default());
        lines.extend(helps);
    }
    lines
}

/// What helps, with the keys that do it; nothing where nothing is wrong.
pub(super) fn helps(
    (case, verdict): (&Case, &Verdict),
    keys: &Keymap,
    theme: &Theme,
    width: usize,
) -> Vec<Line<'static>> {
    let remedies = case.remedies(verdict);
    let mut lines = Vec::new();
    if !remedies.is_empty() {
        lines.push(Line::from(own("What helps", theme.strong)));
    }
    for remedy in remedies {
        let (action, words) = remedy_words(remedy);
        let key = action.map_or_else(String::new, |action| key_of(keys, action));
        let lead = own(format!("{key:>4}  "), theme.title);
        let mut parts =
            text::wrap(&words, width.saturating_sub(6), theme.glyphs.ellipsis).into_iter();
        let first = parts.next().unwrap_or_default();
        lines.push(Line::from(vec![lead, own(first, theme.text)]));
        lines.extend(
            parts.map(|more| Line::from(vec![Span::raw(" ".repeat(6)), own(more, theme.text)])),
        );
    }
    lines
}

/// What a remedy is in words, and the action that does it.
fn remedy_words(remedy: Remedy) -> (Option<Action>, String) {
    if remedy == Remedy::StartEngine {
        let program = program();
        let words =
            format!("start an engine: `{program} run`, or the dashboard without --read-only");
        return (None, words);
    }
    let (action, words) = match remedy {
        Remedy::Resume => (Some(Action::Pause), "let it go on"),
        Remedy::TryAgain => (Some(Action::Pause), "have it try the event again"),
        Remedy::Retry => (Some(Action::Retry), "have it try again what it parked"),
        Remedy::Rebuild => (Some(Action::Rebuild), "fold it again from the first event"),
        Remedy::ChangePolicy => (Some(Action::Policy), "have it apply by another policy"),
        Remedy::Apply => (Some(Action::Apply), "have it apply what waits now"),
        Remedy::EditFile => (None, "mend its file: what is saved is taken up at once"),
        Remedy::EndFault => (Some(Action::Fault), "end the fault: `:fault stop`"),
        Remedy::FindWriter => (
            None,
            "find who else has the read model's file open for writing, and end that",
        ),
        _ => (None, "nothing needs to be done: it helps itself"),
    };
    (action, words.to_owned())
}

/// An action's main key, as it is in force.
pub(super) fn key_of(keys: &Keymap, action: Action) -> String {
    keys.of(action)
}

/// Who asked what, the newest first.
pub(super) fn operations(recorded: &[Recorded], theme: &Theme, width: usize) -> Vec<Line<'static>> {
    if recorded.is_empty() {
        return vec![Line::from(own("nothing was asked of it yet", theme.dim))];
    }
    let mut lines = Vec::new();
    for line in recorded.iter().rev() {
        let undoes = line.undoes.map_or_else(String::new, |undone| {
            format!(", takes back {}", thousands(undone.get()))
        });
        lines.push(Line::from(vec![
            own(format!("{}  ", line.at.strftime("%F %T")), theme.dim),
            span(&line.what, theme.strong),
            own(
                format!(" at {}{undoes}, by ", thousands(line.position.get())),
                theme.dim,
            ),
            span(
                line.by
                    .as_deref()
                    .unwrap_or(line.breach.map_or("the file", |_| "the engine")),
                theme.text,
            ),
        ]));
        let (words, style) = match (&line.outcome, &line.by) {
            (Some(outcome), _) if outcome.finished => (outcome.what.as_str(), theme.text),
            (Some(outcome), _) => (outcome.what.as_str(), theme.bad),
            (None, Some(_)) => ("not carried out yet", theme.warn),
            (None, None) => continue,
        };
        let indent = 21;
        for part in text::wrap(
            &text::clean(words),
            width.saturating_sub(indent).max(20),
            theme.glyphs.ellipsis,
        ) {
            lines.push(Line::from(vec![
                Span::raw(" ".repeat(indent)),
                own(part, style),
            ]));
        }
    }
    lines
}
