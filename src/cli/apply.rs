//! `apply PROJECTION`: applies what is waiting now, whatever the policy.

use highwater::workspace::Operation;

use super::context::Context;
use super::operate::{self, Target};
use super::{Exit, Failure};

/// What `apply` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
}

/// Asks for it, and waits until everything that waited is applied.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    operate::soon(&context.open()?, &args.target, Operation::Apply).await
}
