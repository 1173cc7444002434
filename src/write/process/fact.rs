//! What a process's own stream holds.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Event, Position, Timestamp};
use crate::write::tagged;

/// Something that happened to an instance of a process; an event of its own stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// An event of the log was taken into account.
    EventTaken {
        /// Its type.
        event: String,
        /// Its stream.
        stream: String,
        /// Its position. Everything up to there was read.
        position: Position,
        /// Its data.
        data: Value,
    },
    /// A command was sent and accepted.
    StepAccepted {
        /// The command.
        command: String,
        /// Its fields.
        data: Value,
        /// The stream it is for.
        stream: String,
        /// The position of the last event that it led to; `None` where it changed nothing.
        position: Option<Position>,
    },
    /// A command was sent and rejected, or is one that cannot be sent at all.
    StepRejected {
        /// The command.
        command: String,
        /// Its fields.
        data: Value,
        /// Why.
        reason: String,
    },
    /// It waits, and not for ever.
    TimerSet {
        /// Until when.
        due: Timestamp,
    },
    /// What it waited for has not come.
    TimerFired {
        /// When that was to be.
        due: Timestamp,
        /// Everything up to here was read, and was not what it waits for.
        read: Position,
    },
    /// It is at its end: nothing happens to it any more.
    ProcessFinished {
        /// How it ended.
        outcome: String,
    },
}

impl Fact {
    /// Reads a fact from a process's stream; `None` where the event is none: somebody else wrote it there.
    pub(crate) fn read(event: &Event) -> Option<Self> {
        tagged::join(event.event_type.as_str(), event.data.as_str()).ok()
    }

    /// How far the log was read, where the fact says so.
    pub(super) fn read_up_to(&self) -> Position {
        match self {
            Self::EventTaken { position, .. } | Self::TimerFired { read: position, .. } => {
                *position
            }
            _ => Position::START,
        }
    }

    /// Whether what comes after it is done because of it.
    pub(super) const fn is_cause(&self) -> bool {
        matches!(
            self,
            Self::EventTaken { .. } | Self::StepRejected { .. } | Self::TimerFired { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_from_json_as_they_were() {
        let facts = [
            Fact::EventTaken {
                event: "OrderPlaced".into(),
                stream: "order-1".into(),
                position: Position::new(7),
                data: serde_json::json!({"lines": [1, 2.5, null]}),
            },
            Fact::StepAccepted {
                command: "ShipOrder".into(),
                data: serde_json::json!({}),
                stream: "order-1".into(),
                position: None,
            },
            Fact::TimerFired {
                due: Timestamp::UNIX_EPOCH,
                read: Position::new(9),
            },
        ];
        for fact in facts {
            let (name, data) = tagged::split(&fact).unwrap();
            assert_eq!(
                tagged::join::<Fact>(&name, &data.to_string()).unwrap(),
                fact
            );
        }
    }
}
