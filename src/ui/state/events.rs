//! The whole log: which stretch of it is known, which event is chosen, and what is known of that one.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::panes::Panes;
use super::search::Search;
use crate::event::{Event, EventType, JsonObject, Position, StreamId, Timestamp, Version};
use crate::ui::json::Json;
use crate::workspace::{Direction, Story};

/// How many events are asked for at once, at most.
pub const PAGE: usize = 200;

/// No more rows are kept.
const KEPT: usize = 2_000;

/// How far a story is looked for each way while nobody reads it, in positions.
const NEAR: u64 = 20_000;

/// The characters of an event's data that a row may show.
const BRIEF: usize = 400;

/// The panes, by their places.
pub const LIST: usize = 0;
/// The chosen event.
pub const DETAIL: usize = 1;
/// What caused it, and what it caused.
pub const CAUSES: usize = 2;
/// How many there are.
pub const PANES: usize = 3;

/// The Events screen's own state.
#[derive(Debug, Clone, Default)]
pub struct Events {
    /// Which pane has the keys.
    pub panes: Panes,
    /// Which events are wanted.
    pub search: Search,
    /// The rows.
    pub list: List,
    /// The chosen event; that of another row until it has come.
    pub detail: Option<Box<Detail>>,
    /// Which event is asked for.
    pub detail_asked: Option<Position>,
    /// Which event could not be read, and why.
    pub detail_error: Option<(Position, String)>,
    /// What belongs to it.
    pub causes: Causes,
}

/// What belongs to the chosen event.
#[derive(Debug, Clone, Default)]
pub struct Causes {
    /// As far as it was looked for; `None` while the list follows.
    pub story: Option<Arc<Story>>,
    /// The event of the chosen row of the tree.
    pub at: Position,
    /// The number of the question under way.
    pub under_way: Option<u64>,
    /// Why it could not be looked for.
    pub error: Option<String>,
}

/// An event with its data laid out.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The event.
    pub event: Event,
    /// Data, metadata, times and id, to be folded.
    pub json: Json,
}

impl Detail {
    /// Everything that there is to say of an event, its data first, for so many lines and cells.
    pub fn of(event: Event, lines: usize, cells: usize) -> Self {
        let stored = format!("{:.6}", event.recorded_at);
        let mut parts = vec![
            ("data", event.data.value()),
            ("metadata", event.metadata.value()),
            ("recorded_at", Value::from(stored)),
        ];
        if let Some(happened) = event.happened_at {
            parts.push(("time", Value::from(format!("{happened:.6}"))));
        }
        parts.push(("id", Value::from(event.id.as_str())));
        if let Some(source) = &event.source {
            parts.push(("source", Value::from(source.as_str())));
        }
        let json = Json::new(parts, lines, cells);
        Self { event, json }
    }
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its place.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// How many events its stream has with it.
    pub version: Version,
    /// What happened.
    pub event_type: EventType,
    /// When it was stored.
    pub recorded_at: Timestamp,
    /// The first of its data: names and values.
    pub brief: Box<[Field]>,
}

impl Entry {
    /// The row of an event. What cannot be shown is not kept.
    pub fn of(event: &Event) -> Self {
        Self {
            position: event.position,
            stream: event.stream.clone(),
            version: event.version,
            event_type: event.event_type.clone(),
            recorded_at: event.recorded_at,
            brief: first_fields(&event.data),
        }
    }
}

/// A field of an event's data, as far as it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: Box<str>,
    /// Its value: a text without quotation marks, anything else as JSON.
    pub value: Box<str>,
    /// Whether it is a text.
    pub is_text: bool,
}

impl Field {
    /// Its value. What is cut is a text.
    pub fn json(&self) -> Value {
        let text = || Value::String(self.value.to_string());
        if self.is_text {
            return text();
        }
        serde_json::from_str(&self.value).unwrap_or_else(|_| text())
    }
}

/// The first of an event's data: names and values, no more than a line could show.
pub fn first_fields(data: &JsonObject) -> Box<[Field]> {
    let Value::Object(fields) = data.value() else {
        return Box::default();
    };
    let mut left = BRIEF;
    let mut pairs = Vec::new();
    let first = |text: &str, left: usize| -> Box<str> {
        let end = text
            .char_indices()
            .nth(left)
            .map_or(text.len(), |(at, _)| at);
        text[..end].into()
    };
    for (name, value) in fields {
        if left == 0 {
            break;
        }
        let name = first(&name, left);
        let is_text = value.is_string();
        let value = match value {
            Value::String(text) => first(&text, left),
            other => first(&other.to_string(), left),
        };
        left = left.saturating_sub(name.len() + value.len());
        pairs.push(Field {
            name,
            value,
            is_text,
        });
    }
    pairs.into()
}

/// A question that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Its number.
    pub number: u64,
    /// Which way it looks.
    pub way: Direction,
    /// Which beginning it is for.
    pub begun: u64,
}

