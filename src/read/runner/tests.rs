//! A page that takes too long.

use super::*;
use crate::event::{EventType, JsonObject, NewEvent, StreamId};
use crate::log::sqlite::{LogOptions, SqliteLog};
use crate::log::{Commit, CommitId, EventLog as _, Expected};
use crate::read::{AnswerError, ApplyError, Blame, Memory, Parameters, Row, Subscription};

/// Manages ten events at a time, and says so late: as one that comes to its time limit.
struct Slow(Subscription);

impl Projection for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn subscription(&self) -> &Subscription {
        &self.0
    }

    fn hash(&self) -> &str {
        "0123456789"
    }

    fn source(&self) -> &str {
        ""
    }

    fn create(&self, _: &rusqlite::Connection) -> Result<(), String> {
        Ok(())
    }

    fn apply(
        &self,
        _: &rusqlite::Connection,
        _: &mut Memory,
        events: &[Event],
    ) -> Result<(), ApplyError> {
        if events.len() <= 10 {
            return Ok(());
        }
        Err(ApplyError {
            index: (events.len() - 1).min(99),
            reason: "too slow".into(),
            blame: Blame::Event,
        })
    }

    fn answer(
        &self,
        _: &rusqlite::Connection,
        _: &str,
        _: &Parameters,
    ) -> Result<Vec<Row>, AnswerError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_page_that_takes_too_long_is_applied_in_smaller_parts() {
    let dir = tempfile::tempdir().unwrap();
    let log = SqliteLog::create_or_open(dir.path(), LogOptions::default()).unwrap();
    let commits = (0..400).map(|_| Commit {
        id: CommitId::new(),
        stream: StreamId::new("a-1").unwrap(),
        expected: Expected::Any,
        events: vec![NewEvent::new(
            EventType::new("A").unwrap(),
            JsonObject::empty(),
        )],
    });
    log.append_all(commits.collect()).await;
    let slow = Slow(Subscription::all());
    let model = Model::create(&dir.path().join("slow.db"), &slow, 1, None).unwrap();
    let policy = Policy::Live;
    let log: SharedLog = Arc::new(log);
    let mut runner = Runner::attach(Arc::new(slow), log, model, policy, Duration::ZERO)
        .await
        .unwrap();
    let mut monotonic = Duration::ZERO;
    while runner.checkpoint().position < Position::new(400) {
        let wall = Timestamp::UNIX_EPOCH;
        runner.step(Now { wall, monotonic }).await.unwrap();
        let stopped = runner.trouble().filter(|t| t.next_try.is_none());
        assert_eq!(stopped, None, "at {}", runner.checkpoint().position);
        monotonic += Duration::from_secs(1);
    }
    assert_eq!(runner.checkpoint().applied, 400);
}
