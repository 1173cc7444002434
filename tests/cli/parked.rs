//! Parked events from the command line: listed, tried again, skipped, and told of in answers.

use serde_json::json;

use crate::kit::Place;

const BILLS: &str = "\
-- on-error: park
-- schema
CREATE TABLE prices (product TEXT PRIMARY KEY, price INTEGER NOT NULL) STRICT;
CREATE TABLE bills (key TEXT PRIMARY KEY, total INTEGER NOT NULL) STRICT;
-- on Priced
INSERT INTO prices VALUES (:key, :data ->> 'price');
-- on Bought
INSERT INTO bills SELECT :key, (SELECT price FROM prices WHERE product = :data ->> 'of') WHERE true
ON CONFLICT (key) DO UPDATE SET total = total + excluded.total;
-- query All()
SELECT * FROM bills ORDER BY key;
";

/// Two events of one stream that could not be applied.
fn two_parked() -> Place {
    let place = Place::with(&[("bills", BILLS)]);
    for _ in 0..2 {
        place.done(&["append", "bill-1", "Bought", "{\"of\":\"mug\"}"]);
    }
    strong(&place);
    place
}

fn strong(place: &Place) -> serde_json::Value {
    let ask = ["query", "bills", "All", "--consistency", "strong", "--json"];
    place.done(&ask).json()
}

#[test]
fn what_is_parked_is_listed_and_told_of_with_each_answer() {
    let place = two_parked();
    assert_eq!(strong(&place)["parked"], json!({"events": 2, "streams": 1}));
    let text = place.done(&["query", "bills", "All"]).out;
    let words = "not in it: 2 events of 1 stream are parked (`highwater parked bills`)";
    assert!(text.contains(words), "{text}");
    let status = place.status("bills");
    assert_eq!(
        (&status["parked"], &status["parked_streams"]),
        (&json!(2), &json!(1))
    );
    let listed = place.done(&["parked", "--json"]).lines();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["tries"], 5);
    assert!(listed[0]["error"].as_str().unwrap().contains("NOT NULL"));
    assert_eq!(listed[1]["error"], json!(null));
    let text = place.done(&["parked", "bills", "-n", "1"]).out;
    assert!(
        text.contains("bill-1") && text.contains("-n 0 shows all"),
        "{text}"
    );
    place.done(&["verify", "bills"]);
}

#[test]
fn a_key_of_which_an_event_is_parked_lacks_it_and_the_comparison_says_what_lets_it_come() {
    let keyed = BILLS.replace("-- schema", "-- key: key = bill\n-- schema");
    let place = Place::with(&[("bills", &keyed)]);
    for _ in 0..2 {
        place.done(&["append", "bill-1", "Bought", "{\"of\":\"mug\"}"]);
    }
    strong(&place);
    let listed = place.done(&["parked", "bills", "--json"]).lines();
    let first = listed[0]["position"].clone();
    let text = place.done(&["compare", "bills", "--key", "1"]).out;
    assert!(
        text.contains(&format!("2 from event {first}, parked")),
        "{text}"
    );
    assert!(!text.contains("nothing"), "{text}");
    assert!(text.contains("does not come by itself"), "{text}");
    assert!(text.contains(&format!("retry bills {first}`")), "{text}");
    let compare = ["compare", "bills", "--key", "1", "--json"];
    let replica = place.done(&compare).json()["replicas"][0].clone();
    assert_eq!(
        (&replica["lacks"], &replica["next"]),
        (&json!(2), &json!(null))
    );
    assert_eq!(
        (&replica["parked"]["events"], &replica["parked"]["first"]),
        (&json!(2), &first)
    );
    assert!(
        replica["parked"]["error"]
            .as_str()
            .unwrap()
            .contains("NOT NULL")
    );
    let at = first.to_string();
    place.done(&["skip", "bills", &at, "--reason", "no such product"]);
    let replica = place.done(&compare).json()["replicas"][0].clone();
    assert_eq!(
        (&replica["lacks"], &replica["skipped"]),
        (&json!(1), &json!(1))
    );
    let other = place
        .done(&["compare", "bills", "--key", "2", "--json"])
        .json();
    assert_eq!(other["replicas"][0]["parked"]["events"], 0);
}

