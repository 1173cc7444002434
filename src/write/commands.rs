//! The registry of a domain's commands: who handles which, what they look like, and sending one.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde_json::Value;

use crate::event::{Event, StreamId, Version};
use crate::log::{BoxFuture, EventLog, SharedLog};
use crate::write::fields::{FieldProblem, check, shown};
use crate::write::handler::handle;
use crate::write::near::near;
use crate::write::rehydrate::{Reading, decode};
use crate::write::snapshots::Form;
use crate::write::upcast::Upcasting;
use crate::write::{
    Aggregate, AnyProcess, CommandInfo, EventError, Fact, Outcome, Process, Request, SendError,
    Snapshots, Upcasters, schema, tagged,
};

/// The commands of a domain. Cheap to clone.
///
/// ```
/// let commands = highwater::shop::commands();
/// assert!(commands.infos().iter().any(|info| info.name == "PlaceOrder"));
/// ```
#[derive(Clone, Default)]
pub struct Commands {
    aggregates: Vec<Arc<dyn Handles>>,
    processes: Vec<AnyProcess>,
    infos: Arc<Vec<CommandInfo>>,
    snapshots: Option<Arc<dyn Snapshots>>,
}

/// Makes an aggregate's state visible: takes a stream's events from the first on, in order, and gives the
/// state after each, as JSON.
pub type Stepper = Box<dyn FnMut(&Event) -> Result<Value, EventError> + Send>;

/// An aggregate whose type is forgotten.
trait Handles: Send + Sync {
    fn category(&self) -> &'static str;
    fn upcasters(&self) -> &Upcasters;
    fn send<'a>(
        &'a self,
        log: &'a dyn EventLog,
        snapshots: Option<&'a dyn Snapshots>,
        request: Request,
    ) -> BoxFuture<'a, Result<Outcome, SendError>>;
    fn state<'a>(
        &'a self,
        log: &'a dyn EventLog,
        snapshots: Option<&'a dyn Snapshots>,
        stream: &'a StreamId,
    ) -> BoxFuture<'a, Result<(Version, Value), SendError>>;
    fn stepper(&self) -> Stepper;
}

struct Of<A> {
    upcasters: Upcasters,
    form: Form,
    aggregate: PhantomData<fn() -> A>,
}

impl<A: Aggregate> Of<A> {
    fn new() -> Self {
        let upcasters = A::upcasters();
        Self {
            form: Form::of::<A>(&upcasters),
            upcasters,
            aggregate: PhantomData,
        }
    }

    const fn reading<'a>(&'a self, snapshots: Option<&'a dyn Snapshots>) -> Reading<'a> {
        Reading {
            upcasters: &self.upcasters,
            form: self.form,
            snapshots,
        }
    }
}

impl<A: Aggregate> Handles for Of<A> {
    fn category(&self) -> &'static str {
        A::CATEGORY
    }

    fn upcasters(&self) -> &Upcasters {
        &self.upcasters
    }

    fn send<'a>(
        &'a self,
        log: &'a dyn EventLog,
        snapshots: Option<&'a dyn Snapshots>,
        request: Request,
    ) -> BoxFuture<'a, Result<Outcome, SendError>> {
        Box::pin(async move {
            let command = tagged::join::<A::Command>(&request.command, &request.data.to_string());
            // The schema has let it pass, so it is a rule of the type's own that it broke.
            let command = command.map_err(|error| SendError::Fields {
                command: request.command.clone(),
                problems: vec![FieldProblem::mistyped(
                    "",
                    format!("what its type takes ({error})"),
                    shown(&request.data),
                )],
            })?;
            handle::<A>(log, self.reading(snapshots), &request, &command).await
        })
    }

    fn state<'a>(
        &'a self,
        log: &'a dyn EventLog,
        snapshots: Option<&'a dyn Snapshots>,
        stream: &'a StreamId,
    ) -> BoxFuture<'a, Result<(Version, Value), SendError>> {
        Box::pin(async move {
            let now = self.reading(snapshots).rehydrate::<A>(log, stream).await?;
            let state = serde_json::to_value(&now.state);
            let state = state.map_err(|error| SendError::Unwritable {
                what: "state",
                reason: error.to_string(),
            })?;
            Ok((now.version, state))
        })
    }

    fn stepper(&self) -> Stepper {
        let mut state = A::default();
        let upcasters = self.upcasters.clone();
        Box::new(move |event| {
            let known = decode::<A>(&upcasters, event.into());
            state.evolve(&known.map_err(|reason| EventError::of(event, A::CATEGORY, reason))?);
            serde_json::to_value(&state).map_err(|error| unwritable(event, A::CATEGORY, &error))
        })
    }
}

impl Commands {
    /// No commands at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// These and an aggregate's.
    ///
    /// # Panics
    ///
    /// At the start of a program that cannot work: a category with a `-` or a `$`, two aggregates of one
    /// category or with a command of the same name, or commands that are not an enum of variants with named
    /// fields.
    pub fn with<A: Aggregate>(mut self) -> Self {
        let category = A::CATEGORY;
        self.assert_free(category);
        let infos = match schema::infos::<A>() {
            Ok(infos) => infos,
            Err(reason) => panic!("category {category:?}: {reason}"),
        };
        for info in infos {
            assert!(
                self.info(&info.name).is_none(),
                "command {:?} belongs to two aggregates",
                info.name
            );
            Arc::make_mut(&mut self.infos).push(info);
        }
        self.aggregates.push(Arc::new(Of::<A>::new()));
        self
    }

    /// The same, rehydrating aggregates from snapshots that are kept here; without, each is folded from its
    /// first event.
    pub fn with_snapshots(mut self, snapshots: impl Snapshots) -> Self {
        self.snapshots = Some(Arc::new(snapshots));
        self
    }

