//! A workspace: a folder with its configuration, log and read models; starts and stops the engine,
//! observes and operates.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::time::Duration;

use crate::event::{NameError, Position, Timestamp};
use crate::log::sqlite::{Limits, LogOptions, SqliteLog};
use crate::log::{AppendError, LogError, SharedLog};
use crate::read::{
    DefinitionError, FoldError, ModelError, Projection, QueryError, RepairError, RunnerError,
    VerifyError,
};
use crate::text::{human_bytes, program, thousands};
use crate::write::{Commands, ProcessError, SendError, SqliteSnapshots};

mod ask;
mod audit;
mod browse;
mod built;
mod catalogue;
mod causes;
mod compare;
mod config;
mod diff;
mod domain;
mod engine;
mod events;
mod faults;
mod folder;
mod giving;
mod keys;
mod known;
mod looking;
mod manager;
mod objectives;
mod observe;
mod observing;
mod operations;
mod operator;
mod parked;
mod past;
mod preview;
mod questions;
mod readers;
mod recent;
mod repair;
mod report;
mod saved;
mod send;
mod service;
mod snapshot;
mod state_tables;
mod steps;
mod story;
mod supervisor;
mod unkeyed;
mod verify;
mod versions;
mod watching;

use catalogue::Catalogue;
use tokio::sync::watch;

pub use ask::{Answered, Consistency, ConsistencyError, NotFreshError, QueryFailed};
pub use audit::Undone;
pub use built::BuiltFrom;
pub use causes::Caused;
pub use compare::{Compared, Held};
pub use config::{CONFIG_FILE, CONFIG_TEMPLATE, Config, LimitsConfig, ShopConfig};
pub use domain::Domain;
pub use engine::Engine;
pub use events::{Direction, EVENTS_OF_A_PAGE, EventFilter, EventsPage};
pub use faults::{FaultError, FaultOrder, INJECTED, Injected, Poison};
pub use folder::Folder;
pub use keys::{KeyRows, KeyedModel};
pub use looking::{Looking, Moment};
pub use operations::{
    CannotUndo, LONGEST_REASON, Operation, Recorded, RecordedOutcome, Turn, Which, reason,
};
pub use operator::{Done, OperateError, Operator};
pub use parked::ParkedBeside;
pub use past::{AsOf, AsOfError};
pub use preview::Preview;
pub use recent::Keys;
pub use send::{Sent, Visibility as SentVisibility};
pub use service::{MOST_ARRIVALS, OVER, Service, TARGET, WhatIf};
pub use snapshot::{
    Asked, Bucket, CommandCounts, EngineInfo, Fault, HISTORY, ProjectionView, QueryInfo,
    RECENT_EVENTS, Rates, RebuildView, Snapshot, Visibility, WorkspaceInfo,
};
pub use state_tables::StateSeen;
pub use steps::{After, Change, FOLDED_BEFORE, STEPS_OF_A_PAGE, States, Step, Steps};

pub use story::Story;
pub use unkeyed::Unkeyed;
pub use versions::{Role, VersionInfo};

pub use crate::log::Durability;
pub use crate::read::{
    Ahead, Because, Beside, Browse, Cell, Changed, Checked, Coming, ComingRow, ComingTable,
    Comparison, Contents, Counted, Diff, Difference, Mending, Mends, OfStream, ParkedCount,
    ParkedEvent, ParkedSum, PassedBy, Past, Phase, Policy, Progress, Rows, Shape, Shown, Side,
    TableInfo, Without, Work,
};
pub use crate::read::{RowFilter, RowsPage};
pub use crate::write::{CommandInfo, Outcome, Problem, check_field, from_word, from_words, near};

