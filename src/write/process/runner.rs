//! Runs one process over a log, a small step at a time: reads on, takes what concerns an instance, sends what
//! comes next, fires timers. Nothing is lost between two steps, nor within one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::instance::{Instance, correlation};
use super::{AnyProcess, Concern, Fact, Next};
use crate::crash;
use crate::event::{Event, Position, StreamId, Timestamp};
use crate::log::{AppendError, LogError, SharedLog};
use crate::write::{Commands, Outcome, Request, SendError};

/// How many events of the log are read at once.
const PAGE: usize = 500;

/// The longest name of an instance's stream, in bytes: the idempotency keys of its steps begin with it.
const STREAM_LIMIT: usize = 230;

/// How far a process has read the log, and which of its instances were not finished then.
///
/// It saves a new start from reading everything again, and is worth nothing else: without it the process reads
/// from the first event on, and its instances' streams say what was done already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessCheckpoint {
    /// Everything up to here was read, and what it led to is recorded.
    pub position: Position,
    /// The last position of which anything is known here: what was recorded stands after what was read.
    pub newest: Position,
    /// The id of the event there.
    pub newest_id: String,
    /// The keys of the instances that are not finished.
    pub open: Vec<String>,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessStep {
    /// Something: there may be more to do at once. With the outcome, where a command was sent.
    Moved(Option<Outcome>),
    /// Nothing is to be done before a timer is due, or the log is past a position.
    Rest {
        /// When the next timer is due.
        until: Option<Timestamp>,
        /// How far the log was read.
        past: Position,
    },
}

/// Why a step could not be made. It is made again with the next call, and nothing happens twice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What happened to an instance is not stored.
    #[error("what happened to {stream} is not stored, and will be tried again: {source}")]
    NotRecorded {
        /// The instance's stream.
        stream: StreamId,
        /// Why.
        source: AppendError,
    },
    /// A command came to no outcome.
    #[error("a step came to no outcome, and will be tried again: {0}")]
    Send(#[from] SendError),
}

/// One process over one log. There must be no second one at the same time.
pub struct ProcessRunner {
    process: AnyProcess,
    log: SharedLog,
    commands: Commands,
    /// Events that were read and not dealt with.
    page: VecDeque<Event>,
    read: Position,
    /// The last event that was read or recorded: position and id.
    newest: (Position, String),
    open: BTreeMap<String, Instance>,
    /// The instances that have something to do.
    busy: VecDeque<String>,
}

impl ProcessRunner {
    /// Goes on from a checkpoint. One that is of another log, or of one that was restored since, counts as none.
    ///
    /// Errors: the log cannot be read.
    pub async fn start(
        process: AnyProcess,
        log: SharedLog,
        commands: Commands,
        checkpoint: ProcessCheckpoint,
    ) -> Result<Self, ProcessError> {
        let known = is_of(&log, &checkpoint).await?;
        let checkpoint = if known {
            checkpoint
        } else {
            ProcessCheckpoint::default()
        };
        let mut runner = Self {
            process,
            log,
            commands,
            page: VecDeque::new(),
            read: checkpoint.position,
            newest: (checkpoint.newest, checkpoint.newest_id),
            open: BTreeMap::new(),
            busy: VecDeque::new(),
        };
        for key in checkpoint.open {
            if let Some(stream) = runner.stream(&key) {
                let instance = runner.rehydrate(stream).await?;
                if !instance.finished {
                    runner.open.insert(key.clone(), instance);
                    runner.look_after(key);
                }
            }
        }
        Ok(runner)
    }

    /// Where a new start may go on from.
    pub fn checkpoint(&self) -> ProcessCheckpoint {
        ProcessCheckpoint {
            position: self.read,
            newest: self.newest.0,
            newest_id: self.newest.1.clone(),
            open: self.open.keys().cloned().collect(),
        }
    }

    /// How far the log was read.
    pub fn position(&self) -> Position {
        self.read
    }

