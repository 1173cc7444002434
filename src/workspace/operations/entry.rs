//! One event of a `$projection-NAME` stream: what it says, and how it is written.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Defined, Ended, Operation, Request, Which, reason};
use crate::event::{Event, EventType, JsonObject, NewEvent, Position, StreamId, Timestamp};
use crate::log::{AppendError, Commit, CommitId, Committed, EventLog, Expected, LogError};

/// The type of the event that says a request was refused or failed.
const FAILED: &str = "OperationFailed";

/// The type of the event that says a projection's file has another definition than before.
const DEFINED: &str = "DefinitionChanged";

/// The type of the event that says a rebuild's version waits for a cutover.
const HELD: &str = "RebuildHeld";

/// The types of the events that say its objective is breached, and no longer.
const RAISED: &str = "ObjectiveBreached";
const CLEARED: &str = "ObjectiveHeld";

/// The longest name of somebody who asked, in characters.
const LONGEST_NAME: usize = 100;

/// What one event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// Somebody asked for something.
    Requested {
        /// What for.
        operation: Operation,
        /// Who.
        by: String,
        /// The position of the request that this one undoes.
        undoes: Option<Position>,
    },
    /// A request was carried out, refused, or failed.
    Ended {
        /// The position of the request.
        request: Position,
        /// How it ended.
        ended: Ended,
        /// The engine's process.
        engine: Option<u64>,
        /// The hash of the definition that is not to be built by itself any more.
        declines: Option<String>,
        /// The hash of the definition that could not be built.
        not_built: Option<String>,
        /// What the version is called that answers, or is held, by this.
        version: Option<String>,
    },
    /// The projection's file says this now.
    Defined(Defined),
    /// Its read model is older than its objective allows.
    Raised {
        /// Since when.
        since: Timestamp,
        /// How old it may be.
        objective: Duration,
    },
    /// It is not any more.
    Cleared {
        /// Since when.
        since: Timestamp,
    },
}

impl Entry {
    /// What an event says; `None` where it makes no sense.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let event_type = event.event_type.as_str();
        let data = event.data.value();
        if event_type == DEFINED {
            return serde_json::from_value(data).ok().map(Self::Defined);
        }
        let number = |name: &str| data.get(name).and_then(Value::as_u64);
        let since = || data.get("since")?.as_str()?.parse::<Timestamp>().ok();
        if event_type == RAISED {
            return Some(Self::Raised {
                since: since()?.min(event.recorded_at),
                objective: Duration::from_millis(number("objective_ms")?),
            });
        }
        if event_type == CLEARED {
            let since = since()?.min(event.recorded_at);
            return Some(Self::Cleared { since });
        }
        if let Some(request) = number("request") {
            let what = data.get("what").and_then(Value::as_str);
            let what = what.unwrap_or_default().to_owned();
            let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
            return Some(Self::Ended {
                request: Position::new(request),
                ended: match event_type {
                    FAILED => Ended::Failed(what),
                    HELD => Ended::Held(what),
                    _ => Ended::Finished(what),
                },
                engine: number("engine"),
                declines: text("declines"),
                not_built: text("not_built"),
                version: text("version"),
            });
        }
        let by = data.get("by").and_then(Value::as_str).unwrap_or("somebody");
        Some(Self::Requested {
            operation: parse_request(event_type, &data)?,
            by: by.chars().take(LONGEST_NAME).collect(),
            undoes: number("undoes").map(Position::new),
        })
    }
}

impl Operation {
    /// The type of the event that asks for it.
    const fn requested(&self) -> &'static str {
        match self {
            Self::Pause => "PauseRequested",
            Self::Resume => "ResumeRequested",
            Self::SetPolicy(_) => "PolicyRequested",
            Self::Apply => "ApplyRequested",
            Self::Rebuild { .. } | Self::Build { .. } => "RebuildRequested",
            Self::PauseRebuild => "RebuildPauseRequested",
            Self::ResumeRebuild => "RebuildResumeRequested",
            Self::Cancel => "CancelRequested",
            Self::CutOver { .. } => "CutOverRequested",
            Self::RollBack { .. } => "RollBackRequested",
            Self::Repair { .. } => "RepairRequested",
            Self::Replay { .. } => "ReplayRequested",
            Self::Retry(_) => "RetryRequested",
            Self::Skip { .. } => "SkipRequested",
            Self::Unskip { .. } => "UnskipRequested",
        }
    }

    /// The type of the event that says it was carried out.
    const fn finished(&self) -> &'static str {
        match self {
            Self::Pause => "Paused",
            Self::Resume => "Resumed",
            Self::SetPolicy(_) => "PolicyChanged",
            Self::Apply => "Applied",
            Self::Rebuild { .. } | Self::Build { .. } => "RebuildFinished",
            Self::PauseRebuild => "RebuildPaused",
            Self::ResumeRebuild => "RebuildResumed",
            Self::Cancel => "Cancelled",
            Self::CutOver { .. } => "CutOver",
            Self::RollBack { .. } => "RolledBack",
            Self::Repair { .. } => "Repaired",
            Self::Replay { .. } => "ReplayFinished",
            Self::Retry(_) => "Retried",
            Self::Skip { .. } => "Skipped",
            Self::Unskip { .. } => "Unskipped",
        }
    }
}

