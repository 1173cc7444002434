//! CloudEvents 1.0 in JSON, one event a line: what goes in and out, so that anything can write it.
//!
//! | attribute | is |
//! | --- | --- |
//! | `specversion` | `1.0` |
//! | `source`, `id` | the event's origin; together they tell it from every other |
//! | `type` | the event's type |
//! | `subject` | the stream |
//! | `time` | when it happened (RFC 3339, to the microsecond); optional |
//! | `data` | the fact: a JSON object; without it `{}` |
//! | `datacontenttype` | JSON, where it is there |
//! | `metadata` | extension: the event's metadata, a JSON object written as a string |
//! | `correlationid`, `causationid` | extensions: go into the metadata as `correlation_id` and `causation_id`, where it has none |
//! | `sequence` | extension: the position in the log that wrote the line; stored nowhere |
//!
//! Other extensions are left out. A line that was written holds no control and no bidirectional format
//! character: inside strings they are escaped, so that it can be printed as it is.
//!
//! ```
//! let line = r#"{"specversion":"1.0","id":"7","source":"/shop","type":"OrderPlaced",
//!     "subject":"order-1042","time":"2026-03-01T09:00:00+01:00","data":{"total":12}}"#;
//! let read = highwater::cloudevents::read(line.as_bytes())?;
//! assert_eq!(read.stream.as_str(), "order-1042");
//! assert_eq!(read.event.time.unwrap().to_string(), "2026-03-01T08:00:00Z");
//! # Ok::<(), highwater::cloudevents::ReadError>(())
//! ```

use std::borrow::Cow;
use std::collections::HashMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::event::{
    Event, EventType, JsonError, JsonObject, NameError, NewEvent, Origin, Position, StreamId,
    Timestamp, is_disguise,
};

/// The most bytes of `data`.
pub const DATA_LIMIT: usize = 1024 * 1024;
/// The most bytes of metadata.
pub const METADATA_LIMIT: usize = 64 * 1024;
/// The most bytes of a `source`, and of an `id`.
pub const ORIGIN_LIMIT: usize = 2048;

/// An event as it was read from a line, with what the line says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The stream it belongs to: its `subject`. It may be a system stream: whoever stores it decides.
    pub stream: StreamId,
    /// The event.
    pub event: NewEvent,
    /// Its `source` and `id`; the event has them too.
    pub origin: Origin,
    /// Its position in the log that wrote the line, where that is said.
    pub sequence: Option<Position>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Not JSON, or not an object.
    #[error("not a JSON object: {reason}")]
    NotAnObject {
        /// The parser's words, with the column.
        reason: String,
    },
    /// An attribute that must be there is not.
    #[error("`{attribute}` is missing: {must}")]
    Missing {
        /// Its name.
        attribute: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// An attribute is there, but not as it must be.
    #[error("`{attribute}` is {found}: {must}")]
    Attribute {
        /// Its name.
        attribute: &'static str,
        /// What was found, as JSON, cut short where it is long.
        found: String,
        /// What it must be.
        must: &'static str,
    },
    /// A `subject` that cannot be a stream, or a `type` that cannot be one.
    #[error("`{attribute}`: {reason}")]
    Name {
        /// Its name.
        attribute: &'static str,
        /// Why.
        reason: NameError,
    },
    /// `data` or `metadata` that is no JSON object.
    #[error("`{attribute}`: {reason}")]
    Json {
        /// Its name.
        attribute: &'static str,
        /// Why.
        reason: JsonError,
    },
    /// An attribute over its limit.
    #[error("`{attribute}` of {bytes} bytes: the limit is {limit} bytes")]
    TooLarge {
        /// Its name.
        attribute: &'static str,
        /// What it has.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
}

/// The `source` under which a log writes its own events.
///
/// ```
/// use highwater::cloudevents::own_source;
/// let source = own_source(uuid::Uuid::nil());
/// assert_eq!(source, "urn:highwater:00000000-0000-0000-0000-000000000000");
/// ```
pub fn own_source(incarnation: Uuid) -> String {
    format!("urn:highwater:{incarnation}")
}

/// The attributes of a line, each still as it was written.
#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow)]
    specversion: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    source: Option<&'a RawValue>,
    #[serde(rename = "type")]
    event_type: Option<&'a RawValue>,
    subject: Option<&'a RawValue>,
    time: Option<&'a RawValue>,
    datacontenttype: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    data_base64: Option<IgnoredAny>,
    metadata: Option<&'a RawValue>,
    correlationid: Option<&'a RawValue>,
    causationid: Option<&'a RawValue>,
    sequence: Option<&'a RawValue>,
}

