//! The newest events as they come in, the newest at the top, and which read models have each of them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::brief::brief;
use super::super::put;
use super::super::words::{dot, own, set_aside};
use crate::event::Event;
use crate::ui::state::Model;
use crate::ui::state::events::first_fields;
use crate::ui::state::overview::Pane;
use crate::ui::state::ripple::has;
use crate::ui::text;
use crate::ui::theme::Theme;

/// The widest name of a stream or a type that is shown whole.
const WIDEST: usize = 22;

/// How many projections get a dot each.
const DOTS: usize = 12;

/// Draws them.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let snapshot = &model.snapshot;
    let dots = dots(model, area.width);
    let right = if dots > 0 && !snapshot.recent.is_empty() {
        let aside = set_aside(snapshot.projections.iter(), theme);
        let order = match aside.len() {
            0 => ", a dot per projection in the order above",
            _ => ", a mark per projection as above",
        };
        let mut legend = vec![
            own("newest first  ", theme.dim),
            own(theme.glyphs.yes, theme.good),
            own(" visible  ", theme.dim),
            own(theme.glyphs.no, theme.rule),
            own(" not yet", theme.dim),
        ];
        legend.extend(aside);
        legend.push(own(order, theme.dim));
        Line::from(legend)
    } else {
        Line::from(own("newest first", theme.dim))
    };
    super::panel(model, Pane::Events, area, &right, theme, buf);
    if snapshot.recent.is_empty() {
        let words = if snapshot.head.get() == 0 {
            "   No events yet: send a command, import some, or append one."
        } else {
            "   Waiting for the next event."
        };
        put(buf, area, 1, &Line::from(own(words, theme.dim)));
        return;
    }
    let shown = usize::from(area.height - 1);
    let above = model.overview.scroll;
    let above = above.min(snapshot.recent.len().saturating_sub(shown));
    let newest = snapshot.recent.iter().rev().skip(above).take(shown);
    let newest: Vec<&Event> = newest.collect();
    let order = model.overview.order(snapshot);
    let widths = Widths::of(&newest, area.width, dots);
    for (row, event) in (1..).zip(&newest) {
        put(buf, area, row, &line(model, event, &order, &widths, theme));
    }
}

/// How many dots there are room for.
fn dots(model: &Model, width: u16) -> usize {
    let count = model.overview.order(&model.snapshot).len();
    if width < 90 || count > DOTS { 0 } else { count }
}

/// The cells of each column: as wide as what is shown needs.
struct Widths {
    position: usize,
    stream: usize,
    kind: usize,
    dots: usize,
    time: bool,
    all: usize,
}

impl Widths {
    fn of(events: &[&Event], width: u16, dots: usize) -> Self {
        let most = if width < 70 { 14 } else { WIDEST };
        let widest = |of: &dyn Fn(&Event) -> usize| {
            let widest = events.iter().map(|e| of(e)).max().unwrap_or(0);
            widest.min(most)
        };
        let (time, all) = (width >= 60, usize::from(width));
        let position = widest(&|e| text::thousands(e.position.get()).len());
        let stream = widest(&|e| text::width(e.stream.as_str()));
        // What stands before the type, with the spaces between.
        let space = if dots > 0 { dots + 2 } else { 0 } + if time { 14 } else { 0 };
        let room = all.saturating_sub(position + stream + space + 7);
        Self {
            position,
            stream,
            kind: widest(&|e| text::width(e.event_type.as_str())).min(room),
            dots,
            time,
            all,
        }
    }
}

fn line(
    model: &Model,
    event: &Event,
    order: &[usize],
    widths: &Widths,
    theme: &Theme,
) -> Line<'static> {
    let ellipsis = theme.glyphs.ellipsis;
    let padded = |content: &str, width: usize| {
        let shown = text::cut(&text::clean(content), width, ellipsis);
        let space = width.saturating_sub(text::width(&shown));
        format!("{shown}{}", " ".repeat(space))
    };
    let position = text::thousands(event.position.get());
    let mut spans = vec![own(
        format!("   {position:>width$}  ", width = widths.position),
        theme.text,
    )];
    if widths.time {
        let time = event.recorded_at.strftime("%H:%M:%S%.3f").to_string();
        spans.push(own(format!("{time}  "), theme.dim));
    }
    for at in order.iter().take(widths.dots) {
        let view = &model.snapshot.projections[*at];
        spans.push(dot(has(view, &model.snapshot, event.position), theme));
    }
    if widths.dots > 0 {
        spans.push(Span::raw("  "));
    }
    spans.push(own(
        padded(event.stream.as_str(), widths.stream),
        theme.accent,
    ));
    spans.push(Span::raw("  "));
    spans.push(own(
        padded(event.event_type.as_str(), widths.kind),
        theme.strong,
    ));
    spans.push(Span::raw("  "));
    let used: usize = spans.iter().map(Span::width).sum();
    let room = widths.all.saturating_sub(used + 1);
    let fields = first_fields(&event.data);
    let fields = fields.iter().map(|field| (&*field.name, &*field.value));
    spans.extend(brief(fields, room, theme));
    Line::from(spans)
}
