//! What the Overview remembers: which projection is chosen, by name, so that the choice stays on its
//! row when rows come and go.

use super::table::Table;
use crate::workspace::{ProjectionView, Snapshot};

/// What a column of the table of projections shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// What it is doing.
    Status,
    /// Its name, and version where there is room.
    Name,
    /// When it applies events.
    Policy,
    /// The last position that it contains.
    Checkpoint,
    /// Positions to the head.
    Gap,
    /// Events to the head that concern it.
    Behind,
    /// How old it is, beside its objective.
    Age,
    /// Events stored a second that concern it.
    Stored,
    /// Events applied a second.
    Applied,
    /// When it will have caught up.
    Eta,
    /// From stored to visible, at worst for 99 of 100.
    P99,
    /// Events that are parked.
    Parked,
    /// Its age over the last minute.
    History,
}

impl Column {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::Status,
        Self::Name,
        Self::Policy,
        Self::Checkpoint,
        Self::Gap,
        Self::Behind,
        Self::Age,
        Self::Stored,
        Self::Applied,
        Self::Eta,
        Self::P99,
        Self::Parked,
        Self::History,
    ];

    /// As it is written in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Name => "name",
            Self::Policy => "policy",
            Self::Checkpoint => "checkpoint",
            Self::Gap => "gap",
            Self::Behind => "behind",
            Self::Age => "age",
            Self::Stored => "in",
            Self::Applied => "out",
            Self::Eta => "eta",
            Self::P99 => "p99",
            Self::Parked => "parked",
            Self::History => "history",
        }
    }
}

/// The Overview's own state.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// The chosen projection; the first where it is not there.
    pub selected: Option<String>,
    /// How the table is sorted and narrowed.
    pub table: Table,
    /// The columns that somebody wants, the most important first; none where the table chooses.
    pub columns: Vec<Column>,
    /// Whether nobody can choose: no row is marked.
    pub still: bool,
}

impl Overview {
    /// The chosen projection's place; 0 where there is none.
    pub fn index(&self, snapshot: &Snapshot) -> usize {
        let name = self.selected.as_deref();
        let place = |view: &ProjectionView| Some(view.name.as_str()) == name;
        snapshot.projections.iter().position(place).unwrap_or(0)
    }

    /// The chosen projection.
    pub fn view<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a ProjectionView> {
        snapshot.projections.get(self.index(snapshot))
    }

    /// Chooses the projection at a place, or the last where there are fewer.
    pub fn choose(&mut self, snapshot: &Snapshot, index: usize) {
        let last = snapshot.projections.len().saturating_sub(1);
        let view = snapshot.projections.get(index.min(last));
        self.selected = view.map(|view| view.name.clone());
    }
}