/// Why a workspace could not be opened or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkspaceError {
    /// The folder is no workspace.
    #[error("{path} is not a workspace: {why}")]
    NotAWorkspace {
        /// The folder.
        path: PathBuf,
        /// What is missing, and the way out.
        why: String,
    },
    /// The reason that was given is none.
    #[error("{0}")]
    Reason(String),
    /// Neither the folder nor one above it is a workspace.
    #[error(
        "no workspace at {start} or above it: give one with -w DIR or HIGHWATER_WORKSPACE, make one with \
         `{program} init DIR`, or look around in `{program} demo`", program = program())]
    NoneFound {
        /// Where the search began.
        start: PathBuf,
    },
    /// The folder is a workspace already.
    #[error("{path} is a workspace already: it is left as it is")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// `highwater.toml` cannot be understood.
    #[error("{path}: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// The configuration names a domain that this program does not have.
    #[error("{path}: domain {domain:?} is not known: {known}")]
    Domain {
        /// The file.
        path: PathBuf,
        /// What it names.
        domain: String,
        /// What there is.
        known: String,
    },
    /// There is no such projection.
    #[error("there is no projection {name}: {known}")]
    NoProjection {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Its file was removed while somebody waited for what was asked of it.
    #[error("{name}: {what}")]
    FileGone {
        /// The projection.
        name: String,
        /// What becomes of what was asked.
        what: String,
    },
    /// Nothing is built beside the version that answers.
    #[error(
        "no new version of {projection} is built or held: save a change of its file, or \
         `{program} rebuild {projection} --hold`", program = program())]
    NoShadow {
        /// The projection.
        projection: String,
    },
    /// Nothing says which rows belong to a key.
    #[error(
        "{name} does not say which rows belong to a key: write `-- key: COLUMN = CATEGORY` in its file, as \
         `-- key: order_id = order`"
    )]
    NoKey {
        /// The projection.
        name: String,
    },
    /// A projection's file is wrong.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log did not store something.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A key that is not mended.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// A read model's file.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A read model.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// A query.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A read model could not be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A read model could not be folded up to a position.
    #[error("{projection} as it was: {error}")]
    Fold {
        /// The projection.
        projection: String,
        /// Why.
        error: FoldError,
    },
    /// The log has not so many events.
    #[error("position {} is beyond the head: the log ends at {}", thousands(position.get()), thousands(head.get()))]
    BeyondHead {
        /// What was asked for.
        position: Position,
        /// The last position.
        head: Position,
    },
    /// Nobody knows what will be recorded.
    #[error("{time} has not come yet: it is {now}")]
    Future {
        /// What was asked for.
        time: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// There is too little disk for a file that is only needed for a while.
    #[error(
        "{path}: about {} are needed for a while and {} are free: free some space",
        human_bytes(*needed), human_bytes(*free)
    )]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// How many bytes.
        needed: u64,
        /// How many there are.
        free: u64,
    },
    /// A command.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A process manager.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The system said no.
    #[error("{path}: {reason}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
}

impl WorkspaceError {
    fn no_key(projection: &str) -> Self {
        Self::NoKey {
            name: projection.to_owned(),
        }
    }

    /// A fold that failed.
    pub fn fold(projection: &str, error: FoldError) -> Self {
        Self::Fold {
            projection: projection.to_owned(),
            error,
        }
    }

    /// What the system said about a path, with the way out where one is known.
    fn io(path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let way_out = match error.kind() {
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => {
                ": give this user the right to read and write there"
            }
            Kind::StorageFull => ": free some space; what was stored is safe",
            _ => "",
        };
        Self::Io {
            path: path.to_owned(),
            reason: format!("{error}{way_out}"),
        }
    }
}

/// An open workspace. Cheap to clone; the log is closed with the last clone.
#[derive(Clone)]
pub struct Workspace(Arc<Inner>);

struct Inner {
    folder: Folder,
    config: Config,
    /// The log as it is stored.
    log: Arc<SqliteLog>,
    /// The same, with older events in today's form: what read models are made of, and what people see.
    upcasting: SharedLog,
    commands: Commands,
    /// The program's projections.
    own: Vec<Arc<dyn Projection>>,
    catalogue: watch::Sender<Arc<Catalogue>>,
    watched: Once,
    counts: Arc<Mutex<CommandCounts>>,
    known: tokio::sync::Mutex<known::Known>,
    readers: readers::Readers,
    observing: observing::Observing,
    /// Told when a read model moved, where that is this process's work.
    moved: Arc<tokio::sync::Notify>,
    /// There once they are allowed.
    faults: OnceLock<faults::Faults>,
}

/// What a domain brings along.
type Brought = (Commands, Vec<Arc<dyn Projection>>);

impl Workspace {
    /// Opens a folder. `domains` gives the commands that go by a name in `highwater.toml`, with the settings
    /// that stand there.
    ///
    /// A projection's file that is broken is told of by [`problems`](Self::problems), and what was built
    /// from the last good one goes on.
    ///
    /// Errors: no workspace, a bad configuration, a log that cannot be used.
    pub fn open(
        folder: Folder,
        domains: impl FnOnce(&str, &Config) -> Option<Commands>,
    ) -> Result<Self, WorkspaceError> {
        Self::open_with(folder, |name, config| {
            domains(name, config).map(|commands| (commands, Vec::new()))
        })
    }

    /// The same, of a domain that may bring projections along.
    fn open_with(
        folder: Folder,
        domains: impl FnOnce(&str, &Config) -> Option<Brought>,
    ) -> Result<Self, WorkspaceError> {
        let config = Config::read(folder.path())?;
        let (commands, own) = match config.domain.as_str() {
            "none" => Default::default(),
            name => domains(name, &config).ok_or_else(|| WorkspaceError::Domain {
                path: folder.path().join(CONFIG_FILE),
                domain: name.to_owned(),
                known: "write the name of one that this program has, or \"none\", or open the workspace with \
                        the program that has it"
                    .to_owned(),
            })?,
        };
        folder.prepare()?;
        let log = Arc::new(SqliteLog::create_or_open(
            &folder.data(),
            log_options(&config),
        )?);
        let commands = commands.with_snapshots(SqliteSnapshots::at(folder.snapshots()));
        let upcasting = commands.upcasting(Arc::clone(&log) as SharedLog);
        let catalogue = Catalogue::read(&folder, &own, &Catalogue::default())?;
        let counts = Arc::default();
        Ok(Self(Arc::new(Inner {
            folder,
            config,
            log,
            upcasting,
            commands,
            own,
            catalogue: watch::Sender::new(Arc::new(catalogue)),
            watched: Once::new(),
            counts,
            known: tokio::sync::Mutex::default(),
            readers: readers::Readers::default(),
            observing: observing::Observing::default(),
            moved: Arc::default(),
            faults: OnceLock::new(),
        })))
    }

