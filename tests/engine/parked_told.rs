//! Whoever tells which read model has an event tells that one has it parked, or that somebody skipped it: from the
//! moment on at which its checkpoint passes the event.

use highwater::event::Position;
use highwater::read::Without;
use highwater::workspace::{Operation, Operator, Which, Workspace};
use highwater::write::Request;
use serde_json::json;

use crate::kit::{Place, finished, until, view};
use crate::parked::{buy, parked, price, skip};

/// A bill is kept by its key; what is bought and has no price yet cannot be applied.
const SHOP: &str = "\
-- on-error: park
-- key: key = bill
-- schema
CREATE TABLE prices (product TEXT PRIMARY KEY, price INTEGER NOT NULL) STRICT;
CREATE TABLE bills (key TEXT PRIMARY KEY, total INTEGER NOT NULL) STRICT;
-- on Priced
INSERT INTO prices VALUES (:key, :data ->> 'price');
-- on Bought
INSERT INTO bills
SELECT :key, (SELECT price FROM prices WHERE product = :data ->> 'product') WHERE true
ON CONFLICT (key) DO UPDATE SET total = total + excluded.total;
-- query All()
SELECT * FROM bills ORDER BY key;
";

/// How many events of a bill the read model lacks, the next that comes, the first that is parked, how many were
/// skipped: as the comparison of replicas says, and the rows of the key on the screen.
async fn lacks(workspace: &Workspace, key: &str) -> (u64, Option<Position>, Option<Position>, u64) {
    let compared = workspace.compare("shop", key).await.unwrap();
    let held = &compared.replicas[0];
    let passed_by = &held.keyed.passed_by;
    let first = |of: &highwater::read::OfStream| of.parked.first.as_ref().map(|(at, _)| *at);
    let found = (held.lacks, held.next, first(passed_by), passed_by.skipped);
    let rows = workspace.rows_of_key("bill", key).await.unwrap();
    let coming = &rows.models[0].coming;
    let passed_by = &coming.passed_by;
    let on_screen = (
        coming.lacks,
        coming.next,
        first(passed_by),
        passed_by.skipped,
    );
    assert_eq!(found, on_screen);
    found
}

/// Whether the read model is without an event, as pictures of the workspace say; once `fits`.
async fn without(operator: &Operator, event: Position, expected: Option<Without>) {
    until(operator, |snapshot| {
        view(snapshot, "shop").passed_by.of(event) == expected
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_event_is_lacking_until_it_is_tried_again_and_a_skipped_one_is_told() {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    price(&workspace, "mug", 10).await;
    let first = buy(&workspace, "1", "teapot").await;
    let other = buy(&workspace, "2", "mug").await;
    parked(&operator, 1).await;
    without(&operator, first, Some(Without::Parked)).await;
    without(&operator, other, None).await;
    assert_eq!(lacks(&workspace, "1").await, (1, None, Some(first), 0));
    assert_eq!(lacks(&workspace, "2").await, (0, None, None, 0));
    // What follows in its stream waits behind it, though it could be applied.
    let behind = buy(&workspace, "1", "mug").await;
    parked(&operator, 2).await;
    without(&operator, behind, Some(Without::Parked)).await;
    assert_eq!(lacks(&workspace, "1").await, (2, None, Some(first), 0));
    // What comes while it is paused is parked too, and does not come either.
    finished(&workspace, "shop", Operation::Pause).await;
    buy(&workspace, "1", "mug").await;
    assert_eq!(lacks(&workspace, "1").await, (3, None, Some(first), 0));
    finished(&workspace, "shop", Operation::Resume).await;
    parked(&operator, 3).await;
    finished(&workspace, "shop", skip(first)).await;
    without(&operator, first, Some(Without::Skipped)).await;
    assert_eq!(lacks(&workspace, "1").await, (2, None, Some(behind), 1));
    finished(&workspace, "shop", Operation::Retry(Which::All)).await;
    without(&operator, behind, None).await;
    without(&operator, first, Some(Without::Skipped)).await;
    assert_eq!(lacks(&workspace, "1").await, (0, None, None, 1));
    engine.stop().await;
}

/// The checkpoint and what is parked move in one transaction: no picture has the one without the other.
#[tokio::test(flavor = "multi_thread")]
async fn no_picture_shows_an_event_as_visible_that_is_parked() {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    for key in 0..20 {
        let event = buy(&workspace, &key.to_string(), "teapot").await;
        let found = until(&operator, |snapshot| {
            view(snapshot, "shop").checkpoint >= event
        });
        let picture = found.await;
        let told = view(&picture, "shop").passed_by.of(event);
        assert_eq!(told, Some(Without::Parked), "event {event} of bill-{key}");
    }
    // One that is looked at for the first time says the same, and so does one without an engine.
    engine.stop().await;
    drop(operator);
    let operator = workspace.operator().await.unwrap();
    until(&operator, |snapshot| {
        view(snapshot, "shop").passed_by.has(Without::Parked)
    })
    .await;
    let (all, _) = workspace.parked("shop", Position::START, 1).unwrap();
    assert_eq!(all.events, 20);
}

const CUSTOMERS: &str = "\
-- policy: sync
-- on-error: park
-- schema
CREATE TABLE customers (customer TEXT PRIMARY KEY, name TEXT NOT NULL CHECK (name <> 'Ada')) STRICT;
-- on CustomerRegistered
INSERT INTO customers VALUES (:key, :data ->> 'name');
-- query All()
SELECT name FROM customers ORDER BY customer;
";

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_not_answered_as_visible_where_its_event_is_parked() {
    let place = Place::new(&[("customers", CUSTOMERS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    for (customer, name, is_visible) in [("1", "Ada", false), ("2", "Grace", true)] {
        let data = json!({
            "customer": customer, "name": name, "email": "ada@example.org", "address": "1 Mill Lane"
        });
        let sent = workspace.send(Request::new("RegisterCustomer", data));
        let seen = sent.await.unwrap().visible.remove(0);
        assert_eq!(seen.after.is_some(), is_visible, "{seen:?}");
        let is_told = seen.because.is_some_and(|why| why.contains("is parked"));
        assert_ne!(is_told, is_visible);
    }
    engine.stop().await;
}
