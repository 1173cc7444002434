//! One projection in full: which pane is read, and what was fetched for it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::fetched::Fetched;
use super::filter::Filter;
use super::page::Parked;
use super::panes::Panes;
use super::table::Sort;
use crate::event::Timestamp;
use crate::workspace::{
    Answered, Browse, BuiltFrom, Consistency, Policy, Recorded, RowsPage, Service, WhatIf,
};

/// The panes, in the order of Tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// How it is, why, and every number.
    Now,
    /// Its age and its gap over time.
    Charts,
    /// What its loop does with its time, and how long events take to be seen.
    Times,
    /// How its objective was held, and what another policy would have given.
    Objective,
    /// Its rows.
    Rows,
    /// Its queries, and what they answer.
    Queries,
    /// Its definition.
    Sql,
    /// What it could not apply.
    Parked,
    /// Who asked what of it.
    Operations,
}

impl Pane {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Now,
        Self::Charts,
        Self::Times,
        Self::Objective,
        Self::Rows,
        Self::Queries,
        Self::Sql,
        Self::Parked,
        Self::Operations,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Now => "Now",
            Self::Charts => "Charts",
            Self::Times => "Times",
            Self::Objective => "Objective",
            Self::Rows => "Rows",
            Self::Queries => "Queries",
            Self::Sql => "SQL",
            Self::Parked => "Parked",
            Self::Operations => "Asked",
        }
    }

    /// Whether it stands at the left where there are two columns, whatever else is read.
    pub const fn is_left(self) -> bool {
        matches!(self, Self::Now | Self::Charts)
    }
}

/// The Projection screen's own state.
#[derive(Debug, Clone)]
pub struct Projection {
    /// Which pane has the keys.
    pub panes: Panes,
    /// The pane at the right, while one at the left has the keys.
    pub beside: Pane,
    /// How many lines, or rows, are above the first that is shown, or before the chosen one; a pane each.
    pub scroll: [usize; Pane::ALL.len()],
    /// Which projection all that follows is of.
    pub about: String,
    /// Its definition.
    pub definition: Fetched<BuiltFrom>,
    /// What is parked.
    pub parked: Fetched<Parked>,
    /// What was asked of it.
    pub operations: Fetched<Vec<Recorded>>,
    /// How its objective was held; `None` where it has none.
    pub service: Fetched<Option<Service>>,
    /// What another policy would have given.
    pub what_if: Option<(Policy, Fetched<WhatIf>)>,
    /// Its rows.
    pub rows: Browsing,
    /// What its queries answered.
    pub answers: Option<Answers>,
    /// What was filled in last, by parameter.
    pub filled_in: BTreeMap<String, String>,
}

/// Its rows, as somebody goes through them.
#[derive(Debug, Clone, Default)]
pub struct Browsing {
    /// Which table.
    pub table: usize,
    /// By which column; by primary key where by none.
    pub sort: Option<Sort>,
    /// Whether, by primary key, the last row comes first.
    pub turned: bool,
    /// Which rows.
    pub filter: Filter,
    /// How many columns are left of the first that is shown.
    pub left: usize,
    /// Some of them.
    pub page: Fetched<RowsPage>,
    /// What was asked for last.
    pub asked: Option<Browse>,
    /// When the last page was asked for, and how long it took: the next one of a read model that moves waits for a
    /// while.
    pub took: Option<(Timestamp, Duration)>,
}

/// A question, and an answer at each consistency that was asked for.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The query.
    pub query: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// The answers, each of its own question.
    pub all: Vec<Level>,
    /// Whose rows are shown.
    pub shown: usize,
    /// How many of them are above the first that is shown.
    pub scroll: usize,
    /// How many columns are left of the first that is shown.
    pub left: usize,
}

/// An answer at one consistency.
#[derive(Debug, Clone)]
pub struct Level {
    /// The number of the question.
    pub number: u64,
    /// How fresh it had to be.
    pub consistency: Consistency,
    /// The answer, once it is there; or why there is none.
    pub answer: Option<Result<Answered, String>>,
}

impl Browsing {
    /// The columns of the table, as far as that is known.
    pub fn columns(&self) -> &[String] {
        let page = self.page.good();
        let table = page.and_then(|page| page.tables.get(page.table));
        table.map_or(&[], |table| &table.columns)
    }

    /// How many rows there are; `None` where nobody counted that far.
    pub fn count(&self) -> Option<usize> {
        let page = self.page.good()?;
        let read = page.first + page.rows.len() as u64;
        let is_end = self
            .asked
            .as_ref()
            .is_some_and(|asked| page.rows.len() < asked.limit);
        let count = match page.matching.more {
            false => page.matching.rows.max(read),
            true if is_end => read,
            true => return None,
        };
        usize::try_from(count).ok()
    }
}

impl Answers {
    /// The answer whose rows are shown.
    pub fn answered(&self) -> Option<&Answered> {
        let level = self.all.get(self.shown)?;
        level.answer.as_ref()?.as_ref().ok()
    }

    /// Its rows; `None` where it is not there.
    pub fn rows(&self) -> Option<&[Map<String, Value>]> {
        self.answered().map(|answered| answered.rows.as_slice())
    }

    /// Their columns.
    pub fn columns(&self) -> Vec<String> {
        let first = self.rows().and_then(<[_]>::first);
        first.map_or_else(Vec::new, |row| row.keys().cloned().collect())
    }
}

impl Default for Projection {
    fn default() -> Self {
        Self {
            panes: Panes::default(),
            beside: Pane::Times,
            scroll: [0; Pane::ALL.len()],
            about: String::new(),
            definition: Fetched::default(),
            parked: Fetched::default(),
            operations: Fetched::default(),
            service: Fetched::default(),
            what_if: None,
            rows: Browsing::default(),
            answers: None,
            filled_in: BTreeMap::new(),
        }
    }
}

impl Projection {
    /// The pane that has the keys.
    pub fn pane(&self) -> Pane {
        Pane::ALL[self.panes.focus.min(Pane::ALL.len() - 1)]
    }

    /// Gives a pane the keys.
    pub fn focus(&mut self, pane: Pane) {
        self.panes.focus = pane as usize;
        if !pane.is_left() {
            self.beside = pane;
        }
    }

    /// Gives the next pane the keys, or the one before.
    pub fn turn(&mut self, back: bool) {
        self.panes.turn(Pane::ALL.len(), back);
        self.focus(self.pane());
    }

    /// From now on it is about this projection: what is of another one is forgotten.
    pub fn be_about(&mut self, name: &str) {
        if self.about != name {
            *self = Self {
                panes: self.panes,
                beside: self.beside,
                about: name.to_owned(),
                filled_in: std::mem::take(&mut self.filled_in),
                ..Self::default()
            };
        }
    }

    /// The parked event that is chosen.
    pub fn parked_event(&self) -> Option<&crate::workspace::ParkedEvent> {
        let (_, events) = self.parked.good()?;
        let chosen = self.scroll[Pane::Parked as usize];
        events.get(chosen.min(events.len().saturating_sub(1)))
    }
}
