//! What a message changes: state in, state and effects out. No I/O and no clock.

mod chart;
mod chosen;
mod events;
mod export;
mod form;
mod layers;
mod line;
mod load;
mod log;
mod news;
mod operation;
mod overview;
mod page;
mod projection;
mod question;
mod rebuilds;
mod screen;
pub(super) mod stream;
#[cfg(test)]
mod tests;
mod time;

use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind, MouseEvent};
use ratatui::layout::Size;
use serde_json::Value;

#[cfg(test)]
use super::action::Context;
use super::action::{Action, Edit};
use super::ask;
use super::journal::Message;
use super::keymap;
use super::screen::Screen;
use super::state;
use super::state::editor::Editor;
use super::state::help::Help;
use super::state::line::words;
use super::state::{Layer, Model, Said, Tone};
use super::theme::ThemeName;
use crate::event::{Position, Timestamp};
use crate::workspace::{
    AsOf, CannotUndo, Checked, Diff, Done, FaultOrder, Keys, Mending, Moment, Operation, Outcome,
    Preview, Progress, Recorded, Shown, Snapshot, Undone,
};
pub use export::Written;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// An answer for the Events screen.
    Events(ask::events::Answer),
    /// An answer for the Projection screen.
    Projection(ask::projection::Answer),
    /// An answer for the Stream screen.
    Stream(ask::stream::Answer),
    /// An answer for the Rebuilds screen.
    Rebuilds(ask::rebuilds::Answer),
    /// The program said something.
    Logged(Vec<Arc<Message>>),
    /// The keys of streams that something happened in lately.
    Keys(Result<Keys, String>),
    /// Something was saved in a file: where; or why not.
    Saved {
        /// How many rows of a table it has.
        rows: Option<Written>,
        /// Where it is, or why it is not.
        result: Result<PathBuf, String>,
    },
    /// A key.
    Key(KeyEvent),
    /// The mouse.
    Mouse(MouseEvent),
    /// A text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resize(Size),
    /// A new picture of the workspace.
    Snapshot(Arc<Snapshot>),
    /// A command was answered.
    Sent {
        /// Which.
        command: String,
        /// What it came to; or why it could not be sent.
        outcome: Result<Outcome, String>,
    },
    /// What an operation would mean.
    Previewed {
        /// On which projection.
        projection: String,
        /// Which operation.
        operation: Operation,
        /// The preview; or why there is none.
        result: Result<Preview, String>,
    },
    /// How an operation ended.
    Operated {
        /// On which projection.
        projection: String,
        /// Which operation.
        operation: Operation,
        /// At which position it was asked for, and how it ended; or why it could not be asked for.
        result: Result<(Position, Done), String>,
    },
    /// A fault was injected, or ended: what was done, or why it could not be.
    Injected(Result<String, String>),
    /// What was asked of a projection so far.
    Told {
        /// Of which.
        projection: String,
        /// Oldest first; or why it cannot be read.
        history: Result<Vec<Recorded>, String>,
    },
    /// What differs between the version that answers and the new one.
    Compared {
        /// Of which projection.
        projection: String,
        /// What differs; or why that cannot be said.
        diff: Result<Box<Diff>, String>,
    },
    /// What is parked.
    Parked {
        /// Of which projection.
        projection: String,
        /// How much and the first of it; or why it cannot be read.
        parked: Result<state::page::Parked, String>,
    },
    /// Something was taken back.
    Undone {
        /// Of which projection.
        projection: String,
        /// What; why it cannot be; or why nobody could be asked.
        result: Result<Result<Undone, CannotUndo>, String>,
    },
    /// How far a piece of work is.
    Progress {
        /// Which.
        number: u64,
        /// How far.
        progress: Progress,
    },
    /// A read model as it was.
    Looked {
        /// Of the work.
        number: u64,
        /// What there was to see; or why nothing is.
        result: Result<Arc<Moment>, String>,
    },
    /// A read model was verified.
    Verified {
        /// Of the work.
        number: u64,
        /// What it came to; or why it could not be.
        result: Result<Box<Checked>, String>,
    },
    /// What mending a key would change.
    Mending {
        /// Of which projection.
        projection: String,
        /// Which key.
        key: String,
        /// What would change; or why it cannot be mended.
        result: Result<Arc<Mending>, String>,
    },
}

