//! What is parked, from the keyboard: seen, tried again, left out with a reason.

use super::place::Place;
use super::screen::{Console, ENTER, ESC, SMALL, WIDE};

/// Types a line after `:`, waits until all of it is there, and does it.
#[track_caller]
fn line(demo: &mut Console, words: &str) {
    demo.keys(&format!(":{words}")).shows(&format!(":{words}"));
    demo.keys(ENTER);
}

#[track_caller]
fn parks(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "20");
    demo.until("some events", |picture| picture.head() > 20);
    line(&mut demo, "fault poison order_search OrderPlaced");
    demo.shows("parked in order_search");
    demo.keys("l").shows("load: stopped");
    line(&mut demo, "parked order_search");
    demo.shows("OrderPlaced of order-");
    demo.shows("5 tries");
    // The key begins the line, with the event that is chosen.
    demo.keys("t").shows(":retry order_search ");
    demo.keys(ENTER).shows("6 tries");
    demo.keys("s").shows(":skip order_search ");
    demo.keys(ENTER).shows("a reason is needed");
    demo.keys("the customer's wish").keys(ENTER);
    demo.shows("is left out");
    demo.keys(ESC);
    demo.hides("What order_search has parked");
    line(&mut demo, "undo order_search");
    demo.shows("is parked again");
    line(&mut demo, "fault stop order_search");
    demo.hides("fault: poison");
    line(&mut demo, "retry order_search all");
    demo.shows("nothing is parked any more");
    demo.hides("parked in order_search");
}

#[track_caller]
fn tells(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "0");
    demo.shows("every objective is met");
    line(&mut demo, "fault poison order_search OrderPlaced");
    demo.shows("fault: poison");
    line(
        &mut demo,
        "PlaceOrder order=pk2 customer=a lines=mug:1:1250",
    );
    demo.shows("⊘ parked in order_search");
    demo.keys("2").shows("⊘ parked in order_search");
    line(&mut demo, "stream order-pk2");
    demo.shows("⊘ parked in 1");
    demo.keys("\t\t").keys("z").shows("⊘ order_search lacks");
    demo.shows("is parked, and");
    demo.shows("It does not come by itself");
    let compared = place.highwater(&["-w", "shop", "compare", "order_search", "--key", "pk2"]);
    let compared = String::from_utf8(compared.stdout).unwrap();
    assert!(compared.contains(", parked"), "{compared}");
    line(&mut demo, "fault stop order_search");
    demo.shows("what it parked: `:retry order_search all`");
    // What explains it says so as well.
    line(&mut demo, "why order_search");
    demo.shows("have it try again what it parked");
    demo.keys(ESC).hides("have it try again what it parked");
    line(&mut demo, "retry order_search all");
    demo.shows("nothing is parked any more");
    demo.hides("does not come by itself");
    demo.hides("⊘ order_search");
}

#[test]
fn a_parked_event_is_nowhere_shown_as_visible_at_120_by_36() {
    tells(WIDE);
}

#[test]
fn a_parked_event_is_nowhere_shown_as_visible_at_80_by_24() {
    tells(SMALL);
}

#[test]
fn what_is_parked_is_seen_tried_again_and_skipped_at_120_by_36() {
    parks(WIDE);
}

#[test]
fn what_is_parked_is_seen_tried_again_and_skipped_at_80_by_24() {
    parks(SMALL);
}

/// What is read in the past of an event that was parked, and was applied later.
#[track_caller]
fn remembers(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "0");
    demo.shows("every objective is met");
    line(&mut demo, "fault poison order_search OrderPlaced");
    demo.shows("fault: poison");
    line(
        &mut demo,
        "PlaceOrder order=pk3 customer=a lines=mug:1:1250",
    );
    demo.shows("⊘ parked in order_search");
    let events = place.highwater(&["-w", "shop", "stream", "order-pk3", "--json"]);
    let events = String::from_utf8(events.stdout).unwrap();
    let placed: serde_json::Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    let position = placed["position"].as_u64().unwrap();
    line(&mut demo, &format!("as-of order_search {position}"));
    demo.shows("It is parked: it was not applied");
    line(&mut demo, "fault stop order_search");
    demo.shows("no fault any more");
    line(&mut demo, "retry order_search all");
    demo.shows("nothing is parked any more");
    // The past that is open already learns of it.
    line(&mut demo, &format!("as-of order_search {position}"));
    let told = demo.shows("applied later: after event").lines().join("\n");
    let (_, after) = told.split_once("after event ").unwrap();
    let applied: String = after.chars().take_while(char::is_ascii_digit).collect();
    let reached = applied.parse::<u64>().unwrap();
    assert!(reached >= position, "{told}");
    // The line goes by what the screen knows of the log.
    demo.until("the log that far", |picture| picture.head() >= reached);
    line(&mut demo, &format!("as-of order_search {applied}"));
    // That may be the place of the last one that was parked: then it is "too".
    demo.shows("Applied here");
    demo.shows("parked before.");
    demo.shows("changed here");
}

#[test]
fn the_past_says_of_an_event_that_was_parked_where_it_was_applied_at_120_by_36() {
    remembers(WIDE);
}

#[test]
fn the_past_says_of_an_event_that_was_parked_where_it_was_applied_at_80_by_24() {
    remembers(SMALL);
}
