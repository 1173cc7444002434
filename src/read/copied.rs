//! A copy of one version of a read model, as it was at one moment: what is compared while the version
//! itself goes on.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::model::{About, Checkpoint, io, open_to_read, read_about, read_checkpoint, read_replay};
use super::parked::OutOfTurn;
use super::scratch::{Scratch, copy_connection};
use super::verify::VerifyError;
use super::versions::Versions;
use super::work::{Phase, Work};
use crate::event::Position;

/// A copy of one version, as it was at one moment.
#[derive(Debug)]
pub struct Copied {
    pub(super) path: PathBuf,
    pub(super) aside: OutOfTurn,
    /// What its file says of itself.
    pub about: About,
    /// Up to where it has the log.
    pub checkpoint: Checkpoint,
}

impl Copied {
    /// Copies the version that answers now. No read transaction outlives the copying, so that the read model's
    /// WAL can shrink while the log is folded.
    ///
    /// Errors: there is no read model, and as [`of`](Self::of).
    pub fn live(
        versions: &Versions,
        projection: &str,
        scratch: &Scratch,
        work: &Work,
    ) -> Result<Self, VerifyError> {
        let db = match open_to_read(&versions.link()) {
            Ok(db) => db,
            Err(_) if matches!(versions.live(), Ok(None)) => {
                return Err(VerifyError::NoModel {
                    projection: projection.to_owned(),
                });
            }
            // The link may have been switched, and what it showed removed, while we opened it.
            Err(_) => open_to_read(&versions.link())?,
        };
        Self::from(db, &versions.link(), scratch.file("live.db"), work)
    }

    /// Copies the file of a version: rows and checkpoint of one moment.
    ///
    /// Errors: it cannot be read, the copy cannot be written, the work was stopped, or a replay is under way.
    pub fn of(
        path: &Path,
        scratch: &Scratch,
        name: &str,
        work: &Work,
    ) -> Result<Self, VerifyError> {
        Self::from(open_to_read(path)?, path, scratch.file(name), work)
    }

    fn from(
        mut db: Connection,
        from: &Path,
        to: PathBuf,
        work: &Work,
    ) -> Result<Self, VerifyError> {
        work.begin(Phase::Copying, 0);
        let fail = io(from);
        copy_connection(&mut db, &to, work).map_err(|error| {
            if work.is_stopped() {
                return VerifyError::Stopped {
                    phase: Phase::Copying,
                    at: Position::START,
                    of: Position::START,
                    differing: None,
                };
            }
            fail(error).into()
        })?;
        let copy = open_to_read(&to)?;
        let about = read_about(&copy).map_err(&fail)?;
        let checkpoint = read_checkpoint(&copy).map_err(&fail)?;
        let aside = OutOfTurn::read(&copy).map_err(&fail)?;
        match read_replay(&copy).map_err(&fail)? {
            Some(replay) if checkpoint.position < replay.goal => Err(VerifyError::Replaying {
                projection: about.projection,
                at: checkpoint.position,
                goal: replay.goal,
            }),
            _ => Ok(Self {
                path: to,
                aside,
                about,
                checkpoint,
            }),
        }
    }
}
