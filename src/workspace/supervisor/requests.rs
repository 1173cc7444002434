//! What a projection's system stream asks for, and how each request ends.

use super::super::operations::{self, Defined, Done, Ended, Operation, Operations, Request};
use super::super::{WorkspaceError, objectives};
use super::{Charge, Owned};
use crate::crash;
use crate::event::{Position, StreamId};
use crate::read::Projection;
use crate::text::thousands;

impl Owned<'_> {
    /// Begins what is asked for and not begun.
    pub(super) async fn carry_out(&mut self) -> Result<(), WorkspaceError> {
        let monotonic = self.charge.started.elapsed();
        let policy = self.operations.policy.unwrap_or_default();
        if self.live.policy() != policy {
            self.live.set_policy(policy, monotonic);
        }
        for request in self.operations.pending.clone() {
            let pending = self.operations.pending.contains(&request);
            if pending && !self.is_under_way(&request) {
                self.begin_request(request).await?;
            }
        }
        self.begin_wanted().await
    }

    /// Records a breach that began while nobody applied events: it may be over before anybody looks. Whoever
    /// has an eye on objectives records its end.
    pub(super) async fn record_outage(&mut self) -> Result<(), WorkspaceError> {
        let Some(objective) = self.projection.objective() else {
            return Ok(());
        };
        if !self.charge.watches_objectives || self.operations.breached.is_some() {
            return Ok(());
        }
        let log = &*self.charge.log;
        let (checkpoint, takes) = (self.live.checkpoint(), self.live.projection());
        let takes = takes.subscription();
        let overdue = objectives::overdue(log, checkpoint.position, takes, objective).await?;
        if let Some(since) = overdue {
            operations::raised(log, &self.stream, since, objective).await?;
        }
        Ok(())
    }

    pub(super) fn is_under_way(&self, request: &Request) -> bool {
        let shadow = self.shadow.as_ref();
        let building = shadow.map(|shadow| &shadow.request);
        let switching = shadow.and_then(|shadow| shadow.cut_over.as_ref());
        let retrying = self.retrying.as_ref().map(|retrying| &retrying.request);
        let repairing = self.repairing.as_ref().map(|repairing| &repairing.request);
        retrying == Some(request)
            || repairing == Some(request)
            || building == Some(request)
            || switching == Some(request)
            || self.under_way.iter().any(|(begun, _)| begun == request)
    }

    pub(super) async fn begin_request(&mut self, request: Request) -> Result<(), WorkspaceError> {
        let done = |what: String| Ended::Finished(what);
        if let Some(overruled) = self.operations.overruled(&request) {
            return self.finish(request, &done(overruled)).await;
        }
        match request.operation {
            Operation::Pause => {
                self.live.flush()?;
                let at = self.live.checkpoint().position;
                self.finish(
                    request,
                    &done(format!(
                        "stands at position {}; later events that concern it wait",
                        thousands(at.get())
                    )),
                )
                .await
            }
            Operation::Resume => {
                let at = self.live.checkpoint().position;
                let what = match self.live.trouble() {
                    Some(trouble) => {
                        format!("tries event {} again", thousands(trouble.position.get()))
                    }
                    None => format!("goes on from position {}", thousands(at.get())),
                };
                self.live.try_again();
                self.finish(request, &done(what)).await
            }
            Operation::SetPolicy(policy) => {
                self.finish(request, &done(format!("applies by policy {policy}")))
                    .await
            }
            Operation::Apply if self.hindrance().is_some() => {
                let why = self.hindrance().unwrap_or_default().to_owned();
                self.finish(request, &Ended::Failed(why)).await
            }
            Operation::Apply => {
                self.live.allow_to(request.position);
                let goal = request.position;
                self.under_way.push((request, goal));
                Ok(())
            }
            Operation::Rebuild { .. } | Operation::Build { .. } => {
                self.begin_rebuild(request).await
            }
            Operation::PauseRebuild | Operation::ResumeRebuild => {
                let ended = self.pause_rebuild(request.operation == Operation::PauseRebuild);
                self.finish(request, &ended).await
            }
            Operation::Cancel => self.cancel(request).await,
            Operation::Repair { ref key } => {
                let key = key.clone();
                self.begin_repair(request, &key).await
            }
            Operation::CutOver { ref version } => {
                let version = version.clone();
                Box::pin(self.begin_cut_over(request, version)).await
            }
            Operation::RollBack { ref from } => {
                let from = from.clone();
                Box::pin(self.roll_back(request, from)).await
            }
            Operation::Replay { after } => self.begin_replay(request, after).await,
            Operation::Retry(ref which) => {
                let which = which.clone();
                self.begin_retry(request, which).await
            }
            Operation::Skip { event, .. } => self.skip(request, event).await,
            Operation::Unskip { event } => self.unskip(request, event).await,
        }
    }

    pub(super) async fn begin_replay(
        &mut self,
        request: Request,
        after: Position,
    ) -> Result<(), WorkspaceError> {
        let goal = self.live.checkpoint().position;
        let begun = self
            .live
            .model()
            .replay()?
            .filter(|replay| replay.request == request.position && !self.live.is_foreign());
        if let Some(replay) = begun {
            self.live.allow_to(replay.goal);
            self.under_way.push((request, replay.goal));
            return Ok(());
        }
        let refusal = if !self.live_is_replayable() {
            Some(
                "its handlers may not be applied twice. Rebuild it instead, or write `-- replayable: yes` \
                 in its file (`REPLAYABLE` in its code) where that is true"
                    .to_owned(),
            )
        } else if after >= goal {
            Some(format!(
                "nothing to replay: the read model stands at position {}",
                thousands(goal.get())
            ))
        } else if let Some((at, late)) = self.live.last_out_of_turn()?.filter(|(at, _)| *at > after)
        {
            let (shown, late) = (thousands(at.get()), thousands(late.get()));
            Some(format!(
                "event {late} was parked, and applied when the read model stood at position {shown}: it cannot be \
                 applied again in the same order. Replay after {at}, or rebuild it"
            ))
        } else {
            self.hindrance().map(str::to_owned)
        };
        if let Some(reason) = refusal {
            return self.finish(request, &Ended::Failed(reason)).await;
        }
        self.live.replay(request.position, after).await?;
        crash::point("after-replay-began");
        self.under_way.push((request, goal));
        Ok(())
    }

    /// How a wish for the rebuild to stand still, or to go on, ends.
    fn pause_rebuild(&self, pause: bool) -> Ended {
        let Some(shadow) = &self.shadow else {
            return Ended::Failed("nothing is being rebuilt".to_owned());
        };
        let label = shadow.label();
        let at = thousands(shadow.runner.checkpoint().position.get());
        Ended::Finished(if pause {
            format!("the rebuild stands at position {at}; version {label} waits")
        } else {
            format!("the rebuild goes on from position {at}")
        })
    }

    /// Why nothing can be applied to the live version, however long one waits.
    pub(super) fn hindrance(&self) -> Option<&'static str> {
        if self.live.is_foreign() {
            Some("its checkpoint is not of this log, which was restored or exchanged: rebuild it")
        } else if !self.live.projection().folds() {
            Some(
                "it was made by code that this program does not have: a new version is being built, and \
                 once that answers, ask again",
            )
        } else if self.operations.paused.is_some() {
            Some("it is paused: resume it first")
        } else {
            None
        }
    }

    fn live_is_replayable(&self) -> bool {
        // The file's words may have changed, while what it folds did not.
        let is_todays = self.live.model().about().hash == self.projection.hash();
        let built_from = self.live.projection();
        let said_by = if is_todays {
            &self.projection
        } else {
            built_from
        };
        said_by.replayable()
    }

    /// Says the outcome of what has been done by now.
    pub(super) async fn finish_what_is_done(&mut self) -> Result<(), WorkspaceError> {
        let at = self.live.checkpoint().position;
        let stopped = self
            .live
            .trouble()
            .filter(|trouble| trouble.next_try.is_none())
            .cloned();
        let paused = self.operations.paused.is_some();
        let is_over = |goal: Position| at >= goal || stopped.is_some() || paused;
        let (over, under_way) = std::mem::take(&mut self.under_way)
            .into_iter()
            .partition(|(_, goal)| is_over(*goal));
        self.under_way = under_way;
        if !over.is_empty() {
            // What is said to be done must not have to be done again.
            self.live.flush()?;
        }
        for (request, goal) in over {
            let ended = match &stopped {
                _ if at >= goal => Ended::Finished(format!(
                    "has everything up to position {}",
                    thousands(at.get())
                )),
                Some(trouble) => Ended::Failed(format!(
                    "stopped at event {}: {}",
                    thousands(trouble.position.get()),
                    trouble.error
                )),
                None => Ended::Failed(format!(
                    "paused at position {}, before {}",
                    thousands(at.get()),
                    thousands(goal.get())
                )),
            };
            self.finish(request, &ended).await?;
        }
        Ok(())
    }

    pub(super) async fn finish(
        &mut self,
        request: Request,
        ended: &Ended,
    ) -> Result<(), WorkspaceError> {
        self.finish_all(vec![Done::plain(request, ended.clone())])
            .await
    }

    /// Says how requests ended, of all at once.
    pub(super) async fn finish_all(&mut self, done: Vec<Done>) -> Result<(), WorkspaceError> {
        if done.is_empty() {
            return Ok(());
        }
        self.operations
            .pending
            .retain(|pending| !done.iter().any(|done| done.request == *pending));
        crash::point("before-outcome");
        operations::finish(&*self.charge.log, &self.stream, &done).await?;
        crash::point("after-outcome");
        for done in done {
            let (name, what, came_to) = (
                &self.charge.name,
                &done.request.operation,
                done.ended.what(),
            );
            match done.ended {
                Ended::Failed(_) => tracing::warn!("{name}: `{what}` failed: {came_to}"),
                _ => tracing::info!("{name}: `{what}`: {came_to}"),
            }
            self.operations.ended(&done);
        }
        Ok(())
    }
}

/// Records what the file says, where that is not what was recorded last.
pub(super) async fn record_definition(
    charge: &Charge,
    projection: &dyn Projection,
    stream: &StreamId,
    operations: &mut Operations,
) -> Result<(), WorkspaceError> {
    let defined = Defined {
        hash: projection.hash().to_owned(),
        policy: projection.policy(),
    };
    if operations.defined.as_ref() != Some(&defined) {
        operations::define(&*charge.log, stream, &defined).await?;
        operations.refresh(&*charge.log, stream).await?;
    }
    Ok(())
}
