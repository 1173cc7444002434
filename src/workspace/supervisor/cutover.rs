//! Which version answers: the switch to the next one, the switch back, and the end of one that is not to be.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::WorkspaceError;
use super::super::operations::{Done, Ended, Operation, Request};
use super::Owned;
use super::rebuild::{Shadow, remove_shadow, unwritten};
use crate::crash;
use crate::event::Position;
use crate::read::{Model, Policy, Runner, built_from, label};
use crate::text::thousands;

impl Owned<'_> {
    /// Makes the shadow the version that answers. Killed at any point in here, the next owner goes on:
    /// `ARCHITECTURE.md` says how.
    pub(super) async fn cut_over(&mut self) -> Result<(), WorkspaceError> {
        let Some(shadow) = &mut self.shadow else {
            return Ok(());
        };
        if let Err(error) = shadow.runner.flush() {
            return self.give_up_shadow(unwritten(&error)).await;
        }
        let lacks = match shadow.parked() {
            sum if sum.count.any() => format!("; {sum}"),
            _ => String::new(),
        };
        let path = shadow.runner.model().path().to_owned();
        // The live one is kept for going back. What was kept so far goes first, so that what is left after
        // the switch is what is kept, whenever somebody looks.
        let fail = |e: std::io::Error| WorkspaceError::io(&path, &e);
        self.versions
            .keep_only(&[self.live.model().path(), &path])
            .map_err(fail)?;
        crash::point("before-switch");
        self.versions.switch(&path).map_err(fail)?;
        crash::point("after-switch");
        let Some(Shadow {
            runner,
            request,
            cut_over,
            began,
            adopted,
            ..
        }) = self.shadow.take()
        else {
            return Ok(());
        };
        self.answer_with(runner);
        let label = self.live.model().about().label();
        let applied = self.live.checkpoint().applied;
        // How long an engine worked on it that is dead, nobody knows.
        let took = if adopted {
            ", partly by an earlier engine".to_owned()
        } else {
            format!(" in {:.1?}", began.elapsed())
        };
        let built = format!(
            "version {label} answers: {} events{took}{lacks}",
            thousands(applied)
        );
        let answers = format!("version {label} answers{lacks}");
        let asked = [(Some(request), built), (cut_over, answers)];
        let asked = asked
            .into_iter()
            .filter_map(|(request, what)| Some((request?, what)));
        let pending = asked.filter(|(request, _)| self.operations.pending.contains(request));
        let done = pending.map(|(request, what)| Done {
            version: Some(label.clone()),
            ..Done::plain(request, Ended::Finished(what))
        });
        let done = done.collect();
        self.finish_all(done).await?;
        self.keep_text()?;
        self.carry_out().await
    }

    /// From now on this one is the live version; it keeps to the policy in force.
    fn answer_with(&mut self, mut runner: Runner) {
        runner.bound_to(Position::new(u64::MAX));
        runner.limit_page(usize::MAX);
        runner.fall_behind();
        runner.set_policy(self.live.policy(), self.charge.started.elapsed());
        self.plain = Arc::clone(runner.projection());
        self.live = runner;
        self.take_up_faults();
        self.charge.moved.notify_waiters();
    }

    /// Somebody wants the held version to answer. It does once it has everything that the live one has:
    /// within a step or two.
    pub(super) async fn begin_cut_over(
        &mut self,
        request: Request,
        version: Option<String>,
    ) -> Result<(), WorkspaceError> {
        let live = self.live.model().about().label();
        if version.as_ref() == Some(&live) {
            // Killed between the switch and its outcome; or somebody else was quicker.
            let done = Done {
                version: version.clone(),
                ..Done::plain(request, Ended::Finished(format!("version {live} answers")))
            };
            return self.finish_all(vec![done]).await;
        }
        self.begin_held().await?;
        let paused = self.operations.rebuild_paused;
        let refusal = match &mut self.shadow {
            None => match &version {
                Some(version) => format!(
                    "version {version} is not held any more: somebody has cut over to it or cancelled it meanwhile, \
                     and its operations say who"
                ),
                None => "no new version is held: a rebuild with hold builds one".to_owned(),
            },
            Some(shadow) if version.as_ref().is_some_and(|v| *v != shadow.label()) => format!(
                "version {} is not there any more: the new one is {}. Look at the difference again",
                version.unwrap_or_default(),
                shadow.label()
            ),
            Some(_) if paused => "its rebuild is paused: let it go on first".to_owned(),
            Some(shadow) if shadow.held || shadow.adopted => {
                shadow.cut_over = Some(request);
                return Ok(());
            }
            Some(shadow) => format!(
                "version {} is not ready: it stands at position {} of {}",
                shadow.label(),
                thousands(shadow.runner.checkpoint().position.get()),
                thousands(self.live.checkpoint().position.get())
            ),
        };
        self.finish(request, &Ended::Failed(refusal)).await
    }

    /// Gives up what is built or held, and every rebuild that was asked for before. A definition of which
    /// that was the first version is not built again until its file changes.
    pub(super) async fn cancel(&mut self, request: Request) -> Result<(), WorkspaceError> {
        let hash = self.projection.hash().to_owned();
        let declined = self.operations.declined.as_ref() == Some(&hash);
        let is_new = self.live.model().about().hash != hash && !declined;
        let asked: Vec<Request> = self
            .operations
            .pending
            .iter()
            .filter(|pending| pending.position < request.position)
            .filter(|pending| {
                matches!(
                    pending.operation,
                    Operation::Rebuild { .. } | Operation::Build { .. } | Operation::CutOver { .. }
                )
            })
            .cloned()
            .collect();
        let shadow = self.shadow.take();
        let nothing = shadow.is_none() && self.operations.held.is_none();
        if nothing && asked.is_empty() && !is_new {
            let why = "nothing is being rebuilt, and no version is held".to_owned();
            return self.finish(request, &Ended::Failed(why)).await;
        }
        let live = self.live.model().about().label();
        let what = match shadow {
            Some(shadow) => {
                let (label, at) = (shadow.label(), shadow.runner.checkpoint().position);
                remove_shadow(shadow.runner)?;
                let at = thousands(at.get());
                format!("version {label} is gone, at position {at}; {live} goes on answering")
            }
            None => format!("{live} goes on answering"),
        };
        let mut done: Vec<Done> = asked
            .into_iter()
            .map(|asked| Done::plain(asked, Ended::Failed("cancelled".to_owned())))
            .collect();
        done.push(Done {
            declines: is_new.then_some(hash),
            ..Done::plain(request, Ended::Finished(what))
        });
        self.finish_all(done).await
    }

    /// Lets the kept version answer again. It catches up from where it stands, as the live version does.
    pub(super) async fn roll_back(
        &mut self,
        request: Request,
        from: Option<String>,
    ) -> Result<(), WorkspaceError> {
        let live = self.live.model().about().clone();
        let is_there = |wanted: &str| {
            let all = self.versions.all().unwrap_or_default();
            all.iter()
                .any(|(_, path)| label(path).as_deref() == Some(wanted))
        };
        if let Some(from) = from.filter(|from| *from != live.label()) {
            let done = if is_there(&from) {
                // Killed between the switch and its outcome; or somebody else was quicker.
                Done {
                    version: Some(live.label()),
                    ..Done::plain(
                        request,
                        Ended::Finished(format!("version {} answers", live.label())),
                    )
                }
            } else {
                let why = format!(
                    "version {from} does not answer any more: {} does",
                    live.label()
                );
                Done::plain(request, Ended::Failed(why))
            };
            return self.finish_all(vec![done]).await;
        }
        let runner = match self.open_kept(self.kept()?).await? {
            Ok(runner) => runner,
            Err(why) => {
                let why = format!("{why}. Version {} goes on answering", live.label());
                return self.finish(request, &Ended::Failed(why)).await;
            }
        };
        self.live.flush()?;
        crash::point("before-roll-back");
        let path = runner.model().path().to_owned();
        self.versions
            .switch(&path)
            .map_err(|e| WorkspaceError::io(&path, &e))?;
        crash::point("after-roll-back");
        self.answer_with(runner);
        let mut done: Vec<Done> = std::mem::take(&mut self.under_way)
            .into_iter()
            .map(|(begun, _)| Done::plain(begun, Ended::Failed("rolled back meanwhile".into())))
            .collect();
        let about = self.live.model().about().label();
        let at = self.live.checkpoint().position;
        let what = format!(
            "version {about} answers again, from position {} on; {} is kept",
            thousands(at.get()),
            live.label()
        );
        done.push(Done {
            declines: Some(live.hash),
            version: Some(about),
            ..Done::plain(request, Ended::Finished(what))
        });
        self.finish_all(done).await
    }

    /// The version that is kept for going back or forward: the one that was rolled back, else the one
    /// before the live one.
    fn kept(&self) -> Result<Option<PathBuf>, WorkspaceError> {
        let live = self.live.model();
        let shadow = self.shadow.as_ref().map(|shadow| shadow.runner.model());
        let all = self
            .versions
            .all()
            .map_err(|e| WorkspaceError::io(live.path(), &e))?;
        let others: Vec<(u64, PathBuf)> = all
            .into_iter()
            .filter(|(_, path)| path != live.path())
            .filter(|(_, path)| shadow.is_none_or(|shadow| shadow.path() != path))
            .collect();
        let named = self.operations.rolled_back.as_deref();
        let rolled_back = others
            .iter()
            .find(|(_, path)| named.is_some() && label(path).as_deref() == named);
        let before = others
            .iter()
            .rfind(|(generation, _)| *generation < live.about().generation);
        Ok(rolled_back.or(before).map(|(_, path)| path.clone()))
    }

    /// Opens the kept version, after a look at all of it. The inner error says why it cannot answer.
    async fn open_kept(
        &self,
        kept: Option<PathBuf>,
    ) -> Result<Result<Runner, String>, WorkspaceError> {
        let Some(path) = kept else {
            let why = "no version is kept to go back to: there was none, or its file was removed";
            return Ok(Err(why.to_owned()));
        };
        let label = label(&path).unwrap_or_default();
        let model = match Model::open_checked(&path) {
            Ok(model) => model,
            Err(error) => {
                let is_same = label.starts_with(self.live.projection().short_hash());
                let way_out = if is_same {
                    "a rebuild folds the same definition from the log again"
                } else {
                    "save the text of its definition again, and that is folded from the log"
                };
                return Ok(Err(format!(
                    "the kept version {label} cannot be used, and nothing makes it anew: {error}. What helps: {way_out}"
                )));
            }
        };
        let folded_with = built_from(&self.projection, model.about());
        if !folded_with.folds() {
            return Ok(Err(format!(
                "the kept version {label} was made by code that this program does not have"
            )));
        }
        let log = Arc::clone(&self.charge.log);
        let monotonic = self.charge.started.elapsed();
        let mut runner = Runner::attach(folded_with, log, model, Policy::Live, monotonic).await?;
        if runner.is_foreign() {
            return Ok(Err(format!(
                "the checkpoint of the kept version {label} is not of this log"
            )));
        }
        runner.share(&self.charge.pages);
        let stop = self.charge.stop.clone();
        runner.model_mut().stop_when(move || *stop.borrow());
        self.tell(&mut runner)?;
        Ok(Ok(runner))
    }

    /// Removes what killed engines left: half a version, one that nobody asks for any more, or one that
    /// was to be removed.
    pub(super) fn remove_what_was_left(&self) -> Result<(), WorkspaceError> {
        let live = self.live.model();
        let shadow = self.shadow.as_ref().map(|shadow| shadow.runner.model());
        let before = self.kept()?;
        let mut kept: Vec<&Path> = vec![live.path()];
        kept.extend(shadow.map(Model::path));
        kept.extend(before.as_deref());
        self.versions
            .keep_only(&kept)
            .map_err(|e| WorkspaceError::io(live.path(), &e))
    }
}
