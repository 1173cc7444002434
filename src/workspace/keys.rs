//! What every read model has of one key, beside what it will have: the write side and all read models of one
//! aggregate, on one screen.

use super::{OperateError, Operator, Workspace, WorkspaceError};
use crate::event::{StreamId, Version};
use crate::log::EventLog as _;
use crate::read::{About, Coming, Projection, RepairError, coming};

/// What all read models that are keyed by a category have of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRows {
    /// The stream that feeds the key.
    pub stream: StreamId,
    /// How many events that has; 0 where there is no such stream.
    pub version: Version,
    /// One a projection or replica, by name.
    pub models: Vec<KeyedModel>,
}

/// What one of them has.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyedModel {
    /// The projection; a replica's name is `orders@eu`.
    pub name: String,
    /// The version that answers; `None` where none was made yet.
    pub version: Option<String>,
    /// Its rows, now and once it has all of the stream.
    pub coming: Coming,
}

impl Workspace {
    /// The rows of a key in each read model whose projection declares a key of this category: `order` and `1042`
    /// for `order-1042`. Which fields are stale, and which event mends each, is told where that can be known
    /// (see [`Coming::unknown`]), for up to 10,000 events that a read model lacks. Each is read in a transaction
    /// of its own, one after the other.
    ///
    /// Errors: no name of a stream, the log.
    pub async fn rows_of_key(&self, category: &str, key: &str) -> Result<KeyRows, WorkspaceError> {
        let stream = StreamId::new(&format!("{category}-{key}"))?;
        let mut models = Vec::new();
        for projection in self.projections() {
            if projection.key().is_none_or(|key| key.category != category) {
                continue;
            }
            let model = match self.keyed_model(&*projection, key).await {
                Ok(model) => model,
                Err(WorkspaceError::Log(error)) => return Err(error.into()),
                // What is wrong with one read model keeps nobody from seeing the others.
                Err(error) => KeyedModel {
                    name: projection.name().to_owned(),
                    version: None,
                    coming: unknown(error.to_string()),
                },
            };
            models.push(model);
        }
        let page = self.0.log.read_stream(&stream, Version::NONE, 1).await?;
        Ok(KeyRows {
            stream,
            version: page.version,
            models,
        })
    }

    async fn keyed_model(
        &self,
        projection: &dyn Projection,
        key: &str,
    ) -> Result<KeyedModel, WorkspaceError> {
        let name = projection.name().to_owned();
        let link = self.0.folder.versions(&name).link();
        if !link.is_symlink() {
            let why = "no engine has made it yet: start one with `highwater run`".to_owned();
            return Ok(KeyedModel {
                name,
                version: None,
                coming: unknown(why),
            });
        }
        let about = About::read(&link)?;
        let built_from = self.built_from(&about)?;
        let scratch = || {
            let scratch = self.scratch();
            scratch.map_err(|error| RepairError::Refused(error.to_string()))
        };
        let found = coming(&link, &built_from, key, &self.log(), scratch).await;
        let coming = found.map_err(|error| match error {
            RepairError::Log(error) => WorkspaceError::from(error),
            error => error.into(),
        })?;
        Ok(KeyedModel {
            name,
            version: Some(about.label()),
            coming,
        })
    }
}

fn unknown(why: String) -> Coming {
    Coming {
        unknown: Some(why),
        ..Coming::default()
    }
}

impl Operator {
    /// The rows of a key in every read model that has it. Errors: as [`Workspace::rows_of_key`].
    pub async fn rows_of_key(&self, category: &str, key: &str) -> Result<KeyRows, OperateError> {
        let (category, key) = (category.to_owned(), key.to_owned());
        self.aside(async move |workspace: Workspace| workspace.rows_of_key(&category, &key).await)
            .await
    }
}
