//! Bad input, as a hostile user would try it: one clear error each, and nothing that was stored is lost.

use std::time::{Duration, Instant};

use crate::kit::{ORDERS, Place};

#[test]
fn a_workspace_that_is_none_is_named() {
    let place = Place::empty();
    place.write("file", "x");
    place
        .run(&["-w", "file", "status"])
        .failed(1, &["file", "give a folder"]);
    place
        .run(&["-w", "gone", "status"])
        .failed(1, &["gone", "highwater init"]);
    place
        .run(&["-w", ".", "status"])
        .failed(1, &["highwater.toml", "highwater init"]);
    place
        .run(&["init", "file"])
        .failed(1, &["file", "give a folder"]);
    place
        .run(&["init", "file/below"])
        .failed(1, &["file/below"]);
    place
        .run(&["status"])
        .failed(1, &["-w DIR", "highwater demo"]);
    assert_eq!(std::fs::read_to_string(place.file("file")).unwrap(), "x");
}

#[test]
fn a_workspace_that_cannot_be_written_is_named() {
    let place = Place::with(&[]);
    place.write("data", "in the way");
    place
        .run(&["append", "a-1", "A", "{}"])
        .failed(1, &["data", "write to"]);
}

#[test]
fn somebody_elses_database_is_left_untouched() {
    let place = Place::with(&[]);
    std::fs::create_dir(place.file("data")).unwrap();
    let file = place.file("data/log.db");
    let other = rusqlite::Connection::open(&file).unwrap();
    other
        .execute_batch("CREATE TABLE t (n); INSERT INTO t VALUES (1);")
        .unwrap();
    drop(other);
    let before = std::fs::read(&file).unwrap();
    for words in [
        &["status"] as &[&str],
        &["append", "a-1", "A", "{}"],
        &["run"],
    ] {
        place.run(words).failed(1, &["log.db", "another program"]);
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
    place.write(
        "data/log.db",
        "no database at all, but long enough to look at".repeat(20),
    );
    place.run(&["status"]).failed(1, &["log.db"]);
}

#[test]
fn settings_that_are_not_known_are_named() {
    for (text, word) in [
        ("domian = \"shop\"", "domian"),
        ("domain = \"bank\"", "bank"),
        ("durability = 7", "durability"),
        ("sync-timeout = \"2\"", "2s"),
        ("= =", "line 1"),
    ] {
        let place = Place::with(&[]);
        place.write("highwater.toml", text);
        place.run(&["status"]).failed(1, &["highwater.toml", word]);
    }
}

/// A log of forty events that was closed, and where the file lies.
fn closed_log() -> (Place, std::path::PathBuf) {
    let place = Place::with(&[]);
    let line = |n: usize| {
        format!(
            "{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"s\",\"type\":\"T\",\"subject\":\"a-{n}\",\"data\":{{\"mark\":\"mark{n:04}\",\"fill\":\"{}\"}}}}\n",
            "x".repeat(500)
        )
    };
    let input: String = (0..40).map(line).collect();
    assert_eq!(place.run_with(&["import", "-"], input).code, 0);
    let file = place.file("data/log.db");
    assert!(!place.file("data/log.db-wal").exists());
    (place, file)
}

#[test]
fn a_changed_byte_is_found_and_named() {
    let (place, file) = closed_log();
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(8).position(|w| w == b"mark0020").unwrap();
    bytes[at] = b'M';
    std::fs::write(&file, &bytes).unwrap();
    let events = place.run(&["events", "--after", "0"]);
    events.failed(1, &["log.db", "damaged", "21"]);
    let verified = place.run(&["verify", "--log"]);
    verified.failed(3, &["21", "restore a backup"]);
    let verified = place.run(&["verify", "--log", "--json"]);
    assert_eq!(
        (verified.code, &verified.json()["whole"]),
        (3, &false.into())
    );
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_log_that_was_cut_off_is_named() {
    let (place, file) = closed_log();
    let whole = std::fs::metadata(&file).unwrap().len();
    let cut = std::fs::File::options().write(true).open(&file).unwrap();
    cut.set_len(whole / 2 + 100).unwrap();
    for words in [
        &["status"] as &[&str],
        &["events", "--after", "0"],
        &["append", "a-1", "T", "{}"],
    ] {
        place.run(words).failed(1, &["log.db", "damaged"]);
    }
    place.run(&["verify", "--log"]).failed(3, &["log.db"]);
}

/// Changes the log's file as somebody would who takes the triggers away first.
fn tamper(place: &Place, sql: &str) {
    let log = rusqlite::Connection::open(place.file("data/log.db")).unwrap();
    log.execute_batch(&format!(
        "DROP TRIGGER IF EXISTS events_no_UPDATE; DROP TRIGGER IF EXISTS events_no_DELETE; {sql}"
    ))
    .unwrap();
}

/// A workspace with two read models that have everything, and the last position of orders' history: with so
/// many events after it.
fn with_history(after: usize) -> (Place, i64) {
    let place = Place::with(&[("orders", ORDERS), ("others", ORDERS)]);
    let engine = place.engine();
    let fresh = |name| {
        place.done(&["query", name, "Count", "--consistency", "strong"]);
    };
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    fresh("orders");
    place.done(&["pause", "others"]);
    place.done(&["resume", "others"]);
    place.done(&["pause", "orders"]);
    place.done(&["resume", "orders"]);
    if after > 0 {
        let line = |n: usize| {
            format!(
                "{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"s\",\"type\":\"OrderPlaced\",\"subject\":\"order-9{n}\",\"data\":{{}}}}\n"
            )
        };
        let input: String = (0..after).map(line).collect();
        assert_eq!(place.run_with(&["import", "-"], input).code, 0);
    }
    fresh("orders");
    fresh("others");
    engine.signal("TERM");
    assert_eq!(engine.end().0, Some(0));
    let log = rusqlite::Connection::open(place.file("data/log.db")).unwrap();
    let last = log
        .query_row(
            "SELECT max(position) FROM events WHERE stream = '$projection-orders'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    (place, last)
}

#[cfg(unix)]
#[test]
fn nonsense_in_a_projections_history_is_told_and_hides_nothing_else() {
    for after in [0, 300] {
        for change in [
            "data = 'no JSON at all'",
            "type = 'Nonsense'",
            "hash = zeroblob(32)",
            "data = 'no JSON', hash = zeroblob(7)",
        ] {
            let both = change.contains("zeroblob(7)");
            // A hash that is none is nothing that an event can hang on.
            let refused = after == 0 && both;
            let (place, bad) = with_history(after);
            tamper(
                &place,
                &format!("UPDATE events SET {change} WHERE position = {bad}"),
            );
            let named = format!("orders: event {bad} of its history is passed over");
            let status = place.run(&["status"]);
            assert_eq!(status.code, 0, "{change}: {status:?}");
            for word in [named.as_str(), "highwater verify --log", "others"] {
                assert!(status.out.contains(word), "{change}: {word}: {status:?}");
            }
            assert!(!status.out.contains("others: event"), "{status:?}");
            let why = place.run(&["why", "orders"]);
            assert_eq!(why.code, 0, "{change}: {why:?}");
            assert!(why.err.contains(&named), "{change}: {why:?}");
            assert_eq!(place.done(&["why"]).out.lines().count(), 2);
            let told = place.run(&["operations"]);
            assert_eq!(told.code, 0, "{change}: {told:?}");
            assert!(told.err.contains(&named), "{change}: {told:?}");
            assert!(told.out.contains("resume"), "{change}: {told:?}");
            assert_eq!(place.done(&["operations", "others"]).err, "");
            let found = place.run(&["verify", "--log"]);
            found.failed(3, &[&format!("event {bad}")]);
            if refused {
                place
                    .run(&["append", "order-2", "OrderPlaced", "{}"])
                    .failed(1, &["nothing is appended", &bad.to_string()]);
                continue;
            }
            let engine = place.engine();
            place.done(&["append", "order-2", "OrderPlaced", "{}"]);
            for name in ["orders", "others"] {
                let strong = ["query", name, "Count", "--consistency", "strong", "--json"];
                let answer = place.done(&strong).json();
                assert_eq!(answer["rows"][0]["orders"], 2 + after, "{change}");
            }
            if both {
                // What comes next hangs on nothing: it is not folded again.
                place
                    .run(&["rebuild", "orders"])
                    .failed(1, &[&format!("event {}: it, or", bad + 1)]);
            } else {
                place.done(&["rebuild", "orders"]);
                place.done(&["verify", "orders"]);
            }
            assert!(place.done(&["status"]).out.contains(&named));
            drop(engine);
            let found = place.run(&["verify", "--log"]);
            found.failed(3, &[&format!("event {bad}")]);
        }
    }
}

#[test]
fn a_changed_event_near_the_end_stops_no_dashboard() {
    let (place, _) = closed_log();
    tamper(&place, "UPDATE events SET data = '{}' WHERE position = 30");
    place.project("orders", ORDERS);
    let status = place.done(&["status"]);
    assert!(
        status.out.contains("event 30: it was changed"),
        "{status:?}"
    );
    let why = place.done(&["why", "orders"]);
    assert!(why.err.contains("event 30"), "{why:?}");
    place
        .run(&["events", "--after", "0"])
        .failed(1, &["event 30"]);
}

#[test]
fn a_log_that_was_emptied_is_not_taken_for_a_new_one() {
    let (place, file) = closed_log();
    std::fs::write(&file, "").unwrap();
    for words in [
        &["status"] as &[&str],
        &["append", "a-1", "T", "{}"],
        &["run"],
    ] {
        place.run(words).failed(
            1,
            &["log.db", "is empty", "Restore a backup", "remove the file"],
        );
    }
    place
        .run(&["verify", "--log"])
        .failed(3, &["log.db", "is empty"]);
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 0);
    std::fs::remove_file(&file).unwrap();
    place.done(&["append", "a-1", "T", "{}"]);
}

#[test]
fn a_projection_file_that_reaches_too_far_is_named_with_its_line() {
    let wrong = [
        ("syntax", "INSER INTO t VALUES (1);", "syntax error"),
        ("table", "INSERT INTO orders VALUES (1);", "own tables"),
        ("attach", "ATTACH 'x.db' AS x;", "ATTACH"),
        ("pragma", "PRAGMA writable_schema = 1;", "PRAGMA"),
        ("chance", "INSERT INTO t VALUES (random());", "random"),
        ("extension", "SELECT load_extension('x');", "load_extension"),
    ];
    let place = Place::with(&[("orders", ORDERS), ("directive", "-- polcy: live\n")]);
    for (name, handler, _) in wrong {
        let text = format!(
            "-- schema\nCREATE TABLE t (n);\n-- on A\n{handler}\n-- query Q()\nSELECT * FROM t;\n"
        );
        place.project(name, &text);
    }
    let shown = place.done(&["status"]).out;
    for (name, _, word) in wrong {
        assert!(shown.contains(&format!("{name}.sql:4:")), "{name}: {shown}");
        let query = place.run(&["query", name, "Q"]);
        query.failed(2, &[&format!("{name}.sql:4:"), word]);
    }
    assert!(
        shown.contains("directive.sql:1:4: directive `polcy` is not known"),
        "{shown}"
    );
    // The others are none the worse.
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    let count = place.done(&[
        "query",
        "orders",
        "Count",
        "--consistency",
        "strong",
        "--json",
    ]);
    assert_eq!(count.json()["rows"][0]["orders"], 1);
}

#[test]
fn a_handler_whose_answer_would_change_stops_its_projection_alone() {
    let text = "-- schema\nCREATE TABLE t (n);\n-- on *\nINSERT INTO t VALUES (date('now'));\n-- query Q()\nSELECT * FROM t;\n";
    let place = Place::with(&[("today", text), ("orders", ORDERS)]);
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    let query = place.run(&[
        "query",
        "today",
        "Q",
        "--consistency",
        "strong",
        "--timeout",
        "20s",
    ]);
    query.failed(1, &["today.sql:4", "'now'", ":time"]);
    place.done(&["query", "orders", "Count", "--consistency", "strong"]);
}

#[test]
fn recursion_without_an_end_holds_nobody_up() {
    let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) AS n FROM r";
    let text = format!(
        "-- schema\nCREATE TABLE t (n);\n-- on A\nINSERT INTO t {endless};\n-- query Q()\nSELECT * FROM t;\n-- query Endless()\n{endless};\n"
    );
    let place = Place::with(&[("endless", &text)]);
    let began = Instant::now();
    place
        .run(&["query", "endless", "Endless", "--timeout", "300ms"])
        .failed(1, &["Endless", "--timeout"]);
    place.done(&["append", "a-1", "A", "{}"]);
    place
        .run(&[
            "query",
            "endless",
            "Q",
            "--consistency",
            "strong",
            "--timeout",
            "300ms",
        ])
        .failed(1, &["endless"]);
    // Far from the half minute that one statement may take.
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        place.run(&["status", "--json"]).json()["head"]
            .as_u64()
            .unwrap(),
        place
            .run(&["events", "--after", "0", "--json"])
            .lines()
            .len() as u64
    );
}

