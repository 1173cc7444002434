//! The text that a read model was built from, as its file keeps it.

use super::{OperateError, Operator, Workspace, WorkspaceError};
use crate::read::About;

/// What the version that answers was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltFrom {
    /// The version, as `3f2a9c1b-2`; `None` where none was made yet: then the text is the file's.
    pub version: Option<String>,
    /// The definition: SQL, or JSON that tells of a projection in Rust.
    pub text: String,
    /// Whether that is the projection as it is now; not where another version is built, or its file is broken or gone.
    pub is_current: bool,
}

impl Workspace {
    /// The text that the version that answers was built from.
    ///
    /// Errors: no such projection or read model, its file cannot be read.
    pub fn definition_text(&self, projection: &str) -> Result<BuiltFrom, WorkspaceError> {
        let today = self.projection(projection);
        if !self.read_models()?.iter().any(|name| name == projection) {
            return today.map(|today| BuiltFrom {
                version: None,
                text: today.source().to_owned(),
                is_current: true,
            });
        }
        let about = About::read(&self.0.folder.versions(projection).link())?;
        Ok(BuiltFrom {
            version: Some(about.label()),
            is_current: today.is_ok_and(|today| today.source() == about.source),
            text: about.source,
        })
    }
}

impl Operator {
    /// The text that the version that answers was built from. Errors: as [`Workspace::definition_text`].
    pub async fn definition_text(&self, projection: &str) -> Result<BuiltFrom, OperateError> {
        let name = projection.to_owned();
        self.aside(async move |workspace: Workspace| workspace.definition_text(&name))
            .await
    }
}
