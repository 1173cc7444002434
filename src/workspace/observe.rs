//! Looks at a workspace from outside of its engine, and makes snapshots of what is there: positions from
//! the files themselves, counts from the log, everything else from the engines' reports.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::catalogue::Catalogue;
use super::operations::{self, Operations};
use super::report::{self, HEARTBEAT, Progress, Report};
use super::snapshot::{
    EngineInfo, Fault, HISTORY, ProjectionView, QueryInfo, RECENT_EVENTS, RebuildView, Snapshot,
    Visibility, WorkspaceInfo,
};
use super::{Workspace, WorkspaceError, ask, engine, watching};
use crate::event::{Event, Position, StreamId, Timestamp};
use crate::lag::why::Loop;
use crate::lag::{Activity, Breach, Facts, Lag, Sample, Samples, Spent, Status, eta};
use crate::log::SharedLog;
use crate::read::{
    Backlog, Checkpoint, Policy, Projection, QueryError, Reader, Survey, Tail, Versions, is_foreign,
};

/// Snapshots come no closer together than this: 30 a second.
const CLOSEST: Duration = Duration::from_millis(33);

/// While something is late, ages grow: a snapshot so often.
const WHILE_LATE: Duration = Duration::from_millis(250);

/// A sample of history so often.
const HISTORY_STEP: Duration = Duration::from_millis(500);

/// How many events outside of the tail are looked at for one snapshot: a few milliseconds of work.
const BUDGET: usize = 5_000;

/// The same where somebody asks once and waits for the answer, for all projections together: about a
/// second of work.
const BUDGET_ONCE: usize = 1_000_000;

/// How many of the newest events are kept.
const TAIL: usize = 4_096;

/// One picture, by somebody who has not looked before.
pub(super) async fn once(workspace: &Workspace) -> Result<Snapshot, WorkspaceError> {
    // A breach is raised by the second evaluation.
    let looks = 2 * workspace.projections().len().max(1);
    let mut observer = Observer::new(workspace.clone(), BUDGET_ONCE / looks);
    observer.observe().await?;
    observer.observe().await
}

/// The first of many, at once: what it cannot count that fast, the next ones do.
pub(super) async fn first(workspace: &Workspace) -> Result<Snapshot, WorkspaceError> {
    Observer::new(workspace.clone(), BUDGET).observe().await
}

/// Looks on until `ended` says that nobody wants to know any more, and sends a snapshot whenever something
/// changed.
pub(super) async fn forever(
    workspace: Workspace,
    to: &watch::Sender<Arc<Snapshot>>,
    poke: &Arc<Notify>,
    ended: impl Fn() -> bool,
) {
    let log = workspace.log();
    let reports = workspace.folder().reports();
    let mut observer = Observer::new(workspace, BUDGET);
    let _watcher = watch_folder(&reports, poke);
    while !ended() {
        let began = Instant::now();
        let before = observer.tail.head();
        match observer.observe().await {
            Ok(snapshot) => {
                to.send_if_modified(|known| {
                    let changed = !known.shows_the_same(&snapshot);
                    if changed {
                        *known = Arc::new(snapshot);
                    }
                    changed
                });
            }
            Err(error) => tracing::warn!(%error, "the workspace cannot be observed just now"),
        }
        observer.pause(before);
        tokio::time::sleep(CLOSEST.saturating_sub(began.elapsed())).await;
        tokio::select! {
            () = poke.notified() => {}
            Ok(()) = observer.catalogue.changed() => observer.catalogue.mark_changed(),
            () = to.closed() => {}
            waited = log.wait(observer.tail.head(), Some(Instant::now() + observer.pause)) => {
                if let Err(error) = waited {
                    tracing::warn!(%error, "the log cannot be watched just now");
                    tokio::time::sleep(HEARTBEAT).await;
                }
            }
        }
    }
}

/// Pokes when a report changes. Without it, the heartbeat's period is soon enough.
fn watch_folder(
    folder: &std::path::Path,
    poke: &Arc<Notify>,
) -> Option<notify::RecommendedWatcher> {
    let poke = Arc::clone(poke);
    watching::watch(folder, move |_| poke.notify_one()).ok()
}

