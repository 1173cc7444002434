//! Rows of two files side by side: the same content is equal however it came to be, and every kind of
//! difference is found once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use highwater::read::{Cell, Comparison, Side, Work, compare, contents};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn made(&self, name: &str, sql: &str) -> PathBuf {
        let path = self.0.path().join(name);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        path
    }
}

fn compared(here: &Path, there: &Path) -> Comparison {
    compare(here, there, 1_000, &Work::new()).unwrap()
}

fn compared_sql(here: &str, there: &str) -> Comparison {
    let files = Files::new();
    let (here, there) = (files.made("here.db", here), files.made("there.db", there));
    let comparison = compared(&here, &there);
    if comparison.shape.is_empty() {
        let work = Work::new();
        assert_eq!(contents(&here, &work).unwrap(), comparison.here);
        assert_eq!(contents(&there, &work).unwrap(), comparison.there);
    }
    comparison
}

#[test]
fn the_same_content_is_equal_however_it_came_to_be() {
    for (here, there) in [
        ("", ""),
        (
            "CREATE TABLE t (a TEXT PRIMARY KEY, b); INSERT INTO t VALUES ('x', 1), ('y', 2);",
            "CREATE TABLE t (a TEXT PRIMARY KEY, b); INSERT INTO t VALUES ('y', 3), ('x', 1), ('z', 1);
             UPDATE t SET b = 2 WHERE a = 'y'; DELETE FROM t WHERE a = 'z';",
        ),
        (
            "CREATE TABLE t (a, b, PRIMARY KEY (b, a)) WITHOUT ROWID; INSERT INTO t VALUES (1, 2), (0, 3);",
            "CREATE TABLE t (a, b, PRIMARY KEY (b, a)) WITHOUT ROWID; INSERT INTO t VALUES (0, 3), (1, 2);",
        ),
        // No key: a multiset, and what SQLite calls a row is no content.
        (
            "CREATE TABLE t (a); INSERT INTO t VALUES (1), ('1'), (1), (x'31'), (NULL), (1.0), (-0.0);",
            "CREATE TABLE t (a); INSERT INTO t VALUES (9); DELETE FROM t;
             INSERT INTO t (rowid, a) VALUES (70, -0.0), (69, 1.0), (5, NULL), (4, x'31'), (3, 1), (2, 1), (1, '1');",
        ),
        // A key that SQLite lets be there twice.
        (
            "CREATE TABLE t (a TEXT PRIMARY KEY, b); INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('x', 3);",
            "CREATE TABLE t (a TEXT PRIMARY KEY, b); INSERT INTO t VALUES ('x', 3), (NULL, 2), (NULL, 1);",
        ),
        // What stands behind a full text index depends on how it was filled.
        (
            "CREATE VIRTUAL TABLE s USING fts5 (b); INSERT INTO s VALUES ('one'), ('two'); \
             INSERT INTO s (s) VALUES ('optimize');",
            "CREATE VIRTUAL TABLE s USING fts5 (b); INSERT INTO s VALUES ('one'); INSERT INTO s VALUES ('three');
             INSERT INTO s VALUES ('four'); UPDATE s SET b = 'two' WHERE rowid = 2; DELETE FROM s WHERE rowid = 3;",
        ),
        (
            "CREATE VIRTUAL TABLE r USING rtree (id, x0, x1); INSERT INTO r VALUES (1, 0, 1), (2, 1, 2);",
            "CREATE VIRTUAL TABLE r USING rtree (id, x0, x1); INSERT INTO r VALUES (2, 1, 2), (1, 0, 1);",
        ),
        // Views and indexes are no content; nor is what SQLite or we keep.
        (
            "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b AS (a + 1));
             INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT 1; CREATE INDEX i ON t (b);
             CREATE TABLE _highwater_model (x); INSERT INTO _highwater_model VALUES (1);",
            "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b AS (a + 1));
             INSERT INTO t VALUES (9), (1); DELETE FROM t WHERE a = 9;",
        ),
        (
            "CREATE TABLE \"a \"\"b\"\" c\" (\"d e\" PRIMARY KEY, rowid); INSERT INTO \"a \"\"b\"\" c\" VALUES (1, 2);",
            "CREATE TABLE \"a \"\"b\"\" c\" (\"d e\" PRIMARY KEY, rowid); INSERT INTO \"a \"\"b\"\" c\" VALUES (1, 2);",
        ),
        (
            "CREATE TABLE sqlitex (a); INSERT INTO sqlitex VALUES (1);",
            "CREATE TABLE sqlitex (a); INSERT INTO sqlitex VALUES (1);",
        ),
    ] {
        let found = compared_sql(here, there);
        assert!(found.is_equal(), "{here}\n{there}\n{found:#?}");
        assert_eq!(found.here, found.there, "{here}\n{there}");
    }
}

