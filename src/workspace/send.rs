//! Sending a command, and waiting until the read models with `-- policy: sync` have what it led to.

use std::time::{Duration, Instant};

use super::ask::Follow;
use super::{Outcome, Workspace, WorkspaceError};
use crate::event::{Event, Position, Version};
use crate::log::EventLog as _;
use crate::read::{Policy, Projection as _, Subscription};
use crate::write::Request;

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

impl Workspace {
    /// Sends a command. Answers once the read models with `-- policy: sync` have what it led to, at the
    /// configured time limit, or at once where one of them is paused, faulted or without an owner.
    ///
    /// Errors: the command is not known or its fields are wrong; the log.
    pub async fn send(&self, request: Request) -> Result<Sent, WorkspaceError> {
        let outcome = self.0.commands.send(&*self.0.log, request).await?;
        self.count(&outcome);
        let visible = match &outcome {
            Outcome::Accepted {
                position: Some(position),
                ..
            } if self.has_sync() => self.wait_until_visible(*position).await?,
            _ => Vec::new(),
        };
        Ok(Sent { outcome, visible })
    }

    fn count(&self, outcome: &Outcome) {
        let mut counts = self
            .0
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match outcome {
            Outcome::Accepted { .. } => counts.accepted += 1,
            Outcome::Rejected { .. } => counts.rejected += 1,
            Outcome::Conflict { .. } => counts.conflict += 1,
        }
    }

    fn has_sync(&self) -> bool {
        // A policy that was changed by hand is looked up below; most workspaces have none at all.
        self.0
            .projections
            .iter()
            .any(|projection| projection.definition().policy == Policy::Sync)
    }

    async fn wait_until_visible(
        &self,
        position: Position,
    ) -> Result<Vec<Visibility>, WorkspaceError> {
        let began = Instant::now();
        let deadline = began + self.0.config.sync_timeout;
        let committed = self.commit_at(position).await?;
        let mut visible = Vec::new();
        for projection in &self.0.projections {
            let name = projection.name();
            if !concerns(projection.subscription(), &committed)
                || self.policy_of(name).await? != Policy::Sync
            {
                continue;
            }
            let mut follow = Follow::new(self, name)?;
            let because = follow.until(position, deadline).await?;
            let after = because.is_none().then(|| began.elapsed());
            visible.push(Visibility {
                projection: name.to_owned(),
                after,
                because,
            });
        }
        Ok(visible)
    }

    /// The last event of a commit stands for it: its events are of one stream, and near enough.
    async fn commit_at(&self, position: Position) -> Result<Vec<Event>, WorkspaceError> {
        let last = self
            .0
            .log
            .read_all(Position::new(position.get().saturating_sub(1)), 1)
            .await?;
        let Some(event) = last.first() else {
            return Ok(last);
        };
        let before = Version::new(event.version.get().saturating_sub(20));
        let page = self.0.log.read_stream(&event.stream, before, 20).await?;
        let same =
            |other: &Event| other.recorded_at == event.recorded_at && other.position <= position;
        Ok(page.events.into_iter().filter(same).collect())
    }
}

fn concerns(subscription: &Subscription, events: &[Event]) -> bool {
    events.iter().any(|event| subscription.takes_event(event))
}
