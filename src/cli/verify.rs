//! `verify NAME`: shows that a read model is what its handlers make of the log. `verify --log`: that
//! nothing in the log was changed, removed or reordered.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use highwater::event::Position;
use highwater::log::LogError;
use highwater::log::sqlite::{SqliteLog, Verified};
use highwater::read::{Cell, Shape, Side};
use highwater::text::{program, thousands};
use highwater::workspace::{Checked, Difference, Work, Workspace};
use indicatif::ProgressBar;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::failure::say as tell_aside;
use super::out::{Out, cut, width};
use super::working::watched;
use super::{Exit, Failure, interrupt};

/// How many cells a line has where there is no terminal: a row may be as long as a book.
const LONGEST: usize = 1_000;

/// What `verify` is told.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Args {
    /// The projection whose read model is folded again and compared
    #[arg(group = "what")]
    name: Option<String>,
    /// Every read model, one after the other
    #[arg(long, group = "what")]
    all: bool,
    /// The whole log: positions, versions, and every event's hash
    #[arg(long, group = "what")]
    log: bool,
    /// How many rows that differ are told, each with where it parted; all are counted
    #[arg(long, default_value_t = 20, value_name = "N", conflicts_with = "log")]
    rows: usize,
    /// One line of JSON each
    #[arg(long)]
    json: bool,
}

/// Verifies what was named. Exit 3 where it is not as it should be.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.log {
        return log(args.json, context).await;
    }
    let workspace = context.open()?;
    if let Some(name) = &args.name {
        return model(&workspace, name, args).await;
    }
    let names = workspace.read_models()?;
    if names.is_empty() && !args.json {
        tell_aside("no read models: an engine makes them when it starts");
    }
    // All are looked at, whatever one comes to; the worst of them is the exit code.
    let mut worst = Exit::Done;
    for name in names {
        match model(&workspace, &name, args).await {
            Ok(_) => {}
            Err(failure @ Failure::OutputClosed) => return Err(failure),
            Err(failure) => {
                let exit = failure.in_file(&name).tell();
                if worst != Exit::No {
                    worst = exit;
                }
            }
        }
    }
    Ok(worst)
}

/// One read model.
async fn model(workspace: &Workspace, name: &str, args: &Args) -> Result<Exit, Failure> {
    let (work, rows) = (Work::new(), args.rows);
    let task = {
        let (workspace, name, work) = (workspace.clone(), name.to_owned(), work.clone());
        async move { workspace.verify(&name, rows, &work).await }
    };
    let checked = watched(name, &work, task).await?;
    let checked = checked?;
    let mut out = Out::new();
    if args.json {
        out.json(&value(name, &checked))?;
    } else {
        for line in lines(name, &checked) {
            out.line(cut(&line, width().or(Some(LONGEST))))?;
        }
    }
    out.finish()?;
    if checked.comparison.is_equal() {
        return Ok(Exit::Done);
    }
    Err(Failure::no(format!(
        "{name} is not what its handlers make of the log: {}",
        way_out(workspace, name, &checked)
    )))
}

/// So many keys are mended one by one; for more, a rebuild is less work.
const FEW_KEYS: usize = 3;

/// What helps: mending the keys whose rows differ, where they are few and known; else all anew.
fn way_out(workspace: &Workspace, name: &str, checked: &Checked) -> String {
    let rebuild = format!("`{} rebuild {name}` makes it anew", program());
    let projection = workspace.projection(name).ok();
    let column = projection.as_ref().and_then(|projection| projection.key());
    let keys = column.and_then(|key| checked.comparison.keys(&key.column));
    let Some(keys) = keys.filter(|keys| (1..=FEW_KEYS).contains(&keys.len())) else {
        return rebuild;
    };
    let repairs: Vec<String> = keys
        .iter()
        .map(|key| format!("`{} repair {name} --key {}`", program(), quoted(key)))
        .collect();
    let rows = if keys.len() == 1 {
        "mends the rows of that key"
    } else {
        "mend the rows of these keys"
    };
    format!("{} {rows}; {rebuild}", repairs.join(" and "))
}