/// The rows around the chosen one, of a list that is as long as the log.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// In the order of the log.
    pub entries: VecDeque<Entry>,
    /// Everything from here …
    pub low: Position,
    /// … to here was looked at.
    pub high: Position,
    /// Where the choice is: the last row up to there.
    pub at: Position,
    /// Whether the newest is chosen, whichever that is.
    pub follows: bool,
    /// The head when it stopped following.
    pub since: Position,
    /// How often it was begun anew.
    pub begun: u64,
    /// Whether the rows are those from before that.
    pub is_stale: bool,
    /// What is asked for.
    pub under_way: Option<Asked>,
    /// Why the log cannot be read.
    pub error: Option<String>,
}

impl List {
    /// Begins anew at the head, and follows it. The rows stay until others have come.
    pub fn follow(&mut self, head: Position) {
        self.begin(head);
        (self.at, self.follows) = (head, true);
    }

    /// Begins anew around a position.
    pub fn go(&mut self, position: Position, head: Position) {
        if self.follows {
            self.since = head;
        }
        self.begin(position);
        self.follows = false;
    }

    fn begin(&mut self, at: Position) {
        (self.low, self.high) = (at.next(), at);
        self.at = at.max(Position::new(1));
        self.is_stale = true;
        self.begun += 1;
        self.error = None;
    }

    /// The chosen row's place; `None` where there is none.
    pub fn index(&self) -> Option<usize> {
        if self.follows {
            return self.entries.len().checked_sub(1);
        }
        let after = self
            .entries
            .partition_point(|entry| entry.position <= self.at);
        (!self.entries.is_empty()).then(|| after.saturating_sub(1))
    }

    /// The chosen row.
    pub fn chosen(&self) -> Option<&Entry> {
        self.entries.get(self.index()?)
    }

    /// Chooses a row by its place, or the last one; from then on nothing is followed.
    pub fn choose(&mut self, index: usize, head: Position) {
        let last = self.entries.len().saturating_sub(1);
        if let Some(entry) = self.entries.get(index.min(last)) {
            let position = entry.position;
            self.stop(head);
            self.at = position;
        }
    }

    /// Chooses a position of which the rows have not come yet.
    pub fn aim(&mut self, position: Position, head: Position) {
        if self.follows {
            self.since = head;
        }
        self.follows = false;
        self.at = position.min(head).max(Position::new(1));
    }

    /// Stops following, at the row that is chosen.
    pub fn stop(&mut self, head: Position) {
        if self.follows {
            if let Some(position) = self.entries.back().map(|entry| entry.position) {
                self.at = position;
            }
            (self.follows, self.since) = (false, head);
        }
    }

    /// What is to be asked for next, so that there are rows around the chosen one for so many lines, and as many
    /// beyond on either side.
    pub fn wanted(&self, head: Position, lines: usize) -> Option<(Position, Direction)> {
        if self.under_way.is_some() || self.error.is_some() {
            return None;
        }
        let place = if self.is_stale { None } else { self.index() };
        let before = place.unwrap_or(0);
        let after = place.map_or(0, |place| self.entries.len() - place);
        let older = self.low.get() > 1 && before < 2 * lines;
        let newer = self.high < head && (self.follows || after < 2 * lines);
        let is_behind = self.follows && !self.is_stale && !self.entries.is_empty();
        match (older, newer) {
            (_, true) if is_behind || !older || before > lines && after < before => {
                Some((self.high, Direction::Newer))
            }
            (true, _) => Some((self.low, Direction::Older)),
            _ => None,
        }
    }

    /// Takes rows in, the nearest first; everything up to `looked_to` was looked at.
    pub fn take(
        &mut self,
        way: Direction,
        entries: Vec<Entry>,
        looked_to: Position,
        head: Position,
    ) {
        if self.is_stale {
            self.entries.clear();
            self.is_stale = false;
        }
        match way {
            Direction::Older => {
                self.low = looked_to;
                entries
                    .into_iter()
                    .for_each(|entry| self.entries.push_front(entry));
            }
            Direction::Newer => {
                // The picture knows nothing yet of what is after its head.
                let known = entries.into_iter().filter(|entry| entry.position <= head);
                self.entries.extend(known);
                self.high = looked_to.min(head);
            }
        }
        while self.entries.len() > KEPT {
            // What is further away from the choice goes.
            if self.index().unwrap_or(0) > KEPT / 2 {
                self.entries.pop_front();
                self.low = self
                    .entries
                    .front()
                    .map_or(self.low, |entry| entry.position);
            } else {
                self.entries.pop_back();
                self.high = self
                    .entries
                    .back()
                    .map_or(self.high, |entry| entry.position);
            }
        }
    }
}

impl Causes {
    /// The chosen row's place in the tree.
    pub fn index(&self) -> usize {
        let tree = self.story.iter().flat_map(|story| story.tree());
        let mut positions = tree.map(|caused| caused.event.position);
        positions
            .position(|position| position == self.at)
            .unwrap_or(0)
    }

