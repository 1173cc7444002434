//! What holds on all screens: the line as a palette, what it completes and remembers, existing keys in forms, the
//! themes, and that nothing changes anything where one only looks.

use std::path::Path;
use std::sync::Arc;

use super::super::config::Settings;
use super::super::screen::Screen;
use super::super::state::line::candidates;
use super::super::state::{Layer, Said};
use super::super::testing::{self, model, model_of, now};
use super::super::theme::{Theme, ThemeName};
use super::super::update::{Effect, Msg, begin, update};
use super::{Model, check, drawn, each_size, on_screen, press, type_in};
use crate::event::Position;
use crate::workspace::Keys;

fn keys() -> Keys {
    let of = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
    [
        ("customer".to_owned(), of(&["ada", "grace", "c 7"])),
        ("order".to_owned(), of(&["1042", "1041"])),
    ]
    .into()
}

/// What stands in the line.
fn line(model: &Model) -> &str {
    match model.layers.last() {
        Some(Layer::Line(line)) => line.editor.text(),
        _ => panic!("no line: {:?}", model.layers),
    }
}

#[test]
fn the_line_is_a_list_of_all_that_can_be_typed() {
    each_size("palette", |model| drop(press(model, &[":"])));
    each_size("palette_narrowed", |model| {
        press(model, &[":"]);
        type_in(model, "rld");
    });
}

#[test]
fn tab_completes_what_was_typed_by_some_of_its_letters() {
    let mut model = model();
    press(&mut model, &[":"]);
    type_in(&mut model, "rbk");
    press(&mut model, &["tab"]);
    assert_eq!(line(&model), "rollback ");
}

#[test]
fn values_go_on_with_keys_that_there_are_and_choices() {
    let mut model = model();
    model.known = Arc::new(keys());
    assert_eq!(
        candidates(&model, "ShipOrder order=10"),
        ["order=1042", "order=1041"]
    );
    assert_eq!(
        candidates(&model, "PlaceOrder customer="),
        ["customer=ada", "customer=grace", "customer=\"c 7\""]
    );
    assert_eq!(
        candidates(&model, "PlaceOrder priority=e"),
        ["priority=express"]
    );
    assert_eq!(candidates(&model, "export j"), ["json"]);
    let streams = candidates(&model, "stream customer-");
    assert!(
        streams.contains(&"customer-grace".to_owned()),
        "{streams:?}"
    );
    press(&mut model, &[":"]);
    type_in(&mut model, "ShipOrder order=1");
    press(&mut model, &["tab"]);
    assert_eq!(line(&model), "ShipOrder order=1042 ");
}

#[test]
fn opening_a_line_asks_once_which_keys_there_are() {
    let mut model = model();
    let at = model.now;
    let asked =
        |model: &mut Model, name| update(model, at, super::key(name)).contains(&Effect::Keys);
    assert!(asked(&mut model, ":"));
    press(&mut model, &["esc"]);
    assert!(!asked(&mut model, "c"), "it is being asked for");
    press(&mut model, &["enter"]);
    update(&mut model, at, Msg::Keys(Ok(keys())));
    press(&mut model, &["ctrl-n"]);
    let Some(Layer::Form(form)) = model.layers.last() else {
        panic!("{:?}", model.layers);
    };
    assert_eq!(
        form.fields[0].editor.text(),
        "1042",
        "a form that waits takes them in"
    );
    press(&mut model, &["esc", "esc"]);
    assert!(asked(&mut model, ":"), "there may be others by now");
}

