//! Handlers that are really slow: they hold up their own read model, and nobody's keyboard.

use std::time::{Duration, Instant};

use highwater::workspace::{Consistency, Operation};

use crate::kit::{COUNTS, Place, append_many, finished, rows, until, view};

/// `COUNTS` with a handler that counts to a high number first, for each event.
fn slow() -> String {
    let count = "FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
                 SELECT max(i) FROM n) WHERE true";
    COUNTS.replacen(
        "VALUES (:key, 1, :position)",
        &format!("SELECT :key, 1, :position {count}"),
        1,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_gets_on_page_by_page_and_is_paused_and_stopped_at_once() {
    let place = Place::new(&[("counts", &slow())]);
    let workspace = place.open();
    // More than the time limit of a page has room for.
    append_many(&workspace, 4, 3_000).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let mut seen = 0;
    for _ in 0..3 {
        let snapshot = until(&operator, |s| view(s, "counts").checkpoint.get() > seen).await;
        let counts = view(&snapshot, "counts");
        assert_eq!(counts.fault, None, "nothing is wrong with it");
        seen = counts.checkpoint.get();
    }
    let began = Instant::now();
    finished(&workspace, "counts", Operation::Pause).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(8), "a pause took {took:?}");
    let held = rows(&workspace, "counts", "All", Consistency::Eventual).await;
    let counted: u64 = held.iter().map(|row| row["events"].as_u64().unwrap()).sum();
    assert!((1..3_000).contains(&counted), "{counted} were applied");
    finished(&workspace, "counts", Operation::Resume).await;
    let began = Instant::now();
    engine.stop().await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(8), "the end took {took:?}");
    // What was applied was applied once.
    let snapshot = workspace.snapshot().await.unwrap();
    let counts = view(&snapshot, "counts");
    let rows = rows(&workspace, "counts", "All", Consistency::Eventual).await;
    let counted: u64 = rows.iter().map(|row| row["events"].as_u64().unwrap()).sum();
    // All events but those of the system stream.
    let things = counts.checkpoint.get().min(3_000);
    assert_eq!(counted, things);
}
