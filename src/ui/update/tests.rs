//! What each action does, through its key.

use serde_json::json;

use super::super::screen::Screen;
use super::super::state::{Layer, Model, Said, Tone};
use super::super::testing::{self, HEAD, model, model_of, now};
use super::super::tests::{key, press, type_in};
use super::*;
use crate::event::{Position, StreamId, Version};
use crate::lag::Status;

/// The normal shop with `orders` chosen: replayable, live.
fn orders() -> Model {
    let mut model = model();
    model.overview.selected = Some("orders".to_owned());
    model
}

fn operate(projection: &str, operation: Operation) -> Vec<Effect> {
    vec![Effect::Operate {
        projection: projection.to_owned(),
        operation,
    }]
}

fn preview(refused: Option<&str>) -> Preview {
    Preview {
        events: 10,
        takes: None,
        disk_needed: 0,
        disk_free: None,
        answers: Vec::new(),
        parked: Default::default(),
        refused: refused.map(str::to_owned),
    }
}

/// Answers the previews that were asked for.
fn answer(model: &mut Model, effects: Vec<Effect>, refused: Option<&str>) {
    for effect in effects {
        if let Effect::Preview {
            projection,
            operation,
        } = effect
        {
            let result = Ok(preview(refused));
            let msg = Msg::Previewed {
                projection,
                operation,
                result,
            };
            update(model, now(), msg);
        }
    }
}

fn sent(command: &str, outcome: Outcome) -> Msg {
    Msg::Sent {
        command: command.to_owned(),
        outcome: Ok(outcome),
    }
}

fn accepted(position: u64) -> Outcome {
    Outcome::Accepted {
        position: Some(Position::new(position)),
        stream: StreamId::new("order-7").unwrap(),
        version: Version::new(1),
        repeated: false,
    }
}

#[test]
fn q_quits_from_the_screen_and_is_a_letter_in_a_field() {
    let mut model = model();
    assert_eq!(press(&mut model, &["q"]), [Effect::Quit]);
    assert_eq!(press(&mut model, &["c", "q"]), []);
    assert!(matches!(model.layers.last(), Some(Layer::Commands(c)) if c.filter.text() == "q"));
    assert_eq!(press(&mut model, &["ctrl-c"]), [Effect::Quit]);
}

#[test]
fn esc_closes_one_layer_at_a_time() {
    let mut model = model();
    press(&mut model, &["c", "enter"]);
    assert_eq!(model.layers.len(), 2);
    press(&mut model, &["esc"]);
    assert_eq!(model.layers.len(), 1);
    press(&mut model, &["esc"]);
    assert!(model.layers.is_empty());
    model.say(Tone::Info, "something");
    press(&mut model, &["esc"]);
    assert_eq!(model.said, None);
}

#[test]
fn the_choice_moves_stops_at_the_ends_and_stays_on_its_row() {
    let mut model = model();
    press(&mut model, &["j", "down"]);
    assert_eq!(model.selected().unwrap().name, "orders");
    let mut other = testing::normal();
    other.projections.remove(0);
    update(&mut model, now(), Msg::Snapshot(other.into()));
    assert_eq!(model.selected().unwrap().name, "orders");
    press(&mut model, &["end", "j"]);
    assert_eq!(model.selected().unwrap().name, "stock");
    press(&mut model, &["pageup", "k"]);
    assert_eq!(model.selected().unwrap().name, "customers");
    press(&mut model, &["G"]);
    assert_eq!(model.selected().unwrap().name, "stock");
    press(&mut model, &["g"]);
    assert_eq!(model.selected().unwrap().name, "customers");
}

#[test]
fn p_pauses_what_runs_and_resumes_what_is_paused() {
    let mut model = orders();
    assert_eq!(
        press(&mut model, &["p"]),
        operate("orders", Operation::Pause)
    );
    let mut snapshot = testing::normal();
    snapshot.projections[2].lag.status = Status::Paused;
    update(&mut model, now(), Msg::Snapshot(snapshot.into()));
    assert_eq!(
        press(&mut model, &["p"]),
        operate("orders", Operation::Resume)
    );
}

#[test]
fn a_applies_what_waits() {
    let mut model = model();
    assert_eq!(
        press(&mut model, &["a"]),
        operate("audit", Operation::Apply)
    );
}

#[test]
fn a_policy_is_checked_before_it_is_set() {
    let mut model = orders();
    press(&mut model, &["P", "ctrl-u"]);
    type_in(&mut model, "every soon");
    assert_eq!(press(&mut model, &["enter"]), []);
    assert_eq!(model.layers.len(), 1);
    press(&mut model, &["ctrl-u"]);
    type_in(&mut model, "batch 50 or 1s");
    let effects = press(&mut model, &["enter"]);
    let policy = Operation::SetPolicy("batch 50 or 1s".parse().unwrap());
    assert_eq!(effects, operate("orders", policy));
    assert!(model.layers.is_empty());
}

