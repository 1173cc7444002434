//! What a read model has of one key, and what it will have once it has everything of the key's stream: which
//! fields are stale now, and which event mends each of them.
//!
//! The stored rows are put into a scratch file, and the events that the read model lacks are folded on from
//! there. That tells the truth where the rows of a key depend on that one stream alone, which the projection
//! says by declaring a key. Where it can be seen to be otherwise, nothing is foretold, and why is said.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::afresh::{Afresh, FoldError};
use super::contents::{self, Cell};
use super::definition::Key;
use super::keyed::of_key;
use super::model::{Checkpoint, io, open_to_read, read_checkpoint};
use super::parked::{Ahead, OfStream, OutOfTurn};
use super::past::version_at;
use super::projection::Projection;
use super::repair::{self, RepairError};
use super::runner::is_foreign;
use super::scratch::Scratch;
use super::work::Work;
use crate::event::{Event, Position, StreamId};
use crate::log::{EventLog, LogError, SharedLog};

/// How many events of the stream are read at once.
const PAGE: usize = 500;

/// The most events of a stream that are folded on: a second of work.
pub const LACKS_LIMIT: u64 = 10_000;

/// The most rows of one key that are read, of each table.
const MOST_ROWS: usize = 100;

/// What a read model has of one key, and what it will have.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Coming {
    /// Up to where it has the log.
    pub position: Position,
    /// The tables that have the key's column, by name.
    pub tables: Vec<ComingTable>,
    /// How many events of the stream that concern it are not in it: those that wait, counted up to [`LACKS_LIMIT`] and
    /// one, and those that are parked.
    pub lacks: u64,
    /// The first of them that comes by itself. None does while events of the stream are parked: what follows is parked
    /// too when its turn comes.
    pub next: Option<Position>,
    /// What of the stream it has passed without it.
    pub passed_by: OfStream,
    /// Why nobody can say what the rows will be; then they are told as they are. `None` where it is known.
    pub unknown: Option<String>,
}

/// The rows of one key in one table.
#[derive(Debug, Clone, PartialEq)]
pub struct ComingTable {
    /// The table.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// The rows that are there, or will be; by primary key. Where there is none, rows are matched by their order.
    pub rows: Vec<ComingRow>,
}

/// A row, now and once nothing of the stream is lacking.
#[derive(Debug, Clone, PartialEq)]
pub struct ComingRow {
    /// What it is; `None` where it is not there yet.
    pub now: Option<Vec<Cell>>,
    /// What it will be; `None` where it will be gone.
    pub then: Option<Vec<Cell>>,
    /// One a column: the event that mends it, where it is stale.
    pub mends: Vec<Option<Mends>>,
}

impl ComingRow {
    /// Whether any of it is stale.
    pub fn is_stale(&self) -> bool {
        self.mends.iter().any(Option::is_some)
    }
}

/// The first event after which a field has its final value, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mends {
    /// Its position.
    pub position: Position,
    /// Its id.
    pub id: String,
}

/// Reads the rows of a key from the file of a version, and foretells them; `scratch` is asked for a folder where
/// something is lacking.
///
/// Errors: the files, the log.
pub async fn coming(
    path: &Path,
    projection: &Arc<dyn Projection>,
    key: &str,
    log: &SharedLog,
    scratch: impl FnOnce() -> Result<Scratch, RepairError>,
) -> Result<Coming, RepairError> {
    let name = projection.name();
    let Some(Key { column, category }) = projection.key() else {
        return Ok(Coming {
            unknown: Some(format!(
                "the version of {name} that answers declares no key"
            )),
            ..Coming::default()
        });
    };
    let stream = StreamId::new(&format!("{category}-{key}"))
        .map_err(|e| RepairError::Refused(e.to_string()))?;
    let stored = Held::read(path, column, key, &stream)?;
    let mut coming = Coming {
        position: stored.checkpoint.position,
        ..Coming::default()
    };
    let ahead = &stored.passed_by.ahead;
    let missing = Missing::read(&**log, &stream, projection, coming.position, ahead).await?;
    coming.passed_by = stored.passed_by.clone();
    let parked = coming.passed_by.parked.count;
    coming.lacks = missing.count + parked.events;
    coming.next = missing.next;
    coming.unknown = match &stored.unsound {
        _ if is_foreign(&**log, &stored.checkpoint).await? => Some(format!(
            "its checkpoint is not of this log: `highwater rebuild {name}`"
        )),
        Some(why) => Some(why.clone()),
        None if stored.aside.holds(&stream) => Some(format!(
            "events of {stream} are parked, and what follows waits for them: `highwater parked {name}`"
        )),
        None if missing.count > LACKS_LIMIT => Some(format!(
            "it lacks more than {LACKS_LIMIT} events of {stream}"
        )),
        None => None,
    };
    if coming.unknown.is_some() || missing.events.is_empty() {
        coming.tables = stored.rows.clone().joined(&stored.rows, &Since::new());
        return Ok(coming);
    }
    let scratch = scratch()?;
    let file = scratch.file(&format!("coming-{name}.db"));
    match fold_on(&file, projection, key, &stored, &missing.events, log).await? {
        Ok((then, since)) => coming.tables = stored.rows.joined(&then, &since),
        Err(why) => {
            coming.unknown = Some(why.to_string());
            coming.tables = stored.rows.clone().joined(&stored.rows, &Since::new());
        }
    }
    Ok(coming)
}

