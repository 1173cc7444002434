//! `diff PROJECTION`: the rows that differ between the version that answers and the new one beside it, each
//! with the first event that explains it.

use highwater::read::{Because, Cell, ParkedSum, Shape, Side};
use highwater::text::{program, thousands};
use highwater::workspace::{Diff, Difference, Work, Workspace};
use serde_json::{Map, Value, json};

use super::context::{Context, engine_for, stop};
use super::operate::Target;
use super::out::{Out, cut, width};
use super::working::watched;
use super::{Exit, Failure};

/// What `diff` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// How many rows that differ are told, each with the event that explains it; all are counted
    #[arg(long, default_value_t = 20, value_name = "N")]
    rows: usize,
}

/// Compares, and says what differs. Exit 3 where anything does.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let workspace = context.open()?;
    let engine = engine_for(&workspace, &args.target.name).await?;
    let differs = compared(&workspace, args).await;
    stop(engine).await;
    let name = &args.target.name;
    let diff = differs?;
    let mut out = Out::new();
    if args.target.json {
        out.json(&as_json(name, &diff))?;
    } else {
        for line in lines(name, &diff) {
            out.line(cut(&line, width()))?;
        }
    }
    out.finish()?;
    if diff.comparison.is_equal() {
        return Ok(Exit::Done);
    }
    Err(Failure::no(format!(
        "the new version of {name} has other rows: `{program} cutover {name}` lets it answer, \
         `{program} cancel {name}` removes it",
        program = program()
    )))
}

async fn compared(workspace: &Workspace, args: &Args) -> Result<Diff, Failure> {
    let (work, rows) = (Work::new(), args.rows);
    let name = args.target.name.clone();
    let task = {
        let (workspace, name, work) = (workspace.clone(), name.clone(), work.clone());
        async move { workspace.diff(&name, rows, &work).await }
    };
    let diff = watched(&name, &work, task).await?;
    diff.map_err(|e| Failure::from(e).in_file(&name))
}

fn lines(name: &str, diff: &Diff) -> Vec<String> {
    let comparison = &diff.comparison;
    let (live, new, at) = (&diff.live, &diff.new, thousands(diff.position.get()));
    let parked = diff.parked.count.any().then(|| {
        let sum = &diff.parked;
        format!("  in the new version {sum} (`highwater parked {name}`)")
    });
    if comparison.is_equal() {
        let rows = thousands(comparison.here.rows);
        let equal = format!("{name}: {live} and {new} are equal at position {at}, {rows} rows");
        return [equal].into_iter().chain(parked).collect();
    }
    let mut lines = vec![format!(
        "{name}: {} of {} rows differ between {live}, which answers, and {new} at position {at}",
        thousands(comparison.total),
        thousands(comparison.here.rows.max(comparison.there.rows)),
    )];
    lines.extend(parked);
    lines.extend(comparison.shape.iter().map(shape));
    let differences = comparison.differences.iter().zip(&diff.because);
    lines.extend(differences.map(|(difference, because)| row(difference, because)));
    let told = comparison.differences.len() as u64;
    if told > 0 && told < comparison.total {
        lines.push(format!(
            "  and {} more: --rows N tells of more",
            thousands(comparison.total - told)
        ));
    }
    lines
}

fn shape(shape: &Shape) -> String {
    let what = match &shape.column {
        Some(column) => format!("column {column} of table {}", shape.table),
        None => format!("table {}", shape.table),
    };
    match shape.only {
        Side::Here => format!("  {what} is not in the new version"),
        Side::There => format!("  {what} is in the new version only"),
    }
}

fn row(difference: &Difference, because: &Because) -> String {
    let what = match (&difference.here, &difference.there) {
        (Some(_), None) => "not in the new version".to_owned(),
        (None, _) => "in the new version only".to_owned(),
        _ => {
            let fields = difference.fields();
            let fields = fields
                .iter()
                .map(|(name, live, new)| format!("{name} is {live}, and {new} in the new version"));
            fields.collect::<Vec<_>>().join("; ")
        }
    };
    let because = explained(because);
    format!("  {difference}: {what}{because}")
}

fn explained(because: &Because) -> String {
    match because {
        Because::Event {
            position,
            stream,
            event_type,
            parked,
        } => {
            let at = thousands(position.get());
            let parked = match parked {
                Some(Side::There) => ", which is parked in the new version",
                Some(Side::Here) => ", which is parked in the version that answers",
                None => "",
            };
            format!(": since event {at}, {event_type} of {stream}{parked}")
        }
        Because::NoEvent(side) => {
            let side = match side {
                Side::Here => "the version that answers",
                Side::There => "the new version",
            };
            format!(
                ": no event explains it, in {side} it is not what its definition makes of the log"
            )
        }
        Because::Schema => ": since before the first event, by their schemas".to_owned(),
        Because::Unnamed => String::new(),
    }
}

/// One of the two in JSON.
fn word(side: Side) -> &'static str {
    match side {
        Side::Here => "live",
        Side::There => "new",
    }
}

fn as_json(name: &str, diff: &Diff) -> Value {
    let comparison = &diff.comparison;
    let differences = comparison.differences.iter().zip(&diff.because);
    let differences: Vec<Value> = differences
        .map(|(difference, because)| {
            json!({
                "table": difference.table,
                "key": difference.key,
                "live": object(difference, difference.here.as_ref()),
                "new": object(difference, difference.there.as_ref()),
                "because": event(because),
                "no_event": match because {
                    Because::NoEvent(side) => Some(word(*side)),
                    Because::Schema => Some("schema"),
                    _ => None,
                },
            })
        })
        .collect();
    let shape: Vec<Value> = comparison
        .shape
        .iter()
        .map(|shape| {
            json!({ "table": shape.table, "column": shape.column, "only": word(shape.only) })
        })
        .collect();
    json!({
        "projection": name,
        "live": diff.live,
        "new": diff.new,
        "position": diff.position,
        "equal": comparison.is_equal(),
        "live_rows": comparison.here.rows,
        "new_rows": comparison.there.rows,
        "differing": comparison.total,
        "new_parked": parked(&diff.parked),
        "shape": shape,
        "differences": differences,
    })
}

/// The event that explains a difference; `null` where none does.
fn event(because: &Because) -> Value {
    let Because::Event {
        position,
        stream,
        event_type,
        parked,
    } = because
    else {
        return Value::Null;
    };
    json!({
        "position": position,
        "stream": stream,
        "type": event_type,
        "parked": parked.map(word),
    })
}

/// What is parked, with the first of it.
pub fn parked(sum: &ParkedSum) -> Value {
    let first = sum.first.as_ref();
    json!({
        "events": sum.count.events,
        "streams": sum.count.streams,
        "first": first.map(|(position, _)| position),
        "error": first.map(|(_, error)| error),
    })
}

/// A row as an object; `null` where there is none.
pub fn object(difference: &Difference, cells: Option<&Vec<Cell>>) -> Value {
    let Some(cells) = cells else {
        return Value::Null;
    };
    let named = difference.columns.iter().zip(cells);
    let named = named.map(|(name, cell)| (name.clone(), Value::from(cell)));
    Value::Object(named.collect::<Map<_, _>>())
}
