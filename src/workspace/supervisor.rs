//! Runs one projection: owns its lock, its live version and what is built beside it, and carries out
//! what its system stream asks for. One thread; between two steps everything can be changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::WorkspaceError;
use super::faults::{Faults, Injected};
use super::folder::Folder;
use super::operations::{self, Operations, Request};
use super::report::{self, Progress, TroubleReport};
use crate::event::{Position, StreamId, Timestamp};
use crate::log::SharedLog;
use crate::read::{Blame, ModelSpent, Now, Pages, Projection, Runner, Step, Versions, built_from};

mod cutover;
mod faulty;
mod parked;
mod rebuild;
mod repair;
mod requests;
mod stepping;
mod turns;
mod visibility;

use parked::Retrying;
pub(super) use stepping::Stepping;

use rebuild::{Shadow, live_model};
use repair::Repairing;
use requests::record_definition;
use visibility::Visibility;

/// How soon a stand-by notices that an owner is gone.
pub(super) const STAND_BY: Duration = Duration::from_millis(300);

/// How often the system stream is looked at while the log grows.
const LOOK_AT_OPERATIONS: Duration = Duration::from_millis(20);

/// How often it is looked whether somebody removed the files that are written.
const LOOK_AT_FILES: Duration = Duration::from_secs(1);

/// After an error of the system: how long until the next attempt.
pub(super) const AFTER_ERROR: Duration = Duration::from_secs(1);

/// What a supervisor needs to know.
pub(super) struct Charge {
    pub folder: Folder,
    pub log: SharedLog,
    /// The same in pages, for all that are far behind.
    pub pages: Arc<Pages>,
    pub name: String,
    /// What its file says, and will say.
    pub projection: watch::Receiver<Arc<dyn Projection>>,
    /// Where it says how it is; `None` while it is not the owner.
    pub progress: watch::Sender<Option<Progress>>,
    /// Told when `progress` has changed.
    pub changed: Arc<Notify>,
    /// Told when the read model moved.
    pub moved: Arc<Notify>,
    /// Counts the supervisors that own their projection, or know that another engine does.
    pub attempted: watch::Sender<usize>,
    /// What may be injected; `None` where faults are not allowed.
    pub faults: Option<Faults>,
    pub stop: watch::Receiver<bool>,
    pub runtime: Handle,
    pub started: Instant,
    /// Since when it is in the step that it is in.
    pub stepping: Stepping,
    /// Whether this engine has an eye on objectives.
    pub watches_objectives: bool,
    /// Set before it is told to stop, where that is because its file is gone.
    pub removed: Arc<AtomicBool>,
}

/// The live version and everything around it, while this process owns the projection.
struct Owned<'a> {
    charge: &'a Charge,
    /// What the file says now, as far as it was taken up.
    projection: Arc<dyn Projection>,
    defined: watch::Receiver<Arc<dyn Projection>>,
    stream: StreamId,
    versions: Versions,
    operations: Operations,
    live: Runner,
    /// What the live version is folded with where it has no fault.
    plain: Arc<dyn Projection>,
    faults_changed: Option<watch::Receiver<BTreeMap<String, Injected>>>,
    shadow: Option<Shadow>,
    /// Replays and applications that began and are not finished.
    under_way: Vec<(Request, Position)>,
    /// Parked events that are being tried again.
    retrying: Option<Retrying>,
    /// The key that is being mended.
    repairing: Option<Repairing>,
    progress: Progress,
    visibility: Visibility,
}

