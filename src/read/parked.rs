//! The table in a read model's file that says which events were set aside, and what became of them. It is
//! written in the transactions that move the checkpoint, or that apply an event out of its turn; so a fold
//! can do the same again.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::model::{Checkpoint, ModelError, int, io, open_to_read, position};
use crate::event::{EventType, Position, StreamId, Timestamp};

mod out_of_turn;
mod passed_by;

pub(super) use out_of_turn::OutOfTurn;
pub use passed_by::{Ahead, OfStream, PassedBy, Without};

/// How many events one read model may have parked. Whoever has more has another problem than these events.
pub const PARKED_LIMIT: u64 = 10_000;

/// The longest error that is kept, in characters.
const LONGEST_ERROR: usize = 500;

/// What becomes of an event that cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The projection stops before it.
    #[default]
    Stop,
    /// It is parked, and what follows it in its stream; the rest goes on.
    Park,
}

/// How much a read model has parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ParkedCount {
    /// So many events.
    pub events: u64,
    /// Of so many streams.
    pub streams: u64,
}

impl ParkedCount {
    /// Whether the read model lacks an event that it has passed.
    pub const fn any(self) -> bool {
        self.events > 0
    }
}

/// `3 events of 2 streams are parked`.
impl fmt::Display for ParkedCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: u64, one: &str| {
            let plural = if n == 1 { "" } else { "s" };
            format!("{} {one}{plural}", crate::text::thousands(n))
        };
        let are = if self.events == 1 { "is" } else { "are" };
        let (events, streams) = (count(self.events, "event"), count(self.streams, "stream"));
        write!(f, "{events} of {streams} {are} parked")
    }
}

/// How much a read model has parked, and the first of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ParkedSum {
    /// How much.
    pub count: ParkedCount,
    /// The first of these events, and what the handler said.
    pub first: Option<(Position, String)>,
}

impl ParkedSum {
    /// Of a read model's file. Errors: it cannot be used.
    pub fn of(path: &Path) -> Result<Self, ModelError> {
        let (count, first) = parked_in(path, Position::START, 1)?;
        let first = first.into_iter().next();
        Ok(Self::new(count, first))
    }

    /// So many, of which this is the first.
    pub fn new(count: ParkedCount, first: Option<ParkedEvent>) -> Self {
        Self {
            count,
            first: first.map(|event| (event.position, event.error.unwrap_or_default())),
        }
    }
}

/// `3 events of 2 streams are parked, the first at position 12: no such account`.
impl fmt::Display for ParkedSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.count.fmt(f)?;
        let Some((position, error)) = &self.first else {
            return Ok(());
        };
        let at = crate::text::thousands(position.get());
        write!(f, ", the first at position {at}")?;
        // One that was not tried has none.
        if error.is_empty() {
            return Ok(());
        }
        write!(f, ": {error}")
    }
}

/// An event that is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEvent {
    /// Which.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its type.
    pub event_type: EventType,
    /// What the handler said, without control characters and bounded; `None`: it waits behind an earlier
    /// one of its stream, and was not tried.
    pub error: Option<String>,
    /// How often it was tried.
    pub tries: u32,
    /// Since when it is parked.
    pub since: Timestamp,
}

/// What a page sets aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Aside {
    pub(super) position: Position,
    pub(super) stream: StreamId,
    pub(super) event_type: EventType,
    pub(super) why: Why,
    pub(super) at: Timestamp,
}

/// Why an event is not applied in its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// It failed.
    Failed { error: String, tries: u32 },
    /// An earlier one of its stream is parked.
    Behind,
    /// Somebody decided so, for an earlier version of the read model.
    Skipped,
    /// It was parked before, and is met again in a replay.
    Again,
}

/// What became of an event that is in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Parked,
    Applied,
    Skipped,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) event: ParkedEvent,
    pub(super) state: State,
    /// The position of the request that touched it last.
    pub(super) request: Option<Position>,
}