struct Observer {
    workspace: Workspace,
    catalogue: watch::Receiver<Arc<Catalogue>>,
    log: SharedLog,
    budget: usize,
    began: Instant,
    tail: Tail,
    followers: BTreeMap<String, Follower>,
    whole: Samples,
    late: bool,
    /// How long nothing needs to happen before the next look.
    pause: Duration,
    recent: Arc<[Event]>,
}

/// What is remembered of one projection between two looks.
struct Follower {
    projection: Arc<dyn Projection>,
    versions: Versions,
    stream: StreamId,
    operations: Operations,
    /// Up to where the log's operations are known.
    operations_to: Position,
    reader: Option<(PathBuf, Reader)>,
    /// Why its file cannot be read just now.
    unread: Option<String>,
    foreign: bool,
    survey: Survey,
    samples: Samples,
    shadow: (String, Samples),
    breach: Breach,
    history: VecDeque<f32>,
    historied: Option<Duration>,
}

/// What all projections are looked at with, at one moment.
struct Moment<'a> {
    log: &'a SharedLog,
    tail: &'a Tail,
    reports: &'a [Report],
    pid: Option<u32>,
    monotonic: Duration,
    budget: usize,
}

impl Observer {
    fn new(workspace: Workspace, budget: usize) -> Self {
        let mut catalogue = workspace.catalogue();
        catalogue.mark_changed();
        let followers = BTreeMap::new();
        let tail = Tail::new(Position::START, TAIL);
        let log = workspace.log();
        let began = Instant::now();
        let (whole, recent) = (Samples::new(), Arc::from([]));
        Self {
            workspace,
            catalogue,
            log,
            budget,
            began,
            tail,
            followers,
            whole,
            late: false,
            pause: HEARTBEAT,
            recent,
        }
    }

    /// Read models move a moment after the log did, and nobody rings for that: a look soon after an event,
    /// and fewer and fewer while something stays late.
    fn pause(&mut self, before: Position) {
        self.pause = if !self.late {
            HEARTBEAT
        } else if self.tail.head() != before {
            CLOSEST
        } else {
            (self.pause * 2).clamp(CLOSEST, WHILE_LATE)
        };
    }

    /// Follows the projections that the files have now.
    fn reconcile(&mut self) {
        if !self.catalogue.has_changed().unwrap_or(false) {
            return;
        }
        let catalogue = Arc::clone(&self.catalogue.borrow_and_update());
        let find = |name: &str| catalogue.projections.iter().find(|p| p.name() == name);
        self.followers.retain(|name, _| find(name).is_some());
        for projection in &catalogue.projections {
            if let Some(follower) = self.followers.get_mut(projection.name()) {
                follower.projection = Arc::clone(projection);
            } else if let Some(follower) = Follower::new(&self.workspace, projection) {
                self.followers
                    .insert(projection.name().to_owned(), follower);
            }
        }
    }

    async fn observe(&mut self) -> Result<Snapshot, WorkspaceError> {
        self.reconcile();
        // Checkpoints first, the head last: the other order shows a read model ahead of its log.
        let mut checkpoints = BTreeMap::new();
        for (name, follower) in &mut self.followers {
            checkpoints.insert(name.clone(), follower.checkpoint());
        }
        let before = self.tail.head();
        let head = self.tail.follow(&*self.log).await?;
        if head != before {
            let recent = self.tail.events().iter().rev().take(RECENT_EVENTS).rev();
            self.recent = recent.cloned().collect();
        }
        let monotonic = self.began.elapsed();
        self.whole.push(Sample {
            at: monotonic,
            stored: head.get(),
            ..Sample::default()
        });
        let folder = self.workspace.folder();
        let reports = report::read_all(&folder.reports()).unwrap_or_default();
        let pid = engine::running(folder);
        let moment = Moment {
            log: &self.log,
            tail: &self.tail,
            reports: &reports,
            pid,
            monotonic,
            budget: self.budget,
        };
        let mut projections = Vec::new();
        for (name, follower) in &mut self.followers {
            let checkpoint = checkpoints.remove(name).flatten().unwrap_or_default();
            projections.push(follower.look(&checkpoint, &moment).await?);
        }
        self.late = projections
            .iter()
            .any(|p| p.lag.age > Duration::ZERO || p.rebuild.is_some());
        Ok(Snapshot {
            taken_at: Timestamp::now(),
            workspace: WorkspaceInfo {
                name: self.workspace.name(),
                path: folder.path().to_owned(),
                durability: self.workspace.config().durability,
            },
            engine: EngineInfo {
                running: pid.is_some(),
                pid,
                here: pid == Some(std::process::id()),
            },
            head,
            stored_per_second: self.whole.rates().stored,
            commands: self.workspace.counts(),
            projections,
            recent: Arc::clone(&self.recent),
            problems: self.problems(&reports),
        })
    }

