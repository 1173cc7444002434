//! One key that is mended, as somebody asks for it: a part of its stream at a time, so that live work, other
//! requests and a wish to stop have their turn.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::super::WorkspaceError;
use super::super::operations::{Ended, Request};
use super::Owned;
use crate::crash;
use crate::read::{Mend, Mending, Scratch, Work, built_from};
use crate::text::thousands;

/// How long a stream is folded before live work has its turn.
const PART: Duration = Duration::from_millis(50);

/// A key that is being mended.
pub(super) struct Repairing {
    pub(super) request: Request,
    /// What the version is called whose rows are mended.
    version: String,
    mend: Mend,
    key: String,
    /// Breaks a handler off when the engine stops.
    stopper: JoinHandle<()>,
}

impl Drop for Repairing {
    fn drop(&mut self) {
        self.stopper.abort();
    }
}

impl Owned<'_> {
    pub(super) async fn begin_repair(
        &mut self,
        request: Request,
        key: &str,
    ) -> Result<(), WorkspaceError> {
        if self.repairing.is_some() {
            // Its turn comes when that one is done.
            return Ok(());
        }
        let refusal = match self.hindrance() {
            // One that stands still can be mended where it stands.
            Some(_) if self.operations.paused.is_some() && !self.live.is_foreign() => None,
            Some(why) => Some(why),
            None => None,
        };
        let refusal = if self.live.is_replaying() {
            Some("it is being replayed: its rows are of no single position until that is done")
        } else {
            refusal
        };
        if let Some(why) = refusal {
            return self.finish(request, &Ended::Failed(why.to_owned())).await;
        }
        let root = self.charge.folder.scratch();
        let scratch = Scratch::new(&root).map_err(|e| WorkspaceError::io(&root, &e))?;
        // As the file says, without faults that were injected.
        let folded_with = built_from(&self.projection, self.live.model().about());
        let (path, log) = (self.live.model().path(), &self.charge.log);
        let work = Work::new();
        let mend = match Mend::begin(path, &folded_with, key, log, scratch, &work) {
            Ok(mend) => mend,
            Err(error) => {
                return self
                    .finish(request, &Ended::Failed(error.to_string()))
                    .await;
            }
        };
        let mut stop = self.charge.stop.clone();
        let stopper = self.charge.runtime.spawn(async move {
            drop(stop.wait_for(|stop| *stop).await);
            work.stop();
        });
        self.repairing = Some(Repairing {
            request,
            version: self.live.model().about().label(),
            mend,
            key: key.to_owned(),
            stopper,
        });
        Ok(())
    }

    /// Folds a part of the stream of the key that is being mended, and replaces its rows once that is done. Says
    /// whether there is more to do.
    pub(super) async fn step_repair(&mut self) -> Result<bool, WorkspaceError> {
        let Some(mut repairing) = self.repairing.take() else {
            return Ok(false);
        };
        let interrupted = if repairing.version != self.live.model().about().label() {
            Some("another version answers by now: look at what that has, and ask again")
        } else if self.live.is_replaying() {
            Some("a replay began meanwhile: ask again when it is done")
        } else {
            None
        };
        let ended = match interrupted {
            Some(why) => Ended::Failed(why.to_owned()),
            None => match repairing.mend.step(PART).await {
                Ok(None) => {
                    self.repairing = Some(repairing);
                    return Ok(true);
                }
                // Broken off: the next engine does it.
                Err(_) if *self.charge.stop.borrow() => return Ok(false),
                Ok(Some(mending)) => self.replace(&mending, &repairing.key),
                Err(error) => Ended::Failed(error.to_string()),
            },
        };
        self.finish(repairing.request.clone(), &ended).await?;
        drop(repairing);
        // Another one that was asked for meanwhile.
        self.carry_out().await?;
        Ok(true)
    }

    fn replace(&mut self, mending: &Mending, key: &str) -> Ended {
        let stream = &mending.stream;
        if mending.comparison.is_equal() {
            return Ended::Finished(format!(
                "the rows of key {key} are what {stream} gives: nothing was changed"
            ));
        }
        match self.live.model_mut().replace(mending) {
            Ok(()) => {
                crash::point("after-repair");
                self.charge.moved.notify_waiters();
                Ended::Finished(format!(
                    "the rows of key {key} are what {stream} gives, {} events up to position {}: {} changed",
                    thousands(mending.events),
                    thousands(mending.position.get()),
                    thousands(mending.comparison.total)
                ))
            }
            Err(error) => Ended::Failed(format!(
                "the rows that {stream} gives do not fit beside those of other keys, and nothing was changed: \
                 {error}. A rebuild folds all of it"
            )),
        }
    }
}
