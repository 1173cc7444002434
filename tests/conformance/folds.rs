//! What every log promises to whoever folds a stream.

use std::ops::ControlFlow::{Break, Continue};

use highwater::event::{EventRef, EventType, JsonObject, StreamId, Version};
use highwater::log::{Commit, CommitId, EventLog, SharedLog, StreamEnd};

use super::{commit, expecting, stream};

/// What a fold sees of an event: version, type, data, metadata.
pub type Seen = (Version, String, String, String);

/// What a fold is given of at most `limit` events of a stream, and where the stream ends.
pub async fn folded(
    log: &dyn EventLog,
    stream: &StreamId,
    after: Version,
    limit: usize,
) -> (Vec<Seen>, StreamEnd) {
    let mut seen = Vec::new();
    let mut fold = |event: EventRef<'_>| {
        let texts = [event.event_type.as_str(), event.data, event.metadata].map(str::to_owned);
        let [event_type, data, metadata] = texts;
        seen.push((event.version, event_type, data, metadata));
        Continue(())
    };
    let end = log.fold_stream(stream, after, limit, &mut fold).await;
    (seen, end.unwrap())
}

pub async fn a_stream_is_folded_as_it_is_read(log: SharedLog) {
    let said = JsonObject::parse("{\"correlation_id\":\"ü\"}").unwrap();
    for name in ["order-1", "$projection-a", "order-1", "$projection-a"] {
        let mut commit = commit(name, 4);
        commit.events[1].metadata = said.clone();
        commit.events[2].event_type = EventType::new("Offer Sent").unwrap();
        log.append(commit).await.unwrap();
    }
    for (name, after, limit) in [
        ("order-1", 0, 100),
        ("$projection-a", 0, 100),
        ("order-1", 3, 2),
        ("$projection-a", 3, 2),
        ("order-1", 0, 0),
        ("order-1", 8, 5),
        ("order-1", 99, 5),
        ("order-2", 0, 5),
    ] {
        let (stream, after) = (stream(name), Version::new(after));
        let page = log.read_stream(&stream, after, limit).await.unwrap();
        let events = page.events.iter().map(|event| {
            let texts = [
                event.event_type.as_str(),
                event.data.as_str(),
                event.metadata.as_str(),
            ];
            let [event_type, data, metadata] = texts.map(str::to_owned);
            (event.version, event_type, data, metadata)
        });
        let (version, head) = (page.version, page.head);
        let read = (events.collect(), StreamEnd { version, head });
        assert_eq!(
            folded(&*log, &stream, after, limit).await,
            read,
            "{name} {after}"
        );
    }
}

pub async fn a_fold_that_breaks_off_is_given_no_more(log: SharedLog) {
    for name in ["order-1", "$projection-a"] {
        log.append(commit(name, 5)).await.unwrap();
        let mut seen = 0;
        let mut fold = |_: EventRef<'_>| {
            seen += 1;
            if seen < 2 { Continue(()) } else { Break(()) }
        };
        let name = stream(name);
        let end = log
            .fold_stream(&name, Version::NONE, 100, &mut fold)
            .await
            .unwrap();
        assert_eq!((seen, end.version), (2, Version::new(5)));
        let next = expecting(name.as_str(), end.head);
        assert_eq!(log.append(next).await.unwrap().version, Version::new(6));
    }
}

pub async fn large_events_are_folded_a_page_at_a_time(log: SharedLog) {
    let data = format!("{{\"x\":\"{}\"}}", "x".repeat(512 * 1024));
    let mut large = commit("order-1", 5);
    for event in &mut large.events {
        event.data = JsonObject::parse(&data).unwrap();
    }
    for _ in 0..8 {
        let id = CommitId::new();
        log.append(Commit {
            id,
            ..large.clone()
        })
        .await
        .unwrap();
    }
    let mut at = Version::NONE;
    while at < Version::new(40) {
        let (seen, end) = folded(&*log, &large.stream, at, 1000).await;
        assert!(
            seen.len() < 32 && end.version == Version::new(40),
            "{}",
            seen.len()
        );
        at = seen.last().unwrap().0;
    }
}