/// Makes the table. `ended_at` is the checkpoint at which an event was applied or skipped, `ended_order`
/// which of them there it was.
pub(super) fn create(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS _highwater_parked (
             position INTEGER PRIMARY KEY,
             stream TEXT NOT NULL,
             type TEXT NOT NULL,
             error TEXT,
             tries INTEGER NOT NULL,
             since TEXT NOT NULL,
             state TEXT NOT NULL CHECK (state IN ('parked', 'applied', 'skipped')),
             ended_at INTEGER,
             ended_order INTEGER,
             request INTEGER
         ) STRICT;
         CREATE INDEX IF NOT EXISTS _highwater_parked_waiting
             ON _highwater_parked (stream, position) WHERE state = 'parked';
         CREATE INDEX IF NOT EXISTS _highwater_parked_ended
             ON _highwater_parked (ended_at, ended_order) WHERE ended_at IS NOT NULL;",
    )
}

/// Whether a file has the table: one of the first format, which nobody has opened to write since, has none.
fn is_there(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = '_highwater_parked'")?
        .exists([])
}

/// Sets events aside. One that is in the table already stays what it is: events are read again in a replay.
pub(super) fn set_aside(
    db: &Connection,
    asides: &[Aside],
    checkpoint: Position,
) -> rusqlite::Result<()> {
    if asides.is_empty() {
        return Ok(());
    }
    let mut insert = db.prepare_cached(
        "INSERT OR IGNORE INTO _highwater_parked
             (position, stream, type, error, tries, since, state, ended_at, ended_order)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for aside in asides {
        let (error, tries, state) = match &aside.why {
            Why::Failed { error, tries } => (Some(told(error)), *tries, "parked"),
            Why::Behind => (None, 0, "parked"),
            Why::Skipped => (None, 0, "skipped"),
            Why::Again => continue,
        };
        let ended = (state == "skipped").then(|| int(checkpoint));
        insert.execute(params![
            int(aside.position),
            aside.stream.as_str(),
            aside.event_type.as_str(),
            error,
            tries,
            aside.at.to_string(),
            state,
            ended,
            ended.map(|_| 0),
        ])?;
    }
    Ok(())
}

/// Those of what is set aside, in order, that a checkpoint has passed.
pub(super) fn passed<'a>(aside: &'a [Aside], checkpoint: &Checkpoint) -> &'a [Aside] {
    let passed = aside.partition_point(|aside| aside.position <= checkpoint.position);
    &aside[..passed]
}

/// An error as it is kept: it may quote what was in an event.
fn told(error: &str) -> String {
    let clean = crate::text::clean(error);
    if clean.chars().count() <= LONGEST_ERROR {
        return clean.into_owned();
    }
    let start: String = clean.chars().take(LONGEST_ERROR - 1).collect();
    format!("{start}…")
}

/// It was applied, or skipped, at this checkpoint.
pub(super) fn end(
    db: &Connection,
    event: Position,
    state: State,
    checkpoint: Position,
    request: Option<Position>,
) -> rusqlite::Result<()> {
    let state = match state {
        State::Applied => "applied",
        State::Skipped => "skipped",
        State::Parked => unreachable!("parked is no end"),
    };
    db.prepare_cached(
        "UPDATE _highwater_parked SET state = ?2, ended_at = ?3, request = ?4, ended_order =
             (SELECT coalesce(max(ended_order), 0) + 1 FROM _highwater_parked WHERE ended_at = ?3)
         WHERE position = ?1 AND state = 'parked'",
    )?
    .execute(params![
        int(event),
        state,
        int(checkpoint),
        request.map(int)
    ])
    .map(drop)
}

/// It was tried again in vain.
pub(super) fn failed_again(
    db: &Connection,
    event: Position,
    error: &str,
    request: Position,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE _highwater_parked SET error = ?2, tries = tries + 1, request = ?3 WHERE position = ?1",
    )?
    .execute(params![int(event), told(error), int(request)])
    .map(drop)
}

