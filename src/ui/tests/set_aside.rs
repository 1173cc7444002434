//! Who has an event, where one read model has parked it and somebody has skipped another: told on every screen.

use super::super::ask::stream::Answer;
use super::super::testing::{answer_stream, events::settle, key_rows, normal};
use super::super::update::stream;
use super::*;
use crate::workspace::{OfStream, ParkedCount, ParkedSum, PassedBy, Without};

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (60, 16)];

/// `orders` has parked the head and the events of order-1042, and for it somebody skipped the one before the head.
fn snapshot() -> Snapshot {
    let mut snapshot = normal();
    let parked = [HEAD, HEAD - 300, HEAD - 90].map(|at| (Position::new(at), Without::Parked));
    let mut events = parked.to_vec();
    events.push((Position::new(HEAD - 1), Without::Skipped));
    let orders = snapshot
        .projections
        .iter_mut()
        .find(|view| view.name == "orders");
    let orders = orders.unwrap();
    (orders.parked, orders.parked_streams) = (3, 2);
    orders.passed_by = Arc::new(PassedBy::new(events));
    snapshot
}

fn order() -> StreamId {
    StreamId::new("order-1042").unwrap()
}

/// The Stream screen: `orders` has parked the order's first event, and the one that it takes after it.
fn opened(model: &mut Model) {
    let mut effects = stream::open(model, order());
    while let Some(effect) = effects.pop() {
        if let Effect::Stream(asked) = effect {
            let msg = Msg::Stream(answer_stream(&asked, 0));
            effects.extend(update(model, now(), msg));
        }
    }
    let number = model.stream.shown.as_ref().unwrap().number;
    let mut rows = key_rows(&order(), true);
    let orders = rows.models.iter_mut().find(|model| model.name == "orders");
    let coming = &mut orders.unwrap().coming;
    (coming.lacks, coming.next) = (2, None);
    coming.tables[0].rows.clear();
    coming.unknown = Some("events of order-1042 are parked".to_owned());
    let (events, streams) = (2, 1);
    coming.passed_by = OfStream {
        parked: ParkedSum {
            count: ParkedCount { events, streams },
            first: Some((
                Position::new(HEAD - 300),
                "no such \u{1b}[2Jcustomer".to_owned(),
            )),
        },
        ..OfStream::default()
    };
    let result = Ok(Arc::new(rows));
    update(model, now(), Msg::Stream(Answer::Rows { number, result }));
}

fn ripple(model: &mut Model) {
    let outcome = Outcome::Accepted {
        position: Some(Position::new(HEAD)),
        stream: order(),
        version: Version::new(1),
        repeated: false,
    };
    let command = "PlaceOrder".to_owned();
    let outcome = Ok(outcome);
    update(model, now(), Msg::Sent { command, outcome });
}

fn each(name: &str, open: impl Fn(&mut Model)) {
    for (width, height) in SIZES {
        let mut model = model_of(snapshot(), width, height);
        open(&mut model);
        let name = format!("set_aside_{name}_{width}x{height}");
        check(&name, &model, &Theme::colour());
    }
    let mut model = model_of(snapshot(), 120, 36);
    open(&mut model);
    let name = format!("set_aside_{name}_ascii");
    check(&name, &model, &Theme::colour().ascii());
}

#[test]
fn the_overview_and_the_ripple_tell_who_has_parked_an_event() {
    each("overview", ripple);
    let mut model = model_of(snapshot(), 120, 36);
    ripple(&mut model);
    let drawn = on_screen(&model);
    let newest = drawn
        .lines()
        .find(|line| line.contains("order-1072"))
        .unwrap();
    assert!(newest.contains('⊘'), "{newest}");
    assert!(drawn.contains("⊘ parked in orders: it does not come by itself, `:parked orders`"));
    let visible = drawn
        .lines()
        .find(|line| line.contains("visible in"))
        .unwrap();
    assert!(
        !visible.contains(" orders,") && !visible.contains(" orders within"),
        "{visible}"
    );
    assert!(drawn.contains("⊘ parked  × skipped"), "{drawn}");
    let before = normal();
    let model = model_of(before, 120, 36);
    assert!(
        !on_screen(&model).contains('⊘'),
        "no legend of what there is none of"
    );
}

