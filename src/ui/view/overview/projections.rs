//! The table of projections: where each stands and how late it is, the most telling columns first.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::page::key_of;
use super::super::put;
use super::super::words::own;
use crate::lag::Status;
use crate::ui::action::Action;
use crate::ui::columns::{ColumnName, wanted};
use crate::ui::keymap::Keymap;
use crate::ui::state::Model;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::columns::{Column, SPACE, fit};
use crate::ui::widgets::{bar, rows, rule};
use crate::workspace::{INJECTED, ProjectionView, RebuildView};

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Status,
    Name,
    Policy,
    Checkpoint,
    Gap,
    Behind,
    Age,
    Stored,
    Applied,
    Eta,
    P99,
    Parked,
    History,
}

/// The columns in their order, with the width that the names and policies there are need.
fn columns(views: &[ProjectionView], full: bool) -> Vec<(Cell, Column)> {
    let longest = |of: &dyn Fn(&ProjectionView) -> usize, least: usize, most: usize| {
        let widest = views.iter().map(of).max().unwrap_or(0);
        u16::try_from(widest.clamp(least, most)).unwrap_or(u16::MAX)
    };
    let name = longest(
        &|v| text::width(&v.name) + if full { text::width(&v.version) + 1 } else { 0 },
        10,
        if full { 34 } else { 18 },
    );
    let policy = longest(&|v| v.policy.to_string().len(), 6, 18);
    let checkpoint = longest(&|v| text::thousands(v.checkpoint.get()).len(), 10, 15);
    let gap = longest(&|v| text::thousands(v.lag.gap).len(), 4, 13);
    let behind = longest(&|v| text::thousands(v.lag.behind).len() + 1, 6, 14);
    let column = |cell, title, width, rank, right| {
        let column = Column {
            title,
            width,
            grows: None,
            rank,
            right,
        };
        (cell, column)
    };
    // Where nobody is late the time to catch up says nothing, and how fast it is says most.
    let late = views
        .iter()
        .any(|v| v.eta.is_some() || v.lag.status == Status::Falling);
    let mut all = vec![
        column(Cell::Status, "status", 13, 2, false),
        column(Cell::Name, "projection", name, 1, false),
        column(Cell::Policy, "policy", policy, 5, false),
        column(Cell::Checkpoint, "checkpoint", checkpoint, 7, true),
        column(Cell::Gap, "gap", gap, 4, true),
        column(Cell::Behind, "behind", behind, 12, true),
        column(Cell::Age, "age / objective", 15, 3, true),
        column(Cell::Stored, "in/s", 5, 11, true),
        column(Cell::Applied, "out/s", 6, 8, true),
        column(Cell::Eta, "ETA", 6, if late { 9 } else { 10 }, true),
        column(Cell::P99, "p99", 5, if late { 10 } else { 9 }, true),
        column(Cell::History, "age, 1m", 8, 6, false),
    ];
    if views.iter().any(|v| v.parked > 0) {
        all.insert(11, column(Cell::Parked, "parked", 6, 7, true));
    }
    if let Some((_, history)) = all.last_mut() {
        history.grows = Some(30);
    }
    all
}

/// How many lines the whole table would take, with its head.
pub fn height(model: &Model) -> u16 {
    let lines: u16 = heights(model).iter().sum();
    lines.saturating_add(2).max(4)
}

/// What a line under a row shows, in their order.
#[derive(Clone, Copy)]
enum Under {
    Rebuild,
    Injected,
    Fault,
}

fn under(view: &ProjectionView) -> impl Iterator<Item = Under> {
    let rebuild = view.rebuild.as_ref().map(|_| Under::Rebuild);
    let injected = view.injected.as_ref().map(|_| Under::Injected);
    let fault = view.fault.as_ref().map(|_| Under::Fault);
    [rebuild, injected, fault].into_iter().flatten()
}

