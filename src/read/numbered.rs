//! Whether handlers leave it to SQLite to number rows: `INSERT` without a value for an `INTEGER PRIMARY KEY`.
//! Such a number depends on every row that came before, of whatever stream.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::contents::{Table, quoted};

/// What a trigger calls: the table's number, and what the row is to be numbered.
const TELL: &str = "highwater_numbered";

/// What SQLite has in the place of a number, before a row is inserted that it is to number.
const NONE: i64 = -1;

/// The tables in which SQLite numbered rows, by their index.
#[derive(Default)]
pub(super) struct Numbered(Arc<Mutex<BTreeSet<usize>>>);

impl Numbered {
    /// Has these tables tell.
    pub(super) fn watch(db: &mut Connection, tables: &[Table]) -> rusqlite::Result<Self> {
        let numbered = Self::default();
        let into = Arc::clone(&numbered.0);
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        db.create_scalar_function(TELL, 2, flags, move |context| {
            if context.get::<Option<i64>>(1)? == Some(NONE) {
                let table = usize::try_from(context.get::<i64>(0)?).unwrap_or_default();
                let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
                into.insert(table);
            }
            Ok(false)
        })?;
        for (index, table) in tables.iter().enumerate() {
            let [key] = &table.key[..] else { continue };
            if !is_number(db, table, key)? {
                continue;
            }
            let (name, key) = (quoted(&table.name), quoted(key));
            db.execute_batch(&format!(
                "CREATE TEMP TRIGGER \"{TELL}_{index}\" BEFORE INSERT ON main.{name}
                 BEGIN SELECT {TELL}({index}, NEW.{key}); END;"
            ))?;
        }
        Ok(numbered)
    }

    /// The tables in which it has numbered a row so far.
    pub(super) fn tables(&self) -> BTreeSet<usize> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.clone()
    }
}

/// Whether a column is what SQLite numbers rows by.
fn is_number(db: &Connection, table: &Table, column: &str) -> rusqlite::Result<bool> {
    db.query_row(
        "SELECT count(*) > 0 FROM pragma_table_xinfo(?1)
         WHERE name = ?2 AND type = 'INTEGER' COLLATE NOCASE AND ?3",
        (&table.name, column, table.tells),
        |row| row.get(0),
    )
}
