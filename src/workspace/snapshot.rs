//! What a dashboard or `status` is told: one immutable picture of a workspace.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::faults::{INJECTED, Injected};
use crate::event::{Event, Position, Timestamp};
pub use crate::lag::Rates;
use crate::lag::why::{self, Case, Said, Work};
use crate::lag::{Lag, Status};
use crate::log::Durability;
use crate::read::{ParkedSum, PassedBy, Policy};
use crate::text::human_duration;

/// Everything that is shown, at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When it was taken.
    pub taken_at: Timestamp,
    /// From when until when nobody looked at the workspace, the last time that this was so: the process was stopped,
    /// or the machine slept. What was the case meanwhile, nobody knows.
    pub unseen: Option<(Timestamp, Timestamp)>,
    /// The folder.
    pub workspace: WorkspaceInfo,
    /// Who applies events.
    pub engine: EngineInfo,
    /// The log's last position.
    pub head: Position,
    /// Events stored a second, over ten seconds; `None` before there are samples.
    pub stored_per_second: Option<f64>,
    /// What commands came to in this process since it started.
    pub commands: CommandCounts,
    /// One a projection, by name.
    pub projections: Vec<ProjectionView>,
    /// The newest events, oldest first; at most [`RECENT_EVENTS`].
    pub recent: Arc<[Event]>,
    /// What needs somebody's attention and belongs to no projection that runs: a broken file …
    pub problems: Vec<String>,
}

impl Snapshot {
    /// Whether a picture of this looks the same as one of the other: all is equal but the time.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.unseen == other.unseen
            && self.workspace == other.workspace
            && self.engine == other.engine
            && self.head == other.head
            && self.stored_per_second == other.stored_per_second
            && self.commands == other.commands
            && self.projections.len() == other.projections.len()
            && (self.projections.iter().zip(&other.projections)).all(|(a, b)| a.shows_the_same(b))
            && self.problems == other.problems
    }
}

impl ProjectionView {
    /// Whether a fault that somebody has injected was to blame, which has ended.
    fn has_ended(&self, fault: &Fault) -> bool {
        let stopped = matches!(self.lag.status, Status::Faulted(_));
        // A stall stops at nothing: what an event stopped at was poison.
        let goes_on = |of: &Injected| of.poison.is_some() || of.stall && !stopped;
        fault.error.starts_with(INJECTED) && !self.injected.as_ref().is_some_and(goes_on)
    }

    /// Why it cannot apply the event, as it is now: an injected fault that has ended need not be ended.
    pub fn error_of<'a>(&self, fault: &'a Fault) -> Cow<'a, str> {
        if !self.has_ended(fault) {
            return Cow::Borrowed(&fault.error);
        }
        Cow::Owned(match self.lag.status {
            Status::Faulted(_) => {
                let name = &self.name;
                format!("{INJECTED}: it has ended, `:resume {name}` lets it go on")
            }
            _ => format!("{INJECTED}: it has ended"),
        })
    }

    /// What it keeps to: its policy, and how often it is stored where its state is in memory.
    pub fn kept(&self) -> String {
        if self.stored_within.is_zero() {
            self.policy.to_string()
        } else {
            let every = human_duration(self.stored_within);
            format!("{}, stored every {every}", self.policy)
        }
    }

    /// Whether all is equal that can be seen: a history without a hole in which it was never late is like a shorter one,
    /// and of a loop that did nothing it does not matter for how long that was watched.
    fn shows_the_same(&self, other: &Self) -> bool {
        let was_late = |view: &Self| view.history.iter().any(|age| *age != Some(0.0));
        let worked = |view: &Self| !(view.work.live() + view.work.rebuild).is_zero();
        let mut same = self.clone();
        if !was_late(self) && !was_late(other) {
            same.history = Arc::clone(&other.history);
        }
        if !worked(self) && !worked(other) {
            same.work = other.work;
        }
        same == *other
    }
}

impl Snapshot {
    /// What is known of why a read model of this workspace is as it is.
    pub fn case(&self, view: &ProjectionView) -> Case {
        let last = self.recent.last().map(|event| event.recorded_at);
        #[allow(clippy::cast_precision_loss)]
        let cap = match view.policy {
            Policy::Rate(rate) => Some(rate as f64),
            _ => None,
        };
        Case {
            name: view.name.clone(),
            checkpoint: view.checkpoint,
            head: self.head,
            lag: view.lag.clone(),
            log_still_for: last.map(|last| {
                Duration::try_from(self.taken_at.duration_since(last)).unwrap_or_default()
            }),
            last_stored: last,
            policy: view.kept(),
            allowance: view
                .policy
                .allowance()
                .map(|allowed| allowed.saturating_add(view.stored_within)),
            cap,
            objective: view.objective,
            rates: view.rates,
            eta: view.eta,
            work: view.work,
            runs: view.runs.clone(),
            paused: view.paused.clone(),
            trouble: view.fault.as_ref().map(|fault| why::Trouble {
                position: fault.position,
                error: view.error_of(fault).into_owned(),
                tries: fault.tries,
                locked: fault.locked,
                ended: view.has_ended(fault),
            }),
            problem: view.problem.clone(),
            not_built: view.not_built.clone(),
            rebuild: view.rebuild.as_ref().map(|rebuild| why::Rebuild {
                version: rebuild.version.clone(),
                checkpoint: rebuild.checkpoint,
                target: rebuild.target,
            }),
            parked: (view.parked, view.parked_streams),
            injected: view.injected.as_ref().map(|injected| why::Injected {
                words: injected.to_string(),
                poison: injected.poison.is_some(),
            }),
        }
    }
}

