//! Mending one key where it takes long, and where SQLite numbers the rows.

use std::collections::BTreeMap;

use highwater::workspace::{Consistency, Operation, Work, Workspace};

use crate::kit::{PATIENCE, Place, append, finished, refused, rows};

fn repair(key: &str) -> Operation {
    Operation::Repair {
        key: key.to_owned(),
    }
}

fn damage(place: &Place, name: &str, sql: &str) {
    let link = place.folder().versions(name).link();
    let db = rusqlite::Connection::open(link).unwrap();
    db.busy_timeout(PATIENCE).unwrap();
    assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
}

/// Lines of orders, under a number or none.
fn lines(schema: &str, insert: &str) -> String {
    format!(
        "-- key: order_id = order\n-- schema\nCREATE TABLE lines ({schema});\n-- on Added\n\
         INSERT INTO lines {insert};\n-- query All()\nSELECT order_id, item FROM lines ORDER BY 1, 2;\n"
    )
}

async fn added(workspace: &Workspace) {
    for (order, item) in [(1, "cup"), (2, "mug"), (1, "pot"), (2, "jug"), (1, "cup")] {
        let data = format!("{{\"item\":\"{item}\"}}");
        append(workspace, &format!("order-{order}"), "Added", &data).await;
    }
}

const OF_BOTH: &str = "(order_id, item) VALUES (:key, :data ->> 'item')";

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_key_of_their_own_are_compared_by_what_is_in_them() {
    let by_position = "VALUES (:position, :key, :data ->> 'item')";
    for text in [
        lines("order_id TEXT, item TEXT", OF_BOTH),
        lines(
            "id INTEGER PRIMARY KEY, order_id TEXT, item TEXT",
            by_position,
        ),
    ] {
        let place = Place::new(&[("lines", &text)]);
        let workspace = place.open();
        added(&workspace).await;
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        let well = rows(&workspace, "lines", "All", Consistency::Strong).await;
        for key in ["1", "2"] {
            let what = finished(&workspace, "lines", repair(key)).await;
            assert!(what.contains("nothing was changed"), "{what}");
        }
        damage(
            &place,
            "lines",
            "UPDATE lines SET item = 'rat' WHERE item = 'jug'",
        );
        damage(&place, "lines", "DELETE FROM lines WHERE item = 'mug'");
        finished(&workspace, "lines", repair("2")).await;
        let mended = rows(&workspace, "lines", "All", Consistency::Eventual).await;
        assert_eq!(mended, well);
        let checked = workspace.verify("lines", 5, &Work::new()).await.unwrap();
        assert!(checked.comparison.is_equal(), "{checked:?}");
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_rows_sqlite_numbers_is_refused_with_a_reason() {
    let text = lines("id INTEGER PRIMARY KEY, order_id TEXT, item TEXT", OF_BOTH);
    let place = Place::new(&[("lines", &text)]);
    let workspace = place.open();
    added(&workspace).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let well = rows(&workspace, "lines", "All", Consistency::Strong).await;
    let why = refused(&workspace, "lines", repair("2")).await;
    for word in [
        "SQLite numbers the rows of table lines",
        "Rebuild it",
        ":position",
    ] {
        assert!(why.contains(word), "{why}");
    }
    let looked = workspace.mending("lines", "2", &Work::new()).await;
    assert_eq!(looked.unwrap_err().to_string(), why);
    let all = rows(&workspace, "lines", "All", Consistency::Eventual).await;
    assert_eq!(all, well);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_schema_begins_with_are_no_obstacle() {
    let text = "-- key: id = order\n-- schema\nCREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER);\n\
                INSERT INTO t VALUES ('1', 0);\n-- on Added\nUPDATE t SET n = n + 1 WHERE id = :key;\n\
                -- query All()\nSELECT * FROM t;\n";
    let place = Place::new(&[("t", text)]);
    let workspace = place.open();
    added(&workspace).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    rows(&workspace, "t", "All", Consistency::Strong).await;
    damage(&place, "t", "UPDATE t SET n = 77");
    finished(&workspace, "t", repair("1")).await;
    let all = rows(&workspace, "t", "All", Consistency::Eventual).await;
    assert_eq!(all[0]["n"], 3);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mended_rows_that_do_not_fit_beside_others_change_nothing() {
    let text = "-- key: id = order\n-- schema\nCREATE TABLE t (id TEXT PRIMARY KEY, item TEXT UNIQUE);\n\
                -- on Added\nINSERT INTO t VALUES (:key, :data ->> 'item') ON CONFLICT DO NOTHING;\n\
                -- query All()\nSELECT * FROM t ORDER BY 1;\n";
    let place = Place::new(&[("t", text)]);
    let workspace = place.open();
    added(&workspace).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    rows(&workspace, "t", "All", Consistency::Strong).await;
    damage(&place, "t", "UPDATE t SET item = 'pot' WHERE id = '1'");
    damage(&place, "t", "UPDATE t SET item = 'cup' WHERE id = '2'");
    let before = rows(&workspace, "t", "All", Consistency::Eventual).await;
    let why = refused(&workspace, "t", repair("1")).await;
    for word in [
        "beside those of other keys",
        "nothing was changed",
        "rebuild",
    ] {
        assert!(why.contains(word), "{why}");
    }
    let after = rows(&workspace, "t", "All", Consistency::Eventual).await;
    assert_eq!(after, before);
    engine.stop().await;
}

/// Each event of the long stream takes a while.
const SLOW: &str = "\
-- key: id = order
-- schema
CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
-- on Added
INSERT INTO t SELECT :key, 1 FROM
(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :data ->> 'slow') SELECT max(i) FROM n)
WHERE true ON CONFLICT (id) DO UPDATE SET n = n + 1;
-- query Of(id)
SELECT n FROM t WHERE id = :id;
";

async fn of(workspace: &Workspace, id: &str, consistency: Consistency) -> i64 {
    let id = BTreeMap::from([("id".to_owned(), id.to_owned())]);
    let answer = workspace.query("t", "Of", &id, consistency, PATIENCE).await;
    answer.unwrap().rows[0]["n"].as_i64().unwrap()
}

/// Whether the last repair has an outcome.
async fn is_over(workspace: &Workspace) -> bool {
    let history = workspace.history(Some("t")).await.unwrap();
    let repair = history
        .iter()
        .rev()
        .find(|line| line.what.contains("repair"));
    repair.unwrap().outcome.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn live_work_goes_on_while_a_key_is_mended_and_an_engine_that_stops_leaves_it_to_the_next() {
    let place = Place::new(&[("t", SLOW)]);
    let workspace = place.open();
    for _ in 0..40 {
        append(&workspace, "order-1", "Added", "{\"slow\":200000}").await;
    }
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    assert_eq!(of(&workspace, "1", Consistency::Strong).await, 40);
    damage(&place, "t", "UPDATE t SET n = 77");
    let asked = {
        let workspace = workspace.clone();
        tokio::spawn(async move { workspace.operate("t", repair("1"), Some(PATIENCE)).await })
    };
    // Until some of its events are folded: each is a transaction.
    let scratch = place.folder().scratch();
    let written = || {
        let mut entries = std::fs::read_dir(&scratch).into_iter().flatten().flatten();
        let sizes = entries.find_map(|entry| entry.path().join("after.db-wal").metadata().ok());
        sizes.map_or(0, |wal| wal.len())
    };
    let (mut size, mut changes) = (0, 0);
    while changes < 8 {
        let now = written();
        changes += usize::from(now != size);
        size = now;
        tokio::task::yield_now().await;
    }
    append(&workspace, "order-2", "Added", "{\"slow\":1}").await;
    append(&workspace, "order-1", "Added", "{\"slow\":1}").await;
    assert_eq!(of(&workspace, "2", Consistency::Strong).await, 1);
    assert!(!is_over(&workspace).await, "live work waited for it");
    // What is folded so far is forgotten; the request stands.
    engine.stop().await;
    assert!(!is_over(&workspace).await);
    drop(asked);
    assert_eq!(of(&workspace, "1", Consistency::Eventual).await, 78);
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    while !is_over(&workspace).await {}
    assert_eq!(of(&workspace, "1", Consistency::Strong).await, 41);
    engine.stop().await;
    let left = std::fs::read_dir(place.folder().scratch()).unwrap();
    let left = left.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(left.count(), 0);
}
