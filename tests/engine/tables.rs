//! The rows of read models as screens look at them: one key in every read model, and tables page by page.

use highwater::event::{Position, StreamId, Version};
use highwater::workspace::{
    Browse, Cell, ComingRow, Consistency, KeyedModel, Operation, RowFilter, Shown, Work, Workspace,
};

use crate::kit::{COUNTS, Place, append, finished, rows, until, view};

const ORDERS: &str = "\
-- replicas: eu live, us manual
-- key: order_id = order
-- schema
CREATE TABLE orders (order_id TEXT PRIMARY KEY, status TEXT NOT NULL, paid INTEGER) STRICT;
CREATE TABLE lines (order_id TEXT NOT NULL, line INTEGER NOT NULL, product TEXT NOT NULL,
  PRIMARY KEY (order_id, line)) STRICT;
-- on OrderPlaced
INSERT INTO orders VALUES (:key, 'placed', NULL);
-- on LineAdded
INSERT INTO lines VALUES (:key, :data ->> 'line', :data ->> 'product');
-- on LineRemoved
DELETE FROM lines WHERE order_id = :key AND line = :data ->> 'line';
-- on OrderPaid
UPDATE orders SET status = 'paid', paid = :data ->> 'amount' WHERE order_id = :key;
-- on OrderShipped
UPDATE orders SET status = 'shipped' WHERE order_id = :key;
-- query All()
SELECT * FROM orders ORDER BY order_id;
";

fn model<'a>(models: &'a [KeyedModel], name: &str) -> &'a KeyedModel {
    models.iter().find(|model| model.name == name).unwrap()
}

