//! The rows that a read model has of one key, with the checkpoint at which it has them.

use std::path::Path;

use rusqlite::Connection;

use super::contents::{Cell, quoted};
use super::guard::OWN_PREFIX;
use super::model::{ModelError, io, open_to_read, read_checkpoint};
use super::repair::of_key;
use crate::event::Position;

/// The most rows of one key that are read, of each table.
const MOST_ROWS: usize = 100;

/// What a read model has of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyed {
    /// Up to where it has the log.
    pub position: Position,
    /// The tables that have the key's column, by name.
    pub tables: Vec<KeyedTable>,
}

/// The rows of one key in one table.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyedTable {
    /// The table.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The rows, at most a hundred, in a fixed order.
    pub rows: Vec<Vec<Cell>>,
}

/// Reads the rows of a key, and the checkpoint, in one transaction.
///
/// Errors: the file.
pub fn keyed(path: &Path, column: &str, key: &str) -> Result<Keyed, ModelError> {
    let db = open_to_read(path)?;
    db.execute_batch("BEGIN").map_err(io(path))?;
    let position = read_checkpoint(&db).map_err(io(path))?.position;
    let tables = tables(&db, column).and_then(|tables| {
        let of = |name| table(&db, name, column, key);
        tables.into_iter().map(of).collect()
    });
    let tables = tables.map_err(io(path))?;
    Ok(Keyed { position, tables })
}

fn tables(db: &Connection, column: &str) -> rusqlite::Result<Vec<String>> {
    let ours = format!("{}%", OWN_PREFIX.replace('_', "\\_"));
    let mut select = db.prepare(
        "SELECT t.name FROM pragma_table_list t, pragma_table_info(t.name) c
         WHERE t.schema = 'main' AND t.type IN ('table', 'virtual') AND c.name = ?1 COLLATE NOCASE
         AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.name NOT LIKE ?2 ESCAPE '\\' ORDER BY t.name",
    )?;
    let found = select.query_map([column, &ours], |row| row.get(0))?;
    found.collect()
}

fn table(db: &Connection, name: String, column: &str, key: &str) -> rusqlite::Result<KeyedTable> {
    let mut select = db.prepare(&format!(
        "SELECT * FROM {} WHERE {} LIMIT {MOST_ROWS}",
        quoted(&name),
        of_key(column)
    ))?;
    let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
    let cells = |row: &rusqlite::Row<'_>| {
        let cell = |index| row.get_ref(index).map(Cell::from);
        (0..columns.len()).map(cell).collect()
    };
    let rows = select.query_map([key], cells)?;
    let mut rows: Vec<Vec<Cell>> = rows.collect::<rusqlite::Result<_>>()?;
    rows.sort_by_cached_key(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>());
    Ok(KeyedTable {
        name,
        columns,
        rows,
    })
}
