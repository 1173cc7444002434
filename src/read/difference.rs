//! Two read models' files side by side, row by row: only here, only there, or different. Both are read in
//! the same order, so that memory stays flat however many rows there are.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use rusqlite::Connection;

use super::contents::{self, Cell, Contents, Cursor, Row, Table, Tally};
use super::model::{ModelError, io};
use super::work::{Phase, Work};

/// Rows are counted this far before others are told.
const TELL: u64 = 1_000;

/// Two read models, compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What was compared of the one.
    pub here: Contents,
    /// What was compared of the other.
    pub there: Contents,
    /// Tables and columns that only one of them has. Their content was not compared.
    pub shape: Vec<Shape>,
    /// The first rows that differ, by table and key.
    pub differences: Vec<Difference>,
    /// How many rows differ.
    pub total: u64,
}

impl Comparison {
    /// Whether there is no difference.
    pub fn is_equal(&self) -> bool {
        self.total == 0 && self.shape.is_empty()
    }

    /// The keys that all the rows that differ belong to, by the column that names them; `None` where that cannot be
    /// said: more differ than are told, or one lies in a table without that column.
    pub fn keys(&self, column: &str) -> Option<BTreeSet<String>> {
        if !self.shape.is_empty() || self.differences.len() as u64 != self.total {
            return None;
        }
        let mut keys = BTreeSet::new();
        for difference in &self.differences {
            let columns = &difference.columns;
            let at = columns
                .iter()
                .position(|c| c.eq_ignore_ascii_case(column))?;
            for row in [&difference.here, &difference.there].into_iter().flatten() {
                match row.get(at)? {
                    Cell::Text(key) => keys.insert(key.clone()),
                    Cell::Integer(key) => keys.insert(key.to_string()),
                    _ => return None,
                };
            }
        }
        Some(keys)
    }
}

/// One of two read models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first that was given.
    Here,
    /// The second.
    There,
}

/// A table or a column that only one of them has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The table.
    pub table: String,
    /// The column; `None` where the other one has no such table.
    pub column: Option<String>,
    /// Which of them has it.
    pub only: Side,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Its table.
    pub table: String,
    /// The columns of the primary key; empty where none names the row alone.
    pub key: Vec<String>,
    /// The columns that were compared.
    pub columns: Vec<String>,
    /// Its values here; `None` where it is only there.
    pub here: Option<Vec<Cell>>,
    /// Its values there; `None` where it is only here.
    pub there: Option<Vec<Cell>>,
    /// What finds it again.
    pub(super) find: Found,
}

/// A row that differs, as [`contents`] has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) table: Table,
    pub(super) here: Option<Row>,
    pub(super) there: Option<Row>,
}

impl Difference {
    fn new(table: &Table, here: Option<Row>, there: Option<Row>) -> Self {
        let is_named = here.as_ref().or(there.as_ref()).is_some_and(Row::is_named);
        Self {
            table: table.name.clone(),
            key: if is_named {
                table.key.clone()
            } else {
                Vec::new()
            },
            columns: table.columns.clone(),
            here: here.as_ref().map(Row::cells),
            there: there.as_ref().map(Row::cells),
            find: Found {
                table: table.clone(),
                here,
                there,
            },
        }
    }

    /// A made-up one, for the tests of what is made of it.
    #[cfg(test)]
    pub(crate) fn example(
        table: &str,
        columns: &[&str],
        here: Option<Vec<Cell>>,
        there: Option<Vec<Cell>>,
    ) -> Self {
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let find = Found {
            table: Table {
                name: table.to_owned(),
                key: columns[..1].to_vec(),
                columns: columns.clone(),
                written: columns.clone(),
                tells: true,
                is_virtual: false,
            },
            here: None,
            there: None,
        };
        Self {
            table: table.to_owned(),
            key: columns[..1].to_vec(),
            columns,
            here,
            there,
            find,
        }
    }

    /// The columns that differ: name, value here, value there. Empty where the row is only on one side.
    pub fn fields(&self) -> Vec<(&str, &Cell, &Cell)> {
        let (Some(here), Some(there)) = (&self.here, &self.there) else {
            return Vec::new();
        };
        let cells = here.iter().zip(there);
        let columns = self.columns.iter().zip(cells);
        columns
            .filter(|(_, (a, b))| !a.is_same(b))
            .map(|(name, (a, b))| (name.as_str(), a, b))
            .collect()
    }
}

