//! `rollback PROJECTION`: lets the version that was kept answer again.

use highwater::workspace::Operation;

use super::context::Context;
use super::operate::{self, Target};
use super::{Exit, Failure};

/// What `rollback` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Only if this is the version that answers
    #[arg(long, value_name = "VERSION")]
    from: Option<String>,
}

/// Asks for it, and waits until that version answers.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let operation = Operation::RollBack { from: args.from };
    operate::soon(&context.open()?, &args.target, operation).await
}
