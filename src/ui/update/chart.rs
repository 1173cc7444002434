//! The stretch of time that charts show: zoomed and panned.

use super::super::action::Action;
use super::super::state::Model;
use crate::event::Timestamp;

/// Zooms or pans.
pub fn act(model: &mut Model, action: Action) {
    let (now, oldest) = (model.snapshot.taken_at, oldest(model));
    let span = &mut model.overview.span;
    match action {
        Action::Closer | Action::Wider => span.zoom(action == Action::Closer),
        _ => span.pan(action == Action::Earlier, now, oldest),
    }
}

/// Before this there is nothing to see.
fn oldest(model: &Model) -> Timestamp {
    let now = model.snapshot.taken_at;
    let longest = model.snapshot.projections.iter().map(|v| v.history.len());
    let seconds = longest.max().unwrap_or(0) / 2;
    let back = std::time::Duration::from_secs(seconds as u64);
    now.checked_sub(back).unwrap_or(now)
}
