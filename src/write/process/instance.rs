//! One instance of a process: what its stream comes to, and adding to it.

use serde_json::json;
use uuid::Uuid;

use super::{AnyProcess, Body, Fact, Next, ProcessError};
use crate::event::{Event, JsonObject, NewEvent, Position, StreamId, Timestamp, Version};
use crate::log::{AppendError, Commit, CommitId, EventLog, Expected, StreamHead};
use crate::write::handler::{append, encode};

/// How many events of a stream are read at once.
const PAGE: usize = 500;

/// An instance as its stream has it.
pub(super) struct Instance {
    pub stream: StreamId,
    version: Version,
    /// How many facts there are: the number of the next step. Somebody else's events do not count.
    pub facts: u64,
    /// Its last event: position and id.
    pub last: (Position, String),
    head: StreamHead,
    body: Box<dyn Body>,
    /// Everything in the log up to here was taken into account.
    pub read: Position,
    /// When it stops waiting.
    pub timer: Option<Timestamp>,
    /// What the whole of it belongs to.
    pub correlation: Option<Uuid>,
    /// The id of the fact because of which it does what it does.
    pub cause: Option<String>,
    pub finished: bool,
    /// Whether its first fact came by an import: then it is history, and belongs to another log.
    pub imported: bool,
}

impl Instance {
    /// Reads its stream, which may be empty.
    pub async fn rehydrate(
        log: &dyn EventLog,
        process: &AnyProcess,
        stream: StreamId,
    ) -> Result<Self, ProcessError> {
        let mut instance = Self {
            stream,
            version: Version::NONE,
            facts: 0,
            last: (Position::START, String::new()),
            head: StreamHead::NONE,
            body: process.body(),
            read: Position::START,
            timer: None,
            correlation: None,
            cause: None,
            finished: false,
            imported: false,
        };
        instance.refresh(log).await?;
        Ok(instance)
    }

    /// Takes in what its stream has by now.
    async fn refresh(&mut self, log: &dyn EventLog) -> Result<(), ProcessError> {
        loop {
            let page = log.read_stream(&self.stream, self.version, PAGE).await?;
            self.head = page.head;
            for event in &page.events {
                self.take(event);
            }
            if self.version >= page.version || page.events.is_empty() {
                return Ok(());
            }
        }
    }

    fn take(&mut self, event: &Event) {
        self.version = event.version;
        self.last = (event.position, event.id.clone());
        let Some(fact) = Fact::read(event) else {
            tracing::warn!(stream = %self.stream, version = event.version.get(),
                "an event of a process's stream is none of its own; passed over");
            return;
        };
        if self.facts == 0 {
            self.imported = event.source.is_some();
            self.correlation = correlation(event);
        }
        self.facts += 1;
        self.read = self.read.max(fact.read_up_to());
        if fact.is_cause() {
            self.cause = Some(event.id.clone());
        }
        self.body.evolve(&fact);
        match fact {
            Fact::TimerSet { due } => self.timer = Some(due),
            Fact::ProcessFinished { .. } => self.finished = true,
            Fact::TimerFired { .. } => self.timer = None,
            // A timer is part of the wait that it ends.
            _ if !matches!(self.body.next(), Next::WaitFor(_)) => self.timer = None,
            _ => {}
        }
    }

    /// Whether anything happened to it.
    pub fn has_begun(&self) -> bool {
        self.facts > 0
    }

    /// What it does next; `None` where it waits for something to happen.
    pub fn next(&self) -> Option<Next> {
        if self.finished || self.imported || !self.has_begun() {
            return None;
        }
        match self.body.next() {
            Next::Wait => None,
            Next::WaitFor(_) if self.timer.is_some() => None,
            next => Some(next),
        }
    }

    /// Stores a fact and takes it in, as it was stored. Answers whether it is: where somebody else wrote to its
    /// stream meanwhile it is not, and what is next must be decided anew. Errors: the log.
    pub async fn record(
        &mut self,
        log: &dyn EventLog,
        fact: &Fact,
        causation: Option<&str>,
    ) -> Result<bool, ProcessError> {
        let correlation = *self.correlation.get_or_insert_with(Uuid::now_v7);
        let causation = causation.or(self.cause.as_deref());
        let metadata = json!({
            "correlation_id": correlation,
            "causation_id": causation.map_or_else(|| correlation.to_string(), str::to_owned),
        });
        let event = NewEvent {
            metadata: JsonObject::stored(metadata.to_string()),
            ..encode(fact)?
        };
        let commit = Commit {
            id: CommitId::new(),
            stream: self.stream.clone(),
            expected: Expected::Head(self.head),
            events: vec![event],
        };
        let stored = match append(log, commit).await {
            Ok(_) => true,
            Err(AppendError::Conflict { .. }) => false,
            Err(source) => {
                return Err(ProcessError::NotRecorded {
                    stream: self.stream.clone(),
                    source,
                });
            }
        };
        self.refresh(log).await?;
        Ok(stored)
    }
}

/// What an event belongs to, where it says so in a way that a command takes.
pub(super) fn correlation(event: &Event) -> Option<Uuid> {
    event.metadata.value()["correlation_id"]
        .as_str()?
        .parse()
        .ok()
}
