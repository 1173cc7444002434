//! What a runner reads of the log: pages, ahead of it where it is far behind, and single events.

use std::sync::Arc;

use super::super::ahead::{Ahead, Pages, Stretch};
use super::super::model::Checkpoint;
use super::{PAGE_NEAR, Runner};
use crate::event::{Event, Position};
use crate::log::{EventLog, LogError};

impl Runner {
    /// Reads what is far behind the head together with others.
    pub fn share(&mut self, pages: &Arc<Pages>) {
        self.pages = Arc::clone(pages);
    }

    /// The next events, so many at most: those that were read ahead, where it is far behind.
    pub(super) async fn read(&mut self, limit: usize) -> Result<Stretch, LogError> {
        let after = self.seen.position;
        if self.ahead.is_none() && limit > PAGE_NEAR {
            self.ahead = Ahead::begin(&self.pages, after);
        }
        if let Some(ahead) = &mut self.ahead {
            if let Some(read) = ahead.after(after, limit).await? {
                return Ok(read);
            }
            self.ahead = None;
        }
        Ok(Stretch::all(self.log.read_all(after, limit).await?))
    }
}

/// The event at a position.
pub(super) async fn event_at(
    log: &dyn EventLog,
    position: Position,
) -> Result<Option<Event>, LogError> {
    let Some(before) = position.get().checked_sub(1) else {
        return Ok(None);
    };
    let page = log.read_all(Position::new(before), 1).await?;
    Ok(page
        .into_iter()
        .next()
        .filter(|event| event.position == position))
}

/// Whether the log's event at a checkpoint is another one, or is not there.
///
/// Errors: the log cannot be read.
pub async fn is_foreign(log: &dyn EventLog, checkpoint: &Checkpoint) -> Result<bool, LogError> {
    if checkpoint.position == Position::START {
        return Ok(false);
    }
    let event = event_at(log, checkpoint.position).await?;
    Ok(event.map(|event| event.id) != checkpoint.event)
}
