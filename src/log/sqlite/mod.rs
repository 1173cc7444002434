//! The embedded engine: one SQLite file, written by one thread a process and read by a few
//! connections. Several processes may have the same log open; SQLite's own locks decide between them.

use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use uuid::Uuid;

use super::{
    AppendError, BoxFuture, Commit, CommitId, Committed, Durability, EventLog, Fold, LogError,
    LogInfo, StreamEnd, StreamPage,
};
use crate::event::{Event, Position, StreamId, Timestamp, Version};
use bell::Listener;
use reader::Reader;
use schema::Place;
use writer::Writer;

mod bell;
mod chain;
mod known;
mod queue;
mod reader;
mod schema;
mod stream;
mod sweep;
mod transaction;
mod verify;
mod whereabouts;
mod writer;

pub use verify::{Progress, Verified};

/// Says what time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a log is opened.
#[derive(Clone)]
pub struct LogOptions {
    /// What an acknowledged commit survives; a power loss, unless it is relaxed.
    pub durability: Durability,
    /// What is refused.
    pub limits: Limits,
    /// How long an append waits for another process that writes: 10 s.
    pub lock_patience: Duration,
    /// Where `recorded_at` comes from: the system's clock.
    pub clock: Clock,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            limits: Limits::default(),
            lock_patience: Duration::from_secs(10),
            clock: Arc::new(Timestamp::now),
        }
    }
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogOptions")
            .field("durability", &self.durability)
            .field("limits", &self.limits)
            .field("lock_patience", &self.lock_patience)
            .finish_non_exhaustive()
    }
}

/// The largest that is stored. The defaults are the most there is: larger values count as those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an event's data: 1 MiB.
    pub data: usize,
    /// Bytes of an event's metadata, and of an imported event's source and id: 64 KiB.
    pub metadata: usize,
    /// Events a commit: 1,000.
    pub events_a_commit: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            data: 1024 * 1024,
            metadata: 64 * 1024,
            events_a_commit: 1000,
        }
    }
}

impl Limits {
    /// The smaller of each.
    fn min(self, other: Self) -> Self {
        Self {
            data: self.data.min(other.data),
            metadata: self.metadata.min(other.metadata),
            events_a_commit: self.events_a_commit.min(other.events_a_commit),
        }
    }
}

/// A log in a file `log.db`, with a folder `bell` beside it through which processes tell each other that
/// it has grown.
///
/// Dropping it stores what was handed over, ends its threads and closes the file.
///
/// ```
/// use highwater::event::{EventType, JsonObject, NewEvent, Position, StreamId};
/// use highwater::log::{Commit, CommitId, EventLog, Expected};
/// use highwater::log::sqlite::{LogOptions, SqliteLog};
///
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path();
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let log = SqliteLog::create_or_open(dir, LogOptions::default())?;
/// let placed = NewEvent::new(EventType::new("OrderPlaced")?, JsonObject::parse("{\"total\": 12}")?);
/// let committed = log
///     .append(Commit {
///         id: CommitId::new(),
///         stream: StreamId::new("order-1")?,
///         expected: Expected::Any,
///         events: vec![placed],
///     })
///     .await?;
/// assert_eq!(committed.last, Position::new(1));
/// assert_eq!(log.read_all(Position::START, 100).await?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SqliteLog {
    incarnation: Uuid,
    durability: Durability,
    head: watch::Sender<Position>,
    // Dropped in this order: whoever only reads cannot fold the WAL into the file, so the writer's
    // connection has to be the last one.
    _listener: Listener,
    reader: Reader,
    writer: Writer,
}

/// How many of the last events are checked when a log is opened.
const CHECKED_ON_OPENING: u64 = 100;

impl SqliteLog {
    /// Opens the log in a folder, making folder and log where there is none.
    ///
    /// A log of which single events are not as they were written is opened, so that everything else can be read.
    /// Appends go on too, hanging on the hashes as they are stored, so that what is damaged stays to be seen;
    /// unless the end is such that new events would take over what is wrong with it.
    ///
    /// Errors: the file is somebody else's or of a newer format (it is left untouched), damaged, or
    /// cannot be read and written.
    pub fn create_or_open(dir: &Path, options: LogOptions) -> Result<Self, LogError> {
        fs::create_dir_all(dir).map_err(|e| Place::io(dir, "cannot be made", &e))?;
        let place = Place::new(dir);
        if !place.inspect()? {
            place.create((options.clock)())?;
        }
        Self::open(place, options)
    }

