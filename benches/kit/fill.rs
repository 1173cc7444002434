//! A log with many events, made through the crate itself.

use highwater::log::EventLog;

use super::events;

/// Commits that are handed over at once.
const AT_ONCE: u64 = 10_000;

/// Stores the events of those numbers, each as a commit of its own.
pub async fn fill(log: &dyn EventLog, from: u64, to: u64) {
    let mut at = from;
    while at < to {
        let end = (at + AT_ONCE).min(to);
        let commits = (at..end)
            .map(|number| events::commit(&events::stream_of_a_life(number), number))
            .collect();
        for answer in log.append_all(commits).await {
            answer.expect("it is stored");
        }
        at = end;
    }
}
