//! The handle through which a user interface asks for everything.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::faults::FaultOrder;
use super::operations::{self, Ended, Operation};
use super::{
    CannotUndo, Checked, CommandInfo, Diff, Mending, Outcome, Preview, Recorded, Snapshot, Undone,
    VersionInfo, Work, Workspace, WorkspaceError, report,
};
use crate::event::Position;
use crate::log::EventLog as _;
use crate::read::{ParkedCount, ParkedEvent};
use crate::write::{Request, from_words};

/// Asks an open workspace for things, and sees it live. Cheap to clone.
#[derive(Clone)]
pub struct Operator {
    pub(super) workspace: Workspace,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    poke: Arc<Notify>,
    load: Option<watch::Sender<f64>>,
    /// Where what is typed is kept.
    pub(super) typed: Option<PathBuf>,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Carried out.
    Finished {
        /// What was done, in one sentence.
        what: String,
    },
    /// Refused or failed.
    Failed {
        /// Why, and the way out.
        reason: String,
    },
    /// Stored, but not carried out within the time: it will be when an engine runs.
    Requested,
}

/// Why the workspace could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OperateError(pub String);

impl From<WorkspaceError> for OperateError {
    fn from(error: WorkspaceError) -> Self {
        Self(error.to_string())
    }
}

/// How soon an engine has noticed that a projection's file is gone, and has ended what it built of it.
const ENDS_WITHIN: Duration = Duration::from_secs(3);

impl Workspace {
    /// A handle for a user interface, with live snapshots. Called within a tokio runtime.
    ///
    /// Errors: the first snapshot cannot be taken.
    pub async fn operator(&self) -> Result<Operator, WorkspaceError> {
        let (snapshots, poke) = self.0.observing.join(self).await?;
        Ok(Operator {
            workspace: self.clone(),
            snapshots,
            poke,
            load: None,
            typed: None,
        })
    }

    /// Asks for an operation and waits for its outcome for at most `patience`; `None` waits for as long
    /// as an engine runs.
    ///
    /// Errors: no such projection, its file was removed meanwhile, the log.
    pub async fn operate(
        &self,
        projection: &str,
        operation: Operation,
        patience: Option<Duration>,
    ) -> Result<Done, WorkspaceError> {
        self.projection(projection)?;
        let (_, done) = self.ask_for(projection, &operation, None, patience).await?;
        Ok(done)
    }

    /// The same, for a request that may undo an earlier one; with the position of the event that asked.
    pub(super) async fn ask_for(
        &self,
        projection: &str,
        operation: &Operation,
        undoes: Option<Position>,
        patience: Option<Duration>,
    ) -> Result<(Position, Done), WorkspaceError> {
        let stream = operations::stream(projection)?;
        let operation = &self.named(projection, operation)?;
        let request = operations::request(&*self.0.log, &stream, operation, undoes).await?;
        let deadline = patience.map(|patience| Instant::now() + patience);
        let mut head = request.last;
        let mut gone_since = None;
        loop {
            if let Some(ended) = operations::outcome(&*self.0.log, &stream, &request).await? {
                let done = match ended {
                    Ended::Finished(what) | Ended::Held(what) => Done::Finished { what },
                    Ended::Failed(what) if what == operations::FILE_GONE => {
                        let name = projection.to_owned();
                        return Err(WorkspaceError::FileGone { name, what });
                    }
                    Ended::Failed(reason) => Done::Failed { reason },
                };
                return Ok((request.last, done));
            }
            let over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if over || self.engine().is_none() {
                return Ok((request.last, Done::Requested));
            }
            // What is built ends with the file, and whoever built it says so; the rest waits for its return.
            if self.projection(projection).is_ok() {
                gone_since = None;
            } else if gone_since.get_or_insert_with(Instant::now).elapsed() > ENDS_WITHIN {
                let name = projection.to_owned();
                let what = "its file is gone. What was asked is carried out when that is back";
                let what = what.to_owned();
                return Err(WorkspaceError::FileGone { name, what });
            }
            // An engine that dies meanwhile is noticed within a second.
            let look = Instant::now() + Duration::from_secs(1);
            let until = deadline.map_or(look, |deadline| deadline.min(look));
            head = self.0.log.wait(head, Some(until)).await?;
        }
    }
}

