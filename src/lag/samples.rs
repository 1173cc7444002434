//! A bounded window of samples of one projection, and what it says: rates, and whether it stalls or
//! falls behind. Times are on a monotonic clock and are handed in.

use std::collections::VecDeque;
use std::time::Duration;

use super::Trend;
use super::why::Work;
use crate::event::Position;

/// How far back rates and trends look.
pub const WINDOW: Duration = Duration::from_secs(10);

/// How many samples there must be before a rate or a trend is told.
pub const ENOUGH: usize = 5;

/// Samples closer together than this replace each other, so that the window is bounded however often
/// somebody samples.
const STEP: Duration = Duration::from_millis(50);

/// How far apart two samples are that are compared for growth. Work is done in pages, and each that is done makes
/// the excess smaller for a moment, also where far more is stored meanwhile.
const BETWEEN: Duration = Duration::from_secs(1);

/// What was measured of one projection at one moment. All counts are of subscribed events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// When, on a monotonic clock, since any fixed start.
    pub at: Duration,
    /// Its lateness beyond what the policy allows.
    pub excess: Duration,
    /// Whether it is paused.
    pub paused: bool,
    /// Its checkpoint.
    pub checkpoint: Position,
    /// How many events were stored so far, from any fixed start; `None` while not all of them are counted.
    pub stored: Option<u64>,
    /// How many it applied so far, from any fixed start.
    pub applied: u64,
    /// For how long it has been busy applying so far.
    pub busy: Duration,
    /// What its loop did with its time so far.
    pub spent: Spent,
}

/// What a loop did with its time, from any fixed start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Reading the log for live work.
    pub load: Duration,
    /// Running handlers for live work.
    pub apply: Duration,
    /// Committing live work.
    pub commit: Duration,
    /// Building another version.
    pub rebuild: Duration,
}

impl Sample {
    /// Whether `later` can be of the same run: nothing that only grows became smaller, and no pause ended.
    fn may_precede(&self, later: &Self) -> bool {
        (later.paused || !self.paused)
            && self.checkpoint <= later.checkpoint
            && self
                .stored
                .zip(later.stored)
                .is_none_or(|(was, is)| was <= is)
            && self.applied <= later.applied
            && self.busy <= later.busy
    }
}

/// How fast a projection is, in subscribed events, over the [`WINDOW`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Stored a second.
    pub stored: Option<f64>,
    /// Applied a second of the wall clock.
    pub applied: Option<f64>,
    /// Applied a second while busy; `None` also where it was not busy at all.
    pub capacity: Option<f64>,
    /// Busy time / time: 0 to 1.
    pub utilisation: Option<f64>,
}

/// The samples of the last [`WINDOW`], and the one before them, so that they span it whole.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    samples: VecDeque<Sample>,
}

impl Samples {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sample and forgets those that the window no longer needs.
    ///
    /// A sample from before the last one is ignored. Where a count or the checkpoint went back
    /// (a replay, another version of the read model, another engine), or where a pause ended, the window
    /// begins anew: what was measured before says nothing about what runs now.
    pub fn push(&mut self, sample: Sample) {
        if let Some(last) = self.samples.back() {
            if sample.at < last.at {
                return;
            }
            if !last.may_precede(&sample) {
                self.samples.clear();
            }
        }
        let crowded = self.samples.len() > 1
            && sample
                .at
                .saturating_sub(self.samples[self.samples.len() - 2].at)
                < STEP;
        if crowded {
            self.samples.pop_back();
        }
        self.samples.push_back(sample);
        while self.samples.len() > 1 && sample.at.saturating_sub(self.samples[1].at) >= WINDOW {
            self.samples.pop_front();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// How many are kept: at most a few hundred.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The newest.
    pub fn last(&self) -> Option<Sample> {
        self.samples.back().copied()
    }

    /// First and last, where there are enough between them to tell anything.
    fn ends(&self) -> Option<(Sample, Sample)> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        (self.samples.len() >= ENOUGH && first.at < last.at).then_some((*first, *last))
    }

    /// Whether it stalls or falls, as of the last sample. Neither, unless at least [`ENOUGH`] samples
    /// span the whole window.
    ///
    /// - `stalled`: the excess is longer than the window, and the checkpoint did not move over it.
    /// - `falling`: the excess only grew: it is larger in each sample than it was a second before.
    pub fn trend(&self) -> Trend {
        let Some((first, last)) = self.ends().filter(|(a, b)| b.at - a.at >= WINDOW) else {
            return Trend::default();
        };
        Trend {
            stalled: last.excess > WINDOW && first.checkpoint == last.checkpoint,
            falling: self.only_grew(),
        }
    }

    fn only_grew(&self) -> bool {
        self.samples.iter().all(|later| {
            let is_before = |sample: &Sample| sample.at + BETWEEN <= later.at;
            let before = self.samples.partition_point(is_before).checked_sub(1);
            before.is_none_or(|at| self.samples[at].excess < later.excess)
        })
    }

    /// Rates from the first to the last sample of the window; `None` before [`ENOUGH`] samples.
    ///
    /// - stored `w` and applied `a`: events / wall time
    /// - capacity: events applied / busy time
    /// - utilisation: busy time / wall time
    pub fn rates(&self) -> Rates {
        let Some((first, last)) = self.ends() else {
            return Rates::default();
        };
        let wall = last.at - first.at;
        let busy = last.busy.saturating_sub(first.busy);
        let applied = last.applied - first.applied;
        Rates {
            stored: self.stored(),
            applied: per_second(applied, wall),
            capacity: per_second(applied, busy),
            utilisation: Some((busy.as_secs_f64() / wall.as_secs_f64()).min(1.0)),
        }
    }

    /// Stored a second, from the samples that know it: what is only found while an old backlog is counted was
    /// not stored just then.
    fn stored(&self) -> Option<f64> {
        let known: Vec<(Duration, u64)> = self
            .samples
            .iter()
            .filter_map(|sample| Some((sample.at, sample.stored?)))
            .collect();
        let (&(began, from), &(ended, to)) = (known.first()?, known.last()?);
        (known.len() >= ENOUGH)
            .then(|| per_second(to.saturating_sub(from), ended - began))
            .flatten()
    }

    /// What the loop did with its time from the first to the last sample; nothing before [`ENOUGH`] samples.
    pub fn work(&self) -> Work {
        let Some((first, last)) = self.ends() else {
            return Work::default();
        };
        let took = |of: fn(&Spent) -> Duration| of(&last.spent).saturating_sub(of(&first.spent));
        Work {
            wall: last.at - first.at,
            load: took(|spent| spent.load),
            apply: took(|spent| spent.apply),
            commit: took(|spent| spent.commit),
            rebuild: took(|spent| spent.rebuild),
        }
    }
}

/// `None` for no time at all.
#[allow(clippy::cast_precision_loss)] // a rate, shown with a few digits
fn per_second(events: u64, time: Duration) -> Option<f64> {
    (!time.is_zero()).then(|| events as f64 / time.as_secs_f64())
}
