//! `operations [PROJECTION]`: who asked what, when, and what became of it.

use highwater::text::thousands;
use highwater::workspace::Recorded;
use serde_json::json;

use super::context::Context;
use super::failure::say;
use super::out::{self, Out};
use super::table::{Side, Table};
use super::{Exit, Failure};

/// What `operations` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of this projection; without it, of all
    #[arg(value_name = "PROJECTION")]
    name: Option<String>,
    /// The last so many; 0 for all
    #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
    last: usize,
    /// JSON, one operation a line
    #[arg(long)]
    json: bool,
}

/// Lists them, oldest first.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let workspace = context.open()?;
    let all = workspace.history(args.name.as_deref()).await?;
    for problem in workspace.history_problems(args.name.as_deref()).await? {
        say(&format!("warning: {problem}"));
    }
    let skipped = match args.last {
        0 => 0,
        last => all.len().saturating_sub(last),
    };
    let shown = &all[skipped..];
    let mut out = Out::new();
    if args.json {
        for line in shown {
            out.json(&as_json(line))?;
        }
        out.finish()?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        out.line("nothing was asked of any projection yet")?;
    } else {
        let cells = out::width();
        for line in table(shown).lines() {
            out.line(out::cut(&line, cells))?;
        }
    }
    if skipped > 0 {
        out.line(format_args!(
            "{} before these: -n 0 shows all",
            thousands(skipped as u64)
        ))?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

fn table(shown: &[Recorded]) -> Table {
    let mut table = Table::new(&[
        ("POSITION", Side::Right),
        ("WHEN", Side::Left),
        ("PROJECTION", Side::Left),
        ("WHAT", Side::Left),
        ("BY", Side::Left),
        ("OUTCOME", Side::Left),
    ]);
    for line in shown {
        let undoes = line.undoes.map_or_else(String::new, |undone| {
            format!(" (takes back {})", thousands(undone.get()))
        });
        let outcome = match (&line.outcome, &line.by) {
            (Some(outcome), _) if outcome.finished => outcome.what.clone(),
            (Some(outcome), _) => format!("failed: {}", outcome.what),
            (None, Some(_)) => "not carried out yet".to_owned(),
            // What nobody asked for needs no outcome.
            (None, None) => String::new(),
        };
        table.row([
            thousands(line.position.get()),
            line.at.strftime("%F %T").to_string(),
            line.projection.clone(),
            format!("{}{undoes}", line.what),
            line.by.clone().unwrap_or_else(|| {
                let whose = line.breach.map_or("the file", |_| "the engine");
                whose.to_owned()
            }),
            outcome,
        ]);
    }
    table
}

fn as_json(line: &Recorded) -> serde_json::Value {
    json!({
        "position": line.position,
        "at": line.at,
        "projection": line.projection,
        "by": line.by,
        "what": line.what,
        "undoes": line.undoes,
        "outcome": line.outcome.as_ref().map(|outcome| json!({
            "finished": outcome.finished,
            "at": outcome.at,
            "what": outcome.what,
            "engine": outcome.engine,
        })),
    })
}
