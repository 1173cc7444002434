//! `cancel PROJECTION`: gives up the version that is built or held.

use highwater::workspace::Operation;

use super::context::Context;
use super::operate::{self, Target};
use super::{Exit, Failure};

/// What `cancel` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
}

/// Asks for it, and waits until nothing of that version is left.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    operate::soon(&context.open()?, &args.target, Operation::Cancel).await
}
