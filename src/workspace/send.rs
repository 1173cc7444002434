//! Sending a command, and waiting until the read models with `-- policy: sync` have what it led to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ask::Follow;
use super::{CommandCounts, Outcome, Workspace, WorkspaceError};
use crate::event::{Event, EventType, Position, StreamId, Timestamp};
use crate::log::EventLog as _;
use crate::read::{Policy, Projection, Subscription, Without};
use crate::text::program;
use crate::write::Request;

/// How many events are looked at first to find a commit: most have one or two.
const FEW: u64 = 16;

/// The most events that a commit has.
const MOST: u64 = 1_000;

/// How many are read at once where it has more than a few.
const PAGE: usize = 100;

/// What a command came to, and who can see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// What the write side says.
    pub outcome: Outcome,
    /// The `sync` read models that its events concern.
    pub visible: Vec<Visibility>,
}

/// Whether a read model has what a command led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Visibility {
    /// The projection.
    pub projection: String,
    /// How long after it was stored it was visible; `None`: stored, not visible.
    pub after: Option<Duration>,
    /// Why it is not visible.
    pub because: Option<String>,
}

/// Counts what a command came to.
pub(super) fn count(counts: &Mutex<CommandCounts>, outcome: &Outcome) {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    match outcome {
        Outcome::Accepted { .. } => counts.accepted += 1,
        Outcome::Rejected { .. } => counts.rejected += 1,
        Outcome::Conflict { .. } => counts.conflict += 1,
    }
}

impl Workspace {
    /// Sends a command. Answers once the read models with `-- policy: sync` have what it led to, at the
    /// configured time limit, or at once where one of them is paused, faulted or without an owner.
    ///
    /// Errors: the command is not known or its fields are wrong; the log.
    pub async fn send(&self, request: Request) -> Result<Sent, WorkspaceError> {
        let outcome = self.0.commands.send(&*self.0.log, request).await?;
        count(&self.0.counts, &outcome);
        let visible = match &outcome {
            Outcome::Accepted {
                position: Some(position),
                ..
            } => self
                .wait_until_visible(*position)
                .await
                .unwrap_or_else(|error| {
                    tracing::warn!(%error, "a command is stored, but who can see it is not known");
                    Vec::new()
                }),
            _ => Vec::new(),
        };
        Ok(Sent { outcome, visible })
    }

    async fn wait_until_visible(
        &self,
        position: Position,
    ) -> Result<Vec<Visibility>, WorkspaceError> {
        let began = Instant::now();
        let deadline = began + self.0.config.sync_timeout;
        let in_sync = self.projections_with(Policy::Sync).await?;
        if in_sync.is_empty() {
            return Ok(Vec::new());
        }
        let committed = self.commit_up_to(position).await?;
        let first = committed.as_ref().map_or(position, |commit| commit.first);
        let mut visible = Vec::new();
        for projection in in_sync
            .iter()
            .filter(|p| concerns(p.subscription(), committed.as_ref()))
        {
            let name = projection.name();
            let mut follow = Follow::new(self, name)?;
            // The command is stored: whatever comes now, it did not fail.
            let because = follow
                .until(position, deadline)
                .await
                .unwrap_or_else(|e| Some(e.to_string()));
            let because = because.or_else(|| {
                self.set_aside(projection, first, position)
                    .unwrap_or_else(|e| Some(e.to_string()))
            });
            let after = because.is_none().then(|| began.elapsed());
            visible.push(Visibility {
                projection: name.to_owned(),
                after,
                because,
            });
        }
        Ok(visible)
    }

    /// Why a read model that has passed a commit is without it: an event of it is parked, or somebody skips it.
    fn set_aside(
        &self,
        projection: &Arc<dyn Projection>,
        first: Position,
        last: Position,
    ) -> Result<Option<String>, WorkspaceError> {
        let reader = self.reader(projection)?;
        // Nothing was set aside at all, or nothing that late.
        if reader.last_passed_by()?.is_none_or(|at| at < first) {
            return Ok(None);
        }
        let name = projection.name();
        let without = reader.passed_by()?.among(first, last);
        Ok(without.map(|without| match without {
            Without::Parked => format!(
                "it could not be applied and is parked: `{program} parked {name}`",
                program = program()
            ),
            Without::Skipped => "it is skipped there".to_owned(),
        }))
    }

    /// The commit that ends at a position; `None` where the log does not give its events.
    async fn commit_up_to(&self, position: Position) -> Result<Option<Stored>, WorkspaceError> {
        match self.commit_among(position, FEW).await? {
            // One more is of another commit, whatever this one has.
            None => self.commit_among(position, MOST + 1).await,
            found => Ok(found),
        }
    }

    /// The same, where it begins among so many events up to there.
    async fn commit_among(
        &self,
        position: Position,
        many: u64,
    ) -> Result<Option<Stored>, WorkspaceError> {
        let mut at = Position::new(position.get().saturating_sub(many));
        let mut begins = at == Position::START;
        let mut found: Option<Stored> = None;
        while at < position {
            let left = usize::try_from(position.get() - at.get()).unwrap_or(PAGE);
            // Where events are large, they do not all come at once.
            let page = self.0.log.read_all(at, left.min(PAGE)).await?;
            let Some(last) = page.last() else {
                return Ok(None);
            };
            at = last.position;
            for event in page {
                match &mut found {
                    Some(commit) if commit.has(&event) => commit.types.push(event.event_type),
                    other => {
                        begins |= other.is_some();
                        *other = Some(Stored::from(event));
                    }
                }
            }
        }
        Ok(found.filter(|_| begins))
    }
}

/// What of a commit tells whom it concerns; its events may be large.
struct Stored {
    first: Position,
    stream: StreamId,
    recorded_at: Timestamp,
    types: Vec<EventType>,
}

impl Stored {
    fn from(event: Event) -> Self {
        Self {
            first: event.position,
            stream: event.stream,
            recorded_at: event.recorded_at,
            types: vec![event.event_type],
        }
    }

    /// Whether the event that follows belongs to it.
    fn has(&self, event: &Event) -> bool {
        self.stream == event.stream && self.recorded_at == event.recorded_at
    }
}

/// Whether a projection is told of a commit; one that cannot be read is taken to concern everybody.
fn concerns(subscription: &Subscription, commit: Option<&Stored>) -> bool {
    commit.is_none_or(|commit| {
        let mut types = commit.types.iter();
        types.any(|event_type| subscription.takes(commit.stream.as_str(), event_type.as_str()))
    })
}