    /// Opens the log in a folder where there is one.
    ///
    /// Errors: as [`Self::create_or_open`], and there is none.
    pub fn open_existing(dir: &Path, options: LogOptions) -> Result<Self, LogError> {
        let place = Place::new(dir);
        if !place.inspect()? {
            return Err(no_log(place.file));
        }
        Self::open(place, options)
    }

    /// Reads the whole log and checks it: positions and versions without holes, every hash, times that never go
    /// back, and that each event belongs to one commit whose events are there. Appends go on meanwhile; what came after the start is left out. `progress` is told now and then how far it
    /// is, and can break it off.
    ///
    /// What it cannot see is a log whose last events were cut off cleanly; a checkpoint beyond the head
    /// shows that.
    ///
    /// Errors: the file cannot be read.
    pub fn verify(
        &self,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Verified, LogError> {
        verify::verify(&self.reader, progress)
    }

    /// The same for the log in a folder that is not open: also one that would not open, because the file is
    /// damaged.
    ///
    /// Errors: there is none, or the file cannot be read.
    pub fn verify_in(
        dir: &Path,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Verified, LogError> {
        let place = Place::new(dir);
        if !place.inspect()? {
            return Err(no_log(place.file));
        }
        // Kept until the end, so that the readers are never alone with the file.
        let first = place.writer(Durability::default())?;
        let incarnation = place.incarnation(&first)?;
        verify::verify(&Reader::new(place, incarnation), progress)
    }

    fn open(place: Place, mut options: LogOptions) -> Result<Self, LogError> {
        options.limits = options.limits.min(Limits::default());
        let durability = options.durability;
        // Kept until the writer has its own, so that the readers here are never alone with the file.
        let first = place.writer(durability)?;
        let incarnation = place.incarnation(&first)?;
        let reader = Reader::new(place.clone(), incarnation);
        let last = reader.head()?;
        let unsound = reader.look_at_the_end(last, CHECKED_ON_OPENING, &options.clock)?;
        let head = watch::Sender::new(last);
        let listener = Listener::start(&place, head.clone())?;
        let genesis = chain::genesis(incarnation);
        let writer = Writer::start(place, genesis, options, head.clone(), unsound)?;
        Ok(Self {
            incarnation,
            durability,
            head,
            _listener: listener,
            reader,
            writer,
        })
    }
}

/// Announces a head, unless a later one is known already.
fn publish(sender: &watch::Sender<Position>, head: Position) {
    sender.send_if_modified(|known| {
        let later = head > *known;
        if later {
            *known = head;
        }
        later
    });
}

impl EventLog for SqliteLog {
    fn describe(&self) -> LogInfo {
        LogInfo {
            engine: "sqlite",
            incarnation: self.incarnation,
            durability: self.durability,
            clamped: self.writer.clamped(),
        }
    }

    fn append_all(
        &self,
        commits: Vec<Commit>,
    ) -> BoxFuture<'_, Vec<Result<Committed, AppendError>>> {
        Box::pin(self.writer.append(commits))
    }

    fn committed(&self, id: &CommitId) -> BoxFuture<'_, Result<Option<Committed>, LogError>> {
        let id = id.clone();
        Box::pin(async move { self.reader.committed(&id) })
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'_, Result<StreamPage, LogError>> {
        let stream = stream.clone();
        Box::pin(async move { self.reader.stream(&stream, after, limit) })
    }

    fn fold_stream<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Version,
        limit: usize,
        fold: &'a mut Fold<'_>,
    ) -> BoxFuture<'a, Result<StreamEnd, LogError>> {
        Box::pin(async move { self.reader.fold(stream, after, limit, fold) })
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, LogError>> {
        Box::pin(async move { self.reader.all(after, limit) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>> {
        Box::pin(async move { self.reader.head() })
    }

    fn wait(
        &self,
        after: Position,
        deadline: Option<Instant>,
    ) -> BoxFuture<'_, Result<Position, LogError>> {
        let mut heads = self.head.subscribe();
        Box::pin(async move {
            let past = heads.wait_for(|head| *head > after);
            let head = match deadline {
                None => past.await.map(|head| *head),
                Some(deadline) => match tokio::time::timeout_at(deadline.into(), past).await {
                    Ok(past) => past.map(|head| *head),
                    Err(_) => Ok(*self.head.borrow()),
                },
            };
            head.map_err(|_| LogError::Closed)
        })
    }
}

fn no_log(path: PathBuf) -> LogError {
    LogError::Io {
        path,
        reason: "there is no log yet: give the folder of an existing one".into(),
    }
}
