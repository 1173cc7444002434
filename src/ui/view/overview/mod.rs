//! The Overview: where every projection stands, the log as a line, and the newest events.

pub mod live;
pub mod projections;
pub mod ruler;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::ui::state::Model;
use crate::ui::theme::Theme;

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let areas = Areas::of(model, area);
    projections::draw(model, theme, areas.projections, buf);
    ruler::draw(model, theme, areas.ruler, buf);
    live::draw(model, theme, areas.events, buf);
}

/// The projection drawn at a cell, by its place.
pub fn row_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    projections::row_at(model, Areas::of(model, area).projections, at)
}

/// Where the parts of the Overview stand.
#[derive(Debug, Clone, Copy, Default)]
struct Areas {
    projections: Rect,
    ruler: Rect,
    events: Rect,
}

impl Areas {
    /// Shares out the lines: every projection first, then the ruler, the events take the rest.
    fn of(model: &Model, area: Rect) -> Self {
        let rest = area.height;
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
        // A panel of which only the name would be there helps nobody.
        let (projections, events) = match rest.saturating_sub(ruler + projections) {
            1 => (projections + 1, 0),
            events => (projections, events),
        };
        let mut y = area.y;
        let mut next = |height: u16| {
            let part = Rect { y, height, ..area };
            y += height;
            part
        };
        Self {
            projections: next(projections),
            ruler: next(ruler),
            events: next(events),
        }
    }
}