#[test]
fn names_and_data_that_cannot_be_stored_are_refused() {
    let place = Place::with(&[]);
    place.done(&["append", "a-1", "A", "{\"kept\":true}"]);
    let append = |stream: &str, kind: &str, data: &str| place.run(&["append", stream, kind, data]);
    append("$projection-orders", "Paused", "{}").failed(2, &["$projection-orders"]);
    append("a\u{1b}[2J", "A", "{}").failed(2, &["stream name", "U+001B"]);
    append("a\u{202e}b", "A", "{}").failed(2, &["stream name", "U+202E"]);
    append("", "A", "{}").failed(2, &["stream name"]);
    append("a-1", &"A".repeat(1000), "{}").failed(2, &["event type", "1000 bytes", "255"]);
    append("a-1", "A\n", "{}").failed(2, &["event type", "U+000A"]);
    for data in ["[1]", "7", "null", "\"x\"", "{", "", "{} {}"] {
        append("a-1", "A", data).failed(2, &["JSON"]);
    }
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(5_000_000));
    place
        .run_with(&["append", "a-1", "A", "-"], &large)
        .failed(1, &["5000008 bytes", "1048576"]);
    let nested = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
    let deep = place.run_with(&["append", "a-1", "A", "-"], nested);
    assert!(
        deep.code != 0 && deep.err.starts_with("error: "),
        "{:?}",
        deep.code
    );
    let events = place.done(&["events", "--json"]).lines();
    assert_eq!(
        (events.len(), &events[0]["data"]["kept"]),
        (1, &true.into())
    );
}

