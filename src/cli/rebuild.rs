//! `rebuild PROJECTION`: folds a read model again from the first event, beside the version that answers.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use highwater::text::{human_bytes, human_duration, thousands};
use highwater::workspace::{Operation, Preview};
use serde_json::{Value, json};

use super::context::{Context, engine_for, stop, warn_of};
use super::failure::say;
use super::operate::{self, Target};
use super::out::Out;
use super::{Exit, Failure};

/// What `rebuild` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// The new version waits, once it has caught up: compare with `diff`, then `cutover` or `cancel`
    #[arg(long)]
    hold: bool,
    /// Only say what it would mean
    #[arg(long)]
    dry_run: bool,
    /// Without asking; without a terminal nobody is asked anyway
    #[arg(long)]
    yes: bool,
}

/// Says what it would mean, asks on a terminal, and waits until the new version answers.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let name = &args.target.name;
    let workspace = context.open()?;
    let operation = Operation::Rebuild { hold: args.hold };
    if args.dry_run {
        let preview = workspace.preview(name, &operation).await?;
        return told(&args, &preview);
    }
    let engine = engine_for(&workspace, name).await?;
    warn_of(&workspace, name);
    let preview = workspace.preview(name, &operation).await?;
    for line in lines(name, &preview) {
        say(&line);
    }
    if let Some(why) = preview.refused {
        stop(engine).await;
        return Err(Failure::no(format!("{name}: {why}")));
    }
    if !args.yes && !confirmed(&format!("rebuild {name}?")) {
        stop(engine).await;
        return Err(Failure::failed("left as it is: nothing was asked for"));
    }
    let done = operate::long(&workspace, &args.target, operation).await;
    stop(engine).await;
    done
}

/// What it would mean, and nothing more. Exit 3 where it would be refused.
fn told(args: &Args, preview: &Preview) -> Result<Exit, Failure> {
    let name = &args.target.name;
    let mut out = Out::new();
    if args.target.json {
        out.json(&as_json(preview))?;
    } else {
        for line in lines(name, preview) {
            out.line(line)?;
        }
    }
    out.finish()?;
    match &preview.refused {
        Some(why) => Err(Failure::no(format!("{name}: {why}"))),
        None => Ok(Exit::Done),
    }
}

fn as_json(preview: &Preview) -> Value {
    let seconds = |time: Duration| (time.as_secs_f64() * 1_000.0).round() / 1_000.0;
    json!({
        "events": preview.events,
        "seconds": preview.takes.map(|(fast, slow)| [seconds(fast), seconds(slow)]),
        "disk_needed": preview.disk_needed,
        "disk_free": preview.disk_free,
        "answers": preview.answers,
        "refused": preview.refused,
    })
}

/// What it would mean, in words.
fn lines(name: &str, preview: &Preview) -> Vec<String> {
    let mut lines = vec![format!(
        "{name} is folded again: {} events{}",
        thousands(preview.events),
        takes(preview.takes)
    )];
    let free = preview.disk_free.map_or_else(String::new, |free| {
        format!(" of {} that are free", human_bytes(free))
    });
    lines.push(format!(
        "  disk: about {}{free}",
        human_bytes(preview.disk_needed)
    ));
    if !preview.answers.is_empty() {
        lines.push(format!(
            "  meanwhile the present version answers {}",
            preview.answers.join(", ")
        ));
    }
    lines
}

/// About how long, where that is known.
pub fn takes(range: Option<(Duration, Duration)>) -> String {
    range.map_or_else(String::new, |(fast, slow)| {
        format!(
            ", about {} to {}",
            human_duration(fast),
            human_duration(slow)
        )
    })
}

/// Asks on a terminal; where there is none, the answer is yes: a script has said what it wants.
pub fn confirmed(question: &str) -> bool {
    let (input, mut err) = (std::io::stdin(), std::io::stderr());
    if !input.is_terminal() || !err.is_terminal() {
        return true;
    }
    let mut answer = String::new();
    let asked = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    asked.is_ok()
        && input.read_line(&mut answer).is_ok()
        && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
