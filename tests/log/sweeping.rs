//! The WAL: folded into the file while somebody writes without a pause, and begun anew.

use highwater::event::{Event, JsonObject, Position};
use highwater::log::{Commit, EventLog};

use super::conformance::{block_on, commit};
use super::open;

/// Two hundred MiB, one commit after the other.
const COMMITS: usize = 3_200;

fn large(number: usize) -> Commit {
    let mut commit = commit(&format!("order-{number}"), 1);
    let data = format!("{{\"text\":\"{}\"}}", "x".repeat(64 << 10));
    commit.events[0].data = JsonObject::parse(&data).unwrap();
    commit
}

#[test]
fn the_wal_stays_bounded_beside_somebody_who_writes_without_a_pause() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    block_on(async {
        for number in 0..COMMITS {
            log.append(large(number)).await.unwrap();
        }
    });
    let wal = std::fs::metadata(dir.path().join("log.db-wal"))
        .unwrap()
        .len();
    assert!(wal < 128 << 20, "{} MiB", wal >> 20);
    let last: Vec<Event> = block_on(log.read_all(Position::new(COMMITS as u64 - 1), 10)).unwrap();
    assert_eq!(last.len(), 1);
}
