//! What one read model lacks: how many events, since when, of how many streams. Kept up from moment to
//! moment, so that nothing is counted twice, and bounded in memory and in work a moment.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::model::Checkpoint;
use super::subscription::Subscription;
use crate::event::{Event, Position, StreamId, Timestamp};
use crate::log::{EventLog, LogError};

/// Stale keys are counted up to this.
pub const STALE_KEYS: usize = 1_000;

const PAGE: usize = 1_000;

/// What a read model lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// How many events after the checkpoint the projection subscribes to.
    pub behind: u64,
    /// Whether they were counted up to the head; else there are at least so many.
    pub exact: bool,
    /// When the first of them was recorded.
    pub oldest: Option<Timestamp>,
    /// For how long (monotonic) it has been seen waiting.
    pub seen_waiting: Duration,
    /// Of how many streams they are; counted up to [`STALE_KEYS`].
    pub stale_keys: usize,
}

/// The newest events, read once for everybody who follows the log.
#[derive(Debug)]
pub struct Tail {
    events: VecDeque<Event>,
    /// Everything after this, up to the last, is in `events`.
    after: Position,
    room: usize,
}

impl Tail {
    /// Begins behind a position, and keeps at most so many events.
    pub fn new(after: Position, room: usize) -> Self {
        Self {
            events: VecDeque::new(),
            after,
            room,
        }
    }

    /// The last position it has.
    pub fn head(&self) -> Position {
        self.events
            .back()
            .map_or(self.after, |event| event.position)
    }

    /// The events it has, oldest first.
    pub fn events(&self) -> &VecDeque<Event> {
        &self.events
    }

    /// Reads what is new, up to the head. What is further behind than there is room for is left out.
    ///
    /// Errors: the log cannot be read.
    pub async fn follow(&mut self, log: &dyn EventLog) -> Result<Position, LogError> {
        let head = log.head().await?;
        let room = self.room as u64;
        if head < self.head() || head.since(self.head()) > room {
            self.events.clear();
            self.after = Position::new(head.get().saturating_sub(room));
        }
        while self.head() < head {
            let page = log.read_all(self.head(), PAGE).await?;
            if page.is_empty() {
                break;
            }
            self.events.extend(page);
            while self.events.len() > self.room {
                if let Some(gone) = self.events.pop_front() {
                    self.after = gone.position;
                }
            }
        }
        Ok(self.head())
    }

    /// Shows each event after a position, up to the tail's end, until `visit` says stop or `budget`
    /// events were shown. Answers the last position shown, and how many were.
    async fn scan(
        &self,
        log: &dyn EventLog,
        after: Position,
        budget: usize,
        mut visit: impl FnMut(&Event),
    ) -> Result<(Position, usize), LogError> {
        let (mut at, mut shown) = (after, 0);
        while at < self.head() && shown < budget {
            if at >= self.after {
                let skip = usize::try_from(at.since(self.after)).unwrap_or(usize::MAX);
                for event in self.events.iter().skip(skip).take(budget - shown) {
                    visit(event);
                    at = event.position;
                    shown += 1;
                }
                break;
            }
            let page = log.read_all(at, PAGE.min(budget - shown)).await?;
            if page.is_empty() {
                break;
            }
            for event in page.iter().filter(|event| event.position <= self.head()) {
                visit(event);
                at = event.position;
                shown += 1;
            }
        }
        Ok((at, shown))
    }
}

/// Follows what one version of one read model lacks.
#[derive(Debug, Default)]
pub struct Survey {
    /// Where counting began, with what was applied there.
    base: Option<(Position, u64)>,
    /// Subscribed events after the base, up to `counted_to`.
    counted: u64,
    counted_to: Position,
    oldest: Option<(Position, Timestamp, Duration)>,
    looked_to: Position,
    /// Stream → its last waiting event, complete up to `keys_to`.
    keys: HashMap<StreamId, Position>,
    keys_to: Position,
}

impl Survey {
    /// Brings it up to date with a checkpoint and the tail's head, looking at no more than `budget`
    /// events outside of the tail.
    ///
    /// Errors: the log cannot be read.
    pub async fn update(
        &mut self,
        log: &dyn EventLog,
        tail: &Tail,
        subscription: &Subscription,
        checkpoint: &Checkpoint,
        monotonic: Duration,
        budget: usize,
    ) -> Result<Backlog, LogError> {
        self.catch_up_with(checkpoint);
        let mut left = budget;
        while left > 0 {
            let Some(from) = self.next_to_look_at(tail.head()) else {
                break;
            };
            let (_, shown) = tail
                .scan(log, from, left.min(PAGE), |event| {
                    self.see(event, subscription, monotonic)
                })
                .await?;
            if shown == 0 {
                break;
            }
            left -= shown;
        }
        Ok(self.backlog(tail.head(), checkpoint, monotonic))
    }

    /// The checkpoint may have moved on, or back.
    fn catch_up_with(&mut self, checkpoint: &Checkpoint) {
        let at = checkpoint.position;
        let (_, applied) = match self.base {
            Some(base) if base.0 <= at && base.1 <= checkpoint.applied => base,
            _ => {
                *self = Self {
                    counted_to: at,
                    ..Self::default()
                };
                *self.base.insert((at, checkpoint.applied))
            }
        };
        if self.counted_to < at {
            self.counted_to = at;
            self.counted = checkpoint.applied - applied;
        }
        if self.oldest.is_some_and(|(position, ..)| position <= at) {
            self.oldest = None;
        }
        self.looked_to = self.looked_to.max(at);
        self.keys.retain(|_, last| *last > at);
        self.keys_to = self.keys_to.max(at);
    }

    /// The earliest event that somebody here still wants to see.
    fn next_to_look_at(&self, head: Position) -> Option<Position> {
        let count = Some(self.counted_to);
        let look = self.oldest.is_none().then_some(self.looked_to);
        let keys = (self.keys.len() < STALE_KEYS).then_some(self.keys_to);
        [count, look, keys]
            .into_iter()
            .flatten()
            .filter(|at| *at < head)
            .min()
    }

    fn see(&mut self, event: &Event, subscription: &Subscription, monotonic: Duration) {
        let at = event.position;
        let takes = subscription.takes_event(event);
        if at > self.counted_to {
            self.counted_to = at;
            self.counted += u64::from(takes);
        }
        if at > self.looked_to && self.oldest.is_none() {
            self.looked_to = at;
            if takes {
                self.oldest = Some((at, event.recorded_at, monotonic));
            }
        }
        if at > self.keys_to && self.keys.len() < STALE_KEYS {
            self.keys_to = at;
            if takes {
                self.keys.insert(event.stream.clone(), at);
            }
        }
    }

    fn backlog(&self, head: Position, checkpoint: &Checkpoint, monotonic: Duration) -> Backlog {
        let applied = self
            .base
            .map_or(0, |(_, applied)| checkpoint.applied - applied);
        Backlog {
            behind: self.counted.saturating_sub(applied),
            exact: self.counted_to >= head,
            oldest: self.oldest.map(|(_, recorded_at, _)| recorded_at),
            seen_waiting: self
                .oldest
                .map_or(Duration::ZERO, |(.., seen)| monotonic.saturating_sub(seen)),
            stale_keys: self.keys.len(),
        }
    }
}
