//! `why [PROJECTION]`: why a read model is as it is, in a sentence, with the numbers and what helps.

use std::sync::Arc;
use std::time::Duration;

use highwater::lag::Status;
use highwater::lag::why::{Case, Remedy, Verdict};
use highwater::read::parse_duration;
use highwater::text::program;
use highwater::workspace::{Operator, ProjectionView, Snapshot};
use serde_json::{Map, Value, json};

use super::context::Context;
use super::failure::say;
use super::out::Out;
use super::{Exit, Failure, interrupt};

/// What `why` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The projection; without it, a sentence for each
    #[arg(value_name = "PROJECTION")]
    name: Option<String>,
    /// How long to look at one that is late before judging; whether it falls or stalls shows in ten seconds
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_duration)]
    look: Duration,
    /// JSON, one projection a line
    #[arg(long)]
    json: bool,
}

/// Looks for a while where something is late, and says what it comes to.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let workspace = context.open()?;
    if let Some(name) = &args.name {
        workspace.projection(name)?;
    }
    let snapshot = look(&workspace.operator().await?, args).await;
    let asked = |view: &&ProjectionView| args.name.as_ref().is_none_or(|name| *name == view.name);
    let widest = snapshot.projections.iter().map(|view| view.name.len());
    let widest = widest.max().unwrap_or(0);
    let mut out = Out::new();
    for view in snapshot.projections.iter().filter(asked) {
        let case = snapshot.case(view);
        let verdict = case.verdict();
        if args.json {
            out.json(&as_json(view, &case, &verdict))?;
        } else if args.name.is_some() {
            for line in lines(view, &case, &verdict) {
                out.line(line)?;
            }
        } else {
            let status = view.lag.status;
            out.line(format_args!(
                "{:<widest$}  {status:<12} {}",
                view.name,
                case.sentence(&verdict)
            ))?;
        }
    }
    out.finish()?;
    for problem in &snapshot.problems {
        say(&format!("warning: {problem}"));
    }
    Ok(Exit::Done)
}

/// The newest snapshot, once nothing that is asked about is late, or after the time that was given.
async fn look(operator: &Operator, args: &Args) -> Arc<Snapshot> {
    let mut snapshots = operator.snapshots();
    let asked = |view: &&ProjectionView| args.name.as_ref().is_none_or(|name| *name == view.name);
    // Only of what is late do the next looks tell more.
    let known = |view: &ProjectionView| {
        let late = [Status::CatchingUp, Status::Falling, Status::Stalled];
        view.lag.behind_exact && !late.contains(&view.lag.status)
    };
    let all_known = |snapshot: &Arc<Snapshot>| snapshot.projections.iter().filter(asked).all(known);
    let looking = tokio::time::timeout(args.look, snapshots.wait_for(all_known));
    tokio::select! {
        found = looking => drop(found),
        () = interrupt::asked() => {}
    }
    let newest = operator.snapshots();
    let newest = newest.borrow();
    Arc::clone(&newest)
}

fn lines(view: &ProjectionView, case: &Case, verdict: &Verdict) -> Vec<String> {
    let mut lines = vec![
        format!("{}: {}", view.name, view.lag.status),
        case.sentence(verdict),
        String::new(),
    ];
    let numbers = case.numbers(verdict);
    let widest = numbers.iter().map(|n| n.name.len()).max().unwrap_or(0);
    lines.extend(
        numbers
            .iter()
            .map(|number| format!("  {:<widest$}  {}", number.name, number.value)),
    );
    if !case.remedies(verdict).is_empty() {
        lines.push(String::new());
        lines.push("what helps:".to_owned());
    }
    for remedy in case.remedies(verdict) {
        lines.push(format!("  {}", words(remedy, &view.name)));
    }
    lines
}

/// A remedy as a person would carry it out here.
fn words(remedy: Remedy, name: &str) -> String {
    match remedy {
        Remedy::StartEngine => format!("`{program} run` starts an engine", program = program()),
        Remedy::Resume => format!(
            "`{program} resume {name}` lets it go on",
            program = program()
        ),
        Remedy::TryAgain => format!(
            "`{program} resume {name}` has it try the event again",
            program = program()
        ),
        Remedy::Retry => format!(
            "`{program} retry {name} --all` has it try again what it parked",
            program = program()
        ),
        Remedy::Rebuild => {
            format!(
                "`{program} rebuild {name}` folds it again from the first event",
                program = program()
            )
        }
        Remedy::ChangePolicy => {
            format!(
                "`{program} policy {name} POLICY` has it apply by another policy",
                program = program()
            )
        }
        Remedy::Apply => format!(
            "`{program} apply {name}` has it apply what waits now",
            program = program()
        ),
        Remedy::EditFile => "mend its file: what is saved is taken up at once".to_owned(),
        Remedy::EndFault => "`:fault stop` in the demo's dashboard ends the fault".to_owned(),
        Remedy::FindWriter => {
            "find who else has the read model's file open for writing, and end that".to_owned()
        }
        _ => "nothing needs to be done: it helps itself".to_owned(),
    }
}

fn as_json(view: &ProjectionView, case: &Case, verdict: &Verdict) -> Value {
    let numbers: Map<String, Value> = case
        .numbers(verdict)
        .into_iter()
        .map(|number| (number.name.replace(' ', "_"), json!(number.value)))
        .collect();
    json!({
        "projection": view.name,
        "status": view.lag.status,
        "verdict": verdict.word(),
        "sentence": case.sentence(verdict),
        "numbers": numbers,
        "remedies": case.remedies(verdict),
    })
}
