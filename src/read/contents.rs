//! The rows of a read model in a form that is the same for the same content, however the file came to be:
//! which tables count, in which order their rows come, and each row as bytes.
//!
//! Counted are the projection's own tables, virtual ones by their content and never by the tables that
//! stand behind them. Not counted are views, ours, SQLite's, and columns that are computed when they are
//! read. A row that no primary key names is one of a multiset: what SQLite calls it is no content.

use std::cmp::Ordering;
use std::fmt;
use std::path::Path;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Rows, Statement};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::guard::OWN_PREFIX;
use super::work::Work;

/// A value of a row, exactly as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number; SQLite stores no NaN.
    Real(f64),
    /// Text; what is no UTF-8 was replaced.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Cell {
    /// Whether it is the same value of the same type; -0.0 is not 0.0.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Real(a), Self::Real(b)) => a.to_bits() == b.to_bits(),
            _ => self == other,
        }
    }
}

impl<'a> From<&'a Cell> for ValueRef<'a> {
    /// As SQLite takes it.
    fn from(cell: &'a Cell) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Integer(n) => Self::Integer(*n),
            Cell::Real(n) => Self::Real(*n),
            Cell::Text(text) => Self::Text(text.as_bytes()),
            Cell::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<&Cell> for Value {
    /// As JSON; what JSON has no form for, bytes and infinite numbers, as the text that SQL has.
    fn from(cell: &Cell) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Integer(n) => (*n).into(),
            Cell::Real(n) if n.is_finite() => (*n).into(),
            Cell::Text(text) => text.clone().into(),
            Cell::Real(_) | Cell::Blob(_) => cell.to_string().into(),
        }
    }
}

impl fmt::Display for Cell {
    /// As SQL writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Integer(n) => n.fmt(f),
            Self::Real(n) => write!(f, "{n:?}"),
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Blob(bytes) => {
                f.write_str("x'")?;
                bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
                f.write_str("'")
            }
        }
    }
}

/// How many rows there are, and what tells them from all others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contents {
    /// How many rows, of all tables.
    pub rows: u64,
    /// SHA-256, in hexadecimal, over tables, columns and rows.
    pub digest: String,
}

/// A table that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    /// The columns of its primary key; `rowid` for a virtual table; empty where there is none.
    pub(super) key: Vec<String>,
    /// The columns that are stored.
    pub(super) columns: Vec<String>,
    /// Those of them that can be written: not computed.
    pub(super) written: Vec<String>,
    /// Whether rows have a number that SQLite tells of when one is written.
    pub(super) tells: bool,
    pub(super) is_virtual: bool,
}

/// What sorts rows by their bytes, on connections that were [opened](open) here.
const ROW: &str = "highwater_row";

/// SQLite functions take a limited number of arguments.
const ARGUMENTS: usize = 100;

/// Opens a file to read all of it, stopped by whoever stops the work.
pub(super) fn open(path: &Path, work: &Work) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    db.pragma_update(None, "cache_size", -16_000)?;
    // Files, not memory: what is sorted may be large.
    db.pragma_update(None, "temp_store", "file")?;
    let stop = work.clone();
    db.progress_handler(10_000, Some(move || stop.is_stopped()))?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function(ROW, -1, flags, |context| {
        let mut bytes = Vec::new();
        for index in 0..context.len() {
            encode(context.get_raw(index), &mut bytes);
        }
        Ok(bytes)
    })?;
    Ok(db)
}

/// The tables that count, by name.
pub(super) fn tables(db: &Connection) -> rusqlite::Result<Vec<Table>> {
    let ours = format!("{}%", OWN_PREFIX.replace('_', "\\_"));
    let mut statement = db.prepare(
        "SELECT name, type = 'virtual', wr FROM pragma_table_list
         WHERE schema = 'main' AND type IN ('table', 'virtual')
           AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE ?1 ESCAPE '\\'
         ORDER BY name COLLATE BINARY",
    )?;
    let found = statement.query_map([ours], |row| {
        let name: String = row.get(0)?;
        table(db, name, row.get(1)?, row.get(2)?)
    })?;
    found.collect()
}