impl Workspace {
    /// An operation that says which version it means: the one there is now. A reason is checked.
    fn named(&self, projection: &str, operation: &Operation) -> Result<Operation, WorkspaceError> {
        let versions = self.folder().versions(projection);
        Ok(match operation {
            Operation::RollBack { from: None } => Operation::RollBack {
                from: versions
                    .live_label()
                    .map_err(|e| WorkspaceError::io(&versions.link(), &e))?,
            },
            Operation::CutOver { version: None } => Operation::CutOver {
                version: self.shadow(projection)?.map(|shadow| shadow.version),
            },
            Operation::Skip { event, reason } => Operation::Skip {
                event: *event,
                reason: operations::reason(reason).map_err(WorkspaceError::Reason)?,
            },
            other => other.clone(),
        })
    }

    /// What is built beside the version that answers, as its engine says.
    pub(super) fn shadow(
        &self,
        projection: &str,
    ) -> Result<Option<report::ShadowReport>, WorkspaceError> {
        let reports = self.folder().reports();
        let reports = report::read_all(&reports).map_err(|e| WorkspaceError::io(&reports, &e))?;
        Ok(report::progress_of(&reports, projection)
            .and_then(|(_, progress)| progress.shadow.clone()))
    }
}

impl Operator {
    /// Takes over a domain's load: whoever receives from the other end sends so many commands a second.
    #[must_use]
    pub fn with_load(self, per_second: watch::Sender<f64>) -> Self {
        Self {
            load: Some(per_second),
            ..self
        }
    }

    /// Asks on a thread of its own, since it reads files for a while.
    pub(super) async fn aside<T, F>(
        &self,
        ask: impl FnOnce(Workspace) -> F + Send + 'static,
    ) -> Result<T, OperateError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, WorkspaceError>>,
    {
        let (workspace, runtime) = (self.workspace.clone(), tokio::runtime::Handle::current());
        let task = tokio::task::spawn_blocking(move || runtime.block_on(ask(workspace)));
        Ok(task.await.map_err(|e| OperateError(e.to_string()))??)
    }

    /// The newest snapshot, and a way to wait for the next.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Every command of the domain, by name, with its JSON Schema.
    pub fn commands(&self) -> Arc<[CommandInfo]> {
        self.workspace.commands().infos().into()
    }

    /// The fields of a command that is written as `key=value` words.
    ///
    /// Errors: no such command; each word that is wrong.
    pub fn parse(&self, command: &str, words: &[String]) -> Result<Value, OperateError> {
        let info = self
            .workspace
            .commands()
            .find(command)
            .map_err(|e| OperateError(e.to_string()))?;
        from_words(info, words).map_err(|problems| {
            OperateError(
                problems
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; "),
            )
        })
    }

    /// Sends a command. Errors: the fields are wrong, or the log could not store it.
    pub async fn send(&self, command: &str, data: Value) -> Result<Outcome, OperateError> {
        let sent = self.workspace.send(Request::new(command, data)).await?;
        self.poke.notify_one();
        Ok(sent.outcome)
    }

    /// Says what an operation would mean. Errors: no such projection, the log, the files.
    pub async fn preview(
        &self,
        projection: &str,
        operation: &Operation,
    ) -> Result<Preview, OperateError> {
        Ok(self.workspace.preview(projection, operation).await?)
    }

    /// Asks for an operation and waits for its outcome for as long as an engine runs; a rebuild's
    /// progress is in the snapshots meanwhile. With the position of the event that asked: what others asked
    /// for may stand after it. Errors: no such projection, the log.
    pub async fn operate(
        &self,
        projection: &str,
        operation: Operation,
    ) -> Result<(Position, Done), OperateError> {
        self.workspace.projection(projection)?;
        let asked = self.workspace.ask_for(projection, &operation, None, None);
        let done = asked.await?;
        self.poke.notify_one();
        Ok(done)
    }

    /// Whether faults can be injected here.
    pub fn allows_faults(&self) -> bool {
        self.workspace.allows_faults()
    }

    /// Injects a fault, or ends faults; says what was done. Errors: as [`Workspace::inject`].
    pub fn inject(&self, order: &FaultOrder) -> Result<String, OperateError> {
        let said = self.workspace.inject(order);
        self.poke.notify_one();
        said.map_err(|error| OperateError(error.to_string()))
    }

