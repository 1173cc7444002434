//! What the Overview remembers: which projection is chosen, by name, so that the choice stays on its
//! row when rows come and go.

use super::table::Table;
use crate::workspace::{ProjectionView, Snapshot};

/// The Overview's own state.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// The chosen projection; the first where it is not there.
    pub selected: Option<String>,
    /// How the table is sorted and narrowed.
    pub table: Table,
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
