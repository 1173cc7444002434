//! The Projection screen: everything about one read model, in panes. Where there is room, how it is and its charts
//! stand at the left, and what is read at the right; else one pane at a time.

mod now;
mod objective;
mod queries;
mod rows;
mod texts;
mod times;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::chart::{self, Of};
use super::page::key_of;
use super::words::{own, status};
use super::{put, put_cut, put_right};
use crate::ui::action::Action;
use crate::ui::state::Model;
use crate::ui::state::projection::Pane;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::flow::{self, Piece};
use crate::ui::widgets::rule;
use crate::workspace::ProjectionView;

/// From this size on there are two columns.
const TWO_COLUMNS: (u16, u16) = (100, 20);

/// The lines of a chart that can be read, with its name and its times.
const CHART: u16 = 7;

/// What is drawn at a cell.
pub enum At {
    /// A pane, or its name.
    Pane(Pane),
    /// A row of a pane in which one is chosen.
    Row(Pane, usize),
}

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(view) = model.selected() else {
        let words = "   There is no projection yet: put one SQL file for each into projections/.";
        put_cut(buf, area, 1, &Line::from(own(words, theme.dim)), theme);
        return;
    };
    let layout = Layout::of(model, area);
    title(model, view, theme, layout.title, buf);
    names(model, view, theme, layout.names, buf);
    for (at, area) in layout.panes {
        pane(model, view, at, theme, area, buf);
    }
}

/// The panes that are shown.
pub fn shown(model: &Model, area: Rect) -> Vec<Pane> {
    let panes = Layout::of(model, area).panes;
    panes.into_iter().map(|(pane, _)| pane).collect()
}

/// How many lines, or rows, the pane that has the keys has.
pub fn length(model: &Model, area: Rect) -> usize {
    let focus = model.projection.pane();
    let layout = Layout::of(model, area);
    let area = layout.panes.iter().find(|(pane, _)| *pane == focus);
    let (Some(view), Some((_, area))) = (model.selected(), area) else {
        return 0;
    };
    let inner = inside(*area);
    match focus {
        Pane::Charts | Pane::Times => 0,
        Pane::Rows => rows::count(model),
        Pane::Queries => view.queries.len(),
        Pane::Parked => texts::parked_count(model),
        _ => {
            let lines = lines(model, view, focus, &Theme::monochrome(), inner.width);
            let (below, height) = (lines.len(), usize::from(inner.height));
            // Scrolled to the end, the last line is at the bottom.
            (below + 1).saturating_sub(height)
        }
    }
}

/// What is drawn at a cell.
pub fn at(model: &Model, area: Rect, at: Position) -> Option<At> {
    let layout = Layout::of(model, area);
    if layout.names.contains(at) {
        return name_at(model, layout.names, at.x).map(At::Pane);
    }
    let (pane, area) = layout.panes.iter().find(|(_, area)| area.contains(at))?;
    let inner = inside(*area);
    let row = match pane {
        Pane::Rows if inner.contains(at) => rows::row_at(model, inner, at.y),
        Pane::Queries if inner.contains(at) => queries::row_at(model, inner, at.y),
        _ => None,
    };
    Some(row.map_or(At::Pane(*pane), |row| At::Row(*pane, row)))
}

/// Where everything stands.
struct Layout {
    title: Rect,
    names: Rect,
    panes: Vec<(Pane, Rect)>,
}

impl Layout {
    fn of(model: &Model, area: Rect) -> Self {
        let line = |y: u16| Rect {
            y: area.y + y.min(area.height),
            height: area.height.saturating_sub(y).min(1),
            ..area
        };
        let body = Rect {
            y: area.y + 2.min(area.height),
            height: area.height.saturating_sub(2),
            ..area
        };
        let focus = model.projection.pane();
        let alone = model.projection.panes.zoomed || !has_room(area);
        let panes = if alone {
            vec![(focus, body)]
        } else {
            columns(model, body)
        };
        Self {
            title: line(0),
            names: line(1),
            panes,
        }
    }
}

/// Whether there is room for more than one pane.
pub const fn has_room(area: Rect) -> bool {
    area.width >= TWO_COLUMNS.0 && area.height >= TWO_COLUMNS.1
}

