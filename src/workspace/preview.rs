//! What an operation would mean, found out before it happens: measured, not guessed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::operations::Operation;
use super::{Workspace, WorkspaceError};
use crate::event::{Position, Timestamp};
use crate::read::{
    Model, Now, OnError, ParkedSum, Policy, Projection, Reader, Runner, Step, remove_database,
};
use crate::text::{human_bytes, thousands};

/// What an operation would mean, shown before it happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// How many events it would apply.
    pub events: u64,
    /// About how long: from the fastest to the slowest that a trial suggests. `None` where there is
    /// nothing to try it on.
    pub takes: Option<(Duration, Duration)>,
    /// About how many bytes of disk it needs.
    pub disk_needed: u64,
    /// How many bytes are free; `None` where the system does not say.
    pub disk_free: Option<u64>,
    /// Which queries go on being answered by the version there is.
    pub answers: Vec<String>,
    /// What the version that would answer has parked, and so lacks.
    pub parked: ParkedSum,
    /// Why it cannot be done, where it cannot.
    pub refused: Option<String>,
}

/// How long a trial folds for.
const TRIAL: Duration = Duration::from_millis(40);

impl Workspace {
    /// Says what an operation would mean. For a rebuild or a replay, the first events are folded into a
    /// file that is thrown away, to see how fast that goes here and now.
    ///
    /// Errors: no such projection, the log, the files.
    pub async fn preview(
        &self,
        projection: &str,
        operation: &Operation,
    ) -> Result<Preview, WorkspaceError> {
        let today = &self.projection(projection)?;
        let versions = self.0.folder.versions(projection);
        let reader = Reader::open(&versions, today)?;
        let checkpoint = reader.checkpoint()?;
        // A report may be older than a cutover: what answers now is beside nothing.
        let live = reader.version().to_owned();
        let beside = || {
            let shadow = self.shadow(projection)?;
            Ok::<_, WorkspaceError>(shadow.filter(|shadow| shadow.version != live))
        };
        let answers = reader
            .projection()
            .queries()
            .iter()
            .map(|query| query.name.clone())
            .collect();
        let mut preview = Preview {
            events: 0,
            takes: None,
            disk_needed: 0,
            disk_free: None,
            answers,
            parked: ParkedSum::default(),
            refused: None,
        };
        match operation {
            Operation::Rebuild { .. } => {
                // Another definition may take other events.
                preview.events = if reader.projection().hash() == today.hash() {
                    checkpoint.applied
                } else {
                    let all = Position::START;
                    self.count_events(today, all, checkpoint.position).await?
                };
                preview.disk_needed = database_size(&versions.link());
                preview.disk_free = free_space(self.0.folder.path());
                if let Some(free) = preview.disk_free.filter(|free| *free < preview.disk_needed) {
                    preview.refused = Some(format!(
                        "the disk has too little room: about {} are needed, and {} are free. Free some, and \
                         ask again",
                        human_bytes(preview.disk_needed),
                        human_bytes(free)
                    ));
                }
            }
            &Operation::Replay { after } if !reader.projection().replayable() => {
                preview.events = self.count_events(today, after, checkpoint.position).await?;
                preview.refused = Some(
                    "its handlers may not be applied twice (its file does not say `-- replayable: yes`, nor its code \
                     `REPLAYABLE`). Rebuild it instead"
                        .to_owned(),
                );
            }
            &Operation::Replay { after } => {
                preview.events = self.count_events(today, after, checkpoint.position).await?;
                if after >= checkpoint.position {
                    preview.refused = Some(format!(
                        "nothing to replay: it stands at position {}",
                        thousands(checkpoint.position.get())
                    ));
                }
            }
            Operation::CutOver { .. } => match beside()?.filter(|shadow| shadow.held) {
                Some(shadow) => preview.parked = shadow.parked,
                None => preview.refused = Some("no new version is ready and held".to_owned()),
            },
            Operation::Cancel if beside()?.is_none() => {
                preview.refused =
                    Some("nothing is being rebuilt, and no version is held".to_owned());
            }
            Operation::RollBack { .. } => {
                let all = versions.all();
                let all = all.map_err(|e| WorkspaceError::io(&versions.link(), &e))?;
                if all.len() < 2 + usize::from(beside()?.is_some()) {
                    preview.refused = Some("no version is kept to go back to".to_owned());
                }
            }
            _ => {}
        }
        if preview.events > 0 && preview.refused.is_none() {
            preview.takes = self.trial(today, preview.events).await?;
        }
        Ok(preview)
    }

