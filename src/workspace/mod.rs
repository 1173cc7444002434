//! A workspace: a folder with its configuration, log and read models; starts and stops the engine,
//! observes and operates.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::event::NameError;
use crate::log::sqlite::{Limits, LogOptions, SqliteLog};
use crate::log::{AppendError, LogError, SharedLog};
use crate::read::{
    DefinitionError, FILE_LIMIT, ModelError, Projection as _, QueryError, Reader, RunnerError,
    SqlProjection,
};
use crate::write::{Commands, SendError, SqliteSnapshots};

mod ask;
mod config;
mod engine;
mod folder;
mod known;
mod observe;
mod operations;
mod operator;
mod preview;
mod readers;
mod report;
mod send;
mod snapshot;
mod supervisor;

pub use ask::{Answered, Consistency, ConsistencyError, NotFreshError, QueryFailed};
pub use config::{CONFIG_FILE, CONFIG_TEMPLATE, Config, LimitsConfig};
pub use engine::Engine;
pub use folder::Folder;
pub use operations::Operation;
pub use operator::{Done, OperateError, Operator};
pub use preview::Preview;
pub use send::{Sent, Visibility as SentVisibility};
pub use snapshot::{
    CommandCounts, EngineInfo, Fault, HISTORY, ProjectionView, QueryInfo, RECENT_EVENTS, Rates,
    RebuildView, Snapshot, Visibility, WorkspaceInfo,
};

pub use crate::log::Durability;
pub use crate::read::Policy;
pub use crate::write::{CommandInfo, Outcome};

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
    /// Neither the folder nor one above it is a workspace.
    #[error(
        "no workspace at {start} or above it: give one with -w DIR or HIGHWATER_WORKSPACE, make one with \
         `highwater init DIR`, or look around in `highwater demo`"
    )]
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
    /// A projection's file is wrong.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log did not store something.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A read model's file.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A read model.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// A query.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A command.
    #[error(transparent)]
    Send(#[from] SendError),
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
    projections: Vec<Arc<SqlProjection>>,
    problems: Vec<String>,
    counts: Mutex<CommandCounts>,
    known: tokio::sync::Mutex<known::Known>,
    readers: readers::Readers,
    /// Told when a read model moved, where that is this process's work.
    moved: Arc<tokio::sync::Notify>,
}

impl Workspace {
    /// Opens a folder. `domains` gives the commands that go by a name in `highwater.toml`.
    ///
    /// A projection's file that is broken is told of by [`problems`](Self::problems), and what was built
    /// from the last good one goes on.
    ///
    /// Errors: no workspace, a bad configuration, a log that cannot be used.
    pub fn open(
        folder: Folder,
        domains: impl FnOnce(&str) -> Option<Commands>,
    ) -> Result<Self, WorkspaceError> {
        let config = Config::read(folder.path())?;
        let commands = match config.domain.as_str() {
            "none" => Commands::new(),
            name => domains(name).ok_or_else(|| WorkspaceError::Domain {
                path: folder.path().join(CONFIG_FILE),
                domain: name.to_owned(),
                known: "write \"shop\" or \"none\"".to_owned(),
            })?,
        };
        folder.prepare()?;
        let log = Arc::new(SqliteLog::create_or_open(
            &folder.data(),
            log_options(&config),
        )?);
        let commands = commands.with_snapshots(SqliteSnapshots::at(folder.snapshots()));
        let upcasting = commands.upcasting(Arc::clone(&log) as SharedLog);
        let (projections, problems) = read_projections(&folder)?;
        let counts = Mutex::default();
        Ok(Self(Arc::new(Inner {
            folder,
            config,
            log,
            upcasting,
            commands,
            projections,
            problems,
            counts,
            known: tokio::sync::Mutex::default(),
            readers: readers::Readers::default(),
            moved: Arc::default(),
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

    /// Its projections, by name.
    pub fn projections(&self) -> &[Arc<SqlProjection>] {
        &self.0.projections
    }

    /// What is wrong with projections' files, a sentence with file, line and column each.
    pub fn problems(&self) -> &[String] {
        &self.0.problems
    }

    /// The projection of this name. Errors: there is none; a broken file is named.
    pub fn projection(&self, name: &str) -> Result<&Arc<SqlProjection>, WorkspaceError> {
        let found = self
            .0
            .projections
            .iter()
            .find(|projection| projection.name() == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.0.projections.iter().map(|p| p.name()).collect();
            let mut known = if names.is_empty() {
                format!(
                    "write one as {}",
                    self.0.folder.projections().join("NAME.sql").display()
                )
            } else {
                format!("there are {}", names.join(", "))
            };
            let broken = format!("{name}.sql:");
            if let Some(problem) = self
                .0
                .problems
                .iter()
                .find(|problem| problem.starts_with(&broken))
            {
                known = format!("its file is broken. {problem}");
            }
            WorkspaceError::NoProjection {
                name: crate::text::clean(name).into_owned(),
                known,
            }
        })
    }

    /// Starts an engine in this process, for all projections or for one. Called within a tokio runtime.
    ///
    /// What another engine owns stays with it; this one stands by. Errors: the system.
    pub fn start(&self, only: Option<&str>) -> Result<Engine, WorkspaceError> {
        let wanted = |name: &str| only.is_none_or(|only| only == name);
        let projections: Vec<_> = self
            .0
            .projections
            .iter()
            .filter(|projection| wanted(projection.name()))
            .cloned()
            .collect();
        Engine::start(&self.0.folder, &self.log(), &projections, &self.0.moved)
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

type Projections = (Vec<Arc<SqlProjection>>, Vec<String>);

fn read_projections(folder: &Folder) -> Result<Projections, WorkspaceError> {
    let (mut projections, mut problems) = (Vec::new(), Vec::new());
    for path in projection_files(&folder.projections())? {
        let name = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        match read_projection(&name, &path) {
            Ok(projection) => projections.push(Arc::new(projection)),
            Err(problem) => {
                let last_good = Reader::open(&folder.versions(&name), &name).ok();
                let last_good =
                    last_good.and_then(|r| SqlProjection::parse(&name, &r.definition().text).ok());
                if let Some(projection) = last_good {
                    projections.push(Arc::new(projection));
                }
                problems.push(problem);
            }
        }
    }
    Ok((projections, problems))
}

fn projection_files(folder: &Path) -> Result<Vec<PathBuf>, WorkspaceError> {
    let fail = |e: std::io::Error| WorkspaceError::Io {
        path: folder.to_owned(),
        reason: e.to_string(),
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(fail(e)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|e| e == "sql") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_projection(name: &str, path: &Path) -> Result<SqlProjection, String> {
    let words = |e: std::io::Error| format!("{}: {e}", path.display());
    let size = std::fs::metadata(path).map_err(words)?.len();
    if size > FILE_LIMIT as u64 {
        return Err(format!(
            "{}: {size} bytes: the limit is {FILE_LIMIT} bytes",
            path.display()
        ));
    }
    let text = std::fs::read_to_string(path).map_err(words)?;
    SqlProjection::parse(name, &text).map_err(|e| e.to_string())
}

/// How long something may take before whoever asked is answered.
pub const PATIENCE: Duration = Duration::from_secs(5);
