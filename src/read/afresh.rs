//! A fresh fold: a projection over the log, from the beginning up to a position, into a file that nobody
//! keeps. A page at a time, so that memory stays flat; it can be stopped, and gone on with.
//!
//! It has no policy, no clock and no second try, as a [`Runner`](super::Runner) has: what the log says is
//! all there is to it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::model::{Checkpoint, Model, ModelError};
use super::parked::OutOfTurn;
use super::projection::{ApplyError, Blame, Projection};
use super::work::Work;
use crate::event::{Event, Position};
use crate::log::{LogError, SharedLog};
use crate::text::thousands;

/// How many events are read, and applied in one transaction, at most.
const PAGE: u64 = 5_000;

/// Why a fold did not get to where it should.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// The handlers cannot apply an event.
    #[error("event {} cannot be applied: {reason}", thousands(position.get()))]
    Event {
        /// Which event.
        position: Position,
        /// What the handler said.
        reason: String,
    },
    /// The log has not so many events.
    #[error("position {} is beyond the head: the log ends at {}", thousands(goal.get()), thousands(head.get()))]
    BeyondHead {
        /// Up to where it should go.
        goal: Position,
        /// The last position of the log.
        head: Position,
    },
    /// Somebody stopped it.
    #[error("stopped at position {} of {}", thousands(at.get()), thousands(of.get()))]
    Stopped {
        /// The last position that was folded.
        at: Position,
        /// Up to where it should go.
        of: Position,
    },
    /// The disk or the system said no.
    #[error("the fold stopped after position {}: {reason}", thousands(at.get()))]
    Disk {
        /// The last position that was folded.
        at: Position,
        /// What was said.
        reason: String,
    },
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The file could not be used.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A fresh fold, under way.
pub(super) struct Afresh {
    projection: Arc<dyn Projection>,
    log: SharedLog,
    model: Model,
    work: Work,
    /// Read, and not folded yet.
    read: VecDeque<Event>,
    /// What is not folded in its turn.
    aside: OutOfTurn,
    /// How many events that come after their turn are folded, of those for the checkpoint where it stands.
    late: usize,
}

impl Afresh {
    /// Makes the file, at position 0.
    pub(super) fn begin(
        path: &Path,
        projection: &Arc<dyn Projection>,
        log: &SharedLog,
        work: &Work,
    ) -> Result<Self, FoldError> {
        let model = Model::create(path, &**projection, 1, None)?;
        Self::of(model, projection, log, work)
    }

    /// Goes on with a file that a fold left.
    pub(super) fn go_on(
        path: &Path,
        projection: &Arc<dyn Projection>,
        log: &SharedLog,
        work: &Work,
    ) -> Result<Self, FoldError> {
        Self::of(Model::open(path)?, projection, log, work)
    }

    fn of(
        mut model: Model,
        projection: &Arc<dyn Projection>,
        log: &SharedLog,
        work: &Work,
    ) -> Result<Self, FoldError> {
        model.keep_nothing_safe()?;
        let stop = work.clone();
        model.stop_when(move || stop.is_stopped());
        Ok(Self {
            projection: Arc::clone(projection),
            log: Arc::clone(log),
            model,
            work: work.clone(),
            read: VecDeque::new(),
            aside: OutOfTurn::default(),
            late: 0,
        })
    }

    /// Sets aside what a read model set aside, and folds it when that did.
    pub(super) fn like(mut self, aside: OutOfTurn) -> Self {
        self.be_like(aside);
        self
    }

    /// The same, from where it stands on.
    pub(super) fn be_like(&mut self, aside: OutOfTurn) {
        // Whatever is gone on with was left between two events.
        self.late = aside.later_at(self.at()).len();
        self.aside = aside;
    }

    /// The last position that it contains.
    pub(super) fn at(&self) -> Position {
        self.model.checkpoint().position
    }

    /// Its file, to be looked at between two events.
    pub(super) fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// Its file.
    pub(super) fn path(&self) -> &Path {
        self.model.path()
    }

    /// Closes it, and answers its file.
    pub(super) fn close(self) -> PathBuf {
        self.model.path().to_owned()
    }

    /// Whether an event is folded in its turn. Everything that a fold does in turn comes through here.
    fn takes(&self, event: &Event) -> bool {
        self.projection.subscription().takes_event(event) && !self.aside.leaves_out(event)
    }

    /// Folds the events that come after their turn, and for which the time has come.
    async fn catch_up(&mut self, goal: Position) -> Result<(), FoldError> {
        while let Some(position) = self.aside.later_at(self.at()).get(self.late).copied() {
            let before = Position::new(position.get().saturating_sub(1));
            let page = self.log.read_all(before, 1).await?;
            let Some(event) = page.first().filter(|event| event.position == position) else {
                let head = self.log.head().await?;
                return Err(FoldError::BeyondHead { goal, head });
            };
            let late = self.model.apply_late(&*self.projection, event, None);
            late.map_err(|error| self.failed(&error, Some(event), goal))?;
            self.late += 1;
        }
        Ok(())
    }

