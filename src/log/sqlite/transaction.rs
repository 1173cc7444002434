//! One transaction: takes the write lock, checks each commit on its own, stores the good ones with
//! one sync. A commit is checked before anything of it is written, so that one that is refused leaves
//! no trace and does not fail its neighbours.

use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

use rusqlite::ffi::SQLITE_IOERR_WRITE;
use rusqlite::{CachedStatement, Connection, ErrorCode, OptionalExtension, params};
use uuid::Uuid;

use super::chain::{self, Chain, Content, Hash};
use super::known::Known;
use super::reader::{find, integer, version};
use super::schema::Place;
use super::sweep::Sweeper;
use super::whereabouts::Whereabouts;
use super::writer::Answer;
use super::{Limits, LogOptions};
use crate::event::{NewEvent, Position, StreamId, Version};
use crate::log::{
    AppendError, Commit, CommitId, Committed, Durability, Expected, LogError, StreamHead,
};

const EVENT: &str = "INSERT INTO events
    (position, stream, version, type, id, source, recorded_at, time, hash, data, metadata)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const ID: &str = "INSERT INTO commits VALUES (?, ?, ?) ON CONFLICT DO NOTHING";

const KEY: &str = "INSERT INTO keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING";

/// Stores commits, a transaction at a time.
pub(super) struct Transactor {
    place: Place,
    whereabouts: Whereabouts,
    options: LogOptions,
    genesis: Hash,
    /// `None` after a failure, until it could be opened again.
    connection: Option<Connection>,
    /// Why nothing may be appended.
    unsound: Option<LogError>,
    known: Known,
    // After the connection, which can wake it.
    sweeper: Sweeper,
    turn: File,
    clamped: u64,
}

/// What a transaction came to.
pub(super) struct Stored {
    /// One a commit, in order.
    pub answers: Vec<Answer>,
    /// The last position, if anything was stored.
    pub head: Option<Position>,
}

/// Why a whole transaction failed.
pub(super) enum Failure {
    /// Nothing of it happened.
    NotStored(LogError),
    /// It was being synced.
    Unknown(LogError),
}

impl Failure {
    /// What a commit that was in it is told.
    pub fn of(&self, id: &CommitId) -> AppendError {
        match self {
            Self::NotStored(error) => AppendError::NotStored(error.clone()),
            Self::Unknown(error) => AppendError::Unknown {
                id: id.clone(),
                reason: error.to_string(),
            },
        }
    }

    /// What a commit that was to come after it is told.
    pub fn of_untried(&self) -> AppendError {
        let (Self::NotStored(error) | Self::Unknown(error)) = self;
        AppendError::NotStored(error.clone())
    }
}

/// Gives the commits of a transaction, one by one.
pub(super) trait Supply {
    /// `None` ends the transaction.
    fn next(&mut self) -> Option<&Commit>;
}

/// A transaction that runs: its statements, and the end of the log as it grows.
struct Transaction<'a> {
    place: &'a Place,
    connection: &'a Connection,
    event: CachedStatement<'a>,
    id: CachedStatement<'a>,
    key: CachedStatement<'a>,
    known: &'a mut Known,
    position: i64,
    recorded_at: i64,
    chain: Chain,
}

impl Transactor {
    pub fn new(
        place: Place,
        genesis: Hash,
        options: LogOptions,
        unsound: Option<LogError>,
    ) -> Result<Self, LogError> {
        let mut transactor = Self {
            turn: place.open_turn()?,
            sweeper: Sweeper::start(&place, options.durability)?,
            whereabouts: Whereabouts::of(&place),
            place,
            options,
            genesis,
            connection: None,
            unsound,
            known: Known::default(),
            clamped: 0,
        };
        transactor.connection = Some(transactor.open()?);
        Ok(transactor)
    }

