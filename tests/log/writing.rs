//! The thread that writes: grouping, the clock, another process's lock, limits that are set lower.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use highwater::event::{Position, StreamId, Timestamp, Version};
use highwater::log::sqlite::{Limits, LogOptions, SqliteLog};
use highwater::log::{AppendError, Commit, CommitId, EventLog, Expected, LogError, StreamHead};
use proptest::prelude::*;
use rusqlite::Connection;

use super::conformance::{
    assert_without_holes, block_on, commit, event, everything, expecting, stream,
};
use super::open;

/// A connection of somebody who holds the write lock.
pub fn locked(dir: &std::path::Path) -> Connection {
    let raw = Connection::open(dir.join("log.db")).unwrap();
    raw.busy_timeout(Duration::from_secs(5)).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    raw
}

#[test]
fn a_clock_that_steps_back_is_clamped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let times = Arc::new(Mutex::new(vec![30, 20, 10, 10]));
    let clock = move || Timestamp::from_second(times.lock().unwrap().pop().unwrap()).unwrap();
    // The first is asked when the log is made.
    let options = LogOptions {
        clock: Arc::new(clock),
        ..LogOptions::default()
    };
    let log = SqliteLog::create_or_open(dir.path(), options).unwrap();
    block_on(log.append(commit("order-1", 1))).unwrap();
    block_on(log.append(commit("order-1", 1))).unwrap();
    block_on(log.append(commit("order-1", 1))).unwrap();
    assert_eq!(log.describe().clamped, 0);
    drop(log);
    let options = LogOptions {
        clock: Arc::new(|| Timestamp::from_second(5).unwrap()),
        ..LogOptions::default()
    };
    let log = SqliteLog::create_or_open(dir.path(), options).unwrap();
    let committed = block_on(log.append(commit("order-1", 2))).unwrap();
    assert_eq!(committed.recorded_at, Timestamp::from_second(30).unwrap());
    block_on(log.append(commit("order-1", 1))).unwrap();
    assert_eq!(log.describe().clamped, 2);
    let events = block_on(everything(&log));
    let seconds: Vec<_> = events.iter().map(|e| e.recorded_at.as_second()).collect();
    assert_eq!(seconds, [10, 20, 30, 30, 30, 30]);
}

#[test]
fn times_are_kept_in_whole_microseconds() {
    let dir = tempfile::tempdir().unwrap();
    let options = LogOptions {
        clock: Arc::new(|| Timestamp::new(7, 123_456_789).unwrap()),
        ..LogOptions::default()
    };
    let log = SqliteLog::create_or_open(dir.path(), options).unwrap();
    let committed = block_on(log.append(commit("order-1", 1))).unwrap();
    assert_eq!(
        committed.recorded_at,
        Timestamp::new(7, 123_456_000).unwrap()
    );
    assert_eq!(
        block_on(everything(&log))[0].recorded_at,
        committed.recorded_at
    );
}

#[test]
fn limits_can_be_lowered_but_not_raised() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        data: 6,
        metadata: usize::MAX,
        events_a_commit: usize::MAX,
    };
    let options = LogOptions {
        limits,
        ..LogOptions::default()
    };
    let log = SqliteLog::create_or_open(dir.path(), options).unwrap();
    let refused = block_on(log.append(commit("order-1", 1))).unwrap_err();
    assert_eq!(refused.to_string(), "data of 7 bytes: the limit is 6 bytes");
    let refused = block_on(log.append(commit("order-1", 1001))).unwrap_err();
    assert!(matches!(refused, AppendError::Limit { .. }), "{refused:?}");
}

#[test]
fn a_lock_held_for_too_long_is_reported_and_nothing_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let options = LogOptions {
        lock_patience: Duration::from_millis(30),
        ..LogOptions::default()
    };
    let log = SqliteLog::create_or_open(dir.path(), options).unwrap();
    let other = locked(dir.path());
    let mine = commit("order-1", 1);
    let refused = block_on(log.append(mine.clone())).unwrap_err();
    let AppendError::NotStored(LogError::Locked { path, waited }) = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(path, &dir.path().join("log.db"));
    assert!(*waited >= Duration::from_millis(30));
    assert_eq!(block_on(log.committed(&mine.id)).unwrap(), None);
    drop(other);
    assert!(!block_on(log.append(mine)).unwrap().repeated);
}

#[test]
fn appends_that_wait_together_share_a_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(open(dir.path()));
    let other = locked(dir.path());
    block_on(async {
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let log = Arc::clone(&log);
                tokio::spawn(async move { log.append(commit(&format!("s-{n}"), 1)).await })
            })
            .collect();
        // By then every one of them has handed its commit over.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        drop(other);
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
    // Each transaction writes the pages that it changed, at least one of each table and index, with 24 bytes before.
    let wal = std::fs::metadata(dir.path().join("log.db-wal")).unwrap();
    let pages = wal.len() / (8192 + 24);
    assert!(pages < 300, "{pages} pages for 200 commits");
}