#[test]
fn the_arrows_walk_through_the_policies_and_tab_completes_one() {
    let mut model = orders();
    press(&mut model, &["P", "down"]);
    let effects = press(&mut model, &["enter"]);
    let policy = Operation::SetPolicy("batch 500 or 5s".parse().unwrap());
    assert_eq!(effects, operate("orders", policy));
    press(&mut model, &["P", "ctrl-u", "m", "tab"]);
    let effects = press(&mut model, &["enter"]);
    let policy = Operation::SetPolicy("manual".parse().unwrap());
    assert_eq!(effects, operate("orders", policy));
}

#[test]
fn a_rebuild_happens_only_after_its_preview() {
    let mut model = orders();
    let asked = press(&mut model, &["R"]);
    assert_eq!(asked.len(), 1);
    let shown = |model: &Model| super::super::tests::on_screen(model);
    assert!(shown(&model).contains("working out what it means"));
    assert!(!shown(&model).contains("Enter do it"));
    assert_eq!(press(&mut model, &["enter"]), []);
    let early = "press Enter again once it is here";
    assert!(shown(&model).contains(early), "{}", shown(&model));
    answer(&mut model, asked, None);
    assert!(
        shown(&model).contains("Enter does it."),
        "{}",
        shown(&model)
    );
    assert!(shown(&model).contains("Enter do it"));
    assert_eq!(
        press(&mut model, &["enter"]),
        operate("orders", Operation::Rebuild { hold: false })
    );
}

#[test]
fn a_replay_needs_its_position_and_the_name_typed() {
    let mut model = orders();
    let asked = press(&mut model, &["Y"]);
    answer(&mut model, asked, None);
    press(&mut model, &["ctrl-u"]);
    let asked = type_in(&mut model, "1,200");
    answer(&mut model, asked, None);
    assert_eq!(press(&mut model, &["enter"]), []);
    type_in(&mut model, "order");
    assert_eq!(press(&mut model, &["enter"]), []);
    type_in(&mut model, "s");
    let after = Position::new(1_200);
    assert_eq!(
        press(&mut model, &["enter"]),
        operate("orders", Operation::Replay { after })
    );
}

#[test]
fn a_preview_of_another_position_does_not_count() {
    let mut model = orders();
    let stale = press(&mut model, &["Y"]);
    press(&mut model, &["ctrl-u", "9", "tab"]);
    answer(&mut model, stale, None);
    type_in(&mut model, "orders");
    assert_eq!(press(&mut model, &["enter"]), []);
}

#[test]
fn a_preview_that_is_out_of_date_is_forgotten_when_the_position_changes() {
    let mut model = orders();
    let asked = press(&mut model, &["Y"]);
    answer(&mut model, asked, None);
    press(&mut model, &["5", "tab"]);
    type_in(&mut model, "orders");
    assert_eq!(press(&mut model, &["enter"]), []);
}

#[test]
fn a_refused_replay_offers_a_rebuild() {
    let mut model = model();
    model.overview.selected = Some("revenue".to_owned());
    press(&mut model, &["Y"]);
    assert_eq!(model.context(), Context::Confirm);
    let asked = press(&mut model, &["enter"]);
    let operation = Operation::Rebuild { hold: false };
    let projection = "revenue".to_owned();
    assert_eq!(
        asked,
        [Effect::Preview {
            projection,
            operation
        }]
    );
    answer(&mut model, asked, None);
    assert_eq!(
        press(&mut model, &["enter"]),
        operate("revenue", Operation::Rebuild { hold: false })
    );
}

