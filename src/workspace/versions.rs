//! Which versions of a read model there are: the one that answers, the new one beside it, those that are kept.

use std::path::Path;

use super::verify::database_size;
use super::{Workspace, WorkspaceError};
use crate::event::Position;
use crate::read::{Checkpoint, label};

/// One version of a read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo {
    /// What it is called.
    pub label: String,
    /// What it is for.
    pub role: Role,
    /// How much disk it takes, in bytes.
    pub bytes: u64,
    /// The last position that it contains; or why its file cannot be read, in words.
    pub checkpoint: Result<Position, String>,
}

/// What a version is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Queries read it.
    Answers,
    /// It was built after the one that answers: it is folded, or it is held.
    Beside,
    /// It answered before: a rollback switches to it.
    Kept,
}

impl Workspace {
    /// Every version of a read model, the newest first.
    ///
    /// Errors: no such projection, its folder cannot be read.
    pub fn versions(&self, projection: &str) -> Result<Vec<VersionInfo>, WorkspaceError> {
        self.projection(projection)?;
        let versions = self.folder().versions(projection);
        let fail = |e| WorkspaceError::io(&versions.link(), &e);
        let live = versions.live().map_err(fail)?;
        let beside = self.shadow(projection)?.map(|shadow| shadow.version);
        let all = versions.all().map_err(fail)?;
        let info = |path: &Path| {
            let label = label(path)?;
            let role = match () {
                () if live.as_deref() == Some(path) => Role::Answers,
                () if beside.as_ref() == Some(&label) => Role::Beside,
                () => Role::Kept,
            };
            Some(VersionInfo {
                label,
                role,
                bytes: database_size(path),
                checkpoint: Checkpoint::read(path)
                    .map(|checkpoint| checkpoint.position)
                    .map_err(|error| error.to_string()),
            })
        };
        Ok(all
            .iter()
            .rev()
            .filter_map(|(_, path)| info(path))
            .collect())
    }
}
