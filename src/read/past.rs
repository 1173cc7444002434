//! A read model as it was at any position: folded into a scratch file, then stepped forward event by event.
//! Stepping back is no fold from the beginning: copies of the file are kept on the way, and it goes on from
//! the nearest one before.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::fold::{Fold, FoldError};
use super::projection::Projection;
use super::query::{Answer, QueryError, Reader};
use super::scratch::Scratch;
use super::versions::remove_database;
use super::work::{Phase, Work};
use crate::event::{Position, Timestamp};
use crate::log::{EventLog, LogError, SharedLog};

/// Whoever steps back is likely to do so again: a copy is kept at most so many events before.
const NEAR: u64 = 1_000;

/// A read model as it was at a position. Its files are gone when it is dropped.
///
/// On disk there are at most as many copies as [`Past::open`] is told, one more near where it stands, and
/// the file itself; each is as large as the read model was then.
pub struct Past {
    scratch: Scratch,
    projection: Arc<dyn Projection>,
    log: SharedLog,
    work: Work,
    /// `None` before the first step, and where a file could not be exchanged: then it begins anew.
    fold: Option<Fold>,
    copies: Vec<Copy>,
    /// The last place that was stepped back to has one of its own.
    near: Option<Copy>,
    most: usize,
    /// Copies are kept at multiples of this.
    every: u64,
    files: u64,
}

/// The file as it was at a position.
struct Copy {
    at: Position,
    path: PathBuf,
}

impl Past {
    /// Begins before the first event, with room for so many copies.
    ///
    /// Errors: the log cannot be read.
    pub async fn open(
        scratch: Scratch,
        projection: Arc<dyn Projection>,
        log: SharedLog,
        copies: usize,
        work: Work,
    ) -> Result<Self, FoldError> {
        let head = log.head().await?;
        let every = head.get() / (copies as u64 + 1) + 1;
        Ok(Self {
            scratch,
            projection,
            log,
            work,
            fold: None,
            copies: Vec::new(),
            near: None,
            most: copies,
            every: every.max(NEAR),
            files: 0,
        })
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.fold.as_ref().map_or(Position::START, Fold::at)
    }

    /// What is folded.
    pub fn projection(&self) -> &Arc<dyn Projection> {
        &self.projection
    }

    /// How far the step under way is; it can be stopped there, and then stands where it came to.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// Its file, once there was a step: another one after stepping back.
    pub fn path(&mut self) -> Option<&Path> {
        self.fold.as_mut().map(|fold| fold.model_mut().path())
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
        let goes_back = self.fold.as_ref().is_some_and(|fold| fold.at() > position);
        if goes_back || self.fold.is_none() {
            self.begin_before(position)?;
            let near = Position::new(position.get() - position.get() % NEAR);
            if goes_back && self.position() < near {
                self.forward(near).await?;
                self.keep_near()?;
            }
        }
        self.forward(position).await
    }

    /// Asks it one of the projection's queries, as the read model would have answered then.
    ///
    /// Errors: as [`Reader::ask`]; there was no step yet.
    pub fn ask(
        &mut self,
        query: &str,
        parameters: &std::collections::BTreeMap<String, String>,
        limit: Duration,
    ) -> Result<Answer, QueryError> {
        let name = self.projection.name().to_owned();
        let Some(path) = self.path() else {
            return Err(QueryError::NoModel {
                projection: name,
                known: "go to a position first".to_owned(),
            });
        };
        Reader::at(path, &name)?.ask(query, parameters, limit)
    }

    /// Goes forward, keeping copies on the way.
    async fn forward(&mut self, position: Position) -> Result<(), FoldError> {
        loop {
            let Some(fold) = &mut self.fold else {
                return Ok(());
            };
            let at = fold.at();
            if at >= position {
                return Ok(());
            }
            let next = Position::new((at.get() / self.every + 1).saturating_mul(self.every));
            fold.to(next.min(position)).await?;
            if next <= position && self.most > 0 && !self.copies.iter().any(|copy| copy.at == next)
            {
                let copy = self.copy()?;
                self.copies.push(copy);
                self.thin_out()?;
            }
        }
    }

    /// Takes every other copy away, where the log has grown and there are too many.
    fn thin_out(&mut self) -> Result<(), FoldError> {
        if self.copies.len() <= self.most {
            return Ok(());
        }
        self.every *= 2;
        let every = self.every;
        let is_kept = |copy: &Copy| copy.at.get().is_multiple_of(every);
        for copy in self.copies.extract_if(.., |copy| !is_kept(copy)) {
            remove(&copy.path)?;
        }
        Ok(())
    }

    fn keep_near(&mut self) -> Result<(), FoldError> {
        if let Some(old) = self.near.take() {
            remove(&old.path)?;
        }
        let is_there = self.copies.iter().any(|copy| copy.at == self.position());
        if !is_there {
            self.near = Some(self.copy()?);
        }
        Ok(())
    }

    /// Goes on from the nearest copy at or before a position, or from the beginning.
    fn begin_before(&mut self, position: Position) -> Result<(), FoldError> {
        if let Some(fold) = self.fold.take() {
            remove(&fold.close())?;
        }
        let copies = self.copies.iter().chain(&self.near);
        let nearest = copies
            .filter(|copy| copy.at <= position)
            .max_by_key(|copy| copy.at)
            .map(|copy| (copy.at, copy.path.clone()));
        let path = self.next_file();
        let (projection, log, work) = (&self.projection, &self.log, &self.work);
        let fold = match nearest {
            Some((at, copy)) => {
                fs::copy(&copy, &path).map_err(|e| disk(at, &e))?;
                Fold::go_on(&path, projection, log, work)?
            }
            None => Fold::begin(&path, projection, log, work)?,
        };
        self.fold = Some(fold);
        Ok(())
    }

    /// Copies the file as it is. It is closed meanwhile, so that all of it is in one file; on file systems
    /// that can, the copy shares its blocks.
    fn copy(&mut self) -> Result<Copy, FoldError> {
        let at = self.position();
        let to = self.next_file();
        let Some(fold) = self.fold.take() else {
            return Err(FoldError::Disk {
                at,
                reason: "there is no file to copy yet".to_owned(),
            });
        };
        let path = fold.close();
        fs::copy(&path, &to).map_err(|e| disk(at, &e))?;
        let copied = Fold::go_on(&path, &self.projection, &self.log, &self.work)?;
        self.fold = Some(copied);
        Ok(Copy { at, path: to })
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
