//! The Events screen at the sizes that matter.

use ratatui::layout::Size;

use super::{check, on_screen, press, type_in};
use crate::event::Position;
use crate::ui::state::Model;
use crate::ui::testing::events::settle;
use crate::ui::testing::{HEAD, empty, model_of, normal};
use crate::ui::theme::Theme;
use crate::ui::update::{Msg, update};

pub(super) fn pressed(model: &mut Model, keys: &[&str]) {
    for key in keys {
        let effects = press(model, &[key]);
        settle(model, effects);
    }
}

fn typed(model: &mut Model, text: &str) {
    let effects = type_in(model, text);
    settle(model, effects);
}

fn each_size(name: &str, open: impl Fn(&mut Model)) {
    for (width, height) in [(120, 36), (80, 24), (60, 16), (40, 8), (20, 5)] {
        let mut model = model_of(normal(), width, height);
        pressed(&mut model, &["2"]);
        open(&mut model);
        check(
            &format!("{name}_{width}x{height}"),
            &model,
            &Theme::colour(),
        );
    }
}

#[test]
fn the_log_followed_and_read() {
    each_size("events", |_| {});
    each_size("events_chosen", |model| {
        pressed(model, &["k", "k", "k"]);
        let mut more = normal();
        more.head = Position::new(HEAD + 1_240);
        let effects = update(model, super::now(), Msg::Snapshot(more.into()));
        settle(model, effects);
    });
    each_size("events_causes", |model| {
        pressed(model, &["k", "k", "k", "tab", "tab", "down"]);
    });
    each_size("events_detail", |model| {
        pressed(model, &["k", "k", "k", "enter", "end", "up", "up", "up"]);
        pressed(model, &["home", "down", "down", "down", "left"]);
    });
}

#[test]
fn the_log_narrowed() {
    each_size("events_narrowed", |model| {
        pressed(model, &["/"]);
        typed(model, "type:shipped /parcels\".1");
    });
    each_size("events_example", |model| pressed(model, &["/"]));
    each_size("events_none", |model| {
        pressed(model, &["/"]);
        typed(model, "stream:order-7");
        pressed(model, &["enter"]);
    });
    each_size("events_wrong", |model| {
        pressed(model, &["/"]);
        typed(model, "type:x /a(");
    });
    each_size("events_looking", |model| {
        press(model, &["/"]);
        type_in(model, "type:nothing");
    });
}

#[test]
fn a_long_text_unfolds_and_a_log_may_be_empty() {
    let mut model = model_of(normal(), 120, 36);
    pressed(&mut model, &["2", "k", "k", "k", "enter"]);
    pressed(&mut model, &["down"; 8]);
    pressed(&mut model, &["right"]);
    check("events_note_120x36", &model, &Theme::colour());
    check("events_note_no_colour", &model, &Theme::monochrome());
    check("events_note_ascii", &model, &Theme::colour().ascii());
    let mut model = model_of(empty(), 80, 24);
    pressed(&mut model, &["2", "k", "tab", "enter", "tab", "end"]);
    model.size = Size::new(80, 24);
    check("events_empty_80x24", &model, &Theme::colour());
}

#[test]
fn each_list_of_events_says_which_end_is_new() {
    for (width, height) in [(120, 36), (90, 30), (80, 24)] {
        let mut model = model_of(normal(), width, height);
        assert!(on_screen(&model).contains("newest first"), "{width}");
        press(&mut model, &["2"]);
        assert!(on_screen(&model).contains("Events, newest last"), "{width}");
    }
}
