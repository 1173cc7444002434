//! Snapshots in a SQLite file of their own, beside the log. It may be removed at any time, so it is never
//! synced, and one that is damaged is begun anew.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::types::FromSqlError;
use rusqlite::{
    Connection, ErrorCode, OptionalExtension as _, Row, Transaction, TransactionBehavior,
};

use super::{Snapshot, Snapshots};
use crate::event::{StreamId, Version};

/// `Hw` + `Sn`: SQLite's `application_id` of our snapshots.
const APPLICATION_ID: u32 = 0x4877_536E;

/// The format this program writes, and the only one that it reads: SQLite's `user_version`.
const FORMAT: u32 = 1;

/// How long another process that saves is waited for: less than folding a long stream takes.
const PATIENCE: Duration = Duration::from_millis(2);

const TABLES: &str = "
CREATE TABLE snapshots (
    stream  TEXT    PRIMARY KEY,
    version INTEGER NOT NULL,
    seal    BLOB    NOT NULL,
    state   TEXT    NOT NULL
) STRICT;
";

/// Snapshots in one file. A file that is somebody else's, or of a newer format, is left untouched, and then
/// there are no snapshots.
#[derive(Debug)]
pub struct SqliteSnapshots {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Not looked at yet.
    Closed,
    Open(Connection),
    /// Not usable by this process.
    Off,
}

/// What stands where the file should be.
enum Found {
    Nothing,
    Ours,
    /// Ours, but not to be used any more.
    Broken,
    /// Not ours to touch.
    Foreign,
}

impl SqliteSnapshots {
    /// Snapshots in the file at this path; it is made with the first of them.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            state: Mutex::new(State::Closed),
        }
    }

    /// Does something with the file. What fails has not happened; a damaged file is begun anew.
    fn with<T>(&self, make: bool, work: impl Fn(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Closed) {
            *state = self.open(make);
        }
        let State::Open(connection) = &*state else {
            return None;
        };
        match work(connection) {
            Ok(done) => Some(done),
            Err(error) if is_busy(&error) => None,
            Err(error) => {
                tracing::debug!(%error, path = %self.path.display(), "snapshots are begun anew");
                // Closed before it is removed, or what SQLite does on closing would come after.
                *state = State::Closed;
                self.remove();
                None
            }
        }
    }

    fn open(&self, make: bool) -> State {
        if !make && !self.path.exists() {
            return State::Closed;
        }
        // One at a time: who looks while another one makes the file would take it for a broken one.
        let Ok(_turn) = self.turn() else {
            return State::Off;
        };
        match inspect(&self.path) {
            Found::Nothing if !make => return State::Closed,
            Found::Ours => {}
            // What stands beside a file that is gone would be taken for a part of the new one.
            Found::Nothing | Found::Broken => self.remove(),
            Found::Foreign => {
                tracing::warn!(path = %self.path.display(), "is not a file of ours: there are no snapshots");
                return State::Off;
            }
        }
        match connect(&self.path) {
            Ok(connection) => State::Open(connection),
            Err(error) if is_busy(&error) => State::Closed,
            Err(error) => {
                tracing::debug!(%error, path = %self.path.display(), "snapshots are begun anew");
                self.remove();
                connect(&self.path).map_or(State::Off, State::Open)
            }
        }
    }

    /// The lock under which the file is looked at and made.
    fn turn(&self) -> std::io::Result<File> {
        let path = self.path.with_extension("turn");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        file.lock()?;
        Ok(file)
    }

    fn remove(&self) {
        for end in ["", "-journal", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(end);
            // Where it cannot be removed it cannot be used either, and that shows on opening.
            drop(fs::remove_file(path));
        }
    }
}

impl Snapshots for SqliteSnapshots {
    fn load(&self, stream: &StreamId) -> Option<Snapshot> {
        let found = self.with(false, |connection| {
            let mut select = connection
                .prepare_cached("SELECT version, seal, state FROM snapshots WHERE stream = ?")?;
            select.query_row([stream.as_str()], snapshot).optional()
        });
        found.flatten()
    }

    fn save(&self, stream: &StreamId, snapshot: &Snapshot) {
        self.with(true, |connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)")?
                .execute((
                    stream.as_str(),
                    i64::try_from(snapshot.version.get()).unwrap_or(i64::MAX),
                    snapshot.seal,
                    &snapshot.state,
                ))
        });
    }

    fn forget(&self, stream: &StreamId) {
        self.with(false, |connection| {
            connection
                .prepare_cached("DELETE FROM snapshots WHERE stream = ?")?
                .execute([stream.as_str()])
        });
    }
}

fn snapshot(row: &Row<'_>) -> rusqlite::Result<Snapshot> {
    let version: i64 = row.get(0)?;
    let version = u64::try_from(version).map_err(|_| FromSqlError::OutOfRange(version))?;
    Ok(Snapshot {
        version: Version::new(version),
        seal: row.get(1)?,
        state: row.get(2)?,
    })
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A power loss may damage it: then it is begun anew.
    connection.pragma_update(None, "synchronous", "OFF")?;
    if format(&connection)? == 0 {
        build(&connection)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    Ok(connection)
}

fn format(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes the table, before there is a WAL: so the file's own head says at once whose it is.
fn build(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if format(&transaction)? == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.execute_batch(TABLES)?;
    }
    transaction.commit()
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// Looks at the file's head without SQLite, which might write.
/// <https://sqlite.org/fileformat.html#the_database_header>
fn inspect(path: &Path) -> Found {
    let mut head = Vec::with_capacity(100);
    let read = fs::File::open(path).and_then(|file| file.take(100).read_to_end(&mut head));
    match read {
        Err(e) if e.kind() == ErrorKind::NotFound => return Found::Nothing,
        Err(_) => return Found::Foreign,
        // Made a moment ago, by another process perhaps.
        Ok(0) => return Found::Ours,
        Ok(_) => {}
    }
    let number = |at: usize| {
        let rest = head.get(at..).and_then(|rest| rest.first_chunk());
        rest.map(|bytes| u32::from_be_bytes(*bytes))
    };
    match (number(60), number(68)) {
        (Some(FORMAT), Some(APPLICATION_ID)) => Found::Ours,
        (Some(_), Some(APPLICATION_ID)) => Found::Foreign,
        // What a power loss leaves of a file that was never synced: nobody has anything in it.
        _ if head.iter().all(|byte| *byte == 0) => Found::Broken,
        _ => Found::Foreign,
    }
}