/// As a shell takes it.
fn quoted(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    if !key.is_empty() && key.chars().all(plain) {
        key.to_owned()
    } else {
        format!("'{}'", key.replace('\'', "'\\''"))
    }
}

/// What it came to, for people.
fn lines(name: &str, checked: &Checked) -> Vec<String> {
    let Checked {
        version,
        position,
        comparison,
        last_equal,
    } = checked;
    let at = thousands(position.get());
    if comparison.is_equal() {
        let digest = &comparison.here.digest;
        return vec![format!(
            "{name} {version}: equal at position {at}, {}, digest {}",
            rows(comparison.here.rows),
            digest.get(..16).unwrap_or(digest)
        )];
    }
    let mut lines = vec![format!(
        "{name} {version}: {} of {} differ at position {at}",
        thousands(comparison.total),
        rows(comparison.here.rows.max(comparison.there.rows)),
    )];
    lines.extend(comparison.shape.iter().map(shape));
    let differences = comparison.differences.iter().zip(last_equal);
    lines.extend(differences.map(|(difference, last)| row(difference, *last)));
    let told = comparison.differences.len() as u64;
    if told > 0 && told < comparison.total {
        lines.push(format!(
            "  and {} more: --rows N tells of more",
            thousands(comparison.total - told)
        ));
    }
    lines
}

fn rows(count: u64) -> String {
    let plural = if count == 1 { "row" } else { "rows" };
    format!("{} {plural}", thousands(count))
}

fn shape(shape: &Shape) -> String {
    let column = shape.column.as_ref();
    let what = column.map_or_else(
        || format!("table {}", shape.table),
        |column| format!("column {column} of table {}", shape.table),
    );
    match shape.only {
        Side::Here => format!("  {what} is in the file only, not in the definition"),
        Side::There => format!("  {what} is lacking in the file"),
    }
}

fn row(difference: &Difference, last: Option<Position>) -> String {
    let last = last.map_or_else(
        || "never equal".to_owned(),
        |position| format!("last equal at position {}", thousands(position.get())),
    );
    let what = match (&difference.here, &difference.there) {
        (Some(_), None) => "not in a fresh fold".to_owned(),
        (None, _) => "only in a fresh fold".to_owned(),
        _ => {
            let fields = difference.fields();
            let fields = fields
                .iter()
                .map(|(name, stored, fresh)| format!("{name} {stored} (fresh: {fresh})"));
            fields.collect::<Vec<_>>().join("; ")
        }
    };
    format!("  {difference}: {last}: {what}")
}

/// What it came to, for programs.
fn value(name: &str, checked: &Checked) -> Value {
    let comparison = &checked.comparison;
    let mut value = json!({
        "projection": name,
        "version": checked.version,
        "position": checked.position,
        "equal": comparison.is_equal(),
        "rows": comparison.here.rows,
        "digest": comparison.here.digest,
    });
    if !comparison.is_equal() {
        let differences = comparison.differences.iter().zip(&checked.last_equal);
        let differences: Vec<Value> = differences
            .map(|(difference, last)| {
                json!({
                    "table": difference.table,
                    "key": difference.key,
                    "stored": object(difference, difference.here.as_ref()),
                    "fresh": object(difference, difference.there.as_ref()),
                    "last_equal": last,
                })
            })
            .collect();
        let shape: Vec<Value> = comparison.shape.iter().map(shape_value).collect();
        value["fresh_rows"] = comparison.there.rows.into();
        value["fresh_digest"] = comparison.there.digest.clone().into();
        value["differing"] = comparison.total.into();
        value["shape"] = shape.into();
        value["differences"] = differences.into();
    }
    value
}

fn shape_value(shape: &Shape) -> Value {
    let only = match shape.only {
        Side::Here => "stored",
        Side::There => "fresh",
    };
    json!({ "table": shape.table, "column": shape.column, "only": only })
}

fn object(difference: &Difference, cells: Option<&Vec<Cell>>) -> Value {
    let Some(cells) = cells else {
        return Value::Null;
    };
    let named = difference.columns.iter().zip(cells);
    let named = named.map(|(name, cell)| (name.clone(), Value::from(cell)));
    Value::Object(named.collect::<Map<_, _>>())
}