    /// What is wrong with files and loops: a sentence each.
    fn problems(&self, reports: &[Report]) -> Vec<String> {
        let mut problems = self.workspace.problems();
        problems.extend(loop_problems(reports));
        for (name, follower) in &self.followers {
            // Its engine may have said so already, in its own words.
            let known = |problem: &String| problem.starts_with(&format!("{name}: "));
            if let Some(unread) = follower
                .unread
                .as_ref()
                .filter(|_| !problems.iter().any(known))
            {
                problems.push(format!("{name}: {unread}"));
            }
            if follower.foreign {
                problems.push(format!("{name}: {}", ask::foreign(name)));
            }
        }
        problems
    }
}

/// What keeps whole loops from working, as their engines say.
fn loop_problems(reports: &[Report]) -> impl Iterator<Item = String> + '_ {
    let alive = || reports.iter().filter(|report| report.is_alive());
    let projections = alive()
        .flat_map(|report| &report.projections)
        .map(|(name, progress)| (name, &progress.problem));
    let processes = alive()
        .flat_map(|report| &report.processes)
        .map(|(name, process)| (name, &process.problem));
    projections
        .chain(processes)
        .filter_map(|(name, problem)| Some(format!("{name}: {}", problem.as_ref()?)))
}

impl Follower {
    fn new(workspace: &Workspace, projection: &Arc<dyn Projection>) -> Option<Self> {
        Some(Self {
            projection: Arc::clone(projection),
            versions: workspace.folder().versions(projection.name()),
            stream: operations::stream(projection.name()).ok()?,
            operations: Operations::default(),
            operations_to: Position::START,
            reader: None,
            unread: None,
            foreign: false,
            survey: Survey::default(),
            samples: Samples::new(),
            shadow: (String::new(), Samples::new()),
            breach: Breach::default(),
            history: VecDeque::new(),
            historied: None,
        })
    }

    /// The live version's checkpoint, from its file; `None` while there is no version yet.
    fn checkpoint(&mut self) -> Option<Checkpoint> {
        let live = self.versions.live().ok()??;
        // Other queries may have been written into the same file.
        let is_stale =
            |reader: &Reader| reader.source() != self.projection.source() && !reader.is_current();
        if self
            .reader
            .as_ref()
            .is_some_and(|(_, reader)| is_stale(reader))
        {
            self.reader = None;
        }
        if self.reader.as_ref().is_none_or(|(path, _)| *path != live) {
            self.reader = None;
            let reader = Reader::open(&self.versions, &self.projection);
            self.unread = match &reader {
                Err(error @ QueryError::Model(_)) => Some(error.to_string()),
                _ => None,
            };
            let reader = reader.ok()?;
            self.reader = Some((live, reader));
            self.survey = Survey::default();
        }
        let checkpoint = self
            .reader
            .as_ref()
            .and_then(|(_, reader)| reader.checkpoint().ok());
        if checkpoint.is_none() {
            self.reader = None;
        }
        checkpoint
    }

