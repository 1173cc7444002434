//! What an engine says of its own work, in a file beside the data, so that a dashboard in any process
//! sees the same.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::faults::Injected;
use crate::event::{Position, Timestamp};
use crate::lag::Spent;
use crate::read::{Checkpoint, ParkedCount, ParkedSum, Policy};

/// How often an engine says that it lives.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

/// One engine's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The process.
    pub pid: u32,
    /// When it was written.
    pub heartbeat: Timestamp,
    /// What it owns.
    pub projections: BTreeMap<String, Progress>,
    /// The process managers that it owns.
    #[serde(default)]
    pub processes: BTreeMap<String, ProcessReport>,
}

/// How a process manager is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessReport {
    /// Up to where it has read the log.
    pub position: Position,
    /// How many of its instances are not finished.
    pub open: usize,
    /// What keeps it from working.
    pub problem: Option<String>,
}

/// How one projection's loop is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The version that answers.
    pub version: String,
    /// The policy in force.
    pub policy: Policy,
    /// Whether it stands still because somebody said so.
    pub paused: bool,
    /// The event that it cannot apply.
    pub trouble: Option<TroubleReport>,
    /// How many events it applied since the engine started.
    pub applied: u64,
    /// For how long it was busy doing so, in microseconds.
    pub busy_us: u64,
    /// What the loop did with its time since then.
    #[serde(default)]
    pub spent: SpentReport,
    /// Since when it has been in one step, where that takes long.
    #[serde(default)]
    pub stuck_since: Option<Timestamp>,
    /// From stored to visible over the last minute, in microseconds: half, 99 of 100, and all.
    pub visibility_us: Option<[u64; 3]>,
    /// The same as buckets: up to so many microseconds, so many events; 28 at most, those with any.
    #[serde(default)]
    pub visible_after_us: Vec<(u64, u64)>,
    /// The version that is being built beside it.
    pub shadow: Option<ShadowReport>,
    /// What is parked.
    #[serde(default)]
    pub parked: ParkedCount,
    /// What keeps the loop as a whole from working.
    pub problem: Option<String>,
    /// Faults that somebody has injected.
    #[serde(default)]
    pub injected: Option<Injected>,
}

/// What a loop did with its time, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentReport {
    /// Reading the log for live work.
    pub load_us: u64,
    /// Running handlers for live work.
    pub apply_us: u64,
    /// Committing live work.
    pub commit_us: u64,
    /// Building another version.
    pub rebuild_us: u64,
}

/// An event that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TroubleReport {
    /// Which.
    pub position: Position,
    /// What the handler said.
    pub error: String,
    /// How often it was tried.
    pub tries: u32,
    /// Whether the projection stopped there; else it will be tried again.
    pub stopped: bool,
    /// Whether the file was locked by another connection.
    #[serde(default)]
    pub locked: bool,
}

/// A version that is being built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowReport {
    /// Its name.
    pub version: String,
    /// Up to where it has the log.
    pub checkpoint: Position,
    /// Where it has to get to.
    pub target: Position,
    /// How many events it applied.
    pub applied: u64,
    /// Whether it has caught up and waits until somebody cuts over.
    #[serde(default)]
    pub held: bool,
    /// Whether somebody wants it to stand still.
    #[serde(default)]
    pub paused: bool,
    /// What it has parked.
    #[serde(default)]
    pub parked: ParkedSum,
}

impl Progress {
    /// A loop that has not done anything yet.
    pub fn new(policy: Policy) -> Self {
        Self {
            version: String::new(),
            policy,
            paused: false,
            trouble: None,
            applied: 0,
            busy_us: 0,
            spent: SpentReport::default(),
            stuck_since: None,
            visibility_us: None,
            visible_after_us: Vec::new(),
            shadow: None,
            parked: ParkedCount::default(),
            problem: None,
            injected: None,
        }
    }
}

impl Progress {
    /// What its loop did with its time.
    pub fn spent(&self) -> Spent {
        let micros = Duration::from_micros;
        let SpentReport {
            load_us,
            apply_us,
            commit_us,
            rebuild_us,
        } = self.spent;
        Spent {
            load: micros(load_us),
            apply: micros(apply_us),
            commit: micros(commit_us),
            rebuild: micros(rebuild_us),
        }
    }
}

/// The file of one process's report.
pub fn path(folder: &Path, pid: u32) -> PathBuf {
    folder.join(format!("{pid}.json"))
}

/// Writes a report in one step: a reader sees the old one or the new one. Not synced: it is worth
/// nothing after a power loss. Errors: the system.
pub fn write(folder: &Path, report: &Report) -> io::Result<()> {
    let fresh = folder.join(format!(".{}.new", report.pid));
    fs::write(&fresh, serde_json::to_vec(report)?)?;
    fs::rename(&fresh, path(folder, report.pid))
}

/// Every report there is, of engines that live and of engines that died. One that cannot be read is
/// passed over. Errors: the system.
pub fn read_all(folder: &Path) -> io::Result<Vec<Report>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut reports = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "json")
            && let Ok(text) = fs::read(&path)
            && let Ok(report) = serde_json::from_slice(&text)
        {
            reports.push(report);
        }
    }
    Ok(reports)
}

impl Report {
    /// Whether its engine has given a heartbeat in the last three periods.
    pub fn is_alive(&self) -> bool {
        let since = Timestamp::now()
            .duration_since(self.heartbeat)
            .unsigned_abs();
        since <= HEARTBEAT * 3
    }
}

/// How a projection's loop is and in which process, by the newest report of an engine that lives: one that
/// was killed a moment ago may seem to own it too.
pub fn progress_of<'a>(reports: &'a [Report], projection: &str) -> Option<(u32, &'a Progress)> {
    reports
        .iter()
        .filter(|report| report.is_alive())
        .filter_map(|report| Some((report, report.projections.get(projection)?)))
        .max_by_key(|(report, _)| report.heartbeat)
        .map(|(report, progress)| (report.pid, progress))
}

/// Removes what engines that were killed left. Errors: the system.
pub fn remove_dead(folder: &Path) -> io::Result<()> {
    for report in read_all(folder)? {
        if !report.is_alive() {
            match fs::remove_file(path(folder, report.pid)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
    }
    Ok(())
}

/// A checkpoint's place in a shadow's report.
pub(super) fn shadow(version: String, checkpoint: &Checkpoint, target: Position) -> ShadowReport {
    ShadowReport {
        version,
        checkpoint: checkpoint.position,
        target,
        applied: checkpoint.applied,
        held: false,
        paused: false,
        parked: ParkedSum::default(),
    }
}
