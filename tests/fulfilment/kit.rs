//! A shop with a real log and a clock that stands until it is set.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater::event::{Event, Position, Timestamp};
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::log::{Durability, EventLog, SharedLog};
use highwater::shop;
use highwater::write::{
    Commands, Outcome, ProcessCheckpoint, ProcessError, ProcessRunner, ProcessStep, Request,
};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const PAYMENT_WITHIN: Duration = Duration::from_secs(900);

pub struct Shop {
    pub log: Arc<SqliteLog>,
    pub commands: Commands,
    _dir: TempDir,
}

/// When everything begins.
pub fn morning() -> Timestamp {
    "2026-03-14T09:00:00Z".parse().unwrap()
}

/// When every payment is overdue.
pub fn evening() -> Timestamp {
    morning() + PAYMENT_WITHIN + PAYMENT_WITHIN
}

impl Shop {
    pub fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Nothing here cuts the power.
        let options = LogOptions {
            durability: Durability::Relaxed,
            ..LogOptions::default()
        };
        let log = SqliteLog::create_or_open(dir.path(), options).unwrap();
        Self {
            log: Arc::new(log),
            commands: shop::commands_with_fulfilment(PAYMENT_WITHIN),
            _dir: dir,
        }
    }

    pub async fn send(&self, command: &str, data: Value) -> Outcome {
        let request = Request::new(command, data);
        self.commands.send(&*self.log, request).await.unwrap()
    }

    pub async fn stock(&self, product: &str, quantity: u64) {
        let data = json!({"product": product, "quantity": quantity, "name": product});
        self.send("RestockProduct", data).await;
    }

    /// An order for so many of each product, at 1.00 each.
    pub async fn place(&self, order: &str, lines: &[(&str, u64)]) {
        let line = |(product, quantity): &(&str, u64)| json!({"product": product, "quantity": quantity, "unit_price_cents": 100});
        let lines: Vec<Value> = lines.iter().map(line).collect();
        let data = json!({"order": order, "customer": "ada", "lines": lines});
        self.send("PlaceOrder", data).await;
    }

    pub async fn pay(&self, order: &str, amount_cents: u64) -> Outcome {
        let data = json!({"order": order, "amount_cents": amount_cents});
        self.send("ProcessPayment", data).await
    }

    pub async fn cancel(&self, order: &str) -> Outcome {
        let data = json!({"order": order, "reason": "changed my mind"});
        self.send("CancelOrder", data).await
    }

    pub async fn runner(&self) -> ProcessRunner {
        self.runner_from(ProcessCheckpoint::default()).await
    }

    pub async fn runner_from(&self, checkpoint: ProcessCheckpoint) -> ProcessRunner {
        let log: SharedLog = Arc::clone(&self.log) as SharedLog;
        self.runner_on(log, checkpoint).await.unwrap()
    }

    pub async fn runner_on(
        &self,
        log: SharedLog,
        checkpoint: ProcessCheckpoint,
    ) -> Result<ProcessRunner, ProcessError> {
        let process = self.commands.processes()[0].clone();
        ProcessRunner::start(process, log, self.commands.clone(), checkpoint).await
    }

    pub async fn events(&self) -> Vec<Event> {
        let (mut events, mut after) = (Vec::new(), Position::START);
        loop {
            let page = self.log.read_all(after, 1_000).await.unwrap();
            let Some(last) = page.last() else {
                return events;
            };
            after = last.position;
            events.extend(page);
        }
    }

    /// The types of a stream's events.
    pub async fn types(&self, stream: &str) -> Vec<String> {
        let events = self.events().await.into_iter();
        let of_it = events.filter(|event| event.stream.as_str() == stream);
        of_it.map(|event| event.event_type.to_string()).collect()
    }

    /// Everything but ids and times.
    pub async fn content(&self) -> Vec<String> {
        let events = self.events().await;
        events.iter().map(without_ids).collect()
    }

    /// Every order ended, each has all or none of what it wanted, and nothing is set aside any more.
    pub async fn assert_settled(&self) {
        assert_settled(&self.events().await, &self.commands);
    }
}

pub fn without_ids(event: &Event) -> String {
    format!(
        "{} {}@{} {} {}",
        event.position,
        event.stream,
        event.version,
        event.event_type,
        event.data.as_str()
    )
}

/// Steps until nothing is to be done at this time. Errors: the runner's.
pub async fn try_settle(runner: &mut ProcessRunner, now: Timestamp) -> Result<(), ProcessError> {
    while !matches!(runner.step(now).await?, ProcessStep::Rest { .. }) {}
    Ok(())
}

/// The same, where nothing can go wrong.
pub async fn settle(runner: &mut ProcessRunner, now: Timestamp) {
    try_settle(runner, now).await.unwrap();
}

/// The state of each aggregate of a category, by key.
pub fn states(events: &[Event], commands: &Commands, category: &str) -> BTreeMap<String, Value> {
    let mut streams = BTreeMap::<String, Vec<Event>>::new();
    for event in events.iter().filter(|e| e.stream.category() == category) {
        let key = event.stream.key().to_owned();
        streams.entry(key).or_default().push(event.clone());
    }
    let last = |events: Vec<Event>| commands.steps(&events).unwrap().unwrap().pop().unwrap();
    let states = streams.into_iter();
    states.map(|(key, events)| (key, last(events))).collect()
}

pub fn assert_settled(events: &[Event], commands: &Commands) {
    let orders = states(events, commands, "order");
    let mut left = BTreeMap::<String, i64>::new();
    for (key, order) in &orders {
        let status = order["status"].as_str().unwrap();
        assert!(
            ["shipped", "cancelled"].contains(&status),
            "order {key}: {order}"
        );
        for line in order["lines"].as_array().unwrap() {
            if status == "shipped" {
                let product = line["product"].as_str().unwrap().to_owned();
                *left.entry(product).or_default() += line["quantity"].as_i64().unwrap();
            }
        }
    }
    for (key, product) in states(events, commands, "product") {
        assert_eq!(product["reserved"], json!({}), "product {key}");
        let restocked = events.iter().filter(|e| {
            e.stream.as_str() == format!("product-{key}")
                && e.event_type.as_str() == "ProductRestocked"
        });
        let came: i64 = restocked
            .map(|e| e.data.value()["quantity"].as_i64().unwrap())
            .sum();
        let gone = left.get(&key).copied().unwrap_or_default();
        assert_eq!(product["available"], json!(came - gone), "product {key}");
    }
    let facts = |of: &str| {
        let of = of.to_owned();
        events.iter().filter(move |event| {
            event.stream.category() == "fulfilment" && event.event_type.as_str() == of
        })
    };
    let finished = facts("ProcessFinished").count();
    assert_eq!(finished, orders.len(), "each order's fulfilment ends once");
    for rejected in facts("StepRejected") {
        // What was sent a second time would be rejected for what it did the first time.
        let reason = rejected.data.value()["reason"].clone();
        let reason = reason.as_str().unwrap();
        assert!(!reason.contains("reserved for order"), "{rejected:?}");
    }
}
