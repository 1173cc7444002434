//! The stretch of time that charts show: zoomed and panned.

use super::super::action::Action;
use super::super::state::Model;

/// Zooms or pans.
pub fn act(model: &mut Model, action: Action) {
    let now = model.snapshot.taken_at;
    // Before the first picture there is nothing to see.
    let oldest = model.lagging.began().unwrap_or(now);
    let span = &mut model.overview.span;
    match action {
        Action::Closer | Action::Wider => span.zoom(action == Action::Closer),
        _ => span.pan(action == Action::Earlier, now, oldest),
    }
}
