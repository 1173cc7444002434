//! `highwater config`: what is in force, where it comes from, and what is wrong with it.

use serde_json::{Value, json};

use super::kit::Place;

/// A setting of `highwater config --json`.
fn setting<'a>(told: &'a Value, name: &str) -> &'a Value {
    let all = told["settings"].as_array().unwrap();
    all.iter().find(|setting| setting["name"] == name).unwrap()
}

fn own(place: &Place, text: &str) {
    std::fs::create_dir_all(place.file("user-config/highwater")).unwrap();
    place.write("user-config/highwater/config.toml", text);
}

fn config(place: &Place, args: &[&str], more: &[(&str, &str)]) -> super::kit::Ran {
    let mut command = place.command(&[&["config"], args].concat());
    command.env("XDG_CONFIG_HOME", place.file("user-config"));
    command.env_remove("NO_COLOR");
    command.envs(more.iter().copied());
    super::kit::Ran::of(command.output().unwrap())
}

#[test]
fn each_value_is_told_with_where_it_comes_from_and_the_nearer_one_counts() {
    let place = Place::with(&[]);
    own(
        &place,
        "[ui]\ntheme = \"light\"\nmouse = false\n[ui.keys]\npause = \"ctrl-k\"\n",
    );
    place.write("highwater.toml", "name = \"x\"\n[ui]\ntheme = \"dark\"\n");
    let told = config(&place, &["--json"], &[]).json();
    assert_eq!(setting(&told, "theme")["value"], "dark");
    assert_eq!(setting(&told, "theme")["origin"]["line"], 3);
    assert_eq!(setting(&told, "mouse")["value"], false);
    let from = setting(&told, "mouse")["origin"]["file"].as_str().unwrap();
    assert!(from.ends_with("highwater/config.toml"), "{from}");
    assert_eq!(setting(&told, "keys.pause")["value"], json!(["ctrl-k"]));
    assert_eq!(setting(&told, "keys.rebuild")["origin"]["kind"], "default");
    let told = config(&place, &["--json"], &[("NO_COLOR", "1")]).json();
    assert_eq!(setting(&told, "theme")["value"], "monochrome");
    assert_eq!(setting(&told, "theme")["origin"]["name"], "NO_COLOR");
    let told = config(
        &place,
        &["--json", "--theme", "high-contrast"],
        &[("NO_COLOR", "1")],
    )
    .json();
    assert_eq!(setting(&told, "theme")["value"], "high-contrast");
    assert_eq!(setting(&told, "theme")["origin"]["kind"], "flag");
    let text = config(&place, &[], &[]);
    assert_eq!(text.code, 0);
    let line = text
        .out
        .lines()
        .find(|line| line.starts_with("keys.pause "))
        .unwrap();
    assert!(
        line.contains("[\"ctrl-k\"]") && line.ends_with("config.toml:5"),
        "{line}"
    );
}

#[test]
fn every_mistake_is_an_error_with_file_and_line_and_the_rest_is_told() {
    let place = Place::with(&[]);
    own(
        &place,
        "[ui]\ntheme = \"drak\"\nascii = true\n[ui.keys]\npause = \"R\"\n",
    );
    let ran = config(&place, &[], &[]);
    ran.failed(
        1,
        &[
            "config.toml:2: there is no theme \"drak\": write one of auto, dark, light",
            "config.toml:5: R would mean pause and rebuild in overview: give pause another key",
        ],
    );
    assert!(
        ran.out
            .lines()
            .any(|line| line.starts_with("ascii ") && line.contains("true"))
    );
    let once = place
        .command(&["--once"])
        .env("XDG_CONFIG_HOME", place.file("user-config"))
        .output()
        .unwrap();
    assert!(once.status.success(), "what is wrong stops nobody");
    let err = String::from_utf8(once.stderr).unwrap();
    assert!(err.contains("warning: ") && err.contains("drak"), "{err}");
}

#[test]
fn outside_of_a_workspace_it_tells_what_holds_everywhere() {
    let place = Place::empty();
    own(&place, "[ui]\nstart = \"log\"\n");
    let told = config(&place, &["--json"], &[]).json();
    assert_eq!(setting(&told, "start")["value"], "log");
}

#[test]
fn a_theme_that_there_is_not_is_refused_with_those_that_there_are() {
    let place = Place::with(&[]);
    let ran = place.run(&["--once", "--theme", "drak"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("high-contrast"), "{ran:?}");
}

#[test]
fn a_picture_has_the_background_of_its_theme() {
    let place = Place::with(&[]);
    for (theme, ground) in [
        ("light", "#fdfdfb"),
        ("dark", "#12161d"),
        ("high-contrast", "#000000"),
    ] {
        place.done(&["--once", "--svg", "x.svg", "--theme", theme]);
        let picture = std::fs::read_to_string(place.file("x.svg")).unwrap();
        assert!(picture.contains(&format!("fill=\"{ground}\"/>")), "{theme}");
    }
}

#[test]
fn the_readme_has_the_keys_that_there_are() {
    const MARKS: [&str; 2] = ["<!-- keys -->\n", "<!-- /keys -->"];
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = readme.split_once(MARKS[0]).unwrap();
    let (_, after) = rest.split_once(MARKS[1]).unwrap();
    let keys = highwater::ui::keys_as_markdown();
    let whole = format!("{before}{}\n{keys}\n{}{after}", MARKS[0], MARKS[1]);
    if std::env::var_os("HIGHWATER_WRITE_README").is_some() {
        std::fs::write(&file, &whole).unwrap();
        return;
    }
    let words = "the table of keys is another: HIGHWATER_WRITE_README=1 cargo test --test cli readme writes it";
    assert!(readme == whole, "{words}");
}
