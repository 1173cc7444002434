//! What becomes of one order.

use highwater::event::{
    Event, EventType, JsonObject, NewEvent, Origin, Position, StreamId, Timestamp,
};
use highwater::log::{Commit, CommitId, EventLog, Expected};
use highwater::write::{Outcome, ProcessCheckpoint, ProcessStep, Request};
use serde_json::json;
use uuid::Uuid;

use crate::kit::{PAYMENT_WITHIN, Shop, evening, morning, settle, states};

/// A shop with mugs and pots, and an order of both.
async fn ordered() -> Shop {
    let shop = Shop::open();
    shop.stock("mug", 5).await;
    shop.stock("pot", 5).await;
    shop.place("1", &[("mug", 2), ("pot", 1)]).await;
    shop
}

#[tokio::test]
async fn an_order_that_is_paid_is_shipped_and_its_stock_leaves() {
    let shop = ordered().await;
    let mut runner = shop.runner().await;
    settle(&mut runner, morning()).await;
    assert_eq!(shop.types("order-1").await, ["OrderPlaced"]);
    shop.pay("1", 300).await;
    settle(&mut runner, morning()).await;
    assert_eq!(
        shop.types("order-1").await,
        ["OrderPlaced", "PaymentProcessed", "OrderShipped"]
    );
    assert_eq!(
        shop.types("fulfilment-1").await,
        [
            "EventTaken",
            "StepAccepted",
            "StepAccepted",
            "TimerSet",
            "EventTaken",
            "StepAccepted",
            "StepAccepted",
            "StepAccepted",
            "ProcessFinished"
        ]
    );
    shop.assert_settled().await;
    assert_eq!(runner.open(), 0);
}

#[tokio::test]
async fn what_is_out_of_stock_gives_back_what_was_reserved_and_cancels() {
    let shop = ordered().await;
    shop.place("2", &[("mug", 1), ("pot", 9), ("cup", 1)]).await;
    let mut runner = shop.runner().await;
    settle(&mut runner, morning()).await;
    assert_eq!(
        shop.types("order-2").await,
        ["OrderPlaced", "OrderCancelled"]
    );
    let of_two = shop.types("fulfilment-2").await;
    let steps = [
        "StepAccepted",
        "StepRejected",
        "StepAccepted",
        "StepAccepted",
    ];
    assert_eq!(of_two[1..5], steps);
    let events = shop.events().await;
    let cancelled = events
        .iter()
        .find(|e| e.event_type.as_str() == "OrderCancelled");
    let reason = cancelled.unwrap().data.value()["reason"].clone();
    assert_eq!(reason, "9 of pot are wanted and 4 available");
    let mugs = &states(&events, &shop.commands, "product")["mug"];
    assert_eq!(mugs["reserved"], json!({"1": 2}));
}

#[tokio::test]
async fn an_order_is_cancelled_when_its_time_is_over_and_not_before() {
    let shop = ordered().await;
    let mut runner = shop.runner().await;
    settle(&mut runner, morning()).await;
    let due = morning() + PAYMENT_WITHIN;
    let rest = runner.step(morning()).await.unwrap();
    assert!(matches!(rest, ProcessStep::Rest { until: Some(until), .. } if until == due));
    let just_before = due - std::time::Duration::from_micros(1);
    settle(&mut runner, just_before).await;
    assert_eq!(shop.types("order-1").await, ["OrderPlaced"]);
    // Another program, later: the timer is in the log.
    let mut runner = shop.runner_from(runner.checkpoint()).await;
    settle(&mut runner, due).await;
    assert_eq!(
        shop.types("order-1").await,
        ["OrderPlaced", "OrderCancelled"]
    );
    shop.assert_settled().await;
}

#[tokio::test]
async fn a_payment_that_is_in_the_log_counts_though_the_time_is_over() {
    let shop = ordered().await;
    let mut runner = shop.runner().await;
    settle(&mut runner, morning()).await;
    // Nobody looked for a day, and the customer has paid meanwhile.
    shop.pay("1", 300).await;
    let mut runner = shop.runner_from(runner.checkpoint()).await;
    settle(&mut runner, evening()).await;
    assert_eq!(shop.types("order-1").await[2], "OrderShipped");
    shop.assert_settled().await;
}

#[tokio::test]
async fn a_rejected_payment_is_none_and_may_be_made_again() {
    let shop = ordered().await;
    let mut runner = shop.runner().await;
    settle(&mut runner, morning()).await;
    let declined = shop.pay("1", 299).await;
    assert!(matches!(declined, Outcome::Rejected { .. }));
    settle(&mut runner, morning()).await;
    shop.pay("1", 300).await;
    settle(&mut runner, morning()).await;
    shop.assert_settled().await;
    assert_eq!(shop.types("order-1").await[2], "OrderShipped");
}

