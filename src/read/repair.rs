//! Mending one key: the stream that feeds it is folded alone, and the rows of that key are replaced.
//!
//! That is sound where the rows of a key depend on that one stream and on nothing else, which the projection
//! says by declaring a key (`-- key: order_id = order`). What can be seen to be otherwise is refused: tables
//! that have no column of the key, virtual ones, and triggers, which would answer the mending as if it were
//! an event.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, TransactionBehavior, params_from_iter};

use super::afresh::{Afresh, FoldError};
use super::contents::{Table, quoted, tables};
use super::definition::Key;
use super::difference::{Comparison, compare};
use super::keyed::of_key;
use super::model::{Model, ModelError, io, open_to_read, read_checkpoint};
use super::numbered::Numbered;
use super::parked::OutOfTurn;
use super::projection::Projection;
use super::scratch::Scratch;
use super::work::{Phase, Work};
use crate::event::{Event, Position, StreamId, Version};
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
    /// Somebody stopped it.
    #[error("stopped: nothing was changed")]
    Stopped,
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

impl RepairError {
    fn of_fold(stream: &StreamId, error: FoldError) -> Self {
        match error {
            FoldError::Stopped { .. } => Self::Stopped,
            error => Self::Fold {
                stream: stream.to_string(),
                error,
            },
        }
    }
}

/// What is stored of a key, with the checkpoint at which it is, and what was set aside by then.
struct Stored {
    position: Position,
    rows: Vec<Rows>,
    aside: OutOfTurn,
}

/// A key that is being mended: the stream that feeds it is folded alone, a part at a time, so that others can
/// do something between.
pub struct Mend {
    path: PathBuf,
    projection: Arc<dyn Projection>,
    log: SharedLog,
    work: Work,
    scratch: Scratch,
    column: String,
    key: String,
    stream: StreamId,
    tables: Vec<Table>,
    fold: Afresh,
    numbered: Numbered,
    /// What was left out so far.
    aside: OutOfTurn,
    read: VecDeque<Event>,
    /// The last event that was read.
    after: Version,
    /// Up to where the stream is folded.
    at: Position,
    events: u64,
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
    scratch: Scratch,
    work: &Work,
) -> Result<Mending, RepairError> {
    let mut mend = Mend::begin(path, projection, key, log, scratch, work)?;
    let stored = mend.stored()?;
    mend.fold_to(stored.position, &stored.aside, Duration::MAX)
        .await?;
    mend.compare(&stored)
}

impl Mend {
    /// Looks whether it would be sound, and folds nothing yet.
    ///
    /// Errors: [`RepairError`].
    pub fn begin(
        path: &Path,
        projection: &Arc<dyn Projection>,
        key: &str,
        log: &SharedLog,
        scratch: Scratch,
        work: &Work,
    ) -> Result<Self, RepairError> {
        let name = projection.name();
        let Some(Key { column, category }) = projection.key() else {
            return Err(RepairError::Refused(format!(
                "{name} does not say which stream feeds a key: write `-- key: COLUMN = CATEGORY` in its file where \
                 the rows of a key depend on one stream alone. A rebuild folds all of it"
            )));
        };
        let stream = StreamId::new(&format!("{category}-{key}"))
            .map_err(|e| RepairError::Refused(e.to_string()))?;
        let tables = mendable(&open_to_read(path)?, column).map_err(io(path))?;
        let tables = tables.map_err(|why| RepairError::Refused(format!("{name}: {why}")))?;
        let file = scratch.file("after.db");
        let failed = |error| RepairError::of_fold(&stream, error);
        let mut fold = Afresh::begin(&file, projection, log, work).map_err(failed)?;
        let db = fold.model_mut().database();
        // Nobody else reads it, and locks taken for each event cost more than the event.
        let numbered = db
            .pragma_update(None, "locking_mode", "exclusive")
            .and_then(|()| Numbered::watch(db, &tables))
            .map_err(io(&file))?;
        work.begin(Phase::Folding, 0);
        Ok(Self {
            path: path.to_owned(),
            projection: Arc::clone(projection),
            log: Arc::clone(log),
            work: work.clone(),
            scratch,
            column: column.clone(),
            key: key.to_owned(),
            stream,
            tables,
            fold,
            numbered,
            aside: OutOfTurn::default(),
            read: VecDeque::new(),
            after: Version::NONE,
            at: Position::START,
            events: 0,
        })
    }

    /// Folds on for about so long; once the stream is folded up to the checkpoint of the read model, which must
    /// not move meanwhile, answers what mending comes to. `None`: there is more to fold.
    ///
    /// Errors: [`RepairError`].
    pub async fn step(&mut self, most: Duration) -> Result<Option<Mending>, RepairError> {
        let db = open_to_read(&self.path)?;
        let to = read_checkpoint(&db).map_err(io(&self.path))?.position;
        let aside = OutOfTurn::read(&db).map_err(io(&self.path))?.in_turn();
        drop(db);
        if !self.fold_to(to, &aside, most).await? {
            return Ok(None);
        }
        let stored = self.stored()?;
        self.compare(&stored).map(Some)
    }

    fn stored(&self) -> Result<Stored, RepairError> {
        let fail = io(&self.path);
        let db = open_to_read(&self.path)?;
        // The read transaction ends with the connection.
        db.execute_batch("BEGIN").map_err(&fail)?;
        Ok(Stored {
            position: read_checkpoint(&db).map_err(&fail)?.position,
            rows: rows_of(&db, &self.tables, &self.column, &self.key).map_err(&fail)?,
            // What was applied late comes in its turn: nothing but its stream counts, whose order was kept.
            aside: OutOfTurn::read(&db).map_err(&fail)?.in_turn(),
        })
    }

