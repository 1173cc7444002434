//! A log at which its user dies: from the so-manieth append on nothing comes back any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use highwater::event::{Event, Position, StreamId, Version};
use highwater::log::sqlite::SqliteLog;
use highwater::log::{
    AppendError, BoxFuture, Commit, CommitId, Committed, EventLog, LogError, StreamPage,
};

use super::handing_on::hand_on;

/// A real log, until death.
pub struct Dying {
    log: Arc<SqliteLog>,
    /// How many appends are still answered.
    left: AtomicI64,
    /// Whether the last one, which is not answered, is stored.
    stored: bool,
}

impl Dying {
    pub fn after(log: &Arc<SqliteLog>, appends: i64, stored: bool) -> Arc<Self> {
        Arc::new(Self {
            log: Arc::clone(log),
            left: AtomicI64::new(appends),
            stored,
        })
    }

    fn alive(&self) -> Result<(), LogError> {
        if self.left.load(Ordering::SeqCst) < 0 {
            Err(LogError::Closed)
        } else {
            Ok(())
        }
    }
}

impl EventLog for Dying {
    hand_on!(log: describe head wait);

    fn append_all(
        &self,
        commits: Vec<Commit>,
    ) -> BoxFuture<'_, Vec<Result<Committed, AppendError>>> {
        Box::pin(async move {
            let left = self.left.fetch_sub(1, Ordering::SeqCst);
            let lost = || Err(AppendError::NotStored(LogError::Closed));
            let none = commits.iter().map(|_| lost()).collect();
            if left > 0 {
                return self.log.append_all(commits).await;
            }
            if left == 0 && self.stored {
                self.log.append_all(commits).await;
            }
            none
        })
    }

    fn committed(&self, id: &CommitId) -> BoxFuture<'_, Result<Option<Committed>, LogError>> {
        let id = id.clone();
        Box::pin(async move {
            self.alive()?;
            self.log.committed(&id).await
        })
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'_, Result<StreamPage, LogError>> {
        let stream = stream.clone();
        Box::pin(async move {
            self.alive()?;
            self.log.read_stream(&stream, after, limit).await
        })
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, LogError>> {
        Box::pin(async move {
            self.alive()?;
            self.log.read_all(after, limit).await
        })
    }
}
