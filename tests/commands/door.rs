//! A domain that leaves more to chance than the shop: no sizes in its schema, a command without fields.

use highwater::write::{Aggregate, Rejection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Door {
    open: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub enum DoorCommand {
    /// Open
    /// a door.
    ///
    /// Gently.
    OpenDoor { door: String, hinges: Option<u8> },
    /// Close the front door.
    CloseUp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum DoorEvent {
    DoorOpened,
    DoorClosed,
}

impl Aggregate for Door {
    const CATEGORY: &'static str = "door";
    type Command = DoorCommand;
    type Event = DoorEvent;

    fn key(command: &DoorCommand) -> String {
        match command {
            DoorCommand::OpenDoor { door, .. } => door.clone(),
            DoorCommand::CloseUp => "front".into(),
        }
    }

    fn decide(&self, command: &DoorCommand) -> Result<Vec<DoorEvent>, Rejection> {
        match command {
            DoorCommand::OpenDoor { .. } => Ok(vec![DoorEvent::DoorOpened]),
            DoorCommand::CloseUp if !self.open => Err(Rejection::new("it is closed")),
            DoorCommand::CloseUp => Ok(vec![DoorEvent::DoorClosed]),
        }
    }

    fn evolve(&mut self, event: &DoorEvent) {
        self.open = *event == DoorEvent::DoorOpened;
    }
}
