//! Browsing a read model: its tables, and some rows of one, sorted and filtered; read-only, in one read
//! transaction with the checkpoint, bounded in time and size.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, named_params};

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

/// A text is looked for in so many columns, from the first on: SQLite's expressions are bounded.
const SEARCHED: usize = 200;

/// Which rows somebody looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Browse {
    /// Of which table, by name; `None`: of the first.
    pub table: Option<String>,
    /// By which column; `None`: by primary key, which is quick however many rows there are.
    pub sort: Option<String>,
    /// Whether the last come first.
    pub descending: bool,
    /// Only rows with this text in a column, ASCII letters in either case.
    pub filter: Option<String>,
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
        let filter = wanted.filter.as_deref().filter(|text| !text.is_empty());
        let order = order(table, wanted, name)?;
        page.rows = rows(&db, table, (&order, filter), wanted)
            .map_err(|error| failed(&table.name, &error))?;
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

/// The condition that a filter is.
fn condition(table: &Table, filter: Option<&str>) -> String {
    if filter.is_none() {
        return String::new();
    }
    let has = |column: &String| format!("{} LIKE :filter ESCAPE '\\'", quoted(column));
    let any: Vec<String> = table.columns.iter().take(SEARCHED).map(has).collect();
    format!(" WHERE {}", any.join(" OR "))
}

/// As `LIKE` takes it, with nothing in it that means anything else.
fn pattern(filter: Option<&str>) -> Option<String> {
    let escaped = filter?
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    Some(format!("%{escaped}%"))
}

fn count(db: &Connection, table: &Table, filter: Option<&str>) -> rusqlite::Result<Counted> {
    let counted = format!(
        "SELECT count(*) FROM (SELECT 1 FROM main.{}{} LIMIT {ROWS_COUNTED} + 1)",
        quoted(&table.name),
        condition(table, filter)
    );
    let mut statement = db.prepare(&counted)?;
    let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let count = match pattern(filter) {
        Some(pattern) => statement.query_row(named_params! { ":filter": pattern }, read)?,
        None => statement.query_row([], read)?,
    };
    let rows = count.unsigned_abs();
    Ok(Counted {
        rows: rows.min(ROWS_COUNTED),
        more: rows > ROWS_COUNTED,
    })
}

fn rows(
    db: &Connection,
    table: &Table,
    (order, filter): (&str, Option<&str>),
    wanted: &Browse,
) -> rusqlite::Result<Vec<Vec<Cell>>> {
    let columns: Vec<String> = table.columns.iter().map(|column| quoted(column)).collect();
    let limit = wanted.limit.clamp(1, ROWS_OF_A_PAGE);
    let select = format!(
        "SELECT {} FROM main.{}{}{order} LIMIT {limit} OFFSET {}",
        columns.join(", "),
        quoted(&table.name),
        condition(table, filter),
        wanted.first.min(i64::MAX.unsigned_abs())
    );
    let mut statement = db.prepare(&select)?;
    let mut found = match pattern(filter) {
        Some(pattern) => statement.query(named_params! { ":filter": pattern })?,
        None => statement.query([])?,
    };
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
