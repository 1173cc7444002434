//! Whatever customers do, and however often the process dies in between: in the end each order is shipped or
//! cancelled, and nothing is set aside for one that ended.

use std::sync::Arc;

use highwater::event::Timestamp;
use highwater::log::SharedLog;
use highwater::write::{ProcessCheckpoint, ProcessRunner};
use proptest::prelude::*;

use crate::dying::Dying;
use crate::kit::{PAYMENT_WITHIN, Shop, evening, morning, settle};

const PRODUCTS: [&str; 3] = ["mug", "pot", "cup"];

#[derive(Debug, Clone)]
enum Act {
    /// Of each product so many.
    Place([u64; 3]),
    /// The order's number, counted from the first; and whether the amount is right.
    Pay(usize, bool),
    Cancel(usize),
    Restock(usize, u64),
    /// So many steps of the process.
    Steps(usize),
    /// From so many appends on the process is dead; whether the last one is stored.
    Die(i64, bool),
    /// A new one, which knows its checkpoint, the first one there was, or none.
    Restart(u8),
    /// A third of the time that a customer has goes by.
    Time,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => prop::array::uniform3(0_u64..4).prop_map(Act::Place),
        5 => (0_usize..12, prop::bool::weighted(0.8)).prop_map(|(o, right)| Act::Pay(o, right)),
        2 => (0_usize..12).prop_map(Act::Cancel),
        3 => (0_usize..3, 1_u64..9).prop_map(|(p, n)| Act::Restock(p, n)),
        8 => (1_usize..30).prop_map(Act::Steps),
        4 => (0_i64..12, any::<bool>()).prop_map(|(n, stored)| Act::Die(n, stored)),
        3 => (0_u8..3).prop_map(Act::Restart),
        2 => Just(Act::Time),
    ]
}

struct Run {
    shop: Shop,
    now: Timestamp,
    runner: ProcessRunner,
    /// Where a new one may go on from: as it was after the first steps.
    old: ProcessCheckpoint,
    totals: Vec<u64>,
}

impl Run {
    async fn new() -> Self {
        let shop = Shop::open();
        for product in PRODUCTS {
            shop.stock(product, 4).await;
        }
        let runner = shop.runner().await;
        Self {
            runner,
            shop,
            now: morning(),
            old: ProcessCheckpoint::default(),
            totals: Vec::new(),
        }
    }

    async fn act(&mut self, act: &Act) {
        match *act {
            Act::Place(quantities) => self.place(quantities).await,
            Act::Pay(order, right) => {
                if let Some(total) = self.totals.get(order) {
                    let amount = total + u64::from(!right);
                    self.shop.pay(&order.to_string(), amount).await;
                }
            }
            Act::Cancel(order) => drop(self.shop.cancel(&order.to_string()).await),
            Act::Restock(product, quantity) => {
                self.shop.stock(PRODUCTS[product], quantity).await;
            }
            Act::Steps(steps) => self.steps(steps).await,
            Act::Die(appends, stored) => {
                let log = Dying::after(&self.shop.log, appends, stored) as SharedLog;
                self.restart(log, self.runner.checkpoint()).await;
            }
            Act::Restart(memory) => {
                let checkpoint = match memory {
                    0 => ProcessCheckpoint::default(),
                    1 => self.old.clone(),
                    _ => self.runner.checkpoint(),
                };
                let log = Arc::clone(&self.shop.log) as SharedLog;
                self.restart(log, checkpoint).await;
            }
            Act::Time => self.now += PAYMENT_WITHIN / 3,
        }
    }

    async fn place(&mut self, quantities: [u64; 3]) {
        let lines: Vec<_> = PRODUCTS.into_iter().zip(quantities).collect();
        let lines: Vec<_> = lines.into_iter().filter(|line| line.1 > 0).collect();
        if !lines.is_empty() {
            let order = self.totals.len().to_string();
            self.shop.place(&order, &lines).await;
            self.totals.push(quantities.iter().sum::<u64>() * 100);
        }
    }

    async fn steps(&mut self, steps: usize) {
        for _ in 0..steps {
            // Dead: it does nothing more until there is a new one.
            if self.runner.step(self.now).await.is_err() {
                return;
            }
        }
        if self.old == ProcessCheckpoint::default() {
            self.old = self.runner.checkpoint();
        }
    }

    async fn restart(&mut self, log: SharedLog, checkpoint: ProcessCheckpoint) {
        // One that dies before it has started is one that does nothing.
        if let Ok(runner) = self.shop.runner_on(log, checkpoint).await {
            self.runner = runner;
        }
    }
}

async fn holds(acts: &[Act]) {
    let mut run = Run::new().await;
    for act in acts {
        run.act(act).await;
    }
    run.runner = run.shop.runner_from(run.runner.checkpoint()).await;
    settle(&mut run.runner, run.now).await;
    let later = run.now + PAYMENT_WITHIN;
    settle(&mut run.runner, later.max(evening())).await;
    run.shop.assert_settled().await;
    let before = run.shop.content().await;
    let mut again = run.shop.runner().await;
    settle(&mut again, later.max(evening())).await;
    assert_eq!(
        run.shop.content().await,
        before,
        "after a replay of everything"
    );
}

/// A few each time; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(64)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_interleaving_ends_with_every_order_settled(
        acts in prop::collection::vec(act(), 5..60),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(holds(&acts));
    }
}
