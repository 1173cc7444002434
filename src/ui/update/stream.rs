//! What keys do on the Stream screen, and what it does with answers.

use std::sync::Arc;

use serde_json::Value;

use super::super::action::Action;
use super::super::ask::stream::{Answer, Ask};
use super::super::json::Json;
use super::super::screen::Screen;
use super::super::state::editor::Editor;
use super::super::state::filter::Filter;
use super::super::state::line::CommandLine;
use super::super::state::stream::{self, MODELS, PAGE, PANES, STATE, STEPS, Shown, waiting};
use super::super::state::{Layer, Model, Tone};
use super::super::view;
use super::{Effect, operation, screen};
use crate::event::{StreamId, Version};
use crate::workspace::{KeyRows, Operation};

/// How many rows a page key moves.
const FAR: i64 = 10;

/// Shows a stream, at its newest event.
pub fn open(model: &mut Model, stream: StreamId) -> Vec<Effect> {
    show(model, stream, false);
    screen::go(model, Screen::Stream)
}

fn show(model: &mut Model, stream: StreamId, from_list: bool) {
    let number = model.begin();
    model.stream.shown = Some(Shown::new(stream, number, from_list));
}

/// The screen is shown: what it needs is asked for.
pub fn opened(model: &mut Model) -> Vec<Effect> {
    let snapshot = model.snapshot.clone();
    with(model, |shown| {
        shown.head = snapshot.head;
        shown.note(&snapshot);
        let mut effects = ask_steps(shown);
        effects.extend(ask_rows(shown));
        effects
    })
}

/// A new picture of the workspace came while it is shown: what may be another is asked for again.
pub fn seen(model: &mut Model) -> Vec<Effect> {
    let snapshot = model.snapshot.clone();
    with(model, |shown| {
        let mut effects = Vec::new();
        if shown.has_news(&snapshot) {
            effects.extend(ask_steps(shown));
        }
        if shown.has_moved(&snapshot) {
            effects.extend(ask_rows(shown));
        }
        shown.head = snapshot.head.max(shown.head);
        shown.note(&snapshot);
        effects
    })
}

/// An action.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if action == Action::FindStream {
        let line = CommandLine {
            editor: Editor::new("stream "),
            ..CommandLine::default()
        };
        model.layers.push(Layer::Line(line));
        return Vec::new();
    }
    if action == Action::Apply {
        return apply(model);
    }
    if model.stream.shown.is_none() {
        return act_on_list(model, action);
    }
    if action == Action::Copy {
        return copy(model);
    }
    let effects = with(model, |shown| act_on_stream(shown, action));
    lay(model);
    effects
}

/// Has the read models apply what waits that do so only when somebody asks.
fn apply(model: &mut Model) -> Vec<Effect> {
    let waiting = waiting(model);
    if waiting.is_empty() {
        let words = if model.stream.shown.is_none() {
            "no stream is open: open one first, for whoever waits with it"
        } else {
            "no read model waits with this stream for somebody to ask"
        };
        model.say(Tone::Info, words);
    }
    let start = |name| operation::start(model, name, Operation::Apply);
    waiting.into_iter().flat_map(start).collect()
}

/// The state after the step that is looked at, for the clipboard.
fn copy(model: &mut Model) -> Vec<Effect> {
    let shown = model.stream.shown.as_ref();
    let Some(step) = shown.and_then(Shown::looked_at) else {
        return Vec::new();
    };
    let (event, version) = (&step.event, step.event.version);
    let (words, text) = match &step.after {
        Some(after) => (
            format!("copied the state after version {version}"),
            after.state.to_string(),
        ),
        None => (
            format!("copied the data of version {version}"),
            event.data.as_str().to_owned(),
        ),
    };
    model.say(Tone::Good, words);
    vec![Effect::Copy(text)]
}

/// Esc: from a stream that was chosen in the list back to the list. Says whether it was one.
pub fn is_closed(model: &mut Model) -> bool {
    let chosen = model.stream.shown.as_ref();
    let is_it = model.screen == Screen::Stream
        && model.layers.is_empty()
        && chosen.is_some_and(|shown| shown.from_list);
    if is_it {
        model.stream.shown = None;
    }
    is_it
}

