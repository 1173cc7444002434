//! A box over the screen: cleared, framed, with a title and a line of keys at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::theme::Theme;

/// Draws an empty box of at most this size in the middle of the area, and gives what is inside.
pub fn draw(
    buf: &mut Buffer,
    area: Rect,
    (width, height): (u16, u16),
    title: &str,
    keys: Line<'static>,
    theme: &Theme,
) -> Rect {
    let width = width.min(area.width);
    let height = height.min(area.height);
    let frame = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 3,
        width,
        height,
    };
    clear(buf, frame);
    if width < 4 || height < 3 {
        return frame;
    }
    let [tl, tr, bl, br, across, down] = theme.glyphs.frame;
    let line = across.repeat(usize::from(width) - 2);
    let (right, bottom) = (frame.right() - 1, frame.bottom() - 1);
    buf.set_string(frame.x, frame.y, format!("{tl}{line}{tr}"), theme.accent);
    buf.set_string(frame.x, bottom, format!("{bl}{line}{br}"), theme.accent);
    for y in frame.y + 1..bottom {
        buf.set_string(frame.x, y, down, theme.accent);
        buf.set_string(right, y, down, theme.accent);
    }
    let room = usize::from(width).saturating_sub(6);
    let title = super::super::text::cut(title, room, theme.glyphs.ellipsis);
    buf.set_string(frame.x + 2, frame.y, format!(" {title} "), theme.title);
    let wide = u16::try_from(keys.width())
        .unwrap_or(u16::MAX)
        .min(width - 4);
    if wide > 0 {
        let x = right - 1 - wide;
        buf.set_string(x - 1, bottom, " ", theme.text);
        buf.set_line(x, bottom, &keys, wide);
        buf.set_string(x + wide, bottom, " ", theme.text);
    }
    Rect {
        x: frame.x + 2,
        y: frame.y + 1,
        width: width - 4,
        height: height - 2,
    }
}

/// Empties an area, and the wide characters that reach into it.
pub fn clear(buf: &mut Buffer, area: Rect) {
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            buf[(x, y)].reset();
        }
        if area.left() > buf.area.left() {
            let cell = &mut buf[(area.left() - 1, y)];
            if super::super::text::width(cell.symbol()) > 1 {
                cell.reset();
            }
        }
    }
}
