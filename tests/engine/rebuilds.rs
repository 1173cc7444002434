//! A new version beside the one that answers: held, cut over, rolled back, cancelled, paused; and what is
//! bad for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater::workspace::{Consistency, Operation, Operator, RebuildView, Snapshot, Workspace};

use crate::kit::{COUNTS, Place, append_many, finished, refused, rows, until, view};

const HOLD: Operation = Operation::Rebuild { hold: true };
const CUT_OVER: Operation = Operation::CutOver { version: None };
const ROLL_BACK: Operation = Operation::RollBack { from: None };

/// Counts each event twice, and waits for a cutover.
fn doubled() -> String {
    COUNTS
        .replace("events = events + 1", "events = events + 2")
        .replace("-- policy: live", "-- policy: live\n-- cutover: asked")
}

/// Every event takes a while.
fn slow(work: u32) -> String {
    let slowly = format!(
        "SELECT count(*) FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c \
         WHERE n < {work}) SELECT n FROM c);\nINSERT INTO counts VALUES (:key, 1"
    );
    COUNTS.replace("INSERT INTO counts VALUES (:key, 1", &slowly)
}

async fn sum(workspace: &Workspace) -> u64 {
    let rows = rows(workspace, "counts", "All", Consistency::Strong).await;
    rows.iter().map(|row| row["events"].as_u64().unwrap()).sum()
}

fn shadow(snapshot: &Snapshot) -> Option<&RebuildView> {
    view(snapshot, "counts").rebuild.as_ref()
}

async fn until_held(operator: &Operator) -> Arc<Snapshot> {
    until(operator, |s| shadow(s).is_some_and(|shadow| shadow.held)).await
}

