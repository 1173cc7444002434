//! The write side: commands → events. Knows nothing of projections.

use serde_json::Value;

use crate::event::{Position, StreamId, Version};

/// What somebody who issues commands needs to know of one.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandInfo {
    /// Its name: `PlaceOrder`.
    pub name: String,
    /// What it does, in a sentence.
    pub description: String,
    /// The category of the streams it writes to: `order`.
    pub category: String,
    /// The JSON Schema of its fields (an object).
    pub schema: Value,
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
