//! A page about one projection that lies over the screen and is read: why it is stale, what was done to it.

use std::sync::Arc;

use crate::workspace::{Checked, Diff, Mending, Progress, Recorded};
use crate::workspace::{ParkedCount, ParkedEvent};

/// A page, scrolled by so many lines.
#[derive(Debug, Clone)]
pub struct Page {
    /// About which projection.
    pub projection: String,
    /// What about it.
    pub about: About,
    /// How many lines are above the first that is shown.
    pub scroll: usize,
}

/// What a page is about.
#[derive(Debug, Clone)]
pub enum About {
    /// Why it is stale: drawn from the newest snapshot.
    Why,
    /// Who asked what of it; `None` until the answer is there.
    Operations(Option<Result<Vec<Recorded>, String>>),
    /// What differs between the version that answers and the new one; `None` until the answer is there.
    Diff(Option<Result<Box<Diff>, String>>),
    /// What is parked, and the first of it; `None` until the answer is there. Its lines are events, of which one is
    /// chosen.
    Parked(Option<Result<Parked, String>>),
    /// Whether it is what its handlers make of the log.
    Verify(Verify),
    /// What mending one key would change.
    Repair(Repair),
}

/// A read model that is verified.
#[derive(Debug, Clone)]
pub struct Verify {
    /// Of the work.
    pub number: u64,
    /// How far it is.
    pub progress: Progress,
    /// What it came to; `None` until then.
    pub result: Option<Result<Box<Checked>, String>>,
}

/// A key before it is mended.
#[derive(Debug, Clone)]
pub struct Repair {
    /// Whose rows.
    pub key: String,
    /// What would change; `None` until the answer is there.
    pub mending: Option<Result<Arc<Mending>, String>>,
}

impl Repair {
    /// Whether there is something to mend.
    pub fn is_due(&self) -> bool {
        matches!(&self.mending, Some(Ok(mending)) if !mending.comparison.is_equal())
    }
}

/// What is parked, and the first of it.
pub type Parked = (ParkedCount, Vec<ParkedEvent>);

impl Page {
    /// The parked events that were read.
    pub fn all_parked(&self) -> Option<&[ParkedEvent]> {
        match &self.about {
            About::Parked(Some(Ok((_, events)))) => Some(events),
            _ => None,
        }
    }

    /// The parked event that is chosen.
    pub fn parked(&self) -> Option<&ParkedEvent> {
        let events = self.all_parked()?;
        events.get(self.scroll.min(events.len().saturating_sub(1)))
    }

    /// Opens one at its first line.
    pub fn new(projection: String, about: About) -> Self {
        Self {
            projection,
            about,
            scroll: 0,
        }
    }
}