/// How it is and its charts at the left, what is read at the right.
fn columns(model: &Model, body: Rect) -> Vec<(Pane, Rect)> {
    let left = body.width * 9 / 20;
    let wanted = model.selected().map_or(0, |view| {
        let theme = Theme::monochrome();
        lines(model, view, Pane::Now, &theme, left - MARGIN).len() + 1
    });
    let most = body.height.saturating_sub(CHART + 1);
    let upper = u16::try_from(wanted).unwrap_or(most).min(most);
    let now = Rect {
        width: left,
        height: upper,
        ..body
    };
    let charts = Rect {
        y: body.y + upper,
        height: body.height - upper,
        ..now
    };
    let right = Rect {
        x: body.x + left + 1,
        width: body.width - left - 1,
        ..body
    };
    vec![
        (Pane::Now, now),
        (Pane::Charts, charts),
        (model.projection.beside, right),
    ]
}

/// The cells at both sides of what is in a pane.
const MARGIN: u16 = 3;

/// What is inside a pane, under its head.
fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 2.min(area.width),
        y: area.y + 1.min(area.height),
        width: area.width.saturating_sub(MARGIN),
        height: area.height.saturating_sub(1),
    }
}

/// Which projection, and where it stands.
fn title(model: &Model, view: &ProjectionView, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let (glyph, word, style) = status(view.lag.status, theme);
    let mut line = Line::from(vec![
        Span::raw(" "),
        own(format!("{glyph} {word}  "), style),
        own(text::clean(&view.name).into_owned(), theme.chosen),
        own(format!("@{}", text::clean(&view.version)), theme.dim),
    ]);
    let mut pieces: Vec<Piece> = vec![vec![own(format!("  {}", view.kept()), theme.text)]];
    if view.breach {
        let words = format!("{} objective breached", theme.glyphs.breach);
        pieces.push(vec![own(words, theme.bad)]);
    }
    if let Some(rebuild) = &view.rebuild {
        // Cut, not rounded: it never says 100 % before it is done.
        let percent = (rebuild.progress() * 1000.0).floor() / 10.0;
        let words = match rebuild.held {
            true => format!("{} a new version waits", theme.glyphs.rebuild),
            false => format!("{} rebuild {percent:.1} %", theme.glyphs.rebuild),
        };
        pieces.push(vec![own(words, theme.accent)]);
    }
    if let Some(injected) = &view.injected {
        let words = format!("fault: {injected}");
        pieces.push(vec![own(text::clean(&words).into_owned(), theme.held)]);
    }
    if !view.description.is_empty() {
        pieces.push(vec![own(
            text::clean(&view.description).into_owned(),
            theme.dim,
        )]);
    }
    let views = &model.snapshot.projections;
    let place = views.iter().position(|other| other.name == view.name);
    let right = Line::from(own(
        format!(
            "{} of {}  {} {} ",
            place.unwrap_or(0) + 1,
            views.len(),
            key_of(&model.keys, Action::OneBefore),
            key_of(&model.keys, Action::NextOne)
        ),
        theme.dim,
    ));
    let room = usize::from(area.width).saturating_sub(line.width() + right.width() + 2);
    let room = u16::try_from(room).unwrap_or(u16::MAX);
    line.spans
        .extend(flow::one_line(pieces, &Span::raw("  "), room).spans);
    put(buf, area, 0, &line);
    put_right(buf, area, 0, line.width(), &right);
}

/// A pane's name, and how much is in it, where that says something.
fn name(view: &ProjectionView, pane: Pane) -> String {
    match pane {
        Pane::Parked if view.parked > 0 => {
            format!("{} {}", pane.name(), text::thousands(view.parked))
        }
        _ => pane.name().to_owned(),
    }
}

/// The names of the panes that fit, from the first on, or so that the one with the keys is among them.
fn named(model: &Model, view: &ProjectionView, width: u16) -> Vec<(Pane, String)> {
    let mut all: Vec<(Pane, String)> = Pane::ALL
        .into_iter()
        .map(|pane| (pane, name(view, pane)))
        .collect();
    let wide = |all: &[(Pane, String)]| -> usize {
        all.iter().map(|(_, name)| text::width(name) + 2).sum()
    };
    let focus = model.projection.pane();
    while wide(&all) > usize::from(width) && all.len() > 1 {
        if all[0].0 == focus {
            all.pop();
        } else {
            all.remove(0);
        }
    }
    all
}

