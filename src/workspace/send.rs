//! Sending a command, and waiting until the read models with `-- policy: sync` have what it led to.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ask::Follow;
use super::{CommandCounts, Outcome, Workspace, WorkspaceError};
use crate::event::{Event, Position};
use crate::log::EventLog as _;
use crate::read::{Policy, Projection, Subscription, Without};
use crate::text::program;
use crate::write::Request;

/// How many events of a commit are looked at: most have one or two.
const FEW: u64 = 16;

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
        let mut visible = Vec::new();
        for projection in in_sync
            .iter()
            .filter(|p| concerns(p.subscription(), &committed))
        {
            let name = projection.name();
            let mut follow = Follow::new(self, name)?;
            // The command is stored: whatever comes now, it did not fail.
            let because = follow
                .until(position, deadline)
                .await
                .unwrap_or_else(|e| Some(e.to_string()));
            let because = because.or_else(|| {
                self.set_aside(projection, position, &committed)
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
        last: Position,
        committed: &Option<Vec<Event>>,
    ) -> Result<Option<String>, WorkspaceError> {
        let first = committed.as_ref().and_then(|events| events.first());
        let first = first.map_or(last, |event| event.position);
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

    /// The events of the commit that ends at a position; `None` where it has more than a few, or
    /// large ones.
    async fn commit_up_to(&self, position: Position) -> Result<Option<Vec<Event>>, WorkspaceError> {
        let before = Position::new(position.get().saturating_sub(FEW));
        let mut events = self.0.log.read_all(before, FEW as usize).await?;
        // Near the beginning of the log, what came later is read too.
        events.retain(|event| event.position <= position);
        // Where events are large, they do not all come at once.
        let Some(last) = events.last().filter(|e| e.position == position).cloned() else {
            return Ok(None);
        };
        let of_another =
            |event: &Event| event.stream != last.stream || event.recorded_at != last.recorded_at;
        match events.iter().rposition(of_another) {
            Some(end) => Ok(Some(events.split_off(end + 1))),
            None if before == Position::START => Ok(Some(events)),
            None => Ok(None),
        }
    }
}

/// Whether a projection is told of a commit; a large one is taken to concern everybody.
fn concerns(subscription: &Subscription, commit: &Option<Vec<Event>>) -> bool {
    commit
        .as_ref()
        .is_none_or(|events| events.iter().any(|event| subscription.takes_event(event)))
}
