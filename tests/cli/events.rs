//! `events` and `stream`.

use crate::kit::Place;

/// Three streams, twelve events: a-1, b-1, c-1, a-1 …
fn twelve() -> Place {
    let place = Place::with(&[]);
    let line = |n: usize| {
        let (stream, kind) = (["a-1", "b-1", "c-1"][n % 3], ["Odd", "Even"][n % 2]);
        format!(
            "{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"s\",\"type\":\"{kind}\",\"subject\":\"{stream}\",\"data\":{{\"n\":{n}}}}}\n"
        )
    };
    let input: String = (0..12).map(line).collect();
    assert_eq!(place.run_with(&["import", "-"], input).code, 0);
    place
}

fn numbers(place: &Place, args: &[&str]) -> Vec<u64> {
    let args = [&["events", "--json"], args].concat();
    let events = place.done(&args).lines();
    let number = |event: &serde_json::Value| event["data"]["n"].as_u64().unwrap();
    events.iter().map(number).collect()
}

#[test]
fn events_are_the_newest_or_those_after_a_position() {
    let place = twelve();
    assert_eq!(numbers(&place, &[]), (0..12).collect::<Vec<_>>());
    assert_eq!(numbers(&place, &["--limit", "3"]), [9, 10, 11]);
    assert_eq!(numbers(&place, &["--limit", "0"]), [0; 0]);
    assert_eq!(numbers(&place, &["--after", "9"]), [9, 10, 11]);
    assert_eq!(numbers(&place, &["--after", "2", "--limit", "2"]), [2, 3]);
    assert_eq!(numbers(&place, &["--after", "99"]), [0; 0]);
    assert_eq!(numbers(&place, &["--stream", "b-1"]), [1, 4, 7, 10]);
    assert_eq!(
        numbers(&place, &["--stream", "b-1", "--limit", "2"]),
        [7, 10]
    );
    assert_eq!(
        numbers(&place, &["--category", "c", "--type", "Odd"]),
        [2, 8]
    );
    assert_eq!(numbers(&place, &["--category", "c", "--limit", "1"]), [11]);
    assert_eq!(
        numbers(
            &place,
            &["--stream", "b-1", "--after", "3", "--type", "Odd"]
        ),
        [4, 10]
    );
    let text = place.done(&["events", "--limit", "1"]).out;
    assert!(
        text.contains("12") && text.contains("c-1@4") && text.contains("{\"n\":11}"),
        "{text}"
    );
}

#[test]
fn newest_events_are_found_however_far_back_they_are() {
    let place = Place::with(&[]);
    let line = |n: usize| {
        let kind = if n == 3 { "Rare" } else { "Common" };
        format!(
            "{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"s\",\"type\":\"{kind}\",\"subject\":\"a-1\",\"data\":{{\"n\":{n}}}}}\n"
        )
    };
    let input: String = (0..1_300).map(line).collect();
    assert_eq!(place.run_with(&["import", "-"], input).code, 0);
    assert_eq!(numbers(&place, &["--type", "Rare"]), [3]);
    assert_eq!(numbers(&place, &["--stream", "a-1", "--type", "Rare"]), [3]);
    assert_eq!(
        numbers(&place, &["--limit", "600"]),
        (700..1_300).collect::<Vec<_>>()
    );
    assert_eq!(numbers(&place, &["--after", "0"]).len(), 1_300);
}

#[test]
fn newest_events_are_found_among_large_ones() {
    let place = Place::with(&[]);
    let data = "x".repeat(900_000);
    let line = |n: usize| {
        format!(
            "{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"s\",\"type\":\"T\",\"subject\":\"a-1\",\"data\":{{\"n\":{n},\"x\":\"{data}\"}}}}\n"
        )
    };
    let input: String = (0..24).map(line).collect();
    assert_eq!(place.run_with(&["import", "-"], input).code, 0);
    assert_eq!(numbers(&place, &["--limit", "3"]), [21, 22, 23]);
    assert_eq!(
        numbers(&place, &["--stream", "a-1", "--limit", "2"]),
        [22, 23]
    );
    assert_eq!(numbers(&place, &[]), (4..24).collect::<Vec<_>>());
}

