//! Verifying beside engines that go on: events come, versions are built and cut over, and what is compared
//! is of one moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use highwater::event::Position;
use highwater::read::{Copied, Scratch, compare};
use highwater::workspace::{Consistency, Operation, Work};

use crate::kit::{MIXED, PATIENCE, Place, append, assert_equal, catch_up, grow, verified};

#[tokio::test(flavor = "multi_thread")]
async fn it_is_equal_again_and_again_while_events_come_and_versions_are_cut_over() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 20, 2_000).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let done = Arc::new(AtomicBool::new(false));
    let load = {
        let (workspace, done) = (workspace.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                grow(&workspace, 20, 50).await;
            }
        })
    };
    let rebuilds = {
        let (workspace, done) = (workspace.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut rebuilds = 0;
            while !done.load(Ordering::Relaxed) {
                let rebuild =
                    workspace.operate("mixed", Operation::Rebuild { hold: false }, Some(PATIENCE));
                rebuild.await.unwrap();
                rebuilds += 1;
            }
            rebuilds
        })
    };
    let mut positions = Vec::new();
    for _ in 0..8 {
        positions.push(assert_equal(&workspace, "mixed").await);
    }
    done.store(true, Ordering::Relaxed);
    load.await.unwrap();
    assert!(rebuilds.await.unwrap() > 0);
    engine.stop().await;
    assert!(positions.is_sorted(), "no version goes back: {positions:?}");
    assert_eq!(place.scratch(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_folds_the_wal_of_the_read_model_can_shrink() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 20, 100).await;
    catch_up(&workspace, "mixed").await;
    let scratch = Scratch::new(&workspace.folder().scratch()).unwrap();
    let versions = workspace.folder().versions("mixed");
    let work = Work::new();
    let _stored = Copied::live(&versions, "mixed", &scratch, &work).unwrap();
    let db = rusqlite::Connection::open(place.link("mixed")).unwrap();
    db.execute("UPDATE totals SET n = n", []).unwrap();
    let folded = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (busy, left): (i64, i64) = db
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], folded)
        .unwrap();
    assert_eq!((busy, left), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_and_each_kind_of_policy_equals_its_fold() {
    let orders = MIXED.replace("-- policy: live", "-- replicas: eu live, us every 1h");
    let place = Place::new(&[("orders", &orders)]);
    let workspace = place.open();
    grow(&workspace, 5, 30).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let none = BTreeMap::new();
    let strong = Consistency::Strong;
    workspace
        .query("orders@eu", "All", &none, strong, PATIENCE)
        .await
        .unwrap();
    assert_eq!(workspace.read_models().unwrap(), ["orders@eu", "orders@us"]);
    assert!(assert_equal(&workspace, "orders@eu").await >= Position::new(30));
    assert_equal(&workspace, "orders@us").await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_of_one_projection_are_compared_row_by_row() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 5, 31).await;
    catch_up(&workspace, "mixed").await;
    let before = place.link("mixed").canonicalize().unwrap();
    drop(workspace);
    // The fix of a mistake: what was even is odd.
    let fixed = MIXED.replace("iif(n % 2, 'even', 'odd')", "iif(n % 2, 'odd', 'even')");
    place.write("mixed", &fixed);
    let workspace = place.open();
    catch_up(&workspace, "mixed").await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let versions = workspace.folder().versions("mixed");
    let deadline = std::time::Instant::now() + PATIENCE;
    while versions.live().unwrap() == Some(before.clone()) {
        assert!(std::time::Instant::now() < deadline);
        append(&workspace, [("cat-1", "Slept", "{}".to_owned())]).await;
    }
    engine.stop().await;
    let after = place.link("mixed").canonicalize().unwrap();
    let found = compare(&before, &after, 100, &Work::new()).unwrap();
    assert_eq!(found.total, 5, "{found:#?}");
    for difference in &found.differences {
        assert_eq!(difference.table, "counts");
        let fields = difference.fields();
        assert_eq!(fields.len(), 1, "{fields:?}");
        assert_eq!(fields[0].0, "parity");
    }
    assert!(
        verified(&workspace, "mixed")
            .await
            .unwrap()
            .comparison
            .is_equal()
    );
}
