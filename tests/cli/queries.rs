//! `query`: parameters, levels of consistency, and an engine for as long as one is needed.

use crate::kit::{COUNTS, ORDERS, Place};

#[test]
fn an_answer_says_at_which_position_and_how_old_it_is() {
    let place = Place::with(&[("orders", ORDERS)]);
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    place.done(&["append", "order-1", "OrderShipped", "{}"]);
    let ask = |level: &str| {
        let words = [
            "query",
            "orders",
            "GetOrderById",
            "order_id=1",
            "--consistency",
            level,
            "--json",
        ];
        place.done(&words).json()
    };
    // No engine runs, and there is no read model yet: this process makes it.
    for level in ["strong", "at-least=2", "within=2s", "eventual"] {
        let answer = ask(level);
        let row = serde_json::json!([{"order_id": "1", "status": "shipped"}]);
        assert_eq!(answer["rows"], row, "{level}");
        assert!(
            answer["position"].as_u64().unwrap() >= 2,
            "{level}: {answer}"
        );
        assert_eq!(answer["age_ms"], 0, "{level}");
        assert!(answer["waited_ms"].is_u64() && answer["version"].is_string());
    }
    let text = place
        .done(&["query", "orders", "GetOrderById", "order_id=1"])
        .out;
    assert!(
        text.contains("shipped") && text.contains("1 row at position"),
        "{text}"
    );
    let none = place.done(&["query", "orders", "GetOrderById", "order_id=2", "--json"]);
    assert_eq!(none.json()["rows"], serde_json::json!([]));
    assert_eq!(
        place.done(&["status", "--json"]).json()["engine"]["running"],
        false
    );
}

#[test]
fn an_old_answer_is_told_as_old() {
    let place = Place::with(&[("orders", ORDERS)]);
    place.done(&["query", "orders", "Count", "--consistency", "strong"]);
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    let old = place.done(&["query", "orders", "Count", "--json"]).json();
    assert_eq!(old["rows"][0]["orders"], 0);
    let told = place.done(&["query", "orders", "Count"]);
    assert!(told.err.contains("no engine runs"), "{told:?}");
    let warning = old["warning"].as_str().unwrap();
    assert!(
        warning.starts_with("orders is dead: no engine runs"),
        "{warning}"
    );
    let new = place.done(&[
        "query",
        "orders",
        "Count",
        "--json",
        "--consistency",
        "strong",
    ]);
    assert_eq!(new.json()["rows"][0]["orders"], 1);
}

#[test]
fn a_manual_read_model_is_brought_up_by_whoever_asks_for_more() {
    let place = Place::with(&[("counts", COUNTS)]);
    for _ in 0..3 {
        place.done(&["append", "a-1", "A", "{}"]);
    }
    let words = ["query", "counts", "Counts", "--json"];
    assert_eq!(place.done(&words).json()["rows"], serde_json::json!([]));
    let strong = place.done(&[
        "query",
        "counts",
        "Counts",
        "--consistency",
        "strong",
        "--json",
    ]);
    assert_eq!(
        strong.json()["rows"],
        serde_json::json!([{"type": "A", "n": 3}])
    );
}

#[test]
fn a_time_limit_gives_an_error_and_no_old_answer() {
    let place = Place::with(&[("orders", ORDERS)]);
    let ran = place.run(&[
        "query",
        "orders",
        "Count",
        "--consistency",
        "at-least=99",
        "--timeout",
        "50ms",
        "--json",
    ]);
    ran.failed(1, &["orders", "position 99", "--timeout"]);
    assert_eq!(ran.out, "");
    place.done(&["pause", "orders"]);
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    let ran = place.run(&[
        "query",
        "orders",
        "Count",
        "--consistency",
        "strong",
        "--timeout",
        "1h",
    ]);
    ran.failed(1, &["paused", "highwater resume orders"]);
}

#[test]
fn a_query_that_is_asked_wrongly_says_what_it_takes() {
    let place = Place::with(&[("orders", ORDERS)]);
    place.done(&["query", "orders", "Count"]);
    let ask = |words: &[&str]| place.run(&[&["query", "orders"], words].concat());
    ask(&["GetOrderById", "id=1"]).failed(2, &["id", "order_id"]);
    ask(&["GetOrderById"]).failed(2, &["order_id", "missing"]);
    ask(&["GetOrderById", "order_id"]).failed(2, &["key=value"]);
    ask(&["GetOrderById", "order_id=1", "order_id=2"]).failed(2, &["twice"]);
    ask(&["GetOrder"]).failed(2, &["GetOrder", "GetOrderById"]);
    ask(&["Count", "--consistency", "soon"]).failed(2, &["soon", "within=2s"]);
    ask(&["Count", "--timeout", "5"]).failed(2, &["250ms"]);
    place
        .run(&["query", "order", "Count"])
        .failed(2, &["order", "orders"]);
    let injected = place.done(&[
        "query",
        "orders",
        "GetOrderById",
        "order_id=1' OR 1=1 --",
        "--json",
    ]);
    assert_eq!(injected.json()["rows"], serde_json::json!([]));
}

#[test]
fn query_alone_lists_the_questions() {
    let place = Place::with(&[("orders", ORDERS), ("counts", COUNTS)]);
    let list = place.done(&["query"]).out;
    assert!(list.contains("orders GetOrderById order_id=…"), "{list}");
    let list = place.done(&["query", "counts", "--json"]).lines();
    assert_eq!(
        list,
        [serde_json::json!({"projection": "counts", "query": "Counts", "parameters": []})]
    );
    assert!(Place::with(&[]).done(&["query"]).out.contains("NAME.sql"));
}

#[test]
fn an_answer_of_another_log_is_no_answer_without_a_warning() {
    let place = Place::with(&[("orders", ORDERS)]);
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    let healthy = place.done(&[
        "query",
        "orders",
        "Count",
        "--consistency",
        "strong",
        "--json",
    ]);
    assert_eq!(healthy.json()["warning"], serde_json::Value::Null);
    assert_eq!(healthy.err, "");
    let db = rusqlite::Connection::open(place.file("data/read/orders.db")).unwrap();
    db.execute_batch("UPDATE _highwater_checkpoint SET position = 999")
        .unwrap();
    drop(db);
    for words in [
        &["query", "orders", "Count"] as &[&str],
        &["query", "orders", "Count", "--as-of", "1"],
    ] {
        let told = place.done(words);
        assert!(
            told.err.starts_with("warning: orders is ahead: "),
            "{told:?}"
        );
        assert!(told.err.contains("highwater rebuild orders"), "{told:?}");
        let told = place.done(&[words, &["--json"]].concat()).json();
        let warning = told["warning"].as_str().unwrap();
        assert!(warning.starts_with("orders is ahead: "), "{warning}");
    }
    for level in ["strong", "at-least=1", "within=1h"] {
        let words = [
            "query",
            "orders",
            "Count",
            "--timeout",
            "1h",
            "--consistency",
            level,
        ];
        place
            .run(&words)
            .failed(1, &["not of this log", "highwater rebuild orders"]);
    }
}
