//! Pause, resume, policy, rebuild and replay, as events that an engine carries out.

use std::time::Duration;

use highwater::event::{EventType, JsonObject, NewEvent, Position, StreamId};
use highwater::lag::Status;
use highwater::log::{Commit, CommitId, Expected};
use highwater::workspace::{Consistency, Done, Operation};

use crate::child::Other;
use crate::kit::{COUNTS, PATIENCE, Place, append_many, finished, refused, rows, until, view};

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_projection_falls_behind_and_catches_up_when_resumed() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 4, 100).await;
    rows(&workspace, "counts", "All", Consistency::Strong).await;
    finished(&workspace, "counts", Operation::Pause).await;
    append_many(&workspace, 4, 120).await;
    let snapshot = until(&operator, |s| view(s, "counts").lag.behind == 120).await;
    let counts = view(&snapshot, "counts");
    assert_eq!(counts.lag.status, Status::Paused);
    assert_eq!(counts.stale_keys, 4);
    assert!(counts.lag.behind_exact);
    finished(&workspace, "counts", Operation::Resume).await;
    let snapshot = until(&operator, |s| view(s, "counts").lag.behind == 0).await;
    assert_eq!(view(&snapshot, "counts").lag.status, Status::Live);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_set_by_hand_outlives_the_engine() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    finished(
        &workspace,
        "counts",
        Operation::SetPolicy("manual".parse().unwrap()),
    )
    .await;
    engine.stop().await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 1, 10).await;
    assert!(
        rows(&workspace, "counts", "All", Consistency::Eventual)
            .await
            .is_empty()
    );
    finished(&workspace, "counts", Operation::Apply).await;
    assert_eq!(
        rows(&workspace, "counts", "All", Consistency::Eventual)
            .await
            .len(),
        1
    );
    engine.stop().await;
    // The file changes its mind later: the later one wins.
    place.write("counts", &COUNTS.replace("live", "batch 5 or 1h"));
    let workspace = place.open();
    let snapshot = {
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        let snapshot = workspace.snapshot().await.unwrap();
        engine.stop().await;
        snapshot
    };
    assert_eq!(
        view(&snapshot, "counts").policy.to_string(),
        "batch 5 or 1h"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_makes_a_new_version_and_the_old_one_answers_until_then() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 7, 20_000).await;
    let before = rows(&workspace, "counts", "All", Consistency::Strong).await;
    let live = workspace.folder().versions("counts").live().unwrap();
    // Damaged from outside: the rebuild mends it.
    let db = rusqlite::Connection::open(live.as_ref().unwrap()).unwrap();
    db.execute("UPDATE counts SET events = 0", []).unwrap();
    drop(db);
    let what = finished(&workspace, "counts", Operation::Rebuild { hold: false }).await;
    assert!(what.contains("20,000 events"), "{what}");
    assert_ne!(workspace.folder().versions("counts").live().unwrap(), live);
    assert_eq!(
        rows(&workspace, "counts", "All", Consistency::Strong).await,
        before
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_refused_where_handlers_may_not_be_applied_twice() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 1, 10).await;
    let reason = refused(
        &workspace,
        "counts",
        Operation::Replay {
            after: Position::START,
        },
    )
    .await;
    assert!(reason.contains("Rebuild it instead"), "{reason}");
    engine.stop().await;
}

