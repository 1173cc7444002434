//! Process managers: what reads events, sends commands, and compensates when a later step fails.
//!
//! A [`Process`] is pure, as an aggregate is: its state folds from the [`Fact`]s of its own stream, and the
//! state says what comes [`Next`]. [`ProcessRunner`] does the rest, and records each thing that happened
//! before it goes on to the next:
//!
//! 1. an event that concerns an instance is recorded as taken ([`Fact::EventTaken`]);
//! 2. a command is sent with an idempotency key made of the instance's stream and version, and its outcome is
//!    recorded; killed between the two, it is sent again with the same key, and gets its first answer;
//! 3. a timer is recorded when it is set and when it fires, so it survives whatever ends the program.
//!
//! Each fact says how far the log was read. An event up to there is never taken again, so that a replay of
//! the whole log sends nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::event::Event;
use crate::write::Request;

mod fact;
mod instance;
mod runner;

pub use fact::Fact;
pub use runner::{ProcessCheckpoint, ProcessError, ProcessRunner, ProcessStep};

/// A process manager: which events concern it, and what it does about them.
///
/// Nothing here has an effect or asks a clock: the same facts always lead to the same state, and the same
/// state to the same next step. See [`Fulfilment`](crate::shop::Fulfilment) for one that is whole.
pub trait Process: Send + Sync + 'static {
    /// The category of its streams: what stands before the first `-`, so without one.
    const CATEGORY: &'static str;

    /// What one instance knows, and how far it is.
    type State: Default + Clone + Serialize + Send + Sync + 'static;

    /// Which instance an event concerns; `None` passes it over. Decided by the event alone.
    fn concern(&self, event: &Event) -> Option<Concern>;

    /// The state after something happened to the instance. It happened, so this cannot fail.
    fn evolve(&self, state: &mut Self::State, fact: &Fact);

    /// What an instance in this state does next. What a step comes to must change the state: else the same step is
    /// made again without an end.
    fn next(&self, state: &Self::State) -> Next;
}

/// Which instance an event concerns, by its key: its stream is `CATEGORY-key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concern {
    /// The instance begins with it, where it has not begun yet. An imported event begins none: it is history,
    /// and what was to be done about it was done where it happened.
    Begins(String),
    /// The instance wants to know, where it has begun and is not finished.
    Continues(String),
}

/// What an instance does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Send a command. What it comes to is a fact: [`Fact::StepAccepted`] or [`Fact::StepRejected`].
    Send(Request),
    /// Wait for an event.
    Wait,
    /// Wait for an event, but for no longer than this: then [`Fact::TimerFired`] happens. The time runs from
    /// when the instance begins to wait, however often the program is started anew meanwhile.
    WaitFor(Duration),
    /// Nothing any more: how it ended, in a few words.
    Finish(String),
}

/// A process whose type is forgotten. Cheap to clone.
#[derive(Clone)]
pub struct AnyProcess(Arc<dyn Kind>);

impl AnyProcess {
    pub(super) fn new(process: impl Process) -> Self {
        Self(Arc::new(Of(Arc::new(process))))
    }

    /// The category of its streams, which is its name.
    pub fn category(&self) -> &'static str {
        self.0.category()
    }

    /// Which instance an event concerns.
    pub(super) fn concern(&self, event: &Event) -> Option<Concern> {
        self.0.concern(event)
    }

    /// An instance to which nothing has happened.
    pub(super) fn body(&self) -> Box<dyn Body> {
        self.0.body()
    }
}

impl fmt::Debug for AnyProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.category())
    }
}

trait Kind: Send + Sync {
    fn category(&self) -> &'static str;
    fn concern(&self, event: &Event) -> Option<Concern>;
    fn body(&self) -> Box<dyn Body>;
}

/// One instance's state, and the rules for it.
pub(super) trait Body: Send + Sync {
    fn evolve(&mut self, fact: &Fact);
    fn next(&self) -> Next;
    fn state(&self) -> Result<Value, serde_json::Error>;
}

struct Of<P>(Arc<P>);

impl<P: Process> Kind for Of<P> {
    fn category(&self) -> &'static str {
        P::CATEGORY
    }

    fn concern(&self, event: &Event) -> Option<Concern> {
        self.0.concern(event)
    }

    fn body(&self) -> Box<dyn Body> {
        Box::new(BodyOf {
            process: Arc::clone(&self.0),
            state: P::State::default(),
        })
    }
}

struct BodyOf<P: Process> {
    process: Arc<P>,
    state: P::State,
}

impl<P: Process> Body for BodyOf<P> {
    fn evolve(&mut self, fact: &Fact) {
        self.process.evolve(&mut self.state, fact);
    }

    fn next(&self) -> Next {
        self.process.next(&self.state)
    }

    fn state(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(&self.state)
    }
}