    async fn count_events(
        &self,
        projection: &Arc<dyn Projection>,
        after: Position,
        to: Position,
    ) -> Result<u64, WorkspaceError> {
        let (mut at, mut events) = (after, 0);
        while at < to {
            let page = self.0.upcasting.read_all(at, 5_000).await?;
            let Some(last) = page.last() else { break };
            at = last.position;
            events += page
                .iter()
                .filter(|e| e.position <= to && projection.subscription().takes_event(e))
                .count() as u64;
        }
        Ok(events)
    }

    /// Folds for a moment and scales up: half to three times of that, since pages grow and caches fill.
    async fn trial(
        &self,
        projection: &Arc<dyn Projection>,
        events: u64,
    ) -> Result<Option<(Duration, Duration)>, WorkspaceError> {
        let path = self.0.folder.models().join(format!(
            ".trial-{}-{}.db",
            projection.name(),
            std::process::id()
        ));
        let gone = |e| WorkspaceError::io(&path, &e);
        remove_database(&path).map_err(gone)?;
        let rate = self.fold_for_a_moment(projection, &path).await;
        remove_database(&path).map_err(gone)?;
        #[allow(clippy::cast_precision_loss)]
        Ok(rate?.map(|rate| {
            let about = events as f64 / rate;
            let time =
                |factor: f64| Duration::try_from_secs_f64(about * factor).unwrap_or(Duration::MAX);
            (time(0.5), time(3.0))
        }))
    }

    async fn fold_for_a_moment(
        &self,
        projection: &Arc<dyn Projection>,
        path: &std::path::Path,
    ) -> Result<Option<f64>, WorkspaceError> {
        let shared = Arc::clone(projection);
        let model = Model::create(path, &*shared, 1, None)?;
        let began = Instant::now();
        let mut runner =
            Runner::attach(shared, self.log(), model, Policy::Live, Duration::ZERO).await?;
        // A pause before a parked event's next try is not waited for, but counted.
        let mut pauses = Duration::ZERO;
        while began.elapsed() < TRIAL {
            let now = Now {
                wall: Timestamp::now(),
                monotonic: began.elapsed() + pauses,
            };
            match runner.step(now).await? {
                Step::Moved { .. } => {}
                Step::Rest {
                    until: Some(until), ..
                } if runner.trouble().is_some() && projection.on_error() == OnError::Park => {
                    pauses += until.saturating_sub(now.monotonic);
                }
                Step::Rest { .. } => break,
            }
        }
        let applied = runner.checkpoint().applied;
        #[allow(clippy::cast_precision_loss)]
        Ok((applied > 0).then(|| applied as f64 / (began.elapsed() + pauses).as_secs_f64()))
    }
}

fn database_size(link: &std::path::Path) -> u64 {
    // What is in the WAL comes into the file sooner or later; while a version is built it has one, too.
    let database = std::fs::canonicalize(link).unwrap_or_else(|_| link.to_owned());
    let mut wal = database.clone().into_os_string();
    wal.push("-wal");
    let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |data| data.len());
    size(&database) + size(std::path::Path::new(&wal))
}

#[cfg(unix)]
pub(super) fn free_space(path: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub(super) fn free_space(_: &std::path::Path) -> Option<u64> {
    None
}
