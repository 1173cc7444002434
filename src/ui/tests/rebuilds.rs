//! The Rebuilds and the Log screen at every size, and what their keys do.

use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::Size;
use tracing::Level;

use super::super::ask::rebuilds::Answer;
use super::super::journal::Message;
use super::super::screen::Screen;
use super::super::state::Model;
use super::super::testing::{self, HEAD, model_of, now};
use super::super::theme::Theme;
use super::super::update::{Effect, Msg, update};
use super::super::view;
use super::{check, drawn, on_screen, press, type_in};
use crate::event::Position;
use crate::workspace::{RebuildView, Recorded, Role, Snapshot, VersionInfo};

const SIZES: [(u16, u16); 4] = [(120, 36), (80, 24), (60, 16), (20, 5)];

fn info(label: &str, role: Role, mib: u64, checkpoint: Result<u64, &str>) -> VersionInfo {
    VersionInfo {
        label: label.to_owned(),
        role,
        bytes: mib << 20,
        checkpoint: checkpoint.map(Position::new).map_err(str::to_owned),
    }
}

pub fn answer(of: &Snapshot) -> Answer {
    let versions = of.projections.iter().map(|view| {
        let mut all = vec![info(&view.version, Role::Answers, 48, Ok(HEAD))];
        if let Some(rebuild) = &view.rebuild {
            all.insert(0, info(&rebuild.version, Role::Beside, 21, Ok(54_120)));
        }
        let damaged = Err("the file is damaged\u{1b}[2J");
        all.push(info("0d11f3aa-1", Role::Kept, 47, damaged));
        (view.name.clone(), Ok(all))
    });
    Answer {
        versions: versions.collect(),
        done: Ok(vec![
            Recorded::example(
                "orders",
                "rebuild --hold",
                Some("ada"),
                Some(Ok("the new version is held")),
            ),
            Recorded::example(
                "stock",
                "rebuild",
                Some("ada"),
                Some(Err(
                    "the disk has too little room: 48 MiB are needed, and 2 MiB are free",
                )),
            ),
            Recorded::example("orders", "definition 3f2a91c", None, None),
        ]),
    }
}

/// Several at once: one is folded, one is held, one stands still.
fn busy() -> Snapshot {
    let mut snapshot = testing::rebuilding();
    let mut held = testing::held().projections.swap_remove(2).rebuild;
    if let Some(held) = &mut held {
        held.version = "77aa01bc-3".to_owned();
    }
    snapshot.projections[5].rebuild = held;
    let rebuild = RebuildView {
        paused: true,
        ..snapshot.projections[2].rebuild.clone().unwrap()
    };
    snapshot.projections[4].rebuild = Some(rebuild);
    snapshot
}

fn shown(snapshot: Snapshot, (width, height): (u16, u16)) -> Model {
    let mut model = model_of(snapshot, width, height);
    let effects = press(&mut model, &["6"]);
    assert!(matches!(effects[..], [Effect::Rebuilds(_)]), "{effects:?}");
    let answer = answer(&model.snapshot);
    update(&mut model, now(), Msg::Rebuilds(answer));
    model
}

#[test]
fn the_rebuilds_screen_at_every_size() {
    for size in SIZES {
        let name = |name: &str| format!("rebuilds_{name}_{}x{}", size.0, size.1);
        check(&name("busy"), &shown(busy(), size), &Theme::colour());
        check(
            &name("none"),
            &shown(testing::normal(), size),
            &Theme::colour(),
        );
    }
    check(
        "rebuilds_nothing",
        &shown(testing::empty(), (80, 24)),
        &Theme::colour(),
    );
}

