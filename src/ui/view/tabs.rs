//! The names of the screens on one line, the one that is shown marked.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::screen::Screen;
use super::super::state::Model;
use super::super::text;
use super::super::theme::Theme;
use super::words::own;
use super::{put, put_right};

/// How many lines it takes.
pub const fn height(area: Rect) -> u16 {
    if area.height < 14 { 0 } else { 1 }
}

/// Draws it; at the right, how much has come since the picture stands still.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let mut line = Line::from(Span::raw(" "));
    for (number, screen) in (1..).zip(Screen::ALL) {
        let (key, name) = if screen == model.screen {
            (theme.chosen, theme.chosen)
        } else {
            (theme.title, theme.dim)
        };
        line.push_span(own(format!("{number}"), key));
        if is_named(screen, model.screen, area.width) {
            line.push_span(own(format!(" {}", screen.name()), name));
        }
        let unread = screen == Screen::Log && model.log.unread > 0;
        let after = if unread {
            own(theme.glyphs.breach, theme.warn)
        } else {
            Span::raw(space(area.width))
        };
        line.push_span(after);
    }
    put(buf, area, 0, &line);
    if let Some(newest) = &model.newest {
        let more = newest.head.get().saturating_sub(model.snapshot.head.get());
        let words = format!("frozen, +{} ", text::thousands(more));
        let frozen = Line::from(own(words, theme.warn));
        let wide = u16::try_from(frozen.width()).unwrap_or(u16::MAX);
        let from = area.right().saturating_sub(wide + 1);
        for x in from.max(area.left())..area.right() {
            buf[(x, area.y)].reset();
        }
        put_right(buf, area, 0, 0, &frozen);
    }
}

/// What stands between two names.
const fn space(width: u16) -> &'static str {
    if width < 76 { " " } else { "  " }
}

/// Whether there is room for a name, or for its number alone.
fn is_named(screen: Screen, shown: Screen, width: u16) -> bool {
    width >= 68 || screen == shown
}

/// The screen whose name stands at a column.
pub fn at(shown: Screen, width: u16, x: u16) -> Option<Screen> {
    let mut left = 1;
    Screen::ALL.into_iter().find(|screen| {
        let name = if is_named(*screen, shown, width) {
            screen.name().len() + 1
        } else {
            0
        };
        let wide = 1 + name;
        let is_it = (left..left + wide).contains(&usize::from(x));
        left += wide + space(width).len();
        is_it
    })
}