    /// How much a read model has parked, and the first 1,000 of these events. Errors: no such projection, its file.
    pub async fn parked(
        &self,
        projection: &str,
    ) -> Result<(ParkedCount, Vec<ParkedEvent>), OperateError> {
        const MOST: usize = 1_000;
        Ok(self.workspace.parked(projection, Position::START, MOST)?)
    }

    /// What was asked of a projection so far, oldest first. Errors: no such projection, the log.
    pub async fn history(&self, projection: &str) -> Result<Vec<Recorded>, OperateError> {
        Ok(self.workspace.history(Some(projection)).await?)
    }

    /// What was asked of all projections so far, oldest first. Errors: the log.
    pub async fn history_of_all(&self) -> Result<Vec<Recorded>, OperateError> {
        Ok(self.workspace.history(None).await?)
    }

    /// Every version of a read model, the newest first. Errors: as [`Workspace::versions`].
    pub async fn versions(&self, projection: &str) -> Result<Vec<VersionInfo>, OperateError> {
        let (workspace, name) = (self.workspace.clone(), projection.to_owned());
        let task = tokio::task::spawn_blocking(move || workspace.versions(&name));
        Ok(task.await.map_err(|e| OperateError(e.to_string()))??)
    }

    /// The rows that differ between the version that answers and the new one: the first 50, each with the
    /// event that explains it. Errors: there is none, or why they could not be compared.
    pub async fn diff(&self, projection: &str) -> Result<Diff, OperateError> {
        const MOST: usize = 50;
        let (workspace, name) = (self.workspace.clone(), projection.to_owned());
        let runtime = tokio::runtime::Handle::current();
        // It reads whole files: on a thread of its own.
        let task = tokio::task::spawn_blocking(move || {
            runtime.block_on(workspace.diff(&name, MOST, &Work::new()))
        });
        Ok(task.await.map_err(|e| OperateError(e.to_string()))??)
    }

    /// Folds a read model again and compares it: the first 50 rows that differ are told. How far it is can be
    /// seen in the work meanwhile, and it can be stopped there. Errors: as [`Workspace::verify`].
    pub async fn verify(&self, projection: &str, work: &Work) -> Result<Checked, OperateError> {
        const MOST: usize = 50;
        let (workspace, name) = (self.workspace.clone(), projection.to_owned());
        let (runtime, work) = (tokio::runtime::Handle::current(), work.clone());
        // It reads whole files: on a thread of its own.
        let task = tokio::task::spawn_blocking(move || {
            runtime.block_on(workspace.verify(&name, MOST, &work))
        });
        Ok(task.await.map_err(|e| OperateError(e.to_string()))??)
    }

    /// What a repair of one key would change. Errors: as [`Workspace::mending`].
    pub async fn mending(&self, projection: &str, key: &str) -> Result<Mending, OperateError> {
        let (workspace, name, key) = (
            self.workspace.clone(),
            projection.to_owned(),
            key.to_owned(),
        );
        let runtime = tokio::runtime::Handle::current();
        let task = tokio::task::spawn_blocking(move || {
            runtime.block_on(workspace.mending(&name, &key, &Work::new()))
        });
        Ok(task.await.map_err(|e| OperateError(e.to_string()))??)
    }

    /// Takes back what was asked of a projection last, and waits for the outcome for as long as an engine
    /// runs. Errors: no such projection, the log.
    pub async fn undo(&self, projection: &str) -> Result<Result<Undone, CannotUndo>, OperateError> {
        let undone = self.workspace.undo(projection, None).await?;
        self.poke.notify_one();
        Ok(undone)
    }

    /// The domain's load: commands a second, 0 for none; `None` where the domain has no load.
    pub fn load(&self) -> Option<f64> {
        self.load.as_ref().map(|load| *load.borrow())
    }

    /// Sets the domain's load, in commands a second; nothing happens where it has none.
    pub fn set_load(&self, per_second: f64) {
        if let Some(load) = &self.load {
            load.send_replace(per_second.max(0.0));
        }
    }

    /// Where the live version of a read model can be opened.
    pub fn path(&self, projection: &str) -> PathBuf {
        self.workspace.folder().versions(projection).link()
    }
}
