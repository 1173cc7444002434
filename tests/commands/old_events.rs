//! Events of an older form, in a log that was written when they were new: today's commands and readers
//! understand them, and what is stored stays as it was. How the log was made is in its folder's README.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater::event::{Event, EventType, JsonObject, NewEvent, Position, StreamId, Timestamp};
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::log::{Commit, CommitId, EventLog as _, Expected, SharedLog};
use highwater::shop;
use highwater::write::{Outcome, Request, SendError};
use serde_json::{Value, json};
use tempfile::TempDir;

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen/format-1")
}

/// A copy of the frozen log, which may be written to.
fn thawed() -> (TempDir, Arc<SqliteLog>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(frozen().join("log.db"), dir.path().join("log.db")).unwrap();
    let log = SqliteLog::open_existing(dir.path(), LogOptions::default()).unwrap();
    (dir, Arc::new(log))
}

async fn all(log: &SharedLog) -> Vec<Event> {
    log.read_all(Position::START, 1_000).await.unwrap()
}

fn placed(events: &[Event]) -> Vec<(&str, Value, Value)> {
    let placed = events
        .iter()
        .filter(|e| e.event_type.as_str() == "OrderPlaced");
    let seen = |e: &Event| (e.data.value(), e.metadata.value()["schema"].clone());
    placed
        .map(|e| (e.stream.as_str(), seen(e).0, seen(e).1))
        .collect()
}

#[tokio::test]
async fn everybody_sees_an_old_event_in_todays_form_and_it_is_stored_as_it_was() {
    let (_dir, log) = thawed();
    let stored: SharedLog = log.clone();
    let today = shop::commands().upcasting(stored.clone());
    let mug = json!([{"product": "mug", "quantity": 2, "unit_price_cents": 1250}]);
    let lines = json!({"customer": "ada", "lines": mug, "total_cents": 2500});
    assert_eq!(
        placed(&all(&today).await)[0],
        ("order-1001", lines.clone(), json!(2))
    );
    let page = today
        .read_stream(
            &StreamId::new("order-1001").unwrap(),
            highwater::event::Version::NONE,
            10,
        )
        .await
        .unwrap();
    assert_eq!(placed(&page.events), [("order-1001", lines, json!(2))]);
    let old = json!({"customer": "ada", "product": "mug", "quantity": 2, "unit_price_cents": 1250});
    assert_eq!(
        placed(&all(&stored).await)[0],
        ("order-1001", old, Value::Null)
    );
}

#[tokio::test]
async fn an_event_of_todays_form_beside_old_ones_is_not_touched() {
    let (_dir, log) = thawed();
    let stored: SharedLog = log.clone();
    let today = shop::commands().upcasting(stored.clone());
    let (stored, today) = (all(&stored).await, all(&today).await);
    let others = |events: &[Event]| -> Vec<Event> {
        let old = |e: &Event| e.event_type.as_str() == "OrderPlaced" && e.stream.key() != "1003";
        events.iter().filter(|e| !old(e)).cloned().collect()
    };
    assert_eq!(others(&stored), others(&today));
    assert_eq!((stored.len(), placed(&stored)[2].2.clone()), (9, json!(2)));
}

#[tokio::test]
async fn an_order_from_then_is_paid_with_what_it_costs_today() {
    let (_dir, log) = thawed();
    let commands = shop::commands();
    let pay = async |amount: u64| {
        let data = json!({"order": "1002", "amount_cents": amount});
        commands
            .send(&*log, Request::new("ProcessPayment", data))
            .await
            .unwrap()
    };
    let Outcome::Rejected { reason, .. } = pay(3899).await else {
        panic!("a payment of too little was accepted");
    };
    assert!(reason.contains("under the total of 39.00"), "{reason}");
    assert!(matches!(pay(3900).await, Outcome::Accepted { .. }));
    let steps = commands
        .steps(&read(&log, "order-1002").await)
        .unwrap()
        .unwrap();
    assert_eq!(
        (&steps[1]["status"], &steps[1]["total_cents"]),
        (&json!("paid"), &json!(3900))
    );
}

#[tokio::test]
async fn an_event_is_written_with_the_version_of_its_form() {
    let (_dir, log) = thawed();
    let data = json!({"order": "1004", "customer": "ada", "lines": [
        {"product": "mug", "quantity": 1, "unit_price_cents": 1250}
    ]});
    let commands = shop::commands();
    commands
        .send(&*log, Request::new("PlaceOrder", data))
        .await
        .unwrap();
    let pay = json!({"order": "1004", "amount_cents": 1250});
    commands
        .send(&*log, Request::new("ProcessPayment", pay))
        .await
        .unwrap();
    let events = read(&log, "order-1004").await;
    let schemas: Vec<Value> = events
        .iter()
        .map(|e| e.metadata.value()["schema"].clone())
        .collect();
    assert_eq!(schemas, [json!(2), Value::Null]);
}

#[tokio::test]
async fn an_event_of_a_form_that_is_not_known_yet_is_not_taken_for_an_older_one() {
    let (_dir, log) = thawed();
    let data = json!({"customer": "ada", "lines": [], "total_cents": 0, "currency": "EUR"});
    append(
        &log,
        "order-1005",
        "OrderPlaced",
        data,
        json!({"schema": 3}),
    )
    .await;
    let ship = Request::new("ShipOrder", json!({"order": "1005"}));
    let error = shop::commands().send(&*log, ship).await.unwrap_err();
    assert!(matches!(error, SendError::Event(_)), "{error}");
    assert!(error.to_string().contains("schema version is 3"), "{error}");
}

