//! The Overview: where every projection stands, the log as a line, lag over time, and the newest events.

pub mod live;
pub mod projections;
pub mod ruler;
mod under;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::chart;
use crate::ui::state::Model;
use crate::ui::state::overview::Pane;
use crate::ui::theme::Theme;
use crate::ui::widgets::rule;

/// The fewest lines of a chart that says something, with its head.
const CHART: u16 = 7;

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    for (pane, area) in areas(model, area) {
        match pane {
            Pane::Projections => projections::draw(model, theme, area, buf),
            Pane::Ruler => ruler::draw(model, theme, area, buf),
            Pane::Chart => lag(model, theme, area, buf),
            Pane::Events => live::draw(model, theme, area, buf),
        }
    }
}

/// The head of a pane; the one that has the keys is marked.
fn panel(model: &Model, pane: Pane, area: Rect, right: &Line<'_>, theme: &Theme, buf: &mut Buffer) {
    let name = match pane {
        Pane::Projections => "Projections",
        Pane::Ruler => "Log",
        Pane::Chart => "Age over time",
        Pane::Events => "Events",
    };
    let has_keys = model.overview.pane() == pane && !model.still;
    rule::pane(buf, area, (name, has_keys), right, theme);
}

/// How old the chosen read model was.
fn lag(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let chosen = model.selected();
    let right = chosen.map_or_else(Line::default, |view| {
        chart::legend(model, view, true, area.width.saturating_sub(24), theme)
    });
    panel(model, Pane::Chart, area, &right, theme, buf);
    let inner = Rect {
        x: area.x + 3,
        y: area.y + 1,
        width: area.width.saturating_sub(5),
        height: area.height.saturating_sub(1),
    };
    if let Some(view) = chosen {
        chart::draw(model, view, chart::Of::Age, theme, inner, buf);
    }
}

/// What is drawn at a cell of the Overview.
pub enum At {
    /// A projection, by its row.
    Row(usize),
    /// A heading, by the column that it sorts.
    Heading(usize),
    /// Anything else of a pane.
    Pane(Pane),
}

/// What is drawn at a cell.
pub fn at(model: &Model, area: Rect, at: Position) -> Option<At> {
    let (pane, area) = areas(model, area).find(|(_, area)| area.contains(at))?;
    if pane == Pane::Projections {
        let row = projections::row_at(model, area, at).map(At::Row);
        let column = || projections::column_at(model, area, at).map(At::Heading);
        return row.or_else(column).or(Some(At::Pane(pane)));
    }
    Some(At::Pane(pane))
}

/// Where the panes stand, from above: those that are shown.
fn areas(model: &Model, area: Rect) -> impl Iterator<Item = (Pane, Rect)> {
    let heights = heights(model, area.height);
    let mut y = area.y;
    let placed = Pane::ALL.map(|pane| {
        let height = heights[pane as usize];
        let part = Rect { y, height, ..area };
        y += height;
        (pane, part)
    });
    placed.into_iter().filter(|(_, area)| area.height > 0)
}

/// Shares out the lines: every projection first, then the ruler; the chart is there where all that leaves enough for
/// it and for some events. A pane that has the keys and found no room takes what is below the projections.
fn heights(model: &Model, rest: u16) -> [u16; 4] {
    let focus = model.overview.pane();
    if model.overview.panes.zoomed {
        return Pane::ALL.map(|pane| if pane == focus { rest } else { 0 });
    }
    let ruler = match rest {
        _ if model.snapshot.head.get() == 0 => 0,
        0..14 => 0,
        14..22 => 5,
        _ => 6,
    };
    let wanted = projections::height(model);
    let events = (rest / 5).max(if rest >= 9 { 3 } else { 0 });
    let projections = wanted
        .min(rest.saturating_sub(ruler + events))
        .max(3)
        .min(rest);
    let below = rest.saturating_sub(ruler + projections);
    let chart = match below.checked_sub(CHART) {
        Some(3..) => (below / 2).clamp(CHART, 11),
        _ => 0,
    };
    // A panel of which only the name would be there helps nobody.
    let (projections, events) = match below - chart {
        1 => (projections + 1, 0),
        events => (projections, events),
    };
    let heights = [projections, ruler, chart, events];
    if heights[focus as usize] > 0 {
        return heights;
    }
    let projections = wanted.min(rest / 2);
    let mut alone = [projections, 0, 0, 0];
    alone[focus as usize] += rest - projections;
    alone
}
