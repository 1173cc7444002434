//! What the dashboard's screens look at, asked as they ask: pages of events, streams step by step, the rows of
//! one key everywhere, tables and definitions.

use highwater::event::{Event, Position, StreamId};
use highwater::workspace::{Direction, EventFilter, Workspace};

use crate::kit::{Place, append, append_many};

fn positions(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.position.get()).collect()
}

/// All that a filter takes, page after page, nearest to the beginning first.
async fn all(
    workspace: &Workspace,
    filter: &EventFilter,
    from: Position,
    direction: Direction,
    limit: usize,
) -> Vec<u64> {
    let (mut found, mut from) = (Vec::new(), from);
    loop {
        let page = workspace
            .events_page(filter, from, direction, limit)
            .await
            .unwrap();
        assert!(page.events.len() <= limit, "{}", page.events.len());
        found.extend(positions(&page.events));
        if page.ended {
            return found;
        }
        match direction {
            Direction::Older => assert!(page.looked_to < from, "{page:?}"),
            Direction::Newer => assert!(page.looked_to > from, "{page:?}"),
        }
        from = page.looked_to;
    }
}

/// Three streams, 3,000 events; every hundredth tells of a parcel.
async fn with_parcels() -> (Place, Workspace) {
    let place = Place::new(&[]);
    let workspace = place.open();
    for hundred in 0..10 {
        append_many(&workspace, 3, 99).await;
        let data = format!("{{\"carrier\":\"Post {hundred}\"}}");
        append(&workspace, "parcel-7", "ParcelSent", &data).await;
    }
    (place, workspace)
}

#[tokio::test]
async fn pages_of_events_leave_none_out_and_tell_none_twice_either_way() {
    let (_place, workspace) = with_parcels().await;
    let text = |text: &str| EventFilter {
        text: Some(text.to_owned()),
        ..EventFilter::default()
    };
    let filters = [
        EventFilter::default(),
        text("post"),
        text("POST 3"),
        text("no such text"),
        EventFilter {
            types: vec!["ParcelSent".to_owned()],
            ..EventFilter::default()
        },
        EventFilter {
            category: Some("parcel".to_owned()),
            ..EventFilter::default()
        },
        EventFilter {
            category: Some("parc".to_owned()),
            ..EventFilter::default()
        },
        EventFilter {
            stream_prefix: Some("parc".to_owned()),
            ..EventFilter::default()
        },
        EventFilter {
            stream: Some(StreamId::new("thing-1").unwrap()),
            ..EventFilter::default()
        },
        EventFilter {
            stream: Some(StreamId::new("nobody-1").unwrap()),
            ..EventFilter::default()
        },
        EventFilter {
            correlation: Some("none".to_owned()),
            ..EventFilter::default()
        },
    ];
    let log = workspace.log();
    let stored = log.read_all(Position::START, 2_000).await.unwrap();
    assert_eq!(stored.len(), 1_000);
    for filter in filters {
        let expected: Vec<Event> = stored.iter().filter(|e| filter.takes(e)).cloned().collect();
        let mut expected = positions(&expected);
        for limit in [1, 7, 250, 1_000] {
            let beginning = (Position::START, Direction::Newer);
            let found = all(&workspace, &filter, beginning.0, beginning.1, limit).await;
            assert_eq!(found, expected, "{filter:?}, {limit} a page");
            for end in [1_001, 5_000_000] {
                let end = Position::new(end);
                let mut found = all(&workspace, &filter, end, Direction::Older, limit).await;
                found.reverse();
                assert_eq!(found, expected, "{filter:?}, {limit} a page, back");
            }
        }
        let middle = Position::new(500);
        let older = all(&workspace, &filter, middle, Direction::Older, 10).await;
        let newer = all(&workspace, &filter, middle, Direction::Newer, 10).await;
        let mut around: Vec<u64> = older.into_iter().rev().chain(newer).collect();
        expected.retain(|position| *position != 500);
        assert_eq!(std::mem::take(&mut around), expected, "{filter:?}");
    }
    let kinds = EventFilter {
        text: Some("post".to_owned()),
        ..EventFilter::default()
    };
    assert_eq!(
        all(&workspace, &kinds, Position::START, Direction::Newer, 3)
            .await
            .len(),
        10
    );
}

#[tokio::test]
async fn a_page_looks_at_a_bounded_part_of_the_log_and_says_how_far() {
    let place = Place::new(&[]);
    let workspace = place.open();
    append(&workspace, "first-1", "First", "{}").await;
    let head = append_many(&workspace, 3, 30_000).await;
    let first = EventFilter {
        types: vec!["First".to_owned()],
        ..EventFilter::default()
    };
    let page = workspace
        .events_page(&first, head.next(), Direction::Older, 5)
        .await
        .unwrap();
    assert!(page.events.is_empty() && !page.ended, "{page:?}");
    assert!(page.looked_to >= Position::new(20_000), "{page:?}");
    assert_eq!(
        all(&workspace, &first, head.next(), Direction::Older, 5).await,
        [1]
    );
    // What comes meanwhile belongs to the next page.
    let newest = workspace
        .events_page(&first, head, Direction::Newer, 5)
        .await
        .unwrap();
    assert!(newest.ended && newest.looked_to == head);
    let next = append(&workspace, "first-2", "First", "{}").await.last;
    let newest = workspace
        .events_page(&first, head, Direction::Newer, 5)
        .await
        .unwrap();
    assert_eq!(positions(&newest.events), [next.get()]);
}

#[tokio::test]
async fn a_page_of_large_events_is_bounded_in_bytes_too() {
    let place = Place::new(&[]);
    let workspace = place.open();
    let data = format!("{{\"text\":\"{}\"}}", "x".repeat(1_000_000));
    for n in 0..40 {
        append(&workspace, &format!("large-{n}"), "Large", &data).await;
    }
    for (from, direction) in [(41, Direction::Older), (0, Direction::Newer)] {
        let (filter, from) = (EventFilter::default(), Position::new(from));
        let page = workspace
            .events_page(&filter, from, direction, 1_000)
            .await
            .unwrap();
        assert!(
            (10..=18).contains(&page.events.len()),
            "{}",
            page.events.len()
        );
        assert_eq!(
            all(&workspace, &filter, from, direction, 1_000).await.len(),
            40
        );
    }
}
