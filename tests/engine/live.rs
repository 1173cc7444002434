//! Projections that are edited while they run, and replicas: each ends in what the last save asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::event::Position;
use highwater::lag::Status;
use highwater::workspace::{Consistency, Operation, Operator, Workspace};

use crate::kit::{COUNTS, PATIENCE, Place, append_many, finished, rows, until, view};

/// As `COUNTS`, but each event counts double.
fn doubled() -> String {
    COUNTS
        .replace("events + 1", "events + 2")
        .replace("(:key, 1,", "(:key, 2,")
}

async fn total(workspace: &Workspace) -> u64 {
    let rows = rows(workspace, "counts", "All", Consistency::Strong).await;
    rows.iter().map(|row| row["events"].as_u64().unwrap()).sum()
}

/// Until the read model is what its file says now, and has everything.
async fn settled(operator: &Operator, workspace: &Workspace) {
    until(operator, |snapshot| {
        let counts = view(snapshot, "counts");
        let Ok(projection) = workspace.projection("counts") else {
            return false;
        };
        counts.rebuild.is_none()
            && counts.lag.behind == 0
            && counts.lag.behind_exact
            && counts.version.starts_with(projection.short_hash())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_file_is_built_beside_the_live_version_and_takes_over() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 5, 5_000).await;
    assert_eq!(total(&workspace).await, 5_000);
    place.write("counts", &doubled());
    until(&operator, |s| view(s, "counts").version.ends_with("-2")).await;
    assert_eq!(total(&workspace).await, 10_000);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_policy_and_query_count_at_once_and_build_nothing() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 5, 100).await;
    let query = "-- query Sum()\nSELECT sum(events) AS n FROM counts;\n";
    place.write(
        "counts",
        &format!("{}{query}", COUNTS.replace("live", "every 1h")),
    );
    let snapshot = until(&operator, |s| {
        let counts = view(s, "counts");
        counts.policy.to_string() == "every 1h" && counts.queries.len() == 3
    })
    .await;
    assert!(view(&snapshot, "counts").version.ends_with("-1"));
    let answer = rows(&workspace, "counts", "Sum", Consistency::Eventual).await;
    assert_eq!(answer.len(), 1);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_told_of_and_the_live_version_goes_on() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    place.write("counts", &COUNTS.replace("INSERT INTO", "INSERT INTOO"));
    let snapshot = until(&operator, |s| !s.problems.is_empty()).await;
    assert!(
        snapshot.problems[0].starts_with("counts.sql:6:"),
        "{:?}",
        snapshot.problems
    );
    append_many(&workspace, 5, 100).await;
    assert_eq!(total(&workspace).await, 100);
    place.write("counts", &doubled());
    until(&operator, |s| {
        s.problems.is_empty() && view(s, "counts").version.ends_with("-2")
    })
    .await;
    assert_eq!(total(&workspace).await, 200);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_goes_stops_its_projection_and_one_that_comes_starts_one() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 5, 100).await;
    assert_eq!(total(&workspace).await, 100);
    let folder = workspace.folder().projections();
    // As some editors save: another file that takes the name.
    std::fs::rename(folder.join("counts.sql"), folder.join("tallies.sql")).unwrap();
    until(&operator, |s| {
        s.projections.len() == 1
            && s.projections[0].name == "tallies"
            && s.projections[0].lag.behind == 0
            && s.projections[0].lag.status == Status::Live
    })
    .await;
    assert!(workspace.projection("counts").is_err());
    assert!(
        workspace
            .folder()
            .versions("counts")
            .live()
            .unwrap()
            .is_some(),
        "its read model stays"
    );
    append_many(&workspace, 5, 100).await;
    std::fs::rename(folder.join("tallies.sql"), folder.join("counts.sql")).unwrap();
    until(&operator, |s| {
        s.projections
            .iter()
            .any(|p| p.name == "counts" && p.lag.status == Status::Live)
    })
    .await;
    assert_eq!(total(&workspace).await, 200);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_the_workspace_while_an_editor_has_the_file_aside_is_answered() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 5, 100).await;
    assert_eq!(total(&workspace).await, 100);
    engine.stop().await;
    let folder = workspace.folder().projections();
    std::fs::rename(folder.join("counts.sql"), folder.join("counts.sql~")).unwrap();
    let late = place.open();
    assert!(late.projection("counts").is_err());
    // Half of the new text is there, and then all of it.
    for text in ["-- policy: li", COUNTS] {
        place.write("counts", text);
        let answer = rows(&late, "counts", "All", Consistency::Eventual).await;
        assert_eq!(answer.len(), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_saves_in_a_second_end_in_the_last_one() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 50, 20_000).await;
    assert_eq!(total(&workspace).await, 20_000);
    for step in 2..=11 {
        let text = COUNTS.replace("events + 1", &format!("events + {step}"));
        let text = text.replace("(:key, 1,", &format!("(:key, {step},"));
        // Every other one by rename.
        if step % 2 == 0 {
            place.write("counts", &text);
        } else {
            let folder = workspace.folder().projections();
            std::fs::write(folder.join("counts.sql~"), &text).unwrap();
            std::fs::rename(folder.join("counts.sql~"), folder.join("counts.sql")).unwrap();
        }
        let stored = append_many(&workspace, 50, 100).await;
        assert!(stored > Position::START);
    }
    until(&operator, |_| {
        workspace
            .projection("counts")
            .is_ok_and(|p| p.source().contains("events + 11"))
    })
    .await;
    settled(&operator, &workspace).await;
    assert_eq!(total(&workspace).await, 21_000 * 11);
    // Of all that was begun, the live version and the one before it are left.
    assert!(workspace.folder().versions("counts").all().unwrap().len() <= 2);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_put_back_while_it_is_rebuilt_leaves_the_live_version() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 50, 30_000).await;
    assert_eq!(total(&workspace).await, 30_000);
    for _ in 0..5 {
        place.write("counts", &doubled());
        until(&operator, |s| {
            view(s, "counts").rebuild.is_some()
                || view(s, "counts").version.starts_with(&short(&doubled()))
        })
        .await;
        place.write("counts", COUNTS);
        until(&operator, |s| {
            view(s, "counts").rebuild.is_none()
                && view(s, "counts").version.starts_with(&short(COUNTS))
        })
        .await;
    }
    assert_eq!(total(&workspace).await, 30_000);
    engine.stop().await;
}

