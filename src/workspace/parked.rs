//! What a read model has parked, as whoever asks sees it: from its file, with or without an engine.

use super::{Workspace, WorkspaceError};
use crate::event::Position;
use crate::read::{ParkedCount, ParkedEvent, parked_in};

impl Workspace {
    /// How much the read model that answers has parked, and the parked events after a position, in order, at
    /// most so many.
    ///
    /// Errors: no such projection, its file cannot be read.
    pub fn parked(
        &self,
        projection: &str,
        after: Position,
        most: usize,
    ) -> Result<(ParkedCount, Vec<ParkedEvent>), WorkspaceError> {
        let versions = self.folder().versions(projection);
        let is_there = self.read_models()?.iter().any(|name| name == projection);
        if !is_there {
            // One that was never applied has nothing parked; one that is not known is an error.
            self.projection(projection)?;
            return Ok(Default::default());
        }
        Ok(parked_in(&versions.link(), after, most)?)
    }
}
