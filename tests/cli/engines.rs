//! `run`: the engine as a service, a second one, and others that work with it.

use crate::kit::{COUNTS, ORDERS, Place};

#[test]
fn run_says_ready_when_its_loops_run_and_stops_cleanly_on_each_signal() {
    let place = Place::with(&[("orders", ORDERS), ("counts", COUNTS)]);
    for signal in ["TERM", "INT", "HUP"] {
        let mut engine = place.start(&["run"]);
        let ready = engine.line();
        let pid = engine.pid();
        assert!(
            ready.starts_with(&format!("ready pid={pid} projections=2 head=")),
            "{ready}"
        );
        let status = place.done(&["status", "--json"]).json();
        assert_eq!(
            status["engine"],
            serde_json::json!({"running": true, "pid": pid})
        );
        assert_eq!(place.status("orders")["status"], "live");
        engine.signal(signal);
        assert_eq!(engine.end(), (Some(0), String::new()), "{signal}");
        let status = place.done(&["status", "--json"]).json();
        assert_eq!(status["engine"]["running"], false, "{signal}");
    }
}

#[test]
fn others_read_and_write_while_it_runs() {
    let place = Place::with(&[("orders", ORDERS)]);
    let engine = place.engine();
    let appended = place
        .done(&["append", "order-1", "OrderPlaced", "{}", "--json"])
        .json();
    let level = format!("at-least={}", appended["position"]);
    let words = [
        "query",
        "orders",
        "Count",
        "--consistency",
        &level,
        "--json",
    ];
    assert_eq!(place.done(&words).json()["rows"][0]["orders"], 1);
    let status = place.done(&["status", "--json"]).json();
    assert_eq!(status["engine"]["pid"], engine.pid());
}

#[test]
fn a_second_engine_stands_by_and_takes_over_when_the_first_is_killed() {
    let place = Place::with(&[("orders", ORDERS)]);
    let first = place.engine();
    let mut second = place.start(&["run"]);
    let ready = second.line();
    let by = format!("standing by: process {} runs the engine", first.pid());
    assert!(
        ready.starts_with("ready ") && ready.ends_with(&by),
        "{ready}"
    );
    // Dropping it kills it, as nothing can be cleaned up after.
    drop(first);
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    let words = [
        "query",
        "orders",
        "Count",
        "--consistency",
        "strong",
        "--timeout",
        "20s",
        "--json",
    ];
    assert_eq!(place.done(&words).json()["rows"][0]["orders"], 1);
    second.signal("TERM");
    assert_eq!(second.end().0, Some(0));
}

#[test]
fn a_broken_projection_is_told_and_the_others_run() {
    let place = Place::with(&[("orders", ORDERS), ("broken", "-- polcy: live\n")]);
    let mut engine = place.start(&["run"]);
    assert!(engine.line().contains("projections=1"));
    engine.signal("TERM");
    let status = place.done(&["status", "--json"]).json();
    assert!(
        status["problems"][0]
            .as_str()
            .unwrap()
            .contains("broken.sql:1"),
        "{status}"
    );
    let words = [
        "query",
        "orders",
        "Count",
        "--consistency",
        "strong",
        "--json",
    ];
    assert_eq!(place.done(&words).json()["rows"][0]["orders"], 0);
}
