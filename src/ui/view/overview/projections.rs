//! The table of projections: where each stands and how late it is, the most telling columns first.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::put;
use super::super::words::own;
use super::under::{self, Under, under};
use crate::lag::Status;
use crate::ui::action::Action;
use crate::ui::columns::{ColumnName as By, wanted};
use crate::ui::state::overview::Pane;
use crate::ui::state::{Layer, Model};
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::columns::{Column, SPACE, fit, marked};
use crate::ui::widgets::flow::{self, Piece};
use crate::ui::widgets::{bar, rows};
use crate::workspace::ProjectionView;

/// From so many cells on there is room for policies in more words without the line of ages getting short.
const WIDE: u16 = 140;

/// The columns in their order, for so many cells, with the width that the names and policies there are need.
fn columns(views: &[ProjectionView], full: bool, width: u16) -> Vec<(By, Column)> {
    let longest = |of: &dyn Fn(&ProjectionView) -> usize, least: usize, most: usize| {
        let widest = views.iter().map(of).max().unwrap_or(0);
        u16::try_from(widest.clamp(least, most)).unwrap_or(u16::MAX)
    };
    let name = longest(
        &|v| text::width(&v.name) + if full { text::width(&v.version) + 1 } else { 0 },
        10,
        if full { 34 } else { 18 },
    );
    let shown = longest(&|v| v.policy.to_string().len(), 6, 18);
    // What is left over shows long names whole before the line of ages grows.
    let whole = [
        longest(&|v| text::width(&v.name), 10, 34).max(name),
        longest(
            &|v| {
                let most = if width >= WIDE { usize::MAX } else { 18 };
                policy(v, most).len()
            },
            6,
            24,
        ),
    ];
    let checkpoint = longest(&|v| text::thousands(v.checkpoint.get()).len(), 10, 15);
    let gap = longest(&|v| text::thousands(v.lag.gap).len(), 4, 13);
    let behind = longest(&|v| text::thousands(v.lag.behind).len() + 1, 6, 14);
    let column = |by: By, width, rank, right| {
        let column = Column {
            title: by.title(),
            width,
            grows: match by {
                By::Name => Some(whole[0]),
                By::Policy => Some(whole[1]),
                _ => None,
            },
            rank,
            right,
        };
        (by, column)
    };
    // Where nobody is late the time to catch up says nothing, and how fast it is says most.
    let late = views
        .iter()
        .any(|v| v.eta.is_some() || v.lag.status == Status::Falling);
    let mut all = vec![
        column(By::Status, 13, 2, false),
        column(By::Name, name, 1, false),
        column(By::Policy, shown, 5, false),
        column(By::Checkpoint, checkpoint, 7, true),
        column(By::Gap, gap, 4, true),
        column(By::Behind, behind, 12, true),
        column(By::Age, 15, 3, true),
        column(By::Stored, 5, 11, true),
        column(By::Applied, 6, 8, true),
        column(By::Eta, 6, if late { 9 } else { 10 }, true),
        column(By::P99, 5, if late { 10 } else { 9 }, true),
    ];
    if views.iter().any(|v| v.parked > 0) {
        all.push(column(By::Parked, 7, 7, true));
    }
    let history = Column {
        title: By::History.title(),
        width: 8,
        grows: Some(30),
        rank: 6,
        right: false,
    };
    all.push((By::History, history));
    all
}

/// How many lines the whole table would take, with its head.
pub fn height(model: &Model) -> u16 {
    let order = model.overview.order(&model.snapshot);
    let lines: u16 = heights(model, &order).iter().sum();
    lines.saturating_add(2).max(4)
}

/// The lines each projection that is shown takes: one, and those under it.
fn heights(model: &Model, order: &[usize]) -> Vec<u16> {
    let height = |at: &usize| {
        let under = under(&model.snapshot.projections[*at]).count();
        1 + u16::try_from(under).unwrap_or(u16::MAX)
    };
    order.iter().map(height).collect()
}