/// A person does something after so many of the process's steps.
async fn disturbed(after: usize, command: &str) -> Vec<String> {
    let shop = ordered().await;
    let mut runner = shop.runner().await;
    for _ in 0..after {
        runner.step(morning()).await.unwrap();
    }
    if command == "ShipOrder" {
        shop.pay("1", 300).await;
    }
    match command {
        "CancelOrder" => drop(shop.cancel("1").await),
        "ShipOrder" => drop(shop.send("ShipOrder", json!({"order": "1"})).await),
        _ => drop(shop.pay("1", 300).await),
    }
    settle(&mut runner, morning()).await;
    settle(&mut runner, evening()).await;
    shop.assert_settled().await;
    shop.types("order-1").await
}

#[tokio::test]
async fn a_customer_may_cancel_at_every_stage() {
    for after in 0..12 {
        let order = disturbed(after, "CancelOrder").await;
        assert_eq!(order, ["OrderPlaced", "OrderCancelled"], "after {after}");
    }
}

#[tokio::test]
async fn a_customer_may_pay_at_every_stage() {
    for after in 0..12 {
        let order = disturbed(after, "ProcessPayment").await;
        let shipped = ["OrderPlaced", "PaymentProcessed", "OrderShipped"];
        assert_eq!(order, shipped, "after {after}");
    }
}

#[tokio::test]
async fn somebody_else_may_ship_at_every_stage() {
    for after in 0..12 {
        let order = disturbed(after, "ShipOrder").await;
        let shipped = ["OrderPlaced", "PaymentProcessed", "OrderShipped"];
        assert_eq!(order, shipped, "after {after}");
    }
}

#[tokio::test]
async fn a_customer_may_cancel_what_was_just_paid() {
    for after in 0..12 {
        let shop = ordered().await;
        let mut runner = shop.runner().await;
        settle(&mut runner, morning()).await;
        shop.pay("1", 300).await;
        for _ in 0..after {
            runner.step(morning()).await.unwrap();
        }
        let cancelled = shop.cancel("1").await;
        settle(&mut runner, morning()).await;
        shop.assert_settled().await;
        let order = shop.types("order-1").await;
        let in_time = matches!(cancelled, Outcome::Accepted { .. });
        let end = if in_time {
            "OrderCancelled"
        } else {
            "OrderShipped"
        };
        assert_eq!(order[2], end, "after {after}");
    }
}

#[tokio::test]
async fn one_correlation_and_its_causes_run_through_all_of_it() {
    let shop = ordered().await;
    let story = Uuid::now_v7();
    let place = json!({"order": "2", "customer": "ada", "lines": [
        {"product": "mug", "quantity": 1, "unit_price_cents": 100},
        {"product": "pot", "quantity": 9, "unit_price_cents": 100}]});
    let request = Request {
        correlation_id: Some(story),
        ..Request::new("PlaceOrder", place)
    };
    shop.commands.send(&*shop.log, request).await.unwrap();
    settle(&mut shop.runner().await, morning()).await;
    let all = shop.events().await;
    let of = |event: &Event, field: &str| event.metadata.value()[field].as_str().map(str::to_owned);
    let story = story.to_string();
    let tree: Vec<_> = all
        .iter()
        .filter(|e| of(e, "correlation_id").as_ref() == Some(&story))
        .map(|event| {
            let cause = of(event, "causation_id").unwrap();
            let cause = all.iter().find(|e| e.id == cause);
            (
                event.event_type.as_str(),
                cause.map(|cause| cause.event_type.as_str()),
            )
        })
        .collect();
    assert_eq!(
        tree,
        [
            ("OrderPlaced", None),
            ("EventTaken", Some("OrderPlaced")),
            ("StockReserved", Some("EventTaken")),
            ("StepAccepted", Some("EventTaken")),
            ("StepRejected", Some("EventTaken")),
            ("OrderCancelled", Some("StepRejected")),
            ("StepAccepted", Some("StepRejected")),
            ("StockReleased", Some("StepRejected")),
            ("StepAccepted", Some("StepRejected")),
            ("ProcessFinished", Some("StepRejected")),
        ]
    );
}

#[tokio::test]
async fn a_replay_of_everything_changes_nothing() {
    let shop = ordered().await;
    shop.place("2", &[("pot", 9)]).await;
    shop.place("3", &[("mug", 1)]).await;
    shop.place("4", &[("mug", 1)]).await;
    let mut runner = shop.runner().await;
    settle(&mut runner, morning()).await;
    shop.pay("1", 300).await;
    shop.cancel("3").await;
    settle(&mut runner, morning()).await;
    let before = shop.content().await;
    settle(&mut shop.runner().await, morning()).await;
    assert_eq!(shop.content().await, before, "while order 4 waits");
    settle(&mut runner, evening()).await;
    let before = shop.content().await;
    settle(&mut shop.runner().await, evening()).await;
    assert_eq!(shop.content().await, before);
    shop.assert_settled().await;
}

