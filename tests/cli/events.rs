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
