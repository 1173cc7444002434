//! Who waits for an answer, and gets one: also behind another process's lock, a panic, or a neighbour that is damaged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use highwater::event::Timestamp;
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::log::{AppendError, EventLog};
use rusqlite::Connection;

use super::conformance::{block_on, commit};
use super::open;
use super::writing::locked;

const PATIENCE: Duration = Duration::from_millis(300);

fn impatient(dir: &Path) -> Arc<SqliteLog> {
    let options = LogOptions {
        lock_patience: PATIENCE,
        ..LogOptions::default()
    };
    Arc::new(SqliteLog::create_or_open(dir, options).unwrap())
}

#[test]
fn everybody_who_waits_for_a_lock_is_answered_within_about_the_patience() {
    let dir = tempfile::tempdir().unwrap();
    let log = impatient(dir.path());
    let _other = locked(dir.path());
    let began = Instant::now();
    block_on(async {
        let callers: Vec<_> = (0..10)
            .map(|n| {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    log.append(commit(&format!("order-{n}"), 1))
                        .await
                        .unwrap_err()
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    });
    assert!(began.elapsed() < 7 * PATIENCE, "{:?}", began.elapsed());
}

#[test]
fn a_log_whose_callers_have_gone_is_closed_within_about_the_patience() {
    let dir = tempfile::tempdir().unwrap();
    let log = impatient(dir.path());
    let _other = locked(dir.path());
    block_on(async {
        for n in 0..10 {
            let one = log.append(commit(&format!("order-{n}"), 1));
            let _ = tokio::time::timeout(Duration::from_millis(5), one).await;
        }
    });
    let began = Instant::now();
    drop(log);
    assert!(began.elapsed() < 7 * PATIENCE, "{:?}", began.elapsed());
}

#[test]
fn a_panic_of_the_thread_that_writes_leaves_nobody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let armed = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&armed);
    let options = LogOptions {
        clock: Arc::new(move || {
            assert!(!stops.load(Ordering::Relaxed), "the clock has stopped");
            Timestamp::now()
        }),
        ..LogOptions::default()
    };
    let log = SqliteLog::create_or_open(dir.path(), options).unwrap();
    armed.store(true, Ordering::Relaxed);
    let two = vec![commit("order-1", 1), commit("order-2", 1)];
    let answers = block_on(async {
        let answers = log.append_all(two);
        tokio::time::timeout(Duration::from_secs(30), answers).await
    });
    let answers = answers.expect("an answer");
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
}

#[test]
fn nothing_is_recorded_before_it_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(open(dir.path()));
    let stop = Arc::new(AtomicBool::new(false));
    block_on(async {
        let busy = {
            let (log, stop) = (Arc::clone(&log), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let many = (0..400).map(|n| commit(&format!("order-{n}"), 1)).collect();
                    log.append_all(many).await;
                }
            })
        };
        for n in 0..300 {
            // Times are stored in whole microseconds.
            let asked = Timestamp::now().as_microsecond();
            let committed = log.append(commit(&format!("other-{n}"), 1)).await.unwrap();
            let recorded = committed.recorded_at.as_microsecond();
            assert!(recorded >= asked, "{} µs before", asked - recorded);
        }
        stop.store(true, Ordering::Relaxed);
        busy.await.unwrap();
    });
}

#[test]
fn a_repetition_of_what_is_damaged_fails_alone_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let one = commit("order-1", 1);
    block_on(log.append(one.clone())).unwrap();
    block_on(log.append(commit("order-2", 1))).unwrap();
    let raw = Connection::open(dir.path().join("log.db")).unwrap();
    raw.execute_batch("DROP TRIGGER events_no_DELETE; DELETE FROM events WHERE position = 1")
        .unwrap();
    let three = vec![commit("order-3", 1), one, commit("order-4", 1)];
    let answers = block_on(log.append_all(three));
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    let Err(AppendError::NotStored(why)) = &answers[1] else {
        panic!("{:?}", answers[1]);
    };
    assert!(why.to_string().contains("was stored before"), "{why}");
}
