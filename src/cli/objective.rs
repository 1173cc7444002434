//! `objective [PROJECTION]`: how well an objective was held over the last hour, and what another policy
//! would have given.

use std::time::Duration;

use highwater::read::Cost;
use highwater::text::{human_duration, thousands};
use highwater::workspace::{Policy, ProjectionView, Service, WhatIf, Workspace};
use serde_json::{Value, json};

use super::context::Context;
use super::out::Out;
use super::{Exit, Failure};

/// What `objective` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The projection; without it, all that have an objective
    #[arg(value_name = "PROJECTION")]
    name: Option<String>,
    /// What this policy would have given over the events of the last hour
    #[arg(long, value_name = "POLICY", requires = "name")]
    policy: Option<Policy>,
    /// JSON, one projection a line
    #[arg(long)]
    json: bool,
}

/// Says how it was held. Exit 3 where more than the error budget was used.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let workspace = context.open()?;
    let snapshot = workspace.snapshot().await?;
    if let Some(name) = &args.name {
        workspace.projection(name)?;
    }
    let asked = |view: &&ProjectionView| args.name.as_ref().is_none_or(|name| *name == view.name);
    let mut out = Out::new();
    let mut exit = Exit::Done;
    for view in snapshot.projections.iter().filter(asked) {
        let service = workspace.service(&view.name).await?;
        let what_if = match args.policy {
            Some(policy) => Some(forecast(&workspace, view, policy).await?),
            None => None,
        };
        if service
            .as_ref()
            .is_some_and(|service| service.left().is_none())
        {
            exit = Exit::No;
        }
        if args.json {
            out.json(&as_json(view, service.as_ref(), what_if.as_ref()))?;
            continue;
        }
        match &service {
            Some(service) => out.line(words(&view.name, service))?,
            None if args.name.is_some() => out.line(format_args!(
                "{} has no objective: write `-- objective: 1s` in its file",
                view.name
            ))?,
            None => {}
        }
        if let Some(what_if) = &what_if {
            out.line(forecast_words(what_if))?;
        }
    }
    out.finish()?;
    Ok(exit)
}

/// With what applying an event is measured to cost now.
async fn forecast(
    workspace: &Workspace,
    view: &ProjectionView,
    policy: Policy,
) -> Result<WhatIf, Failure> {
    let event = view.rates.capacity.filter(|capacity| *capacity > 0.0);
    let cost = Cost {
        event: event.map_or(Duration::ZERO, |capacity| {
            Duration::from_secs_f64(1.0 / capacity)
        }),
        ..Cost::default()
    };
    Ok(workspace.what_if(&view.name, policy, cost).await?)
}

fn percent(share: f64) -> String {
    // Never 100 % where anything is missing.
    let cut = (share * 10_000.0).floor() / 100.0;
    format!("{cut:.2} %")
}

fn words(name: &str, service: &Service) -> String {
    let breaches = match service.breaches {
        0 => "never breached".to_owned(),
        1 => format!("breached once, for {}", human_duration(service.breached)),
        times => format!(
            "breached {} times, for {} in all",
            thousands(times as u64),
            human_duration(service.breached)
        ),
    };
    let budget = human_duration(service.budget());
    let left = match service.left() {
        Some(left) => format!("{} left of a budget of {budget}", human_duration(left)),
        None => format!("the budget of {budget} is used up"),
    };
    format!(
        "{name}: an age of {} was held {} of the last {}: {breaches}; {left}",
        human_duration(service.objective),
        percent(service.held()),
        human_duration(service.over)
    )
}

fn forecast_words(what_if: &WhatIf) -> String {
    let held = what_if.held.map_or_else(String::new, |held| {
        format!(", and the objective held {} of the time", percent(held))
    });
    let visible = what_if.visible.map_or_else(
        || "none would be visible".to_owned(),
        |[half, most, all]| {
            format!(
                "half visible after {}, 99 of 100 after {}, the slowest after {}",
                human_duration(half),
                human_duration(most),
                human_duration(all)
            )
        },
    );
    let unseen = match what_if.unseen {
        0 => String::new(),
        unseen => format!(", {} still waiting", thousands(unseen as u64)),
    };
    format!(
        "with policy `{}`, of {} events since {}: {visible}{unseen}{held}",
        what_if.policy,
        thousands(what_if.events as u64),
        what_if.since.strftime("%F %T UTC")
    )
}

fn as_json(view: &ProjectionView, service: Option<&Service>, what_if: Option<&WhatIf>) -> Value {
    json!({
        "projection": view.name,
        "breach": view.breach,
        "service": service.map(|service| json!({
            "objective_s": service.objective.as_secs_f64(),
            "over_s": service.over.as_secs_f64(),
            "held": service.held(),
            "breaches": service.breaches,
            "breached_s": service.breached.as_secs_f64(),
            "budget_s": service.budget().as_secs_f64(),
            "left_s": service.left().map(|left| left.as_secs_f64()),
        })),
        "what_if": what_if.map(|what_if| json!({
            "policy": what_if.policy,
            "events": what_if.events,
            "since": what_if.since,
            "unseen": what_if.unseen,
            "visible_s": what_if.visible.map(|times| times.map(|time| time.as_secs_f64())),
            "held": what_if.held,
        })),
    })
}
