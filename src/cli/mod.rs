//! The command line: what can be asked for, and who answers it. One file a subcommand.
//!
//! It stands above everything else, names the library as its users do, and belongs to it so that a program
//! with a domain of its own has all of it by one line: [`main`].

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use highwater::read::InMemory;
use highwater::workspace::Domain;

mod append;
mod apply;
mod cancel;
mod causes;
mod compare;
mod config;
mod context;
mod cutover;
mod demo;
mod diff;
mod events;
mod export;
mod failure;
mod import;
mod init;
mod interrupt;
mod objective;
mod operate;
mod operations;
mod out;
mod parked;
mod pause;
mod policy;
mod query;
mod rebuild;
mod repair;
mod replay;
mod resume;
mod retry;
mod rollback;
mod run;
mod screen;
mod send;
mod skip;
mod status;
mod stream;
mod table;
mod tracing_to;
mod undo;
mod verify;
mod why;
mod working;

use crate::demo::TopSellers;
use context::Context;
use failure::{Exit, Failure};

/// See projections, their lag and why they are stale; send commands; pause, rebuild and replay.
///
/// Without a subcommand the dashboard opens. `highwater demo` is the place to begin.
#[derive(Debug, Parser)]
#[command(name = "highwater", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 the answer is 'no' \
                        (a breach, a rejection, a conflict, a refusal)"
)]
struct Cli {
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
    /// How the dashboard is set, and where each value comes from
    Config(config::Args),
    /// Make a workspace of a folder
    Init(init::Args),
    /// Run the engine without a screen, until it is told to stop
    Run,
    /// Where each read model stands, and how far behind
    Status(status::Args),
    /// Why a read model is as it is: a sentence, the numbers it rests on, and what helps
    Why(why::Args),
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
    /// The rows that differ between the version that answers and the new one, and the events that explain them
    Diff(diff::Args),
    /// Let the version that is held answer
    Cutover(cutover::Args),
    /// Let the version before answer again; once more, and it goes forward
    Rollback(rollback::Args),
    /// Give up the version that is built or held
    Cancel(cancel::Args),
    /// Fold the stream that feeds one key alone, show what that changes, and replace the rows of that key
    Repair(repair::Args),
    /// Apply events again into the same read model, from a position on
    Replay(replay::Args),
    /// The events that could not be applied and were parked, and what waits behind them
    Parked(parked::Args),
    /// Try parked events again: one, all of a stream, or all
    Retry(retry::Args),
    /// Leave a parked event out, with a reason
    Skip(skip::Args),
    /// Leave an event out no longer
    Unskip(skip::BackArgs),
    /// How well objectives were held over the last hour, and what another policy would have given
    Objective(objective::Args),
    /// What each replica has of one key, side by side
    Compare(compare::Args),
    /// Take back what was asked of a projection last: a pause, a policy …
    Undo(undo::Args),
    /// Who asked what of which projection, when, and what became of it
    Operations(operations::Args),
    /// Show that a read model is what its handlers make of the log, or that the log is as it was written
    Verify(verify::Args),
}

/// The whole program, for a domain: reads the command line, does what it asks for, says what went wrong, and
/// gives the exit code. Commands, their help and their forms come from the domain.
///
/// ```no_run
/// use highwater::{Domain, shop};
///
/// fn main() -> std::process::ExitCode {
///     highwater::cli::main(Domain::new("shop", shop::commands()))
/// }
/// ```
pub fn main(domain: Domain) -> ExitCode {
    let called = std::env::args_os().next().map(PathBuf::from);
    if let Some(name) = called.as_ref().and_then(|path| path.file_name()?.to_str()) {
        let name = name
            .strip_suffix(std::env::consts::EXE_SUFFIX)
            .unwrap_or(name);
        highwater::text::program_is(name);
    }
    let cli = match parse(&domain) {
        Ok(cli) => cli,
        Err(words) => {
            // Help and version come this way too, and end well. Where nobody reads them, nothing is lost.
            drop(words.print());
            return ExitCode::from(if words.use_stderr() { 2 } else { 0 });
        }
    };
    match run(cli, domain) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.tell().into(),
    }
}

/// What a program with another domain is, at the head of its help.
const ABOUT: &str = "See projections, their lag and why they are stale; send commands; pause, rebuild and \
                     replay.\n\nWithout a subcommand the dashboard opens. `init` makes a workspace.";

/// The built-in domain, a shop with its process manager and its read model in Rust, and what the demo shows
/// whatever a program's own domain is.
pub fn shop() -> Domain {
    Domain::configured(SHOP, |config| {
        highwater::shop::commands_with_fulfilment(config.shop.payment_within)
    })
    .with_where(
        |config| config.shop.top_sellers,
        Arc::new(InMemory::<TopSellers>::new()),
    )
}

/// The domain whose demo there is.
const SHOP: &str = "shop";

fn parse(domain: &Domain) -> Result<Cli, clap::Error> {
    let retry = format!("{} {}", highwater::text::program(), retry::USAGE);
    let mut command = Cli::command().mut_subcommand("retry", |sub| sub.override_usage(retry));
    if domain.name() != SHOP {
        command = command
            .mut_subcommand("demo", |demo| demo.hide(true))
            .long_about(ABOUT);
    }
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Does what was asked for. Errors: what to tell, and the exit code.
fn run(cli: Cli, domain: Domain) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("the system gives no threads: {e}")))?;
    let context = Context::new(cli.workspace, domain);
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
                "--once, --svg, --screen, --of, --read-only, --ascii and --theme before a subcommand are for the dashboard: \
                 leave them out, or put them after `demo`",
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
        Command::Config(args) => config::run(&args, context),
        Command::Init(args) => init::run(&args, context),
        Command::Run => run::run(context).await,
        Command::Status(args) => status::run(&args, context).await,
        Command::Why(args) => why::run(&args, context).await,
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
        Command::Diff(args) => diff::run(&args, context).await,
        Command::Cutover(args) => cutover::run(args, context).await,
        Command::Rollback(args) => rollback::run(args, context).await,
        Command::Cancel(args) => cancel::run(args, context).await,
        Command::Repair(args) => repair::run(&args, context).await,
        Command::Replay(args) => replay::run(args, context).await,
        Command::Parked(args) => parked::run(&args, context).await,
        Command::Retry(args) => retry::run(args, context).await,
        Command::Skip(args) => skip::run(args, context).await,
        Command::Unskip(args) => skip::back(args, context).await,
        Command::Objective(args) => objective::run(&args, context).await,
        Command::Compare(args) => compare::run(&args, context).await,
        Command::Undo(args) => undo::run(&args, context).await,
        Command::Operations(args) => operations::run(&args, context).await,
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