#[test]
fn the_events_screen_tells_who_has_parked_the_chosen_event_and_where_the_way_out_is() {
    each("events", |model| {
        let effects = press(model, &["2"]);
        settle(model, effects);
    });
    let mut model = model_of(snapshot(), 120, 36);
    let effects = press(&mut model, &["2"]);
    settle(&mut model, effects);
    assert!(on_screen(&model).contains("⊘ parked in orders: `:parked orders`"));
    let effects = press(&mut model, &["k"]);
    settle(&mut model, effects);
    assert!(on_screen(&model).contains("× skipped in orders"));
    let effects = press(&mut model, &["k"]);
    settle(&mut model, effects);
    assert!(on_screen(&model).contains("⊘ parked  × skipped  "));
}

#[test]
fn a_stream_beside_a_read_model_that_has_parked_it_tells_what_is_lacking_and_what_to_do() {
    each("stream", opened);
    each("streams", |model| {
        press(model, &["4"]);
    });
    let mut model = model_of(snapshot(), 120, 36);
    opened(&mut model);
    let drawn = on_screen(&model);
    assert!(!drawn.contains("has all"), "{drawn}");
    assert!(
        drawn.contains("OrderPlaced at 128,103 is parked, and 1 more behind"),
        "{drawn}"
    );
    assert!(drawn.contains("⊘ parked in 1"), "{drawn}");
    assert!(drawn.contains("does not come by itself"), "{drawn}");
}

#[test]
fn the_rows_of_a_key_are_read_again_once_something_of_it_may_have_been_tried_again() {
    let mut model = model_of(snapshot(), 120, 36);
    opened(&mut model);
    let same = update(&mut model, now(), Msg::Snapshot(snapshot().into()));
    assert_eq!(same, [], "nothing of it is another");
    let mut retried = snapshot();
    let orders = retried
        .projections
        .iter_mut()
        .find(|view| view.name == "orders");
    orders.unwrap().passed_by = Arc::default();
    let effects = update(&mut model, now(), Msg::Snapshot(retried.into()));
    assert!(matches!(&effects[..], [Effect::Stream(_)]), "{effects:?}");
}

#[test]
fn the_time_screen_says_that_a_parked_event_was_not_applied() {
    let mut model = model_of(snapshot(), 120, 36);
    let mut moment = testing::moment();
    moment.position = Position::new(HEAD);
    let changed = moment.changed.as_mut().unwrap();
    let found = changed.rows.as_mut().unwrap();
    (found.total, found.differences) = (0, Vec::new());
    changed.without = Some(Without::Parked);
    moment.state = None;
    show(&mut model, moment);
    let drawn = on_screen(&model);
    assert!(
        drawn.contains("It is parked: it was not applied"),
        "{drawn}"
    );
}

#[test]
fn the_time_screen_looks_again_once_something_else_has_become_of_what_is_parked() {
    let mut model = model_of(snapshot(), 120, 36);
    show(&mut model, testing::moment());
    let shown = model.time.as_ref().unwrap().projection.clone();
    let view = model.projection(&shown).unwrap();
    let (beside, passed) = (view.checkpoint, Arc::clone(&view.passed_by));
    let pane = model.time.as_mut().unwrap();
    (pane.beside, pane.passed) = (beside, passed);
    let looks = |effects: &[Effect]| {
        let is_look = |effect: &&Effect| matches!(effect, Effect::Look { .. });
        effects.iter().filter(is_look).count()
    };
    let same = update(&mut model, now(), Msg::Snapshot(snapshot().into()));
    assert_eq!(looks(&same), 0, "{same:?}");
    let mut retried = snapshot();
    let view = retried.projections.iter_mut().find(|v| v.name == shown);
    let other = PassedBy::new(vec![(Position::new(HEAD - 100), Without::Parked)]);
    view.unwrap().passed_by = Arc::new(other);
    let effects = update(&mut model, now(), Msg::Snapshot(retried.into()));
    assert_eq!(looks(&effects), 1, "{effects:?}");
}
