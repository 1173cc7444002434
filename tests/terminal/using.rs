//! What a newcomer does: looks, sends commands, operates projections, asks for help, leaves.

use super::place::Place;
use super::screen::{CTRL_U, Console, ENTER, ESC, Picture, SMALL, TAB, UP, WIDE};

const PROJECTIONS: [&str; 12] = [
    "activity",
    "customers",
    "letters",
    "order_search",
    "orders",
    "orders_before",
    "parcels@ap",
    "parcels@eu",
    "parcels@us",
    "revenue",
    "stock",
    "top_sellers",
];

#[track_caller]
fn opens_and_moves(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "20");
    // Those that have room; the table says how many there are.
    let first = demo.until("the projections", |picture| {
        let shown = PROJECTIONS[..7]
            .iter()
            .all(|name| picture.row(name).is_some());
        shown
            && picture
                .line("Projections")
                .is_some_and(|line| line.contains("12"))
    });
    let head = first.head();
    demo.until("a head that grows", |picture| picture.head() > head);

    let lines = first.lines();
    assert!(lines[0].contains("shop"), "{}", lines[0]);
    let footer = lines.last().unwrap();
    for hint in ["c command", "p pause", "w why", "R rebuild", "? all keys"] {
        assert!(footer.contains(hint), "{footer}");
    }
}

#[test]
fn the_demo_moves_within_its_first_second_at_120_by_36() {
    opens_and_moves(WIDE);
}

#[test]
fn the_demo_moves_within_its_first_second_at_80_by_24() {
    opens_and_moves(SMALL);
}

#[test]
fn the_header_says_where_the_demo_keeps_its_data() {
    let place = Place::new();
    let mut demo = Console::start(place.home(), WIDE, &["demo", "--rate", "0"]);
    let header = demo.shows("engine here").lines().swap_remove(0);
    assert!(header.contains("data/highwater/demo"), "{header}");
    assert!(
        place
            .home()
            .join("data/highwater/demo/projections")
            .is_dir()
    );
}

/// Fills in one field after the other: what is typed replaces the example that stands there.
fn fill_in(demo: &mut Console, values: &[&str]) {
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            demo.keys(TAB);
        }
        demo.keys(value);
    }
}

#[track_caller]
fn sends_through_the_form(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "0");
    demo.shows("engine here");
    demo.keys("c").shows("RegisterCustomer");
    demo.keys("regcus").until("one command", |picture| {
        picture.has("RegisterCustomer") && !picture.has("PlaceOrder")
    });
    demo.keys(ENTER).shows("Make a new customer known");
    fill_in(
        &mut demo,
        &["grace", "Grace Hopper", "grace@example.org", "Arlington"],
    );
    demo.shows("Arlington");
    demo.keys(ENTER);
    demo.shows("RegisterCustomer accepted at");
    demo.until("the ripple in customers", |picture| {
        picture
            .line("visible in")
            .is_some_and(|line| line.contains("customers"))
    });
    demo.shows("activity when asked (a)");
    demo.hides("Make a new customer known");
    demo.shows("customer-grace");
    // And in every read model that applies by itself: ten of them, named or counted.
    demo.until("the ripple everywhere", |picture| {
        let ripple = picture.lines().join(" ");
        let said = ripple.split("accepted at").nth(1).unwrap_or_default();
        let Some((seen, waiting)) = said.split_once("not yet in") else {
            return false;
        };
        let named = PROJECTIONS[1..]
            .iter()
            .filter(|name| seen.contains(**name))
            .count();
        let counted = seen
            .split(" and ")
            .nth(1)
            .and_then(|rest| rest.split_once(" more"));
        let counted = counted.map_or(0, |(more, _)| more.trim().parse().unwrap_or(0));
        // `orders` stands in `orders_before` as well.
        named + counted >= PROJECTIONS.len() - 1 && waiting.contains("activity when asked")
    });
    demo.keys("a");
    demo.until("activity applied", |picture| {
        picture.row("activity").is_some_and(|row| row.gap == 0)
    });
    let rows = place.json(&["query", "customers", "GetCustomer", "customer_id=grace"]);
    assert_eq!(rows["rows"][0]["name"], "Grace Hopper");
}

#[test]
fn a_command_goes_from_list_to_form_to_every_read_model_at_120_by_36() {
    sends_through_the_form(WIDE);
}

#[test]
fn a_command_goes_from_list_to_form_to_every_read_model_at_80_by_24() {
    sends_through_the_form(SMALL);
}

#[track_caller]
fn rejects(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "0");
    demo.shows("engine here");
    demo.keys(":ShipOrder order=404").shows("order=404");
    // The line stays, with why; and goes with one key.
    let line = demo.keys(ENTER).shows("✗ rejected: ");
    assert!(line.has(":ShipOrder order=404"));
    demo.keys(ESC).hides("rejected: order");
    demo.keys("c").shows("ShipOrder");
    demo.keys("shipord").hides("PlaceOrder");
    demo.keys(ENTER).shows("Send a paid order on its way");
    demo.keys(CTRL_U).keys("404").keys(ENTER);
    let form = demo.until("why", |picture| picture.has("✗ rejected: "));
    let why = form.line("✗ rejected: ").unwrap();
    assert!(why.contains("404"), "{why}");
    // The form stays, with what was filled in.
    assert!(form.has("Send a paid order on its way") && form.has("Enter send"));
    demo.keys("5").shows("4045");
}