    async fn look(
        &mut self,
        checkpoint: &Checkpoint,
        moment: &Moment<'_>,
    ) -> Result<ProjectionView, WorkspaceError> {
        self.take_operations(moment).await?;
        self.foreign = is_foreign(&**moment.log, checkpoint).await?;
        let subscription = match &self.reader {
            Some((_, reader)) => reader.projection().subscription(),
            None => self.projection.subscription(),
        };
        let backlog = self
            .survey
            .update(
                &**moment.log,
                moment.tail,
                subscription,
                checkpoint,
                moment.monotonic,
                moment.budget,
            )
            .await?;
        let name = self.projection.name();
        let owned = moment
            .pid
            .and_then(|_| report::progress_of(moment.reports, name));
        let progress = owned.map(|(_, progress)| progress);
        let policy = self.operations.policy.unwrap_or(self.projection.policy());
        let lag = self.lag(checkpoint, &backlog, policy, progress, moment);
        self.remember(&lag, checkpoint, progress, moment.monotonic);
        let breach = self.breach.evaluate(lag.age, self.projection.objective());
        Ok(self.view(
            checkpoint,
            lag,
            backlog.stale_keys,
            breach,
            policy,
            owned,
            moment,
        ))
    }

    /// Looks at the system stream when there may be something new in it.
    async fn take_operations(&mut self, moment: &Moment<'_>) -> Result<(), WorkspaceError> {
        let before = self.operations_to;
        let events = moment.tail.events();
        // What came faster than the tail has room for may have been an operation.
        let skipped = events
            .front()
            .is_some_and(|first| first.position > before.next());
        let mut news = events
            .iter()
            .rev()
            .take_while(|event| event.position > before);
        if skipped || news.any(|event| event.stream == self.stream) {
            self.operations.refresh(&**moment.log, &self.stream).await?;
        }
        self.operations_to = moment.tail.head();
        Ok(())
    }

    fn lag(
        &self,
        checkpoint: &Checkpoint,
        backlog: &Backlog,
        policy: Policy,
        progress: Option<&Progress>,
        moment: &Moment<'_>,
    ) -> Lag {
        let stopped = progress
            .and_then(|p| p.trouble.as_ref())
            .filter(|trouble| trouble.stopped);
        let activity = match (progress, stopped) {
            (None, _) => Activity::Dead,
            (Some(_), Some(trouble)) => Activity::Faulted(trouble.position),
            (Some(_), None) if self.operations.paused.is_some() => Activity::Paused,
            (Some(_), None) => Activity::Running,
        };
        let facts = Facts {
            checkpoint: checkpoint.position,
            head: moment.tail.head(),
            behind: backlog.behind,
            behind_exact: backlog.exact,
            oldest_waiting: backlog.oldest,
            seen_waiting: backlog.seen_waiting,
            now: Timestamp::now(),
            allowance: policy
                .allowance()
                .map(|allowed| allowed.saturating_add(self.projection.stored_within(policy))),
            foreign_checkpoint: self.foreign,
            activity,
            trend: self.samples.trend(),
        };
        facts.lag()
    }