#[test]
fn every_kind_of_difference_is_found_once() {
    let keyed = "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1), ('b', 2);";
    let bag = "CREATE TABLE t (v); INSERT INTO t VALUES (1), (1), (2);";
    let stored = "CREATE TABLE t (a INTEGER PRIMARY KEY, b INT AS (a + 1) STORED); INSERT INTO t VALUES (1);";
    let text = "CREATE VIRTUAL TABLE s USING fts5 (b); INSERT INTO s VALUES ('one'), ('two');";
    let folded = "CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1), ('b', 2);";
    let null = "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES (NULL, 1), (NULL, 3);";
    // What is done to the other one; how many rows are only here, only there, different.
    for (base, change, expected) in [
        (keyed, "UPDATE t SET v = 3 WHERE k = 'a'", (0, 0, 1)),
        (keyed, "UPDATE t SET v = 1.0 WHERE k = 'a'", (0, 0, 1)),
        (keyed, "UPDATE t SET v = '1' WHERE k = 'a'", (0, 0, 1)),
        (keyed, "UPDATE t SET v = x'31' WHERE k = 'a'", (0, 0, 1)),
        (keyed, "UPDATE t SET v = NULL WHERE k = 'a'", (0, 0, 1)),
        (keyed, "DELETE FROM t WHERE k = 'a'", (1, 0, 0)),
        (keyed, "INSERT INTO t VALUES ('aa', 1)", (0, 1, 0)),
        (keyed, "UPDATE t SET k = 'c' WHERE k = 'a'", (1, 1, 0)),
        (bag, "INSERT INTO t VALUES (1)", (0, 1, 0)),
        (bag, "DELETE FROM t WHERE v = 1", (2, 0, 0)),
        (bag, "UPDATE t SET v = 2.0 WHERE v = 2", (1, 1, 0)),
        (bag, "UPDATE t SET v = 3 WHERE rowid = 1", (1, 1, 0)),
        (null, "INSERT INTO t VALUES (NULL, 2)", (0, 1, 0)),
        (null, "UPDATE t SET v = 2 WHERE v = 3", (1, 1, 0)),
        (folded, "UPDATE t SET k = 'A' WHERE k = 'a'", (1, 1, 0)),
        (text, "UPDATE s SET b = 'three' WHERE rowid = 2", (0, 0, 1)),
        (text, "DELETE FROM s WHERE rowid = 1", (1, 0, 0)),
        (stored, "INSERT INTO t VALUES (2)", (0, 1, 0)),
    ] {
        let found = compared_sql(base, &format!("{base}{change};"));
        let count = |here: bool, there: bool| {
            let fits = found.differences.iter();
            fits.filter(|d| (d.here.is_some(), d.there.is_some()) == (here, there))
                .count()
        };
        let counts = (count(true, false), count(false, true), count(true, true));
        assert_eq!(counts, expected, "{change}: {found:#?}");
        assert_eq!(found.total, found.differences.len() as u64, "{change}");
        assert_ne!(found.here.digest, found.there.digest, "{change}");
        assert!(!found.is_equal(), "{change}");
    }
}

#[test]
fn a_zero_with_another_sign_is_another_value() {
    let files = Files::new();
    let make = |name: &str, value: f64| {
        let path = files.made(name, "CREATE TABLE t (k PRIMARY KEY, v);");
        let db = Connection::open(&path).unwrap();
        db.execute("INSERT INTO t VALUES (1, ?1)", [value]).unwrap();
        let back: f64 = db
            .query_row("SELECT v FROM t", [], |row| row.get(0))
            .unwrap();
        (path, back.is_sign_negative())
    };
    let ((minus, kept), (plus, _)) = (make("minus.db", -0.0), make("plus.db", 0.0));
    let found = compared(&minus, &plus);
    // Where SQLite keeps the sign, it counts.
    assert_eq!(found.total, u64::from(kept), "{found:#?}");
    for difference in &found.differences {
        assert_eq!(difference.fields().len(), 1, "{found:#?}");
    }
}

