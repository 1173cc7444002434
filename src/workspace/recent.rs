//! Which keys there are: of the streams that the newest events are in, for whoever completes what is typed.

use std::collections::BTreeMap;

use super::{OperateError, Operator};
use crate::event::Position;

/// How many of the newest events are looked at, in pages of so many.
const LOOK: u64 = 4_000;
const PAGE: usize = 1_000;

/// How many keys of one category are told of.
const KEYS: usize = 200;

/// Keys by category, those with the newest events first.
pub type Keys = BTreeMap<String, Vec<String>>;

impl Operator {
    /// The keys of streams that something happened in lately: of the last 4,000 events, at most 200 a category.
    /// System streams are left out. Errors: the log.
    pub async fn recent_keys(&self) -> Result<Keys, OperateError> {
        let log = self.workspace.log();
        let fail = |e: crate::log::LogError| OperateError(e.to_string());
        let head = log.head().await.map_err(fail)?;
        let mut after = Position::new(head.get().saturating_sub(LOOK));
        let mut streams: Vec<crate::event::StreamId> = Vec::new();
        while after < head {
            let events = log.read_all(after, PAGE).await.map_err(fail)?;
            let Some(last) = events.last() else {
                break;
            };
            after = last.position;
            streams.extend(events.into_iter().map(|event| event.stream));
        }
        let mut keys = Keys::new();
        for stream in streams
            .iter()
            .rev()
            .filter(|stream| !stream.as_str().starts_with('$'))
        {
            let known = keys.entry(stream.category().to_owned()).or_default();
            if known.len() < KEYS && !known.iter().any(|key| key == stream.key()) {
                known.push(stream.key().to_owned());
            }
        }
        Ok(keys)
    }
}
