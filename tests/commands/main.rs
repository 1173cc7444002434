//! Commands on a real log: what is stored, what is answered, and what happens when many come at once.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod door;
#[path = "../../src/log/handing_on.rs"]
mod handing_on;
mod old_events;
mod snapshots;
mod tally;
mod trouble;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use highwater::event::{
    Event, EventType, JsonObject, NewEvent, Position, StreamId, Timestamp, Version,
};
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::log::{Commit, CommitId, EventLog, Expected};
use highwater::shop::{self, Load, OrderCommand};
use highwater::write::{Commands, Outcome, Request, SendError};
use serde_json::{Value, json};
use tempfile::TempDir;
use trouble::Trouble;

struct Shop {
    log: Arc<SqliteLog>,
    commands: Commands,
    _dir: TempDir,
}

impl Shop {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = SqliteLog::create_or_open(dir.path(), LogOptions::default()).unwrap();
        Self {
            log: Arc::new(log),
            commands: shop::commands(),
            _dir: dir,
        }
    }

    async fn send(&self, request: Request) -> Result<Outcome, SendError> {
        self.commands.send(&*self.log, request).await
    }

    async fn accept(&self, command: &str, data: Value) {
        let outcome = self.send(Request::new(command, data)).await.unwrap();
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }

    async fn events(&self) -> Vec<Event> {
        self.log.read_all(Position::START, 100_000).await.unwrap()
    }

    async fn mugs(&self, quantity: u64) {
        let data = json!({"product": "mug", "quantity": quantity, "name": "Mug"});
        self.accept("RestockProduct", data).await;
    }
}

fn place(order: &str) -> Request {
    Request::new(
        "PlaceOrder",
        json!({"order": order, "customer": "ada", "lines": [
            {"product": "mug", "quantity": 2, "unit_price_cents": 1250}
        ]}),
    )
}

fn pay(order: &str, amount_cents: u64) -> Request {
    Request::new(
        "ProcessPayment",
        json!({"order": order, "amount_cents": amount_cents}),
    )
}

fn reserve(order: &str, quantity: u64) -> Request {
    Request::new(
        "ReserveStock",
        json!({"product": "mug", "order": order, "quantity": quantity}),
    )
}

fn position(outcome: &Outcome) -> Option<Position> {
    match outcome {
        Outcome::Accepted { position, .. } => *position,
        other => panic!("not accepted: {other:?}"),
    }
}

#[tokio::test]
async fn an_accepted_command_stores_its_event_and_why_it_happened() {
    let shop = Shop::open();
    let outcome = shop.send(place("1042")).await.unwrap();
    let stream = StreamId::new("order-1042").unwrap();
    assert_eq!(
        outcome,
        Outcome::Accepted {
            position: Some(Position::new(1)),
            stream: stream.clone(),
            version: Version::new(1),
            repeated: false
        }
    );
    let [event] = &shop.events().await[..] else {
        panic!("one event")
    };
    assert_eq!(
        (&event.stream, event.event_type.as_str()),
        (&stream, "OrderPlaced")
    );
    assert_eq!(
        event.data.value(),
        json!({"customer": "ada", "total_cents": 2500, "lines": [
            {"product": "mug", "quantity": 2, "unit_price_cents": 1250}
        ]})
    );
    let metadata = event.metadata.value();
    assert_eq!(metadata["command"], "PlaceOrder");
    assert!(metadata["correlation_id"].is_string());
    assert_eq!(metadata["causation_id"], metadata["correlation_id"]);
}

#[tokio::test]
async fn what_is_known_about_the_asking_is_stored_with_the_event() {
    let shop = Shop::open();
    let correlation = uuid::Uuid::now_v7();
    let time: Timestamp = "2024-05-06T07:08:09Z".parse().unwrap();
    let request = Request {
        correlation_id: Some(correlation),
        causation_id: Some("event-7".into()),
        time: Some(time),
        ..place("1")
    };
    shop.send(request).await.unwrap();
    let event = shop.events().await.remove(0);
    assert_eq!(
        event.metadata.value(),
        json!({
            "correlation_id": correlation,
            "causation_id": "event-7",
            "command": "PlaceOrder",
            "schema": 2
        })
    );
    assert_eq!(event.time(), time);
}