#[test]
fn tables_and_columns_that_only_one_has_are_told_and_the_rest_is_compared() {
    let found = compared_sql(
        "CREATE TABLE a (k PRIMARY KEY, v, w); INSERT INTO a VALUES (1, 2, 3), (2, 2, 3); CREATE TABLE b (x);",
        "CREATE TABLE a (k PRIMARY KEY, u, v); INSERT INTO a VALUES (1, 9, 2), (2, 9, 4); CREATE TABLE c (x);",
    );
    let shape: Vec<_> = found
        .shape
        .iter()
        .map(|shape| (shape.table.as_str(), shape.column.as_deref(), shape.only))
        .collect();
    let expected = [
        ("b", None, Side::Here),
        ("c", None, Side::There),
        ("a", Some("w"), Side::Here),
        ("a", Some("u"), Side::There),
    ];
    assert_eq!(shape, expected);
    assert_eq!(found.total, 1);
    let difference = &found.differences[0];
    assert_eq!(difference.to_string(), "a k = 2");
    assert_eq!(
        difference.fields(),
        [("v", &Cell::Integer(2), &Cell::Integer(4))]
    );
}

#[test]
fn a_few_differences_are_told_and_all_are_counted() {
    let files = Files::new();
    let many = |value: u32| {
        format!(
            "CREATE TABLE t (k INTEGER PRIMARY KEY, v); WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT \
             n + 1 FROM n WHERE n < 5000) INSERT INTO t SELECT n, {value} FROM n;"
        )
    };
    let (here, there) = (
        files.made("here.db", &many(1)),
        files.made("there.db", &many(2)),
    );
    let found = compare(&here, &there, 3, &Work::new()).unwrap();
    assert_eq!((found.total, found.differences.len()), (5_000, 3));
    let named: Vec<String> = found.differences.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["t k = 1", "t k = 2", "t k = 3"]);
}

#[test]
fn a_comparison_that_is_stopped_says_so_instead_of_an_answer() {
    let files = Files::new();
    let sql = "CREATE TABLE t (v); WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE \
               n < 100000) INSERT INTO t SELECT n FROM n;";
    let path = files.made("a.db", sql);
    let work = Work::new();
    work.stop();
    assert!(compare(&path, &path, 3, &work).is_err());
    work.again();
    assert!(compare(&path, &path, 3, &work).unwrap().is_equal());
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        (-2i64..3).prop_map(Value::Integer),
        prop_oneof![Just(-1.0), Just(0.5), Just(1.0), Just(2.0)].prop_map(Value::Real),
        "[ab]{0,2}".prop_map(Value::Text),
        proptest::collection::vec(0u8..2, 0..3).prop_map(Value::Blob),
    ]
}

/// How often each row is there, by how it is written.
fn bag(rows: &[(Value, Value)]) -> BTreeMap<String, u64> {
    let mut bag = BTreeMap::new();
    for row in rows {
        *bag.entry(format!("{row:?}")).or_default() += 1;
    }
    bag
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn as_many_rows_differ_as_two_multisets_do(
        here in proptest::collection::vec((value(), value()), 0..12),
        there in proptest::collection::vec((value(), value()), 0..12),
        common in proptest::collection::vec((value(), value()), 0..12),
    ) {
        let files = Files::new();
        let all = |own: &[(Value, Value)], turned: bool| {
            let mut all: Vec<_> = common.iter().chain(own).cloned().collect();
            if turned {
                all.reverse();
            }
            all
        };
        let (here, there) = (all(&here, false), all(&there, true));
        let made = |name: &str, rows: &[(Value, Value)]| {
            let path = files.made(name, "CREATE TABLE t (a, b);");
            let db = Connection::open(&path).unwrap();
            for row in rows {
                db.execute("INSERT INTO t VALUES (?1, ?2)", (&row.0, &row.1)).unwrap();
            }
            path
        };
        let found = compared(&made("here.db", &here), &made("there.db", &there));
        let (a, b) = (bag(&here), bag(&there));
        let count = |in_: &BTreeMap<String, u64>, row: &String| in_.get(row).copied().unwrap_or(0);
        let rows: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        let expected: u64 = rows.iter().map(|row| count(&a, row).abs_diff(count(&b, row))).sum();
        prop_assert_eq!(found.total, expected, "{:#?}", found);
        prop_assert_eq!(found.is_equal(), a == b);
        prop_assert_eq!(found.here == found.there, a == b);
    }
}
