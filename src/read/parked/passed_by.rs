//! Which events a read model's checkpoint has passed without them: what whoever tells "it has this event" has to know.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::super::model::read_replay;
use super::{ParkedCount, ParkedSum, first_of, int, is_there, position};
use crate::event::{Position, StreamId};

/// Why a read model does not have an event that its checkpoint has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Without {
    /// It is parked, until somebody has it tried again or skips it.
    Parked,
    /// Somebody decided that it is left out.
    Skipped,
}

/// The events that a read model's checkpoint has passed without them, parked or skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassedBy {
    /// In order.
    events: Vec<(Position, Without)>,
    skipped: usize,
}

impl PassedBy {
    /// These events, in any order.
    pub fn new(mut events: Vec<(Position, Without)>) -> Self {
        events.sort_unstable_by_key(|(position, _)| *position);
        let skipped = |(_, why): &&(Position, Without)| *why == Without::Skipped;
        Self {
            skipped: events.iter().filter(skipped).count(),
            events,
        }
    }

    /// Why it does not have this event; `None`: what becomes of all events becomes of it.
    pub fn of(&self, event: Position) -> Option<Without> {
        self.among(event, event)
    }

    /// Why it does not have one of the events of a commit, from the first to the last: parked counts more than skipped.
    pub fn among(&self, first: Position, last: Position) -> Option<Without> {
        let from = self.events.partition_point(|(event, _)| *event < first);
        let these = self.events[from..].iter();
        let mut these = these.take_while(|(event, _)| *event <= last);
        let mut found = None;
        these.find(|(_, why)| {
            found = Some(*why);
            *why == Without::Parked
        });
        found
    }

    /// Whether any event was passed by for this reason.
    pub fn has(&self, why: Without) -> bool {
        match why {
            Without::Parked => self.events.len() > self.skipped,
            Without::Skipped => self.skipped > 0,
        }
    }

    pub(in crate::read) fn read(db: &Connection) -> rusqlite::Result<Self> {
        if !is_there(db)? {
            return Ok(Self::default());
        }
        let mut statement = db.prepare_cached(
            "SELECT position, state = 'parked' FROM _highwater_parked
             WHERE state IN ('parked', 'skipped') ORDER BY position",
        )?;
        let found = statement.query_map([], |row| {
            let why = if row.get(1)? {
                Without::Parked
            } else {
                Without::Skipped
            };
            Ok((position(row.get(0)?), why))
        })?;
        found.collect::<rusqlite::Result<_>>().map(Self::new)
    }

    /// The last event that was ever set aside: one look at the end of the table, and another one there each time that
    /// an event is set aside. What becomes of them later does not change it.
    pub(in crate::read) fn last(db: &Connection) -> rusqlite::Result<Option<Position>> {
        if !is_there(db)? {
            return Ok(None);
        }
        let sql = "SELECT max(position) FROM _highwater_parked";
        let last = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(Option::<i64>::map(last, position))
    }
}

/// What of one stream a read model has passed without it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfStream {
    /// What is parked of it. While anything is, nothing that follows in the stream is applied.
    pub parked: ParkedSum,
    /// How many of its events somebody skipped.
    pub skipped: u64,
    /// What becomes of those after the checkpoint.
    pub ahead: Ahead,
}

/// What becomes of the events of one stream that a read model has not reached, or, in a replay, meets again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Up to where events are applied again, but for those that were set aside.
    replay_to: Position,
    /// Those that were set aside, and what became of them.
    aside: BTreeMap<Position, Without>,
    /// Whether any event of the stream is parked: beyond the replay nothing is applied then.
    is_held: bool,
}

impl Ahead {
    /// Whether the read model will have an event once it has passed it, without anybody doing anything.
    pub fn comes(&self, event: Position) -> bool {
        !self.aside.contains_key(&event) && (event <= self.replay_to || !self.is_held)
    }

    /// Whether it will pass an event without it, for good.
    pub fn skips(&self, event: Position) -> bool {
        self.aside.get(&event) == Some(&Without::Skipped)
    }

    fn read(db: &Connection, stream: &StreamId, checkpoint: Position) -> rusqlite::Result<Self> {
        let mut found = db.prepare_cached(
            "SELECT position, state FROM _highwater_parked
             WHERE stream = ?1 AND position > ?2 AND state IN ('parked', 'skipped')",
        )?;
        let aside = found.query_map((stream.as_str(), int(checkpoint)), |row| {
            let without = match row.get::<_, String>(1)?.as_str() {
                "parked" => Without::Parked,
                _ => Without::Skipped,
            };
            Ok((position(row.get(0)?), without))
        })?;
        Ok(Self {
            replay_to: read_replay(db)?.map_or(Position::START, |replay| replay.goal),
            aside: aside.collect::<rusqlite::Result<_>>()?,
            is_held: first_of(db, stream)?.is_some(),
        })
    }
}

impl OfStream {
    /// Up to a checkpoint: in a replay, what comes after it is met again.
    pub(in crate::read) fn read(
        db: &Connection,
        stream: &StreamId,
        checkpoint: Position,
    ) -> rusqlite::Result<Self> {
        if !is_there(db)? {
            return Ok(Self::default());
        }
        let count = |state: &'static str| -> rusqlite::Result<u64> {
            // The state stands in the statement, so that the index of what waits can be used.
            let sql = format!(
                "SELECT count(*) FROM _highwater_parked
                 WHERE stream = ?1 AND position <= ?2 AND state = '{state}'"
            );
            let values = (stream.as_str(), int(checkpoint));
            let found: i64 = db
                .prepare_cached(&sql)?
                .query_row(values, |row| row.get(0))?;
            Ok(u64::try_from(found).unwrap_or(0))
        };
        let events = count("parked")?;
        let first = first_of(db, stream)?.map(|record| record.event);
        let streams = u64::from(events > 0);
        Ok(Self {
            parked: ParkedSum::new(
                ParkedCount { events, streams },
                first.filter(|_| events > 0),
            ),
            skipped: count("skipped")?,
            ahead: Ahead::read(db, stream, checkpoint)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_among_those_that_were_passed_by() {
        let at = Position::new;
        let events = vec![(at(9), Without::Skipped), (at(3), Without::Parked)];
        let passed = PassedBy::new(events);
        let found = [3, 4, 9, 10].map(|n| passed.of(at(n)));
        let expected = [Some(Without::Parked), None, Some(Without::Skipped), None];
        assert_eq!(found, expected);
        assert_eq!(passed.among(at(4), at(9)), Some(Without::Skipped));
        assert_eq!(passed.among(at(1), at(9)), Some(Without::Parked));
        assert_eq!(passed.among(at(4), at(8)), None);
        assert!(passed.has(Without::Parked) && passed.has(Without::Skipped));
        let skipped = PassedBy::new(vec![(at(9), Without::Skipped)]);
        assert!(!skipped.has(Without::Parked) && !PassedBy::default().has(Without::Skipped));
    }
}