    /// Waiting for the write lock is [`Self::begin`]'s work, not SQLite's.
    fn open(&self) -> Result<Connection, LogError> {
        let mut connection = self.place.writer(self.options.durability)?;
        connection
            .busy_timeout(Duration::ZERO)
            .and_then(|()| self.sweeper.attend(&mut connection))
            .map_err(|e| self.place.error(&e))?;
        Ok(connection)
    }

    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Stores of a supply what can be stored, waiting so long for another process's lock. After a failure everything is
    /// rolled back, and what was remembered forgotten, so that the next transaction starts from what is in the file.
    pub fn store(
        &mut self,
        supply: &mut impl Supply,
        patience: Duration,
    ) -> Result<Stored, Failure> {
        if let Some(unsound) = &self.unsound {
            return Err(Failure::NotStored(unsound.clone()));
        }
        // Before it is opened again, too: another log's events would hang on this one's first hash.
        self.whereabouts
            .check(&self.place, self.connection.is_none())
            .map_err(Failure::NotStored)?;
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.open().map_err(Failure::NotStored)?,
        };
        let outcome = self.transact(&connection, supply, patience);
        if outcome.is_ok() || rolled_back(&connection) {
            self.connection = Some(connection);
        }
        outcome
    }

    fn transact(
        &mut self,
        connection: &Connection,
        supply: &mut impl Supply,
        patience: Duration,
    ) -> Result<Stored, Failure> {
        let not_stored = |e| Failure::NotStored(self.place.error(&e));
        self.begin(connection, patience)
            .map_err(Failure::NotStored)?;
        let (before, hash, last_recorded) = self.end(connection).map_err(not_stored)?;
        let mut known = std::mem::take(&mut self.known).unless_moved((before, &hash));
        let mut stepped_back = false;
        let mut transaction = Transaction {
            place: &self.place,
            connection,
            event: connection.prepare_cached(EVENT).map_err(not_stored)?,
            id: connection.prepare_cached(ID).map_err(not_stored)?,
            key: connection.prepare_cached(KEY).map_err(not_stored)?,
            known: &mut known,
            position: before,
            recorded_at: last_recorded,
            chain: Chain::at(hash),
        };
        let mut answers = Vec::new();
        while let Some(commit) = supply.next() {
            // It may have come after the transaction began.
            let now = (self.options.clock)().as_microsecond();
            stepped_back |= now < last_recorded;
            transaction.recorded_at = transaction.recorded_at.max(now);
            answers.push(match self.options.limits.refuse(commit) {
                Some(refusal) => Err(refusal),
                None => transaction.store(commit).map_err(not_stored)?,
            });
        }
        let (last, hash) = (transaction.position, *transaction.chain.hash());
        drop(transaction);
        execute(connection, "COMMIT").map_err(|e| {
            if never_written(&e) {
                not_stored(e)
            } else {
                Failure::Unknown(self.place.error(&e))
            }
        })?;
        known.ends(last, hash);
        self.known = known;
        let stored = last > before;
        let is_repeated = |answer: &Answer| answer.as_ref().is_ok_and(|stored| stored.repeated);
        if !stored && self.options.durability == Durability::Full && answers.iter().any(is_repeated)
        {
            // Nothing was written, so COMMIT synced nothing. Whoever wrote it may have been killed before its own sync.
            self.place.sync_wal().map_err(Failure::Unknown)?;
        }
        if stored && stepped_back {
            self.clamped += 1;
        }
        Ok(Stored {
            answers,
            head: stored.then(|| Position::new(last.unsigned_abs())),
        })
    }

    /// Whether no other process waits to write.
    pub fn is_alone(&self) -> bool {
        let is_alone = !matches!(self.turn.try_lock(), Err(TryLockError::WouldBlock));
        if is_alone {
            let _ = self.turn.unlock();
        }
        is_alone
    }

    /// Takes the write lock. Whoever waits for it holds the turn, so that a process that writes without
    /// a pause stops at the turn's lock and lets it in: nobody starves. SQLite's lock alone decides.
    fn begin(&self, connection: &Connection, patience: Duration) -> Result<(), LogError> {
        let start = Instant::now();
        let mut our_turn = false;
        loop {
            our_turn = our_turn || !matches!(self.turn.try_lock(), Err(TryLockError::WouldBlock));
            if our_turn {
                match execute(connection, "BEGIN IMMEDIATE") {
                    Ok(()) => break,
                    Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
                    Err(e) => {
                        let _ = self.turn.unlock();
                        return Err(self.place.error(&e));
                    }
                }
            }
            let waited = start.elapsed();
            if waited >= patience {
                let _ = self.turn.unlock();
                return Err(LogError::Locked {
                    path: self.place.file.clone(),
                    waited,
                });
            }
            std::thread::sleep(Duration::from_micros(rand::random_range(100..=1000)));
        }
        let _ = self.turn.unlock();
        Ok(())
    }

    /// The last event's position, hash and time. Read anew in every transaction: another process may have written.
    fn end(&self, connection: &Connection) -> rusqlite::Result<(i64, Hash, i64)> {
        let last = connection
            .prepare_cached(
                "SELECT position, hash, recorded_at FROM events ORDER BY position DESC LIMIT 1",
            )?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        Ok(last.unwrap_or((0, self.genesis, i64::MIN)))
    }
}

