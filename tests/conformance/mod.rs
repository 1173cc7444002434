//! What every log promises, as claims over the trait alone: one function a claim. An engine's own
//! tests call [`every_claim`] with a way to make a fresh, empty log.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use highwater::event::{
    Event, EventType, JsonObject, NewEvent, Origin, Position, StreamId, Timestamp, Version,
};
use highwater::log::{
    AppendError, Commit, CommitId, Committed, EventLog, Expected, SharedLog, StreamHead,
};

pub mod folds;

use folds::{
    a_fold_that_breaks_off_is_given_no_more, a_stream_is_folded_as_it_is_read,
    large_events_are_folded_a_page_at_a_time,
};

/// A log, and what has to live as long as it (its folder, its server …).
pub type Made = (SharedLog, Box<dyn std::any::Any>);

/// Runs a future on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

/// An event whose data is a number.
pub fn event(n: u64) -> NewEvent {
    NewEvent::new(
        EventType::new("Counted").unwrap(),
        JsonObject::parse(&format!("{{\"n\":{n}}}")).unwrap(),
    )
}

/// A stream's name, checked.
pub fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

/// A commit of so many events that expects nothing.
pub fn commit(name: &str, events: u64) -> Commit {
    Commit {
        id: CommitId::new(),
        stream: stream(name),
        expected: Expected::Any,
        events: (0..events).map(event).collect(),
    }
}

/// The same with an expectation.
pub fn expecting(name: &str, head: StreamHead) -> Commit {
    Commit {
        expected: Expected::Head(head),
        ..commit(name, 1)
    }
}

/// The whole log, in small pages.
pub async fn everything(log: &dyn EventLog) -> Vec<Event> {
    let mut all = Vec::new();
    let mut after = Position::START;
    loop {
        let page = log.read_all(after, 7).await.unwrap();
        assert!(page.len() <= 7);
        let Some(last) = page.last() else {
            return all;
        };
        after = last.position;
        all.extend(page);
    }
}

/// Positions are 1, 2, 3 … and so are the versions of every stream.
pub fn assert_without_holes(events: &[Event]) {
    let mut versions = std::collections::HashMap::new();
    for (event, position) in events.iter().zip(1..) {
        assert_eq!(event.position, Position::new(position));
        let version = versions
            .entry(event.stream.clone())
            .or_insert(Version::NONE);
        *version = version.next();
        assert_eq!(event.version, *version, "{}", event.stream);
    }
}

/// Runs every claim, each on a fresh, empty log. One that is not listed here is dead code, and the
/// compiler says so.
pub fn every_claim(make: impl Fn() -> Made) {
    macro_rules! run {
        ($($claim:ident)*) => {
            $({
                eprintln!("claim: {}", stringify!($claim));
                let (log, _guard) = make();
                block_on($claim(log));
            })*
        };
    }
    run! {
        an_empty_log_has_head_0_and_no_events
        what_was_appended_is_read_back_whole
        an_event_of_our_own_gets_an_id_of_its_own
        a_commit_of_several_events_is_stored_in_order
        pages_end_where_they_were_told_to
        pages_of_large_events_stay_small
        a_stream_is_folded_as_it_is_read
        a_fold_that_breaks_off_is_given_no_more
        large_events_are_folded_a_page_at_a_time
        expecting_nothing_always_stores
        expecting_no_stream_stores_where_there_is_none
        expecting_no_stream_is_in_conflict_where_there_is_one
        expecting_the_head_stores_and_moves_it
        expecting_a_head_that_has_moved_is_in_conflict
        expecting_a_head_of_a_stream_that_is_not_there_is_in_conflict
        of_two_that_expect_the_same_head_one_is_stored
        one_that_is_refused_does_not_fail_its_neighbours
        many_commits_are_stored_in_order
        no_commits_get_no_answers
        the_same_commit_twice_is_stored_once
        the_same_commit_twice_in_one_hand_over_is_stored_once
        a_refused_commit_can_be_sent_again_under_its_id
        too_many_events_are_refused_with_the_limit
        too_much_data_is_refused_with_the_limit
        recorded_at_never_decreases
        waiting_ends_when_something_is_appended
        waiting_ends_at_its_deadline
        a_log_says_what_it_is
    }
}

