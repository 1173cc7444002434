//! `policy PROJECTION POLICY`: changes when a projection applies what is waiting.

use highwater::workspace::{Operation, Policy};

use super::context::Context;
use super::operate::{self, Target};
use super::{Exit, Failure};

/// What `policy` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// sync, live, batch 500 or 5s, every 2s, delay 10s, rate 200/s or manual
    #[arg(required = true, value_name = "POLICY")]
    words: Vec<String>,
}

/// Asks for it, and waits until it is in force.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let policy: Policy = args.words.join(" ").parse().map_err(Failure::usage)?;
    let operation = Operation::SetPolicy(policy);
    operate::soon(&context.open()?, &args.target, operation).await
}