async fn read(log: &SqliteLog, stream: &str) -> Vec<Event> {
    let stream = StreamId::new(stream).unwrap();
    let page = log
        .read_stream(&stream, highwater::event::Version::NONE, 100)
        .await;
    page.unwrap().events
}

async fn append(log: &SqliteLog, stream: &str, event_type: &str, data: Value, metadata: Value) {
    let event = NewEvent {
        metadata: JsonObject::of(&metadata).unwrap(),
        ..NewEvent::new(
            EventType::new(event_type).unwrap(),
            JsonObject::of(&data).unwrap(),
        )
    };
    let commit = Commit {
        id: CommitId::new(),
        stream: StreamId::new(stream).unwrap(),
        expected: Expected::Any,
        events: vec![event],
    };
    log.append(commit).await.unwrap();
}

/// `cargo test --release --test commands measure -- --ignored --nocapture`
#[tokio::test]
#[ignore = "measures, with optimisations only"]
async fn measure_what_todays_form_costs_a_reader() {
    let (_dir, log) = thawed();
    let page: Vec<Event> = read(&log, "order-1003").await;
    for batch in 0..100 {
        let event = |number: usize| {
            // One in four is an order of today's form, with all that is said of one.
            let stored = &page[usize::from(!number.is_multiple_of(4))];
            NewEvent {
                metadata: stored.metadata.clone(),
                ..NewEvent::new(stored.event_type.clone(), stored.data.clone())
            }
        };
        let commit = Commit {
            id: CommitId::new(),
            stream: StreamId::new(&format!("order-{batch}")).unwrap(),
            expected: Expected::Any,
            events: (0..1_000).map(event).collect(),
        };
        log.append(commit).await.unwrap();
    }
    let stored: SharedLog = log.clone();
    let today = shop::commands().upcasting(stored.clone());
    for round in 0..3 {
        for (what, log) in [("as stored", &stored), ("in today's form", &today)] {
            let began = std::time::Instant::now();
            let mut at = Position::START;
            while let Some(last) = log.read_all(at, 5_000).await.unwrap().last() {
                at = last.position;
            }
            println!("{round}: {} events {what}: {:?}", at.get(), began.elapsed());
        }
    }
}

/// Makes the frozen log. Run once, by hand, when its format was new: a log that a later program wrote would
/// show nothing.
#[tokio::test]
#[ignore = "the log is frozen"]
async fn freeze() {
    let start: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
    let clock = std::sync::atomic::AtomicI64::new(0);
    let tick = move || {
        let seconds = clock.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        start + std::time::Duration::from_secs(seconds.unsigned_abs())
    };
    let options = LogOptions {
        clock: Arc::new(tick),
        ..LogOptions::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let log = SqliteLog::create_or_open(dir.path(), options).unwrap();
    let said =
        |command: &str| json!({"correlation_id": "0", "causation_id": "0", "command": command});
    let one = |product: &str, quantity: u64, price: u64| json!({"customer": "ada", "product": product, "quantity": quantity, "unit_price_cents": price});
    let line = json!([
        {"product": "mug", "quantity": 1, "unit_price_cents": 1250},
        {"product": "teapot", "quantity": 1, "unit_price_cents": 3900}
    ]);
    let mut two = said("PlaceOrder");
    two["schema"] = json!(2);
    let register = json!({"name": "Ada Lovelace", "email": "ada@example.org", "address": "London"});
    for (stream, event_type, data, metadata) in [
        (
            "product-mug",
            "ProductRestocked",
            json!({"name": "Enamel mug", "quantity": 100}),
            said("RestockProduct"),
        ),
        (
            "product-teapot",
            "ProductRestocked",
            json!({"name": "Teapot", "quantity": 20}),
            said("RestockProduct"),
        ),
        (
            "customer-ada",
            "CustomerRegistered",
            register,
            said("RegisterCustomer"),
        ),
        (
            "order-1001",
            "OrderPlaced",
            one("mug", 2, 1250),
            said("PlaceOrder"),
        ),
        (
            "order-1001",
            "PaymentProcessed",
            json!({"amount_cents": 2500}),
            said("ProcessPayment"),
        ),
        ("order-1001", "OrderShipped", json!({}), said("ShipOrder")),
        (
            "order-1002",
            "OrderPlaced",
            one("teapot", 1, 3900),
            said("PlaceOrder"),
        ),
        (
            "order-1003",
            "OrderPlaced",
            json!({"customer": "ada", "lines": line, "total_cents": 5150}),
            two,
        ),
        (
            "order-1003",
            "OrderCancelled",
            json!({"reason": "changed my mind", "refund_cents": 0}),
            said("CancelOrder"),
        ),
    ] {
        append(&log, stream, event_type, data, metadata).await;
    }
    drop(log);
    std::fs::create_dir_all(frozen()).unwrap();
    std::fs::copy(dir.path().join("log.db"), frozen().join("log.db")).unwrap();
}
