//! The command handler: rehydrate, decide, append with the expected head; again where somebody else was
//! faster.

use std::time::Duration;

use rand::Rng;
use serde_json::json;
use uuid::Uuid;

use crate::event::{Event, EventType, JsonObject, NewEvent, Position, StreamId, Version};
use crate::log::{AppendError, Commit, CommitId, Committed, EventLog, Expected, StreamHead};
use crate::write::{Aggregate, EventError, Outcome, Request, SendError, tagged};

/// How often a command is decided before it is given up as in conflict.
const TRIES: u32 = 8;

/// How often the log is asked whether it stored a commit.
const ASKS: u32 = 5;

/// How many events of a stream are read at once.
const PAGE: usize = 500;

/// The longest idempotency key, in bytes.
const KEY_LIMIT: usize = 255;

/// What one aggregate's stream comes to.
struct Rehydrated<A> {
    state: A,
    version: Version,
    head: StreamHead,
}

/// Carries out one command. A future that is dropped before it is ready may or may not have stored it.
pub(super) async fn handle<A: Aggregate>(
    log: &dyn EventLog,
    request: &Request,
    command: &A::Command,
) -> Result<Outcome, SendError> {
    let stream = stream_of::<A>(request, command)?;
    let id = commit_id(request)?;
    let metadata = metadata(request);
    let mut version = Version::NONE;
    for attempt in 0..TRIES {
        if attempt > 0 {
            pause(attempt).await;
        }
        if let Some(outcome) = answered(log, request, &id, &stream).await? {
            return Ok(outcome);
        }
        let now = rehydrate::<A>(log, &stream).await?;
        let events = match now.state.decide(command) {
            Ok(events) if !events.is_empty() => events,
            undone => {
                // Between the two reads the same key may have been answered: then that is the answer.
                let first = answered(log, request, &id, &stream).await?;
                return Ok(first.unwrap_or_else(|| match undone {
                    Err(rejection) => Outcome::Rejected {
                        stream,
                        version: now.version,
                        reason: rejection.into(),
                    },
                    Ok(_) => Outcome::Accepted {
                        position: None,
                        stream,
                        version: now.version,
                        repeated: false,
                    },
                }));
            }
        };
        let commit = Commit {
            id: id.clone(),
            stream: stream.clone(),
            expected: Expected::Head(now.head),
            events: new_events(&events, &metadata, request)?,
        };
        match append(log, commit).await {
            Ok(committed) if committed.repeated => {
                return first_answer(log, request, &stream, committed).await;
            }
            Ok(committed) => return Ok(accepted(committed)),
            Err(AppendError::Conflict { actual, .. }) => version = actual,
            Err(AppendError::Unknown { reason, .. }) => {
                return Err(SendError::Unknown {
                    command: request.command.clone(),
                    stream,
                    reason,
                });
            }
            Err(source) => {
                return Err(SendError::NotStored {
                    command: request.command.clone(),
                    stream,
                    source,
                });
            }
        }
    }
    Ok(Outcome::Conflict { stream, version })
}

fn stream_of<A: Aggregate>(request: &Request, command: &A::Command) -> Result<StreamId, SendError> {
    let wrong = |source| SendError::Stream {
        command: request.command.clone(),
        source,
    };
    let key = A::key(command);
    // Checked apart: `order-` would be a name, but of no order.
    StreamId::new(&key).map_err(wrong)?;
    StreamId::new(&format!("{}-{key}", A::CATEGORY)).map_err(wrong)
}

fn commit_id(request: &Request) -> Result<CommitId, SendError> {
    match &request.key {
        None => Ok(CommitId::new()),
        Some(key) if key.is_empty() || key.len() > KEY_LIMIT => {
            Err(SendError::Key { bytes: key.len() })
        }
        // A prefix of their own keeps the keys of commands apart from other keys in the same log.
        Some(key) => Ok(CommitId::Key(format!("command:{key}"))),
    }
}

fn metadata(request: &Request) -> JsonObject {
    let correlation = request.correlation_id.unwrap_or_else(Uuid::now_v7);
    let causation = request.causation_id.clone();
    let fields = json!({
        "correlation_id": correlation,
        "causation_id": causation.unwrap_or_else(|| correlation.to_string()),
        "command": request.command,
    });
    JsonObject::stored(fields.to_string())
}

/// Two that collided come back at different moments.
async fn pause(attempt: u32) {
    let longest = 1_000_u64 << attempt.min(6);
    let micros = rand::rng().random_range(0..=longest);
    tokio::time::sleep(Duration::from_micros(micros)).await;
}

