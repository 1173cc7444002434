//! Faults on demand, typed: a projection falls behind or stops, the screen says that this was injected, and it
//! recovers.

use super::place::Place;
use super::screen::{Console, ENTER, ESC, Picture, SMALL, TAB, WIDE};

fn gap(name: &str) -> impl Fn(&Picture) -> u64 + '_ {
    move |picture| picture.row(name).map_or(0, |row| row.gap)
}

fn status<'a>(name: &'a str, status: &'a str) -> impl Fn(&Picture) -> bool + 'a {
    move |picture| picture.row(name).is_some_and(|row| row.status == status)
}

/// Types a line after `:`, waits until all of it is there, and does it.
#[track_caller]
fn line(demo: &mut Console, words: &str) {
    demo.keys(&format!(":{words}")).shows(&format!(":{words}"));
    demo.keys(ENTER);
}

/// Leaves, and sees to it that the read model is what a fold without faults makes of the same log.
#[track_caller]
fn is_as_a_fresh_fold(mut demo: Console, place: &Place) {
    demo.keys("q");
    assert!(demo.ended().status.success());
    let ask = || {
        let fresh = ["--consistency", "strong", "--timeout", "30s"];
        let asked = [&["query", "orders", "CountByStatus"] as &[&str], &fresh].concat();
        place.json(&asked)["rows"].clone()
    };
    let folded = ask();
    assert!(!folded.as_array().unwrap().is_empty());
    let rebuilt = place.highwater(&["-w", "shop", "rebuild", "orders"]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    assert_eq!(folded, ask());
}

#[track_caller]
fn slows(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "200");
    demo.until("some events", |picture| picture.head() > 100);
    // Each word is completed.
    demo.keys(":fault sl").shows(":fault slow");
    demo.keys(TAB)
        .keys("orders 20")
        .shows(":fault slow orders 20ms");
    demo.keys(TAB).keys(ENTER);
    demo.shows("orders: each event takes 20ms longer");
    demo.shows("fault: slow 20ms");
    let behind = demo.until("a gap that grows", |picture| gap("orders")(picture) > 300);
    assert!(gap("customers")(&behind) < 300, "the others go on");
    demo.until("a gap that grows on", |picture| {
        gap("orders")(picture) > 600
    });
    demo.until("falling", status("orders", "falling"));
    demo.keys("l").shows("load: stopped");
    line(&mut demo, "fault stop");
    demo.shows("orders: no fault any more");
    demo.hides("fault: slow");
    demo.until("live again", status("orders", "live"));
    is_as_a_fresh_fold(demo, &place);
}

#[test]
fn a_slowed_projection_falls_behind_and_agrees_again_at_120_by_36() {
    slows(WIDE);
}

#[test]
fn a_slowed_projection_falls_behind_and_agrees_again_at_80_by_24() {
    slows(SMALL);
}

#[track_caller]
fn poisons(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "20");
    demo.until("some events", |picture| picture.head() > 20);
    // The key begins the line.
    demo.keys("F").shows(":fault ");
    demo.keys("poison orders OrderPl").shows("OrderPlaced");
    demo.keys(TAB).keys(ENTER);
    demo.shows("orders: the next OrderPlaced cannot be applied");
    demo.until("faulted", status("orders", "faulted"));
    demo.shows("fault: poison at event");
    demo.shows("injected fault: `:fault stop orders`");
    demo.until("a gap that grows", |picture| gap("orders")(picture) > 20);
    demo.keys("l").shows("load: stopped");
    line(&mut demo, "fault stop orders");
    demo.shows("resume it");
    demo.hides("fault: poison");
    // It stands where it was: only an operation lets it go on.
    demo.until("faulted", status("orders", "faulted"));
    line(&mut demo, "resume orders");
    demo.shows("orders resumed: tries event");
    demo.until("live again", status("orders", "live"));
    is_as_a_fresh_fold(demo, &place);
}

#[test]
fn a_poisoned_event_stops_its_projection_until_it_is_resumed_at_120_by_36() {
    poisons(WIDE);
}

#[test]
fn a_poisoned_event_stops_its_projection_until_it_is_resumed_at_80_by_24() {
    poisons(SMALL);
}

#[test]
fn a_fault_that_is_wrong_is_not_taken_and_the_line_says_why() {
    let place = Place::new();
    let mut demo = place.demo(WIDE, "0");
    demo.shows("engine here");
    for (words, why) in [
        ("fault", "a fault is `slow NAME 20ms`"),
        ("fault slow", "a fault is `slow NAME 20ms`"),
        ("fault slow nosuch 20ms", "no projection \"nosuch\""),
        ("fault slow orders banana", "\"banana\" is not a duration"),
        ("fault slow orders 10h", "at most 500ms"),
        (
            "fault poison orders NoSuchType",
            "orders takes no NoSuchType",
        ),
    ] {
        line(&mut demo, words);
        demo.shows(why);
        demo.keys(ESC).hides("Command line");
    }
    line(&mut demo, "fault stop");
    demo.shows("no fault to stop");
}

#[test]
fn a_workspace_that_is_no_demo_has_no_faults() {
    let place = Place::with(&[]);
    let mut console = place.console(WIDE, &[]);
    console.shows("engine here");
    line(&mut console, "fault stop");
    console.shows("faults are the demo's");
    console.keys(ESC).hides("Command line");
    console.keys("F?").shows("Send a command");
    assert!(!console.shows("Esc close").has("Inject a fault"));
}
