//! A stream step by step beside what the read models have of its key; and the mark that is dragged along the log.

use super::place::Place;
use super::screen::{Console, ENTER, ESC, LEFT, RIGHT, SMALL, TAB, WIDE};

/// One replica that applies at once, one that waits until somebody asks.
const ORDERS: &str = "\
-- key: id = order
-- replicas: eu live, ap manual
-- schema
CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT NOT NULL, note TEXT) STRICT;
-- on Placed
INSERT INTO orders VALUES (:key, 'placed', NULL);
-- on Paid
UPDATE orders SET status = 'paid' WHERE id = :key;
-- on Shipped
UPDATE orders SET status = 'shipped', note = :data ->> 'note' WHERE id = :key;
-- query Status(id)
SELECT status FROM orders WHERE id = :id;
";

#[track_caller]
fn is_live(console: &mut Console, name: &str) {
    console.until("it has everything", |picture| {
        picture.row(name).is_some_and(|row| row.status == "live")
    });
}

#[track_caller]
fn catches_up(size: (u16, u16)) {
    let place = Place::with(&[("orders.sql", ORDERS)]);
    place.append("order-7", "Placed", "{}");
    let mut console = place.console(size, &[]);
    console.shows("engine here");
    is_live(&mut console, "orders@eu");
    console.keys("4").shows("Which stream?");
    console.shows("not yet in 1 of 2");
    console.keys(ENTER).shows("order-7, version 1 of 1");
    console.shows("lacks 1");
    console.shows("≠no row");
    console.shows("a row comes into orders");
    // Somebody asks; the replica catches up while one looks on.
    console.keys("a").hides("≠no row");
    console.shows("visible in all 2");
    // What another process stores is seen at once, and stale where nobody asked for it.
    place.append("order-7", "Paid", "{}");
    console.shows("version 2 of 2");
    place.append("order-7", "Shipped", r#"{"note":"by \u001b[2J post"}"#);
    console.shows("version 3 of 3");
    // The replicas differ in it.
    console.shows("≠ status");
    console.shows("≠placed");
    console.shows("status placed → shipped");
    console.shows("Shipped at");
    console.shows("when asked (a)");
    console.keys(LEFT).shows("version 2 of 3");
    console.shows("now, not at version 2");
    console.keys(RIGHT).shows("version 3 of 3");
    console.keys("a").hides("≠placed");
    console.shows("visible in all 2");
    // One is brought up by name; what is not there is said to be so.
    console.keys(":stream order-8").shows(":stream order-8");
    console.keys(ENTER).shows("there is no stream order-8");
    place.append("order-8", "Placed", "{}");
    console.shows("order-8, version 1 of 1");
    console.keys(ESC).hides("order-8, version");
    console.keys("q");
    console.ended();
}

#[test]
fn a_replica_catches_up_while_one_looks_on_at_120_by_36() {
    catches_up(WIDE);
}

#[test]
fn a_replica_catches_up_while_one_looks_on_at_80_by_24() {
    catches_up(SMALL);
}

#[test]
fn the_state_of_an_order_is_shown_after_each_of_its_events() {
    let place = Place::new();
    let mut console = place.demo(SMALL, "0");
    console.shows("engine here");
    console.keys(":RegisterCustomer customer=ada name=Ada email=ada@example.org address=Here");
    console.shows("address=Here").line("address=Here");
    console.keys(ENTER).shows("RegisterCustomer accepted");
    console
        .keys(":stream customer-ada")
        .shows(":stream customer-ada");
    console.keys(ENTER).shows("customer-ada, version 1 of 1");
    console.keys(TAB).shows("State after version 1");
    console.shows("\"Ada\"");
    console.keys(ESC).hides("State after version");
    console.keys("q");
    console.ended();
}

#[test]
fn the_mark_is_dragged_along_the_log_with_the_mouse() {
    let place = Place::with(&[("orders.sql", ORDERS)]);
    for order in 0..40 {
        place.append(&format!("order-{order}"), "Placed", "{}");
    }
    let mut console = place.console(WIDE, &[]);
    console.shows("engine here");
    is_live(&mut console, "orders@eu");
    console.keys("5").shows("as it was");
    let of_log = |line: &String| line.contains('◆') && line.contains("───");
    let picture = console.until("a mark on the log", |picture| {
        picture.lines().iter().any(of_log)
    });
    let line = picture.lines().iter().position(of_log).unwrap() + 1;
    let at = |button: u8, x: usize, end: char| format!("\x1b[<{button};{x};{line}{end}");
    // Pressed at the left end, moved over many cells, released in the middle.
    console.keys(&at(0, 3, 'M')).shows("at 0 of");
    let way: String = (4..=60).map(|x| at(32, x, 'M')).collect();
    console.keys(&way).keys(&at(0, 60, 'm'));
    let head = console.shows("at ").head();
    let middle = (head * 57 + 57) / 115;
    console.shows(&format!("at {middle} of"));
    console.keys(LEFT).shows(&format!("at {} of", middle - 1));
    console.keys("q");
    console.ended();
}
