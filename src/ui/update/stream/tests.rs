//! What keys and clicks do on the Stream screen, and what it asks for.

use super::super::super::testing::{HEAD, answer_stream, key_rows, model, now, steps};
use super::super::super::tests::{press, type_in};
use super::super::{Msg, update};
use super::*;
use crate::event::Position;
use crate::workspace::{Policy, Snapshot};

fn order() -> StreamId {
    StreamId::new("order-1042").unwrap()
}

/// The Stream screen with an order of which a replica lacks two events.
fn shown() -> Model {
    let mut model = model();
    let effects = open(&mut model, order());
    let left = answers(&mut model, effects);
    assert_eq!(left, []);
    model
}

/// Answers what was asked; says what is asked next.
fn answers(model: &mut Model, effects: Vec<Effect>) -> Vec<Effect> {
    let mut next = Vec::new();
    for effect in effects {
        if let Effect::Stream(asked) = effect {
            next.extend(update(model, now(), Msg::Stream(answer_stream(&asked, 0))));
        }
    }
    next
}

fn see(model: &mut Model, change: impl FnOnce(&mut Snapshot)) -> Vec<Effect> {
    let mut snapshot = (*model.snapshot).clone();
    change(&mut snapshot);
    update(model, now(), Msg::Snapshot(snapshot.into()))
}

fn asks(effects: &[Effect]) -> (usize, usize) {
    let count = |is: fn(&Ask) -> bool| {
        let asked = effects.iter().filter(|effect| match effect {
            Effect::Stream(ask) => is(ask),
            _ => false,
        });
        asked.count()
    };
    let steps = count(|ask| matches!(ask, Ask::Steps { .. }));
    (steps, count(|ask| matches!(ask, Ask::Rows { .. })))
}

fn version(model: &Model) -> u64 {
    model.stream.shown.as_ref().unwrap().version().get()
}

#[test]
fn nothing_is_asked_again_while_nothing_of_what_is_shown_has_moved() {
    let mut model = shown();
    assert_eq!(see(&mut model, |_| {}), []);
    // Others move, and the replica moves too, but not as far as the first event that it lacks.
    let moved = see(&mut model, |snapshot| {
        snapshot.projections[0].checkpoint = Position::new(HEAD);
        snapshot.projections[3].checkpoint = Position::new(HEAD - 91);
    });
    assert_eq!(moved, []);
    let reached = see(&mut model, |snapshot| {
        snapshot.projections[3].checkpoint = Position::new(HEAD - 90);
    });
    assert_eq!(asks(&reached), (0, 1));
}

#[test]
fn a_new_event_of_the_stream_is_read_and_one_of_another_is_not() {
    let mut model = shown();
    let grown = |snapshot: &mut Snapshot, stream: &str| {
        let mut event = snapshot.recent.last().unwrap().clone();
        event.position = snapshot.head.next();
        event.stream = StreamId::new(stream).unwrap();
        snapshot.head = event.position;
        let mut recent = snapshot.recent.to_vec();
        recent.push(event);
        snapshot.recent = recent.into();
    };
    let other = see(&mut model, |snapshot| grown(snapshot, "order-7"));
    assert_eq!(asks(&other), (0, 0));
    let own = see(&mut model, |snapshot| grown(snapshot, "order-1042"));
    assert_eq!(asks(&own), (1, 0));
    // More at once than anybody was told of.
    answers(&mut model, own);
    let gap = see(&mut model, |snapshot| {
        snapshot.head = snapshot.head.plus(5_000);
        snapshot.recent = Vec::new().into();
    });
    assert_eq!(asks(&gap), (1, 0));
}

#[test]
fn what_is_under_way_is_asked_once_more_and_never_twice_at_once() {
    let mut model = model();
    let first = open(&mut model, order());
    assert_eq!(asks(&first), (1, 1));
    let again = opened(&mut model);
    assert_eq!(asks(&again), (0, 0));
    let next = answers(&mut model, first);
    assert_eq!(asks(&next), (1, 1));
    assert_eq!(answers(&mut model, next), []);
}