#[test]
fn events_that_come_are_followed() {
    let place = twelve();
    let mut follow = place.start(&["events", "--follow", "--limit", "1", "--json"]);
    assert!(follow.line().contains("\"n\":11"));
    place.done(&["append", "a-1", "Odd", "{\"n\":12}"]);
    assert!(follow.line().contains("\"n\":12"));
    let bounded = place.start(&["events", "--after", "12", "--limit", "2", "--follow"]);
    place.done(&["append", "a-1", "Odd", "{\"n\":13}"]);
    let (code, out) = bounded.end();
    assert_eq!((code, out.lines().count()), (Some(0), 2), "{out}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::with(&[]);
    let data = format!("{{\"x\":\"{}\"}}", "x".repeat(100_000));
    for _ in 0..8 {
        assert_eq!(place.run_with(&["append", "a-1", "A", "-"], &data).code, 0);
    }
    for args in [
        &["events"] as &[&str],
        &["events", "--json"],
        &["stream", "a-1"],
        &["export"],
    ] {
        let mut child = place
            .command(args)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{args:?}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{args:?}: {ended:?}");
    }
}

#[test]
fn a_stream_is_shown_step_by_step_with_its_state() {
    let place = Place::with(&[]);
    place.done(&[
        "send",
        "PlaceOrder",
        "order=1",
        "customer=ada",
        "lines=mug:2:1250",
    ]);
    place.done(&["send", "ProcessPayment", "order=1", "amount_cents=2500"]);
    let steps = place
        .done(&["stream", "order-1", "--state", "--json"])
        .lines();
    assert_eq!(steps.len(), 2);
    assert_eq!(
        (&steps[1]["version"], &steps[1]["position"]),
        (&2.into(), &2.into())
    );
    assert_eq!(steps[1]["type"], "PaymentProcessed");
    assert_eq!(steps[1]["data"]["amount_cents"], 2500);
    assert!(steps[1]["time"].is_string());
    assert_eq!(steps[0]["state"]["status"], "placed");
    assert_eq!(steps[1]["state"]["status"], "paid");
    let change = serde_json::json!([{"field": "status", "before": "placed", "after": "paid"}]);
    assert_eq!(steps[1]["changes"], change);
    let plain = place.done(&["stream", "order-1", "--json"]).lines();
    assert!(plain[0].get("state").is_none());
    let text = place.done(&["stream", "order-1", "--state"]).out;
    assert!(text.contains("status: \"placed\" → \"paid\""), "{text}");
}

#[test]
fn a_stream_of_no_known_aggregate_is_shown_and_not_folded() {
    let place = twelve();
    let shown = place.done(&["stream", "a-1", "--state", "--json"]);
    assert_eq!(shown.lines().len(), 4);
    assert!(shown.err.contains("nothing is folded"), "{shown:?}");
    assert!(shown.lines()[0].get("state").is_none());
    place.run(&["stream", "order-9"]).failed(1, &["order-9"]);
}

#[test]
fn a_long_stream_is_shown_whole_and_in_order() {
    let place = Place::with(&[]);
    let line = |n: usize| {
        format!(
            "{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"s\",\"type\":\"T\",\"subject\":\"a-1\"}}\n"
        )
    };
    let input: String = (0..1_201).map(line).collect();
    assert_eq!(place.run_with(&["import", "-"], input).code, 0);
    let versions: Vec<_> = place.done(&["stream", "a-1", "--json"]).lines();
    let versions: Vec<_> = versions
        .iter()
        .map(|line| line["version"].as_u64().unwrap())
        .collect();
    assert_eq!(versions, (1..=1_201).collect::<Vec<_>>());
}

#[test]
fn the_newest_events_are_shown_however_large_they_are() {
    let place = Place::with(&[]);
    let large = "x".repeat(1_000_000);
    let line = |n: usize| {
        format!(
            "{{\"specversion\":\"1.0\",\"id\":\"{n}\",\"source\":\"s\",\"type\":\"T\",\"subject\":\"a-1\",\"data\":{{\"a\":\"{large}\"}}}}\n"
        )
    };
    let input: String = (1..=12).map(line).collect();
    assert_eq!(place.run_with(&["import", "-"], input).code, 0);
    for stream in [&[] as &[&str], &["--stream", "a-1"]] {
        let args = [&["events", "--json", "--limit", "3"], stream].concat();
        let shown = place.done(&args).lines();
        let ids: Vec<_> = shown.iter().map(|e| e["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["10", "11", "12"], "{stream:?}");
    }
}

/// A shop in which three orders came to their ends: one paid, one not to be had, one forgotten.
fn fulfilled() -> Place {
    let place = Place::empty();
    place.done(&["init", "."]);
    place.write("highwater.toml", "[shop]\npayment-within = \"20ms\"\n");
    let engine = place.engine();
    let finished = |count: &str| {
        let of = ["--type", "ProcessFinished", "--after", "0"];
        place.done(&[&["events", "--follow", "--limit", count], &of[..]].concat());
    };
    for product in ["mug", "pot"] {
        let product = format!("product={product}");
        place.done(&["send", "RestockProduct", &product, "quantity=5", "name=a"]);
    }
    let order = |order: &str, lines: &str| {
        let (order, lines) = (format!("order={order}"), format!("lines={lines}"));
        place.done(&["send", "PlaceOrder", &order, "customer=ada", &lines]);
    };
    order("1", "mug:1:100,pot:9:100");
    finished("1");
    order("2", "mug:1:100");
    finished("2");
    drop(engine);
    order("3", "mug:2:100");
    place.done(&["send", "ProcessPayment", "order=3", "amount_cents=200"]);
    let engine = place.engine();
    finished("3");
    drop(engine);
    place
}

/// The lines of a tree without positions and times.
fn tree(place: &Place, of: &str) -> Vec<String> {
    let shown = place.done(&["events", "--tree", of]).out;
    let what = |line: &str| line.split_once(" s  ").unwrap().1.to_owned();
    shown.lines().map(what).collect()
}

#[test]
fn the_tree_of_an_order_goes_from_the_first_command_to_the_last_compensation() {
    let place = fulfilled();
    assert_eq!(
        tree(&place, "order-1"),
        [
            "order-1@1  OrderPlaced  by PlaceOrder",
            "└ fulfilment-1@1  EventTaken  OrderPlaced of order-1",
            "  └ product-mug@2  StockReserved  by ReserveStock",
            "  └ fulfilment-1@2  StepAccepted  ReserveStock",
            "  └ fulfilment-1@3  StepRejected  ReserveStock was rejected: 9 of pot are wanted and 5 available",
            "    └ order-1@2  OrderCancelled  by CancelOrder",
            "    └ fulfilment-1@4  StepAccepted  CancelOrder",
            "    └ product-mug@3  StockReleased  by ReleaseStock",
            "    └ fulfilment-1@5  StepAccepted  ReleaseStock",
            "    └ fulfilment-1@6  ProcessFinished  cancelled",
        ]
    );
    let forgotten = tree(&place, "order-2");
    let fired = "  └ fulfilment-2@4  TimerFired  nothing came until ";
    assert!(forgotten[5].starts_with(fired), "{forgotten:?}");
    assert_eq!(
        forgotten[6..],
        [
            "    └ order-2@2  OrderCancelled  by CancelOrder",
            "    └ fulfilment-2@5  StepAccepted  CancelOrder",
            "    └ product-mug@5  StockReleased  by ReleaseStock",
            "    └ fulfilment-2@6  StepAccepted  ReleaseStock",
            "    └ fulfilment-2@7  ProcessFinished  cancelled",
        ]
    );
}

#[test]
fn a_payment_stands_in_the_tree_though_it_came_of_its_own() {
    let place = fulfilled();
    let paid = tree(&place, "order-3");
    assert!(paid.contains(&"order-3@2  PaymentProcessed  by ProcessPayment".to_owned()));
    let taken = "└ fulfilment-3@4  EventTaken  PaymentProcessed of order-3";
    assert!(paid.contains(&taken.to_owned()), "{paid:?}");
    let end = "  └ fulfilment-3@7  ProcessFinished  shipped";
    assert_eq!(paid.last().unwrap(), end);
}

#[test]
fn a_tree_is_asked_for_by_stream_or_by_correlation_and_alone() {
    let place = fulfilled();
    let events = place.done(&["events", "--tree", "order-1", "--json"]);
    let events = events.lines();
    assert_eq!(events.len(), 10);
    let correlation = events[0]["correlationid"].as_str().unwrap();
    assert_eq!(tree(&place, correlation), tree(&place, "order-1"));
    assert_eq!(tree(&place, "fulfilment-1"), tree(&place, "order-1"));
    place
        .run(&["events", "--tree", "order-9"])
        .failed(1, &["order-9", "correlationid"]);
    place
        .run(&["events", "--tree", "order-1", "--after", "3"])
        .failed(2, &["--after"]);
}
