//! What a read model has parked, as whoever asks sees it: from its file, with or without an engine.

use std::path::PathBuf;

use super::operations::{self, Operations};
use super::{Workspace, WorkspaceError};
use crate::event::Position;
use crate::read::{About, ParkedCount, ParkedEvent, label, parked_in};

/// What a version that is built or held has parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedBeside {
    /// What it is called.
    pub version: String,
    /// How much.
    pub count: ParkedCount,
    /// These events, in order.
    pub events: Vec<ParkedEvent>,
}

impl Workspace {
    /// How much the read model that answers has parked, and the parked events after a position, in order, at
    /// most so many.
    ///
    /// Errors: no such projection, its file cannot be read.
    pub fn parked(
        &self,
        projection: &str,
        after: Position,
        most: usize,
    ) -> Result<(ParkedCount, Vec<ParkedEvent>), WorkspaceError> {
        let versions = self.folder().versions(projection);
        let is_there = self.read_models()?.iter().any(|name| name == projection);
        if !is_there {
            // One that was never applied has nothing parked; one that is not known is an error.
            self.projection(projection)?;
            return Ok(Default::default());
        }
        Ok(parked_in(&versions.link(), after, most)?)
    }

    /// The same of the version that is built or held beside it; `None` where there is none.
    ///
    /// Errors: the log, the files.
    pub async fn parked_beside(
        &self,
        projection: &str,
        after: Position,
        most: usize,
    ) -> Result<Option<ParkedBeside>, WorkspaceError> {
        let Some(path) = self.beside(projection).await? else {
            return Ok(None);
        };
        let found = label(&path).map(|version| Ok((version, parked_in(&path, after, most)?)));
        match found.transpose() {
            Ok(found) => Ok(found.map(|(version, (count, events))| ParkedBeside {
                version,
                count,
                events,
            })),
            // It was cut over or given up in this moment.
            Err(_) if !path.exists() => Ok(None),
            Err(error) => Err(WorkspaceError::Model(error)),
        }
    }

    /// The file of the version that is built or held beside the one that answers, whether an engine runs or not.
    async fn beside(&self, projection: &str) -> Result<Option<PathBuf>, WorkspaceError> {
        let versions = self.folder().versions(projection);
        let fail = |e| WorkspaceError::io(&versions.link(), &e);
        let all = versions.all().map_err(fail)?.into_iter().rev();
        let mut paths = all.map(|(_, path)| path);
        if self.engine().is_some() {
            let shadow = self.shadow(projection)?.map(|shadow| shadow.version);
            return Ok(paths.find(|path| shadow.is_some() && label(path) == shadow));
        }
        let Some(live) = versions.live().map_err(fail)? else {
            return Ok(None);
        };
        let (Ok(live), Ok(today)) = (About::read(&live), self.projection(projection)) else {
            return Ok(None);
        };
        let stream = operations::stream(projection)?;
        let operations = Operations::read(&*self.log(), &stream).await?;
        let is_declined = operations.declined.as_deref() == Some(today.hash());
        let is_beside = |about: &About| {
            let held = operations.held.as_ref().map(|request| request.position);
            let asked = about.request.is_some() && about.request == held;
            let is_new = about.hash == today.hash() && about.hash != live.hash && !is_declined;
            about.generation > live.generation && (asked || is_new)
        };
        Ok(paths.find(|path| About::read(path).is_ok_and(|about| is_beside(&about))))
    }
}
