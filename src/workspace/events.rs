//! The log a page at a time, either way from any position, with only the events that somebody wants to see.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{OperateError, Operator, Workspace, WorkspaceError, causes};
use crate::event::{Event, Position, StreamId, Version};
use crate::log::{EventLog, LogError};
use crate::read::version_at;

/// How many events one page looks at, at most: a few hundredths of a second of work.
const SCAN: usize = 10_000;

/// The same in time, where events are large.
const TIME: Duration = Duration::from_millis(100);

/// How many are looked at between two looks at the clock.
const STRETCH: usize = 250;

/// The most events of a page.
pub const EVENTS_OF_A_PAGE: usize = 1_000;

/// The most bytes of a page, but for its first event: 16 MiB.
const BYTES: usize = 16 << 20;

/// Which events somebody wants to see: those that fit everything that is given. By default all.
///
/// Along a `stream` only that stream is read; everything else looks at each event of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Of one of these types; empty for any.
    pub types: Vec<String>,
    /// Of this stream.
    pub stream: Option<StreamId>,
    /// Of streams whose name begins so.
    pub stream_prefix: Option<String>,
    /// Of streams of this category: what stands before the first `-`.
    pub category: Option<String>,
    /// With this text in data or metadata, as they are stored; ASCII letters in either case.
    pub text: Option<String>,
    /// With this correlation id.
    pub correlation: Option<String>,
}

impl EventFilter {
    /// Whether an event is wanted.
    pub fn takes(&self, event: &Event) -> bool {
        let fits = |wanted: &Option<String>, fits: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(fits)
        };
        let has = |text: &str| {
            contains(event.data.as_str(), text) || contains(event.metadata.as_str(), text)
        };
        let types = &self.types;
        (types.is_empty()
            || types
                .iter()
                .any(|wanted| wanted == event.event_type.as_str()))
            && self
                .stream
                .as_ref()
                .is_none_or(|wanted| *wanted == event.stream)
            && fits(&self.stream_prefix, &|p| {
                event.stream.as_str().starts_with(p)
            })
            && fits(&self.category, &|category| {
                event.stream.category() == category
            })
            && fits(&self.correlation, &|id| causes::belongs(event, id))
            && fits(&self.text, &has)
    }

    /// Whether every event of what is read is wanted.
    fn takes_all(&self) -> bool {
        let along = Self {
            stream: self.stream.clone(),
            ..Self::default()
        };
        *self == along
    }
}

fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    part.is_empty()
        || text
            .windows(part.len())
            .any(|here| here.eq_ignore_ascii_case(part))
}

/// Which way one looks from a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards the first event.
    Older,
    /// Towards the head.
    Newer,
}

/// Some events of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct EventsPage {
    /// The nearest to where it began first: the newest, or the oldest.
    pub events: Vec<Event>,
    /// Everything up to here was looked at, with it: from here the next page goes on. Where nothing is left, the
    /// head, or position 0.
    pub looked_to: Position,
    /// Whether nothing is left that way.
    pub ended: bool,
    /// The log's head.
    pub head: Position,
}

impl Workspace {
    /// The next events from a position on, and without the event there, that a filter takes: at most `limit`, 1 to
    /// [`EVENTS_OF_A_PAGE`]. It looks at 10,000 events at most, or for a tenth of a second: a page may be empty
    /// though more is there. The newest are `Older` from the position after the head.
    ///
    /// Errors: the log cannot be read.
    pub async fn events_page(
        &self,
        filter: &EventFilter,
        from: Position,
        direction: Direction,
        limit: usize,
    ) -> Result<EventsPage, WorkspaceError> {
        let log = self.log();
        let head = log.head().await?;
        let search = Search {
            log: &*log,
            filter,
            limit: limit.clamp(1, EVENTS_OF_A_PAGE),
            until: Instant::now() + TIME,
        };
        Ok(match direction {
            Direction::Older => search.older(from, head).await?,
            Direction::Newer => search.newer(from, head).await?,
        })
    }
}

impl Operator {
    /// A page of the log. Errors: as [`Workspace::events_page`].
    pub async fn events_page(
        &self,
        filter: &EventFilter,
        from: Position,
        direction: Direction,
        limit: usize,
    ) -> Result<EventsPage, OperateError> {
        let filter = filter.clone();
        self.aside(async move |workspace: Workspace| {
            workspace.events_page(&filter, from, direction, limit).await
        })
        .await
    }
}

/// One page, as it is looked for: along a stream where one is wanted, else along the log. How many events of
/// either stand before a place is where that place is: positions, like versions, are without holes.
struct Search<'a> {
    log: &'a dyn EventLog,
    filter: &'a EventFilter,
    limit: usize,
    until: Instant,
}

