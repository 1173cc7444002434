//! The log: all events in one total order, append-only. [`EventLog`] is what the rest of the crate
//! knows; [`sqlite`] is the embedded engine.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use crate::event::{Event, EventRef, NewEvent, Origin, Position, StreamId, Timestamp, Version};
use crate::text::program;

#[cfg(test)]
pub(crate) mod handing_on;
pub mod sqlite;

/// A future that can be sent to another thread, boxed so that [`EventLog`] is object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A log that is shared between threads.
pub type SharedLog = Arc<dyn EventLog>;

/// What takes a stream's events, one after the other, until it breaks off.
pub type Fold<'a> = dyn FnMut(EventRef<'_>) -> ControlFlow<()> + Send + 'a;

/// An append-only log of events.
///
/// Every engine passes the conformance suite in `tests/conformance`.
pub trait EventLog: Send + Sync + 'static {
    /// What this log is and what its acknowledgement means.
    fn describe(&self) -> LogInfo;

    /// Appends commits in order, each all or none, each with an answer of its own: one that is
    /// refused does not fail its neighbours. They may share one transaction with others' commits.
    fn append_all(
        &self,
        commits: Vec<Commit>,
    ) -> BoxFuture<'_, Vec<Result<Committed, AppendError>>>;

    /// Appends one commit, all or none.
    fn append(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, AppendError>> {
        let id = commit.id.clone();
        Box::pin(async move {
            let answer = self.append_all(vec![commit]).await.pop();
            answer.unwrap_or(Err(AppendError::Unknown {
                id,
                reason: "the log gave no answer".into(),
            }))
        })
    }

    /// What a commit came to, if it is stored and the log still remembers its id.
    fn committed(&self, id: &CommitId) -> BoxFuture<'_, Result<Option<Committed>, LogError>>;

    /// At most `limit` events of a stream, from the one after `after`, with the stream's head; fewer where
    /// they are large, or the next one is damaged. Empty at the stream's end only.
    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'_, Result<StreamPage, LogError>>;

    /// The same for somebody who keeps none of them: gives each event of such a page to `fold`, until it breaks
    /// off, and answers where the stream ends. A log that can give them more cheaply than as whole events does.
    ///
    /// Errors: as [`read_stream`](Self::read_stream). Nothing that was given by then is to be kept: there may be an
    /// event missing among it.
    fn fold_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Version,
        limit: usize,
        fold: &'a mut Fold<'_>,
    ) -> BoxFuture<'a, Result<StreamEnd, LogError>> {
        let page = self.read_stream(stream, after, limit);
        Box::pin(async move { Ok(page.await?.fold(fold)) })
    }

    /// At most `limit` events after a position, in order; fewer where they are large, so that a page stays
    /// within some MiB, or where the next one is damaged: that is said by the page that would begin with it.
    /// Empty at the head only.
    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, LogError>>;

    /// The last position, as stored now.
    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>>;

    /// Waits until the head is past `after`, whichever process appended, or until the deadline;
    /// answers the head. `None` waits without an end.
    fn wait(
        &self,
        after: Position,
        deadline: Option<Instant>,
    ) -> BoxFuture<'_, Result<Position, LogError>>;
}

/// What a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// The engine's name: `sqlite`.
    pub engine: &'static str,
    /// Made once when the log was created: tells it from every other log.
    pub incarnation: Uuid,
    /// What an acknowledged commit survives.
    pub durability: Durability,
    /// How often a clock that stepped back was clamped since this log was opened.
    pub clamped: u64,
}

/// What an acknowledged commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Synced to disk: it survives a power loss.
    #[default]
    Full,
    /// Handed to the system: it survives a killed process, but the last moments before a power loss
    /// may be gone.
    Relaxed,
}

/// Tells a commit from every other, so that the same one sent twice is stored once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CommitId {
    /// One of ours, in order of time (UUID v7).
    Unique(Uuid),
    /// The idempotency key that came with a command.
    Key(String),
    /// An imported event.
    Origin(Origin),
}

impl CommitId {
    /// A new one, later than all before.
    pub fn new() -> Self {
        Self::Unique(Uuid::now_v7())
    }
}

impl Default for CommitId {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for CommitId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unique(id) => id.fmt(f),
            Self::Key(key) => write!(f, "key {key:?}"),
            Self::Origin(origin) => write!(f, "source {:?} id {:?}", origin.source, origin.id),
        }
    }
}