    /// How many instances are not finished.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Makes one small step: at most one command, or one fact.
    ///
    /// Errors: the log's; the step is made again with the next call.
    pub async fn step(&mut self, now: Timestamp) -> Result<ProcessStep, ProcessError> {
        if let Some(key) = self.busy.pop_front() {
            let done = self.go_on(&key, now).await;
            self.look_after(key);
            return done.map(ProcessStep::Moved);
        }
        if self.page.is_empty() {
            self.page = self.log.read_all(self.read, PAGE).await?.into();
            if self.page.is_empty() {
                return self.rest(now).await;
            }
        }
        // One of them is enough for a step, so that whoever wants this to stop does not wait for a page.
        while let Some(event) = self.page.pop_front() {
            match self.consider(&event).await {
                Ok(considered) if considered != Considered::Later => {
                    self.read = event.position;
                    self.newest = std::mem::take(&mut self.newest).max((event.position, event.id));
                    if considered != Considered::Foreign {
                        break;
                    }
                }
                later => {
                    self.page.push_front(event);
                    later?;
                    break;
                }
            }
        }
        Ok(ProcessStep::Moved(None))
    }

    /// After something happened to an instance: it may be finished, or have something to do next.
    fn look_after(&mut self, key: String) {
        let Some(instance) = self.open.get(&key) else {
            return;
        };
        self.newest = std::mem::take(&mut self.newest).max(instance.last.clone());
        if instance.finished || !instance.has_begun() {
            self.open.remove(&key);
        } else if instance.next().is_some() {
            self.busy.push_front(key);
        }
    }

    /// The log was read to its end: now, and not before, a timer fires, for what somebody waits for may be
    /// in the log already.
    async fn rest(&mut self, now: Timestamp) -> Result<ProcessStep, ProcessError> {
        let timers = self.open.iter();
        let timers = timers.filter_map(|(key, instance)| Some((instance.timer?, key)));
        let first = timers.min().map(|(due, key)| (due, key.clone()));
        let (due, key) = match first {
            Some((due, key)) if due <= now => (due, key),
            later => {
                return Ok(ProcessStep::Rest {
                    until: later.map(|(due, _)| due),
                    past: self.read,
                });
            }
        };
        if let Some(instance) = self.open.get_mut(&key) {
            let read = self.read;
            let fact = Fact::TimerFired { due, read };
            crash::point("process-before-timer-fired");
            instance.record(&*self.log, &fact, None).await?;
            crash::point("process-after-timer-fired");
        }
        self.look_after(key);
        Ok(ProcessStep::Moved(None))
    }

    /// Takes an event, where it concerns an instance that has not taken it.
    async fn consider(&mut self, event: &Event) -> Result<Considered, ProcessError> {
        let Some((key, begins)) = self.concern(event) else {
            return Ok(Considered::Foreign);
        };
        if !self.open.contains_key(&key) {
            let Some(stream) = self.stream(&key) else {
                tracing::error!(
                    process = self.process.category(),
                    position = event.position.get(),
                    "an event concerns an instance whose key is too long for a stream; passed over"
                );
                return Ok(Considered::Passed);
            };
            let instance = self.rehydrate(stream).await?;
            if instance.finished || instance.imported || !(instance.has_begun() || begins) {
                return Ok(Considered::Passed);
            }
            self.open.insert(key.clone(), instance);
        }
        let Some(instance) = self.open.get_mut(&key) else {
            return Ok(Considered::Passed);
        };
        let considered = if instance.next().is_some() {
            // What it began before it was interrupted comes first: it did not know of this event then.
            Ok(Considered::Later)
        } else if event.position <= instance.read {
            Ok(Considered::Passed)
        } else {
            take(&self.log, instance, event).await
        };
        self.look_after(key);
        considered
    }

    /// The key of the instance that an event concerns, and whether it may begin with it.
    fn concern(&self, event: &Event) -> Option<(String, bool)> {
        Some(match self.process.concern(event)? {
            Concern::Begins(key) => (key, event.source.is_none()),
            Concern::Continues(key) => (key, false),
        })
    }

    /// Does what an instance does next, and records what that came to.
    async fn go_on(&mut self, key: &str, now: Timestamp) -> Result<Option<Outcome>, ProcessError> {
        let Some(instance) = self.open.get_mut(key) else {
            return Ok(None);
        };
        let (fact, outcome) = match instance.next() {
            Some(Next::Send(request)) => {
                crash::point("process-before-step-sent");
                let sent = send(&self.log, &self.commands, instance, request).await?;
                crash::point("process-after-step-sent");
                match sent {
                    // The aggregate moved each time: the same step is made again.
                    (None, outcome) => return Ok(outcome),
                    (Some(fact), outcome) => (fact, outcome),
                }
            }
            Some(Next::WaitFor(time)) => (
                Fact::TimerSet {
                    due: later(now, time),
                },
                None,
            ),
            Some(Next::Finish(outcome)) => (Fact::ProcessFinished { outcome }, None),
            Some(Next::Wait) | None => return Ok(None),
        };
        instance.record(&*self.log, &fact, None).await?;
        crash::point("process-after-fact-recorded");
        Ok(outcome)
    }