fn short(text: &str) -> String {
    highwater::read::Definition::parse("counts", text)
        .unwrap()
        .short_hash()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_asked_for_while_files_change_has_one_outcome() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 50, 20_000).await;
    let asking = {
        let workspace = workspace.clone();
        tokio::spawn(async move {
            workspace
                .operate("counts", Operation::Rebuild { hold: false }, Some(PATIENCE))
                .await
        })
    };
    place.write("counts", &doubled());
    asking.await.unwrap().unwrap();
    settled(&operator, &workspace).await;
    assert_eq!(total(&workspace).await, 40_000);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_differ_for_a_while_and_then_agree() {
    let text = COUNTS.replace("policy: live", "replicas: eu live, us every 1h, ap manual");
    let place = Place::new(&[("counts", &text)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 3, 300).await;
    let snapshot = until(&operator, |s| {
        view(s, "counts@eu").lag.behind == 0 && view(s, "counts@us").lag.behind == 300
    })
    .await;
    assert_eq!(snapshot.projections.len(), 3);
    let ask = async |replica: &str, consistency| {
        workspace
            .query(
                replica,
                "All",
                &BTreeMap::new(),
                consistency,
                Duration::from_secs(30),
            )
            .await
            .unwrap()
            .rows
    };
    let eu = ask("counts@eu", Consistency::Strong).await;
    assert_eq!(eu.len(), 3);
    assert!(ask("counts@us", Consistency::Eventual).await.is_empty());
    finished(&workspace, "counts@us", Operation::Apply).await;
    assert_eq!(ask("counts@us", Consistency::Eventual).await, eu);
    assert_eq!(ask("counts@ap", Consistency::Strong).await, eu);
    let error = workspace
        .projection("counts")
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("counts@ap, counts@eu") || error.contains("counts@eu, counts@us"),
        "{error}"
    );
    // A replica that is taken out of the file stops; its read model stays.
    place.write("counts", &text.replace(", ap manual", ""));
    until(&operator, |s| s.projections.len() == 2).await;
    engine.stop().await;
}
