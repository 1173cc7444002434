//! What keys do on the Projection screen, what is read for it, and what it does with answers.

use std::time::Duration;

use super::super::action::Action;
use super::super::ask::projection::{Answer, Ask, Found, What};
use super::super::screen::Screen;
use super::super::state::editor::Editor;
use super::super::state::fetched::Fetched;
use super::super::state::filter::Filter;
use super::super::state::line::CommandLine;
use super::super::state::projection::{Pane, Projection};
use super::super::state::question::listed;
use super::super::state::table::Sort;
use super::super::state::{Layer, Model, Tone};
use super::super::view::{self, ProjectionAt};
use super::{Effect, chart, chosen, events, question, screen};
use crate::event::Timestamp;
use crate::workspace::{Browse, Policy, ProjectionView, RowFilter};

/// How many lines a page key moves.
const PAGE: usize = 10;

/// How many rows are read at once: some screens of them.
const ROWS: usize = 200;

/// No pane has more lines than this.
const LONGEST: usize = usize::MAX / 4;

/// The screen is shown: what it needs is asked for.
pub fn opened(model: &mut Model) -> Vec<Effect> {
    look(model)
}

/// A new picture of the workspace came while it is shown.
pub fn seen(model: &mut Model) -> Vec<Effect> {
    look(model)
}

/// Shows the screen at the pane that an action is about.
pub fn show(model: &mut Model, action: Action) -> Vec<Effect> {
    if action == Action::Ask {
        return question::open(model);
    }
    model.projection.focus(Pane::Objective);
    screen::go(model, Screen::Projection)
}

/// An action.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let pane = model.projection.pane();
    match action {
        Action::Next | Action::Previous => model.projection.turn(action == Action::Previous),
        Action::Zoom => model.projection.panes.zoomed = !model.projection.panes.zoomed,
        Action::NextOne => turn_projection(model, false),
        Action::OneBefore => turn_projection(model, true),
        Action::Ask | Action::Objective => return show(model, action),
        Action::Open => return open(model, pane),
        Action::Turn => turn_table(model, pane),
        Action::Earlier | Action::Later if matches!(pane, Pane::Rows | Pane::Queries) => {
            sideways(model, pane, action == Action::Later);
        }
        Action::Closer | Action::Wider | Action::Earlier | Action::Later => {
            chart::act(model, action);
        }
        Action::SortNext | Action::SortBefore | Action::SortTurn => sort(model, action),
        Action::Retry | Action::Skip if pane == Pane::Parked => return on_parked(model, action),
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::First
        | Action::Last => scroll(model, action),
        _ => return chosen::act(model, action),
    }
    look(model)
}

/// Enter: what it does depends on the pane.
fn open(model: &mut Model, pane: Pane) -> Vec<Effect> {
    match pane {
        Pane::Queries => {
            let at = model.projection.scroll[Pane::Queries as usize];
            let queries = model.selected().map(listed).unwrap_or_default();
            if let Some(query) = queries.get(at.min(queries.len().saturating_sub(1))) {
                question::form(model, query);
            }
        }
        // The event that could not be applied, in the log.
        Pane::Parked => {
            let position = model.projection.parked_event().map(|event| event.position);
            if let Some(position) = position {
                return match events::open_with(model, &[position.to_string()]) {
                    Ok(effects) => effects,
                    Err(why) => {
                        model.say(Tone::Bad, why);
                        Vec::new()
                    }
                };
            }
        }
        Pane::Objective => {
            if let Some(view) = model.selected() {
                let begun = format!("objective {} ", view.name);
                let line = CommandLine {
                    editor: Editor::new(begun),
                    ..CommandLine::default()
                };
                model.layers.push(Layer::Line(line));
            }
        }
        _ => model.projection.panes.zoomed = !model.projection.panes.zoomed,
    }
    Vec::new()
}

/// Shows the next projection, or the one before, in the order of the Overview.
fn turn_projection(model: &mut Model, back: bool) {
    let Some(now) = model.selected().map(|view| view.name.clone()) else {
        return;
    };
    let views = &model.snapshot.projections;
    let order = model.overview.order(&model.snapshot);
    let mut names: Vec<&str> = order.iter().map(|at| views[*at].name.as_str()).collect();
    if !names.contains(&now.as_str()) {
        names = views.iter().map(|view| view.name.as_str()).collect();
    }
    let at = names.iter().position(|name| *name == now).unwrap_or(0);
    let by = if back { names.len() - 1 } else { 1 };
    model.overview.selected = Some(names[(at + by) % names.len()].to_owned());
}

