//! An event's data on one line: names and values, as many as there is room for.

use ratatui::text::Span;

use super::super::text;
use super::super::theme::Theme;
use super::words::own;

/// The fields in so many cells, texts without quotation marks.
pub fn brief<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    room: usize,
    theme: &Theme,
) -> Vec<Span<'static>> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut left = room;
    for (name, value) in fields {
        let lead = if spans.is_empty() { "" } else { "  " };
        let key = format!("{lead}{} ", text::clean(name));
        let wide = text::width(&key);
        if wide + 2 > left {
            break;
        }
        left -= wide;
        let shown = text::cut(&text::clean(value), left, theme.glyphs.ellipsis);
        left = left.saturating_sub(text::width(&shown));
        spans.push(own(key, theme.dim));
        spans.push(own(shown, theme.text));
    }
    spans
}
