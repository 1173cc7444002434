//! One line of text with a cursor: scrolled so that the cursor can be seen.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_width::UnicodeWidthChar;

use super::super::text;

/// Draws a text of which `before` stands before the cursor, and says where the cursor is.
pub fn draw(
    buf: &mut Buffer,
    area: Rect,
    whole: &str,
    before: &str,
    style: Style,
) -> Option<Position> {
    if area.is_empty() {
        return None;
    }
    let room = usize::from(area.width).saturating_sub(1);
    let mut skipped = 0;
    let mut cells = text::width(before);
    for c in before.chars() {
        if cells <= room {
            break;
        }
        cells -= c.width().unwrap_or(0);
        skipped += c.len_utf8();
    }
    let shown = &whole[skipped..];
    buf.set_stringn(area.x, area.y, shown, usize::from(area.width), style);
    let at = u16::try_from(cells).unwrap_or(0).min(area.width - 1);
    Some(Position::new(area.x + at, area.y))
}
