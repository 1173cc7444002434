//! What can go wrong when a command is sent. A rejection and a conflict are outcomes, not errors.

use crate::event::{Event, NameError, Position, StreamId, Version};
use crate::log::{AppendError, LogError};
use crate::write::FieldProblem;

/// Why a command came to no outcome. Nothing was stored, except where [`SendError::Unknown`] says so.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The domain has no such command.
    #[error("there is no command {name:?}: {}", did_you_mean(near))]
    UnknownCommand {
        /// What was given.
        name: String,
        /// Commands that may have been meant, closest first.
        near: Vec<String>,
    },
    /// Fields are missing, surplus or mistyped.
    #[error("{command} cannot be sent: {}", each(problems))]
    Fields {
        /// The command.
        command: String,
        /// Every problem there is.
        problems: Vec<FieldProblem>,
    },
    /// The command's key makes no stream name.
    #[error("{command} is for no aggregate that can be: {source}")]
    Stream {
        /// The command.
        command: String,
        /// What is wrong with the name.
        source: NameError,
    },
    /// An idempotency key that cannot be one.
    #[error("an idempotency key of {bytes} bytes: give one of 1 to 255 bytes, or none")]
    Key {
        /// How long it is.
        bytes: usize,
    },
    /// An idempotency key that another command has used.
    #[error(
        "the idempotency key {key:?} was used by {command} on stream {stream}: give each command a key of its own"
    )]
    KeyUsed {
        /// The key.
        key: String,
        /// The command that used it.
        command: String,
        /// The stream it wrote to.
        stream: StreamId,
    },
    /// A stored event that its aggregate cannot read.
    #[error(transparent)]
    Event(#[from] EventError),
    /// A command or event of the domain that does not serialize as it must.
    #[error(
        "a {what} of this domain cannot be written ({reason}): make it an enum variant with named fields"
    )]
    Unwritable {
        /// `command`, `event` or `state`.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The log could not be read.
    #[error("stream {stream} cannot be read: {source}")]
    Read {
        /// The stream.
        stream: StreamId,
        /// Why.
        source: LogError,
    },
    /// The log did not store the events.
    #[error("{command} on stream {stream} is not stored: {source}")]
    NotStored {
        /// The command.
        command: String,
        /// The stream.
        stream: StreamId,
        /// Why.
        source: AppendError,
    },
    /// The log was asked again and again and did not say whether the events are stored.
    #[error(
        "it is not known whether {command} on stream {stream} is stored ({reason}): look at the stream before you send it again"
    )]
    Unknown {
        /// The command.
        command: String,
        /// The stream.
        stream: StreamId,
        /// What is known.
        reason: String,
    },
}

/// A stored event that its aggregate cannot read, so that nobody knows the aggregate's state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "stream {stream} cannot be rehydrated: its event {version}, {event_type} at position {position}, is not one that {category:?} knows ({reason}). Use the program that wrote it, or one that knows this type"
)]
pub struct EventError {
    /// The stream.
    pub stream: StreamId,
    /// The stream's version after the event.
    pub version: Version,
    /// The event's position.
    pub position: Position,
    /// The event's type.
    pub event_type: String,
    /// The aggregate's category.
    pub category: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl EventError {
    /// An event that an aggregate of this category cannot read, and why.
    pub(super) fn of(event: &Event, category: &'static str, reason: String) -> Self {
        Self {
            stream: event.stream.clone(),
            version: event.version,
            position: event.position,
            event_type: event.event_type.to_string(),
            category,
            reason,
        }
    }
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() {
        "list the commands to see which there are".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    }
}

fn each(problems: &[FieldProblem]) -> String {
    let words: Vec<String> = problems.iter().map(FieldProblem::to_string).collect();
    words.join("; ")
}
