//! What SQL from a projection's file may do: SQLite's authorizer, time limits and memory limits.
//!
//! Handlers must give the same read model at every fold, so nothing whose answer changes from run to run
//! is let through; and a file reaches its own tables only.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

/// Our own tables in a read model begin with this.
pub(super) const OWN_PREFIX: &str = "_highwater";

/// Who speaks to the database just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Mode {
    /// We ourselves: everything goes.
    Own = 0,
    /// A file's `-- schema`.
    Schema = 1,
    /// A file's handlers.
    Handler = 2,
    /// A file's queries.
    Query = 3,
}

/// Functions whose answer changes from run to run, or reaches outside.
const DENIED_FUNCTIONS: [&str; 11] = [
    "random",
    "randomblob",
    "changes",
    "total_changes",
    "last_insert_rowid",
    "current_time",
    "current_date",
    "current_timestamp",
    "load_extension",
    "sqlite_offset",
    "sqlite_log",
];

/// Watches over one connection.
#[derive(Clone)]
pub(super) struct Guard(Arc<State>);

struct State {
    mode: AtomicU8,
    began: Instant,
    /// Microseconds after `began`; `u64::MAX` for none.
    deadline: AtomicU64,
    timed_out: AtomicBool,
    denied: Mutex<Option<String>>,
    stop: OnceLock<Stop>,
}

/// Whether whoever runs this wants it to end.
type Stop = Box<dyn Fn() -> bool + Send + Sync>;

impl Guard {
    /// Installs a guard. It starts in [`Mode::Own`].
    pub(super) fn install(db: &mut Connection) -> rusqlite::Result<Self> {
        let guard = Self(Arc::new(State {
            mode: AtomicU8::new(Mode::Own as u8),
            began: Instant::now(),
            deadline: AtomicU64::new(u64::MAX),
            timed_out: AtomicBool::new(false),
            denied: Mutex::new(None),
            stop: OnceLock::new(),
        }));
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        db.set_limit(Limit::SQLITE_LIMIT_LENGTH, 64 << 20)?;
        db.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        let state = Arc::clone(&guard.0);
        db.authorizer(Some(move |context: AuthContext<'_>| {
            state.authorize(&context)
        }))?;
        let state = Arc::clone(&guard.0);
        db.progress_handler(2000, Some(move || state.is_over()))?;
        Ok(guard)
    }

    /// Breaks off what somebody else says as soon as this is true. It is asked often. Set once.
    pub(super) fn stop_when(&self, wanted: impl Fn() -> bool + Send + Sync + 'static) {
        drop(self.0.stop.set(Box::new(wanted)));
    }

    /// Whether what somebody else says is broken off.
    pub(super) fn is_to_stop(&self) -> bool {
        self.0.stop.get().is_some_and(|wanted| wanted())
    }

    /// Somebody else speaks, for at most so long, until the answer is dropped.
    pub(super) fn enter(&self, mode: Mode, limit: Duration) -> Scope<'_> {
        let deadline = self.0.began.elapsed() + limit;
        self.0.deadline.store(
            u64::try_from(deadline.as_micros()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
        self.0.timed_out.store(false, Ordering::Relaxed);
        self.0.mode.store(mode as u8, Ordering::Relaxed);
        *self.0.denied.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Scope(self)
    }

    /// What SQLite said, or that it took too long, where that is the cause.
    pub(super) fn explain_limit(&self, words: String) -> String {
        if self.0.timed_out.swap(false, Ordering::Relaxed) {
            format!(
                "{words} at its time limit: make it do less, or look for recursion without an end"
            )
        } else {
            words
        }
    }

    /// An SQLite error in words: what was denied, or that it took too long, where that is the cause.
    pub(super) fn explain(&self, error: &rusqlite::Error) -> String {
        let denied = self
            .0
            .denied
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if self.0.timed_out.swap(false, Ordering::Relaxed) {
            return "stopped at its time limit: make it smaller, or look for recursion without an end".to_owned();
        }
        let words = message(error);
        let code = error.sqlite_error_code();
        match denied {
            Some(reason) => reason,
            None if matches!(
                code,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            ) =>
            {
                format!("{words}: the read model's file is damaged, and a rebuild folds it anew")
            }
            None if words.contains("no such table") || words.contains("unknown database") => {
                format!("{words} (a projection has its own tables only: those of its `-- schema`)")
            }
            None => words,
        }
    }
}

/// SQLite's own words, without the statement that rusqlite adds.
pub(super) fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. }
        | rusqlite::Error::SqliteFailure(_, Some(msg)) => msg.clone(),
        other => other.to_string(),
    }
}

/// While it lives, SQL from a file speaks.
pub(super) struct Scope<'a>(&'a Guard);

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        self.0.0.mode.store(Mode::Own as u8, Ordering::Relaxed);
        self.0.0.deadline.store(u64::MAX, Ordering::Relaxed);
    }
}

impl State {
    fn is_over(&self) -> bool {
        let deadline = self.deadline.load(Ordering::Relaxed);
        if deadline == u64::MAX {
            return false;
        }
        let late = self.began.elapsed().as_micros() > u128::from(deadline);
        if late {
            self.timed_out.store(true, Ordering::Relaxed);
        }
        late || self.stop.get().is_some_and(|wanted| wanted())
    }

