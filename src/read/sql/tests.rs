//! Files that are sound and files that are not, on a real database.

use super::*;

fn file(schema: &str, handler: &str) -> String {
    format!("-- schema\n{schema}\n-- on A\n{handler}\n")
}

fn error(schema: &str, handler: &str) -> String {
    let Err(error) = SqlProjection::parse("p", &file(schema, handler)) else {
        panic!("{schema} / {handler} was let through");
    };
    error.to_string()
}

const T: &str = "CREATE TABLE t (n);";

#[test]
fn a_mistake_in_sql_is_shown_where_it_is() {
    let shown = error(T, "INSERT INTO t\n  VALUES (:position, );");
    assert!(
        shown.starts_with("p.sql:5:22: near \")\": syntax error"),
        "{shown}"
    );
    let shown = error("CREATE TABLE a (n);\nCREATE TABEL b (n);", "SELECT 1;");
    assert!(shown.starts_with("p.sql:3:8: near \"TABEL\""), "{shown}");
    assert!(error(T, "INSERT INTO t VALUES (:dat);").contains("parameter :dat is not known"));
}

#[test]
fn a_file_reaches_its_own_tables_only() {
    assert!(error(T, "DELETE FROM customers;").contains("has its own tables only"));
    assert!(error(T, "DELETE FROM _highwater_checkpoint;").contains("_highwater"));
    assert!(error("CREATE TABLE _highwater_x (n);", "SELECT 1;").contains("highwater's own"));
    for sql in [
        "ATTACH 'x.db' AS x;",
        "PRAGMA journal_mode = DELETE;",
        "CREATE TABLE u (n);",
        "BEGIN;",
        "DROP TABLE t;",
    ] {
        assert!(error(T, sql).contains("not allowed"), "{sql}");
    }
    assert!(error("CREATE TEMP TABLE t (n);", "SELECT 1;").contains("not allowed"));
    assert!(
        error("CREATE TABLE t (n); PRAGMA user_version = 3;", "SELECT 1;")
            .contains("PRAGMA user_version")
    );
    assert!(error(T, "UPDATE sqlite_schema SET sql = '';").contains("may not be modified"));
}

#[test]
fn nothing_that_changes_from_run_to_run_is_let_through() {
    for sql in [
        "random()",
        "randomblob(4)",
        "CURRENT_TIMESTAMP",
        "changes()",
        "last_insert_rowid()",
    ] {
        let shown = error(T, &format!("INSERT INTO t VALUES ({sql});"));
        assert!(shown.contains("changes from run to run"), "{shown}");
    }
}

#[test]
fn what_sqlite_says_of_itself_is_out_of_a_handlers_reach() {
    for table in ["pragma_data_version", "pragma_function_list", "dbstat"] {
        let shown = error(T, &format!("INSERT INTO t SELECT count(*) FROM {table};"));
        assert!(shown.contains(table), "{shown}");
    }
    let unpack = "INSERT INTO t SELECT value FROM json_each(:data);";
    assert!(SqlProjection::parse("p", &file(T, unpack)).is_ok());
}

/// Applies one event with these data to a projection of this schema and handler.
fn applied(schema: &str, handler: &str, data: &str) -> Result<(), String> {
    let projection =
        SqlProjection::parse("p", &file(schema, handler)).map_err(|e| e.to_string())?;
    let mut db = Connection::open_in_memory().unwrap();
    let guard = prepare_connection(&mut db).unwrap();
    let _scope = guard.enter(Mode::Schema, APPLY_LIMIT);
    projection.create(&db)?;
    let _scope = guard.enter(Mode::Handler, APPLY_LIMIT);
    let event = Event {
        position: crate::event::Position::new(1),
        stream: crate::event::StreamId::new("a-1").unwrap(),
        version: crate::event::Version::new(1),
        event_type: crate::event::EventType::new("A").unwrap(),
        id: "1".into(),
        source: None,
        data: crate::event::JsonObject::parse(data).unwrap(),
        metadata: crate::event::JsonObject::empty(),
        recorded_at: Timestamp::UNIX_EPOCH,
        happened_at: None,
    };
    projection
        .apply(&db, &mut Memory::default(), &[event])
        .map_err(|e| guard.explain_limit(e.reason))
}

