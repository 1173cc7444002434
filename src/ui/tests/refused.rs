//! What is refused is refused with a word: a filter that is none, a key that can do nothing.

use super::{each_size, on_screen, press, type_in};
use crate::ui::state::{Layer, Model};
use crate::ui::testing::events::settle;
use crate::ui::testing::{model, model_of, normal};

fn filter(model: &Model) -> Option<&str> {
    match model.layers.last() {
        Some(Layer::Filter(narrowing)) => Some(narrowing.editor.text()),
        _ => None,
    }
}

#[test]
fn a_filter_that_is_no_expression_is_not_kept_on_any_screen() {
    let screens = ["1", "2", "3", "4", "6", "7"].into_iter();
    for (screen, (width, height)) in screens.flat_map(|s| [(s, (120, 36)), (s, (60, 16))]) {
        let mut model = model_of(normal(), width, height);
        press(&mut model, &[screen, "/"]);
        type_in(&mut model, "/[ab");
        assert!(on_screen(&model).contains("unclosed character class"));
        press(&mut model, &["enter"]);
        assert_eq!(filter(&model), Some("/[ab"), "screen {screen}");
        let seen = on_screen(&model);
        assert!(
            seen.contains("✗ unclosed character class"),
            "{screen}: {seen}"
        );
        // It is mended where it stands.
        type_in(&mut model, "]");
        assert!(!on_screen(&model).contains("✗ unclosed"));
        press(&mut model, &["enter"]);
        assert_eq!(filter(&model), None, "screen {screen}");
    }
}

#[test]
fn esc_gives_up_a_filter_that_is_none_and_keeps_the_one_before() {
    let mut model = model();
    press(&mut model, &["/"]);
    type_in(&mut model, "ord");
    press(&mut model, &["enter", "/", "ctrl-u"]);
    type_in(&mut model, "/[ab");
    press(&mut model, &["enter", "esc"]);
    assert_eq!(filter(&model), None);
    assert_eq!(model.overview.table.filter.text(), "ord");
}

#[test]
fn a_name_that_narrows_nothing_is_said_while_it_is_typed_and_where_nothing_fits() {
    for (width, height) in [(120, 36), (80, 24)] {
        let mut model = model_of(normal(), width, height);
        let asked = press(&mut model, &["2"]);
        settle(&mut model, asked);
        press(&mut model, &["/"]);
        let asked = type_in(&mut model, "typ:foo");
        let seen = on_screen(&model);
        assert!(seen.contains("typ: is text, type: narrows"), "{seen}");
        settle(&mut model, asked);
        press(&mut model, &["enter"]);
        let seen = on_screen(&model);
        assert!(seen.contains("\"typ:foo\" is looked for as text"), "{seen}");
    }
}

#[test]
fn a_key_that_is_about_one_projection_is_never_silent_on_any_screen() {
    let keys = [
        "p", "w", "P", "R", "H", "Z", "D", "C", "B", "X", "Y", "a", "o", "u", "e", "t", "s", "A",
        "O", "T", "V", "M",
    ];
    for (width, height) in [(120, 36), (80, 24), (60, 16)] {
        for screen in ["1", "2", "3", "4", "5", "6", "7"] {
            for key in keys {
                let mut model = model_of(normal(), width, height);
                press(&mut model, &[screen]);
                let before = on_screen(&model);
                let effects = press(&mut model, &[key]);
                let is_heard = !effects.is_empty() || on_screen(&model) != before;
                assert!(is_heard, "{key} on {screen} at {width}x{height}");
            }
        }
    }
}

#[test]
fn each_refusal() {
    each_size("line_missing", |model| {
        press(model, &[":"]);
        type_in(model, "PlaceOrder order=9");
        press(model, &["enter"]);
    });
    each_size("line_twice", |model| {
        press(model, &[":"]);
        type_in(model, "ProcessPayment order=7 order=8");
        press(model, &["enter"]);
    });
    each_size("line_whole", |model| {
        press(model, &[":"]);
        type_in(model, "rebuild orders");
    });
    each_size("line_position", |model| {
        press(model, &[":"]);
        type_in(model, "12,345");
    });
    each_size("filter_refused", |model| {
        press(model, &["/"]);
        type_in(model, "/[ab");
        press(model, &["enter"]);
    });
    each_size("events_doubt", |model| {
        let asked = press(model, &["2", "/"]);
        settle(model, asked);
        let asked = type_in(model, "position:12345");
        settle(model, asked);
    });
}