/// The next table of the rows, or the rows of the next answer.
fn turn_table(model: &mut Model, pane: Pane) {
    let state = &mut model.projection;
    if pane == Pane::Queries {
        if let Some(answers) = &mut state.answers {
            answers.shown = (answers.shown + 1) % answers.all.len().max(1);
            answers.scroll = 0;
        }
        return;
    }
    let count = state.rows.page.good().map_or(0, |page| page.tables.len());
    if count > 0 {
        state.rows.table = (state.rows.table + 1) % count;
        state.rows.sort = None;
        state.rows.left = 0;
        state.scroll[Pane::Rows as usize] = 0;
    }
    state.focus(Pane::Rows);
}

/// Columns further right, or left.
fn sideways(model: &mut Model, pane: Pane, right: bool) {
    let state = &mut model.projection;
    let columns = match (pane, &state.answers) {
        (Pane::Queries, Some(answers)) => answers.columns().len(),
        _ => state.rows.columns().len(),
    };
    let left = match &mut state.answers {
        Some(answers) if pane == Pane::Queries => &mut answers.left,
        _ => &mut state.rows.left,
    };
    *left = if right {
        (*left + 1).min(columns.saturating_sub(1))
    } else {
        left.saturating_sub(1)
    };
}

/// Sorts the rows by the next column, or the one before; by primary key after the last.
fn sort(model: &mut Model, action: Action) {
    let rows = &mut model.projection.rows;
    let count = rows.columns().len();
    if action == Action::SortTurn {
        match &mut rows.sort {
            Some(sort) => sort.descending = !sort.descending,
            // By primary key, the last first.
            None => rows.turned = !rows.turned,
        }
    } else {
        let now = rows.sort.map_or(0, |sort| sort.column + 1);
        let by = if action == Action::SortNext { 1 } else { count };
        let next = (now + by) % (count + 1);
        rows.sort = next.checked_sub(1).map(|column| Sort {
            column,
            descending: false,
        });
        if let Some(sort) = rows.sort {
            rows.left = rows.left.min(sort.column);
        }
    }
    model.projection.scroll[Pane::Rows as usize] = 0;
    model.projection.focus(Pane::Rows);
}

/// Asks for words about the parked event that is chosen.
fn on_parked(model: &mut Model, action: Action) -> Vec<Effect> {
    let event = model.projection.parked_event().map(|event| event.position);
    let name = model.projection.about.clone();
    chosen::begin_line(model, action, &name, event)
}

/// Moves what the pane shows, or the choice in it.
fn scroll(model: &mut Model, action: Action) {
    if action == Action::Last && is_endless(model) {
        // The last of very many rows are the first ones, the other way around: that is quick.
        sort(model, Action::SortTurn);
        let words = "so many rows are read from the end: the last ones first; I turns them back";
        model.say(Tone::Info, words);
        return;
    }
    let last = view::projection_length(model).saturating_sub(1);
    let pane = model.projection.pane();
    let state = &mut model.projection;
    // Where there are answers, pages are of their rows.
    let is_page = matches!(action, Action::PageUp | Action::PageDown);
    let (at, last) = match &mut state.answers {
        Some(answers) if pane == Pane::Queries && is_page => {
            let rows = answers.rows().map_or(0, <[_]>::len);
            (&mut answers.scroll, rows.saturating_sub(1))
        }
        _ => (&mut state.scroll[pane as usize], last),
    };
    *at = match action {
        Action::Up => (*at).min(last).saturating_sub(1),
        Action::Down => *at + 1,
        Action::PageUp => (*at).min(last).saturating_sub(PAGE),
        Action::PageDown => *at + PAGE,
        Action::Last => LONGEST,
        _ => 0,
    }
    .min(last);
}

/// Whether nobody knows where the rows end.
fn is_endless(model: &Model) -> bool {
    let rows = &model.projection.rows;
    model.projection.pane() == Pane::Rows && rows.page.good().is_some() && rows.count().is_none()
}

