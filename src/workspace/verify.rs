//! Verifying read models: which definition each was built from, and whether there is room to fold it again.

use std::path::Path;
use std::sync::Arc;

use super::preview::free_space;
use super::{Workspace, WorkspaceError};
use crate::event::Position;
use crate::read::{
    About, Checked, Copied, Projection, Scratch, SqlProjection, VerifyError, Work, built_from,
    checkpoint_in, is_foreign, verify,
};

impl Workspace {
    /// Folds a read model again from the log, with the definition that it was built from and up to its
    /// checkpoint, and compares it row by row. Engines go on meanwhile: what is compared is a copy. At most
    /// `most` rows that differ are told.
    ///
    /// Errors: no such read model, no room for the copy and the fold, or why it could not be compared.
    pub async fn verify(
        &self,
        projection: &str,
        most: usize,
        work: &Work,
    ) -> Result<Checked, WorkspaceError> {
        if !self.read_models()?.iter().any(|name| name == projection) {
            // Either it is unknown, or no engine has made it yet.
            self.projection(projection)?;
            return Err(VerifyError::NoModel {
                projection: projection.to_owned(),
            }
            .into());
        }
        let versions = self.0.folder.versions(projection);
        self.check_room(2 * database_size(&versions.link()))?;
        let scratch = self.scratch()?;
        let stored = Copied::live(&versions, projection, &scratch, work)?;
        let built_from = self.built_from(&stored.about)?;
        let log = self.log();
        Ok(verify(&stored, &built_from, &log, &scratch, most, work).await?)
    }

    /// The read models there are, by name: also those whose projection's file is gone.
    ///
    /// Errors: the folder cannot be read.
    pub fn read_models(&self) -> Result<Vec<String>, WorkspaceError> {
        let folder = self.0.folder.models();
        let fail = |e| WorkspaceError::io(&folder, &e);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let name = path.file_stem().and_then(|stem| stem.to_str());
            if let Some(name) = name
                && path.is_symlink()
                && path.extension().is_some_and(|e| e == "db")
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The read models whose checkpoint is not of this log, with that position: the log has another event there,
    /// or none, since it was cut off, restored or exchanged.
    ///
    /// Errors: a read model's file or the log cannot be read.
    pub async fn ahead(&self) -> Result<Vec<(String, Position)>, WorkspaceError> {
        let mut ahead = Vec::new();
        for name in self.read_models()? {
            let checkpoint = checkpoint_in(&self.0.folder.versions(&name).link())?;
            if is_foreign(&*self.0.log, &checkpoint).await? {
                ahead.push((name, checkpoint.position));
            }
        }
        Ok(ahead)
    }

    /// What a version was built from, to fold with it again.
    ///
    /// Errors: this program cannot fold as it was folded.
    pub(super) fn built_from(&self, about: &About) -> Result<Arc<dyn Projection>, WorkspaceError> {
        let found = match self.projection(&about.projection) {
            Ok(today) => Some(built_from(&today, about)),
            // Its file is gone, and the read model is still there.
            Err(_) => match SqlProjection::parse(&about.projection, &about.source) {
                Ok(kept) => Some(Arc::new(kept) as Arc<dyn Projection>),
                Err(_) => None,
            },
        };
        let folds = |found: &Arc<dyn Projection>| found.folds() && found.hash() == about.hash;
        found.filter(folds).ok_or_else(|| {
            let (projection, version) = (about.projection.clone(), about.label());
            let error = VerifyError::Definition {
                projection,
                version,
            };
            error.into()
        })
    }

    /// A folder for files that nobody keeps.
    pub(super) fn scratch(&self) -> Result<Scratch, WorkspaceError> {
        let root = self.0.folder.scratch();
        Scratch::new(&root).map_err(|e| WorkspaceError::io(&root, &e))
    }

    /// Errors: the disk has not so many bytes free.
    pub(super) fn check_room(&self, needed: u64) -> Result<(), WorkspaceError> {
        let path = self.0.folder.data();
        match free_space(&path) {
            Some(free) if free < needed => Err(WorkspaceError::NoRoom { path, needed, free }),
            _ => Ok(()),
        }
    }
}

/// How many bytes a read model takes, with what was not folded into its file yet.
pub(super) fn database_size(link: &Path) -> u64 {
    // SQLite keeps the WAL beside the file, not beside the link.
    let path = link.canonicalize().unwrap_or_else(|_| link.to_owned());
    let mut wal = path.clone().into_os_string();
    wal.push("-wal");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |data| data.len());
    size(&path) + size(Path::new(&wal))
}
