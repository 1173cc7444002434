//! What belongs to one event: found by looking away from it along the log.

use highwater::event::{Event, EventType, JsonObject, NewEvent, Position, StreamId};
use highwater::log::{Commit, CommitId, Expected};
use highwater::workspace::{Direction, Story, Workspace};

use crate::kit::{Place, append_many};

const BOTH: [Direction; 2] = [Direction::Older, Direction::Newer];

/// Appends an event of a correlation, caused by another one, and gives it back.
async fn told(workspace: &Workspace, name: &str, correlation: &str, cause: &str) -> Event {
    let mut event = NewEvent::new(EventType::new(name).unwrap(), JsonObject::empty());
    let metadata = format!("{{\"correlation_id\":\"{correlation}\",\"causation_id\":\"{cause}\"}}");
    event.metadata = JsonObject::parse(&metadata).unwrap();
    let commit = Commit {
        id: CommitId::new(),
        stream: StreamId::new(&format!("{name}-1")).unwrap(),
        expected: Expected::Any,
        events: vec![event],
    };
    let last = workspace.log().append(commit).await.unwrap().last;
    let before = Position::new(last.get() - 1);
    workspace.log().read_all(before, 1).await.unwrap().remove(0)
}

/// Looks on until nothing is left.
async fn whole(workspace: &Workspace, event: &Event, ways: &[Direction]) -> Story {
    let head = workspace.log().head().await.unwrap();
    let mut story = Story::of(event);
    while ways.iter().any(|way| story.has_more(*way, head)) {
        let before = story.looked();
        story = workspace.story_on(story, ways).await.unwrap();
        assert_ne!(story.looked(), before, "it goes on");
    }
    story
}

fn shape(story: &Story) -> Vec<(String, usize)> {
    let tree = story.tree().iter();
    tree.map(|caused| (caused.event.event_type.to_string(), caused.depth))
        .collect()
}

fn expected(shape: &[(&str, usize)]) -> Vec<(String, usize)> {
    let shape = shape.iter();
    shape
        .map(|(name, depth)| ((*name).to_owned(), *depth))
        .collect()
}

#[tokio::test]
async fn a_story_is_the_same_from_wherever_one_looks_and_however_far_it_is() {
    let place = Place::new(&[]);
    let workspace = place.open();
    append_many(&workspace, 3, 2_500).await;
    let placed = told(&workspace, "Placed", "one", "one").await;
    append_many(&workspace, 3, 2_500).await;
    let reserved = told(&workspace, "Reserved", "one", &placed.id).await;
    let other = told(&workspace, "Other", "another", "another").await;
    let shipped = told(&workspace, "Shipped", "one", &reserved.id).await;
    append_many(&workspace, 3, 2_500).await;
    let all = expected(&[("Placed", 0), ("Reserved", 1), ("Shipped", 2)]);
    for event in [&placed, &reserved, &shipped] {
        let story = whole(&workspace, event, &BOTH).await;
        assert_eq!(shape(&story), all);
        assert!(story.holds(placed.position) && !story.holds(other.position));
    }
    let back = whole(&workspace, &reserved, &BOTH[..1]).await;
    assert_eq!(shape(&back), expected(&[("Placed", 0), ("Reserved", 1)]));
}

#[tokio::test]
async fn what_an_event_caused_in_another_correlation_is_followed_there() {
    let place = Place::new(&[]);
    let workspace = place.open();
    let placed = told(&workspace, "Placed", "order", "order").await;
    let reserved = told(&workspace, "Reserved", "order", &placed.id).await;
    let paid = told(&workspace, "Paid", "payment", "payment").await;
    let taken = told(&workspace, "Taken", "order", &paid.id).await;
    told(&workspace, "Shipped", "order", &taken.id).await;
    let all = expected(&[
        ("Placed", 0),
        ("Reserved", 1),
        ("Paid", 0),
        ("Taken", 1),
        ("Shipped", 2),
    ]);
    assert_eq!(shape(&whole(&workspace, &paid, &BOTH).await), all);
    assert_eq!(shape(&whole(&workspace, &taken, &BOTH).await), all);
    let story = whole(&workspace, &reserved, &BOTH).await;
    assert_eq!(story.tree().len(), 4, "the payment is not this one's cause");
}

#[tokio::test]
async fn an_event_that_belongs_to_nothing_is_a_story_alone_and_a_large_one_ends() {
    let place = Place::new(&[]);
    let workspace = place.open();
    append_many(&workspace, 3, 1_500).await;
    let alone = workspace
        .log()
        .read_all(Position::new(700), 1)
        .await
        .unwrap();
    let story = whole(&workspace, &alone[0], &BOTH).await;
    assert_eq!((story.tree().len(), story.is_full()), (1, false));
    let first = told(&workspace, "Begun", "much", "much").await;
    for _ in 0..1_100 {
        told(&workspace, "Went", "much", &first.id).await;
    }
    let story = whole(&workspace, &first, &BOTH).await;
    assert!(story.is_full());
    assert_eq!(story.tree().len(), 1_000);
}
