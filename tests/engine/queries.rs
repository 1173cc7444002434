//! Answers, and how fresh they are.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::event::Position;
use highwater::lag::Status;
use highwater::workspace::{Consistency, Operation, QueryFailed, Workspace};

#[cfg(unix)]
use crate::child::Other;
use crate::kit::{COUNTS, PATIENCE, Place, append, append_many, finished, rows, until, view};

#[tokio::test(flavor = "multi_thread")]
async fn a_strong_answer_has_everything_that_was_stored_when_asked() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    for n in 1..=50_u64 {
        append(&workspace, "thing-1", "ThingHappened", "{}").await;
        let rows = rows(&workspace, "counts", "All", Consistency::Strong).await;
        assert_eq!(rows[0]["events"], n);
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_writes_are_read_at_their_position() {
    let place = Place::new(&[("counts", &COUNTS.replace("live", "every 1s"))]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let stored = append(&workspace, "thing-1", "ThingHappened", "{}").await;
    let none = BTreeMap::new();
    let consistency = Consistency::AtLeast(stored.last);
    let answer = workspace
        .query("counts", "All", &none, consistency, Duration::from_secs(30))
        .await
        .unwrap();
    assert!(answer.position >= stored.last);
    assert_eq!(answer.rows[0]["events"], 1);
    assert_eq!(answer.age, Duration::ZERO);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_read_model_moves_when_a_query_asks() {
    let place = Place::new(&[("counts", &COUNTS.replace("live", "manual"))]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append_many(&workspace, 3, 10).await;
    assert!(
        rows(&workspace, "counts", "All", Consistency::Eventual)
            .await
            .is_empty()
    );
    assert_eq!(
        rows(&workspace, "counts", "All", Consistency::Strong)
            .await
            .len(),
        3
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_read_model_gives_a_clear_error_at_once() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    finished(&workspace, "counts", Operation::Pause).await;
    append_many(&workspace, 1, 1).await;
    let asked = workspace
        .query(
            "counts",
            "All",
            &BTreeMap::new(),
            Consistency::Strong,
            Duration::from_secs(600),
        )
        .await;
    let Err(QueryFailed::NotFresh(error)) = asked else {
        panic!("{asked:?}")
    };
    assert!(error.because.contains("highwater resume counts"), "{error}");
    assert_eq!(error.has, Position::new(3), "up to the pause itself");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_concern_nobody_make_no_answer_stale() {
    let filtered = COUNTS.replace("-- on *", "-- on Never");
    let place = Place::new(&[("counts", &filtered)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let head = append_many(&workspace, 5, 2_000).await;
    let answer = workspace
        .query(
            "counts",
            "All",
            &BTreeMap::new(),
            Consistency::Strong,
            Duration::from_secs(30),
        )
        .await
        .unwrap();
    assert!(answer.position >= head);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_question_names_what_there_is() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let ask = async |query: &str, parameters: &[(&str, &str)]| {
        let parameters = parameters
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let limit = Duration::from_secs(5);
        let answer = workspace
            .query("counts", query, &parameters, Consistency::Eventual, limit)
            .await;
        answer.unwrap_err().to_string()
    };
    assert_eq!(
        ask("Off", &[]).await,
        "projection counts has no query Off: it has All, Of"
    );
    assert!(
        ask("Of", &[])
            .await
            .contains("parameter key is missing; it takes key")
    );
    assert!(
        ask("Of", &[("key", "1"), ("kye", "2")])
            .await
            .contains("parameter kye is not known")
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_bounded_however_its_size_comes_about() {
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90000)";
    let queries = format!(
        "-- query Names()\n{rows} SELECT i AS \"{}\" FROM n;\n\
         -- query Values()\n{rows} SELECT printf('%2000d', i) AS v FROM n;\n\
         -- query Rows()\n{rows} SELECT 1 AS v FROM n, (SELECT 1 UNION ALL SELECT 2);\n\
         -- query Blob()\nSELECT zeroblob(1000000000) AS v;\n\
         -- query Text()\nSELECT printf('%1000000000d', 1) AS v;\n\
         -- query Concat()\n{rows} SELECT group_concat(printf('%2000d', i)) AS v FROM n;\n",
        "x".repeat(2_000)
    );
    let place = Place::new(&[("counts", &format!("{COUNTS}{queries}"))]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let none = BTreeMap::new();
    for query in ["Names", "Values", "Rows", "Blob", "Text", "Concat"] {
        let answer = workspace
            .query("counts", query, &none, Consistency::Eventual, PATIENCE)
            .await;
        let said = answer.unwrap_err().to_string();
        assert!(
            said.contains("more than") || said.contains("too big"),
            "{query}: {said}"
        );
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn freshness_is_that_of_the_version_that_answers() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    append(&workspace, "thing-1", "ThingHappened", "{}").await;
    rows(&workspace, "counts", "All", Consistency::Strong).await;
    engine.stop().await;
    append(&workspace, "thing-1", "ThingHappened", "{}").await;
    // The new definition would take nothing of what is stored; the version that answers lacks an event.
    place.write("counts", &COUNTS.replace("on *", "on Other"));
    let workspace = place.open();
    let none = BTreeMap::new();
    let ask = |consistency| workspace.query("counts", "All", &none, consistency, Duration::ZERO);
    let answer = ask(Consistency::Strong).await;
    assert!(
        matches!(answer, Err(QueryFailed::NotFresh(_))),
        "{answer:?}"
    );
    let answer = ask(Consistency::Eventual).await.unwrap();
    assert!(answer.age > Duration::ZERO, "{answer:?}");
}

/// What an answer that may be as old as it likes warns of.
async fn warned(workspace: &Workspace) -> Option<String> {
    let none = BTreeMap::new();
    let eventual = Consistency::Eventual;
    let answer = workspace.query("counts", "All", &none, eventual, PATIENCE);
    answer.await.unwrap().warning
}

/// What is said where more is wanted; waiting would not help, so it comes at once.
async fn refused_at_once(workspace: &Workspace) -> String {
    let none = BTreeMap::new();
    let asked = workspace.query("counts", "All", &none, Consistency::Strong, PATIENCE * 10);
    let answer = tokio::time::timeout(PATIENCE, asked).await.unwrap();
    let Err(QueryFailed::NotFresh(error)) = answer else {
        panic!("{answer:?}")
    };
    error.because
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_answer_of_a_read_model_that_is_ahead_says_so() {
    for damage in [
        "UPDATE _highwater_checkpoint SET position = 1000",
        "UPDATE _highwater_checkpoint SET event = 'another'",
    ] {
        let place = Place::new(&[("counts", COUNTS)]);
        let workspace = place.open();
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        append_many(&workspace, 2, 5).await;
        rows(&workspace, "counts", "All", Consistency::Strong).await;
        assert_eq!(warned(&workspace).await, None);
        engine.stop().await;
        let live = place.folder().versions("counts").link();
        let db = rusqlite::Connection::open(live).unwrap();
        db.execute_batch(damage).unwrap();
        // With an engine and without one.
        let said = warned(&workspace).await.unwrap();
        assert!(said.contains("is not of this log"), "{said}");
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        let said = warned(&workspace).await.unwrap();
        assert!(said.starts_with("counts is ahead: "), "{said}");
        assert!(said.contains("`highwater rebuild counts`"), "{said}");
        let because = refused_at_once(&workspace).await;
        assert!(because.contains("is not of this log"), "{because}");
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_answer_of_a_read_model_that_stopped_or_is_paused_says_so() {
    let one = "VALUES (:key, 1 + 0 * length(nullif(:type, 'Poison')),";
    let poisoned = COUNTS.replace("VALUES (:key, 1,", one);
    let place = Place::new(&[("counts", &poisoned)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    finished(&workspace, "counts", Operation::Pause).await;
    assert_eq!(warned(&workspace).await, None, "it lacks nothing");
    let at = append(&workspace, "a-1", "Poison", "{}").await.last;
    let said = warned(&workspace).await.unwrap();
    assert!(said.starts_with("counts is paused"), "{said}");
    assert!(refused_at_once(&workspace).await.contains("is paused"));
    finished(&workspace, "counts", Operation::Resume).await;
    until(&operator, |s| {
        view(s, "counts")
            .fault
            .as_ref()
            .is_some_and(|f| f.tries >= 5)
    })
    .await;
    let said = warned(&workspace).await.unwrap();
    let expected = format!("counts is faulted: it stopped at event {at}: ");
    assert!(said.starts_with(&expected), "{said}");
    assert!(refused_at_once(&workspace).await.contains("it stopped"));
    engine.stop().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_hangs_is_not_waited_for() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut other = Other::start(place.folder().path());
    other.ready();
    append_many(&workspace, 1, 1).await;
    rows(&workspace, "counts", "All", Consistency::Strong).await;
    let operator = workspace.operator().await.unwrap();
    other.hang();
    append_many(&workspace, 1, 1).await;
    until(&operator, |s| view(s, "counts").lag.status == Status::Dead).await;
    let because = refused_at_once(&workspace).await;
    let expected = format!("process {}", other.id());
    assert!(because.contains(&expected), "{because}");
    let said = warned(&workspace).await.unwrap();
    assert!(
        said.starts_with("counts is dead: ") && said.contains(&expected),
        "{said}"
    );
    other.go_on();
    // It has to give a sign of life first.
    until(&operator, |s| view(s, "counts").lag.status != Status::Dead).await;
    rows(&workspace, "counts", "All", Consistency::Strong).await;
}