#[tokio::test]
async fn a_rejected_command_says_why_and_stores_nothing() {
    let shop = Shop::open();
    shop.send(place("1")).await.unwrap();
    let outcome = shop.send(pay("1", 2400)).await.unwrap();
    assert_eq!(
        outcome,
        Outcome::Rejected {
            stream: StreamId::new("order-1").unwrap(),
            version: Version::new(1),
            reason: "the payment of 24.00 is under the total of 25.00".into()
        }
    );
    assert_eq!(shop.events().await.len(), 1);
}

#[tokio::test]
async fn a_command_that_changes_nothing_is_accepted_without_an_event() {
    let shop = Shop::open();
    let register = json!({"customer": "ada", "name": "Ada", "email": "a@b", "address": "London"});
    shop.accept("RegisterCustomer", register).await;
    let stay = json!({"customer": "ada", "address": "London"});
    let stay = Request::new("UpdateCustomerAddress", stay).with_key("k");
    let outcome = shop.send(stay).await.unwrap();
    assert_eq!(position(&outcome), None);
    assert_eq!(shop.events().await.len(), 1);
}

#[tokio::test]
async fn a_command_can_be_sent_as_its_rust_value() {
    let shop = Shop::open();
    shop.send(place("1")).await.unwrap();
    let pay = OrderCommand::ProcessPayment {
        order: "1".into(),
        amount_cents: 2500,
    };
    let outcome = shop.send(Request::of(&pay).unwrap()).await.unwrap();
    assert_eq!(position(&outcome), Some(Position::new(2)));
}

#[tokio::test]
async fn an_unknown_command_is_refused_with_what_may_have_been_meant() {
    let shop = Shop::open();
    let error = shop.send(Request::new("PlaceOder", json!({}))).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("there is no command \"PlaceOder\": did you mean PlaceOrder"),
        "{error}"
    );
}

#[tokio::test]
async fn wrong_fields_are_all_named_and_nothing_is_stored() {
    let shop = Shop::open();
    let data = json!({"order": 1, "amount": 5});
    let error = shop.send(Request::new("ProcessPayment", data)).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "ProcessPayment cannot be sent: order must be text of 1 to 100 characters, not 1; \
         amount_cents is missing, give a whole number of at least 0; \
         amount is no field here, did you mean amount_cents?"
    );
    for data in [json!([]), json!(null), json!("x"), json!({})] {
        let sent = shop.send(Request::new("PlaceOrder", data)).await;
        assert!(matches!(sent, Err(SendError::Fields { .. })), "{sent:?}");
    }
    assert!(shop.events().await.is_empty());
}

#[tokio::test]
async fn a_key_that_makes_no_stream_name_is_refused() {
    let shop = Shop::open();
    for order in ["a\u{202e}b", "a\nb"] {
        let sent = shop.send(place(order)).await;
        assert!(matches!(sent, Err(SendError::Stream { .. })), "{sent:?}");
    }
    assert!(shop.events().await.is_empty());
}