    fn authorize(&self, context: &AuthContext<'_>) -> Authorization {
        let verdict = match self.mode.load(Ordering::Relaxed) {
            m if m == Mode::Own as u8 => Ok(()),
            m if m == Mode::Schema as u8 => schema(&context.action),
            m if m == Mode::Handler as u8 => handler(&context.action),
            _ => query(&context.action),
        };
        match verdict {
            Ok(()) => Authorization::Allow,
            Err(reason) => {
                self.denied
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(reason);
                Authorization::Deny
            }
        }
    }
}

fn function(name: &str) -> Result<(), String> {
    let name = name.to_ascii_lowercase();
    if DENIED_FUNCTIONS.contains(&name.as_str()) {
        Err(format!(
            "{name} is not allowed: its answer changes from run to run. Take what you need from the event \
             (:data, :time, :position, :version)"
        ))
    } else {
        Ok(())
    }
}

fn table(name: &str) -> Result<(), String> {
    if name.to_ascii_lowercase().starts_with(OWN_PREFIX) {
        Err(format!(
            "table {name} is highwater's own: choose another name"
        ))
    } else {
        Ok(())
    }
}

/// What SQLite tells of itself and of the file in tables that are always there: it depends on the program,
/// and on how the file came to be.
fn read(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("pragma_") || lower == "dbstat" {
        Err(format!(
            "{name} is not allowed: its answer changes from run to run. Read your own tables"
        ))
    } else {
        table(name)
    }
}

fn pragma(name: &str, value: Option<&str>) -> Result<(), String> {
    // FTS5 asks for it itself.
    if name.eq_ignore_ascii_case("data_version") && value.is_none() {
        Ok(())
    } else {
        Err(format!(
            "PRAGMA {name} is not allowed in a projection's file: remove it"
        ))
    }
}

/// What every part of a file may do: read its own tables.
fn query(action: &AuthAction<'_>) -> Result<(), String> {
    match action {
        AuthAction::Select | AuthAction::Recursive => Ok(()),
        AuthAction::Read { table_name, .. } => table(table_name),
        AuthAction::Function { function_name }
            if !function_name.eq_ignore_ascii_case("load_extension") =>
        {
            Ok(())
        }
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => pragma(pragma_name, *pragma_value),
        other => Err(format!(
            "{} is not allowed here: a query only reads",
            word(other)
        )),
    }
}

fn handler(action: &AuthAction<'_>) -> Result<(), String> {
    match action {
        AuthAction::Function { function_name } => function(function_name),
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. } => {
            if table_name.to_ascii_lowercase().starts_with("sqlite_") {
                return Err(format!(
                    "changing {table_name} is not allowed: it is SQLite's own"
                ));
            }
            table(table_name)
        }
        AuthAction::Read { table_name, .. } => read(table_name),
        AuthAction::Select | AuthAction::Recursive | AuthAction::Pragma { .. } => query(action),
        other => Err(format!(
            "{} is not allowed in a handler: tables are made under `-- schema`",
            word(other)
        )),
    }
}

fn schema(action: &AuthAction<'_>) -> Result<(), String> {
    match action {
        AuthAction::CreateTable { table_name }
        | AuthAction::CreateIndex { table_name, .. }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::DropTable { table_name } => table(table_name),
        AuthAction::CreateView { view_name } => table(view_name),
        AuthAction::CreateVtable {
            table_name,
            module_name,
        } => {
            if ["fts5", "rtree", "geopoly"].contains(&module_name.to_ascii_lowercase().as_str()) {
                table(table_name)
            } else {
                Err(format!(
                    "virtual tables of {module_name} are not allowed: fts5 and rtree are"
                ))
            }
        }
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. } => table(table_name),
        AuthAction::Reindex { .. } => Ok(()),
        AuthAction::Function { .. } | AuthAction::Select | AuthAction::Recursive => handler(action),
        AuthAction::Read { table_name, .. } => read(table_name),
        AuthAction::Pragma { .. } => query(action),
        other => Err(format!(
            "{} is not allowed in `-- schema`: it makes tables, indexes, views and triggers",
            word(other)
        )),
    }
}

/// An action in SQL's words.
fn word(action: &AuthAction<'_>) -> String {
    let word = match action {
        AuthAction::Attach { .. } => "ATTACH",
        AuthAction::Detach { .. } => "DETACH",
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => {
            "BEGIN, COMMIT or SAVEPOINT"
        }
        AuthAction::AlterTable { .. } => "ALTER TABLE",
        AuthAction::Analyze { .. } => "ANALYZE",
        AuthAction::Insert { .. } => "INSERT",
        AuthAction::Update { .. } => "UPDATE",
        AuthAction::Delete { .. } => "DELETE",
        AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. } => "CREATE TEMP",
        AuthAction::CreateTable { .. } | AuthAction::CreateVtable { .. } => "CREATE TABLE",
        AuthAction::CreateIndex { .. } => "CREATE INDEX",
        AuthAction::CreateTrigger { .. } => "CREATE TRIGGER",
        AuthAction::CreateView { .. } => "CREATE VIEW",
        AuthAction::Function { function_name } => return format!("{function_name}()"),
        other => return format!("{other:?}"),
    };
    word.to_owned()
}
