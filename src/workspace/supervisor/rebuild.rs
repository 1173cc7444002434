//! A version that is built beside the one that answers: begun, folded a page at a time, held, given up.

use std::sync::Arc;
use std::time::Instant;

use super::super::WorkspaceError;
use super::super::operations::{self, Done, Ended, Operation, Request};
use super::Owned;
use super::turns::Turns;
use crate::crash;
use crate::event::Position;
use crate::read::{
    Blame, Model, ParkedSum, Policy, Projection, Runner, RunnerError, Step, TRIES, Trouble,
    Versions, is_disk_full, remove_database,
};
use crate::text::thousands;

/// A version that is built beside the live one.
pub(super) struct Shadow {
    pub(super) runner: Runner,
    /// The request that it is built for.
    pub(super) request: Request,
    pub(super) began: Instant,
    /// Whether it waits, once it has caught up.
    pub(super) hold: bool,
    /// It has caught up and waits; that was said.
    pub(super) held: bool,
    /// An earlier engine began it: perhaps it was held then.
    pub(super) adopted: bool,
    /// Who asked for it to answer.
    pub(super) cut_over: Option<Request>,
    /// What it has parked.
    parked: ParkedSum,
    turns: Turns,
}

impl Shadow {
    /// What it is called.
    pub(super) fn label(&self) -> String {
        self.runner.model().about().label()
    }

    /// What it has parked. The file is asked only where that has changed.
    pub(super) fn parked(&mut self) -> &ParkedSum {
        let count = self.runner.parked();
        if self.parked.count != count {
            self.parked = match self.runner.first_parked() {
                Ok(first) => ParkedSum::new(count, first.filter(|_| count.any())),
                Err(error) => {
                    tracing::warn!(%error, "the first parked event could not be read");
                    ParkedSum::new(count, None)
                }
            };
        }
        &self.parked
    }
}

const MOVED: Step = Step::Moved {
    live: Vec::new(),
    applied: 0,
};