#[test]
fn commands_with_wrong_fields_say_how_they_are_typed() {
    let place = Place::with(&[]);
    let send = |words: &[&str]| place.run(&[&["send"], words].concat());
    send(&["PlaceOrdr", "order=1"]).failed(2, &["did you mean PlaceOrder?"]);
    send(&["Xyzzy"]).failed(2, &["highwater send"]);
    send(&["PlaceOrder", "order=1"]).failed(
        2,
        &["customer is missing", "usage: highwater send PlaceOrder"],
    );
    send(&["ShipOrder", "order=1", "colour=red"]).failed(2, &["colour"]);
    send(&["ProcessPayment", "order=1", "amount_cents=much"]).failed(2, &["amount_cents", "much"]);
    send(&["ShipOrder", "order"]).failed(2, &["field=value"]);
    send(&["ShipOrder", "--data", "[1]"]).failed(2, &["object"]);
    send(&["ShipOrder", "--data", "{"]).failed(2, &["JSON"]);
    send(&["ShipOrder", "order=a\u{1b}b"]).failed(2, &["U+001B"]);
    send(&["ShipOrder", "order=1", "--key", ""]).failed(2, &["key"]);
    place.write("highwater.toml", "domain = \"none\"");
    send(&["ShipOrder", "order=1"]).failed(2, &["no commands", "highwater append"]);
    assert_eq!(place.run(&["status", "--json"]).json()["head"], 0);
}

