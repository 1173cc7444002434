//! Events that cannot be applied are parked with what follows them in their streams; they are tried again
//! and skipped; and a fresh fold comes to the same rows.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use highwater::event::{Position, StreamId};
use highwater::lag::Status;
use highwater::read::ParkedEvent;
use highwater::workspace::{AsOf, Consistency, Done, Operation, Operator, Which, Work, Workspace};

use crate::kit::{PATIENCE, Place, append, finished, refused, rows, until, view};

/// What is bought costs what it costs when that is applied; what has no price yet cannot be.
pub const SHOP: &str = "\
-- on-error: park
-- schema
CREATE TABLE prices (product TEXT PRIMARY KEY, price INTEGER NOT NULL) STRICT;
CREATE TABLE bills (key TEXT PRIMARY KEY, total INTEGER NOT NULL, events TEXT NOT NULL) STRICT;
-- on Priced
INSERT INTO prices VALUES (:key, :data ->> 'price')
ON CONFLICT (product) DO UPDATE SET price = :data ->> 'price';
-- on Bought
INSERT INTO bills
SELECT :key, (SELECT price FROM prices WHERE product = :data ->> 'product'), :position WHERE true
ON CONFLICT (key) DO UPDATE SET total = total + excluded.total, events = events || ' ' || :position;
-- query All()
SELECT * FROM bills ORDER BY key;
";

pub async fn buy(workspace: &Workspace, key: &str, product: &str) -> Position {
    let data = format!("{{\"product\":\"{product}\"}}");
    append(workspace, &format!("bill-{key}"), "Bought", &data)
        .await
        .last
}

pub async fn price(workspace: &Workspace, product: &str, price: i64) -> Position {
    let data = format!("{{\"price\":{price}}}");
    append(workspace, &format!("product-{product}"), "Priced", &data)
        .await
        .last
}

/// Waits until everything was passed, and so many events are parked.
pub async fn parked(operator: &Operator, events: u64) {
    until(operator, |s| {
        let shop = view(s, "shop");
        shop.lag.behind == 0 && shop.lag.behind_exact && shop.parked == events
    })
    .await;
}

pub fn list(workspace: &Workspace) -> Vec<ParkedEvent> {
    workspace
        .parked("shop", Position::START, usize::MAX)
        .unwrap()
        .1
}

pub fn at(position: Position) -> Operation {
    Operation::Retry(Which::Event(position))
}

pub fn skip(event: Position) -> Operation {
    let reason = "the customer's test, agreed with sales".to_owned();
    Operation::Skip { event, reason }
}

pub async fn equal(workspace: &Workspace) {
    let checked = workspace.verify("shop", 50, &Work::new()).await.unwrap();
    assert!(checked.comparison.is_equal(), "{:#?}", checked.comparison);
}

