//! Folds the log into one version of a read model, step by step, as its policy allows. It holds no clock
//! and no thread: whoever runs it says what time it is.

use std::sync::Arc;
use std::time::Duration;

use super::ahead::{self, Ahead, Pages};
use super::model::{Checkpoint, Model, ModelError, Replay};
use super::pace::{Allowed, Now, Pace, Waiting};
use super::parked::{self, Aside, OnError, Why};
use super::policy::Policy;
use super::projection::Projection;
use crate::crash;
use crate::event::{Event, Position, Timestamp};
use crate::log::{LogError, SharedLog};

mod aside;
mod live;
mod page;
mod reading;
mod trouble;

pub use aside::{Skipped, Tried, Unskipped};
use live::Live;
use page::{Limits, Page};
use reading::event_at;
pub use reading::is_foreign;
use trouble::{Caution, Hopeless, Losses};
pub use trouble::{TRIES, Trouble};

/// How many events are read, and applied in one transaction, at most: near the head, and far behind.
pub(super) const PAGE_NEAR: usize = 500;
const PAGE_FAR: usize = ahead::PAGE;

/// The same where most of what is read may have to wait: it is read again when it is due.
const PAGE_HELD: usize = 50;

/// How often a checkpoint is written while events pass that do not concern the projection. One that folds in
/// memory says how often it is.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Folds the log into one version of a read model.
pub struct Runner {
    projection: Arc<dyn Projection>,
    log: SharedLog,
    /// The log in pages, shared with others that are far behind.
    pages: Arc<Pages>,
    /// Reads on, while it is far behind.
    ahead: Option<Ahead>,
    model: Model,
    pace: Pace,
    /// As the file's, and further where events passed that concern nobody, or were folded in memory.
    seen: Checkpoint,
    flushed_at: Duration,
    /// When the events were recorded that were folded in memory since, where they were live work.
    unwritten: Vec<Timestamp>,
    waiting: Waiting,
    /// What was allowed as a whole: up to here nothing holds it back.
    goal: Position,
    /// Never beyond this.
    bound: Position,
    /// At most so many events a page.
    page: usize,
    trouble: Option<Trouble>,
    /// How pages are read until the event that failed is passed.
    caution: Option<Caution>,
    /// The last page was full: more is likely to wait.
    far: bool,
    live: Live,
    foreign: bool,
    on_error: OnError,
    /// Up to here events are applied again.
    replay_to: Position,
    /// What is parked and skipped, with what is passed and not written.
    waiting_aside: parked::Waiting,
    /// Passed, and not written.
    aside: Vec<Aside>,
    /// The event that is to be parked when it is read again.
    hopeless: Option<Hopeless>,
    losses: Losses,
    /// It stopped because no more may be parked.
    is_full: bool,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Something was done: step again.
    Moved {
        /// When each event that became visible had been recorded, where they were live work.
        live: Vec<Timestamp>,
        /// How many events were applied.
        applied: u64,
    },
    /// Nothing to do until one of these.
    Rest {
        /// Until then (monotonic).
        until: Option<Duration>,
        /// Until the head is past this.
        past: Option<Position>,
    },
}

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunnerError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The read model's file could not be used.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl Runner {
    /// Begins where the model's checkpoint is, and compares that with the log.
    ///
    /// Errors: the log cannot be read.
    pub async fn attach(
        projection: Arc<dyn Projection>,
        log: SharedLog,
        model: Model,
        policy: Policy,
        monotonic: Duration,
    ) -> Result<Self, RunnerError> {
        let seen = model.checkpoint().clone();
        let foreign = is_foreign(&*log, &seen).await?;
        let replay = model.replay()?;
        let goal = replay.map_or(Position::START, |replay| replay.goal);
        let waiting_aside = model.waiting()?;
        let mut runner = Self {
            on_error: projection.on_error(),
            replay_to: goal,
            waiting_aside,
            aside: Vec::new(),
            hopeless: None,
            losses: Losses::default(),
            is_full: false,
            projection,
            pages: Pages::new(Arc::clone(&log)),
            ahead: None,
            log,
            model,
            pace: Pace::new(policy, monotonic),
            waiting: Waiting {
                looked_to: seen.position,
                ..Waiting::default()
            },
            seen,
            flushed_at: monotonic,
            unwritten: Vec::new(),
            goal,
            bound: Position::new(u64::MAX),
            page: PAGE_FAR,
            trouble: None,
            caution: None,
            far: false,
            live: Live::Behind(None),
            foreign,
        };
        runner.begin_catching_up().await?;
        Ok(runner)
    }

    /// Up to where it has seen the log; what its file says may be a moment older.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.seen
    }

    /// Its file.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Its file, to be changed between steps.
    pub fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// Folds with another projection from now on, which makes the same tables of the same events.
    pub fn fold_with(&mut self, projection: Arc<dyn Projection>) {
        self.projection = projection;
    }

    /// What it folds with.
    pub fn projection(&self) -> &Arc<dyn Projection> {
        &self.projection
    }

    /// The event that it cannot apply.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Whether the checkpoint is not of this log: the log was restored or exchanged.
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// The policy that it keeps to.
    pub fn policy(&self) -> Policy {
        self.pace.policy()
    }

    /// Keeps to another policy from now on. What an earlier one had let through goes on.
    pub fn set_policy(&mut self, policy: Policy, monotonic: Duration) {
        self.pace = Pace::new(policy, monotonic);
    }

    /// Lets everything up to a position through, whatever the policy says.
    pub fn allow_to(&mut self, position: Position) {
        self.goal = self.goal.max(position);
    }

    /// Never goes beyond this position, whatever the policy says.
    pub fn bound_to(&mut self, position: Position) {
        self.bound = position;
    }

    /// Reads at most so many events a page, for one that must not take long; at least 1.
    pub fn limit_page(&mut self, events: usize) {
        self.page = events.clamp(1, PAGE_FAR);
    }

    /// Tries an event that it stopped at again.
    pub fn try_again(&mut self) {
        self.trouble = None;
        self.is_full = false;
    }

    /// Goes back to a position and applies what comes after it again, up to where it is now.
    ///
    /// Errors: the log or the file.
    pub async fn replay(&mut self, request: Position, after: Position) -> Result<(), RunnerError> {
        self.flush()?;
        let mut again = 0;
        let mut at = after;
        while at < self.seen.position {
            let page = self.log.read_all(at, PAGE_FAR).await?;
            let Some(last) = page.last() else { break };
            at = last.position;
            let seen = self.seen.position;
            let takes =
                |e: &&Event| e.position <= seen && self.projection.subscription().takes_event(e);
            again += page.iter().filter(takes).count() as u64;
        }
        let back_to = Checkpoint {
            position: after,
            event: event_at(&*self.log, after).await?.map(|event| event.id),
            applied: self.seen.applied.saturating_sub(again),
        };
        let replay = Replay {
            request,
            goal: self.seen.position,
        };
        self.model.begin_replay(replay, back_to.clone())?;
        self.goal = self.goal.max(replay.goal);
        self.replay_to = replay.goal;
        self.hopeless = None;
        self.is_full = false;
        let mut waiting = self.model.waiting()?;
        waiting.keep_skipped(&self.waiting_aside);
        self.waiting_aside = waiting;
        self.seen = back_to;
        self.forget_waiting();
        self.trouble = None;
        self.caution = None;
        self.fall_behind();
        Ok(())
    }

    /// Does what is allowed now, at most one page of it.
    ///
    /// Errors: the log or the file; take the step again later.
    pub async fn step(&mut self, now: Now) -> Result<Step, RunnerError> {
        self.begin_catching_up().await?;
        let step = self.step_on(now).await?;
        self.end_catching_up(matches!(step, Step::Rest { .. }))
            .await?;
        Ok(step)
    }

    async fn step_on(&mut self, now: Now) -> Result<Step, RunnerError> {
        if self.foreign || !self.projection.folds() {
            return Ok(Step::Rest {
                until: None,
                past: None,
            });
        }
        if let Some(trouble) = &self.trouble {
            match trouble.next_try {
                Some(at) if at <= now.monotonic => {}
                until => return Ok(Step::Rest { until, past: None }),
            }
        }
        if self.seen.position < self.goal {
            return self.advance(u64::MAX, None, self.goal, now).await;
        }
        if let Some(enough) = self.pace.counts_to() {
            self.look(enough, now).await?;
        }
        match self.pace.allowed(&self.waiting, now) {
            Allowed::Apply {
                events,
                recorded_by,
            } => {
                let step = self
                    .advance(events, recorded_by, Position::new(u64::MAX), now)
                    .await?;
                if let Step::Moved { applied, .. } = &step {
                    self.pace.spent(*applied, now);
                }
                Ok(step)
            }
            Allowed::ToHead => {
                self.goal = self.log.head().await?;
                Ok(Step::Moved {
                    live: Vec::new(),
                    applied: 0,
                })
            }
            Allowed::Nothing(until) => {
                let counting = self
                    .pace
                    .counts_to()
                    .is_some_and(|enough| self.waiting.count < enough);
                self.rest(until, counting.then_some(self.waiting.looked_to), now)
            }
        }
    }

    /// Writes the checkpoint, what was folded in memory and what was set aside, where the file is older than what was seen.
    ///
    /// Errors: the file.
    pub fn flush(&mut self) -> Result<(), RunnerError> {
        if self.model.checkpoint() != &self.seen || !self.aside.is_empty() {
            self.model
                .store(&*self.projection, self.seen.clone(), &self.aside)?;
        }
        self.aside.clear();
        self.unwritten.clear();
        Ok(())
    }

    /// Flushes when it is time to. What became visible by that was recorded when?
    fn flush_if_due(&mut self, now: Now) -> Result<Vec<Timestamp>, RunnerError> {
        if now.monotonic < self.due() {
            return Ok(Vec::new());
        }
        self.flushed_at = now.monotonic;
        let visible = std::mem::take(&mut self.unwritten);
        self.flush()?;
        Ok(visible)
    }

    /// When the file is to be written next.
    fn due(&self) -> Duration {
        let every = match self.projection.store_every() {
            Some(_) => self.projection.stored_within(self.pace.policy()),
            None => FLUSH_EVERY,
        };
        self.flushed_at.saturating_add(every)
    }

    fn rest(
        &mut self,
        until: Option<Duration>,
        past: Option<Position>,
        now: Now,
    ) -> Result<Step, RunnerError> {
        self.ahead = None;
        if self.model.checkpoint() == &self.seen {
            return Ok(Step::Rest { until, past });
        }
        let due = self.due();
        if due > now.monotonic {
            let until = Some(until.map_or(due, |until| until.min(due)));
            return Ok(Step::Rest { until, past });
        }
        let live = self.flush_if_due(now)?;
        if live.is_empty() {
            return Ok(Step::Rest { until, past });
        }
        Ok(Step::Moved { live, applied: 0 })
    }

    fn forget_waiting(&mut self) {
        self.waiting = Waiting {
            looked_to: self.seen.position,
            ..Waiting::default()
        };
    }

    /// Counts what waits, for policies that hold it back, until `enough` were found.
    async fn look(&mut self, enough: u64, now: Now) -> Result<(), RunnerError> {
        if self.waiting.looked_to < self.seen.position {
            self.forget_waiting();
        }
        while self.waiting.count < enough {
            let page = self.log.read_all(self.waiting.looked_to, PAGE_NEAR).await?;
            if page.is_empty() {
                break;
            }
            for event in &page {
                self.waiting.looked_to = event.position;
                if self.projection.subscription().takes_event(event) {
                    self.waiting.count += 1;
                    self.waiting
                        .oldest
                        .get_or_insert((event.recorded_at, now.monotonic));
                } else if self.waiting.count == 0 && event.position <= self.bound {
                    // It concerns nobody: the read model has seen it.
                    self.seen.position = event.position;
                    self.seen.event = Some(event.id.clone());
                }
            }
        }
        Ok(())
    }

    /// Applies the next page, within the limits given.
    async fn advance(
        &mut self,
        most: u64,
        recorded_by: Option<Timestamp>,
        through: Position,
        now: Now,
    ) -> Result<Step, RunnerError> {
        let limit = match recorded_by {
            _ if self.far => PAGE_FAR,
            Some(_) => PAGE_HELD,
            None => PAGE_NEAR,
        };
        let limit = limit.min(self.page);
        let through = through.min(self.bound);
        self.far = false;
        if self.seen.position >= through {
            return self.rest(None, None, now);
        }
        let page = self.read(limit).await?;
        if page.is_empty() {
            return self.rest(None, Some(self.seen.position), now);
        }
        let full = page.len() == limit || self.ahead.is_some();
        let limits = Limits {
            most,
            recorded_by,
            through,
            caution: self.caution,
            waiting: &self.waiting_aside,
            hopeless: self.hopeless.as_ref(),
            replay_to: self.replay_to,
            now: now.wall,
        };
        let page = Page::of(page, &self.seen, self.projection.subscription(), &limits);
        // Only who gets to the end of a full page is far behind: what is held back would be read in large
        // pages again and again. A page of large events is shorter than was asked for.
        self.far = full && page.is_whole;
        if let Some(position) = page.no_room
            && page.events.is_empty()
            && page.aside.is_empty()
        {
            self.seen = page.reach;
            self.stop_for_room(position);
            return self.rest(None, None, now);
        }
        if page.events.is_empty() {
            return self.pass(page, now);
        }
        self.apply(page, now)
    }

    /// Moves on over events that concern nobody, or are set aside.
    fn pass(&mut self, page: Page, now: Now) -> Result<Step, RunnerError> {
        let held_for = page.held_for;
        let moved = page.reach.position > self.seen.position;
        self.seen = page.reach;
        self.remember_aside(&page.aside);
        let now_or_never = self.projection.store_every().is_none() || begins(&page.aside);
        let sets_aside = !page.aside.is_empty() && now_or_never;
        self.aside.extend(page.aside);
        if sets_aside {
            crash::point("before-parked");
            self.flush()?;
            crash::point("after-parked");
        }
        self.passed_trouble();
        let live = self.flush_if_due(now)?;
        match held_for {
            _ if !live.is_empty() => Ok(Step::Moved { live, applied: 0 }),
            Some(wait) => self.rest(Some(now.monotonic + wait), None, now),
            None if moved => Ok(Step::Moved { live, applied: 0 }),
            None => self.rest(None, Some(self.seen.position), now),
        }
    }

    fn apply(&mut self, page: Page, now: Now) -> Result<Step, RunnerError> {
        let Page {
            events,
            mut aside,
            reach,
            ..
        } = page;
        let in_memory = self.projection.store_every().is_some();
        let applied = if in_memory {
            if self.caution.is_some_and(|c| c.is_suspect(&events[0])) {
                // Should it fail, nothing else is folded again.
                self.flush()?;
            }
            let folded = self.model.fold(&*self.projection, &events);
            crash::point("folded-in-memory");
            folded
        } else {
            let through = reach.clone();
            let applied = self
                .model
                .apply(&*self.projection, &events, through, &aside);
            if !aside.is_empty() {
                crash::point("after-parked");
            }
            applied
        };
        let done = match applied {
            Ok(done) => done,
            Err(error) => return Ok(self.stumble(&events, &error, now)),
        };
        // Where a page's time was up before its end, the next one need not be as large.
        self.far &= done == events.len();
        let mut live = self.live.of(&events[..done]);
        self.seen = reach.short_of(&events, done, &aside);
        let passed = parked::passed(&aside, &self.seen).len();
        aside.truncate(passed);
        self.remember_aside(&aside);
        self.passed_trouble();
        self.forget_waiting();
        if in_memory {
            self.unwritten.append(&mut live);
            self.aside.append(&mut aside);
            live = self.flush_if_due(now)?;
        } else {
            self.flushed_at = now.monotonic;
        }
        Ok(Step::Moved {
            live,
            applied: done as u64,
        })
    }
}

/// Whether an event that failed is parked by this. In the file at once: if what is folded in memory fails after
/// it, it would have to be tried again.
fn begins(aside: &[Aside]) -> bool {
    aside.iter().any(|a| matches!(a.why, Why::Failed { .. }))
}

#[cfg(test)]
mod tests;
