//! Upcasting: events that were stored in an older form, read as today's.
//!
//! A stored event never changes. Its metadata says in which `schema` version its data is (1, where it says
//! nothing), and a chain of [`Upcasters`] brings it from there to the version that is written today. The
//! aggregate sees today's form only; and so does whoever reads the log that
//! [`Commands::upcasting`](super::Commands::upcasting) gives. What is stored, hashed and exported stays as
//! it was.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Commands;
use crate::event::{Event, EventRef, EventType, JsonObject, Position, StreamId, Version};
use crate::log::{
    AppendError, BoxFuture, Commit, CommitId, Committed, EventLog, LogError, LogInfo, SharedLog,
    StreamPage,
};

/// An event's data, as an upcaster takes and gives it.
pub type Data = Map<String, Value>;

/// The field of an event's metadata that says in which schema version its data is.
pub(super) const SCHEMA: &str = "schema";

/// What brings an aggregate's events from the form in which they were stored to today's, a version at a time.
///
/// ```
/// use highwater::write::{Data, Upcasters};
/// use serde_json::json;
///
/// // Version 1 had whole euros, version 2 has cents.
/// fn in_cents(mut data: Data) -> Data {
///     let euros = data.remove("euros").and_then(|euros| euros.as_u64());
///     data.insert("cents".to_owned(), json!(euros.unwrap_or_default() * 100));
///     data
/// }
///
/// let upcasters = Upcasters::new().with("Deposited", 1, in_cents);
/// assert_eq!(upcasters.current("Deposited"), 2);
/// assert_eq!(upcasters.current("Withdrawn"), 1);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Upcasters {
    /// By type, then by the version that a step takes.
    steps: HashMap<String, BTreeMap<u32, Step>>,
    /// The version that each type has today, where that is not 1.
    current: BTreeMap<String, u32>,
}

#[derive(Debug, Clone)]
struct Step {
    /// The type from then on, where it is another.
    renamed: Option<EventType>,
    upcast: fn(Data) -> Data,
}

impl Upcasters {
    /// None: every event is stored as it is written today.
    pub fn new() -> Self {
        Self::default()
    }

    /// These and a step: events of a type, in a schema version, come to the next version. It happened, so a
    /// step cannot fail; what it does not know it leaves alone.
    ///
    /// # Panics
    ///
    /// At the start of a program that cannot work: version 0, or two steps from the same version of a type.
    pub fn with(self, event_type: &str, schema: u32, upcast: fn(Data) -> Data) -> Self {
        self.and(event_type, schema, None, upcast)
    }

    /// These and a step that gives events of a type another type too, in the version after `schema`.
    ///
    /// # Panics
    ///
    /// As [`with`](Self::with), and where the new name is no event type.
    pub fn renaming(
        self,
        event_type: &str,
        schema: u32,
        renamed: &str,
        upcast: fn(Data) -> Data,
    ) -> Self {
        match EventType::new(renamed) {
            Ok(renamed) => self.and(event_type, schema, Some(renamed), upcast),
            Err(error) => panic!("{event_type:?} cannot become {renamed:?}: {error}"),
        }
    }

