//! Browsing the tables of a read model, as its live version has them.

use std::time::Duration;

use super::{OperateError, Operator, Workspace, WorkspaceError};
use crate::read::{Browse, RowsPage};

/// How long one page may take.
const LIMIT: Duration = Duration::from_secs(2);

impl Workspace {
    /// Some rows of one table of a read model, sorted and filtered, for at most two seconds; with all its tables.
    ///
    /// Errors: no such projection, read model, table or column; the time limit.
    pub fn rows_page(&self, projection: &str, wanted: &Browse) -> Result<RowsPage, WorkspaceError> {
        let today = self.projection(projection)?;
        Ok(self.reader(&today)?.browse(wanted, LIMIT)?)
    }
}

impl Operator {
    /// Some rows of a read model. Errors: as [`Workspace::rows_page`].
    pub async fn rows_page(
        &self,
        projection: &str,
        wanted: &Browse,
    ) -> Result<RowsPage, OperateError> {
        let (name, wanted) = (projection.to_owned(), wanted.clone());
        self.aside(async move |workspace: Workspace| workspace.rows_page(&name, &wanted))
            .await
    }
}