async fn an_empty_log_has_head_0_and_no_events(log: SharedLog) {
    assert_eq!(log.head().await.unwrap(), Position::START);
    assert!(everything(&*log).await.is_empty());
    let page = log
        .read_stream(&stream("order-1"), Version::NONE, 10)
        .await
        .unwrap();
    assert!(page.events.is_empty());
    assert_eq!((page.version, page.head), (Version::NONE, StreamHead::NONE));
}

async fn what_was_appended_is_read_back_whole(log: SharedLog) {
    let time: Timestamp = "2012-03-01T12:00:00.000001Z".parse().unwrap();
    let origin = Origin {
        source: "urn:bank".into(),
        id: "é-1".into(),
    };
    let new = NewEvent {
        event_type: EventType::new("Offer Sent").unwrap(),
        data: JsonObject::parse("{\"b\" : 1, \"a\": \"\\u0000 ü 漢\"}").unwrap(),
        metadata: JsonObject::parse("{\"correlation_id\":\"c\"}").unwrap(),
        origin: Some(origin.clone()),
        time: Some(time),
    };
    let before = Timestamp::now();
    let committed = log
        .append(Commit {
            events: vec![new.clone()],
            ..commit("loan-ü-7", 0)
        })
        .await
        .unwrap();
    let events = everything(&*log).await;
    let [stored] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(stored.position, Position::new(1));
    assert_eq!(stored.stream, stream("loan-ü-7"));
    assert_eq!(stored.version, Version::new(1));
    assert_eq!(stored.event_type, new.event_type);
    assert_eq!(
        (stored.source.as_deref(), &*stored.id),
        (Some("urn:bank"), "é-1")
    );
    assert_eq!((&stored.data, &stored.metadata), (&new.data, &new.metadata));
    assert_eq!((stored.happened_at, stored.time()), (Some(time), time));
    assert_eq!(stored.recorded_at, committed.recorded_at);
    assert!(stored.recorded_at.as_microsecond() >= before.as_microsecond());
    let page = log
        .read_stream(&stored.stream, Version::NONE, 9)
        .await
        .unwrap();
    assert_eq!(page.events, events);
}

async fn an_event_of_our_own_gets_an_id_of_its_own(log: SharedLog) {
    log.append(commit("order-1", 3)).await.unwrap();
    log.append(commit("order-2", 2)).await.unwrap();
    let events = everything(&*log).await;
    assert!(
        events
            .iter()
            .all(|event| event.source.is_none() && event.happened_at.is_none())
    );
    let ids: HashSet<_> = events.iter().map(|event| event.id.clone()).collect();
    assert_eq!(ids.len(), 5);
}

async fn a_commit_of_several_events_is_stored_in_order(log: SharedLog) {
    log.append(commit("order-1", 2)).await.unwrap();
    let committed = log.append(commit("order-2", 5)).await.unwrap();
    assert_eq!(
        (committed.first, committed.last),
        (Position::new(3), Position::new(7))
    );
    assert_eq!(
        (committed.version, committed.repeated),
        (Version::new(5), false)
    );
    let page = log
        .read_stream(&stream("order-2"), Version::NONE, 10)
        .await
        .unwrap();
    let data: Vec<_> = page.events.iter().map(|event| event.data.clone()).collect();
    let expected: Vec<_> = (0..5).map(|n| event(n).data).collect();
    assert_eq!(data, expected);
}

