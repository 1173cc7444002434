//! Asking read models, with the consistency that an answer needs.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::operations::{self, Operation, Operations};
use super::{Workspace, WorkspaceError, report};
use crate::event::{Event, Position, Timestamp};
use crate::lag::Status;
use crate::log::EventLog;
use crate::read::{
    About, Checkpoint, DurationError, ParkedCount, Policy, Projection, Reader, Subscription,
    is_foreign, parse_duration,
};
use crate::text::{program, thousands};

/// How fresh an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consistency {
    /// As it is now.
    #[default]
    Eventual,
    /// Everything that was stored when it was asked.
    Strong,
    /// Everything up to this position: one's own writes, say.
    AtLeast(Position),
    /// Nothing lacking for longer than this.
    Within(Duration),
}

/// Why a consistency could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("consistency {given:?} {because}: write eventual, strong, at-least=POSITION or within=2s")]
pub struct ConsistencyError {
    given: String,
    because: String,
}

impl FromStr for Consistency {
    type Err = ConsistencyError;

    fn from_str(text: &str) -> Result<Self, ConsistencyError> {
        let because = |because: String| ConsistencyError {
            given: text.to_owned(),
            because,
        };
        let wrong = || because("is not known".to_owned());
        match text.split_once('=') {
            None if text == "eventual" => Ok(Self::Eventual),
            None if text == "strong" => Ok(Self::Strong),
            Some(("at-least", n)) => n
                .parse()
                .map(|n| Self::AtLeast(Position::new(n)))
                .map_err(|_| wrong()),
            Some(("within", time)) => match parse_duration(time) {
                Ok(time) => Ok(Self::Within(time)),
                Err(DurationError::Nothing { .. }) => {
                    Err(because("leaves no time at all, as strong does".to_owned()))
                }
                Err(DurationError::TooLong { .. }) => {
                    Err(because("is over 366 days, as eventual may be".to_owned()))
                }
                Err(_) => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }
}

/// An answer, and how fresh it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// One object a row.
    pub rows: Vec<Map<String, Value>>,
    /// Up to where the answer has everything that concerns the projection.
    pub position: Position,
    /// How long the oldest event that it lacks had been waiting; 0 where it lacks nothing.
    pub age: Duration,
    /// How long was waited for the consistency that was asked for.
    pub waited: Duration,
    /// What the read model has passed without it: not even `strong` has these events.
    pub parked: ParkedCount,
    /// The version that answered.
    pub version: String,
    /// What is wrong with the read model, where the answer may be wrong or will not become newer: it is ahead of the
    /// log; or it lacks something and is faulted, paused or dead.
    pub warning: Option<String>,
}

/// What keeps a read model from moving.
pub(super) struct Hindrance {
    /// Its status in one word.
    status: Status,
    /// What holds it, and what helps.
    pub(super) because: String,
}

impl Hindrance {
    /// A sentence about a projection.
    fn of(&self, projection: &str) -> String {
        let Self { status, because } = self;
        // `is paused: it is paused` says nothing more.
        match because.strip_prefix("it is ") {
            Some(because) => format!("{projection} is {because}"),
            None => format!("{projection} is {}: {because}", status.word()),
        }
    }
}

/// Why there is no answer: the read model did not get there in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{projection} has {} and {wanted} was asked for; after {waited:.1?} it is still not there: {because}",
    thousands(has.get())
)]
pub struct NotFreshError {
    /// The projection.
    pub projection: String,
    /// Up to where it has the log.
    pub has: Position,
    /// What was asked for.
    pub wanted: String,
    /// How long was waited.
    pub waited: Duration,
    /// What holds it, and what helps.
    pub because: String,
    /// Whether nothing holds it: it only needs longer.
    pub is_slow: bool,
}

/// How often a read model in another process's hands is looked at: soon at first, then less so.
const FIRST_LOOKS: Duration = Duration::from_millis(1);
const LATER_LOOKS: Duration = Duration::from_millis(10);

