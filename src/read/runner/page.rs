//! What of the events that were read may be applied next, in one go.

use std::time::Duration;

use super::super::model::Checkpoint;
use super::super::subscription::Subscription;
use super::trouble::Caution;
use crate::event::{Event, Position, Timestamp};

/// What bounds a page.
pub(super) struct Limits {
    /// At most so many events.
    pub(super) most: u64,
    /// None that was recorded later.
    pub(super) recorded_by: Option<Timestamp>,
    /// None beyond this position.
    pub(super) through: Position,
    /// As an event that failed demands.
    pub(super) caution: Option<Caution>,
}

/// What may be applied next.
pub(super) struct Page {
    /// The events, all of which the projection subscribes to.
    pub(super) events: Vec<Event>,
    /// Where the read model is when they are applied.
    pub(super) reach: Checkpoint,
    /// How long the next one is held back.
    pub(super) held_for: Option<Duration>,
    /// Whether everything that was read is in it.
    pub(super) is_whole: bool,
}

impl Page {
    /// Of what was read after a checkpoint.
    pub(super) fn of(
        read: Vec<Event>,
        seen: &Checkpoint,
        subscription: &Subscription,
        limits: &Limits,
    ) -> Self {
        let end = read.last().map(|event| event.position);
        let mut reach = seen.clone();
        let mut events = Vec::with_capacity(read.len());
        let mut held_for = None;
        for event in read {
            if event.position > limits.through {
                break;
            }
            if subscription.takes_event(&event) {
                if let Some(by) = limits.recorded_by.filter(|by| event.recorded_at > *by) {
                    held_for = Duration::try_from(event.recorded_at.duration_since(by)).ok();
                    break;
                }
                let careful = |caution: Caution| caution.ends_before(&event, &events);
                if events.len() as u64 >= limits.most || limits.caution.is_some_and(careful) {
                    break;
                }
                reach.applied += 1;
                reach.position = event.position;
                reach.event = Some(event.id.clone());
                events.push(event);
            } else {
                reach.position = event.position;
                reach.event = Some(event.id);
            }
        }
        Self {
            is_whole: end == Some(reach.position),
            events,
            reach,
            held_for,
        }
    }
}
