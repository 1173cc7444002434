//! `pause PROJECTION`: lets a projection stand still.

use highwater::workspace::Operation;

use super::context::Context;
use super::operate::{self, Target};
use super::{Exit, Failure};

/// What `pause` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Only the rebuild under way; the version that answers goes on
    #[arg(long)]
    rebuild: bool,
}

/// Asks for it, and waits until it stands.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let operation = if args.rebuild {
        Operation::PauseRebuild
    } else {
        Operation::Pause
    };
    operate::soon(&context.open()?, &args.target, operation).await
}