#[tokio::test]
async fn what_was_begun_is_ended_before_the_next_event_is_taken() {
    for after in 2..8 {
        let shop = ordered().await;
        let mut runner = shop.runner().await;
        for _ in 0..after {
            runner.step(morning()).await.unwrap();
        }
        // A checkpoint that somebody shortened: the order is met again with its payment.
        let forgetful = ProcessCheckpoint {
            position: Position::new(3),
            open: Vec::new(),
            ..runner.checkpoint()
        };
        shop.pay("1", 300).await;
        settle(&mut shop.runner_from(forgetful).await, evening()).await;
        assert_eq!(shop.types("order-1").await[2], "OrderShipped");
        shop.assert_settled().await;
    }
}

#[tokio::test]
async fn a_checkpoint_of_another_log_counts_as_none() {
    let other = ordered().await;
    let mut runner = other.runner().await;
    settle(&mut runner, morning()).await;
    let shop = ordered().await;
    for _ in 0..20 {
        shop.stock("cup", 1).await;
    }
    settle(&mut shop.runner_from(runner.checkpoint()).await, morning()).await;
    assert_eq!(shop.types("fulfilment-1").await[0], "EventTaken");
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_read_again() {
    let shop = ordered().await;
    let mut runner = shop.runner().await;
    settle(&mut runner, morning()).await;
    let ahead = ProcessCheckpoint {
        newest: Position::new(1_000),
        ..runner.checkpoint()
    };
    let runner = shop.runner_from(ahead).await;
    assert_eq!(runner.position(), Position::START);
}

fn commit(stream: &str, event_type: &str, data: &str, origin: Option<Origin>) -> Commit {
    let event_type = EventType::new(event_type).unwrap();
    let mut event = NewEvent::new(event_type, JsonObject::parse(data).unwrap());
    event.time = origin.as_ref().map(|_| Timestamp::UNIX_EPOCH);
    event.origin.clone_from(&origin);
    Commit {
        id: origin.map_or_else(CommitId::new, CommitId::Origin),
        stream: StreamId::new(stream).unwrap(),
        expected: Expected::Any,
        events: vec![event],
    }
}

#[tokio::test]
async fn an_imported_order_is_history_and_nothing_is_done_about_it() {
    let shop = ordered().await;
    let data = r#"{"customer":"ada","lines":[{"product":"mug","quantity":1,"unit_price_cents":1}],"total_cents":1}"#;
    let origin = Origin {
        source: "elsewhere".into(),
        id: "1".into(),
    };
    let placed = commit("order-9", "OrderPlaced", data, Some(origin));
    shop.log.append(placed).await.unwrap();
    shop.pay("9", 1).await;
    let mut runner = shop.runner().await;
    settle(&mut runner, morning()).await;
    assert_eq!(shop.types("fulfilment-9").await, [""; 0]);
    assert_eq!(runner.open(), 1);
}

#[tokio::test]
async fn what_somebody_else_writes_to_a_processs_stream_disturbs_nothing() {
    for after in 0..12 {
        let shop = ordered().await;
        let mut runner = shop.runner().await;
        for _ in 0..after {
            runner.step(morning()).await.unwrap();
        }
        let scribble = commit("fulfilment-1", "Scribbled", "{}", None);
        shop.log.append(scribble).await.unwrap();
        settle(&mut runner, morning()).await;
        shop.pay("1", 300).await;
        settle(&mut runner, morning()).await;
        shop.assert_settled().await;
        let steps = shop.types("fulfilment-1").await;
        assert!(!steps.contains(&"StepRejected".to_owned()), "{steps:?}");
    }
}

#[tokio::test]
async fn an_order_whose_product_cannot_be_read_is_cancelled_and_others_go_on() {
    let shop = ordered().await;
    let odd = commit("product-odd", "Nonsense", "{}", None);
    shop.log.append(odd).await.unwrap();
    shop.place("2", &[("mug", 1), ("odd", 1)]).await;
    settle(&mut shop.runner().await, morning()).await;
    let order = shop.types("order-2").await;
    assert_eq!(order, ["OrderPlaced", "OrderCancelled"]);
    let mut events = shop.events().await;
    events.retain(|event| event.stream.as_str() != "product-odd");
    let mugs = &states(&events, &shop.commands, "product");
    assert_eq!(mugs["mug"]["reserved"], json!({"1": 2}));
}