impl fmt::Display for Difference {
    /// What names the row: `orders order_id = '7'`; all of it where it has no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table)?;
        let Some(cells) = self.here.as_ref().or(self.there.as_ref()) else {
            return Ok(());
        };
        let cells = self.columns.iter().zip(cells);
        let named = cells.filter(|(column, _)| self.key.is_empty() || self.key.contains(column));
        for (index, (column, cell)) in named.enumerate() {
            let mark = if index == 0 { " " } else { ", " };
            write!(f, "{mark}{column} = {cell}")?;
        }
        Ok(())
    }
}

/// Compares the rows of two read models' files, each in one read transaction. At most `most` differences
/// are told; all are counted.
///
/// Where both have a table with the same primary key, rows with the same key are one row that differs;
/// else rows are compared as a multiset. Of columns, those are compared that both have.
///
/// Errors: a file cannot be read, or [`Work::stop`] was called, which is told as one.
pub fn compare(
    here: &Path,
    there: &Path,
    most: usize,
    work: &Work,
) -> Result<Comparison, ModelError> {
    let a = Reading::begin(here, work).map_err(io(here))?;
    let b = Reading::begin(there, work).map_err(io(there))?;
    let of = |side, error| match side {
        Side::Here => io(here)(error),
        Side::There => io(there)(error),
    };
    compare_readings((&a, &b), most, work).map_err(|(side, error)| of(side, error))
}

/// The same of what is open already, and so is as it was when it was opened.
pub(super) fn compare_readings(
    (a, b): (&Reading, &Reading),
    most: usize,
    work: &Work,
) -> OnSide<Comparison> {
    work.begin(Phase::Comparing, 0);
    let mut shape = Vec::new();
    let shared = shared(&a.tables, &b.tables, &mut shape);
    let mut all = Comparing {
        here: Tally::new(),
        there: Tally::new(),
        differences: Vec::new(),
        total: 0,
        most,
        work,
        rows: 0,
    };
    for (here_table, there_table) in &shared {
        all.table(a, b, here_table, there_table)?;
    }
    Ok(Comparison {
        here: all.here.contents(),
        there: all.there.contents(),
        shape,
        differences: all.differences,
        total: all.total,
    })
}

/// Counts the rows of a read model's file and sums them up. Two that [are equal](Comparison::is_equal) have
/// the same, whatever is kept beside the rows.
///
/// Errors: as [`compare`].
pub fn contents(path: &Path, work: &Work) -> Result<Contents, ModelError> {
    let read = || -> rusqlite::Result<Contents> {
        let reading = Reading::begin(path, work)?;
        let mut tally = Tally::new();
        for table in &reading.tables {
            let mut statement = reading.db.prepare(&table.select_all())?;
            let mut cursor = Cursor::over(&mut statement, table);
            let (mut row, mut rows) = (Row::default(), 0);
            tally.table(table);
            while cursor.next(&mut row)? {
                tally.row(&row);
                rows += 1;
            }
            tally.end(rows);
        }
        Ok(tally.contents())
    };
    read().map_err(io(path))
}

/// A file that is read as it is at one moment.
pub(super) struct Reading {
    pub(super) db: Connection,
    pub(super) tables: Vec<Table>,
}

impl Reading {
    /// The moment is now; it ends when this is dropped.
    pub(super) fn begin(path: &Path, work: &Work) -> rusqlite::Result<Self> {
        let db = contents::open(path, work)?;
        // Until the connection is dropped.
        db.execute_batch("BEGIN")?;
        let tables = contents::tables(&db)?;
        Ok(Self { db, tables })
    }
}

