//! Parked events: tried again, skipped, and parked again, as somebody asks for it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::super::WorkspaceError;
use super::super::operations::{Ended, Request, Which};
use super::Owned;
use crate::event::{Position, StreamId};
use crate::read::{Runner, RunnerError, Skipped, Tried, Unskipped};
use crate::text::thousands;

/// How long parked events are tried again before live work has its turn.
const PART: Duration = Duration::from_millis(50);

/// What only the new version has parked is not tried while it waits.
const AFTER_CUTOVER: &str = "try it again after the cutover";

/// Parked events that are being tried again.
pub(super) struct Retrying {
    pub(super) request: Request,
    /// What the version is called that has them.
    version: String,
    streams: VecDeque<StreamId>,
    failed: u64,
    /// The first event that failed again, and how.
    first: Option<String>,
}

impl Owned<'_> {
    /// Tells a runner what holds for every version.
    pub(super) fn tell(&self, runner: &mut Runner) -> Result<(), RunnerError> {
        runner.set_on_error(self.projection.on_error());
        runner.leave_out(self.operations.skipped.iter().copied())
    }

    /// The same for the version that answers.
    pub(super) fn tell_live(&mut self) -> Result<(), RunnerError> {
        self.live.set_on_error(self.projection.on_error());
        self.live.leave_out(self.operations.skipped.iter().copied())
    }

    pub(super) async fn begin_retry(
        &mut self,
        request: Request,
        which: Which,
    ) -> Result<(), WorkspaceError> {
        if self.retrying.is_some() {
            // Its turn comes when that one is done.
            return Ok(());
        }
        let refusal = if self.live.is_replaying() {
            Some("a replay is under way: try again when it is done")
        } else {
            self.hindrance()
        };
        if let Some(why) = refusal {
            return self.finish(request, &Ended::Failed(why.to_owned())).await;
        }
        let streams = match which {
            Which::Event(event) => return self.retry_one(request, event).await,
            Which::Stream(stream) => VecDeque::from([stream]),
            Which::All => self.live.parked_streams()?.into(),
        };
        self.retrying = Some(Retrying {
            request,
            version: self.live.model().about().label(),
            streams,
            failed: 0,
            first: None,
        });
        Ok(())
    }

    async fn retry_one(&mut self, request: Request, event: Position) -> Result<(), WorkspaceError> {
        let tried = self.live.retry(event, request.position).await;
        if *self.charge.stop.borrow() && tried.is_err() {
            // Broken off: the next engine does it.
            return Ok(());
        }
        let ended = match tried {
            Ok(Tried::Not(why)) => Ended::Failed(match self.parked_beside(event)? {
                Some(label) => format!("{why} here, but in {label}: {AFTER_CUTOVER}"),
                None => why,
            }),
            Ok(Tried::Applied) => {
                let event = thousands(event.get());
                Ended::Finished(format!("event {event} is applied; {}", self.still()))
            }
            Ok(Tried::Failed { error, tries }) => Ended::Failed(failed_again(event, tries, &error)),
            Err(error) => Ended::Failed(error.to_string()),
        };
        self.finish(request, &ended).await
    }

    /// What the new version is called, where it has parked an event.
    fn parked_beside(&self, event: Position) -> Result<Option<String>, RunnerError> {
        match &self.shadow {
            Some(shadow) if shadow.runner.has_parked(event)? => Ok(Some(shadow.label())),
            _ => Ok(None),
        }
    }

    /// Tries some of the parked events again that somebody wants tried. Says whether there is more to do.
    pub(super) async fn step_retry(&mut self) -> Result<bool, WorkspaceError> {
        let Some(mut retrying) = self.retrying.take() else {
            return Ok(false);
        };
        let interrupted = if self.operations.paused.is_some() {
            Some("paused meanwhile".to_owned())
        } else if retrying.version != self.live.model().about().label() {
            Some("another version answers by now: look at what that has parked".to_owned())
        } else {
            match self.retry_part(&mut retrying).await {
                Ok(()) => None,
                // Broken off: the next engine goes on with it.
                Err(_) if *self.charge.stop.borrow() => return Ok(false),
                Err(error) => Some(error.to_string()),
            }
        };
        if interrupted.is_none() && !retrying.streams.is_empty() {
            self.retrying = Some(retrying);
            return Ok(true);
        }
        let ended = self.retried(&retrying, interrupted)?;
        self.finish(retrying.request, &ended).await?;
        // Another one that was asked for meanwhile.
        self.carry_out().await?;
        Ok(true)
    }

    async fn retry_part(&mut self, retrying: &mut Retrying) -> Result<(), RunnerError> {
        let began = Instant::now();
        while began.elapsed() < PART
            && let Some(stream) = retrying.streams.front()
        {
            let tried = self.live.retry_first(stream, retrying.request.position);
            let failure = match tried.await? {
                Some((_, Tried::Applied)) => continue,
                None => None,
                Some((event, Tried::Failed { error, tries })) => {
                    Some(failed_again(event, tries, &error))
                }
                Some((_, Tried::Not(why))) => Some(why),
            };
            if let Some(failure) = failure {
                retrying.failed += 1;
                retrying.first.get_or_insert(failure);
            }
            retrying.streams.pop_front();
        }
        Ok(())
    }

    /// How a retry of streams ended.
    fn retried(
        &self,
        retrying: &Retrying,
        interrupted: Option<String>,
    ) -> Result<Ended, WorkspaceError> {
        let applied = self.live.applied_by(retrying.request.position)?;
        let applied_all = match applied {
            0 => self.still(),
            1 => format!("1 event applied; {}", self.still()),
            _ => format!("{} events applied; {}", thousands(applied), self.still()),
        };
        Ok(match (&retrying.first, interrupted) {
            (_, Some(why)) => Ended::Failed(format!("{why}. {applied_all}")),
            (Some(first), None) if retrying.failed == 1 => {
                Ended::Failed(format!("{first}. {applied_all}"))
            }
            (Some(first), None) => Ended::Failed(format!(
                "{} streams fail again; {first}. {applied_all}",
                thousands(retrying.failed)
            )),
            (None, None) if applied == 0 => {
                let beside = self.shadow.as_ref().filter(|s| s.runner.parked().any());
                Ended::Failed(beside.map_or_else(
                    || "no such event is parked".to_owned(),
                    |shadow| {
                        let (label, parked) = (shadow.label(), shadow.runner.parked());
                        format!(
                            "no such event is parked here. In {label} {parked}: {AFTER_CUTOVER}"
                        )
                    },
                ))
            }
            (None, None) => Ended::Finished(applied_all),
        })
    }

    fn still(&self) -> String {
        let parked = self.live.parked();
        if parked.any() {
            format!("{parked} still")
        } else {
            "nothing is parked any more".to_owned()
        }
    }

    pub(super) async fn skip(
        &mut self,
        request: Request,
        event: Position,
    ) -> Result<(), WorkspaceError> {
        if self.live.is_foreign() {
            let why = self.hindrance().unwrap_or_default().to_owned();
            return self.finish(request, &Ended::Failed(why)).await;
        }
        let shown = thousands(event.get());
        let mut beside = None;
        let mut skipped = self.live.skip(event, request.position)?;
        if let (Skipped::NotParked, Some(shadow)) = (&skipped, &mut self.shadow) {
            // The version that answers has it, and keeps it.
            skipped = shadow.runner.skip(event, request.position)?;
            beside = Some(shadow.label());
        }
        let ended = match (skipped, beside) {
            (Skipped::NotParked, _) => Ended::Failed(format!("event {shown} is not parked")),
            (Skipped::Done { left, .. }, Some(label)) => Ended::Finished(format!(
                "event {shown} is left out of {label}, and of later versions{}",
                match left {
                    0 => String::new(),
                    left => format!("; {left} of its stream wait behind it: {AFTER_CUTOVER}"),
                }
            )),
            (Skipped::Done { left: 0, .. }, None) => {
                Ended::Finished(format!("event {shown} is left out; {}", self.still()))
            }
            (Skipped::Done { stream, left }, None) => Ended::Finished(format!(
                "event {shown} is left out; {left} of {stream} wait behind it: try the stream again"
            )),
        };
        let done = matches!(ended, Ended::Finished(_));
        self.finish(request, &ended).await?;
        match &mut self.shadow {
            Some(shadow) if done => Ok(shadow.runner.leave_out([event])?),
            _ => Ok(()),
        }
    }

    pub(super) async fn unskip(
        &mut self,
        request: Request,
        event: Position,
    ) -> Result<(), WorkspaceError> {
        if self.live.is_foreign() || self.live.is_replaying() {
            let why = self
                .hindrance()
                .unwrap_or("a replay is under way: ask again when it is done");
            return self.finish(request, &Ended::Failed(why.to_owned())).await;
        }
        let unskipped = self.live.unskip(event, request.position).await?;
        let mut beside = None;
        if let Some(shadow) = &mut self.shadow {
            let unskipped = shadow.runner.unskip(event, request.position).await?;
            beside = (unskipped == Unskipped::Parked).then(|| shadow.label());
        }
        let shown = thousands(event.get());
        let ended = match unskipped {
            Unskipped::Parked => Ended::Finished(format!("event {shown} is parked again")),
            Unskipped::Passed(later) => Ended::Finished(format!(
                "event {shown} is tried by the next rebuild; this version stays without it, since event {}, \
                 which follows it in its stream, is applied",
                thousands(later.get())
            )),
            Unskipped::NotHere if beside.is_some() => Ended::Finished(format!(
                "event {shown} is parked again in {}",
                beside.unwrap_or_default()
            )),
            Unskipped::NotHere if self.operations.skipped.contains(&event) => {
                Ended::Finished(format!("event {shown} is tried by the next rebuild"))
            }
            Unskipped::NotHere => Ended::Failed(format!("event {shown} is not skipped")),
        };
        self.finish(request, &ended).await
    }
}

fn failed_again(event: Position, tries: u32, error: &str) -> String {
    format!(
        "event {} failed again, after {tries} tries: {}",
        thousands(event.get()),
        crate::text::clean(error)
    )
}
