//! Who did what, and taking it back: undo by requests, never by changing what was stored.

use highwater::event::{EventType, JsonObject, NewEvent, StreamId};
use highwater::log::{Commit, CommitId, Expected};
use highwater::workspace::{CannotUndo, Done, Operation, Policy, Undone, Workspace};

use crate::kit::{COUNTS, PATIENCE, Place, append_many, finished, until, view};

async fn undo(workspace: &Workspace) -> Result<Undone, CannotUndo> {
    workspace.undo("counts", Some(PATIENCE)).await.unwrap()
}

fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_goes_back_one_operation_at_a_time_and_ends_where_it_began() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 1, 3).await;
    for operation in [
        Operation::SetPolicy(policy("every 2s")),
        Operation::Pause,
        Operation::SetPolicy(policy("manual")),
        Operation::Resume,
    ] {
        finished(&workspace, "counts", operation).await;
    }
    let mut taken_back = Vec::new();
    while let Ok(undone) = undo(&workspace).await {
        assert!(matches!(undone.done, Done::Finished { .. }), "{undone:?}");
        taken_back.push((undone.was, undone.by.to_string()));
    }
    let expected = [
        ("resume", "pause"),
        ("policy manual", "policy every 2s"),
        ("pause", "resume"),
        ("policy every 2s", "policy live"),
    ];
    assert_eq!(
        taken_back,
        expected.map(|(was, by)| (was.to_owned(), by.to_owned()))
    );
    let snapshot = workspace.snapshot().await.unwrap();
    assert_eq!(snapshot.projections[0].policy, policy("live"));
    let nothing = undo(&workspace).await.unwrap_err();
    assert!(matches!(nothing, CannotUndo::Nothing), "{nothing}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_and_cut_over_to_stands_in_nobodys_way() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 1, 3).await;
    finished(&workspace, "counts", Operation::Pause).await;
    finished(&workspace, "counts", Operation::Resume).await;
    finished(&workspace, "counts", Operation::Rebuild { hold: true }).await;
    finished(&workspace, "counts", Operation::CutOver { version: None }).await;
    let mut taken_back = Vec::new();
    while let Ok(undone) = undo(&workspace).await {
        assert!(matches!(undone.done, Done::Finished { .. }), "{undone:?}");
        taken_back.push(undone.was.split(' ').next().unwrap().to_owned());
    }
    assert_eq!(taken_back, ["cutover", "resume", "pause"]);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_back_is_named_with_the_reason_and_changes_nothing() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 1, 3).await;
    finished(&workspace, "counts", Operation::Pause).await;
    finished(&workspace, "counts", Operation::Resume).await;
    finished(&workspace, "counts", Operation::Apply).await;
    let head = workspace.log().head().await.unwrap();
    let why = undo(&workspace).await.unwrap_err();
    assert!(why.to_string().starts_with("`apply` (position "), "{why}");
    assert_eq!(workspace.log().head().await.unwrap(), head);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_nobody_carried_out_yet_is_not_taken_back() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    workspace
        .operate("counts", Operation::Pause, None)
        .await
        .unwrap();
    let why = undo(&workspace).await.unwrap_err();
    assert!(matches!(why, CannotUndo::NotDone { .. }), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_says_who_asked_what_and_what_became_of_it_and_passes_nonsense_over() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    for (event_type, data) in [
        ("PolicyRequested", r#"{"policy":"whenever"}"#),
        ("PauseRequested", r#"{"request":"x"}"#),
        ("Nonsense", "{}"),
        ("DefinitionChanged", r#"{"hash":7}"#),
        ("Paused", r#"{"request":999999}"#),
    ] {
        let event = NewEvent::new(
            EventType::new(event_type).unwrap(),
            JsonObject::parse(data).unwrap(),
        );
        let commit = Commit {
            id: CommitId::new(),
            stream: StreamId::new("$projection-counts").unwrap(),
            expected: Expected::Any,
            events: vec![event],
        };
        workspace.log().append(commit).await.unwrap();
    }
    finished(&workspace, "counts", Operation::Resume).await;
    let history = workspace.history(None).await.unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|line| {
            let outcome = line.outcome.as_ref().map(|outcome| outcome.finished);
            (line.what.as_str(), line.by.is_some(), outcome)
        })
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].0.starts_with("file says "), "{told:?}");
    // What was written by hand counts as asked for, where it makes sense.
    assert_eq!(told[1], ("pause", true, Some(true)));
    assert_eq!(told[2], ("resume", true, Some(true)));
    assert!(workspace.history(Some("nosuch")).await.is_err());
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_not_taken_back_over_a_file_that_was_saved_since() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    finished(
        &workspace,
        "counts",
        Operation::SetPolicy(policy("every 1s")),
    )
    .await;
    let operator = workspace.operator().await.unwrap();
    place.write(
        "counts",
        &COUNTS.replace("policy: live", "policy: every 4s"),
    );
    until(&operator, |s| {
        view(s, "counts").policy == policy("every 4s")
    })
    .await;
    let why = undo(&workspace).await.unwrap_err();
    assert!(
        why.to_string().contains("its file was saved since"),
        "{why}"
    );
    assert_eq!(
        workspace.snapshot().await.unwrap().projections[0].policy,
        policy("every 4s")
    );
    engine.stop().await;
}
