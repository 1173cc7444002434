//! The past of a read model: opened, stepped, broken off, filled in when the answer comes.

use std::sync::Arc;

use super::super::action::Action;
use super::super::screen::Screen;
use super::super::state::Model;
use super::super::state::time::{FAR, Pane};
use super::{Effect, screen};
use crate::event::Position;
use crate::workspace::{AsOf, Moment, Progress};

/// The screen is shown: where nobody looked yet, at the chosen projection as it is now.
pub fn opened(model: &mut Model) -> Vec<Effect> {
    let chosen = model.selected().map(|view| view.name.clone());
    match (&model.time, chosen) {
        (None, Some(name)) => begin(model, name, None),
        _ => Vec::new(),
    }
}

/// Shows a projection at a moment, `None` being the head. One that is shown already goes there.
pub fn open(model: &mut Model, projection: String, goal: Option<AsOf>) -> Vec<Effect> {
    let is_it = |pane: &Pane| pane.projection == projection;
    let mut effects = if model.time.as_ref().is_some_and(is_it) {
        with(model, |pane| {
            pane.goal = goal;
            break_off(pane)
        })
    } else {
        begin(model, projection, goal)
    };
    effects.extend(screen::go(model, Screen::Time));
    effects
}

fn begin(model: &mut Model, projection: String, goal: Option<AsOf>) -> Vec<Effect> {
    let number = model.begin();
    let mut pane = Pane::new(number, projection, goal, model.size);
    let effects = look(&mut pane);
    model.time = Some(pane);
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
    if model.screen != Screen::Time || !model.layers.is_empty() {
        return None;
    }
    match &model.time {
        Some(pane) if pane.under_way.is_some() && pane.progress.is_some() => {
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
    if let Some(pane) = &mut model.time
        && pane.number == number
        && pane.under_way.is_some()
    {
        pane.progress = Some(progress);
    }
}

/// A look has ended; where something else is to be shown by now, the next one begins.
pub fn looked(model: &mut Model, number: u64, result: Result<Arc<Moment>, String>) -> Vec<Effect> {
    let Some(pane) = model.time.as_mut().filter(|pane| pane.number == number) else {
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
    model.time.as_mut().map_or_else(Vec::new, change)
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