/// Something that the loop has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask something for the Events screen; answered by [`Msg::Events`].
    Events(ask::events::Ask),
    /// Ask something for the Projection screen; answered by [`Msg::Projection`].
    Projection(ask::projection::Ask),
    /// Ask something for the Stream screen; answered by [`Msg::Stream`].
    Stream(ask::stream::Ask),
    /// Ask something for the Rebuilds screen; answered by [`Msg::Rebuilds`].
    Rebuilds(ask::rebuilds::Ask),
    /// Send a command; answered by [`Msg::Sent`].
    Send {
        /// Its name.
        command: String,
        /// Its fields.
        data: Value,
    },
    /// Ask what an operation would mean; answered by [`Msg::Previewed`].
    Preview {
        /// On which projection.
        projection: String,
        /// Which.
        operation: Operation,
    },
    /// Ask for an operation; answered by [`Msg::Operated`].
    Operate {
        /// On which projection.
        projection: String,
        /// Which.
        operation: Operation,
    },
    /// Inject a fault, or end faults; answered by [`Msg::Injected`].
    Inject(FaultOrder),
    /// Ask what was asked of a projection so far; answered by [`Msg::Told`].
    History {
        /// Of which.
        projection: String,
    },
    /// Compare the version that answers with the new one; answered by [`Msg::Compared`].
    Diff {
        /// Of which projection.
        projection: String,
    },
    /// Read what is parked; answered by [`Msg::Parked`].
    Parked {
        /// Of which projection.
        projection: String,
    },
    /// Take back what was asked of it last; answered by [`Msg::Undone`].
    Undo {
        /// Of which.
        projection: String,
    },
    /// Look at a read model as it was; answered by [`Msg::Looked`].
    Look {
        /// Of the work.
        number: u64,
        /// Of which projection.
        projection: String,
        /// When; `None` is the head.
        at: Option<AsOf>,
        /// Which rows.
        shown: Shown,
    },
    /// Fold a read model again and compare it; answered by [`Msg::Verified`].
    Verify {
        /// Of the work.
        number: u64,
        /// Of which projection.
        projection: String,
    },
    /// Break off what is under way; its own answer says where it came to.
    BreakOff {
        /// Which work.
        number: u64,
    },
    /// Ask what mending a key would change; answered by [`Msg::Mending`].
    Mending {
        /// Of which projection.
        projection: String,
        /// Which key.
        key: String,
    },
    /// Ask which keys there are lately; answered by [`Msg::Keys`].
    Keys,
    /// Write a text into a new file; answered by [`Msg::Saved`].
    Save {
        /// Its name, as far as it is free.
        stem: String,
        /// How its name ends.
        ending: &'static str,
        /// What is in it.
        text: String,
        /// How many rows of a table that is.
        rows: Option<Written>,
    },
    /// Save the screen as a picture; answered by [`Msg::Saved`].
    Picture {
        /// Its name, as far as it is free.
        stem: String,
    },
    /// Keep a line that was typed, for the next session.
    Remember(String),
    /// Set the demo's load, in commands a second.
    SetLoad(f64),
    /// Put a text into the terminal's clipboard.
    Copy(String),
    /// Take the mouse or give it back.
    Mouse(bool),
    /// Draw in another theme from now on.
    Theme(ThemeName),
    /// Draw everything again.
    Redraw,
    /// Back to the shell until it lets us go on.
    Suspend,
    /// The end.
    Quit,
}

