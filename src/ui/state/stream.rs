//! One aggregate, step by step, beside what the read models have of it: which one is shown, at which version,
//! and which streams there are to choose from.

use std::sync::Arc;

use super::super::json::Json;
use super::Model;
use super::panes::Panes;
use super::ripple::{Has, has};
use super::table::Table;
use crate::event::{Event, Position, StreamId, Version};
use crate::workspace::{
    KeyRows, KeyedModel, PassedBy, Policy, ProjectionView, Snapshot, Step, Steps,
};

/// How many steps are read at once.
pub const PAGE: usize = 200;

/// The panes, by their places.
pub const PANES: usize = 3;
/// The steps.
pub const STEPS: usize = 0;
/// The state after the step that is looked at.
pub const STATE: usize = 1;
/// What the read models have.
pub const MODELS: usize = 2;

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
    /// Some of its steps, the one that is looked at among them.
    pub steps: Fetched<Steps>,
    /// What the read models have of it.
    pub rows: Fetched<KeyRows>,
    /// The state after the step that is looked at, as rows.
    pub json: Json,
    /// How far the read-model side is scrolled.
    pub scroll: usize,
    /// The read models that got the last of what they lacked when the rows were read last.
    pub caught_up: Vec<String>,
    /// The head up to which it is known whether something was stored in the stream.
    pub head: Position,
    /// What was stored up to here was there when the rows were asked for last.
    pub rows_up_to: Position,
    /// Name, version and checkpoint of every read model in the last picture.
    pub stood: Vec<(String, String, Position, Arc<PassedBy>)>,
}

/// Something that is asked for, never twice at once.
#[derive(Debug, Clone)]
pub struct Fetched<T> {
    /// The last answer.
    pub is: Option<Arc<T>>,
    /// Why the last question has none.
    pub error: Option<String>,
    /// Whether it is asked for now.
    pub is_asked: bool,
    /// Whether it is to be asked again then.
    pub is_wanted: bool,
}

impl<T> Default for Fetched<T> {
    fn default() -> Self {
        Self {
            is: None,
            error: None,
            is_asked: false,
            is_wanted: false,
        }
    }
}

impl<T> Fetched<T> {
    /// Takes an answer in; what was there before stays where there is none. Says whether it is to be asked again.
    pub fn take(&mut self, result: Result<Arc<T>, String>) -> bool {
        self.is_asked = false;
        match result {
            Ok(found) => {
                self.is = Some(found);
                self.error = None;
            }
            Err(error) => self.error = Some(error),
        }
        std::mem::take(&mut self.is_wanted)
    }
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
            steps: Fetched::default(),
            rows: Fetched::default(),
            json: Json::default(),
            scroll: 0,
            caught_up: Vec::new(),
            head: Position::START,
            rows_up_to: Position::START,
            stood: Vec::new(),
        }
    }

    /// How many events the stream has, as far as known.
    pub fn newest(&self) -> Version {
        let steps = self.steps.is.as_ref().map(|steps| steps.version);
        steps.unwrap_or_default()
    }

    /// The version that is looked at.
    pub fn version(&self) -> Version {
        self.at.map_or(self.newest(), |at| {
            at.clamp(Version::new(1), self.newest().max(Version::new(1)))
        })
    }

    /// Whether that is the newest.
    pub fn is_newest(&self) -> bool {
        self.version() == self.newest()
    }

    /// The step with a version, where it was read.
    pub fn step(&self, version: Version) -> Option<&Step> {
        let steps = &self.steps.is.as_ref()?.steps;
        let first = steps.first()?.event.version;
        let at = usize::try_from(version.get().checked_sub(first.get())?).ok()?;
        steps.get(at)
    }

    /// The step that is looked at, where it was read.
    pub fn looked_at(&self) -> Option<&Step> {
        self.step(self.version())
    }

    /// Where the newest step that was read is in the log.
    pub fn last(&self) -> Position {
        let steps = self.steps.is.as_ref().and_then(|steps| steps.steps.last());
        steps.map_or(Position::START, |step| step.event.position)
    }

    /// The event at a position, where it was read.
    pub fn event(&self, position: Position) -> Option<&Event> {
        let steps = &self.steps.is.as_ref()?.steps;
        let at = steps.binary_search_by_key(&position, |step| step.event.position);
        at.ok().map(|at| &steps[at].event)
    }

    /// The first version to be read, so that the one that is looked at is among them.
    pub fn from(&self) -> Version {
        let page = PAGE as u64;
        if self.newest().get() <= page {
            return Version::new(1);
        }
        Version::new(self.version().get().saturating_sub(page / 2).max(1))
    }

    /// Goes so many versions on, or back where that is negative; from the newest on it follows.
    pub fn step_by(&mut self, by: i64) {
        let to = self.version().get().saturating_add_signed(by).max(1);
        self.at = (to < self.newest().get()).then_some(Version::new(to));
    }

    /// Whether something may have been stored in the stream that is not known yet.
    pub fn has_news(&self, snapshot: &Snapshot) -> bool {
        if snapshot.head <= self.head {
            return false;
        }
        let mut recent = snapshot.recent.iter();
        let all = recent
            .clone()
            .next()
            .is_some_and(|first| first.position <= self.head.next());
        !all || recent.any(|event| event.position > self.head && event.stream == self.stream)
    }

    /// Whether the rows of a read model may be others than those that are shown.
    pub fn has_moved(&self, snapshot: &Snapshot) -> bool {
        let Some(rows) = &self.rows.is else {
            return false;
        };
        if snapshot.projections.len() != self.stood.len() {
            return true;
        }
        let mut pairs = snapshot.projections.iter().zip(&self.stood);
        pairs.any(|(view, (name, version, checkpoint, passed_by))| {
            if view.name != *name || view.version != *version || view.checkpoint < *checkpoint {
                return true;
            }
            let model = rows.models.iter().find(|model| model.name == view.name);
            model.is_some_and(|model| {
                let coming = &model.coming;
                let due = coming.next.is_some_and(|next| view.checkpoint >= next);
                let unread = model.version.is_none() && coming.unknown.is_some();
                // Something was parked, tried again or skipped.
                let set_aside = view.passed_by != *passed_by;
                set_aside
                    || due && view.checkpoint > coming.position
                    || unread && view.checkpoint > *checkpoint
            })
        })
    }

    /// Notes where every read model stands.
    pub fn note(&mut self, snapshot: &Snapshot) {
        let stands = |view: &ProjectionView| {
            let version = view.version.clone();
            let passed_by = Arc::clone(&view.passed_by);
            (view.name.clone(), version, view.checkpoint, passed_by)
        };
        self.stood = snapshot.projections.iter().map(stands).collect();
    }
}

