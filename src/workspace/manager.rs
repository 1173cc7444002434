//! Runs one process manager while this process owns it: steps, waits, and keeps how far it has read in a file
//! beside the data.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::folder::Folder;
use super::report::ProcessReport;
use super::send::count;
use super::supervisor::{AFTER_ERROR, FirstAttempt, STAND_BY};
use super::{CommandCounts, WorkspaceError};
use crate::crash;
use crate::event::{Position, Timestamp};
use crate::log::SharedLog;
use crate::write::{AnyProcess, Commands, ProcessCheckpoint, ProcessRunner, ProcessStep};

/// How often the checkpoint is written at most.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// How often the report is made up at most, while there is work.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// A timer is looked at again after this at the latest: the clock may have been set meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What a manager needs to know.
pub(super) struct Management {
    pub folder: Folder,
    pub log: SharedLog,
    pub commands: Commands,
    pub process: AnyProcess,
    /// What commands came to in this process of the system.
    pub counts: Arc<Mutex<CommandCounts>>,
    /// Where it says how it is; `None` while it is not the owner.
    pub report: watch::Sender<Option<ProcessReport>>,
    /// Told when `report` has changed.
    pub changed: Arc<Notify>,
    /// Counts those that own what they are for, or know that another engine does.
    pub attempted: watch::Sender<usize>,
    pub stop: watch::Receiver<bool>,
    pub runtime: Handle,
}

/// Runs until told to stop. Errors are reported and tried again: nothing ends this loop but `stop`.
pub(super) fn run(management: &Management) {
    let name = management.process.category();
    let mut first = FirstAttempt::of(&management.attempted);
    let mut stop = management.stop.clone();
    while !*management.stop.borrow() {
        // No projection can have this name: it is no file's.
        let ended = management.folder.try_own(&format!("$process-{name}"));
        let ended = ended.and_then(|lock| match lock {
            Some(lock) => {
                let ended = management.runtime.block_on(own(management, &mut first));
                drop(lock);
                ended.map(|()| None)
            }
            None => Ok(Some(STAND_BY)),
        });
        let pause = match ended {
            Ok(None) => return,
            Ok(Some(pause)) => {
                // Whoever owns it speaks of it now.
                management.report.send_replace(None);
                pause
            }
            Err(error) => {
                tracing::error!(process = name, %error, "the process's loop failed");
                management.say(ProcessReport {
                    problem: Some(error.to_string()),
                    ..ProcessReport::default()
                });
                AFTER_ERROR
            }
        };
        first.made();
        management.runtime.block_on(async {
            drop(tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await);
        });
    }
}

impl Management {
    fn say(&self, report: ProcessReport) {
        let new = self.report.send_if_modified(|said| {
            let new = said.as_ref() != Some(&report);
            *said = Some(report);
            new
        });
        if new {
            self.changed.notify_one();
        }
    }
}

async fn own(management: &Management, first: &mut FirstAttempt) -> Result<(), WorkspaceError> {
    let file = CheckpointFile(management.folder.process(management.process.category()));
    let mut runner = ProcessRunner::start(
        management.process.clone(),
        Arc::clone(&management.log),
        management.commands.clone(),
        file.read(),
    )
    .await?;
    let mut owned = Owned {
        management,
        file,
        saved: Instant::now(),
        said: None,
        position: runner.position(),
    };
    owned.report(&runner);
    first.made();
    let worked = owned.work(&mut runner).await;
    owned.save(&runner);
    management.report.send_replace(None);
    worked
}

/// What surrounds the runner while this process owns it.
struct Owned<'a> {
    management: &'a Management,
    file: CheckpointFile,
    /// When the checkpoint was written last.
    saved: Instant,
    /// When it was last said how it is.
    said: Option<Instant>,
    /// The position of the checkpoint that was written last.
    position: Position,
}

impl Owned<'_> {
    async fn work(&mut self, runner: &mut ProcessRunner) -> Result<(), WorkspaceError> {
        while !*self.management.stop.borrow() {
            match runner.step(Timestamp::now()).await? {
                ProcessStep::Moved(outcome) => {
                    if let Some(outcome) = outcome {
                        count(&self.management.counts, &outcome);
                    }
                    self.keep_up(runner, false);
                }
                ProcessStep::Rest { until, past } => {
                    self.keep_up(runner, true);
                    self.sleep(until, past).await?;
                }
            }
        }
        Ok(())
    }

    /// Says how it is, and writes the checkpoint, where it is time for that.
    fn keep_up(&mut self, runner: &ProcessRunner, at_rest: bool) {
        if at_rest || self.said.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            self.report(runner);
        }
        if self.saved.elapsed() >= SAVE_EVERY && runner.position() != self.position {
            self.save(runner);
        }
    }

    fn report(&mut self, runner: &ProcessRunner) {
        self.said = Some(Instant::now());
        self.management.say(ProcessReport {
            position: runner.position(),
            open: runner.open(),
            problem: None,
        });
    }

    /// Without it the next start reads more of the log; so a failure is no reason to stop.
    fn save(&mut self, runner: &ProcessRunner) {
        self.saved = Instant::now();
        self.position = runner.position();
        if let Err(error) = self.file.write(&runner.checkpoint()) {
            let path = self.file.0.display();
            tracing::warn!(%path, %error, "a process's checkpoint cannot be written");
        }
    }

    /// Until the log is past a position, a timer is due, or somebody wants this to stop.
    async fn sleep(&self, until: Option<Timestamp>, past: Position) -> Result<(), WorkspaceError> {
        let timer = until.map(|until| {
            let left = until.duration_since(Timestamp::now());
            Duration::try_from(left)
                .unwrap_or_default()
                .min(LONGEST_WAIT)
        });
        let save = (past != self.position).then(|| SAVE_EVERY.saturating_sub(self.saved.elapsed()));
        let deadline = timer.into_iter().chain(save).min();
        let deadline = deadline.map(|wait| Instant::now() + wait);
        let mut stop = self.management.stop.clone();
        tokio::select! {
            waited = self.management.log.wait(past, deadline) => Ok(waited.map(drop)?),
            _ = stop.wait_for(|stop| *stop) => Ok(()),
        }
    }
}

/// Where a process's checkpoint is kept. Not synced: after a power loss it may be older or gone, and then more
/// of the log is read again, which changes nothing.
struct CheckpointFile(PathBuf);

impl CheckpointFile {
    fn read(&self) -> ProcessCheckpoint {
        let text = fs::read(&self.0).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn write(&self, checkpoint: &ProcessCheckpoint) -> std::io::Result<()> {
        let fresh = self.0.with_extension("new");
        fs::write(&fresh, serde_json::to_vec(checkpoint)?)?;
        crash::point("process-before-checkpoint");
        fs::rename(fresh, &self.0)?;
        crash::point("process-after-checkpoint");
        Ok(())
    }
}