#[test]
fn what_is_held_is_first_and_any_column_sorts() {
    let mut model = shown(busy(), (120, 36));
    let names = |model: &Model| -> Vec<String> {
        let order = model.rebuilds.order(&model.snapshot);
        let views = &model.snapshot.projections;
        order.iter().map(|at| views[*at].name.clone()).collect()
    };
    assert_eq!(names(&model)[..3], ["stock", "orders", "revenue"]);
    press(&mut model, &[">"]);
    assert_eq!(names(&model)[0], "audit");
    press(&mut model, &["I"]);
    assert_eq!(names(&model)[0], "stock");
    press(&mut model, &["/"]);
    type_in(&mut model, "!o");
    assert_eq!(names(&model), ["revenue", "audit"]);
    press(&mut model, &["esc", "<"]);
    assert_eq!(names(&model).len(), 6);
}

#[test]
fn keys_are_about_the_chosen_row_and_the_history_scrolls() {
    let mut model = shown(busy(), (120, 36));
    assert_eq!(
        model.selected().unwrap().name,
        "stock",
        "what is held is chosen"
    );
    press(&mut model, &["g", "j"]);
    assert_eq!(model.selected().unwrap().name, "orders");
    let effects = press(&mut model, &["D"]);
    assert!(matches!(&effects[..], [Effect::Diff { projection }] if projection == "orders"));
    press(&mut model, &["esc", "tab", "j", "j", "j", "j"]);
    assert_eq!(model.rebuilds.scroll, 0, "all of it is in view");
    let mut small = shown(busy(), (80, 14));
    press(&mut small, &["tab", "G"]);
    let end = small.rebuilds.scroll;
    assert!(end > 0);
    press(&mut small, &["j"]);
    assert_eq!(small.rebuilds.scroll, end, "no further than the last");
    let text = view::plain::text(&drawn(&small, &Theme::colour()));
    assert!(text.contains("definition 3f2a91c"), "{text}");
    press(&mut model, &["z"]);
    assert!(model.rebuilds.panes.zoomed);
    press(&mut model, &["z", "tab", "enter"]);
    assert_eq!(model.screen, Screen::Projection);
}

#[test]
fn keys_are_about_the_marked_row_however_the_overview_is_narrowed() {
    let mut model = shown(testing::normal(), (120, 36));
    press(&mut model, &["1", "/"]);
    type_in(&mut model, "!orders");
    press(&mut model, &["enter", "G", "I", "6", "g", "j", "j"]);
    let at_two = |model: &Model| {
        let order = model.rebuilds.order(&model.snapshot);
        model.snapshot.projections[order[2]].name.clone()
    };
    let third = at_two(&model);
    assert_eq!(model.selected().unwrap().name, third);
    let effects = press(&mut model, &["D"]);
    assert!(matches!(&effects[..], [Effect::Diff { projection }] if *projection == third));
    // Here, too: where it is not among those that are shown, the first of them is marked and meant.
    press(&mut model, &["esc", "/"]);
    type_in(&mut model, &format!("!{third}"));
    press(&mut model, &["enter"]);
    let first = model.rebuilds.order(&model.snapshot)[0];
    let first = model.snapshot.projections[first].name.clone();
    let marked = super::shown(&super::drawn(&model, &Theme::colour()), &Theme::colour());
    assert!(marked.contains(&format!("▌ {first}")), "{marked}");
    let effects = press(&mut model, &["D"]);
    assert!(matches!(&effects[..], [Effect::Diff { projection }] if *projection == first));
}

#[test]
fn versions_are_read_again_when_one_comes_or_goes_and_not_before() {
    let mut model = shown(testing::normal(), (120, 36));
    let same = Msg::Snapshot(Arc::new(testing::normal()));
    assert!(update(&mut model, now(), same).is_empty());
    let effects = update(
        &mut model,
        now(),
        Msg::Snapshot(Arc::new(testing::rebuilding())),
    );
    assert!(matches!(effects[..], [Effect::Rebuilds(_)]), "{effects:?}");
    let more = update(&mut model, now(), Msg::Snapshot(Arc::new(testing::held())));
    assert!(more.is_empty(), "one question at a time");
    let last = answer(&model.snapshot);
    let effects = update(&mut model, now(), Msg::Rebuilds(last));
    assert!(matches!(effects[..], [Effect::Rebuilds(_)]), "{effects:?}");
}

