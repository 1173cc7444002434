//! Why rows differ between two versions: both definitions are folded from the beginning, event by event, and
//! each row that differs in the end is looked at whenever an event has touched it. What explains it is the
//! event since which the two have it differently, without a break.
//!
//! In the end the folds are compared with what is stored. A row that its own definition does not make of the
//! log was changed by nobody's event, and so no event is named.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::afresh::{Afresh, FoldError};
use super::contents::{Row, Table, value};
use super::copied::Copied;
use super::difference::{Difference, Side};
use super::model::io;
use super::parked::OutOfTurn;
use super::parting::{find, select_by_key};
use super::projection::Projection;
use super::scratch::Scratch;
use super::touched::{Key, Touched, key_of};
use super::work::{Phase, Work};
use crate::event::{Event, EventType, Position, StreamId};
use crate::log::SharedLog;

/// How many events are read at once.
const PAGE: usize = 1_000;

/// What explains that a row differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// This event: the two have the row differently since then, without a break.
    Event {
        /// Its position.
        position: Position,
        /// Its stream.
        stream: StreamId,
        /// Its type.
        event_type: EventType,
        /// Which of the two has parked it, where one has.
        parked: Option<Side>,
    },
    /// Their schemas do: the two have had the row differently since before the first event.
    Schema,
    /// No event does: of this side, the row is not what its own definition makes of the log.
    NoEvent(Side),
    /// It was not looked for: no primary key names the row.
    Unnamed,
}

impl Because {
    /// The position of the event, where one explains it.
    pub const fn position(&self) -> Option<Position> {
        match self {
            Self::Event { position, .. } => Some(*position),
            Self::Schema | Self::NoEvent(_) | Self::Unnamed => None,
        }
    }
}

/// One of the two versions, with what it is folded with.
pub(super) type Version<'a> = (&'a Copied, &'a Arc<dyn Projection>);

/// For each of the differences between two versions at a position, what explains it.
pub(super) async fn explain(
    (here, there): (Version<'_>, Version<'_>),
    differences: &[Difference],
    goal: Position,
    log: &SharedLog,
    scratch: &Scratch,
    work: &Work,
) -> Result<Vec<Because>, FoldError> {
    let mut all = Explaining::new(differences);
    if all.tables.is_empty() {
        return Ok(all.explained());
    }
    work.begin(Phase::Searching, goal.get());
    let begin = |file, (copied, folded_with): Version<'_>| {
        let fold = Afresh::begin(&scratch.file(file), folded_with, log, work)?;
        Ok::<_, FoldError>(fold.like(copied.aside.clone()))
    };
    let mut folds = [begin("old.db", here)?, begin("new.db", there)?];
    let told = all.watch(&mut folds)?;
    let asides = [&here.0.aside, &there.0.aside];
    let mut at = Position::START;
    all.look(&mut folds, &told, None, &asides)?;
    while at < goal {
        if work.is_stopped() {
            return Err(FoldError::Stopped { at, of: goal });
        }
        let page = log.read_all(at, PAGE).await?;
        let Some(last) = page.last().map(|event| event.position) else {
            break;
        };
        for event in page.iter().filter(|event| event.position <= goal) {
            let [old, new] = &mut folds;
            let taken = [
                old.take_one(event, goal).await?,
                new.take_one(event, goal).await?,
            ];
            if taken.contains(&true) {
                all.look(&mut folds, &told, Some(event), &asides)?;
            }
        }
        at = last;
        work.did(at.min(goal).get());
    }
    all.compare_with_stored(&mut folds)?;
    Ok(all.explained())
}

/// The rows that differ in the end.
struct Explaining<'d> {
    rows: Vec<Watched<'d>>,
    /// The tables that have such rows, by number.
    tables: Vec<Table>,
    by_key: HashMap<Key, usize>,
    /// Of these nobody tells when they are written.
    silent: Vec<usize>,
}

impl<'d> Explaining<'d> {
    fn new(differences: &'d [Difference]) -> Self {
        let mut all = Self {
            rows: Vec::with_capacity(differences.len()),
            tables: Vec::new(),
            by_key: HashMap::new(),
            silent: Vec::new(),
        };
        for difference in differences {
            let row = Watched::new(difference);
            if let Some(named) = row.row {
                let table = &difference.find.table;
                let known = all.tables.iter().position(|t| t.name == table.name);
                let number = known.unwrap_or_else(|| {
                    all.tables.push(table.clone());
                    all.tables.len() - 1
                });
                let key = key_of(named.key.iter().map(|bytes| value(bytes)));
                all.by_key.insert((number, key), all.rows.len());
            }
            all.rows.push(row);
        }
        all
    }