async fn rehydrate<A: Aggregate>(
    log: &dyn EventLog,
    stream: &StreamId,
) -> Result<Rehydrated<A>, SendError> {
    let mut state = A::default();
    let mut after = Version::NONE;
    loop {
        let page = log.read_stream(stream, after, PAGE).await;
        let page = page.map_err(|source| SendError::Read {
            stream: stream.clone(),
            source,
        })?;
        for event in &page.events {
            state.evolve(&decode::<A>(event)?);
            after = event.version;
        }
        if after >= page.version || page.events.is_empty() {
            return Ok(Rehydrated {
                state,
                version: page.version,
                head: page.head,
            });
        }
    }
}

/// A stored event as the aggregate's own.
pub(super) fn decode<A: Aggregate>(event: &Event) -> Result<A::Event, EventError> {
    tagged::join(event.event_type.as_str(), event.data.as_str()).map_err(|error| EventError {
        stream: event.stream.clone(),
        version: event.version,
        position: event.position,
        event_type: event.event_type.to_string(),
        category: A::CATEGORY,
        reason: error.to_string(),
    })
}

/// An aggregate's event as the log takes it, without metadata.
pub(super) fn encode(event: &impl serde::Serialize) -> Result<NewEvent, SendError> {
    let unwritable = |reason| SendError::Unwritable {
        what: "event",
        reason,
    };
    let (name, data) = tagged::split(event).map_err(unwritable)?;
    let event_type = EventType::new(&name).map_err(|e| unwritable(e.to_string()))?;
    Ok(NewEvent::new(
        event_type,
        JsonObject::stored(data.to_string()),
    ))
}

fn new_events(
    events: &[impl serde::Serialize],
    metadata: &JsonObject,
    request: &Request,
) -> Result<Vec<NewEvent>, SendError> {
    let with_metadata = |event| {
        Ok(NewEvent {
            metadata: metadata.clone(),
            time: request.time,
            ..encode(event)?
        })
    };
    events.iter().map(with_metadata).collect()
}

/// Appends, and asks again with the same id for as long as nobody knows whether it is stored.
async fn append(log: &dyn EventLog, commit: Commit) -> Result<Committed, AppendError> {
    let mut answer = log.append(commit.clone()).await;
    for ask in 1..ASKS {
        if !matches!(answer, Err(AppendError::Unknown { .. })) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(5 << ask)).await;
        answer = log.append(commit.clone()).await;
        if let (Ok(committed), CommitId::Unique(_)) = (&mut answer, &commit.id) {
            // Nobody else has this id: what was stored 'before' is this very commit.
            committed.repeated = false;
        }
    }
    answer
}

/// The first answer, where the request's idempotency key has one.
async fn answered(
    log: &dyn EventLog,
    request: &Request,
    id: &CommitId,
    stream: &StreamId,
) -> Result<Option<Outcome>, SendError> {
    if request.key.is_none() {
        return Ok(None);
    }
    let committed = log.committed(id).await.map_err(|source| SendError::Read {
        stream: stream.clone(),
        source,
    })?;
    match committed {
        Some(committed) => first_answer(log, request, stream, committed)
            .await
            .map(Some),
        None => Ok(None),
    }
}

/// Answers as the first time, once it is sure that the key was used for the same command on the same stream:
/// else somebody would be told that a command was accepted that never was.
async fn first_answer(
    log: &dyn EventLog,
    request: &Request,
    stream: &StreamId,
    committed: Committed,
) -> Result<Outcome, SendError> {
    let before = Position::new(committed.first.get().saturating_sub(1));
    let first = log.read_all(before, 1).await;
    let first = first.map_err(|source| SendError::Read {
        stream: stream.clone(),
        source,
    })?;
    let metadata = first.first().map(|event| event.metadata.value());
    let command = metadata.as_ref().and_then(|m| m["command"].as_str());
    if committed.stream == *stream && command == Some(&request.command) {
        return Ok(accepted(Committed {
            repeated: true,
            ..committed
        }));
    }
    Err(SendError::KeyUsed {
        key: request.key.clone().unwrap_or_default(),
        command: command.unwrap_or("something else").to_owned(),
        stream: committed.stream,
    })
}

fn accepted(committed: Committed) -> Outcome {
    Outcome::Accepted {
        position: Some(committed.last),
        stream: committed.stream,
        version: committed.version,
        repeated: committed.repeated,
    }
}
