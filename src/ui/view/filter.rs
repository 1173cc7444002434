//! The filter while it is typed, in the place of the footer.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::super::action::Context;
use super::super::screen::Screen;
use super::super::state::search::{Doubt, EXAMPLE, Search};
use super::super::state::{Model, Narrowing};
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::{input, popup};
use super::words::own;
use super::{footer, put, put_cut, put_right};

/// Draws it on the last line.
pub fn draw(
    model: &Model,
    narrowing: &Narrowing,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let area = Rect {
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    popup::clear(buf, area);
    put(buf, area, 0, &Line::from(own(" /", theme.title)));
    let field = Rect {
        x: area.x + 2,
        width: area.width / 2,
        ..area
    };
    let typed = narrowing.editor.text();
    let cursor = input::draw(buf, field, typed, narrowing.editor.before(), theme.text);
    if typed.is_empty() && model.screen == Screen::Events {
        // What can be written is nowhere else to be seen.
        let room = usize::from(area.width.saturating_sub(4));
        let example = text::cut(EXAMPLE, room, theme.glyphs.ellipsis);
        put_cut(
            buf,
            example_area(area),
            0,
            &Line::from(own(example, theme.dim)),
            theme,
        );
        return cursor;
    }
    let used = text::width(typed).min(usize::from(field.width)) + 2;
    let room = usize::from(area.width).saturating_sub(used + 2);
    let said = |words: &str, style| {
        let words = text::cut(&text::clean(words), room, theme.glyphs.ellipsis);
        Line::from(own(format!("{words} "), style))
    };
    let right = match (narrowing.error(model.screen), note(model, typed)) {
        (Some(error), _) if narrowing.is_refused => {
            said(&format!("{} {error}", theme.glyphs.failed), theme.bad)
        }
        (Some(error), _) => said(&error, theme.warn),
        (None, Some(note)) => said(&note, theme.warn),
        (None, None) => footer::keys(model, Context::Filter, theme, area.width / 2 - 3),
    };
    put_right(buf, area, 0, used, &right);
    cursor
}

/// What may be meant otherwise than it is read.
fn note(model: &Model, typed: &str) -> Option<String> {
    let is_events = model.screen == Screen::Events;
    let search = is_events.then(|| Search::parse(typed))?;
    search.doubt().map(Doubt::brief)
}

/// Right of the cursor.
fn example_area(area: Rect) -> Rect {
    Rect {
        x: area.x + 3,
        width: area.width.saturating_sub(3),
        ..area
    }
}
