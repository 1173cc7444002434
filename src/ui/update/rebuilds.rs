//! What keys do on the Rebuilds screen, and what it does with answers.

use super::super::action::Action;
use super::super::ask::rebuilds::{Answer, Ask};
use super::super::screen::Screen;
use super::super::state::Model;
use super::super::state::filter::Filter;
use super::super::state::rebuilds::{DONE, Seen};
use super::super::view;
use super::{Effect, chosen, screen};

/// How many rows a page key moves.
const PAGE: usize = 10;

/// How many panes there are.
const PANES: usize = 2;

/// The screen is shown: what it needs is asked for.
pub fn opened(model: &mut Model) -> Vec<Effect> {
    model.rebuilds.asked = None;
    choose_one_that_is_built(model);
    seen(model)
}

/// Where the chosen one stands still and another is built or held, that is what one came for.
fn choose_one_that_is_built(model: &mut Model) {
    let views = &model.snapshot.projections;
    let is_built = |place: usize| views.get(place).is_some_and(|view| view.rebuild.is_some());
    let order = model.rebuilds.order(&model.snapshot);
    let first = order.first().copied().filter(|place| is_built(*place));
    let chosen = model.selected_place();
    if let Some(first) = first.filter(|_| !chosen.is_some_and(is_built)) {
        model.select_place(first);
    }
}

/// A new picture of the workspace came while it is shown: versions that came or went are read.
pub fn seen(model: &mut Model) -> Vec<Effect> {
    let snapshot = &model.snapshot;
    let state = &mut model.rebuilds;
    state.watch(snapshot);
    let seen = Seen::of(snapshot);
    if state.under_way || state.asked.as_ref() == Some(&seen) {
        return Vec::new();
    }
    state.asked = Some(seen);
    state.under_way = true;
    let names = snapshot.projections.iter().map(|view| view.name.clone());
    let names = names.collect();
    vec![Effect::Rebuilds(Ask { names })]
}

/// An action.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Open => return screen::go(model, Screen::Projection),
        Action::Next | Action::Previous => {
            model.rebuilds.panes.turn(PANES, action == Action::Previous);
        }
        Action::Zoom => model.rebuilds.panes.zoomed ^= true,
        Action::SortNext | Action::SortBefore => {
            let shown = view::rebuilds::sortable(model);
            let back = action == Action::SortBefore;
            model.rebuilds.table.turn_sort(&shown, back);
        }
        Action::SortTurn => model.rebuilds.table.invert(),
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::First
        | Action::Last => walk(model, action),
        _ => return chosen::act(model, action),
    }
    Vec::new()
}

fn walk(model: &mut Model, action: Action) {
    let order = model.rebuilds.order(&model.snapshot);
    let (at, last) = if model.rebuilds.panes.focus == DONE {
        let end = view::rebuilds::scroll_end(model);
        (model.rebuilds.scroll.min(end), end)
    } else {
        let chosen = model.selected_place();
        let at = order.iter().position(|place| Some(*place) == chosen);
        (at.unwrap_or(0), order.len().saturating_sub(1))
    };
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(PAGE),
        Action::PageDown => at + PAGE,
        Action::First => 0,
        _ => usize::MAX,
    };
    let to = to.min(last);
    if model.rebuilds.panes.focus == DONE {
        model.rebuilds.scroll = to;
    } else if let Some(place) = order.get(to) {
        model.select_place(*place);
    }
}

/// A click chooses a row.
pub fn clicked(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    if let Some(place) = view::rebuilds::row_at(model, x, y) {
        model.select_place(place);
    }
    Vec::new()
}

/// The filter is another one.
pub fn filtered(model: &mut Model, filter: Filter) -> Vec<Effect> {
    model.rebuilds.table.filter = filter;
    Vec::new()
}

/// An answer came.
pub fn answered(model: &mut Model, answer: Answer) -> Vec<Effect> {
    let state = &mut model.rebuilds;
    state.under_way = false;
    state.versions = answer.versions.into_iter().collect();
    let count = answer.done.as_ref().map_or(0, Vec::len);
    state.scroll = state.scroll.min(count.saturating_sub(1));
    state.done = Some(answer.done);
    // Something else may be there by now.
    if model.screen == Screen::Rebuilds {
        seen(model)
    } else {
        Vec::new()
    }
}
