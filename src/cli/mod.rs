//! The command line: what can be asked for, and who answers it. One file a subcommand.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

mod append;
mod apply;
mod causes;
mod context;
mod demo;
mod events;
mod export;
mod failure;
mod import;
mod init;
mod interrupt;
mod operate;
mod out;
mod pause;
mod policy;
mod query;
mod rebuild;
mod replay;
mod resume;
mod run;
mod screen;
mod send;
mod status;
mod stream;
mod table;
mod tracing_to;
mod verify;

use context::Context;
pub use failure::{Exit, Failure};

/// See projections, their lag and why they are stale; send commands; pause, rebuild and replay.
///
/// Without a subcommand the dashboard opens. `highwater demo` is the place to begin.
#[derive(Debug, Parser)]
#[command(name = "highwater", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 the answer is 'no' \
                        (a breach, a rejection, a conflict, a refusal)"
)]
pub struct Cli {
    /// The workspace's folder; else HIGHWATER_WORKSPACE, else the nearest folder upward with highwater.toml
    #[arg(short, long, global = true, value_name = "DIR")]
    workspace: Option<PathBuf>,

    #[command(flatten)]
    screen: screen::Options,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open a shop that is busy, to look around in
    Demo(demo::Args),
    /// Make a workspace of a folder
    Init(init::Args),
    /// Run the engine without a screen, until it is told to stop
    Run,
    /// Where each read model stands, and how far behind
    Status(status::Args),
    /// The log's events: the newest, those after a position, or all that come
    Events(events::Args),
    /// One stream, event by event
    Stream(stream::Args),
    /// Ask a read model one of its named questions
    Query(query::Args),
    /// Send a command; without one, show which there are
    Send(send::Args),
    /// Append one event to a stream
    Append(append::Args),
    /// Take in events: CloudEvents JSON, one a line, plain or gzip
    Import(import::Args),
    /// Give out all events: CloudEvents JSON, one a line
    Export(export::Args),
    /// Let a projection stand still
    Pause(pause::Args),
    /// Let a projection go on; one that stopped at an event tries it again
    Resume(resume::Args),
    /// Change when a projection applies what is waiting
    Policy(policy::Args),
    /// Apply what is waiting now, whatever the policy
    Apply(apply::Args),
    /// Fold a read model again from the first event, while the old version answers
    Rebuild(rebuild::Args),
    /// Apply events again into the same read model, from a position on
    Replay(replay::Args),
    /// Check that nothing in the log was changed, removed or reordered
    Verify(verify::Args),
}

/// Does what was asked for. Errors: what to tell, and the exit code.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("the system gives no threads: {e}")))?;
    let context = Context::new(cli.workspace);
    let exit = runtime.block_on(dispatch(cli.command, cli.screen, &context));
    // What still looks on ends here, so that the log is closed; what is stuck is left to the system.
    runtime.shutdown_timeout(Duration::from_millis(300));
    exit
}

async fn dispatch(
    command: Option<Command>,
    screen: screen::Options,
    context: &Context,
) -> Result<Exit, Failure> {
    let command = match command {
        None => return screen::open(screen, context).await,
        Some(_) if screen.any() => {
            return Err(Failure::usage(
                "--once, --svg, --read-only and --ascii before a subcommand are for the dashboard: leave \
                 them out, or put them after `demo`",
            ));
        }
        Some(Command::Demo(args)) => return demo::run(args).await,
        Some(command) => command,
    };
    // Only a service warns on its own; what is asked for otherwise ends in one answer.
    tracing_to::stderr(if matches!(command, Command::Run) {
        "warn"
    } else {
        "off"
    });
    match command {
        // Answered above: it draws on the terminal, and keeps its messages off it.
        Command::Demo(args) => demo::run(args).await,
        Command::Init(args) => init::run(&args),
        Command::Run => run::run(context).await,
        Command::Status(args) => status::run(&args, context).await,
        Command::Events(args) => events::run(args, context).await,
        Command::Stream(args) => stream::run(args, context).await,
        Command::Query(args) => query::run(args, context).await,
        Command::Send(args) => send::run(args, context).await,
        Command::Append(args) => append::run(args, context).await,
        Command::Import(args) => import::run(args, context).await,
        Command::Export(args) => export::run(&args, context).await,
        Command::Pause(args) => pause::run(args, context).await,
        Command::Resume(args) => resume::run(args, context).await,
        Command::Policy(args) => policy::run(args, context).await,
        Command::Apply(args) => apply::run(args, context).await,
        Command::Rebuild(args) => rebuild::run(args, context).await,
        Command::Replay(args) => replay::run(args, context).await,
        Command::Verify(args) => verify::run(&args, context).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_is_declared_once_and_fits_the_others() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn the_readme_names_every_subcommand() {
        let readme = include_str!("../../README.md");
        let (_, table) = readme.split_once("| *(none)* |").unwrap();
        let cli = <Cli as clap::CommandFactory>::command();
        for command in cli.get_subcommands() {
            let name = command.get_name();
            let named = table.contains(&format!("`{name}")) || name == "demo";
            assert!(named, "{name}");
        }
    }
}