/// What a file has of a key, in one read transaction.
struct Held {
    checkpoint: Checkpoint,
    rows: Rows,
    /// The same, to be stored elsewhere.
    values: Vec<repair::Rows>,
    /// Why it cannot be folded on.
    unsound: Option<String>,
    aside: OutOfTurn,
    passed_by: OfStream,
}

impl Held {
    fn read(path: &Path, column: &str, key: &str, stream: &StreamId) -> Result<Self, RepairError> {
        let fail = io(path);
        let db = open_to_read(path)?;
        db.execute_batch("BEGIN").map_err(&fail)?;
        let checkpoint = read_checkpoint(&db).map_err(&fail)?;
        let rows = Rows::read(&db, column, key).map_err(&fail)?;
        let sound = repair::mendable(&db, column).map_err(&fail)?;
        let many = (rows.is_cut).then(|| format!("key {key} has more than {MOST_ROWS} rows"));
        let (values, unsound) = match (sound, many) {
            (Err(why), _) | (_, Some(why)) => (Vec::new(), Some(why)),
            (Ok(tables), None) => {
                let values = repair::rows_of(&db, &tables, column, key).map_err(&fail)?;
                (values, None)
            }
        };
        let aside = OutOfTurn::read(&db).map_err(&fail)?;
        let passed_by = OfStream::read(&db, stream, checkpoint.position).map_err(&fail)?;
        Ok(Self {
            checkpoint,
            rows,
            values,
            unsound,
            aside,
            passed_by,
        })
    }
}

/// The events of a stream that a read model lacks.
struct Missing {
    events: Vec<Event>,
    count: u64,
    next: Option<Position>,
}

impl Missing {
    async fn read(
        log: &dyn EventLog,
        stream: &StreamId,
        projection: &Arc<dyn Projection>,
        after: Position,
        ahead: &Ahead,
    ) -> Result<Self, LogError> {
        let mut at = version_at(log, stream, after).await?;
        let (mut missing, mut bytes) = (Vec::new(), 0);
        let (mut count, mut next) = (0, None);
        while count <= LACKS_LIMIT {
            let page = log.read_stream(stream, at, PAGE).await?;
            let Some(last) = page.events.last() else {
                break;
            };
            at = last.version;
            for event in page.events {
                let lacks =
                    projection.subscription().takes_event(&event) && !ahead.skips(event.position);
                if lacks && count <= LACKS_LIMIT {
                    count += 1;
                    if ahead.comes(event.position) {
                        next.get_or_insert(event.position);
                    }
                    bytes += event.data.as_str().len() + event.metadata.as_str().len();
                    missing.push(event);
                }
            }
            // As many as there may be, and still too much: nobody folds them.
            if bytes > 64 << 20 {
                count = LACKS_LIMIT + 1;
            }
        }
        Ok(Self {
            next,
            events: missing,
            count,
        })
    }
}

/// Which event changed a field last: by table, row and column.
type Since = BTreeMap<(usize, Vec<String>, usize), Mends>;

/// Folds events on from what is stored. The inner error says why they cannot be.
async fn fold_on(
    file: &Path,
    projection: &Arc<dyn Projection>,
    key: &str,
    stored: &Held,
    missing: &[Event],
    log: &SharedLog,
) -> Result<Result<(Rows, Since), FoldError>, RepairError> {
    let Some(Key { column, .. }) = projection.key() else {
        return Ok(Ok((stored.rows.clone(), Since::new())));
    };
    let mut fold = match Afresh::begin(file, projection, log, &Work::new()) {
        Ok(fold) => fold.like(stored.aside.clone().in_turn()),
        Err(error) => return Ok(Err(error)),
    };
    repair::insert(fold.model_mut().database(), &stored.values).map_err(io(file))?;
    let (mut rows, mut since) = (stored.rows.clone(), Since::new());
    let goal = missing.last().map_or(Position::START, |last| last.position);
    for event in missing {
        match fold.take_one(event, goal).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => return Ok(Err(error)),
        }
        let next = Rows::read(fold.model_mut().database(), column, key).map_err(io(file))?;
        rows.changed(&next, |field| {
            let (position, id) = (event.position, event.id.clone());
            since.insert(field, Mends { position, id });
        });
        rows = next;
    }
    Ok(Ok((rows, since)))
}

