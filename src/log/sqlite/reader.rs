//! Reading: a small pool of read-only connections, and rows turned into events along the hash chain.
//! Every read is one short transaction, so that the WAL can shrink.

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::{Mutex, PoisonError};

use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use uuid::Uuid;

use super::Clock;
use super::chain::{self, Chain, Content, Hash};
use super::schema::Place;
use crate::event::{
    Event, EventRef, EventType, JsonObject, NameError, Position, StreamId, Timestamp, Version,
};
use crate::log::{CommitId, Committed, LogError};

/// More would only help more threads than read at once.
const KEPT: usize = 16;

/// A page ends with the event that makes it this large, however many were asked for: 8 MiB.
pub(super) const PAGE_BYTES: usize = 8 << 20;

/// Events a page, where they are only checked.
const PAGE_ROWS: usize = 1_000;

/// Selects the columns of an event in the order that [`Stored::of`] takes them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT position, stream, version, type, id, source, recorded_at, time, data, metadata, hash ",
            "FROM events WHERE ",
            $rest
        )
    };
}

pub(super) use select;

const ALL: &str = select!("position > ? ORDER BY position LIMIT ?");
const ONE: &str = select!("position = ?");

/// Whether hashes are checked on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hashes {
    Checked,
    /// The same, but an event of a system stream is given out as it is stored: nothing is folded from it, and
    /// whoever reads that stream is told.
    CheckedButSystem,
    #[allow(dead_code, reason = "the other position of the switch below")]
    Ignored,
}

/// What reading pages does: checking takes 250 ns an event of 300 bytes, 30 % of reading it (1.2 million
/// events a second instead of 1.7). `verify` checks in any case.
const WHILE_READING: Hashes = Hashes::CheckedButSystem;

/// What is wrong with an event whose hash is another one.
const CHANGED: &str = "it was changed: its hash does not fit";

/// The same, where the one before it is wrong itself.
const EITHER: &str = "it, or the hash of the one before it, was changed: its hash does not fit";

/// The events of a log, read.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) place: Place,
    genesis: Hash,
    idle: Mutex<Vec<Connection>>,
}

/// A row of `events`, borrowed from SQLite.
pub(super) struct Stored<'a> {
    pub(super) content: Content<'a>,
    hash: &'a [u8],
}

impl<'a> Stored<'a> {
    /// Errors: a value of another type than was written.
    pub(super) fn of(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        let text = |at| -> rusqlite::Result<&'a str> { Ok(row.get_ref(at)?.as_str()?) };
        Ok(Self {
            content: Content {
                position: row.get(0)?,
                stream: text(1)?,
                version: row.get(2)?,
                event_type: text(3)?,
                id: text(4)?,
                source: row.get_ref(5)?.as_str_or_null()?,
                recorded_at: row.get(6)?,
                time: row.get(7)?,
                data: text(8)?,
                metadata: text(9)?,
            },
            hash: row.get_ref(10)?.as_blob()?,
        })
    }

    /// Errors: what cannot have been written by us.
    pub(super) fn event(&self, names: &mut Names) -> Result<Event, String> {
        let content = &self.content;
        let count = |n: i64| u64::try_from(n).map_err(|e| e.to_string());
        Ok(Event {
            position: Position::new(count(content.position)?),
            stream: names.stream(content.stream).map_err(|e| e.to_string())?,
            version: Version::new(count(content.version)?),
            event_type: names
                .event_type(content.event_type)
                .cloned()
                .map_err(|e| e.to_string())?,
            id: content.id.to_owned(),
            source: content.source.map(str::to_owned),
            data: JsonObject::stored(content.data.to_owned()),
            metadata: JsonObject::stored(content.metadata.to_owned()),
            recorded_at: moment(content.recorded_at)?,
            happened_at: content.time.map(moment).transpose()?,
        })
    }
}

/// The names of a page, which many events share: the last stream, and a few types.
#[derive(Default)]
pub(super) struct Names {
    stream: Option<StreamId>,
    types: Vec<EventType>,
}

impl Names {
    /// More would take longer to look through than to make anew.
    const TYPES: usize = 16;

