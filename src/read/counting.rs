//! A log for tests that counts the events it gives out.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::event::{Event, Position};
use crate::log::handing_on::hand_on;
use crate::log::sqlite::SqliteLog;
use crate::log::{BoxFuture, EventLog, LogError};

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
    hand_on!(log: describe append_all committed read_stream head wait);

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
}