impl Owned<'_> {
    /// Where the shadow has to get to before it may answer: no reader goes back in time.
    pub(super) async fn target(&self) -> Result<Position, WorkspaceError> {
        if self.live.is_foreign() {
            return Ok(self.charge.log.head().await?);
        }
        let replays = self.under_way.iter().map(|(_, goal)| *goal);
        Ok(replays.fold(self.live.checkpoint().position, Position::max))
    }

    /// What a step of the shadow came to; `None` where nothing is built. `live_moved`: the live version has
    /// more to do at once, perhaps.
    pub(super) async fn step_shadow(
        &mut self,
        live_moved: bool,
    ) -> Result<Option<Step>, WorkspaceError> {
        let target = self.target().await?;
        let now = self.now();
        let paused = self.operations.rebuild_paused;
        let objective = self.projection.objective();
        let Some(shadow) = &mut self.shadow else {
            return Ok(None);
        };
        if paused && shadow.cut_over.is_none() {
            shadow.runner.fall_behind();
            return Ok(Some(Step::Rest {
                until: None,
                past: None,
            }));
        }
        shadow.runner.bound_to(target);
        if live_moved {
            shadow.turns.live_worked(now.monotonic);
        }
        if self.arrive(target).await? {
            return Ok(Some(MOVED));
        }
        let Some(shadow) = &mut self.shadow else {
            return Ok(None);
        };
        let Some(page) = shadow.turns.page(now.monotonic, live_moved) else {
            return Ok(Some(MOVED));
        };
        shadow.runner.limit_page(page);
        let began = Instant::now();
        let step = shadow.runner.step(now).await;
        if let Ok(Step::Moved { .. }) = &step {
            let took = began.elapsed();
            shadow.turns.took(took, now.monotonic + took, objective);
        }
        crash::point("while-folding");
        let over = match &step {
            Ok(_) => shadow.runner.trouble().filter(|t| is_over(t)).map(stopped),
            Err(RunnerError::Model(error)) => Some(unwritten(error)),
            Err(_) => None,
        };
        if let Some(reason) = over {
            self.give_up_shadow(reason).await?;
            return Ok(Some(MOVED));
        }
        let step = step?;
        // Not only before the step: a live version that is never at rest would be ahead again by then.
        if self.arrive(target).await? {
            return Ok(Some(MOVED));
        }
        Ok(Some(step))
    }

    /// Where the shadow has caught up: it answers from now on, or waits. Says whether anything was done.
    async fn arrive(&mut self, target: Position) -> Result<bool, WorkspaceError> {
        match &self.shadow {
            Some(shadow) if shadow.runner.checkpoint().position >= target => {
                if !shadow.hold || shadow.cut_over.is_some() {
                    self.ask_for_cutover().await?;
                    self.cut_over().await?;
                } else if !shadow.held {
                    self.hold().await?;
                } else {
                    return Ok(false);
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// A version was held because its file said so, and that says so no longer: whoever lets it answer is on
    /// record.
    async fn ask_for_cutover(&mut self) -> Result<(), WorkspaceError> {
        let wanted = |shadow: &&Shadow| shadow.held && shadow.cut_over.is_none();
        let Some(version) = self.shadow.as_ref().filter(wanted).map(Shadow::label) else {
            return Ok(());
        };
        let version = Some(version);
        let request = self.ask(Operation::CutOver { version }).await?;
        if let Some(shadow) = &mut self.shadow {
            shadow.cut_over = Some(request);
        }
        Ok(())
    }

    /// The shadow has caught up and is to wait: says so, once.
    async fn hold(&mut self) -> Result<(), WorkspaceError> {
        let Some(shadow) = &mut self.shadow else {
            return Ok(());
        };
        if let Err(error) = shadow.runner.flush() {
            return self.give_up_shadow(unwritten(&error)).await;
        }
        shadow.held = true;
        let (label, request) = (shadow.label(), shadow.request.clone());
        let at = shadow.runner.checkpoint().position;
        if self.operations.pending.contains(&request) {
            let at = thousands(at.get());
            let what =
                format!("version {label} is ready at position {at}, and waits for a cutover");
            let done = Done {
                version: Some(label),
                ..Done::plain(request, Ended::Held(what))
            };
            self.finish_all(vec![done]).await?;
        }
        // Another rebuild that was asked for cannot wait for one that waits itself.
        self.carry_out().await
    }

    /// Removes what is being built from a definition that is no longer the file's. Where it still is, the file
    /// may say something else about its cutover.
    pub(super) fn drop_outdated_shadow(&mut self) -> Result<(), WorkspaceError> {
        let hash = self.projection.hash();
        let is_new = self.live.model().about().hash != hash;
        if let Some(shadow) = &mut self.shadow {
            shadow.hold = holds(&shadow.request, is_new, &*self.projection);
        }
        let Some(shadow) = self
            .shadow
            .take_if(|shadow| shadow.runner.model().about().hash != hash)
        else {
            return Ok(());
        };
        remove_shadow(shadow.runner)
    }

    /// Ends a rebuild that cannot come to its end, and frees what it took.
    pub(super) async fn give_up_shadow(&mut self, reason: String) -> Result<(), WorkspaceError> {
        let Some(shadow) = self.shadow.take() else {
            return Ok(());
        };
        remove_shadow(shadow.runner)?;
        let asked = [Some(shadow.request), shadow.cut_over];
        self.say_not_built(asked.into_iter().flatten().collect(), reason)
            .await
    }

    /// Says that what was asked for could not be built. A version that was held had its outcome before: that
    /// it is gone is a request of the engine's own.
    async fn say_not_built(
        &mut self,
        asked: Vec<Request>,
        reason: String,
    ) -> Result<(), WorkspaceError> {
        let hash = self.projection.hash().to_owned();
        let is_new = self.live.model().about().hash != hash;
        let not_built = is_new.then_some(hash);
        let held = self.operations.held.clone();
        let was_held = held.is_some_and(|held| asked.contains(&held));
        let pending = asked
            .into_iter()
            .filter(|request| self.operations.pending.contains(request));
        let mut done: Vec<Done> = pending
            .map(|request| Done::plain(request, Ended::Failed(reason.clone())))
            .collect();
        if was_held {
            let gone = self.ask(Operation::Cancel).await?;
            done.push(Done::plain(gone, Ended::Finished(reason)));
        }
        if let Some(last) = done.last_mut() {
            last.not_built = not_built;
        }
        self.finish_all(done).await
    }

    /// Its file is gone: ends what is built beside it, or held. The read model stays.
    pub(super) async fn end_without_file(&mut self) -> Result<(), WorkspaceError> {
        self.operations
            .refresh(&*self.charge.log, &self.stream)
            .await?;
        let shadow = self.shadow.take();
        if let Some(shadow) = shadow {
            remove_shadow(shadow.runner)?;
        }
        let is_of_it = |request: &&Request| {
            matches!(
                request.operation,
                Operation::Rebuild { .. } | Operation::Build { .. } | Operation::CutOver { .. }
            )
        };
        let pending = self.operations.pending.iter().filter(is_of_it).cloned();
        let ended = Ended::Failed(operations::FILE_GONE.to_owned());
        let mut done: Vec<Done> = pending
            .map(|request| Done::plain(request, ended.clone()))
            .collect();
        if self.operations.held.is_some() {
            let gone = self.ask(Operation::Cancel).await?;
            let what = "the version that was held is gone: so is its file".to_owned();
            done.push(Done::plain(gone, Ended::Finished(what)));
        }
        self.finish_all(done).await
    }

    /// Whether what is written still has its names. SQLite goes on with a file that has none, and nobody
    /// would see what is written there.
    ///
    /// Errors: it has not; from then on nothing may be written to it.
    pub(super) fn check_files(&self) -> Result<(), WorkspaceError> {
        let shadow = self.shadow.as_ref().map(|shadow| shadow.runner.model());
        let shadow = shadow.map(|model| model.path().to_owned());
        for path in [Some(self.versions.link()), shadow].into_iter().flatten() {
            if !path
                .try_exists()
                .map_err(|e| WorkspaceError::io(&path, &e))?
            {
                let reason = "the read model is gone: it is made anew from the log".to_owned();
                return Err(WorkspaceError::Io { path, reason });
            }
        }
        Ok(())
    }

    pub(super) async fn begin_rebuild(&mut self, request: Request) -> Result<(), WorkspaceError> {
        let live = self.live.model().about();
        let built_for_it = live.request == Some(request.position);
        let label = live.label();
        let (same, hash) = (live.hash == self.projection.hash(), self.projection.hash());
        let (answers, outdated) = match &request.operation {
            Operation::Build { definition } => (same, definition != hash),
            _ => (false, false),
        };
        // Killed between the switch and its outcome; or somebody else had it built. In a log that was restored,
        // another request may stand at the same position.
        if (built_for_it || answers && !outdated) && !self.live.is_foreign() {
            let done = Done {
                version: Some(label.clone()),
                ..Done::plain(request, Ended::Finished(format!("version {label} answers")))
            };
            return self.finish_all(vec![done]).await;
        }
        if outdated {
            let why =
                format!("given up: the definition has changed again; version {label} answers");
            return self.finish(request, &Ended::Failed(why)).await;
        }
        match &self.shadow {
            None => self.begin_shadow(request).await,
            Some(shadow) if shadow.held => {
                let why = format!(
                    "version {} is ready and waits: cut over to it or cancel it first",
                    shadow.label()
                );
                self.finish(request, &Ended::Failed(why)).await
            }
            // Who asked would wait for as long as that stands still, and nobody would say why.
            Some(shadow)
                if self.operations.rebuild_paused
                    && matches!(request.operation, Operation::Rebuild { .. }) =>
            {
                let why = format!(
                    "version {} is being built and stands still: let that go on or cancel it first",
                    shadow.label()
                );
                self.finish(request, &Ended::Failed(why)).await
            }
            // Its turn comes when that one is done.
            Some(_) => Ok(()),
        }
    }

    /// Goes on with what was held when its engine ended.
    pub(super) async fn begin_held(&mut self) -> Result<(), WorkspaceError> {
        match self.operations.held.clone() {
            Some(held) if self.shadow.is_none() => self.begin_shadow(held).await,
            _ => Ok(()),
        }
    }

    /// Begins what is to be built without anybody asking: what was held, and what the file says where that is
    /// not what answers. The second is asked for in the engine's name, so that it is on record and has an
    /// outcome. What was declined, or could not be built, is not tried again before somebody asks for it.
    pub(super) async fn begin_wanted(&mut self) -> Result<(), WorkspaceError> {
        self.begin_held().await?;
        let hash = self.projection.hash();
        let not_built = self.operations.not_built.as_ref();
        let left_out = self.operations.declined.as_deref() == Some(hash)
            || not_built.is_some_and(|not_built| not_built.definition == hash);
        if self.shadow.is_some() || self.live.model().about().hash == hash || left_out {
            return Ok(());
        }
        let definition = hash.to_owned();
        let request = self.ask(Operation::Build { definition }).await?;
        self.begin_shadow(request).await
    }

    /// Asks for something in the engine's own name.
    pub(super) async fn ask(&mut self, operation: Operation) -> Result<Request, WorkspaceError> {
        let request = operations::ask(&*self.charge.log, &self.stream, operation).await?;
        self.operations.asked(request.clone());
        Ok(request)
    }

    /// What a killed engine began to build: the newest version of this definition for this very request. A version
    /// of the same definition that was finished and kept is none: its rows may have been changed from outside
    /// since, and nobody would look.
    fn begun(&self, asked: Position) -> Result<Option<Model>, WorkspaceError> {
        let live = self.live.model();
        let all = self
            .versions
            .all()
            .map_err(|e| WorkspaceError::io(live.path(), &e))?;
        let newer = all
            .into_iter()
            .rev()
            .take_while(|(generation, _)| *generation > live.about().generation);
        let fits = |model: &Model| {
            model.about().hash == self.projection.hash() && model.about().request == Some(asked)
        };
        // One that cannot be opened was not made to the end.
        let mut models = newer.filter_map(|(_, path)| Model::open(&path).ok());
        Ok(models.find(fits))
    }

    async fn follow(&self, model: Model) -> Result<Runner, RunnerError> {
        let projection = Arc::clone(&self.projection);
        let log = Arc::clone(&self.charge.log);
        let monotonic = self.charge.started.elapsed();
        let mut runner = Runner::attach(projection, log, model, Policy::Live, monotonic).await?;
        runner.share(&self.charge.pages);
        let stop = self.charge.stop.clone();
        runner.model_mut().stop_when(move || *stop.borrow());
        self.tell(&mut runner)?;
        Ok(runner)
    }

    /// Begins a new version, or goes on with one that a killed engine began. One that cannot be made is
    /// given up.
    pub(super) async fn begin_shadow(&mut self, request: Request) -> Result<(), WorkspaceError> {
        let asked = request.position;
        let begun = match self.begun(asked)? {
            Some(model) => Some(self.follow(model).await?),
            None => None,
        };
        let begun = begun.filter(|runner| !runner.is_foreign());
        let adopted = begun.is_some();
        let runner = match begun {
            Some(runner) => runner,
            None => match self.make_version(asked).await {
                Ok(runner) => runner,
                Err(RunnerError::Model(error)) => {
                    let reason = format!(
                        "no new version could be begun: {error}. The live version goes on, and a rebuild tries once more"
                    );
                    return self.say_not_built(vec![request], reason).await;
                }
                Err(other) => return Err(other.into()),
            },
        };
        crash::point("after-shadow");
        let is_new = self.live.model().about().hash != self.projection.hash();
        let hold = holds(&request, is_new, &*self.projection);
        let was_held = self.operations.held.as_ref() == Some(&request);
        self.shadow = Some(Shadow {
            runner,
            request,
            began: Instant::now(),
            hold,
            held: was_held && adopted,
            adopted,
            cut_over: None,
            parked: ParkedSum::default(),
            turns: Turns::new(),
        });
        Ok(())
    }

    async fn make_version(&self, asked: Position) -> Result<Runner, RunnerError> {
        let projection = &*self.projection;
        let (generation, path) =
            self.versions
                .next(projection.hash())
                .map_err(|e| crate::read::ModelError::Io {
                    path: self.versions.link(),
                    reason: e.to_string(),
                })?;
        crash::point("before-shadow");
        let model =
            Model::create(&path, projection, generation, Some(asked)).inspect_err(|_| {
                // Half a version is of no use to anybody.
                drop(remove_database(&path));
            })?;
        self.follow(model).await
    }
}

/// Whether a version waits once it has caught up: somebody said so, or the file of a new definition does.
fn holds(request: &Request, is_new: bool, projection: &dyn Projection) -> bool {
    let asked = request.operation == Operation::Rebuild { hold: true };
    asked || is_new && projection.waits()
}

/// Whether there is no use in trying again: the event is to blame, the disk is full, or the disk says no
/// again and again.
fn is_over(trouble: &Trouble) -> bool {
    let refused = is_disk_full(&trouble.error) || trouble.tries >= TRIES;
    trouble.next_try.is_none() || trouble.blame == Blame::System && refused
}

/// Why a version ended that stopped at an event.
fn stopped(trouble: &Trouble) -> String {
    let way_out = if trouble.next_try.is_none() {
        "mend the file"
    } else {
        FREE_AGAIN
    };
    format!(
        "the new version stopped at event {}: {}. The live version goes on; {way_out}",
        thousands(trouble.position.get()),
        trouble.error
    )
}

/// Why a version ended whose file cannot be written.
pub(super) fn unwritten(error: &impl std::fmt::Display) -> String {
    format!("the new version cannot be written: {error}. The live version goes on; {FREE_AGAIN}")
}

const FREE_AGAIN: &str =
    "what the new one took of the disk is free again, and a rebuild tries once more";

/// Closes a version that is not to be, and removes its files.
pub(super) fn remove_shadow(runner: Runner) -> Result<(), WorkspaceError> {
    let path = runner.model().path().to_owned();
    drop(runner);
    remove_database(&path).map_err(|e| WorkspaceError::io(&path, &e))
}

/// The version that answers; made, where there is none yet or where its file is gone.
pub(super) fn live_model(
    projection: &dyn Projection,
    versions: &Versions,
) -> Result<Model, WorkspaceError> {
    let fail = |e| WorkspaceError::io(&versions.link(), &e);
    if let Some(path) = versions.live().map_err(fail)?
        && path.try_exists().map_err(fail)?
    {
        return Ok(Model::open(&path)?);
    }
    // None of those that are kept is taken for it: it may be older, or damaged, and nothing would say so.
    let (generation, path) = versions.next(projection.hash()).map_err(fail)?;
    let model = Model::create(&path, projection, generation, None)?;
    crash::point("before-first-link");
    versions.switch(model.path()).map_err(fail)?;
    Ok(model)
}
