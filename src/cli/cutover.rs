//! `cutover PROJECTION`: lets the version that is held answer.

use highwater::event::Position;
use highwater::workspace::{Operation, ParkedSum};

use super::context::Context;
use super::failure::say;
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
    let (workspace, name) = (context.open()?, &args.target.name);
    let beside = workspace.parked_beside(name, Position::START, 1).await?;
    if let Some(beside) = beside.filter(|beside| beside.count.any()) {
        let sum = ParkedSum::new(beside.count, beside.events.into_iter().next());
        let version = beside.version;
        say(&format!(
            "warning: {name}: in the new version {version} {sum}"
        ));
    }
    operate::soon(&workspace, &args.target, operation).await
}