/// It was skipped, and is parked again.
pub(super) fn unskip(db: &Connection, event: Position, request: Position) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE _highwater_parked
         SET state = 'parked', ended_at = NULL, ended_order = NULL, request = ?2
         WHERE position = ?1 AND state = 'skipped'",
    )?
    .execute(params![int(event), int(request)])
    .map(drop)
}

/// What the table says of an event.
pub(super) fn record(db: &Connection, event: Position) -> rusqlite::Result<Option<Record>> {
    db.prepare_cached(&select("WHERE position = ?1"))?
        .query_row([int(event)], read_record)
        .optional()
}

/// The first of a stream's parked events.
pub(super) fn first_of(db: &Connection, stream: &StreamId) -> rusqlite::Result<Option<Record>> {
    let sql = select("WHERE state = 'parked' AND stream = ?1 ORDER BY position LIMIT 1");
    db.prepare_cached(&sql)?
        .query_row([stream.as_str()], read_record)
        .optional()
}

/// The parked events after a position, in order, at most so many.
pub(super) fn list(
    db: &Connection,
    after: Position,
    most: usize,
) -> rusqlite::Result<Vec<ParkedEvent>> {
    if !is_there(db)? {
        return Ok(Vec::new());
    }
    let sql = select("WHERE state = 'parked' AND position > ?1 ORDER BY position LIMIT ?2");
    let mut statement = db.prepare_cached(&sql)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let found =
        statement.query_map(params![int(after), most], |row| Ok(read_record(row)?.event))?;
    found.collect()
}

/// How many events are parked.
pub(super) fn count(db: &Connection) -> rusqlite::Result<ParkedCount> {
    if !is_there(db)? {
        return Ok(ParkedCount::default());
    }
    let sql =
        "SELECT count(*), count(DISTINCT stream) FROM _highwater_parked WHERE state = 'parked'";
    db.prepare_cached(sql)?.query_row([], |row| {
        Ok(ParkedCount {
            events: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
            streams: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
        })
    })
}

/// The streams that have parked events, in the order of the first of them.
pub(super) fn streams(db: &Connection) -> rusqlite::Result<Vec<StreamId>> {
    let mut statement = db.prepare_cached(
        "SELECT stream FROM _highwater_parked WHERE state = 'parked' GROUP BY stream ORDER BY min(position)",
    )?;
    let found = statement.query_map([], |row| stream_id(row, 0))?;
    found.collect()
}

/// The last checkpoint at which an event was applied out of its turn, with that event.
pub(super) fn last_out_of_turn(db: &Connection) -> rusqlite::Result<Option<(Position, Position)>> {
    db.query_row(
        "SELECT ended_at, position FROM _highwater_parked WHERE state = 'applied'
         ORDER BY ended_at DESC, ended_order DESC LIMIT 1",
        [],
        |row| Ok((position(row.get(0)?), position(row.get(1)?))),
    )
    .optional()
}

/// How many events a request has had applied so far.
pub(super) fn applied_by(db: &Connection, request: Position) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM _highwater_parked WHERE state = 'applied' AND request = ?1";
    db.query_row(sql, [int(request)], |row| row.get::<_, i64>(0))
        .map(|n| u64::try_from(n).unwrap_or(0))
}

fn select(rest: &str) -> String {
    format!(
        "SELECT position, stream, type, error, tries, since, state, request FROM _highwater_parked {rest}"
    )
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let state: String = row.get(6)?;
    let event_type: String = row.get(2)?;
    let since: String = row.get(5)?;
    Ok(Record {
        event: ParkedEvent {
            position: position(row.get(0)?),
            stream: stream_id(row, 1)?,
            event_type: EventType::new(&event_type).map_err(|e| damaged(2, e))?,
            error: row.get(3)?,
            tries: u32::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
            since: since.parse().map_err(|e| damaged(5, e))?,
        },
        state: match state.as_str() {
            "applied" => State::Applied,
            "skipped" => State::Skipped,
            _ => State::Parked,
        },
        request: row.get::<_, Option<i64>>(7)?.map(position),
    })
}

