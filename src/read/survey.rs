//! What one read model lacks: how many events, since when, of how many streams. Kept up from moment to
//! moment, so that nothing is counted twice, and bounded in memory and in work a moment.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::model::Checkpoint;
use super::subscription::Subscription;
use crate::event::{Event, Position, StreamId, Timestamp};
use crate::log::{EventLog, LogError};

/// Stale keys are counted up to this.
pub const STALE_KEYS: usize = 1_000;

/// Events looked at at once: the first time, and at most. Who is far behind and has moved on a little often lacks
/// no more than one further stream.
const LITTLE: usize = 32;
const PAGE: usize = 1_000;

/// The newest events are kept up to this much memory, however few they are then: 16 MiB.
const TAIL_BYTES: usize = 16 << 20;

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
    /// Everything up to this was read, or cannot be.
    head: Position,
    /// Those after `after` that are not as they were written, and what is wrong with each.
    flawed: BTreeMap<Position, String>,
    room: usize,
    /// About how much memory they take.
    bytes: usize,
}

impl Tail {
    /// Begins behind a position, and keeps at most so many events; fewer where they are large.
    pub fn new(after: Position, room: usize) -> Self {
        Self {
            events: VecDeque::new(),
            after,
            head: after,
            flawed: BTreeMap::new(),
            room,
            bytes: 0,
        }
    }

    /// The last position it has.
    pub fn head(&self) -> Position {
        self.head
    }

    /// The events that it lacks, since they are not as they were written; and what is wrong with each.
    pub fn flawed(&self) -> &BTreeMap<Position, String> {
        &self.flawed
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
            self.flawed.clear();
            self.bytes = 0;
            self.after = Position::new(head.get().saturating_sub(room));
            self.head = self.after;
        }
        while self.head < head {
            let page = match read_on(log, self.head, PAGE).await? {
                Read::Events(page) if page.is_empty() => break,
                Read::Events(page) => page,
                Read::Flawed(position, what) => {
                    self.head = position;
                    self.flawed.insert(position, what);
                    continue;
                }
            };
            self.head = page.last().map_or(self.head, |event| event.position);
            self.bytes += page.iter().map(size).sum::<usize>();
            self.events.extend(page);
            while self.events.len() > self.room
                || (self.bytes > TAIL_BYTES && self.events.len() > 1)
            {
                let Some(gone) = self.events.pop_front() else {
                    break;
                };
                self.bytes -= size(&gone);
                self.after = gone.position;
            }
            self.flawed = self.flawed.split_off(&self.after.next());
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
                let seen = self.events.partition_point(|event| event.position <= at);
                let wanted = self.events.range(seen..).take(budget - shown);
                if seen + wanted.len() == self.events.len() {
                    // Whatever comes after the last of them cannot be read.
                    at = self.head();
                } else {
                    at = wanted
                        .clone()
                        .next_back()
                        .map_or(at, |event| event.position);
                }
                shown += wanted.len();
                wanted.for_each(visit);
                break;
            }
            let page = match read_on(log, at, PAGE.min(budget - shown)).await? {
                Read::Events(page) if page.is_empty() => break,
                Read::Events(page) => page,
                Read::Flawed(position, _) => {
                    at = position;
                    shown += 1;
                    continue;
                }
            };
            for event in page.iter().filter(|event| event.position <= self.head()) {
                visit(event);
                at = event.position;
                shown += 1;
            }
        }
        Ok((at, shown))
    }
}

/// What comes next in a log.
enum Read {
    /// Events, in order; none at the head.
    Events(Vec<Event>),
    /// One that is not as it was written.
    Flawed(Position, String),
}

/// The next page, or the event that is in the way of it.
async fn read_on(log: &dyn EventLog, after: Position, limit: usize) -> Result<Read, LogError> {
    match log.read_all(after, limit).await {
        Ok(page) => Ok(Read::Events(page)),
        Err(LogError::Damaged {
            position: Some(position),
            what,
            ..
        }) => Ok(Read::Flawed(position.max(after.next()), what)),
        Err(error) => Err(error),
    }
}

/// About how much memory an event takes.
fn size(event: &Event) -> usize {
    event.data.as_str().len() + event.metadata.as_str().len() + 256
}

