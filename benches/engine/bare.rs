//! The same log by bare SQLite: the file as the crate makes it, with its tables, indexes, triggers and pragmas, but
//! without hashes, checks and answers.

use std::path::{Path, PathBuf};

use highwater::log::sqlite::{LogOptions, SqliteLog};
use rusqlite::{Connection, params};
use uuid::Uuid;

/// What the crate sets when it opens a log to write. Its WAL is folded in as SQLite does it where nobody says otherwise: by
/// whoever commits, at 1,000 pages.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; \
    PRAGMA journal_size_limit = 67108864; PRAGMA mmap_size = 268435456; PRAGMA trusted_schema = 0;";

const EVENT: &str = "INSERT INTO events \
    (position, stream, version, type, id, source, recorded_at, time, hash, data, metadata) \
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// An event as a bare program has it: what it says, and where it goes.
pub struct Row {
    pub stream: String,
    pub version: i64,
    pub data: String,
}

/// What an imported event has besides: what the log remembers it by, and the id that another program gave it.
pub struct Imported {
    pub digest: [u8; 16],
    pub id: String,
}

/// A log's file, written without the crate.
pub struct Bare {
    connection: Connection,
    position: i64,
}

/// A log that the crate makes in a folder; where its file is.
pub fn file(dir: &Path) -> PathBuf {
    drop(SqliteLog::create_or_open(dir, LogOptions::default()).expect("a log"));
    dir.join("log.db")
}

impl Bare {
    /// Makes one in a folder.
    pub fn create(dir: &Path) -> Self {
        let connection = Connection::open(file(dir)).expect("the log's file");
        connection.execute_batch(PRAGMAS).expect("the pragmas");
        Self {
            connection,
            position: 0,
        }
    }

    /// Stores these events in one transaction, each as a commit of its own: under an id in order of time, or as imported
    /// where they are. The program knows each stream's version, and zeros stand for a hash.
    pub fn store(&mut self, rows: &[Row], imported: &[Imported]) {
        let now = jiff::Timestamp::now().as_microsecond();
        let run = |sql: &str| {
            let mut statement = self.connection.prepare_cached(sql).expect("a statement");
            statement.execute([]).expect("it runs");
        };
        run("BEGIN IMMEDIATE");
        let mut event = self.connection.prepare_cached(EVENT).expect("a statement");
        let mut commit = self
            .connection
            .prepare_cached("INSERT INTO commits VALUES (?, ?, ?)")
            .expect("a statement");
        let mut key = self
            .connection
            .prepare_cached("INSERT INTO keys VALUES (?, ?, ?)")
            .expect("a statement");
        let mut buffer = Uuid::encode_buffer();
        for (number, row) in rows.iter().enumerate() {
            self.position += 1;
            let at = self.position;
            let (id, source) = match imported.get(number) {
                Some(imported) => {
                    let stored = key.execute(params![imported.digest, at, at]);
                    stored.expect("it is stored");
                    (imported.id.as_str(), Some("bench"))
                }
                None => {
                    let stored = commit.execute(params![Uuid::now_v7().as_bytes(), at, at]);
                    stored.expect("it is stored");
                    let id = Uuid::now_v7().hyphenated();
                    (&*id.encode_lower(&mut buffer), None)
                }
            };
            event
                .execute(params![
                    at,
                    row.stream,
                    row.version,
                    "OrderPlaced",
                    id,
                    source,
                    now,
                    None::<i64>,
                    [0_u8; 32],
                    row.data,
                    "{}",
                ])
                .expect("it is stored");
        }
        run("COMMIT");
    }
}