    fn and(
        mut self,
        event_type: &str,
        schema: u32,
        renamed: Option<EventType>,
        upcast: fn(Data) -> Data,
    ) -> Self {
        assert!(schema > 0, "{event_type:?}: schema versions begin at 1");
        let to = renamed.as_ref().map_or(event_type, EventType::as_str);
        let current = self.current.entry(to.to_owned()).or_default();
        *current = (*current).max(schema.saturating_add(1));
        let steps = self.steps.entry(event_type.to_owned()).or_default();
        let before = steps.insert(schema, Step { renamed, upcast });
        assert!(
            before.is_none(),
            "{event_type:?} has two steps from schema version {schema}"
        );
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The schema version in which events of a type are written today.
    pub fn current(&self, event_type: &str) -> u32 {
        self.current.get(event_type).copied().unwrap_or(1)
    }

    /// The event in today's form, whose metadata says so: itself, where it is stored like that or nobody
    /// knows its version.
    pub fn today<'a>(&self, event: &'a Event) -> Cow<'a, Event> {
        self.upcast(event).map_or(Cow::Borrowed(event), Cow::Owned)
    }

    fn upcast(&self, event: &Event) -> Option<Event> {
        let today = self.bring_up(event.into())?;
        Some(Event {
            event_type: today.event_type,
            data: today.data,
            metadata: today.metadata,
            ..event.clone()
        })
    }

    /// What is another in today's form; `None` where nothing is, or nobody knows the event's version.
    pub(super) fn bring_up(&self, event: EventRef<'_>) -> Option<Today> {
        let steps = self.steps.get(event.event_type.as_str())?;
        let mut schema = schema(event.metadata);
        steps.get(&schema)?;
        // A damaged event stays as it is: whoever needs what is in it says so.
        let mut data: Data = serde_json::from_str(event.data).ok()?;
        let mut metadata: Data = serde_json::from_str(event.metadata).ok()?;
        let mut event_type = event.event_type.clone();
        while let Some(step) = self
            .steps
            .get(event_type.as_str())
            .and_then(|s| s.get(&schema))
        {
            data = (step.upcast)(data);
            event_type = step.renamed.clone().unwrap_or(event_type);
            schema += 1;
        }
        metadata.insert(SCHEMA.to_owned(), Value::from(schema));
        Some(Today {
            event_type,
            data: object(data),
            metadata: object(metadata),
        })
    }

    /// Every step, in words that are others once a step is another: not what its function does.
    pub(super) fn outline(&self) -> String {
        let mut outline: Vec<String> = Vec::new();
        for (event_type, steps) in &self.steps {
            let line = |(schema, step): (&u32, &Step)| {
                let to = step
                    .renamed
                    .as_ref()
                    .map_or(&**event_type, EventType::as_str);
                format!("{event_type} {schema} {to}")
            };
            outline.extend(steps.iter().map(line));
        }
        outline.sort();
        outline.join("\n")
    }
}

/// What an event that was stored in an older form has in today's.
pub(super) struct Today {
    event_type: EventType,
    data: JsonObject,
    metadata: JsonObject,
}

impl Today {
    /// The event in today's form.
    pub fn of<'a>(&'a self, event: EventRef<'_>) -> EventRef<'a> {
        EventRef {
            version: event.version,
            event_type: &self.event_type,
            data: self.data.as_str(),
            metadata: self.metadata.as_str(),
        }
    }
}

fn object(data: Data) -> JsonObject {
    JsonObject::stored(Value::Object(data).to_string())
}

/// The schema version that an event's metadata gives: 1 where it gives none.
pub(super) fn schema(metadata: &str) -> u32 {
    #[derive(Deserialize)]
    struct Says {
        schema: u32,
    }
    // Most say nothing, and looking for the word takes a tenth of parsing.
    if !metadata.contains("\"schema\"") {
        return 1;
    }
    serde_json::from_str(metadata).map_or(1, |says: Says| says.schema)
}

/// A log whose events are read in today's form.
pub(super) struct Upcasting {
    log: SharedLog,
    domain: Commands,
}

impl Upcasting {
    pub fn new(log: SharedLog, domain: Commands) -> Self {
        Self { log, domain }
    }

    fn bring_up(&self, events: &mut [Event]) {
        for event in events {
            let upcasters = self.domain.upcasters(event.stream.category());
            if let Some(today) = upcasters.and_then(|upcasters| upcasters.upcast(event)) {
                *event = today;
            }
        }
    }
}

impl EventLog for Upcasting {
    fn describe(&self) -> LogInfo {
        self.log.describe()
    }

