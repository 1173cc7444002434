//! The file itself: strangers, newer formats, damage, and what cannot be changed.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use highwater::event::{Position, Version};
use highwater::log::sqlite::{LogOptions, SqliteLog, Verified};
use highwater::log::{AppendError, EventLog, LogError};
use rusqlite::Connection;

use super::conformance::{block_on, commit, everything, stream};
use super::open;

/// Every file of a folder with its bytes.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Opening is refused and leaves every byte as it was.
fn refused(dir: &Path) -> LogError {
    let before = contents(dir);
    let error = SqliteLog::create_or_open(dir, LogOptions::default()).unwrap_err();
    assert_eq!(contents(dir), before, "{error}");
    let error = SqliteLog::open_existing(dir, LogOptions::default()).unwrap_err();
    assert_eq!(contents(dir), before, "{error}");
    error
}

/// A folder with a log of so many events of a stream each, closed.
fn folder(events: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let commits = (0..events).map(|n| commit(&format!("order-{n}"), 1));
    for answer in block_on(log.append_all(commits.collect())) {
        answer.unwrap();
    }
    dir
}

fn verified(dir: &Path) -> Verified {
    open(dir)
        .verify(&mut |_| ControlFlow::Continue(()))
        .unwrap()
}

#[test]
fn somebody_elses_database_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let other = Connection::open(dir.path().join("log.db")).unwrap();
    other
        .execute_batch("CREATE TABLE events (x); INSERT INTO events VALUES (1)")
        .unwrap();
    drop(other);
    let error = refused(dir.path());
    assert!(matches!(error, LogError::NotALog { .. }), "{error:?}");
    assert!(error.to_string().contains("another program"), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log.db"), "Dear diary, today …").unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, LogError::NotALog { .. }), "{error:?}");
    assert!(error.to_string().contains("not a SQLite file"), "{error}");
}

#[test]
fn a_folder_in_the_files_place_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("log.db")).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, LogError::NotALog { .. }), "{error:?}");
}

#[test]
fn a_file_in_the_folders_place_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    fs::write(&path, "x").unwrap();
    let error = SqliteLog::create_or_open(&path, LogOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    assert!(
        error.to_string().contains("choose another folder"),
        "{error}"
    );
}

#[test]
fn a_newer_format_is_refused_untouched() {
    let dir = folder(1);
    let raw = Connection::open(dir.path().join("log.db")).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let error = refused(dir.path());
    assert!(
        matches!(
            error,
            LogError::Newer {
                found: 99,
                known: 1,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn opening_an_existing_log_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    let error = SqliteLog::open_existing(dir.path(), LogOptions::default()).unwrap_err();
    assert!(error.to_string().contains("there is no log yet"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_emptied_file_is_refused_untouched_until_somebody_removes_it() {
    let dir = folder(3);
    fs::write(dir.path().join("log.db"), "").unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, LogError::Emptied { .. }), "{error:?}");
    assert!(error.to_string().contains("remove the file"), "{error}");
    fs::remove_file(dir.path().join("log.db")).unwrap();
    block_on(open(dir.path()).append(commit("order-1", 1))).unwrap();
    assert_eq!(block_on(open(dir.path()).head()).unwrap(), Position::new(1));
}

#[test]
fn a_half_made_draft_does_not_stand_in_the_way() {
    let whole = fs::read(folder(0).path().join("log.db")).unwrap();
    for length in [0, 1, 100, 8192, whole.len() / 2, whole.len()] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("log.db-new"), &whole[..length]).unwrap();
        block_on(open(dir.path()).append(commit("order-1", 1))).unwrap();
    }
}

#[test]
fn a_wal_whose_file_is_gone_is_not_poured_into_a_new_log() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log.db-wal"), "left behind").unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, LogError::Damaged { .. }), "{error:?}");
}

#[test]
fn a_log_opened_again_is_the_same_log() {
    let dir = folder(300);
    let log = open(dir.path());
    let events = block_on(everything(&log));
    let about = log.describe();
    drop(log);
    assert!(
        !dir.path().join("log.db-wal").exists(),
        "the file was not closed"
    );
    let log = open(dir.path());
    assert_eq!(log.describe(), about);
    assert_eq!(block_on(everything(&log)), events);
    assert_ne!(
        open(folder(0).path()).describe().incarnation,
        about.incarnation
    );
}

#[test]
fn two_that_make_a_log_at_once_make_one() {
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let incarnations: Vec<_> = std::thread::scope(|scope| {
            let make = || scope.spawn(|| open(dir.path()).describe().incarnation);
            let both = [make(), make()];
            both.map(|thread| thread.join().unwrap()).into()
        });
        assert_eq!(incarnations[0], incarnations[1]);
    }
}

