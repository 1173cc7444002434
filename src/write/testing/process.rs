//! The test kit's part for processes: events and outcomes go in, and what comes next is claimed.

use std::time::Duration;

use serde_json::Value;

use crate::event::{Event, EventType, JsonObject, Position, StreamId, Timestamp, Version};
use crate::write::process::Body;
use crate::write::{AnyProcess, Concern, Fact, Next, Process};

/// An instance of a process, after what has happened to it.
pub struct GivenProcess {
    process: AnyProcess,
    body: Box<dyn Body>,
    position: Position,
}

/// Starts a test with an instance to which nothing has happened.
pub fn process(process: impl Process) -> GivenProcess {
    let process = AnyProcess::new(process);
    GivenProcess {
        body: process.body(),
        process,
        position: Position::START,
    }
}

impl GivenProcess {
    /// An event comes.
    ///
    /// # Panics
    ///
    /// Where the process says that it concerns no instance, or the instance is not at rest.
    #[track_caller]
    pub fn event(mut self, stream: &str, event_type: &str, data: Value) -> Self {
        assert!(
            matches!(self.body.next(), Next::Wait | Next::WaitFor(_)),
            "an event is taken only where the process waits, and it would do this: {:?}",
            self.body.next()
        );
        self.position = self.position.next();
        let event = stored(self.position, stream, event_type, &data);
        let concern = self.process.concern(&event);
        assert!(
            matches!(concern, Some(Concern::Begins(_) | Concern::Continues(_))),
            "{event_type} of {stream} concerns no instance"
        );
        let fact = Fact::EventTaken {
            event: event_type.to_owned(),
            stream: stream.to_owned(),
            position: self.position,
            data,
        };
        self.happens(fact)
    }

    /// Claims that this command is sent now; go on with what it comes to.
    ///
    /// # Panics
    ///
    /// Where something else comes next.
    #[track_caller]
    pub fn sends(self, command: &str, data: Value) -> Self {
        match self.body.next() {
            Next::Send(request) => {
                assert_eq!((request.command.as_str(), &request.data), (command, &data));
            }
            other => panic!("{command} is not sent, but {other:?} is next"),
        }
        self
    }

    /// The command that is sent now is accepted.
    ///
    /// # Panics
    ///
    /// Where none is sent.
    #[track_caller]
    pub fn accepted(self) -> Self {
        let (command, data) = self.command();
        let fact = Fact::StepAccepted {
            command,
            data,
            stream: String::new(),
            position: None,
        };
        self.happens(fact)
    }

    /// The command that is sent now is rejected.
    ///
    /// # Panics
    ///
    /// Where none is sent.
    #[track_caller]
    pub fn rejected(self, reason: &str) -> Self {
        let (command, data) = self.command();
        let reason = reason.to_owned();
        self.happens(Fact::StepRejected {
            command,
            data,
            reason,
        })
    }

    /// Claims that it waits without an end.
    ///
    /// # Panics
    ///
    /// Where something else comes next.
    #[track_caller]
    pub fn waits(self) -> Self {
        assert_eq!(self.body.next(), Next::Wait);
        self
    }

    /// Claims that it waits for so long at most.
    ///
    /// # Panics
    ///
    /// Where something else comes next.
    #[track_caller]
    pub fn waits_for(self, time: Duration) -> Self {
        assert_eq!(self.body.next(), Next::WaitFor(time));
        self
    }

    /// It has waited for long enough.
    ///
    /// # Panics
    ///
    /// Where it does not wait, or without an end.
    #[track_caller]
    pub fn timer_fires(self) -> Self {
        assert!(
            matches!(self.body.next(), Next::WaitFor(_)),
            "it has no timer: {:?} is next",
            self.body.next()
        );
        let (due, read) = (Timestamp::UNIX_EPOCH, self.position);
        self.happens(Fact::TimerFired { due, read })
    }

    /// Claims that it is at its end, in these words.
    ///
    /// # Panics
    ///
    /// Where something else comes next.
    #[track_caller]
    pub fn finishes(self, outcome: &str) {
        assert_eq!(self.body.next(), Next::Finish(outcome.to_owned()));
    }

    fn happens(mut self, fact: Fact) -> Self {
        self.body.evolve(&fact);
        self
    }

    #[track_caller]
    fn command(&self) -> (String, Value) {
        match self.body.next() {
            Next::Send(request) => (request.command, request.data),
            other => panic!("no command is sent, but {other:?} is next"),
        }
    }
}

#[track_caller]
fn stored(position: Position, stream: &str, event_type: &str, data: &Value) -> Event {
    let (Ok(stream), Ok(event_type), Ok(data)) = (
        StreamId::new(stream),
        EventType::new(event_type),
        JsonObject::of(data),
    ) else {
        panic!("{event_type} of {stream} is no event: {data}");
    };
    Event {
        position,
        stream,
        version: Version::new(position.get()),
        event_type,
        id: format!("event {position}"),
        source: None,
        data,
        metadata: JsonObject::empty(),
        recorded_at: Timestamp::UNIX_EPOCH,
        happened_at: None,
    }
}
