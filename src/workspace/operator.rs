//! The handle through which a user interface asks for everything.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::event::Position;
use crate::read::Policy;
use crate::workspace::Snapshot;
use crate::write::{CommandInfo, Outcome};

/// Asks an open workspace for things. Cheap to clone.
#[derive(Clone)]
pub struct Operator {}

/// What somebody asks an engine to do with one projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Stop applying events until resumed.
    Pause,
    /// Go on.
    Resume,
    /// Apply by another policy from now on.
    SetPolicy(Policy),
    /// Apply what is waiting now (`manual` and every other policy that holds events back).
    Apply,
    /// Fold again from position 0 into a new version, and cut over when it has caught up.
    Rebuild,
    /// Apply again into the same read model the events after this position.
    Replay {
        /// The position before the first event to be applied again.
        after: Position,
    },
}

/// What an operation would mean, shown before it happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// How many events it would apply.
    pub events: u64,
    /// About how long: from the fastest to the slowest that measured rates suggest. `None` where
    /// nothing was measured yet.
    pub takes: Option<(Duration, Duration)>,
    /// About how many bytes of disk it needs.
    pub disk_needed: u64,
    /// How many bytes are free.
    pub disk_free: Option<u64>,
    /// Which queries go on being answered by the version there is.
    pub answers: Vec<String>,
    /// Why it cannot be done, where it cannot.
    pub refused: Option<String>,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Carried out.
    Finished {
        /// What was done, in one sentence.
        what: String,
    },
    /// Refused or failed.
    Failed {
        /// Why, and the way out.
        reason: String,
    },
    /// Stored, but not carried out within the time: it will be when an engine runs.
    Requested,
}

/// Why the workspace could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OperateError(pub String);

#[allow(unused_variables)]
impl Operator {
    /// The newest snapshot, and a way to wait for the next.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        todo!()
    }

    /// Every command of the domain, by name, with its JSON Schema.
    pub fn commands(&self) -> Arc<[CommandInfo]> {
        todo!()
    }

    /// Sends a command.
    pub async fn send(&self, command: &str, data: Value) -> Result<Outcome, OperateError> {
        todo!()
    }

    /// Says what an operation would mean.
    pub async fn preview(
        &self,
        projection: &str,
        operation: &Operation,
    ) -> Result<Preview, OperateError> {
        todo!()
    }

    /// Asks for an operation and waits for its outcome for as long as it takes; a rebuild's progress is
    /// in the snapshots meanwhile.
    pub async fn operate(
        &self,
        projection: &str,
        operation: Operation,
    ) -> Result<Done, OperateError> {
        todo!()
    }

    /// The demo's load: commands a second, 0 for none; `None` where the domain has no load.
    pub fn load(&self) -> Option<f64> {
        todo!()
    }

    /// Sets the demo's load, in commands a second.
    pub fn set_load(&self, per_second: f64) {
        todo!()
    }

    /// Where the live version of a read model can be opened.
    pub fn path(&self, projection: &str) -> PathBuf {
        todo!()
    }
}