    fn stream(&mut self, name: &str) -> Result<StreamId, NameError> {
        match &self.stream {
            Some(last) if last.as_str() == name => Ok(last.clone()),
            _ => Ok(self.stream.insert(StreamId::new(name)?).clone()),
        }
    }

    pub(super) fn event_type(&mut self, name: &str) -> Result<&EventType, NameError> {
        let known = self.types.iter().position(|known| known.as_str() == name);
        let at = match known {
            Some(at) => at,
            None => {
                let new = EventType::new(name)?;
                self.types.truncate(Self::TYPES - 1);
                self.types.push(new);
                self.types.len() - 1
            }
        };
        Ok(&self.types[at])
    }
}

fn moment(microseconds: i64) -> Result<Timestamp, String> {
    Timestamp::from_microsecond(microseconds).map_err(|e| e.to_string())
}

/// As SQLite counts. Saturates: nothing is stored beyond its largest integer.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Reader {
    pub fn new(place: Place, incarnation: Uuid) -> Self {
        Self {
            place,
            genesis: chain::genesis(incarnation),
            idle: Mutex::default(),
        }
    }

    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let pooled = idle().pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => self.place.reader()?,
        };
        // A connection that failed is not used again.
        let answer = read(&connection)?;
        let mut idle = idle();
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Ok(answer)
    }

    pub fn head(&self) -> Result<Position, LogError> {
        self.with(|connection| head(connection).map_err(|e| self.place.error(&e)))
    }

    pub fn committed(&self, id: &CommitId) -> Result<Option<Committed>, LogError> {
        self.with(|connection| find(connection, id).map_err(|e| self.place.error(&e)))
    }

    /// Reads a page of the whole log, and checks that it hangs together with the event before it.
    pub fn all(&self, after: Position, limit: usize) -> Result<Vec<Event>, LogError> {
        self.with(|connection| {
            let mut events = Vec::with_capacity(limit.min(1024));
            let mut names = Names::default();
            let mut bytes = 0;
            let read = self.walk(connection, after, limit, WHILE_READING, |stored| {
                let event = stored.event(&mut names)?;
                bytes += size((&event).into());
                events.push(event);
                Ok(if bytes < PAGE_BYTES {
                    Continue(())
                } else {
                    Break(())
                })
            });
            self.unless_begun(read.map(drop), !events.is_empty())?;
            Ok(events)
        })
    }

    /// Checks the last so many events. What is wrong with single ones is logged, and met again by whoever reads
    /// them. Answers why nothing may be appended: new events would begin behind a hole, or take their time from
    /// one that was changed.
    ///
    /// Errors: the file cannot be read.
    pub fn look_at_the_end(
        &self,
        last: Position,
        many: u64,
        clock: &Clock,
    ) -> Result<Option<LogError>, LogError> {
        self.with(|connection| {
            let mut at = Position::new(last.get().saturating_sub(many));
            let mut flawed = false;
            let mut names = Names::default();
            loop {
                let walked = self.walk(connection, at, PAGE_ROWS, Hashes::Checked, |stored| {
                    stored.event(&mut names).map(|_| Continue(()))
                });
                match walked {
                    Ok(to) if to > at => at = to,
                    // Others append meanwhile: it may be further by now.
                    Ok(_) if at >= last => break,
                    Err(Broken::Flaw { position, what }) if at < last => {
                        if !flawed {
                            let position = position.get();
                            tracing::error!(position, what, "an event is not as it was written");
                        }
                        flawed = true;
                        at = position.max(at.next());
                    }
                    // The index of positions and the events in it do not agree: the file is broken.
                    Ok(_) => return Err(self.place.damaged(format!("it ends at event {at}"))),
                    Err(broken) => return Err(self.error(broken)),
                }
            }
            if !flawed {
                return Ok(None);
            }
            self.unsound(connection, last, clock())
                .map_err(|broken| self.error(broken))
        })
    }

    fn unsound(
        &self,
        connection: &Connection,
        last: Position,
        now: Timestamp,
    ) -> Result<Option<LogError>, Broken> {
        let refuse = |what: &str| {
            let what = format!("{what}: nothing is appended behind it");
            Some(self.place.flawed(last, &what))
        };
        let before = integer(last.get()) - 1;
        if before < 0 || self.stored_hash(connection, before)?.is_none() {
            return Ok(refuse("it is the last, and the one before it is missing"));
        }
        let mut statement = connection.prepare_cached(ONE)?;
        let mut rows = statement.query([before + 1])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let Ok(stored) = Stored::of(row) else {
            return Ok(refuse("it is the last, and cannot be read"));
        };
        if stored.hash.len() != size_of::<Hash>() {
            return Ok(refuse("it is the last, and its hash is none"));
        }
        let changed = match self.check(connection, &stored) {
            Ok(()) => false,
            Err(Broken::Flaw { .. }) => true,
            Err(failed) => return Err(failed),
        };
        if changed && stored.content.recorded_at > now.as_microsecond() {
            return Ok(refuse(
                "it is the last, was changed, and has a time that has not come",
            ));
        }
        Ok(None)
    }

    /// A page that comes to an event that is not as it was written ends before it; the next page says so.
    pub(super) fn unless_begun(
        &self,
        read: Result<(), Broken>,
        is_begun: bool,
    ) -> Result<(), LogError> {
        match read {
            Err(Broken::Flaw { .. }) if is_begun => Ok(()),
            read => read.map_err(|broken| self.error(broken)),
        }
    }

    pub(super) fn error(&self, broken: Broken) -> LogError {
        match broken {
            Broken::Flaw { position, what } => self.place.flawed(position, &what),
            Broken::Unreadable { position, what } => {
                self.place.damaged(format!("event {position}: {what}"))
            }
            Broken::Failed(error) => self.place.error(&error),
        }
    }

    /// Gives each event after a position to `take`, having checked position and hash; answers
    /// the last.
    pub(super) fn walk(
        &self,
        connection: &Connection,
        after: Position,
        limit: usize,
        hashes: Hashes,
        mut take: impl FnMut(&Stored<'_>) -> Result<ControlFlow<()>, String>,
    ) -> Result<Position, Broken> {
        let mut before = integer(after.get());
        let flaw = |before: i64, what: String| Broken::Flaw {
            position: Position::new(before.unsigned_abs()).next(),
            what,
        };
        let mut chain = None;
        let mut statement = connection.prepare_cached(ALL)?;
        let mut rows = statement.query(params![before, integer(limit as u64)])?;
        while let Some(row) = rows.next().map_err(|e| match e.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => Broken::Unreadable {
                position: Position::new(before.unsigned_abs()).next(),
                what: format!("it cannot be read ({e})"),
            },
            _ => Broken::Failed(e),
        })? {
            let stored =
                Stored::of(row).map_err(|e| flaw(before, format!("it cannot be read ({e})")))?;
            if stored.content.position != before + 1 {
                return Err(flaw(before, "it is missing".into()));
            }
            if hashes != Hashes::Ignored {
                let known = match &mut chain {
                    Some(known) => known,
                    none => none.insert(Chain::at(self.hash_at(connection, before)?)),
                };
                if known.next(&stored.content) != stored.hash {
                    let system = stored.content.stream.starts_with('$');
                    let given_out = system && hashes == Hashes::CheckedButSystem;
                    if !given_out {
                        self.check(connection, &stored)?;
                    }
                    // What follows hangs on the hash as it is stored.
                    chain = Some(Chain::at(as_hash(stored.hash)));
                }
            }
            let go_on = take(&stored).map_err(|what| flaw(before, what))?;
            before = stored.content.position;
            if go_on.is_break() {
                break;
            }
        }
        Ok(Position::new(before.unsigned_abs()))
    }

    /// Errors: the event is not as it was written. Where of the one before it only the hash was changed, its own
    /// hash shows what that was.
    pub(super) fn check(&self, connection: &Connection, stored: &Stored<'_>) -> Result<(), Broken> {
        let position = Position::new(stored.content.position.unsigned_abs());
        let flaw = |what: &str| Broken::Flaw {
            position,
            what: what.into(),
        };
        let hangs_on = |hash: Hash| Chain::at(hash).next(&stored.content) == stored.hash;
        let before = stored.content.position - 1;
        let Some(hash) = self.stored_hash(connection, before)? else {
            return Err(flaw(
                "the one before it is missing, so that its hash fits nothing",
            ));
        };
        if hangs_on(hash) {
            return Ok(());
        }
        let first = self.stored_hash(connection, before - 1)?;
        let mut statement = connection.prepare_cached(ONE)?;
        let mut rows = statement.query([before])?;
        let (Some(first), Some(row)) = (first, rows.next()?) else {
            return Err(flaw(CHANGED));
        };
        let Ok(one) = Stored::of(row) else {
            return Err(flaw(EITHER));
        };
        let hash = *Chain::at(first).next(&one.content);
        if hangs_on(hash) {
            return Ok(());
        }
        // What hangs on a hash that is wrong itself may be as it was written: nothing says so any more.
        Err(flaw(if hash == one.hash { CHANGED } else { EITHER }))
    }

    fn hash_at(&self, connection: &Connection, position: i64) -> Result<Hash, Broken> {
        self.stored_hash(connection, position)?
            .ok_or_else(|| Broken::Flaw {
                position: Position::new(position.unsigned_abs()),
                what: "it is missing".into(),
            })
    }

    /// `None` where there is no such event.
    fn stored_hash(&self, connection: &Connection, position: i64) -> Result<Option<Hash>, Broken> {
        if position == 0 {
            return Ok(Some(self.genesis));
        }
        let stored: Option<Vec<u8>> = connection
            .prepare_cached("SELECT hash FROM events WHERE position = ?")?
            .query_row([position], |row| row.get(0))
            .optional()?;
        Ok(stored.map(|hash| as_hash(&hash)))
    }
}

