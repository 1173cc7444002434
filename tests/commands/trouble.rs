//! What cannot be provoked in time with a log alone: lost answers, and a rival who is always quicker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use highwater::event::{EventType, JsonObject, NewEvent, StreamId, Version};
use highwater::log::sqlite::SqliteLog;
use highwater::log::{
    AppendError, BoxFuture, Commit, CommitId, Committed, EventLog, Expected, LogError, StreamPage,
};

use super::handing_on::hand_on;

/// A real log whose answers get lost, or that somebody else is always quicker to write to.
pub struct Trouble {
    pub log: Arc<SqliteLog>,
    /// How often it was asked to append.
    pub appends: AtomicU32,
    /// How many events of streams it has given out.
    pub read: AtomicUsize,
    /// How many answers get lost, after the commit is stored.
    pub lost: u32,
    /// Stores an event of somebody else's before each commit.
    pub rival: bool,
}

impl EventLog for Trouble {
    hand_on!(log: describe committed read_all head wait);

    fn append_all(
        &self,
        commits: Vec<Commit>,
    ) -> BoxFuture<'_, Vec<Result<Committed, AppendError>>> {
        let append = self.appends.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let id = commits[0].id.clone();
            if self.rival {
                let data = JsonObject::parse("{\"name\":\"Mug\",\"quantity\":1}").unwrap();
                let event = NewEvent::new(EventType::new("ProductRestocked").unwrap(), data);
                let commit = Commit {
                    id: CommitId::new(),
                    stream: commits[0].stream.clone(),
                    expected: Expected::Any,
                    events: vec![event],
                };
                self.log.append(commit).await.unwrap();
            }
            let answers = self.log.append_all(commits).await;
            if append < self.lost {
                let reason = "the line is dead".into();
                return vec![Err(AppendError::Unknown { id, reason })];
            }
            answers
        })
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'_, Result<StreamPage, LogError>> {
        let page = self.log.read_stream(stream, after, limit);
        Box::pin(async move {
            let page = page.await?;
            self.read.fetch_add(page.events.len(), Ordering::SeqCst);
            Ok(page)
        })
    }
}
