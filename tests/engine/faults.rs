//! Faults on demand: a projection falls behind or stops at an event, says that this was injected, and recovers
//! to what a fold without faults makes of the same log.

use std::time::{Duration, Instant};

use highwater::lag::Status;
use highwater::lag::why::Remedy;
use highwater::workspace::{Consistency, INJECTED, Operation, Workspace};

use crate::kit::{COUNTS, Place, append, append_many, finished, rows, until, view};

/// Two that make the same of the same events: one will have faults.
fn twins() -> Place {
    Place::new(&[("counts", COUNTS), ("twin", COUNTS)])
}

fn allowed(place: &Place) -> Workspace {
    let workspace = place.open();
    workspace.allow_faults();
    workspace
}

fn inject(workspace: &Workspace, order: &str) -> String {
    workspace.inject(&order.parse().unwrap()).unwrap()
}

fn refusal(workspace: &Workspace, order: &str) -> String {
    workspace
        .inject(&order.parse().unwrap())
        .unwrap_err()
        .to_string()
}

async fn assert_twins(workspace: &Workspace) {
    let counts = rows(workspace, "counts", "All", Consistency::Strong).await;
    let twin = rows(workspace, "twin", "All", Consistency::Strong).await;
    assert_eq!(counts, twin);
    assert!(!counts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_projection_falls_behind_and_catches_up_once_the_fault_is_stopped() {
    let place = twins();
    let workspace = allowed(&place);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let said = inject(&workspace, "slow counts 20ms");
    assert!(said.contains("20ms longer"), "{said}");
    append_many(&workspace, 4, 2_000).await;
    let snapshot = until(&operator, |s| {
        let counts = view(s, "counts");
        view(s, "twin").lag.behind == 0 && counts.checkpoint.get() > 0 && counts.injected.is_some()
    })
    .await;
    let counts = view(&snapshot, "counts");
    assert!(counts.lag.behind > 1_000, "{:?}", counts.lag);
    let shown = counts.injected.as_ref().map(ToString::to_string);
    assert_eq!(shown.as_deref(), Some("slow 20ms"));
    assert_eq!(view(&snapshot, "twin").injected, None);
    let began = Instant::now();
    finished(&workspace, "counts", Operation::Pause).await;
    finished(&workspace, "counts", Operation::Resume).await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    inject(&workspace, "stop counts");
    until(&operator, |s| {
        view(s, "counts").lag.behind == 0 && view(s, "counts").injected.is_none()
    })
    .await;
    assert_twins(&workspace).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_stops_at_once_in_the_middle_of_the_slowest_event_and_a_restart_ends_the_fault() {
    let place = twins();
    let workspace = allowed(&place);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    inject(&workspace, "slow counts 500ms");
    append_many(&workspace, 4, 500).await;
    until(&operator, |s| view(s, "counts").checkpoint.get() > 1).await;
    let began = Instant::now();
    engine.stop().await;
    assert!(
        began.elapsed() < Duration::from_millis(400),
        "{:?}",
        began.elapsed()
    );
    drop((operator, workspace));
    let workspace = allowed(&place);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_twins(&workspace).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_event_stops_its_projection_until_the_fault_is_stopped_and_it_is_resumed() {
    let place = twins();
    let workspace = allowed(&place);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    inject(&workspace, "poison counts ThingBroken");
    append_many(&workspace, 4, 100).await;
    let culprit = append(&workspace, "thing-1", "ThingBroken", "{}")
        .await
        .last;
    append_many(&workspace, 4, 100).await;
    let stopped = Status::Faulted(culprit);
    let snapshot = until(&operator, |s| view(s, "counts").lag.status == stopped).await;
    let counts = view(&snapshot, "counts");
    assert_eq!(
        counts.checkpoint.next(),
        culprit,
        "what stood before it is applied"
    );
    let fault = counts.fault.as_ref().unwrap();
    assert!(fault.error.starts_with(INJECTED), "{fault:?}");
    assert!(fault.error.contains(":fault stop counts"), "{fault:?}");
    let shown = counts.injected.as_ref().unwrap().to_string();
    assert_eq!(shown, format!("poison at event {culprit}"));
    // As long as the fault is on, resuming leads to the same event; and says so.
    let said = finished(&workspace, "counts", Operation::Resume).await;
    assert_eq!(said, format!("tries event {culprit} again"));
    until(&operator, |s| view(s, "counts").lag.status != stopped).await;
    until(&operator, |s| view(s, "counts").lag.status == stopped).await;
    let said = inject(&workspace, "stop");
    assert!(said.contains("resume it"), "{said}");
    let snapshot = until(&operator, |s| view(s, "counts").injected.is_none()).await;
    let case = snapshot.case(view(&snapshot, "counts"));
    let sentence = case.sentence(&case.verdict());
    assert!(
        sentence.ends_with("it has ended, `:resume counts` lets it go on."),
        "{sentence}"
    );
    assert_eq!(case.remedies(&case.verdict()), [Remedy::TryAgain]);
    finished(&workspace, "counts", Operation::Resume).await;
    let done = |s: &highwater::workspace::Snapshot| {
        let counts = view(s, "counts");
        counts.lag.behind == 0 && counts.fault.is_none() && counts.injected.is_none()
    };
    until(&operator, done).await;
    assert_twins(&workspace).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_built_beside_the_faulty_one_is_spared_and_has_the_fault_once_it_answers()
{
    let place = twins();
    let workspace = allowed(&place);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let middle = append_many(&workspace, 4, 1_000).await;
    until(&operator, |s| view(s, "counts").checkpoint >= middle).await;
    inject(&workspace, "slow counts 500ms");
    append_many(&workspace, 4, 1_000).await;
    until(&operator, |s| view(s, "counts").checkpoint > middle).await;
    // Also while the version that answers is never at rest.
    let began = Instant::now();
    finished(&workspace, "counts", Operation::Rebuild { hold: false }).await;
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "not an event of it was slowed"
    );
    let snapshot = workspace.snapshot().await.unwrap();
    let counts = view(&snapshot, "counts");
    assert!(counts.version.ends_with("-2") && counts.lag.behind > 800);
    inject(&workspace, "stop");
    assert_twins(&workspace).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_refused_where_nobody_allowed_them_and_where_they_name_nothing() {
    let text = COUNTS.replace("-- on *", "-- on Named, Renamed");
    let place = Place::new(&[("names", &text), ("counts", COUNTS)]);
    let workspace = place.open();
    assert!(refusal(&workspace, "slow counts 20ms").contains("highwater demo"));
    assert!(refusal(&workspace, "stop").contains("highwater demo"));
    workspace.allow_faults();
    assert!(refusal(&workspace, "slow nosuch 20ms").contains("counts, names"));
    assert!(refusal(&workspace, "stop nosuch").contains("counts, names"));
    let said = refusal(&workspace, "poison names NoSuchType");
    assert!(said.contains("Named, Renamed"), "{said}");
    inject(&workspace, "poison names Renamed");
    assert_eq!(
        inject(&workspace, "stop counts"),
        "counts has no fault to stop"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_projection_is_said_to_stall_and_goes_on_by_itself_once_the_fault_is_stopped() {
    let place = twins();
    let workspace = allowed(&place);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    inject(&workspace, "stall counts");
    append_many(&workspace, 4, 50).await;
    let snapshot = until(&operator, |s| {
        view(s, "counts").lag.status == Status::Stalled
    })
    .await;
    let case = snapshot.case(view(&snapshot, "counts"));
    let sentence = case.sentence(&case.verdict());
    assert!(
        sentence.contains(INJECTED) && sentence.ends_with("A fault is injected: stall."),
        "{sentence}"
    );
    inject(&workspace, "stop");
    until(&operator, |s| view(s, "counts").lag.status == Status::Live).await;
    assert_twins(&workspace).await;
    engine.stop().await;
}
