//! Files of settings, one over the other, and what is wrong in them.

use super::*;

fn lay(text: &str) -> (Settings, Vec<String>) {
    let mut settings = Settings::default();
    let problems = settings.lay(Path::new("config.toml"), text);
    (settings, problems.iter().map(Problem::to_string).collect())
}

fn setting(settings: &Settings, name: &str) -> (Value, String) {
    let found = settings
        .all()
        .into_iter()
        .find(|setting| setting.name == name)
        .unwrap();
    (found.value, found.origin.to_string())
}

#[test]
fn what_a_file_sets_is_in_force_with_its_line() {
    let (settings, problems) = lay(
        "name = \"x\"\n[ui]\ntheme = \"light\"\nstart = \"events\"\nmouse = false\n\
         columns = [\"name\", \"gap\"]\n[ui.keys]\npause = [\"x\", \"f5\"]\n[ui.keys-in.time]\nup = \"alt-k\"\n",
    );
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(
        setting(&settings, "theme"),
        (json!("light"), "config.toml:3".to_owned())
    );
    assert_eq!(
        setting(&settings, "ascii"),
        (json!(false), "default".to_owned())
    );
    assert_eq!(
        setting(&settings, "keys.pause"),
        (json!(["x", "f5"]), "config.toml:8".to_owned())
    );
    assert_eq!(
        setting(&settings, "keys-in.time.up"),
        (json!(["alt-k"]), "config.toml:10".to_owned())
    );
    assert_eq!(
        setting(&settings, "keys.up"),
        (json!(["up", "k"]), "default".to_owned())
    );
    let options = settings.options();
    assert_eq!(options.start, Screen::Events);
    assert_eq!(options.columns, [ColumnName::Name, ColumnName::Gap]);
    assert!(!options.mouse);
    assert_eq!(options.keys.of(Action::Pause), "x");
}

#[test]
fn the_later_file_counts_and_leaves_the_rest() {
    let (mut settings, _) = lay("[ui]\ntheme = \"light\"\nascii = true");
    settings.lay(Path::new("highwater.toml"), "[ui]\ntheme = \"dark\"");
    assert_eq!(
        setting(&settings, "theme"),
        (json!("dark"), "highwater.toml:2".to_owned())
    );
    assert_eq!(setting(&settings, "ascii").1, "config.toml:3");
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_is_right_counts() {
    let (settings, problems) = lay(
        "[ui]\ntheme = \"drak\"\nmose = true\nmouse = 1\nstart = \"evnts\"\ncolumns = [\"gap\", \"size\"]\n\
         ascii = true\n[ui.keys]\npausee = \"x\"\npause = \"hyper-x\"\nquit = \"ctrl-c\"\n[ui.keys-in.tiem]\nup = \"K\"\n\
         [ui.keys-in.log]\npause = \"x\"\n",
    );
    let expected = [
        "config.toml:2: there is no theme \"drak\": write one of auto, dark",
        "config.toml:3: there is no setting \"mose\": there are theme",
        "config.toml:4: write true or false",
        "config.toml:5: there is no screen \"evnts\": write one of overview, events",
        "config.toml:6: there is no column \"size\"",
        "config.toml:9: there is no action \"pausee\"",
        "config.toml:10: \"hyper-x\" is no key",
        "config.toml:11: ctrl-c quits, always",
        "config.toml:12: there is no place \"tiem\" for keys",
        "config.toml:15: pause does nothing in log",
    ];
    for line in expected {
        assert!(
            problems.iter().any(|problem| problem.starts_with(line)),
            "{line}: {problems:#?}"
        );
    }
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    assert_eq!(setting(&settings, "ascii").0, json!(true));
    assert_eq!(setting(&settings, "columns").0, json!([]));
}

#[test]
fn a_key_that_would_mean_two_things_is_refused_with_both_names() {
    let (settings, problems) = lay("[ui.keys]\npause = \"R\"\n");
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].starts_with("config.toml:2: R would mean pause and rebuild in overview"),
        "{problems:?}"
    );
    assert_eq!(
        setting(&settings, "keys.pause"),
        (json!(["p"]), "default".to_owned())
    );
    // Where room was made before, it is nobody else's.
    let (settings, problems) = lay("[ui.keys]\nrebuild = \"ctrl-r\"\npause = \"R\"\n");
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(setting(&settings, "keys.pause").0, json!(["R"]));
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let (_, problems) = lay("[ui]\ntheme = dark\n");
    assert!(
        problems[0].starts_with("config.toml:2: this is not TOML"),
        "{problems:?}"
    );
}

#[test]
fn what_is_in_force_can_be_written_into_a_file_as_it_is_told() {
    let all = Settings::default().all();
    let mut names: Vec<&str> = all.iter().map(|setting| setting.name.as_str()).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "each name once");
    let lines: Vec<String> = all
        .iter()
        .map(|setting| format!("ui.{} = {}\n", setting.name, setting.value))
        .collect();
    let (settings, problems) = lay(&lines.concat());
    assert!(problems.is_empty(), "{problems:#?}");
    assert_eq!(settings.options().keys.of(Action::Pause), "p");
}