/// Every file below the read models, by name.
fn files(place: &Place) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![place.folder().models()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "db") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn label(place: &Place) -> String {
    let versions = place.folder().versions("counts");
    versions.live_label().unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_version_follows_and_answers_when_somebody_says_so_and_the_one_before_again() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 5, 100).await;
    let first = label(&place);
    let what = finished(&workspace, "counts", HOLD).await;
    assert!(what.contains("waits for a cutover"), "{what}");
    assert_eq!(label(&place), first, "it does not answer yet");

    let head = append_many(&workspace, 5, 50).await;
    until(&operator, |s| {
        shadow(s).is_some_and(|shadow| shadow.checkpoint >= head && shadow.held)
    })
    .await;
    let why = refused(&workspace, "counts", Operation::Rebuild { hold: false }).await;
    assert!(why.contains("cut over to it or cancel it"), "{why}");

    finished(&workspace, "counts", CUT_OVER).await;
    let second = label(&place);
    assert_ne!(second, first);
    assert_eq!(sum(&workspace).await, 150);
    let version = Some("0badcafe-9".to_owned());
    let why = refused(&workspace, "counts", Operation::CutOver { version }).await;
    assert!(why.contains("0badcafe-9 is not held any more"), "{why}");

    // Back, to where that one stood, from where it catches up; and forward.
    append_many(&workspace, 5, 25).await;
    assert_eq!(sum(&workspace).await, 175);
    for wanted in [&first, &second, &first] {
        let what = finished(&workspace, "counts", ROLL_BACK).await;
        assert!(what.contains(wanted.as_str()), "{what}");
        assert_eq!(label(&place), *wanted);
        append_many(&workspace, 5, 5).await;
        sum(&workspace).await;
    }
    assert_eq!(sum(&workspace).await, 190);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_file_waits_where_it_says_so_and_is_not_built_again_once_it_was_rolled_back() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 5, 100).await;
    assert_eq!(sum(&workspace).await, 100);
    let first = label(&place);

    place.write("counts", &doubled());
    until_held(&operator).await;
    assert_eq!(sum(&workspace).await, 100, "the live version answers");
    finished(&workspace, "counts", CUT_OVER).await;
    assert_eq!(sum(&workspace).await, 195);
    finished(&workspace, "counts", ROLL_BACK).await;
    assert_eq!(sum(&workspace).await, 100);

    // Another engine takes over: it neither builds nor forgets.
    engine.stop().await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(label(&place), first);
    assert_eq!(shadow(&workspace.snapshot().await.unwrap()), None);
    append_many(&workspace, 5, 100).await;
    assert_eq!(sum(&workspace).await, 200);
    assert_eq!(files(&place).len(), 3, "the link, and two versions");
    finished(&workspace, "counts", ROLL_BACK).await;
    assert_eq!(sum(&workspace).await, 395, "forward again");
    finished(&workspace, "counts", ROLL_BACK).await;

    // Until the file says something else.
    place.write("counts", &doubled().replace("+ 2", "+ 3"));
    until_held(&operator).await;
    finished(&workspace, "counts", CUT_OVER).await;
    assert_eq!(sum(&workspace).await, 5 + 195 * 3);

    // And until it says no longer that a new version waits.
    let once = doubled().replace("+ 2", "+ 1 + 0");
    place.write("counts", &once);
    until_held(&operator).await;
    let before = label(&place);
    place.write("counts", &once.replace("-- cutover: asked\n", ""));
    until(&operator, |s| {
        shadow(s).is_none() && view(s, "counts").version != before
    })
    .await;
    assert_eq!(sum(&workspace).await, 200);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_version_leaves_no_trace_and_is_not_built_by_itself() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 5, 100).await;
    assert_eq!(sum(&workspace).await, 100);
    let before = files(&place);
    let why = refused(&workspace, "counts", Operation::Cancel).await;
    assert!(why.contains("nothing is being rebuilt"), "{why}");

    // A held version.
    finished(&workspace, "counts", HOLD).await;
    assert_ne!(files(&place), before);
    finished(&workspace, "counts", Operation::Cancel).await;
    assert_eq!(files(&place), before);

    // One that a changed file gave.
    place.write("counts", &doubled());
    until_held(&operator).await;
    finished(&workspace, "counts", Operation::Cancel).await;
    assert_eq!(files(&place), before);
    engine.stop().await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(files(&place), before, "it is not built by itself");
    finished(&workspace, "counts", HOLD).await;
    finished(&workspace, "counts", CUT_OVER).await;
    assert_eq!(sum(&workspace).await, 195, "but where somebody asks");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_under_way_stands_still_goes_on_and_is_cancelled() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 3_000).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    assert_eq!(sum(&workspace).await, 3_000);
    let before = files(&place);
    let why = refused(&workspace, "counts", Operation::PauseRebuild).await;
    assert!(why.contains("nothing is being rebuilt"), "{why}");

    place.write("counts", &slow(5_000));
    until(&operator, |s| shadow(s).is_some()).await;
    finished(&workspace, "counts", Operation::PauseRebuild).await;
    let still = until(&operator, |s| shadow(s).is_some_and(|s| s.paused)).await;
    let stood = shadow(&still).unwrap().checkpoint;
    assert!(stood.get() < 3_000, "{stood}");
    engine.stop().await;

    // The wish outlives the engine, and the live version goes on.
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 5, 100).await;
    assert_eq!(sum(&workspace).await, 3_100);
    let later = until(&operator, |s| shadow(s).is_some_and(|s| s.paused)).await;
    assert_eq!(shadow(&later).unwrap().checkpoint, stood);
    // Another one would wait for ever.
    let again = Operation::Rebuild { hold: false };
    let why = refused(&workspace, "counts", again).await;
    assert!(why.contains("stands still"), "{why}");
    finished(&workspace, "counts", Operation::ResumeRebuild).await;
    until(&operator, |s| {
        shadow(s).is_none_or(|shadow| shadow.checkpoint > stood)
    })
    .await;
    finished(&workspace, "counts", Operation::Cancel).await;
    assert_eq!(files(&place), before);
    assert_eq!(sum(&workspace).await, 3_100);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_cancelled_ends_once_and_says_so() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 100).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    sum(&workspace).await;
    // Both are there before an engine sees the first.
    engine.stop().await;
    for operation in [Operation::Rebuild { hold: false }, Operation::Cancel] {
        let none = Some(std::time::Duration::ZERO);
        workspace.operate("counts", operation, none).await.unwrap();
    }
    let first = label(&place);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let history = workspace.history(Some("counts")).await.unwrap();
    let told: Vec<_> = history
        .iter()
        .filter_map(|line| Some((line.what.as_str(), line.outcome.as_ref()?.finished)))
        .collect();
    assert_eq!(told, [("rebuild", false), ("cancel", true)]);
    assert_eq!(label(&place), first);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_version_that_is_gone_or_damaged_is_refused_and_the_live_one_goes_on() {
    for damage in ["gone", "no database", "a page"] {
        let place = Place::new(&[("counts", COUNTS)]);
        let workspace = place.open();
        append_many(&workspace, 3_000, 3_000).await;
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        assert_eq!(sum(&workspace).await, 3_000);
        let why = refused(&workspace, "counts", ROLL_BACK).await;
        assert!(why.contains("no version is kept"), "{why}");
        let first = std::fs::canonicalize(place.folder().versions("counts").link()).unwrap();
        finished(&workspace, "counts", Operation::Rebuild { hold: false }).await;
        let second = label(&place);
        damaged(&first, damage);
        let why = refused(&workspace, "counts", ROLL_BACK).await;
        let word = if damage == "gone" {
            "no version is kept"
        } else {
            "cannot be used"
        };
        assert!(
            why.contains(word) && why.contains(&second),
            "{damage}: {why}"
        );
        assert!(!why.contains("made anew"), "{damage}: {why}");
        assert_eq!(why.contains("a rebuild folds"), damage != "gone", "{why}");
        append_many(&workspace, 5, 100).await;
        assert_eq!(sum(&workspace).await, 3_100, "{damage}");
        assert_eq!(label(&place), second);
        engine.stop().await;
    }
}

