//! One moment of the past: what its event changed, and some of the rows after it.

use super::super::afresh::FoldError;
use super::super::contents::{Cell, Cursor, Row, quoted};
use super::super::difference::{Comparison, Reading, compare_readings};
use super::super::model::io;
use super::super::parked::Without;
use super::Past;
use crate::event::{Event, Position};

/// An event of the past, and what it changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// The event.
    pub event: Event,
    /// Whether the projection takes it.
    pub takes: bool,
    /// At which position it was applied, where that was not when its turn came.
    pub later: Option<Position>,
    /// Why it was not applied at all.
    pub without: Option<Without>,
    /// Earlier events that were applied after it, since they were left out in their turn.
    pub late: Vec<Position>,
    /// The rows before it (here) beside those after it (there); `None` where nothing is applied at its position.
    pub rows: Option<Comparison>,
}

/// Which rows somebody looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shown {
    /// Of which table, counted from 0 in the order of their names.
    pub table: usize,
    /// How many rows stand before the first.
    pub first: u64,
    /// At most so many.
    pub most: usize,
}

/// Some rows of one table, as they were.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// The names of all tables.
    pub tables: Vec<String>,
    /// Which of them, by its place; 0 where there is none.
    pub table: usize,
    /// Its columns.
    pub columns: Vec<String>,
    /// How many rows it has.
    pub count: u64,
    /// How many of them stand before the first that is here.
    pub first: u64,
    /// The rows, by key.
    pub rows: Vec<Vec<Cell>>,
}

impl Past {
    /// Goes to a position and answers what its event changed, at most `most` rows of it; `None` at position 0.
    /// All rows are compared, so that nothing can have changed unseen.
    ///
    /// Errors: as [`Past::step_to`].
    pub async fn step_and_compare(
        &mut self,
        position: Position,
        most: usize,
    ) -> Result<Option<Changed>, FoldError> {
        let head = self.log.head().await?;
        if position > head || position == Position::START {
            return self.step_to(position).await.map(|()| None);
        }
        let before = Position::new(position.get() - 1);
        if self.position() != before {
            self.step_to(before).await?;
        }
        let Some(event) = self.event_after(before).await? else {
            return self.step_to(position).await.map(|()| None);
        };
        let takes = self.projection.subscription().takes_event(&event);
        let late = self.aside.later_at(position).iter().copied();
        let mut changed = Changed {
            event,
            takes,
            later: None,
            without: None,
            late: late.filter(|event| *event != position).collect(),
            rows: None,
        };
        self.recall(&mut changed);
        if !takes && changed.late.is_empty() {
            self.forward(position).await?;
            return Ok(Some(changed));
        }
        let path = self.path().to_owned();
        // What is open goes on reading the rows as they were, however the file changes.
        let was = Reading::begin(&path, &self.work).map_err(io(&path))?;
        self.forward(position).await?;
        let is = Reading::begin(&path, &self.work).map_err(io(&path))?;
        let rows = compare_readings((&was, &is), most, &self.work);
        let rows = rows.map_err(|(_, error)| match error {
            _ if self.work.is_stopped() => FoldError::Stopped {
                at: position,
                of: position,
            },
            error => io(&path)(error).into(),
        })?;
        changed.rows = Some(rows);
        Ok(Some(changed))
    }

    /// What became of the event, as was said last.
    pub fn recall(&self, changed: &mut Changed) {
        let position = changed.event.position;
        let later = self.aside.applied_at(position);
        changed.later = later.filter(|at| *at != position);
        let without = self.aside.without(&changed.event);
        changed.without = without.filter(|_| changed.takes);
    }

    /// The event at which it stands; `None` at position 0.
    ///
    /// Errors: the log cannot be read.
    pub async fn event(&self) -> Result<Option<Event>, FoldError> {
        match self.position().get().checked_sub(1) {
            Some(before) => self.event_after(Position::new(before)).await,
            None => Ok(None),
        }
    }

    async fn event_after(&self, position: Position) -> Result<Option<Event>, FoldError> {
        Ok(self.log.read_all(position, 1).await?.into_iter().next())
    }

    /// Some of the rows where it stands; no more than these are read. Beyond the end are the last of them.
    ///
    /// Errors: the file cannot be read.
    pub fn rows(&self, shown: Shown) -> Result<Rows, FoldError> {
        let fail = io(self.path());
        Ok(self.read_rows(shown).map_err(fail)?)
    }

    /// How many rows of a table stand before the first that an event changed; `None` where it changed none that
    /// a key names and that is still there.
    ///
    /// Errors: the file cannot be read.
    pub fn first_changed(&self, changed: &Changed, table: usize) -> Result<Option<u64>, FoldError> {
        let fail = io(self.path());
        let Some(rows) = &changed.rows else {
            return Ok(None);
        };
        let name = self.tables().map_err(&fail)?.into_iter().nth(table);
        let found = rows.differences.iter().map(|difference| &difference.find);
        let found = found.filter(|found| Some(&found.table.name) == name.as_ref());
        Ok(self.place_of(found).map_err(fail)?)
    }

    fn tables(&self) -> rusqlite::Result<Vec<String>> {
        let Reading { tables, .. } = Reading::begin(self.path(), &self.work)?;
        Ok(tables.into_iter().map(|table| table.name).collect())
    }

    fn read_rows(&self, shown: Shown) -> rusqlite::Result<Rows> {
        let Reading { db, tables } = Reading::begin(self.path(), &self.work)?;
        let at = shown.table.min(tables.len().saturating_sub(1));
        let Some(table) = tables.get(at) else {
            return Ok(Rows::default());
        };
        let count = format!("SELECT count(*) FROM main.{}", quoted(&table.name));
        let count: i64 = db.query_row(&count, [], |row| row.get(0))?;
        let count = count.unsigned_abs();
        let first = shown.first.min(count.saturating_sub(shown.most as u64));
        let order: Vec<String> = table.key.iter().map(|column| quoted(column)).collect();
        let order = if order.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {}", order.join(", "))
        };
        let (select, most) = (table.select(), shown.most);
        let mut select = db.prepare(&format!("{select}{order} LIMIT {most} OFFSET {first}"))?;
        let mut cursor = Cursor::over(&mut select, table);
        let (mut row, mut rows) = (Row::default(), Vec::new());
        while cursor.next(&mut row)? {
            rows.push(row.cells());
        }
        drop(cursor);
        Ok(Rows {
            tables: tables.iter().map(|table| table.name.clone()).collect(),
            table: at,
            columns: table.columns.clone(),
            count,
            first,
            rows,
        })
    }
}
