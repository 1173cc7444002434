//! What each key does on the Events screen.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Size;

use super::super::super::state::stream::Shown;
use super::super::super::testing::events::{answer, settle};
use super::super::super::testing::{HEAD, model, model_of, normal, now};
use super::super::super::tests::{press, type_in};
use super::super::{Msg, update};
use super::*;
use crate::ui::state::{Layer, Said};
use crate::ui::widgets::json as drawn;
use crate::workspace::Direction;

/// Presses keys, and answers what they lead to; gives what is no question.
fn pressed(model: &mut Model, keys: &[&str]) -> Vec<Effect> {
    let mut others = Vec::new();
    for key in keys {
        let effects = press(model, &[key]);
        others.extend(settle(model, effects));
    }
    others
}

fn lined(model: &mut Model, line: &str) {
    pressed(model, &[":"]);
    type_in(model, line);
    pressed(model, &["enter"]);
}

/// The screen as it is opened.
fn opened() -> Model {
    let mut model = model();
    pressed(&mut model, &["2"]);
    model
}

fn chosen(model: &Model) -> u64 {
    model
        .events
        .list
        .chosen()
        .map_or(0, |entry| entry.position.get())
}

fn shown(model: &Model) -> u64 {
    let detail = model.events.detail.as_ref();
    detail.map_or(0, |detail| detail.event.position.get())
}

fn grown(model: &mut Model, by: u64) {
    let mut snapshot = normal();
    snapshot.head = model.snapshot.head.plus(by);
    let effects = update(model, now(), Msg::Snapshot(snapshot.into()));
    settle(model, effects);
}

fn said(model: &Model) -> &str {
    match &model.said {
        Some(Said::Note(_, text)) => text,
        _ => "",
    }
}

#[test]
fn it_opens_at_the_head_and_follows_it_however_fast_it_goes() {
    let mut model = opened();
    assert_eq!((chosen(&model), shown(&model)), (HEAD, HEAD));
    for by in [1, 30, 5_000] {
        grown(&mut model, by);
        assert_eq!(chosen(&model), model.snapshot.head.get());
        assert_eq!(shown(&model), model.snapshot.head.get());
        assert!(model.events.list.entries.len() > view::rows(&model));
    }
}

#[test]
fn what_passes_before_anybody_can_see_it_is_not_read() {
    let mut model = opened();
    let rows = view::rows(&model);
    let mut snapshot = normal();
    snapshot.head = model.snapshot.head.plus(150);
    let mut left = update(&mut model, now(), Msg::Snapshot(snapshot.into()));
    let mut asked = Vec::new();
    while let Some(effect) = left.pop() {
        let Effect::Events(ask) = effect else {
            continue;
        };
        if let Ask::Page { way, limit, .. } = &ask {
            asked.push((*way, *limit));
        }
        let answer = answer(&ask, model.snapshot.head.get());
        left.extend(update(&mut model, now(), Msg::Events(answer)));
    }
    assert_eq!(asked, [(Direction::Older, 2 * rows + 1)]);
    assert_eq!(chosen(&model), HEAD + 150);
    // As long as all of it can be seen, the rows before it stay.
    grown(&mut model, rows as u64);
    assert_eq!(model.events.list.entries.len(), 3 * rows + 1);
}

#[test]
fn going_up_stops_following_and_g_follows_again() {
    let mut model = opened();
    pressed(&mut model, &["up", "k", "j"]);
    assert_eq!(chosen(&model), HEAD - 1);
    grown(&mut model, 700);
    assert_eq!((chosen(&model), shown(&model)), (HEAD - 1, HEAD - 1));
    assert_eq!(model.snapshot.head.since(model.events.list.since), 700);
    pressed(&mut model, &["G"]);
    assert_eq!(chosen(&model), HEAD + 700);
    grown(&mut model, 1);
    assert_eq!(chosen(&model), HEAD + 701);
    pressed(&mut model, &["pageup", "end"]);
    grown(&mut model, 1);
    assert_eq!(chosen(&model), HEAD + 702);
}

