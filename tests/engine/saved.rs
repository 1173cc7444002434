//! What a saved file brings about: it is on record from its beginning to its end, what could not be built is told
//! until it can be, and what ends with its file ends at once.

use std::path::PathBuf;

use highwater::workspace::{Consistency, Operation, Operator, Snapshot, Workspace, WorkspaceError};

use crate::kit::{COUNTS, PATIENCE, Place, append, append_many, finished, rows, until, view};

const ROLL_BACK: Operation = Operation::RollBack { from: None };

/// Each event counts double.
fn doubled() -> String {
    COUNTS
        .replace("events + 1", "events + 2")
        .replace("(:key, 1,", "(:key, 2,")
}

/// Cannot apply an event that says so.
fn choosy() -> String {
    COUNTS.replace(
        "INSERT INTO counts VALUES (:key, 1",
        "INSERT INTO counts VALUES (:key, 1 + iif(:data ->> 'bad', NULL, 0)",
    )
}

/// Every event takes a while.
fn slow() -> String {
    let slowly = "SELECT count(*) FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c \
                  WHERE n < 5000) SELECT n FROM c);\nINSERT INTO counts VALUES (:key, 1";
    COUNTS.replace("INSERT INTO counts VALUES (:key, 1", slowly)
}

async fn sum(workspace: &Workspace) -> u64 {
    let rows = rows(workspace, "counts", "All", Consistency::Strong).await;
    rows.iter().map(|row| row["events"].as_u64().unwrap()).sum()
}

/// The requests on record: what, whether the engine asked, and how it ended.
async fn told(workspace: &Workspace) -> Vec<(String, bool, Option<(bool, String)>)> {
    let history = workspace.history(Some("counts")).await.unwrap();
    let asked = history.into_iter().filter(|line| line.by.is_some());
    asked
        .map(|line| {
            let engine = line.by.unwrap().starts_with("the engine (process ");
            let outcome = line.outcome.map(|outcome| (outcome.finished, outcome.what));
            (line.what, engine, outcome)
        })
        .collect()
}

