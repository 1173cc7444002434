//! What is read ahead: everything, in order, once for all, and nothing any more once nobody takes it.

use super::*;
use crate::event::{EventType, JsonObject, NewEvent, StreamId};
use crate::log::sqlite::{LogOptions, SqliteLog};
use crate::log::{Commit, CommitId, EventLog, Expected};
use crate::read::counting::Counting;

const EVENTS: usize = PAGE + 2_000;

async fn log_in(dir: &std::path::Path) -> Arc<Counting> {
    let log = SqliteLog::create_or_open(dir, LogOptions::default()).unwrap();
    let event = NewEvent::new(EventType::new("A").unwrap(), JsonObject::empty());
    let commits = (0..EVENTS / 1_000).map(|_| Commit {
        id: CommitId::new(),
        stream: StreamId::new("a-1").unwrap(),
        expected: Expected::Any,
        events: vec![event.clone(); 1_000],
    });
    for answer in log.append_all(commits.collect()).await {
        answer.unwrap();
    }
    Arc::new(Counting::of(log))
}

/// Takes what follows, so many at a time at most; adds the positions.
async fn take(ahead: &mut Ahead, positions: &mut Vec<u64>, limit: usize) -> bool {
    let after = Position::new(positions.last().copied().unwrap());
    match ahead.after(after, limit).await.unwrap() {
        Some(stretch) => {
            assert!(!stretch.is_empty() && stretch.len() <= limit);
            positions.extend(stretch.iter().map(|event| event.position.get()));
            true
        }
        None => false,
    }
}

#[tokio::test]
async fn what_several_are_behind_by_is_read_once_and_everybody_gets_all_of_it_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path()).await;
    let pages = Pages::new(Arc::clone(&log) as SharedLog);
    let mut first = Ahead::begin(&pages, Position::START).unwrap();
    let mut firsts = vec![0];
    assert!(take(&mut first, &mut firsts, 1).await);
    let mut second = Ahead::begin(&pages, Position::new(3)).unwrap();
    let mut seconds = vec![3];
    loop {
        let more = take(&mut first, &mut firsts, 701).await;
        if !take(&mut second, &mut seconds, 1_009).await && !more {
            break;
        }
    }
    let all = |from: u64| (from..=EVENTS as u64).collect::<Vec<_>>();
    assert_eq!(firsts, all(0));
    assert_eq!(seconds, all(3));
    assert_eq!(log.given(), EVENTS);
}

#[tokio::test]
async fn who_no_longer_reads_ahead_leaves_neither_pages_nor_a_thread() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path()).await;
    let pages = Pages::new(Arc::clone(&log) as SharedLog);
    let mut ahead = Ahead::begin(&pages, Position::START).unwrap();
    assert!(take(&mut ahead, &mut vec![0], 10).await);
    assert!(!pages.shelf().pages.is_empty());
    drop(ahead);
    assert!(pages.shelf().pages.is_empty());
    drop(pages);
    assert_eq!(Arc::strong_count(&log), 1);
}
