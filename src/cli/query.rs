//! `query PROJECTION QUERY key=value…`: a read model's answer, as fresh as it is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::event::{Position, Timestamp};
use highwater::read::{ParkedCount, QueryError, parse_duration};
use highwater::text::{human_duration, program, thousands};
use highwater::workspace::{
    Answered, AsOf, Consistency, QueryFailed, Work, Workspace, WorkspaceError,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::context::{Context, engine_for, stop};
use super::failure::say;
use super::out::Out;
use super::table::{Side, Table};
use super::working::watched;
use super::{Exit, Failure};

/// What `query` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The projection; without one, all queries are listed
    projection: Option<String>,
    /// The query; without one, the projection's queries are listed
    query: Option<String>,
    /// Its parameters
    #[arg(value_name = "KEY=VALUE")]
    parameters: Vec<String>,
    /// How fresh: eventual, strong, at-least=POSITION or within=2s
    #[arg(long, default_value = "eventual", value_name = "LEVEL")]
    consistency: Consistency,
    /// As it was: at a position, at a time (2026-11-23T10:00Z), or so long ago (10m)
    #[arg(long, value_name = "WHEN", conflicts_with = "consistency")]
    as_of: Option<AsOf>,
    /// How long to wait for that, and for the answer
    #[arg(long, default_value = "5s", value_parser = parse_duration, value_name = "TIME")]
    timeout: Duration,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// A question, complete.
struct Question {
    projection: String,
    query: String,
    parameters: BTreeMap<String, String>,
    consistency: Consistency,
    timeout: Duration,
}

/// Asks it. Where more than the present answer is wanted, or there is no read model yet, this process is
/// the engine meanwhile, unless another one is.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let parameters = parameters(&args.parameters)?;
    let workspace = context.open()?;
    let (Some(projection), Some(query)) = (&args.projection, args.query) else {
        list(&workspace, args.projection.as_deref(), args.json)?;
        return Ok(Exit::Done);
    };
    if let Some(as_of) = args.as_of {
        let question = (projection.as_str(), query.as_str(), &parameters);
        return ask_past(&workspace, question, as_of, args.timeout, args.json).await;
    }
    workspace.projection(projection)?;
    let question = Question {
        projection: projection.clone(),
        query,
        parameters,
        consistency: args.consistency,
        timeout: args.timeout,
    };
    let answered = answer(&workspace, &question).await?;
    print(&question.projection, &answered, args.json)?;
    if let Some(warning) = &answered.warning {
        let way_out = match workspace.engine() {
            None => "; or ask with --consistency strong",
            Some(_) => "",
        };
        say(&format!("warning: {warning}{way_out}"));
    }
    Ok(Exit::Done)
}

/// Folds the read model up to then into a file that is thrown away, and asks it. No engine is needed.
async fn ask_past(
    workspace: &Workspace,
    (projection, query, parameters): (&str, &str, &BTreeMap<String, String>),
    as_of: AsOf,
    timeout: Duration,
    json: bool,
) -> Result<Exit, Failure> {
    let position = workspace.position_at(as_of).await?;
    let work = Work::new();
    let mut past = workspace.past(projection, 0, work.clone()).await?;
    // Wrong words are answered before a long fold.
    past.check(query, parameters)
        .map_err(WorkspaceError::from)?;
    let task = async move { past.step_to(position).await.map(|()| past) };
    let stepped = watched(projection, &work, task).await?;
    let past = stepped.map_err(|error| WorkspaceError::fold(projection, error))?;
    let answer = past
        .ask(query, parameters, timeout)
        .map_err(WorkspaceError::from)?;
    let recorded = recorded_at(workspace, position).await?;
    let warning = workspace.ahead_of_log(projection).await?;
    if let Some(warning) = &warning {
        say(&format!("warning: {warning}"));
    }
    let mut out = Out::new();
    if json {
        out.json(&json!({
            "rows": answer.rows,
            "position": position,
            "recorded_at": recorded.map(|time| time.to_string()),
            "warning": warning,
        }))?;
        return out.finish().map(|()| Exit::Done);
    }
    for line in rows(&answer.rows) {
        out.line(line)?;
    }
    let as_of = recorded.map_or_else(
        || "before the first event".to_owned(),
        |time| format!("recorded {time}"),
    );
    out.line(format_args!(
        "{} as of position {}, {as_of}",
        count(answer.rows.len()),
        thousands(position.get())
    ))?;
    out.finish().map(|()| Exit::Done)
}