fn table(
    db: &Connection,
    name: String,
    is_virtual: bool,
    is_without_rowid: bool,
) -> rusqlite::Result<Table> {
    // 0 is an ordinary column, and 3 a generated one that is stored.
    let mut statement = db.prepare_cached(
        "SELECT name, pk, hidden = 0 FROM pragma_table_xinfo(?1) WHERE hidden IN (0, 3) ORDER BY cid",
    )?;
    let found: rusqlite::Result<Vec<(String, i64, bool)>> = statement
        .query_map([&name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect();
    let found = found?;
    let mut columns: Vec<String> = found.iter().map(|(name, ..)| name.clone()).collect();
    let written = found.iter().filter(|(.., written)| *written);
    let written = written.map(|(name, ..)| name.clone()).collect();
    let key = if is_virtual {
        columns.retain(|column| !column.eq_ignore_ascii_case("rowid"));
        columns.insert(0, "rowid".to_owned());
        vec!["rowid".to_owned()]
    } else {
        let mut key: Vec<_> = found.into_iter().filter(|(_, pk, _)| *pk > 0).collect();
        key.sort_by_key(|(_, pk, _)| *pk);
        key.into_iter().map(|(name, ..)| name).collect()
    };
    Ok(Table {
        name,
        key,
        columns,
        written,
        tells: !is_virtual && !is_without_rowid,
        is_virtual,
    })
}

impl Table {
    /// Whether it has such a column.
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|c| c.eq_ignore_ascii_case(column))
    }

    /// Selects all rows, in the order in which [`Row`]s are compared: by the key as SQLite orders it, and
    /// where that leaves it open, by the bytes of the row.
    pub(super) fn select_all(&self) -> String {
        let mut order: Vec<String> = self
            .key
            .iter()
            .map(|column| format!("{} COLLATE BINARY", quoted(column)))
            .collect();
        order.extend(self.columns.chunks(ARGUMENTS).map(row_of));
        format!("{} ORDER BY {}", self.select(), order.join(", "))
    }

    /// Selects rows without an order.
    pub(super) fn select(&self) -> String {
        let columns = self.key.iter().chain(&self.columns).map(|c| quoted(c));
        let columns: Vec<String> = columns.collect();
        format!(
            "SELECT {} FROM main.{}",
            columns.join(", "),
            quoted(&self.name)
        )
    }
}

fn row_of(columns: &[String]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    format!("{ROW}({})", columns.join(", "))
}

/// A name as SQL writes it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    // SQLite knows the row's number by this name only where it stands without quotation marks.
    if name == "rowid" {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A row: its key, and all of it as bytes that are the same for the same values only.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Row {
    /// The values of its key, each as bytes.
    pub(super) key: Vec<Vec<u8>>,
    pub(super) bytes: Vec<u8>,
}

impl Row {
    /// Whether its key names it alone: a key with a NULL in it may be there twice.
    pub(super) fn is_named(&self) -> bool {
        !self.key.is_empty() && !self.key.iter().any(|value| value == &[0])
    }

    /// The order in which SQLite gives keys.
    pub(super) fn compare_keys(&self, other: &Self) -> Ordering {
        let cells = self.key.iter().zip(&other.key);
        cells
            .map(|(a, b)| compare(value(a), value(b)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// Its values.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        let mut rest = &self.bytes[..];
        while let Some((value, after)) = split_value(rest) {
            cells.push(Cell::from(value));
            rest = after;
        }
        cells
    }
}

/// The rows of a table, one after the other.
pub(super) struct Cursor<'s> {
    rows: Rows<'s>,
    key: usize,
    columns: usize,
}

impl<'s> Cursor<'s> {
    /// Reads what a [selection](Table::select) of this table gives.
    pub(super) fn over(statement: &'s mut Statement<'_>, table: &Table) -> Self {
        Self {
            key: table.key.len(),
            columns: table.columns.len(),
            rows: statement.raw_query(),
        }
    }

    /// The next row, written over the one that is given; whether there was one.
    pub(super) fn next(&mut self, row: &mut Row) -> rusqlite::Result<bool> {
        row.key.clear();
        row.bytes.clear();
        let Some(found) = self.rows.next()? else {
            return Ok(false);
        };
        for index in 0..self.key {
            let mut bytes = Vec::new();
            encode(found.get_ref(index)?, &mut bytes);
            row.key.push(bytes);
        }
        for index in self.key..self.key + self.columns {
            encode(found.get_ref(index)?, &mut row.bytes);
        }
        Ok(true)
    }
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(n) => Self::Integer(n),
            ValueRef::Real(n) => Self::Real(n),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_owned()),
        }
    }
}

