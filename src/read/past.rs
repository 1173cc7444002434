//! A read model as it was at any position: folded into a scratch file, then stepped forward event by event.
//! Stepping back is no fold from the beginning: copies of the file are kept on the way, and it goes on from
//! the nearest one before.

mod beside;
mod moment;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::afresh::{Afresh, FoldError};
use super::parked::OutOfTurn;
use super::projection::Projection;
use super::query::{Answer, QueryError, Reader};
use super::scratch::{Scratch, copy_database};
use super::versions::remove_database;
use super::work::{Phase, Work};
use crate::event::{Position, StreamId, Timestamp, Version};
use crate::log::{EventLog, LogError, SharedLog};

pub use beside::{Beside, beside};
pub use moment::{Changed, Rows, Shown};

/// Whoever steps back is likely to do so again: a copy is kept at most so many events before.
const NEAR: u64 = 1_000;

/// A read model as it was at a position. Its files are gone when it is dropped.
///
/// On disk there are at most as many copies as [`Past::open`] is told, one more near where it stands, and
/// the file itself, twice while it steps back; each is as large as the read model was then.
pub struct Past {
    // Closed before the folder it lies in is removed.
    fold: Afresh,
    scratch: Scratch,
    projection: Arc<dyn Projection>,
    log: SharedLog,
    work: Work,
    copies: Vec<Copy>,
    /// The last place that was stepped back to has one of its own.
    near: Option<Copy>,
    most: usize,
    /// Copies are kept at multiples of this.
    every: u64,
    files: u64,
    aside: OutOfTurn,
}

/// The file as it was at a position.
struct Copy {
    at: Position,
    path: PathBuf,
}

impl Past {
    /// Begins before the first event, with room for so many copies.
    ///
    /// Errors: the log cannot be read, the file cannot be made.
    pub async fn open(
        scratch: Scratch,
        projection: Arc<dyn Projection>,
        log: SharedLog,
        copies: usize,
        work: Work,
    ) -> Result<Self, FoldError> {
        let head = log.head().await?;
        let every = head.get() / (copies as u64).saturating_add(1) + 1;
        let fold = Afresh::begin(&scratch.file("past-0.db"), &projection, &log, &work)?;
        Ok(Self {
            fold,
            scratch,
            projection,
            log,
            work,
            copies: Vec::new(),
            near: None,
            most: copies,
            every: every.max(NEAR),
            files: 0,
            aside: OutOfTurn::default(),
        })
    }

    /// Sets aside what a read model set aside, and applies it when that did; told before it is stepped.
    ///
    /// Errors: the read model's file cannot be used.
    pub fn like(mut self, read_model: &Path) -> Result<Self, FoldError> {
        self.aside = OutOfTurn::of(read_model)?;
        self.fold = self.fold.like(self.aside.clone());
        Ok(self)
    }

    /// Tells it what the read model has set aside since, and applied later. Answers whether what is folded is good:
    /// else something else has become of an event in it.
    ///
    /// Errors: the read model's file cannot be used.
    pub fn go_on_like(&mut self, read_model: &Path) -> Result<bool, FoldError> {
        let aside = OutOfTurn::of(read_model)?;
        let copies = self.copies.iter().chain(&self.near).map(|copy| copy.at);
        let furthest = copies.fold(self.position(), Position::max);
        let is_good = self.aside.folds_as(&aside, furthest);
        if is_good {
            self.aside = aside;
            self.fold.be_like(self.aside.clone());
        }
        Ok(is_good)
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.fold.at()
    }

    /// What is folded.
    pub fn projection(&self) -> &Arc<dyn Projection> {
        &self.projection
    }

    /// How far the step under way is; it can be stopped there, and then stands where it came to.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// Its file: another one after each step back.
    pub fn path(&self) -> &Path {
        self.fold.path()
    }

    /// Goes to a position, forward or back. Position 0 is the empty read model.
    ///
    /// Errors: [`FoldError::BeyondHead`] before anything is done; else it stands where it came to.
    pub async fn step_to(&mut self, position: Position) -> Result<(), FoldError> {
        let head = self.log.head().await?;
        if position > head {
            return Err(FoldError::BeyondHead {
                goal: position,
                head,
            });
        }
        self.work.begin(Phase::Folding, position.get());
        if position < self.position() {
            self.begin_before(position)?;
            let near = Position::new(position.get() - position.get() % NEAR);
            if self.position() < near {
                self.forward(near).await?;
                self.keep_near()?;
            }
        }
        self.forward(position).await
    }