async fn pages_end_where_they_were_told_to(log: SharedLog) {
    log.append(commit("order-1", 5)).await.unwrap();
    log.append(commit("order-2", 5)).await.unwrap();
    let page = log.read_all(Position::new(3), 4).await.unwrap();
    let positions: Vec<_> = page.iter().map(|event| event.position.get()).collect();
    assert_eq!(positions, [4, 5, 6, 7]);
    assert!(log.read_all(Position::new(10), 4).await.unwrap().is_empty());
    assert!(log.read_all(Position::new(99), 4).await.unwrap().is_empty());
    assert!(log.read_all(Position::START, 0).await.unwrap().is_empty());
    let page = log
        .read_stream(&stream("order-2"), Version::new(1), 2)
        .await
        .unwrap();
    let versions: Vec<_> = page
        .events
        .iter()
        .map(|event| event.version.get())
        .collect();
    assert_eq!((versions, page.version), (vec![2, 3], Version::new(5)));
    let page = log
        .read_stream(&stream("order-2"), Version::new(5), 2)
        .await
        .unwrap();
    assert_eq!((page.events.len(), page.version), (0, Version::new(5)));
}

async fn pages_of_large_events_stay_small(log: SharedLog) {
    let half = "x".repeat(512 * 1024);
    let data = JsonObject::parse(&format!("{{\"x\":\"{half}\"}}")).unwrap();
    for _ in 0..40 {
        let large = NewEvent::new(EventType::new("Grown").unwrap(), data.clone());
        let events = vec![large];
        log.append(Commit {
            events,
            ..commit("order-1", 1)
        })
        .await
        .unwrap();
    }
    let size = |events: &[Event]| events.iter().map(|e| e.data.as_str().len()).sum::<usize>();
    let (mut seen, mut at) = (0, Position::START);
    loop {
        let page = log.read_all(at, 1000).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(size(&page) < 16 << 20, "{} bytes in one page", size(&page));
        at = last.position;
        seen += page.len();
    }
    assert_eq!(seen, 40);
    let page = log
        .read_stream(&stream("order-1"), Version::NONE, 1000)
        .await
        .unwrap();
    assert!(size(&page.events) < 16 << 20 && page.version == Version::new(40));
}

async fn expecting_nothing_always_stores(log: SharedLog) {
    let first = log.append(commit("order-1", 1)).await.unwrap();
    let second = log.append(commit("order-1", 1)).await.unwrap();
    assert_eq!(
        (first.version, second.version),
        (Version::new(1), Version::new(2))
    );
}

async fn expecting_no_stream_stores_where_there_is_none(log: SharedLog) {
    let committed = log
        .append(expecting("order-1", StreamHead::NONE))
        .await
        .unwrap();
    assert_eq!(committed.version, Version::new(1));
}

