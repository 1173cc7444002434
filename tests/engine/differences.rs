//! What a new version would change, and mending one key.

use highwater::event::Position;
use highwater::read::VerifyError;
use highwater::workspace::{
    Because, Consistency, Operation, Phase, Side, Work, Workspace, WorkspaceError,
};

use crate::kit::{Place, append, append_many, finished, refused, rows};

/// Whoever is paid in coins is not noticed.
const ORDERS: &str = "\
-- policy: live
-- key: id = order
-- schema
CREATE TABLE orders (id TEXT PRIMARY KEY, status TEXT NOT NULL, paid INTEGER NOT NULL) STRICT;
-- on Placed
INSERT INTO orders VALUES (:key, 'placed', 0);
-- on Paid
UPDATE orders SET status = 'paid', paid = paid + (:data ->> 'amount') WHERE id = :key AND :data ->> 'by' <> 'coins';
-- query All()
SELECT id, status, paid FROM orders ORDER BY id;
";

fn mended() -> String {
    ORDERS.replace(" AND :data ->> 'by' <> 'coins'", "")
}

async fn placed(workspace: &Workspace) {
    for order in 1..=6 {
        append(workspace, &format!("order-{order}"), "Placed", "{}").await;
        append_many(workspace, 3, 5).await;
    }
    for (order, by) in [
        (1, "card"),
        (2, "coins"),
        (3, "card"),
        (5, "coins"),
        (5, "card"),
    ] {
        let data = format!(r#"{{"amount":{},"by":"{by}"}}"#, order * 10);
        append(workspace, &format!("order-{order}"), "Paid", &data).await;
    }
}

async fn all(workspace: &Workspace) -> Vec<(String, i64)> {
    let rows = rows(workspace, "orders", "All", Consistency::Strong).await;
    let row = |row: &serde_json::Map<String, serde_json::Value>| {
        let id = row["id"].as_str().unwrap().to_owned();
        (id, row["paid"].as_i64().unwrap())
    };
    rows.iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_difference_is_exactly_the_wrong_rows_each_with_the_event_that_explains_it() {
    let place = Place::new(&[("orders", ORDERS)]);
    let workspace = place.open();
    placed(&workspace).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    all(&workspace).await;
    let none = workspace
        .diff("orders", 10, &Work::new())
        .await
        .unwrap_err();
    assert!(matches!(none, WorkspaceError::NoShadow { .. }), "{none}");

    place.write("orders", &mended());
    // Saved while nobody looks: the next engine takes it up.
    engine.stop().await;
    place.write(
        "orders",
        &mended().replace("-- policy: live", "-- policy: live\n-- cutover: asked"),
    );
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    finished_holding(&workspace).await;
    let diff = workspace.diff("orders", 10, &Work::new()).await.unwrap();
    let told: Vec<_> = diff
        .comparison
        .differences
        .iter()
        .zip(&diff.because)
        .map(|(difference, because)| {
            let Because::Event {
                position,
                stream,
                event_type,
                parked: None,
            } = because
            else {
                panic!("{because:?}")
            };
            (
                difference.to_string(),
                stream.to_string(),
                event_type.to_string(),
                position.get(),
            )
        })
        .collect();
    let event = |order: &str, at: u64| {
        (
            format!("orders id = '{order}'"),
            format!("order-{order}"),
            "Paid".to_owned(),
            at,
        )
    };
    // Six times six events, then payments 37 to 41, and what engines wrote before them.
    let first = told[0].3;
    assert_eq!(told, [event("2", first), event("5", first + 2)]);
    assert_eq!((diff.comparison.total, diff.because.len()), (2, 2));
    let one = workspace.diff("orders", 1, &Work::new()).await.unwrap();
    assert_eq!((one.comparison.total, one.because.len()), (2, 1));
    finished(&workspace, "orders", Operation::CutOver { version: None }).await;
    let paid: Vec<i64> = all(&workspace).await.into_iter().map(|row| row.1).collect();
    assert_eq!(paid, [10, 20, 30, 0, 100, 0]);
    engine.stop().await;
}

async fn finished_holding(workspace: &Workspace) {
    let operator = workspace.operator().await.unwrap();
    crate::kit::until(&operator, |s| {
        crate::kit::view(s, "orders")
            .rebuild
            .as_ref()
            .is_some_and(|rebuild| rebuild.held)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_are_compared_at_one_position_while_the_log_moves() {
    let place = Place::new(&[("orders", ORDERS)]);
    let workspace = place.open();
    placed(&workspace).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    finished(&workspace, "orders", Operation::Rebuild { hold: true }).await;
    let writer = {
        let workspace = workspace.clone();
        tokio::spawn(async move {
            for order in 100..300 {
                append(&workspace, &format!("order-{order}"), "Placed", "{}").await;
            }
        })
    };
    let mut last = Position::START;
    while !writer.is_finished() {
        let diff = workspace.diff("orders", 10, &Work::new()).await.unwrap();
        assert!(diff.comparison.is_equal(), "{diff:?}");
        assert!(diff.position >= last);
        last = diff.position;
    }
    writer.await.unwrap();
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_damaged_from_outside_is_explained_by_no_event() {
    let place = Place::new(&[("orders", ORDERS)]);
    let workspace = place.open();
    placed(&workspace).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    all(&workspace).await;
    damage(&place, "UPDATE orders SET paid = 7 WHERE id = '1'");
    damage(&place, "DELETE FROM orders WHERE id = '4'");
    // This one differs for a reason, too.
    damage(&place, "UPDATE orders SET paid = 8 WHERE id = '5'");
    damage(&place, "INSERT INTO orders VALUES ('77', 'paid', 1)");
    let waits = "-- policy: live\n-- cutover: asked";
    place.write("orders", &mended().replace("-- policy: live", waits));
    finished_holding(&workspace).await;
    let diff = workspace.diff("orders", 10, &Work::new()).await.unwrap();
    let told = diff.comparison.differences.iter().zip(&diff.because);
    let told: Vec<_> = told
        .map(|(difference, because)| (difference.to_string(), because.clone()))
        .collect();
    let outside = |id: &str| (format!("orders id = '{id}'"), Because::NoEvent(Side::Here));
    assert_eq!(told.len(), 5, "{told:?}");
    for id in ["1", "4", "5", "77"] {
        assert!(told.contains(&outside(id)), "{id}: {told:?}");
    }
    let (_, two) = &told[1];
    assert!(matches!(two, Because::Event { .. }), "{told:?}");
    engine.stop().await;
}

/// Whoever counts differently from `Wrong` on agrees again once a `Reset` has come.
#[tokio::test(flavor = "multi_thread")]
async fn what_explains_a_row_is_the_event_since_which_it_differs_without_a_break() {
    let text = "-- schema\nCREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;\n\
                CREATE TABLE u (id INTEGER PRIMARY KEY, k TEXT UNIQUE);\n\
                CREATE TABLE v (id INTEGER PRIMARY KEY, k TEXT); INSERT INTO v VALUES (1, 'one');\n\
                -- on Wrong\nREPLACE INTO t VALUES (:key, 1);\n\
                INSERT OR REPLACE INTO u (id, k) VALUES (:position, 'one');\n\
                -- on Reset\nDELETE FROM t;\n-- query All()\nSELECT * FROM t;\n";
    let place = Place::new(&[("orders", text)]);
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    for event in ["Wrong", "Reset", "Wrong", "Right", "Wrong"] {
        append(&workspace, "thing-1", event, "{}").await;
    }
    rows(&workspace, "orders", "All", Consistency::Strong).await;
    let other = text
        .replace(", 1);", ", 2);")
        .replace("VALUES (:position, 'one')", "VALUES (:position, 'two')")
        .replace("VALUES (1, 'one')", "VALUES (1, 'two')");
    place.write("orders", &format!("-- cutover: asked\n{other}"));
    finished_holding(&workspace).await;
    let diff = workspace.diff("orders", 10, &Work::new()).await.unwrap();
    let log = workspace.log();
    let mut told = Vec::new();
    for (difference, because) in diff.comparison.differences.iter().zip(&diff.because) {
        let Some(at) = because.position() else {
            assert_eq!(*because, Because::Schema);
            assert_eq!(difference.to_string(), "v id = 1");
            told.push((String::new(), 0));
            continue;
        };
        let page = log.read_all(Position::new(at.get() - 1), 1).await;
        let event = page.unwrap().remove(0);
        told.push((difference.to_string(), event.version.get()));
    }
    // The row of `u` is replaced by the next one, without a word of SQLite's.
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], ("t k = '1'".to_owned(), 3), "{told:?}");
    assert_eq!(told[1].1, 5, "{told:?}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_is_broken_off_says_how_far_it_was_and_how_far_it_had_to_go() {
    let place = Place::new(&[("orders", ORDERS)]);
    let workspace = place.open();
    placed(&workspace).await;
    for _ in 0..300 {
        append(&workspace, "order-1", "Paid", r#"{"amount":1,"by":"card"}"#).await;
    }
    let waits = "-- policy: live\n-- cutover: asked";
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    all(&workspace).await;
    place.write("orders", &mended().replace("-- policy: live", waits));
    finished_holding(&workspace).await;
    engine.stop().await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let well = workspace.diff("orders", 10, &Work::new()).await.unwrap();
    // However far it comes before somebody says stop.
    for looks in 0..20 {
        let work = Work::new();
        let task = {
            let (workspace, work) = (workspace.clone(), work.clone());
            tokio::spawn(async move { workspace.diff("orders", 10, &work).await })
        };
        while work.progress().phase != Phase::Searching && !task.is_finished() {
            tokio::task::yield_now().await;
        }
        for _ in 0..looks {
            tokio::task::yield_now().await;
        }
        work.stop();
        match task.await.unwrap() {
            Ok(diff) => assert_eq!(diff.comparison, well.comparison),
            Err(WorkspaceError::Verify(VerifyError::Stopped { of, at, .. })) => {
                assert_eq!(of, well.position);
                assert!(at <= of);
            }
            Err(other) => panic!("{other}"),
        }
    }
    engine.stop().await;
}

fn damage(place: &Place, sql: &str) {
    let link = place.folder().versions("orders").link();
    let db = rusqlite::Connection::open(link).unwrap();
    assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_key_is_mended_and_the_read_model_is_what_the_log_says() {
    let place = Place::new(&[("orders", ORDERS)]);
    let workspace = place.open();
    placed(&workspace).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let well = all(&workspace).await;
    let repair = |key: &str| Operation::Repair {
        key: key.to_owned(),
    };
    for (key, sql) in [
        ("1", "UPDATE orders SET paid = 7 WHERE id = '1'"),
        ("3", "DELETE FROM orders WHERE id = '3'"),
    ] {
        damage(&place, sql);
        let broken = workspace.verify("orders", 5, &Work::new()).await.unwrap();
        assert_eq!(broken.comparison.total, 1);
        let mending = workspace
            .mending("orders", key, &Work::new())
            .await
            .unwrap();
        assert_eq!(mending.comparison.total, 1);
        assert_ne!(all(&workspace).await, well, "looking changes nothing");
        let what = finished(&workspace, "orders", repair(key)).await;
        assert!(what.contains(&format!("order-{key}")), "{what}");
        assert_eq!(all(&workspace).await, well);
        let checked = workspace.verify("orders", 5, &Work::new()).await.unwrap();
        assert!(checked.comparison.is_equal());
        let what = finished(&workspace, "orders", repair(key)).await;
        assert!(what.contains("nothing was changed"), "{what}");
    }
    // A row that no event gave goes.
    damage(&place, "INSERT INTO orders VALUES ('77', 'paid', 1)");
    finished(&workspace, "orders", repair("77")).await;
    assert_eq!(all(&workspace).await, well);
    let why = refused(&workspace, "orders", repair("78")).await;
    assert!(why.contains("no rows of key 78"), "{why}");
    // It goes on from where it stands.
    append(&workspace, "order-4", "Paid", r#"{"amount":4,"by":"card"}"#).await;
    assert_eq!(all(&workspace).await[3].1, 4);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_mended_alone_is_refused() {
    let beside = "CREATE TABLE totals (n INTEGER) STRICT;\n-- on Placed";
    let trigger =
        "CREATE TRIGGER t AFTER DELETE ON orders BEGIN DELETE FROM orders; END;\n-- on Placed";
    for (text, word) in [
        (ORDERS.replace("-- key: id = order\n", ""), "-- key:"),
        (ORDERS.replacen("-- on Placed", beside, 1), "table totals"),
        (ORDERS.replacen("-- on Placed", trigger, 1), "triggers"),
    ] {
        let place = Place::new(&[("orders", &text)]);
        let workspace = place.open();
        placed(&workspace).await;
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        let before = all(&workspace).await;
        let key = "1".to_owned();
        let why = refused(&workspace, "orders", Operation::Repair { key }).await;
        assert!(why.contains(word), "{why}");
        let why = workspace
            .mending("orders", "1", &Work::new())
            .await
            .unwrap_err();
        assert!(why.to_string().contains(word), "{why}");
        assert_eq!(all(&workspace).await, before);
        engine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mending_a_key_touches_no_key_that_the_column_takes_for_the_same() {
    let text = "-- key: k = acc\n-- schema\nCREATE TABLE nc (k TEXT COLLATE NOCASE, n INTEGER);\n\
                -- on *\nINSERT INTO nc VALUES (:key, :position);\n-- query All()\nSELECT * FROM nc;\n";
    let place = Place::new(&[("nc", text)]);
    let workspace = place.open();
    append(&workspace, "acc-abc", "Opened", "{}").await;
    append(&workspace, "acc-ABC", "Opened", "{}").await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    rows(&workspace, "nc", "All", Consistency::Strong).await;
    let key = "abc".to_owned();
    finished(&workspace, "nc", Operation::Repair { key }).await;
    let all = rows(&workspace, "nc", "All", Consistency::Eventual).await;
    assert_eq!(all.len(), 2, "{all:?}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_more_rows_than_can_be_held_is_refused_and_left_as_it_is() {
    let text = "-- key: k = acc\n-- schema\nCREATE TABLE many (k TEXT, n INTEGER, PRIMARY KEY (k, n)) WITHOUT ROWID;\n\
                -- on *\nINSERT INTO many WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE \
                n < 100001) SELECT :key, n FROM c;\n-- query Count()\nSELECT count(*) AS rows FROM many;\n";
    let place = Place::new(&[("many", text)]);
    let workspace = place.open();
    append(&workspace, "acc-1", "Opened", "{}").await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let count =
        async |consistency| rows(&workspace, "many", "Count", consistency).await[0]["rows"].clone();
    assert_eq!(count(Consistency::Strong).await, 100_001);
    let key = "1".to_owned();
    let why = refused(&workspace, "many", Operation::Repair { key }).await;
    assert!(why.contains("more than 100000 rows"), "{why}");
    assert_eq!(count(Consistency::Eventual).await, 100_001);
    engine.stop().await;
}
