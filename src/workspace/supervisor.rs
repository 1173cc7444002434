//! Runs one projection: owns its lock, its live version and what is built beside it, and carries out
//! what its system stream asks for. One thread; between two steps everything can be changed.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::WorkspaceError;
use super::folder::Folder;
use super::operations::{self, Defined, Ended, Operation, Operations, Request};
use super::report::{self, Progress, TroubleReport};
use crate::crash;
use crate::event::{Position, StreamId, Timestamp};
use crate::log::SharedLog;
use crate::read::{
    Model, Now, Policy, Projection, Runner, SqlProjection, Step, Versions, remove_database,
};

/// How soon a stand-by notices that an owner is gone.
const STAND_BY: Duration = Duration::from_millis(300);

/// How often the system stream is looked at while the log grows.
const LOOK_AT_OPERATIONS: Duration = Duration::from_millis(20);

/// After an error of the system: how long until the next attempt.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// What a supervisor needs to know.
pub(super) struct Charge {
    pub folder: Folder,
    pub log: SharedLog,
    pub projection: Arc<SqlProjection>,
    /// Where it says how it is; `None` while it is not the owner.
    pub progress: watch::Sender<Option<Progress>>,
    /// Told when `progress` has changed.
    pub changed: Arc<Notify>,
    /// Counts the supervisors that own their projection, or know that another engine does.
    pub attempted: watch::Sender<usize>,
    pub stop: watch::Receiver<bool>,
    pub runtime: Handle,
    pub started: Instant,
}

/// The live version and everything around it, while this process owns the projection.
struct Owned<'a> {
    charge: &'a Charge,
    stream: StreamId,
    versions: Versions,
    operations: Operations,
    live: Runner,
    shadow: Option<Shadow>,
    /// Replays and applications that began and are not finished.
    under_way: Vec<(Request, Position)>,
    progress: Progress,
    visibility: Visibility,
}

/// A version that is built beside the live one.
struct Shadow {
    runner: Runner,
    request: Option<Request>,
    began: Instant,
}

/// From stored to visible, over the last minute: two halves, so that the older can be dropped.
struct Visibility {
    halves: [Histogram<u64>; 2],
    turned: Duration,
    figures: Option<[u64; 3]>,
    figured: Option<Duration>,
}