#[tokio::test]
async fn the_same_idempotency_key_gives_the_first_answer_and_stores_once() {
    let shop = Shop::open();
    let first = shop.send(place("1").with_key("k")).await.unwrap();
    shop.send(pay("1", 2500)).await.unwrap();
    let Outcome::Accepted {
        position,
        stream,
        version,
        repeated: false,
    } = first
    else {
        panic!("{first:?}")
    };
    let again = shop.send(place("1").with_key("k")).await.unwrap();
    assert_eq!(
        again,
        Outcome::Accepted {
            position,
            stream,
            version,
            repeated: true
        }
    );
    assert_eq!(shop.events().await.len(), 2);
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_one_command_on_one_stream() {
    let shop = Shop::open();
    shop.send(place("1").with_key("k")).await.unwrap();
    for other in [place("2"), pay("1", 2500)] {
        let error = shop.send(other.with_key("k")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the idempotency key \"k\" was used by PlaceOrder on stream order-1: give each command a key of its own"
        );
    }
    for key in [String::new(), "k".repeat(256)] {
        let sent = shop.send(place("3").with_key(key)).await;
        assert!(matches!(sent, Err(SendError::Key { .. })), "{sent:?}");
    }
    assert_eq!(shop.events().await.len(), 1);
}

#[tokio::test]
async fn a_rejection_is_decided_anew_under_the_same_key() {
    let shop = Shop::open();
    let pay = || pay("1", 2500).with_key("k");
    assert!(matches!(
        shop.send(pay()).await,
        Ok(Outcome::Rejected { .. })
    ));
    shop.send(place("1")).await.unwrap();
    assert_eq!(
        position(&shop.send(pay()).await.unwrap()),
        Some(Position::new(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_sent_by_many_at_once_is_stored_once_and_all_get_the_same_answer() {
    let shop = Arc::new(Shop::open());
    for round in 0..20 {
        let tasks = (0..16).map(|_| {
            let shop = shop.clone();
            let request = place(&round.to_string()).with_key(round.to_string());
            tokio::spawn(async move { shop.send(request).await.unwrap() })
        });
        let mut answers = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            answers.push(task.await.unwrap());
        }
        let positions: BTreeSet<_> = answers.iter().map(position).collect();
        assert_eq!(positions.len(), 1);
        let first = |o: &&Outcome| {
            matches!(
                o,
                Outcome::Accepted {
                    repeated: false,
                    ..
                }
            )
        };
        assert_eq!(answers.iter().filter(first).count(), 1, "{answers:?}");
    }
    assert_eq!(shop.events().await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_senders_to_one_aggregate_break_no_rule_and_lose_nothing() {
    const STOCK: u64 = 40;
    let shop = Arc::new(Shop::open());
    shop.mugs(STOCK).await;
    let tasks = (0..64).map(|order| {
        let shop = shop.clone();
        tokio::spawn(async move {
            loop {
                match shop.send(reserve(&order.to_string(), 1)).await.unwrap() {
                    Outcome::Accepted { position, .. } => return position,
                    Outcome::Rejected { reason, .. } => {
                        assert_eq!(reason, "1 of mug are wanted and 0 available");
                        return None;
                    }
                    Outcome::Conflict { .. } => {}
                }
            }
        })
    });
    let mut accepted = BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        if let Some(position) = task.await.unwrap() {
            assert!(accepted.insert(position), "two answers for {position}");
        }
    }
    assert_eq!(accepted.len() as u64, STOCK);
    let events = shop.events().await;
    let stored: BTreeSet<_> = events.iter().skip(1).map(|event| event.position).collect();
    assert_eq!(stored, accepted);
    let orders: BTreeSet<_> = events
        .iter()
        .skip(1)
        .map(|e| e.data.value()["order"].to_string())
        .collect();
    assert_eq!(orders.len() as u64, STOCK);
    let last = shop
        .commands
        .steps(&events)
        .unwrap()
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(last["available"], 0);
}

#[tokio::test]
async fn a_stream_of_many_pages_is_rehydrated_whole() {
    let shop = Shop::open();
    let data = JsonObject::parse("{\"name\":\"Mug\",\"quantity\":1}").unwrap();
    let event = NewEvent::new(EventType::new("ProductRestocked").unwrap(), data);
    for events in [1_000, 1] {
        let commit = Commit {
            id: CommitId::new(),
            stream: StreamId::new("product-mug").unwrap(),
            expected: Expected::Any,
            events: vec![event.clone(); events],
        };
        shop.log.append(commit).await.unwrap();
    }
    let outcome = shop.send(reserve("1", 1_002)).await.unwrap();
    assert!(matches!(outcome, Outcome::Rejected { .. }), "{outcome:?}");
    let outcome = shop.send(reserve("1", 1_001)).await.unwrap();
    assert_eq!(position(&outcome), Some(Position::new(1_002)));
}

#[tokio::test]
async fn an_event_that_the_aggregate_does_not_know_is_named() {
    let shop = Shop::open();
    shop.send(place("1")).await.unwrap();
    let event = NewEvent::new(
        EventType::new("OrderTeleported").unwrap(),
        JsonObject::empty(),
    );
    let commit = Commit {
        id: CommitId::new(),
        stream: StreamId::new("order-1").unwrap(),
        expected: Expected::Any,
        events: vec![event],
    };
    shop.log.append(commit).await.unwrap();
    let error = shop.send(pay("1", 2500)).await.unwrap_err().to_string();
    for part in ["order-1", "event 2", "OrderTeleported", "position 2"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(shop.commands.steps(&shop.events().await).is_err());
}

#[tokio::test]
async fn rehydration_can_be_seen_step_by_step() {
    let shop = Shop::open();
    shop.send(place("1")).await.unwrap();
    shop.send(pay("1", 2500)).await.unwrap();
    let steps = shop.commands.steps(&shop.events().await).unwrap().unwrap();
    let status: Vec<_> = steps.iter().map(|state| state["status"].as_str()).collect();
    assert_eq!(status, [Some("placed"), Some("paid")]);
    assert!(shop.commands.stepper("loan").is_none());
    assert_eq!(shop.commands.steps(&[]).unwrap(), None);
}

#[tokio::test]
async fn the_load_keeps_to_the_rules_on_a_real_log() {
    let shop = Shop::open();
    for run in 0..2 {
        let mut load = Load::after(7, shop.log.head().await.unwrap());
        let mut rejected = 0;
        for _ in 0..300 {
            match shop.send(load.next(1.0).0).await.unwrap() {
                Outcome::Accepted { .. } => {}
                Outcome::Rejected { .. } => rejected += 1,
                Outcome::Conflict { .. } => panic!("nobody else writes"),
            }
        }
        assert!(rejected < 15, "{rejected} rejected in run {run}");
    }
}

#[tokio::test]
async fn commands_and_events_without_fields_are_sent_and_stored_as_empty_objects() {
    let shop = Shop::open();
    let commands = Commands::new().with::<door::Door>();
    let names: Vec<_> = commands
        .infos()
        .iter()
        .map(|i| (i.name.as_str(), i.description.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("OpenDoor", "Open a door."),
            ("CloseUp", "Close the front door.")
        ]
    );
    let open = |door: &str| Request::new("OpenDoor", json!({"door": door, "hinges": null}));
    commands.send(&*shop.log, open("front")).await.unwrap();
    let close = Request::of(&door::DoorCommand::CloseUp).unwrap();
    assert_eq!(close.data, json!({}));
    let outcome = commands.send(&*shop.log, close).await.unwrap();
    assert_eq!(position(&outcome), Some(Position::new(2)));
    assert_eq!(shop.events().await[1].data.as_str(), "{}");
    for (door, hinges) in [("", json!(2)), ("front", json!(256)), ("front", json!("x"))] {
        let sent = Request::new("OpenDoor", json!({"door": door, "hinges": hinges}));
        assert!(
            commands.send(&*shop.log, sent).await.is_err(),
            "{door:?} {hinges}"
        );
    }
    let error = commands.send(&*shop.log, open("")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "OpenDoor is for no aggregate that can be: stream name is empty: give it at least one character"
    );
}

#[test]
#[should_panic(expected = "category \"door\" belongs to two")]
fn a_category_belongs_to_one_aggregate() {
    let _ = Commands::new().with::<door::Door>().with::<door::Door>();
}

impl Shop {
    fn trouble(&self, lost: u32, rival: bool) -> Trouble {
        Trouble {
            log: self.log.clone(),
            appends: AtomicU32::new(0),
            read: AtomicUsize::new(0),
            lost,
            rival,
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_the_event_is_there_once() {
    let shop = Shop::open();
    let log = shop.trouble(2, false);
    let outcome = shop.commands.send(&log, place("1")).await.unwrap();
    assert!(
        matches!(
            outcome,
            Outcome::Accepted {
                repeated: false,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(shop.events().await.len(), 1);
}

#[tokio::test]
async fn an_answer_that_never_comes_is_said_to_be_unknown() {
    let shop = Shop::open();
    let log = shop.trouble(u32::MAX, false);
    let error = shop.commands.send(&log, place("1")).await.unwrap_err();
    assert!(matches!(error, SendError::Unknown { .. }), "{error:?}");
    assert!(
        error.to_string().contains("PlaceOrder on stream order-1"),
        "{error}"
    );
    assert_eq!(log.appends.load(Ordering::SeqCst), 5);
    assert_eq!(shop.events().await.len(), 1);
}

#[tokio::test]
async fn a_stream_that_always_moves_ends_in_conflict_after_eight_tries() {
    let shop = Shop::open();
    shop.mugs(5).await;
    let log = shop.trouble(0, true);
    let outcome = shop.commands.send(&log, reserve("1", 1)).await.unwrap();
    assert_eq!(
        outcome,
        Outcome::Conflict {
            stream: StreamId::new("product-mug").unwrap(),
            version: Version::new(9)
        }
    );
    assert_eq!(log.appends.load(Ordering::SeqCst), 8);
}