/// The lines each projection takes: one, and those under it.
fn heights(model: &Model) -> Vec<u16> {
    let height = |view: &ProjectionView| 1 + u16::try_from(under(view).count()).unwrap_or(u16::MAX);
    model.snapshot.projections.iter().map(height).collect()
}

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let views = &model.snapshot.projections;
    let room = area.height.saturating_sub(2);
    let heights = heights(model);
    let chosen = model.overview.index(&model.snapshot);
    let window = rows::window(&heights, chosen, room);
    let total: usize = heights.iter().map(|h| usize::from(*h)).sum();
    let right = if views.is_empty() {
        Line::default()
    } else if window.len() < total {
        Line::from(own(format!("{} of {}", chosen + 1, views.len()), theme.dim))
    } else {
        Line::from(own(views.len().to_string(), theme.dim))
    };
    rule::draw(buf, area, "Projections", &right, theme);
    if views.is_empty() {
        nothing(theme, area, buf);
        return;
    }
    let width = area.width.saturating_sub(3);
    let columns = Columns::of(views, &model.columns, width);
    put(buf, area, 1, &heading(&columns, theme));
    let mut at = 0;
    for (index, view) in views.iter().enumerate() {
        let selected = index == chosen && !model.overview.still;
        for part in 0..usize::from(heights[index]) {
            if window.contains(&at) {
                let line = match part.checked_sub(1).and_then(|n| under(view).nth(n)) {
                    None => row(view, selected, &columns, theme),
                    Some(Under::Rebuild) => rebuild(view, selected, area.width, &model.keys, theme),
                    Some(Under::Injected) => injected(view, selected, area.width, theme),
                    Some(Under::Fault) => fault(view, selected, area.width, theme),
                };
                let y = u16::try_from(at - window.start).unwrap_or(u16::MAX);
                put(buf, area, y.saturating_add(2), &line);
            }
            at += 1;
        }
    }
}

/// What is said where there is no projection.
fn nothing(theme: &Theme, area: Rect, buf: &mut Buffer) {
    let words = "No projections yet. Put one SQL file for each read model into projections/: it is \
                 picked up as you save it.";
    let room = usize::from(area.width).saturating_sub(4);
    for (row, line) in (1..).zip(text::wrap(words, room, theme.glyphs.ellipsis)) {
        let line = own(format!("   {line}"), theme.dim);
        put(buf, area, row, &Line::from(line));
    }
}

/// The columns there are, and those that fit: their places, each with its width.
struct Columns {
    all: Vec<(Cell, Column)>,
    fitting: Vec<(usize, u16)>,
}

impl Columns {
    /// Names come with their versions where that costs no telling column.
    fn of(views: &[ProjectionView], names: &[ColumnName], width: u16) -> Self {
        let of = |full| {
            let all = wanted(columns(views, full), names);
            let bare: Vec<Column> = all.iter().map(|(_, c)| *c).collect();
            let fitting = fit(&bare, width);
            Self { all, fitting }
        };
        let full = of(true);
        if full.fitting.len() >= full.all.len().min(7) {
            full
        } else {
            of(false)
        }
    }

    /// The columns that fit, in order, each with its width.
    fn iter(&self) -> impl Iterator<Item = (Cell, Column, u16)> {
        self.fitting.iter().map(|(at, width)| {
            let (cell, column) = self.all[*at];
            (cell, column, *width)
        })
    }
}

fn heading(columns: &Columns, theme: &Theme) -> Line<'static> {
    let mut spans = vec![Span::raw("   ")];
    for (n, (_, column, width)) in columns.iter().enumerate() {
        let title = text::cut(column.title, usize::from(width), theme.glyphs.ellipsis);
        push(
            &mut spans,
            n,
            column.right,
            width,
            vec![own(title, theme.dim)],
        );
    }
    Line::from(spans)
}

/// Adds a cell: its text at the left or right of its width.
fn push(
    spans: &mut Vec<Span<'static>>,
    n: usize,
    right: bool,
    width: u16,
    cell: Vec<Span<'static>>,
) {
    if n > 0 {
        spans.push(Span::raw(" ".repeat(usize::from(SPACE))));
    }
    let used: usize = cell.iter().map(Span::width).sum();
    let space = Span::raw(" ".repeat(usize::from(width).saturating_sub(used)));
    if right {
        spans.push(space);
        spans.extend(cell);
    } else {
        spans.extend(cell);
        spans.push(space);
    }
}

/// The mark before a row: the selection, and a warning.
fn marks(view: &ProjectionView, selected: bool, theme: &Theme) -> Vec<Span<'static>> {
    let chosen = if selected { theme.glyphs.selected } else { " " };
    let warning = if view.breach {
        own(theme.glyphs.breach, theme.bad)
    } else {
        Span::raw(" ")
    };
    vec![own(chosen, theme.title), warning, Span::raw(" ")]
}

fn row(view: &ProjectionView, selected: bool, columns: &Columns, theme: &Theme) -> Line<'static> {
    let mut spans = marks(view, selected, theme);
    for (n, (cell, column, width)) in columns.iter().enumerate() {
        let content = self::cell(cell, view, selected, width, theme);
        push(&mut spans, n, column.right, width, content);
    }
    Line::from(spans)
}