/// The columns that are shown in so many cells, by what they sort, while it is not sorted.
pub fn sortable(model: &Model, width: u16) -> Vec<usize> {
    let columns = Columns::sorted(model, width.saturating_sub(3), None);
    columns.iter().filter_map(|(by, ..)| by.sorts()).collect()
}

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let views = &model.snapshot.projections;
    let order = model.overview.order(&model.snapshot);
    let room = area.height.saturating_sub(2);
    let heights = heights(model, &order);
    let chosen = model.overview.row(&model.snapshot, &order);
    let window = rows::window(&heights, chosen, room);
    let total: usize = heights.iter().map(|h| usize::from(*h)).sum();
    let place = (window.len() < total).then_some(chosen + 1);
    let right = right(model, (order.len(), place), area.width, theme);
    super::panel(model, Pane::Projections, area, &right, theme, buf);
    if views.is_empty() {
        nothing(theme, area, buf);
        return;
    }
    let width = area.width.saturating_sub(3);
    let columns = Columns::of(model, width);
    put(buf, area, 1, &heading(model, &columns, theme));
    if order.is_empty() {
        let esc = model.keys.of(Action::Close);
        let words = match model.layers.last() {
            Some(Layer::Filter(_)) => {
                format!("   No projection fits the filter: {esc} takes back what is typed.")
            }
            _ => format!("   No projection fits the filter: {esc} takes it away."),
        };
        put(buf, area, 2, &Line::from(own(words, theme.dim)));
    }
    let mut at = 0;
    for (index, height) in heights.iter().enumerate() {
        let view = &views[order[index]];
        let selected = index == chosen && !model.still;
        for part in 0..usize::from(*height) {
            if window.contains(&at) {
                let line = match part.checked_sub(1).and_then(|n| under(view).nth(n)) {
                    None => row(view, selected, &columns, theme),
                    Some(Under::Rebuild) => {
                        under::rebuild(view, selected, area.width, &model.keys, theme)
                    }
                    Some(Under::Injected) => under::injected(view, selected, area.width, theme),
                    Some(Under::Fault) => under::fault(view, selected, area.width, theme),
                };
                let y = u16::try_from(at - window.start).unwrap_or(u16::MAX);
                put(buf, area, y.saturating_add(2), &line);
            }
            at += 1;
        }
    }
}

/// How many are shown, of how many, and how they are narrowed and sorted, as far as there is room.
fn right(
    model: &Model,
    (shown, place): (usize, Option<usize>),
    width: u16,
    theme: &Theme,
) -> Line<'static> {
    let all = model.snapshot.projections.len();
    let table = &model.overview.table;
    let mut pieces: Vec<Piece> = Vec::new();
    if all > 0 {
        let words = match place {
            Some(place) => format!("row {place} of {shown}"),
            None if shown < all => format!("{shown} of {all} fit"),
            None => all.to_string(),
        };
        pieces.push(vec![own(words, theme.dim)]);
    }
    if !table.filter.text().is_empty() {
        let words = format!("/{}", text::clean(table.filter.text()));
        pieces.push(vec![own(words, theme.warn)]);
    }
    if let Some(sort) = table.sort {
        let title = By::ALL[sort.column].title();
        let words = format!("by {title} {}", theme.glyphs.order(sort.descending));
        pieces.push(vec![own(words, theme.dim)]);
    }
    flow::one_line(pieces, &Span::raw("   "), width.saturating_sub(20))
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
    all: Vec<(By, Column)>,
    fitting: Vec<(usize, u16)>,
}

impl Columns {
    /// Names come with their versions where that costs no column.
    fn of(model: &Model, width: u16) -> Self {
        let sort = model.overview.table.sort;
        Self::sorted(model, width, sort.map(|sort| By::at(sort.column)))
    }

    /// The same, as if it were sorted by a column.
    fn sorted(model: &Model, width: u16, sort: Option<By>) -> Self {
        let views = &model.snapshot.projections;
        let of = |full| {
            let mut all = wanted(columns(views, full, width), &model.columns);
            for (by, column) in &mut all {
                if sort == Some(*by) {
                    *column = marked(*column);
                }
            }
            let bare: Vec<Column> = all.iter().map(|(_, c)| *c).collect();
            let fitting = fit(&bare, width);
            Self { all, fitting }
        };
        let (full, bare) = (of(true), of(false));
        let has = |place: usize| full.fitting.iter().any(|(at, _)| *at == place);
        if bare.fitting.iter().all(|(at, _)| has(*at)) {
            full
        } else {
            bare
        }
    }

    /// The columns that fit, in order, each with its width.
    fn iter(&self) -> impl Iterator<Item = (By, Column, u16)> {
        self.fitting.iter().map(|(at, width)| {
            let (by, column) = self.all[*at];
            (by, column, *width)
        })
    }
}