fn act_on_list(model: &mut Model, action: Action) -> Vec<Effect> {
    let streams = listed(model);
    let at = model
        .stream
        .list
        .index(streams.iter().map(StreamId::as_str));
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(10),
        Action::PageDown => at + 10,
        Action::First => 0,
        Action::Last => usize::MAX,
        Action::Open => {
            let Some(stream) = streams.into_iter().nth(at) else {
                return Vec::new();
            };
            show(model, stream, true);
            return opened(model);
        }
        Action::SortNext | Action::SortBefore => {
            let back = action == Action::SortBefore;
            let shown = view::stream_columns(model);
            model.stream.list.turn_sort(&shown, back);
            return Vec::new();
        }
        Action::SortTurn => {
            model.stream.list.invert();
            return Vec::new();
        }
        _ => return Vec::new(),
    };
    choose(model, &streams, to);
    Vec::new()
}

fn choose(model: &mut Model, streams: &[StreamId], to: usize) {
    let chosen = streams.get(to.min(streams.len().saturating_sub(1)));
    model.stream.list.chosen = chosen.map(ToString::to_string);
}

/// The streams of the list, in their order.
fn listed(model: &Model) -> Vec<StreamId> {
    let streams = stream::listed(model).into_iter();
    streams.map(|r| r.last.stream.clone()).collect()
}

fn act_on_stream(shown: &mut Shown, action: Action) -> Vec<Effect> {
    match action {
        Action::Next => shown.panes.turn(PANES, false),
        Action::Previous => shown.panes.turn(PANES, true),
        Action::Zoom => shown.panes.zoomed = !shown.panes.zoomed,
        Action::Before => return step(shown, -1),
        Action::After => return step(shown, 1),
        _ => match shown.panes.focus {
            STEPS => return act_on_steps(shown, action),
            STATE => act_on_state(&mut shown.json, action),
            _ => {
                if let Some(to) = moved(action, shown.scroll) {
                    shown.scroll = to;
                }
            }
        },
    }
    Vec::new()
}

