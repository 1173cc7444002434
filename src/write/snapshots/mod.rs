//! Snapshots: an aggregate's state, kept beside the log, so that a long stream need not be folded from its
//! first event each time.
//!
//! A snapshot is worth nothing by itself. It is taken for true only where its *seal* fits: a digest over the
//! log's incarnation, the form of the state, the very event after which it was taken, and the state itself.
//! One that is damaged, of another log, of an event that is not there any more, or of a state that has
//! changed its form is as good as none, and so snapshots can be thrown away at will.

use schemars::generate::SchemaSettings;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Aggregate, Upcasters};
use crate::event::{Event, StreamId, Version};

mod sqlite;

pub use sqlite::SqliteSnapshots;

/// After how many events of a stream a new snapshot is taken. Folding so many, and reading one snapshot,
/// take less than 100 µs together.
pub const SNAPSHOT_EVERY: u64 = 50;

/// Where snapshots are kept, one a stream.
///
/// Nothing here fails: what cannot be kept or found again is not there, and costs time only.
pub trait Snapshots: Send + Sync + 'static {
    /// The snapshot of a stream, whatever it is worth.
    fn load(&self, stream: &StreamId) -> Option<Snapshot>;

    /// Keeps one, in place of the stream's last.
    fn save(&self, stream: &StreamId, snapshot: &Snapshot);

    /// Throws a stream's snapshot away.
    fn forget(&self, stream: &StreamId);
}

/// An aggregate's state after one of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The stream's version after that event.
    pub version: Version,
    /// What shows that it is what it seems to be.
    pub seal: [u8; 32],
    /// The state, as JSON.
    pub state: String,
}

/// What the seals of one aggregate's snapshots have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form([u8; 32]);

impl Form {
    /// The form that an aggregate's state has today: its JSON Schema, the declared revision, and how older
    /// events are read.
    pub fn of<A: Aggregate>(upcasters: &Upcasters) -> Self {
        let generator = SchemaSettings::draft2020_12().into_generator();
        let schema = generator.into_root_schema_for::<A>().to_value();
        let mut hash = Hash::new("highwater state 1");
        hash.add(A::CATEGORY.as_bytes());
        hash.add(&A::REVISION.to_be_bytes());
        hash.add(schema.to_string().as_bytes());
        hash.add(upcasters.outline().as_bytes());
        Self(hash.end())
    }

    fn seal(self, log: Uuid, last: &Event, state: &str) -> [u8; 32] {
        let mut hash = Hash::new("highwater snapshot 1");
        hash.add(&self.0);
        hash.add(log.as_bytes());
        hash.add(last.stream.as_str().as_bytes());
        hash.add(&last.version.get().to_be_bytes());
        hash.add(&last.position.get().to_be_bytes());
        hash.add(&last.recorded_at.as_microsecond().to_be_bytes());
        hash.add(last.id.as_bytes());
        hash.add(state.as_bytes());
        hash.end()
    }

    /// A snapshot of the state after an event. `None` where the state does not come back from JSON as it was.
    pub fn take<A: Aggregate>(self, log: Uuid, last: &Event, state: &A) -> Option<Snapshot> {
        let text = serde_json::to_string(state).ok()?;
        let again: A = serde_json::from_str(&text).ok()?;
        // Compared as values: fractions may lose a digit on their way through text, and the fields of a hash
        // map come in any order.
        let same = serde_json::to_value(state).ok()? == serde_json::to_value(again).ok()?;
        same.then(|| Snapshot {
            version: last.version,
            seal: self.seal(log, last, &text),
            state: text,
        })
    }

    /// The state of a snapshot, where it is one after this event of this log, in this form.
    pub fn open<A: Aggregate>(self, log: Uuid, last: &Event, kept: &Snapshot) -> Option<A> {
        let genuine =
            kept.version == last.version && kept.seal == self.seal(log, last, &kept.state);
        genuine.then(|| serde_json::from_str(&kept.state).ok())?
    }
}

/// A digest over parts, each with its length before it, so that no two lists of parts read the same.
struct Hash(Sha256);

impl Hash {
    fn new(what: &str) -> Self {
        let mut hash = Self(Sha256::new());
        hash.add(what.as_bytes());
        hash
    }

    fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    fn end(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
