//! The pictures in `screenshots/`: each screen as it is drawn now, of the scenario in `testing/scenario.rs`.
//!
//! `demo/screenshots.sh` writes them anew; without it they are compared with what is there.

use std::path::Path;

use super::*;
use crate::ui::once;
use crate::ui::testing::events::answer_from;
use crate::ui::testing::scenario;

/// A message for each question of the screens that are on the pictures.
fn answered(model: &Model, effect: &Effect) -> Option<Msg> {
    Some(match effect {
        Effect::Events(asked) => {
            let head = model.snapshot.head.get();
            Msg::Events(answer_from(asked, head, scenario::at, scenario::story))
        }
        Effect::Stream(asked) => Msg::Stream(scenario::answer_stream(asked)),
        Effect::Rebuilds(_) => Msg::Rebuilds(scenario::versions(&model.snapshot)),
        Effect::Projection(asked) => projection::answer(asked, 0),
        Effect::Look { number, .. } => Msg::Looked {
            number: *number,
            result: Ok(Arc::new(scenario::moment())),
        },
        _ => return None,
    })
}

fn settle(model: &mut Model, mut effects: Vec<Effect>) {
    while let Some(effect) = effects.pop() {
        if let Some(msg) = answered(model, &effect) {
            effects.extend(update(model, now(), msg));
        }
    }
}

/// The shop at the design size, after some keys.
fn after(keys: &[&str]) -> Model {
    let mut model = model_of(scenario::shop(), 120, 36);
    model.lagging = scenario::lagging();
    update(&mut model, now(), Msg::Logged(scenario::messages()));
    for key in keys {
        let effects = press(&mut model, &[key]);
        settle(&mut model, effects);
    }
    model
}

#[test]
fn the_pictures_of_the_screens_are_what_is_drawn_now() {
    let mut stream = after(&["7", "1"]);
    let order = scenario::at(6 * scenario::ORDER).stream;
    let effects = super::super::update::stream::open(&mut stream, order);
    settle(&mut stream, effects);
    let pictures = [
        ("overview", after(&["7", "1", "g", "j", "j"])),
        ("events", after(&["7", "2", "k", "k", "k"])),
        ("projection", after(&["7", "1", "g", "j", "j", "enter"])),
        ("stream", stream),
        ("time", after(&["7", "1", "g", "j", "j", "j", "T"])),
        ("rebuilds", after(&["7", "6"])),
        ("log", after(&["7"])),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    let anew = std::env::var_os("HIGHWATER_SCREENSHOTS").is_some();
    for (name, model) in pictures {
        let theme = Theme::dark();
        let picture = once::svg(&model, &theme);
        let file = folder.join(format!("{name}.svg"));
        if anew {
            std::fs::write(&file, &picture).unwrap();
        }
        let there = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            there == picture,
            "screenshots/{name}.svg is not what is drawn now: `demo/screenshots.sh` draws the pictures anew"
        );
    }
}