/// Counts rows, and sums up what tells them from all others.
pub(super) struct Tally {
    rows: u64,
    hash: Sha256,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            rows: 0,
            hash: Sha256::new(),
        }
    }

    pub(super) fn table(&mut self, table: &Table) {
        self.text(&table.name);
        self.hash.update((table.columns.len() as u64).to_be_bytes());
        table.columns.iter().for_each(|column| self.text(column));
    }

    /// Ends a table of so many rows, so that no row can pass for the beginning of the next table.
    pub(super) fn end(&mut self, rows: u64) {
        self.hash.update(rows.to_be_bytes());
    }

    pub(super) fn row(&mut self, row: &Row) {
        self.rows += 1;
        self.hash.update(&row.bytes);
    }

    pub(super) fn contents(self) -> Contents {
        let digest = self.hash.finalize();
        Contents {
            rows: self.rows,
            digest: digest.iter().map(|b| format!("{b:02x}")).collect(),
        }
    }

    fn text(&mut self, text: &str) {
        self.hash.update((text.len() as u64).to_be_bytes());
        self.hash.update(text.as_bytes());
    }
}

/// Appends a value, so that equal bytes are equal values of equal types, and no value's bytes are the
/// beginning of another's.
pub(super) fn encode(value: ValueRef<'_>, into: &mut Vec<u8>) {
    let long = |tag: u8, bytes: &[u8], into: &mut Vec<u8>| {
        into.push(tag);
        into.extend((bytes.len() as u64).to_be_bytes());
        into.extend(bytes);
    };
    match value {
        ValueRef::Null => into.push(0),
        ValueRef::Integer(n) => {
            into.push(1);
            into.extend(n.to_be_bytes());
        }
        ValueRef::Real(n) => {
            into.push(2);
            into.extend(n.to_bits().to_be_bytes());
        }
        ValueRef::Text(text) => long(3, text, into),
        ValueRef::Blob(bytes) => long(4, bytes, into),
    }
}

/// The first value that [`encode`] wrote, and what follows it; `None` at the end.
fn split_value(bytes: &[u8]) -> Option<(ValueRef<'_>, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    if *tag == 0 {
        return Some((ValueRef::Null, rest));
    }
    let (word, rest) = rest.split_first_chunk::<8>()?;
    let number = u64::from_be_bytes(*word);
    Some(match tag {
        1 => (ValueRef::Integer(i64::from_be_bytes(*word)), rest),
        2 => (ValueRef::Real(f64::from_bits(number)), rest),
        tag => {
            let (value, rest) = rest.split_at_checked(usize::try_from(number).ok()?)?;
            match tag {
                3 => (ValueRef::Text(value), rest),
                _ => (ValueRef::Blob(value), rest),
            }
        }
    })
}

/// The one value that [`encode`] wrote.
pub(super) fn value(bytes: &[u8]) -> ValueRef<'_> {
    split_value(bytes).map_or(ValueRef::Null, |(value, _)| value)
}