/// Reads one line, with or without white space around it. Errors say which attribute is wrong, and what
/// it must be.
pub fn read(line: &[u8]) -> Result<Incoming, ReadError> {
    let line = attributes(line)?;
    let specversion = required("specversion", line.specversion, "write \"1.0\"")?;
    if specversion != "1.0" {
        return Err(wrong("specversion", line.specversion, "write \"1.0\""));
    }
    let origin = Origin {
        source: origin("source", line.source, "name where the event comes from")?,
        id: origin("id", line.id, "give what tells it apart within its source")?,
    };
    let event_type = required("type", line.event_type, "name what happened")?;
    let event_type = EventType::new(&event_type).map_err(|reason| ReadError::Name {
        attribute: "type",
        reason,
    })?;
    let stream = required("subject", line.subject, "name the stream")?;
    let stream = StreamId::new(&stream).map_err(|reason| ReadError::Name {
        attribute: "subject",
        reason,
    })?;
    let event = NewEvent {
        event_type,
        data: data(&line)?,
        metadata: metadata(&line)?,
        origin: Some(origin.clone()),
        time: time(line.time)?,
    };
    Ok(Incoming {
        stream,
        event,
        origin,
        sequence: sequence(line.sequence),
    })
}

fn attributes(line: &[u8]) -> Result<Attributes<'_>, ReadError> {
    let not_an_object = |reason: String| ReadError::NotAnObject { reason };
    let text = std::str::from_utf8(line)
        .map_err(|e| not_an_object(format!("not UTF-8 from byte {}", e.valid_up_to())))?;
    if !text.trim_start().starts_with('{') {
        return Err(not_an_object(format!("it begins with {}", shortened(text))));
    }
    serde_json::from_str(text).map_err(|e| {
        let words = e.to_string();
        // Everything is on one line: its number within it would only confuse.
        let words = words.split(" at line ").next().unwrap_or_default();
        not_an_object(format!("{words}, at column {}", e.column()))
    })
}

/// An attribute's text. Errors: it is not a string.
fn text<'a>(
    attribute: &'static str,
    raw: Option<&'a RawValue>,
) -> Result<Option<Cow<'a, str>>, ReadError> {
    let Some(raw) = raw else { return Ok(None) };
    let plain = raw
        .get()
        .strip_prefix('"')
        .and_then(|r| r.strip_suffix('"'));
    if let Some(plain) = plain.filter(|p| !p.contains('\\')) {
        return Ok(Some(Cow::Borrowed(plain)));
    }
    match serde_json::from_str(raw.get()) {
        Ok(text) => Ok(Some(Cow::Owned(text))),
        Err(_) => Err(wrong(attribute, Some(raw), "write a string")),
    }
}

fn required<'a>(
    attribute: &'static str,
    raw: Option<&'a RawValue>,
    must: &'static str,
) -> Result<Cow<'a, str>, ReadError> {
    text(attribute, raw)?.ok_or(ReadError::Missing { attribute, must })
}

fn origin(
    attribute: &'static str,
    raw: Option<&RawValue>,
    must: &'static str,
) -> Result<String, ReadError> {
    let text = required(attribute, raw, must)?;
    if text.is_empty() {
        return Err(wrong(attribute, raw, must));
    }
    within(attribute, text.len(), ORIGIN_LIMIT)?;
    Ok(text.into_owned())
}

fn data(line: &Attributes<'_>) -> Result<JsonObject, ReadError> {
    if line.data_base64.is_some() {
        return Err(ReadError::Attribute {
            attribute: "data_base64",
            found: "there".to_owned(),
            must: "only JSON can be stored; write it as an object in `data`",
        });
    }
    let content_type = text("datacontenttype", line.datacontenttype)?;
    if content_type.is_some_and(|content_type| !is_json(&content_type)) {
        let must = "only JSON can be stored";
        return Err(wrong("datacontenttype", line.datacontenttype, must));
    }
    let Some(raw) = line.data else {
        return Ok(JsonObject::empty());
    };
    object("data", raw.get(), DATA_LIMIT)
}

/// Whether a media type is one of JSON: `application/json`, `text/json; charset=utf-8`, `a/b+json`.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence.ends_with("/json") || (essence.contains('/') && essence.ends_with("+json"))
}

