//! What the Rebuilds screen asks of the workspace: which versions there are, and what was done so far.

use crate::workspace::{Operator, Recorded, VersionInfo};

/// A question: the versions of these projections, and the history of all.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The projections' names.
    pub names: Vec<String>,
}

/// What it came to.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The versions of each projection; or why they cannot be read.
    pub versions: Vec<(String, Result<Vec<VersionInfo>, String>)>,
    /// What was done to versions, the newest first; or why it cannot be read.
    pub done: Result<Vec<Recorded>, String>,
}

/// Asks the workspace.
pub async fn answer(operator: &Operator, ask: Ask) -> Answer {
    let mut versions = Vec::with_capacity(ask.names.len());
    for name in ask.names {
        let found = operator.versions(&name).await.map_err(|e| e.to_string());
        versions.push((name, found));
    }
    let done = operator.history_of_all().await;
    let done = done.map_err(|error| error.to_string()).map(|recorded| {
        let of_versions = recorded.into_iter().rev().filter(is_of_versions);
        of_versions.take(MOST).collect()
    });
    Answer { versions, done }
}

/// How much of the past is shown.
pub const MOST: usize = 1_000;

/// Whether it made a version, switched to one, or gave one up.
fn is_of_versions(recorded: &Recorded) -> bool {
    const OTHERS: [&str; 9] = [
        "pause", "resume", "policy", "apply", "retry", "skip", "unskip", "repair", "replay",
    ];
    let first = recorded.what.split(' ').next().unwrap_or_default();
    recorded.breach.is_none() && !OTHERS.contains(&first)
}
