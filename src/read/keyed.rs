//! The rows that a read model has of one key, with the checkpoint at which it has them.

use std::path::Path;

use rusqlite::Connection;

use super::contents::{Cell, quoted, tables};
use super::model::{ModelError, io, open_to_read, read_checkpoint};
use super::parked::OfStream;
use crate::event::{Position, StreamId};

/// The most rows of one key that are read, of each table.
const MOST_ROWS: usize = 100;

/// What a read model has of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyed {
    /// Up to where it has the log.
    pub position: Position,
    /// The tables that have the key's column, by name.
    pub tables: Vec<KeyedTable>,
    /// What of the key's stream it has passed without it.
    pub passed_by: OfStream,
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

/// Reads the rows of a key, which `stream` feeds, and the checkpoint, in one transaction.
///
/// Errors: the file.
pub fn keyed(path: &Path, column: &str, key: &str, stream: &StreamId) -> Result<Keyed, ModelError> {
    let db = open_to_read(path)?;
    db.execute_batch("BEGIN").map_err(io(path))?;
    let position = read_checkpoint(&db).map_err(io(path))?.position;
    let tables = tables(&db).and_then(|tables| {
        let of_that_column = tables.into_iter().filter(|table| table.has(column));
        of_that_column
            .map(|found| table(&db, found.name, column, key))
            .collect()
    });
    let tables = tables.map_err(io(path))?;
    let passed_by = OfStream::read(&db, stream, position).map_err(io(path))?;
    Ok(Keyed {
        position,
        tables,
        passed_by,
    })
}

/// That a row is of the key `?1`, and not of one that the column's collation or affinity takes for the same:
/// the first part finds it by an index.
pub(super) fn of_key(column: &str) -> String {
    let column = quoted(column);
    format!("{column} = ?1 AND CAST({column} AS TEXT) = CAST(?1 AS TEXT) COLLATE BINARY")
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
