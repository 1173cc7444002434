//! What is told somewhere: what is wrong, what is not to be had and why, and what the line begins with.

use std::time::Duration;

use super::super::screen::Screen;
use super::super::state::page::{About, Page};
use super::super::state::projection::Pane;
use super::super::state::{Layer, Model, Said};
use super::super::testing::{self, model_of};
use super::super::update::Effect;
use super::super::{testing::found, theme::Theme};
use super::{drawn, press, preview, shown, type_in};
use crate::event::Position;
use crate::workspace::Policy;

fn screen(model: &Model) -> String {
    let theme = Theme::dark();
    shown(&drawn(model, &theme), &theme)
}

fn said(model: &Model) -> &str {
    match &model.said {
        Some(Said::Note(_, words)) => words,
        _ => "",
    }
}

fn line(model: &Model) -> &str {
    match model.layers.last() {
        Some(Layer::Line(line)) => line.editor.text(),
        other => panic!("no line: {other:?}"),
    }
}

fn typed(model: &mut Model, words: &str) -> String {
    press(model, &[":"]);
    type_in(model, words);
    press(model, &["enter"]);
    match model.layers.last() {
        Some(Layer::Line(line)) => line.error.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

#[test]
fn no_load_here_is_something_else_than_no_commands() {
    let mut model = testing::model();
    model.load = None;
    press(&mut model, &["l"]);
    assert!(said(&model).contains("no load in this process"));
    assert!(typed(&mut model, "load 50").contains("no load in this process"));
    press(&mut model, &["esc"]);
    model.commands = [].into();
    press(&mut model, &["l"]);
    assert_eq!(said(&model), "this workspace has no commands");
    model.read_only = true;
    press(&mut model, &["l"]);
    assert!(said(&model).contains("only looks"));
}

#[test]
fn every_problem_is_on_the_log_screen_and_why_tells_that_of_a_broken_file() {
    let mut snapshot = testing::normal();
    snapshot.problems = vec![
        "projections/bad.sql:14:9: near \"SELEC\": syntax error in\n  SELEC 1\n  ^".to_owned(),
        "orders: its file cannot be read".to_owned(),
    ];
    let mut model = model_of(snapshot, 120, 36);
    assert!(typed(&mut model, "why bad").contains("SELEC"));
    press(&mut model, &["ctrl-u"]);
    type_in(&mut model, "why ad");
    press(&mut model, &["enter"]);
    assert!(screen(&model).contains("no projection \"ad\""));
    press(&mut model, &["esc", "7"]);
    assert_eq!(model.screen, Screen::Log);
    let seen = screen(&model);
    assert!(seen.contains("SELEC") && seen.contains("orders: its file cannot be read"));
    assert!(!seen.contains("Nothing to report"));
    // SQLite points at the place: its lines stay lines.
    let column = |words: &str| {
        let line = seen.lines().find(|line| line.trim() == words);
        line.and_then(|line| line.find(words))
    };
    assert!(column("^").is_some(), "{seen}");
    assert_eq!(column("^"), column("SELEC 1"));
}

#[test]
fn the_line_begins_with_what_enter_takes_and_says_what_a_skip_needs() {
    let mut model = testing::model();
    press(&mut model, &["t"]);
    let name = model.selected().unwrap().name.clone();
    assert_eq!(line(&model), format!("retry {name} all"));
    let effects = press(&mut model, &["enter"]);
    assert!(
        matches!(effects[..], [Effect::Operate { .. }, ..]),
        "{effects:?}"
    );
    press(&mut model, &["s"]);
    assert!(screen(&model).contains("a parked event's position, then the reason"));
}

fn parked_page(projection: &str) -> Page {
    use super::super::ask::projection::{Found, What};
    let Ok(Found::Parked(parked)) = found(&What::Parked) else {
        panic!("nothing is parked");
    };
    Page::new(projection.to_owned(), About::Parked(Some(Ok(parked))))
}

#[test]
fn where_parked_events_are_shown_tab_completes_them_and_the_footer_names_the_keys() {
    let mut model = testing::model();
    let name = model.selected().unwrap().name.clone();
    assert!(!screen(&model).contains("s skip"));
    let page = parked_page(&name);
    let first = page.all_parked().unwrap()[0].position;
    model.layers.push(Layer::Page(page));
    let seen = screen(&model);
    assert!(
        seen.contains("t retry") && seen.contains("s skip"),
        "{seen}"
    );
    press(&mut model, &["s", "ctrl-u"]);
    type_in(&mut model, &format!("skip {name} "));
    press(&mut model, &["tab"]);
    assert_eq!(line(&model), format!("skip {name} {first} "));
    let mut model = super::projection::opened(testing::normal(), 120, 36);
    super::projection::go_to(&mut model, Pane::Parked);
    let seen = screen(&model);
    assert!(
        seen.contains("t retry") && seen.contains("s skip"),
        "{seen}"
    );
}

#[test]
fn what_has_the_keys_on_rebuilds_is_what_is_exported() {
    let mut model = model_of(testing::rebuilding(), 120, 36);
    press(&mut model, &["6"]);
    assert_eq!(model.screen, Screen::Rebuilds);
    let effects = press(&mut model, &["E"]);
    let [Effect::Save { text, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(text.starts_with("name,version,new_version,held"), "{text}");
    assert!(text.contains("3f2a91c.2,false,54120,"), "{text}");
}

#[test]
fn events_are_exported_with_their_data_and_numbers_stay_numbers() {
    use super::super::state::events::first_fields;
    use crate::event::JsonObject;
    let data = JsonObject::parse(r#"{"order":7,"code":"42","paid":true}"#).unwrap();
    let values: Vec<_> = first_fields(&data).iter().map(|f| f.json()).collect();
    assert_eq!(
        serde_json::json!(values),
        serde_json::json!([7, "42", true])
    );
    let mut model = testing::model();
    let effects = press(&mut model, &["2"]);
    testing::events::settle(&mut model, effects);
    let effects = press(&mut model, &["E"]);
    let [Effect::Save { text, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(
        text.starts_with("position,recorded_at,stream,version,type,data"),
        "{text}"
    );
}

#[test]
fn a_rebuild_of_a_manual_one_says_how_far_it_goes() {
    let mut snapshot = testing::normal();
    snapshot.projections[0].policy = Policy::Manual;
    snapshot.projections[0].checkpoint = Position::START;
    let name = snapshot.projections[0].name.clone();
    let mut model = model_of(snapshot, 120, 36);
    model.overview.selected = Some(name);
    press(&mut model, &["R"]);
    let Some(Layer::Confirm(confirm)) = model.layers.last_mut() else {
        panic!("nothing is asked");
    };
    let mut nothing = preview(None);
    (nothing.events, nothing.takes) = (0, None);
    confirm.preview = Some(Ok(nothing));
    let seen = screen(&model);
    assert!(seen.contains("It goes up to position 0"), "{seen}");
    assert!(
        seen.contains("no time: there is nothing to apply"),
        "{seen}"
    );
}

/// Of an idle workspace no more pictures come: what is drawn then is right at any later moment.
#[test]
fn an_idle_workspace_says_since_when_nothing_was_stored_and_not_for_how_long() {
    let mut snapshot = testing::normal();
    snapshot.taken_at += jiff::SignedDuration::from_secs(37);
    let mut model = model_of(snapshot, 120, 36);
    for keys in [&["j", "j", "w"][..], &["esc", "3"]] {
        press(&mut model, keys);
        let drawn = screen(&model);
        assert!(drawn.contains("nothing has been stored"), "{drawn}");
        assert!(!drawn.contains("stored for"), "{drawn}");
        assert!(drawn.contains("since 2026-03-14 09:26:53 UTC"), "{drawn}");
    }
}

#[test]
fn the_overview_says_of_one_that_is_folded_in_memory_how_often_it_is_stored() {
    let mut snapshot = testing::normal();
    snapshot.projections[1].stored_within = std::time::Duration::from_secs(1);
    for (size, told) in [
        ((200, 40), "live, stored every 1.0 s"),
        ((120, 36), "live, within 1s"),
        ((80, 24), "live, within 1s"),
    ] {
        let drawn = screen(&model_of(snapshot.clone(), size.0, size.1));
        assert!(drawn.contains(told), "{drawn}");
        assert!(drawn.contains("batch 500 or 5s"), "{drawn}");
    }
}

#[test]
fn a_breach_that_is_about_to_end_is_said_with_what_is_true_of_its_age() {
    let mut snapshot = testing::normal();
    let view = &mut snapshot.projections[0];
    view.objective = Some(Duration::from_secs(1));
    (view.breach, view.lag.age) = (true, Duration::from_secs(3));
    let name = view.name.clone();
    let late = screen(&model_of(snapshot.clone(), 120, 36));
    assert!(late.contains(&format!("{name} 3.0s of 1s")), "{late}");
    snapshot.projections[0].lag.age = Duration::ZERO;
    let again = screen(&model_of(snapshot, 120, 36));
    assert!(
        again.contains(&format!("{name} within 1s again")),
        "{again}"
    );
    assert!(!again.contains("0 of 1s"), "{again}");
}

#[test]
fn a_gap_in_which_nothing_concerns_it_is_dim() {
    let mut snapshot = testing::normal();
    for (view, behind) in snapshot.projections.iter_mut().zip([0, 4]) {
        (view.lag.gap, view.lag.behind) = (7_777 + behind, behind);
        view.lag.behind_exact = true;
    }
    let model = model_of(snapshot, 120, 36);
    let theme = Theme::dark();
    let buffer = drawn(&model, &theme);
    let style = |words: &str| {
        let cells = buffer.content().windows(words.len());
        let mut found = cells.filter(|cells| {
            let symbols = cells.iter().map(|cell| cell.symbol());
            symbols.collect::<String>() == words
        });
        found.next().unwrap()[0].style().fg
    };
    assert_eq!(style("7,777"), theme.dim.fg);
    assert_ne!(style("7,781"), theme.dim.fg);
}
