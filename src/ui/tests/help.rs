//! The list of keys: searched, scrolled, closed.

use super::super::action::Context;
use super::super::testing::model;
use super::{on_screen, press};

#[test]
fn a_search_narrows_the_keys_and_esc_takes_it_away_before_it_closes() {
    let mut model = model();
    press(&mut model, &["?", "/"]);
    assert!(on_screen(&model).contains("a key, or words of what it does"));
    // Letters that are keys elsewhere are text here.
    press(&mut model, &["p", "a", "u", "s", "e"]);
    let drawn = on_screen(&model);
    assert!(drawn.contains("/pause"), "{drawn}");
    assert!(drawn.contains("Pause the selected projection"), "{drawn}");
    assert!(drawn.contains("somebody paused it"), "{drawn}");
    assert!(!drawn.contains("Send a command"), "{drawn}");
    press(&mut model, &["enter"]);
    assert_eq!(model.context(), Context::Help);
    assert!(!on_screen(&model).contains("Send a command"), "it is kept");
    press(&mut model, &["esc"]);
    assert!(on_screen(&model).contains("Send a command"));
    press(&mut model, &["esc"]);
    assert_eq!(model.context(), Context::Overview);
}

#[test]
fn one_character_is_looked_for_as_a_key_and_what_nothing_has_is_said() {
    let mut model = model();
    press(&mut model, &["?", "/", "R"]);
    let drawn = on_screen(&model);
    assert!(drawn.contains("R  Fold the read model again"), "{drawn}");
    assert!(!drawn.contains("Pause the selected"), "{drawn}");
    press(&mut model, &["x", "y", "z"]);
    let drawn = on_screen(&model);
    assert!(drawn.contains("Nothing has that"), "{drawn}");
    press(&mut model, &["esc", "?"]);
    assert_eq!(model.context(), Context::Overview);
}

#[test]
fn from_the_end_one_key_goes_up_by_one_line() {
    let mut model = model();
    model.size.height = 16;
    press(&mut model, &["?", "G"]);
    let end = on_screen(&model);
    assert!(end.contains("Keys, the end"), "{end}");
    press(&mut model, &["k"]);
    assert!(on_screen(&model).contains("Keys, more below"));
    press(&mut model, &["j", "j", "j"]);
    assert_eq!(on_screen(&model), end);
}
