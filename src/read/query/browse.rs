//! Browsing a read model: its tables, and some rows of one, sorted and filtered; read-only, in one read
//! transaction with the checkpoint, bounded in time and size.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};

use super::super::contents::{self, Cell, Table, quoted};
use super::super::guard::Mode;
use super::super::model::read_checkpoint;
use super::{QueryError, Reader};
use crate::event::Position;

/// The most rows of a page.
pub const ROWS_OF_A_PAGE: usize = 1_000;

/// Rows are counted up to here.
pub const ROWS_COUNTED: u64 = 10_000;

/// A page ends with the row that makes it this large: 8 MiB.
const BYTES: usize = 8 << 20;

/// A filter sees so many columns, from the first on: SQLite's functions take no more than some.
const SEARCHED: usize = 200;

/// What a filter is called in SQL, while rows are read through it.
const FITS: &str = "_highwater_fits";

/// Whether a row is wanted, by the texts of its columns.
type Fits = dyn Fn(&[Cow<'_, str>]) -> bool + Send + Sync;

/// Which rows are wanted: whatever somebody else can say of the texts of a row's columns.
#[derive(Clone)]
pub struct RowFilter {
    text: String,
    fits: Arc<Fits>,
}

impl RowFilter {
    /// Takes the rows that `fits` takes, by the texts of their columns as they are shown, without those that are
    /// NULL. Filters are the same where their `text` is.
    pub fn new(
        text: impl Into<String>,
        fits: impl Fn(&[Cow<'_, str>]) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            text: text.into(),
            fits: Arc::new(fits),
        }
    }

    /// What it is told by.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn takes(&self, row: &Context<'_>) -> bool {
        let texts: Vec<Cow<'_, str>> = (0..row.len())
            .filter_map(|at| words(row.get_raw(at)))
            .collect();
        (self.fits)(&texts)
    }
}

impl std::fmt::Debug for RowFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RowFilter").field(&self.text).finish()
    }
}

impl PartialEq for RowFilter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RowFilter {}

/// A value as a filter sees it.
fn words(value: ValueRef<'_>) -> Option<Cow<'_, str>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text)),
        other => Some(Cow::Owned(Cell::from(other).to_string())),
    }
}

/// Which rows somebody looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Browse {
    /// Of which table, by name; `None`: of the first.
    pub table: Option<String>,
    /// By which column; `None`: by primary key, which is quick however many rows there are.
    pub sort: Option<String>,
    /// Whether the last come first.
    pub descending: bool,
    /// Only rows that this takes.
    pub filter: Option<RowFilter>,
    /// How many rows stand before the first.
    pub first: u64,
    /// At most so many, 1 to [`ROWS_OF_A_PAGE`].
    pub limit: usize,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// So many, or at least.
    pub rows: u64,
    /// Whether there are more.
    pub more: bool,
}

/// `10,000+`.
impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plus = if self.more { "+" } else { "" };
        f.pad(&format!("{}{plus}", crate::text::thousands(self.rows)))
    }
}

/// A table of a read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<String>,
    /// Those of its primary key, in order; empty where it has none.
    pub key: Vec<String>,
    /// Its rows, counted up to [`ROWS_COUNTED`].
    pub rows: Counted,
}

/// Some rows of a read model.
#[derive(Debug, Clone, PartialEq)]
pub struct RowsPage {
    /// Up to where it has the log.
    pub checkpoint: Position,
    /// The version that was looked at.
    pub version: String,
    /// All tables, by name.
    pub tables: Vec<TableInfo>,
    /// Whose rows these are, by its place among them; 0 where there is none.
    pub table: usize,
    /// The rows. Fewer than asked for at the end, and where they are large.
    pub rows: Vec<Vec<Cell>>,
    /// How many stand before the first.
    pub first: u64,
    /// How many rows the filter takes, counted up to [`ROWS_COUNTED`] or as far as the time reached.
    pub matching: Counted,
}

impl Reader {
    /// Reads some rows, for at most so long.
    ///
    /// Errors: no such table or column, the time limit, what SQLite says.
    pub fn browse(&self, wanted: &Browse, limit: Duration) -> Result<RowsPage, QueryError> {
        let name = self.projection.name();
        let failed = |table: &str, error: &rusqlite::Error| QueryError::Table {
            table: format!("{name}: {table}"),
            reason: match error.sqlite_error_code() {
                Some(ErrorCode::OperationInterrupted) => format!(
                    "reading was stopped after {}: filter or sort less, or by the primary key",
                    crate::text::human_duration(limit)
                ),
                _ => self.guard.explain(error),
            },
        };
        let file = |error: rusqlite::Error| failed("its tables", &error);
        let db = self.db.unchecked_transaction().map_err(file)?;
        let checkpoint = read_checkpoint(&db).map_err(file)?.position;
        let tables = contents::tables(&db).map_err(file)?;
        let at = place(&tables, wanted.table.as_deref(), name)?;
        let _scope = self.guard.enter(Mode::Query, limit);
        let mut infos = Vec::new();
        for table in &tables {
            let rows = count(&db, table, None).map_err(|e| failed(&table.name, &e))?;
            infos.push(info(table, rows));
        }
        let mut page = RowsPage {
            checkpoint,
            version: self.version.clone(),
            tables: infos,
            table: at,
            rows: Vec::new(),
            first: wanted.first,
            matching: Counted::default(),
        };
        let Some(table) = tables.get(at) else {
            return Ok(page);
        };
        let order = order(table, wanted, name)?;
        let filter = wanted.filter.as_ref();
        if let Some(filter) = filter {
            install(&db, filter).map_err(|error| failed(&table.name, &error))?;
        }
        page.rows =
            rows(&db, table, &order, wanted).map_err(|error| failed(&table.name, &error))?;
        let seen = wanted.first.saturating_add(page.rows.len() as u64);
        page.matching = match filter {
            None => page.tables[at].rows,
            // A count that takes too long is none: these are there.
            Some(_) => count(&db, table, filter).unwrap_or(Counted {
                rows: seen,
                more: true,
            }),
        };
        if !page.rows.is_empty() && page.matching.rows < seen {
            page.matching.rows = seen;
        }
        Ok(page)
    }
}