fn damaged(path: &Path, how: &str) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(db);
    for suffix in ["-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{suffix}", path.display())));
    }
    match how {
        "gone" => std::fs::remove_file(path).unwrap(),
        "no database" => std::fs::write(path, "nonsense, and nothing but").unwrap(),
        _ => {
            let mut bytes = std::fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..middle + 8_192].fill(0xab);
            std::fs::write(path, bytes).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_is_removed_while_it_is_rebuilt_ends_and_goes_on_when_it_comes_back() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 3_000).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    assert_eq!(sum(&workspace).await, 3_000);
    place.write("counts", &slow(5_000));
    until(&operator, |s| shadow(s).is_some()).await;
    let file = place.folder().projections().join("counts.sql");
    std::fs::remove_file(&file).unwrap();
    until(&operator, |s| s.projections.is_empty()).await;
    place.write("counts", &slow(10));
    until(&operator, |s| {
        s.projections.len() == 1 && shadow(s).is_none() && view(s, "counts").lag.behind == 0
    })
    .await;
    assert_eq!(sum(&workspace).await, 3_000);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_work_keeps_its_objective_while_a_slow_version_is_built() {
    let live = COUNTS.replace("-- policy: live", "-- policy: live\n-- objective: 60ms");
    let place = Place::new(&[("counts", &live)]);
    let workspace = place.open();
    append_many(&workspace, 50, 20_000).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    sum(&workspace).await;
    let undisturbed = visible_after(&workspace, 20_000..20_100).await;
    // Most of a millisecond an event: a page as long as pages may be otherwise takes longer than that.
    let slowly = slow(8_000).replace("-- policy: live", "-- policy: live\n-- objective: 60ms");
    place.write("counts", &slowly);
    until(&operator, |s| shadow(s).is_some()).await;
    let latest = visible_after(&workspace, 20_100..20_300).await;
    let built = shadow(&workspace.snapshot().await.unwrap()).cloned();
    eprintln!(
        "visible after {:?} (half), {:?} (99 of 100), {:?} (all); then {built:?}",
        latest[100], latest[198], latest[199]
    );
    assert!(
        built.is_some(),
        "the new version was there too soon to be in the way"
    );
    // What a busy machine does to nine of ten without a rebuild is not the rebuild's.
    let most = std::time::Duration::from_millis(60) + 3 * undisturbed[90];
    assert!(latest[180] < most, "{:?}, {most:?}", latest[180]);
    engine.stop().await;
}

/// After how long each of so many events is visible, the shortest first.
async fn visible_after(
    workspace: &Workspace,
    counts: std::ops::Range<u64>,
) -> Vec<std::time::Duration> {
    let mut took = Vec::new();
    for before in counts {
        let stored = std::time::Instant::now();
        append_many(workspace, 1, 1).await;
        assert_eq!(sum(workspace).await, before + 1);
        took.push(stored.elapsed());
    }
    took.sort();
    took
}

