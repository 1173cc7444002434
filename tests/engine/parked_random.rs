//! Whatever fails, is tried again, skipped, rebuilt and killed in whatever order: a read model equals a fold
//! with the exceptions that its file names, nothing is lost, nothing counts twice, and streams keep their order.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use highwater::event::{Position, StreamId};
use highwater::workspace::{Operation, Which, Work, Workspace};
use proptest::prelude::*;
use proptest::sample::select;

use crate::child::Other;
use crate::kit::{PATIENCE, Place, finished, until, view};
use crate::parked::{SHOP, buy, price};
use crate::parked_reference::{reference, stored};

const PRODUCTS: [&str; 4] = ["mug", "cup", "pot", "jar"];

#[derive(Debug, Clone)]
enum Act {
    Buy(u8, &'static str),
    Price(&'static str, i64),
    /// Of what is parked, about the n-th.
    Retry(usize),
    RetryStream(u8),
    RetryAll,
    Skip(usize),
    Undo,
    Ask(Operation),
    Write(bool),
    Start,
    Stop,
    Kill,
    Milliseconds(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let product = || select(PRODUCTS.to_vec());
    let operation = prop_oneof![
        Just(Operation::Pause),
        Just(Operation::Resume),
        Just(Operation::Resume),
        Just(Operation::Rebuild { hold: false }),
        Just(Operation::RollBack { from: None }),
        Just(Operation::SetPolicy("batch 5 or 20ms".parse().unwrap())),
        Just(Operation::SetPolicy("live".parse().unwrap())),
    ];
    prop_oneof![
        12 => (0_u8..5, product()).prop_map(|(key, product)| Act::Buy(key, product)),
        3 => (product(), 1_i64..50).prop_map(|(product, price)| Act::Price(product, price)),
        4 => (0_usize..10).prop_map(Act::Retry),
        2 => (0_u8..5).prop_map(Act::RetryStream),
        3 => Just(Act::RetryAll),
        2 => (0_usize..10).prop_map(Act::Skip),
        1 => Just(Act::Undo),
        3 => operation.prop_map(Act::Ask),
        1 => any::<bool>().prop_map(Act::Write),
        3 => Just(Act::Start),
        1 => Just(Act::Stop),
        2 => Just(Act::Kill),
        5 => (0_u64..60).prop_map(Act::Milliseconds),
    ]
}

struct Run {
    place: Place,
    workspace: Workspace,
    engines: Vec<Other>,
}

impl Run {
    async fn act(&mut self, act: &Act) {
        match act {
            Act::Buy(key, product) => drop(buy(&self.workspace, &key.to_string(), product).await),
            Act::Price(product, is) => drop(price(&self.workspace, product, *is).await),
            Act::Retry(nth) => {
                if let Some(event) = self.nth(*nth) {
                    self.ask(Operation::Retry(Which::Event(event))).await;
                }
            }
            Act::RetryStream(key) => {
                let stream = StreamId::new(&format!("bill-{key}")).unwrap();
                self.ask(Operation::Retry(Which::Stream(stream))).await;
            }
            Act::RetryAll => self.ask(Operation::Retry(Which::All)).await,
            Act::Skip(nth) => {
                if let Some(event) = self.nth(*nth) {
                    let reason = "not wanted".to_owned();
                    self.ask(Operation::Skip { event, reason }).await;
                }
            }
            Act::Undo => {
                let undone = self.workspace.undo("shop", Some(Duration::ZERO)).await;
                drop(undone.unwrap());
            }
            Act::Ask(operation) => self.ask(operation.clone()).await,
            Act::Write(other) => self.place.write("shop", &definition(*other)),
            Act::Start => {
                if self.engines.len() < 2 {
                    let mut engine = Other::start(self.place.folder().path());
                    engine.ready();
                    self.engines.push(engine);
                }
            }
            Act::Stop => drop(self.engines.pop().map(Other::stop)),
            Act::Kill => {
                if !self.engines.is_empty() {
                    self.engines.remove(0).kill();
                }
            }
            Act::Milliseconds(some) => {
                let deadline = Instant::now() + Duration::from_millis(*some);
                let never = Position::new(u64::MAX);
                let waited = self.workspace.log().wait(never, Some(deadline)).await;
                waited.unwrap();
            }
        }
    }

    /// One of the parked events, or of those near it.
    fn nth(&self, nth: usize) -> Option<Position> {
        let parked = self.workspace.parked("shop", Position::START, 100).ok()?.1;
        let at = nth.checked_rem(parked.len())?;
        Some(parked[at].position)
    }

    async fn ask(&self, operation: Operation) {
        let asked = self
            .workspace
            .operate("shop", operation, Some(Duration::ZERO));
        drop(asked.await.unwrap());
    }

    async fn come_to_rest(&mut self) {
        for engine in self.engines.drain(..) {
            engine.kill();
        }
        let mut engine = self.workspace.start(None).unwrap();
        engine.ready().await;
        finished(&self.workspace, "shop", Operation::Resume).await;
        let live = Operation::SetPolicy("live".parse().unwrap());
        finished(&self.workspace, "shop", live).await;
        let operator = self.workspace.operator().await.unwrap();
        let log = self.place.folder().data().join("log.db");
        until(&operator, |snapshot| {
            let shop = view(snapshot, "shop");
            shop.lag.behind == 0
                && shop.lag.behind_exact
                && shop.rebuild.is_none()
                && requests(&log).iter().all(|outcomes| *outcomes > 0)
        })
        .await;
        engine.stop().await;
    }
}

/// The same content by another definition, or by the first one again.
fn definition(other: bool) -> String {
    if other {
        SHOP.replace(
            "total = total + excluded.total",
            "total = excluded.total + total",
        )
    } else {
        SHOP.to_owned()
    }
}

/// How many outcomes each request has.
fn requests(log: &std::path::Path) -> Vec<i64> {
    let db = rusqlite::Connection::open(log).unwrap();
    let mut select = db
        .prepare(
            "SELECT (SELECT count(*) FROM events o
                 WHERE o.stream = r.stream AND o.data ->> 'request' = r.position)
             FROM events r WHERE r.stream = '$projection-shop' AND r.type LIKE '%Requested'",
        )
        .unwrap();
    let counts = select.query_map([], |row| row.get(0));
    counts.unwrap().map(Result::unwrap).collect()
}

async fn holds(acts: &[Act]) {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let mut run = Run {
        place,
        workspace,
        engines: Vec::new(),
    };
    for act in acts {
        let done = tokio::time::timeout(PATIENCE, run.act(act)).await;
        assert!(done.is_ok(), "{act:?} never ended");
    }
    run.come_to_rest().await;
    let file = run.place.folder().versions("shop").link();
    let (rows, checkpoint) = stored(&file);
    assert_eq!(
        rows,
        reference(&run.workspace, &file, checkpoint).await,
        "stored, folded here"
    );
    let checked = run
        .workspace
        .verify("shop", 50, &Work::new())
        .await
        .unwrap();
    assert!(checked.comparison.is_equal(), "{:#?}", checked.comparison);
    let outcomes: BTreeSet<i64> = requests(&run.place.folder().data().join("log.db"))
        .into_iter()
        .collect();
    assert!(outcomes.iter().all(|n| *n == 1), "{outcomes:?}");
}

/// A few each time; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(12)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_interleaving_ends_with_a_fold_that_has_the_same_exceptions(
        acts in prop::collection::vec(act(), 10..60),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(holds(&acts));
    }
}