    /// Has both folds tell which rows they touch.
    fn watch(&mut self, folds: &mut [Afresh; 2]) -> Result<[Touched; 2], FoldError> {
        let mut silent = BTreeSet::new();
        let mut begin = |fold: &mut Afresh| {
            let fail = io(fold.path());
            let db = fold.model_mut().database();
            // Nobody else reads it, and locks taken for each event cost more than the event.
            let watched = db
                .pragma_update(None, "locking_mode", "exclusive")
                .and_then(|()| Touched::watch(db, &self.tables));
            let (touched, cannot) = watched.map_err(fail)?;
            silent.extend(cannot);
            Ok::<_, FoldError>(touched)
        };
        let [old, new] = folds;
        let told = [begin(old)?, begin(new)?];
        let rows = self.by_key.iter();
        let rows = rows.filter(|((table, _), _)| silent.contains(table));
        self.silent = rows.map(|(_, row)| *row).collect();
        Ok(told)
    }

    /// Looks at the rows that an event has touched; at all of them before the first.
    fn look(
        &mut self,
        folds: &mut [Afresh; 2],
        told: &[Touched; 2],
        event: Option<&Event>,
        asides: &[&OutOfTurn; 2],
    ) -> Result<(), FoldError> {
        let touched = told.iter().flat_map(Touched::take);
        let touched = touched.filter_map(|key| self.by_key.get(&key).copied());
        let mut rows: BTreeSet<usize> = touched.collect();
        match event {
            Some(_) => rows.extend(&self.silent),
            None => rows.extend(self.by_key.values()),
        }
        for row in rows {
            let row = &mut self.rows[row];
            let [old, new] = row.states(folds)?;
            if old == new {
                row.since = None;
            } else if row.since.is_none() {
                let since = event.map(|event| because(event, asides));
                row.since = Some(since.unwrap_or(Because::Schema));
            }
        }
        Ok(())
    }

    /// What is stored of a row may be nobody's work.
    fn compare_with_stored(&mut self, folds: &mut [Afresh; 2]) -> Result<(), FoldError> {
        for row in self.rows.iter_mut().filter(|row| row.row.is_some()) {
            let [old, new] = row.states(folds)?;
            let found = &row.difference.find;
            let stored = |row: &Option<Row>| row.as_ref().map(|row| row.bytes.clone());
            if old != stored(&found.here) {
                row.since = Some(Because::NoEvent(Side::Here));
            } else if new != stored(&found.there) {
                row.since = Some(Because::NoEvent(Side::There));
            }
        }
        Ok(())
    }

    fn explained(self) -> Vec<Because> {
        let rows = self.rows.into_iter();
        rows.map(|row| row.since.unwrap_or(Because::Unnamed))
            .collect()
    }
}

fn because(event: &Event, [here, there]: &[&OutOfTurn; 2]) -> Because {
    Because::Event {
        position: event.position,
        stream: event.stream.clone(),
        event_type: event.event_type.clone(),
        parked: if there.parks(event) {
            Some(Side::There)
        } else {
            here.parks(event).then_some(Side::Here)
        },
    }
}

/// A row that differs in the end.
struct Watched<'d> {
    difference: &'d Difference,
    /// `None` where nothing names it.
    row: Option<&'d Row>,
    sql: String,
    /// Since when it differs; `None` while it does not.
    since: Option<Because>,
}

impl<'d> Watched<'d> {
    fn new(difference: &'d Difference) -> Self {
        let found = &difference.find;
        let row = found.here.as_ref().or(found.there.as_ref());
        Self {
            difference,
            row: row.filter(|row| row.is_named()),
            sql: select_by_key(&found.table),
            since: None,
        }
    }

    /// What the two folds have for it now.
    fn states(&self, [old, new]: &mut [Afresh; 2]) -> Result<[Option<Vec<u8>>; 2], FoldError> {
        let of = |fold: &mut Afresh| {
            let state = self.state(fold.model_mut().database());
            state.map_err(io(fold.path()))
        };
        Ok([of(old)?, of(new)?])
    }

    fn state(&self, db: &Connection) -> rusqlite::Result<Option<Vec<u8>>> {
        let Some(row) = self.row else {
            return Ok(None);
        };
        let key: Vec<ValueRef<'_>> = row.key.iter().map(|bytes| value(bytes)).collect();
        let table = &self.difference.find.table;
        find(db, table, &self.sql, &key, |found| {
            found.compare_keys(row).is_eq()
        })
    }
}
