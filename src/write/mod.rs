//! The write side: commands → events. Knows nothing of projections.
//!
//! A domain is a handful of [`Aggregate`]s, registered in [`Commands`]. Whoever wants something changed
//! sends a [`Request`]; its [`Outcome`] is accepted, rejected or in conflict. An aggregate is rehydrated from
//! a snapshot where [`Snapshots`] has one, and reads what was stored in an older form through its
//! [`Upcasters`]. A [`Process`] stands beside them and sends commands of its own, because of what happened.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::event::{Position, StreamId, Timestamp, Version};

mod aggregate;
mod commands;
mod error;
mod fields;
mod handler;
mod near;
mod process;
mod rehydrate;
mod schema;
mod snapshots;
mod tagged;
pub mod testing;
mod upcast;
mod words;

pub use aggregate::{Aggregate, Rejection};
pub use commands::{Commands, Stepper};
pub use error::{EventError, SendError};
pub use fields::{FieldProblem, Problem, check, check_field};
pub use near::near;
pub use process::{
    AnyProcess, Concern, Fact, Next, Process, ProcessCheckpoint, ProcessError, ProcessRunner,
    ProcessStep,
};
pub use snapshots::{SNAPSHOT_EVERY, Snapshot, Snapshots, SqliteSnapshots};
pub use upcast::{Data, Upcasters};
pub use words::{from_word, from_words, usage};

/// What somebody who issues commands needs to know of one.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandInfo {
    /// Its name: `PlaceOrder`.
    pub name: String,
    /// What it does, in a sentence.
    pub description: String,
    /// The category of the streams it writes to: `order`.
    pub category: String,
    /// The JSON Schema of its fields (an object). A field with `"x-new": true` is the key of something that the
    /// command makes: keys that there are do not complete it. `"x-category"` says whose keys do, where the field is not
    /// named after its category.
    pub schema: Value,
}

/// A command on its way: what is asked for, and what is known about the asking.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The command's name: `PlaceOrder`.
    pub command: String,
    /// Its fields, a JSON object.
    pub data: Value,
    /// An idempotency key: the second time, the first answer is given and nothing is stored. 1 to 255
    /// bytes; it belongs to one command on one stream.
    pub key: Option<String>,
    /// What this belongs to as a whole; a new one where there is none.
    pub correlation_id: Option<Uuid>,
    /// The id of the event that led to this command; the correlation id where nothing did.
    pub causation_id: Option<String>,
    /// When it happened, where that is not now.
    pub time: Option<Timestamp>,
}

impl Request {
    /// A command with nothing known about the asking.
    pub fn new(command: impl Into<String>, data: Value) -> Self {
        Self {
            command: command.into(),
            data,
            key: None,
            correlation_id: None,
            causation_id: None,
            time: None,
        }
    }

    /// A command from its Rust value. Errors: it does not serialize to one variant with named fields.
    pub fn of(command: &impl Serialize) -> Result<Self, SendError> {
        match tagged::split(command) {
            Ok((name, data)) => Ok(Self::new(name, data)),
            Err(reason) => Err(SendError::Unwritable {
                what: "command",
                reason,
            }),
        }
    }

    /// The same with an idempotency key.
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its events are stored.
    Accepted {
        /// The last event's position; `None` where it led to no event.
        position: Option<Position>,
        /// The aggregate's stream.
        stream: StreamId,
        /// The stream's version after it.
        version: Version,
        /// Whether it is the first answer again, to an idempotency key that was used before.
        repeated: bool,
    },
    /// A business reason against it; nothing is stored.
    Rejected {
        /// The aggregate's stream.
        stream: StreamId,
        /// The stream's version.
        version: Version,
        /// The reason.
        reason: String,
    },
    /// The stream moved each time it was tried; nothing is stored.
    Conflict {
        /// The aggregate's stream.
        stream: StreamId,
        /// The stream's version now.
        version: Version,
    },
}