fn act_on_steps(shown: &mut Shown, action: Action) -> Vec<Effect> {
    match action {
        Action::Up => step(shown, -1),
        Action::Down => step(shown, 1),
        Action::PageUp => step(shown, -FAR),
        Action::PageDown => step(shown, FAR),
        Action::First => step(shown, i64::MIN),
        Action::Last => step(shown, i64::MAX),
        Action::Open => {
            shown.panes.focus = STATE;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn act_on_state(json: &mut Json, action: Action) {
    match moved(action, json.chosen()) {
        Some(to) => json.choose(to),
        None if action == Action::Open => drop(json.turn()),
        None => {}
    }
}

/// Where a row's place goes.
fn moved(action: Action, at: usize) -> Option<usize> {
    Some(match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(10),
        Action::PageDown => at + 10,
        Action::First => 0,
        Action::Last => usize::MAX,
        _ => return None,
    })
}

/// Looks at another version; steps that were not read yet are asked for.
fn step(shown: &mut Shown, by: i64) -> Vec<Effect> {
    let before = shown.version();
    shown.step_by(by);
    if shown.version() != before {
        show_state(shown);
    }
    if shown.looked_at().is_none() && shown.newest() > Version::NONE {
        return ask_steps(shown);
    }
    Vec::new()
}

/// A click on a cell: a row of the list, a step, a pane.
pub fn clicked(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    match view::stream_at(model, x, y) {
        Some(view::StreamAt::Listed(row)) => {
            let streams = listed(model);
            let again =
                model.stream.list.chosen.as_deref() == streams.get(row).map(StreamId::as_str);
            choose(model, &streams, row);
            if again {
                return act_on_list(model, Action::Open);
            }
            Vec::new()
        }
        Some(view::StreamAt::Step(version)) => with(model, |shown| {
            shown.panes.focus = STEPS;
            let by = version.get().cast_signed() - shown.version().get().cast_signed();
            step(shown, by)
        }),
        Some(view::StreamAt::State(row)) => with(model, |shown| {
            shown.panes.focus = STATE;
            if let Some(row) = row {
                shown.json.choose(row);
                shown.json.turn();
            }
            Vec::new()
        }),
        Some(view::StreamAt::Models) => with(model, |shown| {
            shown.panes.focus = MODELS;
            Vec::new()
        }),
        None => Vec::new(),
    }
}

/// The filter is another one: of the streams to choose from, so these are shown once something is typed.
pub fn filtered(model: &mut Model, filter: Filter) -> Vec<Effect> {
    if !filter.text().is_empty() {
        model.stream.shown = None;
    }
    model.stream.list.filter = filter;
    Vec::new()
}

/// An answer came.
pub fn answered(model: &mut Model, answer: Answer) -> Vec<Effect> {
    let snapshot = model.snapshot.clone();
    let effects = match answer {
        Answer::Steps { number, result } => with_number(model, number, |shown| {
            let was = shown.looked_at().map(|step| step.event.version);
            let again = shown.steps.take(result);
            if shown.looked_at().map(|step| step.event.version) != was {
                show_state(shown);
            }
            let mut effects = Vec::new();
            if shown.last() > shown.rows_up_to {
                effects.extend(ask_rows(shown));
            }
            let lacks = shown.looked_at().is_none() && shown.newest() > Version::NONE;
            if again || lacks && shown.steps.error.is_none() {
                effects.extend(ask_steps(shown));
            }
            effects
        }),
        Answer::Rows { number, result } => with_number(model, number, |shown| {
            let was = shown.rows.is.clone();
            let again = shown.rows.take(result);
            shown.caught_up = caught_up(was.as_ref(), shown.rows.is.as_ref());
            // What moved while they were read is told by no picture that is still to come. Where they are the same as
            // before, the next picture is waited for.
            let is_new = was != shown.rows.is && shown.rows.error.is_none();
            if again || is_new && shown.has_moved(&snapshot) {
                ask_rows(shown)
            } else {
                Vec::new()
            }
        }),
    };
    lay(model);
    effects
}

/// The read models that lacked something before, and nothing after.
fn caught_up(was: Option<&Arc<KeyRows>>, is: Option<&Arc<KeyRows>>) -> Vec<String> {
    let (Some(was), Some(is)) = (was, is) else {
        return Vec::new();
    };
    let lacked = |name: &str| {
        let mut models = was.models.iter();
        models.any(|model| model.name == name && model.coming.lacks > 0)
    };
    let now = is.models.iter();
    let has_all = now.filter(|model| model.coming.lacks == 0 && lacked(&model.name));
    has_all.map(|model| model.name.clone()).collect()
}

fn with(model: &mut Model, change: impl FnOnce(&mut Shown) -> Vec<Effect>) -> Vec<Effect> {
    let shown = model.stream.shown.as_mut();
    shown.map_or_else(Vec::new, change)
}

fn with_number(
    model: &mut Model,
    number: u64,
    change: impl FnOnce(&mut Shown) -> Vec<Effect>,
) -> Vec<Effect> {
    let shown = model.stream.shown.as_mut();
    let shown = shown.filter(|shown| shown.number == number);
    shown.map_or_else(Vec::new, change)
}

fn ask_steps(shown: &mut Shown) -> Vec<Effect> {
    if shown.steps.is_asked {
        shown.steps.is_wanted = true;
        return Vec::new();
    }
    shown.steps.is_asked = true;
    vec![Effect::Stream(Ask::Steps {
        number: shown.number,
        stream: shown.stream.clone(),
        from: shown.from(),
        limit: PAGE,
    })]
}

fn ask_rows(shown: &mut Shown) -> Vec<Effect> {
    if shown.rows.is_asked {
        shown.rows.is_wanted = true;
        return Vec::new();
    }
    shown.rows.is_asked = true;
    shown.rows_up_to = shown.head.max(shown.last());
    vec![Effect::Stream(Ask::Rows {
        number: shown.number,
        stream: shown.stream.clone(),
    })]
}

/// Makes rows of the state after the step that is looked at.
fn show_state(shown: &mut Shown) {
    let Some(step) = shown.looked_at() else {
        shown.json = Json::default();
        return;
    };
    let mut values: Vec<(&str, Value)> = Vec::new();
    if let Some(after) = &step.after {
        values.push(("state", after.state.clone()));
    }
    values.push(("event", step.event.data.value()));
    shown.json = Json::new(values, ROOM, 0);
}

/// As many rows are unfolded at first.
const ROOM: usize = 24;

/// Tells the rows of the state how wide they are; nothing is scrolled beyond its end.
fn lay(model: &mut Model) {
    let cells = view::state_width(model);
    let scroll = view::models_scroll(model);
    if let Some(shown) = &mut model.stream.shown {
        shown.json.set_cells(cells);
        shown.scroll = shown.scroll.min(scroll);
    }
}

#[cfg(test)]
mod tests;
