//! What becomes of the events that one read model has set aside: applied out of their turn, or skipped.

use rusqlite::TransactionBehavior;

use super::super::guard::Mode;
use super::super::parked::{self, ParkedEvent, Record, State, Waiting};
use super::super::projection::{ApplyError, Blame, Projection};
use super::super::sql::blame;
use super::{APPLY_LIMIT, Model, ModelError, in_parts, io, words};
use crate::crash;
use crate::event::{Event, Position, StreamId};

impl Model {
    /// What whoever folds has to know for each event.
    pub(in crate::read) fn waiting(&self) -> Result<Waiting, ModelError> {
        Waiting::read(&self.db).map_err(io(&self.path))
    }

    /// What is said of an event that was set aside.
    pub(in crate::read) fn record(&self, event: Position) -> Result<Option<Record>, ModelError> {
        parked::record(&self.db, event).map_err(io(&self.path))
    }

    /// The first of a stream's parked events.
    pub(in crate::read) fn first_parked(
        &self,
        stream: &StreamId,
    ) -> Result<Option<Record>, ModelError> {
        parked::first_of(&self.db, stream).map_err(io(&self.path))
    }

    /// The first of all parked events.
    pub(in crate::read) fn first_of_all_parked(&self) -> Result<Option<ParkedEvent>, ModelError> {
        let first = parked::list(&self.db, Position::START, 1).map_err(io(&self.path))?;
        Ok(first.into_iter().next())
    }

    /// The streams that have parked events, in the order of the first of them.
    pub(in crate::read) fn parked_streams(&self) -> Result<Vec<StreamId>, ModelError> {
        parked::streams(&self.db).map_err(io(&self.path))
    }

    /// The last checkpoint at which an event was applied out of its turn, with that event.
    pub(in crate::read) fn last_out_of_turn(
        &self,
    ) -> Result<Option<(Position, Position)>, ModelError> {
        parked::last_out_of_turn(&self.db).map_err(io(&self.path))
    }

    /// How many parked events a request has had applied so far.
    pub(in crate::read) fn applied_by(&self, request: Position) -> Result<u64, ModelError> {
        parked::applied_by(&self.db, request).map_err(io(&self.path))
    }

    /// Applies one event out of its turn, and says so where it is parked, in one transaction. Nothing may be
    /// folded in memory that is not in the file.
    ///
    /// Errors: it could not be applied; nothing is stored then, and memory is as the file.
    pub(in crate::read) fn apply_late(
        &mut self,
        projection: &dyn Projection,
        event: &Event,
        request: Option<Position>,
    ) -> Result<(), ApplyError> {
        let at = self.checkpoint.position;
        let general = |reason: String, blame: Blame| ApplyError {
            index: 0,
            reason,
            blame,
        };
        // What our own statements say is never the event's fault.
        let of_ours = |e: rusqlite::Error| match blame(&e) {
            Blame::Lock => general(words(&e), Blame::Lock),
            _ => general(words(&e), Blame::System),
        };
        let transaction = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(of_ours)?;
        let events = std::slice::from_ref(event);
        let memory = &mut self.memory;
        let applied = in_parts(
            projection,
            (&transaction, &mut *memory),
            (&self.guard, Mode::Handler),
            events,
        )
        .map(drop)
        .and_then(|()| {
            let _scope = self.guard.enter(Mode::Handler, APPLY_LIMIT);
            let stored = projection.store(&transaction, memory);
            stored.map_err(|reason| general(self.guard.explain_limit(reason), Blame::System))
        })
        .and_then(|()| {
            parked::end(&transaction, event.position, State::Applied, at, request).map_err(of_ours)
        });
        crash::point("while-retrying");
        applied
            .and_then(|()| transaction.commit().map_err(of_ours))
            .inspect_err(|_| self.memory.clear())
    }

    /// A parked event was tried again in vain.
    pub(in crate::read) fn failed_again(
        &mut self,
        event: Position,
        error: &str,
        request: Position,
    ) -> Result<(), ModelError> {
        parked::failed_again(&self.db, event, error, request).map_err(io(&self.path))
    }

    /// A parked event is not to be applied.
    pub(in crate::read) fn skip(
        &mut self,
        event: Position,
        request: Option<Position>,
    ) -> Result<(), ModelError> {
        let at = self.checkpoint.position;
        parked::end(&self.db, event, State::Skipped, at, request).map_err(io(&self.path))
    }

    /// A skipped event is parked again.
    pub(in crate::read) fn unskip(
        &mut self,
        event: Position,
        request: Position,
    ) -> Result<(), ModelError> {
        parked::unskip(&self.db, event, request).map_err(io(&self.path))
    }
}
