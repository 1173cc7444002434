//! What keys and the mouse do on the Overview.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::super::action::Action;
use super::super::state::commands::Chooser;
use super::super::state::editor::Editor;
use super::super::state::line::CommandLine;
use super::super::state::operation::{Confirm, PolicyPrompt};
use super::super::state::{Layer, Model, Tone};
use super::super::view;
use super::{Effect, operation, page, past};
use crate::event::Position;
use crate::lag::Status;
use crate::workspace::Operation;

/// How many rows a page key moves.
const PAGE: usize = 10;

/// The load's steps, in commands a second.
const STEPS: [f64; 12] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0,
];

/// An action on the Overview.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let at = model.overview.index(&model.snapshot);
    let to = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => at + 1,
        Action::PageUp => at.saturating_sub(PAGE),
        Action::PageDown => at + PAGE,
        Action::First => 0,
        Action::Last => usize::MAX,
        Action::Commands => {
            let chooser = Chooser::new(model.commands.clone());
            model.layers.push(Layer::Commands(chooser));
            return Vec::new();
        }
        Action::Line => return line(model),
        // It needs words: the line for them, begun.
        Action::Fault => {
            let line = CommandLine {
                editor: Editor::new("fault "),
                ..CommandLine::default()
            };
            model.layers.push(Layer::Line(line));
            return Vec::new();
        }
        Action::Mouse => {
            model.mouse = !model.mouse;
            let what = if model.mouse {
                "the mouse chooses rows"
            } else {
                "the mouse is the terminal's: select text with it"
            };
            model.say(Tone::Info, what);
            return vec![Effect::Mouse(model.mouse)];
        }
        Action::Load => return load(model),
        Action::Faster | Action::Slower => return step(model, action == Action::Faster),
        _ => return with_selected(model, action),
    };
    model.overview.choose(&model.snapshot, to);
    Vec::new()
}

/// Opens the command line, over whatever is there.
pub fn line(model: &mut Model) -> Vec<Effect> {
    model.layers.push(Layer::Line(CommandLine::default()));
    Vec::new()
}

/// An action on the chosen projection.
fn with_selected(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(view) = model.selected() else {
        model.say(
            Tone::Info,
            "there is no projection: put one SQL file for each into projections/",
        );
        return Vec::new();
    };
    let name = view.name.clone();
    on_projection(model, action, &name, None)
}

/// An action on a projection by name; a replay may have its position already.
pub fn on_projection(
    model: &mut Model,
    action: Action,
    name: &str,
    after: Option<String>,
) -> Vec<Effect> {
    let Some(view) = model.projection(name) else {
        model.say(Tone::Bad, format!("there is no projection {name:?}"));
        return Vec::new();
    };
    let (name, policy, replayable) = (view.name.clone(), view.policy, view.replayable);
    match action {
        // One that has stopped stands still already: the key tries the event again.
        Action::Pause if matches!(view.lag.status, Status::Paused | Status::Faulted(_)) => {
            operation::start(model, name, Operation::Resume)
        }
        Action::Pause => operation::start(model, name, Operation::Pause),
        Action::Apply => operation::start(model, name, Operation::Apply),
        Action::Copy => {
            let path = view.path.display().to_string();
            model.say(Tone::Good, format!("copied {path}"));
            vec![Effect::Copy(path)]
        }
        Action::Policy => {
            let prompt = PolicyPrompt::new(name, policy);
            model.layers.push(Layer::Policy(prompt));
            Vec::new()
        }
        Action::Retry | Action::Skip | Action::Repair => begin_line(model, action, &name, None),
        Action::Why | Action::Operations | Action::Diff | Action::Parked | Action::Verify => {
            page::open(model, action, name)
        }
        Action::Past => past::open(model, name, None),
        Action::Undo => vec![Effect::Undo { projection: name }],
        Action::Hold => open(model, Confirm::hold(name)),
        Action::PauseRebuild => {
            let paused = view.rebuild.as_ref().is_some_and(|rebuild| rebuild.paused);
            let operation = if paused {
                Operation::ResumeRebuild
            } else {
                Operation::PauseRebuild
            };
            operation::start(model, name, operation)
        }
        Action::CutOver => {
            let version = view.rebuild.as_ref().map(|rebuild| rebuild.version.clone());
            open(model, Confirm::plain(name, Operation::CutOver { version }))
        }
        Action::RollBack => {
            let from = Some(view.version.clone());
            open(model, Confirm::plain(name, Operation::RollBack { from }))
        }
        Action::Cancel => open(model, Confirm::plain(name, Operation::Cancel)),
        Action::Rebuild => open(model, Confirm::rebuild(name, replayable)),
        Action::Replay => open(model, Confirm::replay(name, replayable, after)),
        _ => Vec::new(),
    }
}

/// Opens the line for something that needs words, begun; `event` is the parked one that is meant.
pub fn begin_line(
    model: &mut Model,
    action: Action,
    name: &str,
    event: Option<Position>,
) -> Vec<Effect> {
    let word = match action {
        Action::Skip => "skip",
        Action::Repair => "repair",
        _ => "retry",
    };
    let event = event.map_or_else(String::new, |event| format!("{event} "));
    let line = CommandLine {
        editor: Editor::new(format!("{word} {name} {event}")),
        ..CommandLine::default()
    };
    model.layers.push(Layer::Line(line));
    Vec::new()
}

fn open(model: &mut Model, confirm: Confirm) -> Vec<Effect> {
    let effects = operation::ask(&confirm);
    model.layers.push(Layer::Confirm(confirm));
    effects
}

fn load(model: &mut Model) -> Vec<Effect> {
    let next = match model.load {
        Some(rate) if rate > 0.0 => {
            model.load_set = rate;
            0.0
        }
        _ => model.load_set,
    };
    set_load(model, next)
}

fn step(model: &mut Model, up: bool) -> Vec<Effect> {
    let now = model.load.unwrap_or_default();
    let next = if up {
        STEPS.iter().copied().find(|step| *step > now)
    } else {
        STEPS.iter().rev().copied().find(|step| *step < now)
    };
    set_load(model, next.unwrap_or(if up { now } else { 0.0 }))
}

/// Sets the load, in commands a second, and says so.
pub fn set_load(model: &mut Model, rate: f64) -> Vec<Effect> {
    model.load = Some(rate);
    let what = if rate > 0.0 {
        format!("load: {rate} commands/s")
    } else {
        "load: stopped".to_owned()
    };
    model.say(Tone::Info, what);
    vec![Effect::SetLoad(rate)]
}

/// The mouse: a click chooses a row, the wheel moves the choice.
pub fn mouse(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    if !model.mouse {
        return Vec::new();
    }
    let scroll = match event.kind {
        MouseEventKind::ScrollUp => Action::Up,
        MouseEventKind::ScrollDown => Action::Down,
        MouseEventKind::Down(MouseButton::Left) if model.layers.is_empty() => {
            if let Some(row) = view::row_at(model, event.column, event.row) {
                model.overview.choose(&model.snapshot, row);
            }
            return Vec::new();
        }
        _ => return Vec::new(),
    };
    let listens = super::super::action::within(model.context()).any(|e| e.action == scroll);
    if listens {
        super::act(model, scroll)
    } else {
        Vec::new()
    }
}