#[test]
fn what_is_stored_is_harmless_wherever_it_is_printed() {
    let rows = "-- schema\nCREATE TABLE t (x TEXT);\n-- on Said\nINSERT INTO t VALUES (:data ->> 'x');\n-- query All()\nSELECT x, x AS [a\u{202e}b] FROM t;\n";
    let place = Place::with(&[("said", rows)]);
    let evil = "\\u001b]0;owned\\u0007\\u009b31m\\u202e\\n\\r\u{202e}\u{2066}";
    place.done(&[
        "append",
        "said-1",
        "Said",
        &format!("{{\"x\":\"{evil}\",\"\u{202e}\":1}}"),
    ]);
    let evil_words = "\u{1b}[2J\u{202e}";
    let name = format!("name={evil_words}");
    place.run(&[
        "send",
        "RegisterCustomer",
        "customer=c",
        &name,
        "email=a@b.c",
        "address=d",
    ]);
    let strong = ["query", "said", "All", "--consistency", "strong"];
    for words in [
        &["events"] as &[&str],
        &["events", "--json"],
        &["stream", "said-1"],
        &["stream", "said-1", "--json"],
        &["stream", "customer-c", "--state"],
        &["stream", "customer-c", "--state", "--json"],
        &strong,
        &[&strong as &[&str], &["--json"]].concat(),
        &["export"],
        &["--once"],
    ] {
        let shown = place.done(words);
        let harmless = |c: char| c == '\n' || !highwater::event::is_disguise(c);
        assert!(
            shown.out.chars().all(harmless),
            "{words:?}: {:?}",
            shown.out
        );
        assert!(
            shown.err.chars().all(harmless),
            "{words:?}: {:?}",
            shown.err
        );
    }
    let json = place
        .done(&[&strong as &[&str], &["--json"]].concat())
        .json();
    assert!(
        json["rows"][0]["x"].as_str().unwrap().contains('\u{202e}'),
        "the value itself is whole"
    );
}