#[test]
fn a_frozen_picture_can_be_walked_through_and_goes_on_where_the_log_is() {
    let mut model = opened();
    pressed(&mut model, &["space"]);
    grown(&mut model, 40);
    assert_eq!(chosen(&model), HEAD);
    pressed(&mut model, &["k", "k", "G"]);
    assert_eq!((chosen(&model), shown(&model)), (HEAD, HEAD));
    pressed(&mut model, &["space"]);
    assert_eq!(chosen(&model), HEAD + 40);
}

#[test]
fn a_key_that_comes_before_the_rows_is_not_lost() {
    let mut model = model();
    let effects = press(&mut model, &["2", "up", "k", "k", "j"]);
    settle(&mut model, effects);
    assert_eq!((chosen(&model), shown(&model)), (HEAD - 2, HEAD - 2));
    let effects = press(&mut model, &["g", "j", "j"]);
    settle(&mut model, effects);
    assert_eq!(chosen(&model), 3);
}

#[test]
fn pages_and_the_ends_of_the_log_are_a_key_away() {
    let mut model = opened();
    let page = view::rows(&model) as u64 - 1;
    pressed(&mut model, &["pageup", "ctrl-b", "pagedown"]);
    assert_eq!(chosen(&model), HEAD - page);
    pressed(&mut model, &["g"]);
    assert_eq!(chosen(&model), 1);
    pressed(&mut model, &["up", "down", "ctrl-f"]);
    assert_eq!((chosen(&model), shown(&model)), (2 + page, 2 + page));
    pressed(&mut model, &["home"]);
    assert_eq!(chosen(&model), 1);
}

#[test]
fn no_more_than_one_question_of_a_kind_is_under_way_and_an_outdated_answer_is_dropped() {
    let mut model = opened();
    pressed(&mut model, &["k"]);
    let first = press(&mut model, &["g"]);
    assert!(
        matches!(first[..], [Effect::Events(Ask::Page { .. })]),
        "{first:?}"
    );
    assert_eq!(press(&mut model, &["G", "g", "j", "k", "k"]), []);
    let Effect::Events(ask) = &first[0] else {
        panic!()
    };
    let next = update(&mut model, now(), Msg::Events(answer(ask, HEAD)));
    assert!(model.events.list.is_stale, "it was asked for before");
    settle(&mut model, next);
    assert_eq!(chosen(&model), 1);
}

#[test]
fn what_is_not_shown_is_not_read() {
    let mut model = opened();
    pressed(&mut model, &["k", "1"]);
    let mut snapshot = normal();
    snapshot.head = Position::new(HEAD + 9);
    let effects = update(&mut model, now(), Msg::Snapshot(snapshot.into()));
    assert_eq!(effects, []);
    // A row in the middle of the log does not change when the head moves.
    pressed(&mut model, &["2"]);
    lined(&mut model, "events 1,000");
    pressed(&mut model, &["enter"]);
    assert_eq!(press(&mut model, &["down", "up"]), []);
    let same = model.snapshot.clone();
    let effects = update(&mut model, now(), Msg::Snapshot(same));
    assert_eq!(effects, []);
}

#[test]
fn words_narrow_as_they_are_typed_and_esc_takes_them_away() {
    let mut model = opened();
    pressed(&mut model, &["/"]);
    let effects = type_in(&mut model, "type:shipped");
    settle(&mut model, effects);
    let is_shipped = |model: &Model| {
        let mut entries = model.events.list.entries.iter();
        entries.all(|entry| entry.event_type.as_str() == "OrderShipped")
    };
    assert!(is_shipped(&model) && model.events.list.entries.len() > view::rows(&model));
    pressed(&mut model, &["enter", "g"]);
    assert!(is_shipped(&model) && chosen(&model) < 6);
    pressed(&mut model, &["esc"]);
    assert!(model.events.search.is_everything() && !is_shipped(&model));
    pressed(&mut model, &["esc"]);
    assert_eq!(model.screen, Screen::Overview);
}

#[test]
fn words_that_nothing_fits_are_looked_for_to_the_end_and_no_further() {
    let mut model = opened();
    pressed(&mut model, &["/"]);
    let effects = type_in(&mut model, "type:shipped stream:order-7");
    settle(&mut model, effects);
    let list = &model.events.list;
    assert!(list.entries.is_empty() && list.low.get() <= 1 && list.under_way.is_none());
    assert_eq!((chosen(&model), shown(&model)), (0, 0));
    pressed(&mut model, &["esc"]);
    assert_eq!(chosen(&model), HEAD, "Esc takes back what was typed");
}

