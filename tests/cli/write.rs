//! `send` and `append`.

use serde_json::{Value, json};

use crate::kit::{ORDERS, Place};

const REGISTER: [&str; 6] = [
    "send",
    "RegisterCustomer",
    "customer=ada",
    "name=Ada Lovelace",
    "email=ada@example.org",
    "address=12 St James's Square",
];

/// These words and some more.
fn and<'a>(words: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [words, more].concat()
}

#[test]
fn a_command_is_accepted_or_rejected_with_a_reason() {
    let place = Place::with(&[]);
    let sent = place.done(&and(&REGISTER, &["--json"])).json();
    assert_eq!(
        (
            &sent["outcome"],
            &sent["position"],
            &sent["stream"],
            &sent["version"],
            &sent["reason"]
        ),
        (
            &json!("accepted"),
            &json!(1),
            &json!("customer-ada"),
            &json!(1),
            &Value::Null
        )
    );
    let again = place.run(&and(&REGISTER, &["--json"]));
    assert_eq!(again.code, 3, "{again:?}");
    let again = again.json();
    assert_eq!(
        (&again["outcome"], &again["position"], &again["version"]),
        (&json!("rejected"), &Value::Null, &json!(1))
    );
    assert!(again["reason"].as_str().unwrap().contains("ada"), "{again}");
    let text = place.run(&REGISTER);
    assert_eq!(
        (text.code, text.out.starts_with("rejected: ")),
        (3, true),
        "{text:?}"
    );
    assert_eq!(place.done(&["status", "--json"]).json()["head"], 1);
}

#[test]
fn the_same_key_gives_the_first_answer_and_stores_nothing() {
    let place = Place::with(&[]);
    let words = and(&REGISTER, &["--key", "k1", "--json"]);
    let first = place.done(&words).json();
    let second = place.done(&words).json();
    assert_eq!(first["position"], second["position"]);
    assert_eq!(
        (&first["repeated"], &second["repeated"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(place.done(&["status", "--json"]).json()["head"], 1);
}

#[test]
fn fields_come_as_words_as_json_or_from_standard_input() {
    let place = Place::with(&[]);
    let order = |n: &str| {
        json!({"order": n, "customer": "ada", "lines": [{"product": "mug", "quantity": 2, "unit_price_cents": 1250}]}).to_string()
    };
    place.done(&[
        "send",
        "PlaceOrder",
        "order=1",
        "customer=ada",
        "lines=mug:2:1250",
    ]);
    place.done(&["send", "PlaceOrder", "--data", &order("2")]);
    let piped = place.run_with(&["send", "PlaceOrder", "--data", "-"], order("3"));
    assert_eq!(piped.code, 0, "{piped:?}");
    let events = place.done(&["events", "--json"]).lines();
    assert_eq!(events.len(), 3);
    assert!(
        events
            .iter()
            .all(|event| event["data"] == events[0]["data"]),
        "{events:?}"
    );
}

#[test]
fn send_alone_lists_every_command_and_how_it_is_typed() {
    let place = Place::with(&[]);
    let list = place.done(&["send"]).out;
    assert!(
        list.contains("PlaceOrder order=… customer=… lines=product:quantity:unit_price_cents,…")
    );
    let infos = place.done(&["send", "--json"]).lines();
    let names: Vec<_> = infos
        .iter()
        .map(|info| info["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"ShipOrder"), "{names:?}");
    assert!(infos.iter().all(|info| info["schema"].is_object()));
}

#[test]
fn a_command_says_which_sync_read_models_have_it() {
    let sync = ORDERS.replace("policy: live", "policy: sync");
    let place = Place::with(&[("orders", &sync)]);
    let send = |n: &str| {
        let order = format!("order={n}");
        let words = [
            "send",
            "PlaceOrder",
            &order,
            "customer=ada",
            "lines=mug:2:1250",
            "--json",
        ];
        place.done(&words).json()["visible"][0].clone()
    };
    let engine = place.engine();
    let seen = send("1");
    assert_eq!(
        (&seen["projection"], &seen["because"]),
        (&json!("orders"), &Value::Null)
    );
    assert!(seen["after_ms"].is_u64(), "{seen}");
    drop(engine);
    let unseen = send("2");
    assert_eq!(unseen["after_ms"], Value::Null);
    assert!(
        unseen["because"].as_str().unwrap().contains("no engine"),
        "{unseen}"
    );
    let words = [
        "send",
        "PlaceOrder",
        "order=3",
        "customer=ada",
        "lines=mug:2:1250",
    ];
    assert!(
        place
            .done(&words)
            .out
            .contains("stored, not visible in orders")
    );
}

#[test]
fn append_expects_a_version_where_it_is_told_one() {
    let place = Place::with(&[]);
    let append = |expect: &str| {
        place.run(&[
            "append",
            "cart-7",
            "Filled",
            "{\"n\":1}",
            "--expect",
            expect,
            "--json",
        ])
    };
    assert_eq!(append("0").json(), json!({"position": 1, "version": 1}));
    assert_eq!(append("1").json(), json!({"position": 2, "version": 2}));
    let conflict = append("1");
    conflict.failed(3, &["conflict", "cart-7", "version 2"]);
    assert_eq!(conflict.json()["version"], 2);
    append("9").failed(3, &["version 2"]);
    let free = place.done(&["append", "cart-7", "Filled", "{}", "--json"]);
    assert_eq!(free.json(), json!({"position": 3, "version": 3}));
    let piped = place.run_with(&["append", "cart-7", "Filled", "-"], "{\"n\": 2}\n");
    assert_eq!(piped.code, 0, "{piped:?}");
}