    /// Chooses a row by its place, or the last one.
    pub fn choose(&mut self, index: usize) {
        let tree = self.story.as_deref().map_or(&[][..], Story::tree);
        if let Some(caused) = tree.get(index.min(tree.len().saturating_sub(1))) {
            self.at = caused.event.position;
        }
    }

    /// Which ways the story is to be looked on for; to the ends of the log while it is read.
    pub fn wanted(&self, head: Position, is_read: bool) -> Vec<Direction> {
        let rests = self.under_way.is_none() && self.error.is_none();
        let Some(story) = self.story.as_deref().filter(|_| rests) else {
            return Vec::new();
        };
        let (low, high) = story.looked();
        let is_near = |far: u64| is_read || far < NEAR;
        let mut ways = Vec::new();
        if story.has_more(Direction::Older, head) && is_near(story.origin().since(low)) {
            ways.push(Direction::Older);
        }
        if story.has_more(Direction::Newer, head) && is_near(high.since(story.origin())) {
            ways.push(Direction::Newer);
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Position = Position::new(10_000);

    fn entry(position: u64) -> Entry {
        Entry {
            position: Position::new(position),
            stream: StreamId::new("a-1").unwrap(),
            version: Version::new(1),
            event_type: EventType::new("Happened").unwrap(),
            recorded_at: Timestamp::UNIX_EPOCH,
            brief: Box::default(),
        }
    }

    /// Answers what is wanted, a hundred at a time, until nothing is.
    fn fill(list: &mut List, head: Position, lines: usize) -> usize {
        for turn in 0.. {
            let Some((from, way)) = list.wanted(head, lines) else {
                return turn;
            };
            let (entries, to): (Vec<Entry>, u64) = match way {
                Direction::Older => {
                    let to = from.get().saturating_sub(100);
                    (
                        (to..from.get())
                            .rev()
                            .filter(|p| *p > 0)
                            .map(entry)
                            .collect(),
                        to,
                    )
                }
                Direction::Newer => {
                    let to = (from.get() + 100).min(head.get());
                    ((from.get() + 1..=to).map(entry).collect(), to)
                }
            };
            list.take(way, entries, Position::new(to), head);
            let positions = list.entries.iter().map(|e| e.position.get());
            let first = list.entries.front().map_or(0, |e| e.position.get());
            assert!(
                positions.eq(first..first + list.entries.len() as u64),
                "no holes"
            );
        }
        unreachable!()
    }

    #[test]
    fn a_list_that_follows_has_what_is_shown_and_a_page_more() {
        let mut list = List::default();
        list.follow(HEAD);
        fill(&mut list, HEAD, 30);
        assert_eq!(list.chosen().map(|e| e.position), Some(HEAD));
        assert!(
            (60..=160).contains(&list.entries.len()),
            "{}",
            list.entries.len()
        );
        let head = HEAD.plus(7);
        assert_eq!(list.wanted(head, 30), Some((HEAD, Direction::Newer)));
        fill(&mut list, head, 30);
        assert_eq!(list.chosen().map(|e| e.position), Some(head));
    }

    #[test]
    fn around_a_position_there_are_rows_on_both_sides_and_at_the_ends_no_more_is_asked_for() {
        for at in [0, 1, 2, 5_000, 9_999, 10_000] {
            let mut list = List::default();
            list.go(Position::new(at), HEAD);
            let turns = fill(&mut list, HEAD, 30);
            assert!(turns < 6, "{turns}");
            let place = list.index().unwrap();
            assert_eq!(list.entries[place].position.get(), at.max(1));
            let (before, after) = (place, list.entries.len() - place);
            assert!(before >= 60 || list.low.get() <= 1, "{at}");
            assert!(after >= 60 || list.high == HEAD, "{at}");
        }
    }

    #[test]
    fn a_long_way_back_keeps_no_more_rows_than_some_and_the_choice_stays() {
        let mut list = List::default();
        list.follow(HEAD);
        fill(&mut list, HEAD, 30);
        for _ in 0..150 {
            let place = list.index().unwrap();
            let to = list.entries[place.saturating_sub(29)].position;
            list.choose(place.saturating_sub(29), HEAD);
            fill(&mut list, HEAD, 30);
            assert_eq!(list.chosen().map(|e| e.position), Some(to));
            assert!(list.entries.len() <= KEPT);
        }
        assert!(list.high < HEAD && !list.follows && list.since == HEAD);
    }

    #[test]
    fn a_row_keeps_no_more_of_an_event_than_it_may_show() {
        let data = format!("{{\"a\":\"{}\",\"b\":[1,2],\"c\":3}}", "é".repeat(9_999));
        let brief = first_fields(&JsonObject::parse(&data).unwrap());
        assert_eq!(brief.len(), 1);
        assert_eq!(brief[0].value.chars().count(), BRIEF);
    }
}
