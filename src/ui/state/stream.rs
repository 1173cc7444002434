//! One aggregate, step by step, beside what the read models have of it: which one is shown, at which version,
//! and which streams there are to choose from.

use super::panes::Panes;
use super::table::Table;
use crate::event::{Event, Position, StreamId, Version};
use crate::workspace::Snapshot;

/// The Stream screen's own state.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// What is shown; `None` while one is to be chosen.
    pub shown: Option<Shown>,
    /// The streams to choose from.
    pub list: Table,
}

/// A stream that is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Which.
    pub stream: StreamId,
    /// Of what is asked for it: an answer to anything else is outdated.
    pub number: u64,
    /// Whether it was chosen from the list: then Esc goes back there.
    pub from_list: bool,
    /// The version that is looked at; `None` is the newest, whichever that is.
    pub at: Option<Version>,
    /// Which pane has the keys.
    pub panes: Panes,
}

impl Shown {
    /// One of which nothing is known yet.
    pub fn new(stream: StreamId, number: u64, from_list: bool) -> Self {
        Self {
            stream,
            number,
            from_list,
            at: None,
            panes: Panes::default(),
        }
    }
}

/// A stream that something happened to a short while ago.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recent<'a> {
    /// Its newest event.
    pub last: &'a Event,
    /// How many of the newest events are its own.
    pub events: usize,
}

/// The streams of the newest events, each once, the newest first. What the system keeps for itself is left out.
pub fn recent(snapshot: &Snapshot) -> Vec<Recent<'_>> {
    let mut found: Vec<Recent<'_>> = Vec::new();
    for event in snapshot.recent.iter().rev() {
        if event.stream.is_system() {
            continue;
        }
        match found.iter_mut().find(|r| r.last.stream == event.stream) {
            Some(recent) => recent.events += 1,
            None => found.push(Recent {
                last: event,
                events: 1,
            }),
        }
    }
    found
}

/// How many read models lack the event at a position that takes such events, and how many take them.
pub fn lacking(snapshot: &Snapshot, event: &Event) -> (usize, usize) {
    let takes = snapshot.projections.iter().filter(|view| {
        let types = &view.event_types;
        types.is_empty() || types.iter().any(|t| t == event.event_type.as_str())
    });
    let lacks = |position: Position| {
        let has = super::ripple::has;
        move |view: &&crate::workspace::ProjectionView| !has(view, snapshot, position)
    };
    let taking: Vec<_> = takes.collect();
    let without = taking.iter().copied().filter(lacks(event.position)).count();
    (without, taking.len())
}
