//! What is folded in memory parks as well, though its state is in its file much later.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::event::Event;
use highwater::read::{Fold, FoldQuery, OnError, Subscription, rows as objects};
use highwater::workspace::{Domain, Operation, Which, Work, Workspace};
use serde_json::json;

use crate::kit::{Place, finished, refused, rows, until, view};
use crate::parked::{buy, price};

/// What was bought, at the price when it was taken in. It is never stored by itself.
struct Bills;

#[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct State {
    prices: BTreeMap<String, i64>,
    bills: BTreeMap<String, (i64, Vec<u64>)>,
}

impl Fold for Bills {
    const NAME: &'static str = "bills";
    const REVISION: u32 = 1;
    const STORE_EVERY: Duration = Duration::from_secs(3_600);
    const ON_ERROR: OnError = OnError::Park;
    type State = State;

    fn subscription() -> Subscription {
        Subscription::types(["Bought".to_owned(), "Priced".to_owned()])
    }

    fn evolve(state: &mut State, event: &Event) -> Result<(), String> {
        let (data, key) = (event.data.value(), event.stream.key().to_owned());
        if event.event_type.as_str() == "Priced" {
            let price = data["price"].as_i64().unwrap_or_default();
            state.prices.insert(key, price);
            return Ok(());
        }
        // What it has done before it fails must not stay.
        let bill = state.bills.entry(key).or_default();
        bill.1.push(event.position.get());
        let product = data["product"].as_str().unwrap_or_default();
        bill.0 += state
            .prices
            .get(product)
            .ok_or(format!("{product} has no price"))?;
        Ok(())
    }

    fn queries() -> Vec<FoldQuery<State>> {
        vec![FoldQuery::new("All", &[], |state: &State, _| {
            let row = |(key, (total, events)): (&String, &(i64, Vec<u64>))| json!({ "key": key, "total": total, "events": events.len() });
            objects(state.bills.iter().map(row))
        })]
    }
}

fn open(place: &Place) -> Workspace {
    let domain = Domain::new("shop", highwater::shop::commands()).with_fold::<Bills>();
    domain.open(place.folder()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_in_memory_is_parked_tried_again_and_verified_like_rows() {
    let place = Place::new(&[]);
    let workspace = open(&place);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    price(&workspace, "cup", 1).await;
    // Many fail one after the other, before anything would be stored.
    for key in 0..8 {
        buy(&workspace, &key.to_string(), "mug").await;
        buy(&workspace, &key.to_string(), "cup").await;
        buy(&workspace, "other", "cup").await;
    }
    let parked = |events: u64| until(&operator, move |s| view(s, "bills").parked == events);
    parked(16).await;
    let retry = Operation::Retry(Which::All);
    let why = refused(&workspace, "bills", retry.clone()).await;
    assert!(
        why.contains("8 streams fail again") && why.contains("mug has no price"),
        "{why}"
    );
    price(&workspace, "mug", 10).await;
    // It is taken in before the retry, whatever is stored when.
    finished(&workspace, "bills", Operation::Apply).await;
    let what = finished(&workspace, "bills", retry).await;
    assert_eq!(what, "16 events applied; nothing is parked any more");
    price(&workspace, "mug", 99).await;
    finished(&workspace, "bills", Operation::Apply).await;
    let all = rows(&workspace, "bills", "All", Default::default()).await;
    assert_eq!(all.len(), 9);
    assert!(
        all[..8]
            .iter()
            .all(|row| row["total"] == 11 && row["events"] == 2),
        "{all:?}"
    );
    assert_eq!(all[8]["total"], 8);
    engine.stop().await;
    let checked = workspace.verify("bills", 50, &Work::new()).await.unwrap();
    assert!(checked.comparison.is_equal(), "{:#?}", checked.comparison);
}
