//! Reading a projection's system stream although somebody edited the log by hand: what is not as it was
//! written, or makes no sense, is passed over, and told.

use crate::event::{Event, Position, StreamId, Version};
use crate::log::{EventLog, LogError};

/// Events a page.
const PAGE: usize = 500;

/// Of one stream, more are not passed over: it is no longer what anybody wrote.
const MOST: usize = 1_000;

/// An event that is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// Its position.
    pub position: Position,
    /// Why, in a few words.
    pub why: String,
}

impl PassedOver {
    /// One that says nothing that this program understands.
    pub(super) fn senseless(event: &Event) -> Self {
        Self {
            position: event.position,
            why: format!(
                "{} makes no sense in it: somebody edited the log, or a newer highwater wrote it",
                event.event_type
            ),
        }
    }
}

/// What of a projection's history was passed over, in one sentence with the way out; `None` where nothing was.
pub fn told(projection: &str, passed_over: &[PassedOver]) -> Option<String> {
    let first = passed_over.first()?;
    let more = match passed_over.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(format!(
        "{projection}: event {} of its history is passed over ({}){more}: look with `highwater verify --log`, and \
         restore a backup where the log was changed",
        first.position, first.why
    ))
}

/// The next events of a stream.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Those that are as they were written.
    pub(super) events: Vec<Event>,
    /// Up to where this is.
    pub(super) to: Version,
    /// The one that is passed over.
    pub(super) passed_over: Option<PassedOver>,
}

/// What follows a version; `None` at the end.
///
/// Errors: the log cannot be read, or `already` so many were passed over that nothing is left to go by.
pub(super) async fn page(
    log: &dyn EventLog,
    stream: &StreamId,
    after: Version,
    already: usize,
) -> Result<Option<Page>, LogError> {
    let (position, what, error) = match log.read_stream(stream, after, PAGE).await {
        Ok(page) => {
            return Ok(page
                .events
                .last()
                .map(|event| event.version)
                .map(|to| Page {
                    events: page.events,
                    to,
                    passed_over: None,
                }));
        }
        Err(error) => match &error {
            LogError::Damaged {
                position: Some(position),
                what,
                ..
            } if already < MOST => (*position, what.clone(), error),
            _ => return Err(error),
        },
    };
    let why = what
        .strip_prefix(&format!("event {position}: "))
        .unwrap_or(&what)
        .to_owned();
    drop(error);
    Ok(Some(Page {
        events: Vec::new(),
        to: passed(log, stream, after, position).await,
        passed_over: Some(PassedOver { position, why }),
    }))
}

/// The version up to which the stream is passed over, where it cannot be read at a position: that of the event there,
/// or the one before it, where what is missing is in front of it.
async fn passed(
    log: &dyn EventLog,
    stream: &StreamId,
    after: Version,
    position: Position,
) -> Version {
    let before = Position::new(position.get().saturating_sub(1));
    let there = log.read_all(before, 1).await.unwrap_or_default();
    let version = there
        .first()
        .filter(|event| event.position == position && event.stream == *stream)
        .map_or(0, |event| event.version.get());
    Version::new(version.saturating_sub(1)).max(after.plus(1))
}
