//! Every leaf of 'why is it stale?': a real engine is brought into exactly that state, and exactly that
//! verdict is expected.

use std::sync::Arc;
use std::time::Duration;

use highwater::event::{EventType, JsonObject, NewEvent, StreamId};
use highwater::lag::why::{Case, Remedy};
use highwater::log::{Commit, CommitId, Expected};
use highwater::workspace::{Operation, Operator, Snapshot, Workspace};

use crate::child::Other;
use crate::kit::{COUNTS, PATIENCE, Place, append, append_many, finished, until, view};

/// What is known of `counts` once the verdict on it is this.
async fn until_why(operator: &Operator, word: &str) -> (Case, String) {
    let said = |snapshot: &Snapshot| {
        let case = snapshot.case(view(snapshot, "counts"));
        let verdict = case.verdict();
        let sentence = case.sentence(&verdict);
        (case, verdict, sentence)
    };
    let mut snapshots = operator.snapshots();
    let mut last = String::new();
    let waiting = snapshots.wait_for(|snapshot| {
        let (_, verdict, sentence) = said(snapshot);
        last = format!("{}: {sentence}", verdict.word());
        verdict.word() == word
    });
    let found = tokio::time::timeout(PATIENCE, waiting).await;
    let Ok(Ok(snapshot)) = found.map(|found| found.map(|snapshot| Arc::clone(&snapshot))) else {
        panic!("the verdict never was {word}; the last was {last}");
    };
    let (case, _, sentence) = said(&snapshot);
    (case, sentence)
}

struct Scene {
    workspace: Workspace,
    operator: Operator,
    engine: highwater::workspace::Engine,
    place: Place,
}

