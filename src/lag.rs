//! Lag, exactly: gap, age, rate, ETA and status from numbers and times. No clock and no database, so
//! that every rule is tested by table. The formulas are `DESIGN` section 7's, restated at each item.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Position, Timestamp};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The checkpoint is beyond the log, or its event is not the log's: the log was restored.
    Ahead,
    /// Nobody applies events to it.
    Dead,
    /// It stopped at an event that cannot be applied.
    Faulted(Position),
    /// Somebody paused it.
    Paused,
    /// Late for longer than the window, and not moving.
    Stalled,
    /// Late, and only later over the window.
    Falling,
    /// Late by more than 250 ms, and gaining.
    CatchingUp,
    /// Nothing waits beyond what the policy allows.
    Waiting,
    /// It has everything.
    Live,
}

/// What the facts come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Head − checkpoint, in positions.
    pub gap: u64,
    /// Events after the checkpoint that the projection subscribes to.
    pub behind: u64,
    /// Whether `behind` is exact; else it is 'at least'.
    pub behind_exact: bool,
    /// How long the oldest event that the read model lacks has been waiting.
    pub age: Duration,
    /// Lateness beyond what the policy itself allows.
    pub excess: Duration,
    /// The status.
    pub status: Status,
}
