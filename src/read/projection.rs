//! What a projection is to the runner: something that makes tables and folds events into them.

use rusqlite::Connection;

use super::subscription::Subscription;
use crate::event::Event;

/// Folds events into the tables of one read model.
///
/// [`SqlProjection`](super::SqlProjection) is the one that is written as a file.
pub trait Projection: Send + Sync + 'static {
    /// Its name.
    fn name(&self) -> &str;

    /// What it is told of.
    fn subscription(&self) -> &Subscription;

    /// A hash, in hexadecimal, of what shapes the read model's content. Another hash is another version.
    fn hash(&self) -> &str;

    /// What is kept in the read model's file, so that the file can be understood without anything else.
    fn source(&self) -> &str;

    /// Makes the tables in an empty database, inside a transaction of the caller's.
    ///
    /// Errors: the sentence that says what is wrong.
    fn create(&self, db: &Connection) -> Result<(), String>;

    /// Folds events, all of which it subscribes to, inside a transaction of the caller's; there may be several
    /// calls in one transaction.
    ///
    /// Errors: the first event that cannot be applied; the caller rolls back, what earlier calls
    /// did in the same transaction too.
    fn apply(&self, db: &Connection, events: &[Event]) -> Result<(), ApplyError>;
}

/// An event that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ApplyError {
    /// Its index in what was given.
    pub index: usize,
    /// Which handler said what.
    pub reason: String,
    /// Whether the event and the handlers are to blame, and not the disk or a lock.
    pub poisoned: bool,
}
