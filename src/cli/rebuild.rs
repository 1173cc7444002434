//! `rebuild PROJECTION`: folds a read model again from the first event, beside the version that answers.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use highwater::text::{human_bytes, human_duration, thousands};
use highwater::workspace::{Operation, Preview};

use super::context::{Context, engine_for, stop, warn_of};
use super::failure::say;
use super::operate::{self, Target};
use super::{Exit, Failure};

/// What `rebuild` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Without asking; without a terminal nobody is asked anyway
    #[arg(long)]
    yes: bool,
}

/// Says what it would mean, asks on a terminal, and waits until the new version answers.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let name = &args.target.name;
    let workspace = context.open()?;
    let engine = engine_for(&workspace, name).await?;
    warn_of(&workspace, name);
    let preview = workspace
        .preview(name, &Operation::Rebuild { hold: false })
        .await?;
    for line in lines(name, &preview) {
        say(&line);
    }
    if !args.yes && !confirmed(&format!("rebuild {name}?")) {
        stop(engine).await;
        return Err(Failure::failed("left as it is: nothing was asked for"));
    }
    let done = operate::long(&workspace, &args.target, Operation::Rebuild { hold: false }).await;
    stop(engine).await;
    done
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
fn confirmed(question: &str) -> bool {
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
