//! Rows of the past beside the same rows in the read model as it is now: found by their primary key.

use std::path::Path;

use rusqlite::types::ValueRef;

use super::super::contents::{Cell, Row, Table, quoted};
use super::super::difference::{Found, Reading};
use super::super::model::{ModelError, io, read_checkpoint};
use super::super::parting::{find_row, select_by_key};
use super::super::work::Work;
use super::{Past, Rows};
use crate::event::Position;

/// What a read model has now of rows as they were.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    /// Up to where it has the log.
    pub position: Position,
    /// How many rows the table has now.
    pub count: u64,
    /// Whether a primary key names the rows: if not, none of them can be found again.
    pub keyed: bool,
    /// One for each row as it was; `None` where there is no such row now.
    pub rows: Vec<Option<Vec<Cell>>>,
}

/// Finds these rows in the read model at a path, in one transaction; `None` where it has no such table, or the
/// table has other columns now.
///
/// Errors: the file cannot be read.
pub fn beside(path: &Path, rows: &Rows) -> Result<Option<Beside>, ModelError> {
    read(path, rows).map_err(io(path))
}

fn read(path: &Path, rows: &Rows) -> rusqlite::Result<Option<Beside>> {
    let Reading { db, tables } = Reading::begin(path, &Work::new())?;
    let name = rows.tables.get(rows.table);
    let table = tables.iter().find(|table| Some(&table.name) == name);
    let Some(table) = table.filter(|table| table.columns == rows.columns) else {
        return Ok(None);
    };
    let position = read_checkpoint(&db)?.position;
    let count = format!("SELECT count(*) FROM main.{}", quoted(&table.name));
    let count: i64 = db.query_row(&count, [], |row| row.get(0))?;
    let keyed = !table.key.is_empty();
    let sql = select_by_key(table);
    let mut found = Vec::new();
    for row in rows.rows.iter().filter(|_| keyed) {
        let row = find_row(&db, table, &sql, &key_of(table, row))?;
        found.push(row.as_ref().map(Row::cells));
    }
    Ok(Some(Beside {
        position,
        count: count.unsigned_abs(),
        keyed,
        rows: found,
    }))
}

/// A row's key, of its values.
fn key_of<'a>(table: &Table, row: &'a [Cell]) -> Vec<ValueRef<'a>> {
    let place = |name: &String| table.columns.iter().position(|column| column == name);
    let cell = |name| place(name).and_then(|at| row.get(at));
    let key = table.key.iter();
    key.map(|name| cell(name).map_or(ValueRef::Null, ValueRef::from))
        .collect()
}

impl Past {
    /// How many rows of a table stand before the first of those that differ there; `None` where no row of this table
    /// does, or none that a key names and that is still there.
    ///
    /// Errors: the file cannot be read.
    pub(super) fn place_of<'a>(
        &self,
        mut found: impl Iterator<Item = &'a Found>,
    ) -> rusqlite::Result<Option<u64>> {
        let named = found.find_map(|found| {
            let row = found.there.as_ref().filter(|row| row.is_named())?;
            Some((&found.table, row.cells()))
        });
        let Some((table, row)) = named else {
            return Ok(None);
        };
        let Reading { db, .. } = Reading::begin(self.path(), &self.work)?;
        let key: Vec<String> = table.key.iter().map(|column| quoted(column)).collect();
        let values: Vec<String> = (1..=key.len()).map(|at| format!("?{at}")).collect();
        let sql = format!(
            "SELECT count(*) FROM main.{} WHERE ({}) < ({})",
            quoted(&table.name),
            key.join(", "),
            values.join(", ")
        );
        let mut count = db.prepare(&sql)?;
        let key = key_of(table, &row);
        let key = key.into_iter().map(rusqlite::types::ToSqlOutput::Borrowed);
        let count: i64 = count.query_row(rusqlite::params_from_iter(key), |row| row.get(0))?;
        Ok(Some(count.unsigned_abs()))
    }
}
