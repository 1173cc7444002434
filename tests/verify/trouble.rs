//! What verifying meets: read models that are ahead, stopped at an event, damaged, gone, being replayed, or
//! of nothing yet; and being stopped itself.

use highwater::event::Position;
use highwater::read::{FoldError, VerifyError};
use highwater::workspace::{Work, Workspace, WorkspaceError};
use rusqlite::Connection;

use crate::kit::{MIXED, Place, append, assert_equal, catch_up, grow, verified};

async fn refused(workspace: &Workspace, name: &str) -> VerifyError {
    match verified(workspace, name).await {
        Err(WorkspaceError::Verify(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_read_model_of_an_empty_log_equals_the_empty_fold() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    let none = refused(&workspace, "mixed").await;
    assert!(matches!(none, VerifyError::NoModel { .. }), "{none:?}");
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    engine.stop().await;
    assert!(assert_equal(&workspace, "mixed").await <= workspace.log().head().await.unwrap());
    let unknown = verified(&workspace, "../../log").await.unwrap_err();
    assert!(unknown.to_string().contains("there are mixed"), "{unknown}");
}

#[tokio::test]
async fn a_read_model_that_stopped_at_an_event_is_verified_up_to_there() {
    let strict = "\
-- schema
CREATE TABLE sizes (key TEXT PRIMARY KEY, size INTEGER NOT NULL) STRICT;
-- on Grew
INSERT INTO sizes VALUES (:key, :data ->> 'size');
-- query All()
SELECT * FROM sizes;
";
    let place = Place::new(&[("sizes", strict)]);
    let workspace = place.open();
    let grown = grow(&workspace, 9, 9).await;
    catch_up(&workspace, "sizes").await;
    let again = ("thing-3", "Grew", "{\"size\":1}".to_owned());
    let poison = append(&workspace, [again]).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let mut snapshots = operator.snapshots();
    let stopped = snapshots.wait_for(|s| s.projections.iter().any(|p| p.fault.is_some()));
    drop(
        tokio::time::timeout(crate::kit::PATIENCE, stopped)
            .await
            .unwrap()
            .unwrap(),
    );
    engine.stop().await;
    assert_equal(&workspace, "sizes").await;
    let mut past = workspace.past("sizes", 0, Work::new()).await.unwrap();
    match past.step_to(poison).await {
        Err(FoldError::Event { position, .. }) => assert_eq!(position, poison),
        other => panic!("{other:?}"),
    }
    assert_eq!(past.position(), grown, "what comes before is folded");
    place.damage("sizes", "UPDATE sizes SET size = 77 WHERE key = '3'");
    let checked = verified(&workspace, "sizes").await.unwrap();
    assert_eq!(checked.comparison.total, 1);
}

#[tokio::test]
async fn a_read_model_that_is_ahead_is_said_to_be_ahead() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 3, 9).await;
    catch_up(&workspace, "mixed").await;
    for sql in [
        "UPDATE _highwater_checkpoint SET position = 1000",
        "UPDATE _highwater_checkpoint SET position = 5, event = 'another'",
    ] {
        place.damage("mixed", sql);
        let ahead = refused(&workspace, "mixed").await;
        assert!(matches!(ahead, VerifyError::Ahead { .. }), "{ahead:?}");
        assert!(
            ahead.to_string().contains("highwater rebuild mixed"),
            "{ahead}"
        );
    }
    assert_eq!(place.scratch(), [""; 0]);
}

#[tokio::test]
async fn a_read_model_in_the_middle_of_a_replay_is_of_no_position() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    let head = grow(&workspace, 3, 9).await;
    catch_up(&workspace, "mixed").await;
    place.damage(
        "mixed",
        "UPDATE _highwater_checkpoint SET replay_request = 3, replay_goal = position + 5",
    );
    let replaying = refused(&workspace, "mixed").await;
    let goal = Position::new(head.get() + 5);
    match &replaying {
        VerifyError::Replaying { goal: found, .. } => assert!(*found >= goal, "{replaying}"),
        other => panic!("{other:?}"),
    }
    // One that is done is in nobody's way.
    place.damage(
        "mixed",
        "UPDATE _highwater_checkpoint SET replay_goal = position",
    );
    assert_equal(&workspace, "mixed").await;
}

#[tokio::test]
async fn a_file_that_is_gone_or_damaged_is_named() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 30, 900).await;
    catch_up(&workspace, "mixed").await;
    let file = place.link("mixed").canonicalize().unwrap();
    Connection::open(&file)
        .unwrap()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let whole = std::fs::read(&file).unwrap();
    // Not the file's first pages: they say what it is, and hold our own tables.
    let mut holes = 0;
    for part in 1..8 {
        let mut damaged = whole.clone();
        let at = (whole.len() * part / 8).max(7 * 8192);
        let end = (at + 8192).min(damaged.len());
        damaged[at..end].fill(0xa5);
        std::fs::write(&file, &damaged).unwrap();
        match verified(&workspace, "mixed").await {
            Err(error) => assert!(error.to_string().contains("mixed.db"), "{error}"),
            Ok(checked) => assert!(!checked.comparison.is_equal(), "hole {part}"),
        }
        holes += 1;
    }
    assert_eq!(holes, 7);
    std::fs::write(&file, "no database at all").unwrap();
    let error = verified(&workspace, "mixed").await.unwrap_err();
    assert!(error.to_string().contains("mixed.db"), "{error}");
    std::fs::remove_file(&file).unwrap();
    let error = verified(&workspace, "mixed").await.unwrap_err();
    assert!(error.to_string().contains("mixed.db"), "{error}");
    assert_eq!(place.scratch(), [""; 0]);
}

#[tokio::test]
async fn a_table_that_is_gone_and_one_that_nobody_made_are_told() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 3, 9).await;
    catch_up(&workspace, "mixed").await;
    place.damage("mixed", "DROP TABLE totals; CREATE TABLE extra (x)");
    let checked = verified(&workspace, "mixed").await.unwrap();
    let shape = &checked.comparison.shape;
    let tables: Vec<_> = shape.iter().map(|shape| shape.table.as_str()).collect();
    assert_eq!(tables, ["extra", "totals"]);
    assert_eq!(checked.comparison.total, 0);
    assert!(!checked.comparison.is_equal());
}

#[tokio::test]
async fn one_that_is_stopped_says_how_far_it_was_and_leaves_nothing() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 3, 9).await;
    catch_up(&workspace, "mixed").await;
    let work = Work::new();
    work.stop();
    let stopped = workspace.verify("mixed", 10, &work).await.unwrap_err();
    assert!(stopped.to_string().starts_with("stopped "), "{stopped}");
    assert_eq!(place.scratch(), [""; 0]);
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed_by_the_next() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 3, 9).await;
    catch_up(&workspace, "mixed").await;
    let left = workspace.folder().scratch().join("1-0");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("fresh.db"), "half").unwrap();
    assert_equal(&workspace, "mixed").await;
    assert_eq!(place.scratch(), [""; 0]);
}
