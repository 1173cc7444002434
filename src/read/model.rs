//! One version of a read model: an SQLite file with the projection's tables, its checkpoint, and the
//! definition it was built from. Rows and checkpoint are committed together.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::guard::{Guard, Mode, message};
use super::parked::{self, Aside};
use super::projection::{ApplyError, Blame, Memory, Projection};
use super::sql::{APPLY_LIMIT, blame, prepare_connection};
use crate::crash;
use crate::event::{Event, Position};

mod aside;
mod error;
mod format;

pub(super) use error::io;
pub use error::{ModelError, is_disk_full};
use error::{io_error, words};
use format::{bring_up_to_date, check_format, is_complete};

/// `HwRm`: tells our read models from every other SQLite file.
pub const MODEL_APPLICATION_ID: i32 = 0x4877_526d;

/// The newest format of a read model's file that this program writes and reads.
///
/// 1 had no table of parked events: it is added when such a file is opened to be written. An older program
/// must not go on with a file that has one, since it would apply what is to wait.
pub const MODEL_FORMAT: i32 = 2;

/// How long one page may take, about: between two pages somebody may want to pause or to stop. The limit of
/// one handler that does not come to its end is another, and longer.
const PAGE_TIME: Duration = Duration::from_millis(100);

/// A read model's file, open for folding.
pub struct Model {
    db: Connection,
    guard: Guard,
    path: PathBuf,
    about: About,
    checkpoint: Checkpoint,
    /// What was folded beyond the checkpoint, by a projection that folds in memory.
    memory: Memory,
    spent: ModelSpent,
}

/// What was done with time in one read model's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelSpent {
    /// Running handlers.
    pub apply: Duration,
    /// Beginning and committing transactions, with the wait for others' locks.
    pub commit: Duration,
}

/// What a read model's file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The projection's name.
    pub projection: String,
    /// The hash of the definition it was built from.
    pub hash: String,
    /// 1, 2, 3 … among all versions of this projection.
    pub generation: u64,
    /// The definition it was built from.
    pub source: String,
    /// The position of the request that it was built for; `None` for a first version or a changed file.
    pub request: Option<Position>,
}

impl About {
    /// How people call this version: `3f2a9c1b-2`.
    pub fn label(&self) -> String {
        // A damaged file may hold any text.
        let short = self.hash.get(..8).unwrap_or(&self.hash);
        format!("{short}-{}", self.generation)
    }
}

/// Up to where a read model has the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// The last position it contains.
    pub position: Position,
    /// The id of the event there; `None` before the first.
    pub event: Option<String>,
    /// How many events the projection subscribes to up to there.
    pub applied: u64,
}

/// A replay under way: kept in the file, so that a killed one goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// The position of the request.
    pub request: Position,
    /// It is done when the checkpoint is here again.
    pub goal: Position,
}

impl Model {
    /// Makes the file of a new version, with empty tables. What a killed attempt left there is replaced.
    ///
    /// Errors: somebody else's file, a schema that cannot be applied, the system.
    pub fn create(
        path: &Path,
        projection: &dyn Projection,
        generation: u64,
        request: Option<Position>,
    ) -> Result<Self, ModelError> {
        let fail = io(path);
        if path.exists() {
            if is_complete(path)? {
                return Self::open(path);
            }
            super::versions::remove_database(path).map_err(|e| io_error(path, &e))?;
        }
        let mut db = connect(path, OpenFlags::default())?;
        db.pragma_update(None, "page_size", 8192).map_err(&fail)?;
        db.pragma_update(None, "journal_mode", "wal")
            .map_err(&fail)?;
        crash::point("half-made");
        let guard = prepare_connection(&mut db).map_err(&fail)?;
        let about = About {
            projection: projection.name().to_owned(),
            hash: projection.hash().to_owned(),
            generation,
            source: projection.source().to_owned(),
            request,
        };
        make_tables(&mut db, &guard, projection, &about).map_err(|reason| ModelError::Schema {
            projection: about.projection.clone(),
            reason,
        })?;
        Ok(Self {
            db,
            guard,
            path: path.to_owned(),
            about,
            checkpoint: Checkpoint::default(),
            memory: Memory::default(),
            spent: ModelSpent::default(),
        })
    }

