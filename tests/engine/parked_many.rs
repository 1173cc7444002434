//! Many events that cannot be applied, of many streams: they hold nobody up for long, and each stream keeps
//! its order.

use std::time::{Duration, Instant};

use highwater::event::{EventType, JsonObject, NewEvent, StreamId};
use highwater::log::{Commit, CommitId, Expected};
use highwater::workspace::{Consistency, Operation, Which, Workspace};

use crate::kit::{Place, finished, rows};
use crate::parked::{SHOP, buy, equal, list, parked, price};

/// One event each of so many streams that cannot be applied, and every other one that can.
async fn poison(workspace: &Workspace, streams: usize) {
    let event = |n: usize| {
        let product = if n.is_multiple_of(2) { "teapot" } else { "mug" };
        let data = format!("{{\"product\":\"{product}\"}}");
        NewEvent::new(
            EventType::new("Bought").unwrap(),
            JsonObject::parse(&data).unwrap(),
        )
    };
    let commits = (0..2 * streams).map(|n| Commit {
        id: CommitId::new(),
        stream: StreamId::new(&format!("bill-{n}")).unwrap(),
        expected: Expected::Any,
        events: vec![event(n)],
    });
    for answer in workspace.log().append_all(commits.collect()).await {
        answer.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_many_streams_that_cannot_be_applied_hold_a_good_one_back_for_a_moment_only() {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    price(&workspace, "mug", 10).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let began = Instant::now();
    poison(&workspace, 300).await;
    buy(&workspace, "good", "mug").await;
    let all = rows(&workspace, "shop", "All", Consistency::Strong).await;
    let took = began.elapsed();
    println!("a good event behind 300 that fail is visible after {took:?}");
    assert_eq!(all.len(), 301);
    // With the pauses of each, one after the other, it would be most of a minute.
    assert!(took < Duration::from_secs(20), "{took:?}");
    parked(&operator, 300).await;
    // The first get every try there is: it may be about these events only. Then it is about many.
    let tries: Vec<u32> = list(&workspace).iter().map(|event| event.tries).collect();
    assert_eq!(tries[..3], [5; 3]);
    assert_eq!(tries[3..], [1; 297]);
    equal(&workspace).await;
    // What follows one in its stream waits behind it.
    let behind = buy(&workspace, "0", "mug").await;
    parked(&operator, 301).await;
    assert_eq!(list(&workspace).last().unwrap().position, behind);
    price(&workspace, "teapot", 7).await;
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    let what = finished(&workspace, "shop", Operation::Retry(Which::All)).await;
    assert!(what.starts_with("301 events applied"), "{what}");
    equal(&workspace).await;
    engine.stop().await;
}
