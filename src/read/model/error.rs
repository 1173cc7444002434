//! Why a read model's file cannot be used, in words that say what to do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::MODEL_FORMAT;
use crate::read::guard::message;

/// Why a read model's file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// It is not one of ours.
    #[error("{path} is not a read model of highwater's: it is left untouched. Move it away")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It was made by a newer program.
    #[error(
        "{path} has format {found}, and this highwater knows up to {MODEL_FORMAT}: use a newer highwater"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i32,
    },
    /// Its tables could not be made.
    #[error("the schema of {projection} could not be applied: {reason}. Mend its file")]
    Schema {
        /// Which projection.
        projection: String,
        /// What SQLite said.
        reason: String,
    },
    /// SQLite or the system said no.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
}

pub(in crate::read) fn io(path: &Path) -> impl Fn(rusqlite::Error) -> ModelError + use<> {
    let path = path.to_owned();
    move |e| ModelError::Io {
        path: path.clone(),
        reason: words(&e),
    }
}

/// What helps where a file is damaged that its owner makes anew.
const REMOVE: &str = ": remove the file, and it is made anew from the log";

impl ModelError {
    /// The same of a file that nobody makes anew.
    pub(super) fn of_kept(self) -> Self {
        match self {
            Self::Io { path, reason } => {
                let reason = reason.strip_suffix(REMOVE).unwrap_or(&reason).to_owned();
                Self::Io { path, reason }
            }
            other => other,
        }
    }
}

/// Whether SQLite's own words say that the disk is full.
pub fn is_disk_full(words: &str) -> bool {
    words.contains("database or disk is full")
}

/// What SQLite said of a file, with the way out where one is known.
pub(in crate::read) fn words(error: &rusqlite::Error) -> String {
    let way_out = match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            ": give this user the right to read and write the file and its folder"
        }
        Some(ErrorCode::DiskFull) => ": free some space; nothing is lost",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => REMOVE,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            ": look for what else writes to it; highwater tries again"
        }
        _ => "",
    };
    format!("{}{way_out}", message(error))
}

pub(super) fn io_error(path: &Path, error: &std::io::Error) -> ModelError {
    ModelError::Io {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_troubles_by_sqlites_own_words() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (bytes); PRAGMA max_page_count = 10")
            .unwrap();
        let full = db.execute("INSERT INTO t VALUES (zeroblob(1000000))", []);
        let full = words(&full.unwrap_err());
        assert!(
            is_disk_full(&full) && full.contains("free some space"),
            "{full}"
        );
        let other = db.execute("INSERT INTO u VALUES (1)", []).unwrap_err();
        assert!(!is_disk_full(&words(&other)));
    }
}
