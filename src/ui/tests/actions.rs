//! Each action of the table does something through each of its keys, wherever it counts.

use std::sync::Arc;

use super::super::action::{Action, Context, contexts, within};
use super::super::journal::Message;
use super::super::state::projection::Pane;
use super::super::testing::{self, model_of, now};
use super::super::update::{Effect, Msg, update};
use super::{Model, answer_preview, number, press, type_in};
use crate::event::{EventType, Position, StreamId};
use crate::workspace::{ParkedCount, ParkedEvent};

/// Whether nothing is expected of an action: it leads to where one is.
fn is_idle(context: Context, action: Action) -> bool {
    matches!(action, Action::Go(screen) if screen.context() == context)
}

/// A model in which every action is to be had, and there is something to do for each.
fn base() -> Model {
    let mut model = model_of(testing::rebuilding(), 80, 24);
    model.faults = true;
    model.overview.selected = Some("orders".to_owned());
    model.history = ["pause orders", "load 5", "pause stock"]
        .map(str::to_owned)
        .into();
    let keys = ["ada", "grace"].map(str::to_owned).to_vec();
    model.known = Arc::new([("customer".to_owned(), keys)].into());
    model
}

/// The base after some keys.
fn after(keys: &[&str]) -> Model {
    let mut model = base();
    press(&mut model, keys);
    model
}

/// The same with a text in the field, and the cursor in the middle of it.
fn typed(keys: &[&str], text: &str) -> Model {
    let mut model = after(keys);
    type_in(&mut model, text);
    press(&mut model, &["left", "left"]);
    model
}

fn past() -> Model {
    let mut model = base();
    let number = number(&press(&mut model, &["T"]));
    let result = Ok(Arc::new(testing::moment()));
    update(&mut model, now(), Msg::Looked { number, result });
    press(&mut model, &["down"]);
    model
}

fn confirmed(key: &str) -> Model {
    let mut model = base();
    let effects = press(&mut model, &[key]);
    answer_preview(&mut model, &effects, None);
    model
}

/// A replay, its field filled in and confirmed by name, the cursor in the middle.
fn replay() -> Vec<Model> {
    let mut named = confirmed("Y");
    type_in(&mut named, "77");
    let effects = press(&mut named, &["left"]);
    answer_preview(&mut named, &effects, None);
    let mut done = confirmed("Y");
    press(&mut done, &["tab"]);
    type_in(&mut done, "orders");
    vec![named, done]
}

/// What is parked, the middle one chosen.
fn parked() -> Model {
    let mut model = after(&["e"]);
    let event = |position| ParkedEvent {
        position: Position::new(position),
        stream: StreamId::new("order-7").unwrap(),
        event_type: EventType::new("OrderPlaced").unwrap(),
        error: Some("no such column".to_owned()),
        tries: 2,
        since: now(),
    };
    let count = ParkedCount {
        events: 3,
        streams: 1,
    };
    let msg = Msg::Parked {
        projection: "orders".to_owned(),
        parked: Ok((count, vec![event(3), event(5), event(9)])),
    };
    update(&mut model, now(), msg);
    press(&mut model, &["down"]);
    model
}

/// Messages, those in the middle in view.
fn log() -> Model {
    let message = |number| {
        Arc::new(Message {
            number,
            at: now(),
            level: tracing::Level::INFO,
            target: "highwater".to_owned(),
            text: "a message".to_owned(),
        })
    };
    let mut model = after(&["7"]);
    update(
        &mut model,
        now(),
        Msg::Logged((1..100).map(message).collect()),
    );
    press(&mut model, &["pagedown", "down"]);
    model
}

fn repair() -> Model {
    let mut model = typed(&[":"], "repair orders 1007");
    press(&mut model, &["enter"]);
    let msg = Msg::Mending {
        projection: "orders".into(),
        key: "1007".into(),
        result: Ok(testing::mending(false)),
    };
    update(&mut model, now(), msg);
    update(
        &mut model,
        now(),
        Msg::Resize(ratatui::layout::Size::new(60, 9)),
    );
    model
}

/// The list of queries, where there are several, with a filter.
fn queries() -> Model {
    let mut snapshot = testing::rebuilding();
    for view in &mut snapshot.projections {
        let mut more = view.queries.clone();
        more[0].name = "GetOrdersOf".to_owned();
        view.queries.extend(more);
    }
    let mut model = base();
    model.snapshot = Arc::new(snapshot);
    press(&mut model, &["A"]);
    type_in(&mut model, "get");
    press(&mut model, &["left"]);
    model
}

