//! The last command's ripple: where its events can be seen by now, and how long the rest will take.

use std::time::Duration;

use crate::event::{Position, Timestamp};
use crate::lag::Status;
use crate::workspace::{Policy, ProjectionView, Snapshot, Without};

/// An accepted command, followed through the read models.
#[derive(Debug, Clone, PartialEq)]
pub struct Ripple {
    /// The command's name.
    pub command: String,
    /// The first of its events, as far as known.
    pub first: Position,
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
    /// It could not be applied and is set aside, until somebody has it tried again or skips it.
    Parked,
    /// Somebody decided that it does not come.
    Skipped,
}

/// Whether a read model has an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Has {
    /// It shows what there is to show of it.
    Yes,
    /// It comes by itself, or when somebody lets it.
    NotYet,
    /// It was passed without being applied: it is parked.
    Parked,
    /// It was passed without being applied: somebody skipped it.
    Skipped,
}

impl From<Without> for Has {
    fn from(why: Without) -> Self {
        match why {
            Without::Parked => Self::Parked,
            Without::Skipped => Self::Skipped,
        }
    }
}

/// Whether a read model has an event: its checkpoint is there, or it lacks nothing that it subscribes to. (Where
/// nothing concerns it, the checkpoint follows the head a little later.) What is parked or skipped it does not have,
/// wherever its checkpoint is.
pub fn has(view: &ProjectionView, snapshot: &Snapshot, position: Position) -> Has {
    has_all(view, snapshot, (position, position))
}

/// The same of all events of a commit, from the first to the last.
fn has_all(view: &ProjectionView, snapshot: &Snapshot, (first, last): (Position, Position)) -> Has {
    // Positions of another log say nothing about this one.
    if view.lag.status == Status::Ahead {
        return Has::NotYet;
    }
    match view.passed_by.among(first, last) {
        Some(why) => why.into(),
        None if view.checkpoint >= last || snapshot.head >= last && lacks(view) == 0 => Has::Yes,
        None => Has::NotYet,
    }
}

/// How far the checkpoint is behind the head; 0 where none of what is between concerns the read model.
pub fn lacks(view: &ProjectionView) -> u64 {
    if view.lag.behind == 0 && view.lag.behind_exact {
        0
    } else {
        view.lag.gap
    }
}

impl Ripple {
    /// A command that was accepted.
    pub fn new(command: String, position: Position, answered_at: Timestamp) -> Self {
        Self {
            command,
            first: position,
            position,
            stored_at: answered_at,
            seen: Vec::new(),
        }
    }

    /// Notes which read models have it by now.
    pub fn see(&mut self, snapshot: &Snapshot) {
        let mut recent = snapshot.recent.iter().rev();
        if let Some(event) = recent.find(|e| e.position == self.position) {
            self.stored_at = event.recorded_at;
            let of_the_commit = recent
                .take_while(|e| e.stream == event.stream && e.recorded_at == event.recorded_at);
            self.first = of_the_commit.last().unwrap_or(event).position;
        }
        let took = elapsed(self.stored_at, snapshot.taken_at);
        for view in &snapshot.projections {
            let known = self.seen.iter().any(|(name, _)| *name == view.name);
            let has = has_all(view, snapshot, (self.first, self.position));
            if has == Has::Yes && !known {
                self.seen.push((view.name.clone(), took));
            }
        }
    }