/// What stands behind a checkpoint is looked at for so long, however little patience there is.
const LOOK_AT_LEAST: Duration = Duration::from_millis(100);

/// Follows how far one read model is.
pub(super) struct Follow<'a> {
    workspace: &'a Workspace,
    projection: Arc<dyn Projection>,
    /// Which version was looked at last, and where it stood.
    seen: (String, Position),
    /// Everything up to here does not concern it, beyond its checkpoint.
    passed: Position,
}

impl<'a> Follow<'a> {
    pub(super) fn new(workspace: &'a Workspace, projection: &str) -> Result<Self, WorkspaceError> {
        Ok(Self {
            workspace,
            projection: workspace.projection(projection)?,
            seen: Default::default(),
            passed: Position::START,
        })
    }

    fn log(&self) -> &dyn EventLog {
        &*self.workspace.0.log
    }

    /// Up to where a version has everything that concerns it, and the first event that it lacks: by its own
    /// definition, which is not the file's while another one is built. Where it is too far behind to look
    /// at everything by the deadline, the next event counts as one that it lacks.
    pub(super) async fn reach(
        &mut self,
        version: &str,
        subscription: &Subscription,
        checkpoint: &Checkpoint,
        deadline: Instant,
    ) -> Result<(Position, Option<Event>), WorkspaceError> {
        let deadline = deadline.max(Instant::now() + LOOK_AT_LEAST);
        let (seen, stood) = &mut self.seen;
        if seen != version || checkpoint.position < *stood {
            self.passed = Position::START;
            version.clone_into(seen);
        }
        *stood = checkpoint.position;
        self.passed = self.passed.max(checkpoint.position);
        loop {
            let page = self.log().read_all(self.passed, 500).await?;
            if page.is_empty() {
                return Ok((self.passed, None));
            }
            let late = Instant::now() >= deadline;
            for event in page {
                if late || subscription.takes_event(&event) {
                    return Ok((self.passed, Some(event)));
                }
                self.passed = event.position;
            }
        }
    }

    /// Waits until it has everything up to a position that concerns it. Answers why it has not, where it
    /// cannot be waited for or the time is over.
    pub(super) async fn until(
        &mut self,
        position: Position,
        deadline: Instant,
    ) -> Result<Option<String>, WorkspaceError> {
        let began = Instant::now();
        loop {
            let moved = self.workspace.0.moved.notified();
            let mut moved = std::pin::pin!(moved);
            moved.as_mut().enable();
            let reader = self.workspace.reader(&self.projection)?;
            let checkpoint = reader.checkpoint()?;
            if is_foreign(self.log(), &checkpoint).await? {
                return Ok(Some(foreign(self.projection.name())));
            }
            let (reach, lacks) = self
                .reach(
                    reader.version(),
                    reader.projection().subscription(),
                    &checkpoint,
                    deadline,
                )
                .await?;
            drop(reader);
            if reach >= position || lacks.as_ref().is_none_or(|event| event.position > position) {
                return Ok(None);
            }
            if let Some(held) = self.workspace.hindrance(self.projection.name()).await? {
                return Ok(Some(held.because));
            }
            if Instant::now() >= deadline {
                return Ok(Some("the time limit is over".to_owned()));
            }
            pause(moved, began, deadline).await;
        }
    }
}

/// What is said of a read model whose checkpoint is not of this log.
pub(super) fn foreign(projection: &str) -> String {
    format!(
        "its checkpoint is not of this log, which was restored or exchanged: `{program} rebuild {projection}`",
        program = program()
    )
}

/// A read model whose checkpoint is not of this log.
fn ahead(projection: &str) -> Hindrance {
    Hindrance {
        status: Status::Ahead,
        because: foreign(projection),
    }
}

/// Until a read model moved in this process, or it is time to look whether one did in another.
async fn pause(moved: impl Future<Output = ()>, began: Instant, deadline: Instant) {
    let soon = began.elapsed() < Duration::from_millis(50);
    let pause = if soon { FIRST_LOOKS } else { LATER_LOOKS };
    let pause = pause.min(deadline.saturating_duration_since(Instant::now()));
    drop(tokio::time::timeout(pause, moved).await);
}

