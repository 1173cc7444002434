//! Every screen at the sizes that matter, as text and styles; and that nothing makes it panic.
//!
//! With `HIGHWATER_PICTURES=DIR` each screen is written there as a picture too.

mod actions;
mod events;
mod footer;
mod help;
mod holes;
mod pictures;
pub mod projection;
mod rebuilds;
mod refused;
mod set_aside;
mod told;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Size;

use super::state::Model;
use super::testing::{self, HEAD, model_of, now};
use super::theme::Theme;
use super::update::{Effect, Msg, update};
use super::view;
use crate::event::{Position, StreamId, Version};
use crate::workspace::{
    Change, Moment, Outcome, Phase, Preview, Progress, Snapshot, StateSeen, Unkeyed,
};

mod stream;

/// The key with this name in the table of actions, pressed.
pub fn key(name: &str) -> Msg {
    let (modifiers, name) = match name.strip_prefix("ctrl-") {
        Some(rest) => (KeyModifiers::CONTROL, rest),
        None => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "f1" => KeyCode::F(1),
        "space" => KeyCode::Char(' '),
        other => KeyCode::Char(other.chars().next().unwrap()),
    };
    Msg::Key(KeyEvent::new(code, modifiers))
}

/// Presses keys one after the other.
pub fn press(model: &mut Model, keys: &[&str]) -> Vec<Effect> {
    let at = model.now;
    keys.iter()
        .flat_map(|name| update(model, at, key(name)))
        // Which keys there are is asked whenever somebody begins to type, and every line is kept.
        .filter(|effect| !matches!(effect, Effect::Keys | Effect::Remember(_)))
        .collect()
}

/// Types a text.
pub fn type_in(model: &mut Model, text: &str) -> Vec<Effect> {
    let at = model.now;
    update(model, at, Msg::Paste(text.to_owned()))
}

/// What is on the screen, without styles.
pub fn on_screen(model: &Model) -> String {
    view::plain::text(&drawn(model, &Theme::colour()))
}

/// The Overview for whoever has no terminal.
fn plain(snapshot: &Snapshot, width: u16, theme: &Theme) -> String {
    let size = Size::new(width, u16::MAX);
    let mut model = Model::new(Arc::new(snapshot.clone()), Arc::new([]), size);
    model.still = true;
    view::plain::text(&view::plain::draw(&model, theme))
}

fn drawn(model: &Model, theme: &Theme) -> Buffer {
    let Size { width, height } = model.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| {
            let area = frame.area();
            let cursor = view::draw(model, theme, area, frame.buffer_mut());
            if let Some(cursor) = cursor {
                assert!(area.contains(cursor), "{cursor} outside of {area}");
                frame.set_cursor_position(cursor);
            }
        })
        .unwrap();
    terminal.backend().buffer().clone()
}