    /// Opens the file of a version there is. Errors: not there, not ours, newer, damaged.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = connect(path, flags)?;
        let guard = prepare_connection(&mut db).map_err(io(path))?;
        if check_format(&db, path)? < MODEL_FORMAT {
            bring_up_to_date(&mut db).map_err(io(path))?;
        }
        let about = read_about(&db).map_err(io(path))?;
        let checkpoint = read_checkpoint(&db).map_err(io(path))?;
        Ok(Self {
            db,
            guard,
            path: path.to_owned(),
            about,
            checkpoint,
            memory: Memory::default(),
            spent: ModelSpent::default(),
        })
    }

    /// Opens a file that nobody has looked after for a while, and looks at all of it.
    ///
    /// Errors: as [`open`](Self::open), and damage anywhere.
    pub fn open_checked(path: &Path) -> Result<Self, ModelError> {
        let model = Self::open(path).map_err(ModelError::of_kept)?;
        let said: String = model
            .db
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|e| io(path)(e).of_kept())?;
        if said != "ok" {
            return Err(ModelError::Io {
                path: path.to_owned(),
                reason: format!("it is damaged: {said}"),
            });
        }
        Ok(model)
    }

    /// What the file says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Up to where it has the log.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Has handlers broken off as soon as this says so; what they did in that page is undone.
    pub fn stop_when(&mut self, wanted: impl Fn() -> bool + Send + Sync + 'static) {
        self.guard.stop_when(wanted);
    }

    /// Never waits for the disk: for a file that nobody keeps.
    pub(super) fn keep_nothing_safe(&mut self) -> Result<(), ModelError> {
        let fail = io(&self.path);
        // A copy is not in this mode by itself.
        self.db
            .pragma_update(None, "journal_mode", "wal")
            .map_err(&fail)?;
        self.db
            .pragma_update(None, "synchronous", "off")
            .map_err(&fail)
    }

    /// The file, to be looked into between two events.
    pub(super) fn database(&mut self) -> &mut Connection {
        &mut self.db
    }

    /// Folds events and moves the checkpoint, in one transaction: all of them up to `through`, or as many of the
    /// first as a page's time allows, and at least one. Says how many. What stands between them is set aside.
    ///
    /// Errors: the first event that could not be applied; nothing of this call is stored then.
    pub(super) fn apply(
        &mut self,
        projection: &dyn Projection,
        events: &[Event],
        through: Checkpoint,
        aside: &[Aside],
    ) -> Result<usize, ApplyError> {
        let general = |e: rusqlite::Error| ApplyError {
            index: 0,
            reason: words(&e),
            // Whatever SQLite says here, no handler has run.
            blame: match blame(&e) {
                Blame::Lock => Blame::Lock,
                _ => Blame::System,
            },
        };
        let began = Instant::now();
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(general)?;
        let folding = Instant::now();
        let done = in_parts(
            projection,
            (&transaction, &mut self.memory),
            (&self.guard, Mode::Handler),
            events,
        )?;
        let folded = folding.elapsed();
        let through = through.short_of(events, done, aside);
        let aside = parked::passed(aside, &through);
        parked::set_aside(&transaction, aside, through.position).map_err(general)?;
        write_checkpoint(&transaction, &through).map_err(general)?;
        transaction.commit().map_err(general)?;
        self.checkpoint = through;
        self.spent.apply += folded;
        self.spent.commit += began.elapsed().saturating_sub(folded);
        Ok(done)
    }

    /// What was done with time since this was asked last.
    pub fn take_spent(&mut self) -> ModelSpent {
        std::mem::take(&mut self.spent)
    }

    /// Folds events into memory: as many of the first as a page's time allows, and at least one. Says how many.
    /// The file stays as it is until somebody stores that.
    ///
    /// Errors: the first event that could not be applied; memory is as the file then.
    pub fn fold(
        &mut self,
        projection: &dyn Projection,
        events: &[Event],
    ) -> Result<usize, ApplyError> {
        // What is not in the transaction of a checkpoint may read at most.
        let began = Instant::now();
        let folded = in_parts(
            projection,
            (&self.db, &mut self.memory),
            (&self.guard, Mode::Query),
            events,
        );
        self.spent.apply += began.elapsed();
        folded.inspect_err(|_| self.memory.clear())
    }

    /// Moves the checkpoint, and writes what was folded in memory or set aside, in one transaction.
    ///
    /// Errors: the system, or a state that cannot be written.
    pub(super) fn store(
        &mut self,
        projection: &dyn Projection,
        through: Checkpoint,
        aside: &[Aside],
    ) -> Result<(), ModelError> {
        let fail = io(&self.path);
        let began = Instant::now();
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&fail)?;
        {
            let _scope = self.guard.enter(Mode::Handler, APPLY_LIMIT);
            projection
                .store(&transaction, &self.memory)
                .map_err(|reason| ModelError::Io {
                    path: self.path.clone(),
                    reason: self.guard.explain_limit(reason),
                })?;
        }
        parked::set_aside(&transaction, aside, through.position).map_err(&fail)?;
        write_checkpoint(&transaction, &through).map_err(&fail)?;
        transaction.commit().map_err(&fail)?;
        self.checkpoint = through;
        self.spent.commit += began.elapsed();
        Ok(())
    }

    /// Sets the checkpoint back, so that what comes after it is applied again. Done once a request.
    ///
    /// Errors: the system.
    pub fn begin_replay(&mut self, replay: Replay, back_to: Checkpoint) -> Result<(), ModelError> {
        let fail = io(&self.path);
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&fail)?;
        transaction
            .execute(
                "UPDATE _highwater_checkpoint SET replay_request = ?1, replay_goal = ?2",
                params![int(replay.request), int(replay.goal)],
            )
            .map_err(&fail)?;
        write_checkpoint(&transaction, &back_to).map_err(&fail)?;
        transaction.commit().map_err(&fail)?;
        self.checkpoint = back_to;
        Ok(())
    }

    /// The last replay that was begun in this file.
    pub fn replay(&self) -> Result<Option<Replay>, ModelError> {
        read_replay(&self.db).map_err(io(&self.path))
    }

    /// Keeps another text of the same definition: other queries, other words.
    pub fn set_source(&mut self, source: &str) -> Result<(), ModelError> {
        self.db
            .execute("UPDATE _highwater_model SET source = ?1", [source])
            .map_err(io(&self.path))?;
        source.clone_into(&mut self.about.source);
        Ok(())
    }
}

