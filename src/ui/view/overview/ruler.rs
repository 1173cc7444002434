//! The log as a line with the head at the right, and every projection's mark on it.
//!
//! The distance to the head is drawn logarithmically: one step to the left is ten times as far behind.
//! On a linear line of 100 cells a projection that lacks 1,000 of a million events would stand at the
//! head; here a gap of one can be told from none, and a gap of everything from a large one.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::words::own;
use crate::ui::state::Model;
use crate::ui::state::overview::Pane;
use crate::ui::state::ripple::lacks;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::ruler::{HEIGHT, Mark, Ruler, Tick};

/// Draws it, where there is room.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.height < HEIGHT {
        return;
    }
    let snapshot = &model.snapshot;
    let head = snapshot.head.get();
    let selected = model.selected().filter(|_| !model.still);
    let right = match selected {
        _ if head == 0 => Line::from(own("no events yet", theme.dim)),
        Some(view) if lacks(view) > 0 => Line::from(vec![
            own(theme.glyphs.shade.repeat(2), theme.accent),
            own(
                format!(" what {} lacks", text::clean(&view.name)),
                theme.dim,
            ),
            own("   in events, each step ten times more", theme.dim),
        ]),
        _ => Line::from(own(
            "events behind the head, each step ten times more",
            theme.dim,
        )),
    };
    super::panel(model, Pane::Ruler, area, &right, theme, buf);
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width - 4,
        height: area.height - 1,
    };
    let shade = selected
        .filter(|view| lacks(view) > 0)
        .map(|view| (place(lacks(view), head), 1.0));
    let ruler = Ruler {
        marks: marks(model, theme),
        ticks: ticks(head, inner.width, theme),
        shade,
    };
    ruler.draw(buf, inner, theme);
}

/// Where on the line something stands that is so far behind: 1 at the head, 0 before the first event.
fn place(gap: u64, head: u64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let (gap, head) = (gap.min(head) as f64, head as f64);
    if head <= 0.0 {
        return 1.0;
    }
    1.0 - gap.ln_1p() / head.ln_1p()
}

fn marks(model: &Model, theme: &Theme) -> Vec<Mark> {
    let head = model.snapshot.head.get();
    let chosen = model.selected().map(|view| view.name.as_str());
    let views = &model.snapshot.projections;
    let all_there = views.len() > 1
        && views
            .iter()
            .all(|view| lacks(view) == 0 && view.rebuild.is_none());
    if all_there {
        return vec![Mark {
            at: 1.0,
            name: format!("all {} are at the head", views.len()),
            glyph: theme.glyphs.mark_selected,
            style: theme.good,
            first: true,
        }];
    }
    let mut marks = Vec::new();
    for view in views {
        let first = Some(view.name.as_str()) == chosen && !model.still;
        let name = text::clean(&view.name).into_owned();
        if let Some(rebuild) = &view.rebuild {
            marks.push(Mark {
                at: place(model.snapshot.head.since(rebuild.checkpoint), head),
                name: format!("{} {name}", theme.glyphs.rebuild),
                glyph: theme.glyphs.mark_rebuild,
                style: theme.accent,
                first: false,
            });
        }
        marks.push(Mark {
            at: place(lacks(view), head),
            name,
            glyph: if first {
                theme.glyphs.mark_selected
            } else {
                theme.glyphs.mark
            },
            style: if first {
                theme.chosen
            } else {
                super::projections::mark_style(view, theme)
            },
            first,
        });
    }
    marks
}

/// The ends first, then the powers of ten from the head outward.
fn ticks(head: u64, width: u16, theme: &Theme) -> Vec<Tick> {
    let tick = |at, label, style| Tick { at, label, style };
    let end = format!("head {}", text::thousands(head));
    let mut ticks = vec![
        tick(1.0, end, theme.strong),
        tick(0.0, "0".to_owned(), theme.dim),
    ];
    let powers = (0..20).map(|n| 10_u64.saturating_pow(n));
    for power in powers.take_while(|power| *power < head) {
        let words = match power {
            0..10_000 => text::thousands(power),
            10_000..1_000_000 => format!("{}k", power / 1_000),
            1_000_000..1_000_000_000 => format!("{}M", power / 1_000_000),
            _ => format!("{}G", power / 1_000_000_000),
        };
        let label = if width >= 50 {
            format!("{}{words}", theme.glyphs.minus)
        } else {
            words
        };
        ticks.push(tick(place(power, head), label, theme.dim));
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_at_the_right_and_the_beginning_at_the_left() {
        assert!((place(0, 1_000) - 1.0).abs() < 1e-9);
        assert!(place(1_000, 1_000).abs() < 1e-9);
        assert!(place(5_000, 1_000).abs() < 1e-9);
        assert!(place(1, 1_000_000) < 0.96);
        assert!(place(10, 1_000) > place(100, 1_000));
        assert!((place(0, 0) - 1.0).abs() < 1e-9);
    }
}