fn parse_request(event_type: &str, data: &Value) -> Option<Operation> {
    let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| Some(Position::new(data.get(name)?.as_u64()?));
    Some(match event_type {
        "PauseRequested" => Operation::Pause,
        "ResumeRequested" => Operation::Resume,
        "ApplyRequested" => Operation::Apply,
        "RebuildRequested" if data.get("definition").is_some() => Operation::Build {
            definition: text("definition")?,
        },
        "RebuildRequested" => Operation::Rebuild {
            hold: data.get("hold").and_then(Value::as_bool).unwrap_or(false),
        },
        "RebuildPauseRequested" => Operation::PauseRebuild,
        "RebuildResumeRequested" => Operation::ResumeRebuild,
        "CancelRequested" => Operation::Cancel,
        "CutOverRequested" => Operation::CutOver {
            version: text("version"),
        },
        "RepairRequested" => Operation::Repair { key: text("key")? },
        "RollBackRequested" => Operation::RollBack { from: text("from") },
        "PolicyRequested" => Operation::SetPolicy(data.get("policy")?.as_str()?.parse().ok()?),
        // What is there and cannot be read must not be taken for 'all'.
        "RetryRequested" => Operation::Retry(match (data.get("event"), data.get("stream")) {
            (Some(_), _) => Which::Event(number("event")?),
            (None, Some(_)) => Which::Stream(StreamId::new(&text("stream")?).ok()?),
            (None, None) => Which::All,
        }),
        "SkipRequested" => Operation::Skip {
            event: number("event")?,
            reason: reason(&text("reason")?).ok()?,
        },
        "UnskipRequested" => Operation::Unskip {
            event: number("event")?,
        },
        "ReplayRequested" => Operation::Replay {
            after: Position::new(data.get("after")?.as_u64()?),
        },
        _ => return None,
    })
}

/// The outcome of a request, where the stream has it. Errors: the log cannot be read.
pub async fn outcome(
    log: &dyn EventLog,
    stream: &StreamId,
    request: &Committed,
) -> Result<Option<Ended>, LogError> {
    let (mut after, mut passed_over) = (request.version, 0);
    while let Some(page) = super::reading::page(log, stream, after, passed_over).await? {
        after = page.to;
        passed_over += usize::from(page.passed_over.is_some());
        for event in &page.events {
            match Entry::of(event) {
                Some(Entry::Ended {
                    request: of, ended, ..
                }) if of == request.last => return Ok(Some(ended)),
                _ => {}
            }
        }
    }
    Ok(None)
}

/// Stores a request, which may undo an earlier one. Errors: the log's.
pub async fn request(
    log: &dyn EventLog,
    stream: &StreamId,
    operation: &Operation,
    undoes: Option<Position>,
) -> Result<Committed, AppendError> {
    store_request(log, stream, operation, &who(), undoes).await
}

/// Stores a request of the engine's own, whose outcome it says itself. Errors: the log's.
pub async fn ask(
    log: &dyn EventLog,
    stream: &StreamId,
    operation: Operation,
) -> Result<Request, AppendError> {
    let by = format!("the engine (process {})", std::process::id());
    let stored = store_request(log, stream, &operation, &by, None).await?;
    Ok(Request {
        position: stored.last,
        operation,
    })
}

async fn store_request(
    log: &dyn EventLog,
    stream: &StreamId,
    operation: &Operation,
    by: &str,
    undoes: Option<Position>,
) -> Result<Committed, AppendError> {
    let mut data = json!({ "by": by });
    match operation {
        Operation::SetPolicy(policy) => data["policy"] = json!(policy),
        Operation::Replay { after } => data["after"] = json!(after),
        Operation::Rebuild { hold: true } => data["hold"] = json!(true),
        Operation::Build { definition } => data["definition"] = json!(definition),
        Operation::CutOver {
            version: Some(version),
        } => data["version"] = json!(version),
        Operation::Retry(Which::Event(event)) | Operation::Unskip { event } => {
            data["event"] = json!(event);
        }
        Operation::Retry(Which::Stream(stream)) => data["stream"] = json!(stream),
        Operation::Skip { event, reason } => {
            data["event"] = json!(event);
            data["reason"] = json!(reason);
        }
        Operation::Repair { key } => data["key"] = json!(key),
        Operation::RollBack { from: Some(from) } => data["from"] = json!(from),
        _ => {}
    }
    if let Some(undone) = undoes {
        data["undoes"] = json!(undone);
    }
    let event = new_event(operation.requested(), &data)?;
    store(log, stream, vec![event], CommitId::new()).await
}

