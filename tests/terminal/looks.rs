//! What reaches the terminal: at any size, without colour, in ASCII, with hostile data, and when nothing
//! happens.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::place::Place;
use super::screen::{Console, SMALL, WIDE};

/// A projection that takes everything.
pub const COUNTS: &str = "\
-- policy: live
-- schema
CREATE TABLE counts (key TEXT PRIMARY KEY, events INTEGER NOT NULL) STRICT;
-- on *
INSERT INTO counts VALUES (:key, 1) ON CONFLICT (key) DO UPDATE SET events = events + 1;
-- query All()
SELECT key, events FROM counts ORDER BY key;
";

#[test]
fn no_storm_of_sizes_ends_it_and_the_last_size_is_drawn_whole() {
    let place = Place::new();
    let mut demo = place.demo(SMALL, "50");
    demo.shows("engine here");
    let mut random = StdRng::seed_from_u64(8);
    let given = [
        (1, 1),
        (39, 7),
        (400, 100),
        (2, 60),
        (300, 1),
        (40, 8),
        (39, 8),
        (40, 7),
    ];
    for _ in 0..5 {
        for size in given {
            demo.resize(size);
            demo.resize((random.random_range(1..=400), random.random_range(1..=100)));
        }
    }
    demo.resize(WIDE);
    // What an earlier size left on the terminal can look like a part of the last one.
    demo.until("the last size", |picture| {
        let lines = picture.lines();
        let rows = ["activity", "orders", "stock"]
            .iter()
            .all(|name| picture.row(name).is_some());
        rows && lines.len() == 36
            && lines[35].contains("all keys")
            && lines[0].contains("engine here")
    });
    demo.keys("q");
    assert_eq!(demo.ended().status.exit_code(), 0);
}

#[test]
fn below_40_by_8_it_says_that_this_is_too_small() {
    let place = Place::new();
    let mut demo = place.demo((39, 8), "0");
    let words = demo.until("how small", |picture| picture.has("39 by 8 is too"));
    assert!(words.lines().join(" ").contains("40 by 8"));
    demo.resize((40, 7)).shows("40 by 7 is too small");
    demo.resize((40, 8)).shows("all keys");
    demo.resize((1, 1));
    demo.keys("q");
    assert_eq!(demo.ended().status.exit_code(), 0);
}

/// The parameters of every sequence that sets how text looks.
fn styles(bytes: &[u8]) -> Vec<Vec<u16>> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    for piece in text.split("\x1b[").skip(1) {
        let end = piece.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
        if piece[end..].starts_with('m') {
            let numbers = piece[..end].split([';', ':']);
            found.push(numbers.map(|n| n.parse().unwrap_or(0)).collect());
        }
    }
    found
}

/// Whether one sets a colour; going back to the terminal's own is none.
fn is_colour(style: &[u16]) -> bool {
    style
        .iter()
        .any(|n| matches!(n, 30..=38 | 40..=48 | 58 | 90..=97 | 100..=107))
}

#[test]
fn no_color_leaves_bold_and_reverse_and_sets_no_colour() {
    let place = Place::new();
    let args = ["demo", "shop", "--rate", "20"];
    let mut demo = Console::start_with(place.home(), WIDE, &args, &[("NO_COLOR", "1")]);
    demo.until("some events", |picture| picture.head() > 20);
    demo.keys("p").until("paused", |picture| {
        picture
            .row("activity")
            .is_some_and(|row| row.status == "paused")
    });
    demo.keys("c").shows("RegisterCustomer");
    let styles = styles(&demo.bytes());
    assert!(!styles.iter().any(|style| is_colour(style)));
    for attribute in [1, 7] {
        assert!(
            styles.iter().any(|style| style.contains(&attribute)),
            "no {attribute}"
        );
    }
}

#[test]
fn with_colour_there_is_colour() {
    let place = Place::new();
    let mut demo = place.demo(WIDE, "5");
    demo.until("some events", |picture| picture.head() > 5);
    assert!(styles(&demo.bytes()).iter().any(|style| is_colour(style)));
}

