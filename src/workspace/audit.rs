//! Who did what to which projection, what became of it, and taking the last of it back.

use std::collections::BTreeSet;
use std::time::Duration;

use super::operations::{self, CannotUndo, Operation, Recorded};
use super::{Done, Workspace, WorkspaceError};
use crate::event::Position;

/// A request that was taken back, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The position of the request that was to be taken back.
    pub position: Position,
    /// What had been asked for.
    pub was: String,
    /// The position of the request that takes it back.
    pub asked: Position,
    /// What was asked for instead.
    pub by: Operation,
    /// How that ended.
    pub done: Done,
}

impl Workspace {
    /// What was asked of one projection, or of all that there are and were, oldest first.
    ///
    /// Errors: no such projection, the log.
    pub async fn history(&self, projection: Option<&str>) -> Result<Vec<Recorded>, WorkspaceError> {
        let names = match projection {
            Some(name) => BTreeSet::from([name.to_owned()]),
            None => self.projections_ever()?,
        };
        let mut all = Vec::new();
        for name in &names {
            let stream = operations::stream(name)?;
            let (recorded, _) = operations::read_history(&*self.0.log, name, &stream).await?;
            all.extend(recorded);
        }
        if let (Some(name), true) = (projection, all.is_empty()) {
            // Nothing was ever asked of it: there is none of that name, or nobody asked yet.
            self.projection(name)?;
        }
        all.sort_by_key(|line| line.position);
        Ok(all)
    }

    /// What is wrong in the histories of one projection, or of all: a sentence for each that has events that are
    /// not as they were written, or make no sense.
    ///
    /// Errors: no such projection, the log.
    pub async fn history_problems(
        &self,
        projection: Option<&str>,
    ) -> Result<Vec<String>, WorkspaceError> {
        let names = match projection {
            Some(name) => BTreeSet::from([name.to_owned()]),
            None => self.projections_ever()?,
        };
        let mut problems = Vec::new();
        for name in &names {
            let stream = operations::stream(name)?;
            let (_, passed_over) = operations::read_history(&*self.0.log, name, &stream).await?;
            problems.extend(operations::told(name, &passed_over));
        }
        Ok(problems)
    }

    /// The projections that have a file, and those whose read model is still there.
    fn projections_ever(&self) -> Result<BTreeSet<String>, WorkspaceError> {
        let mut names: BTreeSet<String> = self
            .projections()
            .iter()
            .map(|projection| projection.name().to_owned())
            .collect();
        let folder = self.0.folder.models();
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(names),
            Err(e) => return Err(WorkspaceError::io(&folder, &e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| WorkspaceError::io(&folder, &e))?;
            if entry.path().is_dir() {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }

    /// Takes back what was asked of a projection last and not taken back yet, and waits for the outcome for
    /// at most `patience`. What cannot be taken back is left as it is, and the answer says why.
    ///
    /// Errors: no such projection, the log.
    pub async fn undo(
        &self,
        projection: &str,
        patience: Option<Duration>,
    ) -> Result<Result<Undone, CannotUndo>, WorkspaceError> {
        self.projection(projection)?;
        let recorded = self.history(Some(projection)).await?;
        let (position, by) = match operations::undo(&recorded) {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let was = recorded.into_iter().find(|line| line.position == position);
        let (asked, done) = self
            .ask_for(projection, &by, Some(position), patience)
            .await?;
        Ok(Ok(Undone {
            position,
            was: was.map(|line| line.what).unwrap_or_default(),
            asked,
            by,
            done,
        }))
    }
}
