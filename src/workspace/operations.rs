//! Operations as events: what a `$projection-NAME` stream holds, how it is written, and what it comes to
//! when it is folded.
//!
//! A request and its outcome are different events. An engine carries out requests that have no outcome,
//! so a request survives whatever happens between the two.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::event::{
    Event, EventType, JsonObject, NameError, NewEvent, Position, StreamId, Version,
};
use crate::log::{AppendError, Commit, CommitId, Committed, EventLog, Expected, LogError};
use crate::read::Policy;

/// What somebody asks an engine to do with one projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Stop applying events until resumed.
    Pause,
    /// Go on; and try an event that it stopped at again.
    Resume,
    /// Apply by another policy from now on.
    SetPolicy(Policy),
    /// Apply what is waiting now, whatever the policy.
    Apply,
    /// Fold again from position 0 into a new version, and cut over when it has caught up.
    Rebuild,
    /// Apply again into the same read model the events after this position.
    Replay {
        /// The position before the first event to be applied again.
        after: Position,
    },
}

impl Operation {
    /// The type of the event that asks for it.
    const fn requested(self) -> &'static str {
        match self {
            Self::Pause => "PauseRequested",
            Self::Resume => "ResumeRequested",
            Self::SetPolicy(_) => "PolicyRequested",
            Self::Apply => "ApplyRequested",
            Self::Rebuild => "RebuildRequested",
            Self::Replay { .. } => "ReplayRequested",
        }
    }

    /// The type of the event that says it was carried out.
    const fn finished(self) -> &'static str {
        match self {
            Self::Pause => "Paused",
            Self::Resume => "Resumed",
            Self::SetPolicy(_) => "PolicyChanged",
            Self::Apply => "Applied",
            Self::Rebuild => "RebuildFinished",
            Self::Replay { .. } => "ReplayFinished",
        }
    }
}

/// The type of the event that says a request was refused or failed.
const FAILED: &str = "OperationFailed";

/// The type of the event that says a projection's file has another definition than before.
const DEFINED: &str = "DefinitionChanged";

/// A request that has no outcome yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The position of the event that asked.
    pub position: Position,
    /// What for.
    pub operation: Operation,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Carried out: what was done, in one sentence.
    Finished(String),
    /// Refused or failed: why, and the way out.
    Failed(String),
}

/// What a projection's system stream comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operations {
    /// How much of the stream this is.
    pub version: Version,
    /// Whether it is to stand still.
    pub paused: bool,
    /// The policy that was set last, by file or by hand.
    pub policy: Option<Policy>,
    /// What the file said when it was last recorded.
    pub defined: Option<Defined>,
    /// Requests without an outcome, oldest first.
    pub pending: Vec<Request>,
}

/// What a projection's file said when it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defined {
    /// The hash of what shapes the read model's content.
    pub hash: String,
    /// The policy.
    pub policy: Policy,
}

/// The system stream of a projection. Errors: the name is too long.
pub fn stream(projection: &str) -> Result<StreamId, NameError> {
    StreamId::new(&format!("$projection-{projection}"))
}

impl Operations {
    /// Everything that a projection's stream says. Errors: the log cannot be read.
    pub async fn read(log: &dyn EventLog, stream: &StreamId) -> Result<Self, LogError> {
        let mut operations = Self::default();
        operations.refresh(log, stream).await?;
        Ok(operations)
    }

    /// Takes in what is new; answers whether anything was. Errors: the log cannot be read.
    pub async fn refresh(
        &mut self,
        log: &dyn EventLog,
        stream: &StreamId,
    ) -> Result<bool, LogError> {
        let before = self.version;
        loop {
            let page = log.read_stream(stream, self.version, 500).await?;
            if page.events.is_empty() {
                return Ok(self.version != before);
            }
            for event in &page.events {
                self.take(event);
            }
        }
    }