#[test]
fn a_conflict_does_not_fail_those_who_share_its_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(open(dir.path()));
    block_on(log.append(commit("taken-1", 1))).unwrap();
    let other = locked(dir.path());
    block_on(async {
        let tasks: Vec<_> = (0..60)
            .map(|n| {
                let log = Arc::clone(&log);
                let mine = match n % 3 {
                    0 => expecting("taken-1", StreamHead::NONE),
                    1 => commit("order-1", 0),
                    _ => commit("order-1", 2),
                };
                tokio::spawn(async move { (n % 3, log.append(mine).await) })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(other);
        for task in tasks {
            match task.await.unwrap() {
                (0, Err(AppendError::Conflict { .. })) | (1, Err(AppendError::Limit { .. })) => {}
                (2, Ok(committed)) => assert!(!committed.repeated),
                other => panic!("{other:?}"),
            }
        }
    });
    assert_without_holes(&block_on(everything(&*log)));
    assert_eq!(block_on(log.head()).unwrap(), Position::new(41));
}

#[test]
fn an_import_lets_a_single_append_pass() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(open(dir.path()));
    block_on(async {
        let importer = Arc::clone(&log);
        let import = tokio::spawn(async move {
            let commits = (0..20_000).map(|n| commit(&format!("s-{n}"), 1)).collect();
            importer.append_all(commits).await
        });
        let head = log.wait(Position::START, None).await.unwrap();
        let single = log.append(commit("single-1", 1)).await.unwrap();
        assert!(single.last.since(head) < 5_000, "{head} {}", single.last);
        for answer in import.await.unwrap() {
            answer.unwrap();
        }
    });
    assert_without_holes(&block_on(everything(&*log)));
}

#[test]
fn what_was_handed_over_is_stored_although_nobody_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    block_on(async {
        let mut append = log.append(commit("order-1", 1));
        let waited = tokio::time::timeout(Duration::ZERO, &mut append).await;
        drop((waited, append));
    });
    drop(log);
    assert_eq!(block_on(open(dir.path()).head()).unwrap(), Position::new(1));
}

/// What somebody might append, over few streams and few ids.
#[derive(Debug, Clone)]
struct Step {
    stream: u8,
    id: Option<u8>,
    expected: Option<u8>,
    events: u8,
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = (
        0..3u8,
        proptest::option::of(0..4u8),
        proptest::option::of(0..5u8),
        0..4u8,
    );
    let step = step.prop_map(|(stream, id, expected, events)| Step {
        stream,
        id,
        expected,
        events,
    });
    proptest::collection::vec(proptest::collection::vec(step, 1..8), 1..8)
}

/// What a log does, as a list would do it.
#[derive(Default)]
struct List {
    streams: HashMap<StreamId, u64>,
    ids: HashMap<u8, Position>,
    head: u64,
}

impl List {
    /// The last position that a step comes to, and whether it was there before; `None` if refused.
    fn append(&mut self, step: &Step) -> Option<(Position, bool)> {
        if step.events == 0 {
            return None;
        }
        if let Some(last) = step.id.and_then(|id| self.ids.get(&id)) {
            return Some((*last, true));
        }
        let version = self.streams.entry(name(step.stream)).or_default();
        if step
            .expected
            .is_some_and(|expected| u64::from(expected) != *version)
        {
            return None;
        }
        *version += u64::from(step.events);
        self.head += u64::from(step.events);
        let last = Position::new(self.head);
        if let Some(id) = step.id {
            self.ids.insert(id, last);
        }
        Some((last, false))
    }
}

fn name(n: u8) -> StreamId {
    stream(&format!("s-{n}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_appends_come_to_what_a_list_would_hold(batches in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path());
        let mut list = List::default();
        for batch in batches {
            let mut heads = HashMap::from([(0, StreamHead::NONE)]);
            for n in 0..3 {
                let page = block_on(log.read_stream(&name(n), Version::NONE, 1)).unwrap();
                heads.insert(page.version.get(), page.head);
            }
            // Only a head that somebody could have read can be expected.
            let known = |step: &Step| step.expected.is_none_or(|v| heads.contains_key(&u64::from(v)));
            let batch: Vec<_> = batch.into_iter().filter(known).collect();
            let commits = batch.iter().map(|step| Commit {
                id: step.id.map_or_else(CommitId::new, |id| CommitId::Key(id.to_string())),
                stream: name(step.stream),
                expected: match step.expected {
                    Some(version) => Expected::Head(heads[&u64::from(version)]),
                    None => Expected::Any,
                },
                events: (0..step.events.into()).map(event).collect(),
            });
            let answers = block_on(log.append_all(commits.collect()));
            for (step, answer) in batch.iter().zip(answers) {
                let found = answer.ok().map(|committed| (committed.last, committed.repeated));
                prop_assert_eq!(found, list.append(step), "{:?}", step);
            }
            drop(log);
            log = open(dir.path());
        }
        let events = block_on(everything(&log));
        assert_without_holes(&events);
        prop_assert_eq!(events.len() as u64, list.head);
    }
}

#[test]
fn waiting_for_a_lock_does_not_hold_up_reading() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(open(dir.path()));
    block_on(log.append(commit("order-1", 1))).unwrap();
    let other = locked(dir.path());
    block_on(async {
        let writer = Arc::clone(&log);
        let append = tokio::spawn(async move { writer.append(commit("order-1", 1)).await });
        let deadline = Instant::now() + Duration::from_millis(20);
        assert_eq!(
            log.wait(Position::new(1), Some(deadline)).await.unwrap(),
            Position::new(1)
        );
        assert_eq!(everything(&*log).await.len(), 1);
        drop(other);
        append.await.unwrap().unwrap();
    });
}
