//! The Events screen: the log above, the chosen event and what it belongs to below.

mod causes;
mod detail;
mod list;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::ui::state::Model;
use crate::ui::state::events::{CAUSES, DETAIL, LIST};
use crate::ui::state::panes::Panes;
use crate::ui::theme::Theme;

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let areas = Areas::of(model.events.panes, area);
    list::draw(model, theme, areas.list, buf);
    detail::draw(model, theme, areas.detail, buf);
    causes::draw(model, theme, areas.causes, buf);
}

/// Where the panes stand; one that is not shown is empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Areas {
    /// The rows.
    pub list: Rect,
    /// The chosen event.
    pub detail: Rect,
    /// What caused it, and what it caused.
    pub causes: Rect,
}

impl Areas {
    fn of(panes: Panes, area: Rect) -> Self {
        let only = |pane: usize| {
            let mut areas = Self::default();
            match pane {
                DETAIL => areas.detail = area,
                CAUSES => areas.causes = area,
                _ => areas.list = area,
            }
            areas
        };
        if panes.zoomed || area.height < 9 {
            return only(panes.focus);
        }
        let height = |share: u16| area.height * share / 100;
        let (list, below) = cut(area, height(if area.width < 100 { 45 } else { 50 }));
        if area.width >= 100 {
            let half = area.width / 2;
            let (detail, causes) = (
                Rect {
                    width: half,
                    ..below
                },
                Rect {
                    x: below.x + half,
                    width: below.width - half,
                    ..below
                },
            );
            return Self {
                list,
                detail,
                causes,
            };
        }
        if area.height >= 28 {
            let (detail, causes) = cut(below, below.height / 2);
            return Self {
                list,
                detail,
                causes,
            };
        }
        // Two panes in one column: below is the one that has the keys, or had them last.
        let mut areas = match panes.focus {
            CAUSES => only(CAUSES),
            _ => only(DETAIL),
        };
        areas.list = list;
        if panes.focus == CAUSES {
            areas.causes = below;
        } else {
            areas.detail = below;
        }
        areas
    }

    /// The pane at a cell.
    pub fn at(&self, x: u16, y: u16) -> Option<usize> {
        let panes = [
            (LIST, self.list),
            (DETAIL, self.detail),
            (CAUSES, self.causes),
        ];
        let here = Position::new(x, y);
        panes
            .into_iter()
            .find(|(_, area)| area.contains(here))
            .map(|(pane, _)| pane)
    }
}

fn cut(area: Rect, height: u16) -> (Rect, Rect) {
    let above = Rect { height, ..area };
    let below = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (above, below)
}

/// Where the panes stand on this terminal.
pub fn areas(model: &Model) -> Areas {
    super::body(model).map_or_else(Areas::default, |area| Areas::of(model.events.panes, area))
}

/// What is inside of a pane's area: all but its first line and its last cell.
pub fn inner(area: Rect) -> Rect {
    Rect {
        y: area.y + 1,
        width: area.width.saturating_sub(1),
        height: area.height.saturating_sub(1),
        ..area
    }
}

/// How many rows the list shows.
pub fn rows(model: &Model) -> usize {
    list::rows(areas(model).list)
}

/// The row of the list at a line, by its place.
pub fn row_at(model: &Model, y: u16) -> Option<usize> {
    list::row_at(model, areas(model).list, y)
}

/// The row of the tree at a line, by its place.
pub fn cause_at(model: &Model, y: u16) -> Option<usize> {
    causes::row_at(model, areas(model).causes, y)
}