/// Begins with a screen, and says what has to be done for it. What the screen is to be of is read as it would be behind
/// the screen's name in the command line. Errors: there is nothing like that.
pub fn begin(model: &mut Model, start: Screen, of: Option<&str>) -> Result<Vec<Effect>, String> {
    if let Some(of) = of {
        return line::run(model, start.setting(), &words(of));
    }
    if start == Screen::default() {
        return Ok(Vec::new());
    }
    Ok(screen::go(model, start))
}

/// Takes in what happened at a moment, and says what has to be done.
pub fn update(model: &mut Model, now: Timestamp, msg: Msg) -> Vec<Effect> {
    model.now = now;
    match msg {
        Msg::Events(answer) => events::answered(model, answer),
        Msg::Projection(answer) => projection::answered(model, answer),
        Msg::Stream(answer) => stream::answered(model, answer),
        Msg::Rebuilds(answer) => rebuilds::answered(model, answer),
        Msg::Keys(keys) => {
            model.asks_known = false;
            if let Ok(keys) = keys {
                model.known = Arc::new(keys);
                form::known(model);
            }
            Vec::new()
        }
        Msg::Saved { rows, result } => {
            let rows = rows.map_or_else(String::new, |rows| format!(", {rows}"));
            match result {
                Ok(path) => model.say(Tone::Good, format!("saved {}{rows}", path.display())),
                Err(why) => model.say(Tone::Bad, why),
            }
            Vec::new()
        }
        Msg::Logged(messages) => {
            log::logged(model, messages);
            Vec::new()
        }
        Msg::Key(event) if event.kind == KeyEventKind::Release => Vec::new(),
        Msg::Key(event) => key(model, &event),
        Msg::Mouse(event) => screen::mouse(model, event),
        Msg::Paste(text) => {
            let one_line = text.split(['\r', '\n']).collect::<Vec<_>>().join(" ");
            layers::typed(model, &one_line)
        }
        Msg::Resize(size) => {
            model.size = size;
            let mut effects = time::resized(model);
            effects.extend(events::resized(model));
            effects
        }
        Msg::Snapshot(snapshot) => {
            model.lagging.see(&snapshot);
            if let Some(Said::Ripple(ripple)) = &mut model.said {
                ripple.see(&snapshot);
            }
            if let Some(newest) = &mut model.newest {
                *newest = snapshot;
                return Vec::new();
            }
            news::tell(model, &snapshot);
            // Also the first row is chosen for good: what is under somebody's fingers does not change by itself. One that
            // a filter hides for a while stays chosen.
            let chosen = model.overview.selected.as_deref();
            if chosen.is_none_or(|name| model.projection(name).is_none()) {
                overview::pin(model);
            }
            model.snapshot = snapshot;
            let mut effects = page::look_again(model);
            effects.extend(screen::seen(model));
            effects
        }
        Msg::Sent { command, outcome } => {
            form::answered(model, &command, outcome);
            Vec::new()
        }
        Msg::Previewed {
            projection,
            operation,
            result,
        } => {
            operation::previewed(model, &projection, &operation, result);
            Vec::new()
        }
        Msg::Injected(result) => {
            match result {
                Ok(done) => model.say(Tone::Good, done),
                Err(why) => model.say(Tone::Bad, why),
            }
            Vec::new()
        }
        Msg::Operated {
            projection,
            operation,
            result,
        } => operation::operated(model, &projection, &operation, result),
        Msg::Told {
            projection,
            history,
        } => {
            page::told(model, &projection, &history);
            Vec::new()
        }
        Msg::Compared { projection, diff } => {
            page::compared(model, &projection, &diff);
            Vec::new()
        }
        Msg::Parked { projection, parked } => {
            page::parked(model, &projection, &parked);
            Vec::new()
        }
        Msg::Undone { projection, result } => {
            page::undone(model, &projection, result);
            Vec::new()
        }
        Msg::Progress { number, progress } => {
            time::progress(model, number, progress);
            page::progress(model, number, progress);
            Vec::new()
        }
        Msg::Looked { number, result } => time::looked(model, number, result),
        Msg::Verified { number, result } => {
            page::verified(model, number, result);
            Vec::new()
        }
        Msg::Mending {
            projection,
            key,
            result,
        } => {
            page::mending(model, &projection, &key, &result);
            Vec::new()
        }
    }
}

