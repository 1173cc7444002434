//! `replay PROJECTION POSITION`: applies events again into the same read model.

use highwater::event::Position;
use highwater::text::{program, thousands};
use highwater::workspace::Operation;

use super::context::{Context, engine_for, stop};
use super::failure::say;
use super::operate::{self, Target};
use super::rebuild::takes;
use super::{Exit, Failure};

/// What `replay` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// The events after this position are applied again
    #[arg(value_name = "POSITION", required_unless_present = "after")]
    position: Option<u64>,
    /// The same
    #[arg(long, value_name = "POSITION", conflicts_with = "position")]
    after: Option<u64>,
}

/// Says what it would mean, and waits until it is done. Exit 3 where it is refused.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let name = &args.target.name;
    let after = Position::new(args.after.or(args.position).unwrap_or_default());
    let operation = Operation::Replay { after };
    let workspace = context.open()?;
    let engine = engine_for(&workspace, name).await?;
    let preview = workspace.preview(name, &operation).await?;
    if let Some(reason) = preview.refused {
        stop(engine).await;
        return Err(Failure::no(format!(
            "{name} cannot be replayed after position {}: {reason}\n`{program} rebuild {name}` folds it \
             again from the first event",
            thousands(after.get()),
            program = program()
        )));
    }
    say(&format!(
        "{name} applies {} events again{}",
        thousands(preview.events),
        takes(preview.takes)
    ));
    let done = operate::long(&workspace, &args.target, operation).await;
    stop(engine).await;
    done
}
