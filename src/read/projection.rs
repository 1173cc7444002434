//! What a projection is to everything above it: something that makes tables, folds events into them and
//! answers questions about them, however it is written.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::definition::Key;
use super::parked::OnError;
use super::policy::Policy;
use super::subscription::Subscription;
use crate::event::Event;

/// One row of an answer: a value a column.
pub type Row = Map<String, Value>;

/// What a question was given: a text a parameter.
pub type Parameters = BTreeMap<String, String>;

/// Folds events into one read model, and answers from it.
///
/// [`SqlProjection`](super::SqlProjection) is the one that is written as a file, and
/// [`InMemory`](super::InMemory) one that is written in Rust and keeps its state in memory. One that keeps
/// tables by Rust code implements this trait itself.
pub trait Projection: Send + Sync + 'static {
    /// Its name; a replica's is `orders@eu`.
    fn name(&self) -> &str;

    /// What it is for.
    fn description(&self) -> &str {
        ""
    }

    /// What it is told of.
    fn subscription(&self) -> &Subscription;

    /// Tells what shapes the read model's content: another hash is another version. Eight ASCII characters
    /// at least; the first eight stand in the version's name.
    fn hash(&self) -> &str;

    /// What is kept in the read model's file, so that the file can be understood without anything else.
    fn source(&self) -> &str;

    /// When it applies what is waiting, unless somebody says otherwise.
    fn policy(&self) -> Policy {
        Policy::Live
    }

    /// How stale its read model may be.
    fn objective(&self) -> Option<Duration> {
        None
    }

    /// Whether an event can be applied twice.
    fn replayable(&self) -> bool {
        false
    }

    /// Whether a version with another content than the one that answers waits, once it has caught up, until
    /// somebody cuts over.
    fn waits(&self) -> bool {
        false
    }

    /// What becomes of an event that cannot be applied.
    fn on_error(&self) -> OnError {
        OnError::Stop
    }

    /// Which column's rows belong to streams of which category.
    fn key(&self) -> Option<&Key> {
        None
    }

    /// What it can be asked.
    fn queries(&self) -> &[Signature] {
        &[]
    }

    /// Whether this program can fold with it. Where it cannot, the read model stands still.
    fn folds(&self) -> bool {
        true
    }

    /// For one that folds in memory: how much later than it was folded it is in the file, at most. `None`:
    /// every page of events is in the file as soon as it was applied.
    fn store_every(&self) -> Option<Duration> {
        None
    }

    /// Whether it can answer from a read model that an earlier revision of it made.
    fn answers_for(&self, earlier: &str) -> bool {
        let _ = earlier;
        false
    }

    /// Makes the tables in an empty database, inside a transaction of the caller's.
    ///
    /// Errors: the sentence that says what is wrong.
    fn create(&self, db: &Connection) -> Result<(), String>;

    /// Folds events, all of which it subscribes to: into the tables, inside a transaction of the caller's;
    /// or into memory, where it is one that [stores](Self::store) later. Empty memory is what the file has. One
    /// transaction may have several calls.
    ///
    /// Errors: the first event that cannot be applied; the caller rolls back, and empties the memory.
    fn apply(
        &self,
        db: &Connection,
        memory: &mut Memory,
        events: &[Event],
    ) -> Result<(), ApplyError>;

    /// Writes what memory holds into the tables, inside a transaction of the caller's.
    ///
    /// Errors: the sentence that says what is wrong.
    fn store(&self, db: &Connection, memory: &Memory) -> Result<(), String> {
        let _ = (db, memory);
        Ok(())
    }

    /// Answers one of its [queries](Self::queries), whose parameters are all there, from the tables as they
    /// are in the caller's read transaction.
    ///
    /// Errors: what SQLite or the query says.
    fn answer(
        &self,
        db: &Connection,
        query: &str,
        parameters: &Parameters,
    ) -> Result<Vec<Row>, AnswerError>;

    /// How much later than it was folded it is in the file, at most, while it keeps to a policy. That makes it
    /// late beyond what the policy allows.
    fn stored_within(&self, policy: Policy) -> Duration {
        match (self.store_every(), policy) {
            (None, _) | (_, Policy::Sync) => Duration::ZERO,
            (Some(every), _) => every,
        }
    }

    /// The first digits of its hash: enough to tell versions apart.
    fn short_hash(&self) -> &str {
        let hash = self.hash();
        hash.get(..8).unwrap_or(hash)
    }
}

/// A question that a projection answers: its name, and what it must be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Its name.
    pub name: String,
    /// Its parameters, in order.
    pub parameters: Vec<String>,
}

/// What a projection keeps in memory for one read model, from one page of events to the next. The live
/// version and what is built beside it have one each.
#[derive(Default)]
pub struct Memory(Option<Box<dyn Any + Send>>);

impl Memory {
    /// What is kept; where there is nothing yet, what `load` gives.
    ///
    /// Errors: what `load` says.
    pub fn get_or_load<T: Any + Send, E>(
        &mut self,
        load: impl FnOnce() -> Result<T, E>,
    ) -> Result<&mut T, E> {
        if self.get::<T>().is_none() {
            self.0 = Some(Box::new(load()?));
        }
        match self.0.as_mut().and_then(|kept| kept.downcast_mut()) {
            Some(kept) => Ok(kept),
            None => unreachable!("it was put there just now"),
        }
    }

    /// What is kept, if anything is.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_ref().and_then(|kept| kept.downcast_ref())
    }

    /// Forgets it: what the file has counts again.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}

/// An event that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ApplyError {
    /// Its index in what was given.
    pub index: usize,
    /// Which handler said what.
    pub reason: String,
    /// What is to blame.
    pub blame: Blame,
}

/// What is to blame where an event could not be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The event, or the handler: it is tried a few times.
    Event,
    /// Another connection, that has locked the file: it is tried until that has ended.
    Lock,
    /// The disk, the system, or whoever broke it off: it is tried until it goes.
    System,
}

/// Why a projection has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// SQLite said no.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The answer is larger than one may be: this much, with its unit.
    #[error("it answers with more than {0}: ask for less")]
    TooLarge(String),
    /// The query says why.
    #[error("{0}")]
    Refused(String),
}
