//! Two versions of one read model beside each other, at the same position: which rows differ, and for each
//! the first event that explains it.
//!
//! Both are copied, and what lags is folded forward in its copy: the versions themselves go on. Then both
//! definitions are folded from the beginning, event by event, and the rows that differ in the end are looked
//! at after each: what explains a row is the first event after which the two had it differently.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::afresh::{Afresh, FoldError};
use super::contents::{Row, value};
use super::difference::{Comparison, Difference, compare};
use super::model::{
    About, Checkpoint, ModelError, io, open_to_read, read_about, read_checkpoint, read_replay,
};
use super::parked::OutOfTurn;
use super::parting::{find, select_by_key};
use super::projection::Projection;
use super::runner::is_foreign;
use super::scratch::{Scratch, copy_connection};
use super::verify::VerifyError;
use super::versions::remove_database;
use super::work::{Phase, Work};
use crate::event::{Event, EventType, Position, StreamId};
use crate::log::SharedLog;

/// How many events are read at once.
const PAGE: usize = 1_000;

/// A copy of one version, as it was at one moment.
#[derive(Debug)]
pub struct Copied {
    path: PathBuf,
    /// What its file says of itself.
    pub about: About,
    /// Up to where it has the log.
    pub checkpoint: Checkpoint,
}

/// Two versions beside each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    /// What the version is called that answers.
    pub live: String,
    /// What the new one is called.
    pub new: String,
    /// The position at which they were compared.
    pub position: Position,
    /// The version that answers (here) beside the new one (there).
    pub comparison: Comparison,
    /// For each of the differences told: the first event after which the two differed in that row; `None`
    /// where no primary key names the row.
    pub because: Vec<Option<Because>>,
}

/// The event that explains a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// Its position.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its type.
    pub event_type: EventType,
}

impl From<&Event> for Because {
    fn from(event: &Event) -> Self {
        Self {
            position: event.position,
            stream: event.stream.clone(),
            event_type: event.event_type.clone(),
        }
    }
}

impl Copied {
    /// Copies the file of a version, or what a link names: rows and checkpoint of one moment.
    ///
    /// Errors: it cannot be read, the copy cannot be written, the work was stopped, or a replay is under way.
    pub fn of(
        path: &Path,
        scratch: &Scratch,
        name: &str,
        work: &Work,
    ) -> Result<Self, VerifyError> {
        work.begin(Phase::Copying, 0);
        let mut db = open_to_read(path)?;
        let copy = scratch.file(name);
        copy_connection(&mut db, &copy, work).map_err(|error| {
            if work.is_stopped() {
                return VerifyError::Stopped {
                    phase: Phase::Copying,
                    at: Position::START,
                    of: Position::START,
                    differing: None,
                };
            }
            io(path)(error).into()
        })?;
        let db = open_to_read(&copy)?;
        let about = read_about(&db).map_err(io(path))?;
        let checkpoint = read_checkpoint(&db).map_err(io(path))?;
        match read_replay(&db).map_err(io(path))? {
            Some(replay) if checkpoint.position < replay.goal => Err(VerifyError::Replaying {
                projection: about.projection,
                at: checkpoint.position,
                goal: replay.goal,
            }),
            _ => Ok(Self {
                path: copy,
                about,
                checkpoint,
            }),
        }
    }
}

