//! `cutover PROJECTION`: lets the version that is held answer.

use highwater::workspace::Operation;

use super::context::Context;
use super::operate::{self, Target};
use super::{Exit, Failure};

/// What `cutover` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Only if this is the version that is held
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

/// Asks for it, and waits until that version answers.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let operation = Operation::CutOver {
        version: args.version,
    };
    operate::soon(&context.open()?, &args.target, operation).await
}
