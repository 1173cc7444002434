//! The version that answers beside the new one.

use std::time::{Duration, Instant};

use super::report::ShadowReport;
use super::verify::database_size;
use super::{Workspace, WorkspaceError};
use crate::read::{Copied, Diff, Work, diff};

/// How long an engine's report of what it just did is waited for.
const REPORTED: Duration = Duration::from_millis(500);

/// How often it is looked for meanwhile.
const LOOK: Duration = Duration::from_millis(20);

impl Workspace {
    /// Compares the version that answers with the one that is built or held beside it, at the same position.
    /// Both go on meanwhile: what is compared are copies. At most `most` rows that differ are told, each with
    /// the first event that explains it.
    ///
    /// Errors: no such projection, nothing is built beside it, no room for copies, or why they could not be
    /// compared.
    pub async fn diff(
        &self,
        projection: &str,
        most: usize,
        work: &Work,
    ) -> Result<Diff, WorkspaceError> {
        self.projection(projection)?;
        let versions = self.0.folder.versions(projection);
        let Some(shadow) = self.shadow_soon(projection).await? else {
            return Err(WorkspaceError::NoShadow {
                projection: projection.to_owned(),
            });
        };
        let all = versions
            .all()
            .map_err(|e| WorkspaceError::io(&versions.link(), &e))?;
        let label = Some(shadow.version);
        let Some((_, path)) = all
            .into_iter()
            .find(|(_, path)| crate::read::label(path) == label)
        else {
            return Err(WorkspaceError::NoShadow {
                projection: projection.to_owned(),
            });
        };
        let needed = database_size(&versions.link()) + database_size(&path);
        self.check_room(2 * needed)?;
        let scratch = self.scratch()?;
        let live = Copied::live(&versions, projection, &scratch, work)?;
        let new = Copied::of(&path, &scratch, "shadow.db", work)?;
        let folded_with = (self.built_from(&live.about)?, self.built_from(&new.about)?);
        let log = self.log();
        Ok(diff(
            (&live, &folded_with.0),
            (&new, &folded_with.1),
            &log,
            &scratch,
            most,
            work,
        )
        .await?)
    }

    /// What is built beside the version that answers. Its engine reports a moment after it said so.
    async fn shadow_soon(&self, projection: &str) -> Result<Option<ShadowReport>, WorkspaceError> {
        let deadline = Instant::now() + REPORTED;
        loop {
            let shadow = self.shadow(projection)?;
            if shadow.is_some() || self.engine().is_none() || Instant::now() >= deadline {
                return Ok(shadow);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