/// What a stream's state was when somebody read it. Opaque: here a version, on another engine perhaps
/// a sequence. It comes from [`StreamPage::head`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamHead(pub(in crate::log) u64);

impl StreamHead {
    /// There is no such stream.
    pub const NONE: Self = Self(0);
}

/// What a commit expects of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Any,
    /// That it has not changed since it was read.
    Head(StreamHead),
}

/// Events that are stored together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The same id is stored once.
    pub id: CommitId,
    /// The stream they all belong to.
    pub stream: StreamId,
    /// What the stream must be like.
    pub expected: Expected,
    /// 1 to 1,000 of them.
    pub events: Vec<NewEvent>,
}

/// A commit that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The stream they went to.
    pub stream: StreamId,
    /// The first event's position.
    pub first: Position,
    /// The last event's position.
    pub last: Position,
    /// The stream's version after it.
    pub version: Version,
    /// When the log stored it.
    pub recorded_at: Timestamp,
    /// Whether it was stored before, by an earlier commit with the same id.
    pub repeated: bool,
}

/// A page of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPage {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The stream's last version, whether or not the page reaches it; 0 where there is no stream.
    pub version: Version,
    /// To be expected by the next commit.
    pub head: StreamHead,
}

/// Where a stream ends, whether or not what was read of it reaches that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamEnd {
    /// The stream's last version; 0 where there is no stream.
    pub version: Version,
    /// To be expected by the next commit.
    pub head: StreamHead,
}

impl StreamPage {
    /// Gives each event to `fold`, until it breaks off; answers where the stream ends.
    pub fn fold(&self, fold: &mut Fold<'_>) -> StreamEnd {
        // Whoever broke off knows it.
        let _ = self.events.iter().try_for_each(|event| fold(event.into()));
        StreamEnd {
            version: self.version,
            head: self.head,
        }
    }
}

/// Why a commit was not acknowledged.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// It did not happen: the stream has moved.
    #[error(
        "conflict on stream {stream}: it is at version {actual}; read it again and decide anew"
    )]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// Its version now.
        actual: Version,
        /// To be expected next time.
        head: StreamHead,
    },
    /// It did not happen, and never will as it is: a limit.
    #[error("{what} of {found}: the limit is {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// What it has, with its unit.
        found: String,
        /// What it may have, with its unit.
        limit: String,
    },
    /// It did not happen: another process held the log for too long, the disk is full …
    #[error("not stored: {0}")]
    NotStored(#[source] LogError),
    /// Nobody knows: append again with the same commit id, and it is stored once.
    #[error(
        "it is not known whether commit {id} was stored ({reason}): append it again with the same id"
    )]
    Unknown {
        /// The commit.
        id: CommitId,
        /// What is known.
        reason: String,
    },
}

/// Why a log could not be opened or read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A file of somebody else's.
    #[error("{path}: {what}; it is left untouched. Give another folder")]
    NotALog {
        /// The file.
        path: std::path::PathBuf,
        /// What it is instead.
        what: String,
    },
    /// A format that is newer than this program.
    #[error(
        "{path} has format {found}, and this highwater knows up to {known}: use a newer highwater"
    )]
    Newer {
        /// The file.
        path: std::path::PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// What is stored is damaged.
    #[error(
        "{path} is damaged: {what}. Keep the file, restore a backup, or run `{program} verify --log`", program = program())]
    Damaged {
        /// The file.
        path: std::path::PathBuf,
        /// Where one event is not as it was written: its position. What lies around it can be read.
        position: Option<Position>,
        /// What is wrong with it.
        what: String,
    },
    /// The file is there and has nothing in it.
    #[error(
        "{path} is empty, which no log ever is: its events were cut away. Restore a backup; or remove the file, \
         if the log is to begin anew"
    )]
    Emptied {
        /// The file.
        path: std::path::PathBuf,
    },
    /// Another process held the write lock until the deadline.
    #[error(
        "{path} was locked by another process for {waited:?}: try again, or look for what holds it"
    )]
    Locked {
        /// The file.
        path: std::path::PathBuf,
        /// How long it was waited for.
        waited: std::time::Duration,
    },
    /// The system said no: a full disk, a missing right …
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// The system's or SQLite's words, and the way out where one is known.
        reason: String,
    },
    /// The log was closed.
    #[error("the log is closed: open the workspace again")]
    Closed,
}