fn names(model: &Model, view: &ProjectionView, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let focus = model.projection.pane();
    let named = named(model, view, area.width.saturating_sub(1));
    let is_cut = |at: Option<&(Pane, String)>, end: Pane| at.is_some_and(|(pane, _)| *pane != end);
    let before = is_cut(named.first(), Pane::Now);
    let after = is_cut(named.last(), Pane::Operations);
    let mark = |cut| own(if cut { theme.glyphs.ellipsis } else { " " }, theme.dim);
    let mut line = Line::from(mark(before));
    for (pane, name) in named {
        let style = match pane {
            _ if pane == focus => theme.chosen,
            Pane::Parked if view.parked > 0 => theme.warn,
            _ => theme.dim,
        };
        line.push_span(own(name, style));
        line.push_span(Span::raw("  "));
    }
    if after {
        line.spans.pop();
        line.push_span(Span::raw(" "));
        line.push_span(mark(true));
    }
    let used = line.width();
    put(buf, area, 0, &line);
    let words = format!(
        "{} turns the panes, {} zooms ",
        "Tab",
        key_of(&model.keys, Action::Zoom)
    );
    put_right(buf, area, 0, used, &Line::from(own(words, theme.dim)));
}

fn name_at(model: &Model, area: Rect, x: u16) -> Option<Pane> {
    let view = model.selected()?;
    let mut from = usize::from(area.x) + 1;
    let all = named(model, view, area.width.saturating_sub(1));
    all.into_iter().find_map(|(pane, name)| {
        let wide = text::width(&name);
        let is_it = (from..from + wide).contains(&usize::from(x));
        from += wide + 2;
        is_it.then_some(pane)
    })
}

/// Draws a pane with its head.
fn pane(
    model: &Model,
    view: &ProjectionView,
    at: Pane,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let has_keys = model.projection.pane() == at;
    let right = match at {
        Pane::Charts => chart::legend(model, view, false, area.width.saturating_sub(30), theme),
        Pane::Rows => rows::right(model, theme, area.width),
        Pane::Sql => texts::built_from(model, theme),
        _ => Line::default(),
    };
    rule::pane(buf, area, (&head(at, view), has_keys), &right, theme);
    let inner = inside(area);
    match at {
        Pane::Charts => charts(model, view, theme, inner, buf),
        Pane::Times => times::draw(view, theme, inner, buf),
        Pane::Rows => rows::draw(model, theme, inner, buf),
        Pane::Queries => queries::draw(model, view, theme, inner, buf),
        Pane::Parked => texts::parked(model, theme, inner, buf),
        _ => {
            let lines = lines(model, view, at, theme, inner.width);
            let last = lines.len().saturating_sub(usize::from(inner.height));
            let above = model.projection.scroll[at as usize].min(last);
            for (row, line) in (0..inner.height).zip(lines.iter().skip(above)) {
                put_cut(buf, inner, row, line, theme);
            }
        }
    }
}

/// The head of a pane, in words.
fn head(pane: Pane, view: &ProjectionView) -> String {
    match pane {
        Pane::Now => "Now, and why".to_owned(),
        Pane::Charts => "Age and gap over time".to_owned(),
        Pane::Times => "Where the time goes".to_owned(),
        Pane::Objective => "Objective".to_owned(),
        Pane::Rows => "Rows".to_owned(),
        Pane::Queries => "Queries".to_owned(),
        Pane::Sql => "What it was built from".to_owned(),
        Pane::Parked => name(view, Pane::Parked),
        Pane::Operations => "Who asked what of it".to_owned(),
    }
}

/// The lines of a pane that is text.
fn lines(
    model: &Model,
    view: &ProjectionView,
    pane: Pane,
    theme: &Theme,
    width: u16,
) -> Vec<Line<'static>> {
    let width = usize::from(width);
    match pane {
        Pane::Now => now::lines(model, view, theme, width),
        Pane::Objective => objective::lines(model, view, theme, width),
        Pane::Sql => texts::definition(model, theme, width),
        Pane::Operations => texts::operations(model, theme, width),
        _ => Vec::new(),
    }
}

/// The charts under each other: as many as find room.
fn charts(model: &Model, view: &ProjectionView, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let all = [
        (Of::Age, "age"),
        (Of::Gap, "gap, in positions"),
        (Of::P99, "99 of 100 visible after"),
    ];
    // One that can be read is worth more than two that cannot.
    let most = u16::try_from(all.len()).unwrap_or(1);
    let count = (area.height / CHART).clamp(1, most);
    let height = area.height / count;
    for (nth, (of, words)) in (0..count).zip(all) {
        let part = Rect {
            y: area.y + nth * height,
            height,
            ..area
        };
        put(buf, part, 0, &Line::from(own(words, theme.dim)));
        let part = Rect {
            y: part.y + 1,
            height: part.height.saturating_sub(1),
            ..part
        };
        chart::draw(model, view, of, theme, part, buf);
    }
}
