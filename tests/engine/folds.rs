//! Projections that are written in Rust and keep their state in memory: what is in their files, whatever dies
//! when, and what becomes of it when the program changes.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::event::{Event, Position};
use highwater::lag::Status;
use highwater::read::{Fold, FoldQuery, InMemory, Subscription, rows as objects};
use highwater::shop;
use highwater::workspace::{Consistency, Domain, Operation, QueryFailed, Workspace};
use serde_json::{Value, json};

use crate::child::Other;
use crate::kit::{
    COUNTS, PATIENCE, Place, append, append_many, finished, refused, rows, until, view,
};

/// Events by stream, and where the last one stands. Revision 1 stops at an event of poison.
struct Tally<const REVISION: u32>;

type Counts = BTreeMap<String, (u64, u64)>;

impl<const REVISION: u32> Fold for Tally<REVISION> {
    const NAME: &'static str = "tally";
    const REVISION: u32 = REVISION;
    const READS: u32 = if REVISION == 3 { 1 } else { REVISION };
    type State = Counts;

    fn subscription() -> Subscription {
        Subscription::all()
    }

    fn evolve(counts: &mut Counts, event: &Event) -> Result<(), String> {
        let entry = counts.entry(event.stream.key().to_owned()).or_default();
        *entry = (entry.0 + 1, event.position.get());
        match event.event_type.as_str() {
            "Poisoned" if REVISION == 1 => Err("it is poison".to_owned()),
            "Panicked" if REVISION == 1 => panic!("nobody thought of {}", event.stream),
            _ => Ok(()),
        }
    }

    fn queries() -> Vec<FoldQuery<Counts>> {
        let all = FoldQuery::new("All", &[], |counts: &Counts, _| {
            let row = |(key, (events, last)): (&String, &(u64, u64))| json!({ "key": key, "events": events, "last": last });
            objects(counts.iter().map(row))
        });
        let of = FoldQuery::new("First", &["limit"], |counts: &Counts, given| {
            let limit = given.parse("limit")?;
            objects(counts.keys().take(limit).map(|key| json!({ "key": key })))
        });
        vec![all, of]
    }
}

/// The same, and never in its file unless somebody wants it to be.
struct Lazy;

impl Fold for Lazy {
    const NAME: &'static str = "lazy";
    const REVISION: u32 = 1;
    const STORE_EVERY: Duration = Duration::from_secs(3_600);
    type State = Counts;

    fn subscription() -> Subscription {
        Subscription::all()
    }

    fn evolve(counts: &mut Counts, event: &Event) -> Result<(), String> {
        Tally::<1>::evolve(counts, event)
    }

    fn queries() -> Vec<FoldQuery<Counts>> {
        Tally::<1>::queries()
    }
}

/// A program of this revision. Its domain is the one that new workspaces name.
pub fn program(revision: &str) -> Domain {
    let domain = Domain::new("shop", shop::commands()).with_fold::<Lazy>();
    match revision {
        "1" => domain.with_fold::<Tally<1>>(),
        "2" => domain.with_fold::<Tally<2>>(),
        "3" => domain.with_fold::<Tally<3>>(),
        _ => panic!("revision {revision}"),
    }
}

fn open(place: &Place, revision: &str) -> Workspace {
    program(revision).open(place.folder()).unwrap()
}