    /// Whether it could be asked a query with these parameters, wherever it stands.
    ///
    /// Errors: what is wrong with them.
    pub fn check(
        &self,
        query: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<(), QueryError> {
        self.reader()?.check(query, parameters)
    }

    /// Asks it one of the projection's queries, as the read model would have answered then.
    ///
    /// Errors: as [`Reader::ask`].
    pub fn ask(
        &self,
        query: &str,
        parameters: &BTreeMap<String, String>,
        limit: Duration,
    ) -> Result<Answer, QueryError> {
        self.reader()?.ask(query, parameters, limit)
    }

    fn reader(&self) -> Result<Reader, QueryError> {
        Reader::at(self.path(), &self.projection)
    }

    /// Goes forward, keeping copies on the way.
    async fn forward(&mut self, position: Position) -> Result<(), FoldError> {
        while self.position() < position {
            let at = self.position().get();
            let next = Position::new((at / self.every + 1).saturating_mul(self.every));
            self.fold.to(next.min(position)).await?;
            let is_there = self.copies.iter().any(|copy| copy.at == next);
            if next <= position && self.most > 0 && !is_there {
                let copy = self.copy()?;
                self.copies.push(copy);
                self.thin_out()?;
            }
        }
        Ok(())
    }

    /// Takes every other copy away, where the log has grown and there are too many.
    fn thin_out(&mut self) -> Result<(), FoldError> {
        while self.copies.len() > self.most {
            self.every *= 2;
            let every = self.every;
            let goes = |copy: &mut Copy| !copy.at.get().is_multiple_of(every);
            for copy in self.copies.extract_if(.., goes) {
                remove(&copy.path)?;
            }
        }
        Ok(())
    }

    fn keep_near(&mut self) -> Result<(), FoldError> {
        if let Some(old) = self.near.take() {
            remove(&old.path)?;
        }
        let at = self.position();
        if self.most > 0 && !self.copies.iter().any(|copy| copy.at == at) {
            self.near = Some(self.copy()?);
        }
        Ok(())
    }

    /// Goes on from the nearest copy at or before a position, or from the beginning.
    fn begin_before(&mut self, position: Position) -> Result<(), FoldError> {
        let copies = self.copies.iter().chain(&self.near);
        let nearest = copies
            .filter(|copy| copy.at <= position)
            .max_by_key(|copy| copy.at);
        let from = nearest.map(|copy| (copy.at, copy.path.clone()));
        let path = self.next_file();
        let (projection, log, work) = (&self.projection, &self.log, &self.work);
        let fold = match from {
            Some((at, copy)) => {
                // Nobody has a copy open; where the file system can, the two share their blocks.
                fs::copy(&copy, &path).map_err(|e| disk(at, &e))?;
                Afresh::go_on(&path, projection, log, work)?
            }
            None => Afresh::begin(&path, projection, log, work)?,
        };
        let fold = fold.like(self.aside.clone());
        let old = std::mem::replace(&mut self.fold, fold);
        remove(&old.close())
    }

    fn copy(&mut self) -> Result<Copy, FoldError> {
        let at = self.position();
        let path = self.next_file();
        copy_database(self.path(), &path, &self.work).map_err(|error| {
            // Half of it is of no use to anybody.
            drop(remove_database(&path));
            if self.work.is_stopped() {
                return FoldError::Stopped { at, of: at };
            }
            error.into()
        })?;
        Ok(Copy { at, path })
    }

    fn next_file(&mut self) -> PathBuf {
        self.files += 1;
        self.scratch.file(&format!("past-{}.db", self.files))
    }
}

fn remove(path: &Path) -> Result<(), FoldError> {
    remove_database(path).map_err(|e| disk(Position::START, &e))
}

fn disk(at: Position, error: &std::io::Error) -> FoldError {
    FoldError::Disk {
        at,
        reason: error.to_string(),
    }
}

/// The last event that was recorded at a time or before: where the log's head was then. 0 where the first
/// event came later. A few events are read, however long the log is.
///
/// Errors: the log cannot be read.
pub async fn position_at(log: &dyn EventLog, time: Timestamp) -> Result<Position, LogError> {
    // All up to `low` were recorded by then, and nothing after `high`.
    let (mut low, mut high) = (0, log.head().await?.get());
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let page = log.read_all(Position::new(middle - 1), 1).await?;
        match page.first() {
            Some(event) if event.recorded_at <= time => low = middle,
            _ => high = middle - 1,
        }
    }
    Ok(Position::new(low))
}

/// How many events a stream has up to a position, with it: what its version was then.
///
/// Errors: the log cannot be read.
pub async fn version_at(
    log: &dyn EventLog,
    stream: &StreamId,
    position: Position,
) -> Result<Version, LogError> {
    let page = log.read_stream(stream, Version::NONE, 1).await?;
    // The first `low` are up to there, and none after `high`.
    let (mut low, mut high) = (0, page.version.get());
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let page = log.read_stream(stream, Version::new(middle - 1), 1).await?;
        match page.events.first() {
            Some(event) if event.position <= position => low = middle,
            _ => high = middle - 1,
        }
    }
    Ok(Version::new(low))
}
