//! What replicas hold of one key, and how well an objective was held, as scripts see it.

use crate::kit::{ORDERS, Place};

fn replicated() -> String {
    let text = ORDERS.replace("-- policy: live", "-- replicas: eu live, us manual");
    assert_ne!(text, ORDERS);
    text
}

#[test]
fn replicas_are_compared_by_key_until_they_agree() {
    let place = Place::with(&[("orders", &replicated())]);
    let engine = place.engine();
    place.done(&["append", "order-7", "OrderPlaced", "{}"]);
    place.done(&["query", "orders@eu", "Count", "--consistency", "strong"]);
    let differ = place.run(&["compare", "orders", "--key", "7"]);
    assert_eq!(differ.code, 3, "{differ:?}");
    let text = differ.out.clone();
    assert!(text.contains("order-7 has 1 events"), "{text}");
    let line = |name: &str| {
        text.lines()
            .find(|line| line.contains(name))
            .unwrap()
            .to_owned()
    };
    assert!(
        line("lacks").contains("nothing") && line("lacks").contains("1 from event"),
        "{text}"
    );
    assert!(
        line("order_id").starts_with('≠') && line("order_id").contains("no row"),
        "{text}"
    );
    place.done(&["apply", "orders@us"]);
    let agree = place
        .done(&["compare", "orders", "--key", "7", "--json"])
        .json();
    assert_eq!(agree["agree"], true);
    assert_eq!(
        agree["replicas"][0]["tables"],
        agree["replicas"][1]["tables"]
    );
    let unknown = place.done(&["compare", "orders", "--key", "nobody"]);
    assert!(
        unknown.out.contains("nobody has a row of it"),
        "{unknown:?}"
    );
    drop(engine);
}

#[test]
fn what_has_no_key_or_no_objective_says_what_to_write() {
    let neither = ORDERS
        .replace("-- key: order_id = order\n", "")
        .replace("-- objective: 10s\n", "");
    let place = Place::with(&[("orders", &neither)]);
    let refused = place.run(&["compare", "orders", "--key", "7"]);
    assert_ne!(refused.code, 0);
    assert!(
        refused.err.contains("`-- key: order_id = order`"),
        "{refused:?}"
    );
    let told = place.done(&["objective", "orders"]);
    assert!(
        told.out.contains("write `-- objective: 1s` in its file"),
        "{told:?}"
    );
}

#[test]
fn an_objective_that_was_breached_tells_its_budget_and_what_another_policy_would_have_given() {
    let strict = ORDERS.replace("-- objective: 10s", "-- objective: 50ms");
    let place = Place::with(&[("orders", &strict)]);
    let engine = place.engine();
    place.done(&["pause", "orders"]);
    place.done(&["append", "order-7", "OrderPlaced", "{}"]);
    // Until the breach is recorded.
    let recorded = || {
        let history = place.done(&["operations", "orders"]);
        history.out.contains("objective of 50 ms breached")
    };
    while !recorded() {}
    let told = place.run(&["objective", "orders", "--policy", "live", "--json"]);
    assert_eq!(told.code, 3, "{told:?}");
    let told = told.json();
    assert_eq!(told["service"]["breaches"], 1);
    assert!(told["service"]["held"].as_f64().unwrap() < 0.99, "{told}");
    assert_eq!(told["service"]["left_s"], serde_json::Value::Null);
    assert_eq!(told["what_if"]["events"], 1);
    assert_eq!(told["what_if"]["held"], 1.0);
    drop(engine);
}
