//! Breaches of objectives as events: raised and cleared once each, by whoever owns the projection.

use std::time::Duration;

use highwater::event::{Position, Timestamp};
use highwater::workspace::{Operation, Turn, Workspace};

use crate::child::Other;
use crate::kit::{COUNTS, PATIENCE, Place, append_many, finished, until, view};

fn strict() -> String {
    COUNTS.replace("-- policy: live", "-- policy: live\n-- objective: 100ms")
}

/// The beginnings and ends of breaches that are recorded.
async fn turns(workspace: &Workspace) -> Vec<Turn> {
    let history = workspace.history(Some("counts")).await.unwrap();
    history.into_iter().filter_map(|line| line.breach).collect()
}

/// Waits until so many are.
async fn until_turns(workspace: &Workspace, count: usize) -> Vec<Turn> {
    let waiting = async {
        let mut head = workspace.log().head().await.unwrap();
        loop {
            let turns = turns(workspace).await;
            if turns.len() >= count {
                return turns;
            }
            head = workspace.log().wait(head, None).await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_is_an_event_when_it_begins_and_when_it_ends_with_its_true_times() {
    let place = Place::new(&[("counts", &strict())]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    finished(&workspace, "counts", Operation::Pause).await;
    let before = workspace.log().head().await.unwrap();
    append_many(&workspace, 1, 3).await;
    let stored = workspace.log().read_all(before, 1).await.unwrap()[0].recorded_at;
    let raised = until_turns(&workspace, 1).await;
    let [Turn::Raised(since)] = raised[..] else {
        panic!("{raised:?}");
    };
    let late = since.duration_since(stored).as_millis();
    assert!(
        (99..150).contains(&late),
        "breached {late} ms after it was stored"
    );
    let resumed = Timestamp::now();
    finished(&workspace, "counts", Operation::Resume).await;
    let cleared = until_turns(&workspace, 2).await;
    let Turn::Cleared(held) = cleared[1] else {
        panic!("{cleared:?}");
    };
    assert!(held >= resumed, "{held} {resumed}");
    engine.stop().await;
    assert_eq!(turns(&workspace).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_that_an_engine_died_in_is_cleared_by_the_next_and_counted_once() {
    let place = Place::new(&[("counts", &strict())]);
    let workspace = place.open();
    let mut other = Other::start(place.folder().path());
    other.ready();
    finished(&workspace, "counts", Operation::Pause).await;
    append_many(&workspace, 1, 3).await;
    until_turns(&workspace, 1).await;
    other.kill();
    let operator = workspace.operator().await.unwrap();
    until(&operator, |s| s.engine.pid.is_none()).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    until(&operator, |s| view(s, "counts").breach).await;
    finished(&workspace, "counts", Operation::Resume).await;
    let turns = until_turns(&workspace, 2).await;
    assert!(
        matches!(turns[..], [Turn::Raised(_), Turn::Cleared(_)]),
        "{turns:?}"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_counts_though_it_is_over_before_anybody_looks() {
    let place = Place::new(&[("counts", &strict())]);
    let workspace = place.open();
    append_many(&workspace, 1, 3).await;
    let stored = workspace.log().read_all(Position::START, 1).await.unwrap()[0].recorded_at;
    while Timestamp::now().duration_since(stored).as_millis() < 400 {
        tokio::task::yield_now().await;
    }
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let turns = until_turns(&workspace, 2).await;
    let [Turn::Raised(since), Turn::Cleared(held)] = turns[..] else {
        panic!("{turns:?}");
    };
    assert_eq!(since.duration_since(stored).as_millis(), 100);
    assert!(held.duration_since(stored).as_millis() >= 400, "{held}");
    let service = workspace.service("counts").await.unwrap().unwrap();
    assert_eq!(service.breaches, 1);
    assert!(
        service.breached >= Duration::from_millis(300),
        "{service:?}"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_counts_while_nobody_is_there_to_record_it_and_once_only_afterwards() {
    let place = Place::new(&[("counts", &strict())]);
    let workspace = place.open();
    let mut other = Other::start(place.folder().path());
    other.ready();
    append_many(&workspace, 1, 3).await;
    let operator = workspace.operator().await.unwrap();
    until(&operator, |s| {
        view(s, "counts").lag.behind == 0 && view(s, "counts").checkpoint.get() >= 3
    })
    .await;
    other.kill();
    until(&operator, |s| s.engine.pid.is_none()).await;
    let before = workspace.service("counts").await.unwrap().unwrap();
    let head = append_many(&workspace, 1, 1).await;
    let event = workspace
        .log()
        .read_all(Position::new(head.get() - 1), 1)
        .await
        .unwrap();
    let stored = event[0].recorded_at;
    while Timestamp::now().duration_since(stored).as_millis() < 400 {
        tokio::task::yield_now().await;
    }
    let service = workspace.service("counts").await.unwrap().unwrap();
    assert_eq!(service.breaches, before.breaches + 1, "{service:?}");
    let more = service.breached.saturating_sub(before.breached);
    assert!(more >= Duration::from_millis(300), "{service:?}");
    let known = turns(&workspace).await.len();

    // The next engine records the same one.
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    until_turns(&workspace, known + 2).await;
    let after = workspace.service("counts").await.unwrap().unwrap();
    assert_eq!(after.breaches, service.breaches);
    assert!(after.breached >= service.breached, "{after:?}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_without_an_engine_sees_a_change_within_a_tenth_of_a_second() {
    let place = Place::new(&[("counts", COUNTS)]);
    let mut other = Other::start(place.folder().path());
    other.ready();
    let workspace = place.open();
    let operator = workspace.operator().await.unwrap();
    let mut took = Vec::new();
    for _ in 0..20 {
        let began = std::time::Instant::now();
        let last = append_many(&workspace, 1, 1).await;
        until(&operator, |s| view(s, "counts").checkpoint >= last).await;
        took.push(began.elapsed());
    }
    took.sort();
    // A busy machine holds some of them up; whoever looks once a second only would see one in ten so soon.
    let some = took[took.len() / 4];
    println!("a quarter within {some:?}, the slowest {:?}", took[19]);
    assert!(some < Duration::from_millis(100), "{took:?}");
}