#[test]
fn the_time_that_is_left_is_a_range_once_two_rates_are_known() {
    let mut model = shown(testing::rebuilding(), (120, 36));
    let mut next = testing::rebuilding();
    next.taken_at = now() + jiff::SignedDuration::from_secs(10);
    let rebuild = next.projections[2].rebuild.as_mut().unwrap();
    rebuild.checkpoint = Position::new(64_120);
    let (rebuild, at) = (rebuild.clone(), next.taken_at);
    update(&mut model, now(), Msg::Snapshot(Arc::new(next)));
    let (least, most) = model.rebuilds.ready_in("orders", &rebuild, at).unwrap();
    assert_eq!(least, Duration::from_millis(4_100), "by the rate of now");
    // 64,283 are left, and 10,000 took ten seconds.
    assert_eq!(most, Duration::from_millis(64_283));
}

pub fn message(number: u64, level: Level, text: &str) -> Arc<Message> {
    Arc::new(Message {
        number,
        at: now(),
        level,
        target: "highwater::engine".to_owned(),
        text: text.to_owned(),
    })
}

fn some() -> Vec<Arc<Message>> {
    let long = "projections/sales.sql:14:9: near \"SELEC\": syntax error; the last good version goes on, and \
                what is saved next is taken up at once\u{1b}[31m";
    vec![
        message(1, Level::INFO, "the engine has begun"),
        message(2, Level::WARN, long),
        message(
            3,
            Level::ERROR,
            "the projection's loop failed projection=orders",
        ),
    ]
}

#[test]
fn the_log_screen_at_every_size() {
    for (width, height) in SIZES {
        let mut model = model_of(testing::normal(), width, height);
        check(
            &format!("log_unread_{width}x{height}"),
            &{
                let mut model = model.clone();
                update(&mut model, now(), Msg::Logged(some()));
                model
            },
            &Theme::colour(),
        );
        press(&mut model, &["7"]);
        check(
            &format!("log_empty_{width}x{height}"),
            &model,
            &Theme::colour(),
        );
        update(&mut model, now(), Msg::Logged(some()));
        check(&format!("log_{width}x{height}"), &model, &Theme::colour());
    }
}

#[test]
fn messages_are_narrowed_scrolled_and_read() {
    let mut model = model_of(testing::normal(), 80, 8);
    update(&mut model, now(), Msg::Logged(some()));
    assert_eq!(model.log.unread, 2);
    press(&mut model, &["7"]);
    assert_eq!(model.log.unread, 0);
    press(&mut model, &["j"]);
    assert_eq!(model.log.above(), 1);
    update(
        &mut model,
        now(),
        Msg::Logged(vec![message(4, Level::INFO, "more")]),
    );
    assert_eq!(model.log.above(), 2, "it stays where it was");
    press(&mut model, &["g", "/"]);
    type_in(&mut model, "/^error");
    let texts: Vec<u64> = model.log.shown().map(|m| m.number).collect();
    assert_eq!(texts, [3]);
    model.size = Size::new(60, 16);
    press(&mut model, &["enter", "esc"]);
    assert_eq!(model.screen, Screen::Log, "the filter goes first");
    assert_eq!(model.log.shown().count(), 4);
    press(&mut model, &["esc"]);
    assert_eq!(model.screen, Screen::Overview);
}

#[test]
fn the_lines_of_a_message_stay_lines() {
    let mut model = model_of(testing::normal(), 80, 12);
    let text = "near \":time\": syntax error\n18 | INSERT INTO\n   |   ^";
    let messages = vec![message(1, Level::ERROR, text)];
    update(&mut model, now(), Msg::Logged(messages));
    press(&mut model, &["7"]);
    let drawn = on_screen(&model);
    assert!(!drawn.contains('\u{fffd}'), "{drawn}");
    let lines: Vec<&str> = drawn.lines().map(str::trim).collect();
    assert!(lines.contains(&"18 | INSERT INTO"), "{drawn}");
}
