//! How statuses look and read, and whether a read model has an event: the same everywhere.

use ratatui::style::Style;
use ratatui::text::Span;

use super::super::state::ripple::Has;
use super::super::text;
use super::super::theme::Theme;
use crate::lag::Status;
use crate::workspace::{ProjectionView, Without};

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

/// Whether a read model has an event, as a glyph, a word and a style.
pub fn held(has: Has, theme: &Theme) -> (&'static str, &'static str, Style) {
    let g = theme.glyphs;
    match has {
        Has::Yes => (g.yes, "visible", theme.good),
        Has::NotYet => (g.no, "not yet", theme.warn),
        Has::Parked => (g.parked, "parked", theme.bad),
        Has::Skipped => (g.skipped, "skipped", theme.held),
    }
}

/// The dot that says whether a read model has an event, where most of them have.
pub fn dot(has: Has, theme: &Theme) -> Span<'static> {
    match has {
        Has::NotYet => own(theme.glyphs.no, theme.rule),
        has => {
            let (glyph, _, style) = held(has, theme);
            own(glyph, style)
        }
    }
}

/// What the marks of parked and of skipped events mean, where a read model has any; each with two spaces before it.
pub fn set_aside<'a>(
    views: impl Iterator<Item = &'a ProjectionView> + Clone,
    theme: &Theme,
) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for why in [Without::Parked, Without::Skipped] {
        if views.clone().any(|view| view.passed_by.has(why)) {
            let (glyph, word, style) = held(why.into(), theme);
            spans.push(own(format!("  {glyph}"), style));
            spans.push(own(format!(" {word}"), theme.dim));
        }
    }
    spans
}

/// A text in its own style, without what could disguise it.
pub fn span(content: &str, style: Style) -> Span<'static> {
    Span::styled(text::clean(content).into_owned(), style)
}

/// A text that this program wrote.
pub fn own(content: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(content.into(), style)
}
