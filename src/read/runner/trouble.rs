//! An event that cannot be applied: found in its page, tried alone, and stopped at.

use std::time::Duration;

use super::super::pace::Now;
use super::super::projection::{ApplyError, Blame};
use super::{Runner, Step};
use crate::event::{Event, Position};

/// How often an event is tried alone before the projection stops at it.
pub const TRIES: u32 = 5;

/// So many events get all of these tries before they are parked. Where more fail soon after, it is not about
/// one event, and waiting for each of them would hold everything else up: they are tried alone once.
const PATIENT: u32 = 3;

/// How long after an event was parked another one counts as soon after.
const SOON: Duration = Duration::from_secs(10);

/// An event that could not be applied yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which event.
    pub position: Position,
    /// What the handler said.
    pub error: String,
    /// How often it was tried alone.
    pub tries: u32,
    /// When it is tried again (monotonic); `None`: it stopped here.
    pub next_try: Option<Duration>,
    /// What is to blame.
    pub blame: Blame,
}

/// How pages are read after one failed, until the event that failed is passed: they end before it, and it
/// comes alone. They are half as long as the one that failed: what came to the time limit once may do so
/// again, and some part of it will not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caution {
    suspect: Position,
    part: usize,
}

impl Caution {
    /// Whether this event must not follow those before it in their page.
    pub(super) fn ends_before(self, event: &Event, before: &[Event]) -> bool {
        let Some(last) = before.last() else {
            return false;
        };
        before.len() >= self.part || event.position == self.suspect || last.position == self.suspect
    }

    /// Whether this is the event that failed.
    pub(super) fn is_suspect(self, event: &Event) -> bool {
        event.position == self.suspect
    }
}

/// An event that failed its tries and is to be parked.
#[derive(Debug, Clone)]
pub(super) struct Hopeless {
    pub(super) position: Position,
    pub(super) error: String,
    pub(super) tries: u32,
}

/// How many events were parked soon after each other.
#[derive(Debug, Default)]
pub(super) struct Losses {
    events: u32,
    /// When the last one was (monotonic).
    last: Duration,
}

impl Losses {
    /// How often the next event is tried alone before it is parked.
    fn tries(&self, monotonic: Duration) -> u32 {
        let soon = monotonic.saturating_sub(self.last) < SOON;
        if soon && self.events >= PATIENT {
            1
        } else {
            TRIES
        }
    }

    /// One was parked.
    fn count(&mut self, monotonic: Duration) {
        if monotonic.saturating_sub(self.last) >= SOON {
            self.events = 0;
        }
        self.events += 1;
        self.last = monotonic;
    }
}

impl Runner {
    /// Something was applied: perhaps what failed before.
    pub(super) fn passed_trouble(&mut self) {
        let seen = self.seen.position;
        self.trouble.take_if(|trouble| trouble.position <= seen);
        self.caution = self.caution.filter(|caution| seen < caution.suspect);
        self.hopeless.take_if(|hopeless| hopeless.position <= seen);
    }

    /// The read model is as its file has it, whatever failed. An event that failed alone is the trouble.
    pub(super) fn stumble(&mut self, events: &[Event], error: &ApplyError, now: Now) -> Step {
        let culprit = events[error.index].position;
        self.ahead = None;
        self.seen = self.model.checkpoint().clone();
        self.unwritten.clear();
        self.forget_aside();
        self.forget_waiting();
        self.caution = Some(Caution {
            suspect: culprit,
            part: (events.len() / 2).max(1),
        });
        if events.len() == 1 {
            self.note_trouble(culprit, error, now);
        }
        Step::Moved {
            live: Vec::new(),
            applied: 0,
        }
    }

    fn note_trouble(&mut self, position: Position, error: &ApplyError, now: Now) {
        let tries = match &self.trouble {
            Some(trouble) if trouble.position == position => trouble.tries + 1,
            _ => 1,
        };
        let most = if self.parks() {
            self.losses.tries(now.monotonic)
        } else {
            TRIES
        };
        let hopeless = error.blame == Blame::Event && tries >= most;
        // Where the rest need not wait for this one, it does not wait long.
        let first = if self.parks() { 1 } else { 100 };
        let pause = Duration::from_millis(first) * 2_u32.pow(tries.min(5) - 1);
        self.is_full = false;
        self.trouble = Some(Trouble {
            position,
            error: error.reason.clone(),
            tries,
            next_try: (!hopeless).then(|| now.monotonic + pause),
            blame: error.blame,
        });
        if hopeless && self.parks() {
            self.losses.count(now.monotonic);
            self.trouble = None;
            self.hopeless = Some(Hopeless {
                position,
                error: error.reason.clone(),
                tries,
            });
        }
        tracing::warn!(
            projection = self.projection.name(),
            position = position.get(),
            tries,
            error = error.reason,
            "an event could not be applied"
        );
    }
}