/// Folds as many of the events as a page's time allows, and at least one; says how many.
///
/// Nobody knows what the next event costs. So the first goes alone, and each part is at most twice as large as
/// the one before: however slow the handlers are, the last part takes about as long as all before it.
fn in_parts(
    projection: &dyn Projection,
    (db, memory): (&Connection, &mut Memory),
    (guard, mode): (&Guard, Mode),
    events: &[Event],
) -> Result<usize, ApplyError> {
    let _scope = guard.enter(mode, APPLY_LIMIT);
    let began = Instant::now();
    let (mut done, mut size) = (0, 1);
    while done < events.len() && (done == 0 || began.elapsed() < PAGE_TIME / 2) {
        let part = &events[done..events.len().min(done + size)];
        projection.apply(db, memory, part).map_err(|mut error| {
            error.index += done;
            if guard.is_to_stop() {
                error.blame = Blame::System;
            }
            error.reason = guard.explain_limit(error.reason);
            error
        })?;
        done += part.len();
        size *= 2;
    }
    Ok(done)
}

impl Checkpoint {
    /// The one after the first `done` of the events that lead up to this one; others were set aside.
    pub(super) fn short_of(self, events: &[Event], done: usize, aside: &[Aside]) -> Self {
        match events[..done].last() {
            Some(last) if done < events.len() => {
                let beyond = aside.iter().filter(|a| a.position > last.position).count();
                Self {
                    position: last.position,
                    event: Some(last.id.clone()),
                    applied: self.applied - (events.len() - done + beyond) as u64,
                }
            }
            _ => self,
        }
    }
}

impl About {
    /// What the file of a version says of itself. Errors: not there, not ours, newer, damaged.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let db = open_to_read(path)?;
        read_about(&db).map_err(io(path))
    }
}

impl Checkpoint {
    /// Up to where the file of a version has the log. Errors: not there, not ours, newer, damaged.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let db = open_to_read(path)?;
        read_checkpoint(&db).map_err(io(path))
    }
}

/// Opens a version read-only, for one who asks: its definition and checkpoint can be read.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, ModelError> {
    let db = connect(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    check_format(&db, path)?;
    Ok(db)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, ModelError> {
    let fail = io(path);
    let db =
        Connection::open_with_flags(path, flags & !OpenFlags::SQLITE_OPEN_URI).map_err(&fail)?;
    db.busy_timeout(std::time::Duration::from_millis(250))
        .map_err(&fail)?;
    // Plans must not hang on bound values: else a range over parameters is planned anew each time.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(&fail)?;
    db.pragma_update(None, "synchronous", "normal")
        .map_err(&fail)?;
    // What a handler without an end has written goes again.
    db.pragma_update(None, "journal_size_limit", 64 << 20)
        .map_err(&fail)?;
    // Whoever only reads has mapped memory; whoever writes holds what one transaction changes, or spills it.
    let kibibytes = match flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        true => 512,
        false => 2 << 10,
    };
    db.pragma_update(None, "cache_size", -kibibytes)
        .map_err(&fail)?;
    db.pragma_update(None, "mmap_size", 256 << 20)
        .map_err(&fail)?;
    Ok(db)
}

