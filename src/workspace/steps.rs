//! A stream step by step: each event, the aggregate's state after it and what it changed in that.

use serde::Serialize;
use serde_json::Value;

use super::{OperateError, Operator, Workspace, WorkspaceError};
use crate::event::{Event, StreamId, Version};
use crate::write::{EventError, Stepper};

/// How many events are read at once.
const PAGE: usize = 500;

/// The most steps of a page.
pub const STEPS_OF_A_PAGE: usize = 1_000;

/// A page whose first event is later than this is shown without states: what comes before it would have to be
/// folded for it.
pub const FOLDED_BEFORE: u64 = 50_000;

/// Some steps of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    /// The stream.
    pub stream: StreamId,
    /// How many events it has; 0 where there is no such stream.
    pub version: Version,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Why the steps, or the last of them, have no state; `None` where all have one.
    pub unfolded: Option<String>,
}

/// One event of a stream, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The event.
    pub event: Event,
    /// The state after it, and what is another in it than before; `None` where nothing could be folded.
    pub after: Option<After>,
}

/// A state after an event.
#[derive(Debug, Clone, PartialEq)]
pub struct After {
    /// The state.
    pub state: Value,
    /// The fields that are another than before.
    pub changes: Vec<Change>,
}

/// A field that is another than before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The field; one in an object as `lines.mug`.
    pub field: String,
    /// What it was; null where it was not there.
    pub before: Value,
    /// What it is; null where it is not there any more.
    pub after: Value,
}

/// Folds one stream, from its first event on.
pub struct States {
    stepper: Stepper,
    before: Value,
}

impl States {
    /// Folds with this, which has not seen an event yet.
    pub const fn of(stepper: Stepper) -> Self {
        Self {
            stepper,
            before: Value::Null,
        }
    }

    /// The state after the next event. Errors: the aggregate does not know the event.
    pub fn step(&mut self, event: &Event) -> Result<After, EventError> {
        let state = (self.stepper)(event)?;
        let changes = changes(&self.before, &state);
        self.before.clone_from(&state);
        Ok(After { state, changes })
    }
}

impl Workspace {
    /// At most `limit` events of a stream, 1 to [`STEPS_OF_A_PAGE`], from the version `from` on, with the state
    /// after each. The events before them are folded for that, up to [`FOLDED_BEFORE`]; a category that no
    /// aggregate of this workspace has is shown without states, and so is everything from an event on that the
    /// aggregate does not know.
    ///
    /// Errors: the log cannot be read.
    pub async fn stream_steps(
        &self,
        stream: &StreamId,
        from: Version,
        limit: usize,
    ) -> Result<Steps, WorkspaceError> {
        let before = Version::new(from.get().saturating_sub(1));
        let (mut states, mut unfolded) = self.states_before(stream, before).await?;
        let mut steps: Vec<Step> = Vec::new();
        let limit = limit.clamp(1, STEPS_OF_A_PAGE);
        let mut at = before;
        loop {
            let left = (limit - steps.len()).min(PAGE);
            let page = self.0.upcasting.read_stream(stream, at, left).await?;
            let Some(last) = page.events.last() else {
                let (stream, version) = (stream.clone(), page.version);
                return Ok(Steps {
                    stream,
                    version,
                    steps,
                    unfolded,
                });
            };
            at = last.version;
            for event in page.events {
                let after = take_step(&mut states, &event, &mut unfolded);
                steps.push(Step { event, after });
            }
        }
    }

    /// What folds on after a version; or why nothing does.
    async fn states_before(
        &self,
        stream: &StreamId,
        before: Version,
    ) -> Result<(Option<States>, Option<String>), WorkspaceError> {
        let category = stream.category();
        let Some(stepper) = self.commands().stepper(category) else {
            let why = format!(
                "no aggregate of this workspace has the category {category}: its events are shown, and nothing is \
                 folded"
            );
            return Ok((None, Some(why)));
        };
        if before.get() > FOLDED_BEFORE {
            let why = format!(
                "more than {FOLDED_BEFORE} events would have to be folded first: `highwater stream {stream} --state` \
                 does that"
            );
            return Ok((None, Some(why)));
        }
        let (mut states, mut unfolded) = (Some(States::of(stepper)), None);
        let mut at = Version::NONE;
        while at < before && states.is_some() {
            let left = usize::try_from(before.since(at)).unwrap_or(PAGE).min(PAGE);
            let page = self.0.upcasting.read_stream(stream, at, left).await?;
            let Some(last) = page.events.last() else {
                break;
            };
            at = last.version;
            for event in &page.events {
                take_step(&mut states, event, &mut unfolded);
            }
        }
        Ok((states, unfolded))
    }
}

/// One step, while there is something to fold with.
fn take_step(
    states: &mut Option<States>,
    event: &Event,
    unfolded: &mut Option<String>,
) -> Option<After> {
    match states.as_mut()?.step(event) {
        Ok(after) => Some(after),
        Err(error) => {
            *states = None;
            *unfolded = Some(error.to_string());
            None
        }
    }
}

impl Operator {
    /// Some steps of a stream. Errors: as [`Workspace::stream_steps`].
    pub async fn stream_steps(
        &self,
        stream: &StreamId,
        from: Version,
        limit: usize,
    ) -> Result<Steps, OperateError> {
        let stream = stream.clone();
        self.aside(async move |workspace: Workspace| {
            workspace.stream_steps(&stream, from, limit).await
        })
        .await
    }
}

/// What is another in the one value than in the other.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    difference("", before, after, &mut changes);
    changes
}

/// Field by field; a list counts as one.
fn difference(path: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    let empty = serde_json::Map::new();
    let (fields, old) = match (after, before) {
        _ if before == after => return,
        (Value::Object(fields), Value::Object(old)) => (fields, old),
        (Value::Object(fields), Value::Null) => (fields, &empty),
        _ => {
            changes.push(Change {
                field: path.to_owned(),
                before: before.clone(),
                after: after.clone(),
            });
            return;
        }
    };
    let name = |field: &str| match path {
        "" => field.to_owned(),
        path => format!("{path}.{field}"),
    };
    for (field, value) in fields {
        let before = old.get(field).unwrap_or(&Value::Null);
        difference(&name(field), before, value, changes);
    }
    for (field, value) in old.iter().filter(|(field, _)| !fields.contains_key(*field)) {
        difference(&name(field), value, &Value::Null, changes);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_names_each_field_that_is_another() {
        let mut changes = Vec::new();
        let before = json!({"status": "placed", "stock": {"mug": 1, "pot": 2}, "lines": [1]});
        let after = json!({"status": "paid", "stock": {"mug": 3}, "lines": [1]});
        difference("", &before, &after, &mut changes);
        let fields: Vec<(&str, String)> = changes
            .iter()
            .map(|change| {
                let Change { before, after, .. } = change;
                (&*change.field, format!("{before} → {after}"))
            })
            .collect();
        assert_eq!(
            fields,
            [
                ("status", "\"placed\" → \"paid\"".to_owned()),
                ("stock.mug", "1 → 3".to_owned()),
                ("stock.pot", "2 → null".to_owned()),
            ]
        );
    }
}
