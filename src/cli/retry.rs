//! `retry PROJECTION POSITION`: tries parked events again.

use highwater::event::{Position, StreamId};
use highwater::workspace::{Operation, Which};

use super::context::{Context, engine_for, stop};
use super::operate::{self, Target};
use super::{Exit, Failure};

/// How it is used: clap's own words would have each way of saying which as an option.
pub const USAGE: &str = "retry PROJECTION <POSITION | --stream STREAM | --all>";

/// What `retry` is told.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// This event, which must be the first of its stream
    #[arg(value_name = "POSITION", group = "which")]
    event: Option<u64>,
    /// All of a stream, in order, until one fails
    #[arg(long, value_name = "STREAM", group = "which")]
    stream: Option<String>,
    /// All: each stream until one of it fails
    #[arg(long, group = "which")]
    all: bool,
}

/// Asks for it, and waits until they were tried.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let which = match (args.event, args.stream) {
        (Some(event), _) => Which::Event(Position::new(event)),
        (None, Some(stream)) => {
            Which::Stream(StreamId::new(&stream).map_err(|e| Failure::usage(e.to_string()))?)
        }
        (None, None) => Which::All,
    };
    let workspace = context.open()?;
    let engine = engine_for(&workspace, &args.target.name).await?;
    let done = operate::long(&workspace, &args.target, Operation::Retry(which)).await;
    stop(engine).await;
    done
}
