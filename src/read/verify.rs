//! Whether a read model is what its handlers make of the log: folded again into a scratch file, up to its
//! checkpoint, and compared row by row. Whether the handlers are right, this cannot say.

use std::path::Path;
use std::sync::Arc;

use super::afresh::{Afresh, FoldError};
use super::copied::Copied;
use super::difference::{Comparison, Difference, compare};
use super::model::ModelError;
use super::parting::last_equal;
use super::projection::Projection;
use super::runner::is_foreign;
use super::scratch::Scratch;
use super::versions::remove_database;
use super::work::{Phase, Work};
use crate::event::Position;
use crate::log::{LogError, SharedLog};
use crate::text::{program, thousands};

/// What verifying a read model came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What its version is called.
    pub version: String,
    /// Its checkpoint, up to which the log was folded.
    pub position: Position,
    /// What is stored (here) beside a fresh fold (there).
    pub comparison: Comparison,
    /// For each of the differences told: the last position at which a fresh fold equalled what is stored;
    /// `None` for never.
    pub last_equal: Vec<Option<Position>>,
}

/// Why a read model was not verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There is none.
    #[error("there is no read model of {projection} yet: an engine makes it when it starts")]
    NoModel {
        /// The projection.
        projection: String,
    },
    /// Nobody here can fold as it was folded.
    #[error(
        "version {version} of {projection} was built from a definition that this program does not have: \
         `{program} rebuild {projection}` builds one from what it has", program = program())]
    Definition {
        /// The projection.
        projection: String,
        /// What the version is called.
        version: String,
    },
    /// It is not of this log.
    #[error(
        "{projection} is ahead: its checkpoint {} is not of this log, which was restored or exchanged: \
         `{program} rebuild {projection}`",
        thousands(position.get()), program = program())]
    Ahead {
        /// The projection.
        projection: String,
        /// Its checkpoint.
        position: Position,
    },
    /// Its rows are of no single position just now.
    #[error(
        "{projection} is being replayed and stands at {} of {}: its rows are of no single position until \
         then. Verify it when the replay is done",
        thousands(at.get()),
        thousands(goal.get())
    )]
    Replaying {
        /// The projection.
        projection: String,
        /// Its checkpoint.
        at: Position,
        /// Where the replay ends.
        goal: Position,
    },
    /// Somebody stopped it.
    #[error("stopped {}", stopped(*.phase, *.at, *.of, *.differing))]
    Stopped {
        /// What was being done.
        phase: Phase,
        /// The last position that was folded.
        at: Position,
        /// The read model's checkpoint.
        of: Position,
        /// How many rows differ, where that was found out before.
        differing: Option<u64>,
    },
    /// The fold failed.
    #[error("a fresh fold of {projection}: {error}")]
    Fold {
        /// The projection.
        projection: String,
        /// Why.
        error: FoldError,
    },
    /// The read model's file cannot be read.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

fn stopped(phase: Phase, at: Position, of: Position, differing: Option<u64>) -> String {
    let (at, of) = (thousands(at.get()), thousands(of.get()));
    match (phase, differing) {
        (Phase::Copying, _) => "before anything was compared".to_owned(),
        (Phase::Folding, _) => format!("at position {at} of {of}; nothing was compared yet"),
        (_, Some(rows)) => format!(
            "at position {at} of {of} while looking for where {rows} rows parted; they do differ"
        ),
        _ => format!("at position {of}, while rows were compared"),
    }
}

impl VerifyError {
    /// Why a fold did not come to its end, in what was being done.
    pub(super) fn of_fold(
        projection: &str,
        error: FoldError,
        phase: Phase,
        differing: Option<u64>,
    ) -> Self {
        match error {
            FoldError::Stopped { at, of } => Self::Stopped {
                phase,
                at,
                of,
                differing,
            },
            error => Self::Fold {
                projection: projection.to_owned(),
                error,
            },
        }
    }

    /// Why rows were not compared to the end.
    pub(super) fn of_comparing(error: ModelError, at: Position, work: &Work) -> Self {
        if !work.is_stopped() {
            return Self::Model(error);
        }
        Self::Stopped {
            phase: Phase::Comparing,
            at,
            of: at,
            differing: None,
        }
    }
}

/// Folds the log again with the definition that a read model was built from, up to its checkpoint, and
/// compares. Where rows differ, the log is folded once more to find where each parted; at most `most` of
/// them are told and looked for.
///
/// Errors: [`VerifyError`].
pub async fn verify(
    stored: &Copied,
    projection: &Arc<dyn Projection>,
    log: &SharedLog,
    scratch: &Scratch,
    most: usize,
    work: &Work,
) -> Result<Checked, VerifyError> {
    let name = &stored.about.projection;
    let goal = stored.checkpoint.position;
    if is_foreign(&**log, &stored.checkpoint).await? {
        return Err(VerifyError::Ahead {
            projection: name.clone(),
            position: goal,
        });
    }
    work.begin(Phase::Folding, goal.get());
    let path = scratch.file("fresh.db");
    let folded = async {
        let fold = Afresh::begin(&path, projection, log, work)?;
        let mut fold = fold.like(stored.aside.clone());
        fold.to(goal).await?;
        Ok(fold.close())
    };
    folded
        .await
        .map_err(|e| VerifyError::of_fold(name, e, Phase::Folding, None))?;
    let comparison = compare(&stored.path, &path, most, work)
        .map_err(|e| VerifyError::of_comparing(e, goal, work))?;
    gone(&path)?;
    work.begin(Phase::Searching, goal.get());
    let total = comparison.total;
    let last_equal = parted(
        stored,
        &comparison.differences,
        &path,
        projection,
        log,
        work,
    )
    .await
    .map_err(|e| VerifyError::of_fold(name, e, Phase::Searching, Some(total)))?;
    Ok(Checked {
        version: stored.about.label(),
        position: goal,
        comparison,
        last_equal,
    })
}

async fn parted(
    stored: &Copied,
    differences: &[Difference],
    path: &Path,
    projection: &Arc<dyn Projection>,
    log: &SharedLog,
    work: &Work,
) -> Result<Vec<Option<Position>>, FoldError> {
    if differences.is_empty() {
        return Ok(Vec::new());
    }
    let fold = Afresh::begin(path, projection, log, work)?;
    let mut fold = fold.like(stored.aside.clone());
    let goal = stored.checkpoint.position;
    last_equal(&mut fold, &stored.path, differences, goal, work).await
}

fn gone(path: &Path) -> Result<(), ModelError> {
    remove_database(path).map_err(|e| ModelError::Io {
        path: path.to_owned(),
        reason: e.to_string(),
    })
}