const LATEST: &str = "\
-- policy: live
-- replayable: yes
-- schema
CREATE TABLE latest (key TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;
-- on *
INSERT INTO latest VALUES (:key, :position) ON CONFLICT (key) DO UPDATE SET position = :position;
-- query All()
SELECT * FROM latest ORDER BY key;
";

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_mends_what_comes_after_its_position() {
    let place = Place::new(&[("latest", LATEST)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 5, 1_000).await;
    let before = rows(&workspace, "latest", "All", Consistency::Strong).await;
    let db = rusqlite::Connection::open(workspace.folder().versions("latest").link()).unwrap();
    db.execute("DELETE FROM latest", []).unwrap();
    finished(
        &workspace,
        "latest",
        Operation::Replay {
            after: Position::new(500),
        },
    )
    .await;
    assert_eq!(
        rows(&workspace, "latest", "All", Consistency::Strong).await,
        before
    );
    let snapshot = until(&operator, |s| view(s, "latest").lag.behind == 0).await;
    assert!(view(&snapshot, "latest").lag.behind_exact);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_stops_at_an_event_that_cannot_be_applied_and_says_so() {
    let strict = "-- schema\nCREATE TABLE t (n INTEGER NOT NULL) STRICT;\n-- on ThingHappened\nINSERT INTO t VALUES (:data ->> 'n');\n-- query All()\nSELECT count(*) AS n FROM t;\n";
    let place = Place::new(&[("strict", strict)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let good = append_many(&workspace, 2, 5).await;
    let bad = crate::kit::append(&workspace, "thing-0", "ThingHappened", "{\"x\":1}").await;
    append_many(&workspace, 2, 5).await;
    let stopped = Status::Faulted(bad.last);
    let snapshot = until(&operator, |s| view(s, "strict").lag.status == stopped).await;
    let strict_view = view(&snapshot, "strict");
    assert_eq!(strict_view.checkpoint, good);
    assert!(
        strict_view
            .fault
            .as_ref()
            .unwrap()
            .error
            .contains("strict.sql:4"),
        "{:?}",
        strict_view.fault
    );
    // The handler is mended: the new version takes over where the old one stood, and goes on.
    engine.stop().await;
    place.write(
        "strict",
        &strict
            .replace("'n')", "'n') ON CONFLICT DO NOTHING")
            .replace("INSERT", "INSERT OR IGNORE"),
    );
    place.write(
        "strict",
        &strict.replace(
            "INSERT INTO t VALUES (:data ->> 'n')",
            "INSERT INTO t SELECT coalesce(:data ->> 'n', 0)",
        ),
    );
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    until(&operator, |s| {
        view(s, "strict").lag.behind == 0
            && view(s, "strict").rebuild.is_none()
            && view(s, "strict").lag.status == Status::Live
    })
    .await;
    assert_eq!(
        rows(&workspace, "strict", "All", Consistency::Strong).await[0]["n"],
        11
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_stands_by_and_takes_over() {
    let place = Place::new(&[("counts", COUNTS)]);
    let first = place.open();
    let second = place.open();
    let mut engine = first.start(None).unwrap();
    engine.ready().await;
    let mut stand_by = second.start(None).unwrap();
    stand_by.ready().await;
    append_many(&first, 2, 10).await;
    assert_eq!(
        rows(&second, "counts", "All", Consistency::Strong)
            .await
            .len(),
        2
    );
    engine.stop().await;
    append_many(&first, 3, 10).await;
    let operator = second.operator().await.unwrap();
    until(&operator, |s| {
        view(s, "counts").lag.behind == 0 && s.engine.running
    })
    .await;
    assert_eq!(
        rows(&second, "counts", "All", Consistency::Strong)
            .await
            .len(),
        3
    );
    stand_by.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_an_engine_is_carried_out_by_the_next_one() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    append_many(&workspace, 2, 10).await;
    let done = workspace
        .operate("counts", Operation::Pause, Some(Duration::from_secs(1)))
        .await
        .unwrap();
    assert_eq!(done, Done::Requested);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let snapshot = workspace.snapshot().await.unwrap();
    assert_eq!(view(&snapshot, "counts").lag.status, Status::Paused);
    assert_eq!(view(&snapshot, "counts").lag.behind, 10);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_is_noticed() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 2, 50).await;
    rows(&workspace, "counts", "All", Consistency::Strong).await;
    engine.stop().await;
    drop(workspace);
    // A backup from before: another log with fewer, then with more events.
    let data = place.folder().data();
    for file in ["log.db", "log.db-wal", "log.db-shm"] {
        drop(std::fs::remove_file(data.join(file)));
    }
    for events in [5, 200] {
        let workspace = place.open();
        append_many(&workspace, 2, events).await;
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        let snapshot = workspace.snapshot().await.unwrap();
        assert_eq!(
            view(&snapshot, "counts").lag.status,
            Status::Ahead,
            "{events}"
        );
        assert!(
            snapshot.problems[0].contains("`highwater rebuild counts`"),
            "{:?}",
            snapshot.problems
        );
        // Positions of another log say nothing of how fresh an answer is, even where they are beyond it.
        for consistency in [
            Consistency::Strong,
            Consistency::AtLeast(Position::new(1)),
            Consistency::Within(Duration::from_secs(3600)),
        ] {
            let none = std::collections::BTreeMap::new();
            let asked = workspace
                .query("counts", "All", &none, consistency, PATIENCE)
                .await;
            let error = asked.unwrap_err().to_string();
            assert!(
                error.contains("is not of this log"),
                "{consistency:?}: {error}"
            );
        }
        engine.stop().await;
    }
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    finished(&workspace, "counts", Operation::Rebuild { hold: false }).await;
    let all = rows(&workspace, "counts", "All", Consistency::Strong).await;
    assert_eq!(
        all.iter()
            .map(|row| row["events"].as_u64().unwrap())
            .sum::<u64>(),
        205
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_in_a_burst_of_events_is_seen() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let operator = workspace.operator().await.unwrap();
    let commit = |stream: &str, event_type: &str, data: &str| Commit {
        id: CommitId::new(),
        stream: StreamId::new(stream).unwrap(),
        expected: Expected::Any,
        events: vec![NewEvent::new(
            EventType::new(event_type).unwrap(),
            JsonObject::parse(data).unwrap(),
        )],
    };
    // More than anybody who watches reads at once, in one transaction.
    let mut commits = vec![commit(
        "$projection-counts",
        "PolicyRequested",
        "{\"policy\":\"manual\"}",
    )];
    commits.extend((0..6_000).map(|_| commit("thing-1", "ThingHappened", "{}")));
    workspace.log().append_all(commits).await;
    let snapshot = until(&operator, |s| view(s, "counts").lag.behind >= 6_000).await;
    assert_eq!(view(&snapshot, "counts").policy.to_string(), "manual");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_engine_said_holds_nobody_up() {
    let strict = "\
-- policy: every 200ms
-- schema
CREATE TABLE t (n INTEGER NOT NULL) STRICT;
-- on ThingHappened
INSERT INTO t VALUES (:data ->> 'n');
-- query All()
SELECT count(*) AS n FROM t;
";
    let place = Place::new(&[("strict", strict)]);
    let workspace = place.open();
    crate::kit::append(&workspace, "thing-0", "ThingHappened", "{}").await;
    let mut other = Other::start(place.folder().path());
    other.ready();
    let operator = workspace.operator().await.unwrap();
    until(&operator, |s| {
        matches!(view(s, "strict").lag.status, Status::Faulted(_))
    })
    .await;
    other.kill();
    // Its report still says that it stopped.
    place.write("strict", &strict.replace(":data ->> 'n'", "1"));
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 1, 5).await;
    let all = rows(&workspace, "strict", "All", Consistency::Strong).await;
    assert_eq!(all[0]["n"], 6);
    engine.stop().await;
}
