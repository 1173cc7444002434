//! A console beside an engine of another process: it sees everything, and operates it unless it is
//! read-only.

use std::time::{Duration, Instant};

use super::looks::COUNTS;
use super::place::Place;
use super::screen::{CTRL_U, ENTER, ESC, SMALL, WIDE};

#[test]
fn a_read_only_console_sees_what_another_process_appends_at_once() {
    let place = Place::with(&[("counts.sql", COUNTS)]);
    let _engine = place.engine();
    let mut console = place.console(WIDE, &["--read-only"]);
    let first = console.until("the engine, at the head", |picture| {
        picture.has("engine pid") && picture.row("counts").is_some_and(|row| row.gap == 0)
    });
    let mut took = Vec::new();
    for n in 1..=5 {
        place.append("thing-1", "ThingHappened", "{}");
        // From when the appending process has ended: it is on the screen before that, mostly.
        let stored = Instant::now();
        console.until("the event, applied", |picture| {
            let row = picture.row("counts");
            picture.head() == first.head() + n && row.is_some_and(|row| row.gap == 0)
        });
        took.push(stored.elapsed());
    }
    // Where the machine is busy some of them take longer.
    took.sort();
    assert!(took[2] < Duration::from_millis(700), "{took:?}");
}

#[test]
fn a_read_only_console_offers_nothing_that_changes() {
    let place = Place::with(&[("counts.sql", COUNTS)]);
    let _engine = place.engine();
    let mut console = place.console(WIDE, &["--read-only"]);
    let first = console.until("the table", |picture| picture.row("counts").is_some());
    let footer = first.lines().pop().unwrap();
    for hint in ["c command", "p pause", "P policy", "R rebuild", "Y replay"] {
        assert!(!footer.contains(hint), "{footer}");
    }
    assert!(footer.contains("all keys"), "{footer}");
    console.keys("cpPRYa").keys("?");
    let help = console.shows("Show or hide this help");
    for offer in [
        "Send a command",
        "Pause the selected",
        "Fold the read model again",
    ] {
        assert!(!help.has(offer), "{offer}");
    }
    console.keys(ESC).hides("Show or hide this help");
    console.keys(":pause counts").keys(ENTER);
    console.shows("it was started with --read-only");
    let status = place.json(&["status"]);
    assert_ne!(status["projections"][0]["status"], "paused");
}

#[test]
fn a_console_operates_the_engine_of_another_process() {
    let place = Place::with(&[("counts.sql", COUNTS)]);
    let mut engine = place.engine();
    place.append("thing-1", "ThingHappened", "{}");
    let mut console = place.console(SMALL, &[]);
    console.until("the event applied", |picture| {
        picture
            .row("counts")
            .is_some_and(|row| row.status == "live")
    });
    console.keys("p").until("paused", |picture| {
        picture
            .row("counts")
            .is_some_and(|row| row.status == "paused")
    });
    place.append("thing-1", "ThingHappened", "{}");
    assert_eq!(
        place.json(&["status"])["projections"][0]["status"],
        "paused"
    );
    console.keys("p").until("live again", |picture| {
        picture
            .row("counts")
            .is_some_and(|row| row.status == "live" && row.gap == 0)
    });
    console.keys("P").shows("Enter set");
    console.keys(CTRL_U).keys("delay 1s").keys(ENTER);
    console.until("the policy", |picture| {
        picture
            .row("counts")
            .is_some_and(|row| row.policy == "delay 1s")
    });
    let version = || place.json(&["status"])["projections"][0]["version"].clone();
    let before = version();
    console.keys("R").shows("still answers");
    console.keys(ENTER).shows("counts rebuilt: version");
    assert_ne!(version(), before);
    console.keys("q");
    assert_eq!(console.ended().status.exit_code(), 0);
    // The engine is not the console's, and goes on.
    assert_eq!(place.json(&["status"])["engine"]["running"], true);
    engine.stop();
}