#[test]
fn nothing_that_changes_from_run_to_run_hides_in_a_schema_or_in_data() {
    let insert = "INSERT INTO t (n) VALUES (1);";
    for schema in [
        "CREATE TABLE t (n, at DEFAULT CURRENT_TIMESTAMP);",
        "CREATE TABLE t (n, r DEFAULT (random()));",
        "CREATE TABLE t (n, r DEFAULT (abs(random()) % 2));",
        "CREATE TABLE t (n, d DEFAULT (date('now')));",
        "CREATE TABLE t (n, d AS (date('now')));",
        "CREATE TABLE t (n, CHECK (n < unixepoch()));",
        "CREATE TABLE t (n, CHECK (n <> random()));",
        "CREATE TABLE t (n); CREATE INDEX i ON t (n) WHERE n <> random();",
        "CREATE TABLE t (n); CREATE INDEX i ON t (date('now'));",
        "CREATE TABLE t (n); CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET n = random(); END;",
        "CREATE TABLE t (n); CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET n = date('now'); END;",
        "CREATE TABLE t (n); CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET n = last_insert_rowid(); END;",
        "CREATE TABLE u (n); CREATE VIEW t AS SELECT n FROM u; \
         CREATE TRIGGER g INSTEAD OF INSERT ON t BEGIN INSERT INTO u VALUES (random()); END;",
    ] {
        let found = applied(schema, insert, "{}");
        assert!(found.is_err(), "{schema}");
    }
    let hidden = "INSERT INTO t VALUES (date(:data ->> 'd'));";
    assert!(applied(T, hidden, "{\"d\":\"2024-01-01\"}").is_ok());
    for now in ["now", "NOW", "now\\u0000"] {
        let found = applied(T, hidden, &format!("{{\"d\":\"{now}\"}}"));
        assert!(found.unwrap_err().contains("from run to run"), "{now}");
    }
    for order in ["random()", "randomblob(1)", "date('now') || n"] {
        let sql = format!("INSERT INTO t SELECT n FROM t ORDER BY {order};");
        assert!(applied(&format!("{T} INSERT INTO t VALUES (1);"), &sql, "{}").is_err());
    }
}

#[test]
fn a_trigger_reaches_no_more_than_its_handler() {
    for body in [
        "UPDATE _highwater_checkpoint SET position = 9",
        "DELETE FROM _highwater_model",
        "INSERT INTO t SELECT source FROM _highwater_model",
    ] {
        let schema =
            format!("{T} CREATE TRIGGER g AFTER INSERT ON t WHEN new.n = 1 BEGIN {body}; END;");
        let found = applied(&schema, "INSERT INTO t VALUES (1);", "{}");
        assert!(found.unwrap_err().contains("_highwater"), "{body}");
    }
}

#[test]
fn full_text_search_is_kept_in_order_by_a_handler() {
    let schema = "CREATE VIRTUAL TABLE s USING fts5(body);";
    for command in ["rebuild", "integrity-check", "optimize"] {
        let handler =
            format!("INSERT INTO s VALUES (:data); INSERT INTO s (s) VALUES ('{command}');");
        assert_eq!(applied(schema, &handler, "{}"), Ok(()), "{command}");
    }
}

#[test]
fn a_comment_after_the_last_statement_is_no_statement() {
    for comment in ["/* done */", "-- done", "; ;", "/* a */ /* b */ -- c"] {
        let handler = format!("INSERT INTO t VALUES (1); {comment}");
        assert_eq!(applied(T, &handler, "{}"), Ok(()), "{comment}");
    }
}

#[test]
fn a_query_only_reads_and_uses_what_it_names() {
    let with = |query: &str| SqlProjection::parse("p", &format!("{}{query}", file(T, "SELECT 1;")));
    assert!(with("-- query Q(a)\nSELECT n FROM t WHERE n = :a\n").is_ok());
    assert!(with("-- query Q(a)\nDELETE FROM t WHERE n = :a\n").is_err());
    assert!(with("-- query Q()\nSELECT n FROM t WHERE n = :a\n").is_err());
    assert!(with("-- query Q(a, b)\nSELECT n FROM t WHERE n = :a\n").is_err());
}

#[test]
fn full_text_search_is_allowed() {
    let text = file(
        "CREATE VIRTUAL TABLE s USING fts5(body);",
        "INSERT INTO s VALUES (:data);",
    );
    assert!(SqlProjection::parse("p", &text).is_ok());
}

#[test]
fn handlers_run_in_the_order_of_the_file() {
    let text = "-- schema\nCREATE TABLE t (n);\n-- on *\nSELECT 1;\n-- on A\nSELECT 2; SELECT 3;\n-- on *, A\nSELECT 4;";
    assert!(SqlProjection::parse("p", text).is_err(), "* stands alone");
    let text = "-- schema\nCREATE TABLE t (n);\n-- on *\nSELECT 1;\n-- on A\nSELECT 2; SELECT 3;\n-- on *\nSELECT 4;";
    let projection = SqlProjection::parse("p", text).unwrap();
    assert_eq!(projection.by_type["A"], [0, 1, 2, 3]);
    assert_eq!(projection.any, [0, 3]);
}
