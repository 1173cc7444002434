//! `resume PROJECTION`: lets a projection go on.

use highwater::workspace::Operation;

use super::context::Context;
use super::operate::{self, Target};
use super::{Exit, Failure};

/// What `resume` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Only the rebuild under way; the version that answers goes on
    #[arg(long)]
    rebuild: bool,
}

/// Asks for it, and waits until it goes on.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let operation = if args.rebuild {
        Operation::ResumeRebuild
    } else {
        Operation::Resume
    };
    operate::soon(&context.open()?, &args.target, operation).await
}