    /// Says whether it came to where it should. It is of no use any more where something is left out by now that
    /// was folded, or the other way round.
    async fn fold_to(
        &mut self,
        to: Position,
        aside: &OutOfTurn,
        most: Duration,
    ) -> Result<bool, RepairError> {
        if !self.aside.is_same_up_to(aside, self.at) {
            return Err(RepairError::Refused(format!(
                "an event of those up to position {} was tried again or skipped meanwhile: ask again",
                self.at
            )));
        }
        self.aside = aside.clone();
        self.fold.be_like(aside.clone());
        let began = Instant::now();
        loop {
            if self.read.is_empty() {
                let page = self.log.read_stream(&self.stream, self.after, PAGE).await?;
                self.read.extend(page.events);
            }
            match self.read.front() {
                Some(event) if event.position <= to => {}
                _ => return Ok(true),
            }
            let Some(event) = self.read.pop_front() else {
                return Ok(true);
            };
            let took = self.fold.take_one(&event, to).await;
            let took = took.map_err(|error| RepairError::of_fold(&self.stream, error))?;
            (self.after, self.at) = (event.version, event.position);
            self.events += u64::from(took);
            self.work.did(self.events);
            if began.elapsed() >= most {
                return Ok(false);
            }
            if self.work.is_stopped() {
                return Err(RepairError::Stopped);
            }
        }
    }

    /// Compares the rows that are stored with those of the fold.
    fn compare(&mut self, stored: &Stored) -> Result<Mending, RepairError> {
        let (name, key, stream) = (self.projection.name(), &self.key, &self.stream);
        let (path, column) = (self.fold.path().to_owned(), &self.column);
        let folded = self.fold.model_mut().database();
        let fresh = rows_of(folded, &self.tables, column, key).map_err(io(&path))?;
        let before = &stored.rows;
        let many = |rows: &[Rows]| rows.iter().map(|rows| rows.values.len()).sum::<usize>();
        if many(before).max(many(&fresh)) > MOST_ROWS {
            return Err(RepairError::Refused(format!(
                "key {key} has more than {MOST_ROWS} rows, too many to be mended as one: a rebuild folds all of it"
            )));
        }
        if many(before) + many(&fresh) == 0 {
            return Err(RepairError::Refused(format!(
                "{name} has no rows of key {key}, and {stream} gives none up to position {}",
                stored.position
            )));
        }
        if let Some(table) = self.numbered.tables().first().map(|at| &self.tables[*at]) {
            let (table, number) = (&table.name, table.key.join(", "));
            return Err(RepairError::Refused(format!(
                "SQLite numbers the rows of table {table} of {name}, since its handlers give no {number}: these \
                 numbers depend on every stream, so that one key cannot be mended alone. Rebuild it; or have the \
                 handlers give a {number}, as :position is"
            )));
        }
        // Only the rows of that key are compared, as they would be stored.
        let mut sides = Vec::new();
        for (file, rows) in [("stored.db", before), ("fresh.db", &fresh)] {
            let side = self.scratch.file(file);
            let mut model = Model::create(&side, &*self.projection, 1, None)?;
            model.keep_nothing_safe()?;
            replace_all(model.database(), rows).map_err(io(&side))?;
            sides.push(side);
        }
        let comparison = compare(&sides[0], &sides[1], MOST_ROWS, &self.work)?;
        Ok(Mending {
            stream: stream.clone(),
            events: self.events,
            position: stored.position,
            comparison,
            column: column.clone(),
            key: key.clone(),
            fresh,
        })
    }
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

/// The tables that count. The inner error says why a key cannot be mended.
pub(super) fn mendable(
    db: &Connection,
    column: &str,
) -> rusqlite::Result<Result<Vec<Table>, String>> {
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
    let tables = tables(db)?;
    let fits = |table: &Table| !table.is_virtual && table.has(column);
    Ok(match tables.iter().find(|table| !fits(table)) {
        Some(Table { name, .. }) => Err(format!(
            "table {name} has no rows that belong to one {column}, so that one key cannot be mended alone: \
             rebuild it"
        )),
        None => Ok(tables),
    })
}

pub(super) fn rows_of(
    db: &Connection,
    tables: &[Table],
    column: &str,
    key: &str,
) -> rusqlite::Result<Vec<Rows>> {
    let mut all = Vec::new();
    for table in tables {
        let columns = &table.written;
        let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        let mut select = db.prepare(&format!(
            "SELECT {} FROM {} WHERE {} LIMIT {MOST_ROWS} + 1",
            names.join(", "),
            quoted(&table.name),
            of_key(column)
        ))?;
        let values = select.query_map([key], |row| {
            (0..columns.len()).map(|index| row.get(index)).collect()
        })?;
        all.push(Rows {
            table: table.name.clone(),
            columns: columns.clone(),
            values: values.collect::<rusqlite::Result<_>>()?,
        });
    }
    Ok(all)
}

/// Has tables hold these rows and no others: a schema may begin with some.
fn replace_all(db: &mut Connection, rows: &[Rows]) -> rusqlite::Result<()> {
    let transaction = db.transaction()?;
    for rows in rows {
        transaction.execute(&format!("DELETE FROM {}", quoted(&rows.table)), [])?;
    }
    insert(&transaction, rows)?;
    transaction.commit()
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
