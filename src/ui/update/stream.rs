//! What keys do on the Stream screen, and what it does with answers.

use super::super::action::Action;
use super::super::ask::stream::Answer;
use super::super::screen::Screen;
use super::super::state::Model;
use super::super::state::filter::Filter;
use super::super::state::stream::{Shown, recent};
use super::{Effect, screen};
use crate::event::StreamId;

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
pub fn opened(_model: &mut Model) -> Vec<Effect> {
    Vec::new()
}

/// A new picture of the workspace came while it is shown.
pub fn seen(_model: &mut Model) -> Vec<Effect> {
    Vec::new()
}

/// An action.
pub fn act(_model: &mut Model, _action: Action) -> Vec<Effect> {
    Vec::new()
}

/// A click on a cell.
pub fn clicked(_model: &mut Model, _x: u16, _y: u16) -> Vec<Effect> {
    Vec::new()
}

/// The filter is another one.
pub fn filtered(_model: &mut Model, _filter: Filter) -> Vec<Effect> {
    Vec::new()
}

/// An answer came.
pub fn answered(_model: &mut Model, answer: Answer) -> Vec<Effect> {
    match answer {}
}
