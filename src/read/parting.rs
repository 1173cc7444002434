//! Where stored rows and a fresh fold parted: the log is folded once more, event by event, and the rows that
//! differ at the end are looked at after each. A row may have been equal, have changed, and been equal
//! again: only looking at every state finds the last.
//!
//! A row with a primary key is looked up after each event. Rows that nothing names are counted, by what
//! SQLite tells of each change.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::afresh::{Afresh, FoldError};
use super::contents::{self, Cursor, Row, Table, quoted, value};
use super::difference::{Difference, Found};
use super::model::io;
use super::work::Work;
use crate::event::Position;

/// For each difference, the last position up to `goal` at which what a fresh fold had equalled what is
/// `stored` in the file that was compared as [here](super::Side::Here); `None` for never. `fold` is at its
/// beginning.
pub(super) async fn last_equal(
    fold: &mut Afresh,
    stored: &Path,
    differences: &[Difference],
    goal: Position,
    work: &Work,
) -> Result<Vec<Option<Position>>, FoldError> {
    let path = fold.model_mut().path().to_owned();
    let fail = io(&path);
    let mut watched = watch(fold, stored, differences, work).map_err(io(stored))?;
    let changes = Changes::of(fold.model_mut().database(), &watched).map_err(&fail)?;
    look(fold, &mut watched, &changes).map_err(&fail)?;
    while let Some(position) = fold.next(goal).await? {
        // What was equal until now was so up to the position before this one.
        let before = Position::new(position.get().saturating_sub(1));
        for row in watched.iter_mut().filter(|row| row.is_equal) {
            row.last = Some(before);
        }
        look(fold, &mut watched, &changes).map_err(&fail)?;
    }
    for row in watched.iter_mut().filter(|row| row.is_equal) {
        row.last = Some(goal);
    }
    Ok(watched.into_iter().map(|row| row.last).collect())
}

fn watch(
    fold: &mut Afresh,
    stored: &Path,
    differences: &[Difference],
    work: &Work,
) -> rusqlite::Result<Vec<Watched>> {
    let stored = contents::open(stored, work)?;
    let fresh = fold.model_mut().database();
    // Nobody else reads it, and locks taken for each event cost more than the event.
    fresh.pragma_update(None, "locking_mode", "exclusive")?;
    let differences = differences.iter();
    differences
        .map(|difference| Watched::new(&difference.find, &stored, fresh))
        .collect()
}

fn look(fold: &mut Afresh, watched: &mut [Watched], changes: &Changes) -> rusqlite::Result<()> {
    let touched = changes.take();
    let db: &Connection = fold.model_mut().database();
    watched
        .iter_mut()
        .try_for_each(|row| row.look(db, &touched))
}

/// A row that differs at the end.
struct Watched {
    table: Table,
    /// Selects what is looked at.
    sql: String,
    how: How,
    is_equal: bool,
    last: Option<Position>,
}

enum How {
    /// Looked up by its key: what is stored, `None` for nothing.
    Key { row: Row, stored: Option<Vec<u8>> },
    /// Counted: which rows of the fresh fold are like it, and how many are stored.
    Count {
        like: Vec<u8>,
        rows: HashSet<i64>,
        stored: usize,
    },
}

impl Watched {
    fn new(found: &Found, stored: &Connection, fresh: &Connection) -> rusqlite::Result<Self> {
        let table = found.table.clone();
        let row = found.here.as_ref().or(found.there.as_ref());
        let row = row.cloned().unwrap_or_default();
        let (sql, how) = if row.is_named() {
            let stored = found.here.as_ref().map(|row| row.bytes.clone());
            (select_by_key(&table), How::Key { row, stored })
        } else {
            let sql = format!("{} WHERE {} = ?1", table.select(), number(&table));
            let like = row.bytes;
            let rows = every_like(fresh, &table, &like)?;
            let stored = count_like(stored, &table, &like)?;
            (sql, How::Count { like, rows, stored })
        };
        Ok(Self {
            table,
            sql,
            how,
            is_equal: false,
            last: None,
        })
    }

    fn look(&mut self, db: &Connection, touched: &Touched) -> rusqlite::Result<()> {
        let (table, sql) = (&self.table, &self.sql);
        self.is_equal = match &mut self.how {
            How::Key { row, stored } => {
                let key: Vec<ValueRef<'_>> = row.key.iter().map(|bytes| value(bytes)).collect();
                let found = find(db, table, sql, &key, |found| {
                    found.compare_keys(row).is_eq()
                })?;
                found == *stored
            }
            How::Count { like, rows, stored } => {
                let here = touched.iter().filter(|(name, _)| *name == table.name);
                rows.extend(here.map(|(_, row)| *row));
                // A row may go without a word: where another one takes its place, or all go at once.
                let mut still = HashSet::with_capacity(rows.len());
                for row in rows.drain() {
                    let found = find(db, table, sql, &[ValueRef::Integer(row)], |_| true)?;
                    if found.as_ref() == Some(like) {
                        still.insert(row);
                    }
                }
                *rows = still;
                rows.len() == *stored
            }
        };
        Ok(())
    }
}

