//! What keys do on the Overview: the choice of a projection, and how the table is sorted.

use super::super::action::Action;
use super::super::screen::Screen;
use super::super::state::Model;
use super::super::view;
use super::{Effect, chosen, screen};

/// How many rows a page key moves.
const PAGE: usize = 10;

/// An action on the Overview.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let at = model.overview.index(&model.snapshot);
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(PAGE),
        Action::PageDown => at + PAGE,
        Action::First => 0,
        Action::Last => usize::MAX,
        Action::Open => return screen::go(model, Screen::Projection),
        _ => return chosen::act(model, action),
    };
    model.overview.choose(&model.snapshot, to);
    Vec::new()
}

/// A click chooses a row.
pub fn clicked(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    if let Some(row) = view::row_at(model, x, y) {
        model.overview.choose(&model.snapshot, row);
    }
    Vec::new()
}