/// SQLite's order: nothing, numbers whatever their type, text, bytes.
fn compare(a: ValueRef<'_>, b: ValueRef<'_>) -> Ordering {
    use ValueRef::{Blob, Integer, Null, Real, Text};
    match (a, b) {
        (Integer(a), Integer(b)) => a.cmp(&b),
        (Real(a), Real(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (Integer(a), Real(b)) => compare_mixed(a, b),
        (Real(a), Integer(b)) => compare_mixed(b, a).reverse(),
        (Text(a), Text(b)) | (Blob(a), Blob(b)) => a.cmp(b),
        _ => {
            let kind = |value| match value {
                Null => 0,
                Integer(_) | Real(_) => 1,
                Text(_) => 2,
                Blob(_) => 3,
            };
            kind(a).cmp(&kind(b))
        }
    }
}

/// Exactly, where turning the whole number into a real one would round it.
fn compare_mixed(whole: i64, real: f64) -> Ordering {
    // The first powers of two that no i64 reaches.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if real >= BEYOND {
        return Ordering::Less;
    }
    if real < -BEYOND {
        return Ordering::Greater;
    }
    #[allow(clippy::cast_possible_truncation)]
    let below = real.floor() as i64;
    let part = real - real.floor();
    whole.cmp(&below).then(if part > 0.0 {
        Ordering::Less
    } else {
        Ordering::Equal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::types::Value;

    fn bytes(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(ValueRef::from(value), &mut bytes);
        bytes
    }

    #[test]
    fn values_have_the_same_bytes_only_where_they_are_the_same() {
        let values = [
            Value::Null,
            Value::Integer(0),
            Value::Integer(1),
            Value::Real(0.0),
            Value::Real(-0.0),
            Value::Real(1.0),
            Value::Text(String::new()),
            Value::Text("1".into()),
            Value::Blob(Vec::new()),
            Value::Blob(b"1".to_vec()),
        ];
        for (i, a) in values.iter().enumerate() {
            for (k, b) in values.iter().enumerate() {
                assert_eq!(bytes(a) == bytes(b), i == k, "{a:?} {b:?}");
                assert!(i == k || !bytes(b).starts_with(&bytes(a)), "{a:?} {b:?}");
            }
            assert_eq!(value(&bytes(a)), ValueRef::from(a), "{a:?}");
        }
    }

    #[test]
    fn keys_are_ordered_as_sqlite_orders_them() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (v)").unwrap();
        let two_63 = 9_223_372_036_854_775_808.0;
        let values = [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Integer(i64::MAX),
            Value::Integer(i64::MAX - 1),
            Value::Integer((1 << 53) + 1),
            Value::Real(9_007_199_254_740_992.0),
            Value::Real(two_63),
            Value::Real(-two_63),
            Value::Real(-two_63 * 2.0),
            Value::Real(f64::INFINITY),
            Value::Real(f64::NEG_INFINITY),
            Value::Real(-1.5),
            Value::Integer(-1),
            Value::Integer(-2),
            Value::Real(0.5),
            Value::Integer(0),
            Value::Text("a".into()),
            Value::Text("B".into()),
            Value::Text(String::new()),
            Value::Blob(b"a".to_vec()),
        ];
        for value in &values {
            db.execute("INSERT INTO t VALUES (?1)", [value]).unwrap();
        }
        let mut select = db
            .prepare("SELECT v FROM t ORDER BY v COLLATE BINARY")
            .unwrap();
        let sorted = select.query_map([], |row| row.get(0));
        let sorted: Vec<Value> = sorted.unwrap().map(Result::unwrap).collect();
        for pair in sorted.windows(2) {
            let (a, b) = (ValueRef::from(&pair[0]), ValueRef::from(&pair[1]));
            assert_ne!(compare(a, b), Ordering::Greater, "{pair:?}");
            assert_eq!(compare(b, a), compare(a, b).reverse(), "{pair:?}");
        }
    }
}