#[test]
fn the_line_narrows_goes_to_a_position_and_says_what_is_wrong() {
    let mut model = opened();
    pressed(&mut model, &["1"]);
    lined(&mut model, "events type:placed stream:order-10*");
    assert_eq!(model.screen, Screen::Events);
    assert_eq!(model.events.search.text(), "type:placed stream:order-10*");
    lined(&mut model, "events 12,345");
    assert_eq!((chosen(&model), shown(&model)), (12_345, 12_345));
    assert!(model.events.search.is_everything());
    let list = &model.events.list;
    let place = list.index().unwrap();
    assert!(
        place > 2 && place + 3 < list.entries.len(),
        "there is more around it"
    );
    lined(&mut model, "events 128,404");
    let Some(Layer::Line(line)) = model.layers.last() else {
        panic!()
    };
    let error = line.error.as_deref().unwrap();
    assert_eq!(
        error,
        "there is no event at 128,404: positions go from 1 to 128,403"
    );
    pressed(&mut model, &["esc"]);
    lined(&mut model, "events text:\"Ada L\"");
    assert_eq!(model.events.search.terms.text.as_deref(), Some("Ada L"));
    lined(&mut model, "events");
    assert_eq!(model.screen, Screen::Events);
}

#[test]
fn enter_zooms_into_the_event_and_there_folds_it() {
    let mut model = opened();
    pressed(&mut model, &["k", "k", "k", "enter"]);
    let panes = model.events.panes;
    assert_eq!((panes.focus, panes.zoomed), (DETAIL, true));
    let rows = |model: &Model| model.events.detail.as_ref().unwrap().json.len();
    let all = rows(&model);
    pressed(&mut model, &["enter"]);
    assert!(rows(&model) < all, "the data are folded");
    pressed(&mut model, &["right"]);
    assert_eq!(rows(&model), all);
    pressed(&mut model, &["j", "j", "left", "left"]);
    assert!(
        rows(&model) < all,
        "from a value to what it is in, and folded"
    );
    pressed(&mut model, &["end", "pageup", "home", "esc"]);
    let panes = model.events.panes;
    assert_eq!((panes.focus, panes.zoomed), (LIST, false));
    pressed(&mut model, &["z"]);
    assert!(model.events.panes.zoomed);
    pressed(&mut model, &["z", "esc"]);
    assert_eq!(model.screen, Screen::Overview);
}

#[test]
fn tab_goes_around_the_panes_and_the_tree_leads_to_its_events() {
    let mut model = opened();
    pressed(&mut model, &["k", "k", "k", "tab", "tab"]);
    assert_eq!(model.events.panes.focus, CAUSES);
    pressed(&mut model, &["down", "down", "enter"]);
    assert_eq!((chosen(&model), shown(&model)), (HEAD - 1, HEAD - 1));
    let story = model.events.causes.story.as_ref().unwrap();
    assert_eq!(story.origin().get(), HEAD - 3, "the story stays");
    pressed(&mut model, &["up", "enter"]);
    assert_eq!(chosen(&model), HEAD - 2);
    pressed(&mut model, &["tab"]);
    assert_eq!(model.events.panes.focus, LIST);
    pressed(&mut model, &["backtab", "backtab"]);
    assert_eq!(model.events.panes.focus, DETAIL);
}

#[test]
fn words_that_hide_an_event_of_the_tree_are_taken_away() {
    let mut model = opened();
    lined(&mut model, "events type:placed");
    pressed(
        &mut model,
        &["k", "j", "tab", "tab", "home", "down", "enter"],
    );
    assert!(model.events.search.is_everything());
    assert_eq!(
        said(&model),
        "the filter hides that event: it is taken away"
    );
    assert_eq!(chosen(&model), shown(&model));
}

#[test]
fn a_story_is_looked_for_near_by_and_to_the_ends_while_it_is_read() {
    let mut model = opened();
    lined(&mut model, "events 100,000");
    let low = |model: &Model| model.events.causes.story.as_ref().unwrap().looked().0.get();
    assert_eq!(low(&model), 80_000);
    pressed(&mut model, &["tab", "tab"]);
    assert_eq!(low(&model), 0);
    pressed(&mut model, &["tab", "G"]);
    assert!(
        model.events.causes.story.is_none(),
        "nobody asks for every newest event's"
    );
}