async fn expecting_no_stream_is_in_conflict_where_there_is_one(log: SharedLog) {
    log.append(commit("order-1", 2)).await.unwrap();
    let refused = log
        .append(expecting("order-1", StreamHead::NONE))
        .await
        .unwrap_err();
    let head = log
        .read_stream(&stream("order-1"), Version::NONE, 1)
        .await
        .unwrap()
        .head;
    match refused {
        AppendError::Conflict {
            stream: name,
            actual,
            head: found,
        } => {
            assert_eq!(
                (name, actual, found),
                (stream("order-1"), Version::new(2), head)
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(log.head().await.unwrap(), Position::new(2));
}

async fn expecting_the_head_stores_and_moves_it(log: SharedLog) {
    log.append(commit("order-1", 2)).await.unwrap();
    let read = log
        .read_stream(&stream("order-1"), Version::NONE, 1)
        .await
        .unwrap();
    let committed = log.append(expecting("order-1", read.head)).await.unwrap();
    assert_eq!(committed.version, Version::new(3));
    let moved = log
        .read_stream(&stream("order-1"), Version::NONE, 1)
        .await
        .unwrap();
    assert_ne!(moved.head, read.head);
}

async fn expecting_a_head_that_has_moved_is_in_conflict(log: SharedLog) {
    log.append(commit("order-1", 1)).await.unwrap();
    let read = log
        .read_stream(&stream("order-1"), Version::NONE, 1)
        .await
        .unwrap();
    log.append(commit("order-1", 1)).await.unwrap();
    let refused = log
        .append(expecting("order-1", read.head))
        .await
        .unwrap_err();
    let AppendError::Conflict { actual, head, .. } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(actual, Version::new(2));
    log.append(expecting("order-1", head)).await.unwrap();
}

async fn expecting_a_head_of_a_stream_that_is_not_there_is_in_conflict(log: SharedLog) {
    log.append(commit("order-1", 1)).await.unwrap();
    let read = log
        .read_stream(&stream("order-1"), Version::NONE, 1)
        .await
        .unwrap();
    let refused = log
        .append(expecting("order-2", read.head))
        .await
        .unwrap_err();
    let AppendError::Conflict { actual, head, .. } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((actual, head), (Version::NONE, StreamHead::NONE));
}

async fn of_two_that_expect_the_same_head_one_is_stored(log: SharedLog) {
    let race = |n: u64| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let mut won = 0;
            for round in 0..20 {
                let name = format!("race-{round}");
                let mut mine = expecting(&name, StreamHead::NONE);
                mine.events = vec![event(n)];
                match log.append(mine).await {
                    Ok(_) => won += 1,
                    Err(AppendError::Conflict { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            won
        })
    };
    let (a, b) = (race(1), race(2));
    assert_eq!(a.await.unwrap() + b.await.unwrap(), 20);
    assert_eq!(log.head().await.unwrap(), Position::new(20));
}

async fn one_that_is_refused_does_not_fail_its_neighbours(log: SharedLog) {
    let answers = log
        .append_all(vec![
            commit("order-1", 1),
            expecting("order-1", StreamHead::NONE),
            commit("order-1", 0),
            expecting("order-2", StreamHead::NONE),
            commit("order-1", 2),
        ])
        .await;
    let [a, b, c, d, e] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(a.as_ref().unwrap().last, Position::new(1));
    assert!(matches!(b, Err(AppendError::Conflict { .. })), "{b:?}");
    assert!(matches!(c, Err(AppendError::Limit { .. })), "{c:?}");
    assert_eq!(d.as_ref().unwrap().last, Position::new(2));
    assert_eq!(e.as_ref().unwrap().version, Version::new(3));
    assert_without_holes(&everything(&*log).await);
}

async fn many_commits_are_stored_in_order(log: SharedLog) {
    let commits: Vec<_> = (0..1234)
        .map(|n| Commit {
            events: vec![event(n)],
            ..commit(&format!("s-{}", n % 7), 0)
        })
        .collect();
    let answers = log.append_all(commits).await;
    for (answer, position) in answers.iter().zip(1..) {
        assert_eq!(answer.as_ref().unwrap().last, Position::new(position));
    }
    let events = everything(&*log).await;
    assert_without_holes(&events);
    assert!(
        events
            .iter()
            .zip(0..)
            .all(|(stored, n)| stored.data == event(n).data)
    );
}

async fn no_commits_get_no_answers(log: SharedLog) {
    assert!(log.append_all(Vec::new()).await.is_empty());
}

async fn the_same_commit_twice_is_stored_once(log: SharedLog) {
    for id in [
        CommitId::new(),
        CommitId::Key("pay-1".into()),
        CommitId::Origin(Origin {
            source: "urn:a".into(),
            id: "1".into(),
        }),
    ] {
        let name = format!("order-{}", log.head().await.unwrap());
        let mut first = expecting(&name, StreamHead::NONE);
        first.id = id.clone();
        assert_eq!(log.committed(&id).await.unwrap(), None);
        let stored = log.append(first.clone()).await.unwrap();
        log.append(commit(&name, 1)).await.unwrap();
        let repeated = Committed {
            repeated: true,
            ..stored.clone()
        };
        assert_eq!(log.append(first.clone()).await.unwrap(), repeated, "{id}");
        // The id alone counts.
        let other = Commit {
            id: id.clone(),
            ..commit("elsewhere-1", 3)
        };
        assert_eq!(log.append(other).await.unwrap(), repeated, "{id}");
        let found = log.committed(&id).await.unwrap().unwrap();
        assert_eq!((found.first, found.last), (stored.first, stored.last));
        assert_eq!(
            (found.stream, found.version),
            (stored.stream, stored.version)
        );
    }
    assert_eq!(log.head().await.unwrap(), Position::new(6));
}

async fn the_same_commit_twice_in_one_hand_over_is_stored_once(log: SharedLog) {
    for id in [CommitId::new(), CommitId::Key("k".into())] {
        let twice = Commit {
            id,
            ..commit("order-1", 2)
        };
        let answers = log
            .append_all(vec![twice.clone(), commit("order-2", 1), twice])
            .await;
        let [first, _, again] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        let (first, again) = (first.as_ref().unwrap(), again.as_ref().unwrap());
        assert_eq!(
            again,
            &Committed {
                repeated: true,
                ..first.clone()
            }
        );
    }
    assert_eq!(log.head().await.unwrap(), Position::new(6));
}

async fn a_refused_commit_can_be_sent_again_under_its_id(log: SharedLog) {
    log.append(commit("order-1", 1)).await.unwrap();
    let mut mine = expecting("order-1", StreamHead::NONE);
    let refused = log.append(mine.clone()).await.unwrap_err();
    let AppendError::Conflict { head, .. } = refused else {
        panic!("{refused:?}")
    };
    mine.expected = Expected::Head(head);
    assert!(!log.append(mine).await.unwrap().repeated);
}

async fn too_many_events_are_refused_with_the_limit(log: SharedLog) {
    let refused = log.append(commit("order-1", 1001)).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a commit of 1001 events: the limit is 1 to 1000 events"
    );
    assert_eq!(
        log.append(commit("order-1", 1000)).await.unwrap().last,
        Position::new(1000)
    );
}

async fn too_much_data_is_refused_with_the_limit(log: SharedLog) {
    let of = |bytes: usize| JsonObject::parse(&format!("{{\"x\":\"{}\"}}", "y".repeat(bytes - 8)));
    let mut large = commit("order-1", 1);
    large.events[0].data = of(1024 * 1024 + 1).unwrap();
    let refused = log.append(large.clone()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "data of 1048577 bytes: the limit is 1048576 bytes"
    );
    large.events[0].data = of(1024 * 1024).unwrap();
    large.events[0].metadata = of(64 * 1024 + 1).unwrap();
    let refused = log.append(large.clone()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "metadata of 65537 bytes: the limit is 65536 bytes"
    );
    large.events[0].metadata = of(64 * 1024).unwrap();
    log.append(large.clone()).await.unwrap();
    assert_eq!(everything(&*log).await[0].data, large.events[0].data);
}

async fn recorded_at_never_decreases(log: SharedLog) {
    for n in 0..20 {
        log.append(commit(&format!("order-{n}"), 1)).await.unwrap();
    }
    let events = everything(&*log).await;
    assert!(events.is_sorted_by_key(|event| event.recorded_at));
}

async fn waiting_ends_when_something_is_appended(log: SharedLog) {
    let waiter = Arc::clone(&log);
    let waiting = tokio::spawn(async move { waiter.wait(Position::START, None).await });
    tokio::task::yield_now().await;
    let committed = log.append(commit("order-1", 2)).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), committed.last);
    // What is there already is not waited for.
    assert_eq!(
        log.wait(Position::new(1), None).await.unwrap(),
        committed.last
    );
}

async fn waiting_ends_at_its_deadline(log: SharedLog) {
    log.append(commit("order-1", 1)).await.unwrap();
    let deadline = Instant::now() + Duration::from_millis(20);
    let head = log.wait(Position::new(1), Some(deadline)).await.unwrap();
    assert_eq!(head, Position::new(1));
    assert!(Instant::now() >= deadline);
}

async fn a_log_says_what_it_is(log: SharedLog) {
    let about = log.describe();
    assert!(!about.engine.is_empty());
    assert!(!about.incarnation.is_nil());
    assert_eq!(about.clamped, 0);
}
