//! The footer: which keys have room, and in which order.

use ratatui::layout::Size;

use super::super::state::Model;
use super::super::testing::model;
use super::{on_screen, press};

fn footer(model: &Model) -> String {
    let drawn = on_screen(model);
    let last = drawn.trim_end().lines().last().map(str::trim);
    last.unwrap_or_default().to_owned()
}

/// The footer of a screen, at a width.
fn at(columns: u16, keys: &[&str]) -> String {
    let mut model = model();
    model.size = Size::new(columns, if columns < 100 { 24 } else { 36 });
    press(&mut model, keys);
    footer(&model)
}

#[test]
fn the_keys_that_matter_most_are_always_there_and_where_all_are_comes_last() {
    let most = ["p pause", "w why", "R rebuild", "c command", "Space freeze"];
    for screen in ["1", "3", "6"] {
        for columns in [80, 120] {
            let footer = at(columns, &[screen]);
            for hint in most {
                assert!(footer.contains(hint), "{hint} at {columns}: {footer}");
            }
            assert!(footer.ends_with("? all keys"), "{footer}");
            assert_eq!(footer.contains("Esc back"), screen != "1", "{footer}");
        }
    }
    assert!(at(120, &[]).contains("{ } chart"));
    for screen in ["2", "4", "5", "7"] {
        let footer = at(80, &[screen]);
        for hint in ["c command", "Space freeze", "Esc back  ", "? all keys"] {
            assert!(footer.contains(hint), "{hint}: {footer}");
        }
    }
}

#[test]
fn what_drops_first_is_what_is_needed_least_and_nothing_is_cut() {
    let hints = |columns| -> Vec<String> {
        let footer = at(columns, &[]);
        footer.split("  ").map(str::to_owned).collect()
    };
    let all = hints(200);
    let mut before = all.len();
    for columns in (40..200).rev() {
        let some = hints(columns);
        assert!(some.iter().all(|hint| all.contains(hint)), "{some:?}");
        assert!(some.len() <= before, "at {columns}: {some:?}");
        assert_eq!(some.last().map(String::as_str), Some("? all keys"));
        before = some.len();
    }
    assert_eq!(hints(40)[0], "p pause");
}

#[test]
fn two_keys_for_both_ways_stand_beside_each_other() {
    let footer = at(120, &["T"]);
    for hint in ["Left Right step", "PageUp PageDown 100", "J K projection"] {
        assert!(footer.contains(hint), "{footer}");
    }
}

#[test]
fn in_a_box_what_it_does_comes_first_and_the_way_out_next() {
    let mut model = model();
    model.size = Size::new(40, 16);
    press(&mut model, &["w"]);
    let drawn = on_screen(&model);
    let foot = drawn.lines().rev().find(|line| line.contains('╯'));
    assert!(
        foot.is_some_and(|line| line.contains("Esc close  ? all keys")),
        "{drawn}"
    );
}
