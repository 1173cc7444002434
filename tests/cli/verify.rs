//! `verify NAME` and `query --as-of`, with whatever comes their way.

use std::io::Write as _;

use rusqlite::Connection;
use serde_json::json;

use crate::kit::{ORDERS, Place};

/// Three orders, of which one is shipped, all of them applied.
fn shop() -> Place {
    let place = Place::with(&[("orders", ORDERS)]);
    for (stream, event) in [
        ("order-1", "OrderPlaced"),
        ("order-2", "OrderPlaced"),
        ("order-1", "OrderShipped"),
        ("order-3", "OrderPlaced"),
    ] {
        place.done(&["append", stream, event, "{}"]);
    }
    place.done(&["query", "orders", "Count", "--consistency", "strong"]);
    place
}

fn damage(place: &Place, sql: &str) {
    let db = Connection::open(place.file("data/read/orders.db")).unwrap();
    db.execute_batch(sql).unwrap();
}

/// What is left of files that nobody keeps.
fn left(place: &Place) -> usize {
    let entries = std::fs::read_dir(place.file("data/scratch")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names.filter(|name| name != ".lock").count()
}

#[test]
fn a_read_model_that_is_as_it_should_be_is_equal() {
    let place = shop();
    let told = place.done(&["verify", "orders"]);
    assert!(told.out.contains(": equal at position "), "{told:?}");
    assert!(told.out.contains(", 3 rows, digest "), "{told:?}");
    assert_eq!(told.err, "", "no terminal, no bar");
    let told = place.done(&["verify", "orders", "--json"]).json();
    assert_eq!((&told["equal"], &told["rows"]), (&json!(true), &json!(3)));
    assert_eq!(told["digest"].as_str().unwrap().len(), 64);
    assert_eq!(place.done(&["verify", "--all", "--json"]).json(), told);
    assert_eq!(left(&place), 0);
}

#[test]
fn rows_that_differ_are_told_with_where_they_parted_and_the_answer_is_no() {
    let place = shop();
    damage(
        &place,
        "UPDATE orders SET status = 'placed' WHERE order_id = '1';
         UPDATE orders SET status = 'x' || char(27, 10) || 'y' WHERE order_id = '2';",
    );
    let told = place.run(&["verify", "orders"]);
    let repairs = "`highwater repair orders --key 1` and `highwater repair orders --key 2` mend";
    told.failed(3, &["highwater rebuild orders", repairs]);
    // Order 1 was shipped at position 3.
    let last =
        "orders order_id = '1': last equal at position 2: status 'placed' (fresh: 'shipped')";
    assert!(told.out.contains(last), "{told:?}");
    assert!(
        told.out.contains("orders order_id = '2': never equal"),
        "{told:?}"
    );
    assert!(!told.out.contains('\u{1b}'), "{told:?}");
    let told = place.run(&["verify", "orders", "--json", "--rows", "1"]);
    assert_eq!(told.code, 3);
    let told = told.json();
    assert_eq!(
        (&told["equal"], &told["differing"]),
        (&json!(false), &json!(2))
    );
    assert_eq!(told["differences"].as_array().unwrap().len(), 1);
    assert_eq!(
        told["differences"][0],
        json!({
            "table": "orders", "key": ["order_id"], "last_equal": 2,
            "stored": {"order_id": "1", "status": "placed"},
            "fresh": {"order_id": "1", "status": "shipped"},
        })
    );
    let told = place.run(&["verify", "--all"]);
    told.failed(
        3,
        &["orders: orders is not what its handlers make of the log"],
    );
    // Of the row that is not told nobody knows the key.
    let told = place.run(&["verify", "orders", "--rows", "1"]);
    assert!(!told.err.contains("repair"), "{told:?}");
    for key in ["1", "2"] {
        place.done(&["repair", "orders", "--key", key, "--yes"]);
    }
    place.done(&["verify", "orders"]);
    damage(&place, "UPDATE orders SET order_id = 'it''s ' || order_id");
    let told = place.run(&["verify", "orders"]);
    told.failed(3, &["highwater rebuild orders"]);
    assert!(!told.err.contains("repair"), "many keys: {told:?}");
    place.done(&["rebuild", "orders", "--yes"]);
    place.done(&["verify", "orders"]);
}

#[test]
fn what_cannot_be_verified_is_named() {
    let place = shop();
    place
        .run(&["verify", "nobody"])
        .failed(2, &["there are orders"]);
    for wrong in [
        &["verify"] as &[&str],
        &["verify", "orders", "--all"],
        &["verify", "--all", "--log"],
        &["verify", "--log", "--rows", "3"],
        &["verify", "orders", "--rows", "-1"],
    ] {
        assert_eq!(place.run(wrong).code, 2, "{wrong:?}");
    }
    damage(&place, "UPDATE _highwater_checkpoint SET position = 999");
    let ahead = place.run(&["verify", "orders"]);
    ahead.failed(3, &["orders is ahead", "999", "highwater rebuild orders"]);
    let file = place.file("data/read/orders.db").canonicalize().unwrap();
    std::fs::write(&file, "nothing of ours, and long enough to be looked at").unwrap();
    place.run(&["verify", "orders"]).failed(1, &["orders.db"]);
    std::fs::remove_file(&file).unwrap();
    place.run(&["verify", "orders"]).failed(1, &["orders.db"]);
    let empty = Place::with(&[("orders", ORDERS)]);
    let none = empty.run(&["verify", "orders"]);
    none.failed(1, &["no read model of orders yet"]);
    assert_eq!(empty.done(&["verify", "--all"]).out, "");
}

#[test]
fn a_question_is_answered_as_of_any_position_or_time() {
    let place = shop();
    let count = |when: &str| {
        let told = place.done(&["query", "orders", "Count", "--as-of", when, "--json"]);
        let told = told.json();
        (told["rows"][0]["orders"].clone(), told["position"].clone())
    };
    let head = place.run(&["status", "--json"]).json()["head"].clone();
    assert_eq!(count("0"), (json!(0), json!(0)));
    assert_eq!(count("1"), (json!(1), json!(1)));
    assert_eq!(count(&head.to_string()).0, json!(3));
    assert_eq!(count("1ms").0, json!(3));
    assert_eq!(count("2000-01-01T00:00Z"), (json!(0), json!(0)));
    let told = place.done(&[
        "query",
        "orders",
        "GetOrderById",
        "order_id=1",
        "--as-of",
        "1",
    ]);
    assert!(told.out.contains("placed"), "{told:?}");
    assert!(
        told.out.contains("1 row as of position 1, recorded 2"),
        "{told:?}"
    );
    let told = place.done(&["query", "orders", "Count", "--as-of", "0"]);
    assert!(
        told.out
            .contains("as of position 0, before the first event"),
        "{told:?}"
    );
    let ask = |when: &str| place.run(&["query", "orders", "Count", "--as-of", when]);
    ask("999").failed(
        1,
        &[
            "position 999 is beyond the head",
            &format!("ends at {head}"),
        ],
    );
    ask("2999-01-01T00:00Z").failed(1, &["has not come yet"]);
    ask("yesterday").failed(2, &["2026-11-23T10:00Z"]);
    let both = [
        "query",
        "orders",
        "Count",
        "--as-of",
        "1",
        "--consistency",
        "strong",
    ];
    place.run(&both).failed(2, &["cannot be used with"]);
    let wrong = ["query", "orders", "GetOrderById", "--as-of", "1"];
    place.run(&wrong).failed(2, &["order_id is missing"]);
    assert_eq!(left(&place), 0);
}

/// A workspace with so many events that folding them takes a while.
fn large() -> Place {
    let place = Place::with(&[("orders", ORDERS)]);
    let mut lines = Vec::new();
    for n in 0..30_000 {
        let line = json!({
            "specversion": "1.0", "id": n.to_string(), "source": "/test", "type": "OrderPlaced",
            "subject": format!("order-{n}"), "data": {},
        });
        writeln!(lines, "{line}").unwrap();
    }
    place.write("events.jsonl", lines);
    place.done(&["import", "events.jsonl"]);
    place.done(&[
        "query",
        "orders",
        "Count",
        "--consistency",
        "strong",
        "--timeout",
        "60s",
    ]);
    place
}

/// Verifies rows that all differ, and so are looked for event by event: long enough to be sent a signal while
/// it is at work. Answers the exit code and what was said.
#[cfg(unix)]
fn signalled(place: &Place, signal: &str) -> (Option<i32>, String) {
    let mut verify = place.command(&["verify", "orders", "--rows", "1000"]);
    let verify = verify.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let folder = place.file("data/scratch");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let is_at_work = || {
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path().join("fresh.db"))
            .any(|path| path.exists())
    };
    while !is_at_work() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::yield_now();
    }
    let pid = verify.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-s", signal, &pid])
        .status();
    assert!(sent.unwrap().success());
    let ended = verify.wait_with_output().unwrap();
    (
        ended.status.code(),
        String::from_utf8(ended.stderr).unwrap(),
    )
}

