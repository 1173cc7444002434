//! What a user interface asks of one read model: a query, how its objective was held, what another policy would have
//! given.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Answered, Consistency, OperateError, Operator, Policy, Service, WhatIf, Workspace};
use crate::read::Cost;

impl Operator {
    /// Answers a question, as fresh as asked for, waiting for at most `patience`. Errors: as [`Workspace::query`].
    pub async fn query(
        &self,
        projection: &str,
        query: &str,
        parameters: BTreeMap<String, String>,
        consistency: Consistency,
        patience: Duration,
    ) -> Result<Answered, OperateError> {
        let (workspace, runtime) = (self.workspace.clone(), tokio::runtime::Handle::current());
        let (projection, query) = (projection.to_owned(), query.to_owned());
        let task = tokio::task::spawn_blocking(move || {
            let asked = workspace.query(&projection, &query, &parameters, consistency, patience);
            runtime.block_on(asked)
        });
        let answered = task.await.map_err(|e| OperateError(e.to_string()))?;
        answered.map_err(|e| OperateError(e.to_string()))
    }

    /// How the objective of a projection was held; `None` where it has none. Errors: as [`Workspace::service`].
    pub async fn service(&self, projection: &str) -> Result<Option<Service>, OperateError> {
        let name = projection.to_owned();
        self.aside(async move |workspace: Workspace| workspace.service(&name).await)
            .await
    }

    /// What a policy would have given over the last hour, where applying an event costs what it does at `capacity`
    /// events a second. Errors: as [`Workspace::what_if`].
    pub async fn what_if(
        &self,
        projection: &str,
        policy: Policy,
        capacity: Option<f64>,
    ) -> Result<WhatIf, OperateError> {
        let name = projection.to_owned();
        let capacity = capacity.filter(|capacity| *capacity > 0.0);
        let event = capacity.and_then(|c| Duration::try_from_secs_f64(1.0 / c).ok());
        let cost = Cost {
            event: event.unwrap_or_default(),
            ..Cost::default()
        };
        self.aside(async move |workspace: Workspace| workspace.what_if(&name, policy, cost).await)
            .await
    }
}
