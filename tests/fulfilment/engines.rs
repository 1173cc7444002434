//! Engines that run fulfilment: one does, the others stand by, and killing them changes nothing.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use highwater::event::{Event, Position};
use highwater::shop::Load;
use highwater::workspace::{Engine, Folder, Workspace};
use highwater::write::Request;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::child::{Other, open};
use crate::kit::assert_settled;

/// Long enough for the slowest machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

const SIGABRT: i32 = 6;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Folder::init(dir.path()).unwrap();
        Self(dir)
    }

    fn open(&self) -> Workspace {
        open(self.0.path())
    }

    fn checkpoint(&self) -> std::path::PathBuf {
        self.0.path().join("data/processes/fulfilment.json")
    }
}

async fn send(workspace: &Workspace, command: &str, data: Value) {
    let request = Request::new(command, data);
    workspace.send(request).await.unwrap();
}

async fn place(workspace: &Workspace, order: &str, lines: &[(&str, u64)]) {
    let line = |(product, quantity): &(&str, u64)| json!({"product": product, "quantity": quantity, "unit_price_cents": 100});
    let lines: Vec<Value> = lines.iter().map(line).collect();
    let data = json!({"order": order, "customer": "ada", "lines": lines});
    send(workspace, "PlaceOrder", data).await;
}

async fn pay(workspace: &Workspace, order: &str, amount_cents: u64) {
    let data = json!({"order": order, "amount_cents": amount_cents});
    send(workspace, "ProcessPayment", data).await;
}

/// Mugs and pots; an order that is paid, one that cannot be had, one that is forgotten.
async fn prepare(workspace: &Workspace) {
    for product in ["mug", "pot"] {
        let data = json!({"product": product, "quantity": 9, "name": product});
        send(workspace, "RestockProduct", data).await;
    }
    place(workspace, "paid", &[("mug", 2), ("pot", 1)]).await;
    pay(workspace, "paid", 300).await;
    place(workspace, "greedy", &[("mug", 1), ("pot", 10)]).await;
    place(workspace, "forgotten", &[("pot", 1), ("mug", 1)]).await;
}

async fn events(workspace: &Workspace) -> Vec<Event> {
    let (mut events, mut after) = (Vec::new(), Position::START);
    loop {
        let page = workspace.log().read_all(after, 1_000).await.unwrap();
        let Some(last) = page.last() else {
            return events;
        };
        after = last.position;
        events.extend(page);
    }
}

/// Waits until every order's fulfilment has ended.
async fn until_settled(workspace: &Workspace) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let all = events(workspace).await;
        let of = |name: &str| all.iter().filter(|e| e.event_type.as_str() == name).count();
        if of("ProcessFinished") == of("OrderPlaced") {
            return;
        }
        assert!(Instant::now() < deadline, "{:#?}", &all[all.len() - 20..]);
        let head = Position::new(all.len() as u64);
        workspace.log().wait(head, Some(deadline)).await.unwrap();
    }
}

async fn start(workspace: &Workspace) -> Engine {
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    engine
}

async fn settle(workspace: &Workspace) {
    let engine = start(workspace).await;
    until_settled(workspace).await;
    engine.stop().await;
    assert_settled(&events(workspace).await, workspace.commands());
}

/// The types of each stream's events.
fn shape(events: &[Event]) -> BTreeMap<String, Vec<String>> {
    let mut streams = BTreeMap::<String, Vec<String>>::new();
    for event in events {
        let stream = streams.entry(event.stream.to_string()).or_default();
        stream.push(event.event_type.to_string());
    }
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_sees_to_every_order() {
    let place = Place::new();
    let workspace = place.open();
    prepare(&workspace).await;
    settle(&workspace).await;
    assert!(place.checkpoint().is_file());
    let counts = workspace.counts();
    assert!(counts.rejected == 1 && counts.accepted > 15, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stand_by_takes_over_and_only_the_owner_works() {
    let place = Place::new();
    let workspace = place.open();
    let mut other = Other::start(place.0.path(), None);
    other.ready();
    let engine = start(&workspace).await;
    prepare(&workspace).await;
    until_settled(&workspace).await;
    let sent_here = workspace.counts().accepted;
    assert_eq!(sent_here, 6, "what was sent by hand");
    other.kill();
    self::place(&workspace, "later", &[("mug", 1)]).await;
    until_settled(&workspace).await;
    assert!(workspace.counts().accepted > sent_here + 1);
    engine.stop().await;
    assert_settled(&events(&workspace).await, workspace.commands());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_anywhere_is_followed_by_one_that_ends_it() {
    let undisturbed = Place::new();
    let workspace = undisturbed.open();
    prepare(&workspace).await;
    settle(&workspace).await;
    let expected = shape(&events(&workspace).await);
    // These are its points for these orders; all of them together would take too long each time.
    let first = usize::from(std::process::id().is_multiple_of(2)) + 1;
    for nth in (first..=57).step_by(4) {
        let place = Place::new();
        prepare(&place.open()).await;
        let died = Other::start(place.0.path(), Some(&format!("process-*:{nth}"))).died();
        assert_eq!(died.signal(), Some(SIGABRT), "at point {nth}");
        if nth % 3 == 0 {
            // It is worth nothing but time.
            drop(std::fs::remove_file(place.checkpoint()));
        }
        let workspace = place.open();
        settle(&workspace).await;
        assert_eq!(shape(&events(&workspace).await), expected, "at point {nth}");
    }
}

/// Each point between two writes, by its name.
const POINTS: [&str; 9] = [
    "process-before-event-taken",
    "process-after-event-taken",
    "process-before-step-sent",
    "process-after-step-sent",
    "process-after-fact-recorded",
    "process-before-timer-fired",
    "process-after-timer-fired",
    "process-before-checkpoint",
    "process-after-checkpoint",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_between_two_writes_is_followed_by_one_that_ends_it() {
    for point in POINTS {
        let place = Place::new();
        let workspace = place.open();
        prepare(&workspace).await;
        let died = Other::start(place.0.path(), Some(point)).died();
        assert_eq!(died.signal(), Some(SIGABRT), "{point}");
        settle(&workspace).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_shop_whose_engines_are_killed_again_and_again_ends_in_order() {
    let place = Place::new();
    let workspace = place.open();
    let mut load = Load::after(u64::from(std::process::id()), Position::START);
    let mut engines = Vec::new();
    for n in 0..600_u32 {
        // Two at a time: one works, and one stands by.
        if n % 20 == 0 && engines.len() < 2 {
            engines.push(Other::start(place.0.path(), None));
        }
        if n % 37 == 36 {
            engines.remove(0).kill();
        }
        if n % 150 == 149 {
            drop(std::fs::remove_file(place.checkpoint()));
        }
        let (request, _) = load.next(1.0);
        workspace.send(request).await.unwrap();
    }
    engines.into_iter().for_each(Other::kill);
    settle(&workspace).await;
}
