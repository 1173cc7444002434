//! The head of a panel: a line across, its name at the left, a few words at the right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::theme::Theme;

/// Draws it on the area's first line.
pub fn draw(buf: &mut Buffer, area: Rect, name: &str, right: &Line<'_>, theme: &Theme) {
    pane(buf, area, (name, false), right, theme);
}

/// The same where there are several panels: the one that has the keys is marked.
pub fn pane(
    buf: &mut Buffer,
    area: Rect,
    (name, has_keys): (&str, bool),
    right: &Line<'_>,
    theme: &Theme,
) {
    if area.is_empty() {
        return;
    }
    let line = theme.glyphs.rule.repeat(usize::from(area.width));
    let style = if has_keys { theme.accent } else { theme.rule };
    buf.set_stringn(area.x, area.y, line, usize::from(area.width), style);
    if has_keys {
        buf.set_string(area.x, area.y, theme.glyphs.selected, theme.title);
    }
    let title = format!(" {name} ");
    let taken = super::super::text::width(&title) + 2;
    buf.set_stringn(
        area.x.saturating_add(1),
        area.y,
        &title,
        usize::from(area.width.saturating_sub(1)),
        style,
    );
    let wide = right.width();
    if wide == 0 || taken + wide + 4 > usize::from(area.width) {
        return;
    }
    let wide = u16::try_from(wide).unwrap_or(0);
    let x = area.right() - wide - 2;
    buf.set_string(x - 1, area.y, " ", theme.text);
    buf.set_line(x, area.y, right, wide);
    buf.set_string(x + wide, area.y, " ", theme.text);
}
