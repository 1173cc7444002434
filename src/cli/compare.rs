//! `compare PROJECTION --key KEY`: what each replica has of one key, side by side.

use highwater::event::Position;
use highwater::read::Cell;
use highwater::text::{program, thousands};
use highwater::workspace::{Compared, Held};
use serde_json::{Map, Value, json};

use super::context::Context;
use super::out::{self, Out};
use super::table::{Side, Table};
use super::{Exit, Failure};

/// What `compare` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The projection: all replicas of it
    #[arg(value_name = "PROJECTION")]
    name: String,
    /// The key
    #[arg(long, value_name = "KEY")]
    key: String,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// How a field is marked in which they differ.
const DIFFERS: &str = "≠";

/// Reads and compares. Exit 3 where they differ.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let compared = context.open()?.compare(&args.name, &args.key).await?;
    let mut out = Out::new();
    if args.json {
        out.json(&as_json(&args.name, &args.key, &compared))?;
    } else {
        out.line(format_args!(
            "{}, key {}: {} has {} events",
            args.name,
            args.key,
            compared.stream,
            thousands(compared.version.get())
        ))?;
        let has_row = |held: &Held| held.keyed.tables.iter().any(|t| !t.rows.is_empty());
        if !compared.replicas.iter().any(has_row) {
            out.line("nobody has a row of it")?;
        }
        let cells = out::width();
        for line in table(&compared).lines() {
            out.line(out::cut(&line, cells))?;
        }
        for held in &compared.replicas {
            if let Some(parked) = parked(held) {
                out.line(parked)?;
            }
        }
    }
    out.finish()?;
    Ok(if compared.agree() {
        Exit::Done
    } else {
        Exit::No
    })
}

/// A line a field, a column a replica.
fn table(compared: &Compared) -> Table {
    let names = compared
        .replicas
        .iter()
        .map(|held| (held.name.as_str(), Side::Left));
    let columns: Vec<_> = [("", Side::Left), ("", Side::Left)]
        .into_iter()
        .chain(names)
        .collect();
    let mut table = Table::new(&columns);
    let mut row = |mark: &str, name: String, of: &dyn Fn(&Held) -> String| {
        let cells = compared.replicas.iter().map(of);
        table.row([mark.to_owned(), name].into_iter().chain(cells));
    };
    row("", "has the log up to".to_owned(), &|held| {
        thousands(held.keyed.position.get())
    });
    row(
        "",
        "lacks".to_owned(),
        &|held| match (held.lacks, first_lacked(held)) {
            (lacks, Some(first)) => {
                let from = format!("{} from event {}", thousands(lacks), thousands(first.get()));
                let is_parked = held.keyed.passed_by.parked.count.any();
                from + if is_parked { ", parked" } else { "" }
            }
            _ => "nothing".to_owned(),
        },
    );
    let skipped = |held: &Held| held.keyed.passed_by.skipped;
    if compared.replicas.iter().any(|held| skipped(held) > 0) {
        row("", "skipped".to_owned(), &|held| thousands(skipped(held)));
    }
    for ((at, nth), (name, column)) in fields(compared) {
        let of = |held: &Held| cell(held, at, nth, &column).map(ToString::to_string);
        let first = compared.replicas.first().map(of);
        let same = compared.replicas.iter().all(|held| Some(of(held)) == first);
        let mark = if same { "" } else { DIFFERS };
        row(mark, name, &|held| {
            of(held).unwrap_or_else(|| "no row".to_owned())
        });
    }
    table
}

/// The first event of the key's stream that is not in it.
fn first_lacked(held: &Held) -> Option<Position> {
    let parked = held.keyed.passed_by.parked.first.as_ref();
    parked.map(|(position, _)| *position).or(held.next)
}

/// What is parked of the key's stream, and what lets it come: it does not by itself.
fn parked(held: &Held) -> Option<String> {
    let (name, sum) = (&held.name, &held.keyed.passed_by.parked);
    let (position, _) = sum.first.as_ref()?;
    let program = program();
    Some(format!(
        "{name}: {sum}. It does not come by itself: `{program} retry {name} {position}` tries it again, `{program} skip \
         {name} {position} --reason '…'` leaves it out"
    ))
}

/// A table and a row, by their places; the field's name as it is shown, and its column.
type Field = ((usize, usize), (String, String));

/// Every field of every row that any replica has.
fn fields(compared: &Compared) -> Vec<Field> {
    let mut fields = Vec::new();
    // One that was not made yet has no tables.
    let by_tables = |held: &&Held| held.keyed.tables.len();
    let Some(first) = compared.replicas.iter().max_by_key(by_tables) else {
        return fields;
    };
    for (at, table) in first.keyed.tables.iter().enumerate() {
        let rows = |held: &Held| {
            held.keyed
                .tables
                .get(at)
                .map_or(0, |table| table.rows.len())
        };
        let most = compared.replicas.iter().map(rows).max().unwrap_or(0);
        for nth in 0..most {
            for column in &table.columns {
                let name = match (first.keyed.tables.len(), most) {
                    (1, 1) => column.clone(),
                    (_, 1) => format!("{}.{column}", table.name),
                    _ => format!("{}[{nth}].{column}", table.name),
                };
                fields.push(((at, nth), (name, column.clone())));
            }
        }
    }
    fields
}

fn cell<'a>(held: &'a Held, table: usize, row: usize, column: &str) -> Option<&'a Cell> {
    let table = held.keyed.tables.get(table)?;
    let index = table.columns.iter().position(|c| c == column)?;
    table.rows.get(row)?.get(index)
}

fn as_json(name: &str, key: &str, compared: &Compared) -> Value {
    let replica = |held: &Held| {
        let tables: Map<String, Value> = held
            .keyed
            .tables
            .iter()
            .map(|table| {
                let row = |row: &Vec<Cell>| -> Value {
                    let cells = table
                        .columns
                        .iter()
                        .cloned()
                        .zip(row.iter().map(Value::from));
                    Value::Object(cells.collect())
                };
                (table.name.clone(), table.rows.iter().map(row).collect())
            })
            .collect();
        json!({
            "name": held.name,
            "position": held.keyed.position,
            "lacks": held.lacks,
            "next": held.next,
            "parked": super::diff::parked(&held.keyed.passed_by.parked),
            "skipped": held.keyed.passed_by.skipped,
            "tables": tables,
        })
    };
    json!({
        "projection": name,
        "key": key,
        "stream": compared.stream,
        "version": compared.version,
        "agree": compared.agree(),
        "replicas": compared.replicas.iter().map(replica).collect::<Vec<_>>(),
    })
}
