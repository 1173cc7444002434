//! One event as it is given away: as a line of CloudEvents.

use super::{OperateError, Operator, Workspace, WorkspaceError};
use crate::cloudevents;
use crate::event::Position;
use crate::log::EventLog as _;

impl Operator {
    /// The event at a position as it was stored, as one line of CloudEvents JSON. Errors: there is none, it is
    /// damaged, the log cannot be read.
    pub async fn cloud_event(&self, position: Position) -> Result<String, OperateError> {
        let own_source = cloudevents::own_source(self.workspace.log().describe().incarnation);
        let event = self
            .aside(async move |workspace: Workspace| {
                let before = Position::new(position.get().saturating_sub(1));
                let page = workspace.sqlite().read_all(before, 1).await;
                Ok(page.map_err(WorkspaceError::from)?.pop())
            })
            .await?
            .ok_or_else(|| OperateError(format!("there is no event at position {position}")))?;
        cloudevents::write(&event, &own_source).map_err(|e| {
            OperateError(format!(
                "event {position} is damaged: its data is {e}. Run `highwater verify --log`"
            ))
        })
    }
}