/// A click on a cell.
pub fn clicked(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    match view::projection_at(model, x, y) {
        Some(ProjectionAt::Pane(pane)) => model.projection.focus(pane),
        Some(ProjectionAt::Row(pane, row)) => {
            model.projection.focus(pane);
            model.projection.scroll[pane as usize] = row;
        }
        None => return Vec::new(),
    }
    look(model)
}

/// The filter is another one: it is the rows'.
pub fn filtered(model: &mut Model, filter: Filter) -> Vec<Effect> {
    model.projection.rows.filter = filter;
    model.projection.scroll[Pane::Rows as usize] = 0;
    model.projection.focus(Pane::Rows);
    look(model)
}

/// Shows how a projection held its objective, and what a policy would have given, where one is named.
pub fn objective(model: &mut Model, name: String, policy: Option<Policy>) -> Vec<Effect> {
    model.overview.selected = Some(name.clone());
    model.projection.focus(Pane::Objective);
    let mut effects = screen::go(model, Screen::Projection);
    let Some(policy) = policy else {
        return effects;
    };
    let number = model.begin();
    let capacity = model.projection(&name).and_then(|view| view.rates.capacity);
    let mut fetched = Fetched::default();
    fetched.ask(number, String::new());
    model.projection.what_if = Some((policy, fetched));
    effects.push(Effect::Projection(Ask {
        number,
        projection: name,
        what: What::Forecast(policy, capacity),
    }));
    effects
}

/// Asks for what is shown and not there, or of another state than the one that is shown.
fn look(model: &mut Model) -> Vec<Effect> {
    let Some(view) = model.selected() else {
        return Vec::new();
    };
    let name = view.name.clone();
    model.projection.be_about(&name);
    let shown = view::projection_panes(model);
    let mut effects = Vec::new();
    for pane in shown {
        let Some((of, what)) = wanted(model, pane) else {
            continue;
        };
        let number = model.begun + 1;
        let state = &mut model.projection;
        let is_asked = match pane {
            Pane::Sql => begin(&mut state.definition, number, of),
            Pane::Parked => begin(&mut state.parked, number, of),
            Pane::Operations => begin(&mut state.operations, number, of),
            Pane::Objective => begin(&mut state.service, number, of),
            Pane::Rows => begin(&mut state.rows.page, number, of),
            Pane::Now | Pane::Charts | Pane::Times | Pane::Queries => false,
        };
        if is_asked {
            if let What::Rows(browse) = &what {
                state.rows.asked = Some(browse.clone());
                state.rows.took = Some((model.now, Duration::ZERO));
            }
            model.begin();
            effects.push(Effect::Projection(Ask {
                number,
                projection: name.clone(),
                what,
            }));
        }
    }
    effects
}

fn begin<T>(fetched: &mut Fetched<T>, number: u64, of: String) -> bool {
    let is_due = fetched.is_due(&of);
    if is_due {
        fetched.ask(number, of);
    }
    is_due
}

/// What a pane shows, and all that this depends on.
fn wanted(model: &Model, pane: Pane) -> Option<(String, What)> {
    let view = model.selected()?;
    Some(match pane {
        Pane::Sql => (view.version.clone(), What::Definition),
        Pane::Parked => (
            format!("{} {} {}", view.version, view.parked, view.parked_streams),
            What::Parked,
        ),
        Pane::Operations => (operations_of(view), What::Operations),
        Pane::Objective => {
            // What is a part of the last hour changes with the hour, but nobody sees ten seconds of it.
            let tens = model.snapshot.taken_at.as_second() / 10;
            (
                format!("{:?} {} {tens}", view.objective, view.breach),
                What::Service,
            )
        }
        Pane::Rows => {
            let browse = rows(model);
            // More pictures come for a while after the last event: what is waited for now is read then.
            let moved = match waits(model) {
                true => String::new(),
                false => format!("{} {}", view.version, view.checkpoint),
            };
            if moved.is_empty() && model.projection.rows.asked.as_ref() == Some(&browse) {
                return None;
            }
            (format!("{moved} {browse:?}"), What::Rows(browse))
        }
        _ => return None,
    })
}

