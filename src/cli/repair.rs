//! `repair PROJECTION --key KEY`: folds the stream that feeds one key alone, shows what that changes, and
//! replaces the rows of that key.

use highwater::read::RepairError;
use highwater::text::{program, thousands};
use highwater::workspace::{Difference, Mending, Operation, Work, Workspace, WorkspaceError};
use serde_json::{Value, json};

use super::context::{Context, engine_for, stop, warn_of};
use super::diff::object;
use super::operate::{self, Target};
use super::out::{Out, cut, width};
use super::rebuild::confirmed;
use super::working::watched;
use super::{Exit, Failure};

/// What `repair` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Whose rows: what stands behind the first `-` of a stream's name
    #[arg(long, value_name = "KEY")]
    key: String,
    /// Only show what it would change
    #[arg(long)]
    dry_run: bool,
    /// Without asking; without a terminal nobody is asked anyway
    #[arg(long)]
    yes: bool,
}

/// Shows what differs, asks on a terminal, and replaces the rows. With `--dry-run`, exit 3 where any differ.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (name, key) = (&args.target.name, &args.key);
    let workspace = context.open()?;
    warn_of(&workspace, name);
    let mending = match compared(&workspace, name, key).await? {
        Err(error @ WorkspaceError::Repair(RepairError::Stopped)) => {
            return Err(Failure::failed(error));
        }
        Err(error @ WorkspaceError::Repair(_)) => return Err(Failure::no(error)),
        mending => mending?,
    };
    let equal = mending.comparison.is_equal();
    let mut out = Out::new();
    if args.target.json && (args.dry_run || equal) {
        out.json(&as_json(args, &mending))?;
    } else if !args.target.json {
        for line in lines(args, &mending) {
            out.line(cut(&line, width()))?;
        }
    }
    out.finish()?;
    if equal {
        return Ok(Exit::Done);
    }
    if args.dry_run {
        return Err(Failure::no(format!(
            "the rows of key {key} are not what {} gives: `{program} repair {name} --key {key}` replaces them",
            mending.stream,
            program = program()
        )));
    }
    if !args.yes && !confirmed(&format!("replace the rows of {key}?")) {
        return Err(Failure::failed("left as it is: nothing was asked for"));
    }
    let engine = engine_for(&workspace, name).await?;
    let operation = Operation::Repair { key: key.clone() };
    let done = operate::long(&workspace, &args.target, operation).await;
    stop(engine).await;
    done
}

async fn compared(
    workspace: &Workspace,
    name: &str,
    key: &str,
) -> Result<Result<Mending, WorkspaceError>, Failure> {
    let work = Work::new();
    let task = {
        let (workspace, work) = (workspace.clone(), work.clone());
        let (name, key) = (name.to_owned(), key.to_owned());
        async move { workspace.mending(&name, &key, &work).await }
    };
    watched(name, &work, task).await
}

fn lines(args: &Args, mending: &Mending) -> Vec<String> {
    let (name, key, stream) = (&args.target.name, &args.key, &mending.stream);
    let (events, at) = (thousands(mending.events), thousands(mending.position.get()));
    if mending.comparison.is_equal() {
        return vec![format!(
            "{name}: the rows of key {key} are what {stream} gives, {events} events up to position {at}"
        )];
    }
    let mut lines = vec![format!(
        "{name}: {stream} alone, {events} events up to position {at}, gives other rows of key {key}"
    )];
    lines.extend(mending.comparison.differences.iter().map(row));
    lines.push(format!(
        "  this is right where these rows depend on {stream} alone, as the file of {name} says"
    ));
    lines
}

fn row(difference: &Difference) -> String {
    let what = match (&difference.here, &difference.there) {
        (Some(_), None) => "goes".to_owned(),
        (None, _) => "comes".to_owned(),
        _ => {
            let fields = difference.fields();
            let fields = fields
                .iter()
                .map(|(name, before, after)| format!("{name} was {before}, becomes {after}"));
            fields.collect::<Vec<_>>().join("; ")
        }
    };
    format!("  {difference}: {what}")
}

fn as_json(args: &Args, mending: &Mending) -> Value {
    let rows = mending.comparison.differences.iter().map(|difference| {
        json!({
            "table": difference.table,
            "key": difference.key,
            "before": object(difference, difference.here.as_ref()),
            "after": object(difference, difference.there.as_ref()),
        })
    });
    json!({
        "projection": args.target.name,
        "key": args.key,
        "stream": mending.stream,
        "events": mending.events,
        "position": mending.position,
        "equal": mending.comparison.is_equal(),
        "rows": rows.collect::<Vec<_>>(),
    })
}
