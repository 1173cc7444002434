//! A changed file from the keyboard: its version waits, is compared, answers, and goes back.

use super::place::Place;
use super::screen::{ENTER, ESC, SMALL, WIDE};

const ORDERS: &str = "\
-- policy: live
-- cutover: asked
-- key: id = order
-- schema
CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT NOT NULL) STRICT;
-- on Placed
INSERT INTO orders VALUES (:key, 'placed');
-- on Cancelled
UPDATE orders SET status = 'placed' WHERE id = :key;
-- query Status(id)
SELECT status FROM orders WHERE id = :id;
";

/// Nothing is done before its consequences are on the screen: which queries go on being answered.
const CONSEQUENCES: &str = "answers        Status";

#[track_caller]
fn is_held_compared_and_cut_over(size: (u16, u16)) {
    let place = Place::with(&[("orders.sql", ORDERS)]);
    for order in ["1", "2", "3"] {
        place.append(&format!("order-{order}"), "Placed", "{}");
    }
    place.append("order-2", "Cancelled", "{}");
    let mut console = place.console(size, &[]);
    console.shows("engine here");
    let file = place.workspace().join("projections/orders.sql");
    let mended = ORDERS.replace("SET status = 'placed'", "SET status = 'cancelled'");
    console.until("its first version", |picture| {
        picture
            .row("orders")
            .is_some_and(|row| row.status == "live")
    });
    console.keys("B").shows("no version is kept");
    console.keys(ESC).hides("no version is kept");
    std::fs::write(file, mended).unwrap();
    console.shows("new version ready, waits for cutover");
    console
        .keys("D")
        .shows("What a cutover of orders would change");
    console.shows("1 of 3 rows differ");
    console.shows("orders id = '2'");
    console.shows("status: 'placed' → 'cancelled'");
    console.shows("Cancelled of order-2");
    // From the page itself.
    console
        .keys("C")
        .shows("The new version answers from now on");
    console.shows(CONSEQUENCES);
    console.keys(ENTER).shows("orders cut over: version");
    console.hides("waits for cutover");
    let status = || {
        let ask = [
            "query",
            "orders",
            "Status",
            "id=2",
            "--consistency",
            "strong",
        ];
        place.json(&ask)["rows"][0]["status"].clone()
    };
    assert_eq!(status(), "cancelled");
    console
        .keys("B")
        .shows("The version that was kept answers from now on");
    console.shows(CONSEQUENCES);
    console.keys(ENTER).shows("orders rolled back: version");
    assert_eq!(status(), "placed");
    console.keys("X").shows("No cancel");
    console.keys(ESC).hides("No cancel");
    console
        .keys(":rollback orders")
        .keys(ENTER)
        .shows("Roll back orders");
    console.shows(CONSEQUENCES);
    console
        .keys(ENTER)
        .until("the new version again", |picture| {
            picture
                .line("rolled back")
                .is_some_and(|line| line.contains("-2 answers again"))
        });
    assert_eq!(status(), "cancelled");
    console.keys("q");
}

#[test]
fn a_new_version_is_held_compared_and_cut_over_at_120_by_36() {
    is_held_compared_and_cut_over(WIDE);
}

#[test]
fn a_new_version_is_held_compared_and_cut_over_at_80_by_24() {
    is_held_compared_and_cut_over(SMALL);
}
