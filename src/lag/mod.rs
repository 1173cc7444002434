//! Lag, exactly: gap, age, excess and status of one read model, from numbers and times. No clock and
//! no database, so that every rule is tested by table.
//!
//! What needs more than one moment lives beside it: [`Samples`] (rates and [`Trend`]), [`eta()`],
//! [`Breach`] and [`History`].
//!
//! ```
//! use std::time::Duration;
//! use highwater::event::{Position, Timestamp};
//! use highwater::lag::{Activity, Facts, Status, Trend};
//!
//! let now = Timestamp::from_second(1_700_000_000)?;
//! let facts = Facts {
//!     checkpoint: Position::new(128_000),
//!     head: Position::new(128_403),
//!     behind: 12,
//!     behind_exact: true,
//!     oldest_waiting: Some(now - Duration::from_secs(7)),
//!     seen_waiting: Duration::ZERO,
//!     now,
//!     allowance: Some(Duration::from_secs(5)),
//!     foreign_checkpoint: false,
//!     activity: Activity::Running,
//!     trend: Trend::default(),
//! };
//! let lag = facts.lag();
//! assert_eq!((lag.gap, lag.behind), (403, 12));
//! assert_eq!((lag.age, lag.excess), (Duration::from_secs(7), Duration::from_secs(2)));
//! assert_eq!(lag.status, Status::CatchingUp);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::event::{Position, Timestamp};

mod breach;
mod eta;
mod history;
mod samples;
#[cfg(test)]
mod tests;
pub mod why;

pub use breach::Breach;
pub use eta::{Eta, eta};
pub use history::{History, Point};
pub use samples::{ENOUGH, Rates, Sample, Samples, Spent, WINDOW};

/// Up to this excess a read model is not called late: no status changes for an event on its way.
pub const TOLERANCE: Duration = Duration::from_millis(250);

/// What is measured of one read model at one moment. The checkpoint is read first and the head last:
/// two files have no common snapshot, and the other order shows a false `ahead`.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The last position the read model contains.
    pub checkpoint: Position,
    /// The log's last position.
    pub head: Position,
    /// How many events after the checkpoint the projection subscribes to, as far as counted.
    pub behind: u64,
    /// Whether they were counted up to the head.
    pub behind_exact: bool,
    /// When the first of them was recorded; `None` when there is none.
    pub oldest_waiting: Option<Timestamp>,
    /// For how long, on a monotonic clock, it has been seen waiting.
    pub seen_waiting: Duration,
    /// What the wall clock says.
    pub now: Timestamp,
    /// How late the policy itself makes it; `None` for `manual`.
    pub allowance: Option<Duration>,
    /// Whether the checkpoint's event is not the log's event at that position.
    pub foreign_checkpoint: bool,
    /// How its loop is.
    pub activity: Activity,
    /// What the samples of the window say.
    pub trend: Trend,
}

/// How the loop that applies events is, whoever runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activity {
    /// Running, or able to.
    Running,
    /// Somebody paused it.
    Paused,
    /// It stopped at an event that cannot be applied.
    Faulted(Position),
    /// No heartbeat in three periods, or nobody runs it.
    Dead,
}

/// What a window of samples says about a read model that is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trend {
    /// The excess was longer than the window and the checkpoint did not move over it.
    pub stalled: bool,
    /// The excess only grew over the window.
    pub falling: bool,
}

/// The status of a read model: the first that fits, in this order.
///
/// In JSON it is its [word](Status::word).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The checkpoint is beyond the log, or its event is not the log's: the log was restored.
    Ahead,
    /// Nobody applies events to it: no heartbeat in three periods.
    Dead,
    /// It stopped at an event that cannot be applied.
    Faulted(Position),
    /// Somebody paused it.
    Paused,
    /// The excess is longer than the [`WINDOW`], and the checkpoint did not move over it.
    Stalled,
    /// The excess is over the [`TOLERANCE`], and only grew over the window.
    Falling,
    /// The excess is over the [`TOLERANCE`].
    CatchingUp,
    /// Something waits, and the policy is why: it allows some lateness, or any (`manual`, whose
    /// answers are stale by policy), and the excess is within the [`TOLERANCE`].
    ///
    /// Also where nothing was found waiting, but not everything was counted yet: nobody can say that
    /// such a read model has everything.
    Waiting,
    /// It has everything, or lacks what the policy does not hold back and what has been on its way
    /// for no longer than the [`TOLERANCE`]. A `live` read model that is 10 ms late is `live`: else a
    /// busy one would flicker between two words with every event.
    Live,
}