/// Tables and numbers of rows that were written.
type Touched = HashSet<(String, i64)>;

/// What SQLite tells of changes in tables whose rows are counted.
struct Changes(Arc<Mutex<Touched>>);

impl Changes {
    fn of(db: &mut Connection, watched: &[Watched]) -> rusqlite::Result<Self> {
        let changes = Self(Arc::default());
        let counted = watched
            .iter()
            .filter(|w| matches!(w.how, How::Count { .. }));
        let counted: HashSet<String> = counted.map(|w| w.table.name.clone()).collect();
        if !counted.is_empty() {
            let into = Arc::clone(&changes.0);
            db.update_hook(Some(move |_, _: &str, table: &str, row| {
                if counted.contains(table) {
                    let mut touched = into.lock().unwrap_or_else(PoisonError::into_inner);
                    touched.insert((table.to_owned(), row));
                }
            }))?;
        }
        Ok(changes)
    }

    fn take(&self) -> Touched {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs a selection of a table's rows and answers the first that fits.
pub(super) fn find(
    db: &Connection,
    table: &Table,
    sql: &str,
    bound: &[ValueRef<'_>],
    fits: impl Fn(&Row) -> bool,
) -> rusqlite::Result<Option<Vec<u8>>> {
    let row = find_that(db, table, sql, bound, fits)?;
    Ok(row.map(|row| row.bytes))
}

/// The same, and answers the first row there is.
pub(super) fn find_row(
    db: &Connection,
    table: &Table,
    sql: &str,
    bound: &[ValueRef<'_>],
) -> rusqlite::Result<Option<Row>> {
    find_that(db, table, sql, bound, |_| true)
}

fn find_that(
    db: &Connection,
    table: &Table,
    sql: &str,
    bound: &[ValueRef<'_>],
    fits: impl Fn(&Row) -> bool,
) -> rusqlite::Result<Option<Row>> {
    let mut statement = db.prepare_cached(sql)?;
    for (index, value) in (1..).zip(bound) {
        statement.raw_bind_parameter(index, ToSqlOutput::Borrowed(*value))?;
    }
    let mut cursor = Cursor::over(&mut statement, table);
    let mut row = Row::default();
    while cursor.next(&mut row)? {
        if fits(&row) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Selects the row with a key, as the table itself compares keys: by its index.
pub(super) fn select_by_key(table: &Table) -> String {
    let named = table.key.iter().enumerate();
    let named = named.map(|(at, column)| format!("{} = ?{}", quoted(column), at + 1));
    let named: Vec<String> = named.collect();
    format!("{} WHERE {}", table.select(), named.join(" AND "))
}

/// What SQLite calls a row's number, in a table that has no column of that name.
fn number(table: &Table) -> &'static str {
    let names = ["rowid", "_rowid_", "oid"];
    let is_free = |name: &&str| !table.columns.iter().any(|c| c.eq_ignore_ascii_case(name));
    names.into_iter().find(is_free).unwrap_or("rowid")
}

/// The numbers of all rows that are like one.
fn every_like(db: &Connection, table: &Table, like: &[u8]) -> rusqlite::Result<HashSet<i64>> {
    let numbers = format!("SELECT {} FROM main.{}", number(table), quoted(&table.name));
    let mut statement = db.prepare(&numbers)?;
    let numbers: rusqlite::Result<Vec<i64>> = statement.query_map([], |row| row.get(0))?.collect();
    let sql = format!("{} WHERE {} = ?1", table.select(), number(table));
    let mut found = HashSet::new();
    for number in numbers? {
        let row = find(db, table, &sql, &[ValueRef::Integer(number)], |_| true)?;
        if row.as_deref() == Some(like) {
            found.insert(number);
        }
    }
    Ok(found)
}

/// How many rows of a file are like one.
fn count_like(db: &Connection, table: &Table, like: &[u8]) -> rusqlite::Result<usize> {
    let mut statement = db.prepare_cached(&table.select())?;
    let mut cursor = Cursor::over(&mut statement, table);
    let (mut row, mut count) = (Row::default(), 0);
    while cursor.next(&mut row)? {
        count += usize::from(row.bytes == like);
    }
    Ok(count)
}