/// Runs until told to stop. Errors are reported and tried again: nothing ends this loop but `stop`.
pub(super) fn run(charge: &Charge) {
    let mut first = FirstAttempt::of(&charge.attempted);
    while !*charge.stop.borrow() {
        let ended = charge.folder.try_own(&charge.name);
        let ended = ended.and_then(|lock| match lock {
            Some(lock) => {
                tracing::info!("{}: this engine applies events to it now", charge.name);
                let ended = charge.runtime.block_on(own(charge, &mut first));
                drop(lock);
                ended.map(|()| None)
            }
            None => Ok(Some(STAND_BY)),
        });
        let pause = match ended {
            Ok(None) => return,
            Ok(Some(pause)) => {
                // Whoever owns it speaks of it now.
                charge.progress.send_replace(None);
                pause
            }
            Err(error) => {
                tracing::error!(projection = charge.name, %error, "the projection's loop failed");
                let mut progress = Progress::new(charge.projection.borrow().policy());
                progress.problem = Some(error.to_string());
                charge.progress.send_replace(Some(progress));
                charge.changed.notify_one();
                AFTER_ERROR
            }
        };
        let mut stop = charge.stop.clone();
        first.made();
        // Woken by the wish to stop, else by the time.
        charge.runtime.block_on(async {
            drop(tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await)
        });
    }
}

/// Counts this supervisor among those that have made their first attempt, once.
pub(super) struct FirstAttempt(Option<watch::Sender<usize>>);

impl FirstAttempt {
    /// To be counted there.
    pub(super) fn of(attempted: &watch::Sender<usize>) -> Self {
        Self(Some(attempted.clone()))
    }

    pub(super) fn made(&mut self) {
        if let Some(count) = self.0.take() {
            count.send_modify(|count| *count += 1);
        }
    }
}

async fn own(charge: &Charge, first: &mut FirstAttempt) -> Result<(), WorkspaceError> {
    // However this ends, in a panic too, nobody is told afterwards that the loop runs.
    let _disown = Disown(&charge.progress);
    let mut owned = Owned::begin(charge).await?;
    owned.report();
    first.made();
    let outcome = owned.work().await;
    let flushed = owned.flush();
    if charge.removed.load(Ordering::Acquire) {
        owned.end_without_file().await?;
    }
    outcome?;
    flushed
}

/// Takes back what was said of a loop when it is dropped.
struct Disown<'a>(&'a watch::Sender<Option<Progress>>);

impl Drop for Disown<'_> {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

impl<'a> Owned<'a> {
    async fn begin(charge: &'a Charge) -> Result<Self, WorkspaceError> {
        let mut defined = charge.projection.clone();
        let projection = Arc::clone(&defined.borrow_and_update());
        let stream = operations::stream(&charge.name)?;
        let versions = charge.folder.versions(&charge.name);
        let mut operations = Operations::read(&*charge.log, &stream).await?;
        record_definition(charge, &*projection, &stream, &mut operations).await?;
        let policy = operations.policy.unwrap_or_default();
        let model = live_model(&*projection, &versions)?;
        let folded_with = built_from(&projection, model.about());
        let plain = Arc::clone(&folded_with);
        let log = Arc::clone(&charge.log);
        let mut live =
            Runner::attach(folded_with, log, model, policy, charge.started.elapsed()).await?;
        live.share(&charge.pages);
        let mut owned = Self {
            charge,
            projection,
            defined,
            stream,
            versions,
            operations,
            live,
            plain,
            faults_changed: charge.faults.as_ref().map(Faults::changes),
            shadow: None,
            under_way: Vec::new(),
            retrying: None,
            repairing: None,
            progress: Progress::new(policy),
            visibility: Visibility::new(),
        };
        let stop = charge.stop.clone();
        owned.live.model_mut().stop_when(move || *stop.borrow());
        owned.take_up_faults();
        owned.tell_live()?;
        owned.keep_text()?;
        owned.record_outage().await?;
        owned.carry_out().await?;
        owned.remove_what_was_left()?;
        Ok(owned)
    }

    /// Writes what was folded and is not in the files yet.
    fn flush(&mut self) -> Result<(), WorkspaceError> {
        self.live.flush()?;
        match &mut self.shadow {
            Some(shadow) => Ok(shadow.runner.flush()?),
            None => Ok(()),
        }
    }

    fn now(&self) -> Now {
        Now {
            wall: Timestamp::now(),
            monotonic: self.charge.started.elapsed(),
        }
    }