/// A bill of the answer, as `total: events`.
async fn bill(workspace: &Workspace, key: &str) -> Option<String> {
    let all = rows(workspace, "shop", "All", Consistency::Strong).await;
    let row = all.into_iter().find(|row| row["key"] == key)?;
    Some(format!("{}: {}", row["total"], row["events"].as_str()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_parked_with_what_follows_it_and_the_rest_goes_on() {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    price(&workspace, "mug", 10).await;
    let first = buy(&workspace, "1", "teapot").await;
    let second = buy(&workspace, "1", "mug").await;
    let other = buy(&workspace, "2", "mug").await;
    parked(&operator, 2).await;
    let listed = list(&workspace);
    assert_eq!(listed[0].position, first);
    assert!(
        listed[0].error.as_ref().unwrap().contains("NOT NULL"),
        "{listed:?}"
    );
    assert_eq!(listed[0].tries, 5);
    assert_eq!((listed[1].position, listed[1].tries), (second, 0));
    assert_eq!(listed[1].error, None);
    assert_eq!(bill(&workspace, "1").await, None);
    assert_eq!(bill(&workspace, "2").await, Some(format!("10: {other}")));
    equal(&workspace).await;

    let none = BTreeMap::new();
    let answered = workspace.query("shop", "All", &none, Consistency::Strong, PATIENCE);
    let answered = answered.await.unwrap();
    assert_eq!(
        answered.parked.to_string(),
        "2 events of 1 stream are parked"
    );
    assert_eq!(answered.age, Duration::ZERO, "it is not behind");

    // Nothing has changed: it fails again, and that is one try more.
    let why = refused(&workspace, "shop", at(first)).await;
    assert!(
        why.contains(&format!("event {first} failed again, after 6 tries")),
        "{why}"
    );
    let why = refused(&workspace, "shop", at(second)).await;
    assert!(
        why.contains(&format!("event {first} of bill-1 comes first")),
        "{why}"
    );
    let why = refused(&workspace, "shop", at(other)).await;
    assert!(why.contains("is not parked"), "{why}");

    price(&workspace, "teapot", 7).await;
    let what = finished(&workspace, "shop", at(first)).await;
    assert!(
        what.contains("1 event of 1 stream is parked still"),
        "{what}"
    );
    assert_eq!(bill(&workspace, "1").await, Some(format!("7: {first}")));
    equal(&workspace).await;
    // The price changes after it was applied: a fresh fold has to apply it where it was.
    price(&workspace, "teapot", 1_000).await;
    price(&workspace, "mug", 20).await;
    let third = buy(&workspace, "1", "mug").await;
    parked(&operator, 2).await;
    let all = Operation::Retry(Which::Stream(StreamId::new("bill-1").unwrap()));
    let what = finished(&workspace, "shop", all.clone()).await;
    assert_eq!(what, "2 events applied; nothing is parked any more");
    assert_eq!(
        bill(&workspace, "1").await,
        Some(format!("47: {first} {second} {third}"))
    );
    equal(&workspace).await;
    let why = refused(&workspace, "shop", all).await;
    assert!(why.contains("no such event is parked"), "{why}");
    // From here on the stream is like any other.
    let fourth = buy(&workspace, "1", "mug").await;
    let bill = bill(&workspace, "1").await.unwrap();
    assert!(bill.ends_with(&format!(" {fourth}")), "{bill}");
    engine.stop().await;
    equal(&workspace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_event_stays_out_of_later_versions_until_that_is_taken_back() {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let first = buy(&workspace, "1", "mug").await;
    let second = buy(&workspace, "1", "mug").await;
    parked(&operator, 2).await;
    for reason in ["", " \n ", &"x".repeat(501)] {
        let reason = reason.to_owned();
        let asked = workspace.operate(
            "shop",
            Operation::Skip {
                event: first,
                reason,
            },
            None,
        );
        assert!(asked.await.unwrap_err().to_string().contains("reason"));
    }
    let what = finished(&workspace, "shop", skip(first)).await;
    assert!(what.contains("1 of bill-1 wait behind it"), "{what}");
    let why = refused(&workspace, "shop", skip(first)).await;
    assert!(why.contains("is not parked"), "{why}");
    // Nothing that follows it is applied yet: it can be taken back.
    let undone = workspace
        .undo("shop", Some(PATIENCE))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(undone.by, Operation::Unskip { event: first });
    assert!(matches!(undone.done, Done::Finished { .. }), "{undone:?}");
    parked(&operator, 2).await;
    assert_eq!(list(&workspace)[0].tries, 5, "as it was");

    finished(&workspace, "shop", skip(first)).await;
    price(&workspace, "mug", 10).await;
    finished(&workspace, "shop", Operation::Retry(Which::All)).await;
    assert_eq!(bill(&workspace, "1").await, Some(format!("10: {second}")));
    equal(&workspace).await;
    // New handlers could apply it, where the price comes first; but somebody has decided.
    place.write(
        "shop",
        &SHOP.replace("(SELECT price FROM", "(SELECT coalesce(max(price), 5) FROM"),
    );
    let hash = workspace
        .projection("shop")
        .unwrap()
        .short_hash()
        .to_owned();
    until(&operator, |s| {
        !view(s, "shop").version.starts_with(&hash) && view(s, "shop").rebuild.is_none()
    })
    .await;
    assert_eq!(bill(&workspace, "1").await, Some(format!("5: {second}")));
    equal(&workspace).await;
    let what = finished(&workspace, "shop", Operation::Unskip { event: first }).await;
    assert!(what.contains("tried by the next rebuild"), "{what}");
    equal(&workspace).await;
    finished(&workspace, "shop", Operation::Rebuild { hold: false }).await;
    assert_eq!(
        bill(&workspace, "1").await,
        Some(format!("10: {first} {second}"))
    );
    equal(&workspace).await;
    let why = refused(&workspace, "shop", Operation::Unskip { event: first }).await;
    assert!(why.contains("is not skipped"), "{why}");
    let history = workspace.history(Some("shop")).await.unwrap();
    let line = history
        .iter()
        .find(|line| line.what.starts_with("skip"))
        .unwrap();
    assert!(
        line.what.contains("agreed with sales") && line.by.is_some(),
        "{line:?}"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_begins_clean_and_parks_what_fails_anew() {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let first = buy(&workspace, "1", "mug").await;
    price(&workspace, "mug", 10).await;
    let second = buy(&workspace, "1", "mug").await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    parked(&operator, 2).await;
    finished(&workspace, "shop", Operation::Retry(Which::All)).await;
    assert_eq!(
        bill(&workspace, "1").await,
        Some(format!("20: {first} {second}"))
    );
    finished(&workspace, "shop", Operation::Rebuild { hold: true }).await;
    // Before the price comes, the first cannot be applied by the new version either.
    finished(&workspace, "shop", Operation::CutOver { version: None }).await;
    parked(&operator, 2).await;
    equal(&workspace).await;
    let back = finished(&workspace, "shop", Operation::RollBack { from: None }).await;
    parked(&operator, 0).await;
    assert_eq!(
        bill(&workspace, "1").await,
        Some(format!("20: {first} {second}")),
        "{back}"
    );
    equal(&workspace).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_word_in_the_file_counts_at_once() {
    let place = Place::new(&[(
        "shop",
        &SHOP.replace("-- on-error: park", "-- objective: 1h"),
    )]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let first = buy(&workspace, "1", "mug").await;
    price(&workspace, "mug", 10).await;
    let version = |s: &highwater::workspace::Snapshot| view(s, "shop").version.clone();
    let stopped = until(&operator, |s| {
        view(s, "shop").lag.status == Status::Faulted(first)
    })
    .await;
    place.write("shop", SHOP);
    parked(&operator, 1).await;
    let now = workspace.snapshot().await.unwrap();
    assert_eq!(
        version(&now),
        version(&stopped),
        "nothing is built anew for that"
    );
    // And back: what is parked stays so, and what follows it; another stream stops it.
    place.write(
        "shop",
        &SHOP.replace("-- on-error: park", "-- on-error: stop"),
    );
    buy(&workspace, "1", "mug").await;
    parked(&operator, 2).await;
    let bad = buy(&workspace, "2", "none").await;
    until(&operator, |s| {
        view(s, "shop").lag.status == Status::Faulted(bad)
    })
    .await;
    finished(&workspace, "shop", Operation::Retry(Which::All)).await;
    equal(&workspace).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_a_retry_and_a_policy_holds_what_is_to_be_parked() {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let first = buy(&workspace, "1", "mug").await;
    parked(&operator, 1).await;
    finished(
        &workspace,
        "shop",
        Operation::SetPolicy("manual".parse().unwrap()),
    )
    .await;
    let second = buy(&workspace, "1", "mug").await;
    price(&workspace, "mug", 3).await;
    finished(&workspace, "shop", Operation::Pause).await;
    let why = refused(&workspace, "shop", at(first)).await;
    assert!(why.contains("paused"), "{why}");
    finished(&workspace, "shop", skip(first)).await;
    finished(&workspace, "shop", Operation::Unskip { event: first }).await;
    finished(&workspace, "shop", Operation::Resume).await;
    let why = refused(&workspace, "shop", at(first)).await;
    assert!(
        why.contains("failed again"),
        "the price is not applied yet: {why}"
    );
    finished(&workspace, "shop", Operation::Apply).await;
    parked(&operator, 2).await;
    finished(&workspace, "shop", Operation::Retry(Which::All)).await;
    assert_eq!(
        bill(&workspace, "1").await,
        Some(format!("6: {first} {second}"))
    );
    equal(&workspace).await;
    engine.stop().await;
}

/// Handlers that may be applied twice, and do not depend on when they are.
const REPLAYS: &str = "\
-- on-error: park
-- replayable: yes
-- schema
CREATE TABLE prices (product TEXT PRIMARY KEY, price INTEGER NOT NULL) STRICT;
CREATE TABLE bills (key TEXT PRIMARY KEY, total INTEGER NOT NULL, events TEXT NOT NULL) STRICT;
-- on Priced
INSERT INTO prices VALUES (:key, :data ->> 'price')
ON CONFLICT (product) DO UPDATE SET price = :data ->> 'price';
-- on Bought
INSERT INTO bills
SELECT :key, (SELECT price FROM prices WHERE product = :data ->> 'product'), :position WHERE true
ON CONFLICT (key) DO UPDATE SET total = excluded.total, events = :position;
-- query All()
SELECT * FROM bills ORDER BY key;
";

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_passes_what_is_parked_and_is_refused_where_the_order_would_be_another() {
    let place = Place::new(&[("shop", REPLAYS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let begin = price(&workspace, "mug", 10).await;
    buy(&workspace, "1", "mug").await;
    let bad = buy(&workspace, "1", "teapot").await;
    buy(&workspace, "1", "mug").await;
    let skipped = buy(&workspace, "2", "teapot").await;
    buy(&workspace, "3", "mug").await;
    parked(&operator, 3).await;
    finished(&workspace, "shop", skip(skipped)).await;
    let before = list(&workspace);
    let replay = |after| Operation::Replay { after };
    finished(&workspace, "shop", replay(begin)).await;
    assert_eq!(list(&workspace), before);
    equal(&workspace).await;
    price(&workspace, "teapot", 7).await;
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    finished(&workspace, "shop", at(bad)).await;
    let why = refused(&workspace, "shop", replay(begin)).await;
    assert!(
        why.contains(&format!("event {bad} was parked, and applied")),
        "{why}"
    );
    finished(&workspace, "shop", Operation::Retry(Which::All)).await;
    let late = workspace.snapshot().await.unwrap();
    let late = view(&late, "shop").checkpoint;
    buy(&workspace, "3", "mug").await;
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    finished(&workspace, "shop", replay(late)).await;
    equal(&workspace).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_as_it_was_has_what_it_had_then() {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let first = buy(&workspace, "1", "mug").await;
    let priced = price(&workspace, "mug", 10).await;
    parked(&operator, 1).await;
    finished(&workspace, "shop", Operation::Retry(Which::All)).await;
    let last = price(&workspace, "mug", 99).await;
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    engine.stop().await;
    let mut past = workspace.past("shop", 3, Work::new()).await.unwrap();
    let none = BTreeMap::new();
    for (at, bills) in [(last, 1), (first, 0), (last, 1), (priced, 0), (last, 1)] {
        let at = workspace.position_at(AsOf::Position(at)).await.unwrap();
        past.step_to(at).await.unwrap();
        let answer = past.ask("All", &none, PATIENCE).unwrap();
        assert_eq!(answer.rows.len(), bills, "at {at}");
        if let Some(row) = answer.rows.first() {
            assert_eq!(row["total"], 10, "the price when it was applied");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_may_quote_anything_and_does_no_harm() {
    let quotes = "\
-- on-error: park
-- schema
CREATE TABLE t (n INTEGER NOT NULL) STRICT;
CREATE TRIGGER no BEFORE INSERT ON t BEGIN SELECT json_extract('{}', new.n); END;
-- on Told
INSERT INTO t SELECT json_extract(:data, :data ->> 'path');
-- query All()
SELECT * FROM t;
";
    let place = Place::new(&[("shop", quotes)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let hostile = format!("\\u001b]0;pwned\\u0007\\u202e{}", "x".repeat(5_000));
    append(
        &workspace,
        "bill-1",
        "Told",
        &format!("{{\"path\":\"{hostile}\"}}"),
    )
    .await;
    parked(&operator, 1).await;
    let error = list(&workspace)[0].error.clone().unwrap();
    assert!(error.chars().count() <= 500, "{}", error.len());
    assert!(
        !error.chars().any(|c| c.is_control() || c == '\u{202e}'),
        "{error:?}"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_are_parked_listed_and_tried_again_soon_and_there_is_an_end() {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let commits = |many: usize| {
        let commits = (0..many).map(|_| highwater::log::Commit {
            id: highwater::log::CommitId::new(),
            stream: StreamId::new("bill-1").unwrap(),
            expected: highwater::log::Expected::Any,
            events: vec![highwater::event::NewEvent::new(
                highwater::event::EventType::new("Bought").unwrap(),
                highwater::event::JsonObject::parse("{\"product\":\"mug\"}").unwrap(),
            )],
        });
        commits.collect::<Vec<_>>()
    };
    workspace.log().append_all(commits(9_999)).await;
    parked(&operator, 9_999).await;
    let began = Instant::now();
    assert_eq!(list(&workspace).len(), 9_999);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    // Others go on beside them.
    price(&workspace, "cup", 1).await;
    let other = buy(&workspace, "2", "cup").await;
    assert_eq!(bill(&workspace, "2").await, Some(format!("1: {other}")));
    workspace.log().append_all(commits(2)).await;
    let full = until(&operator, |s| view(s, "shop").fault.is_some()).await;
    let fault = view(&full, "shop").fault.clone().unwrap();
    assert!(
        fault.error.contains("10,000 events are parked"),
        "{}",
        fault.error
    );
    // Room makes it go on by itself.
    finished(&workspace, "shop", skip(list(&workspace)[0].position)).await;
    parked(&operator, 10_000).await;
    price(&workspace, "mug", 1).await;
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    let began = Instant::now();
    let what = finished(&workspace, "shop", Operation::Retry(Which::All)).await;
    assert!(what.starts_with("10,000 events applied"), "{what}");
    println!("10,000 tried again in {:?}", began.elapsed());
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    engine.stop().await;
    equal(&workspace).await;
}

/// A file of the first format has no table for what is parked.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_first_format_is_read_and_brought_up_to_date() {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    price(&workspace, "mug", 10).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    engine.stop().await;
    let path = place.folder().versions("shop").link();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("DROP TABLE _highwater_parked; PRAGMA user_version = 1;")
        .unwrap();
    drop(db);
    let eventual = rows(&workspace, "shop", "All", Consistency::Eventual).await;
    assert!(eventual.is_empty());
    equal(&workspace).await;
    assert!(list(&workspace).is_empty());
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    buy(&workspace, "1", "none").await;
    parked(&operator, 1).await;
    equal(&workspace).await;
    engine.stop().await;
    let newer = rusqlite::Connection::open(&path).unwrap();
    let format: i32 = newer
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(format, highwater::read::MODEL_FORMAT);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_repaired_without_what_is_skipped_or_parked() {
    let sums = "\
-- on-error: park
-- key: key = bill
-- schema
CREATE TABLE sums (key TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
-- on Bought
INSERT INTO sums VALUES (:key, :data ->> 'n') ON CONFLICT (key) DO UPDATE SET n = n + excluded.n;
-- query All()
SELECT * FROM sums;
";
    let place = Place::new(&[("shop", sums)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    for data in ["{\"n\":1}", "{}", "{\"n\":2}", "{}", "{\"n\":4}"] {
        append(&workspace, "bill-1", "Bought", data).await;
    }
    parked(&operator, 4).await;
    finished(&workspace, "shop", skip(list(&workspace)[0].position)).await;
    // The one after it can be applied, the next fails again.
    refused(&workspace, "shop", Operation::Retry(Which::All)).await;
    parked(&operator, 2).await;
    let file = place.folder().versions("shop").link();
    let db = rusqlite::Connection::open(file).unwrap();
    db.execute("UPDATE sums SET n = 99", []).unwrap();
    let key = "1".to_owned();
    finished(&workspace, "shop", Operation::Repair { key }).await;
    let all = rows(&workspace, "shop", "All", Consistency::Strong).await;
    assert_eq!(all[0]["n"], 3);
    equal(&workspace).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_replay_whoever_tells_what_comes_next_tells_the_same() {
    let place = Place::new(&[("shop", &format!("-- key: key = bill\n{REPLAYS}"))]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let begin = price(&workspace, "mug", 10).await;
    let skipped = buy(&workspace, "1", "teapot").await;
    parked(&operator, 1).await;
    finished(&workspace, "shop", skip(skipped)).await;
    let good = buy(&workspace, "1", "mug").await;
    let bad = buy(&workspace, "1", "teapot").await;
    buy(&workspace, "1", "mug").await;
    parked(&operator, 2).await;
    engine.stop().await;
    let next = async || {
        let compared = workspace.compare("shop", "1").await.unwrap();
        let keyed = workspace.rows_of_key("bill", "1").await.unwrap();
        let (held, coming) = (&compared.replicas[0], &keyed.models[0].coming);
        assert_eq!((held.next, held.lacks), (coming.next, coming.lacks));
        (held.next, held.lacks)
    };
    assert_eq!(
        next().await,
        (None, 2),
        "what is parked does not come by itself"
    );
    // As a replay leaves the file that is killed before its first step.
    let goal = workspace.log().head().await.unwrap();
    let db = rusqlite::Connection::open(workspace.folder().versions("shop").link()).unwrap();
    db.execute(
        "UPDATE _highwater_checkpoint SET position = ?1, replay_request = ?2, replay_goal = ?2",
        [begin.get(), goal.get()].map(|n| i64::try_from(n).unwrap()),
    )
    .unwrap();
    drop(db);
    assert_eq!(
        next().await,
        (Some(good), 3),
        "of {skipped}, {good}, {bad} and one more the second is applied again"
    );
}