/// The characters, then a letter for each cell's style: see `letter`.
fn shown(buffer: &Buffer, theme: &Theme) -> String {
    let mut out = view::plain::text(buffer);
    out.push_str("\n-- styles --\n");
    for y in 0..buffer.area.height {
        let line: String = (0..buffer.area.width)
            .map(|x| letter(buffer, x, y, theme))
            .collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn letter(buffer: &Buffer, x: u16, y: u16, theme: &Theme) -> char {
    let cell = &buffer[(x, y)];
    let same = |style: ratatui::style::Style| {
        cell.fg == style.fg.unwrap_or_default()
            && cell.bg == style.bg.unwrap_or_default()
            && cell.modifier == style.add_modifier
    };
    let names = [
        (' ', theme.text),
        ('c', theme.chosen),
        ('a', theme.accent),
        ('s', theme.strong),
        ('d', theme.dim),
        ('r', theme.rule),
        ('g', theme.good),
        ('w', theme.warn),
        ('b', theme.bad),
        ('h', theme.held),
        ('k', theme.json_key),
        ('t', theme.json_text),
        ('n', theme.json_number),
        ('l', theme.json_literal),
    ];
    let found = names.into_iter().find(|(_, style)| same(*style));
    found.map_or('?', |(letter, _)| letter)
}

fn check(name: &str, model: &Model, theme: &Theme) {
    let buffer = drawn(model, theme);
    if let Some(folder) = std::env::var_os("HIGHWATER_PICTURES") {
        let path = std::path::Path::new(&folder).join(format!("{name}.svg"));
        std::fs::write(path, super::svg::render(&buffer, "highwater", theme)).unwrap();
    }
    insta::assert_snapshot!(name, shown(&buffer, theme));
}

fn check_all(name: &str, snapshot: &Snapshot) {
    for (width, height) in [(120, 36), (80, 24), (60, 16), (40, 8), (20, 5)] {
        let mut model = model_of(snapshot.clone(), width, height);
        testing::lived(&mut model);
        press(&mut model, &["j", "j"]);
        check(
            &format!("{name}_{width}x{height}"),
            &model,
            &Theme::colour(),
        );
    }
}

#[test]
fn the_overview_at_every_size() {
    check_all("normal", &testing::normal());
    check_all("empty", &testing::empty());
    check_all("failed", &testing::failed());
    check_all("rebuilding", &testing::rebuilding());
    check_all("held", &testing::held());
    check_all("injected", &testing::injected());
    check_all("at_the_head", &testing::at_the_head());
}

#[test]
fn more_projections_than_fit_scroll_around_the_chosen_one() {
    let mut snapshot = testing::rebuilding();
    let some = snapshot.projections.clone();
    let all = some.iter().cycle().take(40).enumerate().map(|(at, view)| {
        let mut view = view.clone();
        view.name = format!("{at:02}-{}", view.name);
        view
    });
    snapshot.projections = all.collect();
    let mut model = model_of(snapshot, 120, 36);
    press(&mut model, &["pagedown", "pagedown"]);
    check("many_120x36", &model, &Theme::colour());
    model.size = Size::new(80, 24);
    press(&mut model, &["end"]);
    check("many_80x24", &model, &Theme::colour());
}

#[test]
fn the_overview_without_colour_and_in_ascii() {
    let mut model = model_of(testing::failed(), 120, 36);
    press(&mut model, &["j", "j"]);
    check("failed_no_colour", &model, &Theme::monochrome());
    check("failed_ascii", &model, &Theme::colour().ascii());
}

/// A preview as an engine would give it.
fn preview(refused: Option<&str>) -> Preview {
    Preview {
        events: 96_211,
        takes: Some((Duration::from_millis(800), Duration::from_secs(2))),
        disk_needed: 48 << 20,
        disk_free: Some(61 << 30),
        answers: vec!["GetOrderById".into(), "OrdersOf".into()],
        parked: Default::default(),
        refused: refused.map(str::to_owned),
    }
}

fn answer_preview(model: &mut Model, effects: &[Effect], refused: Option<&str>) {
    for effect in effects {
        if let Effect::Preview {
            projection,
            operation,
        } = effect
        {
            let msg = Msg::Previewed {
                projection: projection.clone(),
                operation: operation.clone(),
                result: Ok(preview(refused)),
            };
            update(model, now(), msg);
        }
    }
}

fn accepted() -> Msg {
    Msg::Sent {
        command: "PlaceOrder".into(),
        outcome: Ok(Outcome::Accepted {
            position: Some(Position::new(HEAD)),
            stream: StreamId::new("order-7").unwrap(),
            version: Version::new(1),
            repeated: false,
        }),
    }
}

fn each_size(name: &str, open: impl Fn(&mut Model)) {
    for (width, height) in [(120, 36), (80, 24), (60, 16)] {
        let mut model = model_of(testing::normal(), width, height);
        press(&mut model, &["j", "j"]);
        open(&mut model);
        check(
            &format!("{name}_{width}x{height}"),
            &model,
            &Theme::colour(),
        );
    }
}

#[test]
fn each_popup() {
    each_size("help", |model| drop(press(model, &["?"])));
    each_size("help_searched", |model| {
        press(model, &["?", "/"]);
        type_in(model, "read model");
    });
    each_size("commands", |model| {
        press(model, &["c", "o", "r"]);
    });
    each_size("form", |model| {
        press(model, &["c"]);
        type_in(model, "place");
        press(model, &["enter", "x", "tab"]);
    });
    each_size("form_rejected", |model| {
        press(model, &["c"]);
        type_in(model, "pay");
        press(model, &["enter", "7", "tab", "5", "enter"]);
        let outcome = Ok(Outcome::Rejected {
            stream: StreamId::new("order-7").unwrap(),
            version: Version::new(2),
            reason: "order 7 costs 129.00, this is 0.05: pay the whole amount".into(),
        });
        let msg = Msg::Sent {
            command: "ProcessPayment".into(),
            outcome,
        };
        update(model, now(), msg);
    });
    each_size("policy", |model| {
        press(model, &["P", "ctrl-u"]);
        type_in(model, "batch 50");
    });
    each_size("rebuild", |model| {
        let effects = press(model, &["R"]);
        answer_preview(model, &effects, None);
    });
    each_size("rollback", |model| {
        let effects = press(model, &["B"]);
        answer_preview(model, &effects, None);
    });
    each_size("replay", |model| {
        let effects = press(model, &["Y"]);
        answer_preview(model, &effects, None);
        press(model, &["tab", "o", "r"]);
    });
    each_size("replay_refused", |model| {
        press(model, &["k", "Y"]);
    });
    each_size("line", |model| {
        press(model, &[":"]);
        type_in(model, "policy orders ba");
    });
    each_size("line_wrong", |model| {
        press(model, &[":"]);
        type_in(model, "rebuild ordres");
        press(model, &["enter"]);
    });
    each_size("why", |model| {
        model.snapshot = Arc::new(testing::failed());
        press(model, &["w"]);
    });
    each_size("ripple", |model| {
        update(model, now(), accepted());
    });
}

#[test]
fn a_fault_that_has_ended_is_not_said_to_be_ended_and_nothing_is_to_be_mended() {
    let mut snapshot = testing::injected();
    snapshot.projections[2].injected = None;
    let mut model = model_of(snapshot, 120, 36);
    model.overview.selected = Some("orders".to_owned());
    let overview = on_screen(&model);
    assert!(overview.contains("`:resume orders`"), "{overview}");
    assert!(!overview.contains(":fault stop orders"), "{overview}");
    press(&mut model, &["w"]);
    let why = on_screen(&model);
    assert!(why.contains("it has ended"), "{why}");
    assert!(why.contains("p  have it try the event again"), "{why}");
    for wrong in [":fault stop orders", "mend its file"] {
        assert!(!why.contains(wrong), "{wrong}: {why}");
    }
}

/// The number of the work that an effect begins.
pub fn number(effects: &[Effect]) -> u64 {
    let numbers = effects.iter().find_map(|effect| match effect {
        Effect::Look { number, .. } | Effect::Verify { number, .. } => Some(*number),
        _ => None,
    });
    numbers.unwrap()
}

fn under_way(model: &mut Model, number: u64) {
    let progress = Progress {
        phase: Phase::Folding,
        done: 41_000,
        of: HEAD,
    };
    update(model, now(), Msg::Progress { number, progress });
}

fn show(model: &mut Model, moment: Moment) {
    let number = number(&press(model, &["T"]));
    let result = Ok(Arc::new(moment));
    update(model, now(), Msg::Looked { number, result });
}

#[test]
fn a_read_model_as_it_was() {
    each_size("past", |model| show(model, testing::moment()));
    let mut small = model_of(testing::normal(), 20, 5);
    show(&mut small, testing::moment());
    check("past_20x5", &small, &Theme::colour());
    each_size("past_unkeyed", |model| {
        let mut moment = testing::moment();
        let came = moment.rows.rows.split_off(12);
        moment.rows.count = 12;
        moment.now.as_mut().unwrap().keyed = false;
        moment.unkeyed = Some(Unkeyed {
            gone: (0..12).map(|at| at == 3).collect(),
            went: 1,
            came,
        });
        show(model, moment);
    });
    each_size("past_state", |model| {
        let mut moment = testing::moment();
        let change = |field: &str, before: u64, after: u64| Change {
            field: field.to_owned(),
            before: before.into(),
            after: after.into(),
        };
        let changes = vec![
            change("sold.mug.units", 12, 14),
            change("sold.mug.cents", 120_000, 140_000),
        ];
        let written = (0..24).map(|at| at == 4).collect();
        moment.state = Some(StateSeen { changes, written });
        show(model, moment);
    });
    each_size("past_begun", |model| {
        let number = number(&press(model, &["T"]));
        under_way(model, number);
    });
    each_size("past_on_its_way", |model| {
        let mut moment = testing::moment();
        moment.stopped = true;
        moment.changed = None;
        show(model, moment);
        let number = number(&press(model, &["home"]));
        under_way(model, number);
    });
    each_size("past_wrong", |model| {
        show(model, testing::moment());
        let number = number(&press(model, &["right"]));
        let result =
            Err("orders as it was: event 128,304 cannot be applied: no such column".into());
        update(model, now(), Msg::Looked { number, result });
    });
}

#[test]
fn what_an_event_changed_has_the_room_that_few_rows_leave() {
    let is_cut = |rows: usize| {
        let mut model = model_of(testing::normal(), 80, 24);
        let mut moment = testing::moment();
        moment.rows.rows.truncate(rows);
        moment.now.as_mut().unwrap().rows.truncate(rows);
        let changed = moment.changed.as_mut().unwrap().rows.as_mut().unwrap();
        changed.differences.truncate(2);
        changed.total = 2;
        show(&mut model, moment);
        on_screen(&model).contains("a higher terminal shows it")
    };
    assert!(is_cut(24), "there is more than fits");
    assert!(!is_cut(1));
}

#[test]
fn what_is_verified_and_mended() {
    each_size("verify", |model| {
        let number = number(&press(model, &["V"]));
        under_way(model, number);
    });
    for (name, is_equal) in [("verify_equal", true), ("verify_differs", false)] {
        each_size(name, |model| {
            let number = number(&press(model, &["V"]));
            let result = Ok(Box::new(testing::checked(is_equal)));
            update(model, now(), Msg::Verified { number, result });
        });
    }
    for (name, is_equal) in [("repair", false), ("repair_nothing", true)] {
        each_size(name, |model| {
            press(model, &[":"]);
            type_in(model, "repair orders 1007");
            press(model, &["enter"]);
            let msg = Msg::Mending {
                projection: "orders".into(),
                key: "1007".into(),
                result: Ok(testing::mending(is_equal)),
            };
            update(model, now(), msg);
        });
    }
}

#[test]
fn the_text_for_once() {
    let text = plain(&testing::failed(), 100, &Theme::monochrome());
    insta::assert_snapshot!("once", text);
}

#[test]
fn the_text_for_once_fits_its_width_and_says_how_each_one_is() {
    let snapshot = testing::scenario::shop();
    for width in [40, 80, 200] {
        let text = plain(&snapshot, width, &Theme::monochrome());
        let widest = text.lines().map(super::text::width).max();
        assert!(widest <= Some(usize::from(width)), "{text}");
        for view in &snapshot.projections {
            let mut lines = text.lines().filter(|line| {
                line.contains("live ") || line.contains("waiting ") || line.contains("falling ")
            });
            assert!(lines.any(|line| line.contains(&view.name)), "{text}");
        }
        insta::assert_snapshot!(format!("once_{width}"), text);
    }
}

/// Answers what takes its time, one way or another; some of it never.
fn answer_looks(model: &mut Model, effects: &[Effect], turn: usize) {
    for effect in effects {
        let msg = match effect {
            Effect::Look { number, .. } if turn.is_multiple_of(2) => Msg::Looked {
                number: *number,
                result: Ok(Arc::new(testing::moment())),
            },
            Effect::Verify { number, .. } => Msg::Verified {
                number: *number,
                result: Ok(Box::new(testing::checked(turn.is_multiple_of(2)))),
            },
            Effect::Rebuilds(_) if !turn.is_multiple_of(3) => {
                Msg::Rebuilds(rebuilds::answer(&model.snapshot))
            }
            Effect::Projection(asked) if !turn.is_multiple_of(5) => projection::answer(asked, turn),
            Effect::Stream(asked) => {
                let msg = Msg::Stream(testing::answer_stream(asked, turn));
                let next = update(model, now(), msg);
                // Once: what cannot be read is asked again whenever somebody looks.
                for effect in next {
                    if let Effect::Stream(asked) = effect {
                        update(
                            model,
                            now(),
                            Msg::Stream(testing::answer_stream(&asked, turn)),
                        );
                    }
                }
                continue;
            }
            _ => continue,
        };
        // An answer may lead to the next question.
        let effects = update(model, now(), msg);
        if turn > 0 {
            answer_looks(model, &effects, turn - 1);
        }
    }
}

/// A snapshot with the given things in it, out of the ordinary ones.
fn odd(seed: u8, count: usize, name: &str) -> Snapshot {
    let mut snapshot = match seed % 5 {
        0 => testing::normal(),
        1 => testing::empty(),
        2 if count.is_multiple_of(2) => testing::injected(),
        2 => testing::failed(),
        3 => testing::rebuilding(),
        _ => testing::at_the_head(),
    };
    if let Some(first) = snapshot.projections.first().cloned() {
        snapshot.projections.resize(count, first);
        for (at, view) in snapshot.projections.iter_mut().enumerate() {
            view.name = format!("{name}{at}");
            view.lag.gap = u64::MAX >> (at % 64);
            view.lag.age = Duration::from_secs(u64::MAX >> (at % 64));
            view.rates.applied = Some(f64::NAN);
            view.version = name.to_owned();
        }
    }
    snapshot.workspace.name = name.to_owned();
    snapshot.problems.push(name.to_owned());
    snapshot
}

/// Every key of the table and some that are in none.
fn every_key() -> Vec<&'static str> {
    let table = super::action::ACTIONS.iter().flat_map(|e| e.keys).copied();
    table.chain(["x", "7", "é", "日", "=", " "]).collect()
}

proptest::proptest! {
    #[test]
    fn no_size_no_keys_and_no_snapshot_make_it_panic(
        sizes in proptest::collection::vec((1_u16..200, 1_u16..60), 1..4),
        keys in proptest::collection::vec(0..every_key().len(), 0..30),
        seed in 0_u8..5,
        count in 0_usize..40,
        name in "\\PC{0,30}|[a-z]{1,8}",
        colour in proptest::bool::ANY,
    ) {
        let mut model = model_of(odd(seed, count, &name), 80, 24);
        let theme = if colour { Theme::colour() } else { Theme::monochrome().ascii() };
        let messages = (1..=count as u64).map(|n| rebuilds::message(n, tracing::Level::WARN, &name));
        update(&mut model, now(), Msg::Logged(messages.collect()));
        let names = every_key();
        for (turn, at) in keys.iter().enumerate() {
            let effects = press(&mut model, &[names[*at]]);
            answer_preview(&mut model, &effects, None);
            answer_looks(&mut model, &effects, turn);
            let asked: Vec<_> = effects.into_iter().filter(|e| matches!(e, Effect::Events(_))).collect();
            if turn % 5 < 4 {
                testing::events::settle(&mut model, asked);
            }
            let (width, height) = sizes[turn % sizes.len()];
            update(&mut model, now(), Msg::Resize(Size::new(width, height)));
            if turn % 7 == 3 {
                update(&mut model, now(), accepted());
            }
            let _ = drawn(&model, &theme);
        }
        for (width, height) in sizes {
            model.size = Size::new(width, height);
            let _ = drawn(&model, &theme);
        }
        let _ = plain(&model.snapshot, 60, &theme);
    }
}