/// The Projection screen with the keys in each of its panes, and something to scroll in each.
fn panes() -> Vec<Model> {
    let answered = |model: &mut Model, keys: &[&str]| {
        let mut waiting = press(model, keys);
        while let Some(effect) = waiting.pop() {
            if let Effect::Projection(asked) = effect {
                waiting.extend(update(model, now(), super::projection::answer(&asked, 0)));
            }
        }
    };
    let mut model = base();
    model.size = ratatui::layout::Size::new(60, 14);
    testing::lived(&mut model);
    answered(&mut model, &["3"]);
    let mut all = Vec::new();
    for _ in Pane::ALL {
        let mut down = model.clone();
        answered(&mut down, &["down", "down"]);
        all.extend([model.clone(), down]);
        answered(&mut model, &["tab"]);
    }
    all
}

/// The Events screen: at the head, and above it in each of its panes.
fn events() -> Vec<Model> {
    let mut model = base();
    super::events::pressed(&mut model, &["2"]);
    let mut all = vec![model.clone()];
    super::events::pressed(&mut model, &["k", "k", "k"]);
    for _ in 0..3 {
        let mut down = model.clone();
        super::events::pressed(&mut down, &["down"]);
        let mut folded = down.clone();
        super::events::pressed(&mut folded, &["home", "left"]);
        all.extend([model.clone(), down, folded]);
        super::events::pressed(&mut model, &["tab"]);
    }
    all
}

/// The Stream screen: the list to choose from, and a stream in each of its panes.
fn streams() -> Vec<Model> {
    let mut model = base();
    press(&mut model, &["4", "j"]);
    let mut sorted = model.clone();
    press(&mut sorted, &[">"]);
    let mut all = vec![model.clone(), sorted];
    super::stream::opened(&mut model);
    press(&mut model, &["k"]);
    for _ in 0..3 {
        let mut down = model.clone();
        press(&mut down, &["down"]);
        all.extend([model.clone(), down]);
        press(&mut model, &["tab"]);
    }
    all
}

/// Models in which a key of a context may have something to do.
fn prepared(context: Context) -> Vec<Model> {
    let mut spoken = base();
    spoken.say(super::super::state::Tone::Info, "something");
    let mut why = after(&["w"]);
    why.size = ratatui::layout::Size::new(50, 9);
    match context {
        Context::Overview => {
            let mut chart = base();
            testing::lived(&mut chart);
            press(&mut chart, &["tab", "tab"]);
            let mut back = chart.clone();
            press(&mut back, &["left"]);
            vec![spoken, after(&[">"]), chart, back]
        }
        Context::Events => events(),
        Context::Projection => panes(),
        Context::Stream => streams(),
        Context::Time => vec![past()],
        Context::Rebuilds => vec![after(&["6", ">", "down", "down"])],
        Context::Log => vec![log()],
        Context::Filter => vec![typed(&["/"], "order")],
        Context::Help => vec![after(&["?", "down", "down"])],
        Context::Commands => vec![typed(&["c"], "order")],
        Context::Form => {
            let mut form = typed(&["c", "down", "enter", "tab"], "graceful");
            let mut empty = after(&["c", "down", "enter", "tab"]);
            form.asks_known = true;
            empty.asks_known = true;
            vec![form, empty]
        }
        Context::Queries => vec![queries()],
        Context::Query => vec![typed(&["A"], "1042")],
        Context::Policy => vec![
            typed(&["P", "ctrl-u"], "batch"),
            typed(&["P", "ctrl-u"], "manual"),
            after(&["P", "ctrl-u", "b"]),
        ],
        Context::Confirm => vec![confirmed("R")],
        Context::Replay => replay(),
        Context::Page => {
            let mut down = why.clone();
            press(&mut down, &["down", "down"]);
            vec![why, down, parked()]
        }
        Context::Repair => {
            let mut down = repair();
            press(&mut down, &["down"]);
            vec![repair(), down]
        }
        Context::Line => {
            let mut back = after(&[":"]);
            type_in(&mut back, "pa");
            press(&mut back, &["up"]);
            vec![typed(&[":"], "paus"), after(&[":", "p", "a"]), back]
        }
    }
}

#[test]
fn every_key_of_every_action_does_something_wherever_it_counts() {
    let mut idle = Vec::new();
    for context in contexts() {
        let models = prepared(*context);
        for model in &models {
            assert_eq!(model.context(), *context, "the prepared model");
        }
        for entry in within(*context) {
            for key in entry.keys {
                let does = models.iter().any(|model| {
                    let mut pressed = model.clone();
                    let effects = press(&mut pressed, &[key]);
                    !effects.is_empty() || format!("{pressed:?}") != format!("{model:?}")
                });
                if !does && !is_idle(*context, entry.action) {
                    idle.push(format!("{context:?} {:?} {key}", entry.action));
                }
            }
        }
    }
    assert!(idle.is_empty(), "{idle:#?}");
}
