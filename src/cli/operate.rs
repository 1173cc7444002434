//! What all operations share: an engine while one is waited for, the wait, and how it ended.

use std::io::IsTerminal as _;
use std::time::Duration;

use highwater::text::{human_duration, program, thousands};
use highwater::workspace::{Done, Operation, Operator, ProjectionView, Workspace};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::context::{engine_for, stop};
use super::failure::say;
use super::out::Out;
use super::{Exit, Failure, interrupt};

/// Which projection, and how the outcome is written.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// The projection
    #[arg(value_name = "PROJECTION")]
    pub name: String,
    /// One line of JSON
    #[arg(long)]
    pub json: bool,
}

/// How long something that is done at once is waited for.
pub const SOON: Duration = Duration::from_secs(30);

/// Asks for an operation that is done at once, and waits for its outcome.
pub async fn soon(
    workspace: &Workspace,
    target: &Target,
    operation: Operation,
) -> Result<Exit, Failure> {
    let engine = engine_for(workspace, &target.name).await?;
    let done = tokio::select! {
        done = workspace.operate(&target.name, operation, Some(SOON)) => Some(done),
        () = interrupt::asked() => None,
    };
    stop(engine).await;
    tell(target, done.transpose()?)
}

/// Asks for an operation that may take long, shows how far it is, and waits for its outcome.
pub async fn long(
    workspace: &Workspace,
    target: &Target,
    operation: Operation,
) -> Result<Exit, Failure> {
    let operator = workspace.operator().await?;
    let done = tokio::select! {
        done = workspace.operate(&target.name, operation, None) => Some(done),
        () = interrupt::asked() => None,
        () = progress(&operator, &target.name) => None,
    };
    tell(target, done.transpose()?)
}

/// Shows a rebuild's progress on a terminal, and says what hinders the engine. Never ready.
async fn progress(operator: &Operator, name: &str) {
    let bar = std::io::stderr().is_terminal().then(progress_bar);
    let mut snapshots = operator.snapshots();
    let mut said = Vec::new();
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        let view = snapshot.projections.iter().find(|view| view.name == name);
        if let (Some(bar), Some(view)) = (&bar, view) {
            show(bar, view);
        }
        // That an earlier one failed does not hinder this one.
        let earlier = view.and_then(|view| view.not_built.as_ref());
        let earlier = earlier.map(|why| format!("{name}: {why}"));
        for problem in &snapshot.problems {
            let hinders =
                problem.starts_with(&format!("{name}:")) && Some(problem) != earlier.as_ref();
            if hinders && !said.contains(problem) {
                say(&format!("warning: {problem}"));
                said.push(problem.clone());
            }
        }
        if snapshots.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// How far a rebuild is. A replay goes through positions that the read model has had before, and its
/// checkpoint says nothing new until it is done.
fn show(bar: &ProgressBar, view: &ProjectionView) {
    if let Some(rebuild) = &view.rebuild {
        let (at, target) = (rebuild.checkpoint.get(), rebuild.target.get());
        bar.set_length(target);
        bar.set_position(at);
        let (at, target) = (thousands(at), thousands(target));
        let mut message = format!("position {at} of {target}");
        if rebuild.paused {
            message.push_str(", paused");
        }
        if let Some(rate) = rebuild.rate {
            message.push_str(&format!(", {rate:.0} events/s"));
        }
        if let Some(eta) = rebuild.eta {
            message.push_str(&format!(", ready in {}", human_duration(eta)));
        }
        bar.set_message(message);
    }
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Says how it ended; `None` where it was not waited for to the end.
pub fn tell(target: &Target, done: Option<Done>) -> Result<Exit, Failure> {
    let name = &target.name;
    let (outcome, what, exit) = match done {
        Some(Done::Finished { what }) => ("finished", what, Exit::Done),
        Some(Done::Failed { reason }) => ("failed", reason, Exit::No),
        Some(Done::Requested) => (
            "requested",
            format!(
                "the request is stored, but was not carried out yet: an engine will do it (`{} run`)",
                program()
            ),
            Exit::Failed,
        ),
        None => (
            "requested",
            format!(
                "not waited for any longer. The request stands: an engine carries it out (`{} run`)",
                program()
            ),
            Exit::Failed,
        ),
    };
    if target.json {
        let mut out = Out::new();
        out.json(&json!({ "outcome": outcome, "what": what }))?;
        out.finish()?;
    }
    match exit {
        Exit::Done if target.json => Ok(Exit::Done),
        Exit::Done => {
            let mut out = Out::new();
            out.line(format_args!("{name}: {what}"))?;
            out.finish()?;
            Ok(Exit::Done)
        }
        Exit::No => Err(Failure::no(format!("{name}: {what}"))),
        _ => Err(Failure::failed(format!("{name}: {what}"))),
    }
}