#[test]
fn the_load_starts_stops_and_changes_in_steps() {
    let mut model = model();
    assert_eq!(press(&mut model, &["l"]), [Effect::SetLoad(0.0)]);
    assert_eq!(press(&mut model, &["l"]), [Effect::SetLoad(20.0)]);
    assert_eq!(press(&mut model, &["+"]), [Effect::SetLoad(50.0)]);
    let down = press(&mut model, &["-", "-"]);
    assert_eq!(down, [Effect::SetLoad(20.0), Effect::SetLoad(10.0)]);
    let said = |model: &Model| match &model.said {
        Some(Said::Note(_, text)) => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(said(&model), "load: 10 commands/s");
    press(&mut model, &["-", "-", "-"]);
    assert_eq!(said(&model), "load: 1 command/s");
    model.load = None;
    assert_eq!(press(&mut model, &["l"]), []);
}

#[test]
fn read_only_has_nothing_that_changes_anything() {
    let mut model = orders();
    model.read_only = true;
    for entry in super::super::action::ACTIONS.iter().filter(|e| e.changing) {
        assert_eq!(press(&mut model, &[entry.keys[0]]), [], "{}", entry.help);
        assert!(model.layers.is_empty(), "{}", entry.help);
    }
    for line in [
        "pause orders",
        "resume orders",
        "rebuild",
        "PlaceOrder order=1",
        "load 5",
    ] {
        press(&mut model, &[":"]);
        type_in(&mut model, line);
        assert_eq!(press(&mut model, &["enter"]), [], "{line}");
        press(&mut model, &["esc"]);
        assert!(model.layers.is_empty());
    }
}

#[test]
fn y_copies_the_path_and_m_gives_the_mouse_back() {
    let mut model = orders();
    let path = "/srv/shop/data/live/orders.db".to_owned();
    assert_eq!(press(&mut model, &["y"]), [Effect::Copy(path)]);
    assert_eq!(press(&mut model, &["m"]), [Effect::Mouse(false)]);
    assert_eq!(press(&mut model, &["m"]), [Effect::Mouse(true)]);
    assert_eq!(press(&mut model, &["ctrl-z"]), [Effect::Suspend]);
    assert_eq!(press(&mut model, &["ctrl-l"]), [Effect::Redraw]);
}

#[test]
fn a_click_chooses_the_row_under_it() {
    let mut model = model_of(testing::rebuilding(), 120, 36);
    let click = |row| MouseEvent {
        kind: crossterm::event::MouseEventKind::Down(crossterm::event::MouseButton::Left),
        column: 20,
        row,
        modifiers: crossterm::event::KeyModifiers::NONE,
    };
    // Two lines of head, the screens, the panel's name, the heading; orders takes two lines, for its rebuild.
    for (row, name) in [(5, "audit"), (7, "orders"), (8, "orders"), (9, "orders@ap")] {
        update(&mut model, now(), Msg::Mouse(click(row)));
        assert_eq!(model.selected().unwrap().name, name);
    }
    update(&mut model, now(), Msg::Mouse(click(0)));
    assert_eq!(model.selected().unwrap().name, "orders@ap");
}

#[test]
fn a_form_is_filled_in_and_sent() {
    let mut model = model();
    press(&mut model, &["c"]);
    type_in(&mut model, "plor");
    press(&mut model, &["enter", "7", "tab", "tab", "ctrl-u"]);
    type_in(&mut model, r#"[{"product":"p-1","quantity":2}]"#);
    let effects = press(&mut model, &["enter"]);
    let data = json!({
        "order": 7, "customer": "c-118", "lines": [{"product": "p-1", "quantity": 2}], "priority": "normal"
    });
    let command = "PlaceOrder".to_owned();
    assert_eq!(effects, [Effect::Send { command, data }]);
    // A second Enter while the answer is awaited sends nothing.
    assert_eq!(press(&mut model, &["enter"]), []);
    update(&mut model, now(), sent("PlaceOrder", accepted(HEAD)));
    assert!(model.layers.is_empty());
}

#[test]
fn a_form_with_a_wrong_field_goes_to_that_field() {
    let mut model = model();
    press(&mut model, &["c"]);
    type_in(&mut model, "PlaceOrder");
    press(&mut model, &["enter", "tab", "tab"]);
    assert_eq!(press(&mut model, &["enter"]), []);
    assert!(matches!(model.layers.last(), Some(Layer::Form(form)) if form.focus == 0));
}

#[test]
fn what_cannot_be_sent_is_said_once() {
    let mut model = model();
    let msg = Msg::Sent {
        command: "PlaceOrder".to_owned(),
        outcome: Err("PlaceOrder cannot be sent: lines is missing".to_owned()),
    };
    update(&mut model, now(), msg);
    let said = &model.said;
    assert!(
        matches!(said, Some(Said::Note(Tone::Bad, words)) if words == "PlaceOrder not sent: lines is missing"),
        "{said:?}"
    );
}

#[test]
fn a_rejected_form_stays_open_with_what_was_typed() {
    let mut model = model();
    press(&mut model, &["c"]);
    type_in(&mut model, "ship");
    press(&mut model, &["enter", "7", "enter"]);
    let outcome = Outcome::Rejected {
        stream: StreamId::new("order-7").unwrap(),
        version: Version::new(1),
        reason: "it is not paid".to_owned(),
    };
    update(&mut model, now(), sent("ShipOrder", outcome));
    let Some(Layer::Form(form)) = model.layers.last() else {
        panic!("the form is gone");
    };
    assert_eq!(form.fields[0].editor.text(), "7");
    assert_eq!(form.answer.as_ref().unwrap().reason, "it is not paid");
    assert!(matches!(
        press(&mut model, &["enter"])[..],
        [Effect::Send { .. }]
    ));
}

#[test]
fn an_answer_to_a_form_that_was_closed_is_said_all_the_same() {
    let mut model = model();
    let stream = StreamId::new("order-7").unwrap();
    let version = Version::new(4);
    let outcome = Outcome::Conflict { stream, version };
    update(&mut model, now(), sent("ShipOrder", outcome));
    assert!(matches!(&model.said, Some(Said::Note(Tone::Bad, text)) if text.contains("order-7")));
}

#[test]
fn the_ripple_notes_each_read_model_once_it_has_the_event() {
    let mut model = model();
    update(&mut model, now(), sent("PlaceOrder", accepted(HEAD + 1)));
    let seen = |model: &Model| match &model.said {
        Some(Said::Ripple(ripple)) => ripple.seen.clone(),
        other => panic!("no ripple: {other:?}"),
    };
    assert_eq!(seen(&model), []);
    let mut snapshot = testing::normal();
    let later = std::time::Duration::from_millis(40);
    snapshot.taken_at = now() + jiff::SignedDuration::try_from(later).unwrap();
    snapshot.projections[2].checkpoint = Position::new(HEAD + 1);
    update(
        &mut model,
        snapshot.taken_at,
        Msg::Snapshot(snapshot.clone().into()),
    );
    assert_eq!(seen(&model), [("orders".to_owned(), later)]);
    snapshot.taken_at += jiff::SignedDuration::from_secs(1);
    update(
        &mut model,
        snapshot.taken_at,
        Msg::Snapshot(snapshot.into()),
    );
    assert_eq!(seen(&model), [("orders".to_owned(), later)]);
}

fn line(model: &mut Model, text: &str) -> Vec<Effect> {
    press(model, &[":"]);
    type_in(model, text);
    press(model, &["enter"])
}

#[test]
fn the_command_line_does_what_keys_do() {
    let mut model = orders();
    assert_eq!(
        line(&mut model, "pause revenue"),
        operate("revenue", Operation::Pause)
    );
    assert_eq!(
        line(&mut model, "resume"),
        operate("revenue", Operation::Resume),
        "the one that was named last is chosen"
    );
    let policy = Operation::SetPolicy("batch 500 or 5s".parse().unwrap());
    assert_eq!(
        line(&mut model, "policy stock batch 500 or 5s"),
        operate("stock", policy)
    );
    assert_eq!(
        line(&mut model, "apply audit"),
        operate("audit", Operation::Apply)
    );
    assert_eq!(line(&mut model, "load 75"), [Effect::SetLoad(75.0)]);
    assert_eq!(line(&mut model, "quit"), [Effect::Quit]);
    assert!(model.layers.is_empty());
    let asked = line(&mut model, "replay orders 1200");
    let after = Position::new(1_200);
    let projection = "orders".to_owned();
    let operation = Operation::Replay { after };
    assert_eq!(
        asked,
        [Effect::Preview {
            projection,
            operation
        }]
    );
}

#[test]
fn the_command_line_sends_a_command_or_opens_its_form() {
    let mut model = model();
    let effects = line(&mut model, "ProcessPayment order=7 amount=12900");
    let data = json!({"order": 7, "amount": 12900});
    let command = "ProcessPayment".to_owned();
    assert_eq!(effects, [Effect::Send { command, data }]);
    press(&mut model, &["esc"]);
    assert_eq!(line(&mut model, "ProcessPayment order=7"), []);
    assert!(matches!(model.layers.last(), Some(Layer::Form(form)) if form.focus == 1));
}

#[test]
fn a_typed_command_that_is_rejected_keeps_its_line_and_an_accepted_one_closes_it() {
    let mut model = model();
    let typed = "ProcessPayment order=7 amount=12900";
    line(&mut model, typed);
    assert_eq!(
        press(&mut model, &["enter", "x", "up"]),
        [],
        "it is sent once"
    );
    let rejected = Outcome::Rejected {
        stream: StreamId::new("order-7").unwrap(),
        version: Version::new(1),
        reason: "it is paid already".to_owned(),
    };
    update(&mut model, now(), sent("ProcessPayment", rejected.clone()));
    let Some(Layer::Line(open)) = model.layers.last() else {
        panic!("the line is gone");
    };
    assert_eq!(open.editor.text(), typed);
    assert_eq!(open.error.as_deref(), Some("rejected: it is paid already"));
    assert_eq!(model.said, None, "it is said once");
    let again = press(&mut model, &["enter"]);
    assert!(matches!(&again[..], [Effect::Send { .. }, ..]), "{again:?}");
    update(
        &mut model,
        now(),
        sent("ProcessPayment", accepted(HEAD + 1)),
    );
    assert!(model.layers.is_empty());
    assert!(matches!(model.said, Some(Said::Ripple(_))));
    // Whoever closed the line meanwhile is told all the same.
    line(&mut model, typed);
    press(&mut model, &["esc"]);
    update(&mut model, now(), sent("ProcessPayment", rejected));
    assert!(matches!(&model.said, Some(Said::Note(Tone::Bad, words)) if words.contains("paid")));
}

#[test]
fn a_line_that_names_a_projection_chooses_its_row() {
    for text in [
        "rebuild stock",
        "hold stock",
        "replay stock 5",
        "pause stock",
        "resume stock",
    ] {
        let mut model = orders();
        line(&mut model, text);
        press(&mut model, &["esc"]);
        let chosen = model.selected().map(|view| view.name.as_str());
        assert_eq!(chosen, Some("stock"), "{text}");
    }
    let mut model = orders();
    line(&mut model, "pause stick");
    let chosen = model.selected().map(|view| view.name.as_str());
    assert_eq!(chosen, Some("orders"), "what is refused chooses nothing");
    // What is read about another one does not turn the page.
    let mut model = orders();
    press(&mut model, &["3"]);
    line(&mut model, "pause stock");
    let chosen = model.selected().map(|view| view.name.as_str());
    assert_eq!(chosen, Some("orders"));
}

#[test]
fn a_rebuild_that_is_held_can_be_typed_as_the_history_has_it() {
    let mut typed = orders();
    let asked = line(&mut typed, "rebuild orders --hold");
    assert!(!asked.is_empty());
    assert_eq!(asked, line(&mut orders(), "hold orders"));
    assert_ne!(asked, line(&mut orders(), "rebuild orders"));
}

#[test]
fn a_wrong_line_stays_with_its_error() {
    let wrong = [
        ("pause ordres", "no projection \"ordres\""),
        ("policy orders sometimes", "is not known"),
        ("policy orders every 0s", "the policy live, which waits"),
        ("replay orders x", "is not a position"),
        ("rebuild orders 100", "\"100\" is too much: rebuild takes"),
        ("PlaceOrder colour=red", "colour is no field here"),
        ("PlaceOrder red", "each word must be field=value"),
        ("frobnicate", "no action and no command"),
        ("load fast", "commands a second"),
    ];
    for (text, words) in wrong {
        let mut model = orders();
        assert_eq!(line(&mut model, text), [], "{text}");
        let Some(Layer::Line(line)) = model.layers.last() else {
            panic!("{text}: the line is gone");
        };
        let error = line.error.clone().unwrap_or_default();
        assert!(error.contains(words), "{text}: {error}");
        assert_eq!(line.editor.text(), text);
    }
}

#[test]
fn tab_completes_and_up_recalls() {
    let mut model = orders();
    press(&mut model, &[":", "r", "e", "b", "tab", "s", "t", "tab"]);
    assert!(
        matches!(model.layers.last(), Some(Layer::Line(l)) if l.editor.text() == "rebuild stock ")
    );
    press(&mut model, &["esc"]);
    line(&mut model, "pause stock");
    press(&mut model, &[":", "up"]);
    assert!(
        matches!(model.layers.last(), Some(Layer::Line(l)) if l.editor.text() == "pause stock")
    );
    press(&mut model, &["down"]);
    assert!(matches!(model.layers.last(), Some(Layer::Line(l)) if l.editor.text().is_empty()));
}

#[test]
fn help_opens_over_a_prompt_and_goes_again() {
    let mut model = orders();
    press(&mut model, &["R", "?"]);
    assert_eq!(model.context(), Context::Help);
    press(&mut model, &["j", "G", "?"]);
    assert_eq!(model.context(), Context::Confirm);
}

#[test]
fn how_an_operation_ended_is_said() {
    let mut model = orders();
    let ends = [
        (
            Ok((
                Position::new(HEAD),
                Done::Finished {
                    what: "stands at position 3".into(),
                },
            )),
            Tone::Good,
            "orders paused: stands at position 3",
        ),
        (
            Ok((
                Position::new(HEAD),
                Done::Failed {
                    reason: "no".into(),
                },
            )),
            Tone::Bad,
            "orders: pause failed: no",
        ),
        (
            Ok((Position::new(HEAD), Done::Requested)),
            Tone::Info,
            "once an engine runs",
        ),
        (Err("locked".into()), Tone::Bad, "locked"),
    ];
    for (result, tone, words) in ends {
        let msg = Msg::Operated {
            projection: "orders".into(),
            operation: Operation::Pause,
            result,
        };
        update(&mut model, now(), msg);
        let Some(Said::Note(said, text)) = &model.said else {
            panic!("nothing said");
        };
        assert!(*said == tone && text.contains(words), "{text}");
    }
}

#[test]
fn a_released_key_does_nothing() {
    let mut model = model();
    let Msg::Key(mut event) = key("q") else {
        panic!("not a key");
    };
    event.kind = KeyEventKind::Release;
    assert_eq!(update(&mut model, now(), Msg::Key(event)), []);
}

#[test]
fn a_fault_is_injected_where_there_can_be_any_and_refused_in_a_sentence_elsewhere() {
    let mut model = orders();
    let typed = |model: &mut Model, words: &str| {
        press(model, &[":"]);
        type_in(model, words);
        press(model, &["enter"])
    };
    let error = |model: &Model| match model.layers.last() {
        Some(Layer::Line(line)) => line.error.clone().unwrap_or_default(),
        _ => String::new(),
    };
    assert_eq!(typed(&mut model, "fault slow orders 20ms"), []);
    assert!(error(&model).contains("highwater demo"));
    press(&mut model, &["esc", "F"]);
    assert!(model.layers.is_empty());
    model.faults = true;
    assert_eq!(typed(&mut model, "fault poison orders Nothing"), []);
    assert!(error(&model).contains("OrderPlaced, OrderShipped"));
    press(&mut model, &["esc"]);
    let effects = typed(&mut model, "fault slow orders 20ms");
    let order = "slow orders 20ms".parse().unwrap();
    assert_eq!(effects, [Effect::Inject(order)]);
    assert!(model.layers.is_empty());
    press(&mut model, &["F"]);
    type_in(&mut model, "stop");
    let stop = "stop".parse().unwrap();
    assert_eq!(press(&mut model, &["enter"]), [Effect::Inject(stop)]);
    model.read_only = true;
    assert_eq!(typed(&mut model, "fault stop"), []);
    assert!(error(&model).contains("--read-only"));
}

fn looks(effects: &[Effect]) -> Vec<Option<AsOf>> {
    let looks = effects.iter().filter_map(|effect| match effect {
        Effect::Look { at, .. } => Some(*at),
        _ => None,
    });
    looks.collect()
}

fn at(position: u64) -> Option<AsOf> {
    Some(AsOf::Position(Position::new(position)))
}

/// Answers the look under way: the read model as it was there.
fn looked(model: &mut Model, position: u64) -> Vec<Effect> {
    let mut moment = testing::moment();
    moment.position = Position::new(position);
    let result = Ok(Arc::new(moment));
    update(model, now(), Msg::Looked { number: 1, result })
}

#[test]
fn the_past_opens_at_the_head_and_is_stepped_from_there() {
    let mut model = orders();
    assert_eq!(looks(&press(&mut model, &["T"])), [None]);
    assert_eq!(looked(&mut model, HEAD), []);
    assert_eq!(
        looks(&press(&mut model, &["right"])),
        [],
        "nothing is beyond"
    );
    assert_eq!(looks(&press(&mut model, &["left"])), [at(HEAD - 1)]);
    assert_eq!(looked(&mut model, HEAD - 1), []);
    assert_eq!(looks(&press(&mut model, &["pageup"])), [at(HEAD - 101)]);
    looked(&mut model, HEAD - 101);
    assert_eq!(looks(&press(&mut model, &["home"])), [at(1)]);
    looked(&mut model, 1);
    assert_eq!(looks(&press(&mut model, &["left"])), [at(0)]);
    looked(&mut model, 0);
    assert_eq!(looks(&press(&mut model, &["left"])), []);
    assert_eq!(looks(&press(&mut model, &["pagedown"])), [at(100)]);
    looked(&mut model, 100);
    assert_eq!(looks(&press(&mut model, &["end"])), [None]);
}

#[test]
fn steps_that_come_while_a_look_is_under_way_become_one() {
    let mut model = orders();
    press(&mut model, &["T"]);
    looked(&mut model, 500);
    assert_eq!(looks(&press(&mut model, &["left"])), [at(499)]);
    assert_eq!(press(&mut model, &["left", "left", "left"]), []);
    assert_eq!(looks(&looked(&mut model, 499)), [at(496)]);
    assert_eq!(looked(&mut model, 496), []);
}

#[test]
fn a_leap_breaks_off_what_is_under_way_and_a_step_does_not() {
    let mut model = orders();
    press(&mut model, &["T"]);
    assert_eq!(
        press(&mut model, &["home"]),
        [Effect::BreakOff { number: 1 }]
    );
    assert_eq!(looks(&looked(&mut model, 40)), [at(1)]);
    looked(&mut model, 1);
    press(&mut model, &["right"]);
    assert_eq!(press(&mut model, &["right"]), []);
}

#[test]
fn esc_breaks_off_what_takes_its_time_and_closes_what_does_not() {
    let mut model = orders();
    press(&mut model, &["T"]);
    let progress = Progress::default();
    update(
        &mut model,
        now(),
        Msg::Progress {
            number: 1,
            progress,
        },
    );
    assert_eq!(
        press(&mut model, &["esc"]),
        [Effect::BreakOff { number: 1 }]
    );
    assert!(model.waits_for(1), "it shows where it came to");
    assert_eq!(looked(&mut model, 40), []);
    assert_eq!(
        looks(&press(&mut model, &["right"])),
        [at(41)],
        "and goes on"
    );
    assert_eq!(press(&mut model, &["esc"]), []);
    assert_eq!(model.screen, Screen::Overview);
    assert_eq!(looked(&mut model, 41), []);
    assert_eq!(press(&mut model, &["5"]), [], "it stands where one left it");
}

#[test]
fn tables_turn_and_rows_scroll_without_another_step() {
    let mut model = orders();
    press(&mut model, &["T"]);
    looked(&mut model, 500);
    let shown = |effects: &[Effect]| match effects {
        [Effect::Look { at: to, shown, .. }] if *to == at(500) => (shown.table, shown.first),
        other => panic!("{other:?}"),
    };
    assert_eq!(shown(&press(&mut model, &["down"])), (1, 1));
    looked(&mut model, 500);
    assert_eq!(shown(&press(&mut model, &["tab"])), (0, 0));
}

#[test]
fn a_line_names_the_moment_and_an_open_past_goes_there() {
    let mut model = orders();
    let line = |model: &mut Model, words: &str| {
        press(model, &[":"]);
        type_in(model, words);
        press(model, &["enter"])
    };
    assert_eq!(
        looks(&line(&mut model, "as-of orders 12,345")),
        [at(12_345)]
    );
    looked(&mut model, 12_345);
    let ago = Some(AsOf::Ago(std::time::Duration::from_secs(600)));
    assert_eq!(looks(&line(&mut model, "as-of orders 10m")), [ago]);
    assert!(model.layers.is_empty() && model.screen == Screen::Time);
    looked(&mut model, 9);
    line(&mut model, "as-of orders yesterday");
    assert!(matches!(model.layers.last(), Some(Layer::Line(line)) if line.error.is_some()));
    press(&mut model, &["esc"]);
    for words in ["as-of orders 999,999", "as-of 999999"] {
        assert_eq!(line(&mut model, words), [], "{words}");
        let Some(Layer::Line(open)) = model.layers.last() else {
            panic!("the line is closed");
        };
        let error = open.error.as_deref().unwrap();
        let beyond = "position 999,999 is beyond the head: the log ends at 128,403";
        assert_eq!(error, beyond);
        press(&mut model, &["esc"]);
    }
    line(&mut model, "as-of banana");
    let Some(Layer::Line(line)) = model.layers.last() else {
        panic!("the line is closed");
    };
    let error = line.error.as_deref().unwrap();
    let words = "\"banana\" is no position, no time and no projection: ";
    assert!(
        error.starts_with(words) && error.contains("there are audit"),
        "{error}"
    );
}

#[test]
fn a_key_is_mended_once_it_was_shown_what_that_changes() {
    let mut model = orders();
    assert_eq!(press(&mut model, &["M"]), []);
    type_in(&mut model, "1007");
    let (projection, key) = ("orders".to_owned(), "1007".to_owned());
    let asked = Effect::Mending {
        projection: projection.clone(),
        key: key.clone(),
    };
    assert_eq!(press(&mut model, &["enter"]), [asked]);
    assert_eq!(press(&mut model, &["enter"]), [], "nothing was shown yet");
    for is_equal in [true, false] {
        let msg = Msg::Mending {
            projection: projection.clone(),
            key: key.clone(),
            result: Ok(testing::mending(is_equal)),
        };
        update(&mut model, now(), msg);
        let done = press(&mut model, &["enter"]);
        if is_equal {
            assert_eq!(done, [], "there is nothing to mend");
        } else {
            let key = key.clone();
            assert_eq!(done, operate("orders", Operation::Repair { key }));
        }
    }
}

#[test]
fn a_dashboard_that_only_looks_mends_nothing_and_verifies() {
    let mut model = orders();
    model.read_only = true;
    assert_eq!(press(&mut model, &["M"]), []);
    assert!(model.layers.is_empty());
    press(&mut model, &[":"]);
    type_in(&mut model, "repair orders 1007");
    assert_eq!(press(&mut model, &["enter"]), []);
    assert!(matches!(model.layers.last(), Some(Layer::Line(line)) if line.error.is_some()));
    press(&mut model, &["esc"]);
    let verify = press(&mut model, &["V"]);
    assert!(matches!(verify[..], [Effect::Verify { .. }]), "{verify:?}");
}

#[test]
fn numbers_and_brackets_go_from_screen_to_screen_and_esc_goes_back() {
    let mut model = model();
    for (key, screen) in ["1", "2", "3", "4", "5", "6", "7"]
        .into_iter()
        .zip(Screen::ALL)
    {
        press(&mut model, &[key]);
        assert_eq!(model.screen, screen);
    }
    press(&mut model, &["]"]);
    assert_eq!(model.screen, Screen::Overview);
    press(&mut model, &["["]);
    assert_eq!(model.screen, Screen::Log);
    press(&mut model, &["2", "6", "esc"]);
    assert_eq!(model.screen, Screen::Events);
    press(&mut model, &["1", "esc"]);
    assert_eq!(model.screen, Screen::Overview);
}

#[test]
fn a_click_on_a_name_shows_that_screen() {
    let mut model = model();
    let kind = crossterm::event::MouseEventKind::Down(crossterm::event::MouseButton::Left);
    let modifiers = crossterm::event::KeyModifiers::NONE;
    let click = |column| {
        Msg::Mouse(MouseEvent {
            kind,
            column,
            row: 2,
            modifiers,
        })
    };
    update(&mut model, now(), click(16));
    assert_eq!(model.screen, Screen::Events);
    update(&mut model, now(), click(2));
    assert_eq!(model.screen, Screen::Overview);
    update(&mut model, now(), click(110));
    assert_eq!(model.screen, Screen::Overview);
}

#[test]
fn a_frozen_picture_stands_still_and_then_shows_the_newest() {
    let mut model = model();
    let before = model.snapshot.head;
    press(&mut model, &["space"]);
    let mut next = testing::normal();
    next.head = Position::new(testing::HEAD + 7);
    update(&mut model, now(), Msg::Snapshot(Arc::new(next)));
    assert_eq!(model.snapshot.head, before);
    press(&mut model, &["space"]);
    assert_eq!(model.snapshot.head.get(), testing::HEAD + 7);
    assert!(model.newest.is_none());
}

#[test]
fn what_others_asked_for_is_told_and_then_what_became_of_it() {
    let mut model = model();
    let mut next = testing::normal();
    let asked = crate::workspace::Asked {
        position: Position::new(HEAD + 1),
        what: "cutover".to_owned(),
        by: "ada".to_owned(),
        mine: false,
        failed: None,
    };
    next.projections[2].asked = Some(asked.clone());
    let note = |model: &Model| match &model.said {
        Some(Said::Note(_, text)) => text.clone(),
        other => panic!("{other:?}"),
    };
    update(&mut model, now(), Msg::Snapshot(Arc::new(next.clone())));
    assert_eq!(note(&model), "orders: `cutover` was asked for by ada");
    model.said = None;
    update(&mut model, now(), Msg::Snapshot(Arc::new(next.clone())));
    assert_eq!(model.said, None, "once");
    next.projections[2].asked = Some(crate::workspace::Asked {
        failed: Some("it is cancelled".to_owned()),
        ..asked
    });
    update(&mut model, now(), Msg::Snapshot(Arc::new(next)));
    let text = note(&model);
    assert_eq!(
        text,
        "orders: `cutover` was asked for by ada and failed: it is cancelled"
    );
}

#[test]
fn an_answer_does_not_write_over_what_others_asked_for_after_it() {
    let mut model = orders();
    let mut next = testing::normal();
    next.projections[2].asked = Some(crate::workspace::Asked {
        position: Position::new(HEAD + 2),
        what: "pause".to_owned(),
        by: "ada".to_owned(),
        mine: false,
        failed: None,
    });
    update(&mut model, now(), Msg::Snapshot(Arc::new(next)));
    let mut answered = |asked: u64, operation: Operation| {
        let what = "it applies again".to_owned();
        let msg = Msg::Operated {
            projection: "orders".into(),
            operation,
            result: Ok((Position::new(asked), Done::Finished { what })),
        };
        update(&mut model, now(), msg);
        match &model.said {
            Some(Said::Note(_, text)) => text.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        answered(HEAD + 1, Operation::Resume),
        "orders: `pause` was asked for by ada, after your resume"
    );
    // What was asked for after the other holds; and a long operation that has ended is the news.
    assert_eq!(
        answered(HEAD + 3, Operation::Resume),
        "orders resumed: it applies again"
    );
    assert_eq!(
        answered(HEAD + 1, Operation::Rebuild { hold: false }),
        "orders rebuilt: it applies again"
    );
    // A picture that is older than one's own answer is no news.
    answered(HEAD + 9, Operation::Resume);
    let mut older = testing::normal();
    older.projections[2].asked = Some(crate::workspace::Asked {
        position: Position::new(HEAD + 8),
        what: "pause".to_owned(),
        by: "bea".to_owned(),
        mine: false,
        failed: None,
    });
    update(&mut model, now(), Msg::Snapshot(Arc::new(older)));
    assert!(
        matches!(&model.said, Some(Said::Note(Tone::Good, text)) if text.starts_with("orders resumed")),
        "{:?}",
        model.said
    );
}