fn heading(model: &Model, columns: &Columns, theme: &Theme) -> Line<'static> {
    let mut spans = vec![Span::raw("   ")];
    for (n, (by, column, width)) in columns.iter().enumerate() {
        let sort = model.overview.table.sort;
        let mark = match sort {
            Some(sort) if By::at(sort.column) == by => theme.glyphs.order(sort.descending),
            _ => "",
        };
        let room = usize::from(width).saturating_sub(text::width(mark));
        let title = text::cut(column.title, room, theme.glyphs.ellipsis);
        let title = format!("{title}{mark}");
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

/// When it applies events; and of one that is folded in memory, how often it is stored, as briefly as it has to be.
fn policy(view: &ProjectionView, width: usize) -> String {
    let whole = view.kept();
    if whole.len() <= width || view.stored_within.is_zero() {
        return whole;
    }
    let within = text::limit(view.stored_within);
    let brief = format!("{}, within {within}", view.policy);
    if brief.len() <= width {
        brief
    } else {
        view.policy.to_string()
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
    for (n, (by, column, width)) in columns.iter().enumerate() {
        let content = cell(by, view, selected, width, theme);
        push(&mut spans, n, column.right, width, content);
    }
    Line::from(spans)
}

fn cell(
    by: By,
    view: &ProjectionView,
    selected: bool,
    width: u16,
    theme: &Theme,
) -> Vec<Span<'static>> {
    let lag = &view.lag;
    let none = || vec![own(theme.glyphs.none, theme.rule)];
    let quiet = |number: u64| if number == 0 { theme.dim } else { theme.text };
    match by {
        By::Status => {
            let (glyph, word, style) = super::super::words::status(lag.status, theme);
            vec![own(format!("{glyph} {word}"), style)]
        }
        By::Name => name(view, selected, width, theme),
        By::Policy => {
            let policy = policy(view, usize::from(width));
            vec![own(
                text::cut(&policy, usize::from(width), theme.glyphs.ellipsis),
                theme.text,
            )]
        }
        By::Checkpoint => vec![own(text::thousands(view.checkpoint.get()), theme.text)],
        // A gap in which nothing concerns it is nothing to look at.
        By::Gap => {
            let style = if lag.behind == 0 && lag.behind_exact {
                theme.dim
            } else {
                quiet(lag.gap)
            };
            vec![own(text::thousands(lag.gap), style)]
        }
        By::Behind => {
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
        By::Age => age(view, theme),
        By::History => history(view, width, theme),
        By::Stored => view.rates.stored.map_or_else(none, |r| rate(r, theme)),
        By::Applied => view.rates.applied.map_or_else(none, |r| rate(r, theme)),
        By::Eta => match view.eta {
            Some(eta) => vec![own(text::span(eta), theme.text)],
            None if lag.status == Status::Falling => vec![own("never", theme.warn)],
            None => none(),
        },
        By::P99 => match view.visibility {
            Some(v) => vec![own(text::span(v.p99), theme.text)],
            None => none(),
        },
        By::Parked if view.parked == 0 => none(),
        By::Parked => vec![own(text::thousands(view.parked), theme.warn)],
    }
}

/// Its age over the last minute.
fn history(view: &ProjectionView, width: u16, theme: &Theme) -> Vec<Span<'static>> {
    let limit = view.objective.map(|o| o.as_secs_f32());
    let top = limit.unwrap_or(1.0).max(1.0);
    bar::levels(&view.history, width, top, limit, theme)
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

/// The projection drawn at a cell, by its row.
pub fn row_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    if !area.contains(at) || at.y < area.y + 2 {
        return None;
    }
    let order = model.overview.order(&model.snapshot);
    let heights = heights(model, &order);
    let chosen = model.overview.row(&model.snapshot, &order);
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

/// The column whose heading is drawn at a cell, by what it sorts.
pub fn column_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    if !area.contains(at) || at.y != area.y + 1 {
        return None;
    }
    let columns = Columns::of(model, area.width.saturating_sub(3));
    let mut from = area.x + 3;
    for (by, _, width) in columns.iter() {
        if (from..from + width).contains(&at.x) {
            return by.sorts();
        }
        from += width + SPACE;
    }
    None
}

/// The style of a projection's mark on the log.
pub fn mark_style(view: &ProjectionView, theme: &Theme) -> Style {
    super::super::words::status(view.lag.status, theme).2
}
