//! Operations as events: what a `$projection-NAME` stream holds, how it is written, and what it comes to
//! when it is folded.
//!
//! A request and its outcome are different events. An engine carries out requests that have no outcome,
//! so a request survives whatever happens between the two.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{Event, NameError, Position, StreamId, Timestamp, Version};
use crate::lag::why::Said;
use crate::log::{EventLog, LogError};
use crate::read::Policy;

mod entry;
mod history;

use entry::Entry;

pub use entry::{cleared, define, finish, outcome, raised, request};
pub use history::{CannotUndo, Recorded, RecordedOutcome, Turn};
pub(super) use history::{read as read_history, undo};

/// What somebody asks an engine to do with one projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Stop applying events until resumed.
    Pause,
    /// Go on; and try an event that it stopped at again.
    Resume,
    /// Apply by another policy from now on.
    SetPolicy(Policy),
    /// Apply what is waiting now, whatever the policy.
    Apply,
    /// Fold again from position 0 into a new version, and cut over when it has caught up.
    Rebuild,
    /// Apply again into the same read model the events after this position.
    Replay {
        /// The position before the first event to be applied again.
        after: Position,
    },
}

/// As a command line has it: `pause`, `policy batch 500 or 5s`.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause => f.write_str("pause"),
            Self::Resume => f.write_str("resume"),
            Self::SetPolicy(policy) => write!(f, "policy {policy}"),
            Self::Apply => f.write_str("apply"),
            Self::Rebuild => f.write_str("rebuild"),
            Self::Replay { after } => write!(f, "replay {after}"),
        }
    }
}

/// A request that has no outcome yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The position of the event that asked.
    pub position: Position,
    /// What for.
    pub operation: Operation,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Carried out: what was done, in one sentence.
    Finished(String),
    /// Refused or failed: why, and the way out.
    Failed(String),
}

/// What a projection's system stream comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operations {
    /// How much of the stream this is.
    pub version: Version,
    /// Who wants it to stand still, where somebody does.
    pub paused: Option<Said>,
    /// The policy that was set last, by file or by hand.
    pub policy: Option<Policy>,
    /// What the file said when it was last recorded.
    pub defined: Option<Defined>,
    /// Since when its objective is breached, where it is.
    pub breached: Option<Timestamp>,
    /// Requests without an outcome, oldest first.
    pub pending: Vec<Request>,
}

/// What a projection's file said when it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defined {
    /// The hash of what shapes the read model's content.
    pub hash: String,
    /// The policy.
    pub policy: Policy,
}

/// The system stream of a projection. Errors: the name is too long.
pub fn stream(projection: &str) -> Result<StreamId, NameError> {
    StreamId::new(&format!("$projection-{projection}"))
}

impl Operations {
    /// Everything that a projection's stream says. Errors: the log cannot be read.
    pub async fn read(log: &dyn EventLog, stream: &StreamId) -> Result<Self, LogError> {
        let mut operations = Self::default();
        operations.refresh(log, stream).await?;
        Ok(operations)
    }

    /// Takes in what is new; answers whether anything was. Errors: the log cannot be read.
    pub async fn refresh(
        &mut self,
        log: &dyn EventLog,
        stream: &StreamId,
    ) -> Result<bool, LogError> {
        let before = self.version;
        loop {
            let page = log.read_stream(stream, self.version, 500).await?;
            if page.events.is_empty() {
                return Ok(self.version != before);
            }
            for event in &page.events {
                self.take(event);
            }
        }
    }

    /// Folds one event. One that makes no sense is passed over: somebody edited the stream by hand.
    fn take(&mut self, event: &Event) {
        self.version = event.version;
        let operation = match Entry::of(event) {
            Some(Entry::Requested { operation, by, .. }) => {
                let at = event.recorded_at;
                match &operation {
                    Operation::Pause => self.paused = Some(Said { by, at }),
                    Operation::Resume => self.paused = None,
                    Operation::SetPolicy(policy) => self.policy = Some(*policy),
                    Operation::Apply | Operation::Rebuild | Operation::Replay { .. } => {}
                }
                operation
            }
            Some(Entry::Ended { request, .. }) => {
                self.pending.retain(|pending| pending.position != request);
                return;
            }
            Some(Entry::Defined(defined)) => {
                self.policy = Some(defined.policy);
                self.defined = Some(defined);
                return;
            }
            Some(Entry::Raised { since, .. }) => {
                self.breached = Some(since);
                return;
            }
            Some(Entry::Cleared { .. }) => {
                self.breached = None;
                return;
            }
            None => {
                tracing::warn!(
                    position = event.position.get(),
                    "an event of a system stream makes no sense; passed over"
                );
                return;
            }
        };
        self.pending.push(Request {
            position: event.position,
            operation,
        });
    }
}
