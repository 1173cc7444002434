//! What the projections' system streams come to, looked up again at most ten times a second: commands ask
//! for it each time, and it seldom changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::operations::{self, Operations};
use super::{Workspace, WorkspaceError};
use crate::read::{Policy, Projection};

/// How old what is known may be.
const FRESH: Duration = Duration::from_millis(100);

/// What is known, and since when.
#[derive(Debug, Default)]
pub(super) struct Known {
    at: Option<Instant>,
    operations: BTreeMap<String, Operations>,
    /// When it was last seen that nothing hinders a projection.
    free: BTreeMap<String, Instant>,
}

impl Known {
    /// Whether nothing hindered a projection a moment ago.
    pub(super) fn is_free(&self, projection: &str) -> bool {
        self.free
            .get(projection)
            .is_some_and(|at| at.elapsed() < FRESH)
    }

    /// Nothing hinders it now.
    pub(super) fn set_free(&mut self, projection: &str) {
        self.free.insert(projection.to_owned(), Instant::now());
    }
}

impl Workspace {
    /// The projections that keep to a policy just now, by file or by hand.
    pub(super) async fn projections_with(
        &self,
        policy: Policy,
    ) -> Result<Vec<Arc<dyn Projection>>, WorkspaceError> {
        let mut known = self.0.known.lock().await;
        if known.at.is_none_or(|at| at.elapsed() >= FRESH) {
            for projection in &self.projections() {
                let name = projection.name();
                let operations = known.operations.entry(name.to_owned()).or_default();
                operations
                    .refresh(&*self.0.log, &operations::stream(name)?)
                    .await?;
            }
            known.at = Some(Instant::now());
        }
        let keeps = |projection: &Arc<dyn Projection>| {
            let by_hand = known
                .operations
                .get(projection.name())
                .and_then(|o| o.policy);
            by_hand.unwrap_or(projection.policy()) == policy
        };
        Ok(self.projections().into_iter().filter(keeps).collect())
    }

    /// The policy that a projection keeps to just now, by file or by hand.
    pub(super) async fn policy_of(&self, projection: &str) -> Result<Policy, WorkspaceError> {
        let operations = Operations::read(&*self.0.log, &operations::stream(projection)?).await?;
        let file = self.projection(projection)?.policy();
        Ok(operations.policy.unwrap_or(file))
    }
}
