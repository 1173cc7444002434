//! The engine's eye on objectives: a breach that is raised or cleared is an event in the projection's system
//! stream, so that it can be counted afterwards, by anybody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::operations::{self, Operations};
use super::{ProjectionView, Snapshot, Workspace, WorkspaceError};
use crate::event::{Position, Timestamp};
use crate::log::{EventLog, LogError};
use crate::read::Subscription;

/// How far it is looked for the first event that a read model lacks.
const LOOK_PAGE: usize = 500;
const LOOK_PAGES: usize = 40;

/// Since when a read model has been older than its objective allows, by the first event after its checkpoint that it
/// takes; `None` where it is not, or where no such event is near.
pub(super) async fn overdue(
    log: &dyn EventLog,
    checkpoint: Position,
    takes: &Subscription,
    objective: Duration,
) -> Result<Option<Timestamp>, LogError> {
    let mut at = checkpoint;
    for _ in 0..LOOK_PAGES {
        let page = log.read_all(at, LOOK_PAGE).await?;
        let Some(last) = page.last() else { break };
        at = last.position;
        if let Some(waits) = page.iter().find(|event| takes.takes_event(event)) {
            let since = waits.recorded_at.checked_add(objective).ok();
            return Ok(since.filter(|since| *since < Timestamp::now()));
        }
    }
    Ok(None)
}

/// Looks on until told to stop, and records for the projections that this process owns.
pub(super) async fn keep(workspace: Workspace, mut stop: watch::Receiver<bool>) {
    let joined = tokio::select! {
        joined = workspace.0.observing.join(&workspace) => joined,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    let (mut snapshots, _) = match joined {
        Ok(joined) => joined,
        Err(error) => {
            tracing::warn!(%error, "objectives cannot be watched");
            return;
        }
    };
    let mut recorded = BTreeMap::new();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        if let Err(error) = record(&workspace, &snapshot, &mut recorded).await {
            tracing::warn!(%error, "a breach could not be recorded");
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            changed = snapshots.changed() => if changed.is_err() { return },
        }
    }
}

/// Records what has changed since it was recorded last.
async fn record(
    workspace: &Workspace,
    snapshot: &Snapshot,
    recorded: &mut BTreeMap<String, bool>,
) -> Result<(), WorkspaceError> {
    let me = std::process::id();
    let mine = |view: &&ProjectionView| view.owner == Some(me);
    recorded.retain(|name, _| {
        let view = snapshot.projections.iter().find(|view| view.name == *name);
        view.as_ref().is_some_and(mine)
    });
    for view in snapshot.projections.iter().filter(mine) {
        let log = &*workspace.0.log;
        let known = recorded.get(&view.name).copied();
        if known == Some(view.breach) || known.is_none() && view.objective.is_none() {
            continue;
        }
        let stream = operations::stream(&view.name)?;
        let before = Operations::read(log, &stream).await?.breached;
        let objective = view.objective.unwrap_or_default();
        // Whether it is one still is known only after some looks.
        let within = view.lag.age <= objective;
        match before {
            None if view.breach => {
                let since = before_now(snapshot.taken_at, view.lag.age.saturating_sub(objective));
                operations::raised(log, &stream, since, objective).await?;
            }
            Some(_) if !view.breach && !within && view.objective.is_some() => continue,
            Some(_) if !view.breach => {
                operations::cleared(log, &stream, snapshot.taken_at).await?;
            }
            _ => {}
        }
        recorded.insert(view.name.clone(), view.breach);
    }
    Ok(())
}

fn before_now(now: Timestamp, time: Duration) -> Timestamp {
    now.checked_sub(time).unwrap_or(Timestamp::MIN)
}
