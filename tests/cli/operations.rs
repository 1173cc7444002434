//! Pause, resume, policy, apply, rebuild and replay, with an engine elsewhere and with none.

use serde_json::json;

use crate::kit::{COUNTS, ORDERS, Place};

#[test]
fn operations_are_carried_out_with_an_engine_elsewhere_and_without_one() {
    for elsewhere in [false, true] {
        let place = Place::with(&[("orders", ORDERS)]);
        let engine = elsewhere.then(|| place.engine());
        let finished = |words: &[&str]| {
            let done = place.done(&[words, &["--json"]].concat());
            assert_eq!(done.json()["outcome"], "finished", "{done:?}");
        };
        place.done(&["append", "order-1", "OrderPlaced", "{}"]);
        place.done(&["query", "orders", "Count", "--consistency", "strong"]);
        finished(&["pause", "orders"]);
        place.done(&["append", "order-2", "OrderPlaced", "{}"]);
        let stale = place.done(&["query", "orders", "Count", "--json"]).json();
        assert_eq!(stale["rows"][0]["orders"], 1);
        if elsewhere {
            assert_eq!(place.status("orders")["status"], "paused");
        }
        finished(&["resume", "orders"]);
        let fresh = place.done(&[
            "query",
            "orders",
            "Count",
            "--consistency",
            "strong",
            "--json",
        ]);
        assert_eq!(fresh.json()["rows"][0]["orders"], 2);
        finished(&["policy", "orders", "every", "250ms"]);
        assert_eq!(place.status("orders")["policy"], "every 250ms");
        finished(&["policy", "orders", "batch 500 or 5s"]);
        assert_eq!(place.status("orders")["policy"], "batch 500 or 5s");
        finished(&["policy", "orders", "live"]);
        let before = place.status("orders")["version"].clone();
        finished(&["rebuild", "orders"]);
        let after = place.status("orders")["version"].clone();
        assert_ne!(before, after);
        finished(&["replay", "orders", "0"]);
        finished(&["replay", "orders", "--after", "1"]);
        let fresh = place.done(&[
            "query",
            "orders",
            "Count",
            "--consistency",
            "strong",
            "--json",
        ]);
        assert_eq!(fresh.json()["rows"][0]["orders"], 2);
        drop(engine);
    }
}

#[test]
fn a_replay_that_would_count_twice_is_refused_and_a_rebuild_offered() {
    let place = Place::with(&[("counts", COUNTS)]);
    place.done(&["append", "a-1", "A", "{}"]);
    place.done(&["apply", "counts"]);
    let head = || {
        place
            .run(&["events", "--json", "--after", "0"])
            .lines()
            .len()
    };
    let before = head();
    place.run(&["replay", "counts", "0"]).failed(
        3,
        &["counts", "replayable: yes", "highwater rebuild counts"],
    );
    assert_eq!(head(), before, "a refusal asks for nothing");
    let rows = place.done(&["query", "counts", "Counts", "--json"]).json()["rows"].clone();
    assert_eq!(rows, json!([{"type": "A", "n": 1}]));
    place.run(&["replay", "counts"]).failed(2, &["POSITION"]);
}

#[test]
fn a_replay_from_beyond_the_read_model_is_refused() {
    let place = Place::with(&[("orders", ORDERS)]);
    place
        .run(&["replay", "orders", "999"])
        .failed(3, &["nothing to replay"]);
}

#[test]
fn what_is_waiting_is_applied_when_somebody_says_so() {
    let place = Place::with(&[("counts", COUNTS)]);
    place.done(&["append", "a-1", "A", "{}"]);
    place.done(&["apply", "counts"]);
    let rows = place.done(&["query", "counts", "Counts", "--json"]).json()["rows"].clone();
    assert_eq!(rows, json!([{"type": "A", "n": 1}]));
    place.done(&["pause", "counts"]);
    place.run(&["apply", "counts"]).failed(3, &["paused"]);
}

#[test]
fn a_rebuild_says_what_it_means_before_it_begins() {
    let place = Place::with(&[("orders", ORDERS)]);
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    place.done(&["query", "orders", "Count", "--consistency", "strong"]);
    let rebuilt = place.done(&["rebuild", "orders", "--yes"]);
    assert!(
        rebuilt.err.contains("1 events") && rebuilt.err.contains("GetOrderById"),
        "{rebuilt:?}"
    );
    assert!(rebuilt.out.starts_with("orders: version "), "{rebuilt:?}");
}

#[test]
fn a_projection_or_policy_that_is_not_there_is_named() {
    let place = Place::with(&[("orders", ORDERS)]);
    for words in [
        &["pause", "order"] as &[&str],
        &["resume", "order"],
        &["rebuild", "order"],
        &["replay", "order", "1"],
        &["policy", "order", "live"],
        &["apply", "../order"],
    ] {
        place.run(words).failed(2, &["order", "there are orders"]);
    }
    place
        .run(&["policy", "orders", "sometimes"])
        .failed(2, &["sometimes", "manual"]);
}

/// Counts events, each of which takes a while.
const SLOW: &str = "\
-- schema
CREATE TABLE slow (n INTEGER NOT NULL, c INTEGER NOT NULL) STRICT;
-- on *
INSERT INTO slow SELECT :position, count(*) FROM (
  WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 10000) SELECT n FROM c);
-- query Count()
SELECT count(*) AS n FROM slow;
";

#[test]
fn whoever_waits_for_a_rebuild_hears_that_its_file_is_gone() {
    let events: String = (0..1_500)
        .map(|n| format!("{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"s\",\"type\":\"T\",\"subject\":\"a-1\"}}\n"))
        .collect();
    for elsewhere in [false, true] {
        let place = Place::with(&[("slow", SLOW)]);
        assert_eq!(place.run_with(&["import", "-"], &events).code, 0);
        place.done(&[
            "query",
            "slow",
            "Count",
            "--consistency",
            "strong",
            "--timeout",
            "60s",
        ]);
        let engine = elsewhere.then(|| place.engine());
        let mut rebuild = place.start(&["rebuild", "slow", "--json"]);
        let mut looks = 0;
        while place.status("slow")["rebuild"].is_null() {
            looks += 1;
            assert!(looks < 500, "it never began");
        }
        std::fs::remove_file(place.file("projections/slow.sql")).unwrap();
        let said = rebuild.errors();
        let (code, _) = rebuild.end();
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("error: slow: cancelled: its file is gone"),
            "{said}"
        );
        let told = place.done(&["operations", "slow"]).out;
        assert!(
            told.contains("failed: cancelled: its file is gone"),
            "{told}"
        );
        let files = std::fs::read_dir(place.file("data/read/slow"))
            .unwrap()
            .flatten();
        let versions = files.filter(|file| file.path().extension().is_some_and(|e| e == "db"));
        assert_eq!(versions.count(), 1, "what was built is gone");
        drop(engine);
    }
}
