//! Looks at a workspace from outside of its engine, and makes snapshots of what is there: positions from
//! the files themselves, counts from the log, everything else from the engines' reports.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::catalogue::Catalogue;
use super::report::{self, HEARTBEAT, Report};
use super::snapshot::{EngineInfo, RECENT_EVENTS, Snapshot, WorkspaceInfo};
use super::{Workspace, WorkspaceError, ask, engine, watching};
use crate::event::{Event, Position, Timestamp};
use crate::lag::{Sample, Samples};
use crate::log::SharedLog;
use crate::read::Tail;

mod follower;

use follower::{Follower, Moment};

/// Snapshots come no closer together than this: 30 a second.
const CLOSEST: Duration = Duration::from_millis(33);

/// While something is late, ages grow, and a breach ends after a few looks: a snapshot so often.
const WHILE_LATE: Duration = Duration::from_millis(250);

/// Looks that lie further apart than this have a hole between them: while a process goes on, the next one comes
/// within a heartbeat.
const HOLE: Duration = HEARTBEAT.saturating_mul(3);

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
            Ok(snapshot) => tell(to, Arc::new(snapshot)),
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

/// Sends a snapshot where it shows anything new.
pub(super) fn tell(to: &watch::Sender<Arc<Snapshot>>, snapshot: Arc<Snapshot>) {
    to.send_if_modified(|known| {
        let changed = !known.shows_the_same(&snapshot);
        if changed {
            *known = snapshot;
        }
        changed
    });
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
    /// When the last look was.
    looked: Option<Timestamp>,
    /// The last stretch in which there was none.
    unseen: Option<(Timestamp, Timestamp)>,
    late: bool,
    /// How long nothing needs to happen before the next look.
    pause: Duration,
    recent: Arc<[Event]>,
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
            looked: None,
            unseen: None,
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
        let now = Timestamp::now();
        let hole = self.looked.and_then(|looked| hole(looked, now));
        self.unseen = hole.or(self.unseen);
        self.whole.push(Sample {
            at: monotonic,
            stored: Some(head.get()),
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
            now,
            is_after_hole: hole.is_some(),
            budget: self.budget,
        };
        let mut projections = Vec::new();
        for (name, follower) in &mut self.followers {
            let checkpoint = checkpoints.remove(name).flatten().unwrap_or_default();
            projections.push(follower.look(&checkpoint, &moment).await?);
        }
        self.looked = Some(now);
        self.late = projections
            .iter()
            .any(|p| p.lag.age > Duration::ZERO || p.rebuild.is_some() || p.breach);
        Ok(Snapshot {
            taken_at: now,
            unseen: self.unseen,
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
        problems.extend(flawed(&self.tail));
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
            if let Some(why) = follower.not_built() {
                problems.push(format!("{name}: {why}"));
            }
            if follower.foreign {
                problems.push(format!("{name}: {}", ask::foreign(name)));
            }
            problems.extend(follower.history_problem.clone());
        }
        problems
    }
}

/// The stretch between two looks, where it is one in which somebody would have looked. It is measured by the wall
/// clock: while a machine sleeps, the other one stands still.
fn hole(looked: Timestamp, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let apart = Duration::try_from(now.duration_since(looked)).unwrap_or_default();
    (apart > HOLE).then_some((looked, now))
}

/// What is wrong with the newest events.
fn flawed(tail: &Tail) -> Option<String> {
    let (_, what) = tail.flawed().first_key_value()?;
    let more = match tail.flawed().len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more like it"),
    };
    Some(format!(
        "the log: {what}{more}: nothing is applied from there on. Look with `highwater verify --log`, and restore \
         a backup"
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_look_is_no_hole_and_neither_is_a_clock_that_steps_back() {
        let then: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        assert_eq!(hole(then, then + HEARTBEAT), None);
        assert_eq!(hole(then, then + HOLE), None);
        let later = then + HOLE + CLOSEST;
        assert_eq!(hole(then, later), Some((then, later)));
        assert_eq!(hole(later, then), None);
    }
}