fn cell(
    cell: Cell,
    view: &ProjectionView,
    selected: bool,
    width: u16,
    theme: &Theme,
) -> Vec<Span<'static>> {
    let lag = &view.lag;
    let none = || vec![own(theme.glyphs.none, theme.rule)];
    let quiet = |number: u64| if number == 0 { theme.dim } else { theme.text };
    match cell {
        Cell::Status => {
            let (glyph, word, style) = super::super::words::status(lag.status, theme);
            vec![own(format!("{glyph} {word}"), style)]
        }
        Cell::Name => name(view, selected, width, theme),
        Cell::Policy => {
            let policy = view.policy.to_string();
            vec![own(
                text::cut(&policy, usize::from(width), theme.glyphs.ellipsis),
                theme.text,
            )]
        }
        Cell::Checkpoint => vec![own(text::thousands(view.checkpoint.get()), theme.text)],
        Cell::Gap => vec![own(text::thousands(lag.gap), quiet(lag.gap))],
        Cell::Behind => {
            let least = if lag.behind_exact {
                ""
            } else {
                theme.glyphs.at_least
            };
            vec![own(
                format!("{least}{}", text::thousands(lag.behind)),
                quiet(lag.behind),
            )]
        }
        Cell::Age => age(view, theme),
        Cell::Stored => view.rates.stored.map_or_else(none, |r| rate(r, theme)),
        Cell::Applied => view.rates.applied.map_or_else(none, |r| rate(r, theme)),
        Cell::Eta => match view.eta {
            Some(eta) => vec![own(text::span(eta), theme.text)],
            None if lag.status == Status::Falling => vec![own("never", theme.warn)],
            None => none(),
        },
        Cell::P99 => match view.visibility {
            Some(v) => vec![own(text::span(v.p99), theme.text)],
            None => none(),
        },
        Cell::Parked if view.parked == 0 => none(),
        Cell::Parked => vec![own(text::thousands(view.parked), theme.warn)],
        Cell::History => {
            let limit = view.objective.map(|o| o.as_secs_f32());
            let top = limit.unwrap_or(1.0).max(1.0);
            bar::levels(&view.history, width, top, limit, theme)
        }
    }
}

fn rate(per_second: f64, theme: &Theme) -> Vec<Span<'static>> {
    let shown = text::rate(per_second);
    let style = if shown == "0" { theme.dim } else { theme.text };
    vec![own(shown, style)]
}

fn name(view: &ProjectionView, selected: bool, width: u16, theme: &Theme) -> Vec<Span<'static>> {
    let style = if selected { theme.chosen } else { theme.strong };
    let room = usize::from(width);
    let shown = text::cut(&text::clean(&view.name), room, theme.glyphs.ellipsis);
    let left = room - text::width(&shown);
    let mut spans = vec![own(shown, style)];
    let version = format!("@{}", text::clean(&view.version));
    if text::width(&version) <= left {
        spans.push(own(version, theme.dim));
    }
    spans
}

/// The age beside the objective: aligned at the stroke between them.
fn age(view: &ProjectionView, theme: &Theme) -> Vec<Span<'static>> {
    let age = text::span(view.lag.age);
    let style = match view.objective {
        _ if view.lag.age.is_zero() => theme.dim,
        _ if view.breach => theme.bad,
        Some(objective) if view.lag.age > objective => theme.warn,
        _ => theme.text,
    };
    let limit = match view.objective {
        Some(objective) => format!(" / {:<6}", text::limit(objective)),
        None => " ".repeat(9),
    };
    vec![own(age, style), own(limit, theme.dim)]
}

/// The line under a row that says how far a rebuild is.
fn rebuild(
    view: &ProjectionView,
    selected: bool,
    width: u16,
    keys: &Keymap,
    theme: &Theme,
) -> Line<'static> {
    let Some(rebuild) = &view.rebuild else {
        return Line::default();
    };
    if rebuild.held {
        return held(rebuild, selected, width, keys, theme);
    }
    let bar = match width {
        0..60 => 10,
        60..100 => 20,
        _ => 30,
    };
    let side = if selected { theme.glyphs.selected } else { " " };
    let mut spans = vec![
        own(side, theme.title),
        own(
            format!("    {} rebuild  ", theme.glyphs.rebuild),
            theme.accent,
        ),
    ];
    spans.extend(bar::progress(rebuild.progress(), bar, theme.accent, theme));
    // Cut, not rounded: it never says 100 % before it is done.
    let percent = (rebuild.progress() * 1000.0).floor() / 10.0;
    spans.push(own(format!("  {percent:.1} %"), theme.strong));
    let mut more = Vec::new();
    if rebuild.paused {
        more.push("paused".to_owned());
    }
    if let Some(rate) = rebuild.rate {
        more.push(format!("{} events/s", text::rate(rate)));
    }
    if let Some(eta) = rebuild.eta {
        more.push(format!("ready in {}", text::span(eta)));
    }
    more.push(format!(
        "{} of {}",
        text::thousands(rebuild.checkpoint.get()),
        text::thousands(rebuild.target.get())
    ));
    for part in more {
        let used: usize = spans.iter().map(Span::width).sum();
        if used + 2 + part.len() <= usize::from(width) {
            spans.push(own(format!("  {part}"), theme.dim));
        }
    }
    Line::from(spans)
}