#[test]
fn nothing_that_is_stored_can_be_updated_or_deleted() {
    let dir = folder(2);
    let log = open(dir.path());
    let mut keyed = commit("order-1", 1);
    keyed.id = highwater::log::CommitId::Key("k".into());
    block_on(log.append(keyed)).unwrap();
    drop(log);
    let raw = Connection::open(dir.path().join("log.db")).unwrap();
    for sql in [
        "UPDATE events SET data = '{}'",
        "DELETE FROM events WHERE position = 1",
        "UPDATE commits SET first = 0",
        "DELETE FROM commits",
        "UPDATE keys SET first = 0",
        "DELETE FROM keys",
        "UPDATE meta SET created_at = 0",
        "DELETE FROM meta",
    ] {
        let error = raw.execute(sql, []).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
}

#[test]
fn two_events_with_one_version_are_refused_by_the_file_itself() {
    let dir = folder(1);
    let raw = Connection::open(dir.path().join("log.db")).unwrap();
    let error = raw
        .execute(
            "INSERT INTO events SELECT 2, stream, version, type, id, source, recorded_at, time, hash,
             data, metadata FROM events",
            [],
        )
        .unwrap_err();
    assert!(error.to_string().contains("UNIQUE"), "{error}");
}

/// Changes the file as somebody would who takes the triggers away first.
fn tamper(dir: &Path, sql: &str) {
    let raw = Connection::open(dir.join("log.db")).unwrap();
    raw.execute_batch(&format!(
        "DROP TRIGGER events_no_UPDATE; DROP TRIGGER events_no_DELETE; {sql}"
    ))
    .unwrap();
}

#[test]
fn what_was_changed_removed_or_reordered_is_noticed_with_its_position() {
    for (sql, position) in [
        ("UPDATE events SET data = '{\"n\":1}' WHERE position = 7", 7),
        ("UPDATE events SET type = 'Else' WHERE position = 7", 7),
        (
            "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 7",
            7,
        ),
        ("UPDATE events SET time = 0 WHERE position = 7", 7),
        ("UPDATE events SET version = 9 WHERE position = 7", 7),
        (
            "UPDATE events SET hash = zeroblob(32) WHERE position = 7",
            7,
        ),
        ("UPDATE events SET hash = zeroblob(7) WHERE position = 7", 7),
        (
            "UPDATE events SET stream = 'a' || char(27) WHERE position = 7",
            7,
        ),
        ("DELETE FROM events WHERE position = 7", 7),
        ("DELETE FROM events WHERE position = 1", 1),
        (
            "UPDATE events SET position = 999 WHERE position = 7;
             UPDATE events SET position = 7 WHERE position = 8;
             UPDATE events SET position = 8 WHERE position = 999",
            7,
        ),
    ] {
        let dir = folder(200);
        tamper(dir.path(), sql);
        let log = open(dir.path());
        let before = Position::new(position - 1);
        if position > 1 {
            let page = block_on(log.read_all(Position::START, 50)).unwrap();
            assert_eq!(page.last().unwrap().position, before, "{sql}");
        }
        let error = block_on(log.read_all(before, 50)).unwrap_err();
        assert!(
            matches!(error, LogError::Damaged { .. }),
            "{sql}: {error:?}"
        );
        assert!(
            error.to_string().contains(&format!("event {position}")),
            "{sql}: {error}"
        );
        match verified(dir.path()) {
            Verified::Flawed { position: at, .. } => {
                assert_eq!(at, Position::new(position), "{sql}")
            }
            other => panic!("{sql}: {other:?}"),
        }
        // What lies after it can still be read.
        assert_eq!(
            block_on(log.read_all(Position::new(9), 50)).unwrap().len(),
            50
        );
    }
}

/// The first position that is not as it was written.
fn flawed(dir: &Path) -> u64 {
    match verified(dir) {
        Verified::Flawed { position, .. } => position.get(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn behind_a_change_at_the_end_the_log_goes_on_and_the_change_stays_to_be_seen() {
    for sql in [
        "UPDATE events SET data = '{\"n\":7}' WHERE position = 200",
        "UPDATE events SET hash = zeroblob(32) WHERE position = 200",
        "UPDATE events SET data = '{\"n\":7}', hash = randomblob(32) WHERE position = 200",
        "UPDATE events SET recorded_at = 5 WHERE position = 200",
    ] {
        let dir = folder(200);
        tamper(dir.path(), sql);
        let log = open(dir.path());
        let committed = block_on(log.append(commit("order-7", 3))).unwrap();
        assert_eq!(committed.first, Position::new(201), "{sql}");
        let after = block_on(log.read_all(Position::new(200), 10)).unwrap();
        assert_eq!(after.len(), 3, "{sql}");
        drop(log);
        assert_eq!(flawed(dir.path()), 200, "{sql}");
    }
}

#[test]
fn what_was_changed_at_the_end_and_is_put_back_leaves_a_whole_log() {
    let dir = folder(200);
    let data: String = Connection::open(dir.path().join("log.db"))
        .unwrap()
        .query_row("SELECT data FROM events WHERE position = 200", [], |row| {
            row.get(0)
        })
        .unwrap();
    tamper(
        dir.path(),
        "UPDATE events SET data = '{\"n\":7}' WHERE position = 200",
    );
    block_on(open(dir.path()).append(commit("order-7", 3))).unwrap();
    assert_eq!(flawed(dir.path()), 200);
    let raw = Connection::open(dir.path().join("log.db")).unwrap();
    raw.execute("UPDATE events SET data = ? WHERE position = 200", [data])
        .unwrap();
    drop(raw);
    let outcome = verified(dir.path());
    assert!(matches!(outcome, Verified::Whole { .. }), "{outcome:?}");
}

#[test]
fn nothing_is_appended_where_it_would_take_over_what_is_wrong_with_the_end() {
    for (sql, last) in [
        (
            "UPDATE events SET position = 1000000000000 WHERE position = 200",
            1_000_000_000_000,
        ),
        ("DELETE FROM events WHERE position = 199", 200),
        (
            "UPDATE events SET recorded_at = recorded_at + 1000000000000 WHERE position = 200",
            200,
        ),
        (
            "UPDATE events SET hash = zeroblob(7) WHERE position = 200",
            200,
        ),
    ] {
        let dir = folder(200);
        tamper(dir.path(), sql);
        let log = open(dir.path());
        let error = block_on(log.append(commit("order-7", 3))).unwrap_err();
        for words in [
            "not stored",
            &format!("event {last}"),
            "nothing is appended",
            "restore a backup",
        ] {
            assert!(error.to_string().contains(words), "{sql}: {error}");
        }
        assert_eq!(
            block_on(log.read_all(Position::new(100), 50))
                .unwrap()
                .len(),
            50
        );
        assert_eq!(block_on(log.head()).unwrap(), Position::new(last));
    }
}

#[test]
fn an_event_of_a_system_stream_that_was_changed_hides_nothing_but_itself() {
    for sql in [
        "UPDATE events SET data = 'no JSON' WHERE position = 11",
        "UPDATE events SET type = 'Else' WHERE position = 11",
        "UPDATE events SET hash = zeroblob(32) WHERE position = 11",
        "UPDATE events SET hash = zeroblob(7) WHERE position = 11",
    ] {
        let dir = folder(10);
        let log = open(dir.path());
        for name in ["$projection-a", "order-1", "$projection-a", "order-2"] {
            block_on(log.append(commit(name, 1))).unwrap();
        }
        drop(log);
        tamper(dir.path(), sql);
        let log = open(dir.path());
        assert_eq!(block_on(everything(&log)).len(), 14, "{sql}");
        let (stream, none) = (stream("$projection-a"), Version::NONE);
        let error = block_on(log.read_stream(&stream, none, 10)).unwrap_err();
        assert!(error.to_string().contains("event 11"), "{sql}: {error}");
        let rest = block_on(log.read_stream(&stream, Version::new(1), 10)).unwrap();
        assert_eq!(rest.events.len(), 1, "{sql}");
        drop(log);
        assert_eq!(flawed(dir.path()), 11, "{sql}");
    }
}

#[test]
fn a_changed_byte_is_noticed() {
    let dir = folder(300);
    let path = dir.path().join("log.db");
    let whole = fs::read(&path).unwrap();
    let id = block_on(everything(&open(dir.path())))[10].id.clone();
    // A page that was split keeps what was moved away, so the id may stand there more than once.
    let places: Vec<_> = whole
        .windows(id.len())
        .enumerate()
        .filter(|(_, bytes)| *bytes == id.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    for bit in [0x01, 0x20, 0x80] {
        let mut changed = whole.clone();
        for at in &places {
            changed[at + 5] ^= bit;
        }
        fs::write(&path, &changed).unwrap();
        let log = open(dir.path());
        let page = block_on(log.read_all(Position::START, 300)).unwrap();
        assert_eq!(page.len(), 10);
        let error = block_on(log.read_all(Position::new(10), 300)).unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains("event 11"), "{error}");
        match verified(dir.path()) {
            Verified::Flawed { position, .. } => assert_eq!(position, Position::new(11)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_log_cut_off_anywhere_is_reported_and_never_panics() {
    let dir = folder(600);
    let path = dir.path().join("log.db");
    let whole = fs::read(&path).unwrap();
    for part in 1..40 {
        let length = whole.len() * part / 40 + part % 3;
        fs::write(&path, &whole[..length]).unwrap();
        let outcome = SqliteLog::open_existing(dir.path(), LogOptions::default())
            .and_then(|log| log.verify(&mut |_| ControlFlow::Continue(())));
        match outcome {
            Err(LogError::Damaged { path: named, .. }) => assert_eq!(named, path),
            Ok(Verified::Flawed { .. }) => {}
            other => panic!("{length} bytes: {other:?}"),
        }
        let _ = fs::remove_file(dir.path().join("log.db-wal"));
        let _ = fs::remove_file(dir.path().join("log.db-shm"));
    }
    fs::write(&path, &whole[..50]).unwrap();
    assert!(matches!(refused(dir.path()), LogError::Damaged { .. }));
}

#[test]
fn a_whole_log_verifies_and_says_how_far_it_is() {
    let dir = folder(2500);
    let log = open(dir.path());
    block_on(log.append(commit("order-7", 3))).unwrap();
    let mut seen = Vec::new();
    let outcome = log.verify(&mut |progress| {
        assert_eq!(progress.of, 3 * 2503);
        seen.push(progress.done);
        ControlFlow::Continue(())
    });
    let whole = Verified::Whole {
        head: Position::new(2503),
        streams: 2500,
    };
    assert_eq!(outcome.unwrap(), whole);
    assert_eq!(seen, [1000, 2000, 2503, 3503, 4503, 6006, 7006]);
    let outcome = log.verify(&mut |_| ControlFlow::Break(()));
    assert_eq!(
        outcome.unwrap(),
        Verified::Stopped {
            at: Position::new(1000)
        }
    );
    let outcome = log.verify(&mut |progress| match progress.done {
        4503 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    let stopped = Verified::Stopped {
        at: Position::new(2503),
    };
    assert_eq!(outcome.unwrap(), stopped, "along the streams");
    let outcome = log.verify(&mut |progress| match progress.done {
        7006 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert_eq!(outcome.unwrap(), stopped, "along the commits");
}

#[test]
fn a_commit_and_its_events_that_do_not_agree_are_noticed_with_the_position() {
    for (sql, position) in [
        ("DELETE FROM commits WHERE first = 7", 7),
        ("DELETE FROM keys", 21),
        ("UPDATE commits SET last = 8 WHERE first = 7", 8),
        ("UPDATE commits SET first = 0 WHERE first = 7", 0),
        ("DELETE FROM events WHERE position > 15", 16),
        ("DELETE FROM events WHERE position = 21", 21),
    ] {
        let dir = folder(20);
        let mut keyed = commit("order-1", 1);
        keyed.id = highwater::log::CommitId::Key("k".into());
        block_on(open(dir.path()).append(keyed)).unwrap();
        let commits = "DROP TRIGGER commits_no_UPDATE; DROP TRIGGER commits_no_DELETE;
                       DROP TRIGGER keys_no_DELETE;";
        tamper(dir.path(), &format!("{commits} {sql}"));
        assert_eq!(flawed(dir.path()), position, "{sql}");
    }
}

#[test]
fn what_is_appended_meanwhile_does_not_disagree() {
    let dir = folder(3000);
    let log = open(dir.path());
    let outcome = log.verify(&mut |_| {
        block_on(log.append(commit("order-7", 3))).unwrap();
        ControlFlow::Continue(())
    });
    let whole = Verified::Whole {
        head: Position::new(3000),
        streams: 3000,
    };
    assert_eq!(outcome.unwrap(), whole);
}

#[test]
fn reading_leaves_no_transaction_open() {
    let dir = folder(100);
    let log = open(dir.path());
    block_on(log.append(commit("order-7", 3))).unwrap();
    block_on(everything(&log));
    block_on(log.read_stream(&stream("order-7"), Version::NONE, 2)).unwrap();
    block_on(log.read_all(Position::START, 10)).unwrap();
    let raw = Connection::open(dir.path().join("log.db")).unwrap();
    let checkpoint = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (busy, left): (i64, i64) = raw
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], checkpoint)
        .unwrap();
    assert_eq!((busy, left), (0, 0));
}

#[cfg(unix)]
#[test]
fn nothing_is_stored_in_a_file_that_is_not_where_it_was_opened() {
    let dir = folder(1);
    let (file, away) = (dir.path().join("log.db"), dir.path().join("elsewhere.db"));
    let log = open(dir.path());
    let refused = |what: &str| {
        // It is looked ten times a second.
        let until = Instant::now() + Duration::from_secs(10);
        while block_on(log.append(commit("order-1", 1))).is_ok() {
            assert!(Instant::now() < until, "{what}: nobody noticed");
        }
        for commits in [1, 3] {
            let commits = (0..commits).map(|n| commit(&format!("order-{what}-{n}"), 1));
            for answer in block_on(log.append_all(commits.collect())) {
                let Err(AppendError::NotStored(LogError::Io { path, reason })) = answer else {
                    panic!("{what}: {answer:?}");
                };
                assert_eq!(path, file);
                assert!(reason.contains("put it back"), "{reason}");
            }
        }
    };
    fs::rename(&file, &away).unwrap();
    refused("moved");
    // Another log in its place, as a process makes one that is started now.
    fs::copy(&away, &file).unwrap();
    refused("replaced");
    fs::rename(&away, &file).unwrap();
    block_on(log.append(commit("order-0", 1))).unwrap();
    assert!(block_on(log.head()).unwrap() >= Position::new(2));
    fs::remove_file(&file).unwrap();
    refused("removed");
}
