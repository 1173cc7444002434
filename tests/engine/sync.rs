//! Commands that wait until their outcome is visible.

use highwater::workspace::{Consistency, Operation, Outcome, Workspace};
use highwater::write::{Aggregate, Commands, Rejection, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::kit::{Place, append_many, finished, rows};

const CUSTOMERS: &str = "\
-- policy: sync
-- schema
CREATE TABLE customers (customer TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;
-- on CustomerRegistered
INSERT INTO customers VALUES (:key, :data ->> 'name');
-- query All()
SELECT name FROM customers ORDER BY customer;
";

fn register(number: u32) -> Request {
    let data = json!({
        "customer": number.to_string(), "name": "Ada", "email": "ada@example.org", "address": "1 Mill Lane"
    });
    Request::new("RegisterCustomer", data)
}

fn restock() -> Request {
    Request::new(
        "RestockProduct",
        json!({ "product": "mug", "name": "Mug", "quantity": 5 }),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answered_command_is_visible_in_every_sync_read_model() {
    let place = Place::new(&[("customers", CUSTOMERS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    for number in 1..=20 {
        let sent = workspace.send(register(number)).await.unwrap();
        assert!(matches!(sent.outcome, Outcome::Accepted { .. }));
        assert!(sent.visible[0].after.is_some(), "{sent:?}");
        let seen = rows(&workspace, "customers", "All", Consistency::Eventual).await;
        assert_eq!(seen.len(), number as usize);
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_sync_read_model_is_not_waited_for() {
    let place = Place::new(&[("customers", CUSTOMERS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    finished(&workspace, "customers", Operation::Pause).await;
    let sent = workspace.send(register(1)).await.unwrap();
    assert!(matches!(sent.outcome, Outcome::Accepted { .. }));
    assert_eq!(sent.visible[0].after, None);
    assert!(
        sent.visible[0].because.as_ref().unwrap().contains("paused"),
        "{sent:?}"
    );
    // What does not concern it is not held up by it either.
    assert!(workspace.send(restock()).await.unwrap().visible.is_empty());
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_read_model_without_an_engine_is_not_waited_for() {
    let place = Place::new(&[("customers", CUSTOMERS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    engine.stop().await;
    let sent = workspace.send(register(1)).await.unwrap();
    assert!(
        sent.visible[0]
            .because
            .as_ref()
            .unwrap()
            .contains("no engine runs"),
        "{sent:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_was_made_sync_by_hand_is_waited_for() {
    let place = Place::new(&[("customers", &CUSTOMERS.replace("sync", "every 1s"))]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert!(
        workspace
            .send(register(1))
            .await
            .unwrap()
            .visible
            .is_empty()
    );
    finished(
        &workspace,
        "customers",
        Operation::SetPolicy("sync".parse().unwrap()),
    )
    .await;
    let mut number = 1;
    // It is known within a tenth of a second.
    while {
        number += 1;
        workspace
            .send(register(number))
            .await
            .unwrap()
            .visible
            .is_empty()
    } {}
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_came_after_a_command_do_not_hide_whom_it_concerns() {
    let place = Place::new(&[("customers", CUSTOMERS)]);
    let workspace = place.open();
    let first = register(1).with_key("once");
    workspace.send(first.clone()).await.unwrap();
    append_many(&workspace, 1, 3).await;
    // The second time it gives the first answer, which is not the log's last event any more.
    let again = workspace.send(first).await.unwrap();
    assert_eq!(again.visible.len(), 1, "{again:?}");
    assert_eq!(again.visible[0].projection, "customers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_read_model_of_another_log_is_not_said_to_have_anything() {
    let place = Place::new(&[("customers", CUSTOMERS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    for number in 1..=9 {
        workspace.send(register(number)).await.unwrap();
    }
    engine.stop().await;
    drop(workspace);
    for file in ["log.db", "log.db-wal", "log.db-shm"] {
        drop(std::fs::remove_file(place.folder().data().join(file)));
    }
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let sent = workspace.send(register(1)).await.unwrap();
    assert_eq!(sent.visible[0].after, None);
    let because = sent.visible[0].because.as_ref().unwrap();
    assert!(because.contains("is not of this log"), "{because}");
    engine.stop().await;
}

/// A stream that takes its number of things at once.
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
struct Crate {}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum CrateCommand {
    /// Open one, and take so many things out of it.
    OpenCrate { of: String, things: u32 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum CrateEvent {
    CrateOpened { weight: Option<u32> },
    ThingTaken {},
}

impl Aggregate for Crate {
    const CATEGORY: &'static str = "crate";
    type Command = CrateCommand;
    type Event = CrateEvent;

    fn key(command: &CrateCommand) -> String {
        let CrateCommand::OpenCrate { of, .. } = command;
        of.clone()
    }

    fn decide(&self, command: &CrateCommand) -> Result<Vec<CrateEvent>, Rejection> {
        let CrateCommand::OpenCrate { things, .. } = *command;
        let things = (0..things).map(|_| CrateEvent::ThingTaken {});
        let opened = CrateEvent::CrateOpened { weight: None };
        Ok(std::iter::once(opened).chain(things).collect())
    }

    fn evolve(&mut self, _: &CrateEvent) {}
}

/// It takes the first event of a commit alone, and cannot apply it.
const CRATES: &str = "\
-- policy: sync
-- on-error: park
-- schema
CREATE TABLE crates (crate TEXT PRIMARY KEY, weight INTEGER NOT NULL) STRICT;
-- on CrateOpened
INSERT INTO crates VALUES (:key, :data ->> 'weight');
";

#[tokio::test(flavor = "multi_thread")]
async fn of_a_commit_of_any_length_it_is_told_who_has_it_and_whom_it_concerns() {
    let place = Place::new(&[("crates", CRATES), ("customers", CUSTOMERS)]);
    let workspace =
        Workspace::open(place.folder(), |_, _| Some(Commands::new().with::<Crate>())).unwrap();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    for things in [1, 14, 15, 16, 17, 99, 100, 101, 999] {
        let data = json!({ "of": things.to_string(), "things": things });
        let sent = workspace
            .send(Request::new("OpenCrate", data))
            .await
            .unwrap();
        let [seen] = sent.visible.as_slice() else {
            panic!("{things} things: {sent:?}");
        };
        assert_eq!(
            (seen.projection.as_str(), seen.after),
            ("crates", None),
            "{things} things"
        );
        let why = seen.because.as_deref().unwrap();
        assert!(why.contains("is parked"), "{things} things: {why}");
    }
    engine.stop().await;
}