    fn append_all(
        &self,
        commits: Vec<Commit>,
    ) -> BoxFuture<'_, Vec<Result<Committed, AppendError>>> {
        self.log.append_all(commits)
    }

    fn append(&self, commit: Commit) -> BoxFuture<'_, Result<Committed, AppendError>> {
        self.log.append(commit)
    }

    fn committed(&self, id: &CommitId) -> BoxFuture<'_, Result<Option<Committed>, LogError>> {
        self.log.committed(id)
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'_, Result<StreamPage, LogError>> {
        let page = self.log.read_stream(stream, after, limit);
        Box::pin(async move {
            let mut page = page.await?;
            self.bring_up(&mut page.events);
            Ok(page)
        })
    }

    fn read_all(
        &self,
        after: Position,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, LogError>> {
        let page = self.log.read_all(after, limit);
        Box::pin(async move {
            let mut events = page.await?;
            self.bring_up(&mut events);
            Ok(events)
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>> {
        self.log.head()
    }

    fn wait(
        &self,
        after: Position,
        deadline: Option<Instant>,
    ) -> BoxFuture<'_, Result<Position, LogError>> {
        self.log.wait(after, deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;
    use serde_json::json;

    fn event(event_type: &str, data: Value, metadata: Value) -> Event {
        Event {
            position: Position::new(1),
            stream: StreamId::new("order-1").unwrap(),
            version: Version::new(1),
            event_type: EventType::new(event_type).unwrap(),
            id: "1".into(),
            source: None,
            data: JsonObject::of(&data).unwrap(),
            metadata: JsonObject::of(&metadata).unwrap(),
            recorded_at: Timestamp::UNIX_EPOCH,
            happened_at: None,
        }
    }

    fn add_a(mut data: Data) -> Data {
        data.insert("a".into(), json!(1));
        data
    }

    fn double_a(mut data: Data) -> Data {
        data.insert("a".into(), json!(data["a"].as_u64().unwrap() * 2));
        data
    }

    fn chain() -> Upcasters {
        Upcasters::new()
            .with("Placed", 2, double_a)
            .renaming("Submitted", 1, "Placed", add_a)
            .with("Placed", 1, add_a)
    }

    fn seen(upcasters: &Upcasters, event: &Event) -> (String, Value, Value) {
        let today = upcasters.today(event);
        let event_type = today.event_type.to_string();
        (event_type, today.data.value(), today.metadata.value())
    }

    #[test]
    fn each_version_is_brought_through_every_step_that_follows_it_and_no_other() {
        let chain = chain();
        let placed = |schema| ("Placed".to_owned(), json!({"a": 2}), schema);
        let (v3, none) = (json!({"schema": 3}), json!({}));
        assert_eq!(
            seen(&chain, &event("Submitted", json!({}), none.clone())),
            placed(v3.clone())
        );
        assert_eq!(
            seen(&chain, &event("Placed", json!({}), none)),
            placed(v3.clone())
        );
        let second = event("Placed", json!({"a": 1}), json!({"b": 0, "schema": 2}));
        assert_eq!(seen(&chain, &second), placed(json!({"b": 0, "schema": 3})));
        assert_eq!(
            seen(&chain, &event("Placed", json!({"a": 2}), v3.clone())),
            placed(v3)
        );
    }

    #[test]
    fn what_is_in_todays_form_is_not_touched_and_upcasting_twice_changes_nothing() {
        let chain = chain();
        for (event_type, metadata) in [("Placed", json!({"schema": 3})), ("Shipped", json!({}))] {
            let event = event(event_type, json!({}), metadata);
            assert!(matches!(chain.today(&event), Cow::Borrowed(_)));
        }
        let once = chain
            .today(&event("Submitted", json!({}), json!({})))
            .into_owned();
        assert!(matches!(chain.today(&once), Cow::Borrowed(_)));
    }

    #[test]
    fn events_are_written_in_the_version_after_the_last_step() {
        let chain = chain();
        assert_eq!(chain.current("Placed"), 3);
        assert_eq!(
            (chain.current("Submitted"), chain.current("Shipped")),
            (1, 1)
        );
    }

    #[test]
    fn a_schema_that_is_no_number_counts_as_the_first() {
        for (text, version) in [("{}", 1), ("{\"schema\":\"x\"}", 1), ("{\"schema\":2}", 2)] {
            assert_eq!(schema(text), version, "{text}");
        }
    }
}
