//! What is asked of one projection: the chosen one, or one that is named.

use super::super::action::Action;
use super::super::screen::Screen;
use super::super::state::editor::Editor;
use super::super::state::line::CommandLine;
use super::super::state::operation::{Confirm, PolicyPrompt};
use super::super::state::{Layer, Model, Tone};
use super::{Effect, operation, page, time};
use crate::event::Position;
use crate::lag::Status;
use crate::workspace::Operation;

/// An action on the chosen projection.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(view) = model.selected() else {
        let words = none(model);
        model.say(Tone::Info, words);
        return Vec::new();
    };
    let name = view.name.clone();
    on_projection(model, action, &name, None)
}

/// Why none is chosen, and what helps.
fn none(model: &Model) -> String {
    if !model.hides_all() {
        return "there is no projection: put one SQL file for each into projections/".to_owned();
    }
    let (action, does) = match model.screen {
        Screen::Overview => (Action::Close, "takes it away"),
        _ => (Action::Filter, "changes it"),
    };
    let key = model.keys.of(action);
    format!("no projection fits the filter: {key} {does}")
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
        Action::Past => time::open(model, name, None),
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
    let event = match event {
        Some(event) => format!("{event} "),
        None if action == Action::Retry => "all".to_owned(),
        None => String::new(),
    };
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
