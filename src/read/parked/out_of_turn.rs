//! Which events a read model did not apply in their turn, and when it did: what makes a fresh fold do the same.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use rusqlite::Connection;

use super::super::model::{ModelError, io, open_to_read, position, read_checkpoint};
use super::{Without, is_there, streams};
use crate::event::{Event, Position, StreamId};

/// Which events a read model did not apply in their turn, and when it did: what a fresh fold has to do
/// the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::read) struct OutOfTurn {
    /// Not applied when their turn comes.
    left_out: BTreeSet<Position>,
    /// Those of them that nothing else became of: parked still.
    waiting: BTreeSet<Position>,
    /// After everything up to a checkpoint: these, in this order.
    later: BTreeMap<Position, Vec<Position>>,
    /// Up to where that is recorded. Beyond it, what follows a parked event in its stream is not applied.
    recorded_to: Position,
    parked: HashSet<StreamId>,
}

impl OutOfTurn {
    /// As a file has it.
    pub(in crate::read) fn read(db: &Connection) -> rusqlite::Result<Self> {
        let mut found = Self::default();
        if !is_there(db)? {
            return Ok(found);
        }
        found.recorded_to = read_checkpoint(db)?.position;
        found.parked = streams(db)?.into_iter().collect();
        let mut statement = db.prepare(
            "SELECT position, state, ended_at FROM _highwater_parked ORDER BY ended_at, ended_order",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let event = position(row.get(0)?);
            found.left_out.insert(event);
            let state: String = row.get(1)?;
            if state == "parked" {
                found.waiting.insert(event);
            }
            if let Some(at) = row.get::<_, Option<i64>>(2)?.filter(|_| state == "applied") {
                found.later.entry(position(at)).or_default().push(event);
            }
        }
        Ok(found)
    }

    /// The same, of a file. Errors: it cannot be used.
    pub(in crate::read) fn of(path: &Path) -> Result<Self, ModelError> {
        Self::read(&open_to_read(path)?).map_err(io(path))
    }

    /// The same, with what was applied later applied when its turn comes.
    pub(in crate::read) fn in_turn(mut self) -> Self {
        for event in std::mem::take(&mut self.later).into_values().flatten() {
            self.left_out.remove(&event);
        }
        self
    }

    /// Whether the same is left out up to a position.
    pub(in crate::read) fn is_same_up_to(&self, other: &Self, position: Position) -> bool {
        let (a, b) = (&self.left_out, &other.left_out);
        a.range(..=position).eq(b.range(..=position))
    }

    /// Whether an event is left out when its turn comes.
    pub(in crate::read) fn leaves_out(&self, event: &Event) -> bool {
        self.left_out.contains(&event.position) || self.is_behind(event)
    }

    /// Whether an event is parked.
    pub(in crate::read) fn parks(&self, event: &Event) -> bool {
        self.waiting.contains(&event.position) || self.is_behind(event)
    }

    fn is_behind(&self, event: &Event) -> bool {
        event.position > self.recorded_to && self.parked.contains(&event.stream)
    }

    /// Whether any event of a stream is parked.
    pub(in crate::read) fn holds(&self, stream: &StreamId) -> bool {
        self.parked.contains(stream)
    }

    /// What is applied once everything up to a checkpoint is.
    pub(in crate::read) fn later_at(&self, checkpoint: Position) -> &[Position] {
        self.later.get(&checkpoint).map_or(&[], Vec::as_slice)
    }

    /// At which checkpoint an event was applied that was left out in its turn; `None` where it was not.
    pub(in crate::read) fn applied_at(&self, event: Position) -> Option<Position> {
        let mut later = self.later.iter();
        let found = later.find(|(_, events)| events.contains(&event));
        found.map(|(at, _)| *at)
    }

    /// Whether a fold that has come to a position did the same by this as it would by another.
    pub(in crate::read) fn folds_as(&self, other: &Self, position: Position) -> bool {
        let (a, b) = (&self.later, &other.later);
        self.is_same_up_to(other, position)
            && a.range(..=position).eq(b.range(..=position))
            && (position <= self.recorded_to || self.parked == other.parked)
    }

    /// Why an event is not applied at all; `None` where it is, in its turn or later.
    pub(in crate::read) fn without(&self, event: &Event) -> Option<Without> {
        let at = event.position;
        match () {
            () if self.parks(event) => Some(Without::Parked),
            () if self.left_out.contains(&at) && self.applied_at(at).is_none() => {
                Some(Without::Skipped)
            }
            () => None,
        }
    }

    /// The next checkpoint after a position at which something is applied later.
    pub(in crate::read) fn next_after(&self, at: Position) -> Option<Position> {
        let after = (std::ops::Bound::Excluded(at), std::ops::Bound::Unbounded);
        self.later.range(after).next().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parked(positions: &[u64], recorded_to: u64) -> OutOfTurn {
        let positions = positions.iter().copied().map(Position::new);
        OutOfTurn {
            left_out: positions.clone().collect(),
            waiting: positions.collect(),
            recorded_to: Position::new(recorded_to),
            parked: [StreamId::new("order-1").unwrap()].into(),
            ..OutOfTurn::default()
        }
    }

    /// Applies what is parked.
    fn tried_again(mut parked: OutOfTurn, at: u64) -> OutOfTurn {
        let all = std::mem::take(&mut parked.waiting).into_iter().collect();
        parked.later.insert(Position::new(at), all);
        parked.parked.clear();
        parked.recorded_to = Position::new(at);
        parked
    }

    #[test]
    fn a_fold_stays_good_until_something_else_becomes_of_what_is_in_it() {
        let was = parked(&[5], 20);
        let folds = |now: &OutOfTurn, to| was.folds_as(now, Position::new(to));
        assert!(folds(&was, 20));
        let one_more = parked(&[5, 12], 30);
        assert!(folds(&one_more, 11));
        assert!(!folds(&one_more, 12));
        let applied = tried_again(was.clone(), 20);
        assert!(folds(&applied, 19));
        assert!(!folds(&applied, 20));
    }

    #[test]
    fn beyond_what_was_recorded_a_fold_is_good_only_while_the_same_streams_wait() {
        let was = parked(&[5], 20);
        let mut later = was.clone();
        later.recorded_to = Position::new(30);
        assert!(was.folds_as(&later, Position::new(25)));
        later.parked.clear();
        assert!(was.folds_as(&later, Position::new(20)));
        assert!(!was.folds_as(&later, Position::new(21)));
    }
}
