//! What is folded again and what waits for a cutover: which versions there are, and what was done before.

use std::collections::BTreeMap;
use std::time::Duration;

use super::overview::Overview;
use super::panes::Panes;
use super::table::Table;
use crate::event::{Position, Timestamp};
use crate::workspace::{ProjectionView, RebuildView, Recorded, Snapshot, VersionInfo};

/// The pane with a row for each projection.
pub const TABLE: usize = 0;
/// The pane with what was done before.
pub const DONE: usize = 1;

/// The Rebuilds screen's own state.
#[derive(Debug, Clone, Default)]
pub struct Rebuilds {
    /// How the projections are sorted and narrowed.
    pub table: Table,
    /// Which pane has the keys.
    pub panes: Panes,
    /// The versions of each projection; or why they cannot be read.
    pub versions: BTreeMap<String, Result<Vec<VersionInfo>, String>>,
    /// What was done to versions, the newest first; `None` before the first answer.
    pub done: Option<Result<Vec<Recorded>, String>>,
    /// How many lines of that are above the first that is shown.
    pub scroll: usize,
    /// What was there at the last question: where that is another, it is asked again.
    pub asked: Option<Vec<Seen>>,
    /// Whether a question is under way.
    pub under_way: bool,
    /// Where each rebuild was when it was first seen.
    pub begun: BTreeMap<String, Begun>,
}

/// What of a projection has to be another for its versions to be others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    name: String,
    version: String,
    beside: Option<(String, bool)>,
    asked: Option<Position>,
}

impl Seen {
    /// Of every projection.
    pub fn of(snapshot: &Snapshot) -> Vec<Self> {
        let seen = |view: &ProjectionView| Self {
            name: view.name.clone(),
            version: view.version.clone(),
            beside: view.rebuild.as_ref().map(|r| (r.version.clone(), r.held)),
            asked: view.asked.as_ref().map(|asked| asked.position),
        };
        snapshot.projections.iter().map(seen).collect()
    }
}

/// Where a rebuild was when it was first seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    version: String,
    at: Timestamp,
    checkpoint: Position,
}

impl Rebuilds {
    /// Remembers where rebuilds are that are new.
    pub fn watch(&mut self, snapshot: &Snapshot) {
        let running = |name: &String, begun: &mut Begun| {
            let view = snapshot.projections.iter().find(|view| view.name == *name);
            let rebuild = view.and_then(|view| view.rebuild.as_ref());
            rebuild.is_some_and(|rebuild| rebuild.version == begun.version)
        };
        self.begun.retain(running);
        for view in &snapshot.projections {
            if let Some(rebuild) = &view.rebuild {
                self.begun
                    .entry(view.name.clone())
                    .or_insert_with(|| Begun {
                        version: rebuild.version.clone(),
                        at: snapshot.taken_at,
                        checkpoint: rebuild.checkpoint,
                    });
            }
        }
    }

    /// When a rebuild will be done: from the faster to the slower of what its rate of now and its rate since it was
    /// first seen come to.
    pub fn ready_in(
        &self,
        name: &str,
        rebuild: &RebuildView,
        now: Timestamp,
    ) -> Option<(Duration, Duration)> {
        let eta = rebuild.eta?;
        let begun = self.begun.get(name)?;
        let took = Duration::try_from(now.duration_since(begun.at)).ok()?;
        let done = rebuild
            .checkpoint
            .get()
            .checked_sub(begun.checkpoint.get())?;
        let left = rebuild
            .target
            .get()
            .saturating_sub(rebuild.checkpoint.get());
        if took < Duration::from_secs(2) || done == 0 {
            return Some((eta, eta));
        }
        #[allow(clippy::cast_precision_loss)]
        let whole = took.mul_f64(left as f64 / done as f64);
        Some((eta.min(whole), eta.max(whole)))
    }

    /// The chosen projection; the first of those that are shown here where it is not among them.
    pub fn selected<'a>(
        &self,
        snapshot: &'a Snapshot,
        overview: &Overview,
    ) -> Option<&'a ProjectionView> {
        let shown = self.order(snapshot);
        let mut shown = shown.iter().map(|at| &snapshot.projections[*at]);
        let first = shown.clone().next();
        let name = overview.selected.as_deref();
        shown.find(|view| Some(&*view.name) == name).or(first)
    }

    /// The places of the projections that are shown, in order: what is built or held first.
    pub fn order(&self, snapshot: &Snapshot) -> Vec<usize> {
        let rows: Vec<&ProjectionView> = snapshot.projections.iter().collect();
        let by = |column: usize, a: &&ProjectionView, b: &&ProjectionView| match column {
            0 => a.name.cmp(&b.name),
            1 => a.version.cmp(&b.version),
            2 => rank(a).cmp(&rank(b)),
            3 => progress(a).total_cmp(&progress(b)),
            4 => rate(a).total_cmp(&rate(b)),
            _ => eta(a).cmp(&eta(b)),
        };
        let mut order = self.table.order(&rows, |view| view.name.clone(), by);
        if self.table.sort.is_none() {
            order.sort_by_key(|at| rank(rows[*at]));
        }
        order
    }
}

/// How many columns the table can be sorted by.
pub const COLUMNS: usize = 6;

fn rank(view: &ProjectionView) -> u8 {
    match &view.rebuild {
        Some(rebuild) if rebuild.held => 0,
        Some(_) => 1,
        None => 2,
    }
}

fn progress(view: &ProjectionView) -> f64 {
    view.rebuild.as_ref().map_or(-1.0, RebuildView::progress)
}

fn rate(view: &ProjectionView) -> f64 {
    let rebuild = view.rebuild.as_ref();
    rebuild.and_then(|rebuild| rebuild.rate).unwrap_or(-1.0)
}

fn eta(view: &ProjectionView) -> Option<Duration> {
    view.rebuild.as_ref().and_then(|rebuild| rebuild.eta)
}
