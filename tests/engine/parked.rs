//! Events that cannot be applied are parked with what follows them in their streams; they are tried again
//! and skipped; and a fresh fold comes to the same rows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use highwater::event::{Event, Position, StreamId};
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

fn list(workspace: &Workspace) -> Vec<ParkedEvent> {
    workspace
        .parked("shop", Position::START, usize::MAX)
        .unwrap()
        .1
}

fn at(position: Position) -> Operation {
    Operation::Retry(Which::Event(position))
}

fn skip(event: Position) -> Operation {
    let reason = "the customer's test, agreed with sales".to_owned();
    Operation::Skip { event, reason }
}

async fn equal(workspace: &Workspace) {
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
    assert!(what.starts_with("10000 events applied"), "{what}");
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

/// What the table in a read model's file says of an event.
struct Exception {
    state: String,
    ended_at: Option<i64>,
    order: Option<i64>,
    error: Option<String>,
}

fn exceptions(file: &Path) -> BTreeMap<i64, Exception> {
    let db = rusqlite::Connection::open(file).unwrap();
    let sql = "SELECT position, state, ended_at, ended_order, error FROM _highwater_parked";
    let mut select = db.prepare(sql).unwrap();
    let rows = select.query_map([], |row| {
        let exception = Exception {
            state: row.get(1)?,
            ended_at: row.get(2)?,
            order: row.get(3)?,
            error: row.get(4)?,
        };
        Ok((row.get(0)?, exception))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// The rows that SHOP's file must have, folded here with the exceptions that it names; on the way it is checked
/// that each exception had its reason, and that the order within a stream was kept.
pub async fn reference(
    workspace: &Workspace,
    file: &Path,
    checkpoint: i64,
) -> Vec<(String, i64, String)> {
    let exceptions = exceptions(file);
    let mut shop = Reference::default();
    let log = workspace.log();
    let mut all = Vec::new();
    let mut at = Position::START;
    loop {
        let page = log.read_all(at, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        at = last.position;
        all.extend(page);
    }
    let number = |event: &Event| i64::try_from(event.position.get()).unwrap();
    let mut held = BTreeSet::<String>::new();
    for event in all.iter().filter(|e| number(e) <= checkpoint) {
        let stream = event.stream.to_string();
        let is_taken = ["Bought", "Priced"].contains(&event.event_type.as_str());
        match exceptions.get(&number(event)) {
            Some(exception) => {
                let fails = !shop.clone().apply(event);
                let first = !held.contains(&stream);
                // What begins to be parked failed; what is behind was not tried then.
                assert!(!first || fails || exception.state == "skipped", "{event:?}");
                assert!(!first || exception.error.is_some() || exception.state == "skipped");
                if exception.state != "skipped" || exception.error.is_some() {
                    held.insert(stream);
                }
            }
            None if is_taken => {
                assert!(
                    !held.contains(&stream),
                    "{event:?} was applied before what is parked"
                );
                assert!(shop.apply(event), "{event:?} cannot be applied");
            }
            None => {}
        }
        let mut now: Vec<_> = exceptions
            .iter()
            .filter(|(_, e)| e.ended_at == Some(number(event)))
            .collect();
        now.sort_by_key(|(_, e)| e.order);
        for (position, exception) in now {
            let late = all.iter().find(|e| number(e) == *position).unwrap();
            let stream = late.stream.to_string();
            if exception.state == "applied" {
                assert!(
                    shop.apply(late),
                    "{late:?} was applied at {:?}",
                    event.position
                );
            }
            let waits = |(p, e): (&i64, &Exception)| {
                let same = all
                    .iter()
                    .any(|o| number(o) == *p && o.stream.as_str() == stream);
                let later = (e.ended_at, e.order) > (exception.ended_at, exception.order);
                same && *p <= number(event) && (e.ended_at.is_none() || later)
            };
            if !exceptions.iter().any(waits) {
                held.remove(&stream);
            }
        }
    }
    shop.bills
        .into_iter()
        .map(|(key, (total, events))| (key, total, events))
        .collect()
}

#[derive(Clone, Default)]
struct Reference {
    prices: BTreeMap<String, i64>,
    bills: BTreeMap<String, (i64, String)>,
}

impl Reference {
    /// Whether it could be applied.
    fn apply(&mut self, event: &Event) -> bool {
        let data = event.data.value();
        let key = event.stream.as_str().split_once('-').unwrap().1.to_owned();
        if event.event_type.as_str() == "Priced" {
            self.prices.insert(key, data["price"].as_i64().unwrap());
            return true;
        }
        let Some(price) = self.prices.get(data["product"].as_str().unwrap()) else {
            return false;
        };
        let position = event.position.get().to_string();
        let bill = self.bills.entry(key).or_default();
        bill.0 += price;
        if !bill.1.is_empty() {
            bill.1.push(' ');
        }
        bill.1.push_str(&position);
        true
    }
}

/// What SHOP's file has: its bills, and its checkpoint.
pub fn stored(file: &Path) -> (Vec<(String, i64, String)>, i64) {
    let db = rusqlite::Connection::open(file).unwrap();
    let mut select = db
        .prepare("SELECT key, total, events FROM bills ORDER BY key")
        .unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let rows = rows.unwrap().map(Result::unwrap).collect();
    let checkpoint = "SELECT position FROM _highwater_checkpoint";
    (
        rows,
        db.query_row(checkpoint, [], |row| row.get(0)).unwrap(),
    )
}

/// Four events of two streams that could not be applied, and now could be.
#[cfg(unix)]
async fn four_parked() -> Place {
    let place = Place::new(&[("shop", SHOP)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    for key in ["1", "2", "1", "2"] {
        buy(&workspace, key, "mug").await;
    }
    parked(&operator, 4).await;
    price(&workspace, "mug", 10).await;
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    engine.stop().await;
    place
}

/// Asks, lets an engine die at a point, and has the next one end it: what it said, by type and in words.
#[cfg(unix)]
async fn dies(place: &Place, operation: Operation, point: &str) -> (String, String) {
    use std::os::unix::process::ExitStatusExt as _;
    const SIGABRT: i32 = 6;
    let workspace = place.open();
    let asked = workspace.operate("shop", operation, Some(Duration::ZERO));
    asked.await.unwrap();
    let died = crate::child::Other::start_to_die_at(place.folder().path(), point).died();
    assert_eq!(died.signal(), Some(SIGABRT), "{point}");
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    finished(&workspace, "shop", Operation::Resume).await;
    rows(&workspace, "shop", "All", Consistency::Strong).await;
    engine.stop().await;
    equal(&workspace).await;
    let file = place.folder().versions("shop").link();
    let (rows, checkpoint) = stored(&file);
    assert_eq!(
        rows,
        reference(&workspace, &file, checkpoint).await,
        "{point}"
    );
    let db = rusqlite::Connection::open(place.folder().data().join("log.db")).unwrap();
    let outcomes = "SELECT o.type, o.data ->> 'what' FROM events o JOIN events r
        ON o.data ->> 'request' = r.position AND o.stream = r.stream
        WHERE r.type IN ('RetryRequested', 'SkipRequested', 'UnskipRequested') ORDER BY r.position DESC";
    let mut select = db.prepare(outcomes).unwrap();
    let said = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let said: Vec<(String, String)> = said.map(Result::unwrap).collect();
    let count = "SELECT count(*) FROM events WHERE type IN ('RetryRequested', 'SkipRequested', 'UnskipRequested')";
    let asked: usize = db
        .query_row(count, [], |row| row.get::<_, i64>(0))
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(said.len(), asked, "{point}: one outcome each: {said:?}");
    said.into_iter().next().unwrap()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn parking_happens_once_though_an_engine_dies_in_it() {
    for point in ["before-parked", "after-parked"] {
        let place = Place::new(&[("shop", SHOP)]);
        let workspace = place.open();
        for key in ["1", "2", "1"] {
            buy(&workspace, key, "mug").await;
        }
        let (_, said) = dies(&place, Operation::Retry(Which::All), point).await;
        // It depends on the moment what was parked by then.
        assert!(!said.is_empty());
        let workspace = place.open();
        let operator = workspace.operator().await.unwrap();
        parked(&operator, 3).await;
        assert_eq!(list(&workspace).len(), 3, "{point}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_applies_once_though_an_engine_dies_in_it() {
    for point in [
        "while-retrying",
        "after-retried",
        "before-outcome",
        "after-outcome",
    ] {
        let place = four_parked().await;
        let (ended, what) = dies(&place, Operation::Retry(Which::All), point).await;
        assert_eq!(ended, "Retried", "{point}");
        assert_eq!(
            what, "4 events applied; nothing is parked any more",
            "{point}"
        );
        let place = four_parked().await;
        let first = list(&place.open())[0].position;
        let (ended, _) = dies(&place, at(first), point).await;
        assert_eq!(ended, "Retried", "{point}");
        assert_eq!(list(&place.open()).len(), 3, "{point}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_in_vain_is_one_try_though_an_engine_dies_in_it() {
    for point in ["while-retrying", "before-outcome", "after-outcome"] {
        let place = four_parked().await;
        let workspace = place.open();
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        let operator = workspace.operator().await.unwrap();
        let bad = buy(&workspace, "3", "none").await;
        parked(&operator, 5).await;
        engine.stop().await;
        drop((operator, workspace));
        let (ended, what) = dies(&place, at(bad), point).await;
        assert_eq!(ended, "OperationFailed", "{point}");
        assert!(what.contains("after 6 tries"), "{point}: {what}");
        let listed = list(&place.open());
        let listed = listed.iter().find(|event| event.position == bad).unwrap();
        assert_eq!(listed.tries, 6, "{point}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_skip_and_its_end_happen_once_though_an_engine_dies_in_them() {
    for point in ["after-skipped", "before-outcome", "after-outcome"] {
        let place = four_parked().await;
        let first = list(&place.open())[0].position;
        let (ended, _) = dies(&place, skip(first), point).await;
        assert_eq!(ended, "Skipped", "{point}");
        assert_eq!(list(&place.open()).len(), 3, "{point}");
        if point != "after-skipped" {
            let (ended, _) = dies(&place, Operation::Unskip { event: first }, point).await;
            assert_eq!(ended, "Unskipped", "{point}");
            assert_eq!(list(&place.open()).len(), 4, "{point}");
        }
    }
}