/// The same line where the new version is ready and waits.
fn held(
    rebuild: &RebuildView,
    selected: bool,
    width: u16,
    keys: &Keymap,
    theme: &Theme,
) -> Line<'static> {
    let side = if selected { theme.glyphs.selected } else { " " };
    let mut spans = vec![
        own(side, theme.title),
        own(format!("    {} ", theme.glyphs.rebuild), theme.accent),
    ];
    let paused = if rebuild.paused { "paused" } else { "follows" };
    let parked = match rebuild.parked.count.events {
        0 => String::new(),
        events => format!("{} parked", text::thousands(events)),
    };
    let parts = [
        (
            "new version ready, waits for cutover".to_owned(),
            theme.strong,
        ),
        (text::clean(&rebuild.version).into_owned(), theme.text),
        (
            format!("{paused} at {}", text::thousands(rebuild.checkpoint.get())),
            theme.dim,
        ),
        (parked, theme.warn),
        (
            format!(
                "{} compares, {} cuts over, {} cancels",
                key_of(keys, Action::Diff),
                key_of(keys, Action::CutOver),
                key_of(keys, Action::Cancel)
            ),
            theme.dim,
        ),
    ];
    for (part, style) in parts {
        let used: usize = spans.iter().map(Span::width).sum();
        if !part.is_empty() && used + 2 + part.len() <= usize::from(width) {
            spans.push(own(format!(" {part} "), style));
        }
    }
    Line::from(spans)
}

/// The line under a row that says which faults somebody has injected, so that nobody takes them for real.
fn injected(view: &ProjectionView, selected: bool, width: u16, theme: &Theme) -> Line<'static> {
    let Some(injected) = &view.injected else {
        return Line::default();
    };
    let side = if selected { theme.glyphs.selected } else { " " };
    let words = format!("fault: {injected}");
    let room = usize::from(width).saturating_sub(8);
    let words = text::cut(&text::clean(&words), room, theme.glyphs.ellipsis);
    let left = room.saturating_sub(text::width(&words));
    let end = "  injected; :fault stop ends it";
    let end = if left >= end.len() { end } else { "" };
    Line::from(vec![
        own(side, theme.title),
        Span::raw("    "),
        own(theme.glyphs.breach, theme.held),
        Span::raw(" "),
        own(words, theme.held),
        own(end, theme.dim),
    ])
}

/// The line under a row that says what stopped it.
fn fault(view: &ProjectionView, selected: bool, width: u16, theme: &Theme) -> Line<'static> {
    let Some(fault) = &view.fault else {
        return Line::default();
    };
    let side = if selected { theme.glyphs.selected } else { " " };
    let at = format!(
        "at {} after {}: ",
        text::thousands(fault.position.get()),
        text::count(u64::from(fault.tries), "try", "tries")
    );
    let room = usize::from(width).saturating_sub(8 + at.len());
    let error = fault.error.lines().next().unwrap_or_default();
    let error = text::cut(&text::clean(error), room, theme.glyphs.ellipsis);
    // An injected fault says itself how it is ended.
    let mend = "  mend its file, and it is built anew";
    let fits = text::width(&error) + mend.len() <= room;
    let real = !fault.error.starts_with(INJECTED) && matches!(view.lag.status, Status::Faulted(_));
    let mend = if real && fits { mend } else { "" };
    Line::from(vec![
        own(side, theme.title),
        Span::raw("    "),
        own(theme.glyphs.faulted, theme.bad),
        Span::raw(" "),
        own(at, theme.dim),
        own(error, theme.warn),
        own(mend, theme.dim),
    ])
}

/// The projection drawn at a cell.
pub fn row_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    if !area.contains(at) || at.y < area.y + 2 {
        return None;
    }
    let heights = heights(model);
    let chosen = model.overview.index(&model.snapshot);
    let window = rows::window(&heights, chosen, area.height.saturating_sub(2));
    let mut line = window.start + usize::from(at.y - area.y - 2);
    for (index, height) in heights.iter().enumerate() {
        if line < usize::from(*height) {
            return Some(index);
        }
        line -= usize::from(*height);
    }
    None
}

/// The style of a projection's mark on the log.
pub fn mark_style(view: &ProjectionView, theme: &Theme) -> Style {
    super::super::words::status(view.lag.status, theme).2
}
