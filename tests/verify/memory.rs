//! Read models that are values in memory are verified and gone back in as tables are.

use std::collections::HashMap;
use std::time::Duration;

use highwater::event::{Event, Position};
use highwater::read::{Fold, FoldQuery, Subscription, VerifyError, rows};
use highwater::shop;
use highwater::workspace::{Domain, Work, Workspace, WorkspaceError};

use crate::kit::{Place, assert_equal, catch_up, grow, verified};

/// Events by stream, in a map without an order.
struct Tally<const REVISION: u32>;

type Counts = HashMap<String, u64>;

impl<const REVISION: u32> Fold for Tally<REVISION> {
    const NAME: &'static str = "tally";
    const REVISION: u32 = REVISION;
    const STORE_EVERY: Duration = Duration::from_millis(1);
    type State = Counts;

    fn subscription() -> Subscription {
        Subscription::all()
    }

    fn evolve(counts: &mut Counts, event: &Event) -> Result<(), String> {
        *counts.entry(event.stream.key().to_owned()).or_default() += u64::from(REVISION);
        Ok(())
    }

    fn queries() -> Vec<FoldQuery<Counts>> {
        vec![FoldQuery::new("All", &[], |counts: &Counts, _| {
            rows([serde_json::json!({ "streams": counts.len() })])
        })]
    }
}

fn open<const REVISION: u32>(place: &Place) -> Workspace {
    let folder = highwater::workspace::Folder::existing(place.path()).unwrap();
    let domain = Domain::new("shop", shop::commands()).with_fold::<Tally<REVISION>>();
    domain.open(folder).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_in_memory_equals_its_fold_whatever_order_its_map_has() {
    let place = Place::new(&[]);
    let workspace = open::<1>(&place);
    grow(&workspace, 40, 200).await;
    catch_up(&workspace, "tally").await;
    assert_equal(&workspace, "tally").await;
    let mut past = workspace.past("tally", 2, Work::new()).await.unwrap();
    for (position, streams) in [(0, 0), (10, 10), (7, 7), (100, 40), (3, 3)] {
        past.step_to(Position::new(position)).await.unwrap();
        let limit = Duration::from_secs(5);
        let answer = past.ask("All", &Default::default(), limit).unwrap();
        assert_eq!(answer.rows[0]["streams"], streams, "at {position}");
    }
    place.damage("tally", "UPDATE state SET state = replace(state, '5', '6')");
    let checked = verified(&workspace, "tally").await.unwrap();
    assert!(!checked.comparison.is_equal());
    drop((past, workspace));
    // Nobody has the code of the other revision.
    let workspace = open::<2>(&place);
    match verified(&workspace, "tally").await {
        Err(WorkspaceError::Verify(error @ VerifyError::Definition { .. })) => {
            assert!(
                error.to_string().contains("highwater rebuild tally"),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
}
