//! What was observed of one read model over the last day: finely for the last minutes, coarsely before. No
//! clock: times are the caller's, from any fixed moment on a clock that never steps back.
//!
//! ```
//! use std::time::Duration;
//! use highwater::event::Position;
//! use highwater::lag::{History, Point};
//!
//! let mut history = History::new();
//! for second in 0..5 {
//!     let point = Point { head: Position::new(100 + second), gap: second, ..Point::default() };
//!     history.push(Duration::from_secs(second), point);
//! }
//! // Nobody looked for a while.
//! history.push(Duration::from_secs(9), Point::default());
//! let gaps: Vec<_> = history
//!     .columns(Duration::ZERO, Duration::from_secs(10), 10)
//!     .into_iter()
//!     .map(|column| column.map(|point| point.gap))
//!     .collect();
//! let seen = [Some(0), Some(1), Some(2), Some(3), Some(4)];
//! assert_eq!(gaps[..5], seen);
//! assert_eq!(gaps[5..], [None, None, None, None, Some(0)]);
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Position;

/// How wide a bucket is, and for how long it is kept: 1 s for 10 minutes, 10 s for 2 hours, 1 min for a day.
const TIERS: [(u64, usize); 3] = [(1, 600), (10, 720), (60, 1_440)];

/// One observation, or what several came to: positions are the last, what is bad is the worst, rates are the
/// mean.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// The log's head.
    pub head: Position,
    /// The read model's checkpoint.
    pub checkpoint: Position,
    /// Positions between them, at worst.
    pub gap: u64,
    /// How long the oldest event that was lacking had been waiting, at worst.
    pub age: Duration,
    /// Subscribed events stored a second, where known.
    pub stored: Option<f64>,
    /// Events applied a second, where known.
    pub applied: Option<f64>,
    /// From stored to visible for 99 of 100 events, at worst, where known.
    pub p99: Option<Duration>,
}

/// The last day of one read model, in at most 2,760 points.
#[derive(Debug, Clone, Default)]
pub struct History {
    tiers: [VecDeque<Bucket>; 3],
    last: Option<(Duration, Point)>,
}

/// All observations between two multiples of a tier's width.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Which multiple it begins at.
    at: u64,
    point: Point,
    /// How many observations knew each rate.
    known: [u32; 2],
}

impl History {
    /// Nothing was observed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in an observation. One that is earlier than the last counts as of the last one's time.
    pub fn push(&mut self, at: Duration, point: Point) {
        let at = self.last.map_or(at, |(last, _)| at.max(last));
        self.last = Some((at, point));
        self.add(at, point);
    }

    /// Somebody has looked all the time since the last observation, and nothing was different: until then that
    /// one stands. Without this, what lies between two observations is a gap.
    pub fn unchanged_until(&mut self, at: Duration) {
        let Some((last, point)) = self.last.filter(|(last, _)| *last < at) else {
            return;
        };
        for (tier, (width, most)) in self.tiers.iter_mut().zip(TIERS) {
            let (from, to) = (last.as_secs() / width, at.as_secs() / width);
            // No more than there is room for.
            let from = from.max(to.saturating_sub(most as u64));
            for index in from + 1..=to {
                add(tier, index, most, point);
            }
        }
        self.last = Some((at, point));
    }

    /// When the last observation was, or until when it stood.
    pub fn last_at(&self) -> Option<Duration> {
        self.last.map(|(at, _)| at)
    }

    /// How many points are kept: at most 2,760.
    pub fn len(&self) -> usize {
        self.tiers.iter().map(VecDeque::len).sum()
    }

    /// Whether nothing was observed yet.
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// What was observed between two times, in so many columns of the same width, as finely as is kept: the
    /// last point of a column for positions, the worst for gap, age and p99, the mean for rates. `None` is a
    /// column in which nobody looked. A column that is narrower than what is kept of its time shows what the
    /// bucket around it has.
    pub fn columns(&self, from: Duration, to: Duration, columns: usize) -> Vec<Option<Point>> {
        let micros = |time: Duration| time.as_micros();
        let span = micros(to.saturating_sub(from));
        let edge = |nth: usize| {
            let part = span * nth as u128 / columns.max(1) as u128;
            from.saturating_add(Duration::from_micros(
                u64::try_from(part).unwrap_or(u64::MAX),
            ))
        };
        (0..columns)
            .map(|nth| self.between(edge(nth), edge(nth + 1)))
            .collect()
    }

    /// What was observed in `from..to`, by the finest tier that still has all of that time.
    fn between(&self, from: Duration, to: Duration) -> Option<Point> {
        let (now, _) = self.last?;
        let tiers = self.tiers.iter().zip(TIERS);
        let keeps = |(width, most): (u64, usize)| {
            // A tier keeps the bucket of now and those before it.
            let kept = (now.as_secs() / width).saturating_sub(most as u64 - 1);
            from.as_secs() / width >= kept
        };
        let (tier, (width, _)) = tiers.clone().find(|(_, tier)| keeps(*tier))?;
        // The last bucket begins before `to`.
        let first = from.as_secs() / width;
        let end = to.as_nanos().div_ceil(u128::from(width) * 1_000_000_000);
        let end = u64::try_from(end)
            .unwrap_or(u64::MAX)
            .max(first.saturating_add(1));
        let start = tier.partition_point(|bucket| bucket.at < first);
        let found = tier.range(start..).take_while(|bucket| bucket.at < end);
        let joined = found.copied().reduce(|mut all, next| {
            all.join(&next);
            all
        });
        joined.map(|bucket| bucket.point)
    }

    fn add(&mut self, at: Duration, point: Point) {
        for (tier, (width, most)) in self.tiers.iter_mut().zip(TIERS) {
            add(tier, at.as_secs() / width, most, point);
        }
    }
}

/// Adds to the last bucket, or begins one. What is too old goes.
fn add(tier: &mut VecDeque<Bucket>, at: u64, most: usize, point: Point) {
    let known = [point.stored, point.applied].map(|rate| u32::from(rate.is_some()));
    let bucket = Bucket { at, point, known };
    match tier.back_mut().filter(|last| last.at == at) {
        Some(last) => last.join(&bucket),
        None => tier.push_back(bucket),
    }
    while tier
        .front()
        .is_some_and(|first| at - first.at >= most as u64)
    {
        tier.pop_front();
    }
}

impl Bucket {
    /// Adds what came later.
    fn join(&mut self, later: &Self) {
        let (was, is) = (self.point, later.point);
        let mean = |rate: usize, was: Option<f64>, is: Option<f64>| match (was, is) {
            (Some(was), Some(is)) => {
                let (a, b) = (f64::from(self.known[rate]), f64::from(later.known[rate]));
                Some((was * a + is * b) / (a + b))
            }
            (was, is) => was.or(is),
        };
        self.point = Point {
            head: is.head,
            checkpoint: is.checkpoint,
            gap: was.gap.max(is.gap),
            age: was.age.max(is.age),
            stored: mean(0, was.stored, is.stored),
            applied: mean(1, was.applied, is.applied),
            p99: was.p99.max(is.p99),
        };
        for (known, more) in self.known.iter_mut().zip(later.known) {
            *known = known.saturating_add(more);
        }
    }
}
