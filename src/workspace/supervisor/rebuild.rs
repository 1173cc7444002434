//! Versions of one read model: the first, the one that is built beside the live one, and the switch
//! from one to the next.

use std::sync::Arc;
use std::time::Instant;

use super::super::WorkspaceError;
use super::super::operations::{Ended, Request};
use super::Owned;
use crate::crash;
use crate::event::Position;
use crate::read::{Model, Policy, Projection, Runner, Step, Versions, remove_database};

/// A version that is built beside the live one.
pub(super) struct Shadow {
    pub(super) runner: Runner,
    pub(super) request: Option<Request>,
    began: Instant,
}

impl Owned<'_> {
    /// Where the shadow has to get to before it may answer: no reader goes back in time.
    pub(super) async fn target(&self) -> Result<Position, WorkspaceError> {
        if self.live.is_foreign() {
            return Ok(self.charge.log.head().await?);
        }
        let replays = self.under_way.iter().map(|(_, goal)| *goal);
        Ok(replays.fold(self.live.checkpoint().position, Position::max))
    }

    /// What a step of the shadow came to; `None` where nothing is built.
    pub(super) async fn step_shadow(&mut self) -> Result<Option<Step>, WorkspaceError> {
        let target = self.target().await?;
        let now = self.now();
        let Some(shadow) = &mut self.shadow else {
            return Ok(None);
        };
        const MOVED: Step = Step::Moved {
            live: Vec::new(),
            applied: 0,
        };
        shadow.runner.bound_to(target);
        if shadow.runner.checkpoint().position >= target {
            self.cut_over().await?;
            return Ok(Some(MOVED));
        }
        let step = shadow.runner.step(now).await?;
        crash::point("while-folding");
        let stopped = shadow.runner.trouble().filter(|t| t.next_try.is_none());
        if let (Step::Rest { .. }, Some(trouble)) = (&step, stopped) {
            let reason = format!(
                "the new version stopped at event {}: {}. The live version goes on; mend the file",
                trouble.position, trouble.error
            );
            self.give_up_shadow(reason).await?;
            return Ok(Some(MOVED));
        }
        // Not only before the step: a live version that is never at rest would be ahead again by then.
        if shadow.runner.checkpoint().position >= target {
            self.cut_over().await?;
            return Ok(Some(MOVED));
        }
        Ok(Some(step))
    }

    /// Removes what is being built from a definition that is no longer the file's.
    pub(super) fn drop_outdated_shadow(&mut self) -> Result<(), WorkspaceError> {
        let hash = self.projection.hash();
        let Some(shadow) = self
            .shadow
            .take_if(|shadow| shadow.runner.model().about().hash != hash)
        else {
            return Ok(());
        };
        let path = shadow.runner.model().path().to_owned();
        drop(shadow);
        remove_database(&path).map_err(|e| WorkspaceError::io(&path, &e))
    }

    pub(super) async fn give_up_shadow(&mut self, reason: String) -> Result<(), WorkspaceError> {
        let Some(shadow) = self.shadow.take() else {
            return Ok(());
        };
        let path = shadow.runner.model().path().to_owned();
        drop(shadow.runner);
        remove_database(&path).map_err(|e| WorkspaceError::io(&path, &e))?;
        self.progress.problem = Some(reason.clone());
        match shadow.request {
            Some(request) => self.finish(request, &Ended::Failed(reason)).await,
            None => Ok(()),
        }
    }

    /// Makes the shadow the version that answers. Killed at any point in here, the next owner goes on:
    /// `ARCHITECTURE.md` says how.
    pub(super) async fn cut_over(&mut self) -> Result<(), WorkspaceError> {
        let Some(Shadow {
            mut runner,
            request,
            began,
        }) = self.shadow.take()
        else {
            return Ok(());
        };
        runner.flush()?;
        crash::point("before-switch");
        let path = runner.model().path().to_owned();
        self.versions
            .switch(&path)
            .map_err(|e| WorkspaceError::io(&path, &e))?;
        crash::point("after-switch");
        runner.bound_to(Position::new(u64::MAX));
        runner.set_policy(self.live.policy(), self.charge.started.elapsed());
        self.plain = Arc::clone(runner.projection());
        let old = std::mem::replace(&mut self.live, runner);
        self.take_up_faults();
        self.progress.problem = None;
        let about = self.live.model().about();
        let applied = self.live.checkpoint().applied;
        let what = format!(
            "version {} answers: {applied} events in {:.1?}",
            about.label(),
            began.elapsed()
        );
        let kept = old.model().path().to_owned();
        drop(old);
        // The one before is kept for going back.
        self.versions
            .keep_only(&[&kept, self.live.model().path()])
            .map_err(|e| WorkspaceError::io(&kept, &e))?;
        if let Some(request) = request {
            self.finish(request, &Ended::Finished(what)).await?;
        }
        self.keep_text()?;
        self.carry_out().await
    }

    /// Removes what killed engines left: half a version, one that nobody asks for any more, or one that
    /// was to be removed.
    pub(super) fn remove_what_was_left(&self) -> Result<(), WorkspaceError> {
        let live = self.live.model();
        let shadow = self.shadow.as_ref().map(|shadow| shadow.runner.model());
        let all = self
            .versions
            .all()
            .map_err(|e| WorkspaceError::io(live.path(), &e))?;
        let before = all
            .into_iter()
            .rev()
            .find(|(generation, _)| *generation < live.about().generation);
        let mut kept = vec![live.path()];
        kept.extend(shadow.map(Model::path));
        kept.extend(before.as_ref().map(|(_, path)| path.as_path()));
        self.versions
            .keep_only(&kept)
            .map_err(|e| WorkspaceError::io(live.path(), &e))
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
        let built_for_it = self.live.model().about().request == Some(request.position);
        // In a log that was restored, another request may stand at the same position.
        if built_for_it && !self.live.is_foreign() {
            // Killed between the switch and its outcome.
            let what = format!("version {} answers", self.live.model().about().label());
            return self.finish(request, &Ended::Finished(what)).await;
        }
        if self.shadow.is_none() {
            self.begin_shadow(Some(request)).await?;
        }
        Ok(())
    }

    /// What a killed engine began to build: the newest version of this definition for this request.
    fn begun(&self, asked: Option<Position>) -> Result<Option<Model>, WorkspaceError> {
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
            model.about().hash == self.projection.hash() && model.about().request == asked
        };
        // One that cannot be opened was not made to the end.
        let mut models = newer.filter_map(|(_, path)| Model::open(&path).ok());
        Ok(models.find(fits))
    }

    async fn follow(&self, model: Model) -> Result<Runner, WorkspaceError> {
        let projection = Arc::clone(&self.projection);
        let log = Arc::clone(&self.charge.log);
        let monotonic = self.charge.started.elapsed();
        let mut runner = Runner::attach(projection, log, model, Policy::Live, monotonic).await?;
        let stop = self.charge.stop.clone();
        runner.model_mut().stop_when(move || *stop.borrow());
        Ok(runner)
    }

    /// Begins a new version, or goes on with one that a killed engine began.
    pub(super) async fn begin_shadow(
        &mut self,
        request: Option<Request>,
    ) -> Result<(), WorkspaceError> {
        let asked = request.as_ref().map(|request| request.position);
        let begun = match self.begun(asked)? {
            Some(model) => Some(self.follow(model).await?),
            None => None,
        };
        let runner = match begun.filter(|runner| !runner.is_foreign()) {
            Some(runner) => runner,
            None => {
                let projection = &*self.projection;
                let (generation, path) = self
                    .versions
                    .next(projection.hash())
                    .map_err(|e| WorkspaceError::io(&self.versions.link(), &e))?;
                crash::point("before-shadow");
                let model = Model::create(&path, projection, generation, asked)?;
                self.follow(model).await?
            }
        };
        crash::point("after-shadow");
        self.shadow = Some(Shadow {
            runner,
            request,
            began: Instant::now(),
        });
        Ok(())
    }
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
    // A kill may have come between making the first version and linking it.
    let begun = versions
        .all()
        .map_err(fail)?
        .into_iter()
        .find_map(|(_, path)| {
            Model::open(&path)
                .ok()
                .filter(|model| model.about().hash == projection.hash())
        });
    let model = match begun {
        Some(model) => model,
        None => {
            let (generation, path) = versions.next(projection.hash()).map_err(fail)?;
            Model::create(&path, projection, generation, None)?
        }
    };
    crash::point("before-first-link");
    versions.switch(model.path()).map_err(fail)?;
    Ok(model)
}