#[test]
fn ascii_writes_nothing_but_ascii() {
    let place = Place::with(&[("counts.sql", COUNTS)]);
    place.append("thing-1", "ThingHappened", r#"{"name":"Ångström – 水"}"#);
    let mut console = place.console(WIDE, &["--ascii"]);
    console.until("the event", |picture| picture.has("ThingHappened"));
    console.keys("?").shows("Send a command");
    console.keys("G").shows("What a projection can be");
    console.keys("?").hides("What a projection can be");
    console.keys("c").shows("RegisterCustomer");
    let bytes = console.bytes();
    let other: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii()).collect();
    assert!(other.is_empty(), "{}", String::from_utf8_lossy(&other));
}

/// What would clear a screen, name a window, turn text around, or ring.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[31m\u{202e}\u{2066}\u{9b}5n\u{200f}";

#[test]
fn what_is_stored_never_reaches_the_terminal_as_control() {
    let place = Place::with(&[
        ("counts.sql", COUNTS),
        (&format!("evil{HOSTILE}.sql"), COUNTS),
        ("broken.sql", &format!("-- policy: {HOSTILE}sometimes\n")),
    ]);
    let data = serde_json::json!({ "text": format!("before{HOSTILE}after") });
    place.append("thing-1", "ThingHappened", &data.to_string());
    let key = serde_json::json!({ format!("key{HOSTILE}"): 1 });
    place.append("thing-2", "ThingHappened", &key.to_string());
    let refused = place.highwater(&["-w", "shop", "append", "thing-3", HOSTILE, "{}"]);
    assert!(!refused.status.success());
    assert!(!refused.stderr.contains(&0x1b));

    let mut console = place.console(WIDE, &[]);
    console.until("both events", |picture| {
        picture.has("before") && picture.has("thing-2")
    });
    console.until("the counts", |picture| picture.row("counts").is_some());
    let bytes = console.bytes();
    let text = String::from_utf8_lossy(&bytes);
    for piece in [
        "\u{1b}]0;",
        "\u{7}",
        "\u{202e}",
        "\u{2066}",
        "\u{9b}",
        "\u{200f}",
    ] {
        assert!(!text.contains(piece), "{piece:?} reached the terminal");
    }
    // It can be seen that something was there.
    assert!(text.contains("before\u{fffd}]0;owned\u{fffd}"));
    console.keys("q");
    let bytes = console.ended().bytes;
    assert!(!String::from_utf8_lossy(&bytes).contains("\u{1b}]0;"));
}

#[test]
fn a_hostile_folder_name_is_only_text() {
    let place = Place::new();
    let name = "ws\u{1b}]0;owned\u{7}\u{202e}";
    assert!(place.highwater(&["init", name]).status.success());
    let mut console = Console::start(place.home(), WIDE, &["-w", name]);
    console.shows("engine here");
    let bytes = console.bytes();
    let text = String::from_utf8_lossy(&bytes);
    for piece in ["\u{1b}]0;", "\u{7}", "\u{202e}"] {
        assert!(!text.contains(piece), "{piece:?} reached the terminal");
    }
}

#[test]
fn while_nothing_changes_nothing_is_drawn() {
    let place = Place::with(&[("counts.sql", COUNTS)]);
    place.append("thing-1", "ThingHappened", "{}");
    let _engine = place.engine();
    let mut console = place.console(WIDE, &[]);
    let still = console.until("the event applied", |picture| {
        picture
            .row("counts")
            .is_some_and(|row| row.status == "live" && row.gap == 0)
    });
    // The rates of the last seconds go to zero first.
    let window = Duration::from_secs(2);
    console.quiet(window);
    assert_eq!(console.bytes_within(window), 0);
    // And it is awake all the same.
    place.append("thing-1", "ThingHappened", "{}");
    console.until("the next event", |picture| {
        picture.head() == still.head() + 1
    });
}