#[test]
fn a_read_model_whose_file_is_damaged_says_what_helps() {
    let (place, _) = closed_log();
    let marks = "-- policy: live\n-- schema\nCREATE TABLE marks (key TEXT PRIMARY KEY, fill TEXT NOT NULL) STRICT;\n\
                 -- on T\nINSERT INTO marks VALUES (:key, :data);\n-- query All()\nSELECT key, length(fill) FROM marks;\n";
    place.project("marks", marks);
    let all = ["query", "marks", "All", "--consistency", "strong"];
    place.done(&all);
    let link = place.file("data/read/marks.db");
    let db = rusqlite::Connection::open(&link).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(db);
    let mut bytes = std::fs::read(&link).unwrap();
    // The first byte of a page says what it holds; the last ones are those of the rows.
    let rows: Vec<usize> = (4096..bytes.len())
        .step_by(4096)
        .filter(|page| [2, 5, 10, 13].contains(&bytes[*page]))
        .collect();
    for page in rows.into_iter().rev().take(2) {
        bytes[page..page + 64].fill(0xee);
    }
    std::fs::write(link.canonicalize().unwrap(), &bytes).unwrap();
    place
        .run(&["query", "marks", "All"])
        .failed(1, &["malformed", "a rebuild folds it anew"]);
}
