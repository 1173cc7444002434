//! The command handler: rehydrate, decide, append with the expected head; again where somebody else was
//! faster.

use std::time::Duration;

use rand::Rng;
use serde_json::json;
use uuid::Uuid;

use crate::event::{EventType, JsonObject, NewEvent, Position, StreamId, Version};
use crate::log::{AppendError, Commit, CommitId, Committed, EventLog, Expected, LogError};
use crate::write::rehydrate::Reading;
use crate::write::upcast::SCHEMA;
use crate::write::{Aggregate, Outcome, Rejection, Request, SendError, tagged};

/// How often a command is decided before it is given up as in conflict.
const TRIES: u32 = 8;

/// How often the log is asked whether it stored a commit.
const ASKS: u32 = 5;

/// The longest idempotency key, in bytes.
const KEY_LIMIT: usize = 255;

/// One command while it is carried out.
struct Handling<'a> {
    log: &'a dyn EventLog,
    reading: Reading<'a>,
    request: &'a Request,
    stream: StreamId,
    id: CommitId,
    /// What this belongs to as a whole.
    correlation: Uuid,
}

/// Carries out one command. A future that is dropped before it is ready may or may not have stored it.
pub(super) async fn handle<A: Aggregate>(
    log: &dyn EventLog,
    reading: Reading<'_>,
    request: &Request,
    command: &A::Command,
) -> Result<Outcome, SendError> {
    let handling = Handling {
        log,
        reading,
        request,
        stream: stream_of::<A>(request, command)?,
        id: commit_id(request)?,
        correlation: request.correlation_id.unwrap_or_else(Uuid::now_v7),
    };
    let mut outcome = handling.attempt::<A>(command).await?;
    for attempt in 1..TRIES {
        if !matches!(outcome, Outcome::Conflict { .. }) {
            break;
        }
        pause(attempt).await;
        outcome = handling.attempt::<A>(command).await?;
    }
    Ok(outcome)
}

impl Handling<'_> {
    /// Rehydrates, decides and appends, once.
    async fn attempt<A: Aggregate>(&self, command: &A::Command) -> Result<Outcome, SendError> {
        if let Some(first) = self.answered().await? {
            return Ok(first);
        }
        let now = self.reading.rehydrate::<A>(self.log, &self.stream).await?;
        match now.state.decide(command) {
            Ok(events) if !events.is_empty() => {
                let commit = Commit {
                    id: self.id.clone(),
                    stream: self.stream.clone(),
                    expected: Expected::Head(now.head),
                    events: self.new_events(&events)?,
                };
                self.store(commit).await
            }
            undone => {
                // Between the two reads the same key may have been answered: then that is the answer.
                let first = self.answered().await?;
                Ok(first.unwrap_or_else(|| self.without_events(undone.err(), now.version)))
            }
        }
    }

    fn without_events(&self, rejection: Option<Rejection>, version: Version) -> Outcome {
        let stream = self.stream.clone();
        match rejection {
            Some(rejection) => Outcome::Rejected {
                stream,
                version,
                reason: rejection.into(),
            },
            None => Outcome::Accepted {
                position: None,
                stream,
                version,
                repeated: false,
            },
        }
    }

    async fn store(&self, commit: Commit) -> Result<Outcome, SendError> {
        let command = self.request.command.clone();
        let stream = self.stream.clone();
        match append(self.log, commit).await {
            Ok(committed) if committed.repeated => self.first_answer(committed).await,
            Ok(committed) => Ok(accepted(committed)),
            Err(AppendError::Conflict { actual, .. }) => Ok(Outcome::Conflict {
                stream,
                version: actual,
            }),
            Err(AppendError::Unknown { reason, .. }) => Err(SendError::Unknown {
                command,
                stream,
                reason,
            }),
            Err(source) => Err(SendError::NotStored {
                command,
                stream,
                source,
            }),
        }
    }

    fn new_events(&self, events: &[impl serde::Serialize]) -> Result<Vec<NewEvent>, SendError> {
        let with_metadata = |event| {
            let event = encode(event)?;
            Ok(NewEvent {
                metadata: self.metadata(self.reading.upcasters.current(event.event_type.as_str())),
                time: self.request.time,
                ..event
            })
        };
        events.iter().map(with_metadata).collect()
    }

    /// What is known about an event whose data is in a schema version.
    fn metadata(&self, schema: u32) -> JsonObject {
        let causation = self.request.causation_id.clone();
        let mut fields = json!({
            "correlation_id": self.correlation,
            "causation_id": causation.unwrap_or_else(|| self.correlation.to_string()),
            "command": self.request.command,
        });
        if schema > 1 {
            fields[SCHEMA] = schema.into();
        }
        JsonObject::stored(fields.to_string())
    }

    /// The first answer, where the request's idempotency key has one.
    async fn answered(&self) -> Result<Option<Outcome>, SendError> {
        if self.request.key.is_none() {
            return Ok(None);
        }
        let committed = self.log.committed(&self.id).await;
        match committed.map_err(|source| self.unread(source))? {
            Some(committed) => self.first_answer(committed).await.map(Some),
            None => Ok(None),
        }
    }

    /// Answers as the first time, once it is sure that the key was used for the same command on the same
    /// stream: else somebody would be told that a command was accepted that never was.
    async fn first_answer(&self, committed: Committed) -> Result<Outcome, SendError> {
        let before = Position::new(committed.first.get().saturating_sub(1));
        let first = self.log.read_all(before, 1).await;
        let first = first.map_err(|source| self.unread(source))?;
        let metadata = first.first().map(|event| event.metadata.value());
        let command = metadata.as_ref().and_then(|m| m["command"].as_str());
        if committed.stream == self.stream && command == Some(&self.request.command) {
            return Ok(accepted(Committed {
                repeated: true,
                ..committed
            }));
        }
        Err(SendError::KeyUsed {
            key: self.request.key.clone().unwrap_or_default(),
            command: command.unwrap_or("something else").to_owned(),
            stream: committed.stream,
        })
    }

    fn unread(&self, source: LogError) -> SendError {
        SendError::Read {
            stream: self.stream.clone(),
            source,
        }
    }
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

/// Two that collided come back at different moments.
async fn pause(attempt: u32) {
    let longest = 1_000_u64 << attempt.min(6);
    let micros = rand::rng().random_range(0..=longest);
    tokio::time::sleep(Duration::from_micros(micros)).await;
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

/// Appends, and asks again with the same id for as long as nobody knows whether it is stored.
pub(super) async fn append(log: &dyn EventLog, commit: Commit) -> Result<Committed, AppendError> {
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

fn accepted(committed: Committed) -> Outcome {
    Outcome::Accepted {
        position: Some(committed.last),
        stream: committed.stream,
        version: committed.version,
        repeated: committed.repeated,
    }
}
