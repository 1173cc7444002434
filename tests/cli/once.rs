//! One picture of any screen, without a terminal: as text, or drawn into a file.

use std::time::{Duration, Instant};

use super::kit::{COUNTS, ORDERS, Place, Ran};

/// A workspace in which a read model has three events, and no engine runs any more.
fn shop() -> Place {
    let place = Place::with(&[("orders", ORDERS)]);
    for key in ["order-1", "order-2", "order-3"] {
        place.done(&["append", key, "OrderPlaced", "{\"customer\":\"ada\"}"]);
    }
    place.done(&["query", "orders", "Count", "--consistency", "strong"]);
    place
}

fn once(place: &Place, screen: &str) -> String {
    place.done(&["--once", "--screen", screen]).out
}

#[test]
fn each_screen_is_printed_with_what_it_had_to_ask_for() {
    let place = shop();
    for (screen, words) in [
        ("overview", ["Projections", "orders", "newest first"]),
        ("events", ["Events, newest last", "order-2", "recorded_at"]),
        (
            "projection",
            ["Now, and why", "Where the time goes", "orders"],
        ),
        ("stream", ["Which stream?", "order-3", "OrderPlaced"]),
        (
            "time",
            ["orders as it was", "at 4 of 4: ", "This event changed"],
        ),
        (
            "rebuilds",
            ["Versions of orders", "answers", "What was done before"],
        ),
        ("log", ["Log", "newest first", "Nothing to report"]),
    ] {
        let text = once(&place, screen);
        for word in words {
            assert!(text.contains(word), "{word:?} on {screen}:\n{text}");
        }
        for key in ["all keys", "2 Events", "reading"] {
            assert!(!text.contains(key), "{key:?} on {screen}:\n{text}");
        }
        assert!(
            text.lines().all(|line| line.chars().count() <= 120),
            "{text}"
        );
        assert!(text.lines().count() <= 36, "{text}");
    }
}

#[test]
fn a_screen_is_drawn_into_a_file_with_its_tabs_and_keys() {
    let place = shop();
    place.done(&["--once", "--screen", "time", "--svg", "time.svg"]);
    let picture = std::fs::read_to_string(place.file("time.svg")).unwrap();
    for words in ["<svg", ">was<", ">changed<", ">quit<"] {
        assert!(picture.contains(words), "{words}");
    }
}

#[test]
fn a_screen_is_of_what_it_is_told_to_be_of() {
    let place = Place::with(&[("orders", ORDERS), ("counts", COUNTS)]);
    for key in ["order-1", "order-2"] {
        place.done(&["append", key, "OrderPlaced", "{\"customer\":\"ada\"}"]);
    }
    for (screen, of, words) in [
        ("projection", "orders", "orders@"),
        ("projection", "counts", "counts@"),
        ("time", "orders", "orders as it was"),
        ("stream", "order-1", "– 1 of 1 not there"),
        ("stream", "order-1", "order-1, version 1 of 1"),
        ("stream", "order-2", "order-2, version 1 of 1"),
        ("events", "stream:order-2", "1 found, no others"),
    ] {
        let text = place.done(&["--once", "--screen", screen, "--of", of]).out;
        assert!(text.contains(words), "{words:?} on {screen}:\n{text}");
    }
}

#[test]
fn what_a_screen_cannot_be_of_is_refused_with_the_way_out() {
    let place = shop();
    let refused = |args: &[&str], words: &[&str]| {
        place.run(&[&["--once"], args].concat()).failed(1, words);
    };
    refused(
        &["--screen", "projection", "--of", "nobody"],
        &["no projection \"nobody\"", "there are orders"],
    );
    refused(
        &["--screen", "log", "--of", "orders"],
        &["log does nothing with \"orders\""],
    );
    place
        .run(&["--once", "--of", "orders"])
        .failed(2, &["--screen"]);
}

#[test]
fn a_screen_that_there_is_not_is_refused_with_those_that_there_are() {
    let place = Place::with(&[]);
    let ran = place.run(&["--once", "--screen", "logg"]);
    ran.failed(2, &["'logg'", "overview, events, projection", "'log'"]);
    let ran = place.run(&["--screen", "log", "status"]);
    ran.failed(2, &["--screen"]);
    place
        .run(&["--screen", "log"])
        .failed(1, &["no terminal", "--once"]);
}

#[test]
fn where_somebody_likes_to_begin_changes_no_picture() {
    let place = shop();
    place.write("highwater.toml", "[ui]\nstart = \"events\"\n");
    let text = place.done(&["--once"]).out;
    assert!(text.contains("Projections"), "{text}");
    let told = place.done(&["config", "--screen", "log", "--json"]).json();
    let settings = told["settings"].as_array().unwrap();
    let start = settings.iter().find(|one| one["name"] == "start").unwrap();
    assert_eq!(start["value"], "log");
    assert_eq!(start["origin"]["name"], "--screen");
}

#[test]
fn the_text_is_as_wide_and_as_tall_as_it_is_told_to_be() {
    let place = shop();
    let size = |columns: &str, lines: &str| {
        let mut command = place.command(&["--once", "--screen", "events"]);
        command.env("COLUMNS", columns).env("LINES", lines);
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 0, "{ran:?}");
        let widest = ran.out.lines().map(|line| line.chars().count()).max();
        (widest.unwrap_or(0), ran.out.lines().count())
    };
    let (wide, tall) = size("60", "16");
    assert!(wide <= 60 && tall <= 16, "{wide} by {tall}");
    let (wide, _) = size("200", "36");
    assert_eq!(wide, 200, "a line across is as wide as the text");
    let (wide, tall) = size("1", "0");
    assert!(wide <= 40 && tall <= 8, "{wide} by {tall}");
    let (wide, tall) = size("65535", "65535");
    assert!(wide <= 1_000 && tall <= 1_000, "{wide} by {tall}");
}

#[test]
fn what_takes_too_long_is_on_its_way_in_the_picture() {
    // A handler that counts to a high number, for each event.
    let slow = COUNTS.replacen(
        "VALUES (:type, 1)",
        "SELECT :type, max(i) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) \
         SELECT i FROM n) WHERE true",
        1,
    );
    assert_ne!(slow, COUNTS);
    let place = Place::with(&[("counts", &slow)]);
    let event = |n: u32| format!("{{\"n\":{n}}}");
    for n in 0..40 {
        place.done(&["append", "a-1", "Counted", &event(n)]);
    }
    let began = Instant::now();
    let text = once(&place, "time");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(text.contains("folding: position "), "{text}");
}