impl Transaction<'_> {
    /// Checks one commit and writes it. An `Err` outside fails the whole transaction.
    fn store(&mut self, commit: &Commit) -> rusqlite::Result<Answer> {
        let before = match self.known.version(&commit.stream) {
            Some(known) => known,
            None => version(self.connection, &commit.stream)?,
        };
        if let Expected::Head(StreamHead(expected)) = commit.expected
            && integer(expected) != before
        {
            // A repetition expects what was true the first time.
            let repeated = self.repeated(&commit.id)?;
            return Ok(repeated.unwrap_or_else(|| Err(conflict(commit, before))));
        }
        let first = self.position + 1;
        let last = self.position + integer(commit.events.len() as u64);
        if !self.remember(&commit.id, first, last)?
            && let Some(repeated) = self.repeated(&commit.id)?
        {
            return Ok(repeated);
        }
        for (version, event) in (before + 1..).zip(&commit.events) {
            self.insert(&commit.stream, version, event)?;
        }
        let version = before + integer(commit.events.len() as u64);
        self.known.put(&commit.stream, version);
        let recorded_at = crate::event::Timestamp::from_microsecond(self.recorded_at);
        Ok(Ok(Committed {
            stream: commit.stream.clone(),
            first: Position::new(first.unsigned_abs()),
            last: Position::new(last.unsigned_abs()),
            version: Version::new(version.unsigned_abs()),
            recorded_at: recorded_at.unwrap_or_default(),
            repeated: false,
        }))
    }

    /// What a commit came to that was stored before. Where that is damaged, this commit alone is refused.
    fn repeated(&self, id: &CommitId) -> rusqlite::Result<Option<Answer>> {
        use rusqlite::Error::{FromSqlConversionFailure, InvalidColumnType, QueryReturnedNoRows};
        match find(self.connection, id) {
            Err(QueryReturnedNoRows | FromSqlConversionFailure(..) | InvalidColumnType(..)) => {
                let what =
                    format!("commit {id} was stored before, and its last event cannot be read");
                Ok(Some(Err(AppendError::NotStored(self.place.damaged(what)))))
            }
            found => Ok(found?.map(Ok)),
        }
    }

    /// Remembers a commit's id; `false` where it was there already.
    fn remember(&mut self, id: &CommitId, first: i64, last: i64) -> rusqlite::Result<bool> {
        let added = match (id, chain::digest(id)) {
            (CommitId::Unique(id), _) => self.id.execute(params![id.as_bytes(), first, last]),
            (_, digest) => self.key.execute(params![digest, first, last]),
        }?;
        Ok(added == 1)
    }

    fn insert(
        &mut self,
        stream: &StreamId,
        version: i64,
        event: &NewEvent,
    ) -> rusqlite::Result<()> {
        let mut buffer = Uuid::encode_buffer();
        let (id, source) = match &event.origin {
            Some(origin) => (origin.id.as_str(), Some(origin.source.as_str())),
            None => (
                &*Uuid::now_v7().hyphenated().encode_lower(&mut buffer),
                None,
            ),
        };
        self.position += 1;
        let content = Content {
            position: self.position,
            stream: stream.as_str(),
            version,
            event_type: event.event_type.as_str(),
            id,
            source,
            recorded_at: self.recorded_at,
            time: event.time.map(|time| time.as_microsecond()),
            data: event.data.as_str(),
            metadata: event.metadata.as_str(),
        };
        let hash = self.chain.next(&content);
        self.event.execute(params![
            content.position,
            content.stream,
            content.version,
            content.event_type,
            content.id,
            content.source,
            content.recorded_at,
            content.time,
            hash,
            content.data,
            content.metadata,
        ])?;
        Ok(())
    }
}

fn conflict(commit: &Commit, actual: i64) -> AppendError {
    let actual = actual.unsigned_abs();
    AppendError::Conflict {
        stream: commit.stream.clone(),
        actual: Version::new(actual),
        head: StreamHead(actual),
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Whether a failed COMMIT certainly did not happen: what makes it one is the last that is written, so
/// a write that failed comes before. A sync that failed comes after, and leaves it open.
fn never_written(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|e| (e.code, e.extended_code));
    matches!(
        code,
        Some((ErrorCode::DiskFull | ErrorCode::DatabaseBusy, _) | (_, SQLITE_IOERR_WRITE))
    )
}

/// Whether a connection is out of its transaction and can be used again.
fn rolled_back(connection: &Connection) -> bool {
    connection.is_autocommit() || execute(connection, "ROLLBACK").is_ok()
}

impl Limits {
    /// The limit that a commit is over, if any.
    fn refuse(&self, commit: &Commit) -> Option<AppendError> {
        let events = commit.events.len();
        if events == 0 || events > self.events_a_commit {
            return Some(AppendError::Limit {
                what: "a commit",
                found: format!("{events} events"),
                limit: format!("1 to {} events", self.events_a_commit),
            });
        }
        commit.events.iter().find_map(|event| {
            let (source, id) = match &event.origin {
                Some(origin) => (origin.source.len(), origin.id.len()),
                None => (0, 0),
            };
            [
                ("data", event.data.as_str().len(), self.data),
                ("metadata", event.metadata.as_str().len(), self.metadata),
                ("source", source, self.metadata),
                ("id", id, self.metadata),
            ]
            .into_iter()
            .find(|(_, found, limit)| found > limit)
            .map(|(what, found, limit)| AppendError::Limit {
                what,
                found: format!("{found} bytes"),
                limit: format!("{limit} bytes"),
            })
        })
    }
}
