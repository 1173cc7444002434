//! One observer for everybody in this process who looks: the dashboard, and the engine's eye on objectives.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Notify, watch};

use super::{Snapshot, Workspace, WorkspaceError, observe};

/// The observer that runs, while somebody looks.
#[derive(Default)]
pub(super) struct Observing(Mutex<Weak<Shared>>);

struct Shared {
    snapshots: watch::Sender<Arc<Snapshot>>,
    poke: Arc<Notify>,
}

impl Observing {
    /// Joins those who look, and has somebody look where nobody did. The first snapshot has everything that
    /// was stored before this was called. Called within a tokio runtime.
    ///
    /// Errors: the first snapshot cannot be taken.
    pub(super) async fn join(
        &self,
        workspace: &Workspace,
    ) -> Result<(watch::Receiver<Arc<Snapshot>>, Arc<Notify>), WorkspaceError> {
        let first = Arc::new(observe::first(workspace).await?);
        let mut known = self.lock();
        if let Some(shared) = known.upgrade() {
            let snapshots = shared.snapshots.subscribe();
            observe::tell(&shared.snapshots, first);
            return Ok((snapshots, Arc::clone(&shared.poke)));
        }
        let (to, snapshots) = watch::channel(first);
        let shared = Arc::new(Shared {
            snapshots: to,
            poke: Arc::new(Notify::new()),
        });
        *known = Arc::downgrade(&shared);
        let poke = Arc::clone(&shared.poke);
        tokio::spawn(look(workspace.clone(), shared));
        Ok((snapshots, poke))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Weak<Shared>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look(workspace: Workspace, shared: Arc<Shared>) {
    // Asked under the lock under which others join: nobody joins one that is about to end.
    let observed = workspace.clone();
    let ended = || {
        let mut known = observed.0.observing.lock();
        let ended = shared.snapshots.is_closed();
        if ended {
            *known = Weak::new();
        }
        ended
    };
    observe::forever(workspace, &shared.snapshots, &shared.poke, ended).await;
}
