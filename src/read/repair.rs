//! Mending one key: the stream that feeds it is folded alone, and the rows of that key are replaced.
//!
//! That is sound where the rows of a key depend on that one stream and on nothing else, which the projection
//! says by declaring a key (`-- key: order_id = order`). What can be seen to be otherwise is refused: tables
//! that have no column of the key, virtual ones, and triggers, which would answer the mending as if it were
//! an event.

use std::path::Path;
use std::sync::Arc;

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, TransactionBehavior, params_from_iter};

use super::afresh::{Afresh, FoldError};
use super::contents::quoted;
use super::definition::Key;
use super::difference::{Comparison, compare};
use super::guard::OWN_PREFIX;
use super::model::{Model, ModelError, io, open_to_read, read_checkpoint};
use super::parked::OutOfTurn;
use super::projection::Projection;
use super::scratch::Scratch;
use super::work::Work;
use crate::event::{Position, StreamId, Version};
use crate::log::{LogError, SharedLog};

/// How many events of the stream are read at once.
const PAGE: usize = 500;

/// The most rows that one key has, of all tables.
const MOST_ROWS: usize = 100_000;

/// What mending a key comes to, before anything is changed.
#[derive(Debug)]
pub struct Mending {
    /// The stream that feeds the key.
    pub stream: StreamId,
    /// How many events of it were folded.
    pub events: u64,
    /// The read model's checkpoint, up to which they were.
    pub position: Position,
    /// The rows that are stored (here) beside those of the fold (there).
    pub comparison: Comparison,
    column: String,
    key: String,
    fresh: Vec<Rows>,
}

#[cfg(test)]
impl Mending {
    /// A made-up one, for the tests of what is made of it.
    pub(crate) fn example(stream: &str, key: &str, comparison: Comparison) -> Self {
        Self {
            stream: StreamId::new(stream).unwrap(),
            events: 3,
            position: Position::new(128_403),
            comparison,
            column: String::new(),
            key: key.to_owned(),
            fresh: Vec::new(),
        }
    }
}

/// The rows of one key in one table.
#[derive(Debug)]
pub(super) struct Rows {
    table: String,
    columns: Vec<String>,
    values: Vec<Vec<SqlValue>>,
}

/// Why a key is not mended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// It would not be sound, or there is nothing to mend; and the way out.
    #[error("{0}")]
    Refused(String),
    /// The stream cannot be folded.
    #[error("stream {stream} cannot be folded alone: {error}. A rebuild folds all of it")]
    Fold {
        /// The stream.
        stream: String,
        /// Why.
        error: FoldError,
    },
    /// A file.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Folds the stream that feeds a key, up to the checkpoint of a read model's file, and compares the key's
/// rows. Nothing is changed yet.
///
/// Errors: [`RepairError`].
pub async fn mend(
    path: &Path,
    projection: &Arc<dyn Projection>,
    key: &str,
    log: &SharedLog,
    scratch: &Scratch,
) -> Result<Mending, RepairError> {
    let name = projection.name();
    let Some(Key { column, category }) = projection.key() else {
        return Err(RepairError::Refused(format!(
            "{name} does not say which stream feeds a key: write `-- key: COLUMN = CATEGORY` in its file where \
             the rows of a key depend on one stream alone. A rebuild folds all of it"
        )));
    };
    let stream = StreamId::new(&format!("{category}-{key}"))
        .map_err(|e| RepairError::Refused(e.to_string()))?;
    let stored = open_to_read(path)?;
    stored.execute_batch("BEGIN").map_err(io(path))?;
    let to = read_checkpoint(&stored).map_err(io(path))?.position;
    let tables = tables(&stored, column).map_err(io(path))?;
    let tables = tables.map_err(|why| RepairError::Refused(format!("{name}: {why}")))?;
    let before = rows_of(&stored, &tables, column, key).map_err(io(path))?;
    // What was applied late comes in its turn: nothing but its stream counts, whose order was kept.
    let aside = OutOfTurn::read(&stored).map_err(io(path))?.in_turn();
    // The read transaction ends here.
    drop(stored);

    let work = Work::new();
    let after_path = scratch.file("after.db");
    let events = fold_alone(&after_path, projection, &stream, (to, aside), log, &work).await?;
    let folded = open_to_read(&after_path)?;
    let fresh = rows_of(&folded, &tables, column, key).map_err(io(&after_path))?;
    let many = |rows: &[Rows]| rows.iter().map(|rows| rows.values.len()).sum::<usize>();
    if many(&before).max(many(&fresh)) > MOST_ROWS {
        return Err(RepairError::Refused(format!(
            "key {key} has more than {MOST_ROWS} rows, too many to be mended as one: a rebuild folds all of it"
        )));
    }
    if many(&before) + many(&fresh) == 0 {
        return Err(RepairError::Refused(format!(
            "{name} has no rows of key {key}, and {stream} gives none up to position {to}"
        )));
    }
    // Only the rows of that key are compared, as they would be stored.
    let mut sides = Vec::new();
    for (file, rows) in [("stored.db", &before), ("fresh.db", &fresh)] {
        let side = scratch.file(file);
        let mut model = Model::create(&side, &**projection, 1, None)?;
        insert(model.database(), rows).map_err(io(&side))?;
        sides.push(side);
    }
    let comparison = compare(&sides[0], &sides[1], MOST_ROWS, &work)?;
    Ok(Mending {
        stream,
        events,
        position: to,
        comparison,
        column: column.clone(),
        key: key.to_owned(),
        fresh,
    })
}

