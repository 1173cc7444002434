//! A stream that is folded: the same events as in its pages, whole or damaged, and whoever folds.

use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;
use std::sync::Arc;

use highwater::event::{StreamId, Version};
use highwater::log::EventLog;
use highwater::log::sqlite::SqliteLog;
use rusqlite::Connection;

use super::conformance::folds::folded;
use super::conformance::{self, block_on, commit, stream};
use super::handing_on::hand_on;
use super::open;

/// A log that only has what every log must have.
struct Bare(SqliteLog);

impl EventLog for Bare {
    hand_on!(0: describe append_all committed read_stream read_all head wait);
}

#[test]
fn a_log_that_folds_what_it_reads_keeps_every_promise_of_the_trait() {
    conformance::every_claim(|| {
        let dir = tempfile::tempdir().unwrap();
        (Arc::new(Bare(open(dir.path()))), Box::new(dir))
    });
}

/// What pages of a stream give, until one of them cannot be read.
fn read(log: &SqliteLog, stream: &StreamId) -> (Vec<u64>, String) {
    let mut seen = Vec::new();
    loop {
        let after = Version::new(seen.len() as u64);
        match block_on(log.read_stream(stream, after, 3)) {
            Ok(page) if page.events.is_empty() => return (seen, String::new()),
            Ok(page) => seen.extend(page.events.iter().map(|event| event.version.get())),
            Err(error) => return (seen, error.to_string()),
        }
    }
}

/// The same, folded.
fn fold(log: &SqliteLog, stream: &StreamId, page: usize) -> (Vec<u64>, String) {
    let mut seen = Vec::new();
    loop {
        let before = seen.len();
        let mut take = |event: highwater::event::EventRef<'_>| {
            seen.push(event.version.get());
            Continue(())
        };
        let after = Version::new(before as u64);
        match block_on(log.fold_stream(stream, after, page, &mut take)) {
            Ok(_) if seen.len() == before => return (seen, String::new()),
            Ok(_) => {}
            Err(error) => return (seen, error.to_string()),
        }
    }
}

fn tampered(dir: &Path, sql: &str) -> SqliteLog {
    let raw = Connection::open(dir.join("log.db")).unwrap();
    raw.execute_batch("DROP TRIGGER events_no_UPDATE; DROP TRIGGER events_no_DELETE")
        .unwrap();
    assert_eq!(raw.execute(sql, []).unwrap(), 1, "{sql}");
    drop(raw);
    open(dir)
}

#[test]
fn a_fold_stops_before_an_event_that_was_damaged_where_a_page_does_and_says_the_same() {
    for sql in [
        "UPDATE events SET type = '' WHERE position = 5",
        "UPDATE events SET type = CAST(x'ff' AS TEXT) WHERE position = 5",
        "UPDATE events SET data = CAST(x'ff' AS TEXT) WHERE position = 5",
        "UPDATE events SET metadata = CAST(x'ff' AS TEXT) WHERE position = 5",
    ] {
        let dir = tempfile::tempdir().unwrap();
        block_on(open(dir.path()).append(commit("order-1", 8))).unwrap();
        let log = tampered(dir.path(), sql);
        let (seen, error) = fold(&log, &stream("order-1"), 3);
        assert_eq!(seen, [1, 2, 3, 4], "{sql}");
        assert!(error.contains("damaged: event "), "{sql}: {error}");
        assert_eq!(read(&log, &stream("order-1")), (seen, error), "{sql}");
    }
}

#[test]
fn a_fold_over_a_missing_event_fails_as_a_page_does_however_large_its_pages_are() {
    for sql in [
        "DELETE FROM events WHERE position = 5",
        "UPDATE events SET version = 70 WHERE position = 5",
        "DELETE FROM events WHERE position = 1",
    ] {
        let dir = tempfile::tempdir().unwrap();
        block_on(open(dir.path()).append(commit("order-1", 8))).unwrap();
        let log = tampered(dir.path(), sql);
        let (_, said) = read(&log, &stream("order-1"));
        assert!(said.contains("is missing before it"), "{sql}: {said}");
        for page in 1..=10 {
            let (_, error) = fold(&log, &stream("order-1"), page);
            assert_eq!(error, said, "{sql}: pages of {page}");
        }
    }
}

#[test]
fn a_fold_that_breaks_off_behind_a_missing_event_fails() {
    let dir = tempfile::tempdir().unwrap();
    block_on(open(dir.path()).append(commit("order-1", 8))).unwrap();
    let log = tampered(dir.path(), "DELETE FROM events WHERE position = 5");
    for (after, fails) in [(4, false), (5, true), (7, true)] {
        let mut seen = 0;
        let mut take = |_: highwater::event::EventRef<'_>| {
            seen += 1;
            if seen < after {
                Continue(())
            } else {
                Break(())
            }
        };
        let folded = block_on(log.fold_stream(&stream("order-1"), Version::NONE, 100, &mut take));
        assert_eq!(folded.is_err(), fails, "after {after}: {folded:?}");
    }
}

#[test]
fn a_system_streams_event_that_was_changed_is_refused_to_a_fold_too() {
    for sql in [
        "UPDATE events SET data = '{\"n\":7}' WHERE position = 5",
        "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 5",
    ] {
        let dir = tempfile::tempdir().unwrap();
        block_on(open(dir.path()).append(commit("$projection-a", 8))).unwrap();
        let log = tampered(dir.path(), sql);
        let (seen, error) = fold(&log, &stream("$projection-a"), 3);
        assert_eq!(seen, [1, 2, 3, 4], "{sql}");
        assert!(error.contains("event 5: it was changed"), "{sql}: {error}");
    }
}

#[test]
fn folding_leaves_no_transaction_open() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    block_on(log.append(commit("order-1", 8))).unwrap();
    let (events, _) = block_on(folded(&log, &stream("order-1"), Version::NONE, 2));
    assert_eq!(events.len(), 2);
    let raw = Connection::open(dir.path().join("log.db")).unwrap();
    let answer = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (busy, left): (i64, i64) = raw
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], answer)
        .unwrap();
    assert_eq!((busy, left), (0, 0));
}
