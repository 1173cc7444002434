//! `import`, `export` and `verify`.

use serde_json::{Value, json};

use crate::kit::Place;

fn line(id: &str, subject: &str) -> String {
    format!(
        "{{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"/till/3\",\"type\":\"Sold\",\"subject\":\"{subject}\",\"time\":\"2024-02-29T12:00:00.5+01:00\",\"data\":{{\"cents\":{id}}}}}\n"
    )
}

/// Lines of an export, without what may differ.
fn without_sequence(export: &str) -> Vec<Value> {
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("sequence").unwrap();
        line
    };
    export.lines().map(line).collect()
}

#[test]
fn export_import_export_gives_the_same_events() {
    let from = Place::with(&[("orders", crate::kit::ORDERS)]);
    from.run_with(&["import", "-"], line("1", "till-3") + &line("2", "till-4"));
    from.done(&[
        "send",
        "PlaceOrder",
        "order=1",
        "customer=ada",
        "lines=mug:2:1250",
    ]);
    // Leaves events in a system stream, which stay at home.
    from.done(&["pause", "orders"]);
    from.done(&["append", "odd-1", "Odd", "{\"t\":\"\\u202e\\u001b[2J\"}"]);
    let first = from.done(&["export"]).out;
    assert_eq!(first.lines().count(), 4);
    let to = Place::with(&[]);
    let imported = to.run_with(&["import", "-", "--json"], &first);
    assert_eq!(
        imported.json(),
        json!({"imported": 4, "skipped": 0, "head": 4})
    );
    let second = to.done(&["export", "-"]).out;
    assert_eq!(without_sequence(&first), without_sequence(&second));
}

#[test]
fn what_is_there_already_is_skipped_and_gzip_is_read_and_written() {
    let place = Place::with(&[]);
    place.write("sales.jsonl", line("1", "till-3") + &line("2", "till-3"));
    let import = |file: &str| place.done(&["import", file, "--json"]).json();
    assert_eq!(
        import("sales.jsonl"),
        json!({"imported": 2, "skipped": 0, "head": 2})
    );
    assert_eq!(
        import("sales.jsonl"),
        json!({"imported": 0, "skipped": 2, "head": 2})
    );
    place.done(&["export", "all.jsonl.gz"]);
    let packed = std::fs::read(place.file("all.jsonl.gz")).unwrap();
    assert_eq!(packed[..2], [0x1f, 0x8b]);
    assert_eq!(
        import("all.jsonl.gz"),
        json!({"imported": 0, "skipped": 2, "head": 2})
    );
    let other = Place::with(&[]);
    let file = place.file("all.jsonl.gz").display().to_string();
    let imported = other.done(&["import", &file, "--json"]).json();
    assert_eq!(imported, json!({"imported": 2, "skipped": 0, "head": 2}));
    let text = other.done(&["import", &file]).out;
    assert!(text.contains("0 events imported, 2 skipped"), "{text}");
}

#[test]
fn a_bad_line_is_named_and_what_stands_before_it_is_stored() {
    let place = Place::with(&[]);
    let bad = line("1", "till-3")
        + &line("2", "till-3")
        + "{\"specversion\":\"1.0\"}\n"
        + &line("3", "till-3");
    place.write("bad.jsonl", bad);
    place
        .run(&["import", "bad.jsonl"])
        .failed(1, &["bad.jsonl", "line 3", "missing"]);
    assert_eq!(place.done(&["status", "--json"]).json()["head"], 2);
    for (text, words) in [
        ("[1]\n", "line 1"),
        ("nonsense\n", "line 1"),
        (&*line("9", "$projection-orders"), "$projection-orders"),
        (&*line("9", "a\\u202eb"), "U+202E"),
        (
            &*line("9", "x-1").replace("Sold", &"S".repeat(1000)),
            "1000 bytes",
        ),
        (&*line("9", "x-1").replace("{\"cents\":9}", "[9]"), "data"),
        (
            &*line("9", "x-1").replace("\"cents\"", &format!("\"{}\"", "c".repeat(5_000_000))),
            "limit",
        ),
    ] {
        place
            .run_with(&["import", "-"], text)
            .failed(1, &["standard input", words]);
    }
    place
        .run_with(&["import", "-"], b"\x1f\x8bno gzip")
        .failed(1, &["cannot be read"]);
    assert_eq!(place.done(&["status", "--json"]).json()["head"], 2);
    place
        .run(&["import", "nowhere.jsonl"])
        .failed(1, &["nowhere.jsonl"]);
    place.run(&["import", "."]).failed(1, &["folder"]);
}

#[test]
fn an_export_writes_over_no_file() {
    let place = Place::with(&[]);
    place.done(&["append", "a-1", "A", "{}"]);
    place
        .run(&["export", "data/log.db"])
        .failed(1, &["log.db", "there already"]);
    place
        .run(&["export", "highwater.toml"])
        .failed(1, &["there already"]);
    place
        .run(&["export", "no/such/folder"])
        .failed(1, &["no/such/folder"]);
    place.done(&["export", "/dev/null"]);
    assert_eq!(place.done(&["status", "--json"]).json()["head"], 1);
}

#[cfg(unix)]
#[test]
fn an_import_that_is_interrupted_says_so_and_can_be_repeated() {
    use std::io::Write as _;
    use std::process::Stdio;
    let place = Place::with(&[]);
    let mut child = place
        .command(&["import", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(line("1", "till-3").as_bytes()).unwrap();
    // It is stored: so the import is on its way, and waits for more.
    let stored = place.done(&[
        "events", "--after", "0", "--limit", "1", "--follow", "--json",
    ]);
    assert_eq!(stored.lines()[0]["id"], "1");
    let pid = child.id().to_string();
    std::process::Command::new("kill")
        .args(["-s", "INT", &pid])
        .status()
        .unwrap();
    let ended = child.wait_with_output().unwrap();
    drop(input);
    let err = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{err}");
    assert!(
        err.starts_with("error: the import was interrupted"),
        "{err}"
    );
    let repeated = place.run_with(
        &["import", "-", "--json"],
        line("1", "till-3") + &line("2", "till-3"),
    );
    assert_eq!(
        repeated.json(),
        json!({"imported": 1, "skipped": 1, "head": 2})
    );
}

#[test]
fn a_whole_log_is_shown_to_be_whole() {
    let place = Place::with(&[]);
    place.done(&["append", "a-1", "A", "{}"]);
    let verified = place.done(&["verify", "--log", "--json"]).json();
    assert_eq!(verified, json!({"whole": true, "head": 1, "streams": 1}));
    assert!(
        place
            .done(&["verify", "--log"])
            .out
            .starts_with("whole at head 1")
    );
}