impl Search<'_> {
    /// How many events there are up to a position.
    async fn count(&self, position: Position, head: Position) -> Result<u64, LogError> {
        match &self.filter.stream {
            Some(stream) => Ok(version_at(self.log, stream, position).await?.get()),
            None => Ok(position.min(head).get()),
        }
    }

    /// The next events; fewer than asked for where they are large.
    async fn read(&self, after: u64, limit: usize) -> Result<Vec<Event>, LogError> {
        match &self.filter.stream {
            Some(stream) => {
                let after = Version::new(after);
                Ok(self.log.read_stream(stream, after, limit).await?.events)
            }
            None => self.log.read_all(Position::new(after), limit).await,
        }
    }

    /// How many are read next.
    fn stretch(&self, found: usize) -> usize {
        match self.filter.takes_all() {
            true => (self.limit - found).min(STRETCH),
            false => STRETCH,
        }
    }

    fn goes_on(&self, found: &Found, looked: usize) -> bool {
        found.has_room(self.limit) && looked < SCAN && (looked == 0 || Instant::now() < self.until)
    }

    async fn newer(&self, from: Position, head: Position) -> Result<EventsPage, LogError> {
        let mut at = self.count(from, head).await?;
        let (mut found, mut looked) = (Found::default(), 0);
        let (mut looked_to, mut ended) = (from.min(head), false);
        while self.goes_on(&found, looked) && !ended {
            let page = self.read(at, self.stretch(found.events.len())).await?;
            ended = page.is_empty();
            for event in page {
                // What came meanwhile is for the next page.
                ended = ended || event.position > head;
                if ended || !found.has_room(self.limit) {
                    break;
                }
                (at, looked, looked_to) = (at + 1, looked + 1, event.position);
                if self.filter.takes(&event) {
                    found.push(event);
                }
            }
        }
        Ok(EventsPage {
            events: found.events.into(),
            looked_to: if ended { head } else { looked_to },
            ended: ended || looked_to == head,
            head,
        })
    }

    async fn older(&self, from: Position, head: Position) -> Result<EventsPage, LogError> {
        let before = Position::new(from.get().saturating_sub(1));
        let mut end = self.count(before, head).await?;
        let (mut found, mut looked) = (Found::default(), 0);
        let mut looked_to = from.min(head.next());
        while end > 0 && self.goes_on(&found, looked) {
            let start = end - end.min(self.stretch(found.events.len()) as u64);
            let (stretch, first) = self.stretch_between(start, end, &found).await?;
            looked += usize::try_from(end - start).unwrap_or(SCAN);
            looked_to = first.unwrap_or(looked_to);
            end = start;
            if stretch.is_cut {
                // The rest of it is for the next page.
                looked_to = stretch.events.front().map_or(looked_to, |e| e.position);
                end = end.max(1);
            }
            let is_cut = stretch.is_cut;
            stretch.events.into_iter().rev().for_each(|e| found.push(e));
            if is_cut {
                break;
            }
        }
        let ended = end == 0;
        Ok(EventsPage {
            events: found.events.into(),
            looked_to: if ended { Position::START } else { looked_to },
            ended,
            head,
        })
    }

    /// What is wanted of a stretch, in the order of the log, as much as there is room for; and where the stretch
    /// begins.
    async fn stretch_between(
        &self,
        start: u64,
        end: u64,
        known: &Found,
    ) -> Result<(Found, Option<Position>), LogError> {
        let (mut found, mut at, mut first) = (Found::default(), start, None);
        while at < end {
            let page = self
                .read(at, usize::try_from(end - at).unwrap_or(STRETCH))
                .await?;
            if page.is_empty() {
                break;
            }
            at += page.len() as u64;
            first = first.or(page.first().map(|event| event.position));
            for event in page.into_iter().filter(|event| self.filter.takes(event)) {
                found.push(event);
                found.cut(
                    self.limit - known.events.len(),
                    BYTES.saturating_sub(known.bytes),
                );
            }
        }
        Ok((found, first))
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    events: VecDeque<Event>,
    bytes: usize,
    is_cut: bool,
}

impl Found {
    fn has_room(&self, limit: usize) -> bool {
        self.events.len() < limit && self.bytes < BYTES
    }

    fn push(&mut self, event: Event) {
        self.bytes += size(&event);
        self.events.push_back(event);
    }

    /// Lets the first ones go until there is room for the rest; one may be as large as it is.
    fn cut(&mut self, most: usize, bytes: usize) {
        while self.events.len() > most || (self.bytes > bytes && self.events.len() > 1) {
            self.bytes -= self.events.pop_front().map_or(0, |event| size(&event));
            self.is_cut = true;
        }
    }
}

fn size(event: &Event) -> usize {
    event.data.as_str().len() + event.metadata.as_str().len() + 256
}