    /// Folds one event. One that makes no sense is passed over: somebody edited the stream by hand.
    fn take(&mut self, event: &Event) {
        self.version = event.version;
        let data = event.data.value();
        if event.event_type.as_str() == DEFINED {
            if let Ok(defined) = serde_json::from_value::<Defined>(data) {
                self.policy = Some(defined.policy);
                self.defined = Some(defined);
            }
            return;
        }
        if let Some(request) = data.get("request").and_then(Value::as_u64) {
            self.pending
                .retain(|pending| pending.position.get() != request);
            return;
        }
        let Some(operation) = parse_request(event.event_type.as_str(), &data) else {
            tracing::warn!(
                position = event.position.get(),
                "an event of a system stream makes no sense; passed over"
            );
            return;
        };
        match operation {
            Operation::Pause => self.paused = true,
            Operation::Resume => self.paused = false,
            Operation::SetPolicy(policy) => self.policy = Some(policy),
            Operation::Apply | Operation::Rebuild | Operation::Replay { .. } => {}
        }
        self.pending.push(Request {
            position: event.position,
            operation,
        });
    }
}

fn parse_request(event_type: &str, data: &Value) -> Option<Operation> {
    Some(match event_type {
        "PauseRequested" => Operation::Pause,
        "ResumeRequested" => Operation::Resume,
        "ApplyRequested" => Operation::Apply,
        "RebuildRequested" => Operation::Rebuild,
        "PolicyRequested" => Operation::SetPolicy(data.get("policy")?.as_str()?.parse().ok()?),
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
    let mut after = request.version;
    loop {
        let page = log.read_stream(stream, after, 100).await?;
        let Some(last) = page.events.last() else {
            return Ok(None);
        };
        after = last.version;
        for event in &page.events {
            let data = event.data.value();
            if data.get("request").and_then(Value::as_u64) != Some(request.last.get()) {
                continue;
            }
            let what = data
                .get("what")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            let failed = event.event_type.as_str() == FAILED;
            return Ok(Some(if failed {
                Ended::Failed(what)
            } else {
                Ended::Finished(what)
            }));
        }
    }
}

/// Stores a request. Errors: the log's.
pub async fn request(
    log: &dyn EventLog,
    stream: &StreamId,
    operation: Operation,
) -> Result<Committed, AppendError> {
    let data = match operation {
        Operation::SetPolicy(policy) => json!({ "by": who(), "policy": policy }),
        Operation::Replay { after } => json!({ "by": who(), "after": after }),
        _ => json!({ "by": who() }),
    };
    store(log, stream, operation.requested(), &data, CommitId::new()).await
}

/// Stores an outcome, once for each request, however often it is said.
///
/// Errors: the log's.
pub async fn finish(
    log: &dyn EventLog,
    stream: &StreamId,
    request: Request,
    ended: &Ended,
) -> Result<Committed, AppendError> {
    let (event_type, what) = match ended {
        Ended::Finished(what) => (request.operation.finished(), what),
        Ended::Failed(what) => (FAILED, what),
    };
    let data = json!({ "request": request.position, "what": what, "engine": std::process::id() });
    let id = CommitId::Key(format!("{stream} outcome {}", request.position));
    store(log, stream, event_type, &data, id).await
}

/// Records what a projection's file says now. Errors: the log's.
pub async fn define(
    log: &dyn EventLog,
    stream: &StreamId,
    defined: &Defined,
) -> Result<Committed, AppendError> {
    let data = serde_json::to_value(defined).unwrap_or_default();
    store(log, stream, DEFINED, &data, CommitId::new()).await
}

async fn store(
    log: &dyn EventLog,
    stream: &StreamId,
    event_type: &str,
    data: &Value,
    id: CommitId,
) -> Result<Committed, AppendError> {
    let invalid = |reason: String| AppendError::Limit {
        what: "an operation",
        found: reason,
        limit: "a JSON object".into(),
    };
    let event_type = EventType::new(event_type).map_err(|e| invalid(e.to_string()))?;
    let data = JsonObject::of(data).map_err(|e| invalid(e.to_string()))?;
    let events = vec![NewEvent::new(event_type, data)];
    log.append(Commit {
        id,
        stream: stream.clone(),
        expected: Expected::Any,
        events,
    })
    .await
}

/// Who asks: the user, and the process.
fn who() -> String {
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
