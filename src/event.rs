//! What an event is: plain data and the small types that name its parts. No I/O.

use std::fmt;
use std::sync::Arc;

pub use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An event's place in the log: 1, 2, 3 …, without holes. Position 0 is 'before the first'.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(u64);

/// How many events a stream has after an event: 1, 2, 3 …; 0 is 'no such stream'.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Version(u64);

macro_rules! counter {
    ($name:ident, $zero:ident, $zero_doc:literal) => {
        impl $name {
            #[doc = $zero_doc]
            pub const $zero: Self = Self(0);

            /// Wraps a number.
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The bare number, for display and storage.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one after this.
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// This one moved on by `steps`.
            pub const fn plus(self, steps: u64) -> Self {
                Self(self.0.saturating_add(steps))
            }

            /// How far this is past `earlier`; 0 where it is not.
            pub const fn since(self, earlier: Self) -> u64 {
                self.0.saturating_sub(earlier.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter!(Position, START, "Before the first event.");
counter!(Version, NONE, "No such stream.");

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing there.
    #[error("{what} is empty: give it at least one character")]
    Empty {
        /// Which kind of name.
        what: &'static str,
    },
    /// Longer than the limit.
    #[error("{what} of {bytes} bytes: the limit is {limit} bytes")]
    TooLong {
        /// Which kind of name.
        what: &'static str,
        /// What it has.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// A control or bidirectional format character, which could disguise text on a terminal.
    #[error(
        "{what} has the character U+{code:04X} at byte {at}: control and bidirectional format characters are not allowed"
    )]
    Character {
        /// Which kind of name.
        what: &'static str,
        /// The character's code point.
        code: u32,
        /// Its place, in bytes from 0.
        at: usize,
    },
    /// A name in a form that its kind does not have.
    #[error("{what} {name:?}: {must}")]
    Form {
        /// Which kind of name.
        what: &'static str,
        /// What was given.
        name: String,
        /// What it must look like.
        must: &'static str,
    },
}

/// The longest stream name and event type, in bytes.
pub const NAME_LIMIT: usize = 255;

/// Whether a character could move the cursor, or reorder what stands around it.
///
/// Control characters, line and paragraph separators, and Unicode's bidirectional formatting
/// characters (UAX #9, section 2).
pub fn is_disguise(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn checked(what: &'static str, name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty { what });
    }
    if name.len() > NAME_LIMIT {
        return Err(NameError::TooLong {
            what,
            bytes: name.len(),
            limit: NAME_LIMIT,
        });
    }
    match name.char_indices().find(|(_, c)| is_disguise(*c)) {
        Some((at, c)) => Err(NameError::Character {
            what,
            code: u32::from(c),
            at,
        }),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(name: String) -> Result<Self, NameError> {
                Self::new(&name)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }
    };
}

name! {
    /// The name of a stream: `category-key` (`order-1042`; the category ends at the first `-`).
    ///
    /// At most 255 bytes, without control and bidirectional format characters. System streams begin
    /// with `$`.
    ///
    /// ```
    /// use highwater::event::StreamId;
    /// let stream = StreamId::new("order-1042")?;
    /// assert_eq!((stream.category(), stream.key()), ("order", "1042"));
    /// # Ok::<(), highwater::event::NameError>(())
    /// ```
    StreamId, "stream name"
}

name! {
    /// What happened, in the past tense: `OrderPlaced`. The same limits as a stream name.
    EventType, "event type"
}

impl StreamId {
    /// Checks a name. Errors: empty, too long, or with a character that could disguise it.
    pub fn new(name: &str) -> Result<Self, NameError> {
        checked("stream name", name)?;
        Ok(Self(name.into()))
    }

    /// What stands before the first `-`; the whole name where there is none.
    pub fn category(&self) -> &str {
        category(&self.0)
    }

    /// What stands after the first `-`; the whole name where there is none.
    pub fn key(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(_, key)| key)
    }

    /// Whether this is one of our own streams (`$…`), which users cannot append to.
    pub fn is_system(&self) -> bool {
        self.0.starts_with('$')
    }
}

/// The category of a stream's name: what stands before the first `-`.
pub fn category(stream: &str) -> &str {
    stream
        .split_once('-')
        .map_or(stream, |(category, _)| category)
}

impl EventType {
    /// Checks a type. Errors: empty, too long, or with a character that could disguise it.
    pub fn new(name: &str) -> Result<Self, NameError> {
        checked("event type", name)?;
        Ok(Self(name.into()))
    }
}

/// The text of one JSON object, checked and kept as it was written, without outer white space.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonObject(Box<str>);

/// Why a text is not a JSON object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON at all.
    #[error("not valid JSON: {reason}")]
    Invalid {
        /// The parser's words, with line and column.
        reason: String,
    },
    /// JSON, but a list, a number, a text …
    #[error("not a JSON object but {found}: write it as {{\"name\": value}}")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
}

impl JsonObject {
    /// Checks a text. Errors: not JSON, or JSON of another kind.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let invalid = |e: serde_json::Error| JsonError::Invalid {
            reason: e.to_string(),
        };
        let raw: &RawValue = serde_json::from_str(text).map_err(invalid)?;
        let text = raw.get();
        let found = match text.as_bytes().first() {
            Some(b'{') => {
                let _: Readable = serde_json::from_str(text).map_err(invalid)?;
                return Ok(Self(text.into()));
            }
            Some(b'[') => "a list",
            Some(b'"') => "a text",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            _ => "a number",
        };
        Err(JsonError::NotAnObject { found })
    }

    /// Writes a value out. Errors: it does not serialize, or not to an object.
    pub fn of(value: &impl Serialize) -> Result<Self, JsonError> {
        let text = serde_json::to_string(value).map_err(|e| JsonError::Invalid {
            reason: e.to_string(),
        })?;
        Self::parse(&text)
    }

    /// `{}`.
    pub fn empty() -> Self {
        Self("{}".into())
    }

    /// Takes a text that was checked when it was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parsed value. An object that cannot be parsed (a damaged file) reads as `null`.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

