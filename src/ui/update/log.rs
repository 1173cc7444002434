//! What keys do on the Log screen.

use std::sync::Arc;

use super::super::action::Action;
use super::super::journal::Message;
use super::super::screen::Screen;
use super::super::state::Model;
use super::super::state::filter::Filter;
use super::Effect;

/// How many messages a page key moves.
const PAGE: usize = 10;

/// The screen is shown: what came is read.
pub fn opened(model: &mut Model) -> Vec<Effect> {
    model.log.unread = 0;
    Vec::new()
}

/// The program said something.
pub fn logged(model: &mut Model, messages: Vec<Arc<Message>>) {
    model.log.take(messages, model.screen == Screen::Log);
}

/// An action.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let above = model.log.above();
    let to = match action {
        Action::Up => above.saturating_sub(1),
        Action::Down => above + 1,
        Action::PageUp => above.saturating_sub(PAGE),
        Action::PageDown => above + PAGE,
        Action::First => 0,
        Action::Last => usize::MAX,
        _ => return Vec::new(),
    };
    let last = model.log.shown().count().saturating_sub(1);
    let top = model.log.shown().nth(to.min(last)).map(|m| m.number);
    // The newest stays at the top while more come.
    model.log.top = top.filter(|_| to > 0);
    Vec::new()
}

/// The filter is another one.
pub fn filtered(model: &mut Model, filter: Filter) -> Vec<Effect> {
    model.log.filter = filter;
    model.log.top = None;
    Vec::new()
}