/// What changes where something was asked of a projection, or has come of it.
fn operations_of(view: &ProjectionView) -> String {
    let asked = view.asked.as_ref().map(|asked| asked.position);
    let rebuild = view
        .rebuild
        .as_ref()
        .map(|r| (&r.version, r.held, r.paused));
    format!(
        "{asked:?} {} {} {} {:?} {rebuild:?}",
        view.version, view.breach, view.policy, view.paused
    )
}

/// Which rows are to be read: those around the chosen one.
fn rows(model: &Model) -> Browse {
    let state = &model.projection;
    let at = state.scroll[Pane::Rows as usize];
    // A step of half a page, so that scrolling by one does not ask each time.
    let first = (at / (ROWS / 2) * (ROWS / 2)).saturating_sub(ROWS / 4);
    let filter = &state.rows.filter;
    let columns = state.rows.columns();
    let sort = state.rows.sort.and_then(|sort| columns.get(sort.column));
    // The first is what is shown where none is named: before anybody knows its name.
    let tables = state.rows.page.good().map(|page| &page.tables);
    let table = tables.and_then(|tables| tables.get(state.rows.table));
    Browse {
        table: table
            .filter(|_| state.rows.table > 0)
            .map(|table| table.name.clone()),
        sort: sort.cloned(),
        descending: state
            .rows
            .sort
            .map_or(state.rows.turned, |sort| sort.descending),
        filter: (!filter.is_everything()).then(|| {
            let fits = filter.clone();
            RowFilter::new(filter.text(), move |row| fits.fits_row(row))
        }),
        first: first as u64,
        limit: ROWS,
    }
}

/// Whether a page of rows that only moved is not yet to be read again: after one that took its time, a while.
fn waits(model: &Model) -> bool {
    let since =
        |at: Timestamp| Duration::try_from(model.now.duration_since(at)).unwrap_or_default();
    let rows = &model.projection.rows;
    rows.page.value.is_some()
        && rows
            .took
            .is_some_and(|(at, took)| since(at) < took.saturating_mul(5))
}

/// An answer came: what waits for it takes it.
pub fn answered(model: &mut Model, answer: Answer) -> Vec<Effect> {
    let Answer { number, found } = answer;
    let now = model.now;
    let state = &mut model.projection;
    if let Some(answers) = &mut state.answers
        && let Some(level) = answers.all.iter_mut().find(|level| level.number == number)
    {
        level.answer = Some(match found {
            Ok(Found::Query(answered)) => Ok(*answered),
            Ok(_) => return Vec::new(),
            Err(error) => Err(error),
        });
        return Vec::new();
    }
    match found {
        Ok(Found::Definition(text)) => drop(state.definition.take(number, Ok(text))),
        Ok(Found::Parked(parked)) => drop(state.parked.take(number, Ok(parked))),
        Ok(Found::Operations(all)) => drop(state.operations.take(number, Ok(all))),
        Ok(Found::Service(service)) => drop(state.service.take(number, Ok(service))),
        Ok(Found::WhatIf(found)) => {
            if let Some((_, what_if)) = &mut state.what_if {
                what_if.take(number, Ok(*found));
            }
        }
        Ok(Found::Rows(page)) => {
            if state.rows.page.take(number, Ok(*page)) {
                took(state, now);
            }
        }
        Ok(Found::Query(_)) => {}
        Err(error) => failed(state, number, &error),
    }
    look(model)
}

fn took(state: &mut Projection, now: Timestamp) {
    if let Some((at, took)) = &mut state.rows.took {
        *took = Duration::try_from(now.duration_since(*at)).unwrap_or_default();
        *at = now;
    }
    if let Some(page) = state.rows.page.good() {
        state.rows.table = page.table;
    }
    if let Some(count) = state.rows.count() {
        let at = &mut state.scroll[Pane::Rows as usize];
        *at = (*at).min(count.saturating_sub(1));
    }
}

/// It could not be read: whatever waits for it says so.
fn failed(state: &mut Projection, number: u64, error: &str) {
    let error = || error.to_owned();
    state.definition.take(number, Err(error()));
    state.parked.take(number, Err(error()));
    state.operations.take(number, Err(error()));
    state.service.take(number, Err(error()));
    state.rows.page.take(number, Err(error()));
    if let Some((_, what_if)) = &mut state.what_if {
        what_if.take(number, Err(error()));
    }
}
