//! What caused what: every event that belongs to one correlation, as a tree from the first command to the
//! last compensation.

use std::collections::BTreeMap;

use super::{Workspace, WorkspaceError};
use crate::event::{Event, Position, StreamId, Version};
use crate::write::Fact;

/// How many events are read at once.
const PAGE: usize = 1_000;

/// An event, and where it stands in the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Caused {
    /// The event.
    pub event: Event,
    /// How many events in the tree stand above it: 0 for one that no event of the tree caused.
    pub depth: usize,
    /// The command that it came of; `None` where it was appended, or is a process's own fact.
    pub command: Option<String>,
    /// What a process's fact says.
    pub fact: Option<Fact>,
}

impl Workspace {
    /// The events of one correlation, each under what caused it, in the order of the log otherwise. `of` is a
    /// correlation id, or a stream: then its first event's is meant. What a process took into account stands
    /// there too, though it may belong to another correlation: a payment, say.
    ///
    /// The whole log is read. Errors: the log cannot be read.
    pub async fn causes(&self, of: &str) -> Result<Vec<Caused>, WorkspaceError> {
        let correlation = match self.correlation_of_stream(of).await? {
            Some(correlation) => correlation,
            None => of.to_owned(),
        };
        let mut events = Vec::new();
        let mut after = Position::START;
        loop {
            let page = self.0.upcasting.read_all(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            events.extend(page.into_iter().filter(|e| belongs(e, &correlation)));
        }
        self.tree(events).await
    }

    /// These events of one correlation, each under what caused it, with what a process took into account.
    ///
    /// Errors: the log cannot be read.
    pub(super) async fn tree(&self, mut events: Vec<Event>) -> Result<Vec<Caused>, WorkspaceError> {
        self.add_what_was_taken(&mut events).await?;
        Ok(tree(events))
    }

    async fn correlation_of_stream(&self, name: &str) -> Result<Option<String>, WorkspaceError> {
        let Ok(stream) = StreamId::new(name) else {
            return Ok(None);
        };
        let page = self
            .0
            .upcasting
            .read_stream(&stream, Version::NONE, 1)
            .await?;
        let first = page.events.first();
        Ok(first.and_then(correlation))
    }

    /// Adds the events that a process took and that belong to something else.
    async fn add_what_was_taken(&self, events: &mut Vec<Event>) -> Result<(), WorkspaceError> {
        let mut taken = Vec::new();
        for event in events.iter() {
            let Some(Fact::EventTaken { position, .. }) = fact(event) else {
                continue;
            };
            let before = Position::new(position.get().saturating_sub(1));
            if events.iter().all(|known| known.position != position)
                && let Some(cause) = self.0.upcasting.read_all(before, 1).await?.pop()
                && metadata(event, "causation_id").as_ref() == Some(&cause.id)
            {
                taken.push(cause);
            }
        }
        events.append(&mut taken);
        events.sort_by_key(|event| event.position);
        Ok(())
    }
}

impl Caused {
    /// What there is to say of it besides its type: which command led to it, or what a process did.
    pub fn remark(&self) -> Option<String> {
        Some(match (&self.fact, &self.command) {
            (Some(Fact::EventTaken { event, stream, .. }), _) => format!("{event} of {stream}"),
            (Some(Fact::StepAccepted { command, .. }), _) => command.clone(),
            (
                Some(Fact::StepRejected {
                    command, reason, ..
                }),
                _,
            ) => format!("{command} was rejected: {reason}"),
            (Some(Fact::TimerSet { due }), _) => format!("until {due:.3}"),
            (Some(Fact::TimerFired { due, .. }), _) => format!("nothing came until {due:.3}"),
            (Some(Fact::ProcessFinished { outcome }), _) => outcome.clone(),
            (None, Some(command)) => format!("by {command}"),
            (None, None) => return None,
        })
    }
}

/// The correlation id of an event, where it has one.
pub(super) fn correlation(event: &Event) -> Option<String> {
    metadata(event, "correlation_id")
}

/// The id of what caused an event, where it says so.
pub(super) fn causation(event: &Event) -> Option<String> {
    metadata(event, "causation_id")
}

/// Whether an event has this correlation id.
pub(super) fn belongs(event: &Event, correlation: &str) -> bool {
    // Most events are of something else: that is seen without parsing them.
    event.metadata.as_str().contains(correlation)
        && self::correlation(event).as_deref() == Some(correlation)
}

fn metadata(event: &Event, field: &str) -> Option<String> {
    event.metadata.value()[field].as_str().map(str::to_owned)
}

/// A process's fact, where the event is one: no command led to it.
fn fact(event: &Event) -> Option<Fact> {
    let by_command = metadata(event, "command").is_some();
    (!by_command).then(|| Fact::read(event)).flatten()
}

/// Puts each event under the one that caused it, if that is earlier and there. Events come in the log's order.
fn tree(events: Vec<Event>) -> Vec<Caused> {
    let places: BTreeMap<&str, usize> = events
        .iter()
        .enumerate()
        .map(|(at, event)| (event.id.as_str(), at))
        .collect();
    let mut children = vec![Vec::new(); events.len()];
    let mut roots = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let cause = metadata(event, "causation_id");
        let cause = cause.and_then(|id| places.get(id.as_str()).copied());
        match cause.filter(|cause| *cause < at) {
            Some(cause) => children[cause].push(at),
            None => roots.push(at),
        }
    }
    let mut ordered = Vec::with_capacity(events.len());
    let mut stack: Vec<(usize, usize)> = roots.into_iter().rev().map(|at| (at, 0)).collect();
    while let Some((at, depth)) = stack.pop() {
        let event = &events[at];
        ordered.push(Caused {
            event: event.clone(),
            depth,
            command: metadata(event, "command"),
            fact: fact(event),
        });
        stack.extend(children[at].iter().rev().map(|child| (*child, depth + 1)));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventType, JsonObject, Timestamp};

    fn event(position: u64, id: &str, cause: &str) -> Event {
        Event {
            position: Position::new(position),
            stream: StreamId::new("a-1").unwrap(),
            version: Version::new(position),
            event_type: EventType::new("Happened").unwrap(),
            id: id.to_owned(),
            source: None,
            data: JsonObject::empty(),
            metadata: JsonObject::parse(&format!("{{\"causation_id\":\"{cause}\"}}")).unwrap(),
            recorded_at: Timestamp::UNIX_EPOCH,
            happened_at: None,
        }
    }

    fn shape(events: Vec<Event>) -> Vec<(String, usize)> {
        let tree = tree(events).into_iter();
        tree.map(|caused| (caused.event.id, caused.depth)).collect()
    }

    #[test]
    fn each_event_stands_under_its_cause_and_siblings_keep_their_order() {
        let events = vec![
            event(1, "a", "the correlation"),
            event(2, "b", "a"),
            event(3, "c", "b"),
            event(4, "d", "a"),
            event(5, "e", "b"),
            event(6, "f", "nobody knows"),
        ];
        let expected = [("a", 0), ("b", 1), ("c", 2), ("e", 2), ("d", 1), ("f", 0)];
        let expected = expected.map(|(id, depth)| (id.to_owned(), depth));
        assert_eq!(shape(events), expected);
    }

    #[test]
    fn what_claims_to_be_caused_by_itself_or_by_what_came_later_loses_nothing() {
        let events = vec![event(1, "a", "a"), event(2, "b", "c"), event(3, "c", "b")];
        let expected = [("a", 0), ("b", 0), ("c", 1)];
        let expected = expected.map(|(id, depth)| (id.to_owned(), depth));
        assert_eq!(shape(events), expected);
    }
}