/// Compares the copy of the version that answers with that of a new one, each with what it is folded with,
/// at the position of whichever is further. At most `most` rows are told and explained; all are counted.
///
/// Errors: [`VerifyError`].
pub async fn diff(
    live: (&Copied, &Arc<dyn Projection>),
    new: (&Copied, &Arc<dyn Projection>),
    log: &SharedLog,
    scratch: &Scratch,
    most: usize,
    work: &Work,
) -> Result<Diff, VerifyError> {
    let projection = &live.0.about.projection;
    let goal = live.0.checkpoint.position.max(new.0.checkpoint.position);
    for (copy, folded_with) in [live, new] {
        if is_foreign(&**log, &copy.checkpoint).await? {
            return Err(VerifyError::Ahead {
                projection: projection.clone(),
                position: copy.checkpoint.position,
            });
        }
        if copy.checkpoint.position < goal {
            work.begin(Phase::Folding, goal.get());
            let forward = async {
                let mut fold = Afresh::go_on(&copy.path, folded_with, log, work)?
                    .like(OutOfTurn::of(&copy.path)?);
                fold.to(goal).await
            };
            forward
                .await
                .map_err(|e| failed(projection, e, Phase::Folding, None))?;
        }
    }
    let comparison = compare(&live.0.path, &new.0.path, most, work);
    let comparison = comparison.map_err(|error| {
        if work.is_stopped() {
            let error = FoldError::Stopped { at: goal, of: goal };
            return failed(projection, error, Phase::Comparing, None);
        }
        VerifyError::Model(error)
    })?;
    let total = comparison.total;
    let folds = [
        (live.1, scratch.file("old.db")),
        (new.1, scratch.file("new.db")),
    ];
    let aside = [OutOfTurn::of(&live.0.path)?, OutOfTurn::of(&new.0.path)?];
    let because = explain(&folds, &aside, &comparison.differences, goal, log, work)
        .await
        .map_err(|e| failed(projection, e, Phase::Searching, Some(total)))?;
    Ok(Diff {
        live: live.0.about.label(),
        new: new.0.about.label(),
        position: goal,
        comparison,
        because,
    })
}

fn failed(projection: &str, error: FoldError, phase: Phase, differing: Option<u64>) -> VerifyError {
    match error {
        FoldError::Stopped { at, of } => VerifyError::Stopped {
            phase,
            at,
            of,
            differing,
        },
        error => VerifyError::Fold {
            projection: projection.to_owned(),
            error,
        },
    }
}

/// Folds both definitions side by side, and finds the first event after which they had each row differently.
async fn explain(
    folds: &[(&Arc<dyn Projection>, PathBuf); 2],
    aside: &[OutOfTurn; 2],
    differences: &[Difference],
    goal: Position,
    log: &SharedLog,
    work: &Work,
) -> Result<Vec<Option<Because>>, FoldError> {
    let mut watched: Vec<Watched> = differences.iter().map(Watched::new).collect();
    work.begin(Phase::Searching, goal.get());
    let mut old = Afresh::begin(&folds[0].1, folds[0].0, log, work)?.like(aside[0].clone());
    let mut new = Afresh::begin(&folds[1].1, folds[1].0, log, work)?.like(aside[1].clone());
    let mut at = Position::START;
    while at < goal && watched.iter().any(Watched::is_open) {
        if work.is_stopped() {
            return Err(FoldError::Stopped { at, of: goal });
        }
        let page = log.read_all(at, PAGE).await?;
        let Some(last) = page.last().map(|event| event.position) else {
            break;
        };
        for event in page.iter().filter(|event| event.position <= goal) {
            let taken = [old.take_one(event).await?, new.take_one(event).await?];
            if taken.contains(&true) {
                look(&mut old, &mut new, &mut watched, event)?;
            }
        }
        at = last;
        work.did(at.min(goal).get());
    }
    for path in [old.close(), new.close()] {
        remove_database(&path).map_err(|e| ModelError::Io {
            path: path.clone(),
            reason: e.to_string(),
        })?;
    }
    Ok(watched.into_iter().map(|row| row.because).collect())
}

fn look(
    old: &mut Afresh,
    new: &mut Afresh,
    watched: &mut [Watched],
    event: &Event,
) -> Result<(), FoldError> {
    for row in watched.iter_mut().filter(|row| row.is_open()) {
        let before = row.state(old.model_mut().database());
        let before = before.map_err(io(old.path()))?;
        let after = row.state(new.model_mut().database());
        if before != after.map_err(io(new.path()))? {
            row.because = Some(event.into());
        }
    }
    Ok(())
}

/// A row that differs in the end.
struct Watched<'d> {
    difference: &'d Difference,
    row: Option<&'d Row>,
    sql: String,
    because: Option<Because>,
}

impl<'d> Watched<'d> {
    fn new(difference: &'d Difference) -> Self {
        let found = &difference.find;
        let row = found.here.as_ref().or(found.there.as_ref());
        Self {
            difference,
            row: row.filter(|row| row.is_named()),
            sql: select_by_key(&found.table),
            because: None,
        }
    }

    /// Whether it is still to be explained, and can be.
    fn is_open(&self) -> bool {
        self.because.is_none() && self.row.is_some()
    }

    /// What a fold has for it now.
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
