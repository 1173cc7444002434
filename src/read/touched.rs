//! Which rows a fold has written, by their primary key: so that after an event those are looked at which it
//! may have changed, and not all of them.
//!
//! Triggers tell it, on a connection of our own. SQLite's hooks would not: they are silent about rows that
//! another one replaces, tables that are emptied, and tables without rowids. What no trigger tells of has to
//! be looked at after every event: virtual tables, and everything where the schema has triggers itself, since
//! those must not fire more often than they do in the read model.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use super::contents::{Table, encode, quoted};

/// What a trigger calls: the table's number, and the values of the key.
const TELL: &str = "highwater_touched";

/// A table's number, and a key as [`key_of`] writes it.
pub(super) type Key = (usize, Vec<u8>);

/// What was written since it was asked last.
#[derive(Default)]
pub(super) struct Touched(Arc<Mutex<Vec<Key>>>);

impl Touched {
    /// Has these tables tell. Of those at the indices that come with it, nothing will be told.
    pub(super) fn watch(
        db: &mut Connection,
        tables: &[Table],
    ) -> rusqlite::Result<(Self, Vec<usize>)> {
        let touched = Self::default();
        let triggers: i64 = db.query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'",
            [],
            |row| row.get(0),
        )?;
        let tells = |table: &Table| triggers == 0 && !table.is_virtual && !table.key.is_empty();
        let silent = (0..tables.len()).filter(|&index| !tells(&tables[index]));
        let silent = silent.collect();
        let into = Arc::clone(&touched.0);
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        db.create_scalar_function(TELL, -1, flags, move |context| {
            let table = context.get::<i64>(0)?;
            let key = key_of((1..context.len()).map(|index| context.get_raw(index)));
            let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
            into.push((usize::try_from(table).unwrap_or_default(), key));
            Ok(false)
        })?;
        // A row that is replaced is told of as one that is deleted.
        db.pragma_update(None, "recursive_triggers", triggers == 0)?;
        for (index, table) in tables.iter().enumerate().filter(|(_, table)| tells(table)) {
            db.execute_batch(&triggers_of(index, table))?;
        }
        Ok((touched, silent))
    }

    /// What was written since.
    pub(super) fn take(&self) -> Vec<Key> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn triggers_of(index: usize, table: &Table) -> String {
    let tell = |row: &str| {
        let key = table.key.iter().map(|c| format!("{row}.{}", quoted(c)));
        let key: Vec<String> = key.collect();
        format!("SELECT {TELL}({index}, {});", key.join(", "))
    };
    let (old, new, name) = (tell("OLD"), tell("NEW"), quoted(&table.name));
    let cases = [
        ("INSERT", new.clone()),
        ("DELETE", old.clone()),
        ("UPDATE", format!("{old} {new}")),
    ];
    let trigger = |(on, tell): (&str, String)| {
        format!(
            "CREATE TEMP TRIGGER \"{TELL}_{index}_{on}\" AFTER {on} ON main.{name} BEGIN {tell} END;\n"
        )
    };
    cases.into_iter().map(trigger).collect()
}

/// A key as bytes that are the same for what SQLite takes for the same number.
pub(super) fn key_of<'v>(values: impl Iterator<Item = ValueRef<'v>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        let whole = match value {
            ValueRef::Real(real) => whole(real).map(ValueRef::Integer),
            _ => None,
        };
        encode(whole.unwrap_or(value), &mut bytes);
    }
    bytes
}

/// A real number as a whole one, where it is that.
fn whole(real: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    #[allow(clippy::cast_possible_truncation)]
    let is_whole = real.fract() == 0.0 && (-BEYOND..BEYOND).contains(&real);
    #[allow(clippy::cast_possible_truncation)]
    is_whole.then_some(real as i64)
}

#[cfg(test)]
mod tests {
    use super::super::contents::tables;
    use super::*;

    /// The keys of the one table that were told, each once.
    fn told(schema: &str, sql: &str) -> Vec<Vec<u8>> {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(schema).unwrap();
        let tables = tables(&db).unwrap();
        let (touched, silent) = Touched::watch(&mut db, &tables).unwrap();
        assert_eq!(silent, [0; 0]);
        db.execute_batch(sql).unwrap();
        let mut keys: Vec<_> = touched.take().into_iter().map(|(_, key)| key).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn keys(values: &[i64]) -> Vec<Vec<u8>> {
        let key = |value: &i64| key_of([ValueRef::Integer(*value)].into_iter());
        values.iter().map(key).collect()
    }

    #[test]
    fn every_row_is_told_of_that_is_written_in_whatever_way() {
        let three = "CREATE TABLE t (id INTEGER PRIMARY KEY, u UNIQUE);
                     INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');";
        for (sql, touched) in [
            ("UPDATE t SET u = 'z' WHERE id = 2", &[2][..]),
            ("UPDATE t SET id = 9 WHERE id = 2", &[2, 9]),
            ("DELETE FROM t", &[1, 2, 3]),
            // One that another takes the place of, under another key.
            ("INSERT OR REPLACE INTO t VALUES (7, 'c')", &[3, 7]),
            ("INSERT OR IGNORE INTO t VALUES (8, 'c')", &[]),
            (
                "INSERT INTO t VALUES (1, 'q') ON CONFLICT DO UPDATE SET u = 'q'",
                &[1],
            ),
        ] {
            assert_eq!(told(three, sql), keys(touched), "{sql}");
        }
        let without = "CREATE TABLE t (id REAL PRIMARY KEY, u) WITHOUT ROWID;
                       INSERT INTO t VALUES (1, 'a'), (2, 'b');";
        for (sql, touched) in [
            ("REPLACE INTO t VALUES (2, 'c')", &[2][..]),
            ("DELETE FROM t", &[1, 2]),
        ] {
            assert_eq!(told(without, sql), keys(touched), "{sql}");
        }
    }

    #[test]
    fn what_cannot_tell_is_named() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE a (id PRIMARY KEY); CREATE TABLE b (n); CREATE VIRTUAL TABLE c USING fts5 (w);",
        )
        .unwrap();
        let tables = tables(&db).unwrap();
        assert_eq!(Touched::watch(&mut db, &tables).unwrap().1, [1, 2]);
        db.execute_batch("CREATE TRIGGER t AFTER DELETE ON a BEGIN DELETE FROM b; END;")
            .unwrap();
        assert_eq!(Touched::watch(&mut db, &tables).unwrap().1, [0, 1, 2]);
    }
}