/// When the event at a position was recorded.
async fn recorded_at(
    workspace: &Workspace,
    position: Position,
) -> Result<Option<Timestamp>, Failure> {
    let Some(before) = position.get().checked_sub(1) else {
        return Ok(None);
    };
    let page = workspace.log().read_all(Position::new(before), 1).await?;
    Ok(page.first().map(|event| event.recorded_at))
}

fn count(rows: usize) -> String {
    let plural = if rows == 1 { "row" } else { "rows" };
    format!("{} {plural}", thousands(rows as u64))
}

async fn answer(workspace: &Workspace, question: &Question) -> Result<Answered, Failure> {
    if question.consistency == Consistency::Eventual {
        match ask(workspace, question).await {
            Err(QueryFailed::Workspace(WorkspaceError::Query(QueryError::NoModel { .. }))) => {}
            other => return Ok(other?),
        }
    }
    let engine = engine_for(workspace, &question.projection).await?;
    let answered = ask(workspace, question).await;
    stop(engine).await;
    Ok(answered?)
}

async fn ask(workspace: &Workspace, question: &Question) -> Result<Answered, QueryFailed> {
    let Question {
        projection,
        query,
        parameters,
        consistency,
        timeout,
    } = question;
    workspace
        .query(projection, query, parameters, *consistency, *timeout)
        .await
}

/// `key=value` words. Errors: a word that is none, a key that is given twice.
fn parameters(words: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut parameters = BTreeMap::new();
    for word in words {
        let (key, value) = word.split_once('=').ok_or_else(|| {
            Failure::usage(format!(
                "{word:?} is no parameter: write it as key=value, as order_id=1042"
            ))
        })?;
        if parameters
            .insert(key.to_owned(), value.to_owned())
            .is_some()
        {
            return Err(Failure::usage(format!(
                "parameter {key} is given twice: keep one"
            )));
        }
    }
    Ok(parameters)
}

/// The JSON of an answer.
#[derive(Serialize)]
struct Answer<'a> {
    rows: &'a [Map<String, Value>],
    position: u64,
    age_ms: u128,
    waited_ms: u128,
    version: &'a str,
    /// Events up to the position that are not in the answer, and of how many streams.
    parked: ParkedCount,
    /// What is wrong with the read model; null where nothing is.
    warning: Option<&'a str>,
}

fn print(projection: &str, answered: &Answered, json: bool) -> Result<(), Failure> {
    let mut out = Out::new();
    if json {
        out.json(&Answer {
            rows: &answered.rows,
            position: answered.position.get(),
            age_ms: answered.age.as_millis(),
            waited_ms: answered.waited.as_millis(),
            version: &answered.version,
            parked: answered.parked,
            warning: answered.warning.as_deref(),
        })?;
        return out.finish();
    }
    for line in rows(&answered.rows) {
        out.line(line)?;
    }
    out.line(format_args!(
        "{} at position {}, {} old, after a wait of {}",
        count(answered.rows.len()),
        thousands(answered.position.get()),
        human_duration(answered.age),
        human_duration(answered.waited)
    ))?;
    if answered.parked.any() {
        out.line(format_args!(
            "not in it: {} (`{program} parked {projection}`)",
            answered.parked,
            program = program()
        ))?;
    }
    out.finish()
}

fn rows(rows: &[Map<String, Value>]) -> Vec<String> {
    let Some(first) = rows.first() else {
        return Vec::new();
    };
    let side = |name: &String| {
        let numbers = rows
            .iter()
            .all(|row| row.get(name).is_some_and(Value::is_number));
        if numbers { Side::Right } else { Side::Left }
    };
    let columns: Vec<(&str, Side)> = first
        .keys()
        .map(|name| (name.as_str(), side(name)))
        .collect();
    let mut table = Table::new(&columns);
    for row in rows {
        table.row(row.values().map(cell));
    }
    table.lines()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Which questions there are.
fn list(workspace: &Workspace, only: Option<&str>, json: bool) -> Result<(), Failure> {
    let projections = match only {
        Some(name) => vec![workspace.projection(name)?],
        None => workspace.projections(),
    };
    let mut out = Out::new();
    if projections.is_empty() && !json {
        let folder = workspace.folder().projections();
        out.line(format_args!(
            "no projections, and so no queries: write one as {}",
            folder.join("NAME.sql").display()
        ))?;
    }
    for projection in projections {
        for query in projection.queries() {
            let (name, parameters) = (&query.name, &query.parameters);
            if json {
                out.json(&serde_json::json!({
                    "projection": projection.name(), "query": name, "parameters": parameters,
                }))?;
            } else {
                let words = parameters.iter().map(|name| format!(" {name}=…"));
                let words: String = words.collect();
                out.line(format_args!("{} {name}{words}", projection.name()))?;
            }
        }
    }
    out.finish()
}
