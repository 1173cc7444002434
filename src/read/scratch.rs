//! A folder for files that nobody keeps: removed when it is dropped, and by the next one where its process
//! was killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::model::{ModelError, io as model_io, open_to_read};
use super::work::Work;

/// Held while folders are made and swept, so that nobody sweeps one that is being made.
const GATE: &str = ".lock";

/// In each folder: locked for as long as it is in use. The system frees it however a process ends.
const IN_USE: &str = "in-use";

static MADE: AtomicU64 = AtomicU64::new(0);

/// A folder for files that nobody keeps.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    /// `None` once it is dropped.
    in_use: Option<File>,
}

impl Scratch {
    /// Makes one below `root`, and removes what killed processes left there.
    ///
    /// Errors: the system.
    pub fn new(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let gate = open_lock(&root.join(GATE))?;
        gate.lock()?;
        sweep(root)?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = root.join(format!("{}-{number}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let in_use = open_lock(&folder.join(IN_USE))?;
        in_use.lock()?;
        Ok(Self {
            folder,
            in_use: Some(in_use),
        })
    }

    /// A path in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(self.in_use.take());
        if let Err(error) = fs::remove_dir_all(&self.folder)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.folder.display(), %error, "the next one removes what is left here");
        }
    }
}

/// Copies a read model's file as it is at one moment, with what was not folded into it yet.
///
/// Errors: a file cannot be used, or the work was stopped, which is told as one.
pub(super) fn copy_database(from: &Path, to: &Path, work: &Work) -> Result<(), ModelError> {
    let mut db = open_to_read(from)?;
    copy_connection(&mut db, to, work).map_err(model_io(from))
}

/// The same, of a file that is open already. Rows keep their numbers, and nothing outlives it that keeps the
/// WAL from shrinking.
pub(super) fn copy_connection(db: &mut Connection, to: &Path, work: &Work) -> rusqlite::Result<()> {
    // Nobody keeps the copy.
    db.pragma_update(None, "synchronous", "off")?;
    let stop = work.clone();
    db.progress_handler(10_000, Some(move || stop.is_stopped()))?;
    db.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    Ok(())
}

fn open_lock(path: &Path) -> io::Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}

/// Removes the folders that nobody uses any more.
fn sweep(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let folder = entry?.path();
        if !folder.is_dir() {
            continue;
        }
        let lock = File::options().write(true).open(folder.join(IN_USE));
        let is_used = lock.is_ok_and(|lock| lock.try_lock().is_err());
        if is_used {
            continue;
        }
        match fs::remove_dir_all(&folder) {
            // Its owner may be removing it too.
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_owner_and_what_a_killed_one_left_with_the_next() {
        let root = tempfile::tempdir().unwrap();
        let left = root.path().join("999999-0");
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("fresh.db"), "x").unwrap();
        fs::write(left.join(IN_USE), "").unwrap();
        let first = Scratch::new(root.path()).unwrap();
        assert!(!left.exists(), "nobody uses it");
        fs::write(first.file("fresh.db"), "x").unwrap();
        let second = Scratch::new(root.path()).unwrap();
        assert!(first.file("fresh.db").exists(), "it is in use");
        let (a, b) = (first.folder.clone(), second.folder.clone());
        drop(first);
        drop(second);
        assert!(!a.exists() && !b.exists());
    }
}