/// The same, once the last thing that was asked has ended: that is on record a moment after it can be seen.
async fn told_of(
    workspace: &Workspace,
    count: usize,
) -> Vec<(String, bool, Option<(bool, String)>)> {
    let ended = async {
        loop {
            let all = told(workspace).await;
            if all.len() >= count && all.iter().all(|(_, _, outcome)| outcome.is_some()) {
                return all;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap()
}

/// All versions there are.
fn versions(place: &Place) -> Vec<PathBuf> {
    let all = place.folder().versions("counts").all().unwrap();
    all.into_iter().map(|(_, path)| path).collect()
}

fn label(place: &Place) -> String {
    let versions = place.folder().versions("counts");
    versions.live_label().unwrap().unwrap()
}

async fn until_version(operator: &Operator, generation: &str) {
    let ends = |s: &Snapshot| view(s, "counts").version.ends_with(generation);
    until(operator, |s| ends(s) && view(s, "counts").rebuild.is_none()).await;
}

async fn until_built(operator: &Operator) {
    until(operator, |s| view(s, "counts").rebuild.is_some()).await;
}

fn verdict(snapshot: &Snapshot) -> (&'static str, String) {
    let case = snapshot.case(view(snapshot, "counts"));
    let verdict = case.verdict();
    (verdict.word(), case.sentence(&verdict))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_because_of_a_saved_file_is_on_record_with_who_and_how_it_ended() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 5, 2_000).await;
    assert_eq!(sum(&workspace).await, 2_000);
    assert_eq!(
        told(&workspace).await,
        [],
        "the first version is no rebuild"
    );
    place.write("counts", &doubled());
    until_version(&operator, "-2").await;
    assert_eq!(sum(&workspace).await, 4_000);
    // Its outcome is said after the switch, and before anything else is done.
    finished(&workspace, "counts", Operation::Apply).await;
    let mut all = told(&workspace).await;
    all.retain(|line| line.0 != "apply");
    let [(what, by_engine, Some((true, outcome)))] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(what, "rebuild (its file was saved)");
    assert!(*by_engine, "{all:?}");
    assert!(outcome.contains(&label(&place)), "{outcome}");
    assert!(outcome.contains("answers: 2,000 events in "), "{outcome}");

    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_cannot_be_built_is_told_until_one_can() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 1_200).await;
    append(&workspace, "thing-0", "ThingHappened", r#"{"bad":true}"#).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    assert_eq!(sum(&workspace).await, 1_201);
    let first = label(&place);
    place.write("counts", &choosy());
    until(&operator, |s| !s.problems.is_empty()).await;
    let all = told_of(&workspace, 1).await;
    let [(_, true, Some((false, outcome)))] = &all[..] else {
        panic!("{all:?}");
    };
    assert!(outcome.contains("stopped at event 1,2"), "{outcome}");

    // It has everything, and is not what the file says: that is the verdict, whoever looks.
    let check = async |workspace: &Workspace| {
        let snapshot = workspace.snapshot().await.unwrap();
        assert_eq!(snapshot.problems, [format!("counts: {outcome}")]);
        verdict(&snapshot)
    };
    let (word, sentence) = check(&workspace).await;
    assert_eq!(word, "outdated", "{sentence}");
    assert!(sentence.contains("by an older definition"), "{sentence}");
    assert!(sentence.contains("stopped at event 1,2"), "{sentence}");
    engine.stop().await;
    let (word, sentence) = check(&place.open()).await;
    assert_eq!(word, "no-engine");
    assert!(sentence.contains("an older definition's"), "{sentence}");

    // The next engine does not fail at it once more, and says so still.
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 5, 10).await;
    assert_eq!(sum(&workspace).await, 1_211);
    assert_eq!(check(&workspace).await.0, "outdated");
    assert_eq!(told(&workspace).await, all);
    assert_eq!(label(&place), first);
    assert_eq!(versions(&place).len(), 1, "what it took is free");

    place.write("counts", &doubled());
    let snapshot = until(&operator, |s| s.problems.is_empty()).await;
    until_version(&operator, "-2").await;
    assert_eq!(view(&snapshot, "counts").not_built, None);
    assert_eq!(sum(&workspace).await, 2_422);
    let (word, sentence) = verdict(&workspace.snapshot().await.unwrap());
    assert_ne!(word, "outdated", "{sentence}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_held_and_then_failed_is_gone_on_record() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 100).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    sum(&workspace).await;
    place.write(
        "counts",
        &choosy().replace("-- policy: live", "-- policy: live\n-- cutover: asked"),
    );
    let held = |s: &Snapshot| view(s, "counts").rebuild.as_ref().is_some_and(|r| r.held);
    until(&operator, held).await;
    append(&workspace, "thing-0", "ThingHappened", r#"{"bad":true}"#).await;
    until(&operator, |s| !s.problems.is_empty()).await;
    for _ in 0..2 {
        let all = told_of(&workspace, 2).await;
        let [
            (rebuild, true, Some((true, held))),
            (cancel, true, Some((true, why))),
        ] = &all[..]
        else {
            panic!("{all:?}");
        };
        assert!(rebuild.starts_with("rebuild ("), "{all:?}");
        assert!(held.contains("waits for a cutover"), "{held}");
        assert_eq!(cancel, "cancel");
        assert!(why.contains("stopped at event"), "{why}");
        assert_eq!(verdict(&workspace.snapshot().await.unwrap()).0, "outdated");
        assert_eq!(versions(&place).len(), 1);
        // Nor does the next engine begin it again.
        engine.stop().await;
        engine = workspace.start(None).unwrap();
        engine.ready().await;
        assert_eq!(sum(&workspace).await, 101);
    }
    // Who gives it up for good is not told of it any more.
    finished(&workspace, "counts", Operation::Cancel).await;
    until(&operator, |s| s.problems.is_empty()).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_holds_its_version_no_longer_lets_it_answer_on_record() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 100).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    sum(&workspace).await;
    let waits = doubled().replace("-- policy: live", "-- policy: live\n-- cutover: asked");
    place.write("counts", &waits);
    let held = |s: &Snapshot| view(s, "counts").rebuild.as_ref().is_some_and(|r| r.held);
    until(&operator, held).await;
    // Another engine goes on holding it, for the same reason.
    engine.stop().await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    until(&operator, held).await;
    place.write("counts", &doubled());
    until_version(&operator, "-2").await;
    assert_eq!(sum(&workspace).await, 200);
    let all = told_of(&workspace, 2).await;
    let label = label(&place);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[1].0, format!("cutover --version {label}"));
    assert_eq!(all[1].2, Some((true, format!("version {label} answers"))));
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_save_while_one_is_built_ends_what_was_begun_for_the_one_before() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 3_000).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    sum(&workspace).await;
    for _ in 0..2 {
        place.write("counts", &slow());
        until_built(&operator).await;
        place.write("counts", COUNTS);
        until(&operator, |s| view(s, "counts").rebuild.is_none()).await;
    }
    // The same where nobody was there when it was saved.
    place.write("counts", &slow());
    until_built(&operator).await;
    engine.stop().await;
    place.write("counts", &doubled());
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let new = workspace.projection("counts").unwrap();
    let operator = workspace.operator().await.unwrap();
    until(&operator, |s| {
        view(s, "counts").version.starts_with(new.short_hash())
    })
    .await;
    assert_eq!(sum(&workspace).await, 6_000);
    let all = told_of(&workspace, 4).await;
    let ended: Vec<bool> = all
        .iter()
        .map(|(_, _, outcome)| outcome.as_ref().unwrap().0)
        .collect();
    assert_eq!(ended, [false, false, false, true], "{all:?}");
    let given_up = all[..3].iter().map(|line| line.2.as_ref().unwrap());
    for (_, why) in given_up {
        assert!(why.contains("the definition has changed again"), "{why}");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_version_is_not_taken_for_one_that_is_being_built() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 100).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    sum(&workspace).await;
    let first = label(&place);
    place.write("counts", &doubled());
    until_version(&operator, "-2").await;
    let second = place.folder().versions("counts").live().unwrap().unwrap();
    finished(&workspace, "counts", ROLL_BACK).await;
    assert_eq!(label(&place), first);

    // Somebody writes to the file that is kept, and the same text is saved once more.
    let db = rusqlite::Connection::open(&second).unwrap();
    db.execute("UPDATE counts SET events = 0", []).unwrap();
    drop(db);
    place.write("counts", COUNTS);
    until(&operator, |_| {
        workspace.projection("counts").unwrap().source() == COUNTS
    })
    .await;
    finished(&workspace, "counts", Operation::Apply).await;
    place.write("counts", &doubled());
    until_version(&operator, "-3").await;
    assert_eq!(sum(&workspace).await, 200, "folded anew, from the log");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_ends_with_its_file_and_frees_what_it_took() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 3_000).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    assert_eq!(sum(&workspace).await, 3_000);
    place.write("counts", &slow());
    until_built(&operator).await;
    assert_eq!(versions(&place).len(), 2);
    let asked = {
        let workspace = workspace.clone();
        let rebuild = Operation::Rebuild { hold: false };
        tokio::spawn(async move { workspace.operate("counts", rebuild, None).await })
    };
    until(&operator, |s| {
        let asked = view(s, "counts").asked.as_ref();
        asked.is_some_and(|asked| asked.mine)
    })
    .await;
    std::fs::remove_file(place.folder().projections().join("counts.sql")).unwrap();
    let ended = asked.await.unwrap().unwrap_err();
    assert!(matches!(ended, WorkspaceError::FileGone { .. }), "{ended}");
    assert!(
        ended.to_string().contains("cancelled: its file is gone"),
        "{ended}"
    );
    assert_eq!(versions(&place).len(), 1, "what was built is gone");
    let all = told_of(&workspace, 2).await;
    let outcomes: Vec<_> = all.iter().map(|line| line.2.clone().unwrap()).collect();
    let gone = (false, "cancelled: its file is gone".to_owned());
    assert_eq!(outcomes, [gone.clone(), gone]);

    place.write("counts", COUNTS);
    until(&operator, |s| s.projections.len() == 1).await;
    append_many(&workspace, 5, 10).await;
    assert_eq!(sum(&workspace).await, 3_010);
    assert_eq!(told(&workspace).await.len(), 2, "nothing is left to do");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_held_ends_with_its_file_too() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 100).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    sum(&workspace).await;
    finished(&workspace, "counts", Operation::Rebuild { hold: true }).await;
    std::fs::remove_file(place.folder().projections().join("counts.sql")).unwrap();
    until(&operator, |s| s.projections.is_empty()).await;
    told_of(&workspace, 2).await;
    place.write("counts", COUNTS);
    until(&operator, |s| s.projections.len() == 1).await;
    let why = crate::kit::refused(&workspace, "counts", Operation::CutOver { version: None }).await;
    assert!(why.contains("no new version is held"), "{why}");
    let all = told_of(&workspace, 2).await;
    assert_eq!(all[1].0, "cancel", "{all:?}");
    assert_eq!(versions(&place).len(), 1);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_is_given_up_while_nobody_is_there_to_hold_it() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 100).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    sum(&workspace).await;
    finished(&workspace, "counts", Operation::Rebuild { hold: true }).await;
    engine.stop().await;
    let none = Some(std::time::Duration::ZERO);
    workspace
        .operate("counts", Operation::Cancel, none)
        .await
        .unwrap();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(versions(&place).len(), 1);
    let all = told_of(&workspace, 2).await;
    assert!(all[1].2.as_ref().unwrap().0, "{all:?}");
    engine.stop().await;
}