#[test]
fn four_shows_the_stream_of_the_chosen_event() {
    let mut model = opened();
    pressed(&mut model, &["k", "4"]);
    assert_eq!(model.screen, Screen::Stream);
    let stream = model
        .stream
        .shown
        .as_ref()
        .map(|Shown { stream, .. }| stream.to_string());
    assert_eq!(stream.as_deref(), Some("order-1071"));
}

#[test]
fn y_copies_the_event_as_cloudevents() {
    let mut model = opened();
    let effects = pressed(&mut model, &["k", "y"]);
    let line = format!("{{\"sequence\":\"{}\"}}", HEAD - 1);
    assert_eq!(effects, [Effect::Copy(line)]);
    assert_eq!(said(&model), "copied event 128,402 as CloudEvents");
}

fn mouse(model: &mut Model, kind: MouseEventKind, column: u16, row: u16) {
    let event = MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    };
    let effects = update(model, now(), Msg::Mouse(event));
    settle(model, effects);
}

#[test]
fn the_mouse_chooses_folds_goes_and_scrolls() {
    let mut model = opened();
    let click = MouseEventKind::Down(MouseButton::Left);
    let areas = view::areas(&model);
    mouse(&mut model, click, 30, areas.list.y + 2);
    let rows = view::rows(&model) as u64;
    assert_eq!(chosen(&model), HEAD + 1 - rows);
    mouse(&mut model, click, areas.detail.x + 4, areas.detail.y + 1);
    assert_eq!(model.events.panes.focus, DETAIL);
    let json = &model.events.detail.as_ref().unwrap().json;
    assert_eq!(json.row(0).unwrap().is_open, Some(false));
    assert!(drawn::row_at(areas.detail, json, areas.detail.y).is_some());
    mouse(&mut model, click, areas.causes.x + 4, areas.causes.y + 2);
    assert_eq!(model.events.panes.focus, CAUSES);
    assert_eq!(chosen(&model), HEAD + 2 - rows);
    mouse(&mut model, MouseEventKind::ScrollUp, 5, areas.list.y + 3);
    assert_eq!(
        (model.events.panes.focus, chosen(&model)),
        (LIST, HEAD + 1 - rows)
    );
    mouse(&mut model, MouseEventKind::ScrollDown, 5, areas.list.y + 3);
    assert_eq!(chosen(&model), HEAD + 2 - rows);
}

#[test]
fn another_log_is_begun_anew_and_what_cannot_be_read_is_said() {
    let mut model = opened();
    let mut shorter = normal();
    shorter.head = Position::new(20);
    let effects = update(&mut model, now(), Msg::Snapshot(shorter.into()));
    settle(&mut model, effects);
    assert_eq!((chosen(&model), model.events.list.entries.len()), (20, 20));
    let effects = press(&mut model, &["g"]);
    let is_detail = |e: &Effect| matches!(e, Effect::Events(Ask::Detail { .. }));
    assert!(
        effects.iter().all(is_detail),
        "all rows are there: {effects:?}"
    );
    settle(&mut model, effects);
    let effects = press(&mut model, &["/", "x"]);
    let Some(Effect::Events(Ask::Page { number, .. })) = effects.first() else {
        panic!("{effects:?}")
    };
    let found = Err("the log cannot be read: disk".to_owned());
    let answer = Answer::Page {
        number: *number,
        found,
    };
    assert_eq!(update(&mut model, now(), Msg::Events(answer)), []);
    assert!(model.events.list.error.is_some());
}

#[test]
fn a_window_of_another_size_is_filled() {
    let mut model = model_of(normal(), 80, 24);
    pressed(&mut model, &["2", "k"]);
    let before = model.events.list.entries.len();
    let effects = update(&mut model, now(), Msg::Resize(Size::new(200, 200)));
    settle(&mut model, effects);
    assert!(model.events.list.entries.len() >= view::rows(&model).max(before));
    assert!(
        model.events.causes.story.is_some(),
        "there is room for it now"
    );
}
