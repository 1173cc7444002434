//! Whether a log's file is still where it was when it was opened. A file that is moved or removed while it is open goes on
//! taking what is written, where nobody would find it.

use std::path::Path;
use std::time::{Duration, Instant};

use super::schema::Place;
use crate::log::LogError;

/// Which file it is, whatever it is called. Never found out by opening it: closing it again would give SQLite's locks away.
#[cfg(unix)]
fn identity(file: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(file).ok()?;
    Some((about.dev(), about.ino()))
}

/// A file that is open can be neither moved nor removed here.
#[cfg(not(unix))]
fn identity(_file: &Path) -> Option<(u64, u64)> {
    None
}

/// How long an answer counts. Looking takes 1 to 2 % of a small transaction, and what was stored a moment after a file was
/// removed is gone with what was stored a moment before.
const COUNTS: Duration = Duration::from_millis(100);

/// The file that was opened.
#[derive(Debug)]
pub(super) struct Whereabouts {
    identity: Option<(u64, u64)>,
    /// When it was there; looked at again after a while.
    seen: Instant,
}

impl Whereabouts {
    /// Of the file that is there now.
    pub fn of(place: &Place) -> Self {
        Self {
            identity: identity(&place.file),
            seen: Instant::now(),
        }
    }

    /// Looks, unless it was there a moment ago; `anew` looks in any case. Errors: the file is not there any more, or another
    /// one is.
    pub fn check(&mut self, place: &Place, anew: bool) -> Result<(), LogError> {
        if !anew && self.seen.elapsed() < COUNTS {
            return Ok(());
        }
        if identity(&place.file) == self.identity {
            self.seen = Instant::now();
            return Ok(());
        }
        Err(LogError::Io {
            path: place.file.clone(),
            reason: "it was moved, removed or replaced while it was open, and what is stored now would be lost: put it back, \
                     or end every highwater that has it open and start again"
                .to_owned(),
        })
    }
}
