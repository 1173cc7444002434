//! What the Projection screen asks of the workspace.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::state::page::Parked;
use crate::workspace::{
    Answered, Browse, BuiltFrom, Consistency, OperateError, Operator, Policy, Recorded, RowsPage,
    Service, WhatIf,
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Its number: the answer has the same.
    pub number: u64,
    /// About which projection.
    pub projection: String,
    /// What.
    pub what: What,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// What it was built from.
    Definition,
    /// What is parked.
    Parked,
    /// What was asked of it.
    Operations,
    /// How its objective was held.
    Service,
    /// What a policy would have given, at so many events a second.
    Forecast(Policy, Option<f64>),
    /// Some of its rows.
    Rows(Browse),
    /// One of its queries.
    Query {
        /// Which.
        query: String,
        /// With these parameters.
        parameters: BTreeMap<String, String>,
        /// How fresh.
        consistency: Consistency,
    },
}

/// What it came to.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The number of the question.
    pub number: u64,
    /// The answer; or why there is none.
    pub found: Result<Found, String>,
}

/// What was found: of the kind that was asked for.
#[derive(Debug, Clone)]
pub enum Found {
    Definition(BuiltFrom),
    Parked(Parked),
    Operations(Vec<Recorded>),
    Service(Option<Service>),
    WhatIf(Box<WhatIf>),
    Rows(Box<RowsPage>),
    Query(Box<Answered>),
}

/// Asks the workspace.
pub async fn answer(operator: &Operator, ask: Ask) -> Answer {
    let found = find(operator, &ask.projection, ask.what).await;
    Answer {
        number: ask.number,
        found: found.map_err(|error| error.to_string()),
    }
}

async fn find(operator: &Operator, name: &str, what: What) -> Result<Found, OperateError> {
    Ok(match what {
        What::Definition => Found::Definition(operator.definition_text(name).await?),
        What::Parked => Found::Parked(operator.parked(name).await?),
        What::Operations => Found::Operations(operator.history(name).await?),
        What::Service => Found::Service(operator.service(name).await?),
        What::Forecast(policy, capacity) => {
            Found::WhatIf(Box::new(operator.what_if(name, policy, capacity).await?))
        }
        What::Rows(wanted) => Found::Rows(Box::new(operator.rows_page(name, &wanted).await?)),
        What::Query {
            query,
            parameters,
            consistency,
        } => {
            let answered = operator.query(name, &query, parameters, consistency, PATIENCE);
            Found::Query(Box::new(answered.await?))
        }
    })
}