/// What both have, as it is selected from each: the same columns under the same key.
fn shared(here: &[Table], there: &[Table], shape: &mut Vec<Shape>) -> Vec<(Table, Table)> {
    let mut only = |table: &Table, column: Option<&String>, only| {
        shape.push(Shape {
            table: table.name.clone(),
            column: column.cloned(),
            only,
        });
    };
    let lacks = |tables: &[Table], table: &Table| !tables.iter().any(|t| t.name == table.name);
    for table in here.iter().filter(|table| lacks(there, table)) {
        only(table, None, Side::Here);
    }
    for table in there.iter().filter(|table| lacks(here, table)) {
        only(table, None, Side::There);
    }
    let mut shared = Vec::new();
    for a in here {
        let Some(b) = there.iter().find(|b| b.name == a.name) else {
            continue;
        };
        let a_only = a.columns.iter().filter(|c| !b.columns.contains(c));
        a_only.for_each(|column| only(a, Some(column), Side::Here));
        let b_only = b.columns.iter().filter(|c| !a.columns.contains(c));
        b_only.for_each(|column| only(b, Some(column), Side::There));
        let both = |column: &&String| b.columns.contains(column);
        let columns: Vec<String> = a.columns.iter().filter(both).cloned().collect();
        if columns.is_empty() {
            continue;
        }
        let key = if a.key == b.key {
            a.key.clone()
        } else {
            Vec::new()
        };
        let of = |table: &Table| Table {
            key: key.clone(),
            columns: columns.clone(),
            ..table.clone()
        };
        shared.push((of(a), of(b)));
    }
    shared
}

struct Comparing<'w> {
    here: Tally,
    there: Tally,
    differences: Vec<Difference>,
    total: u64,
    most: usize,
    work: &'w Work,
    rows: u64,
}

pub(super) type OnSide<T> = Result<T, (Side, rusqlite::Error)>;

impl Comparing<'_> {
    fn table(&mut self, a: &Reading, b: &Reading, here: &Table, there: &Table) -> OnSide<()> {
        let (on_here, on_there) = (|e| (Side::Here, e), |e| (Side::There, e));
        let mut select_a = a.db.prepare(&here.select_all()).map_err(on_here)?;
        let mut select_b = b.db.prepare(&there.select_all()).map_err(on_there)?;
        let mut from_a = Counted::over(Cursor::over(&mut select_a, here), &mut self.here, here);
        let mut from_b = Counted::over(Cursor::over(&mut select_b, there), &mut self.there, there);
        let (mut more_a, mut more_b) = (
            from_a.next().map_err(on_here)?,
            from_b.next().map_err(on_there)?,
        );
        while more_a || more_b {
            let (a, b) = (&from_a.row, &from_b.row);
            let order = match (more_a, more_b) {
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                _ => match a.compare_keys(b) {
                    Ordering::Equal if a.is_named() => Ordering::Equal,
                    order => order.then_with(|| a.bytes.cmp(&b.bytes)),
                },
            };
            let (in_a, in_b) = (order.is_le(), order.is_ge());
            if !(in_a && in_b && a.bytes == b.bytes) {
                self.total += 1;
                if self.differences.len() < self.most {
                    let (a, b) = (in_a.then(|| a.clone()), in_b.then(|| b.clone()));
                    self.differences.push(Difference::new(here, a, b));
                }
            }
            if in_a {
                more_a = from_a.next().map_err(on_here)?;
            }
            if in_b {
                more_b = from_b.next().map_err(on_there)?;
            }
            self.rows += 1;
            if self.rows.is_multiple_of(TELL) {
                self.work.did(self.rows);
            }
        }
        self.work.did(self.rows);
        from_a.end();
        from_b.end();
        Ok(())
    }
}

/// The rows of one table of one file, counted on the way.
struct Counted<'s, 't> {
    cursor: Cursor<'s>,
    tally: &'t mut Tally,
    row: Row,
    rows: u64,
}

impl<'s, 't> Counted<'s, 't> {
    fn over(cursor: Cursor<'s>, tally: &'t mut Tally, table: &Table) -> Self {
        tally.table(table);
        Self {
            cursor,
            tally,
            row: Row::default(),
            rows: 0,
        }
    }

    fn next(&mut self) -> rusqlite::Result<bool> {
        let more = self.cursor.next(&mut self.row)?;
        if more {
            self.tally.row(&self.row);
            self.rows += 1;
        }
        Ok(more)
    }

    fn end(self) {
        self.tally.end(self.rows);
    }
}