/// Rows by what names them: the values of the primary key.
type Named = BTreeMap<Vec<String>, Vec<Cell>>;

/// The rows of a key, of each table.
#[derive(Debug, Clone)]
struct Rows {
    tables: Vec<(contents::Table, Named)>,
    is_cut: bool,
}

impl Rows {
    fn read(db: &Connection, column: &str, key: &str) -> rusqlite::Result<Self> {
        let (mut tables, mut is_cut) = (Vec::new(), false);
        for table in contents::tables(db)? {
            if !table.columns.iter().any(|c| c.eq_ignore_ascii_case(column)) {
                continue;
            }
            let select = format!(
                "{} WHERE {} LIMIT {MOST_ROWS} + 1",
                table.select(),
                of_key(column)
            );
            let mut select = db.prepare_cached(&select)?;
            let mut found = select.query([key])?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                let cell = |index| row.get_ref(index).map(Cell::from);
                let (named, all) = (table.key.len(), table.key.len() + table.columns.len());
                let name: Vec<String> = (0..named)
                    .map(|index| cell(index).map(|cell| cell.to_string()))
                    .collect::<rusqlite::Result<_>>()?;
                let cells: Vec<Cell> = (named..all).map(cell).collect::<rusqlite::Result<_>>()?;
                rows.push((name, cells));
            }
            is_cut |= rows.len() > MOST_ROWS;
            rows.truncate(MOST_ROWS);
            if table.key.is_empty() {
                rows.sort_by_cached_key(|(_, row)| {
                    row.iter().map(ToString::to_string).collect::<Vec<_>>()
                });
                for (nth, (name, _)) in rows.iter_mut().enumerate() {
                    name.push(format!("{nth:03}"));
                }
            }
            tables.push((table, rows.into_iter().collect()));
        }
        Ok(Self { tables, is_cut })
    }

    /// Tells of each field that is another in the next ones.
    fn changed(&self, next: &Self, mut tell: impl FnMut((usize, Vec<String>, usize))) {
        for (at, ((table, was), (_, is))) in self.tables.iter().zip(&next.tables).enumerate() {
            for name in was
                .keys()
                .chain(is.keys().filter(|name| !was.contains_key(*name)))
            {
                let (was, is) = (was.get(name), is.get(name));
                for column in (0..table.columns.len()).filter(|at| differs(was, is, *at)) {
                    tell((at, name.clone(), column));
                }
            }
        }
    }

    /// These rows beside what they will be.
    fn joined(self, then: &Self, since: &Since) -> Vec<ComingTable> {
        let mut stale: BTreeMap<(usize, Vec<String>), Vec<usize>> = BTreeMap::new();
        self.changed(then, |(table, name, column)| {
            stale.entry((table, name)).or_default().push(column);
        });
        let tables = self.tables.into_iter().zip(&then.tables).enumerate();
        tables
            .map(|(at, ((table, now), (_, then)))| {
                let names = now
                    .keys()
                    .chain(then.keys().filter(|name| !now.contains_key(*name)));
                let mut names: Vec<Vec<String>> = names.cloned().collect();
                names.sort();
                let row = |name: Vec<String>| {
                    let is_stale = stale.get(&(at, name.clone()));
                    let mends = |column: usize| {
                        is_stale.filter(|columns| columns.contains(&column))?;
                        since.get(&(at, name.clone(), column)).cloned()
                    };
                    ComingRow {
                        now: now.get(&name).cloned(),
                        then: then.get(&name).cloned(),
                        mends: (0..table.columns.len()).map(mends).collect(),
                    }
                };
                let rows = names.into_iter().map(row).collect();
                ComingTable {
                    name: table.name,
                    columns: table.columns,
                    rows,
                }
            })
            .collect()
    }
}

/// Whether a field differs; one of a row that is not there differs from all.
fn differs(a: Option<&Vec<Cell>>, b: Option<&Vec<Cell>>, column: usize) -> bool {
    match (
        a.and_then(|row| row.get(column)),
        b.and_then(|row| row.get(column)),
    ) {
        (Some(a), Some(b)) => !a.is_same(b),
        (None, None) => false,
        _ => true,
    }
}
