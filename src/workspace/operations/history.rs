//! Who did what when, and what became of it: a projection's system stream as it is read by people; and
//! which request takes back the last one.

use std::collections::BTreeMap;

use super::entry::Entry;
use super::reading::{self, PassedOver};
use super::{Defined, Ended, Operation};
use crate::event::{Event, Position, StreamId, Timestamp, Version};
use crate::log::{EventLog, LogError};
use crate::read::Policy;
use crate::text::human_duration;

/// One line of a projection's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The projection.
    pub projection: String,
    /// The position of the event that asked.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// Who asked; `None` where nobody did: a file changed, an objective was breached.
    pub by: Option<String>,
    /// What for, as a command line has it.
    pub what: String,
    /// The position of the request that this one took back.
    pub undoes: Option<Position>,
    /// What became of it; `None` while it is not carried out.
    pub outcome: Option<RecordedOutcome>,
    /// Whether this is the beginning or the end of a breach.
    pub breach: Option<Turn>,
    /// The same for programs; `None` where nobody asked.
    operation: Option<Operation>,
    /// The policy in force until then.
    policy_before: Option<Policy>,
    /// Whether it was paused until then.
    paused_before: bool,
    /// What the version is called that answers, or is held, by it.
    version: Option<String>,
    /// Whether its version was built and waits, or waited.
    held: bool,
}

#[cfg(test)]
impl Recorded {
    /// A made-up one, for the tests of what is made of it; an outcome is what was done, or why not.
    pub(crate) fn example(
        projection: &str,
        what: &str,
        by: Option<&str>,
        outcome: Option<Result<&str, &str>>,
    ) -> Self {
        let at: Timestamp = "2026-03-14T09:26:53Z".parse().unwrap();
        Self {
            projection: projection.to_owned(),
            position: Position::new(121_004),
            at,
            by: by.map(str::to_owned),
            what: what.to_owned(),
            undoes: None,
            outcome: outcome.map(|outcome| RecordedOutcome {
                at,
                finished: outcome.is_ok(),
                what: outcome.unwrap_or_else(|why| why).to_owned(),
                engine: Some(4_242),
            }),
            breach: None,
            operation: None,
            policy_before: None,
            paused_before: false,
            version: None,
            held: false,
        }
    }
}

/// The beginning or the end of a breach, and when that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The objective has been breached since then.
    Raised(Timestamp),
    /// It has been held since then.
    Cleared(Timestamp),
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOutcome {
    /// When.
    pub at: Timestamp,
    /// Whether it was carried out.
    pub finished: bool,
    /// What was done, or why not.
    pub what: String,
    /// The engine's process.
    pub engine: Option<u64>,
}

/// Why the last operation cannot be taken back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotUndo {
    /// Nothing was asked for, or everything was taken back.
    #[error("nothing was asked of it that could be taken back")]
    Nothing,
    /// It is still being carried out.
    #[error(
        "`{what}` (position {position}) is not carried out yet: wait for it, or start an engine"
    )]
    NotDone {
        /// What was asked.
        what: String,
        /// Where.
        position: Position,
    },
    /// What it did cannot be made undone.
    #[error("`{what}` (position {position}) cannot be taken back: {why}")]
    Impossible {
        /// What was asked.
        what: String,
        /// Where.
        position: Position,
        /// Why, and what can be done instead.
        why: &'static str,
    },
}

/// A projection's stream, oldest first; and what of it was passed over.
///
/// Errors: the log cannot be read.
pub(in crate::workspace) async fn read(
    log: &dyn EventLog,
    projection: &str,
    stream: &StreamId,
) -> Result<(Vec<Recorded>, Vec<PassedOver>), LogError> {
    let mut folding = Folding {
        projection,
        ..Folding::default()
    };
    let mut version = Version::default();
    while let Some(page) = reading::page(log, stream, version, folding.passed_over.len()).await? {
        version = page.to;
        for event in &page.events {
            folding.take(event);
        }
        folding.passed_over.extend(page.passed_over);
    }
    Ok((folding.recorded, folding.passed_over))
}

#[derive(Default)]
struct Folding<'a> {
    projection: &'a str,
    recorded: Vec<Recorded>,
    by_request: BTreeMap<Position, usize>,
    policy: Option<Policy>,
    paused: bool,
    passed_over: Vec<PassedOver>,
}

