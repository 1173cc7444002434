//! What a held version has parked is told before it answers: what the diff lacks, what can be left out, and
//! what is tried again only after the cutover.

use highwater::event::Position;
use highwater::workspace::{Because, Consistency, Operation, Side, Which, Work, Workspace};

use crate::kit::{Place, append, finished, refused, rows, until, view};
use crate::parked::{at, equal, skip};

/// Takes every amount.
const BILLS: &str = "\
-- on-error: park
-- cutover: asked
-- schema
CREATE TABLE bills (key TEXT PRIMARY KEY, total INTEGER) STRICT;
-- on Bought
INSERT INTO bills VALUES (:key, :data ->> 'amount')
ON CONFLICT (key) DO UPDATE SET total = total + excluded.total;
-- query All()
SELECT * FROM bills ORDER BY key;
";

/// Takes none that is not positive.
fn strict() -> String {
    BILLS.replace("total INTEGER)", "total INTEGER CHECK (total > 0))")
}

async fn buy(workspace: &Workspace, key: &str, amount: i64) -> Position {
    let data = format!("{{\"amount\":{amount}}}");
    let stream = format!("bill-{key}");
    append(workspace, &stream, "Bought", &data).await.last
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_held_version_has_parked_is_told_before_it_answers() {
    let place = Place::new(&[("shop", BILLS)]);
    let workspace = place.open();
    buy(&workspace, "1", 5).await;
    let bad = buy(&workspace, "2", 0).await;
    let behind = buy(&workspace, "2", 7).await;
    let other = buy(&workspace, "3", -1).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    let none = workspace.parked_beside("shop", Position::START, 9).await;
    assert_eq!(none.unwrap(), None);
    place.write("shop", &strict());
    let held = until(&operator, |s| {
        let new = view(s, "shop").rebuild.as_ref();
        new.is_some_and(|new| new.held && new.parked.count.events == 3)
    })
    .await;
    let new = view(&held, "shop").rebuild.clone().unwrap();
    assert_eq!(view(&held, "shop").parked, 0, "the live one has none");
    let sum = new.parked.to_string();
    let first =
        format!("3 events of 2 streams are parked, the first at position {bad}: shop.sql:6: CHECK");
    assert!(sum.starts_with(&first), "{sum}");
    let beside = workspace.parked_beside("shop", Position::START, 9).await;
    let beside = beside.unwrap().unwrap();
    let positions: Vec<_> = beside.events.iter().map(|event| event.position).collect();
    assert_eq!(
        (beside.version, positions),
        (new.version.clone(), vec![bad, behind, other])
    );

    let diff = workspace.diff("shop", 9, &Work::new()).await.unwrap();
    assert_eq!(diff.parked, new.parked);
    let because: Vec<_> = diff
        .because
        .iter()
        .map(|because| match because {
            Because::Event {
                position, parked, ..
            } => (*position, *parked),
            other => panic!("{other:?}"),
        })
        .collect();
    let parked = Some(Side::There);
    assert_eq!(because, [(bad, parked), (other, parked)]);

    let cut_over = Operation::CutOver { version: None };
    let preview = workspace.preview("shop", &cut_over).await.unwrap();
    assert_eq!(preview.parked, new.parked);
    for retry in [at(bad), Operation::Retry(Which::All)] {
        let why = refused(&workspace, "shop", retry).await;
        assert!(why.contains("after the cutover"), "{why}");
        assert!(why.contains(&new.version), "{why}");
    }
    // What only the new version has parked can be left out of it; and back.
    let what = finished(&workspace, "shop", skip(other)).await;
    assert!(
        what.contains(&format!("left out of {}", new.version)),
        "{what}"
    );
    let count = || async {
        let beside = workspace.parked_beside("shop", Position::START, 9).await;
        beside.unwrap().unwrap().count.events
    };
    assert_eq!(count().await, 2);
    let what = finished(&workspace, "shop", Operation::Unskip { event: other }).await;
    assert!(what.contains("parked again in"), "{what}");
    assert_eq!(count().await, 3);
    finished(&workspace, "shop", skip(bad)).await;
    engine.stop().await;
    // Nobody applies events: the files tell.
    assert_eq!(count().await, 2);

    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let what = finished(&workspace, "shop", cut_over).await;
    assert!(
        what.contains("2 events of 2 streams are parked, the first at"),
        "{what}"
    );
    refused(&workspace, "shop", Operation::Retry(Which::All)).await;
    let all = rows(&workspace, "shop", "All", Consistency::Strong).await;
    let totals: Vec<_> = all.iter().map(|row| row["total"].as_i64()).collect();
    assert_eq!(totals, [Some(5), Some(7)], "what waited behind it");
    equal(&workspace).await;
    engine.stop().await;
}
