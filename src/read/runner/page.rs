//! What of the events that were read may be applied next, in one go.

use std::ops::{Deref, Range};
use std::time::Duration;

use super::super::ahead::Stretch;
use super::super::model::Checkpoint;
use super::super::parked::{Aside, Waiting, Why};
use super::super::subscription::Subscription;
use super::aside::aside;
use super::trouble::{Caution, Hopeless};
use crate::event::{Event, Position, Timestamp};

/// What bounds a page.
pub(super) struct Limits<'a> {
    /// At most so many events.
    pub(super) most: u64,
    /// None that was recorded later.
    pub(super) recorded_by: Option<Timestamp>,
    /// None beyond this position.
    pub(super) through: Position,
    /// As an event that failed demands.
    pub(super) caution: Option<Caution>,
    /// What is parked and skipped so far.
    pub(super) waiting: &'a Waiting,
    /// The event that is to be parked.
    pub(super) hopeless: Option<&'a Hopeless>,
    /// Up to here events are applied again.
    pub(super) replay_to: Position,
    /// What time it is.
    pub(super) now: Timestamp,
}

impl Limits<'_> {
    /// Why an event is set aside, where it is.
    fn sets_aside(&self, event: &Event) -> Option<Why> {
        if self.waiting.skips(event.position) {
            return Some(Why::Skipped);
        }
        if event.position <= self.replay_to {
            // What came before it in its stream was applied the first time.
            let was_parked = self.waiting.was_parked(event.position);
            return was_parked.then_some(Why::Again);
        }
        let hopeless = self.hopeless.filter(|h| h.position == event.position);
        if let Some(hopeless) = hopeless {
            return Some(Why::Failed {
                error: hopeless.error.clone(),
                tries: hopeless.tries,
            });
        }
        let is_behind = self.waiting.holds(&event.stream);
        is_behind.then_some(Why::Behind)
    }
}

/// What may be applied next.
pub(super) struct Page {
    /// The events, all of which the projection subscribes to.
    pub(super) events: Taken,
    /// What stands before, between and behind them and is not applied, in order.
    pub(super) aside: Vec<Aside>,
    /// The event for which there is no room among what is parked.
    pub(super) no_room: Option<Position>,
    /// Where the read model is when they are applied.
    pub(super) reach: Checkpoint,
    /// How long the next one is held back.
    pub(super) held_for: Option<Duration>,
    /// Whether everything that was read is in it.
    pub(super) is_whole: bool,
}

/// Some of the events that were read: where they stand together, as they lie there, and copies else.
pub(super) struct Taken {
    read: Stretch,
    together: Range<usize>,
    apart: Vec<Event>,
}

impl Taken {
    fn none_of(read: Stretch) -> Self {
        Self {
            read,
            together: 0..0,
            apart: Vec::new(),
        }
    }

    /// This one too, which stands behind those before.
    fn take(&mut self, at: usize) {
        if !self.apart.is_empty() {
            self.apart.push(self.read[at].clone());
        } else if self.together.is_empty() {
            self.together = at..at + 1;
        } else if at == self.together.end {
            self.together.end += 1;
        } else {
            self.apart.reserve(self.read.len());
            self.apart
                .extend_from_slice(&self.read[self.together.clone()]);
            self.apart.push(self.read[at].clone());
        }
    }
}

impl Deref for Taken {
    type Target = [Event];

    fn deref(&self) -> &[Event] {
        if self.apart.is_empty() {
            &self.read[self.together.clone()]
        } else {
            &self.apart
        }
    }
}

impl Page {
    /// Of what was read after a checkpoint.
    pub(super) fn of(
        read: Stretch,
        seen: &Checkpoint,
        subscription: &Subscription,
        limits: &Limits<'_>,
    ) -> Self {
        let end = read.last().map(|event| event.position);
        let mut reach = seen.clone();
        let mut events = Taken::none_of(read.part(0..read.len()));
        let mut held_for = None;
        let mut set_aside = Vec::new();
        let mut room = limits.waiting.room();
        let mut no_room = None;
        let mut reached = None;
        for (at, event) in read.iter().enumerate() {
            if event.position > limits.through {
                break;
            }
            if subscription.takes_event(event) {
                if let Some(by) = limits.recorded_by.filter(|by| event.recorded_at > *by) {
                    held_for = Duration::try_from(event.recorded_at.duration_since(by)).ok();
                    break;
                }
                if let Some(why) = limits.sets_aside(event) {
                    let begins = matches!(why, Why::Failed { .. });
                    if begins && !events.is_empty() {
                        break;
                    }
                    if begins || why == Why::Behind {
                        if room == 0 {
                            no_room = Some(event.position);
                            break;
                        }
                        room -= 1;
                    }
                    reach.applied += 1;
                    reached = Some(event);
                    set_aside.push(aside(event, why, limits.now));
                    if begins {
                        // It is parked before anything else can fail and undo that; and what follows it in its
                        // stream is not in this page.
                        break;
                    }
                    continue;
                }
                let careful = |caution: Caution| caution.ends_before(event, &events);
                if events.len() as u64 >= limits.most || limits.caution.is_some_and(careful) {
                    break;
                }
                reach.applied += 1;
                events.take(at);
            }
            reached = Some(event);
        }
        if let Some(event) = reached {
            reach.position = event.position;
            reach.event = Some(event.id.clone());
        }
        Self {
            is_whole: end == Some(reach.position),
            events,
            aside: set_aside,
            no_room,
            reach,
            held_for,
        }
    }
}
