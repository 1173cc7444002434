//! What keys do on the Log screen.

use std::sync::Arc;

use super::super::action::Action;
use super::super::journal::Message;
use super::super::screen::Screen;
use super::super::state::Model;
use super::super::state::filter::Filter;
use super::super::view;
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
    let end = view::log::scroll_end(model);
    let above = model.log.above().min(end);
    let to = match action {
        Action::Up => above.saturating_sub(1),
        Action::Down => above + 1,
        Action::PageUp => above.saturating_sub(PAGE),
        Action::PageDown => above + PAGE,
        Action::First => 0,
        Action::Last => usize::MAX,
        _ => return Vec::new(),
    };
    let to = to.min(end);
    let top = model.log.shown().nth(to).map(|m| m.number);
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

#[cfg(test)]
mod tests {
    use super::super::super::testing::{self, model_of, now};
    use super::super::super::theme::Theme;
    use super::super::super::view::{draw, plain};
    use super::super::{Msg, update};
    use super::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    fn picture(model: &Model) -> String {
        let area = Rect::new(0, 0, model.size.width, model.size.height);
        let mut buffer = Buffer::empty(area);
        draw(model, &Theme::colour(), area, &mut buffer);
        plain::text(&buffer)
    }

    #[test]
    fn the_end_is_where_the_oldest_is_in_view_and_no_further() {
        let mut next = testing::normal();
        next.problems = vec!["projections/orders.sql:3:1: it is broken".to_owned()];
        let mut model = model_of(next, 80, 24);
        let message = |number: u64| {
            Arc::new(Message {
                number,
                at: now(),
                level: tracing::Level::INFO,
                target: "highwater".to_owned(),
                // Each second one has several lines.
                text: match number % 2 {
                    0 => format!("message {number}"),
                    _ => format!("message {number} {}", "and on it goes ".repeat(12)),
                },
            })
        };
        screen_log(&mut model);
        let came = Msg::Logged((1..=60).map(message).collect());
        update(&mut model, now(), came);
        act(&mut model, Action::Last);
        let end = picture(&model);
        assert!(end.contains("message 1 and"), "{end}");
        assert!(
            end.contains("message 4\n") || end.contains("message 4 "),
            "{end}"
        );
        let top = model.log.top;
        act(&mut model, Action::Down);
        assert_eq!(model.log.top, top, "no further than the end");
        act(&mut model, Action::Up);
        assert_eq!(
            model.log.top,
            top.map(|top| top + 1),
            "one key is one message"
        );
        // Where all fit there is nothing to scroll.
        let mut few = model_of(testing::normal(), 80, 24);
        screen_log(&mut few);
        update(&mut few, now(), Msg::Logged((1..=3).map(message).collect()));
        act(&mut few, Action::Last);
        assert_eq!(few.log.top, None);
        // A higher terminal shows no empty lines under the end.
        model.log.top = Some(1);
        assert!(picture(&model).contains("message 4"));
    }

    fn screen_log(model: &mut Model) {
        super::super::screen::go(model, Screen::Log);
    }
}
