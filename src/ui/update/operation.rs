//! Operations: asked for, previewed, confirmed, answered.

use super::super::action::Action;
use super::super::state::operation::{Ask, Confirm};
use super::super::state::page::About;
use super::super::state::{Layer, Model, Tone};
use super::{Effect, news};
use crate::event::Position;
use crate::text::thousands;
use crate::workspace::{Done, Operation, Preview};

/// An action within a prompt.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match (model.layers.last_mut(), action) {
        (Some(Layer::Policy(prompt)), Action::Up) => prompt.step(false),
        (Some(Layer::Policy(prompt)), Action::Down) => prompt.step(true),
        (Some(Layer::Policy(prompt)), Action::Complete) => prompt.complete(),
        (Some(Layer::Policy(prompt)), Action::Accept) => {
            if let Ok(policy) = prompt.policy() {
                let name = prompt.projection.clone();
                model.layers.pop();
                return start(model, name, Operation::SetPolicy(policy));
            }
        }
        (Some(Layer::Confirm(confirm)), Action::Next | Action::Previous) => {
            if let Ask::Replay { naming, .. } = &mut confirm.ask {
                *naming = !*naming;
            }
        }
        (Some(Layer::Confirm(_)), Action::Accept) => return confirmed(model),
        _ => {}
    }
    Vec::new()
}

/// Enter on a preview: do it, or offer a rebuild where a replay is refused.
fn confirmed(model: &mut Model) -> Vec<Effect> {
    let Some(Layer::Confirm(confirm)) = model.layers.last_mut() else {
        return Vec::new();
    };
    let replay = matches!(confirm.ask, Ask::Replay { .. });
    if confirm.refused().is_some() {
        if !replay {
            return Vec::new();
        }
        let instead = Confirm::rebuild(confirm.projection.clone(), confirm.replayable);
        *confirm = instead;
        return ask(confirm);
    }
    let Ok(operation) = confirm.operation() else {
        return Vec::new();
    };
    if let Ask::Replay { naming, .. } = &mut confirm.ask
        && !*naming
    {
        *naming = true;
        return Vec::new();
    }
    confirm.early = confirm.preview.is_none();
    // Nothing happens before its consequences were on the screen.
    if !confirm.sure() || !matches!(confirm.preview, Some(Ok(_))) {
        return Vec::new();
    }
    let name = confirm.projection.clone();
    model.layers.pop();
    start(model, name, operation)
}

/// Asks what the operation would mean.
pub fn ask(confirm: &Confirm) -> Vec<Effect> {
    match confirm.operation() {
        Ok(operation) => vec![Effect::Preview {
            projection: confirm.projection.clone(),
            operation,
        }],
        Err(_) => Vec::new(),
    }
}

/// Asks for an operation and says so.
pub fn start(model: &mut Model, projection: String, operation: Operation) -> Vec<Effect> {
    let what = match &operation {
        Operation::Pause => "pausing".to_owned(),
        Operation::Resume => "resuming".to_owned(),
        Operation::SetPolicy(policy) => format!("setting the policy to {policy}"),
        Operation::Apply => "applying what waits".to_owned(),
        Operation::Rebuild { .. } | Operation::Build { .. } => {
            "rebuilding: the version there is goes on answering".to_owned()
        }
        Operation::PauseRebuild => "pausing its rebuild".to_owned(),
        Operation::ResumeRebuild => "letting its rebuild go on".to_owned(),
        Operation::Cancel => "giving up the new version".to_owned(),
        Operation::CutOver { .. } => "cutting over to the new version".to_owned(),
        Operation::Repair { key } => format!("mending the rows of key {key}"),
        Operation::RollBack { .. } => "rolling back to the version before".to_owned(),
        Operation::Replay { after } => {
            format!("replaying the events after {}", thousands(after.get()))
        }
        Operation::Retry(_) => "trying parked events again".to_owned(),
        Operation::Skip { event, .. } => {
            format!("leaving event {} out", thousands(event.get()))
        }
        Operation::Unskip { event } => {
            format!("leaving event {} out no longer", thousands(event.get()))
        }
    };
    model.say(Tone::Info, format!("{projection}: {what}"));
    vec![Effect::Operate {
        projection,
        operation,
    }]
}

/// A preview has come: it counts if it is what is asked about now.
pub fn previewed(
    model: &mut Model,
    projection: &str,
    operation: &Operation,
    result: Result<Preview, String>,
) {
    for layer in &mut model.layers {
        if let Layer::Confirm(confirm) = layer
            && confirm.projection == projection
            && confirm.operation().as_ref() == Ok(operation)
        {
            confirm.preview = Some(result.clone());
        }
    }
}

/// An operation has ended.
pub fn operated(
    model: &mut Model,
    projection: &str,
    operation: &Operation,
    result: Result<(Position, Done), String>,
) -> Vec<Effect> {
    let (word, done) = match operation {
        Operation::Pause => ("pause", "paused"),
        Operation::Resume => ("resume", "resumed"),
        Operation::SetPolicy(_) => ("policy", "changed"),
        Operation::Apply => ("apply", "applied"),
        Operation::Rebuild { .. } | Operation::Build { .. } => ("rebuild", "rebuilt"),
        Operation::PauseRebuild => ("pause of the rebuild", "waits"),
        Operation::ResumeRebuild => ("resume of the rebuild", "goes on"),
        Operation::Cancel => ("cancel", "cancelled"),
        Operation::CutOver { .. } => ("cutover", "cut over"),
        Operation::RollBack { .. } => ("rollback", "rolled back"),
        Operation::Repair { .. } => ("repair", "mended"),
        Operation::Replay { .. } => ("replay", "replayed"),
        Operation::Retry(_) => ("retry", "tried again"),
        Operation::Skip { .. } => ("skip", "skipped"),
        Operation::Unskip { .. } => ("unskip", "unskipped"),
    };
    if let Ok((asked, _)) = &result {
        model.answered = Some((projection.to_owned(), *asked));
    }
    match result {
        Ok((asked, Done::Finished { what })) => {
            match news::overtaken(model, projection, operation, asked) {
                Some(news) => model.say(Tone::Info, format!("{news}, after your {word}")),
                None => model.say(Tone::Good, format!("{projection} {done}: {what}")),
            }
        }
        Ok((_, Done::Failed { reason })) => {
            model.say(Tone::Bad, format!("{projection}: {word} failed: {reason}"));
        }
        Ok((_, Done::Requested)) => model.say(
            Tone::Info,
            format!("{projection}: {word} is stored; it happens once an engine runs"),
        ),
        Err(error) => model.say(Tone::Bad, format!("{projection}: {word}: {error}")),
    }
    // A try more, or one event less: the page shows it.
    let shows = |layer: &Layer| matches!(layer, Layer::Page(page) if page.projection == projection && matches!(page.about, About::Parked(_)));
    if model.layers.iter().any(shows) {
        let projection = projection.to_owned();
        return vec![Effect::Parked { projection }];
    }
    Vec::new()
}
