//! The chosen event: its data and metadata as JSON that folds, its times and its id.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::put_cut;
use super::super::words::{own, span};
use super::inner;
use crate::ui::state::Model;
use crate::ui::state::events::DETAIL;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::json;
use crate::ui::widgets::rule;

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let events = &model.events;
    let has_keys = events.panes.focus == DETAIL;
    let (name, right) = match &events.detail {
        Some(detail) => {
            let event = &detail.event;
            let name = text::clean(event.event_type.as_str()).into_owned();
            let right = Line::from(vec![
                span(event.stream.as_str(), theme.accent),
                own(format!("  version {}", event.version), theme.dim),
                own(
                    format!("  {}", text::thousands(event.position.get())),
                    theme.dim,
                ),
            ]);
            (text::cut(&name, 40, theme.glyphs.ellipsis), right)
        }
        None => ("Event".to_owned(), Line::default()),
    };
    rule::pane(buf, area, (&name, has_keys), &right, theme);
    let inside = inner(area);
    match (&events.detail_error, &events.detail) {
        (Some((position, error)), _)
            if events
                .list
                .chosen()
                .is_some_and(|e| e.position == *position) =>
        {
            put_cut(buf, inside, 0, &Line::from(span(error, theme.bad)), theme);
        }
        (_, Some(detail)) => json::draw(buf, inside, &detail.json, has_keys, theme),
        (_, None) => {
            let words = own("No event is chosen.", theme.dim);
            put_cut(buf, inside, 0, &Line::from(words), theme);
        }
    }
}