/// A file that may not grow stands for a disk that is full: what is written is refused in the same way.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_without_room_ends_itself_frees_what_it_took_and_leaves_the_live_version() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 200).await;
    let mut engine = crate::child::Other::start_with_little_room(place.folder().path(), 8);
    engine.ready();
    assert_eq!(sum(&workspace).await, 200);
    let (before, first) = (files(&place), label(&place));
    let operator = workspace.operator().await.unwrap();

    let large = COUNTS.replace(
        "-- on *",
        "CREATE TABLE ballast (bytes BLOB) STRICT;\n-- on *\nINSERT INTO ballast VALUES (zeroblob(1000000));",
    );
    place.write("counts", &large);
    let ended = until(&operator, |s| {
        s.problems
            .iter()
            .any(|problem| problem.contains("free again"))
    })
    .await;
    assert!(
        ended.problems[0].contains("The live version goes on"),
        "{:?}",
        ended.problems
    );
    assert_eq!(files(&place), before, "what it took is free");
    append_many(&workspace, 5, 100).await;
    assert_eq!(sum(&workspace).await, 300);

    // The same where somebody asked for it: the request has an outcome.
    let why = refused(&workspace, "counts", Operation::Rebuild { hold: false }).await;
    assert!(why.contains("free again"), "{why}");
    assert_eq!(files(&place), before);
    assert_eq!(label(&place), first);
    append_many(&workspace, 5, 100).await;
    assert_eq!(sum(&workspace).await, 400);
    engine.stop();

    // With room, and once somebody asks again, it is built and told of no more.
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(label(&place), first, "not by itself");
    finished(&workspace, "counts", Operation::Rebuild { hold: false }).await;
    assert_ne!(label(&place), first);
    until(&operator, |s| s.problems.is_empty()).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_is_taken_back_by_the_switch_back() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 100).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(sum(&workspace).await, 100);
    let undo = async || {
        let patience = Some(crate::kit::PATIENCE);
        let undone = workspace.undo("counts", patience).await.unwrap().unwrap();
        assert!(
            matches!(undone.done, highwater::workspace::Done::Finished { .. }),
            "{undone:?}"
        );
        undone.by.to_string()
    };
    let before = files(&place);
    let first = label(&place);
    finished(&workspace, "counts", HOLD).await;
    assert_eq!(undo().await, "cancel");
    assert_eq!(files(&place), before);
    finished(&workspace, "counts", HOLD).await;
    finished(&workspace, "counts", CUT_OVER).await;
    let second = label(&place);
    assert_eq!(undo().await, format!("rollback --from {second}"));
    assert_eq!(label(&place), first);
    finished(&workspace, "counts", ROLL_BACK).await;
    assert_eq!(label(&place), second);
    assert_eq!(undo().await, format!("rollback --from {second}"));
    assert_eq!(label(&place), first);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opposite_wishes_at_once_end_in_one_state_and_both_hear_which() {
    use highwater::workspace::Done;
    let place = Place::new(&[("counts", COUNTS)]);
    let (one, other) = (place.open(), place.open());
    append_many(&one, 5, 100).await;
    let mut engine = one.start(None).unwrap();
    engine.ready().await;
    sum(&one).await;
    let patience = Some(crate::kit::PATIENCE);
    for _ in 0..5 {
        let before = label(&place);
        finished(&one, "counts", HOLD).await;
        let (cut, cancelled) = tokio::join!(
            one.operate("counts", CUT_OVER, patience),
            other.operate("counts", Operation::Cancel, patience)
        );
        let finished = |done: Result<Done, _>| matches!(done.unwrap(), Done::Finished { .. });
        let (cut, cancelled) = (finished(cut), finished(cancelled));
        assert!(cut || cancelled);
        assert_eq!(
            cut,
            label(&place) != before,
            "whoever was told so was obeyed"
        );
        assert_eq!(sum(&other).await, 100);

        // Twice the same is once.
        let before = label(&place);
        if files(&place).len() < 3 {
            continue;
        }
        let (first, second) = tokio::join!(
            one.operate("counts", ROLL_BACK, patience),
            other.operate("counts", ROLL_BACK, patience)
        );
        assert!(finished(first) && finished(second));
        assert_ne!(label(&place), before, "and not there and back");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_version_is_never_ahead_of_one_that_its_policy_holds_back() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 5, 100).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    assert_eq!(sum(&workspace).await, 100);
    let manual = Operation::SetPolicy("manual".parse().unwrap());
    finished(&workspace, "counts", manual).await;
    append_many(&workspace, 5, 50).await;
    finished(&workspace, "counts", HOLD).await;
    let seen = until_held(&operator).await;
    let stands = view(&seen, "counts").checkpoint;
    assert!(stands < seen.head && view(&seen, "counts").lag.behind >= 50);
    assert!(shadow(&seen).unwrap().checkpoint <= seen.head);
    let diff = workspace
        .diff("counts", 5, &highwater::workspace::Work::new())
        .await;
    assert!(diff.as_ref().unwrap().comparison.is_equal());
    assert!(diff.unwrap().position < seen.head, "neither has what waits");

    finished(&workspace, "counts", Operation::Apply).await;
    until(&operator, |s| {
        view(s, "counts").lag.behind == 0
            && shadow(s).is_some_and(|new| new.checkpoint >= view(s, "counts").checkpoint)
    })
    .await;
    finished(&workspace, "counts", CUT_OVER).await;
    let all = rows(&workspace, "counts", "All", Consistency::Eventual).await;
    let events = all.iter().map(|row| row["events"].as_u64().unwrap());
    assert_eq!(
        events.sum::<u64>(),
        150,
        "it had everything when it took over"
    );
    engine.stop().await;
}