    /// Up to where it can go before something is folded after its turn.
    fn until(&self, goal: Position) -> Position {
        let next = self.aside.next_after(self.at());
        next.map_or(goal, |next| next.min(goal))
    }

    /// Folds up to and with a position, which never is before where it stands.
    pub(super) async fn to(&mut self, goal: Position) -> Result<(), FoldError> {
        self.catch_up(goal).await?;
        while self.at() < goal {
            self.fill(goal).await?;
            let until = self.until(goal);
            let part = self.read.partition_point(|event| event.position <= until);
            let page: Vec<Event> = self.read.drain(..part).collect();
            self.apply(page, goal)?;
            self.catch_up(goal).await?;
            self.work.did(self.at().get());
        }
        Ok(())
    }

    /// Folds up to and with the next event that it takes, or up to the goal where there is none; answers
    /// that event's position.
    pub(super) async fn next(&mut self, goal: Position) -> Result<Option<Position>, FoldError> {
        self.catch_up(goal).await?;
        while self.at() < goal {
            self.fill(goal).await?;
            let Some(event) = self.read.pop_front() else {
                break;
            };
            let position = event.position;
            let takes = self.takes(&event) || !self.aside.later_at(position).is_empty();
            // Where it stands is written with each event that it takes, and at the end of what was read.
            if takes || self.read.is_empty() {
                self.apply(vec![event], goal)?;
                self.catch_up(goal).await?;
                self.work.did(position.get());
            }
            if takes {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// Folds one event that somebody else read on the way to a goal, the next after where it stands; says
    /// whether it takes it.
    pub(super) async fn take_one(
        &mut self,
        event: &Event,
        goal: Position,
    ) -> Result<bool, FoldError> {
        let takes = self.takes(event) || !self.aside.later_at(event.position).is_empty();
        if takes {
            self.apply(vec![event.clone()], goal)?;
            self.catch_up(goal).await?;
        }
        Ok(takes)
    }

    /// Reads the next page, where nothing read is left.
    async fn fill(&mut self, goal: Position) -> Result<(), FoldError> {
        let at = self.at();
        if self.work.is_stopped() {
            return Err(FoldError::Stopped { at, of: goal });
        }
        if self.read.is_empty() {
            let limit = usize::try_from(goal.since(at).min(PAGE)).unwrap_or(usize::MAX);
            let page = self.log.read_all(at, limit).await?;
            if page.is_empty() {
                return Err(FoldError::BeyondHead { goal, head: at });
            }
            self.read.extend(page);
        }
        Ok(())
    }

    /// Applies what it takes of a page, and moves on over the rest.
    fn apply(&mut self, page: Vec<Event>, goal: Position) -> Result<(), FoldError> {
        let Some(end) = page.last().map(|e| (e.position, e.id.clone())) else {
            return Ok(());
        };
        let take: Vec<Event> = page.into_iter().filter(|e| self.takes(e)).collect();
        let mut rest = &take[..];
        loop {
            let through = Checkpoint {
                position: end.0,
                event: Some(end.1.clone()),
                applied: self.model.checkpoint().applied + rest.len() as u64,
            };
            match self.take(rest, &through) {
                Ok(done) if done >= rest.len() => {
                    self.late = 0;
                    return Ok(());
                }
                Ok(done) => rest = &rest[done..],
                Err(error) => {
                    let failed = self.failed(&error, rest.get(error.index), goal);
                    // It stands where it came to: what comes before is applied.
                    let before = rest.get(..error.index).unwrap_or_default();
                    if error.blame == Blame::Event && !before.is_empty() {
                        drop(self.take(before, &through.short_of(rest, before.len(), &[])));
                    }
                    return Err(failed);
                }
            }
        }
    }

    /// Applies as many of the first of these as a page's time allows, and says how many. What is folded in
    /// memory is in the file after that too.
    fn take(&mut self, events: &[Event], through: &Checkpoint) -> Result<usize, ApplyError> {
        if self.projection.store_every().is_none() {
            return self
                .model
                .apply(&*self.projection, events, through.clone(), &[]);
        }
        let done = self.model.fold(&*self.projection, events)?;
        let through = through.clone().short_of(events, done, &[]);
        let stored = self.model.store(&*self.projection, through, &[]);
        stored.map(|()| done).map_err(|error| ApplyError {
            index: 0,
            reason: error.to_string(),
            blame: Blame::System,
        })
    }

    fn failed(&self, error: &ApplyError, event: Option<&Event>, goal: Position) -> FoldError {
        let (at, reason) = (self.at(), error.reason.clone());
        match event {
            _ if self.work.is_stopped() => FoldError::Stopped { at, of: goal },
            Some(event) if error.blame == Blame::Event => FoldError::Event {
                position: event.position,
                reason,
            },
            _ => FoldError::Disk { at, reason },
        }
    }
}
