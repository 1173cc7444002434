//! Today's program on a log that was written when an order had one product (`tests/frozen/format-1`).

use serde_json::{Value, json};

use crate::kit::Place;

const ORDERS: &str = "\
-- schema
CREATE TABLE orders (order_id TEXT PRIMARY KEY, items INTEGER NOT NULL, total_cents INTEGER NOT NULL) STRICT;
-- on OrderPlaced
INSERT INTO orders VALUES (
    :key, (SELECT sum(value ->> 'quantity') FROM json_each(:data, '$.lines')), :data ->> 'total_cents'
);
-- query All()
SELECT * FROM orders ORDER BY order_id;
";

fn thawed() -> Place {
    let place = Place::with(&[("orders", ORDERS)]);
    std::fs::create_dir(place.file("data")).unwrap();
    let frozen = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frozen/format-1/log.db");
    std::fs::copy(frozen, place.file("data/log.db")).unwrap();
    place
}

#[test]
fn a_read_model_of_old_events_has_what_one_of_todays_has() {
    let place = thawed();
    let all = [
        "query",
        "orders",
        "All",
        "--consistency",
        "strong",
        "--json",
    ];
    let rows = json!([["1001", 2, 2500], ["1002", 1, 3900], ["1003", 2, 5150]]);
    let answer = place.done(&all).json();
    assert_eq!(rows_of(&answer), rows, "{answer}");
    place.done(&["rebuild", "orders", "--yes"]);
    assert_eq!(rows_of(&place.done(&all).json()), rows);
}

/// The rows of an answer, each as a list of its values.
fn rows_of(answer: &Value) -> Value {
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| match row {
        Value::Object(fields) => fields.values().cloned().collect(),
        other => other.clone(),
    })
    .collect()
}

#[test]
fn an_old_order_is_seen_step_by_step_in_todays_form_and_can_be_paid() {
    let place = thawed();
    let steps = place
        .done(&["stream", "order-1001", "--state", "--json"])
        .lines();
    let lines = json!([{"product": "mug", "quantity": 2, "unit_price_cents": 1250}]);
    assert_eq!(
        (
            &steps[0]["data"]["lines"],
            &steps[0]["state"]["lines"],
            &steps[2]["state"]["status"]
        ),
        (&lines, &lines, &json!("shipped"))
    );
    let pay = |amount| ["send", "ProcessPayment", "order=1002", amount];
    assert_eq!(place.run(&pay("amount_cents=1")).code, 3);
    place.done(&pay("amount_cents=3900"));
}

#[test]
fn an_export_gives_what_was_stored_and_the_log_is_found_unchanged() {
    let place = thawed();
    let stored = place.done(&["export"]).lines();
    assert_eq!(
        (
            &stored[3]["type"],
            &stored[3]["data"]["product"],
            &stored[3]["data"]["lines"]
        ),
        (&json!("OrderPlaced"), &json!("mug"), &Value::Null)
    );
    let seen = place.done(&["events", "--after", "3", "--json"]).lines();
    assert!(seen[0]["data"]["lines"].is_array(), "{}", seen[0]);
    place.done(&["verify", "--log"]);
}
