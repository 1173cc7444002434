//! The past of a read model: opened, stepped, broken off, filled in when the answer comes.

use std::sync::Arc;

use super::super::action::Action;
use super::super::state::past::{FAR, Pane};
use super::super::state::{Layer, Model};
use super::Effect;
use crate::event::Position;
use crate::workspace::{AsOf, Moment, Progress};

/// Opens it at a moment, `None` being the head. One that is open already goes there.
pub fn open(model: &mut Model, projection: String, goal: Option<AsOf>) -> Vec<Effect> {
    let is_it = |layer: &Layer| matches!(layer, Layer::Past(pane) if pane.projection == projection);
    if let Some(at) = model.layers.iter().position(is_it) {
        model.layers.truncate(at + 1);
        return with(model, |pane| {
            pane.goal = goal;
            break_off(pane)
        });
    }
    let number = model.begin();
    let mut pane = Pane::new(number, projection, goal, model.size);
    let effects = look(&mut pane);
    model.layers.push(Layer::Past(pane));
    effects
}

/// An action within it.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let head = model.snapshot.head;
    let far = i64::try_from(FAR).unwrap_or(i64::MAX);
    with(model, |pane| {
        let before = (pane.goal, pane.shown);
        match action {
            Action::Before => pane.step(-1, head),
            Action::After => pane.step(1, head),
            Action::FurtherBack => pane.step(-far, head),
            Action::FurtherOn => pane.step(far, head),
            Action::First => pane.goal = Some(AsOf::Position(Position::new(1).min(head))),
            Action::Last => pane.goal = None,
            Action::Next => pane.turn(false),
            Action::Previous => pane.turn(true),
            Action::Up => pane.scroll(-1),
            Action::Down => pane.scroll(1),
            _ => return Vec::new(),
        }
        // At the head there may be more events by now.
        if (pane.goal, pane.shown) == before && action != Action::Last {
            return Vec::new();
        }
        if matches!(
            action,
            Action::First | Action::Last | Action::FurtherBack | Action::FurtherOn
        ) {
            return break_off(pane);
        }
        look(pane)
    })
}

/// Esc: breaks off the look that is under way; says whether there was one.
pub fn is_broken_off(model: &mut Model) -> Option<Vec<Effect>> {
    match model.layers.last_mut() {
        Some(Layer::Past(pane)) if pane.under_way.is_some() && pane.progress.is_some() => {
            Some(vec![Effect::BreakOff {
                number: pane.number,
            }])
        }
        _ => None,
    }
}

/// Looks again where more rows fit by now.
pub fn resized(model: &mut Model) -> Vec<Effect> {
    let height = usize::from(model.size.height);
    with(model, |pane| {
        if pane.shown.most >= height {
            return Vec::new();
        }
        pane.shown.most = height;
        look(pane)
    })
}

/// How far a look is.
pub fn progress(model: &mut Model, number: u64, progress: Progress) {
    for layer in &mut model.layers {
        if let Layer::Past(pane) = layer
            && pane.number == number
            && pane.under_way.is_some()
        {
            pane.progress = Some(progress);
        }
    }
}

/// A look has ended; where something else is to be shown by now, the next one begins.
pub fn looked(model: &mut Model, number: u64, result: Result<Arc<Moment>, String>) -> Vec<Effect> {
    let of_it = model.layers.iter_mut().find_map(|layer| match layer {
        Layer::Past(pane) if pane.number == number => Some(pane),
        _ => None,
    });
    let Some(pane) = of_it else {
        return Vec::new();
    };
    let was_for = pane.under_way.take();
    pane.progress = None;
    let is_over = was_for == Some((pane.goal, pane.shown));
    match result {
        Ok(moment) => {
            pane.error = None;
            if is_over {
                pane.goal = Some(AsOf::Position(moment.position));
                pane.shown.first = moment.rows.first;
                pane.shown.table = moment.rows.table;
            }
            pane.moment = Some(moment);
        }
        Err(error) => {
            if is_over && let Some(moment) = &pane.moment {
                pane.goal = Some(AsOf::Position(moment.position));
            }
            pane.error = Some(error);
        }
    }
    if is_over { Vec::new() } else { look(pane) }
}

fn with(model: &mut Model, change: impl FnOnce(&mut Pane) -> Vec<Effect>) -> Vec<Effect> {
    match model.layers.last_mut() {
        Some(Layer::Past(pane)) => change(pane),
        _ => Vec::new(),
    }
}

/// Begins to look, where no look is under way: one that is will be followed by the next.
fn look(pane: &mut Pane) -> Vec<Effect> {
    if pane.under_way.is_some() {
        return Vec::new();
    }
    pane.under_way = Some((pane.goal, pane.shown));
    vec![Effect::Look {
        number: pane.number,
        projection: pane.projection.clone(),
        at: pane.goal,
        shown: pane.shown,
    }]
}

/// The same, of a moment that is far away: what is under way would only be waited for.
fn break_off(pane: &mut Pane) -> Vec<Effect> {
    let number = pane.number;
    let mut effects = look(pane);
    if effects.is_empty() {
        effects.push(Effect::BreakOff { number });
    }
    effects
}
