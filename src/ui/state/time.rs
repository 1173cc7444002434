//! A read model as it was: which moment is shown, and which one is on its way.

use std::sync::Arc;

use crate::event::Position;
use crate::workspace::{AsOf, Moment, PassedBy, Progress, Shown};

/// How many events a page key moves.
pub const FAR: u64 = 100;

/// The past of one read model.
#[derive(Debug, Clone)]
pub struct Pane {
    /// Of the work that folds it.
    pub number: u64,
    /// Of which projection.
    pub projection: String,
    /// Where it is to be shown; `None` is the head.
    pub goal: Option<AsOf>,
    /// Which rows are to be shown.
    pub shown: Shown,
    /// What the look under way is for; `None` while there is none.
    pub under_way: Option<(Option<AsOf>, Shown)>,
    /// How far the look under way is, once it has taken a while.
    pub progress: Option<Progress>,
    /// What is shown; `None` before the first answer.
    pub moment: Option<Arc<Moment>>,
    /// Why the last look showed nothing.
    pub error: Option<String>,
    /// How far the version that answers was when it was looked at beside.
    pub beside: Position,
    /// And what it had passed without applying it.
    pub passed: Arc<PassedBy>,
    /// Whether somebody drags the mark along the log.
    pub dragged: bool,
    /// Whether the mark stands where it was left, and nobody has moved it since.
    pub kept: bool,
}

impl Pane {
    /// One that shows nothing yet.
    pub fn new(number: u64, projection: String, goal: Option<AsOf>, most: usize) -> Self {
        let shown = Shown {
            most,
            ..Shown::default()
        };
        Self {
            number,
            projection,
            goal,
            shown,
            under_way: None,
            progress: None,
            moment: None,
            error: None,
            beside: Position::START,
            passed: Arc::default(),
            dragged: false,
            kept: false,
        }
    }

    /// Where on the log it is going, or stands.
    pub fn position(&self) -> Option<Position> {
        match self.goal {
            Some(AsOf::Position(position)) => Some(position),
            _ => self.moment.as_ref().map(|moment| moment.position),
        }
    }

    /// Goes so many events on, or back where that is negative; from where it is going already.
    pub fn step(&mut self, by: i64, head: Position) {
        let Some(from) = self.position() else {
            return;
        };
        let to = from.get().saturating_add_signed(by);
        // Nothing is beyond the head, and one step back from the first event is before it.
        let to = to.min(head.get()).max(u64::from(from.get() > 1 && by < -1));
        self.goal = Some(AsOf::Position(Position::new(to)));
    }

    /// Scrolls its rows by so many.
    pub fn scroll(&mut self, by: i64) {
        let count = self.moment.as_ref().map_or(0, |moment| moment.rows.count);
        let first = self.shown.first.saturating_add_signed(by);
        self.shown.first = first.min(count.saturating_sub(1));
    }

    /// Shows the next of its tables, or the one before.
    pub fn turn(&mut self, back: bool) {
        let tables = self.moment.as_ref().map_or(0, |m| m.rows.tables.len());
        if tables > 1 {
            let by = if back { tables - 1 } else { 1 };
            self.shown.table = (self.shown.table + by) % tables;
            self.shown.first = 0;
        }
    }
}