#[test]
fn a_rejection_says_why_and_the_form_stays_at_120_by_36() {
    rejects(WIDE);
}

#[test]
fn a_rejection_says_why_and_the_form_stays_at_80_by_24() {
    rejects(SMALL);
}

#[test]
fn a_command_can_be_typed_whole_after_a_colon() {
    let place = Place::new();
    let mut demo = place.demo(WIDE, "0");
    demo.shows("engine here");
    let customer = ":RegisterCustomer customer=ada name=Ada email=ada@example.org address=London";
    demo.keys(customer)
        .keys(ENTER)
        .shows("RegisterCustomer accepted at");
    let lines = r#"lines=[{"product":"mug","quantity":2,"unit_price_cents":1250}]"#;
    demo.keys(&format!(":PlaceOrder order=9001 customer=ada {lines}"));
    demo.shows("order=9001");
    demo.keys(ENTER).shows("PlaceOrder accepted at");
    demo.shows("order-9001");
    // What was typed before comes back.
    demo.keys(":").keys(UP).shows(":PlaceOrder order=9001");
}

#[test]
fn a_command_that_lacks_a_field_opens_its_form_and_stores_nothing() {
    let place = Place::new();
    let mut demo = place.demo(SMALL, "0");
    demo.shows("engine here");
    demo.keys(":RestockProduct product=pot").keys(ENTER);
    demo.shows("still needed: quantity");
    assert!(demo.shows("Enter send").has("sent here 0 accepted"));
    demo.keys(ESC).hides("Enter send");
    demo.keys(":RestockProduct product=pot quantity=1 quantity=2")
        .keys(ENTER);
    demo.shows("quantity must be given once, not twice");
    demo.keys(ESC).hides("Enter do it");
    demo.keys("/").keys("/[ab").keys(ENTER);
    demo.shows("✗ unclosed character class").has("//[ab");
    demo.keys("]").keys(ENTER).hides("Enter keep");
}

/// Moves the choice to a projection.
#[track_caller]
fn choose(demo: &mut Console, name: &str) {
    demo.until("the table", |picture| picture.row(name).is_some());
    demo.keys("g");
    let at = PROJECTIONS.iter().position(|each| *each == name).unwrap();
    demo.keys(&"j".repeat(at));
    demo.until(&format!("{name} chosen"), |picture| {
        picture.row(name).is_some_and(|row| row.chosen)
    });
}

fn status<'a>(name: &'a str, status: &'a str) -> impl Fn(&Picture) -> bool + 'a {
    move |picture| picture.row(name).is_some_and(|row| row.status == status)
}

#[track_caller]
fn pauses(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "20");
    choose(&mut demo, "orders");
    demo.keys("p").until("paused", status("orders", "paused"));
    let gap = |picture: &Picture| picture.row("orders").map_or(0, |row| row.gap);
    demo.until("a gap that grows", |picture| gap(picture) > 20);
    let held = demo.until("a gap that grows on", |picture| gap(picture) > 40);
    // The others go on.
    assert!(held.row("customers").unwrap().gap < 40);
    demo.keys("p").until("resumed", |picture| {
        picture
            .row("orders")
            .is_some_and(|row| row.status != "paused" && row.gap < 10)
    });
    demo.until("live again", status("orders", "live"));
}

#[test]
fn a_paused_projection_falls_behind_and_catches_up_when_resumed_at_120_by_36() {
    pauses(WIDE);
}

#[test]
fn a_paused_projection_falls_behind_and_catches_up_when_resumed_at_80_by_24() {
    pauses(SMALL);
}

#[track_caller]
fn changes_the_policy(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "5");
    choose(&mut demo, "orders");
    demo.keys("P").shows("Enter set");
    // What is typed replaces the policy that stands there.
    demo.keys("every 3s").shows("> every 3s");
    demo.keys(ENTER).until("the new policy", |picture| {
        picture
            .row("orders")
            .is_some_and(|row| row.policy == "every 3s")
    });
    // One that is none is not taken.
    demo.keys("P").shows("Enter set");
    demo.keys(CTRL_U).keys("sometimes").shows("sometimes");
    demo.keys(ENTER).shows("Enter set");
    demo.keys(ESC).hides("Enter set");
    let now = demo.until("the table", |picture| picture.row("orders").is_some());
    assert_eq!(now.row("orders").unwrap().policy, "every 3s");
}

#[test]
fn a_policy_set_from_the_keyboard_shows_in_the_table_at_120_by_36() {
    changes_the_policy(WIDE);
}

#[test]
fn a_policy_set_from_the_keyboard_shows_in_the_table_at_80_by_24() {
    changes_the_policy(SMALL);
}

