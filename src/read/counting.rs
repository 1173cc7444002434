//! A log for tests that counts the events it gives out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::event::{Event, Position, StreamId, Version};
use crate::log::sqlite::SqliteLog;
use crate::log::{
    AppendError, BoxFuture, Commit, CommitId, Committed, EventLog, LogError, LogInfo, StreamPage,
};

/// A log that counts the events it gives out.
pub struct Counting {
    log: SqliteLog,
    given: AtomicUsize,
}

impl Counting {
    pub fn of(log: SqliteLog) -> Self {
        Self {
            log,
            given: AtomicUsize::new(0),
        }
    }

    /// How many events it gave out from the first on, whatever stream they are in.
    pub fn given(&self) -> usize {
        self.given.load(Ordering::Relaxed)
    }
}

impl EventLog for Counting {
    fn describe(&self) -> LogInfo {
        self.log.describe()
    }

    fn append_all(
        &self,
        commits: Vec<Commit>,
    ) -> BoxFuture<'_, Vec<Result<Committed, AppendError>>> {
        self.log.append_all(commits)
    }

    fn committed(&self, id: &CommitId) -> BoxFuture<'_, Result<Option<Committed>, LogError>> {
        self.log.committed(id)
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'_, Result<StreamPage, LogError>> {
        self.log.read_stream(stream, after, limit)
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, LogError>> {
        Box::pin(async move {
            let events = self.log.read_all(after, limit).await?;
            self.given.fetch_add(events.len(), Ordering::Relaxed);
            Ok(events)
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>> {
        self.log.head()
    }

    fn wait(
        &self,
        after: Position,
        deadline: Option<Instant>,
    ) -> BoxFuture<'_, Result<Position, LogError>> {
        self.log.wait(after, deadline)
    }
}
