//! The last command's ripple: where its events can be seen by now, and how long the rest will take.

use std::time::Duration;

use crate::event::{Position, Timestamp};
use crate::lag::Status;
use crate::workspace::{Policy, ProjectionView, Snapshot};

/// An accepted command, followed through the read models.
#[derive(Debug, Clone, PartialEq)]
pub struct Ripple {
    /// The command's name.
    pub command: String,
    /// Its last event.
    pub position: Position,
    /// When that was stored, as far as known: as the log says, else when the answer came.
    pub stored_at: Timestamp,
    /// Which read models have it, and the longest it can have taken.
    pub seen: Vec<(String, Duration)>,
}

/// How far a command's events are on the way into one read model.
#[derive(Debug, Clone, PartialEq)]
pub enum Reach {
    /// There, within this time.
    Visible(Duration),
    /// It takes at most so much longer, where that can be said.
    Waiting(Option<Duration>),
    /// It comes when somebody asks.
    Held,
    /// It comes when the projection is resumed.
    Paused,
    /// It comes when what stops the projection is mended.
    Stopped(Status),
}

impl Ripple {
    /// A command that was accepted.
    pub fn new(command: String, position: Position, answered_at: Timestamp) -> Self {
        Self {
            command,
            position,
            stored_at: answered_at,
            seen: Vec::new(),
        }
    }

    /// Notes which read models have it by now.
    pub fn see(&mut self, snapshot: &Snapshot) {
        if let Some(event) = snapshot.recent.iter().find(|e| e.position == self.position) {
            self.stored_at = event.recorded_at;
        }
        let took = elapsed(self.stored_at, snapshot.taken_at);
        for view in &snapshot.projections {
            let known = self.seen.iter().any(|(name, _)| *name == view.name);
            if view.checkpoint >= self.position && !known {
                self.seen.push((view.name.clone(), took));
            }
        }
    }

    /// How far it is on the way into one read model.
    pub fn reach(&self, view: &ProjectionView, now: Timestamp) -> Reach {
        if let Some((_, took)) = self.seen.iter().find(|(name, _)| *name == view.name) {
            return Reach::Visible(*took);
        }
        match view.lag.status {
            Status::Paused => Reach::Paused,
            Status::Ahead | Status::Dead | Status::Faulted(_) => Reach::Stopped(view.lag.status),
            _ => match view.policy {
                Policy::Manual => Reach::Held,
                Policy::Sync | Policy::Live | Policy::Rate(_) => Reach::Waiting(view.eta),
                Policy::Batch { or: most, .. } | Policy::Every(most) | Policy::Delay(most) => {
                    let left = most.saturating_sub(elapsed(self.stored_at, now));
                    Reach::Waiting(Some(left.max(view.eta.unwrap_or_default())))
                }
            },
        }
    }
}

/// The time from one moment to another; none where the clock went back.
fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