fn make_tables(
    db: &mut Connection,
    guard: &Guard,
    projection: &dyn Projection,
    about: &About,
) -> Result<(), String> {
    let words = |e: rusqlite::Error| message(&e);
    let transaction = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(words)?;
    transaction
        .execute_batch(
            "CREATE TABLE _highwater_model (
                 projection TEXT NOT NULL,
                 hash TEXT NOT NULL,
                 generation INTEGER NOT NULL,
                 source TEXT NOT NULL,
                 request INTEGER
             ) STRICT;
             CREATE TABLE _highwater_checkpoint (
                 position INTEGER NOT NULL,
                 event TEXT,
                 applied INTEGER NOT NULL,
                 replay_request INTEGER,
                 replay_goal INTEGER
             ) STRICT;
             INSERT INTO _highwater_checkpoint (position, applied) VALUES (0, 0);",
        )
        .map_err(words)?;
    transaction
        .execute(
            "INSERT INTO _highwater_model VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                about.projection,
                about.hash,
                i64::try_from(about.generation).unwrap_or(i64::MAX),
                about.source,
                about.request.map(int)
            ],
        )
        .map_err(words)?;
    parked::create(&transaction).map_err(words)?;
    let scope = guard.enter(Mode::Schema, APPLY_LIMIT);
    projection
        .create(&transaction)
        .map_err(|reason| guard.explain_limit(reason))?;
    drop(scope);
    // Last, and in the same transaction: a file that has these is whole.
    transaction
        .pragma_update(None, "application_id", MODEL_APPLICATION_ID)
        .map_err(words)?;
    transaction
        .pragma_update(None, "user_version", MODEL_FORMAT)
        .map_err(words)?;
    transaction.commit().map_err(words)
}

pub(super) fn read_about(db: &Connection) -> rusqlite::Result<About> {
    db.query_row(
        "SELECT projection, hash, generation, source, request FROM _highwater_model",
        [],
        |row| {
            Ok(About {
                projection: row.get(0)?,
                hash: row.get(1)?,
                generation: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
                source: row.get(3)?,
                request: row.get::<_, Option<i64>>(4)?.map(position),
            })
        },
    )
}

/// How far the read model in a file is; the file is only read.
///
/// Errors: it is not one of ours, damaged, or cannot be read.
pub fn checkpoint_in(path: &Path) -> Result<Checkpoint, ModelError> {
    let db = open_to_read(path)?;
    read_checkpoint(&db).map_err(io(path))
}

pub(super) fn read_checkpoint(db: &Connection) -> rusqlite::Result<Checkpoint> {
    let mut statement =
        db.prepare_cached("SELECT position, event, applied FROM _highwater_checkpoint")?;
    let found = statement
        .query_row([], |row| {
            Ok(Checkpoint {
                position: position(row.get(0)?),
                event: row.get(1)?,
                applied: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
            })
        })
        .optional()?;
    found.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

pub(super) fn read_replay(db: &Connection) -> rusqlite::Result<Option<Replay>> {
    db.query_row(
        "SELECT replay_request, replay_goal FROM _highwater_checkpoint",
        [],
        |row| {
            let request: Option<i64> = row.get(0)?;
            let goal: Option<i64> = row.get(1)?;
            Ok(request.zip(goal).map(|(r, g)| Replay {
                request: position(r),
                goal: position(g),
            }))
        },
    )
}

fn write_checkpoint(db: &Connection, checkpoint: &Checkpoint) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE _highwater_checkpoint SET position = ?1, event = ?2, applied = ?3")?
        .execute(params![
            int(checkpoint.position),
            checkpoint.event,
            i64::try_from(checkpoint.applied).unwrap_or(i64::MAX)
        ])
        .map(drop)
}

pub(super) fn int(position: Position) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}

pub(super) fn position(stored: i64) -> Position {
    Position::new(u64::try_from(stored).unwrap_or(0))
}
