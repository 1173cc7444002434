//! One projection as it is seen from outside of its engine: what is remembered of it between two looks, and
//! what a look comes to.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::super::operations::{self, Operations};
use super::super::report::{self, Progress, Report};
use super::super::snapshot::{
    Asked, Bucket, Fault, HISTORY, ProjectionView, QueryInfo, RebuildView, Visibility,
};
use super::super::{Workspace, WorkspaceError};
use crate::event::{Position, StreamId, Timestamp};
use crate::lag::why::Loop;
use crate::lag::{Activity, Breach, Facts, Lag, Sample, Samples, Spent, Status, eta};
use crate::log::{LogError, SharedLog};
use crate::read::{
    Backlog, Checkpoint, ParkedCount, PassedBy, Policy, Projection, QueryError, Reader, Survey,
    Tail, Versions, is_foreign,
};

/// A sample of history so often.
const HISTORY_STEP: Duration = Duration::from_millis(500);

/// What is remembered of one projection between two looks.
pub(super) struct Follower {
    pub(super) projection: Arc<dyn Projection>,
    versions: Versions,
    stream: StreamId,
    operations: Operations,
    /// Up to where the log's operations are known.
    operations_to: Position,
    /// What is wrong in its history.
    pub(super) history_problem: Option<String>,
    reader: Option<(PathBuf, Reader)>,
    /// Why its file cannot be read just now.
    pub(super) unread: Option<String>,
    pub(super) foreign: bool,
    passed_by: Option<Known>,
    survey: Survey,
    samples: Samples,
    shadow: (String, Samples),
    breach: Breach,
    history: Ages,
}

/// Its age in seconds, a sample each [`HISTORY_STEP`] of the wall clock; `None` where nobody looked.
#[derive(Default)]
struct Ages {
    samples: VecDeque<Option<f32>>,
    /// When the last sample was due.
    last: Option<Timestamp>,
}

impl Ages {
    /// Takes in what it is now. Since the last look it was what it was then, unless there is a hole between them.
    fn take(&mut self, now: Timestamp, age: f32, is_after_hole: bool) {
        let apart = self.last.map(|last| now.duration_since(last).as_millis());
        let step = i128::try_from(HISTORY_STEP.as_millis()).unwrap_or(i128::MAX);
        let steps = match apart {
            Some(apart) if apart >= 0 => apart / step,
            // The first one, or a clock that stepped back.
            _ => 1,
        };
        if steps == 0 {
            return;
        }
        let between = match self.samples.back() {
            Some(last) if !is_after_hole => *last,
            _ => None,
        };
        for _ in 1..steps.min(HISTORY as i128) {
            self.samples.push_back(between);
        }
        self.samples.push_back(Some(age));
        let surplus = self.samples.len().saturating_sub(HISTORY);
        self.samples.drain(..surplus);
        // What is left over of a step counts for the next one.
        let left = apart.filter(|apart| *apart > 0).unwrap_or(0) % step;
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        self.last = Some(now - left);
    }
}

/// What a read model has passed without it, and what was the case when that was read.
struct Known {
    /// The last event that was ever set aside there.
    last: Option<Position>,
    /// How many were parked, as its engine says.
    parked: u64,
    events: Arc<PassedBy>,
    /// Whether something has become of them since.
    is_old: bool,
}

/// What all projections are looked at with, at one moment.
pub(super) struct Moment<'a> {
    pub(super) log: &'a SharedLog,
    pub(super) tail: &'a Tail,
    pub(super) reports: &'a [Report],
    pub(super) pid: Option<u32>,
    pub(super) monotonic: Duration,
    pub(super) now: Timestamp,
    /// Whether nobody looked just before.
    pub(super) is_after_hole: bool,
    pub(super) budget: usize,
}

impl Follower {
    pub(super) fn new(workspace: &Workspace, projection: &Arc<dyn Projection>) -> Option<Self> {
        Some(Self {
            projection: Arc::clone(projection),
            versions: workspace.folder().versions(projection.name()),
            stream: operations::stream(projection.name()).ok()?,
            operations: Operations::default(),
            operations_to: Position::START,
            history_problem: None,
            reader: None,
            unread: None,
            foreign: false,
            passed_by: None,
            survey: Survey::default(),
            samples: Samples::new(),
            shadow: (String::new(), Samples::new()),
            breach: Breach::default(),
            history: Ages::default(),
        })
    }

