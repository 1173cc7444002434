//! What Enter and Tab do with a line: what stands there, and nothing else.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::super::state::Said;
use super::super::super::state::form::{Form, Refusal};
use super::super::super::testing::{HEAD, model, model_of, normal};
use super::super::super::tests::{on_screen, press, type_in};
use super::*;

/// Types a line and presses Enter.
fn lined(model: &mut Model, text: &str) -> Vec<Effect> {
    press(model, &[":"]);
    type_in(model, text);
    press(model, &["enter"])
}

fn open(model: &Model) -> &super::super::super::state::line::CommandLine {
    match model.layers.last() {
        Some(Layer::Line(line)) => line,
        other => panic!("no line: {other:?}"),
    }
}

fn form(model: &Model) -> &Form {
    match model.layers.last() {
        Some(Layer::Form(form)) => form,
        other => panic!("no form: {other:?}"),
    }
}

/// A model whose `PlaceOrder` has an example for each field.
fn with_examples() -> Model {
    let mut model = model();
    let mut commands = model.commands.to_vec();
    for command in &mut commands {
        let fields = command.schema["properties"].as_object_mut();
        for (name, field) in fields.into_iter().flatten() {
            let example = match (name.as_str(), &field["type"]) {
                ("lines", _) => json!([{"product": "mug", "quantity": 2}]),
                (_, kind) if kind == "integer" => json!(7),
                _ => json!("ada"),
            };
            field["examples"] = json!([example]);
        }
    }
    model.commands = Arc::from(commands);
    model
}

#[test]
fn an_example_that_nobody_typed_is_never_sent_by_the_line() {
    for typed in [
        "PlaceOrder",
        "PlaceOrder order=7",
        "PlaceOrder order=7 lines=mug:1",
        "CancelOrder",
        "ProcessPayment amount=5",
    ] {
        let mut model = with_examples();
        assert_eq!(lined(&mut model, typed), [], "{typed}");
        let name = typed.split(' ').next().unwrap();
        assert_eq!(form(&model).command.name, name);
    }
}

