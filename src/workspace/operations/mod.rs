//! Operations as events: what a `$projection-NAME` stream holds, how it is written, and what it comes to
//! when it is folded.
//!
//! A request and its outcome are different events. An engine carries out requests that have no outcome,
//! so a request survives whatever happens between the two.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{Event, NameError, Position, StreamId, Timestamp, Version};
use crate::lag::why::Said;
use crate::log::{EventLog, LogError};
use crate::read::Policy;

mod entry;
mod history;
mod reading;

use entry::Entry;

pub use entry::{Done, ask, cleared, define, finish, outcome, raised, request, who};
pub use history::{CannotUndo, Recorded, RecordedOutcome, Turn};
pub(super) use history::{read as read_history, undo};
pub use reading::{PassedOver, told};

/// What somebody asks an engine to do with one projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Stop applying events until resumed.
    Pause,
    /// Go on; and try an event that it stopped at again.
    Resume,
    /// Apply by another policy from now on.
    SetPolicy(Policy),
    /// Apply what is waiting now, whatever the policy.
    Apply,
    /// Fold again from position 0 into a new version, beside the one that answers.
    Rebuild {
        /// Whether the new version, once it has caught up, waits until somebody cuts over; else it answers at
        /// once.
        hold: bool,
    },
    /// Fold the definition that is in force now into a new version, where what answers was built from another:
    /// what the engine asks for itself when a file was saved. It waits where the file says so.
    Build {
        /// The hash of that definition.
        definition: String,
    },
    /// Let the rebuild under way stand still; the version that answers goes on.
    PauseRebuild,
    /// Let the rebuild go on.
    ResumeRebuild,
    /// Give up the version that is being built, or is held: nothing of it stays.
    Cancel,
    /// Let the version that is held answer.
    CutOver {
        /// What it is called; `None`: the one there is when this is asked for.
        version: Option<String>,
    },
    /// Let the version that was kept answer again, from where it stands.
    RollBack {
        /// What the version is called that answers now; `None`: the one there is when this is asked for.
        from: Option<String>,
    },
    /// Fold the stream that feeds one key alone, and replace the rows of that key.
    Repair {
        /// The key.
        key: String,
    },
    /// Apply again into the same read model the events after this position.
    Replay {
        /// The position before the first event to be applied again.
        after: Position,
    },
    /// Try parked events again.
    Retry(Which),
    /// Leave a parked event out, of this version and of those that are built later.
    Skip {
        /// Which.
        event: Position,
        /// Why.
        reason: String,
    },
    /// Leave it out no longer.
    Unskip {
        /// Which.
        event: Position,
    },
}

/// Which parked events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// This one, which is the first of its stream.
    Event(Position),
    /// All of a stream, in order, until one fails.
    Stream(StreamId),
    /// All: each stream until one of it fails.
    All,
}

/// The longest reason for leaving an event out, in characters.
pub const LONGEST_REASON: usize = 500;

/// A reason as it is kept: without control characters.
///
/// Errors: what is wrong with it.
pub fn reason(text: &str) -> Result<String, String> {
    let clean = crate::text::clean(text.trim()).trim().to_owned();
    if clean.is_empty() {
        return Err("a reason is needed: who reads the log later wants to know why".to_owned());
    }
    let length = clean.chars().count();
    if length > LONGEST_REASON {
        return Err(format!(
            "the reason has {length} characters: the limit is {LONGEST_REASON}"
        ));
    }
    Ok(clean)
}

/// As a command line has it: `pause`, `policy batch 500 or 5s`.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause => f.write_str("pause"),
            Self::Resume => f.write_str("resume"),
            Self::SetPolicy(policy) => write!(f, "policy {policy}"),
            Self::Apply => f.write_str("apply"),
            Self::Rebuild { hold: false } => f.write_str("rebuild"),
            Self::Rebuild { hold: true } => f.write_str("rebuild --hold"),
            Self::Build { definition } if is_of_code(definition) => {
                f.write_str("rebuild (its code has changed)")
            }
            Self::Build { .. } => f.write_str("rebuild (its file was saved)"),
            Self::PauseRebuild => f.write_str("pause --rebuild"),
            Self::ResumeRebuild => f.write_str("resume --rebuild"),
            Self::Cancel => f.write_str("cancel"),
            Self::CutOver { version: None } => f.write_str("cutover"),
            Self::CutOver { version: Some(to) } => write!(f, "cutover --version {to}"),
            Self::RollBack { from: None } => f.write_str("rollback"),
            Self::RollBack { from: Some(from) } => write!(f, "rollback --from {from}"),
            Self::Repair { key } => write!(f, "repair --key {key}"),
            Self::Replay { after } => write!(f, "replay {after}"),
            Self::Retry(Which::Event(event)) => write!(f, "retry {event}"),
            Self::Retry(Which::Stream(stream)) => write!(f, "retry --stream {stream}"),
            Self::Retry(Which::All) => f.write_str("retry --all"),
            Self::Skip { event, reason } => write!(f, "skip {event} --reason '{reason}'"),
            Self::Unskip { event } => write!(f, "unskip {event}"),
        }
    }
}