#[test]
fn a_read_only_console_says_that_the_engine_has_died() {
    let place = Place::with(&[("counts.sql", COUNTS)]);
    let mut engine = place.engine();
    let mut console = place.console(WIDE, &["--read-only"]);
    console.shows("engine pid");
    console.until("live", |picture| {
        picture
            .row("counts")
            .is_some_and(|row| row.status == "live")
    });
    engine.kill();
    console.shows("no engine runs");
    console.shows("highwater run");
    console.until("dead", |picture| {
        picture
            .row("counts")
            .is_some_and(|row| row.status == "dead")
    });
}

#[test]
fn a_console_takes_over_from_an_engine_that_has_died() {
    let place = Place::with(&[("counts.sql", COUNTS)]);
    let mut engine = place.engine();
    let mut console = place.console(WIDE, &[]);
    console.shows("engine pid");
    let gone = format!("the engine (process {}) is gone", engine.id());
    engine.kill();
    console.shows(&gone);
    console.shows("engine here");
    place.append("thing-1", "ThingHappened", "{}");
    console.until("the event applied", |picture| {
        picture
            .row("counts")
            .is_some_and(|row| row.status == "live" && row.gap == 0)
            && picture.head() >= 1
    });
}

#[test]
fn two_consoles_that_ask_for_opposites_end_in_one_state_and_both_see_who_won() {
    let place = Place::with(&[("counts.sql", COUNTS)]);
    let mut engine = place.engine();
    let (mut one, mut other) = (place.console(WIDE, &[]), place.console(SMALL, &[]));
    for console in [&mut one, &mut other] {
        console.until("live", |picture| {
            picture
                .row("counts")
                .is_some_and(|row| row.status == "live")
        });
    }
    // At the same instant: neither has seen what the other asks for.
    one.keys(":pause counts\r");
    other.keys(":resume counts\r");
    let asked = loop {
        let operations = place.highwater(&["-w", "shop", "operations", "counts", "--json"]);
        let text = String::from_utf8(operations.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let asked: Vec<serde_json::Value> = lines.collect();
        let ended = |line: &&serde_json::Value| line["outcome"]["finished"] == true;
        if asked.iter().filter(ended).count() == 2 {
            break asked;
        }
    };
    // The last word in the log is the state, and both show it.
    let last = asked.iter().rfind(|line| line["by"].is_string()).unwrap();
    let state = if last["what"] == "pause" {
        "paused"
    } else {
        "live"
    };
    for console in [&mut one, &mut other] {
        console.until("the state that won", |picture| {
            picture.row("counts").is_some_and(|row| row.status == state)
        });
    }
    // Whoever lost is told: by the answer to what was asked, or by what was asked for after it.
    let loser = if last["what"] == "pause" {
        &mut other
    } else {
        &mut one
    };
    loser.until("who won", |picture| {
        picture.has("overruled: somebody") || picture.has("was asked for by somebody")
    });
    engine.stop();
}

#[test]
fn an_operation_stands_in_the_log_once() {
    let place = Place::with(&[("counts.sql", COUNTS)]);
    let mut console = place.console(WIDE, &[]);
    console.until("live", |picture| {
        picture
            .row("counts")
            .is_some_and(|row| row.status == "live")
    });
    console.keys("p").until("paused", |picture| {
        let row = picture.row("counts");
        picture.has("counts paused: ") && row.is_some_and(|row| row.status == "paused")
    });
    console.keys("p").shows("counts resumed: ");
    console.keys("7").until("each, once", |picture| {
        let lines = picture.lines();
        let told = |words: &str| {
            let told = lines.iter().filter(|line| line.contains("info"));
            told.filter(|line| line.contains(words)).count()
        };
        told("counts: `pause`: ") == 1
            && told("counts: `resume`: ") == 1
            && told("counts paused: ") == 0
            && told("counts resumed: ") == 0
    });
}
