//! A test kit for aggregates: given events, when a command, then events or a rejection; and for processes
//! ([`process()`]). No log, no files.
//!
//! ```
//! use highwater::shop::{Order, OrderCommand};
//! use highwater::write::testing::given;
//!
//! given::<Order>([])
//!     .when(OrderCommand::ShipOrder { order: "1042".into() })
//!     .rejected("not placed");
//! ```

use std::panic::Location;

use crate::write::handler::encode;
use crate::write::{Aggregate, Rejection, tagged};

mod process;

pub use process::{GivenProcess, process};

/// What has happened before.
#[derive(Debug)]
pub struct Given<A>(A);

/// What the command led to.
#[derive(Debug)]
#[must_use = "nothing is tested before `then` or `rejected`"]
pub struct When<A: Aggregate> {
    state: A,
    decided: Result<Vec<A::Event>, Rejection>,
}

/// Starts a test with what has happened.
///
/// # Panics
///
/// Where an event does not come back from JSON as it was: the log would lose something of it.
#[track_caller]
pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let mut state = A::default();
    for event in events {
        survives_the_log(&event);
        state.evolve(&event);
    }
    Given(state)
}

impl<A: Aggregate> Given<A> {
    /// Sends a command to the aggregate.
    pub fn when(self, command: A::Command) -> When<A> {
        let decided = self.0.decide(&command);
        When {
            state: self.0,
            decided,
        }
    }

    /// The state, for a question that no command answers.
    pub fn state(self) -> A {
        self.0
    }
}

impl<A: Aggregate> When<A> {
    /// Claims that exactly these events follow; goes on from the state after them.
    ///
    /// # Panics
    ///
    /// Where other events follow or the command is rejected, or an event does not come back from JSON as it was.
    #[track_caller]
    pub fn then(mut self, expected: impl IntoIterator<Item = A::Event>) -> Given<A> {
        let expected: Vec<A::Event> = expected.into_iter().collect();
        match self.decided {
            Ok(events) => assert_eq!(events, expected, "other events than expected"),
            Err(rejection) => panic!("rejected ({rejection}), expected {expected:?}"),
        }
        for event in &expected {
            survives_the_log(event);
            self.state.evolve(event);
        }
        Given(self.state)
    }

    /// Claims that the command is rejected, with a reason that contains `reason`; goes on from the same state.
    ///
    /// # Panics
    ///
    /// Where it is accepted, or rejected for another reason.
    #[track_caller]
    pub fn rejected(self, reason: &str) -> Given<A> {
        match self.decided {
            Ok(events) => panic!("accepted with {events:?}, expected a rejection: {reason}"),
            Err(rejection) => assert!(
                rejection.reason().contains(reason),
                "rejected, but the reason {:?} does not contain {reason:?}",
                rejection.reason()
            ),
        }
        Given(self.state)
    }
}

#[track_caller]
fn survives_the_log<E>(event: &E)
where
    E: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let at = Location::caller();
    let stored = match encode(event) {
        Ok(stored) => stored,
        Err(error) => panic!("{at}: {event:?} cannot be stored: {error}"),
    };
    match tagged::join::<E>(stored.event_type.as_str(), stored.data.as_str()) {
        Ok(read) => assert_eq!(&read, event, "{at}: the event does not survive the log"),
        Err(error) => panic!("{at}: {event:?} cannot be read back: {error}"),
    }
}