fn metadata(line: &Attributes<'_>) -> Result<JsonObject, ReadError> {
    let metadata = match text("metadata", line.metadata)? {
        Some(metadata) => object("metadata", &metadata, METADATA_LIMIT)?,
        None => JsonObject::empty(),
    };
    let given = [
        ("correlation_id", text("correlationid", line.correlationid)?),
        ("causation_id", text("causationid", line.causationid)?),
    ];
    if given.iter().all(|(_, id)| id.is_none()) {
        return Ok(metadata);
    }
    let there = members(&metadata);
    let mut merged = metadata.as_str().to_owned();
    for (name, id) in &given {
        if let Some(id) = id.as_ref().filter(|_| !there.contains_key(*name)) {
            insert(&mut merged, name, id);
        }
    }
    object("metadata", &merged, METADATA_LIMIT)
}

/// Adds a member at the end of an object's text; what stands there stays as it was written.
fn insert(object: &mut String, name: &str, value: &str) {
    object.pop();
    object.truncate(object.trim_end().len());
    let comma = if object.ends_with('{') { "" } else { "," };
    let value = serde_json::Value::from(value);
    object.push_str(&format!("{comma}\"{name}\":{value}}}"));
}

/// The members of an object, each as it was written; none where it cannot be read.
fn members(object: &JsonObject) -> HashMap<Cow<'_, str>, &RawValue> {
    serde_json::from_str(object.as_str()).unwrap_or_default()
}

fn object(attribute: &'static str, text: &str, limit: usize) -> Result<JsonObject, ReadError> {
    within(attribute, text.len(), limit)?;
    JsonObject::parse(text).map_err(|reason| ReadError::Json { attribute, reason })
}

/// Times are stored in whole microseconds: what is finer is cut off, towards 1970.
fn time(raw: Option<&RawValue>) -> Result<Option<Timestamp>, ReadError> {
    let Some(text) = text("time", raw)? else {
        return Ok(None);
    };
    text.parse::<Timestamp>()
        .and_then(|time| Timestamp::from_microsecond(time.as_microsecond()))
        .map(Some)
        .map_err(|_| wrong("time", raw, "write it as 2026-03-01T09:00:00+01:00"))
}

/// It only helps to recognize an event of the log's own, so that what cannot be read is no error.
fn sequence(raw: Option<&RawValue>) -> Option<Position> {
    let text = text("sequence", raw).ok()??;
    text.parse().ok().map(Position::new)
}

fn within(attribute: &'static str, bytes: usize, limit: usize) -> Result<(), ReadError> {
    if bytes > limit {
        return Err(ReadError::TooLarge {
            attribute,
            bytes,
            limit,
        });
    }
    Ok(())
}

fn wrong(attribute: &'static str, raw: Option<&RawValue>, must: &'static str) -> ReadError {
    ReadError::Attribute {
        attribute,
        found: shortened(raw.map_or("null", RawValue::get)),
        must,
    }
}

/// The first 60 characters, harmless for a terminal.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{} …", crate::text::clean(&text[..end])),
        None => crate::text::clean(text).into_owned(),
    }
}

/// A line as it is written, its attributes in this order.
#[derive(Serialize)]
struct Line<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
    sequence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
    data: &'a RawValue,
}

/// Writes an event as one line, without an end of line. An event of the log's own gets `own_source`
/// (see [`own_source`]) and its own id; an imported one keeps the source and id that it came with.
///
/// Errors: its data is damaged, and no longer JSON.
pub fn write(event: &Event, own_source: &str) -> Result<String, JsonError> {
    let damaged = |e: serde_json::Error| JsonError::Invalid {
        reason: e.to_string(),
    };
    let members = members(&event.metadata);
    let id_in = |name: &str| serde_json::from_str(members.get(name)?.get()).ok();
    let line = serde_json::to_string(&Line {
        specversion: "1.0",
        id: &event.id,
        source: event.source.as_deref().unwrap_or(own_source),
        event_type: event.event_type.as_str(),
        subject: event.stream.as_str(),
        time: format!("{:.6}", event.time()),
        datacontenttype: "application/json",
        sequence: event.position.to_string(),
        correlationid: id_in("correlation_id"),
        causationid: id_in("causation_id"),
        metadata: Some(event.metadata.as_str()).filter(|metadata| *metadata != "{}"),
        data: serde_json::from_str(event.data.as_str()).map_err(damaged)?,
    })
    .map_err(damaged)?;
    Ok(printable(line))
}

/// The same JSON without characters that could disguise it. Outside of strings, JSON has of these only
/// the white space that somebody laid data out with; inside strings, all but those that JSON does
/// not require to be escaped are escaped already.
fn printable(line: String) -> String {
    if !line.contains(is_disguise) {
        return line;
    }
    let mut printable = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        match c {
            '\n' | '\r' | '\t' => printable.push(' '),
            c if is_disguise(c) => printable.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => printable.push(c),
        }
    }
    printable
}

#[cfg(test)]
mod tests;
