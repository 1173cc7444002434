//! Two versions of one read model beside each other, at the same position: which rows differ, and for each
//! what explains it.
//!
//! Both are copied, and what lags is folded forward in its copy: the versions themselves go on.

use super::afresh::Afresh;
use super::difference::{Comparison, compare};
use super::explain::{Because, Version, explain};
use super::parked::ParkedSum;
use super::runner::is_foreign;
use super::scratch::Scratch;
use super::verify::VerifyError;
use super::work::{Phase, Work};
use crate::event::Position;
use crate::log::SharedLog;

/// Two versions beside each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    /// What the version is called that answers.
    pub live: String,
    /// What the new one is called.
    pub new: String,
    /// The position at which they were compared.
    pub position: Position,
    /// The version that answers (here) beside the new one (there).
    pub comparison: Comparison,
    /// For each of the differences told, what explains it.
    pub because: Vec<Because>,
    /// What the new one has parked, and so lacks.
    pub parked: ParkedSum,
}

/// Compares the copy of the version that answers with that of a new one, each with what it is folded with,
/// at the position of whichever is further. At most `most` rows are told and explained; all are counted.
///
/// Errors: [`VerifyError`].
pub async fn diff(
    live: Version<'_>,
    new: Version<'_>,
    log: &SharedLog,
    scratch: &Scratch,
    most: usize,
    work: &Work,
) -> Result<Diff, VerifyError> {
    let projection = &live.0.about.projection;
    let goal = live.0.checkpoint.position.max(new.0.checkpoint.position);
    for (copy, folded_with) in [live, new] {
        if is_foreign(&**log, &copy.checkpoint).await? {
            return Err(VerifyError::Ahead {
                projection: projection.clone(),
                position: copy.checkpoint.position,
            });
        }
        if copy.checkpoint.position < goal {
            work.begin(Phase::Folding, goal.get());
            let forward = async {
                let fold = Afresh::go_on(&copy.path, folded_with, log, work)?;
                fold.like(copy.aside.clone()).to(goal).await
            };
            forward
                .await
                .map_err(|e| VerifyError::of_fold(projection, e, Phase::Folding, None))?;
        }
    }
    let comparison = compare(&live.0.path, &new.0.path, most, work)
        .map_err(|e| VerifyError::of_comparing(e, goal, work))?;
    let differing = Some(comparison.total);
    let because = explain(
        (live, new),
        &comparison.differences,
        goal,
        log,
        scratch,
        work,
    )
    .await
    .map_err(|e| VerifyError::of_fold(projection, e, Phase::Searching, differing))?;
    Ok(Diff {
        live: live.0.about.label(),
        new: new.0.about.label(),
        position: goal,
        comparison,
        because,
        parked: ParkedSum::of(&new.0.path)?,
    })
}