/// Parses JSON and keeps nothing of it. Stricter than skipping over it, as [`RawValue`] does: what has
/// a lone surrogate, a number beyond a float or more than 127 levels could not be read back, and would
/// stop every projection that looks into it.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> serde::de::Visitor<'de> for Readable {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

impl fmt::Debug for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for JsonObject {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(&self.0) {
            Ok(raw) => raw.serialize(serializer),
            Err(_) => serializer.serialize_str(&self.0),
        }
    }
}

/// Where an imported event comes from: together they tell it from every other (CloudEvents 1.0,
/// `source` and `id`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The context in which it happened: a URI reference.
    pub source: String,
    /// Its id within the source.
    pub id: String,
}

/// An event that is not stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened.
    pub event_type: EventType,
    /// The fact itself.
    pub data: JsonObject,
    /// About the fact: `correlation_id`, `causation_id`, the command's name …
    pub metadata: JsonObject,
    /// Where it was imported from; `None` for an event of our own, which gets a UUID v7.
    pub origin: Option<Origin>,
    /// When it happened, where an importer or a command says so; else it is `recorded_at`.
    pub time: Option<Timestamp>,
}

impl NewEvent {
    /// An event with neither metadata, origin nor a time of its own.
    pub fn new(event_type: EventType, data: JsonObject) -> Self {
        Self {
            event_type,
            data,
            metadata: JsonObject::empty(),
            origin: None,
            time: None,
        }
    }
}

/// A stored event: an immutable fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the log.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// How many events its stream has after it.
    pub version: Version,
    /// What happened.
    pub event_type: EventType,
    /// Its id: a UUID v7 of ours, or the one it was imported with.
    pub id: String,
    /// Where it was imported from; `None` for our own.
    pub source: Option<String>,
    /// The fact itself.
    pub data: JsonObject,
    /// About the fact.
    pub metadata: JsonObject,
    /// When the log stored it, in whole microseconds; never decreases along the log.
    pub recorded_at: Timestamp,
    /// When it happened, where somebody said so.
    pub happened_at: Option<Timestamp>,
}

impl Event {
    /// When it happened: as somebody said, else when it was stored.
    pub fn time(&self) -> Timestamp {
        self.happened_at.unwrap_or(self.recorded_at)
    }
}

/// A stored event as a fold sees it: what a state is made of, borrowed for the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRef<'a> {
    /// How many events its stream has after it.
    pub version: Version,
    /// What happened.
    pub event_type: &'a EventType,
    /// The fact itself: the text of a JSON object.
    pub data: &'a str,
    /// About the fact: the text of a JSON object.
    pub metadata: &'a str,
}

impl<'a> From<&'a Event> for EventRef<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            version: event.version,
            event_type: &event.event_type,
            data: event.data.as_str(),
            metadata: event.metadata.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_category_ends_at_the_first_dash() {
        let stream = StreamId::new("order-2024-7").unwrap();
        assert_eq!((stream.category(), stream.key()), ("order", "2024-7"));
        let plain = StreamId::new("settings").unwrap();
        assert_eq!((plain.category(), plain.key()), ("settings", "settings"));
    }

    #[test]
    fn names_that_could_disguise_text_are_refused() {
        for name in ["a\u{202E}b", "a\nb", "a\u{1b}[2J", "\u{2066}x"] {
            assert!(
                matches!(StreamId::new(name), Err(NameError::Character { .. })),
                "{name:?}"
            );
        }
        assert!(matches!(
            EventType::new(&"x".repeat(1000)),
            Err(NameError::TooLong { bytes: 1000, .. })
        ));
        assert!(StreamId::new("bestelling-é-日本").is_ok());
    }

    #[test]
    fn only_objects_are_event_data() {
        assert_eq!(
            JsonObject::parse(" {\"a\": 1} ").unwrap().as_str(),
            "{\"a\": 1}"
        );
        for text in ["[1]", "1", "null", "\"x\"", "true"] {
            assert!(
                matches!(JsonObject::parse(text), Err(JsonError::NotAnObject { .. })),
                "{text}"
            );
        }
        assert!(matches!(
            JsonObject::parse("{"),
            Err(JsonError::Invalid { .. })
        ));
    }

    #[test]
    fn json_that_could_not_be_read_back_is_refused() {
        let nested = |levels| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
        for text in [
            "{\"a\":\"\\ud800\"}",
            "{\"\\udc00\":1}",
            "{\"a\":[-1e999]}",
            &nested(127),
        ] {
            let found = JsonObject::parse(text);
            assert!(matches!(found, Err(JsonError::Invalid { .. })), "{found:?}");
        }
        for text in [
            "{\"a\":\"\\ud83d\\ude00\"}",
            "{\"a\":[-1e99,null,true,{}]}",
            &nested(126),
        ] {
            assert!(
                !JsonObject::parse(text).unwrap().value().is_null(),
                "{text}"
            );
        }
    }
}