#[test]
fn what_is_missing_is_asked_for_in_the_form_with_what_was_typed() {
    let mut model = with_examples();
    lined(
        &mut model,
        "PlaceOrder order=9 priority=express note=\"by noon\"",
    );
    let form = form(&model);
    let filled: Vec<&str> = form.fields.iter().map(|f| f.editor.text()).collect();
    assert_eq!(filled[0], "9");
    assert_eq!(filled[3..], ["express", "by noon"]);
    assert_eq!(form.focus, 1, "the first that is missing");
    let answer = form.answer.as_ref().unwrap();
    assert_eq!(answer.outcome, Refusal::Needed);
    assert!(
        answer.reason.starts_with("customer, lines. "),
        "{}",
        answer.reason
    );
    // Nobody was there: it is no error.
    assert!(!form.fields[1].touched && !form.fields[2].touched);
    let seen = on_screen(&model);
    assert!(
        seen.contains(" still needed: customer, lines. An example stands"),
        "{seen}"
    );
    assert!(!seen.contains("not sent"), "{seen}");
    // What was typed and is wrong is told first.
    let mut model = with_examples();
    lined(&mut model, "PlaceOrder order=9 priority=never");
    let answer = self::form(&model).answer.clone().unwrap();
    assert_eq!(answer.outcome, Refusal::NotSent);
    assert!(
        answer.reason.contains("; still needed: customer, lines"),
        "{}",
        answer.reason
    );
    // What may be left empty is not filled in by anybody.
    let mut model = with_examples();
    lined(&mut model, "PlaceOrder order=9 lines=pot:1");
    let effects = press(&mut model, &["enter"]);
    let [Effect::Send { data, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!((&data["customer"], data.get("note")), (&json!("ada"), None));
}

#[test]
fn what_is_complete_is_sent_as_it_was_typed_with_the_schemas_defaults_alone() {
    let mut model = with_examples();
    let effects = lined(&mut model, "PlaceOrder order=9 customer=bob lines=pot:1");
    let data = json!({
        "order": 9, "customer": "bob", "lines": [{"product": "pot", "quantity": 1}], "priority": "normal"
    });
    let command = "PlaceOrder".to_owned();
    assert_eq!(effects, [Effect::Send { command, data }]);
}

#[test]
fn a_field_given_twice_an_unknown_one_and_an_open_quotation_are_refused_where_they_stand() {
    let whole = "order=9 customer=bob lines=pot:1";
    for (typed, words) in [
        (
            format!("PlaceOrder {whole} order=8"),
            "PlaceOrder cannot be sent: order must be given once, not twice",
        ),
        (
            "PlaceOrder order=9 order=9".to_owned(),
            "order must be given once, not twice; customer is missing",
        ),
        (
            format!("PlaceOrder {whole} colour=red"),
            "colour is no field here",
        ),
        (
            format!("PlaceOrder {whole} red"),
            "each word must be field=value",
        ),
        (
            format!("PlaceOrder {whole} note=\"unclosed"),
            "note=\"unclosed has no end: write \" behind it",
        ),
        (
            format!("PlaceOrder {whole} note=it's late"),
            "note=it's late has no end: write ' behind it, or \" around",
        ),
    ] {
        let mut model = model();
        assert_eq!(lined(&mut model, &typed), [], "{typed}");
        let line = open(&model);
        let error = line.error.as_deref().unwrap();
        assert!(error.contains(words), "{typed}: {error}");
        assert_eq!((line.editor.text(), &line.sending), (&*typed, &None));
    }
}

#[test]
fn a_parameter_of_a_query_given_twice_is_refused() {
    let mut model = model();
    let typed = "query orders GetOrderById order_id=1 order_id=2";
    let effects = lined(&mut model, typed);
    if model
        .projection("orders")
        .is_some_and(|view| view.queries.iter().any(|q| q.name == "GetOrderById"))
    {
        assert_eq!(effects, []);
        let error = open(&model).error.as_deref().unwrap();
        assert_eq!(error, "order_id must be given once, not twice");
    } else {
        panic!("the query is gone");
    }
}

#[test]
fn enter_never_turns_a_name_into_a_longer_one_and_none_is_shown_behind_it() {
    // `orders@ap` begins with `orders`, `rebuilds` with `rebuild`.
    for typed in [
        "retry orders",
        "skip orders",
        "rebuild orders",
        "verify orders",
        "query orders",
        "why orders",
        "repair orders",
        "pause orders",
        "resume orders",
        "policy orders",
        "cutover orders",
        "diff orders",
        "rebuild",
        "log",
        "time",
    ] {
        let mut model = model();
        press(&mut model, &[":"]);
        type_in(&mut model, typed);
        let ghosts = on_screen(&model);
        assert!(
            ghosts
                .lines()
                .any(|line| line.trim_end() == format!(" :{typed}")),
            "{typed}: {ghosts}"
        );
        press(&mut model, &["enter"]);
        if let Some(Layer::Line(line)) = model.layers.last()
            && line.error.is_some()
        {
            assert_eq!(line.editor.text(), typed);
            let seen = on_screen(&model);
            assert!(
                seen.lines()
                    .any(|line| line.trim_end() == format!(" :{typed}")),
                "{typed}: {seen}"
            );
        }
    }
}

#[test]
fn tab_ends_a_word_that_is_whole_and_completes_one_that_is_not() {
    for (typed, then) in [
        ("rebuild orders", "rebuild orders "),
        ("rebuild orders@", "rebuild orders@ap "),
        ("rebuild", "rebuild "),
        ("rebuil", "rebuild "),
        ("PlaceOrder priority=normal", "PlaceOrder priority=normal "),
        (
            "PlaceOrder note=\"a b\" prio",
            "PlaceOrder note=\"a b\" priority=",
        ),
    ] {
        let mut model = model();
        press(&mut model, &[":"]);
        type_in(&mut model, typed);
        press(&mut model, &["tab"]);
        assert_eq!(open(&model).editor.text(), then);
    }
}

#[test]
fn what_cannot_be_tried_again_says_that_nothing_is_parked() {
    for word in ["retry", "skip"] {
        let mut snapshot = normal();
        for view in &mut snapshot.projections {
            view.parked = 0;
        }
        let mut model = model_of(snapshot, 120, 36);
        assert_eq!(lined(&mut model, &format!("{word} orders")), []);
        let error = open(&model).error.as_deref();
        assert_eq!(error, Some("nothing is parked in orders"));
    }
}

#[test]
fn a_new_thing_is_not_completed_with_one_that_is_there() {
    let mut model = with_examples();
    let keys = vec!["1042".to_owned(), "1041".to_owned()];
    model.known = Arc::new([("order".to_owned(), keys.clone())].into());
    let shown = |model: &Model, line: &str| candidates(model, line);
    assert_eq!(
        shown(&model, "ShipOrder order="),
        ["order=1042", "order=1041"]
    );
    assert_eq!(
        shown(&model, "PlaceOrder order="),
        ["order=7"],
        "the example"
    );
    let form = |model: &mut Model| {
        lined(model, "PlaceOrder order=1");
        form(model).fields[0].options.clone()
    };
    assert_eq!(form(&mut model), Vec::<String>::new());
    let keys = [keys, vec!["7".to_owned()]].concat();
    model.layers.clear();
    model.known = Arc::new([("order".to_owned(), keys)].into());
    let none: [&str; 0] = [];
    assert_eq!(shown(&model, "PlaceOrder order="), none, "it is taken");
}

#[test]
fn an_example_is_taken_by_tab_and_read_as_one_word() {
    let mut model = with_examples();
    let mut commands = model.commands.to_vec();
    for command in &mut commands {
        if command.name == "PlaceOrder" {
            command.schema["properties"]["note"]["examples"] = json!(["by the door"]);
        }
    }
    model.commands = Arc::from(commands);
    press(&mut model, &[":"]);
    type_in(&mut model, "PlaceOrder order=9 note=by");
    press(&mut model, &["tab"]);
    assert_eq!(
        open(&model).editor.text(),
        "PlaceOrder order=9 note=\"by the door\" "
    );
    type_in(&mut model, "customer=");
    press(&mut model, &["tab"]);
    type_in(&mut model, "lines=");
    press(&mut model, &["tab"]);
    let effects = press(&mut model, &["enter"]);
    let [Effect::Send { data, .. }] = &effects[..] else {
        panic!("{effects:?} {}", open(&model).editor.text());
    };
    let expected: Value = json!({
        "order": 9, "customer": "ada", "lines": [{"product": "mug", "quantity": 2}],
        "note": "by the door", "priority": "normal"
    });
    assert_eq!(*data, expected);
}

#[test]
fn a_position_alone_goes_to_its_event_and_says_so_before() {
    let mut model = model();
    for typed in ["12,345", "events 12345"] {
        press(&mut model, &["1", ":"]);
        type_in(&mut model, typed);
        let number = typed.rsplit(' ').next().unwrap();
        let seen = on_screen(&model);
        let words = format!("Enter goes to the event at {number} of 128,403");
        assert!(seen.contains(&words), "{seen}");
        press(&mut model, &["enter"]);
        assert_eq!(model.screen, Screen::Events);
        assert_eq!(model.events.list.at.get(), 12_345);
    }
    lined(&mut model, &format!("{}", HEAD + 1));
    let error = open(&model).error.as_deref().unwrap();
    assert!(error.contains("positions go from 1 to"), "{error}");
    press(&mut model, &["ctrl-u"]);
    type_in(&mut model, "events ");
    assert!(on_screen(&model).contains("a position to go to, or what is wanted:"));
}

#[test]
fn a_line_that_says_events_alone_shows_all_of_them() {
    let mut model = model();
    lined(&mut model, "events type:placed");
    press(&mut model, &["1"]);
    lined(&mut model, "events");
    assert!(model.events.search.is_everything());
    assert!(model.events.list.is_stale, "they are read anew");
    let said = match &model.said {
        Some(Said::Note(_, words)) => words.as_str(),
        other => panic!("{other:?}"),
    };
    assert_eq!(said, "all events again: no longer only type:placed");
    // The key goes back to what one looked at.
    lined(&mut model, "events type:placed");
    press(&mut model, &["1", "2"]);
    assert_eq!(model.events.search.text(), "type:placed");
}

#[test]
fn a_screen_of_one_projection_is_shown_for_the_one_that_is_named() {
    for (word, screen) in [
        ("projection", Screen::Projection),
        ("time", Screen::Time),
        ("rebuilds", Screen::Rebuilds),
    ] {
        let mut model = model();
        lined(&mut model, &format!("{word} revenue"));
        assert_eq!(model.screen, screen);
        assert_eq!(model.selected().unwrap().name, "revenue");
        press(&mut model, &["1"]);
        lined(&mut model, &format!("{word} nosuch"));
        let error = open(&model).error.clone().unwrap();
        assert!(
            error.contains("no projection \"nosuch\"; there are"),
            "{error}"
        );
    }
}

#[test]
fn words_that_nothing_would_be_done_with_are_refused() {
    for (typed, word) in [
        ("log foo", "foo"),
        ("quit now please", "now"),
        ("projection revenue 7", "7"),
        ("stream order-1 x", "x"),
        ("overview a", "a"),
    ] {
        let mut model = model();
        assert_eq!(lined(&mut model, typed), [], "{typed}");
        let error = open(&model).error.clone().unwrap();
        assert!(
            error.contains(&format!("nothing with {word:?}")),
            "{typed}: {error}"
        );
    }
}

#[test]
fn the_form_opens_where_something_is_missing_and_says_that_a_sketch_would_be_sent() {
    let mut model = model();
    let mut commands = model.commands.to_vec();
    let mut info = commands[0].clone();
    info.name = "X".into();
    info.schema = json!({
        "type": "object", "required": ["order", "order_note", "lines"],
        "properties": {
            "order": {"type": "string"}, "order_note": {"type": "string"},
            "lines": {"type": "array", "items": {
                "type": "object", "required": ["product"], "properties": {"product": {"type": "string"}}
            }}
        }
    });
    commands.push(info);
    model.commands = Arc::from(commands);
    lined(&mut model, "X order=7 lines=a");
    assert_eq!(form(&model).fields[form(&model).focus].name, "order_note");
    press(&mut model, &["esc"]);
    lined(&mut model, "X order=7 order_note=n");
    let answer = form(&model).answer.clone().unwrap();
    assert!(
        answer.reason.contains("An example stands"),
        "{}",
        answer.reason
    );
}

#[test]
fn a_bare_as_of_means_what_the_time_screen_shows_and_says_so() {
    let mut model = crate::ui::testing::model();
    super::super::time::open(&mut model, "audit".to_owned(), None);
    model.overview.selected = Some("orders".to_owned());
    let means = |model: &Model, line| crate::ui::state::line::needs(model, line);
    assert_eq!(
        means(&model, "as-of").as_deref(),
        Some("Enter means audit, which is shown")
    );
    let of_chosen = "Enter means orders, which is chosen";
    for line in ["cancel", "undo"] {
        assert_eq!(means(&model, line).as_deref(), Some(of_chosen), "{line}");
    }
    let effects = on_projection(&mut model, Action::Undo, &[]).unwrap();
    assert!(
        matches!(&effects[..], [Effect::Undo { projection }] if projection == "orders"),
        "{effects:?}"
    );
    on_projection(&mut model, Action::Past, &[]).unwrap();
    assert_eq!(model.time.as_ref().unwrap().projection, "audit");
}