/// The read models of a key, the replicas of each projection together; projections that have several come first.
pub fn groups(rows: &KeyRows) -> Vec<Vec<&KeyedModel>> {
    let mut groups: Vec<Vec<&KeyedModel>> = Vec::new();
    for model in &rows.models {
        let same = |group: &&mut Vec<&KeyedModel>| base(&group[0].name) == base(&model.name);
        match groups.iter_mut().find(same) {
            Some(group) => group.push(model),
            None => groups.push(vec![model]),
        }
    }
    groups.sort_by_key(|group| group.len() == 1);
    groups
}

/// A replica's projection.
pub fn base(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

/// A stream that something happened to a short while ago.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recent<'a> {
    /// Its newest event.
    pub last: &'a Event,
}

/// How many columns the list of streams has.
pub const COLUMNS: usize = 6;

/// The streams of the list as it is sorted and narrowed.
pub fn listed(model: &Model) -> Vec<Recent<'_>> {
    let streams = recent(&model.snapshot);
    let text = |r: &Recent<'_>| r.last.stream.to_string();
    let by = |column: usize, a: &Recent<'_>, b: &Recent<'_>| {
        let (x, y) = (a.last, b.last);
        match column {
            0 => x.stream.as_str().cmp(y.stream.as_str()),
            1 => x.version.cmp(&y.version),
            2 => x.event_type.as_str().cmp(y.event_type.as_str()),
            3 | 4 => x.position.cmp(&y.position),
            _ => lacking(&model.snapshot, x).cmp(&lacking(&model.snapshot, y)),
        }
    };
    let order = model.stream.list.order(&streams, text, by);
    order.into_iter().map(|at| streams[at]).collect()
}

/// The streams of the newest events, each once, the newest first. What the system keeps for itself is left out.
pub fn recent(snapshot: &Snapshot) -> Vec<Recent<'_>> {
    let mut found: Vec<Recent<'_>> = Vec::new();
    for event in snapshot.recent.iter().rev() {
        let is_known = found.iter().any(|r| r.last.stream == event.stream);
        if !event.stream.is_system() && !is_known {
            found.push(Recent { last: event });
        }
    }
    found
}

/// The read models that lack the newest event of the stream that is shown until somebody asks.
pub fn waiting(model: &Model) -> Vec<String> {
    let shown = model.stream.shown.as_ref();
    let Some(step) = shown.and_then(|shown| shown.step(shown.newest())) else {
        return Vec::new();
    };
    let (snapshot, event) = (&model.snapshot, &step.event);
    let views = snapshot.projections.iter().filter(|view| {
        view.policy == Policy::Manual
            && takes(view, event)
            && has(view, snapshot, event.position) == Has::NotYet
    });
    views.map(|view| view.name.clone()).collect()
}

/// Whether a projection takes events like this one.
pub fn takes(view: &ProjectionView, event: &Event) -> bool {
    let types = &view.event_types;
    types.is_empty() || types.iter().any(|t| t == event.event_type.as_str())
}

/// How many read models do not have an event; ordered by how much there is to mend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lacking {
    /// So many have parked it.
    pub parked: usize,
    /// To so many it comes.
    pub not_yet: usize,
    /// For so many somebody skipped it.
    pub skipped: usize,
    /// So many take such events.
    pub all: usize,
}

/// How many read models lack an event, and how many take such events.
pub fn lacking(snapshot: &Snapshot, event: &Event) -> Lacking {
    let mut lacking = Lacking::default();
    for view in snapshot
        .projections
        .iter()
        .filter(|view| takes(view, event))
    {
        lacking.all += 1;
        match has(view, snapshot, event.position) {
            Has::Yes => {}
            Has::NotYet => lacking.not_yet += 1,
            Has::Parked => lacking.parked += 1,
            Has::Skipped => lacking.skipped += 1,
        }
    }
    lacking
}
