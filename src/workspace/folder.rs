//! A workspace's folder: where its parts lie, how it is found, and how one is made.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::Domain;
use super::WorkspaceError;
use super::config::{CONFIG_FILE, CONFIG_TEMPLATE, template_for};
use crate::read::Versions;
use crate::text::program;

/// Where the parts of a workspace lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// A folder that is a workspace. Errors: it is not there, a file, or has no `highwater.toml`.
    pub fn existing(path: &Path) -> Result<Self, WorkspaceError> {
        let init = format!("`{} init` makes a workspace of a folder", program());
        let not = |why: &str, way_out: &str| WorkspaceError::NotAWorkspace {
            path: path.to_owned(),
            why: format!("{why}: {way_out}"),
        };
        if !path.exists() {
            return Err(not("there is no such folder", &init));
        }
        if !path.is_dir() {
            return Err(not("it is a file", "give a folder"));
        }
        if !path.join(CONFIG_FILE).is_file() {
            return Err(not("it has no highwater.toml", &init));
        }
        let path = path
            .canonicalize()
            .map_err(|e| WorkspaceError::io(path, &e))?;
        Ok(Self(path))
    }

    /// The nearest folder at or above `start` that is a workspace. Errors: there is none.
    pub fn nearest(start: &Path) -> Result<Self, WorkspaceError> {
        match start
            .ancestors()
            .find(|folder| folder.join(CONFIG_FILE).is_file())
        {
            Some(found) => Self::existing(found),
            None => Err(WorkspaceError::NoneFound {
                start: start.to_owned(),
            }),
        }
    }

    /// Makes a workspace: a commented `highwater.toml` and an empty `projections/`. What is there stays.
    ///
    /// Errors: it is a file, it is a workspace already, the system.
    pub fn init(path: &Path) -> Result<Self, WorkspaceError> {
        Self::make(path, CONFIG_TEMPLATE, &[])
    }

    /// Makes a workspace for a domain: with its name in `highwater.toml`, and its projections. What is there
    /// stays.
    ///
    /// Errors: as [`init`](Self::init).
    pub fn init_for(path: &Path, domain: &Domain) -> Result<Self, WorkspaceError> {
        Self::make(path, &template_for(domain.name()), domain.projections())
    }

    fn make(
        path: &Path,
        settings: &str,
        projections: &[(String, String)],
    ) -> Result<Self, WorkspaceError> {
        let config = path.join(CONFIG_FILE);
        if config.exists() {
            return Err(WorkspaceError::Exists {
                path: path.to_owned(),
            });
        }
        if path.is_file() {
            return Err(WorkspaceError::Io {
                path: path.to_owned(),
                reason: "it is a file: give a folder".to_owned(),
            });
        }
        let make = || -> std::io::Result<()> {
            let folder = path.join("projections");
            std::fs::create_dir_all(&folder)?;
            for (name, sql) in projections {
                let file = folder.join(format!("{name}.sql"));
                if !file.exists() {
                    std::fs::write(file, sql)?;
                }
            }
            // Last: a folder that was left in the middle is no workspace.
            std::fs::write(&config, settings)
        };
        make().map_err(|e| WorkspaceError::io(path, &e))?;
        Self::existing(path)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where projections are written.
    pub fn projections(&self) -> PathBuf {
        self.0.join("projections")
    }

    /// Where everything is kept that nobody edits.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// Where the read models are.
    pub fn models(&self) -> PathBuf {
        self.data().join("read")
    }

    /// The versions of one projection's read model.
    pub fn versions(&self, projection: &str) -> Versions {
        Versions::new(&self.models(), projection)
    }

    /// Where aggregates' snapshots are kept. The file may be removed at any time.
    pub fn snapshots(&self) -> PathBuf {
        self.data().join("snapshots.db")
    }

    /// Where files lie that nobody keeps. What is there without an owner is removed by the next one.
    pub fn scratch(&self) -> PathBuf {
        self.data().join("scratch")
    }

    /// Where engines report.
    pub fn reports(&self) -> PathBuf {
        self.data().join("reports")
    }

    /// The file whose lock makes a process the owner of something.
    pub fn lock(&self, of: &str) -> PathBuf {
        self.data().join("locks").join(format!("{of}.lock"))
    }

    /// Where a process manager keeps how far it has read.
    pub fn process(&self, name: &str) -> PathBuf {
        self.data().join("processes").join(format!("{name}.json"))
    }

    /// Makes this process the owner of something, for as long as it has the file open; `None` where another
    /// process is. The lock is on a file of its own, and the system frees it however a process ends.
    ///
    /// Errors: the system.
    pub(super) fn try_own(&self, of: &str) -> Result<Option<File>, WorkspaceError> {
        let path = self.lock(of);
        let fail = |e: std::io::Error| WorkspaceError::Io {
            path: path.clone(),
            reason: e.to_string(),
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(fail(e)),
        }
    }

    /// Makes the folders below `data`. Errors: the system; a folder that cannot be written to.
    pub fn prepare(&self) -> Result<(), WorkspaceError> {
        let data = |name| self.data().join(name);
        for folder in [
            self.models(),
            self.reports(),
            data("locks"),
            data("processes"),
        ] {
            std::fs::create_dir_all(&folder).map_err(|e| WorkspaceError::Io {
                path: folder,
                reason: format!(
                    "cannot be made ({e}): highwater needs a folder that it can write to"
                ),
            })?;
        }
        Ok(())
    }
}
