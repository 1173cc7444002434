//! The process dies at each of its writes, before and after it is stored; the next one goes on as if nothing
//! had been.

use std::sync::Arc;

use highwater::log::SharedLog;
use highwater::write::{ProcessCheckpoint, ProcessRunner};

use crate::dying::Dying;
use crate::kit::{Shop, evening, morning, settle, try_settle};

/// One order of each kind: paid, out of stock halfway, forgotten, cancelled by the customer.
async fn prepared() -> (Shop, ProcessCheckpoint) {
    let shop = Shop::open();
    shop.stock("mug", 9).await;
    shop.stock("pot", 3).await;
    shop.place("paid", &[("mug", 2), ("pot", 1)]).await;
    shop.place("greedy", &[("mug", 1), ("pot", 9)]).await;
    shop.place("forgotten", &[("mug", 1), ("pot", 1)]).await;
    let mut runner = shop.runner().await;
    for _ in 0..9 {
        runner.step(morning()).await.unwrap();
    }
    shop.pay("paid", 300).await;
    shop.place("cancelled", &[("mug", 1)]).await;
    shop.cancel("cancelled").await;
    (shop, runner.checkpoint())
}

/// From the morning, when nothing is overdue, to the evening.
async fn the_day(runner: &mut ProcessRunner) -> bool {
    try_settle(runner, morning()).await.is_ok() && try_settle(runner, evening()).await.is_ok()
}

async fn undisturbed() -> Vec<String> {
    let (shop, checkpoint) = prepared().await;
    let mut runner = shop.runner_from(checkpoint).await;
    settle(&mut runner, morning()).await;
    settle(&mut runner, evening()).await;
    shop.assert_settled().await;
    shop.content().await
}

/// Dies at an append, and is followed by another. Answers whether it came to that.
async fn dies_at(append: i64, stored: bool, forgets: bool, expected: &[String]) -> bool {
    let (shop, checkpoint) = prepared().await;
    let log = Dying::after(&shop.log, append, stored) as SharedLog;
    let mut mortal = shop.runner_on(log, checkpoint.clone()).await.unwrap();
    let alive = the_day(&mut mortal).await;
    let last = if forgets {
        ProcessCheckpoint::default()
    } else {
        mortal.checkpoint()
    };
    for checkpoint in [checkpoint, last] {
        let mut next = shop.runner_from(checkpoint).await;
        assert!(the_day(&mut next).await);
        let content = shop.content().await;
        assert_eq!(content, expected, "died at {append}, stored: {stored}");
    }
    !alive
}

#[tokio::test]
async fn whatever_it_dies_at_the_log_ends_as_without_a_death() {
    let expected = undisturbed().await;
    for stored in [false, true] {
        let mut append = 0;
        while dies_at(append, stored, append % 2 == 0, &expected).await {
            append += 1;
        }
        assert!(append > 20, "only {append} appends");
    }
}

#[tokio::test]
async fn one_that_dies_at_every_write_gets_to_the_end_all_the_same() {
    let expected = undisturbed().await;
    for stored in [false, true] {
        let (shop, mut checkpoint) = prepared().await;
        let mut lives = 0;
        loop {
            lives += 1;
            assert!(lives < 1_000, "it never gets to the end");
            // One that is never stored must get one further each time.
            let appends = if stored { 0 } else { 1 };
            let log = Dying::after(&shop.log, appends, stored);
            let log = Arc::clone(&log) as SharedLog;
            let Ok(mut mortal) = shop.runner_on(log, checkpoint.clone()).await else {
                continue;
            };
            let time = if lives < 60 { morning() } else { evening() };
            let alive = try_settle(&mut mortal, time).await.is_ok();
            checkpoint = mortal.checkpoint();
            if alive && lives >= 60 {
                break;
            }
        }
        assert_eq!(shop.content().await, expected, "stored: {stored}");
        shop.assert_settled().await;
    }
}