/// What a fold of the whole log gives.
async fn expected(workspace: &Workspace) -> Vec<Value> {
    let mut counts = Counts::new();
    let mut at = Position::START;
    loop {
        let page = workspace.log().read_all(at, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        at = last.position;
        for event in page
            .iter()
            .filter(|e| Tally::<2>::subscription().takes_event(e))
        {
            Tally::<2>::evolve(&mut counts, event).unwrap();
        }
    }
    let row = |(key, (events, last)): (String, (u64, u64))| json!({ "key": key, "events": events, "last": last });
    counts.into_iter().map(row).collect()
}

async fn found(workspace: &Workspace, name: &str, consistency: Consistency) -> Vec<Value> {
    let rows = rows(workspace, name, "All", consistency).await;
    rows.into_iter().map(Value::Object).collect()
}

/// How many events the file of a read model has, whoever looks.
fn stored(place: &Place, name: &str) -> u64 {
    let link = place.folder().versions(name).link();
    let db = rusqlite::Connection::open(link).unwrap();
    let state: String = db
        .query_row("SELECT state FROM state", [], |row| row.get(0))
        .unwrap();
    let counts: Counts = serde_json::from_str(&state).unwrap();
    let applied: i64 = db
        .query_row("SELECT applied FROM _highwater_checkpoint", [], |row| {
            row.get(0)
        })
        .unwrap();
    let events = counts.values().map(|(events, _)| events).sum();
    assert_eq!(
        events,
        applied.unsigned_abs(),
        "state and checkpoint are of one moment"
    );
    events
}

async fn failure(workspace: &Workspace, query: &str, limit: &str) -> String {
    let parameters: BTreeMap<_, _> = match limit {
        "" => BTreeMap::new(),
        limit => [("limit".to_owned(), limit.to_owned())].into(),
    };
    let asked = workspace.query("tally", query, &parameters, Consistency::Eventual, PATIENCE);
    match asked.await {
        Err(error @ QueryFailed::Workspace(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_two_checkpoints_folds_each_event_once() {
    let place = Place::new(&[]);
    let workspace = open(&place, "1");
    append_many(&workspace, 3, 50).await;
    let engine = Other::start_program(place.folder().path(), "1", None);
    engine.stop();
    assert_eq!(stored(&place, "lazy"), 50, "a stop writes it");
    append_many(&workspace, 4, 30).await;
    let engine = Other::start_program(place.folder().path(), "1", Some("folded-in-memory"));
    assert!(!engine.died().success());
    for name in ["lazy", "tally"] {
        assert_eq!(stored(&place, name), 50, "{name}: the file is older");
    }
    let mut engine = Other::start_program(place.folder().path(), "1", None);
    engine.ready();
    finished(&workspace, "lazy", Operation::Apply).await;
    for (name, level) in [
        ("lazy", Consistency::Eventual),
        ("tally", Consistency::Strong),
    ] {
        assert_eq!(
            found(&workspace, name, level).await,
            expected(&workspace).await,
            "{name}"
        );
    }
    engine.stop();
    assert_eq!(stored(&place, "lazy"), 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_said_when_the_file_has_it() {
    let place = Place::new(&[]);
    let workspace = open(&place, "1");
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 3, 20).await;
    // What its own period makes it lack is no lateness.
    let snapshot = until(&operator, |s| view(s, "lazy").lag.behind == 20).await;
    assert_eq!(view(&snapshot, "lazy").lag.status, Status::Waiting);
    assert_eq!(stored(&place, "lazy"), 0);
    finished(&workspace, "lazy", Operation::Apply).await;
    assert_eq!(stored(&place, "lazy"), 20);
    append_many(&workspace, 3, 20).await;
    finished(&workspace, "lazy", Operation::Rebuild { hold: false }).await;
    assert!(stored(&place, "lazy") >= 20, "no reader goes back in time");
    append_many(&workspace, 3, 20).await;
    finished(&workspace, "lazy", Operation::Apply).await;
    append_many(&workspace, 3, 1).await;
    finished(&workspace, "lazy", Operation::Pause).await;
    assert!(stored(&place, "lazy") >= 60);
    finished(&workspace, "lazy", Operation::Resume).await;
    let reason = refused(
        &workspace,
        "lazy",
        Operation::Replay {
            after: Position::START,
        },
    )
    .await;
    assert!(reason.contains("may not be applied twice"), "{reason}");
    // A command must not wait for a period to end.
    finished(
        &workspace,
        "lazy",
        Operation::SetPolicy("sync".parse().unwrap()),
    )
    .await;
    append_many(&workspace, 3, 1).await;
    assert_eq!(
        found(&workspace, "lazy", Consistency::Strong).await,
        expected(&workspace).await
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_poison_in_the_middle_of_a_page_leaves_nothing_of_itself() {
    let place = Place::new(&[]);
    let workspace = open(&place, "1");
    append_many(&workspace, 3, 20).await;
    let poison = append(&workspace, "thing-1", "Poisoned", "{}").await.last;
    append_many(&workspace, 3, 20).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let both = ["tally", "lazy"];
    until(&operator, |s| {
        both.iter()
            .all(|name| view(s, name).lag.status == Status::Faulted(poison))
    })
    .await;
    for name in both {
        assert_eq!(
            stored(&place, name),
            20,
            "{name}: everything before it, once"
        );
    }
    engine.stop().await;
    drop((operator, workspace));
    // Revision 2 knows what to do with it.
    let workspace = open(&place, "2");
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(
        found(&workspace, "tally", Consistency::Strong).await,
        expected(&workspace).await
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_panics_stops_its_projection_at_the_event_and_nothing_else() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = open(&place, "1");
    append_many(&workspace, 3, 20).await;
    let at = append(&workspace, "thing-1", "Panicked", "{}").await.last;
    append_many(&workspace, 3, 20).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let snapshot = until(&operator, |s| {
        view(s, "tally").lag.status == Status::Faulted(at) && view(s, "counts").lag.behind == 0
    })
    .await;
    let error = &view(&snapshot, "tally").fault.as_ref().unwrap().error;
    assert!(
        error.contains("panicked: nobody thought of thing-1"),
        "{error}"
    );
    assert_eq!(stored(&place, "tally"), 20);
    // A new version gets as far as this one, and stops there too.
    finished(&workspace, "tally", Operation::Rebuild { hold: false }).await;
    until(&operator, |s| {
        view(s, "tally").lag.status == Status::Faulted(at)
    })
    .await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_revision_is_built_beside_the_one_that_answers_and_takes_over() {
    let place = Place::new(&[]);
    let workspace = open(&place, "1");
    append_many(&workspace, 3, 600).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let before = found(&workspace, "tally", Consistency::Strong).await;
    engine.stop().await;
    append_many(&workspace, 3, 1).await;
    drop(workspace);
    // It says that it understands the earlier state: that answers, as what it is.
    let workspace = open(&place, "3");
    let snapshot = workspace.snapshot().await.unwrap();
    assert!(view(&snapshot, "tally").version.starts_with("r1-"));
    assert_eq!(
        found(&workspace, "tally", Consistency::Eventual).await,
        before
    );
    // It does not: nobody guesses.
    let workspace = open(&place, "2");
    let said = failure(&workspace, "All", "").await;
    assert!(said.contains("was made by revision 1"), "{said}");
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    until(&operator, |s| view(s, "tally").version.starts_with("r2-")).await;
    assert_eq!(
        found(&workspace, "tally", Consistency::Strong).await,
        expected(&workspace).await
    );
    assert_eq!(place.folder().versions("tally").all().unwrap().len(), 2);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_is_answered_as_freshly_as_it_asks() {
    let place = Place::new(&[]);
    let workspace = open(&place, "1");
    let mut engine = Other::start_program(place.folder().path(), "1", None);
    engine.ready();
    for _ in 0..4 {
        let position = append_many(&workspace, 3, 25).await;
        let within = Consistency::Within(Duration::from_millis(200));
        for level in [Consistency::AtLeast(position), Consistency::Strong, within] {
            let rows = found(&workspace, "tally", level).await;
            if level != within {
                assert_eq!(rows, expected(&workspace).await, "{level:?}");
            }
        }
    }
    let parameters = [("limit".to_owned(), "2".to_owned())].into();
    let strong = Consistency::Strong;
    let answer = workspace
        .query("tally", "First", &parameters, strong, PATIENCE)
        .await
        .unwrap();
    assert_eq!(answer.rows.len(), 2);
    assert!(answer.version.starts_with("r1-"), "{}", answer.version);
    let said = failure(&workspace, "First", "few").await;
    assert!(said.contains("parameter limit is \"few\""), "{said}");
    let said = failure(&workspace, "First", "").await;
    assert!(said.contains("parameter limit is missing"), "{said}");
    let said = failure(&workspace, "Last", "").await;
    assert!(said.contains("it has All, First"), "{said}");
    engine.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_the_projection_leaves_its_read_model_where_it_is() {
    let place = Place::new(&[]);
    let workspace = open(&place, "1");
    append_many(&workspace, 3, 20).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let before = found(&workspace, "tally", Consistency::Strong).await;
    engine.stop().await;
    drop(workspace);
    let without = place.open();
    let mut engine = without.start(None).unwrap();
    engine.ready().await;
    let none = BTreeMap::new();
    let asked = without
        .query("tally", "All", &none, Consistency::Eventual, PATIENCE)
        .await;
    let said = asked.unwrap_err().to_string();
    assert!(said.contains("there is no projection tally"), "{said}");
    append_many(&without, 3, 20).await;
    engine.stop().await;
    drop(without);
    let workspace = open(&place, "1");
    assert_eq!(
        found(&workspace, "tally", Consistency::Eventual).await,
        before
    );
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(
        found(&workspace, "tally", Consistency::Strong).await,
        expected(&workspace).await
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_same_name_is_told_of_and_left_out() {
    let place = Place::new(&[("tally", crate::kit::COUNTS), ("other", crate::kit::COUNTS)]);
    let workspace = open(&place, "1");
    let names: Vec<_> = workspace
        .projections()
        .iter()
        .map(|p| p.name().to_owned())
        .collect();
    assert_eq!(names, ["lazy", "other", "tally"]);
    let problems = workspace.problems();
    assert!(
        problems[0].contains("tally.sql: the program has"),
        "{problems:?}"
    );
    assert!(
        workspace
            .projection("tally")
            .unwrap()
            .hash()
            .starts_with("r1-")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_of_one_fold_have_read_models_of_their_own() {
    let place = Place::new(&[]);
    let replica = |name: &str, policy: &str| {
        let policy = policy.parse().unwrap();
        std::sync::Arc::new(InMemory::<Tally<1>>::new().replica(name, policy))
    };
    let domain = Domain::new("shop", shop::commands())
        .with(replica("eu", "live"))
        .with(replica("us", "manual"));
    let workspace = domain.open(place.folder()).unwrap();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 3, 20).await;
    let all = expected(&workspace).await;
    assert_eq!(
        found(&workspace, "tally@eu", Consistency::Strong).await,
        all
    );
    assert!(
        found(&workspace, "tally@us", Consistency::Eventual)
            .await
            .is_empty()
    );
    assert_eq!(
        found(&workspace, "tally@us", Consistency::Strong).await,
        all
    );
    engine.stop().await;
}

/// Small steps that can be repeated by their seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Kills, stops, appends, pauses, rebuilds and other programs in any order end with what one fold gives.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_in_between_the_end_is_that_of_one_fold() {
    for seed in 1..=6 {
        let mut dice = Dice(seed);
        let place = Place::new(&[]);
        let workspace = open(&place, "2");
        let mut engine: Option<Other> = None;
        let mut done = Vec::new();
        for _ in 0..14 {
            let step = dice.roll(8);
            done.push(step);
            match step {
                0..=2 => drop(append_many(&workspace, 3, 1 + dice.roll(700) as usize).await),
                3 => {
                    if let Some(engine) = engine.take() {
                        engine.kill();
                    }
                }
                4 => {
                    if let Some(engine) = engine.take() {
                        engine.stop();
                    }
                }
                5 => {
                    let revision = ["2", "3"][dice.roll(2) as usize];
                    drop(engine.take());
                    let mut next = Other::start_program(place.folder().path(), revision, None);
                    next.ready();
                    engine = Some(next);
                }
                other => {
                    let operation = match (other, dice.roll(3)) {
                        (6, _) => Operation::Rebuild { hold: false },
                        (_, 0) => Operation::Pause,
                        (_, 1) => Operation::SetPolicy("every 20ms".parse().unwrap()),
                        _ => Operation::Resume,
                    };
                    for name in ["tally", "lazy"] {
                        let asked = workspace.operate(name, operation.clone(), None).await;
                        asked.unwrap();
                    }
                }
            }
        }
        drop(engine);
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        let wanted = expected(&workspace).await;
        for name in ["tally", "lazy"] {
            finished(&workspace, name, Operation::Resume).await;
            finished(
                &workspace,
                name,
                Operation::SetPolicy("sync".parse().unwrap()),
            )
            .await;
            finished(&workspace, name, Operation::Apply).await;
            let level = Consistency::Strong;
            assert_eq!(
                found(&workspace, name, level).await,
                wanted,
                "{name}, seed {seed}: {done:?}"
            );
        }
        engine.stop().await;
        stored(&place, "tally");
    }
}
