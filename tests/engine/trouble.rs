//! Files that vanish, are damaged or replaced under a running engine: it says what is wrong, does not
//! spin, and goes on when that is mended.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use highwater::workspace::{Consistency, Operation, Operator, Workspace};

use crate::kit::{COUNTS, Place, append_many, finished, rows, until, view};

/// Where the version that answers lies.
fn live(place: &Place) -> PathBuf {
    let link = place.folder().versions("counts").link();
    std::fs::canonicalize(link).unwrap()
}

fn remove(path: &std::path::Path) {
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{suffix}", path.display())));
    }
}

async fn counted(workspace: &Workspace) -> u64 {
    let rows = rows(workspace, "counts", "All", Consistency::Strong).await;
    rows.iter().map(|row| row["events"].as_u64().unwrap()).sum()
}

async fn until_problem(operator: &Operator, words: &str) {
    until(operator, |s| s.problems.iter().any(|p| p.contains(words))).await;
}

async fn until_well(operator: &Operator) {
    until(operator, |s| {
        s.problems.is_empty() && view(s, "counts").lag.behind == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_vanishes_is_made_anew() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 4, 1_000).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(counted(&workspace).await, 1_000);
    let first = live(&place);
    remove(&first);
    append_many(&workspace, 4, 1_000).await;
    let operator = workspace.operator().await.unwrap();
    until(&operator, |s| {
        view(s, "counts").lag.behind == 0 && place.folder().versions("counts").link().exists()
    })
    .await;
    assert_ne!(
        live(&place),
        first,
        "a file that is gone lends nobody its name"
    );
    // By somebody who has the old file open, and by somebody who comes anew.
    assert_eq!(counted(&workspace).await, 2_000);
    assert_eq!(counted(&place.open()).await, 2_000);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_vanished_while_nobody_looked_is_made_anew() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 4, 100).await;
    for _ in 0..2 {
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        assert_eq!(counted(&workspace).await, 100);
        engine.stop().await;
        remove(&live(&place));
    }
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(counted(&place.open()).await, 100);
    engine.stop().await;
    std::fs::remove_dir_all(place.folder().models()).unwrap();
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(counted(&workspace).await, 100);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_vanishes_is_made_anew() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 4, 100).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(counted(&workspace).await, 100);
    let link = place.folder().versions("counts").link();
    std::fs::remove_file(&link).unwrap();
    let operator = workspace.operator().await.unwrap();
    until(&operator, |_| link.exists()).await;
    until_well(&operator).await;
    assert_eq!(counted(&workspace).await, 100);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_read_model_is_named_with_the_way_out() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 4, 100).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(counted(&workspace).await, 100);
    engine.stop().await;
    drop(workspace);
    // Without its WAL, which may hold all of it.
    let version = live(&place);
    remove(&version);
    std::fs::write(&version, [b'x'; 10_000]).unwrap();
    // Without an engine and with one.
    let problems = place.open().snapshot().await.unwrap().problems;
    assert!(problems[0].contains("remove the file"), "{problems:?}");
    let workspace = place.open();
    let engine = workspace.start(None).unwrap();
    let operator = workspace.operator().await.unwrap();
    until_problem(&operator, "remove the file").await;
    remove(&live(&place));
    until_well(&operator).await;
    assert_eq!(counted(&workspace).await, 100);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_the_place_of_the_link_is_named_with_the_way_out() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 4, 100).await;
    assert_eq!(counted(&workspace).await, 100);
    engine.stop().await;
    // As a copy that follows links leaves it.
    let link = place.folder().versions("counts").link();
    let whole = std::fs::read(&link).unwrap();
    std::fs::remove_file(&link).unwrap();
    std::fs::write(&link, whole).unwrap();
    let engine = workspace.start(None).unwrap();
    let operator = workspace.operator().await.unwrap();
    until_problem(&operator, "is not a link").await;
    std::fs::remove_file(&link).unwrap();
    until_well(&operator).await;
    assert_eq!(counted(&workspace).await, 100);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_damaged_is_named_and_read_on_once_it_is_mended() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 4, 100).await;
    finished(&workspace, "counts", Operation::Pause).await;
    let head = append_many(&workspace, 4, 100).await;
    let db = rusqlite::Connection::open(place.folder().data().join("log.db")).unwrap();
    db.execute_batch("DROP TRIGGER events_no_UPDATE").unwrap();
    let write = |data: &str| {
        let at = i64::try_from(head.get()).unwrap();
        db.execute(
            "UPDATE events SET data = ?1 WHERE position = ?2",
            (data, at),
        )
        .unwrap();
    };
    write("{\"n\":0}");
    let resume = workspace.operate("counts", Operation::Resume, Some(Duration::ZERO));
    resume.await.unwrap();
    let opened = Workspace::open(place.folder(), |_, _| Some(highwater::shop::commands()));
    assert!(opened.is_ok(), "one event does not close the log");
    let reports = place.folder().reports();
    let problem = || {
        std::fs::read_dir(&reports)
            .unwrap()
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
            .any(|report| report.contains("is damaged"))
    };
    let began = Instant::now();
    while !problem() && began.elapsed() < Duration::from_secs(20) {
        tokio::task::yield_now().await;
    }
    assert!(problem());
    write("{\"n\":99}");
    let operator = place.open().operator().await.unwrap();
    until_well(&operator).await;
    assert_eq!(counted(&workspace).await, 200);
    engine.stop().await;
}