#[test]
fn rows_that_were_read_while_something_moved_are_read_again() {
    let mut model = shown();
    // The replica went on between the reading of its rows and the answer, and no picture comes any more.
    let reached = see(&mut model, |snapshot| {
        snapshot.projections[3].checkpoint = Position::new(HEAD - 90);
    });
    let number = model.stream.shown.as_ref().unwrap().number;
    let mut older = key_rows(&order(), true);
    older.models[1].coming.position = Position::new(HEAD - 95);
    let answer = || Answer::Rows {
        number,
        result: Ok(Arc::new(older.clone())),
    };
    assert_eq!(asks(&reached), (0, 1));
    let again = update(&mut model, now(), Msg::Stream(answer()));
    assert_eq!(asks(&again), (0, 1), "the answer is of an older position");
    let again = update(&mut model, now(), Msg::Stream(answer()));
    assert_eq!(asks(&again), (0, 0), "nobody asks on and on");
    // A step that was stored after the rows were asked for.
    let mut model = shown();
    let number = model.stream.shown.as_ref().unwrap().number;
    let mut found = steps(&order(), 1);
    found.steps[3].event.position = Position::new(HEAD + 1);
    let result = Ok(Arc::new(found));
    let answer = Answer::Steps { number, result };
    let asked = update(&mut model, now(), Msg::Stream(answer));
    assert_eq!(asks(&asked), (0, 1));
}

#[test]
fn an_answer_for_another_stream_is_dropped() {
    let mut model = shown();
    let outdated = model.stream.shown.as_ref().unwrap().number;
    open(&mut model, StreamId::new("order-7").unwrap());
    let result = Ok(Arc::new(steps(&order(), 1)));
    let answer = Answer::Steps {
        number: outdated,
        result,
    };
    assert_eq!(update(&mut model, now(), Msg::Stream(answer)), []);
    assert!(model.stream.shown.as_ref().unwrap().steps.is.is_none());
}

#[test]
fn keys_step_through_versions_and_the_newest_is_followed() {
    let mut model = shown();
    assert_eq!(version(&model), 4);
    press(&mut model, &["left", "h"]);
    assert_eq!(version(&model), 2);
    press(&mut model, &["home", "left"]);
    assert_eq!(version(&model), 1);
    press(&mut model, &["j", "l", "right"]);
    assert_eq!(version(&model), 4);
    assert_eq!(model.stream.shown.as_ref().unwrap().at, None);
    press(&mut model, &["pageup", "pagedown", "g", "G", "k", "enter"]);
    assert_eq!(version(&model), 3);
    let shown = model.stream.shown.as_ref().unwrap();
    assert_eq!(shown.panes.focus, STATE);
}

#[test]
fn each_pane_has_keys_of_its_own_and_z_gives_it_the_screen() {
    let mut model = shown();
    press(&mut model, &["tab", "down", "down"]);
    let rows = model.stream.shown.as_ref().unwrap().json.len();
    assert_eq!(model.stream.shown.as_ref().unwrap().json.chosen(), 2);
    press(&mut model, &["up", "up", "enter"]);
    assert!(model.stream.shown.as_ref().unwrap().json.len() < rows);
    press(
        &mut model,
        &["tab", "z", "down", "end", "backtab", "backtab"],
    );
    let shown = model.stream.shown.as_ref().unwrap();
    assert_eq!((shown.panes.focus, shown.panes.zoomed), (STEPS, true));
    assert_eq!(shown.scroll, 0, "all of it fits");
    assert_eq!(version(&model), 4);
}

