//! Where the versions of a read model lie, and the link that says which one answers.
//!
//! `read/orders.db` is a link to `read/orders/3f2a9c1b-2.db`. Switching it is one rename of the link: who
//! opens it gets one version or the other, whole. Database files themselves are never renamed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::crash;

/// The read models of one workspace, or the part of them that belongs to one projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    root: PathBuf,
    projection: String,
}

impl Versions {
    /// Those of one projection below `root`. Nothing is made yet.
    pub fn new(root: &Path, projection: &str) -> Self {
        Self {
            root: root.to_owned(),
            projection: projection.to_owned(),
        }
    }

    /// The stable path under which the version that answers can be opened.
    pub fn link(&self) -> PathBuf {
        self.root.join(format!("{}.db", self.projection))
    }

    /// The next link, before it takes the place of the one there is.
    fn fresh_link(&self) -> PathBuf {
        self.root.join(format!(".{}.link", self.projection))
    }

    fn folder(&self) -> PathBuf {
        self.root.join(&self.projection)
    }

    /// The file of the version that answers; `None` before there is one. It may be gone.
    ///
    /// Errors: something else stands where the link should be, the system.
    pub fn live(&self) -> io::Result<Option<PathBuf>> {
        match fs::read_link(self.link()) {
            Ok(target) => Ok(Some(self.root.join(target))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            // What a copy that follows links leaves.
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => Err(io::Error::other(
                "it is not a link to a version: remove it, and it is linked or made again",
            )),
            Err(e) => Err(e),
        }
    }

    /// Whether there is no version that could answer, or its file was removed.
    pub fn is_gone(&self) -> bool {
        let live = self.live();
        live.is_ok_and(|live| live.is_none_or(|path| matches!(path.try_exists(), Ok(false))))
    }

    /// What the version that answers is called; `None` before there is one.
    ///
    /// Errors: as [`live`](Self::live).
    pub fn live_label(&self) -> io::Result<Option<String>> {
        Ok(self.live()?.as_deref().and_then(label))
    }

    /// Every version's file, with its generation, oldest first.
    ///
    /// Errors: the system.
    pub fn all(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let entries = match fs::read_dir(self.folder()) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "db")
                && let Some(generation) = generation(&path)
            {
                found.push((generation, path));
            }
        }
        found.sort();
        Ok(found)
    }

    /// The file for the next version of a definition, which is not made yet, and its generation.
    ///
    /// Errors: the system.
    pub fn next(&self, hash: &str) -> io::Result<(u64, PathBuf)> {
        fs::create_dir_all(self.folder())?;
        // The live one counts although it is gone: who has it open must see that this is another one.
        let live = self.live()?.and_then(|path| generation(&path));
        let last = self.all()?.last().map(|(last, _)| *last);
        let generation = last.max(live).unwrap_or(0).saturating_add(1);
        let short = &hash[..8.min(hash.len())];
        Ok((
            generation,
            self.folder().join(format!("{short}-{generation}.db")),
        ))
    }

    /// Removes every version but these, and what a removal or a switch that was cut short left.
    ///
    /// Errors: the system.
    pub fn keep_only(&self, kept: &[&Path]) -> io::Result<()> {
        remove(&self.fresh_link())?;
        let entries = match fs::read_dir(self.folder()) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e),
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.to_string_lossy();
            let database = BESIDE
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .filter(|database| database.ends_with(".db"))
                .unwrap_or(&name);
            let database = Path::new(database);
            if generation(database).is_some() && !kept.contains(&database) {
                remove_database(database)?;
            }
        }
        Ok(())
    }

    /// Makes a version the one that answers, at once for everybody who opens the link from now on.
    ///
    /// Errors: the system; the link is as it was then.
    pub fn switch(&self, to: &Path) -> io::Result<()> {
        let target = to.strip_prefix(&self.root).unwrap_or(to);
        let fresh = self.fresh_link();
        remove(&fresh)?;
        symlink(target, &fresh)?;
        crash::point("half-switched");
        fs::rename(&fresh, self.link())
    }
}

/// What SQLite keeps beside a database, by the ends of the names.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Removes a database with what SQLite keeps beside it. Connections that are open keep their file.
///
/// Errors: the system.
pub fn remove_database(path: &Path) -> io::Result<()> {
    for suffix in std::iter::once("").chain(BESIDE) {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        if remove(Path::new(&name))? {
            crash::point("half-removed");
        }
    }
    Ok(())
}

/// Whether there was such a file.
fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// What a version is called, by its file.
pub fn label(path: &Path) -> Option<String> {
    path.file_stem()?.to_str().map(str::to_owned)
}

fn generation(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.rsplit_once('-')?.1.parse().ok()
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_switch_changes_what_the_link_opens() {
        let folder = tempfile::tempdir().unwrap();
        let versions = Versions::new(folder.path(), "orders");
        assert_eq!(versions.live().unwrap(), None);
        for (number, hash) in [(1, "aaaaaaaabb"), (2, "cccccccc")] {
            let (generation, path) = versions.next(hash).unwrap();
            assert_eq!(generation, number);
            fs::write(&path, hash).unwrap();
            versions.switch(&path).unwrap();
            assert_eq!(fs::read_to_string(versions.link()).unwrap(), hash);
            assert_eq!(versions.live().unwrap(), Some(path));
        }
        assert_eq!(versions.all().unwrap().len(), 2);
    }
}
