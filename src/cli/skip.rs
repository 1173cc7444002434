//! `skip PROJECTION POSITION --reason '…'`: leaves a parked event out; and `unskip`.

use highwater::event::Position;
use highwater::workspace::{Operation, reason};

use super::context::Context;
use super::operate::{self, Target};
use super::{Exit, Failure};

/// What `skip` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// The parked event
    #[arg(value_name = "POSITION")]
    event: u64,
    /// Why: it stands in the log, with your name
    #[arg(long, value_name = "WHY")]
    reason: String,
}

/// What `unskip` is told.
#[derive(Debug, clap::Args)]
pub struct BackArgs {
    #[command(flatten)]
    target: Target,
    /// The skipped event
    #[arg(value_name = "POSITION")]
    event: u64,
}

/// Asks for it, and waits for the outcome.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let operation = Operation::Skip {
        event: Position::new(args.event),
        reason: reason(&args.reason).map_err(Failure::usage)?,
    };
    operate::soon(&context.open()?, &args.target, operation).await
}

/// Asks for the opposite, and waits for the outcome.
pub async fn back(args: BackArgs, context: &Context) -> Result<Exit, Failure> {
    let operation = Operation::Unskip {
        event: Position::new(args.event),
    };
    operate::soon(&context.open()?, &args.target, operation).await
}
