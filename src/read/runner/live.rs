//! Which events are live work: those stored after the runner had done all that there was when it began, or went
//! on after a pause. What it catches up with tells nothing of how long events take from stored to visible.

use super::{Runner, RunnerError};
use crate::event::{Event, Position, Timestamp};

/// From where on events are live work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Live {
    /// None are: it catches up to where the log ended when it began. `None` until that was read.
    Behind(Option<Position>),
    /// Those after this.
    After(Position),
}

impl Live {
    /// When those of these events that are live work were recorded. They are in the log's order.
    pub(super) fn of(self, events: &[Event]) -> Vec<Timestamp> {
        let Self::After(position) = self else {
            return Vec::new();
        };
        let begin = events.partition_point(|event| event.position <= position);
        events[begin..].iter().map(|e| e.recorded_at).collect()
    }
}

impl Runner {
    /// What waits now does so because this runner did not run: it is no live work.
    pub fn fall_behind(&mut self) {
        self.ahead = None;
        self.live = Live::Behind(None);
    }

    /// Before a step: where the log ends, where it begins to catch up.
    pub(super) async fn begin_catching_up(&mut self) -> Result<(), RunnerError> {
        if self.live == Live::Behind(None) {
            let head = self.log.head().await?;
            self.live = if self.seen.position < head {
                Live::Behind(Some(head))
            } else {
                Live::After(head)
            };
        }
        Ok(())
    }

    /// After a step: whether it has caught up, or its policy holds back what is left.
    pub(super) async fn end_catching_up(&mut self, rests: bool) -> Result<(), RunnerError> {
        if let Live::Behind(Some(goal)) = self.live
            && self.trouble.is_none()
            && (rests || self.seen.position >= goal)
        {
            self.live = Live::After(self.log.head().await?);
        }
        Ok(())
    }
}
