//! The hash chain: what each event's hash is made of, so that nothing can be changed, removed or
//! reordered without being noticed.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::log::CommitId;

/// SHA-256 over the previous event's hash and an event's own content.
pub(super) type Hash = [u8; 32];

/// What stands before the first event: it ties the chain to one log.
pub(super) fn genesis(incarnation: Uuid) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(b"highwater log 1\0");
    hasher.update(incarnation.as_bytes());
    hasher.finalize().into()
}

/// Every column of an event but its hash, as stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content<'a> {
    pub position: i64,
    pub stream: &'a str,
    pub version: i64,
    pub event_type: &'a str,
    pub id: &'a str,
    pub source: Option<&'a str>,
    pub recorded_at: i64,
    pub time: Option<i64>,
    pub data: &'a str,
    pub metadata: &'a str,
}

/// Walks along the chain. Keeps its buffer, because one pass over a whole buffer is much faster than
/// many small ones.
#[derive(Debug)]
pub(super) struct Chain {
    hash: Hash,
    buffer: Vec<u8>,
}

impl Chain {
    /// Stands at the event with this hash.
    pub fn at(hash: Hash) -> Self {
        Self {
            hash,
            buffer: Vec::with_capacity(1024),
        }
    }

    /// The hash of the event that it stands at.
    pub fn hash(&self) -> &Hash {
        &self.hash
    }

    /// Moves on to the next event, and gives its hash.
    ///
    /// Every text is preceded by its length and every optional value by whether it is there, so that
    /// no two different events are written alike.
    pub fn next(&mut self, event: &Content<'_>) -> &Hash {
        self.buffer.clear();
        self.buffer.extend_from_slice(&self.hash);
        self.number(event.position);
        self.text(event.stream);
        self.number(event.version);
        self.text(event.event_type);
        self.text(event.id);
        self.optional(event.source, Self::text);
        self.number(event.recorded_at);
        self.optional(event.time, Self::number);
        self.text(event.data);
        self.text(event.metadata);
        self.hash = Sha256::digest(&self.buffer).into();
        &self.hash
    }

    fn number(&mut self, number: i64) {
        self.buffer.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.buffer
            .extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.buffer.extend_from_slice(text.as_bytes());
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.buffer.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// What the log remembers of an id that is not in order of time: 128 bits, so that the random index
/// stays small. `None` for an id that is.
pub(super) fn digest(id: &CommitId) -> Option<[u8; 16]> {
    let mut hasher = Sha256::new();
    match id {
        CommitId::Unique(_) => return None,
        CommitId::Key(key) => {
            hasher.update(b"highwater key\0");
            hasher.update(key.as_bytes());
        }
        CommitId::Origin(origin) => {
            hasher.update(b"highwater origin\0");
            hasher.update((origin.source.len() as u64).to_le_bytes());
            hasher.update(origin.source.as_bytes());
            hasher.update(origin.id.as_bytes());
        }
    }
    let whole: Hash = hasher.finalize().into();
    whole.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Origin;

    const EVENT: Content<'static> = Content {
        position: 7,
        stream: "order-1",
        version: 3,
        event_type: "OrderPlaced",
        id: "a",
        source: None,
        recorded_at: 5,
        time: None,
        data: "{}",
        metadata: "{}",
    };

    fn hash(event: Content<'_>) -> Hash {
        *Chain::at([0; 32]).next(&event)
    }

    #[test]
    fn every_column_shapes_the_hash() {
        let changed = [
            Content {
                position: 8,
                ..EVENT
            },
            Content {
                stream: "order-2",
                ..EVENT
            },
            Content {
                version: 4,
                ..EVENT
            },
            Content {
                event_type: "OrderPaid",
                ..EVENT
            },
            Content { id: "b", ..EVENT },
            Content {
                source: Some(""),
                ..EVENT
            },
            Content {
                recorded_at: 6,
                ..EVENT
            },
            Content {
                time: Some(0),
                ..EVENT
            },
            Content {
                data: "{ }",
                ..EVENT
            },
            Content {
                metadata: "{ }",
                ..EVENT
            },
        ];
        let mut hashes: Vec<Hash> = changed.into_iter().map(hash).collect();
        hashes.push(hash(EVENT));
        hashes.push(*Chain::at([1; 32]).next(&EVENT));
        let all = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all);
    }

    #[test]
    fn moving_a_character_between_columns_changes_the_hash() {
        let a = Content {
            event_type: "ab",
            id: "c",
            ..EVENT
        };
        let b = Content {
            event_type: "a",
            id: "bc",
            ..EVENT
        };
        assert_ne!(hash(a), hash(b));
    }

    #[test]
    fn a_key_and_an_origin_never_share_a_digest() {
        let origin = |source: &str, id: &str| {
            digest(&CommitId::Origin(Origin {
                source: source.into(),
                id: id.into(),
            }))
        };
        assert_ne!(digest(&CommitId::Key("ab".into())), origin("a", "b"));
        assert_ne!(origin("a", "bc"), origin("ab", "c"));
        assert_eq!(digest(&CommitId::new()), None);
    }
}