/// A version that is kept may be damaged, or older: nothing but the link says which one answers.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_link_is_gone_no_kept_version_answers_in_its_place() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 4, 100).await;
    assert_eq!(counted(&workspace).await, 100);
    let link = place.folder().versions("counts").link();
    let damage = "UPDATE counts SET events = events + 7";
    let db = rusqlite::Connection::open(&link).unwrap();
    db.execute_batch(damage).unwrap();
    drop(db);
    finished(&workspace, "counts", Operation::Rebuild { hold: false }).await;
    assert_eq!(counted(&workspace).await, 100);
    engine.stop().await;
    std::fs::remove_file(&link).unwrap();
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(counted(&workspace).await, 100, "folded from the log");
    let live = place.folder().versions("counts").live_label().unwrap();
    assert!(live.unwrap().ends_with("-3"), "under a name of its own");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_goes_and_comes_back_ends_as_its_own_fold() {
    let place = Place::new(&[("counts", COUNTS)]);
    append_many(&place.open(), 4, 3_000).await;
    let other = COUNTS.replace("events + 1", "events + 2");
    let texts = [COUNTS, &other, COUNTS, &other, &other, COUNTS];
    for (n, text) in texts.into_iter().enumerate() {
        place.write("counts", text);
        let workspace = place.open();
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        // Now and then it is stopped while it builds.
        if n % 2 == 1 {
            let operator = workspace.operator().await.unwrap();
            let counts = workspace.projection("counts").unwrap();
            let hash = counts.short_hash().to_owned();
            until(&operator, |s| view(s, "counts").version.starts_with(&hash)).await;
            let count = counted(&workspace).await;
            let twice = text == other;
            assert_eq!(count, if twice { 3_000 * 2 - 4 } else { 3_000 });
        }
        engine.stop().await;
    }
    std::fs::remove_file(place.folder().projections().join("counts.sql")).unwrap();
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert!(workspace.projections().is_empty());
    engine.stop().await;
    place.write("counts", COUNTS);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let counts = workspace.projection("counts").unwrap();
    let hash = counts.short_hash().to_owned();
    until(&operator, |s| view(s, "counts").version.starts_with(&hash)).await;
    assert_eq!(counted(&workspace).await, 3_000);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_stops_at_once_although_a_handler_would_run_for_long() {
    let endless = "-- on ThingHappened\n\
        INSERT OR REPLACE INTO counts SELECT 'x', count(*), 0 FROM (\n\
          WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n);\n\
        -- query All";
    let text = COUNTS.replacen("-- query All", endless, 1);
    let place = Place::new(&[("counts", &text)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 4, 100).await;
    // The handler has begun when somebody else's transaction has to wait for it.
    let db = rusqlite::Connection::open(live(&place)).unwrap();
    db.busy_timeout(Duration::ZERO).unwrap();
    while db.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok() {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    engine.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    // What was broken off counts for nothing.
    let rows = rows(&workspace, "counts", "All", Consistency::Eventual).await;
    assert!(rows.is_empty(), "{rows:?}");
}

#[cfg(unix)]
#[test]
fn a_projection_file_that_is_none_is_named_and_holds_nobody_up() {
    let place = Place::new(&[("counts", COUNTS)]);
    let folder = place.folder().projections();
    std::os::unix::fs::symlink("/dev/zero", folder.join("zero.sql")).unwrap();
    std::fs::create_dir(folder.join("folder.sql")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("dangling.sql")).unwrap();
    let workspace = place.open();
    assert_eq!(workspace.projections().len(), 1);
    for name in ["zero", "folder", "dangling"] {
        let problems = workspace.problems();
        assert!(
            problems.iter().any(|p| p.contains(name)),
            "{name}: {problems:?}"
        );
    }
}