impl Model {
    /// Puts the mended rows in the place of the stored ones, in one transaction. The checkpoint stays.
    ///
    /// Errors: the system, or a rule of the table that the mended rows break together with those of other
    /// keys; nothing is changed then.
    pub fn replace(&mut self, mending: &Mending) -> Result<(), ModelError> {
        let fail = io(self.path());
        let db = self.database();
        let transaction = db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&fail)?;
        for rows in &mending.fresh {
            let table = quoted(&rows.table);
            let delete = format!("DELETE FROM {table} WHERE {}", of_key(&mending.column));
            transaction
                .execute(&delete, [&mending.key])
                .map_err(&fail)?;
        }
        insert(&transaction, &mending.fresh).map_err(&fail)?;
        transaction.commit().map_err(fail)
    }
}

/// Folds the events of one stream up to a position; says how many.
async fn fold_alone(
    path: &Path,
    projection: &Arc<dyn Projection>,
    stream: &StreamId,
    (to, aside): (Position, OutOfTurn),
    log: &SharedLog,
    work: &Work,
) -> Result<u64, RepairError> {
    let failed = |error| RepairError::Fold {
        stream: stream.to_string(),
        error,
    };
    let fold = Afresh::begin(path, projection, log, work).map_err(failed)?;
    let mut fold = fold.like(aside);
    let (mut after, mut events) = (Version::NONE, 0);
    loop {
        let page = log.read_stream(stream, after, PAGE).await?;
        let Some(last) = page.events.last() else {
            return Ok(events);
        };
        after = last.version;
        for event in page.events.iter().filter(|event| event.position <= to) {
            events += u64::from(fold.take_one(event, to).await.map_err(failed)?);
        }
    }
}

/// A table, and the columns that are written.
pub(super) type Columns = (String, Vec<String>);

/// The tables that count. The inner error says why a key cannot be mended.
pub(super) fn tables(
    db: &Connection,
    column: &str,
) -> rusqlite::Result<Result<Vec<Columns>, String>> {
    let triggers: i64 = db.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'",
        [],
        |row| row.get(0),
    )?;
    if triggers > 0 {
        return Ok(Err(
            "its schema has triggers, which would take the mending for events: rebuild it"
                .to_owned(),
        ));
    }
    let ours = format!("{}%", OWN_PREFIX.replace('_', "\\_"));
    let mut select = db.prepare(
        "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE ?1 ESCAPE '\\' ORDER BY name",
    )?;
    let found = select.query_map([ours], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found: Vec<(String, String)> = found.collect::<rusqlite::Result<_>>()?;
    let mut tables = Vec::new();
    for (table, kind) in found {
        let mut select =
            db.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid")?;
        let columns = select.query_map([&table], |row| row.get(0))?;
        let columns: Vec<String> = columns.collect::<rusqlite::Result<_>>()?;
        if kind == "virtual" || !columns.iter().any(|c| c.eq_ignore_ascii_case(column)) {
            return Ok(Err(format!(
                "table {table} has no rows that belong to one {column}, so that one key cannot be mended alone: \
                 rebuild it"
            )));
        }
        tables.push((table, columns));
    }
    Ok(Ok(tables))
}

/// That a row is of the key `?1`, and not of one that the column's collation or affinity takes for the same:
/// the first part finds it by an index.
pub(super) fn of_key(column: &str) -> String {
    let column = quoted(column);
    format!("{column} = ?1 AND CAST({column} AS TEXT) = CAST(?1 AS TEXT) COLLATE BINARY")
}

pub(super) fn rows_of(
    db: &Connection,
    tables: &[Columns],
    column: &str,
    key: &str,
) -> rusqlite::Result<Vec<Rows>> {
    let mut all = Vec::new();
    for (table, columns) in tables {
        let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        let mut select = db.prepare(&format!(
            "SELECT {} FROM {} WHERE {} LIMIT {MOST_ROWS} + 1",
            names.join(", "),
            quoted(table),
            of_key(column)
        ))?;
        let values = select.query_map([key], |row| {
            (0..columns.len()).map(|index| row.get(index)).collect()
        })?;
        all.push(Rows {
            table: table.clone(),
            columns: columns.clone(),
            values: values.collect::<rusqlite::Result<_>>()?,
        });
    }
    Ok(all)
}

pub(super) fn insert(db: &Connection, rows: &[Rows]) -> rusqlite::Result<()> {
    for rows in rows {
        let names: Vec<String> = rows.columns.iter().map(|name| quoted(name)).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let (table, names) = (quoted(&rows.table), names.join(", "));
        let mut insert = db.prepare(&format!("INSERT INTO {table} ({names}) VALUES ({marks})"))?;
        for values in &rows.values {
            insert.execute(params_from_iter(values))?;
        }
    }
    Ok(())
}