    /// How far it is on the way into one read model.
    pub fn reach(&self, view: &ProjectionView, now: Timestamp) -> Reach {
        match view.passed_by.among(self.first, self.position) {
            Some(Without::Parked) => return Reach::Parked,
            Some(Without::Skipped) => return Reach::Skipped,
            None => {}
        }
        if let Some((_, took)) = self.seen.iter().find(|(name, _)| *name == view.name) {
            return Reach::Visible(*took);
        }
        match view.lag.status {
            Status::Paused => Reach::Paused,
            Status::Ahead | Status::Dead | Status::Faulted(_) => Reach::Stopped(view.lag.status),
            _ => match view.policy {
                Policy::Manual => Reach::Held,
                Policy::Sync | Policy::Live | Policy::Rate(_) if view.stored_within.is_zero() => {
                    Reach::Waiting(view.eta)
                }
                // More than what it may take can only be told from how fast it is.
                Policy::Rate(_) if view.eta.is_none() => Reach::Waiting(None),
                Policy::Sync | Policy::Live | Policy::Rate(_) => {
                    let left = view
                        .stored_within
                        .saturating_sub(elapsed(self.stored_at, now));
                    Reach::Waiting(Some(left.max(view.eta.unwrap_or_default())))
                }
                Policy::Batch { or: most, .. } | Policy::Every(most) | Policy::Delay(most) => {
                    let most = most.saturating_add(view.stored_within);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::testing::{HEAD, late, normal, now, projection};
    use super::*;
    use crate::workspace::PassedBy;

    #[test]
    fn a_read_model_that_nothing_concerns_lacks_nothing_before_its_checkpoint_follows() {
        let snapshot = normal();
        let mut view = late("stock", "live", Status::Live, 40, Duration::ZERO);
        let head = Position::new(HEAD);
        assert_eq!(has(&view, &snapshot, head), Has::NotYet);
        assert_eq!(lacks(&view), 40);
        view.lag.behind = 0;
        assert_eq!(has(&view, &snapshot, head), Has::Yes);
        assert_eq!(lacks(&view), 0);
        // What the snapshot does not know of yet may concern it.
        assert_eq!(has(&view, &snapshot, head.next()), Has::NotYet);
        // Nothing counted so far is not nothing.
        view.lag.behind_exact = false;
        assert_eq!(has(&view, &snapshot, head), Has::NotYet);
    }

    #[test]
    fn what_is_parked_or_skipped_is_not_there_wherever_the_checkpoint_is() {
        let snapshot = normal();
        let mut view = projection("order_search", "live");
        let head = Position::new(HEAD);
        let mut ripple = Ripple::new("PlaceOrder".into(), head, now());
        for (why, expected, reach) in [
            (Without::Parked, Has::Parked, Reach::Parked),
            (Without::Skipped, Has::Skipped, Reach::Skipped),
        ] {
            view.passed_by = Arc::new(PassedBy::new(vec![(head, why)]));
            assert_eq!(has(&view, &snapshot, head), expected);
            assert_eq!(has(&view, &snapshot, Position::new(HEAD - 1)), Has::Yes);
            let mut snapshot = snapshot.clone();
            snapshot.projections = vec![view.clone()];
            ripple.see(&snapshot);
            assert_eq!(ripple.seen, []);
            assert_eq!(ripple.reach(&view, now()), reach);
        }
        // An event of the same commit, before its last one.
        ripple.first = Position::new(HEAD - 2);
        let parked = vec![(Position::new(HEAD - 1), Without::Parked)];
        view.passed_by = Arc::new(PassedBy::new(parked));
        assert_eq!(ripple.reach(&view, now()), Reach::Parked);
        view.passed_by = Arc::default();
        assert!(matches!(ripple.reach(&view, now()), Reach::Waiting(_)));
    }

    #[test]
    fn what_is_left_to_wait_follows_from_the_policy() {
        let mut ripple = Ripple::new("PlaceOrder".into(), Position::new(HEAD + 1), now());
        ripple.see(&normal());
        let later = now() + jiff::SignedDuration::from_millis(1_500);
        let reach = |policy, status| {
            let view = late("x", policy, status, 10, Duration::ZERO);
            ripple.reach(&view, later)
        };
        let left = |ms| Reach::Waiting(Some(Duration::from_millis(ms)));
        assert_eq!(reach("every 2s", Status::Waiting), left(500));
        assert_eq!(reach("batch 9 or 5s", Status::Waiting), left(3_500));
        assert_eq!(reach("delay 1s", Status::Waiting), left(0));
        assert_eq!(reach("live", Status::Live), Reach::Waiting(None));
        let mut memory = late("x", "live", Status::Live, 10, Duration::ZERO);
        memory.stored_within = Duration::from_secs(2);
        assert_eq!(ripple.reach(&memory, later), left(500), "in the file later");
        assert_eq!(reach("manual", Status::Waiting), Reach::Held);
        assert_eq!(reach("manual", Status::Paused), Reach::Paused);
        assert_eq!(reach("live", Status::Dead), Reach::Stopped(Status::Dead));
    }
}