fn stream_id(row: &Row<'_>, column: usize) -> rusqlite::Result<StreamId> {
    StreamId::new(&row.get::<_, String>(column)?).map_err(|e| damaged(column, e))
}

fn damaged(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let text = rusqlite::types::Type::Text;
    rusqlite::Error::FromSqlConversionFailure(column, text, Box::new(error))
}

/// What is parked in a read model, from its file; at most so many, after a position. Whoever asks need not
/// be its owner.
///
/// Errors: the file cannot be used.
pub fn parked_in(
    path: &Path,
    after: Position,
    most: usize,
) -> Result<(ParkedCount, Vec<ParkedEvent>), ModelError> {
    let db = open_to_read(path)?;
    // One read transaction: the number and the list are of the same moment.
    let read = db.unchecked_transaction().map_err(io(path))?;
    let found = count(&read).and_then(|all| Ok((all, list(&read, after, most)?)));
    found.map_err(io(path))
}

/// What whoever folds has to know for each event that it reads, as its file has it. Bounded by
/// [`PARKED_LIMIT`], and by how often somebody skipped an event.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    streams: HashMap<StreamId, u64>,
    events: u64,
    skipped: BTreeSet<Position>,
    /// What was parked when the file was opened, or a replay was begun.
    parked: BTreeSet<Position>,
}

impl Waiting {
    /// As a file has it.
    pub(super) fn read(db: &Connection) -> rusqlite::Result<Self> {
        let mut waiting = Self::default();
        let mut parked = db.prepare(
            "SELECT stream, count(*) FROM _highwater_parked WHERE state = 'parked' GROUP BY stream",
        )?;
        let mut rows = parked.query([])?;
        while let Some(row) = rows.next()? {
            let events = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            waiting.events += events;
            waiting.streams.insert(stream_id(row, 0)?, events);
        }
        let in_state = |state: &str| {
            let mut found =
                db.prepare("SELECT position FROM _highwater_parked WHERE state = ?1")?;
            let found = found.query_map([state], |row| Ok(position(row.get(0)?)))?;
            found.collect::<rusqlite::Result<BTreeSet<Position>>>()
        };
        waiting.skipped = in_state("skipped")?;
        waiting.parked = in_state("parked")?;
        Ok(waiting)
    }

    pub(super) fn count(&self) -> ParkedCount {
        ParkedCount {
            events: self.events,
            streams: self.streams.len() as u64,
        }
    }

    /// How many more may be parked.
    pub(super) fn room(&self) -> u64 {
        PARKED_LIMIT.saturating_sub(self.events)
    }

    pub(super) fn holds(&self, stream: &StreamId) -> bool {
        self.streams.contains_key(stream)
    }

    /// How many of a stream are parked.
    pub(super) fn of(&self, stream: &StreamId) -> u64 {
        self.streams.get(stream).copied().unwrap_or(0)
    }

    /// What another one skips is skipped here too.
    pub(super) fn keep_skipped(&mut self, other: &Self) {
        self.skipped.extend(&other.skipped);
    }

    /// Whether an event was parked when the replay under way was begun.
    pub(super) fn was_parked(&self, event: Position) -> bool {
        self.parked.contains(&event)
    }

    pub(super) fn skips(&self, event: Position) -> bool {
        self.skipped.contains(&event)
    }

    pub(super) fn skip(&mut self, event: Position) {
        self.skipped.insert(event);
    }

    pub(super) fn unskip(&mut self, event: Position) {
        self.skipped.remove(&event);
    }

    /// One more of this stream is parked.
    pub(super) fn add(&mut self, stream: &StreamId) {
        self.events += 1;
        *self.streams.entry(stream.clone()).or_default() += 1;
    }

    /// One of this stream is parked no more.
    pub(super) fn remove(&mut self, stream: &StreamId) {
        self.events = self.events.saturating_sub(1);
        if let Some(events) = self.streams.get_mut(stream) {
            *events -= 1;
            if *events == 0 {
                self.streams.remove(stream);
            }
        }
    }
}