/// Whether a hash is that of a projection in Rust: it begins with its revision.
fn is_of_code(hash: &str) -> bool {
    hash.starts_with('r')
}

/// How a rebuild ends whose projection is removed.
pub const FILE_GONE: &str = "cancelled: its file is gone";

/// What somebody asked for, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The position of the event that asked.
    pub position: Position,
    /// What for.
    pub operation: Operation,
    /// Who, and when.
    pub said: Said,
    /// Why it was refused, or failed.
    pub failed: Option<String>,
}

/// A request that has no outcome yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The position of the event that asked.
    pub position: Position,
    /// What for.
    pub operation: Operation,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Carried out: what was done, in one sentence.
    Finished(String),
    /// A rebuild's version has caught up, and waits until somebody cuts over: what it is, in one sentence.
    Held(String),
    /// Refused or failed: why, and the way out.
    Failed(String),
}

impl Ended {
    /// The sentence.
    pub fn what(&self) -> &str {
        match self {
            Self::Finished(what) | Self::Held(what) | Self::Failed(what) => what,
        }
    }
}

/// What a projection's system stream comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operations {
    /// How much of the stream this is.
    pub version: Version,
    /// Who wants it to stand still, where somebody does.
    pub paused: Option<Said>,
    /// The policy that was set last, by file or by hand.
    pub policy: Option<Policy>,
    /// What the file said when it was last recorded.
    pub defined: Option<Defined>,
    /// What was asked for last.
    pub last: Option<Asked>,
    /// Since when its objective is breached, where it is.
    pub breached: Option<Timestamp>,
    /// Requests without an outcome, oldest first.
    pub pending: Vec<Request>,
    /// The rebuild whose version has caught up and waits, until somebody cuts over or cancels.
    pub held: Option<Request>,
    /// Whether the rebuild under way is to stand still.
    pub rebuild_paused: bool,
    /// What the version is called that was rolled back last: it is kept, for going forward again.
    pub rolled_back: Option<String>,
    /// The hash of a definition that is not built by itself, because what was built of it was rolled back or
    /// cancelled; until the file says something else.
    pub declined: Option<String>,
    /// The definition that could not be built; until another one could, or somebody cancels it.
    pub not_built: Option<NotBuilt>,
    /// The events that are left out, because somebody decided so.
    pub skipped: BTreeSet<Position>,
    /// The events of the stream that are not as they were written, or make no sense.
    pub passed_over: Vec<PassedOver>,
}

/// A definition of which no version could be made, so that an older one answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotBuilt {
    /// Its hash.
    pub definition: String,
    /// Why, and the way out.
    pub why: String,
}

/// What a projection's file said when it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defined {
    /// The hash of what shapes the read model's content.
    pub hash: String,
    /// The policy.
    pub policy: Policy,
}

/// The system stream of a projection. Errors: the name is too long.
pub fn stream(projection: &str) -> Result<StreamId, NameError> {
    StreamId::new(&format!("$projection-{projection}"))
}

impl Operations {
    /// Who asked for the opposite of a pause or a resume after it, before it was carried out.
    pub fn overruled(&self, request: &Request) -> Option<String> {
        let stands = match request.operation {
            Operation::Pause => self.paused.is_some(),
            Operation::Resume => self.paused.is_none(),
            _ => return None,
        };
        let last = self.last.as_ref().filter(|_| !stands)?;
        let opposite = if self.paused.is_some() {
            "pause"
        } else {
            "resume"
        };
        let by = match last.operation {
            Operation::Pause | Operation::Resume => last.said.by.as_str(),
            _ => "somebody",
        };
        Some(format!("overruled: {by} asked to {opposite} it after that"))
    }

