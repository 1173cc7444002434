//! The Events screen: the log followed and read, narrowed, an event folded, what it led to walked through.

use super::place::Place;
use super::screen::{ENTER, ESC, SMALL, TAB, UP, WIDE};

#[test]
fn the_log_is_followed_read_and_narrowed() {
    let place = Place::with(&[]);
    for n in 1..=60 {
        place.append(&format!("thing-{n}"), "ThingPlaced", "{\"total\":9000}");
    }
    let data = "{\"carrier\":\"Post\",\"parcels\":[{\"weight\":1.5}]}";
    place.append("thing-7", "ThingShipped", data);
    let mut console = place.console(WIDE, &[]);
    console.shows("thing-7");
    console.keys("2").shows("follows the head");
    console.keys(UP).shows("60 of 61");
    place.append("thing-8", "ThingCancelled", "{}");
    console.shows("+1 new, G follows");
    console.keys("G").shows("ThingCancelled");
    console.keys("g").shows("1 of 62");
    console.keys("/").shows("type:Placed stream:order-7");
    console.keys("stream:thing-7 shipd");
    let picture = console.shows("1 found, no others");
    assert!(!picture.has("ThingPlaced"));
    console.keys(ENTER).shows("its stream");
    // Enter zooms into the event, where Enter folds what is chosen.
    console.keys(ENTER).hides("position");
    console.shows("weight");
    console.keys(ENTER).hides("weight");
    console.keys(ESC).shows("position");
    console.keys(ESC).shows("ThingPlaced");
    console.shows("1 of 62");
    console.keys(":events 17\r").shows("17 of 62");
    console
        .keys(":events 63\r")
        .shows("positions go from 1 to 62");
    console.keys(ESC).hides("positions go");
    console
        .keys(":events type:cancelled\r")
        .shows("1 found, no others");
    console.keys("y").shows("copied event 62 as CloudEvents");
    let bytes = String::from_utf8_lossy(&console.bytes()).into_owned();
    assert!(bytes.contains("\x1b]52;"), "nothing was copied");
    console.keys("4").hides("found, no others");
    console.keys("q");
    assert!(console.ended().restored);
}

#[test]
fn the_tree_of_an_order_leads_to_each_of_its_events() {
    let place = Place::with(&[]);
    let engine = place.engine();
    let send = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        place.json(&[&["send"], words.as_slice()].concat());
    };
    send("RegisterCustomer customer=ada name=Ada email=ada@example.org address=London");
    send("RestockProduct product=mug quantity=5 name=Mug");
    send("PlaceOrder order=1 customer=ada lines=mug:1:100");
    send("ProcessPayment order=1 amount_cents=100");
    let mut console = place.console(SMALL, &[]);
    console.shows("sent here");
    console.keys(":events type:ordershipped\r").shows("1 found");
    console.keys(TAB).shows("command  \"ShipOrder\"");
    console.keys(TAB).shows("PaymentProcessed");
    console
        .keys("g")
        .shows("OrderPlaced  order-1  by PlaceOrder");
    console.keys(ENTER).shows("the filter hides that event");
    console.shows("3 of ");
    drop(engine);
    console.keys("q");
    assert!(console.ended().restored);
}
