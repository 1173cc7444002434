//! An engine dies while it parks, tries again or skips; the next one ends where the first would have.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use highwater::workspace::{Consistency, Operation, Which};

use crate::child::Other;
use crate::kit::{Place, finished, rows};
use crate::parked::{SHOP, at, buy, equal, list, parked, price, skip};
use crate::parked_reference::{reference, stored};

/// Four events of two streams that could not be applied, and now could be.
async fn four_parked() -> Place {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    for key in ["1", "2", "1", "2"] {
        buy(&workspace, key, "mug").await;
    }
    parked(&operator, 4).await;
    price(&workspace, "mug", 10).await;
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    engine.stop().await;
    place
}

/// Asks, lets an engine die at a point, and has the next one end it: what it said, by type and in words.
async fn dies(place: &Place, operation: Operation, point: &str) -> (String, String) {
    const SIGABRT: i32 = 6;
    let workspace = place.open();
    let asked = workspace.operate("shop", operation, Some(Duration::ZERO));
    asked.await.unwrap();
    let died = Other::start_to_die_at(place.folder().path(), point).died();
    assert_eq!(died.signal(), Some(SIGABRT), "{point}");
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    finished(&workspace, "shop", Operation::Resume).await;
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    engine.stop().await;
    equal(&workspace).await;
    let file = place.folder().versions("shop").link();
    let (rows, checkpoint) = stored(&file);
    assert_eq!(
        rows,
        reference(&workspace, &file, checkpoint).await,
        "{point}"
    );
    let db = rusqlite::Connection::open(place.folder().data().join("log.db")).unwrap();
    let outcomes = "SELECT o.type, o.data ->> 'what' FROM events o JOIN events r
        ON o.data ->> 'request' = r.position AND o.stream = r.stream
        WHERE r.type IN ('RetryRequested', 'SkipRequested', 'UnskipRequested') ORDER BY r.position DESC";
    let mut select = db.prepare(outcomes).unwrap();
    let said = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let said: Vec<(String, String)> = said.map(Result::unwrap).collect();
    let count = "SELECT count(*) FROM events WHERE type IN ('RetryRequested', 'SkipRequested', 'UnskipRequested')";
    let asked: usize = db
        .query_row(count, [], |row| row.get::<_, i64>(0))
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(said.len(), asked, "{point}: one outcome each: {said:?}");
    said.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn parking_happens_once_though_an_engine_dies_in_it() {
    for point in ["before-parked", "after-parked"] {
        let place = Place::new(&[("shop", SHOP)]);
        let workspace = place.open();
        for key in ["1", "2", "1"] {
            buy(&workspace, key, "mug").await;
        }
        let (_, said) = dies(&place, Operation::Retry(Which::All), point).await;
        // It depends on the moment what was parked by then.
        assert!(!said.is_empty());
        let workspace = place.open();
        let operator = workspace.operator().await.unwrap();
        parked(&operator, 3).await;
        assert_eq!(list(&workspace).len(), 3, "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_applies_once_though_an_engine_dies_in_it() {
    for point in [
        "while-retrying",
        "after-retried",
        "before-outcome",
        "after-outcome",
    ] {
        let place = four_parked().await;
        let (ended, what) = dies(&place, Operation::Retry(Which::All), point).await;
        assert_eq!(ended, "Retried", "{point}");
        assert_eq!(
            what, "4 events applied; nothing is parked any more",
            "{point}"
        );
        let place = four_parked().await;
        let first = list(&place.open())[0].position;
        let (ended, _) = dies(&place, at(first), point).await;
        assert_eq!(ended, "Retried", "{point}");
        assert_eq!(list(&place.open()).len(), 3, "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_in_vain_is_one_try_though_an_engine_dies_in_it() {
    for point in ["while-retrying", "before-outcome", "after-outcome"] {
        let place = four_parked().await;
        let workspace = place.open();
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        let operator = workspace.operator().await.unwrap();
        let bad = buy(&workspace, "3", "none").await;
        parked(&operator, 5).await;
        engine.stop().await;
        drop((operator, workspace));
        let (ended, what) = dies(&place, at(bad), point).await;
        assert_eq!(ended, "OperationFailed", "{point}");
        assert!(what.contains("after 6 tries"), "{point}: {what}");
        let listed = list(&place.open());
        let listed = listed.iter().find(|event| event.position == bad).unwrap();
        assert_eq!(listed.tries, 6, "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skip_and_its_end_happen_once_though_an_engine_dies_in_them() {
    for point in ["after-skipped", "before-outcome", "after-outcome"] {
        let place = four_parked().await;
        let first = list(&place.open())[0].position;
        let (ended, _) = dies(&place, skip(first), point).await;
        assert_eq!(ended, "Skipped", "{point}");
        assert_eq!(list(&place.open()).len(), 3, "{point}");
        if point != "after-skipped" {
            let (ended, _) = dies(&place, Operation::Unskip { event: first }, point).await;
            assert_eq!(ended, "Unskipped", "{point}");
            assert_eq!(list(&place.open()).len(), 4, "{point}");
        }
    }
}