    /// Everything that a projection's stream says. Errors: the log cannot be read.
    pub async fn read(log: &dyn EventLog, stream: &StreamId) -> Result<Self, LogError> {
        let mut operations = Self::default();
        operations.refresh(log, stream).await?;
        Ok(operations)
    }

    /// Takes in what is new; answers whether anything was. Errors: the log cannot be read.
    pub async fn refresh(
        &mut self,
        log: &dyn EventLog,
        stream: &StreamId,
    ) -> Result<bool, LogError> {
        let before = self.version;
        while let Some(page) =
            reading::page(log, stream, self.version, self.passed_over.len()).await?
        {
            for event in &page.events {
                self.take(event);
            }
            self.version = page.to;
            if let Some(passed_over) = page.passed_over {
                self.pass_over(passed_over);
            }
        }
        Ok(self.version != before)
    }

    fn pass_over(&mut self, passed_over: PassedOver) {
        tracing::warn!(
            position = passed_over.position.get(),
            why = passed_over.why,
            "an event of a projection's stream is passed over"
        );
        self.passed_over.push(passed_over);
    }

    /// Folds one event. One that makes no sense is passed over: somebody edited the stream by hand.
    fn take(&mut self, event: &Event) {
        self.version = event.version;
        let operation = match Entry::of(event) {
            Some(Entry::Requested { operation, by, .. }) => {
                let at = event.recorded_at;
                let said = Said { by, at };
                self.last = Some(Asked {
                    position: event.position,
                    operation: operation.clone(),
                    said: said.clone(),
                    failed: None,
                });
                match &operation {
                    Operation::Pause => self.paused = Some(said),
                    Operation::Resume => self.paused = None,
                    Operation::SetPolicy(policy) => self.policy = Some(*policy),
                    _ => {}
                }
                operation
            }
            Some(Entry::Ended {
                request,
                ended,
                declines,
                not_built,
                version,
                ..
            }) => {
                if let (Ended::Failed(why), Some(last)) = (&ended, &mut self.last)
                    && last.position == request
                {
                    last.failed = Some(why.clone());
                }
                let at = self.pending.iter().position(|p| p.position == request);
                if let Some(at) = at {
                    let request = self.pending.remove(at);
                    self.ended(&Done {
                        request,
                        ended,
                        declines,
                        not_built,
                        version,
                    });
                }
                return;
            }
            Some(Entry::Defined(defined)) => {
                self.policy = Some(defined.policy);
                if self.defined.as_ref().map(|before| &before.hash) != Some(&defined.hash) {
                    self.held = None;
                    self.rebuild_paused = false;
                    self.declined = None;
                    self.not_built = None;
                }
                self.defined = Some(defined);
                return;
            }
            Some(Entry::Raised { since, .. }) => {
                self.breached = Some(since);
                return;
            }
            Some(Entry::Cleared { .. }) => {
                self.breached = None;
                return;
            }
            None => {
                self.pass_over(PassedOver::senseless(event));
                return;
            }
        };
        self.asked(Request {
            position: event.position,
            operation,
        });
    }

    /// Somebody asked; told twice, it counts once.
    pub fn asked(&mut self, request: Request) {
        if !self.pending.contains(&request) {
            self.pending.push(request);
        }
    }

    /// What a request's outcome changes, for one that is no longer pending.
    pub fn ended(&mut self, outcome: &Done) {
        let Done { request, ended, .. } = outcome;
        let done = !matches!(ended, Ended::Failed(_));
        match &request.operation {
            Operation::Rebuild { .. } | Operation::Build { .. } => {
                self.rebuild_paused = false;
                if let Ended::Held(_) = ended {
                    self.held = Some(request.clone());
                }
                if done {
                    self.not_built = None;
                }
            }
            Operation::PauseRebuild if done => self.rebuild_paused = true,
            Operation::ResumeRebuild if done => self.rebuild_paused = false,
            Operation::Cancel | Operation::CutOver { .. } if done => {
                self.held = None;
                self.rebuild_paused = false;
                self.not_built = None;
            }
            Operation::Skip { event, .. } if done => {
                self.skipped.insert(*event);
            }
            Operation::Unskip { event } if done => {
                self.skipped.remove(event);
            }
            Operation::RollBack { from } if done => self.rolled_back.clone_from(from),
            _ => {}
        }
        if done && outcome.declines.is_some() {
            self.declined.clone_from(&outcome.declines);
        }
        if let Some(definition) = &outcome.not_built {
            let definition = definition.clone();
            let why = ended.what().to_owned();
            self.not_built = Some(NotBuilt { definition, why });
        }
    }
}