    fn remember(
        &mut self,
        lag: &Lag,
        checkpoint: &Checkpoint,
        progress: Option<&Progress>,
        monotonic: Duration,
    ) {
        self.samples.push(Sample {
            at: monotonic,
            excess: lag.excess,
            checkpoint: checkpoint.position,
            stored: checkpoint.applied + lag.behind,
            applied: checkpoint.applied,
            busy: progress.map_or(Duration::ZERO, |progress| {
                Duration::from_micros(progress.busy_us)
            }),
            spent: progress.map_or_else(Spent::default, Progress::spent),
        });
        let (version, samples) = &mut self.shadow;
        if let Some(shadow) = progress.and_then(|progress| progress.shadow.as_ref()) {
            if *version != shadow.version {
                version.clone_from(&shadow.version);
                samples.clear();
            }
            samples.push(Sample {
                at: monotonic,
                checkpoint: shadow.checkpoint,
                stored: shadow.target.get(),
                applied: shadow.checkpoint.get(),
                ..Sample::default()
            });
        }
        if self
            .historied
            .is_none_or(|at| monotonic >= at + HISTORY_STEP)
        {
            self.historied = Some(monotonic);
            self.history.push_back(lag.age.as_secs_f32());
            while self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
    }

    #[allow(clippy::too_many_arguments)] // what was found out, put together in one place
    fn view(
        &self,
        checkpoint: &Checkpoint,
        lag: Lag,
        stale_keys: usize,
        breach: bool,
        policy: Policy,
        owned: Option<(u32, &Progress)>,
        moment: &Moment<'_>,
    ) -> ProjectionView {
        let progress = owned.map(|(_, progress)| progress);
        let shown = match &self.reader {
            Some((_, reader)) => reader.projection(),
            None => &self.projection,
        };
        let rates = self.samples.rates();
        let moving = matches!(
            lag.status,
            Status::CatchingUp | Status::Falling | Status::Live
        );
        #[allow(clippy::cast_precision_loss)]
        let cap = match policy {
            Policy::Rate(rate) => Some(rate as f64),
            _ => None,
        };
        let eta = eta(lag.behind, rates.stored, rates.applied, cap)
            .known()
            .filter(|_| moving && lag.behind > 0);
        let micros = Duration::from_micros;
        ProjectionView {
            name: shown.name().to_owned(),
            version: self
                .reader
                .as_ref()
                .map(|(_, reader)| reader.version().to_owned())
                .unwrap_or_default(),
            description: shown
                .description()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
            policy,
            stored_within: self.projection.stored_within(policy),
            objective: self.projection.objective(),
            breach,
            checkpoint: checkpoint.position,
            lag,
            stale_keys,
            parked: 0,
            fault: progress
                .and_then(|progress| progress.trouble.as_ref())
                .map(|trouble| Fault {
                    position: trouble.position,
                    error: trouble.error.clone(),
                    tries: trouble.tries,
                    locked: trouble.locked,
                }),
            paused: self.operations.paused.clone(),
            owner: owned.map(|(pid, _)| pid),
            runs: runs(moment.pid, owned),
            problem: progress.and_then(|progress| progress.problem.clone()),
            work: self.samples.work(),
            rates,
            eta,
            visibility: progress.and_then(|progress| progress.visibility_us).map(
                |[p50, p99, max]| Visibility {
                    p50: micros(p50),
                    p99: micros(p99),
                    max: micros(max),
                },
            ),
            rebuild: progress.and_then(|progress| self.rebuild(progress, moment.tail.head())),
            replayable: shown.replayable(),
            history: self.history.iter().copied().collect(),
            queries: shown
                .queries()
                .iter()
                .map(|query| QueryInfo {
                    name: query.name.clone(),
                    parameters: query.parameters.clone(),
                })
                .collect(),
            path: self.versions.link(),
        }
    }

    fn rebuild(&self, progress: &Progress, head: Position) -> Option<RebuildView> {
        let shadow = progress.shadow.as_ref()?;
        let rates = self.shadow.1.rates();
        let target = shadow.target.min(head);
        let left = target.since(shadow.checkpoint).max(1);
        Some(RebuildView {
            version: shadow.version.clone(),
            checkpoint: shadow.checkpoint,
            target,
            rate: rates.applied.filter(|_| !shadow.held && !shadow.paused),
            eta: eta(left, rates.stored, rates.applied, None)
                .known()
                .filter(|_| !shadow.held && !shadow.paused),
            held: shadow.held,
            paused: shadow.paused,
        })
    }
}

/// Who applies events, as far as reports tell.
fn runs(pid: Option<u32>, owned: Option<(u32, &Progress)>) -> Loop {
    match (pid, owned) {
        (None, _) => Loop::NoEngine,
        (Some(pid), None) => Loop::Silent { pid },
        (Some(_), Some((pid, progress))) => Loop::Alive {
            pid,
            stuck_for: progress
                .stuck_since
                .and_then(|since| Duration::try_from(Timestamp::now().duration_since(since)).ok()),
        },
    }
}
