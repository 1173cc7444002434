//! A read model as it was, verified, and mended: with the keys.

use super::place::Place;
use super::screen::{Console, END, ENTER, ESC, HOME, LEFT, PAGE_UP, RIGHT, SMALL, TAB, WIDE};

const ORDERS: &str = "\
-- policy: live
-- key: id = order
-- schema
CREATE TABLE lines (id TEXT, product TEXT) STRICT;
CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT NOT NULL) STRICT;
-- on Placed
INSERT INTO orders VALUES (:key, 'placed');
INSERT INTO lines VALUES (:key, 'kettle');
-- on Paid
UPDATE orders SET status = 'paid' WHERE id = :key;
-- query Status(id)
SELECT status FROM orders WHERE id = :id;
";

/// Types a line after `:`, waits until all of it is there, and does it.
#[track_caller]
fn line(console: &mut Console, words: &str) {
    console
        .keys(&format!(":{words}"))
        .shows(&format!(":{words}"));
    console.keys(ENTER);
}

/// What lies in the folder for files that nobody keeps, without what is hidden.
fn scratch(place: &Place) -> usize {
    let Ok(entries) = std::fs::read_dir(place.workspace().join("data/scratch")) else {
        return 0;
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).count()
}

/// Three orders, of which the first was paid; and the position of the first event of all.
fn orders() -> (Place, u64) {
    let place = Place::with(&[("orders.sql", ORDERS)]);
    let first = place.json(&["append", "order-1", "Placed", "{}"]);
    for order in ["2", "3"] {
        place.append(&format!("order-{order}"), "Placed", "{}");
    }
    place.append("order-1", "Paid", "{}");
    let first = first["position"].as_u64().unwrap();
    (place, first)
}

#[track_caller]
fn steps(size: (u16, u16)) {
    let (place, first) = orders();
    let paid = first + 3;
    let mut console = place.console(size, &[]);
    console.shows("engine here");
    console.until("it is caught up", |picture| {
        picture
            .row("orders")
            .is_some_and(|row| row.status == "live")
    });
    console.keys("T").shows("orders as it was");
    line(&mut console, &format!("as-of orders {paid}"));
    console.shows(&format!("at {paid} of"));
    console.shows("Paid in order-1");
    console.shows("status: 'placed' → 'paid'");
    console.shows("lines, table 1 of 2, 3 rows");
    console.keys(TAB).shows("orders, table 2 of 2, 3 rows");
    console.shows("1   paid");
    console.keys(LEFT).shows("Placed in order-3");
    console.shows("1   placed");
    console.shows("This event changed 2 rows");
    console.keys(RIGHT).shows("1   paid");
    // Faster than anybody reads.
    console.keys(&LEFT.repeat(3)).shows("Placed in order-1");
    console.shows("orders, table 2 of 2, 1 row");
    console.keys(RIGHT).shows("2   placed");
    console.keys(PAGE_UP).shows(" at 1 of");
    console.keys(END).hides(" at 1 of");
    console.keys(HOME).shows(" at 1 of");
    // What no key names is compared row by row.
    console.keys(TAB).shows("lines, table 1 of 2");
    console.shows("came since: 2 rows");
    console.keys("1").shows("all keys");
    console
        .keys("5")
        .shows("The mark is where you left it; End goes to now.");
    console.keys(END).hides("The mark is where you left it");
    assert!(scratch(&place) > 0);
    // What is open goes on where somebody names a time.
    line(&mut console, "as-of orders 2999-01-01T00:00Z");
    console.shows("has not come yet");
    console.keys(ESC).hides("orders as it was");
    console.keys("q");
    console.ended();
    assert_eq!(scratch(&place), 0, "its files are gone");
}

#[test]
fn a_read_model_is_stepped_through_its_past_at_120_by_36() {
    steps(WIDE);
}

#[test]
fn a_read_model_is_stepped_through_its_past_at_80_by_24() {
    steps(SMALL);
}

#[track_caller]
fn is_found_and_mended(size: (u16, u16)) {
    let (place, _) = orders();
    let mut console = place.console(size, &[]);
    console.shows("engine here");
    console.until("it is caught up", |picture| {
        picture
            .row("orders")
            .is_some_and(|row| row.status == "live")
    });
    console.keys("V").shows("equal at position");
    console.keys(ESC).hides("equal at position");
    let file = place.workspace().join("data/read/orders.db");
    let db = rusqlite::Connection::open(file).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
    db.execute("UPDATE orders SET status = 'lost' WHERE id = '1'", [])
        .unwrap();
    drop(db);
    line(&mut console, "verify orders");
    console.shows("1 of 6 rows differ");
    console.shows("orders id = '1'");
    console.shows("status: 'lost' → 'paid'");
    // From the page itself.
    console.keys("M").shows(":repair orders ");
    console.keys(ENTER).shows("whose rows?");
    console.keys("1").keys(ENTER).shows("Mend 1 of orders");
    console.shows("status: 'lost' → 'paid'");
    console.shows("Enter replaces them");
    console.keys(ENTER).shows("orders mended:");
    line(&mut console, "verify orders");
    console.shows("equal at position");
    console.keys(ESC).hides("equal at position");
    line(&mut console, "repair orders 1");
    console.shows("Nothing to mend");
    console.keys(ESC).hides("Nothing to mend");
    line(&mut console, "repair orders 99");
    console.shows("has no rows of key 99");
    console.keys(ESC).hides("has no rows of key 99");
    console.keys("q");
    console.ended();
    assert_eq!(scratch(&place), 0, "its files are gone");
}

#[test]
fn a_damaged_row_is_found_and_mended_at_120_by_36() {
    is_found_and_mended(WIDE);
}

#[test]
fn a_damaged_row_is_found_and_mended_at_80_by_24() {
    is_found_and_mended(SMALL);
}

#[test]
fn whoever_only_looks_can_verify_and_mends_nothing() {
    let (place, _) = orders();
    let mut engine = place.engine();
    let mut console = place.console(SMALL, &["--read-only"]);
    console.shows("orders");
    line(&mut console, "verify orders");
    console.shows("equal at position");
    console.keys(ESC).hides("equal at position");
    line(&mut console, "repair orders 1");
    console.shows("it was started with --read-only");
    engine.stop();
}

#[test]
fn a_state_that_is_kept_in_memory_is_shown_as_rows() {
    let place = Place::new();
    let mut demo = place.demo(WIDE, "20");
    demo.until("some events", |picture| picture.head() > 200);
    demo.keys("l").hides("load 20/s");
    line(&mut demo, "as-of top_sellers 150");
    demo.shows("at 150 of");
    demo.keys(TAB).shows("sold, table 2 of 2");
    demo.until("its rows, then and now", |picture| {
        let heading = picture
            .lines()
            .into_iter()
            .find(|line| line.contains("key   "));
        heading.is_some_and(|line| line.matches("units").count() == 2)
    });
    demo.shows("differs now");
    demo.keys("q");
    demo.ended();
}