/// The log, all of it.
async fn log(json: bool, context: &Context) -> Result<Exit, Failure> {
    let data = context.folder()?.data();
    let bar = ProgressBar::new(0);
    let stop = Arc::new(AtomicBool::new(false));
    let (shown, stopped) = (bar.clone(), Arc::clone(&stop));
    let checked = tokio::task::spawn_blocking(move || {
        SqliteLog::verify_in(&data, &mut |progress| {
            shown.set_length(progress.of);
            shown.set_position(progress.done);
            if stopped.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
    });
    let mut checked = std::pin::pin!(checked);
    let verified = tokio::select! {
        verified = &mut checked => verified,
        () = interrupt::asked() => {
            stop.store(true, Ordering::Relaxed);
            checked.await
        }
    };
    bar.finish_and_clear();
    match verified.map_err(Failure::failed)? {
        Ok(verified) => {
            let is_whole = matches!(verified, Verified::Whole { .. });
            match if is_whole {
                beyond(context).await
            } else {
                None
            } {
                Some(what) => cut_off(&what, json),
                None => tell(&verified, json),
            }
        }
        Err(LogError::Damaged { path, what, .. }) => damaged(&path, &what, json),
        Err(emptied @ LogError::Emptied { .. }) => cut_off(&emptied.to_string(), json),
        Err(other) => Err(other.into()),
    }
}

/// What read models have had that the log, whole as it is, has not: its end may have been cut off cleanly.
async fn beyond(context: &Context) -> Option<String> {
    let ahead = async { Ok::<_, Failure>(context.open()?.ahead().await?) };
    let ahead = match ahead.await {
        Ok(ahead) => ahead,
        Err(failure) => {
            tell_aside("warning: the read models were not compared with the log");
            failure.tell();
            return None;
        }
    };
    let one = |(name, position): &(String, Position)| {
        format!("{name} has had an event {}", thousands(position.get()))
    };
    let all: Vec<String> = ahead.iter().map(one).collect();
    (!all.is_empty()).then(|| {
        format!(
            "every event is as it was written, but {}, which the log does not have: its end was cut off, or it was \
             restored or exchanged. Restore a later backup; or `highwater rebuild NAME`, where the log is right",
            all.join(", ")
        )
    })
}

fn cut_off(what: &str, json: bool) -> Result<Exit, Failure> {
    let value = json!({ "whole": false, "position": null, "what": what });
    say(&value, what.to_owned(), Exit::No, json)
}

/// What was found before any event could be named.
fn damaged(path: &Path, what: &str, json: bool) -> Result<Exit, Failure> {
    let what = format!("{}: {what}", path.display());
    let value = json!({ "whole": false, "position": null, "what": what });
    let sentence = format!("{what}. Keep the file, and restore a backup");
    say(&value, sentence, Exit::No, json)
}

fn tell(verified: &Verified, json: bool) -> Result<Exit, Failure> {
    let (value, sentence, exit) = match verified {
        Verified::Whole { head, streams } => (
            json!({ "whole": true, "head": head, "streams": streams }),
            format!(
                "whole at head {}: {} streams, every hash fits",
                thousands(head.get()),
                thousands(*streams)
            ),
            Exit::Done,
        ),
        Verified::Flawed { position, what } => (
            json!({ "whole": false, "position": position, "what": what }),
            format!(
                "event {} is not as it was written: {what}. Keep the file, and restore a backup",
                thousands(position.get())
            ),
            Exit::No,
        ),
        Verified::Stopped { at } => (
            json!({ "whole": false, "position": at, "what": "stopped" }),
            format!(
                "stopped at position {}; all was well so far",
                thousands(at.get())
            ),
            Exit::Failed,
        ),
    };
    say(&value, sentence, exit, json)
}

fn say(value: &Value, sentence: String, exit: Exit, json: bool) -> Result<Exit, Failure> {
    let mut out = Out::new();
    if json {
        out.json(value)?;
    } else if exit == Exit::Done {
        out.line(&sentence)?;
    }
    out.finish()?;
    match exit {
        Exit::Done => Ok(exit),
        _ => Err(Failure::Told {
            exit,
            message: sentence,
        }),
    }
}
