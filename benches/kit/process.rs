//! What the system says about a process.

use std::fs;
use std::time::Duration;

/// The processor time that a process has used, in hundredths of a second.
pub fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let of = |at: usize| {
        fields
            .split(' ')
            .nth(at)
            .and_then(|n| n.parse::<u64>().ok())
    };
    of(11).unwrap_or(0) + of(12).unwrap_or(0)
}

/// The share of a core since then, in hundredths.
pub fn share(pid: u32, before: u64, window: Duration) -> f64 {
    (ticks(pid) - before) as f64 / window.as_secs_f64()
}

/// Memory that no file stands behind, in KiB.
pub fn anonymous(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok())
        .unwrap_or(0)
}
