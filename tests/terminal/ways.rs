//! What holds on all screens: keys and theme as somebody has set them, what is saved, and what is remembered.

use super::place::Place;
use super::screen::{CTRL_L, CTRL_U, ENTER, ESC, SMALL, TAB, UP, WIDE};

fn configured(text: &str) -> Place {
    let place = Place::with(&[("counts.sql", super::looks::COUNTS)]);
    let folder = place.home().join(".config/highwater");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
    place
}

/// The file that was saved, by the message that names it.
fn saved(place: &Place, ending: &str) -> Vec<std::path::PathBuf> {
    let all = std::fs::read_dir(place.home()).unwrap();
    let paths = all.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .collect()
}

#[test]
fn keys_that_were_set_work_and_stand_at_the_foot() {
    let place = configured("[ui]\nstart = \"log\"\n[ui.keys]\nquit = \"ctrl-q\"\nhelp = \"f5\"\n");
    let mut console = place.console(WIDE, &[]);
    assert!(console.shows("ctrl-q quit").has("f5 all keys"));
    console.keys("q?1").shows("Projections");
    console.keys("\x11");
    assert_eq!(console.ended().status.exit_code(), 0);
}

#[test]
fn the_screen_that_is_asked_for_counts_more_than_the_one_that_was_set() {
    let place = configured("[ui]\nstart = \"log\"\n");
    let mut console = place.console(WIDE, &["--screen", "stream"]);
    console.shows("Which stream?");
    console.keys("q");
    assert_eq!(console.ended().status.exit_code(), 0);
}

#[test]
fn what_is_wrong_with_the_configuration_is_said_and_the_rest_holds() {
    let place = configured("[ui]\nascii = true\n[ui.keys]\nquit = \"R\"\nhelp = \"f5\"\n");
    let mut console = place.console(WIDE, &[]);
    let picture = console.shows("config.toml:4: R would mean quit and rebuild");
    assert!(
        picture.has("f5 all keys") && picture.has("q quit"),
        "{:?}",
        picture.lines()
    );
    assert!(
        !picture.lines().concat().contains('\u{2500}'),
        "ASCII was asked for"
    );
    console.keys("q");
    assert_eq!(console.ended().status.exit_code(), 0);
}

#[test]
fn the_terminal_tells_its_background_and_nothing_of_that_is_a_key() {
    const ASKED: &[u8] = b"\x1b]11;?\x1b\\";
    let place = Place::with(&[("counts.sql", super::looks::COUNTS)]);
    let mut console = place.console(SMALL, &[]);
    console.shows("counts");
    let bytes = console.bytes();
    assert!(
        bytes.windows(ASKED.len()).any(|part| part == ASKED),
        "it is asked"
    );
    // The blue of names on a light background; digits of the answer would go to other screens.
    let has = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.contains("38;5;24;") || text.contains("38;5;24m")
    };
    assert!(!has(&bytes));
    console.keys("\x1b]11;rgb:ffff/ffff/e3e3\x1b\\");
    console.until("the light theme", |picture| picture.has("counts"));
    console.keys(":zzz").shows(":zzz");
    assert!(has(&console.bytes()), "it is drawn for a light background");
    console.keys(ESC).shows("all keys");
    console.keys("q");
    assert_eq!(console.ended().status.exit_code(), 0);
    let set = [("NO_COLOR", "1")];
    let mut console =
        super::screen::Console::start_with(place.home(), SMALL, &["-w", "shop"], &set);
    console.shows("counts");
    assert!(
        !console
            .bytes()
            .windows(ASKED.len())
            .any(|part| part == ASKED),
        "nothing depends on it"
    );
    console.keys("q");
    console.ended();
}

#[test]
fn what_is_in_view_is_saved_beside_what_is_there() {
    let place = Place::with(&[("counts.sql", super::looks::COUNTS)]);
    place.append("order-1", "OrderPlaced", "{}");
    let mut console = place.console(WIDE, &[]);
    console.until("it has the event", |picture| {
        picture.row("counts").is_some() && picture.head() == 1
    });
    assert!(console.keys("E").shows("saved ").has(".csv"));
    console.keys(ESC).hides("saved ");
    assert!(console.keys(":export json\r").shows("saved ").has(".json"));
    console.keys(ESC).hides("saved ");
    assert!(console.keys("S").shows("saved ").has(".svg"));
    let [csv] = saved(&place, "csv").try_into().unwrap();
    let text = std::fs::read_to_string(csv).unwrap();
    assert!(
        text.starts_with("name,version,status,policy,checkpoint"),
        "{text}"
    );
    assert!(text.contains("\r\ncounts,"), "{text}");
    let [json] = saved(&place, "json").try_into().unwrap();
    let rows: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(rows[0]["name"], "counts");
    let [svg] = saved(&place, "svg").try_into().unwrap();
    assert!(std::fs::read_to_string(svg).unwrap().contains("counts"));
    console.keys("q");
    console.ended();
}

#[test]
fn what_is_typed_is_there_in_the_next_session_and_nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::with(&[("counts.sql", super::looks::COUNTS)]);
    let mut console = place.console(SMALL, &[]);
    console.shows("counts");
    console
        .keys(":RestockProduct product=mug quantity=5 name=Mug")
        .keys(ENTER);
    console.shows("accepted at ");
    console.keys("q");
    console.ended();
    let file = place.home().join(".local/state/highwater/history");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut console = place.console(SMALL, &[]);
    console.shows("counts");
    console.keys(":Rest").keys(UP);
    console.shows(":RestockProduct product=mug quantity=5 name=Mug");
    // A key that there is completes.
    console
        .keys(CTRL_U)
        .keys("ReserveStock product=m")
        .shows("product=mug");
    console.keys(TAB).shows(":ReserveStock product=mug ");
    console.keys(ESC).shows("all keys");
    console.keys(CTRL_L).keys("q");
    console.ended();
}

#[test]
fn another_theme_is_drawn_at_once() {
    let place = configured("[ui]\ntheme = \"dark\"\n");
    let mut console = place.console(WIDE, &[]);
    console.shows("all keys");
    // White on black, painted over the terminal's own.
    let painted = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("48;5;16");
    assert!(!painted(&console.bytes()));
    console.keys(":theme hi\t").shows("high-contrast");
    console.keys(ENTER).shows("theme = \"high-contrast\"");
    assert!(painted(&console.bytes()));
    console.keys(":theme nox").keys(ENTER);
    console.shows("there is no theme \"nox\"");
    console.keys(ESC).shows("all keys");
    console.keys("q");
    assert_eq!(console.ended().status.exit_code(), 0);
}
