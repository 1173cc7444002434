//! The file: its tables, how it is made, and how a file that is not ours is told without touching it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use uuid::Uuid;

use crate::event::{Position, Timestamp};
use crate::log::{Durability, LogError};

/// `highW` + `log`, as far as 32 bits go: SQLite's `application_id` of our logs.
const APPLICATION_ID: u32 = 0x6857_6C67;

/// The format this program writes, and the newest that it reads: SQLite's `user_version`.
const FORMAT: i64 = 1;

/// How long opening and reading wait for a lock that SQLite holds for moments (recovery, last close).
const PATIENCE: Duration = Duration::from_secs(10);

/// The small columns stand before `data`, so that the tail can be read without walking along the
/// overflow pages of a large event.
const TABLES: &str = "
CREATE TABLE events (
    position    INTEGER PRIMARY KEY,
    stream      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    source      TEXT,
    recorded_at INTEGER NOT NULL, -- microseconds since 1970, UTC
    time        INTEGER,          -- the same, where somebody said when it happened
    hash        BLOB    NOT NULL,
    data        TEXT    NOT NULL,
    metadata    TEXT    NOT NULL,
    UNIQUE (stream, version)
) STRICT;
CREATE TABLE commits (
    id    BLOB    PRIMARY KEY,    -- a UUID v7: in order of time, so that the index grows at its end
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE TABLE keys (
    digest BLOB    PRIMARY KEY,   -- of an idempotency key, or of an imported event's source and id
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE TABLE meta (
    incarnation TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
";

/// Where a log's files are.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The database.
    pub file: PathBuf,
    /// The folder that others watch.
    pub bell: PathBuf,
    /// Locked by whoever is about to write.
    pub turn: PathBuf,
}

impl Place {
    pub fn new(dir: &Path) -> Self {
        Self {
            file: dir.join("log.db"),
            bell: dir.join("bell"),
            turn: dir.join("log.turn"),
        }
    }

    fn wal(&self) -> PathBuf {
        self.file.with_extension("db-wal")
    }

    /// What the system said about a path, with the way out.
    pub fn io(path: &Path, doing: &str, error: &std::io::Error) -> LogError {
        let way_out = match error.kind() {
            ErrorKind::PermissionDenied => {
                ": give this user the right to read and write there, or choose another folder"
            }
            ErrorKind::StorageFull => ": free some space and try again; what was stored is safe",
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
                ": a file stands where a folder is needed; choose another folder"
            }
            ErrorKind::ReadOnlyFilesystem => ": choose a folder that can be written",
            _ => "",
        };
        LogError::Io {
            path: path.to_owned(),
            reason: format!("{doing}: {error}{way_out}"),
        }
    }

    /// What SQLite said about the file, with the way out.
    pub fn error(&self, error: &rusqlite::Error) -> LogError {
        let path = self.file.clone();
        let reason = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                return LogError::Locked {
                    path,
                    waited: PATIENCE,
                };
            }
            Some(ErrorCode::DiskFull) => {
                "the disk is full: free some space and try again; what was stored is safe".into()
            }
            Some(ErrorCode::ReadOnly) => format!(
                "{error}: this user may not write the file or its folder. Whoever only looks has to as well, since \
                 SQLite keeps beside it who reads: give this user the right to write all of the workspace's `data`, or \
                 look at a copy of the workspace, made while nothing runs in it"
            ),
            Some(ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => format!(
                "{error}: give this user the right to read and write the file and its folder"
            ),
            Some(ErrorCode::SystemIoFailure) => {
                format!("{error}: look at the disk and the system's log; what was stored is safe")
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                return self.damaged(error);
            }
            // A table that is not there, a value of another type: the file is not what we wrote.
            Some(ErrorCode::Unknown | ErrorCode::TypeMismatch) | None => {
                return self.damaged(error);
            }
            Some(_) => error.to_string(),
        };
        LogError::Io { path, reason }
    }

    /// Says that what is stored is wrong.
    pub fn damaged(&self, what: impl ToString) -> LogError {
        LogError::Damaged {
            path: self.file.clone(),
            position: None,
            what: what.to_string(),
        }
    }

    /// Says that one event is not as it was written.
    pub fn flawed(&self, position: Position, what: &str) -> LogError {
        LogError::Damaged {
            path: self.file.clone(),
            position: Some(position),
            what: format!("event {position}: {what}"),
        }
    }

    fn stranger(&self, what: impl Into<String>) -> LogError {
        LogError::NotALog {
            path: self.file.clone(),
            what: what.into(),
        }
    }

    /// Looks at the file's head without SQLite, which might write. `false` where there is nothing yet.
    pub fn inspect(&self) -> Result<bool, LogError> {
        let opening = |e| Self::io(&self.file, "cannot be opened", &e);
        let length = match fs::metadata(&self.file) {
            Ok(about) if about.is_dir() => return Err(self.stranger("a folder, not a file")),
            Ok(about) if !about.is_file() => return Err(self.stranger("not a regular file")),
            Ok(about) => Some(about.len()),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(opening(e)),
        };
        if length.unwrap_or(0) == 0 {
            // A log begins with a whole first page: a WAL beside nothing belonged to a log that is gone,
            // and SQLite would pour it into a new one.
            let wal = fs::metadata(self.wal()).map_or(0, |wal| wal.len());
            return match length {
                _ if wal > 0 => Err(self.damaged(
                    "the file is missing or empty, but its log.db-wal is there and may hold events",
                )),
                // We move a log into its place whole, so that this was one, or was never ours. Who wants a
                // new one removes the file.
                Some(_) => Err(LogError::Emptied {
                    path: self.file.clone(),
                }),
                None => Ok(false),
            };
        }
        let mut head = Vec::with_capacity(100);
        File::open(&self.file)
            .and_then(|file| file.take(100).read_to_end(&mut head))
            .map_err(opening)?;
        self.judge(&head).map(|()| true)
    }

    /// <https://sqlite.org/fileformat.html#the_database_header>
    fn judge(&self, head: &[u8]) -> Result<(), LogError> {
        const MAGIC: &[u8] = b"SQLite format 3\0";
        if !head.starts_with(MAGIC) {
            return Err(self.stranger("not a SQLite file"));
        }
        let number = |at: usize| {
            head.get(at..)
                .and_then(|rest| rest.first_chunk())
                .map(|bytes| u32::from_be_bytes(*bytes))
        };
        let (Some(format), Some(application)) = (number(60), number(68)) else {
            return Err(self.damaged(format!("it ends after {} bytes", head.len())));
        };
        if application != APPLICATION_ID {
            return Err(self.stranger(format!(
                "a SQLite file of another program (application_id {application:#010x})"
            )));
        }
        self.known(format.into())
    }

    fn known(&self, found: i64) -> Result<(), LogError> {
        match found {
            FORMAT => Ok(()),
            newer if newer > FORMAT => Err(LogError::Newer {
                path: self.file.clone(),
                found: newer,
                known: FORMAT,
            }),
            older => Err(self.damaged(format!("it has format {older}, which never was"))),
        }
    }

    /// Makes an empty log, whole or not at all: it is built beside its place and then moved there. The
    /// lock keeps two processes from doing it at once.
    pub fn create(&self, created_at: Timestamp) -> Result<(), LogError> {
        let turn = self.open_turn()?;
        turn.lock()
            .map_err(|e| Self::io(&self.turn, "cannot be locked", &e))?;
        if self.inspect()? {
            return Ok(());
        }
        let draft = self.file.with_extension("db-new");
        let making = |e| Self::io(&self.file, "cannot be created", &e);
        match fs::remove_file(&draft) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(making(e)),
            _ => {}
        }
        build(&draft, created_at).map_err(|e| self.error(&e))?;
        File::options()
            .write(true)
            .open(&draft)
            .and_then(|draft| draft.sync_all())
            .map_err(making)?;
        fs::rename(&draft, &self.file).map_err(making)?;
        sync_folder(&self.file).map_err(making)
    }

    /// The file whose lock says whose turn it is to write.
    pub fn open_turn(&self) -> Result<File, LogError> {
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.turn)
            .map_err(|e| Self::io(&self.turn, "cannot be opened", &e))
    }

    /// A connection that writes.
    pub fn writer(&self, durability: Durability) -> Result<Connection, LogError> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            let synchronous = match durability {
                Durability::Full => "FULL",
                Durability::Relaxed => "NORMAL",
            };
            connection.pragma_update(None, "synchronous", synchronous)?;
            connection.pragma_update(None, "cache_size", -16 * 1024)?;
            // After an import the WAL gives its space back; what callers without a pause come to, it keeps.
            connection.pragma_update(None, "journal_size_limit", 96 * 1024 * 1024)?;
            Ok(connection)
        };
        open().map_err(|e| self.error(&e))
    }

    /// Syncs what the WAL holds, whoever wrote it.
    pub fn sync_wal(&self) -> Result<(), LogError> {
        let wal = self.wal();
        match File::options().write(true).open(&wal) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            opened => opened
                .and_then(|wal| wal.sync_all())
                .map_err(|e| Self::io(&wal, "cannot be synced", &e)),
        }
    }

    /// A connection that only reads.
    pub fn reader(&self) -> Result<Connection, LogError> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            // There are many of them, and what they read is in mapped memory, up to its bound; behind that, in the system's.
            connection.pragma_update(None, "cache_size", -512)?;
            Ok(connection)
        };
        open().map_err(|e| self.error(&e))
    }

    /// The same for somebody who reads a row after each commit: mapped memory would have to be mapped anew each time.
    pub fn glancer(&self) -> Result<Connection, LogError> {
        let connection = self.reader()?;
        connection
            .pragma_update(None, "mmap_size", 0)
            .map_err(|e| self.error(&e))?;
        Ok(connection)
    }

    fn connect(&self, access: OpenFlags) -> rusqlite::Result<Connection> {
        let connection =
            Connection::open_with_flags(&self.file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "mmap_size", 256 * 1024 * 1024)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        // Else a statement with a range is planned anew each time its parameters are cleared.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(connection)
    }

    /// What was written when the log was made; checks the format again, as SQLite sees it.
    pub fn incarnation(&self, connection: &Connection) -> Result<Uuid, LogError> {
        let format = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|e| self.error(&e))?;
        self.known(format)?;
        let text: String = connection
            .query_row("SELECT incarnation FROM meta", [], |row| row.get(0))
            .map_err(|e| self.error(&e))?;
        Uuid::parse_str(&text)
            .map_err(|e| self.damaged(format!("its incarnation is no UUID ({e})")))
    }
}