#[track_caller]
fn rebuilds(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "5");
    demo.until("some events", |picture| picture.head() > 20);
    choose(&mut demo, "orders");
    let version = || {
        let status = place.json(&["status"]);
        let all = status["projections"].as_array().unwrap().iter();
        all.filter(|p| p["name"] == "orders")
            .map(|p| p["version"].clone())
            .next()
            .unwrap()
    };
    let before = version();
    demo.keys("R").shows("Rebuild orders");
    let preview = demo.shows("still answers");
    for line in ["applies", "takes", "disk"] {
        assert!(preview.has(line), "the preview has no {line}");
    }
    demo.keys(ENTER).hides("still answers");
    demo.shows("orders rebuilt: version");
    assert_ne!(version(), before);
    demo.until("live again", status("orders", "live"));
}

#[test]
fn a_rebuild_is_previewed_and_gives_a_new_version_at_120_by_36() {
    rebuilds(WIDE);
}

#[test]
fn a_rebuild_is_previewed_and_gives_a_new_version_at_80_by_24() {
    rebuilds(SMALL);
}

#[track_caller]
fn replays(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "5");
    demo.until("some events", |picture| picture.head() > 20);
    choose(&mut demo, "orders");
    demo.keys("Y").shows("Replay into orders");
    demo.shows("type orders");
    demo.shows("applies");
    demo.keys("3").keys(TAB).keys("order");
    demo.keys(ENTER).shows("not its name yet");
    demo.keys("s").hides("not its name yet");
    demo.shows("applies");
    demo.keys(ENTER).hides("Replay into orders");
    demo.shows("orders replayed: has everything");
}

#[test]
fn a_replay_asks_for_the_name_at_120_by_36() {
    replays(WIDE);
}

#[test]
fn a_replay_asks_for_the_name_at_80_by_24() {
    replays(SMALL);
}

#[track_caller]
fn refuses_a_replay(size: (u16, u16)) {
    let place = Place::new();
    let mut demo = place.demo(size, "5");
    choose(&mut demo, "stock");
    demo.keys("Y").shows("rebuild instead");
    demo.keys(ENTER).shows("Rebuild stock");
    demo.shows("still answers");
    demo.keys(ENTER).shows("stock rebuilt: version");
}

#[test]
fn a_replay_that_would_count_twice_is_refused_and_a_rebuild_offered_at_120_by_36() {
    refuses_a_replay(WIDE);
}

#[test]
fn a_replay_that_would_count_twice_is_refused_and_a_rebuild_offered_at_80_by_24() {
    refuses_a_replay(SMALL);
}

/// A projection that cannot apply what has no name.
const NAMES: &str = "\
-- policy: live
-- schema
CREATE TABLE names (key TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;
-- on ThingNamed
INSERT INTO names VALUES (:key, :data ->> 'name');
-- query All()
SELECT key, name FROM names;
";

#[test]
fn a_projection_that_stops_says_where_and_can_be_told_to_try_again() {
    let place = Place::with(&[("names.sql", NAMES)]);
    place.append("thing-1", "ThingNamed", "{}");
    let mut console = place.console(WIDE, &[]);
    let stopped = console.until("faulted", status("names", "faulted"));
    let why = stopped.line("NOT NULL").expect("why it stopped");
    assert!(why.contains("names.sql:5"), "{why}");
    assert!(stopped.has("mend its file, and it is built anew"));
    assert!(stopped.has("p try again"));
    console
        .keys("p")
        .shows("names resumed: tries event 1 again");
    console.until("faulted again", |picture| {
        picture.has("$projection-names  Resumed") && status("names", "faulted")(picture)
    });
}

#[test]
fn help_shows_every_key_and_escape_closes_one_layer_at_a_time() {
    let place = Place::new();
    let mut demo = place.demo(SMALL, "0");
    demo.shows("engine here");
    demo.keys("?").shows("Send a command: choose it");
    let mut unseen = vec![
        "Pause the selected projection",
        "Change when the selected projection applies",
        "Fold the read model again",
        "Apply events again",
        "Apply what waits now",
        "Start or stop the demo's load",
        "More load",
        "Less load",
        "One row up",
        "One row down",
        "A page up",
        "A page down",
        "To the first row",
        "To the last row",
        "Copy the path",
        "Mouse on or off",
        "Type a command or an action",
        "Show or hide this help",
        "Take the filter and the last",
        "Draw everything again",
        "Back to the shell",
        " q  Quit",
        "Quit, from everywhere",
        "late, and gaining",
        "nobody applies events to it",
    ];
    for _ in 0..100 {
        let shown = demo.shows("Esc close").lines().join("\n");
        unseen.retain(|help| !shown.contains(help));
        if unseen.is_empty() {
            break;
        }
        demo.keys("j");
        demo.until("the next line", |picture| {
            unseen.is_empty() || picture.lines().join("\n") != shown
        });
    }
    assert!(unseen.is_empty(), "the help does not show {unseen:?}");
    demo.keys(ESC).hides("Esc close");

    demo.keys("c").shows("Enter choose");
    demo.keys(ENTER).shows("Enter send");
    demo.keys(ESC).until("the list again", |picture| {
        picture.has("Enter choose") && !picture.has("Enter send")
    });
    demo.keys(ESC).hides("Enter choose");
    demo.shows("all keys");
}
