//! The Stream screen: an order, placed, paid and shipped, beside three read models of which one is late.

use super::super::testing::{answer_stream, empty, key_rows, normal, steps};
use super::super::update::stream;
use super::*;

const SIZES: [(u16, u16); 5] = [(120, 36), (80, 24), (60, 16), (40, 8), (20, 5)];

fn order() -> StreamId {
    StreamId::new("order-1042").unwrap()
}

/// Answers what was asked, for good.
fn answer(model: &mut Model, mut effects: Vec<Effect>) {
    while let Some(effect) = effects.pop() {
        if let Effect::Stream(asked) = effect {
            let msg = Msg::Stream(answer_stream(&asked, 0));
            effects.extend(update(model, now(), msg));
        }
    }
}

fn each(name: &str, snapshot: &Snapshot, open: impl Fn(&mut Model)) {
    for (width, height) in SIZES {
        let mut model = model_of(snapshot.clone(), width, height);
        open(&mut model);
        let name = format!("stream_{name}_{width}x{height}");
        check(&name, &model, &Theme::colour());
    }
}

pub(super) fn opened(model: &mut Model) {
    let effects = stream::open(model, order());
    answer(model, effects);
}

#[test]
fn the_streams_to_choose_from() {
    each("list", &normal(), |model| {
        press(model, &["4", "j"]);
    });
    each("list_empty", &empty(), |model| {
        press(model, &["4"]);
    });
}

#[test]
fn an_order_beside_its_read_models() {
    each("stale", &normal(), opened);
    each("state", &normal(), |model| {
        opened(model);
        press(model, &["tab", "j"]);
    });
    each("older", &normal(), |model| {
        opened(model);
        press(model, &["k", "k"]);
    });
    each("zoomed", &normal(), |model| {
        opened(model);
        press(model, &["tab", "tab", "z"]);
    });
    each("reading", &normal(), |model| {
        stream::open(model, order());
    });
    each("not_there", &normal(), |model| {
        let effects = stream::open(model, order());
        for effect in effects {
            if let Effect::Stream(super::super::ask::stream::Ask::Steps { number, .. }) = effect {
                let mut nothing = steps(&order(), 9);
                nothing.version = Version::NONE;
                let result = Ok(Arc::new(nothing));
                let answer = super::super::ask::stream::Answer::Steps { number, result };
                update(model, now(), Msg::Stream(answer));
            }
        }
    });
}

#[test]
fn a_replica_that_has_caught_up_says_so_and_its_marks_are_gone() {
    each("caught_up", &normal(), |model| {
        opened(model);
        let number = model.stream.shown.as_ref().unwrap().number;
        let result = Ok(Arc::new(key_rows(&order(), false)));
        let answer = super::super::ask::stream::Answer::Rows { number, result };
        update(model, now(), Msg::Stream(answer));
    });
}

#[test]
fn an_order_without_colour_and_in_ascii() {
    let mut model = model_of(normal(), 120, 36);
    opened(&mut model);
    check("stream_no_colour", &model, &Theme::monochrome());
    check("stream_ascii", &model, &Theme::colour().ascii());
}

#[test]
fn what_each_dot_is_of_is_said_at_every_width_and_a_click_finds_the_step_below() {
    for (width, height) in [(120, 36), (80, 24)] {
        let mut model = model_of(normal(), width, height);
        opened(&mut model);
        let drawn = on_screen(&model);
        let names = drawn
            .lines()
            .find(|line| line.contains("orders, @ap, revenue"));
        assert!(names.is_some(), "{drawn}");
        let (y, line) = (0..)
            .zip(drawn.lines())
            .find(|(_, line)| line.contains("PaymentProcessed"))
            .unwrap();
        assert!(line.contains("128,203"), "{line}");
        let at = super::super::view::stream_at(&model, 4, y);
        let second = super::super::view::StreamAt::Step(Version::new(2));
        assert_eq!(at, Some(second), "{drawn}");
    }
}
