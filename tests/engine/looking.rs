//! What the dashboard's screens look at, asked as they ask: pages of events, streams step by step, definitions,
//! and how long events took to be visible.

use highwater::event::{Event, Position, StreamId, Version};
use highwater::workspace::{
    Consistency, Direction, EventFilter, FOLDED_BEFORE, Snapshot, Workspace,
};

#[cfg(unix)]
use crate::child::Other;
use crate::kit::{COUNTS, Place, append, append_many, rows, until, view};

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

#[tokio::test]
async fn a_stream_is_shown_from_any_version_on_with_the_state_after_each_event() {
    let place = Place::new(&[]);
    let workspace = place.open();
    let ada = StreamId::new("customer-ada").unwrap();
    let data = "{\"name\":\"Ada\",\"email\":\"ada@example.org\",\"address\":\"house 0\"}";
    append(&workspace, "customer-ada", "CustomerRegistered", data).await;
    for house in 1..2_000 {
        let data = format!("{{\"address\":\"house {house}\"}}");
        append(&workspace, "customer-ada", "CustomerAddressUpdated", &data).await;
    }
    let whole = workspace
        .stream_steps(&ada, Version::NONE, 1)
        .await
        .unwrap();
    assert_eq!(
        (whole.version.get(), whole.steps.len(), &whole.unfolded),
        (2_000, 1, &None)
    );
    for (from, limit) in [(1, 3), (2, 1_000), (1_500, 600), (2_000, 10), (2_001, 10)] {
        let page = workspace
            .stream_steps(&ada, Version::new(from), limit)
            .await
            .unwrap();
        let expected: Vec<u64> = (from..=2_000).take(limit).collect();
        let found: Vec<u64> = page
            .steps
            .iter()
            .map(|step| step.event.version.get())
            .collect();
        assert_eq!(found, expected);
        for step in &page.steps {
            let after = step.after.as_ref().unwrap();
            let version = step.event.version.get();
            assert_eq!(after.state["address"], format!("house {}", version - 1));
            if version > 1 {
                assert_eq!(after.changes.len(), 1, "{:?}", after.changes);
                assert_eq!(after.changes[0].field, "address");
                assert_eq!(after.changes[0].before, format!("house {}", version - 2));
            }
        }
    }
    append(&workspace, "customer-ada", "Unheard", "{}").await;
    let data = "{\"address\":\"nowhere\"}";
    append(&workspace, "customer-ada", "CustomerAddressUpdated", data).await;
    let page = workspace
        .stream_steps(&ada, Version::new(2_000), 9)
        .await
        .unwrap();
    let folded: Vec<bool> = page.steps.iter().map(|step| step.after.is_some()).collect();
    assert_eq!(folded, [true, false, false]);
    assert!(page.unfolded.unwrap().contains("Unheard"));
    let late = workspace
        .stream_steps(&ada, Version::new(2_002), 9)
        .await
        .unwrap();
    assert!(late.steps[0].after.is_none() && late.unfolded.unwrap().contains("Unheard"));
    let far = Version::new(FOLDED_BEFORE + 2);
    let far = workspace.stream_steps(&ada, far, 9).await.unwrap();
    assert!(far.steps.is_empty() && far.unfolded.unwrap().contains("highwater stream"));
    let thing = StreamId::new("thing-1").unwrap();
    let none = workspace
        .stream_steps(&thing, Version::NONE, 9)
        .await
        .unwrap();
    assert_eq!((none.version, none.steps.len()), (Version::NONE, 0));
    assert!(none.unfolded.unwrap().contains("category thing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_shown_is_what_the_version_that_answers_was_built_from() {
    let place = Place::new(&[("counts", COUNTS)]);
    let workspace = place.open();
    let planned = workspace.definition_text("counts").unwrap();
    assert_eq!((planned.version, planned.text.as_str()), (None, COUNTS));
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    rows(&workspace, "counts", "All", Consistency::Strong).await;
    engine.stop().await;
    place.write("counts", &COUNTS.replace("on *", "on Other"));
    let workspace = place.open();
    let built = workspace.definition_text("counts").unwrap();
    assert_eq!((built.text.as_str(), built.is_current), (COUNTS, false));
    assert!(built.version.unwrap().ends_with("-1"));
    let unknown = workspace.definition_text("nobody").unwrap_err().to_string();
    assert!(unknown.contains("there are counts"), "{unknown}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn how_long_events_took_to_be_visible_is_told_by_another_process_too() {
    let place = Place::new(&[("counts", COUNTS)]);
    let mut other = Other::start(place.folder().path());
    other.ready();
    let workspace = place.open();
    let operator = workspace.operator().await.unwrap();
    append_many(&workspace, 2, 40).await;
    let told = |s: &Snapshot| {
        view(s, "counts")
            .visible_after
            .iter()
            .map(|b| b.events)
            .sum::<u64>()
    };
    // The engine may have recorded its own events too.
    let snapshot = until(&operator, |s| told(s) >= 40).await;
    let view = view(&snapshot, "counts");
    assert!(view.visible_after.len() <= 28, "{:?}", view.visible_after);
    assert!(view.visible_after.is_sorted_by_key(|bucket| bucket.up_to));
    let figures = view.visibility.unwrap();
    let slowest = view.visible_after.last().unwrap().up_to;
    assert!(
        slowest >= figures.max && figures.p50 <= figures.p99,
        "{figures:?}, {slowest:?}"
    );
}