    /// Other queries or words, the same content: the file keeps the newest text.
    fn keep_text(&mut self) -> Result<(), WorkspaceError> {
        let projection = &self.projection;
        let about = self.live.model().about();
        if about.hash == projection.hash() && about.source != projection.source() {
            self.live.model_mut().set_source(projection.source())?;
        }
        Ok(())
    }

    async fn work(&mut self) -> Result<(), WorkspaceError> {
        let mut looked = Position::START;
        let mut looked_at = Duration::ZERO;
        let mut files_at = Duration::ZERO;
        while !*self.charge.stop.borrow() {
            if self.defined.has_changed().unwrap_or(false) {
                self.redefine().await?;
            }
            let faults = self.faults_changed.as_ref();
            if faults.is_some_and(|faults| faults.has_changed().unwrap_or(false)) {
                self.take_up_faults();
            }
            let now = self.now();
            if now.monotonic >= files_at + LOOK_AT_FILES {
                files_at = now.monotonic;
                self.check_files()?;
            }
            // The head as this process knows it: each step would read the file for it otherwise.
            let head = self.charge.log.wait(looked, Some(Instant::now())).await?;
            if head > looked && now.monotonic >= looked_at + LOOK_AT_OPERATIONS {
                (looked, looked_at) = (head, now.monotonic);
                if self
                    .operations
                    .refresh(&*self.charge.log, &self.stream)
                    .await?
                {
                    self.carry_out().await?;
                }
            }
            self.charge.stepping.begin();
            let rest = self.step().await;
            self.charge.stepping.end();
            let rest = rest?;
            let asked = [self.step_retry().await?, self.step_repair().await?];
            let rest = if asked.contains(&true) { None } else { rest };
            self.finish_what_is_done().await?;
            self.report();
            if let Some((until, past)) = rest {
                // What is in the log by now was not looked at for operations yet: that comes next.
                let next_look = (head > looked).then(|| looked_at + LOOK_AT_OPERATIONS);
                let past = past.or_else(|| next_look.is_none().then_some(head));
                let until = earliest(until, Some(files_at + LOOK_AT_FILES));
                self.sleep(earliest(until, next_look), past).await?;
            }
        }
        Ok(())
    }

    /// The file was written: takes up what it says now. Whatever was being built for what it said before
    /// is given up, and what is asked for begins anew.
    async fn redefine(&mut self) -> Result<(), WorkspaceError> {
        self.projection = Arc::clone(&self.defined.borrow_and_update());
        record_definition(
            self.charge,
            &*self.projection,
            &self.stream,
            &mut self.operations,
        )
        .await?;
        self.drop_outdated_shadow()?;
        self.tell_live()?;
        if let Some(shadow) = &mut self.shadow {
            shadow.runner.set_on_error(self.projection.on_error());
        }
        self.keep_text()?;
        self.carry_out().await
    }

    /// One step of the live version; and one of the shadow, which comes second, so that live work never
    /// waits for more than a page of it. `None` when there is more to do at once.
    async fn step(
        &mut self,
    ) -> Result<Option<(Option<Duration>, Option<Position>)>, WorkspaceError> {
        let mut rest = Some((None, None));
        let mut live_moved = false;
        if self.operations.paused.is_none() {
            match self.step_live().await? {
                Step::Moved { .. } => (rest, live_moved) = (None, true),
                Step::Rest { until, past } => rest = Some((until, past)),
            }
        } else {
            self.live.fall_behind();
        }
        let began = Instant::now();
        let step = self.step_shadow(live_moved).await?;
        if step.is_some() {
            self.progress.spent.rebuild_us += micros(began.elapsed());
        }
        match step {
            None => Ok(rest),
            Some(Step::Moved { .. }) => Ok(None),
            Some(Step::Rest { until, .. }) => {
                Ok(rest.map(|(live, past)| (earliest(live, until), past)))
            }
        }
    }