/// A request that has ended, and how.
#[derive(Debug, Clone)]
pub struct Done {
    /// The request.
    pub request: Request,
    /// How it ended.
    pub ended: Ended,
    /// The hash of the definition that is not to be built by itself any more.
    pub declines: Option<String>,
    /// The hash of the definition that could not be built.
    pub not_built: Option<String>,
    /// What the version is called that answers, or is held, by this.
    pub version: Option<String>,
}

impl Done {
    /// One that changes nothing else.
    pub const fn plain(request: Request, ended: Ended) -> Self {
        Self {
            request,
            ended,
            declines: None,
            not_built: None,
            version: None,
        }
    }

    /// The event that says so.
    fn event(&self) -> (&'static str, Value) {
        let (event_type, what) = match &self.ended {
            Ended::Finished(what) => (self.request.operation.finished(), what),
            Ended::Held(what) => (HELD, what),
            Ended::Failed(what) => (FAILED, what),
        };
        let request = self.request.position;
        // SQLite breaks some of its messages into lines: one sentence has none.
        let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut data = json!({ "request": request, "what": what, "engine": std::process::id() });
        if let Some(declines) = &self.declines {
            data["declines"] = json!(declines);
        }
        if let Some(not_built) = &self.not_built {
            data["not_built"] = json!(not_built);
        }
        if let Some(version) = &self.version {
            data["version"] = json!(version);
        }
        (event_type, data)
    }
}

/// Stores outcomes, all of them or none; once for the last request, however often it is said.
///
/// Errors: the log's.
pub async fn finish(
    log: &dyn EventLog,
    stream: &StreamId,
    done: &[Done],
) -> Result<(), AppendError> {
    let Some(last) = done.last() else {
        return Ok(());
    };
    let events: Result<Vec<_>, _> = done
        .iter()
        .map(|done| {
            let (event_type, data) = done.event();
            new_event(event_type, &data)
        })
        .collect();
    let id = CommitId::Key(format!("{stream} outcome {}", last.request.position));
    store(log, stream, events?, id).await.map(drop)
}

/// Records what a projection's file says now. Errors: the log's.
pub async fn define(
    log: &dyn EventLog,
    stream: &StreamId,
    defined: &Defined,
) -> Result<Committed, AppendError> {
    let data = serde_json::to_value(defined).unwrap_or_default();
    let event = new_event(DEFINED, &data)?;
    store(log, stream, vec![event], CommitId::new()).await
}

/// Records that a read model is older than its objective allows. Errors: the log's.
pub async fn raised(
    log: &dyn EventLog,
    stream: &StreamId,
    since: Timestamp,
    objective: Duration,
) -> Result<Committed, AppendError> {
    let objective = u64::try_from(objective.as_millis()).unwrap_or(u64::MAX);
    let data = json!({ "since": since, "objective_ms": objective, "engine": std::process::id() });
    let event = new_event(RAISED, &data)?;
    store(log, stream, vec![event], CommitId::new()).await
}

/// Records that it is not any more. Errors: the log's.
pub async fn cleared(
    log: &dyn EventLog,
    stream: &StreamId,
    since: Timestamp,
) -> Result<Committed, AppendError> {
    let data = json!({ "since": since, "engine": std::process::id() });
    let event = new_event(CLEARED, &data)?;
    store(log, stream, vec![event], CommitId::new()).await
}

fn new_event(event_type: &str, data: &Value) -> Result<NewEvent, AppendError> {
    let invalid = |reason: String| AppendError::Limit {
        what: "an operation",
        found: reason,
        limit: "a JSON object".into(),
    };
    let event_type = EventType::new(event_type).map_err(|e| invalid(e.to_string()))?;
    let data = JsonObject::of(data).map_err(|e| invalid(e.to_string()))?;
    Ok(NewEvent::new(event_type, data))
}

async fn store(
    log: &dyn EventLog,
    stream: &StreamId,
    events: Vec<NewEvent>,
    id: CommitId,
) -> Result<Committed, AppendError> {
    log.append(Commit {
        id,
        stream: stream.clone(),
        expected: Expected::Any,
        events,
    })
    .await
}

/// Who asks: the user, and the process.
pub fn who() -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("USERNAME"))
        .unwrap_or_else(|_| "somebody".into());
    let user: String = user
        .chars()
        .filter(|c| !crate::event::is_disguise(*c))
        .take(64)
        .collect();
    format!("{user} (process {})", std::process::id())
}