#[test]
fn ctrl_n_goes_through_what_there_is_and_what_was_typed_narrows_it() {
    let mut model = model();
    model.known = Arc::new(keys());
    press(&mut model, &["c"]);
    type_in(&mut model, "place");
    press(&mut model, &["enter", "tab"]);
    let customer = |model: &Model| match model.layers.last() {
        Some(Layer::Form(form)) => form.fields[1].editor.text().to_owned(),
        _ => panic!("{:?}", model.layers),
    };
    // What stands there is an example: all that there is fits.
    press(&mut model, &["ctrl-n"]);
    assert_eq!(customer(&model), "ada");
    press(&mut model, &["ctrl-n", "ctrl-n", "ctrl-n"]);
    assert_eq!(customer(&model), "ada", "around the end");
    press(&mut model, &["ctrl-p"]);
    assert_eq!(customer(&model), "c 7");
    press(&mut model, &["ctrl-u", "g", "ctrl-n"]);
    assert_eq!(customer(&model), "grace");
    check(
        "form_options_80x24",
        &sized(model, 80, 24),
        &Theme::colour(),
    );
}

fn sized(mut model: Model, width: u16, height: u16) -> Model {
    model.size = ratatui::layout::Size::new(width, height);
    model
}

#[test]
fn up_finds_lines_that_begin_with_what_is_typed_and_each_line_is_kept() {
    let mut model = model();
    model.history = ["pause orders", "load 5", "pause stock", "load 7"]
        .map(str::to_owned)
        .into();
    press(&mut model, &[":", "p", "up"]);
    assert_eq!(line(&model), "pause stock");
    press(&mut model, &["up"]);
    assert_eq!(line(&model), "pause orders");
    press(&mut model, &["up"]);
    assert_eq!(line(&model), "pause orders", "there is none before");
    press(&mut model, &["down", "down"]);
    assert_eq!(line(&model), "p", "what was typed comes after the last");
    press(&mut model, &["ctrl-u"]);
    press(&mut model, &["up"]);
    assert_eq!(line(&model), "load 7");
    let at = model.now;
    let effects = update(&mut model, at, super::key("enter"));
    assert!(
        !effects.contains(&Effect::Remember("load 7".into())),
        "it is the last one already"
    );
    press(&mut model, &[":"]);
    type_in(&mut model, "load 9");
    let effects = update(&mut model, at, super::key("enter"));
    assert!(
        effects.contains(&Effect::Remember("load 9".into())),
        "{effects:?}"
    );
}

#[test]
fn where_one_only_looks_the_line_says_so_and_lists_nothing_that_changes() {
    let mut model = model();
    model.read_only = true;
    for typed in [
        "pause orders",
        "resume orders",
        "PlaceOrder order=1",
        "load 5",
    ] {
        press(&mut model, &[":"]);
        type_in(&mut model, typed);
        assert_eq!(press(&mut model, &["enter"]), [], "{typed}");
        let said = format!("{:?}", model.layers.last());
        assert!(said.contains("--read-only"), "{typed}: {said}");
        press(&mut model, &["esc"]);
    }
    press(&mut model, &[":"]);
    check("palette_read_only_120x36", &model, &Theme::colour());
}

#[test]
fn the_keys_that_were_set_are_the_keys_that_are_shown() {
    let mut settings = Settings::default();
    let text = "[ui.keys]\npause = \"ctrl-k\"\napply = \"f6\"\nquit = []\n";
    assert_eq!(settings.lay(Path::new("x"), text), []);
    let mut model = model();
    model.keys = settings.options().keys;
    assert_eq!(press(&mut model, &["p"]), [], "it is no key any more");
    assert!(matches!(
        press(&mut model, &["ctrl-k"]).as_slice(),
        [Effect::Operate { .. }]
    ));
    check("keys_set_120x36", &model, &Theme::colour());
    press(&mut model, &["?"]);
    let help = super::view::plain::text(&drawn(&model, &Theme::colour()));
    assert!(help.contains("ctrl-k  Pause the selected"), "{help}");
    assert!(!help.contains("q  Quit"), "{help}");
}

#[test]
fn columns_and_the_screen_to_begin_with_are_as_somebody_wants_them() {
    let mut settings = Settings::default();
    let text = "[ui]\ncolumns = [\"gap\", \"name\", \"parked\"]\nstart = \"log\"\n";
    assert_eq!(settings.lay(Path::new("x"), text), []);
    let options = settings.options();
    let mut model = model_of(testing::normal(), 80, 24);
    model.columns = options.columns;
    check("columns_set_80x24", &model, &Theme::colour());
    begin(&mut model, options.start, None).unwrap();
    assert_eq!(model.screen, Screen::Log);
}