    /// The live version's checkpoint, from its file; `None` while there is no version yet.
    pub(super) fn checkpoint(&mut self) -> Option<Checkpoint> {
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
            self.passed_by = None;
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

    pub(super) async fn look(
        &mut self,
        checkpoint: &Checkpoint,
        moment: &Moment<'_>,
    ) -> Result<ProjectionView, WorkspaceError> {
        self.take_operations(moment).await?;
        self.foreign = match is_foreign(&**moment.log, checkpoint).await {
            // The event there is not as it was written: its id says nothing.
            Err(LogError::Damaged { .. }) => false,
            known => known?,
        };
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
        self.remember(&lag, checkpoint, progress, moment);
        let parked = match (progress, &self.reader) {
            (Some(progress), _) => progress.parked,
            (None, Some((_, reader))) => reader.parked().unwrap_or_default(),
            (None, None) => ParkedCount::default(),
        };
        let passed_by = self.passed_by(parked.events);
        let breach = self.breach.evaluate(lag.age, self.projection.objective());
        Ok(self.view(
            checkpoint,
            lag,
            (backlog.stale_keys, parked, passed_by),
            breach,
            policy,
            owned,
            moment,
        ))
    }

    /// Which events it has passed without them. The file is asked for the last of them each time, after the checkpoint,
    /// since one transaction moves both; for all of them, 10,000 and those that were skipped at most, only where
    /// there are any and something has become of them.
    fn passed_by(&mut self, parked: u64) -> Arc<PassedBy> {
        let Some((_, reader)) = &self.reader else {
            return Arc::default();
        };
        let known = || {
            self.passed_by
                .as_ref()
                .map(|known| Arc::clone(&known.events))
        };
        let Ok(last) = reader.last_passed_by() else {
            return known().unwrap_or_default();
        };
        if let Some(known) = &self.passed_by
            && (known.last, known.parked, known.is_old) == (last, parked, false)
        {
            return Arc::clone(&known.events);
        }
        let events = match last.map(|_| reader.passed_by()) {
            None => Arc::default(),
            Some(Ok(found)) => Arc::new(found),
            Some(Err(_)) => return known().unwrap_or_default(),
        };
        self.passed_by = Some(Known {
            last,
            parked,
            events: Arc::clone(&events),
            is_old: false,
        });
        events
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
        let flawed = moment.tail.flawed().range(before.next()..).next().is_some();
        if skipped || flawed || news.any(|event| event.stream == self.stream) {
            let read = self.operations.refresh(&**moment.log, &self.stream).await;
            // What was tried again or skipped is done before its outcome is said.
            if let Some(known) = &mut self.passed_by {
                known.is_old = true;
            }
            self.history_problem = match read {
                Ok(_) => operations::told(self.projection.name(), &self.operations.passed_over),
                Err(error @ LogError::Damaged { .. }) => {
                    Some(format!("{}: {error}", self.projection.name()))
                }
                Err(error) => return Err(error.into()),
            };
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
        moment: &Moment<'_>,
    ) {
        let monotonic = moment.monotonic;
        self.samples.push(Sample {
            at: monotonic,
            excess: lag.excess,
            paused: lag.status == Status::Paused,
            checkpoint: checkpoint.position,
            stored: lag.behind_exact.then_some(checkpoint.applied + lag.behind),
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
                stored: Some(shadow.target.get()),
                applied: shadow.checkpoint.get(),
                ..Sample::default()
            });
        }
        self.history
            .take(moment.now, lag.age.as_secs_f32(), moment.is_after_hole);
    }

    #[allow(clippy::too_many_arguments)] // what was found out, put together in one place
    fn view(
        &self,
        checkpoint: &Checkpoint,
        lag: Lag,
        (stale_keys, parked, passed_by): (usize, ParkedCount, Arc<PassedBy>),
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
            parked: parked.events,
            parked_streams: parked.streams,
            passed_by,
            fault: progress
                .and_then(|progress| progress.trouble.as_ref())
                .map(|trouble| Fault {
                    position: trouble.position,
                    error: trouble.error.clone(),
                    tries: trouble.tries,
                    locked: trouble.locked,
                }),
            injected: progress.and_then(|progress| progress.injected.clone()),
            event_types: shown
                .subscription()
                .named()
                .map(|types| types.map(str::to_owned).collect())
                .unwrap_or_default(),
            paused: self.operations.paused.clone(),
            asked: self.operations.last.as_ref().map(|last| Asked {
                position: last.position,
                what: last.operation.to_string(),
                by: last.said.by.clone(),
                mine: last.said.by == operations::who(),
                failed: last.failed.clone(),
            }),
            owner: owned.map(|(pid, _)| pid),
            runs: runs(moment.pid, owned),
            problem: progress.and_then(|progress| progress.problem.clone()),
            not_built: self.not_built(),
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
            visible_after: progress.map_or_else(Default::default, |progress| {
                let told = progress.visible_after_us.iter();
                told.map(|(up_to, events)| Bucket {
                    up_to: micros(*up_to),
                    events: *events,
                })
                .collect()
            }),
            rebuild: progress.and_then(|progress| self.rebuild(progress, moment.tail.head())),
            replayable: shown.replayable(),
            history: self.history.samples.iter().copied().collect(),
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

    /// Why what its file says now could not be built, where it could not.
    pub(super) fn not_built(&self) -> Option<String> {
        let not_built = self.operations.not_built.as_ref();
        let of_today = not_built.filter(|of| of.definition == self.projection.hash());
        of_today.map(|of| of.why.clone())
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
            parked: shadow.parked.clone(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_samples_by_the_clock_and_a_hole_is_one() {
        let began: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let at = |millis| began + Duration::from_millis(millis);
        let mut ages = Ages::default();
        ages.take(at(0), 1.0, false);
        ages.take(at(300), 2.0, false);
        ages.take(at(600), 3.0, false);
        // An idle workspace is looked at once a second: this was the case at 1 s as well.
        ages.take(at(1_600), 4.0, false);
        let some = |ages: &[f32]| ages.iter().copied().map(Some).collect::<Vec<_>>();
        assert_eq!(ages.samples, some(&[1.0, 3.0, 3.0, 4.0]));
        ages.take(at(3_500), 5.0, true);
        let tail: Vec<_> = ages.samples.iter().skip(3).copied().collect();
        assert_eq!(tail, [Some(4.0), None, None, None, Some(5.0)]);
        ages.take(at(3_000), 6.0, false);
        assert_eq!(ages.samples.back(), Some(&Some(6.0)));
        ages.take(at(90_000_000), 7.0, true);
        assert_eq!(ages.samples.len(), HISTORY);
        assert_eq!(ages.samples.iter().flatten().count(), 1);
    }
}