/// A running engine with one projection.
async fn scene(text: &str) -> Scene {
    let place = Place::new(&[("counts", text)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    Scene {
        workspace,
        operator,
        engine,
        place,
    }
}

fn with(policy: &str, objective: &str) -> String {
    let directives = format!("-- policy: {policy}\n-- objective: {objective}");
    COUNTS.replace("-- policy: live", &directives)
}

/// A handler that counts this far for each event: a few million are a tenth of a second and more.
fn slow(to: u64) -> String {
    let count = format!(
        "INSERT INTO counts WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {to}) \
         SELECT :key, max(i), :position FROM n WHERE true ON CONFLICT (key) DO UPDATE SET events = events + 1, \
         last = :position;"
    );
    let (head, rest) = COUNTS.split_once("INSERT").unwrap();
    let (_, tail) = rest.split_once(";\n").unwrap();
    format!("{head}{count}\n{tail}")
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_runs_an_engine() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 1, 3).await;
    let operator = workspace.operator().await.unwrap();
    let (case, sentence) = until_why(&operator, "no-engine").await;
    assert!(sentence.contains("3 events wait"), "{sentence}");
    assert_eq!(case.remedies(&case.verdict()), [Remedy::StartEngine]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_hangs_as_a_whole() {
    let place = Place::new(&[("counts", COUNTS)]);
    let mut other = Other::start(place.folder().path());
    other.ready();
    let workspace = place.open();
    let operator = workspace.operator().await.unwrap();
    until(&operator, |s| s.engine.pid == Some(other.id())).await;
    other.hang();
    append_many(&workspace, 1, 3).await;
    let (_, sentence) = until_why(&operator, "loop-dead").await;
    let who = format!("process {}", other.id());
    assert!(sentence.contains(&who), "{sentence}");
    other.go_on();
    until_why(&operator, "fresh").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_paused_it() {
    let scene = scene(COUNTS).await;
    finished(&scene.workspace, "counts", Operation::Pause).await;
    append_many(&scene.workspace, 1, 3).await;
    let (case, sentence) = until_why(&scene.operator, "paused").await;
    let said = case.paused.unwrap();
    let mine = format!("(process {})", std::process::id());
    assert!(said.by.ends_with(&mine), "{said:?}");
    assert!(sentence.starts_with(&said.by), "{sentence}");
    let at = said.at.strftime("%F %T UTC").to_string();
    assert!(sentence.contains(&at), "{sentence}");
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_cannot_be_applied() {
    let poisoned = COUNTS.replace(
        "VALUES (:key, 1,",
        "VALUES (:key, nullif(:type, 'Poison') IS NULL AND NULL,",
    );
    let poisoned = poisoned.replace("(:key, nullif", "(:key, 1 + nullif");
    let scene = scene(&poisoned).await;
    let at = append(&scene.workspace, "a-1", "Poison", "{}").await.last;
    until_why(&scene.operator, "retrying").await;
    let (case, sentence) = until_why(&scene.operator, "stopped").await;
    assert_eq!(case.trouble.as_ref().unwrap().position, at);
    let error = "NOT NULL constraint failed: counts.events";
    assert!(
        sentence.contains(&format!("stopped at event {at} after 5 tries"))
            && sentence.contains(error),
        "{sentence}"
    );
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_connection_has_the_file_locked() {
    let scene = scene(COUNTS).await;
    append_many(&scene.workspace, 1, 1).await;
    until(&scene.operator, |s| view(s, "counts").lag.behind == 0).await;
    let db = rusqlite::Connection::open(scene.operator.path("counts")).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    append_many(&scene.workspace, 1, 1).await;
    let (case, _) = until_why(&scene.operator, "locked").await;
    assert_eq!(case.remedies(&case.verdict())[0], Remedy::FindWriter);
    db.execute_batch("ROLLBACK").unwrap();
    until_why(&scene.operator, "fresh").await;
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_policy_holds_it_back() {
    let batched = scene(&with("batch 500 or 1m", "2m")).await;
    append_many(&batched.workspace, 1, 3).await;
    let (_, sentence) = until_why(&batched.operator, "held").await;
    assert!(
        sentence.starts_with("Policy `batch 500 or 1m` holds back 3 events for at most "),
        "{sentence}"
    );
    batched.engine.stop().await;
    let manual = scene(&with("manual", "1h")).await;
    append_many(&manual.workspace, 1, 3).await;
    let (case, sentence) = until_why(&manual.operator, "held").await;
    assert_eq!(
        sentence,
        "Policy `manual` holds back 3 events until somebody asks."
    );
    assert_eq!(case.remedies(&case.verdict())[0], Remedy::Apply);
    manual.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_objective_is_impossible_under_its_policy() {
    let scene = scene(&with("delay 1m", "2s")).await;
    append_many(&scene.workspace, 1, 3).await;
    let (_, sentence) = until_why(&scene.operator, "impossible").await;
    let expected = "Policy `delay 1m` makes counts up to 1m 00s old, and its objective is 2.0 s: both cannot hold.";
    assert_eq!(sentence, expected);
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_policy_lets_less_through_than_is_stored() {
    let scene = scene(&with("rate 5/s", "1s")).await;
    append_many(&scene.workspace, 1, 100).await;
    let (_, sentence) = until_why(&scene.operator, "throttled").await;
    assert!(
        sentence.contains("policy `rate 5/s` lets 5.0 through"),
        "{sentence}"
    );
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_handlers_are_slow() {
    let scene = scene(&slow(100_000)).await;
    append_many(&scene.workspace, 1, 200).await;
    let work = slowest(&scene).await;
    assert!(work.contains("% of its work is running handlers"), "{work}");
    scene.engine.stop().await;
}

/// The sentence once it is known where the time goes.
async fn slowest(scene: &Scene) -> String {
    let snapshot = until(&scene.operator, is_known).await;
    sentence(&snapshot)
}

/// Whether it is catching up, and known where its time goes.
fn is_known(snapshot: &Snapshot) -> bool {
    let case = snapshot.case(view(snapshot, "counts"));
    case.verdict().word() == "catching-up" && !case.work.live().is_zero()
}

fn sentence(snapshot: &Snapshot) -> String {
    let case = snapshot.case(view(snapshot, "counts"));
    case.sentence(&case.verdict())
}

/// Waits until most of the work of one that is given more and more to do is said to be this.
async fn says_of_its_work(scene: &Scene, words: &str, more: impl AsyncFn(usize)) {
    let says = |s: &Snapshot| is_known(s) && sentence(s).contains(words);
    for round in 0..6 {
        finished(&scene.workspace, "counts", Operation::Pause).await;
        more(round).await;
        let last = append(&scene.workspace, "a-1", "Rare", "{}").await.last;
        finished(&scene.workspace, "counts", Operation::Resume).await;
        let is_done = |s: &Snapshot| view(s, "counts").checkpoint >= last;
        if says(&*until(&scene.operator, |s| says(s) || is_done(s)).await) {
            return;
        }
    }
    panic!("it was never said: {words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_the_log_is_slow() {
    let scene = scene(&COUNTS.replace("-- on *", "-- on Rare")).await;
    // A fast machine reads it all between two reports: then it gets more.
    says_of_its_work(&scene, "% of its work is reading the log", async |round| {
        append_others(&scene.workspace, round).await
    })
    .await;
    scene.engine.stop().await;
}

/// One event of a thousand concerns it, and all of them are read. The more, the later the round.
async fn append_others(workspace: &Workspace, round: usize) {
    let event = |kind| NewEvent::new(EventType::new(kind).unwrap(), JsonObject::empty());
    let kind = |n: usize| if n == 0 { "Rare" } else { "Other" };
    let commits = (0..250 * (1 + round)).map(|n| Commit {
        id: CommitId::new(),
        stream: StreamId::new(&format!("other-{round}-{n}")).unwrap(),
        expected: Expected::Any,
        events: (0..1_000).map(|n| event(kind(n))).collect(),
    });
    for stored in workspace.log().append_all(commits.collect()).await {
        stored.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn committing_is_slow() {
    let heavy = COUNTS
        .replace("-- schema\n", "-- schema\nCREATE TABLE heavy (b BLOB);\n")
        .replace(
            "-- on *\n",
            "-- on *\nINSERT INTO heavy VALUES (zeroblob(3000000));\n",
        );
    let scene = scene(&heavy).await;
    // A fast disk takes it all between two reports: then it gets more.
    says_of_its_work(&scene, "% of its work is committing", async |round| {
        append_many(&scene.workspace, 1, 150 << round).await;
    })
    .await;
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_takes_the_time() {
    let scene = scene(COUNTS).await;
    append_many(&scene.workspace, 1, 60).await;
    until(&scene.operator, |s| view(s, "counts").lag.behind == 0).await;
    // One event of the new version takes longer than live work can wait: a page cannot be shorter.
    scene.place.write("counts", &slow(3_000_000));
    until(&scene.operator, |s| view(s, "counts").rebuild.is_some()).await;
    let workspace = scene.workspace.clone();
    // Now and then something new, so that there is live work to wait for.
    let arriving = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(300));
        loop {
            tick.tick().await;
            append_many(&workspace, 1, 1).await;
        }
    });
    let (case, sentence) = until_why(&scene.operator, "rebuilding").await;
    assert!(
        sentence.contains(&case.rebuild.unwrap().version),
        "{sentence}"
    );
    arriving.abort();
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_is_stored_than_it_can_apply() {
    let scene = scene(&slow(200_000)).await;
    let workspace = scene.workspace.clone();
    let arriving = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            append_many(&workspace, 1, 30).await;
        }
    });
    let (case, sentence) = until_why(&scene.operator, "outrun").await;
    assert!(case.rates.stored > case.rates.applied, "{case:?}");
    assert!(
        sentence.contains("% of its work is running handlers"),
        "{sentence}"
    );
    arriving.abort();
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_step_does_not_end() {
    let endless = slow(u64::MAX >> 1).replace("-- on *", "-- on Endless");
    let scene = scene(&endless).await;
    append(&scene.workspace, "a-1", "Endless", "{}").await;
    until_why(&scene.operator, "stuck").await;
    scene.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_loop_cannot_work_at_all() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    // Somebody put a file where its versions go.
    std::fs::create_dir_all(place.folder().models()).unwrap();
    std::fs::write(place.folder().models().join("counts"), "mine").unwrap();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 1, 1).await;
    let (_, sentence) = until_why(&operator, "broken").await;
    assert!(sentence.contains("tries again each second"), "{sentence}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_was_exchanged() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 1, 30).await;
    finished(&workspace, "counts", Operation::Apply).await;
    engine.stop().await;
    drop(workspace);
    for ending in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(
            place.folder().data().join(format!("log.db{ending}")),
        ));
    }
    let workspace = place.open();
    append_many(&workspace, 1, 50).await;
    let operator = workspace.operator().await.unwrap();
    let (case, _) = until_why(&operator, "another-log").await;
    assert_eq!(case.remedies(&case.verdict()), [Remedy::Rebuild]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stale_because_nothing_is_stored() {
    let scene = scene(COUNTS).await;
    append_many(&scene.workspace, 1, 3).await;
    until_why(&scene.operator, "fresh").await;
    let mut snapshots = scene.operator.snapshots();
    // The newest event is older with each look, though nothing is sent where nothing changes.
    let still = async {
        loop {
            let snapshot = scene.workspace.snapshot().await.unwrap();
            let case = snapshot.case(view(&snapshot, "counts"));
            if case.verdict().word() == "log-still" {
                return case.sentence(&case.verdict());
            }
            drop(tokio::time::timeout(Duration::from_secs(1), snapshots.changed()).await);
        }
    };
    let sentence = tokio::time::timeout(PATIENCE, still).await.unwrap();
    assert!(
        sentence.starts_with("counts has everything: nothing has been stored since "),
        "{sentence}"
    );
    scene.engine.stop().await;
}
