//! A repair that is broken off leaves a state that it names.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::kit::Place;

/// Each event takes a while.
const SLOW: &str = "\
-- key: id = order
-- schema
CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
-- on Added
INSERT INTO t SELECT :key, 1 FROM
(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT max(i) FROM n)
WHERE true ON CONFLICT (id) DO UPDATE SET n = n + 1;
-- query All()
SELECT * FROM t;
";

fn damaged() -> Place {
    let place = Place::with(&[("t", SLOW)]);
    let event = |n| {
        format!(
            r#"{{"specversion":"1.0","id":"{n}","source":"test","type":"Added","subject":"order-1","data":{{}}}}"#
        )
    };
    let events: Vec<String> = (0..30).map(event).collect();
    place.write("events.jsonl", events.join("\n"));
    place.done(&["import", "events.jsonl"]);
    place.done(&["query", "t", "All", "--consistency", "strong"]);
    let db = rusqlite::Connection::open(place.file("data/read/t.db")).unwrap();
    db.execute("UPDATE t SET n = 77", []).unwrap();
    place
}

/// Interrupts a repair as soon as this is so; its exit code and what it said on standard error.
fn interrupted(place: &Place, when: impl Fn() -> bool) -> (Option<i32>, String) {
    let mut repair = place.command(&["repair", "t", "--key", "1", "--yes"]);
    let repair = repair.stdout(Stdio::null()).stderr(Stdio::piped());
    let repair = repair.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !when() {
        assert!(Instant::now() < deadline);
    }
    let pid = repair.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &pid]).status();
    assert!(sent.unwrap().success());
    let ended = repair.wait_with_output().unwrap();
    (
        ended.status.code(),
        String::from_utf8(ended.stderr).unwrap(),
    )
}

fn n(place: &Place) -> i64 {
    let asked = place.done(&["query", "t", "All", "--json"]).json();
    asked["rows"][0]["n"].as_i64().unwrap()
}

#[test]
fn one_that_is_interrupted_before_it_asked_has_changed_nothing_and_asked_for_nothing() {
    let place = damaged();
    let is_folding = || {
        let entries = std::fs::read_dir(place.file("data/scratch"));
        let mut paths = entries.into_iter().flatten().flatten();
        paths.any(|entry| entry.path().join("after.db").exists())
    };
    let (code, told) = interrupted(&place, is_folding);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("stopped: nothing was changed"), "{told}");
    let asked = place.done(&["operations", "t"]).out;
    assert!(!asked.contains("repair"), "{asked}");
    assert_eq!(n(&place), 77);
}

#[test]
fn one_that_is_interrupted_after_it_asked_is_carried_out_all_the_same_and_says_so() {
    let place = damaged();
    let engine = place.engine();
    let is_asked = || place.done(&["operations", "t"]).out.contains("repair");
    let (code, told) = interrupted(&place, is_asked);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("The request stands"), "{told}");
    let deadline = Instant::now() + Duration::from_secs(60);
    while n(&place) != 30 {
        assert!(Instant::now() < deadline);
    }
    drop(engine);
}
