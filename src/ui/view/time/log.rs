//! The log as a line from its first event to its head, with the mark that somebody drags along it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::event::Position;
use crate::ui::state::Model;
use crate::ui::state::time::Pane;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::ruler::{Mark, Ruler, Tick};

/// Draws it.
pub fn draw(model: &Model, pane: &Pane, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let head = model.snapshot.head;
    let ruler = Ruler {
        marks: marks(pane, head, theme),
        ticks: ticks(head, theme),
        shade: shade(pane, head),
    };
    ruler.draw(buf, area, theme);
}

/// What has come since, up to where the version that answers is.
fn shade(pane: &Pane, head: Position) -> Option<(f64, f64)> {
    let then = pane.position()?;
    let now = pane.moment.as_ref()?.now.as_ref()?.position;
    (then < now).then(|| (place(then, head), place(now, head)))
}

fn marks(pane: &Pane, head: Position, theme: &Theme) -> Vec<Mark> {
    let mut marks = Vec::new();
    if let Some(position) = pane.position() {
        marks.push(Mark {
            at: place(position, head),
            name: text::thousands(position.get()),
            glyph: theme.glyphs.mark_selected,
            style: theme.chosen,
            first: true,
        });
    }
    // How far the fold is on its way there.
    if let Some(progress) = pane.progress.filter(|_| pane.under_way.is_some()) {
        marks.push(Mark {
            at: place(Position::new(progress.done), head),
            name: "folding".to_owned(),
            glyph: theme.glyphs.mark_rebuild,
            style: theme.warn,
            first: false,
        });
    }
    let now = pane.moment.as_ref().and_then(|moment| moment.now.as_ref());
    if let Some(now) = now {
        marks.push(Mark {
            at: place(now.position, head),
            name: format!("{} now", text::clean(&pane.projection)),
            glyph: theme.glyphs.mark,
            style: theme.good,
            first: false,
        });
    }
    marks
}

/// The ends first, then the quarters.
fn ticks(head: Position, theme: &Theme) -> Vec<Tick> {
    let all = head.get();
    let end = Tick {
        at: 1.0,
        label: format!("head {}", text::thousands(all)),
        style: theme.strong,
    };
    let quarters = [0, 2, 1, 3].into_iter().map(|quarter| {
        let position = all / 4 * quarter;
        Tick {
            at: place(Position::new(position), head),
            label: text::thousands(position),
            style: theme.dim,
        }
    });
    std::iter::once(end).chain(quarters).collect()
}

/// Where on the line a position stands: 0 before the first event, 1 at the head.
fn place(position: Position, head: Position) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let (position, head) = (position.get() as f64, head.get() as f64);
    if head > 0.0 { position / head } else { 1.0 }
}

/// The position that stands at a column, or the nearest.
pub fn position_at(model: &Model, line: Rect, x: u16) -> Position {
    let cells = u64::from(line.width.saturating_sub(1)).max(1);
    let cell = u64::from(x.saturating_sub(line.x)).min(cells);
    let head = u128::from(model.snapshot.head.get());
    let position = (head * u128::from(cell) + u128::from(cells) / 2) / u128::from(cells);
    // It is at most the head.
    Position::new(u64::try_from(position).unwrap_or(u64::MAX))
}