#[test]
fn y_copies_the_state_that_is_looked_at() {
    let mut model = shown();
    let effects = press(&mut model, &["k", "k", "y"]);
    let [Effect::Copy(text)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    let state: Value = serde_json::from_str(text).unwrap();
    assert_eq!(state["status"], "paid");
}

#[test]
fn the_steps_and_the_list_are_exported_as_they_are_in_view() {
    let save = |model: &mut Model| {
        let effects = press(model, &["E"]);
        let text = effects.into_iter().find_map(|effect| match effect {
            Effect::Save { text, .. } => Some(text),
            _ => None,
        });
        text.unwrap()
    };
    let mut model = shown();
    let steps = save(&mut model);
    assert_eq!(steps.lines().count(), 5, "{steps}");
    assert!(steps.starts_with("version,position,type,recorded_at,data,changes,state"));
    model.stream.shown = None;
    let list = save(&mut model);
    assert!(list.starts_with("stream,version,type,position,lacking,read_models"));
    assert_eq!(list.lines().count(), listed(&model).len() + 1);
}

#[test]
fn esc_goes_back_to_the_list_that_the_stream_was_chosen_from() {
    let mut model = model();
    press(&mut model, &["4", "j", "j", "k"]);
    let second = listed(&model)[1].clone();
    let effects = press(&mut model, &["enter"]);
    assert_eq!(asks(&effects), (1, 1));
    assert_eq!(model.stream.shown.as_ref().unwrap().stream, second);
    press(&mut model, &["esc"]);
    assert!(model.stream.shown.is_none());
    assert_eq!(model.screen, Screen::Stream);
    press(&mut model, &["esc"]);
    assert_eq!(model.screen, Screen::Overview);
    // One that was opened from elsewhere goes back there.
    let mut model = shown();
    press(&mut model, &["esc"]);
    assert_eq!(model.screen, Screen::Overview);
}

#[test]
fn a_name_is_typed_with_completion_and_a_wrong_one_stays_with_its_error() {
    let mut model = model();
    press(&mut model, &["4", "f"]);
    type_in(&mut model, "order-10");
    press(&mut model, &["tab", "enter"]);
    let stream = &model.stream.shown.as_ref().unwrap().stream;
    assert!(stream.as_str().starts_with("order-10"), "{stream}");
    press(&mut model, &["f"]);
    type_in(&mut model, &"x".repeat(300));
    press(&mut model, &["enter"]);
    assert!(matches!(model.layers.last(), Some(Layer::Line(line)) if line.error.is_some()));
}

#[test]
fn the_list_is_narrowed_and_keeps_its_choice() {
    let mut model = model();
    press(&mut model, &["4", "/"]);
    type_in(&mut model, "cust");
    press(&mut model, &["enter"]);
    let streams = listed(&model);
    assert!(!streams.is_empty());
    assert!(streams.iter().all(|stream| stream.category() == "customer"));
    press(&mut model, &[">", "I"]);
    let mut sorted = listed(&model);
    assert!(sorted.is_sorted_by(|a, b| a.as_str() >= b.as_str()));
    press(&mut model, &["<"]);
    sorted = listed(&model);
    assert_eq!(sorted, streams);
    press(&mut model, &["G"]);
    let last = streams.last().map(ToString::to_string);
    assert_eq!(model.stream.list.chosen, last);
}

#[test]
fn a_asks_those_that_wait_for_somebody_to_ask() {
    let mut model = shown();
    see(&mut model, |snapshot| {
        snapshot.projections[3].policy = Policy::Manual;
        snapshot.projections[3].event_types = vec!["NoteAdded".to_owned()];
    });
    let effects = press(&mut model, &["a"]);
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Operate {
            projection,
            operation,
        } => Some((projection.as_str(), operation)),
        _ => None,
    });
    assert_eq!(
        asked.collect::<Vec<_>>(),
        [("orders@ap", &Operation::Apply)]
    );
}

#[test]
fn what_has_caught_up_is_told_until_the_rows_are_read_again() {
    let mut model = shown();
    let number = model.stream.shown.as_ref().unwrap().number;
    let fresh = || {
        Msg::Stream(Answer::Rows {
            number,
            result: Ok(Arc::new(key_rows(&order(), false))),
        })
    };
    update(&mut model, now(), fresh());
    assert_eq!(
        model.stream.shown.as_ref().unwrap().caught_up,
        ["orders@ap"]
    );
    update(&mut model, now(), fresh());
    assert!(model.stream.shown.as_ref().unwrap().caught_up.is_empty());
}

#[test]
fn a_long_stream_is_read_a_page_at_a_time_around_what_is_looked_at() {
    let mut model = model();
    open(&mut model, order());
    let shown = model.stream.shown.as_mut().unwrap();
    let mut found = steps(&order(), 1);
    found.version = Version::new(9_000);
    shown.steps.is = Some(Arc::new(found));
    shown.steps.is_asked = false;
    assert_eq!(shown.from(), Version::new(8_900));
    let effects = press(&mut model, &["k"]);
    let from = effects.iter().find_map(|effect| match effect {
        Effect::Stream(Ask::Steps { from, .. }) => Some(from.get()),
        _ => None,
    });
    assert_eq!(from, Some(8_899));
}