/// Runs until told to stop. Errors are reported and tried again: nothing ends this loop but `stop`.
pub(super) fn run(charge: &Charge) {
    let mut first = FirstAttempt(Some(charge.attempted.clone()));
    while !*charge.stop.borrow() {
        let pause = match take_lock(charge) {
            Ok(Some(lock)) => {
                let ended = charge.runtime.block_on(own(charge, &mut first));
                drop(lock);
                let Err(error) = ended else { return };
                tracing::error!(projection = charge.projection.name(), %error, "the projection's loop failed");
                let mut progress = Progress::new(charge.projection.definition().policy);
                progress.problem = Some(error.to_string());
                charge.progress.send_replace(Some(progress));
                charge.changed.notify_one();
                AFTER_ERROR
            }
            Ok(None) => STAND_BY,
            Err(error) => {
                tracing::error!(projection = charge.projection.name(), %error, "the lock cannot be taken");
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

/// The lock is on a file of its own, and the system frees it when a process ends, however it ends.
fn take_lock(charge: &Charge) -> Result<Option<File>, WorkspaceError> {
    let path = charge.folder.lock(charge.projection.name());
    let fail = |e: std::io::Error| WorkspaceError::Io {
        path: path.clone(),
        reason: e.to_string(),
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(e)) => Err(fail(e)),
    }
}

/// Counts this supervisor among those that have made their first attempt, once.
struct FirstAttempt(Option<watch::Sender<usize>>);

impl FirstAttempt {
    fn made(&mut self) {
        if let Some(count) = self.0.take() {
            count.send_modify(|count| *count += 1);
        }
    }
}

async fn own(charge: &Charge, first: &mut FirstAttempt) -> Result<(), WorkspaceError> {
    let mut owned = Owned::begin(charge).await?;
    owned.report();
    first.made();
    let outcome = owned.work().await;
    let flushed = owned.live.flush();
    charge.progress.send_replace(None);
    outcome?;
    Ok(flushed?)
}

impl<'a> Owned<'a> {
    async fn begin(charge: &'a Charge) -> Result<Self, WorkspaceError> {
        let name = charge.projection.name();
        let stream = operations::stream(name)?;
        let versions = charge.folder.versions(name);
        let mut operations = Operations::read(&*charge.log, &stream).await?;
        record_definition(charge, &stream, &mut operations).await?;
        let policy = operations.policy.unwrap_or_default();
        let model = live_model(charge, &versions)?;
        let projection = projection_of(charge, &model);
        let log = Arc::clone(&charge.log);
        let live = Runner::attach(projection, log, model, policy, charge.started.elapsed()).await?;
        let mut owned = Self {
            charge,
            stream,
            versions,
            operations,
            live,
            shadow: None,
            under_way: Vec::new(),
            progress: Progress::new(policy),
            visibility: Visibility::new(),
        };
        owned.keep_text()?;
        owned.carry_out().await?;
        Ok(owned)
    }

    fn now(&self) -> Now {
        Now {
            wall: Timestamp::now(),
            monotonic: self.charge.started.elapsed(),
        }
    }

    /// Other queries or words, the same content: the file keeps the newest text.
    fn keep_text(&mut self) -> Result<(), WorkspaceError> {
        let projection = &self.charge.projection;
        let about = self.live.model().about();
        if about.hash == projection.hash() && about.source != projection.source() {
            self.live.model_mut().set_source(projection.source())?;
        }
        Ok(())
    }

    async fn work(&mut self) -> Result<(), WorkspaceError> {
        let mut looked = Position::START;
        let mut looked_at = Duration::ZERO;
        while !*self.charge.stop.borrow() {
            let now = self.now();
            let head = self.charge.log.head().await?;
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
            let rest = self.step().await?;
            self.finish_what_is_done().await?;
            self.report();
            if let Some((until, past)) = rest {
                // What is in the log by now was not looked at for operations yet: that comes next.
                let next_look = (head > looked).then(|| looked_at + LOOK_AT_OPERATIONS);
                let past = past.or_else(|| next_look.is_none().then_some(head));
                self.sleep(earliest(until, next_look), past).await?;
            }
        }
        Ok(())
    }

    /// One step of the live version; and one of the shadow, which comes second, so that live work never
    /// waits for more than a page of it. `None` when there is more to do at once.
    async fn step(
        &mut self,
    ) -> Result<Option<(Option<Duration>, Option<Position>)>, WorkspaceError> {
        let mut rest = Some((None, None));
        if !self.operations.paused {
            match self.step_live().await? {
                Step::Moved { .. } => rest = None,
                Step::Rest { until, past } => rest = Some((until, past)),
            }
        }
        if self.shadow.is_some() && self.step_shadow().await? {
            rest = None;
        }
        Ok(rest)
    }

    async fn step_live(&mut self) -> Result<Step, WorkspaceError> {
        let began = Instant::now();
        let step = self.live.step(self.now()).await?;
        if let Step::Moved { live, applied } = &step
            && *applied > 0
        {
            let visible = Timestamp::now();
            self.progress.applied += applied;
            self.progress.busy_us += u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.visibility
                .record(live, visible, self.charge.started.elapsed());
        }
        Ok(step)
    }

    /// Where the shadow has to get to before it may answer: no reader goes back in time.
    async fn target(&self) -> Result<Position, WorkspaceError> {
        if self.live.is_foreign() {
            return Ok(self.charge.log.head().await?);
        }
        let replays = self.under_way.iter().map(|(_, goal)| *goal);
        Ok(replays.fold(self.live.checkpoint().position, Position::max))
    }

    /// Answers whether there is more to do at once.
    async fn step_shadow(&mut self) -> Result<bool, WorkspaceError> {
        let target = self.target().await?;
        let now = self.now();
        let Some(shadow) = &mut self.shadow else {
            return Ok(false);
        };
        shadow.runner.bound_to(target);
        if shadow.runner.checkpoint().position >= target {
            self.cut_over().await?;
            return Ok(true);
        }
        match shadow.runner.step(now).await? {
            Step::Moved { .. } => {}
            Step::Rest { .. } => {
                if let Some(trouble) = shadow.runner.trouble().filter(|t| t.next_try.is_none()) {
                    let reason = format!(
                        "the new version stopped at event {}: {}. The live version goes on; mend the file",
                        trouble.position, trouble.error
                    );
                    self.give_up_shadow(reason).await?;
                }
            }
        }
        Ok(true)
    }

    async fn give_up_shadow(&mut self, reason: String) -> Result<(), WorkspaceError> {
        let Some(shadow) = self.shadow.take() else {
            return Ok(());
        };
        let path = shadow.runner.model().path().to_owned();
        drop(shadow.runner);
        remove_database(&path).map_err(|e| WorkspaceError::Io {
            path,
            reason: e.to_string(),
        })?;
        self.progress.problem = Some(reason.clone());
        match shadow.request {
            Some(request) => self.finish(request, &Ended::Failed(reason)).await,
            None => Ok(()),
        }
    }

    /// Makes the shadow the version that answers. Killed at any point in here, the next owner goes on:
    /// `ARCHITECTURE.md` says how.
    async fn cut_over(&mut self) -> Result<(), WorkspaceError> {
        let Some(Shadow {
            mut runner,
            request,
            began,
        }) = self.shadow.take()
        else {
            return Ok(());
        };
        runner.flush()?;
        crash::point("before-switch");
        let path = runner.model().path().to_owned();
        self.versions
            .switch(&path)
            .map_err(|e| WorkspaceError::Io {
                path: path.clone(),
                reason: e.to_string(),
            })?;
        crash::point("after-switch");
        runner.bound_to(Position::new(u64::MAX));
        runner.set_policy(self.live.policy(), self.charge.started.elapsed());
        let old = std::mem::replace(&mut self.live, runner);
        self.progress.problem = None;
        let about = self.live.model().about();
        let applied = self.live.checkpoint().applied;
        let what = format!(
            "version {} answers: {applied} events in {:.1?}",
            about.label(),
            began.elapsed()
        );
        let kept = old.model().path().to_owned();
        drop(old);
        self.remove_old_versions(&kept)?;
        if let Some(request) = request {
            self.finish(request, &Ended::Finished(what)).await?;
        }
        self.keep_text()?;
        self.carry_out().await
    }

    /// All but the live version and the one before it, which is kept for going back.
    fn remove_old_versions(&self, kept: &std::path::Path) -> Result<(), WorkspaceError> {
        let fail = |e: std::io::Error| WorkspaceError::Io {
            path: kept.to_owned(),
            reason: e.to_string(),
        };
        for (_, path) in self.versions.all().map_err(fail)? {
            if path != kept && path != self.live.model().path() {
                remove_database(&path).map_err(fail)?;
            }
        }
        Ok(())
    }

    /// Begins what is asked for and not begun.
    async fn carry_out(&mut self) -> Result<(), WorkspaceError> {
        let monotonic = self.charge.started.elapsed();
        let policy = self.operations.policy.unwrap_or_default();
        if self.live.policy() != policy {
            self.live.set_policy(policy, monotonic);
        }
        for request in self.operations.pending.clone() {
            if !self.is_under_way(request) {
                self.begin_request(request).await?;
            }
        }
        let changed = self.live.model().about().hash != self.charge.projection.hash();
        if changed && self.shadow.is_none() && self.progress.problem.is_none() {
            self.begin_shadow(None).await?;
        }
        Ok(())
    }

    fn is_under_way(&self, request: Request) -> bool {
        let building = self.shadow.as_ref().and_then(|shadow| shadow.request);
        building == Some(request) || self.under_way.iter().any(|(begun, _)| *begun == request)
    }

    async fn begin_request(&mut self, request: Request) -> Result<(), WorkspaceError> {
        let done = |what: String| Ended::Finished(what);
        match request.operation {
            Operation::Pause => {
                self.live.flush()?;
                let at = self.live.checkpoint().position;
                self.finish(request, &done(format!("stands at position {at}")))
                    .await
            }
            Operation::Resume => {
                self.live.try_again();
                let at = self.live.checkpoint().position;
                self.finish(request, &done(format!("goes on from position {at}")))
                    .await
            }
            Operation::SetPolicy(policy) => {
                self.finish(request, &done(format!("applies by policy {policy}")))
                    .await
            }
            Operation::Apply if self.operations.paused => {
                let why = "it is paused: resume it first".to_owned();
                self.finish(request, &Ended::Failed(why)).await
            }
            Operation::Apply => {
                self.live.allow_to(request.position);
                self.under_way.push((request, request.position));
                Ok(())
            }
            Operation::Rebuild => self.begin_rebuild(request).await,
            Operation::Replay { after } => self.begin_replay(request, after).await,
        }
    }

    async fn begin_rebuild(&mut self, request: Request) -> Result<(), WorkspaceError> {
        if self.live.model().about().request == Some(request.position) {
            // Killed between the switch and its outcome.
            let what = format!("version {} answers", self.live.model().about().label());
            return self.finish(request, &Ended::Finished(what)).await;
        }
        if self.shadow.is_none() {
            self.begin_shadow(Some(request)).await?;
        }
        Ok(())
    }

    /// Begins a new version, or goes on with one that a killed engine began.
    async fn begin_shadow(&mut self, request: Option<Request>) -> Result<(), WorkspaceError> {
        let projection: Arc<dyn Projection> = Arc::clone(&self.charge.projection) as _;
        let asked = request.map(|request| request.position);
        let fail = |e: std::io::Error| WorkspaceError::Io {
            path: self.versions.link(),
            reason: e.to_string(),
        };
        let begun = self
            .versions
            .all()
            .map_err(fail)?
            .into_iter()
            .rev()
            .find_map(|(generation, path)| {
                let model = Model::open(&path).ok()?;
                let newer = generation > self.live.model().about().generation;
                let fits =
                    model.about().hash == projection.hash() && model.about().request == asked;
                (newer && fits).then_some(model)
            });
        let model = match begun {
            Some(model) => model,
            None => {
                let (generation, path) = self.versions.next(projection.hash()).map_err(fail)?;
                crash::point("before-shadow");
                Model::create(&path, &*projection, generation, asked)?
            }
        };
        crash::point("after-shadow");
        let log = Arc::clone(&self.charge.log);
        let monotonic = self.charge.started.elapsed();
        let runner = Runner::attach(projection, log, model, Policy::Live, monotonic).await?;
        self.shadow = Some(Shadow {
            runner,
            request,
            began: Instant::now(),
        });
        Ok(())
    }

    async fn begin_replay(
        &mut self,
        request: Request,
        after: Position,
    ) -> Result<(), WorkspaceError> {
        let goal = self.live.checkpoint().position;
        let begun = self
            .live
            .model()
            .replay()?
            .filter(|replay| replay.request == request.position);
        if let Some(replay) = begun {
            self.live.allow_to(replay.goal);
            self.under_way.push((request, replay.goal));
            return Ok(());
        }
        let refusal = if !self.live_is_replayable() {
            Some(
                "its handlers may not be applied twice. Rebuild it instead, or write `-- replayable: yes` \
                 in its file where that is true"
                    .to_owned(),
            )
        } else if after >= goal {
            Some(format!(
                "nothing to replay: the read model stands at position {goal}"
            ))
        } else if self.operations.paused {
            Some("it is paused: resume it first".to_owned())
        } else {
            None
        };
        if let Some(reason) = refusal {
            return self.finish(request, &Ended::Failed(reason)).await;
        }
        self.live.replay(request.position, after).await?;
        crash::point("after-replay-began");
        self.under_way.push((request, goal));
        Ok(())
    }

    fn live_is_replayable(&self) -> bool {
        let about = self.live.model().about();
        crate::read::Definition::parse(&about.projection, &about.source)
            .is_ok_and(|definition| definition.replayable)
    }

    /// Says the outcome of what has been done by now.
    async fn finish_what_is_done(&mut self) -> Result<(), WorkspaceError> {
        let at = self.live.checkpoint().position;
        let stopped = self
            .live
            .trouble()
            .filter(|trouble| trouble.next_try.is_none())
            .cloned();
        let paused = self.operations.paused;
        let is_over = |goal: Position| at >= goal || stopped.is_some() || paused;
        let (over, under_way) = std::mem::take(&mut self.under_way)
            .into_iter()
            .partition(|(_, goal)| is_over(*goal));
        self.under_way = under_way;
        for (request, goal) in over {
            let ended = match &stopped {
                _ if at >= goal => Ended::Finished(format!("has everything up to position {at}")),
                Some(trouble) => Ended::Failed(format!(
                    "stopped at event {}: {}",
                    trouble.position, trouble.error
                )),
                None => Ended::Failed(format!("paused at position {at}, before {goal}")),
            };
            self.finish(request, &ended).await?;
        }
        Ok(())
    }

    async fn finish(&mut self, request: Request, ended: &Ended) -> Result<(), WorkspaceError> {
        self.operations
            .pending
            .retain(|pending| *pending != request);
        crash::point("before-outcome");
        operations::finish(&*self.charge.log, &self.stream, request, ended).await?;
        crash::point("after-outcome");
        Ok(())
    }

    fn report(&mut self) {
        let live = &self.live;
        let progress = Progress {
            version: live.model().about().label(),
            policy: live.policy(),
            paused: self.operations.paused,
            trouble: live.trouble().map(|trouble| TroubleReport {
                position: trouble.position,
                error: trouble.error.clone(),
                tries: trouble.tries,
                stopped: trouble.next_try.is_none(),
            }),
            applied: self.progress.applied,
            busy_us: self.progress.busy_us,
            visibility_us: self.visibility.figures(self.charge.started.elapsed()),
            shadow: self.shadow.as_ref().map(|shadow| {
                let version = shadow.runner.model().about().label();
                report::shadow(
                    version,
                    shadow.runner.checkpoint(),
                    live.checkpoint().position,
                )
            }),
            problem: self.progress.problem.clone(),
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
        }
    }
}

fn earliest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    [a, b].into_iter().flatten().min()
}

/// Records what the file says, where that is not what was recorded last.
async fn record_definition(
    charge: &Charge,
    stream: &StreamId,
    operations: &mut Operations,
) -> Result<(), WorkspaceError> {
    let definition = charge.projection.definition();
    let defined = Defined {
        hash: definition.hash.clone(),
        policy: definition.policy,
    };
    if operations.defined.as_ref() != Some(&defined) {
        operations::define(&*charge.log, stream, &defined).await?;
        operations.refresh(&*charge.log, stream).await?;
    }
    Ok(())
}

/// The version that answers; made, where there is none yet.
fn live_model(charge: &Charge, versions: &Versions) -> Result<Model, WorkspaceError> {
    let fail = |e: std::io::Error| WorkspaceError::Io {
        path: versions.link(),
        reason: e.to_string(),
    };
    if let Some(path) = versions.live().map_err(fail)? {
        return Ok(Model::open(&path)?);
    }
    let projection = &*charge.projection;
    // A kill may have come between making the first version and linking it.
    let begun = versions
        .all()
        .map_err(fail)?
        .into_iter()
        .find_map(|(_, path)| {
            Model::open(&path)
                .ok()
                .filter(|model| model.about().hash == projection.hash())
        });
    let model = match begun {
        Some(model) => model,
        None => {
            let (generation, path) = versions.next(projection.hash()).map_err(fail)?;
            Model::create(&path, projection, generation, None)?
        }
    };
    crash::point("before-first-link");
    versions.switch(model.path()).map_err(fail)?;
    Ok(model)
}

/// What the live version is folded with: the file's definition, or the one that it was built from.
fn projection_of(charge: &Charge, model: &Model) -> Arc<dyn Projection> {
    let about = model.about();
    if about.hash == charge.projection.hash() {
        return Arc::clone(&charge.projection) as _;
    }
    match SqlProjection::parse(&about.projection, &about.source) {
        Ok(built_from) => Arc::new(built_from),
        Err(_) => Arc::clone(&charge.projection) as _,
    }
}

impl Visibility {
    const HALF: Duration = Duration::from_secs(30);

    /// Adding histograms up costs more than a step does: not more often than anybody reads it.
    const FIGURES_EVERY: Duration = Duration::from_millis(200);

    fn new() -> Self {
        // 1 µs to an hour, to two digits: the bounds are constant and valid.
        let half =
            || Histogram::new_with_bounds(1, 3_600_000_000, 2).unwrap_or_else(|_| unreachable!());
        Self {
            halves: [half(), half()],
            turned: Duration::ZERO,
            figures: None,
            figured: None,
        }
    }

    fn record(&mut self, recorded: &[Timestamp], visible: Timestamp, monotonic: Duration) {
        self.turn(monotonic);
        for at in recorded {
            let took = visible.as_microsecond() - at.as_microsecond();
            self.halves[0].saturating_record(u64::try_from(took).unwrap_or(0).max(1));
        }
    }

    fn turn(&mut self, monotonic: Duration) {
        if monotonic >= self.turned + Self::HALF {
            self.halves.swap(0, 1);
            self.halves[0].reset();
            self.turned = monotonic;
        }
    }

    fn figures(&mut self, monotonic: Duration) -> Option<[u64; 3]> {
        if self
            .figured
            .is_none_or(|at| monotonic >= at + Self::FIGURES_EVERY)
        {
            self.figured = Some(monotonic);
            self.turn(monotonic);
            let mut all = self.halves[0].clone();
            self.figures = all
                .add(&self.halves[1])
                .ok()
                .filter(|()| !all.is_empty())
                .map(|()| {
                    [
                        all.value_at_quantile(0.5),
                        all.value_at_quantile(0.99),
                        all.max(),
                    ]
                });
        }
        self.figures
    }
}