impl Workspace {
    /// Answers a question, as fresh as asked for, waiting for at most `patience`.
    ///
    /// A `manual` projection applies what waits when somebody asks for more than `eventual`.
    ///
    /// Errors: no such projection or query, wrong parameters, not fresh enough in time, the log.
    pub async fn query(
        &self,
        projection: &str,
        query: &str,
        parameters: &BTreeMap<String, String>,
        consistency: Consistency,
        patience: Duration,
    ) -> Result<Answered, QueryFailed> {
        let began = Instant::now();
        let deadline = began + patience;
        let head = self.0.log.head().await.map_err(WorkspaceError::from)?;
        let mut follow = Follow::new(self, projection)?;
        let mut asked = false;
        loop {
            let moved = self.0.moved.notified();
            let mut moved = std::pin::pin!(moved);
            moved.as_mut().enable();
            let mut reader = self
                .reader(&follow.projection)
                .map_err(WorkspaceError::from)?;
            let checkpoint = reader.checkpoint().map_err(WorkspaceError::from)?;
            let (position, lacks) = follow
                .reach(
                    reader.version(),
                    reader.projection().subscription(),
                    &checkpoint,
                    deadline,
                )
                .await?;
            // Positions of another log say nothing about this one.
            let is_foreign = is_foreign(&*self.0.log, &checkpoint)
                .await
                .map_err(WorkspaceError::from)?;
            let age = age(lacks.as_ref());
            let left = deadline.saturating_duration_since(Instant::now());
            let is_enough = consistency == Consistency::Eventual
                || !is_foreign && is_fresh(consistency, position, lacks.as_ref(), age, head);
            if is_enough {
                let limit = left.max(Duration::from_millis(100));
                let waited = began.elapsed();
                let answer = reader
                    .ask(query, parameters, limit)
                    .map_err(WorkspaceError::from)?;
                let position = position.max(answer.checkpoint.position);
                let (rows, parked) = (answer.rows, answer.parked);
                let version = reader.version().to_owned();
                drop(reader);
                let held = match (is_foreign, lacks) {
                    (true, _) => Some(ahead(projection)),
                    (false, Some(_)) => self.hindrance(projection).await?,
                    (false, None) => None,
                };
                let warning = held.map(|held| held.of(projection));
                return Ok(Answered {
                    rows,
                    position,
                    age,
                    waited,
                    parked,
                    version,
                    warning,
                });
            }
            // Wrong words are answered at once, not after a wait.
            reader
                .check(query, parameters)
                .map_err(WorkspaceError::from)?;
            if !is_foreign
                && !std::mem::replace(&mut asked, true)
                && self.policy_of(projection).await? == Policy::Manual
            {
                let stream = operations::stream(projection).map_err(WorkspaceError::from)?;
                let request =
                    operations::request(&*self.0.log, &stream, &Operation::Apply, None).await;
                request.map_err(WorkspaceError::from)?;
            }
            let (because, is_slow) = match self.hindrance(projection).await? {
                Some(held) => (held.because, false),
                None if is_foreign => (foreign(projection), false),
                None if left.is_zero() => (
                    "give it longer, or take what is there by asking with eventual consistency"
                        .to_owned(),
                    true,
                ),
                None => {
                    drop(reader);
                    pause(moved, began, deadline).await;
                    continue;
                }
            };
            return Err(QueryFailed::NotFresh(NotFreshError {
                projection: projection.to_owned(),
                has: position,
                wanted: wanted(consistency, head),
                waited: began.elapsed(),
                because,
                is_slow,
            }));
        }
    }

    /// Why a projection will not move, whatever one waits for. That nothing hinders it is taken to be
    /// true for a moment.
    pub(super) async fn hindrance(
        &self,
        projection: &str,
    ) -> Result<Option<Hindrance>, WorkspaceError> {
        if self.0.known.lock().await.is_free(projection) {
            return Ok(None);
        }
        let found = self.look_for_hindrance(projection).await?;
        if found.is_none() {
            self.0.known.lock().await.set_free(projection);
        }
        Ok(found)
    }

