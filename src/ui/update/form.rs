//! Forms: filled in, sent, answered.

use super::super::action::Action;
use super::super::state::form::{Answer, Refusal};
use super::super::state::ripple::Ripple;
use super::super::state::{Layer, Model, Said, Tone};
use super::Effect;
use crate::workspace::Outcome;

/// An action within a form.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(Layer::Form(form)) = model.layers.last_mut() else {
        return Vec::new();
    };
    let count = form.fields.len().max(1);
    let step = match action {
        Action::Next => 1,
        Action::Previous => count - 1,
        Action::NextOption | Action::OptionBefore if !form.sending => {
            form.answer = None;
            if let Some(field) = form.focused() {
                field.go_on(action == Action::OptionBefore);
            }
            return Vec::new();
        }
        Action::Accept if !form.sending => {
            return match form.data() {
                Ok(data) => {
                    form.sending = true;
                    form.answer = None;
                    vec![Effect::Send {
                        command: form.command.name.clone(),
                        data,
                    }]
                }
                Err(wrong) => {
                    form.focus = wrong;
                    for field in &mut form.fields {
                        field.touched = true;
                    }
                    Vec::new()
                }
            };
        }
        _ => return Vec::new(),
    };
    if let Some(field) = form.focused() {
        field.touched = true;
    }
    form.focus = (form.focus + step) % count;
    Vec::new()
}

/// Which keys there are was answered: the forms that are open take it in.
pub fn known(model: &mut Model) {
    for layer in &mut model.layers {
        if let Layer::Form(form) = layer {
            form.know(&model.known);
        }
    }
}

/// A command was answered: an accepted one closes its form or line and is followed, another stays open
/// with what was typed.
pub fn answered(model: &mut Model, command: &str, outcome: Result<Outcome, String>) {
    let answer = match outcome {
        Ok(Outcome::Accepted {
            position, stream, ..
        }) => {
            close(model, command);
            match position {
                Some(position) => {
                    let mut ripple = Ripple::new(command.to_owned(), position, model.now);
                    ripple.see(&model.snapshot);
                    model.said = Some(Said::Ripple(ripple));
                }
                None => model.say(
                    Tone::Good,
                    format!("{command} accepted: {stream} was so already, no event"),
                ),
            }
            return;
        }
        Ok(Outcome::Rejected { reason, .. }) => Answer {
            outcome: Refusal::Rejected,
            reason,
        },
        Ok(Outcome::Conflict { stream, version }) => Answer {
            outcome: Refusal::InConflict,
            reason: format!("{stream} moved on to version {version} each time: send it again"),
        },
        Err(reason) => Answer {
            outcome: Refusal::NotSent,
            // The outcome says that much already.
            reason: reason.replacen(&format!("{command} cannot be sent: "), "", 1),
        },
    };
    match model.layers.iter_mut().find(|layer| waits(layer, command)) {
        Some(Layer::Form(form)) => {
            form.sending = false;
            form.answer = Some(answer);
        }
        Some(Layer::Line(line)) => {
            line.sending = None;
            line.error = Some(format!("{}: {}", answer.outcome, answer.reason));
        }
        _ => model.say(
            Tone::Bad,
            format!("{command} {}: {}", answer.outcome, answer.reason),
        ),
    }
}

/// Whether a form or a line waits for the answer to this command.
fn waits(layer: &Layer, command: &str) -> bool {
    match layer {
        Layer::Form(form) => form.sending && form.command.name == command,
        Layer::Line(line) => line.sending.as_deref() == Some(command),
        _ => false,
    }
}

/// Closes the form that waits for this command, and the list that it came from; or the line.
fn close(model: &mut Model, command: &str) {
    let Some(at) = model.layers.iter().position(|layer| waits(layer, command)) else {
        return;
    };
    if let Layer::Form(_) = model.layers.remove(at) {
        let list = |layer: &Layer| matches!(layer, Layer::Commands(_));
        model.layers.retain(|layer| !list(layer));
    }
}