impl Status {
    /// The word for it, without the position of a fault.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::Dead => "dead",
            Self::Faulted(_) => "faulted",
            Self::Paused => "paused",
            Self::Stalled => "stalled",
            Self::Falling => "falling",
            Self::CatchingUp => "catching up",
            Self::Waiting => "waiting",
            Self::Live => "live",
        }
    }
}

/// The word, and where it faulted: `faulted @128403`.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faulted(position) => f.pad(&format!("{} @{position}", self.word())),
            _ => f.pad(self.word()),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// What the facts come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Head − checkpoint, in positions; 0 where the checkpoint is beyond the head.
    pub gap: u64,
    /// Events after the checkpoint that the projection subscribes to.
    pub behind: u64,
    /// Whether `behind` is exact; else it is 'at least'.
    pub behind_exact: bool,
    /// How long the oldest event that the read model lacks has been waiting.
    pub age: Duration,
    /// Lateness beyond what the policy itself allows: at most the age.
    pub excess: Duration,
    /// The status.
    pub status: Status,
}

impl Facts {
    /// What these facts come to.
    ///
    /// - `gap` = head − checkpoint; 0 where the checkpoint is beyond the head.
    /// - `age` = 0 when nothing waits; else now − `recorded_at` of the oldest event that waits, and
    ///   never less than the monotonic time since it was first seen waiting. It is never negative,
    ///   and a wall clock that steps back hides nothing.
    /// - `excess` = max(0, age − allowance); 0 where the policy allows any lateness.
    /// - `status` = the first of [`Status`] that fits.
    pub fn lag(&self) -> Lag {
        let age = self.age();
        let excess = self
            .allowance
            .map_or(Duration::ZERO, |allowance| age.saturating_sub(allowance));
        Lag {
            gap: self.head.since(self.checkpoint),
            behind: self.behind,
            behind_exact: self.behind_exact,
            age,
            excess,
            status: self.status(excess),
        }
    }

    fn age(&self) -> Duration {
        if self.behind == 0 {
            return Duration::ZERO;
        }
        let by_the_wall = self
            .oldest_waiting
            .and_then(|oldest| Duration::try_from(self.now.duration_since(oldest)).ok())
            .unwrap_or_default();
        by_the_wall.max(self.seen_waiting)
    }

    fn status(&self, excess: Duration) -> Status {
        if self.foreign_checkpoint || self.checkpoint > self.head {
            return Status::Ahead;
        }
        match self.activity {
            Activity::Dead => return Status::Dead,
            Activity::Faulted(position) => return Status::Faulted(position),
            Activity::Paused => return Status::Paused,
            Activity::Running => {}
        }
        let held_by_policy = self.allowance != Some(Duration::ZERO) && self.behind > 0;
        let counted = self.behind_exact || self.behind > 0;
        if self.trend.stalled && excess > WINDOW {
            Status::Stalled
        } else if self.trend.falling && excess > TOLERANCE {
            Status::Falling
        } else if excess > TOLERANCE {
            Status::CatchingUp
        } else if held_by_policy || !counted {
            Status::Waiting
        } else {
            Status::Live
        }
    }
}

/// The largest difference between two checkpoints: answers from two of these read models may
/// contradict each other within it. 0 for fewer than two.
pub fn spread(checkpoints: impl IntoIterator<Item = Position>) -> u64 {
    let mut ends: Option<(Position, Position)> = None;
    for checkpoint in checkpoints {
        let (low, high) = ends.unwrap_or((checkpoint, checkpoint));
        ends = Some((low.min(checkpoint), high.max(checkpoint)));
    }
    ends.map_or(0, |(low, high)| high.since(low))
}