    async fn look_for_hindrance(
        &self,
        projection: &str,
    ) -> Result<Option<Hindrance>, WorkspaceError> {
        let held = |status, because: String| Ok(Some(Hindrance { status, because }));
        let Some(pid) = self.engine() else {
            return held(
                Status::Dead,
                format!("no engine runs: start one with `{} run`", program()),
            );
        };
        let stream = operations::stream(projection)?;
        if Operations::read(&*self.0.log, &stream)
            .await?
            .paused
            .is_some()
        {
            let because = format!("it is paused: `{} resume {projection}`", program());
            return held(Status::Paused, because);
        }
        let reports = report::read_all(&self.0.folder.reports()).unwrap_or_default();
        let owned = report::progress_of(&reports, projection);
        if owned.is_none() && reports.iter().any(|r| r.pid == pid && !r.is_alive()) {
            let because = format!(
                "its engine (process {pid}) gives no sign of life: end that process, and start `{} run`",
                program()
            );
            return held(Status::Dead, because);
        }
        let trouble = owned.and_then(|(_, progress)| progress.trouble.as_ref());
        let checkpoint = self.reader(&self.projection(projection)?)?.checkpoint()?;
        // A report may be a moment older than the file: what it stopped at may be passed by now.
        let stands = |trouble: &&report::TroubleReport| {
            trouble.stopped && trouble.position > checkpoint.position
        };
        if let Some(trouble) = trouble.filter(stands) {
            let because = format!(
                "it stopped at event {}: {}",
                thousands(trouble.position.get()),
                trouble.error
            );
            return held(Status::Faulted(trouble.position), because);
        }
        if is_foreign(&*self.0.log, &checkpoint).await? {
            return Ok(Some(ahead(projection)));
        }
        Ok(None)
    }

    /// What is wrong with asking for a read model as it was: where it is ahead, what it set aside is of another
    /// log too, and so are its own rows.
    ///
    /// Errors: its file or the log cannot be read.
    pub async fn ahead_of_log(&self, projection: &str) -> Result<Option<String>, WorkspaceError> {
        if !self.read_models()?.iter().any(|name| name == projection) {
            return Ok(None);
        }
        let link = self.0.folder.versions(projection).link();
        let built_from = self.built_from(&About::read(&link)?)?;
        let checkpoint = Reader::at(&link, &built_from)?.checkpoint()?;
        let is_ahead = is_foreign(&*self.0.log, &checkpoint).await?;
        Ok(is_ahead.then(|| ahead(projection).of(projection)))
    }
}

/// Why a query was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryFailed {
    /// The read model did not get there in time.
    #[error(transparent)]
    NotFresh(#[from] NotFreshError),
    /// Everything else.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
}

fn age(lacks: Option<&Event>) -> Duration {
    let since = lacks.map(|event| Timestamp::now().duration_since(event.recorded_at));
    since
        .and_then(|since| Duration::try_from(since).ok())
        .unwrap_or_default()
}

fn is_fresh(
    consistency: Consistency,
    position: Position,
    lacks: Option<&Event>,
    age: Duration,
    head: Position,
) -> bool {
    let has =
        |wanted: Position| position >= wanted || lacks.is_some_and(|event| event.position > wanted);
    match consistency {
        Consistency::Eventual => true,
        Consistency::Strong => has(head),
        Consistency::AtLeast(wanted) => has(wanted),
        Consistency::Within(limit) => age <= limit,
    }
}

fn wanted(consistency: Consistency, head: Position) -> String {
    match consistency {
        Consistency::Eventual => "any position".to_owned(),
        Consistency::Strong => format!("everything up to {}", thousands(head.get())),
        Consistency::AtLeast(position) => format!("position {}", thousands(position.get())),
        Consistency::Within(limit) => format!("nothing older than {limit:?}"),
    }
}
