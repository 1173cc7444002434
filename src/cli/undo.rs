//! `undo PROJECTION`: takes back what was asked of it last.

use highwater::text::{program, thousands};
use highwater::workspace::Done;
use serde_json::json;

use super::context::{Context, engine_for, stop};
use super::operate::{SOON, Target};
use super::out::Out;
use super::{Exit, Failure};

/// What `undo` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
}

/// Asks for the opposite, and waits for its outcome. Exit 3 where there is nothing that can be taken back.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let name = &args.target.name;
    let workspace = context.open()?;
    let engine = engine_for(&workspace, name).await?;
    let undone = workspace.undo(name, Some(SOON)).await;
    stop(engine).await;
    let undone = undone?.map_err(|why| Failure::no(format!("{name}: {why}")))?;
    let later = format!("an engine will do it (`{} run`)", program());
    let (outcome, what, exit) = match &undone.done {
        Done::Finished { what } => ("finished", what.as_str(), Exit::Done),
        Done::Failed { reason } => ("failed", reason.as_str(), Exit::No),
        Done::Requested => ("requested", later.as_str(), Exit::Failed),
    };
    let mut out = Out::new();
    if args.target.json {
        out.json(&json!({
            "outcome": outcome,
            "what": what,
            "undoes": undone.position,
            "was": undone.was,
            "by": undone.by.to_string(),
        }))?;
    } else {
        out.line(format_args!(
            "{name}: `{}` (position {}) is taken back by `{}`: {what}",
            undone.was,
            thousands(undone.position.get()),
            undone.by
        ))?;
    }
    out.finish()?;
    Ok(exit)
}