/// How many events a snapshot carries at most.
pub const RECENT_EVENTS: usize = 200;

/// How many samples of history a projection's view carries at most.
pub const HISTORY: usize = 120;

/// Which workspace it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceInfo {
    /// Its name: the configuration's, else the folder's.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// What an acknowledged commit survives.
    pub durability: Durability,
}

/// Who applies events in this workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineInfo {
    /// Whether anybody does.
    pub running: bool,
    /// The process that does.
    pub pid: Option<u32>,
    /// Whether that is this process.
    pub here: bool,
}

/// What commands came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommandCounts {
    /// Accepted: their events, if any, are stored.
    pub accepted: u64,
    /// Rejected for a business reason.
    pub rejected: u64,
    /// Given up after conflicts.
    pub conflict: u64,
}

/// One projection, or one of its replicas.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionView {
    /// Its name; a replica's is `orders@eu`.
    pub name: String,
    /// The version that answers: the first digits of its definition's hash and its generation.
    pub version: String,
    /// The first words of the file's description; may be empty.
    pub description: String,
    /// When it applies what is waiting.
    pub policy: Policy,
    /// How much later than it was folded it is in the file, at most: more than nothing where its state is in
    /// memory.
    pub stored_within: Duration,
    /// How stale it may be before that is a breach.
    pub objective: Option<Duration>,
    /// Whether the objective is breached (with hysteresis).
    pub breach: bool,
    /// The last position that the read model contains.
    pub checkpoint: Position,
    /// How far behind it is.
    pub lag: Lag,
    /// How many different streams have events that the read model lacks; counted up to 1,000.
    pub stale_keys: usize,
    /// How many events are parked: the read model has passed them without them.
    pub parked: u64,
    /// Of how many streams.
    pub parked_streams: u64,
    /// Which events it has passed without them: parked, or skipped by somebody.
    pub passed_by: Arc<PassedBy>,
    /// What stopped it.
    pub fault: Option<Fault>,
    /// Faults that somebody has injected: what is shown of it is not for real.
    pub injected: Option<Injected>,
    /// The types of events that it names; empty where it takes whatever there is.
    pub event_types: Vec<String>,
    /// Who paused it and when, where somebody did.
    pub paused: Option<Said>,
    /// What somebody asked of it last.
    pub asked: Option<Asked>,
    /// The process whose engine owns it, as that says.
    pub owner: Option<u32>,
    /// Who applies events to it.
    pub runs: why::Loop,
    /// What keeps its loop as a whole from working.
    pub problem: Option<String>,
    /// Why the definition in force could not be built, so that the version that answers is an older one's.
    pub not_built: Option<String>,
    /// What its loop did with its time, over the last seconds.
    pub work: Work,
    /// How fast it is.
    pub rates: Rates,
    /// When it will have caught up, where that can be said.
    pub eta: Option<Duration>,
    /// From stored to visible, over the last minute, live work only.
    pub visibility: Option<Visibility>,
    /// The same as a histogram: the buckets that have any event, in order; 28 at most.
    pub visible_after: Arc<[Bucket]>,
    /// A rebuild that runs beside it.
    pub rebuild: Option<RebuildView>,
    /// Whether its handlers can be applied twice (`-- replayable: yes`).
    pub replayable: bool,
    /// Its age in seconds, a sample each half second, oldest first; at most [`HISTORY`]. `None` where nobody looked.
    pub history: Arc<[Option<f32>]>,
    /// The queries it answers.
    pub queries: Vec<QueryInfo>,
    /// Where its live version can be opened by others.
    pub path: PathBuf,
}

/// What somebody asked of a projection last, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The position of the event that asked.
    pub position: Position,
    /// What for, as a command line has it.
    pub what: String,
    /// Who.
    pub by: String,
    /// Whether it was this process.
    pub mine: bool,
    /// Why it was refused, or failed.
    pub failed: Option<String>,
}

/// Why a projection stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The event that cannot be applied.
    pub position: Position,
    /// What the handler said.
    pub error: String,
    /// How often it was tried.
    pub tries: u32,
    /// Whether the file was locked by another connection, and neither event nor handler is to blame.
    pub locked: bool,
}

/// How long after it was stored an event was visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visibility {
    /// Half were faster.
    pub p50: Duration,
    /// 99 of 100 were faster.
    pub p99: Duration,
    /// The slowest.
    pub max: Duration,
}

/// How many events were visible after about so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// At most so long: 10, 20, 50, 100 microseconds and so on; and longer than the bound before.
    pub up_to: Duration,
    /// So many events.
    pub events: u64,
}

/// A rebuild while it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RebuildView {
    /// The version it makes.
    pub version: String,
    /// How far it is.
    pub checkpoint: Position,
    /// Where it has to get to, as things stand.
    pub target: Position,
    /// Events applied a second.
    pub rate: Option<f64>,
    /// When it will be there, where that can be said.
    pub eta: Option<Duration>,
    /// Whether it is there, and waits until somebody cuts over.
    pub held: bool,
    /// Whether somebody wants it to stand still.
    pub paused: bool,
    /// What it has parked.
    pub parked: ParkedSum,
}

impl RebuildView {
    /// How much of it is done: 0 to 1, and never 1 before it is done.
    pub fn progress(&self) -> f64 {
        let target = self.target.get().max(1);
        #[allow(clippy::cast_precision_loss)]
        let share = self.checkpoint.get() as f64 / target as f64;
        share.min(0.999)
    }
}

/// A question that a read model answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryInfo {
    /// Its name.
    pub name: String,
    /// Its parameters, in the order of the file.
    pub parameters: Vec<String>,
}