fn place(tables: &[Table], wanted: Option<&str>, projection: &str) -> Result<usize, QueryError> {
    let Some(wanted) = wanted else { return Ok(0) };
    let is_it = |table: &Table| table.name.eq_ignore_ascii_case(wanted);
    tables
        .iter()
        .position(is_it)
        .ok_or_else(|| QueryError::NoTable {
            projection: projection.to_owned(),
            what: format!("table {}", crate::text::clean(wanted)),
            known: names(tables.iter().map(|table| table.name.as_str())),
        })
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}

fn info(table: &Table, rows: Counted) -> TableInfo {
    TableInfo {
        name: table.name.clone(),
        columns: table.columns.clone(),
        key: table.key.clone(),
        rows,
    }
}

/// The order that is wanted, with the key behind it, so that rows keep their places from page to page.
fn order(table: &Table, wanted: &Browse, projection: &str) -> Result<String, QueryError> {
    let direction = if wanted.descending { " DESC" } else { "" };
    let mut by: Vec<String> = Vec::new();
    if let Some(sort) = &wanted.sort {
        let column = table.columns.iter().find(|c| c.eq_ignore_ascii_case(sort));
        let column = column.ok_or_else(|| QueryError::NoTable {
            projection: projection.to_owned(),
            what: format!(
                "column {} in table {}",
                crate::text::clean(sort),
                table.name
            ),
            known: names(table.columns.iter().map(String::as_str)),
        })?;
        by.push(quoted(column));
    }
    by.extend(table.key.iter().map(|column| quoted(column)));
    if table.key.is_empty() && table.tells {
        by.push("rowid".to_owned());
    }
    let by: Vec<String> = by
        .iter()
        .map(|column| format!("{column}{direction}"))
        .collect();
    Ok(match by.is_empty() {
        true => String::new(),
        false => format!(" ORDER BY {}", by.join(", ")),
    })
}

/// Has SQL know a filter, in place of the one before.
fn install(db: &Connection, filter: &RowFilter) -> rusqlite::Result<()> {
    let filter = filter.clone();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function(FITS, -1, flags, move |row| Ok(filter.takes(row)))
}

/// The condition that a filter is.
fn condition(table: &Table, filter: Option<&RowFilter>) -> String {
    if filter.is_none() {
        return String::new();
    }
    let columns = table.columns.iter().take(SEARCHED);
    let columns: Vec<String> = columns.map(|column| quoted(column)).collect();
    format!(" WHERE {FITS}({})", columns.join(", "))
}

fn count(db: &Connection, table: &Table, filter: Option<&RowFilter>) -> rusqlite::Result<Counted> {
    let counted = format!(
        "SELECT count(*) FROM (SELECT 1 FROM main.{}{} LIMIT {ROWS_COUNTED} + 1)",
        quoted(&table.name),
        condition(table, filter)
    );
    let mut statement = db.prepare(&counted)?;
    let count: i64 = statement.query_row([], |row| row.get(0))?;
    let rows = count.unsigned_abs();
    Ok(Counted {
        rows: rows.min(ROWS_COUNTED),
        more: rows > ROWS_COUNTED,
    })
}

fn rows(
    db: &Connection,
    table: &Table,
    order: &str,
    wanted: &Browse,
) -> rusqlite::Result<Vec<Vec<Cell>>> {
    let columns: Vec<String> = table.columns.iter().map(|column| quoted(column)).collect();
    let limit = wanted.limit.clamp(1, ROWS_OF_A_PAGE);
    let select = format!(
        "SELECT {} FROM main.{}{}{order} LIMIT {limit} OFFSET {}",
        columns.join(", "),
        quoted(&table.name),
        condition(table, wanted.filter.as_ref()),
        wanted.first.min(i64::MAX.unsigned_abs())
    );
    let mut statement = db.prepare(&select)?;
    let mut found = statement.query([])?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some(row) = found.next()? {
        let mut cells = Vec::with_capacity(columns.len());
        for index in 0..columns.len() {
            let value = row.get_ref(index)?;
            bytes += 16 + value.as_bytes().map_or(0, <[u8]>::len);
            cells.push(Cell::from(value));
        }
        rows.push(cells);
        if bytes >= BYTES {
            break;
        }
    }
    Ok(rows)
}
