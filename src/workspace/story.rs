//! What belongs to one event: what caused it and what it caused, found by looking away from it along the log, a
//! piece at a time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::causes::{self, Caused};
use super::{
    Direction, EVENTS_OF_A_PAGE, EventFilter, OperateError, Operator, Workspace, WorkspaceError,
};
use crate::event::{Event, JsonObject, Position};

/// How long one piece takes.
const TIME: Duration = Duration::from_millis(100);

/// No story is told with more events.
const MOST: usize = 1_000;

/// How many other correlations are followed, where something of theirs was caused by the event.
const CORRELATIONS: usize = 8;

/// Data of more bytes are left out: what stands in a tree is no larger.
const LARGE: usize = 16 << 10;

/// The events that belong to one event, as far as they were looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The event at which it began.
    origin: Position,
    id: String,
    cause: Option<String>,
    correlations: Vec<String>,
    events: BTreeMap<Position, Event>,
    tree: Vec<Caused>,
    low: Position,
    high: Position,
}

impl Story {
    /// The story of an event, of which nothing else is known yet.
    pub fn of(event: &Event) -> Self {
        Self {
            origin: event.position,
            id: event.id.clone(),
            cause: causes::causation(event),
            correlations: causes::correlation(event).into_iter().collect(),
            events: BTreeMap::new(),
            tree: Vec::new(),
            low: event.position.next(),
            high: event.position,
        }
    }

    /// One that is made up, for a test.
    #[cfg(test)]
    pub fn example(event: &Event, tree: Vec<Caused>, (low, high): (Position, Position)) -> Self {
        Self {
            tree,
            low,
            high,
            ..Self::of(event)
        }
    }

    /// The event that it began with.
    pub const fn origin(&self) -> Position {
        self.origin
    }

    /// What was found, each under what caused it.
    pub fn tree(&self) -> &[Caused] {
        &self.tree
    }

    /// Everything from the first of these to the second was looked at, with both.
    pub const fn looked(&self) -> (Position, Position) {
        (self.low, self.high)
    }

    /// Whether there are more events than are told: the first that were found are.
    pub fn is_full(&self) -> bool {
        self.events.len() >= MOST
    }

    /// Whether something is left that way.
    pub fn has_more(&self, direction: Direction, head: Position) -> bool {
        !self.is_full()
            && match direction {
                Direction::Older => self.low.get() > 1,
                Direction::Newer => self.high < head,
            }
    }

    /// Whether the event is one of those that were found.
    pub fn holds(&self, position: Position) -> bool {
        self.tree
            .iter()
            .any(|caused| caused.event.position == position)
    }

    /// Most events are of something else: that is seen without parsing them.
    fn may_belong(&self, event: &Event) -> bool {
        let metadata = event.metadata.as_str();
        let mut names = self.correlations.iter().chain([&self.id]);
        names.any(|name| metadata.contains(name.as_str())) || self.is_near(event)
    }

    /// Whether it is the event itself, or what caused it.
    fn is_near(&self, event: &Event) -> bool {
        event.position == self.origin || self.cause.as_ref() == Some(&event.id)
    }

    /// Takes what belongs to it. Where that leads to another correlation, all is to be looked at again.
    fn take(&mut self, events: Vec<Event>) {
        for event in events {
            if !self.may_belong(&event) || self.is_full() {
                continue;
            }
            let correlation = causes::correlation(&event);
            let is_effect = causes::causation(&event).as_ref() == Some(&self.id);
            let belongs = correlation
                .as_ref()
                .is_some_and(|correlation| self.correlations.contains(correlation));
            if is_effect
                && !belongs
                && let Some(other) = correlation
                && self.correlations.len() < CORRELATIONS
            {
                self.correlations.push(other);
                (self.low, self.high) = (self.origin.next(), self.origin);
            }
            if belongs || is_effect || self.is_near(&event) {
                self.events.insert(event.position, slim(event));
            }
        }
    }
}

fn slim(mut event: Event) -> Event {
    if event.data.as_str().len() > LARGE {
        event.data = JsonObject::empty();
    }
    event
}

impl Workspace {
    /// Looks on for what belongs to an event, the ways that are wanted, for about a tenth of a second.
    ///
    /// Errors: the log cannot be read.
    pub async fn story_on(
        &self,
        mut story: Story,
        ways: &[Direction],
    ) -> Result<Story, WorkspaceError> {
        let until = Instant::now() + TIME;
        let everything = EventFilter::default();
        let head = self.log().head().await?;
        loop {
            let mut is_over = true;
            for way in ways {
                if !story.has_more(*way, head) {
                    continue;
                }
                let from = match way {
                    Direction::Older => story.low,
                    Direction::Newer => story.high,
                };
                let page = self
                    .events_page(&everything, from, *way, EVENTS_OF_A_PAGE)
                    .await?;
                match way {
                    Direction::Older => story.low = page.looked_to,
                    Direction::Newer => story.high = page.looked_to,
                }
                story.take(page.events);
                is_over = false;
            }
            if is_over || Instant::now() >= until {
                break;
            }
        }
        story.tree = self.tree(story.events.values().cloned().collect()).await?;
        Ok(story)
    }
}

impl Operator {
    /// Looks on for what belongs to an event. Errors: as [`Workspace::story_on`].
    pub async fn story_on(
        &self,
        story: Story,
        ways: Vec<Direction>,
    ) -> Result<Story, OperateError> {
        self.aside(async move |workspace: Workspace| workspace.story_on(story, &ways).await)
            .await
    }
}