    /// These and a process, which an engine runs: it sends some of these commands.
    ///
    /// # Panics
    ///
    /// At the start of a program that cannot work: a category with a `-` or a `$`, or one that belongs to an
    /// aggregate or another process.
    pub fn with_process(mut self, process: impl Process) -> Self {
        let process = AnyProcess::new(process);
        self.assert_free(process.category());
        self.processes.push(process);
        self
    }

    #[track_caller]
    fn assert_free(&self, category: &str) {
        assert!(
            !category.is_empty() && !category.contains(['-', '$']),
            "category {category:?}: it must not be empty, nor contain '-' or '$'"
        );
        let aggregates = self.aggregates.iter().map(|a| a.category());
        let mut taken = aggregates.chain(self.processes.iter().map(AnyProcess::category));
        assert!(
            !taken.any(|taken| taken == category),
            "category {category:?} belongs to two aggregates or processes"
        );
    }

    /// The processes that an engine runs.
    pub fn processes(&self) -> &[AnyProcess] {
        &self.processes
    }

    /// Every command, in the order of registration.
    pub fn infos(&self) -> &[CommandInfo] {
        &self.infos
    }

    /// One command by its name.
    pub fn info(&self, name: &str) -> Option<&CommandInfo> {
        self.infos.iter().find(|info| info.name == name)
    }

    /// One command by its name. Errors: [`SendError::UnknownCommand`], with what may have been meant.
    pub fn find(&self, name: &str) -> Result<&CommandInfo, SendError> {
        self.info(name).ok_or_else(|| {
            let names = self.infos.iter().map(|info| info.name.as_str());
            SendError::UnknownCommand {
                name: name.to_owned(),
                near: near(name, names).into_iter().map(str::to_owned).collect(),
            }
        })
    }

    /// Sends a command: reads its aggregate, decides, and stores what that leads to. Where the stream moved
    /// meanwhile it is decided again, eight times at most.
    ///
    /// Errors: the domain has no such command, its fields are wrong, or the log cannot be read or written. A
    /// business reason is no error but [`Outcome::Rejected`].
    pub async fn send(&self, log: &dyn EventLog, request: Request) -> Result<Outcome, SendError> {
        let info = self.find(&request.command)?;
        let problems = check(&info.schema, &request.data);
        if !problems.is_empty() {
            return Err(SendError::Fields {
                command: request.command,
                problems,
            });
        }
        match self.aggregate(&info.category) {
            Some(aggregate) => {
                aggregate
                    .send(log, self.snapshots.as_deref(), request)
                    .await
            }
            // Not reached: `with` adds a category together with its commands.
            None => Err(SendError::UnknownCommand {
                name: request.command,
                near: Vec::new(),
            }),
        }
    }

    /// The aggregate's version and state now, from a snapshot where there is one; version 0 and the state of
    /// an aggregate that nothing has happened to, where there is no such stream. `None` where the category is
    /// not of this domain.
    ///
    /// Errors: the log cannot be read; an event that the aggregate does not know.
    pub async fn state(
        &self,
        log: &dyn EventLog,
        stream: &StreamId,
    ) -> Result<Option<(Version, Value)>, SendError> {
        match self.aggregate(stream.category()) {
            Some(aggregate) => {
                let state = aggregate.state(log, self.snapshots.as_deref(), stream);
                state.await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// The log as its readers are to see it: events of this domain that were stored in an older form come in
    /// today's. What is stored stays as it is.
    pub fn upcasting(&self, log: SharedLog) -> SharedLog {
        if self.aggregates.iter().all(|a| a.upcasters().is_empty()) {
            return log;
        }
        Arc::new(Upcasting::new(log, self.clone()))
    }

    /// What brings older events of a category to today's form; `None` where it is not of this domain.
    pub(super) fn upcasters(&self, category: &str) -> Option<&Upcasters> {
        self.aggregate(category)
            .map(|aggregate| aggregate.upcasters())
    }

    /// What shows an aggregate's or a process's state event by event; `None` where the category is not of this domain.
    pub fn stepper(&self, category: &str) -> Option<Stepper> {
        let aggregate = self.aggregate(category).map(|a| a.stepper());
        aggregate.or_else(|| self.process(category).map(process_stepper))
    }

    fn process(&self, category: &str) -> Option<&AnyProcess> {
        self.processes.iter().find(|p| p.category() == category)
    }

    /// The aggregate's state after each of a stream's events, which must be all from the first on. `None` where
    /// the stream is not of this domain. Errors: an event that the aggregate does not know.
    pub fn steps(&self, events: &[Event]) -> Result<Option<Vec<Value>>, EventError> {
        let category = events.first().map(|event| event.stream.category());
        match category.and_then(|category| self.stepper(category)) {
            Some(stepper) => events
                .iter()
                .map(stepper)
                .collect::<Result<_, _>>()
                .map(Some),
            None => Ok(None),
        }
    }

    fn aggregate(&self, category: &str) -> Option<&Arc<dyn Handles>> {
        self.aggregates.iter().find(|a| a.category() == category)
    }
}

/// A process is folded as an aggregate is; what somebody else wrote to its stream changes nothing.
fn process_stepper(process: &AnyProcess) -> Stepper {
    let (mut body, category) = (process.body(), process.category());
    Box::new(move |event| {
        if let Some(fact) = Fact::read(event) {
            body.evolve(&fact);
        }
        body.state()
            .map_err(|error| unwritable(event, category, &error))
    })
}

fn unwritable(event: &Event, category: &'static str, error: &serde_json::Error) -> EventError {
    let reason = format!("the state after it cannot be written: {error}");
    EventError::of(event, category, reason)
}

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.infos.iter().map(|info| &info.name);
        f.debug_set().entries(names).finish()
    }
}