/// The rows of all tables, told as words.
fn told(model: &KeyedModel) -> Vec<String> {
    let cell = |row: &Option<Vec<Cell>>, at: usize| match row {
        Some(row) => row[at].to_string(),
        None => "no row".to_owned(),
    };
    let field = |row: &ComingRow, at: usize| match &row.mends[at] {
        None => cell(&row.now, at),
        Some(mends) => {
            let (now, then) = (cell(&row.now, at), cell(&row.then, at));
            format!("{now} -> {then} by {}", mends.position)
        }
    };
    let tables = model.coming.tables.iter();
    let line = |row: &ComingRow| {
        let fields: Vec<String> = (0..row.mends.len()).map(|at| field(row, at)).collect();
        fields.join(", ")
    };
    tables
        .flat_map(|table| table.rows.iter().map(line))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stale_field_of_a_key_names_the_event_that_will_mend_it() {
    let count = "\
-- policy: manual
-- key: order_id = order
-- schema
CREATE TABLE orders (order_id TEXT PRIMARY KEY, events INTEGER NOT NULL) STRICT;
CREATE TABLE total (events INTEGER NOT NULL) STRICT;
-- on *
INSERT INTO orders VALUES (:key, 1) ON CONFLICT DO UPDATE SET events = events + 1;
";
    let place = Place::new(&[("orders", ORDERS), ("count", count), ("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let line = |line: u32, product: &str| format!("{{\"line\":{line},\"product\":\"{product}\"}}");
    append(&workspace, "order-1", "OrderPlaced", "{}").await;
    append(&workspace, "order-2", "OrderPlaced", "{}").await;
    append(&workspace, "order-1", "LineAdded", &line(1, "mug")).await;
    finished(&workspace, "orders@us", Operation::Apply).await;
    finished(&workspace, "count", Operation::Apply).await;
    let first = append(&workspace, "order-1", "LineAdded", &line(2, "pot"))
        .await
        .last
        .get();
    append(&workspace, "order-2", "OrderPaid", "{\"amount\":9}").await;
    append(&workspace, "order-1", "OrderPaid", "{\"amount\":5}").await;
    append(&workspace, "order-1", "LineRemoved", &line(1, "mug")).await;
    append(&workspace, "order-1", "Unknown", "{}").await;
    append(&workspace, "order-1", "OrderPaid", "{\"amount\":7}").await;
    append(&workspace, "order-1", "OrderShipped", "{}").await;
    rows(&workspace, "orders@eu", "All", Consistency::Strong).await;
    let found = workspace.rows_of_key("order", "1").await.unwrap();
    let names: Vec<&str> = found
        .models
        .iter()
        .map(|model| model.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["count", "orders@eu", "orders@us"],
        "counts declares no key"
    );
    assert_eq!(found.version, Version::new(8));
    let fresh = model(&found.models, "orders@eu");
    assert_eq!(told(fresh), ["'1', 2, 'pot'", "'1', 'shipped', 7"]);
    assert_eq!(
        (fresh.coming.lacks, fresh.coming.next, &fresh.coming.unknown),
        (0, None, &None)
    );
    let stale = model(&found.models, "orders@us");
    let by = |after: u64| first + after;
    assert_eq!(
        told(stale),
        [
            format!(
                "'1' -> no row by {0}, 1 -> no row by {0}, 'mug' -> no row by {0}",
                by(3)
            ),
            format!(
                "no row -> '1' by {0}, no row -> 2 by {0}, no row -> 'pot' by {0}",
                by(0)
            ),
            format!(
                "'1', 'placed' -> 'shipped' by {}, NULL -> 7 by {}",
                by(6),
                by(5)
            ),
        ]
    );
    assert_eq!(
        (stale.coming.lacks, stale.coming.next),
        (5, Some(Position::new(first)))
    );
    let paid = workspace
        .log()
        .read_all(Position::new(by(5) - 1), 1)
        .await
        .unwrap();
    let mends = &stale.coming.tables[1].rows[0].mends;
    assert_eq!(mends[2].as_ref().unwrap().id, paid[0].id);
    // A table of rows that belong to nobody: no one key can be folded alone.
    let unknown = model(&found.models, "count");
    let why = unknown.coming.unknown.as_ref().unwrap();
    assert!(why.contains("table total"), "{why}");
    assert_eq!(told(unknown), ["'1', 2"]);
    assert_eq!(unknown.coming.lacks, 6);
    // The past says the same: a field has its last value from the event on that was named, and not before.
    agree_with_the_past(&workspace, stale).await;
    let nobody = workspace.rows_of_key("order", "nobody").await.unwrap();
    assert_eq!(nobody.version, Version::NONE);
    assert!(nobody.models.iter().all(|model| told(model).is_empty()));
    let names = std::fs::read_dir(place.folder().scratch()).unwrap();
    assert_eq!(
        names
            .filter(|e| e.as_ref().unwrap().path().is_dir())
            .count(),
        0
    );
    engine.stop().await;
}

async fn agree_with_the_past(workspace: &Workspace, model: &KeyedModel) {
    let head = workspace.log().head().await.unwrap();
    let mut past = workspace.past("orders@us", 0, Work::new()).await.unwrap();
    // How many columns of each table, lines and orders, are its key.
    for (nth, (table, key)) in model.coming.tables.iter().zip([2, 1]).enumerate() {
        for row in &table.rows {
            let is_row = |found: &&Vec<Cell>| {
                let known = row.now.as_ref().or(row.then.as_ref()).unwrap();
                found[..key] == known[..key]
            };
            for (column, mends) in row.mends.iter().enumerate() {
                let Some(mends) = mends else { continue };
                let last = row.then.as_ref().map(|row| row[column].clone());
                for at in mends.position.get() - 1..=head.get() {
                    past.step_to(Position::new(at)).await.unwrap();
                    let shown = Shown {
                        table: nth,
                        first: 0,
                        most: 100,
                    };
                    let rows = past.rows(shown).unwrap().rows;
                    let found = rows.iter().find(is_row).map(|row| row[column].clone());
                    assert_eq!(
                        found == last,
                        at >= mends.position.get(),
                        "{mends:?} at {at}"
                    );
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_foretold_of_a_key_says_why() {
    let text = ORDERS
        .replace("eu live, us manual", "eu live")
        .replace("-- schema", "-- on-error: park\n-- schema");
    let place = Place::new(&[("orders", &text)]);
    let workspace = place.open();
    let made = workspace.rows_of_key("order", "1").await.unwrap();
    let why = made.models[0].coming.unknown.clone().unwrap();
    assert!(why.contains("highwater run"), "{why}");
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    append(&workspace, "order-1", "OrderPlaced", "{}").await;
    // It is there already.
    append(&workspace, "order-1", "OrderPlaced", "{}").await;
    append(&workspace, "order-2", "OrderPlaced", "{}").await;
    until(&operator, |s| view(s, "orders@eu").parked == 1).await;
    engine.stop().await;
    append(&workspace, "order-1", "OrderPaid", "{\"amount\":7}").await;
    append(&workspace, "order-2", "OrderPlaced", "{}").await;
    let why = async |key: &str| {
        let found = workspace.rows_of_key("order", key).await.unwrap();
        found.models[0].coming.clone()
    };
    let parked = why("1").await;
    assert!(
        parked
            .unknown
            .unwrap()
            .contains("highwater parked orders@eu")
    );
    // The one that is parked, and the one that will be behind it.
    assert_eq!((parked.lacks, parked.next), (2, None));
    assert_eq!(parked.passed_by.parked.count.events, 1);
    let refused = why("2").await.unknown.unwrap();
    assert!(refused.contains("cannot be applied"), "{refused}");
    append_many_paid(&workspace, 10_001).await;
    let many = why("4").await;
    assert!(many.unknown.unwrap().contains("more than 10000 events"));
    assert_eq!(many.tables.len(), 2);
    let live = place.folder().versions("orders@eu").link();
    let db = rusqlite::Connection::open(live).unwrap();
    db.execute_batch("UPDATE _highwater_checkpoint SET event = 'another'")
        .unwrap();
    let ahead = why("2").await;
    assert!(
        ahead
            .unknown
            .unwrap()
            .contains("highwater rebuild orders@eu")
    );
    assert_eq!(ahead.tables[1].rows.len(), 1);
}

async fn append_many_paid(workspace: &Workspace, events: usize) {
    let paid = highwater::event::NewEvent::new(
        highwater::event::EventType::new("OrderPaid").unwrap(),
        highwater::event::JsonObject::empty(),
    );
    for chunk in vec![paid; events].chunks(1_000) {
        let commit = highwater::log::Commit {
            id: highwater::log::CommitId::new(),
            stream: StreamId::new("order-4").unwrap(),
            expected: highwater::log::Expected::Any,
            events: chunk.to_vec(),
        };
        workspace.log().append(commit).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_a_read_model_are_browsed_by_table_sorted_and_filtered() {
    let text = "\
-- schema
CREATE TABLE things (key TEXT PRIMARY KEY, size REAL, note TEXT, extra BLOB) STRICT;
CREATE TABLE log (line TEXT) STRICT;
CREATE VIRTUAL TABLE words USING fts5(note);
-- on Grown
INSERT INTO things VALUES (:key, :data ->> 'size', :data ->> 'note', x'00ff');
INSERT INTO log VALUES (:key);
INSERT INTO words (rowid, note) VALUES (:position, :data ->> 'note');
";
    let place = Place::new(&[("things", text)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    for (key, size, note) in [
        ("b", "1.5", "100% Wool"),
        ("a", "9.0", "a_b"),
        ("c", "-2.0", "axb"),
        ("d", "null", ""),
    ] {
        let data = format!("{{\"size\":{size},\"note\":\"{note}\"}}");
        append(&workspace, &format!("thing-{key}"), "Grown", &data).await;
    }
    let head = workspace.log().head().await.unwrap();
    until(&operator, |s| view(s, "things").checkpoint >= head).await;
    let things = Browse {
        table: Some("THINGS".to_owned()),
        limit: 100,
        ..Browse::default()
    };
    let keys = async |browse: Browse| {
        let page = operator.rows_page("things", &browse).await.unwrap();
        let text = |row: &Vec<Cell>| row[0].to_string().trim_matches('\'').to_owned();
        (
            page.rows.iter().map(text).collect::<String>(),
            page.matching.to_string(),
        )
    };
    let sorted = |by: &str, descending| Browse {
        sort: Some(by.to_owned()),
        descending,
        ..things.clone()
    };
    let filtered = |fits: fn(&str) -> bool| Browse {
        filter: Some(RowFilter::new("", move |row| row.iter().any(|t| fits(t)))),
        ..things.clone()
    };
    let expect = |keys: &str, count: &str| (keys.to_owned(), count.to_owned());
    assert_eq!(keys(things.clone()).await, expect("abcd", "4"));
    assert_eq!(
        keys(Browse {
            descending: true,
            ..things.clone()
        })
        .await,
        expect("dcba", "4")
    );
    assert_eq!(
        keys(sorted("size", false)).await,
        expect("dcba", "4"),
        "NULL, -2, 1.5, 9"
    );
    assert_eq!(keys(sorted("Note", true)).await, expect("cabd", "4"));
    assert_eq!(
        keys(filtered(|t| t.contains("Wool"))).await,
        expect("b", "1")
    );
    assert_eq!(
        keys(filtered(|t| t == "9.0")).await,
        expect("a", "1"),
        "a number as it is shown"
    );
    assert_eq!(
        keys(filtered(|t| t == "x'00ff'")).await,
        expect("abcd", "4")
    );
    assert_eq!(keys(filtered(|t| t == "NULL")).await, expect("", "0"));
    let not = Browse {
        filter: Some(RowFilter::new("", |row| {
            !row.iter().any(|t| t.contains('x') && t.len() == 3)
        })),
        sort: Some("note".to_owned()),
        first: 1,
        ..things.clone()
    };
    assert_eq!(
        keys(not).await,
        expect("ba", "3"),
        "sorted, and the first left out"
    );
    assert_eq!(
        keys(Browse {
            first: 1,
            limit: 2,
            ..things.clone()
        })
        .await,
        expect("bc", "4")
    );
    assert_eq!(
        keys(Browse {
            first: 99,
            ..things.clone()
        })
        .await,
        expect("", "4")
    );
    let page = operator.rows_page("things", &things).await.unwrap();
    let names: Vec<&str> = page
        .tables
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!((names, page.table), (vec!["log", "things", "words"], 1));
    assert_eq!(page.tables[1].columns, ["key", "size", "note", "extra"]);
    assert_eq!(page.tables[1].key, ["key"]);
    assert_eq!(page.rows[0][3], Cell::Blob(vec![0, 255]));
    assert_eq!(page.checkpoint, head);
    for (table, count) in [("log", 4), ("words", 4)] {
        let browse = Browse {
            table: Some(table.to_owned()),
            limit: 9,
            descending: true,
            ..Browse::default()
        };
        assert_eq!(
            operator
                .rows_page("things", &browse)
                .await
                .unwrap()
                .rows
                .len(),
            count
        );
    }
    let wrong = async |browse: Browse| {
        operator
            .rows_page("things", &browse)
            .await
            .unwrap_err()
            .to_string()
    };
    let table = Browse {
        table: Some("_highwater_model".to_owned()),
        ..Browse::default()
    };
    assert_eq!(
        wrong(table).await,
        "things has no table _highwater_model: it has log, things, words"
    );
    let column = wrong(sorted("size; DROP", false)).await;
    assert!(
        column.ends_with("it has key, size, note, extra"),
        "{column}"
    );
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_rows_are_browsed_in_the_default_order_at_once() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    rows(&workspace, "counts", "All", Consistency::Strong).await;
    engine.stop().await;
    let live = place.folder().versions("counts").link();
    let db = rusqlite::Connection::open(live).unwrap();
    db.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
         INSERT INTO counts SELECT printf('key-%07d', i), i, -i FROM n",
    )
    .unwrap();
    for (first, descending) in [(0, false), (0, true), (500_000, false), (999_990, false)] {
        let browse = Browse {
            first,
            descending,
            limit: 50,
            ..Browse::default()
        };
        let began = std::time::Instant::now();
        let page = workspace.rows_page("counts", &browse).unwrap();
        let took = began.elapsed();
        let number = if descending { 1_000_000 } else { first + 1 };
        assert_eq!(page.rows[0][0].to_string(), format!("'key-{number:07}'"));
        assert_eq!(page.tables[0].rows.to_string(), "10,000+");
        assert!(took < std::time::Duration::from_secs(2), "{took:?}");
    }
    let browse = Browse {
        sort: Some("last".to_owned()),
        limit: 3,
        ..Browse::default()
    };
    let page = workspace.rows_page("counts", &browse).unwrap();
    assert_eq!(page.rows[0][2], Cell::Integer(-1_000_000));
}