#[test]
fn they_are_tried_again_skipped_and_unskipped() {
    let place = two_parked();
    let listed = place.done(&["parked", "bills", "--json"]).lines();
    let at = |n: usize| listed[n]["position"].to_string();
    let no = |words: &[&str], says: &str| place.run(words).failed(3, &[says]);
    no(&["retry", "bills", &at(0)], "failed again, after 6 tries");
    no(&["retry", "bills", &at(1)], "comes first");
    no(
        &["retry", "bills", "--stream", "bill-9"],
        "no such event is parked",
    );
    no(&["skip", "bills", "99", "--reason", "x"], "is not parked");
    no(&["unskip", "bills", &at(0)], "is not skipped");
    for wrong in [
        &["retry", "bills"][..],
        &["retry", "bills", "1", "--all"],
        &["retry", "bills", "--stream", ""],
        &["skip", "bills", "1"],
        &["skip", "bills", "1", "--reason", " \t "],
        &["retry", "nobody", "--all"],
        &["parked", "nobody"],
    ] {
        assert_eq!(place.run(wrong).code, 2, "{wrong:?}");
    }
    place.done(&["skip", "bills", &at(0), "--reason", "it's a \u{1b}[31mtest"]);
    let history = place.done(&["operations", "bills"]).out;
    assert!(
        history.contains("it's a") && !history.contains('\u{1b}'),
        "{history}"
    );
    place.done(&["undo", "bills"]);
    assert_eq!(place.done(&["parked", "bills", "--json"]).lines().len(), 2);
    place.done(&["skip", "bills", &at(0), "--reason", "a test"]);
    place.done(&["append", "product-mug", "Priced", "{\"price\":7}"]);
    strong(&place);
    let done = place.done(&["retry", "bills", "--all", "--json"]).json();
    assert_eq!(done["what"], "1 event applied; nothing is parked any more");
    assert_eq!(strong(&place)["rows"], json!([{"key": "1", "total": 7}]));
    no(&["undo", "bills"], "cannot be taken back");
    place.done(&["verify", "bills"]);
    let past = place
        .done(&["query", "bills", "All", "--as-of", &at(1), "--json"])
        .json();
    assert_eq!(past["rows"], json!([]));
    assert!(place.done(&["parked"]).out.contains("nothing is parked"));
}

#[test]
fn what_a_held_version_has_parked_is_told_by_status_parked_diff_and_cutover() {
    let lenient = BILLS.replace("-- on-error: park", "-- on-error: park\n-- cutover: asked");
    let lenient = lenient.replace("total INTEGER NOT NULL", "total INTEGER");
    let place = Place::with(&[("bills", &lenient)]);
    let engine = place.engine();
    place.done(&["append", "bill-1", "Bought", "{\"of\":\"mug\"}"]);
    strong(&place);
    place.project(
        "bills",
        &lenient.replace("total INTEGER", "total INTEGER NOT NULL"),
    );
    let held = || {
        let status = place.status("bills");
        let new = &status["rebuild"];
        new["held"] == true && new["parked"]["events"] == 1
    };
    while !held() {}
    let status = place.done(&["status"]).out;
    let line = "is parked, the first at position ";
    assert!(
        status.contains("in the new version") && status.contains(line),
        "{status}"
    );
    let listed = place.done(&["parked", "bills", "--json"]).lines();
    assert_eq!(listed.len(), 1);
    assert!(listed[0]["new_version"].is_string(), "{listed:?}");
    let text = place.done(&["parked", "bills"]).out;
    assert!(
        text.contains("bills (new ") && text.contains("after the cutover"),
        "{text}"
    );
    let diff = place.run(&["diff", "bills"]);
    assert_eq!(diff.code, 3, "{diff:?}");
    assert!(diff.out.contains(line), "{diff:?}");
    let why = "Bought of bill-1, which is parked in the new version";
    assert!(diff.out.contains(why), "{diff:?}");
    let diff = place.run(&["diff", "bills", "--json"]).json();
    assert_eq!(diff["new_parked"]["events"], 1);
    assert_eq!(diff["differences"][0]["because"]["parked"], "new");
    let cut_over = place.done(&["cutover", "bills"]);
    assert!(
        cut_over.err.contains("warning") && cut_over.err.contains(line),
        "{cut_over:?}"
    );
    assert!(cut_over.out.contains(line), "{cut_over:?}");
    let listed = place.done(&["parked", "bills", "--json"]).lines();
    assert_eq!(listed[0]["new_version"], json!(null));
    drop(engine);
}
