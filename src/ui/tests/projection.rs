//! The Projection screen: each of its panes at the sizes that matter, and what its keys do.

use super::*;
use crate::ui::ask::projection::{Answer, Ask, What};
use crate::ui::screen::Screen;
use crate::ui::state::Layer;
use crate::ui::state::projection::Pane;
use crate::workspace::{Consistency, Policy, RowFilter};

/// The answer to a question; sometimes it is that there is none.
pub fn answer(asked: &Ask, turn: usize) -> Msg {
    let found = match turn % 3 {
        1 if turn > 20 => Err("the file is gone\u{1b}[2J".to_owned()),
        _ => testing::found(&asked.what),
    };
    Msg::Projection(Answer {
        number: asked.number,
        found,
    })
}

/// Answers what was asked, and what is asked then.
fn answer_all(model: &mut Model, effects: Vec<Effect>) {
    let mut waiting = effects;
    while let Some(effect) = waiting.pop() {
        if let Effect::Projection(asked) = effect {
            waiting.extend(update(model, now(), answer(&asked, 0)));
        }
    }
}

fn press_and_answer(model: &mut Model, keys: &[&str]) {
    for key in keys {
        let effects = press(model, &[key]);
        answer_all(model, effects);
    }
}

/// The screen of `orders`.
pub fn opened(mut snapshot: Snapshot, width: u16, height: u16) -> Model {
    if let Some(view) = snapshot.projections.get_mut(2) {
        let millis = Duration::from_millis;
        view.work = crate::lag::why::Work {
            wall: millis(10_000),
            load: millis(120),
            apply: millis(2_310),
            commit: millis(890),
            rebuild: Duration::ZERO,
        };
    }
    let mut model = model_of(snapshot, width, height);
    testing::lived(&mut model);
    press_and_answer(&mut model, &["j", "j", "enter"]);
    model
}

/// Tab, until a pane has the keys.
pub fn go_to(model: &mut Model, pane: Pane) {
    while model.projection.pane() != pane {
        press_and_answer(model, &["tab"]);
    }
}

fn each(name: &str, snapshot: &Snapshot, open: impl Fn(&mut Model)) {
    for (width, height) in [(120, 36), (80, 24), (60, 16), (20, 5)] {
        let mut model = opened(snapshot.clone(), width, height);
        open(&mut model);
        check(
            &format!("{name}_{width}x{height}"),
            &model,
            &Theme::colour(),
        );
    }
}

#[test]
fn every_pane_at_every_size() {
    for pane in Pane::ALL {
        let name = format!("projection_{}", pane.name().to_lowercase());
        each(&name, &testing::normal(), |model| go_to(model, pane));
    }
    each("projection_failed", &testing::failed(), |_| {});
    each("projection_rebuilding", &testing::rebuilding(), |_| {});
    each("projection_empty", &testing::empty(), |_| {});
    each("projection_answers", &testing::normal(), |model| {
        press_and_answer(model, &["A"]);
        type_in(model, "1042");
        press_and_answer(model, &["enter"]);
    });
    each("projection_zoomed", &testing::normal(), |model| {
        go_to(model, Pane::Charts);
        press_and_answer(model, &["z", "}", "left"]);
    });
    each("projection_what_if", &testing::normal(), |model| {
        press_and_answer(model, &[":"]);
        type_in(model, "objective orders batch 500 or 5s");
        press_and_answer(model, &["enter"]);
    });
    each("query_form", &testing::normal(), |model| {
        press(model, &["A", "enter"]);
    });
}

#[test]
fn the_overviews_panes_alone_and_where_there_is_no_room() {
    for (width, height) in [(120, 36), (80, 24), (60, 16)] {
        let mut model = model_of(testing::failed(), width, height);
        testing::lived(&mut model);
        press(&mut model, &["j", "j", "tab", "tab"]);
        let size = format!("{width}x{height}");
        check(&format!("chart_{size}"), &model, &Theme::colour());
        press(&mut model, &["z", "{", "left"]);
        check(&format!("chart_zoomed_{size}"), &model, &Theme::colour());
        press(
            &mut model,
            &["z", "backtab", "backtab", ">", ">", ">", ">", ">", "/"],
        );
        type_in(&mut model, "!live");
        press(&mut model, &["enter"]);
        check(&format!("sorted_{size}"), &model, &Theme::colour());
    }
}