/// One of another length was not written by us, and fits nothing.
fn as_hash(stored: &[u8]) -> Hash {
    stored.try_into().unwrap_or_default()
}

/// About how much memory an event takes.
pub(super) fn size(event: EventRef<'_>) -> usize {
    event.data.len() + event.metadata.len() + 256
}

/// Why a walk along the log ended early.
pub(super) enum Broken {
    /// An event is not as it was written.
    Flaw { position: Position, what: String },
    /// SQLite cannot read what should be an event: the file itself is broken there.
    Unreadable { position: Position, what: String },
    /// SQLite said no.
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

/// The last position.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Position> {
    let last: i64 = connection
        .prepare_cached("SELECT ifnull(max(position), 0) FROM events")?
        .query_row([], |row| row.get(0))?;
    Ok(Position::new(last.unsigned_abs()))
}

/// The last version of a stream; 0 where there is none.
pub(super) fn version(connection: &Connection, stream: &StreamId) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT ifnull(max(version), 0) FROM events WHERE stream = ?")?
        .query_row([stream.as_str()], |row| row.get(0))
}

/// What a commit came to, if it is stored.
pub(super) fn find(connection: &Connection, id: &CommitId) -> rusqlite::Result<Option<Committed>> {
    let first_last = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let found: Option<(i64, i64)> = match (id, chain::digest(id)) {
        (CommitId::Unique(id), _) => connection
            .prepare_cached("SELECT first, last FROM commits WHERE id = ?")?
            .query_row([id.as_bytes()], first_last),
        (_, digest) => connection
            .prepare_cached("SELECT first, last FROM keys WHERE digest = ?")?
            .query_row([digest], first_last),
    }
    .optional()?;
    let Some((first, last)) = found else {
        return Ok(None);
    };
    connection
        .prepare_cached("SELECT stream, version, recorded_at FROM events WHERE position = ?")?
        .query_row([last], |row| {
            let stream = row.get_ref(0)?.as_str()?;
            Ok(Committed {
                stream: StreamId::new(stream).map_err(|e| unreadable(0, e))?,
                first: Position::new(first.unsigned_abs()),
                last: Position::new(last.unsigned_abs()),
                version: Version::new(row.get::<_, i64>(1)?.unsigned_abs()),
                recorded_at: Timestamp::from_microsecond(row.get(2)?)
                    .map_err(|e| unreadable(2, e))?,
                repeated: true,
            })
        })
        .map(Some)
}

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