/// Follows what one version of one read model lacks.
#[derive(Debug, Default)]
pub struct Survey {
    /// Where counting began, with what was applied there.
    base: Option<(Position, u64)>,
    /// Where the checkpoint was last.
    at: Position,
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
        let (mut left, mut page) = (budget, LITTLE);
        while left > 0 {
            let Some(from) = self.next_to_look_at(tail.head()) else {
                break;
            };
            let (to, shown) = tail
                .scan(log, from, left.min(page), |event| {
                    self.see(event, subscription, monotonic)
                })
                .await?;
            if to == from {
                break;
            }
            self.pass_to(to);
            left = left.saturating_sub(shown);
            page = (page * 2).min(PAGE);
        }
        Ok(self.backlog(tail.head(), checkpoint, monotonic))
    }

    /// The checkpoint may have moved on, or back.
    fn catch_up_with(&mut self, checkpoint: &Checkpoint) {
        let at = checkpoint.position;
        let (_, applied) = match self.base {
            Some(base) if self.at <= at && base.1 <= checkpoint.applied => base,
            // What comes after it was looked at and forgotten already: everything is looked at anew.
            _ => {
                *self = Self {
                    counted_to: at,
                    ..Self::default()
                };
                *self.base.insert((at, checkpoint.applied))
            }
        };
        self.at = at;
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

    /// Everything up to there was shown, but for what cannot be read.
    fn pass_to(&mut self, at: Position) {
        self.counted_to = self.counted_to.max(at);
        if self.oldest.is_none() {
            self.looked_to = self.looked_to.max(at);
        }
        if self.keys.len() < STALE_KEYS {
            self.keys_to = self.keys_to.max(at);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventType, JsonObject, NewEvent};
    use crate::log::sqlite::{LogOptions, SqliteLog};
    use crate::log::{Commit, CommitId, Expected};
    use crate::read::counting::Counting;

    async fn append(log: &SqliteLog, from: u64, to: u64, data: &str) {
        let commits = (from..=to).map(|n| Commit {
            id: CommitId::new(),
            stream: StreamId::new(&format!("thing-{n}")).unwrap(),
            expected: Expected::Any,
            events: vec![NewEvent::new(
                EventType::new("A").unwrap(),
                JsonObject::parse(data).unwrap(),
            )],
        });
        for answer in log.append_all(commits.collect()).await {
            answer.unwrap();
        }
    }

    fn at(position: u64) -> Checkpoint {
        Checkpoint {
            position: Position::new(position),
            event: None,
            applied: position,
        }
    }

    #[tokio::test]
    async fn a_checkpoint_that_went_back_lacks_again_what_comes_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let log = SqliteLog::create_or_open(dir.path(), LogOptions::default()).unwrap();
        append(&log, 1, 10, "{}").await;
        let mut tail = Tail::new(Position::START, 100);
        tail.follow(&log).await.unwrap();
        let mut survey = Survey::default();
        let mut lacks = async |checkpoint: u64| {
            let (all, now) = (Subscription::all(), Duration::ZERO);
            let found = survey
                .update(&log, &tail, &all, &at(checkpoint), now, 100)
                .await
                .unwrap();
            (found.behind, found.stale_keys, found.oldest.is_some())
        };
        assert_eq!(lacks(2).await, (8, 8, true));
        assert_eq!(lacks(10).await, (0, 0, false));
        assert_eq!(lacks(5).await, (5, 5, true), "after a replay");
        assert_eq!(lacks(7).await, (3, 3, true), "while it goes on");
    }

    #[tokio::test]
    async fn who_is_far_behind_costs_few_events_whenever_its_checkpoint_moves() {
        let dir = tempfile::tempdir().unwrap();
        let log = SqliteLog::create_or_open(dir.path(), LogOptions::default()).unwrap();
        append(&log, 1, 5_000, "{}").await;
        let log = Counting::of(log);
        let mut tail = Tail::new(Position::START, 100);
        tail.follow(&log).await.unwrap();
        let mut survey = Survey::default();
        let mut lacks = async |checkpoint: u64| {
            let (all, now) = (Subscription::all(), Duration::ZERO);
            let checkpoint = at(checkpoint);
            let found = survey.update(&log, &tail, &all, &checkpoint, now, 100_000);
            let found = found.await.unwrap();
            (found.behind, found.stale_keys)
        };
        assert_eq!(lacks(0).await, (5_000, STALE_KEYS));
        let before = log.given();
        for checkpoint in 1..=100 {
            assert_eq!(lacks(checkpoint).await, (5_000 - checkpoint, STALE_KEYS));
        }
        let read = log.given() - before;
        assert!(read <= 100 * 100, "{read} events read to count 100 more");
    }

    #[tokio::test]
    async fn a_tail_of_large_events_is_bounded_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let log = SqliteLog::create_or_open(dir.path(), LogOptions::default()).unwrap();
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1_000_000));
        append(&log, 1, 40, &large).await;
        let mut tail = Tail::new(Position::START, 100);
        assert_eq!(tail.follow(&log).await.unwrap(), Position::new(40));
        let bytes: usize = tail.events().iter().map(|e| e.data.as_str().len()).sum();
        assert!((1_000_000..=16 << 20).contains(&bytes), "{bytes} bytes");
        append(&log, 41, 45, &large).await;
        assert_eq!(tail.follow(&log).await.unwrap(), Position::new(45));
        let mut survey = Survey::default();
        let found = survey
            .update(
                &log,
                &tail,
                &Subscription::all(),
                &at(1),
                Duration::ZERO,
                100,
            )
            .await
            .unwrap();
        assert_eq!(
            (found.behind, found.stale_keys, found.exact),
            (44, 44, true)
        );
    }
}
