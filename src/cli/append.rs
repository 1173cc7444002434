//! `append STREAM TYPE JSON`: one event, without a command.

use highwater::event::{EventType, JsonObject, NewEvent, StreamId, Version};
use highwater::log::{AppendError, Commit, CommitId, EventLog, Expected};
use serde_json::json;

use super::context::{Context, text_or_input};
use super::out::Out;
use super::{Exit, Failure};
use highwater::text::{program, thousands};

/// What `append` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The stream: category-key, as order-1042
    stream: String,
    /// What happened, in the past tense, as OrderPlaced
    #[arg(value_name = "TYPE")]
    event_type: String,
    /// The fact: a JSON object, or - to read it from standard input
    #[arg(value_name = "JSON")]
    data: String,
    /// Only if the stream has this version now; 0 is 'no such stream'
    #[arg(long, value_name = "VERSION")]
    expect: Option<u64>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// Appends it. Exit 3 where the stream has another version than the one expected.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let stream = StreamId::new(&args.stream)?;
    if stream.is_system() {
        return Err(Failure::usage(format!(
            "stream {stream} is a system stream: names that begin with `$` belong to highwater; give another"
        )));
    }
    let event_type = EventType::new(&args.event_type)?;
    let data = JsonObject::parse(&text_or_input(args.data)?)
        .map_err(|e| Failure::usage(format!("the event's data is {e}")))?;
    let event = NewEvent::new(event_type, data);
    let workspace = context.open()?;
    let log = workspace.log();
    match append(&*log, &stream, event, args.expect.map(Version::new)).await {
        Ok(committed) => {
            let (position, version) = (committed.last, committed.version);
            let mut out = Out::new();
            if args.json {
                out.json(&json!({ "position": position, "version": version }))?;
            } else {
                out.line(format_args!(
                    "{stream} has version {version}, at position {}",
                    thousands(position.get())
                ))?;
            }
            out.finish()?;
            Ok(Exit::Done)
        }
        Err(AppendError::Conflict { actual, .. }) => {
            if args.json {
                let mut out = Out::new();
                out.json(&json!({ "outcome": "conflict", "stream": stream, "version": actual }))?;
                out.finish()?;
            }
            let expected = args.expect.unwrap_or_default();
            Err(Failure::no(format!(
                "conflict: stream {stream} has version {actual}, and {expected} was expected. Nothing is \
                 stored; look at it with `{program} stream {stream}` and decide anew",
                program = program()
            )))
        }
        Err(AppendError::Limit { what, found, limit }) => Err(Failure::failed(format!(
            "the event is not stored: {what} of {found}, and the limit is {limit}. Split it, or keep what is \
             large elsewhere and store where it is"
        ))),
        Err(other) => Err(other.into()),
    }
}

/// Appends where the stream has the version that is expected.
async fn append(
    log: &dyn EventLog,
    stream: &StreamId,
    event: NewEvent,
    expected: Option<Version>,
) -> Result<highwater::log::Committed, AppendError> {
    let expected = match expected {
        None => Expected::Any,
        Some(version) => {
            let page = log.read_stream(stream, Version::NONE, 1).await;
            let page = page.map_err(AppendError::NotStored)?;
            if page.version != version {
                return Err(AppendError::Conflict {
                    stream: stream.clone(),
                    actual: page.version,
                    head: page.head,
                });
            }
            Expected::Head(page.head)
        }
    };
    log.append(Commit {
        id: CommitId::new(),
        stream: stream.clone(),
        expected,
        events: vec![event],
    })
    .await
}
