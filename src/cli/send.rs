//! `send COMMAND field=value…`: a command, its outcome, and which `sync` read models have it.

use highwater::text::{human_duration, program, thousands};
use highwater::workspace::{CommandInfo, Outcome, Sent, SentVisibility, Workspace, WorkspaceError};
use highwater::write::{FieldProblem, Request, SendError, from_words, usage};
use serde::Serialize;
use serde_json::Value;

use super::context::{Context, text_or_input};
use super::out::Out;
use super::{Exit, Failure};

/// What `send` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command; without one, all are listed
    command: Option<String>,
    /// Its fields; a list as lines=mug:2:1250,teapot:1:3900 or as JSON
    #[arg(value_name = "FIELD=VALUE", conflicts_with = "data")]
    fields: Vec<String>,
    /// All fields as one JSON object; - reads it from standard input
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
    /// An idempotency key: sent again with it, the first answer is given and nothing is stored
    #[arg(long)]
    key: Option<String>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// Sends it. Exit 3 where it is rejected or in conflict.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let workspace = context.open()?;
    let Some(command) = args.command else {
        list(&workspace, args.json)?;
        return Ok(Exit::Done);
    };
    let info = find(&workspace, &command)?;
    let data = match args.data {
        Some(json) => parse(&text_or_input(json)?)?,
        None => from_words(info, &args.fields).map_err(|problems| wrong_fields(info, &problems))?,
    };
    let request = Request {
        key: args.key,
        ..Request::new(command, data)
    };
    let sent = match workspace.send(request).await {
        Err(WorkspaceError::Send(SendError::Fields { problems, .. })) => {
            return Err(wrong_fields(info, &problems));
        }
        other => other?,
    };
    print(&sent, args.json)?;
    Ok(match sent.outcome {
        Outcome::Accepted { .. } => Exit::Done,
        Outcome::Rejected { .. } | Outcome::Conflict { .. } => Exit::No,
    })
}

fn find<'a>(workspace: &'a Workspace, command: &str) -> Result<&'a CommandInfo, Failure> {
    let commands = workspace.commands();
    if commands.infos().is_empty() {
        return Err(Failure::usage(format!(
            "{NO_COMMANDS}; store events with `{program} append` or `{program} import`",
            program = program()
        )));
    }
    commands.find(command).map_err(|e| {
        Failure::usage(format!(
            "{e}\n`{program} send` without a command lists them all",
            program = program()
        ))
    })
}

const NO_COMMANDS: &str = "this workspace has no commands: highwater.toml says domain = \"none\"";

fn parse(json: &str) -> Result<Value, Failure> {
    serde_json::from_str(json).map_err(|e| Failure::usage(format!("--data is not valid JSON: {e}")))
}

fn wrong_fields(info: &CommandInfo, problems: &[FieldProblem]) -> Failure {
    let problems: Vec<String> = problems.iter().map(FieldProblem::to_string).collect();
    Failure::usage(format!(
        "{} cannot be sent: {}\nusage: highwater send {}",
        info.name,
        problems.join("; "),
        usage(info)
    ))
}

/// The JSON of an outcome.
#[derive(Serialize)]
struct Answer<'a> {
    outcome: &'static str,
    position: Option<u64>,
    stream: &'a str,
    version: u64,
    reason: Option<&'a str>,
    repeated: bool,
    visible: Vec<Seen<'a>>,
}

#[derive(Serialize)]
struct Seen<'a> {
    projection: &'a str,
    after_ms: Option<u128>,
    because: Option<&'a str>,
}

fn print(sent: &Sent, json: bool) -> Result<(), Failure> {
    let mut out = Out::new();
    if json {
        out.json(&answer(sent))?;
    } else {
        out.line(sentence(&sent.outcome))?;
        for visibility in &sent.visible {
            out.line(seen(visibility))?;
        }
    }
    out.finish()
}

fn answer(sent: &Sent) -> Answer<'_> {
    let visible = sent.visible.iter().map(|seen| Seen {
        projection: &seen.projection,
        after_ms: seen.after.map(|after| after.as_millis()),
        because: seen.because.as_deref(),
    });
    let visible = visible.collect();
    let (outcome, position, stream, version, reason, repeated) = match &sent.outcome {
        Outcome::Accepted {
            position,
            stream,
            version,
            repeated,
        } => ("accepted", *position, stream, version, None, *repeated),
        Outcome::Rejected {
            stream,
            version,
            reason,
        } => ("rejected", None, stream, version, Some(&**reason), false),
        Outcome::Conflict { stream, version } => ("conflict", None, stream, version, None, false),
    };
    Answer {
        outcome,
        position: position.map(highwater::event::Position::get),
        stream: stream.as_str(),
        version: version.get(),
        reason,
        repeated,
        visible,
    }
}

fn sentence(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted {
            position: Some(position),
            stream,
            version,
            repeated: false,
        } => {
            let position = thousands(position.get());
            format!("accepted at position {position}: {stream} has version {version}")
        }
        Outcome::Accepted {
            position: Some(position),
            stream,
            repeated: true,
            ..
        } => {
            let position = thousands(position.get());
            format!("accepted before, at position {position} of {stream}: the key was used already")
        }
        Outcome::Accepted {
            position: None,
            stream,
            version,
            ..
        } => format!("accepted, and nothing to change: {stream} stays at version {version}"),
        Outcome::Rejected { reason, .. } => format!("rejected: {reason}"),
        Outcome::Conflict { stream, version } => format!(
            "conflict: {stream} moved on each time, and has version {version} now. Nothing is stored; send it again"
        ),
    }
}

fn seen(visibility: &SentVisibility) -> String {
    let name = &visibility.projection;
    match (visibility.after, &visibility.because) {
        (Some(after), _) => format!("visible in {name} after {}", human_duration(after)),
        (None, Some(because)) => format!("stored, not visible in {name}: {because}"),
        (None, None) => format!("stored, not visible in {name}"),
    }
}

/// Which commands there are, and how each is typed.
fn list(workspace: &Workspace, json: bool) -> Result<(), Failure> {
    let infos = workspace.commands().infos();
    let mut out = Out::new();
    for info in infos {
        if json {
            out.json(&serde_json::json!({
                "name": info.name, "description": info.description,
                "category": info.category, "schema": info.schema,
            }))?;
        } else {
            out.line(usage(info))?;
            out.line(format_args!("    {}", info.description))?;
        }
    }
    if infos.is_empty() && !json {
        out.line(NO_COMMANDS)?;
    }
    out.finish()
}
