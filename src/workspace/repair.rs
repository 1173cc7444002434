//! What mending one key would change.

use super::verify::database_size;
use super::{Workspace, WorkspaceError};
use crate::read::{About, Mending, Work, mend};

impl Workspace {
    /// Folds the stream that feeds a key alone, and compares the rows that are stored with those it gives. An
    /// [`Operation::Repair`](super::Operation::Repair) replaces them.
    ///
    /// Errors: no such projection or read model, why the key cannot be mended alone, the log, the files, or it was stopped.
    pub async fn mending(
        &self,
        projection: &str,
        key: &str,
        work: &Work,
    ) -> Result<Mending, WorkspaceError> {
        self.projection(projection)?;
        let link = self.0.folder.versions(projection).link();
        self.check_room(database_size(&link).min(64 << 20))?;
        // One version, whatever is cut over meanwhile.
        let path = link.canonicalize().unwrap_or(link);
        let about = About::read(&path)?;
        let folded_with = self.built_from(&about)?;
        let scratch = self.scratch()?;
        Ok(mend(&path, &folded_with, key, &self.log(), scratch, work).await?)
    }
}
