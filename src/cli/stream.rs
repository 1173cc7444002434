//! `stream NAME [--state]`: one stream, event by event, with the aggregate's state after each: rehydration,
//! made visible.

use highwater::event::{Event, StreamId, Version};
use highwater::text::{clean, program, thousands};
use highwater::workspace::{After, Change, States};
use serde::Serialize;
use serde_json::{Value, json};

use super::context::Context;
use super::failure::say;
use super::out::Out;
use super::{Exit, Failure};

/// How many events are read at once.
const PAGE: usize = 500;

/// What `stream` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The stream: category-key, as order-1042
    name: String,
    /// After each event the aggregate's state, and what changed in it
    #[arg(long)]
    state: bool,
    /// One line of JSON an event
    #[arg(long)]
    json: bool,
}

/// Prints it from its first event on.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let stream = StreamId::new(&args.name)?;
    let workspace = context.open()?;
    let log = workspace.log();
    let mut page = log.read_stream(&stream, Version::NONE, PAGE).await?;
    if page.version == Version::NONE {
        return Err(Failure::failed(format!(
            "there is no stream {stream}: `{program} events` shows which there are",
            program = program()
        )));
    }
    let mut states = None;
    if args.state {
        match workspace.commands().stepper(stream.category()) {
            Some(stepper) => states = Some(States::of(stepper)),
            None => say(&format!(
                "no aggregate of this workspace has the category {}: its events are shown, and nothing is folded",
                stream.category()
            )),
        }
    }
    let mut out = Out::new();
    if !args.json {
        let count = thousands(page.version.get());
        out.line(format_args!("{stream}, version {count}"))?;
    }
    // What comes meanwhile is shown too; the end is where a page is empty.
    while let Some(last) = page.events.last().map(|event| event.version) {
        for event in &page.events {
            let step = states.as_mut().map(|states| states.step(event));
            let step = step.transpose().map_err(Failure::failed)?;
            if args.json {
                out.json(&Line::of(event, step.as_ref()))?;
            } else {
                print(&mut out, event, step.as_ref())?;
            }
        }
        page = log.read_stream(&stream, last, PAGE).await?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

/// The JSON of an event of a stream.
#[derive(Serialize)]
struct Line<'a> {
    version: u64,
    position: u64,
    time: String,
    #[serde(rename = "type")]
    event_type: &'a str,
    data: &'a highwater::event::JsonObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a [Change]>,
}

impl<'a> Line<'a> {
    fn of(event: &'a Event, step: Option<&'a After>) -> Self {
        Self {
            version: event.version.get(),
            position: event.position.get(),
            time: format!("{:.6}", event.time()),
            event_type: event.event_type.as_str(),
            data: &event.data,
            state: step.map(|step| &step.state),
            changes: step.map(|step| &*step.changes),
        }
    }
}

fn print(out: &mut Out, event: &Event, step: Option<&After>) -> Result<(), Failure> {
    out.line(format_args!(
        "{:>5}  @{}  {:.3}  {}  {}",
        event.version.get(),
        thousands(event.position.get()),
        event.time(),
        event.event_type,
        clean(event.data.as_str())
    ))?;
    let Some(step) = step else { return Ok(()) };
    out.line(format_args!("       state {}", step.state))?;
    for change in &step.changes {
        let Change {
            field,
            before,
            after,
        } = change;
        out.line(format_args!(
            "       {field}: {} → {}",
            shown(before),
            shown(after)
        ))?;
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        other => json!(other).to_string(),
    }
}