#[test]
fn in_ascii_a_sentence_reads_well() {
    let mut model = model();
    press(&mut model, &["R"]);
    let shown = super::view::plain::text(&drawn(&model, &Theme::colour().ascii()));
    assert!(shown.contains("working out what it means ~"), "{shown}");
    assert!(shown.is_ascii());
}

#[test]
fn the_palette_says_what_an_action_is_on_this_screen() {
    let listed = |keys: &[&str], name: &str| {
        let mut model = model();
        press(&mut model, keys);
        press(&mut model, &[":"]);
        let all = super::super::state::line::choices(&model, name);
        let found = all.into_iter().find(|choice| choice.name == name).unwrap();
        (found.keys, found.help)
    };
    let (keys, help) = listed(&[], "filter");
    assert_eq!(keys, "/");
    assert!(help.starts_with("Narrow the rows"), "{help}");
    assert!(listed(&["2"], "filter").1.starts_with("Narrow the log"));
    let (keys, help) = listed(&["2"], "stream");
    assert_eq!(keys, "4");
    assert!(help.starts_with("The chosen event's stream"), "{help}");
}

#[test]
fn a_frozen_picture_says_on_every_screen_how_much_came_meanwhile() {
    let mut model = model();
    press(&mut model, &["space"]);
    let mut next = testing::normal();
    next.head = Position::new(testing::HEAD + 1_007);
    update(&mut model, now(), Msg::Snapshot(Arc::new(next)));
    let shown = |model: &Model| super::view::plain::text(&drawn(model, &Theme::colour()));
    for key in ["1", "2", "3", "4", "5", "6", "7"] {
        press(&mut model, &[key]);
        let shown = shown(&model);
        assert!(shown.contains("frozen, +1,007"), "{key}: {shown}");
    }
    press(&mut model, &["space"]);
    assert!(!shown(&model).contains("frozen"));
}

#[test]
fn each_theme() {
    let mut model = model_of(testing::failed(), 120, 36);
    press(&mut model, &["j", "j"]);
    check("theme_dark", &model, &Theme::dark());
    check("theme_light", &model, &Theme::light());
    check("theme_high_contrast", &model, &Theme::high_contrast());
    press(&mut model, &["R"]);
    check("theme_high_contrast_popup", &model, &Theme::high_contrast());
}

#[test]
fn a_file_that_was_saved_is_named_without_what_could_disguise_it() {
    let mut model = model();
    update(
        &mut model,
        now(),
        Msg::Saved {
            rows: None,
            result: Ok("/srv/\u{1b}[2J.csv".into()),
        },
    );
    assert!(matches!(model.said, Some(Said::Note(..))));
    let shown = super::view::plain::text(&drawn(&model, &Theme::colour()));
    assert!(
        !shown.contains('\u{1b}') && shown.contains("saved /srv/"),
        "{shown}"
    );
}

#[test]
fn a_theme_is_chosen_by_its_name_or_turned_to_and_how_it_is_kept_is_said() {
    let mut model = model();
    press(&mut model, &[":"]);
    type_in(&mut model, "theme hi");
    let chosen = press(&mut model, &["tab", "enter"]);
    assert_eq!(chosen, [Effect::Theme(ThemeName::HighContrast)]);
    let drawn = on_screen(&model);
    assert!(
        drawn.contains(r#"theme = "high-contrast" under [ui]"#),
        "{drawn}"
    );
    let next = press(&mut model, &["L", "L"]);
    let expected = [ThemeName::Monochrome, ThemeName::Auto].map(Effect::Theme);
    assert_eq!(next, expected);
    press(&mut model, &[":"]);
    type_in(&mut model, "theme drak");
    assert_eq!(press(&mut model, &["enter"]), []);
    let drawn = on_screen(&model);
    assert!(
        drawn.contains("there is no theme \"drak\": write one of auto, dark"),
        "{drawn}"
    );
}