fn asks(effects: &[Effect]) -> Vec<&What> {
    let of = |effect| match effect {
        &Effect::Projection(Ask { ref what, .. }) => Some(what),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

#[test]
fn only_what_is_shown_is_read_and_read_again_only_when_it_can_have_changed() {
    let mut model = opened(testing::normal(), 80, 24);
    let effects = press(&mut model, &["tab", "tab"]);
    assert_eq!(asks(&effects), Vec::<&What>::new(), "charts need nothing");
    press_and_answer(&mut model, &["tab", "tab"]);
    assert_eq!(model.projection.pane(), Pane::Rows);
    let same = update(&mut model, now(), Msg::Snapshot(testing::normal().into()));
    assert_eq!(asks(&same), Vec::<&What>::new(), "nothing has moved");
    let mut moved = testing::normal();
    moved.projections[2].checkpoint = Position::new(HEAD + 1);
    let effects = update(&mut model, now(), Msg::Snapshot(moved.clone().into()));
    assert!(matches!(asks(&effects)[..], [What::Rows(_)]));
    moved.projections[2].checkpoint = Position::new(HEAD + 2);
    let more = update(&mut model, now(), Msg::Snapshot(moved.into()));
    assert_eq!(asks(&more), Vec::<&What>::new(), "one at a time");
    answer_all(&mut model, effects);
    go_to(&mut model, Pane::Sql);
    assert!(model.projection.definition.good().is_some());
}

#[test]
fn the_next_projection_is_shown_without_leaving_and_keys_are_about_it() {
    let mut model = opened(testing::normal(), 120, 36);
    go_to(&mut model, Pane::Sql);
    let effects = press(&mut model, &["J"]);
    assert_eq!(model.screen, Screen::Projection);
    assert_eq!(model.selected().unwrap().name, "orders@ap");
    assert!(
        model.projection.definition.value.is_none(),
        "of another one"
    );
    assert!(matches!(asks(&effects)[..], [What::Definition]));
    press(&mut model, &["K", "K"]);
    assert_eq!(model.selected().unwrap().name, "customers");
    let effects = press(&mut model, &["p"]);
    assert!(
        matches!(&effects[..], [Effect::Operate { projection, .. }] if projection == "customers")
    );
    // An answer to what was asked of another one is not taken.
    let late = testing::found(&What::Definition);
    let number = 1;
    update(
        &mut model,
        now(),
        Msg::Projection(Answer {
            number,
            found: late,
        }),
    );
    assert!(model.projection.definition.value.is_none());
}

#[test]
fn rows_are_sorted_narrowed_and_read_where_they_are_shown() {
    let mut model = opened(testing::normal(), 120, 36);
    go_to(&mut model, Pane::Rows);
    let wanted = |effects: &[Effect]| match asks(effects)[..] {
        [What::Rows(wanted)] => wanted.clone(),
        ref other => panic!("{other:?}"),
    };
    let effects = press(&mut model, &[">"]);
    assert_eq!(wanted(&effects).sort.as_deref(), Some("order_id"));
    answer_all(&mut model, effects);
    let effects = press(&mut model, &["I"]);
    assert!(wanted(&effects).descending);
    answer_all(&mut model, effects);
    press(&mut model, &["/"]);
    let effects = type_in(&mut model, "c-118");
    assert_eq!(
        wanted(&effects).filter.as_ref().map(RowFilter::text),
        Some("c-118")
    );
    answer_all(&mut model, effects);
    press_and_answer(&mut model, &["enter"]);
    // Nothing is read for a step, only for what is not there.
    assert_eq!(press(&mut model, &["j", "j", "pagedown"]), []);
    for _ in 0..15 {
        press_and_answer(&mut model, &["pagedown"]);
    }
    assert_eq!(model.projection.scroll[Pane::Rows as usize], 162);
    assert!(model.projection.rows.page.good().unwrap().first >= 50);
    press_and_answer(&mut model, &["right"]);
    assert_eq!(model.projection.rows.left, 1);
    press_and_answer(&mut model, &["n"]);
    assert_eq!(model.projection.rows.page.good().unwrap().table, 1);
    press_and_answer(&mut model, &["n"]);
    // So many that nobody counts them: the end is the beginning of the other order.
    press_and_answer(&mut model, &["G"]);
    assert!(model.projection.rows.turned);
}

#[test]
fn a_query_is_asked_at_each_level_of_freshness() {
    let mut model = opened(testing::normal(), 120, 36);
    press(&mut model, &["esc", "A"]);
    type_in(&mut model, "1042");
    let effects = press(&mut model, &["enter"]);
    assert_eq!(model.screen, Screen::Projection);
    assert_eq!(model.projection.pane(), Pane::Queries);
    let levels: Vec<Consistency> = asks(&effects)
        .iter()
        .filter_map(|what| match what {
            What::Query { consistency, .. } => Some(*consistency),
            _ => None,
        })
        .collect();
    assert_eq!(levels.len(), 4);
    assert_eq!(levels[1], Consistency::AtLeast(Position::new(HEAD)));
    answer_all(&mut model, effects);
    let answers = model.projection.answers.as_ref().unwrap();
    assert!(answers.all.iter().all(|level| level.answer.is_some()));
    press(&mut model, &["n"]);
    assert_eq!(model.projection.answers.as_ref().unwrap().shown, 1);
    // The form remembers.
    press(&mut model, &["enter"]);
    let Some(Layer::Query(question)) = model.layers.last() else {
        panic!("no form")
    };
    assert_eq!(question.form.fields[0].editor.text(), "1042");
}

#[test]
fn a_query_can_be_typed_with_its_parameters_and_a_level() {
    let mut model = model_of(testing::normal(), 120, 36);
    let typed = |model: &mut Model, words: &str| {
        press(model, &[":"]);
        type_in(model, words);
        press(model, &["enter"])
    };
    let effects = typed(&mut model, "query orders GetOrderById order_id=7 strong");
    assert!(matches!(
        asks(&effects)[..],
        [What::Query {
            consistency: Consistency::Strong,
            ..
        }]
    ));
    // Where something is missing, the form is opened.
    typed(&mut model, "query orders GetOrderById within=1s");
    assert!(matches!(model.layers.last(), Some(Layer::Query(q)) if q.form.focus == 0));
    press(&mut model, &["esc"]);
    typed(&mut model, "query orders GetOrder");
    assert!(matches!(model.layers.last(), Some(Layer::Line(line)) if line.error.is_some()));
    press(&mut model, &["esc"]);
    // A dashboard that only looks does not have a manual one apply.
    model.read_only = true;
    let effects = typed(&mut model, "query audit GetOrderById order_id=7 strong");
    assert!(matches!(
        asks(&effects)[..],
        [What::Query {
            consistency: Consistency::Eventual,
            ..
        }]
    ));
}

#[test]
fn another_policy_is_asked_about_and_o_shows_the_objective() {
    let mut model = model_of(testing::normal(), 120, 36);
    let effects = press(&mut model, &["j", "j", "O"]);
    assert!(matches!(asks(&effects)[..], [What::Service]));
    answer_all(&mut model, effects);
    press(&mut model, &["enter"]);
    assert!(
        matches!(model.layers.last(), Some(Layer::Line(line)) if line.editor.text() == "objective orders ")
    );
    type_in(&mut model, "every 2s");
    let effects = press(&mut model, &["enter"]);
    let policy: Policy = "every 2s".parse().unwrap();
    assert!(matches!(asks(&effects)[..], [What::Forecast(asked, _)] if *asked == policy));
    answer_all(&mut model, effects);
    let (_, found) = model.projection.what_if.as_ref().unwrap();
    assert!(found.good().is_some());
}

#[test]
fn a_parked_event_that_is_chosen_is_the_one_that_is_tried_again() {
    let mut model = opened(testing::normal(), 120, 36);
    go_to(&mut model, Pane::Parked);
    press(&mut model, &["j", "t"]);
    let position = HEAD - 45;
    assert!(
        matches!(model.layers.last(), Some(Layer::Line(line)) if line.editor.text() == format!("retry orders {position} "))
    );
    press(&mut model, &["esc", "enter"]);
    assert_eq!(model.screen, Screen::Events, "the event, in the log");
}

#[test]
fn esc_takes_what_the_rows_are_narrowed_to_away_before_it_goes_back() {
    let mut model = opened(testing::normal(), 120, 36);
    press_and_answer(&mut model, &["/", "c", "1", "enter"]);
    assert!(on_screen(&model).contains("Esc no filter"));
    let effects = press(&mut model, &["esc"]);
    assert_eq!(model.screen, Screen::Projection);
    assert_eq!(model.narrowed_to(), "");
    assert!(!asks(&effects).is_empty(), "all rows are asked for");
    press(&mut model, &["esc"]);
    assert_eq!(model.screen, Screen::Overview);
}

#[test]
fn the_rows_that_were_read_and_the_answer_that_is_shown_can_be_saved() {
    let mut model = opened(testing::normal(), 120, 36);
    go_to(&mut model, Pane::Rows);
    let saved = |effects: &[Effect]| match effects {
        [Effect::Save { text, .. }] => text.lines().take(2).collect::<Vec<_>>().join(" "),
        other => panic!("{other:?}"),
    };
    let effects = press(&mut model, &["E"]);
    assert_eq!(
        saved(&effects),
        "order_id,customer,status,total,note 1000,c-118,placed,12900,"
    );
    press_and_answer(&mut model, &["A"]);
    type_in(&mut model, "1042");
    press_and_answer(&mut model, &["enter"]);
    let effects = press(&mut model, &["E"]);
    assert_eq!(
        saved(&effects),
        "order_id,customer,status,total,note 1042,c-118,placed,12900,"
    );
}