fn key(model: &mut Model, event: &KeyEvent) -> Vec<Effect> {
    let context = model.context();
    match model.keys.action(context, event) {
        Some(action) => act(model, action),
        None if context.is_text() => match keymap::typed(event) {
            Some(c) => layers::typed(model, c.encode_utf8(&mut [0; 4])),
            None => Vec::new(),
        },
        None => {
            if let Some(words) = elsewhere(model, event) {
                model.say(Tone::Info, words);
            }
            Vec::new()
        }
    }
}

/// What a key that means nothing on this screen does, and on which it does; `None` for keys that mean nothing
/// anywhere, and for those that only move.
fn elsewhere(model: &Model, event: &KeyEvent) -> Option<String> {
    if !model.layers.is_empty() {
        return None;
    }
    let key = keymap::typed(event)?;
    let on = |screen: &Screen| model.keys.action(screen.context(), event);
    let action = Screen::ALL.iter().find_map(on)?;
    let entry = super::action::within(
        Screen::ALL
            .iter()
            .find(|screen| on(screen) == Some(action))?
            .context(),
    )
    .find(|entry| entry.action == action)
    .filter(|entry| model.has(entry))?;
    let places = (1..)
        .zip(&Screen::ALL)
        .filter(|(_, screen)| on(screen) == Some(action));
    let places: Vec<String> = places
        .map(|(n, screen)| format!("{n} {}", screen.name()))
        .collect();
    let places = match places.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => return None,
    };
    let key = if key == ' ' {
        "Space".to_owned()
    } else {
        key.to_string()
    };
    Some(format!(
        "{key} has no meaning here. On {places}: {}",
        entry.help
    ))
}

/// Does what a key or the command line asks for.
fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let entry = super::action::within(model.context()).find(|e| e.action == action);
    if let Some(entry) = entry
        && !model.has(entry)
    {
        let why = model.why_not(entry);
        model.say(Tone::Info, why);
        return Vec::new();
    }
    match action {
        Action::Quit => vec![Effect::Quit],
        Action::Suspend => vec![Effect::Suspend],
        Action::Redraw => vec![Effect::Redraw],
        Action::Help => {
            match model.layers.last() {
                Some(Layer::Help(_)) => drop(model.layers.pop()),
                _ => model.layers.push(Layer::Help(Help::default())),
            }
            Vec::new()
        }
        Action::Close => {
            if let Some(effects) = time::is_broken_off(model) {
                return effects;
            }
            if let Some(effects) = screen::is_zoomed_out(model) {
                return effects;
            }
            if stream::is_closed(model) {
                return Vec::new();
            }
            if let Some(Layer::Help(help)) = model.layers.last_mut()
                && help.is_cleared()
            {
                return Vec::new();
            }
            match model.layers.pop() {
                None => screen::act(model, action),
                Some(Layer::Filter(narrowing)) => screen::narrow(model, &narrowing.before),
                Some(_) => Vec::new(),
            }
        }
        Action::Edit(edit) => layers::edit(model, edit),
        _ if model.layers.is_empty() => screen::act(model, action),
        _ => layers::act(model, action),
    }
}

/// Asks which keys there are, unless that is asked already.
fn keys_known(model: &mut Model) -> Vec<Effect> {
    if std::mem::replace(&mut model.asks_known, true) {
        Vec::new()
    } else {
        vec![Effect::Keys]
    }
}

/// A change of a text field by an edit or by typed text.
enum Change<'a> {
    Edit(Edit),
    Typed(&'a str),
}

impl Change<'_> {
    fn apply(&self, editor: &mut Editor) {
        match self {
            Self::Edit(edit) => editor.edit(*edit),
            Self::Typed(text) => editor.insert(text),
        }
    }
}
