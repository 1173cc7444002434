//! `parked [PROJECTION]`: the events that could not be applied, and what waits behind them.

use highwater::event::Position;
use highwater::read::{ParkedCount, ParkedEvent};
use highwater::text::thousands;
use highwater::workspace::Workspace;
use serde_json::json;

use super::context::Context;
use super::out::{self, Out};
use super::table::{Side, Table};
use super::{Exit, Failure};

/// What `parked` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of this projection; without it, of all
    #[arg(value_name = "PROJECTION")]
    name: Option<String>,
    /// The first so many of each projection; 0 for all
    #[arg(short = 'n', long, default_value_t = 100, value_name = "N")]
    first: usize,
    /// JSON, one event a line
    #[arg(long)]
    json: bool,
}

/// Lists them, oldest first.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let workspace = context.open()?;
    let names = match &args.name {
        Some(name) => vec![name.clone()],
        None => all(&workspace),
    };
    let most = match args.first {
        0 => usize::MAX,
        most => most,
    };
    let mut out = Out::new();
    let mut table = Table::new(&[
        ("PROJECTION", Side::Left),
        ("EVENT", Side::Right),
        ("TYPE", Side::Left),
        ("STREAM", Side::Left),
        ("TRIES", Side::Right),
        ("SINCE", Side::Left),
        ("ERROR", Side::Left),
    ]);
    let mut sums = Vec::new();
    for name in names {
        let (count, events) = workspace.parked(&name, Position::START, most)?;
        let mut both = vec![(None, count, events)];
        // One whose file is gone has no new version.
        if workspace.projection(&name).is_ok() {
            let beside = workspace
                .parked_beside(&name, Position::START, most)
                .await?;
            both.extend(beside.map(|new| (Some(new.version), new.count, new.events)));
        }
        for (new, count, events) in both {
            let called = match &new {
                Some(version) => format!("{name} (new {version})"),
                None => name.clone(),
            };
            for event in &events {
                if args.json {
                    out.json(&as_json(&name, new.as_deref(), event))?;
                } else {
                    row(&mut table, &called, event);
                }
            }
            if count.any() {
                sums.push((called, count, events.len() as u64, new.is_some()));
            }
        }
    }
    if args.json {
        return out.finish().map(|()| Exit::Done);
    }
    if sums.is_empty() {
        out.line("nothing is parked")?;
        return out.finish().map(|()| Exit::Done);
    }
    let cells = out::width();
    for line in table.lines() {
        out.line(out::cut(&line, cells))?;
    }
    for (name, count, shown, is_new) in sums {
        let way = if is_new {
            "; `skip` leaves one out, `retry` tries them again after the cutover"
        } else {
            ""
        };
        out.line(format!("{}{way}", sum(&name, count, shown)))?;
    }
    out.finish().map(|()| Exit::Done)
}

fn all(workspace: &Workspace) -> Vec<String> {
    let projections = workspace.projections();
    projections.iter().map(|p| p.name().to_owned()).collect()
}

fn row(table: &mut Table, name: &str, event: &ParkedEvent) {
    let error = event.error.as_deref();
    table.row([
        name.to_owned(),
        thousands(event.position.get()),
        event.event_type.to_string(),
        event.stream.to_string(),
        event.tries.to_string(),
        event.since.strftime("%F %T").to_string(),
        error.unwrap_or("waits behind an earlier one").to_owned(),
    ]);
}

fn sum(name: &str, count: ParkedCount, shown: u64) -> String {
    let more = if shown < count.events {
        ": -n 0 shows all"
    } else {
        ""
    };
    format!("{name}: {count}{more}")
}

fn as_json(name: &str, new: Option<&str>, event: &ParkedEvent) -> serde_json::Value {
    json!({
        "projection": name,
        "new_version": new,
        "position": event.position,
        "type": event.event_type,
        "stream": event.stream,
        "error": event.error,
        "tries": event.tries,
        "since": event.since,
    })
}
