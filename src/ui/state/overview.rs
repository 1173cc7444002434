//! What the Overview remembers: which projection is chosen, by name, so that the choice stays on its row when rows
//! come, go and move; how the table is sorted and narrowed; which pane has the keys.

use std::cmp::Ordering;

use super::super::columns::ColumnName as Column;
use super::panes::Panes;
use super::span::Span;
use super::table::{Sort, Table};
use crate::lag::Status;
use crate::workspace::{ProjectionView, Snapshot};

/// The panes, in the order of Tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// Where every projection stands.
    Projections,
    /// The log as a line.
    Ruler,
    /// Lag over time.
    Chart,
    /// The newest events.
    Events,
}

impl Pane {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Projections, Self::Ruler, Self::Chart, Self::Events];
}

/// Whether one looks for the largest first: in all but words.
const fn is_number(column: Column) -> bool {
    !matches!(column, Column::Status | Column::Name | Column::Policy)
}

/// Which of two comes first by a column, the smaller one; the worst status is the smallest.
fn compare(column: Column, a: &ProjectionView, b: &ProjectionView) -> Ordering {
    let float = |a: Option<f64>, b: Option<f64>| {
        let of = |rate: Option<f64>| rate.unwrap_or(-1.0);
        of(a).total_cmp(&of(b))
    };
    match column {
        Column::Status => rank(a.lag.status).cmp(&rank(b.lag.status)),
        Column::Name => a.name.cmp(&b.name),
        Column::Policy => a.policy.to_string().cmp(&b.policy.to_string()),
        Column::Checkpoint => a.checkpoint.cmp(&b.checkpoint),
        Column::Gap => a.lag.gap.cmp(&b.lag.gap),
        Column::Behind => a.lag.behind.cmp(&b.lag.behind),
        Column::Age | Column::History => a.lag.age.cmp(&b.lag.age),
        Column::Stored => float(a.rates.stored, b.rates.stored),
        Column::Applied => float(a.rates.applied, b.rates.applied),
        Column::Eta => a.eta.cmp(&b.eta),
        Column::P99 => {
            let p99 = |view: &ProjectionView| view.visibility.map(|v| v.p99);
            p99(a).cmp(&p99(b))
        }
        Column::Parked => a.parked.cmp(&b.parked),
    }
}

/// The worse, the smaller.
const fn rank(status: Status) -> u8 {
    match status {
        Status::Ahead => 0,
        Status::Dead => 1,
        Status::Faulted(_) => 2,
        Status::Stalled => 3,
        Status::Falling => 4,
        Status::Paused => 5,
        Status::CatchingUp => 6,
        Status::Waiting => 7,
        Status::Live => 8,
    }
}

/// The Overview's own state.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// The chosen projection; the first of those that are shown where it is not there.
    pub selected: Option<String>,
    /// How the table is sorted and narrowed.
    pub table: Table,
    /// Which pane has the keys.
    pub panes: Panes,
    /// Which stretch of time charts show: here, and on the Projection screen.
    pub span: Span,
    /// How many of the newest events are above the first that is shown.
    pub scroll: usize,
}

impl Overview {
    /// The pane that has the keys.
    pub fn pane(&self) -> Pane {
        let at = self.panes.focus.min(Pane::ALL.len() - 1);
        Pane::ALL[at]
    }

    /// The places of the projections that are shown, in order.
    pub fn order(&self, snapshot: &Snapshot) -> Vec<usize> {
        let text = |view: &ProjectionView| {
            format!("{} {} {}", view.name, word(view.lag.status), view.policy)
        };
        self.table
            .order(&snapshot.projections, text, |column, a, b| {
                compare(Column::at(column), a, b)
            })
    }

    /// The chosen projection's row among those that are shown; 0 where it is not among them.
    pub fn index(&self, snapshot: &Snapshot) -> usize {
        self.row(snapshot, &self.order(snapshot))
    }

    /// The same, where the order is known.
    pub fn row(&self, snapshot: &Snapshot, order: &[usize]) -> usize {
        let name = self.selected.as_deref();
        let is_it = |at: &usize| Some(snapshot.projections[*at].name.as_str()) == name;
        order.iter().position(is_it).unwrap_or(0)
    }

    /// The chosen projection; `None` where none is shown.
    pub fn view<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a ProjectionView> {
        let order = self.order(snapshot);
        let at = order.get(self.row(snapshot, &order))?;
        snapshot.projections.get(*at)
    }

    /// Chooses the projection on a row, or the last where there are fewer.
    pub fn choose(&mut self, snapshot: &Snapshot, row: usize) {
        let order = self.order(snapshot);
        let last = order.len().saturating_sub(1);
        let at = order.get(row.min(last));
        if let Some(view) = at.and_then(|at| snapshot.projections.get(*at)) {
            self.selected = Some(view.name.clone());
        }
    }

    /// Sorts by the next of the columns that are shown, or the one before; by none after the last.
    pub fn turn_sort(&mut self, shown: &[usize], back: bool) {
        self.table.turn_sort(shown, back);
        self.largest_first();
    }

    /// Sorts by a column; by the one that it is sorted by already, the other way around.
    pub fn sort_by(&mut self, column: usize) {
        match self.table.sort {
            Some(sort) if sort.column == column => self.table.invert(),
            _ => {
                self.table.sort = Some(Sort {
                    column,
                    descending: false,
                });
                self.largest_first();
            }
        }
    }

    fn largest_first(&mut self) {
        if let Some(sort) = &mut self.table.sort {
            sort.descending = is_number(Column::at(sort.column));
        }
    }
}

/// A status as the filter finds it.
const fn word(status: Status) -> &'static str {
    match status {
        Status::Ahead => "ahead",
        Status::Dead => "dead",
        Status::Faulted(_) => "faulted",
        Status::Paused => "paused",
        Status::Stalled => "stalled",
        Status::Falling => "falling",
        Status::CatchingUp => "catching up",
        Status::Waiting => "waiting",
        Status::Live => "live",
    }
}