impl Folding<'_> {
    fn take(&mut self, event: &Event) {
        match Entry::of(event) {
            Some(Entry::Requested {
                operation,
                by,
                undoes,
            }) => self.take_request(event, operation, by, undoes),
            Some(Entry::Ended {
                request,
                ended,
                engine,
                version,
                ..
            }) => self.take_outcome(event, request, ended, engine, version),
            Some(Entry::Defined(defined)) => self.take_definition(event, &defined),
            Some(Entry::Raised { since, objective }) => self.recorded.push(Recorded {
                breach: Some(Turn::Raised(since)),
                ..self.line(
                    event,
                    format!("objective of {} breached", human_duration(objective)),
                )
            }),
            Some(Entry::Cleared { since }) => self.recorded.push(Recorded {
                breach: Some(Turn::Cleared(since)),
                ..self.line(event, "objective held again".to_owned())
            }),
            None => self.passed_over.push(PassedOver::senseless(event)),
        }
    }

    fn line(&self, event: &Event, what: String) -> Recorded {
        Recorded {
            projection: self.projection.to_owned(),
            position: event.position,
            at: event.recorded_at,
            by: None,
            what,
            undoes: None,
            outcome: None,
            breach: None,
            operation: None,
            policy_before: self.policy,
            paused_before: self.paused,
            version: None,
            held: false,
        }
    }

    fn take_request(
        &mut self,
        event: &Event,
        operation: Operation,
        by: String,
        undoes: Option<Position>,
    ) {
        let line = Recorded {
            by: Some(by),
            undoes,
            operation: Some(operation.clone()),
            ..self.line(event, operation.to_string())
        };
        self.by_request.insert(event.position, self.recorded.len());
        self.recorded.push(line);
        match operation {
            Operation::Pause => self.paused = true,
            Operation::Resume => self.paused = false,
            Operation::SetPolicy(policy) => self.policy = Some(policy),
            _ => {}
        }
    }

    fn take_outcome(
        &mut self,
        event: &Event,
        request: Position,
        ended: Ended,
        engine: Option<u64>,
        version: Option<String>,
    ) {
        let Some(line) = self.by_request.get(&request) else {
            return;
        };
        let held = matches!(ended, Ended::Held(_));
        let (finished, what) = match ended {
            Ended::Finished(what) | Ended::Held(what) => (true, what),
            Ended::Failed(what) => (false, what),
        };
        let line = &mut self.recorded[*line];
        // Stored once for each request; a second one was written by hand.
        if line.outcome.is_none() {
            (line.version, line.held) = (version, held);
        }
        line.outcome.get_or_insert(RecordedOutcome {
            at: event.recorded_at,
            finished,
            what,
            engine,
        });
    }

    fn take_definition(&mut self, event: &Event, defined: &Defined) {
        let short: String = defined.hash.chars().take(8).collect();
        let what = format!("file says {short}, policy {}", defined.policy);
        let line = self.line(event, what);
        self.recorded.push(line);
        self.policy = Some(defined.policy);
    }
}

/// The request that takes back the last one that was not taken back, and the position of that.
///
/// Errors: there is none, or it cannot be taken back.
pub(in crate::workspace) fn undo(
    recorded: &[Recorded],
) -> Result<(Position, Operation), CannotUndo> {
    let undone: Vec<Position> = recorded
        .iter()
        .filter(|line| line.outcome.as_ref().is_none_or(|outcome| outcome.finished))
        .filter_map(|line| line.undoes)
        .collect();
    // What was held is held no more once somebody has cut over to it or given it up: that is what counts then.
    let is_over = |line: &Recorded| {
        let ends = |later: &Recorded| {
            matches!(
                later.operation,
                Some(Operation::CutOver { .. } | Operation::Cancel)
            ) && later
                .outcome
                .as_ref()
                .is_some_and(|outcome| outcome.finished)
        };
        let mut later = recorded.iter().filter(|l| l.position > line.position);
        line.held && later.any(ends)
    };
    // A request that was refused has changed nothing.
    let counts = |line: &&Recorded| {
        line.operation.is_some()
            && !is_over(line)
            && line.undoes.is_none()
            && !undone.contains(&line.position)
            && line.outcome.as_ref().is_none_or(|outcome| outcome.finished)
    };
    let Some(last) = recorded.iter().rev().find(counts) else {
        return Err(CannotUndo::Nothing);
    };
    let (what, position) = (last.what.clone(), last.position);
    if last.outcome.is_none() {
        return Err(CannotUndo::NotDone { what, position });
    }
    let of_file = |line: &Recorded| line.operation.is_none() && line.breach.is_none();
    let saved_since = recorded
        .iter()
        .any(|line| line.position > position && of_file(line));
    let impossible = |why| CannotUndo::Impossible {
        what: what.clone(),
        position,
        why,
    };
    let back = match &last.operation {
        Some(Operation::Pause) if last.paused_before => Operation::Pause,
        Some(Operation::Pause) => Operation::Resume,
        Some(Operation::Resume) if last.paused_before => Operation::Pause,
        Some(Operation::Resume) => {
            return Err(impossible(
                "it had not been paused: it tried the event again that it had stopped at",
            ));
        }
        Some(Operation::SetPolicy(_)) if saved_since => {
            return Err(impossible(
                "its file was saved since, and what that says counts: change the policy there",
            ));
        }
        Some(Operation::SetPolicy(_)) => match last.policy_before {
            Some(policy) => Operation::SetPolicy(policy),
            None => return Err(impossible("which policy it had before is not recorded")),
        },
        Some(Operation::Apply) => {
            return Err(impossible("what was applied is in the read model"));
        }
        Some(Operation::Replay { .. }) => {
            return Err(impossible(
                "the events were applied again; a rebuild folds it anew",
            ));
        }
        Some(Operation::Rebuild { .. } | Operation::Build { .. }) if last.held => Operation::Cancel,
        // Refused where another version answers by now.
        Some(
            Operation::Rebuild { .. }
            | Operation::Build { .. }
            | Operation::CutOver { .. }
            | Operation::RollBack { .. },
        ) => match &last.version {
            Some(version) => Operation::RollBack {
                from: Some(version.clone()),
            },
            None => return Err(impossible("which version answered then is not recorded")),
        },
        Some(Operation::Repair { .. }) => {
            return Err(impossible(
                "the rows that were replaced are gone; they were not what the log says",
            ));
        }
        Some(Operation::PauseRebuild) => Operation::ResumeRebuild,
        Some(Operation::ResumeRebuild) => Operation::PauseRebuild,
        Some(Operation::Skip { event, .. }) => Operation::Unskip { event: *event },
        Some(Operation::Unskip { .. }) => {
            return Err(impossible("skip the event again, with a reason"));
        }
        Some(Operation::Retry(_)) => {
            return Err(impossible(
                "what was applied is in the read model; a rebuild folds it anew",
            ));
        }
        Some(Operation::Cancel) => {
            return Err(impossible(
                "what was built is gone; ask for a rebuild, or save the file with a change",
            ));
        }
        None => return Err(impossible("a file changed: edit the file")),
    };
    Ok((position, back))
}