    /// Where it is.
    pub fn folder(&self) -> &Folder {
        &self.0.folder
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Its name: the configuration's, else the folder's.
    pub fn name(&self) -> String {
        let folder = self
            .0
            .folder
            .path()
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        self.0.config.name.clone().or(folder).unwrap_or_default()
    }

    /// Its log. Events of the domain that were stored in an older form come in today's.
    pub fn log(&self) -> SharedLog {
        Arc::clone(&self.0.upcasting)
    }

    /// Its log as the embedded engine that it is, with every event as it was stored: for checking the whole
    /// of it, and for giving it out.
    pub fn sqlite(&self) -> &SqliteLog {
        &self.0.log
    }

    /// Its commands.
    pub fn commands(&self) -> &Commands {
        &self.0.commands
    }

    /// Its projections as the files have them now, and those of the program, by name.
    pub fn projections(&self) -> Vec<Arc<dyn Projection>> {
        self.0.catalogue.borrow().projections.clone()
    }

    /// What is wrong with projections' files, with file, line and column each.
    pub fn problems(&self) -> Vec<String> {
        self.0.catalogue.borrow().problems.clone()
    }

    /// The projection of this name. Errors: there is none; a broken file is named.
    pub fn projection(&self, name: &str) -> Result<Arc<dyn Projection>, WorkspaceError> {
        let catalogue = Arc::clone(&self.0.catalogue.borrow());
        let found = catalogue
            .projections
            .iter()
            .find(|projection| projection.name() == name);
        let found = found
            .cloned()
            .or_else(|| catalogue::look_again(&self.0.folder, name));
        found.ok_or_else(|| {
            let replicas = format!("{name}@");
            let names: Vec<&str> = catalogue.projections.iter().map(|p| p.name()).collect();
            let of_it: Vec<&str> = names
                .iter()
                .filter(|n| n.starts_with(&replicas))
                .copied()
                .collect();
            let broken = format!("{}.sql:", name.split('@').next().unwrap_or(name));
            let known =
                if let Some(problem) = catalogue.problems.iter().find(|p| p.starts_with(&broken)) {
                    format!("its file is broken. {problem}")
                } else if !of_it.is_empty() {
                    format!("name one of its replicas: {}", of_it.join(", "))
                } else if names.is_empty() {
                    format!(
                        "write one as {}",
                        self.0.folder.projections().join("NAME.sql").display()
                    )
                } else {
                    format!("there are {}", names.join(", "))
                };
            WorkspaceError::NoProjection {
                name: crate::text::clean(name).into_owned(),
                known,
            }
        })
    }

    /// The projections, and a way to wait until a file changes.
    fn catalogue(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.0.watched.call_once(|| catalogue::watch(&self.0));
        self.0.catalogue.subscribe()
    }

    /// Starts an engine in this process, for all projections and processes or for one projection; files that
    /// change while it runs are taken up. Called within a tokio runtime.
    ///
    /// What another engine owns stays with it; this one stands by. Errors: the system.
    pub fn start(&self, only: Option<&str>) -> Result<Engine, WorkspaceError> {
        let without_processes = Commands::new();
        let engine = Engine::start(
            &self.0.folder,
            &self.log(),
            self.catalogue(),
            only,
            &self.0.moved,
            only.map_or(&self.0.commands, |_| &without_processes),
            &self.0.counts,
            self.0.faults.get(),
        )?;
        if only.is_none() {
            tokio::spawn(objectives::keep(self.clone(), engine.stopped()));
        }
        Ok(engine)
    }

    /// The process that runs the engine; `None` where nobody does.
    pub fn engine(&self) -> Option<u32> {
        engine::running(&self.0.folder)
    }

    /// What commands came to in this process.
    pub fn counts(&self) -> CommandCounts {
        *self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One picture of everything, counted as far as a second of work reaches.
    ///
    /// Errors: the log cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot, WorkspaceError> {
        observe::once(self).await
    }
}

fn log_options(config: &Config) -> LogOptions {
    let most = Limits::default();
    LogOptions {
        durability: config.durability,
        limits: Limits {
            data: config.limits.data.unwrap_or(most.data),
            metadata: config.limits.metadata.unwrap_or(most.metadata),
            events_a_commit: config.limits.events.unwrap_or(most.events_a_commit),
        },
        ..LogOptions::default()
    }
}

/// How long something may take before whoever asked is answered.
pub const PATIENCE: Duration = Duration::from_secs(5);