    async fn step_live(&mut self) -> Result<Step, WorkspaceError> {
        let began = Instant::now();
        let stood = self.live.model().checkpoint().position;
        let step = self.live.step(self.now()).await?;
        let visible = Timestamp::now();
        let took = began.elapsed();
        let ModelSpent { apply, commit } = self.live.model_mut().take_spent();
        let spent = &mut self.progress.spent;
        spent.apply_us += micros(apply);
        spent.commit_us += micros(commit);
        if matches!(step, Step::Moved { .. }) {
            spent.load_us += micros(took.saturating_sub(apply + commit));
        }
        if self.live.model().checkpoint().position != stood {
            self.charge.moved.notify_waiters();
        }
        if let Step::Moved { live, applied } = &step
            && (*applied > 0 || !live.is_empty())
        {
            self.progress.applied += applied;
            self.progress.busy_us += micros(took);
            self.visibility
                .record(live, visible, self.charge.started.elapsed());
        }
        Ok(step)
    }

    fn report(&mut self) {
        let parked = self.shadow.as_mut().map(|shadow| shadow.parked().clone());
        let live = &self.live;
        let figures = self.visibility.figures(self.charge.started.elapsed());
        let progress = Progress {
            version: live.model().about().label(),
            policy: live.policy(),
            paused: self.operations.paused.is_some(),
            trouble: live.trouble().map(|trouble| TroubleReport {
                position: trouble.position,
                error: trouble.error.clone(),
                tries: trouble.tries,
                stopped: trouble.next_try.is_none(),
                locked: trouble.blame == Blame::Lock,
            }),
            applied: self.progress.applied,
            busy_us: self.progress.busy_us,
            spent: self.progress.spent,
            stuck_since: None,
            visibility_us: figures.map(|figures| figures.at),
            visible_after_us: figures.map_or_else(Vec::new, |figures| figures.buckets.clone()),
            shadow: self.shadow.as_ref().map(|shadow| {
                let mut report = report::shadow(
                    shadow.label(),
                    shadow.runner.checkpoint(),
                    live.checkpoint().position,
                );
                report.held = shadow.held;
                report.paused = self.operations.rebuild_paused;
                report.parked = parked.unwrap_or_default();
                report
            }),
            parked: live.parked(),
            problem: None,
            injected: (self.charge.faults.as_ref()).and_then(|faults| faults.of(&self.charge.name)),
        };
        if progress != self.progress || self.charge.progress.borrow().is_none() {
            self.progress = progress.clone();
            self.charge.progress.send_replace(Some(progress));
            self.charge.changed.notify_one();
        }
    }

    /// Until the log is past a position, the time has come, or somebody wants this to stop.
    async fn sleep(
        &self,
        until: Option<Duration>,
        past: Option<Position>,
    ) -> Result<(), WorkspaceError> {
        let deadline = until.map(|until| self.charge.started + until);
        let mut stop = self.charge.stop.clone();
        let mut defined = self.defined.clone();
        let mut faults = self.faults_changed.clone();
        let log = async {
            match (past, deadline) {
                (Some(past), deadline) => self.charge.log.wait(past, deadline).await.map(drop),
                (None, Some(deadline)) => {
                    tokio::time::sleep_until(deadline.into()).await;
                    Ok(())
                }
                (None, None) => std::future::pending().await,
            }
        };
        tokio::select! {
            waited = log => waited.map_err(WorkspaceError::from),
            _ = stop.wait_for(|stop| *stop) => Ok(()),
            Ok(()) = defined.changed() => Ok(()),
            Ok(()) = changed(&mut faults) => Ok(()),
        }
    }
}

/// Until there are other faults; for ever where there can be none.
async fn changed(
    faults: &mut Option<watch::Receiver<BTreeMap<String, Injected>>>,
) -> Result<(), watch::error::RecvError> {
    match faults {
        Some(faults) => faults.changed().await,
        None => std::future::pending().await,
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn earliest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    [a, b].into_iter().flatten().min()
}