/// Builds a whole, empty log without WAL, so that its first page is in the file itself. Unsynced: it
/// counts for nothing until it is in its place.
fn build(path: &Path, created_at: Timestamp) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.execute_batch("BEGIN")?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", FORMAT)?;
    connection.execute_batch(TABLES)?;
    for table in ["events", "commits", "keys", "meta"] {
        for deed in ["UPDATE", "DELETE"] {
            connection.execute_batch(&format!(
                "CREATE TRIGGER {table}_no_{deed} BEFORE {deed} ON {table} BEGIN
                     SELECT RAISE(ABORT, 'the log is append-only');
                 END"
            ))?;
        }
    }
    connection.execute(
        "INSERT INTO meta VALUES (?, ?)",
        (Uuid::now_v7().to_string(), created_at.as_microsecond()),
    )?;
    connection.execute_batch("COMMIT")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, e)| e)
}

/// Makes a rename survive a power loss, where a folder can be synced.
fn sync_folder(file: &Path) -> std::io::Result<()> {
    match file.parent() {
        #[cfg(unix)]
        Some(folder) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Error, ffi};

    use super::*;

    #[test]
    fn who_may_not_write_is_told_why_looking_needs_it_and_of_a_way_without() {
        let place = Place::new(Path::new("/srv/shop/data"));
        let refused = Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY), None);
        let told = place.error(&refused).to_string();
        for words in [
            "/srv/shop/data/log.db",
            "may not write",
            "only looks",
            "a copy",
        ] {
            assert!(told.contains(words), "{told}");
        }
    }
}