    fn stream(&self, key: &str) -> Option<StreamId> {
        let stream = StreamId::new(&format!("{}-{key}", self.process.category())).ok()?;
        (stream.as_str().len() <= STREAM_LIMIT).then_some(stream)
    }

    async fn rehydrate(&self, stream: StreamId) -> Result<Instance, ProcessError> {
        Instance::rehydrate(&*self.log, &self.process, stream).await
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Considered {
    /// It concerns no instance.
    Foreign,
    /// It concerns one that has taken it, or is finished.
    Passed,
    /// It was recorded.
    Taken,
    /// The instance has something to do first, or must look again.
    Later,
}

/// Records that an instance takes an event.
async fn take(
    log: &SharedLog,
    instance: &mut Instance,
    event: &Event,
) -> Result<Considered, ProcessError> {
    let fact = Fact::EventTaken {
        event: event.event_type.to_string(),
        stream: event.stream.to_string(),
        position: event.position,
        data: event.data.value(),
    };
    if instance.correlation.is_none() {
        instance.correlation = correlation(event);
    }
    crash::point("process-before-event-taken");
    let recorded = instance.record(&**log, &fact, Some(&event.id)).await;
    crash::point("process-after-event-taken");
    match recorded {
        Ok(true) => Ok(Considered::Taken),
        Ok(false) => Ok(Considered::Later),
        Err(ProcessError::NotRecorded {
            source: AppendError::Limit { what, found, limit },
            stream,
        }) => {
            tracing::error!(%stream, position = event.position.get(), what, found, limit,
                "an event is too large for a process to take; passed over");
            Ok(Considered::Passed)
        }
        Err(error) => Err(error),
    }
}

/// Sends a command, and says what to record; nothing, where it is to be sent again.
async fn send(
    log: &SharedLog,
    commands: &Commands,
    instance: &Instance,
    request: Request,
) -> Result<(Option<Fact>, Option<Outcome>), ProcessError> {
    let (command, data) = (request.command.clone(), request.data.clone());
    let request = Request {
        key: Some(format!("{}@{}", instance.stream, instance.facts)),
        correlation_id: instance.correlation,
        causation_id: instance.cause.clone(),
        ..request
    };
    let rejected = |reason| Fact::StepRejected {
        command: command.clone(),
        data: data.clone(),
        reason,
    };
    match commands.send(&**log, request).await {
        Ok(outcome) => {
            let fact = match &outcome {
                Outcome::Accepted {
                    position, stream, ..
                } => Some(Fact::StepAccepted {
                    command: command.clone(),
                    data: data.clone(),
                    stream: stream.to_string(),
                    position: *position,
                }),
                Outcome::Rejected { reason, .. } => Some(rejected(reason.clone())),
                Outcome::Conflict { .. } => None,
            };
            Ok((fact, Some(outcome)))
        }
        Err(error) if is_final(&error) => Ok((Some(rejected(error.to_string())), None)),
        Err(error) => Err(error.into()),
    }
}

/// Whether the same command would fail in the same way for ever. The others are the log's troubles, and pass.
fn is_final(error: &SendError) -> bool {
    match error {
        SendError::Read { .. } | SendError::Unknown { .. } => false,
        SendError::NotStored { source, .. } => matches!(source, AppendError::Limit { .. }),
        _ => true,
    }
}

fn later(now: Timestamp, time: Duration) -> Timestamp {
    now.checked_add(time).unwrap_or(Timestamp::MAX)
}

/// Whether a checkpoint is of this log as it is now.
async fn is_of(log: &SharedLog, checkpoint: &ProcessCheckpoint) -> Result<bool, LogError> {
    let Some(before) = checkpoint.newest.get().checked_sub(1) else {
        return Ok(true);
    };
    let there = log.read_all(Position::new(before), 1).await?;
    Ok(there
        .first()
        .is_some_and(|event| event.id == checkpoint.newest_id))
}