#[cfg(unix)]
#[test]
fn one_that_is_interrupted_says_how_far_it_was_and_what_a_killed_one_left_is_removed() {
    let place = large();
    damage(&place, "UPDATE orders SET status = 'gone'");
    let (code, told) = signalled(&place, "INT");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.starts_with("error: stopped at position "), "{told}");
    assert_eq!(left(&place), 0);
    let (code, _) = signalled(&place, "KILL");
    assert_eq!((code, left(&place)), (None, 1));
    place.done(&["query", "orders", "Count", "--as-of", "3"]);
    assert_eq!(left(&place), 0);
}

#[cfg(unix)]
#[test]
fn a_full_disk_ends_it_and_leaves_the_read_model_alone() {
    let place = large();
    let file = place.file("data/read/orders.db").canonicalize().unwrap();
    let before = std::fs::read(&file).unwrap();
    for (what, blocks) in [
        ("verify orders", 400),
        ("query orders Count --as-of 29000", 400),
    ] {
        // A limit on the size of files stands for the disk: writing beyond it fails.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {what}");
        let mut limited = std::process::Command::new("sh");
        limited
            .args(["-c", &script, env!("CARGO_BIN_EXE_highwater")])
            .current_dir(place.path())
            .env_remove("HIGHWATER_WORKSPACE");
        let ended = limited.output().unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{what}: {told}");
        assert!(told.starts_with("error: "), "{what}: {told}");
        assert_eq!(left(&place), 0, "{what}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
    place.done(&["verify", "orders"]);
}

#[test]
fn a_damaged_index_of_the_log_is_a_log_that_is_not_whole() {
    let place = large();
    let log = place.file("data/log.db");
    let root: i64 = {
        let db = Connection::open(&log).unwrap();
        db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        db.query_row(
            "SELECT rootpage FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'events'",
            [],
            |row| row.get(0),
        )
        .unwrap()
    };
    let mut bytes = std::fs::read(&log).unwrap();
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let at = size * usize::try_from(root - 1).unwrap();
    bytes[at..at + size].fill(0);
    std::fs::write(&log, bytes).unwrap();
    place.run(&["verify", "--log"]).failed(3, &["log.db"]);
}

#[test]
fn the_first_bad_event_of_the_log_is_named_also_where_its_end_is_damaged_too() {
    let place = shop();
    place.done(&["append", "order-9", "OrderPlaced", "{}"]);
    let db = rusqlite::Connection::open(place.file("data/log.db")).unwrap();
    let triggers: Vec<String> = db
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for trigger in triggers {
        db.execute_batch(&format!("DROP TRIGGER \"{trigger}\""))
            .unwrap();
    }
    db.execute_batch(
        "UPDATE events SET data = '{\"not\":\"mine\"}' WHERE position IN (2, (SELECT max(position) FROM events))",
    )
    .unwrap();
    drop(db);
    let flawed = place.run(&["verify", "--log", "--json"]);
    assert_eq!(flawed.code, 3, "{flawed:?}");
    assert_eq!(flawed.json()["position"], 2, "{flawed:?}");
}

#[cfg(unix)]
#[test]
fn a_log_whose_end_was_cut_off_cleanly_is_told_by_what_its_read_models_have_had() {
    let place = Place::with(&[("orders", ORDERS)]);
    let engine = place.engine();
    for order in 1..=5 {
        place.done(&["append", &format!("order-{order}"), "OrderPlaced", "{}"]);
    }
    place.done(&["query", "orders", "Count", "--consistency", "strong"]);
    engine.signal("TERM");
    assert_eq!(engine.end().0, Some(0));
    place.done(&["verify", "--log"]);
    let log = rusqlite::Connection::open(place.file("data/log.db")).unwrap();
    log.execute_batch(
        "DROP TRIGGER events_no_DELETE; DROP TRIGGER commits_no_DELETE; DROP TRIGGER keys_no_DELETE;
         DELETE FROM events WHERE position > 4; DELETE FROM commits WHERE last > 4;
         DELETE FROM keys WHERE last > 4;",
    )
    .unwrap();
    drop(log);
    let cut = ["orders has had an event ", "cut off", "backup"];
    place.run(&["verify", "--log"]).failed(3, &cut);
    let json = place.run(&["verify", "--log", "--json"]);
    assert_eq!((json.code, &json.json()["whole"]), (3, &false.into()));
    // New events stand where the old ones were.
    for order in 6..=9 {
        place.done(&["append", &format!("order-{order}"), "OrderPlaced", "{}"]);
    }
    place.run(&["verify", "--log"]).failed(3, &cut);
    place.done(&["rebuild", "orders"]);
    place.done(&["verify", "--log"]);
}
