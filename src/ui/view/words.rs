//! How statuses look and read: the same everywhere.

use ratatui::style::Style;
use ratatui::text::Span;

use super::super::text;
use super::super::theme::Theme;
use crate::lag::Status;

/// A status as a glyph, a word and a style.
pub fn status(status: Status, theme: &Theme) -> (&'static str, &'static str, Style) {
    let g = theme.glyphs;
    match status {
        Status::Ahead => (g.ahead, "ahead", theme.bad),
        Status::Dead => (g.dead, "dead", theme.bad),
        Status::Faulted(_) => (g.faulted, "faulted", theme.bad),
        Status::Paused => (g.paused, "paused", theme.held),
        Status::Stalled => (g.stalled, "stalled", theme.bad),
        Status::Falling => (g.falling, "falling", theme.warn),
        Status::CatchingUp => (g.catching_up, "catching up", theme.warn),
        Status::Waiting => (g.waiting, "waiting", theme.accent),
        Status::Live => (g.live, "live", theme.good),
    }
}

/// A text in its own style, without what could disguise it.
pub fn span(content: &str, style: Style) -> Span<'static> {
    Span::styled(text::clean(content).into_owned(), style)
}

/// A text that this program wrote.
pub fn own(content: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(content.into(), style)
}
