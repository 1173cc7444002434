//! What is read of a projection line by line: its definition, what is parked, who asked what of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::page::{self, wrapped};
use super::super::words::own;
use super::super::{parked as events, put_cut};
use crate::ui::state::Model;
use crate::ui::state::fetched::Fetched;
use crate::ui::state::projection::Pane;
use crate::ui::text;
use crate::ui::theme::Theme;

/// What there is to read; or the words for that there is nothing yet.
fn read<T>(
    fetched: &Fetched<T>,
    theme: &Theme,
    width: usize,
    lines: impl FnOnce(&T) -> Vec<Line<'static>>,
) -> Vec<Line<'static>> {
    match &fetched.value {
        None => vec![Line::from(own("reading …", theme.dim))],
        Some(Err(error)) => wrapped(error, theme.bad, width, theme),
        Some(Ok(found)) => lines(found),
    }
}

/// The definition: comments dim, what begins a part strong.
pub fn definition(model: &Model, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    read(&model.projection.definition, theme, width, |built| {
        let line = |line: &str| {
            let style = match line.trim_start() {
                rest if is_marker(rest) => theme.accent,
                rest if rest.starts_with("--") => theme.dim,
                _ => theme.text,
            };
            let shown = line.replace('\t', "    ");
            Line::from(own(text::clean(&shown).into_owned(), style))
        };
        built.text.lines().map(line).collect()
    })
}

/// Whether a line begins a part of a definition.
fn is_marker(line: &str) -> bool {
    ["-- schema", "-- on ", "-- query "]
        .iter()
        .any(|marker| line.starts_with(marker))
}

/// At the right of the definition's head: its version, and whether that is the file's by now.
pub fn built_from(model: &Model, theme: &Theme) -> Line<'static> {
    match model.projection.definition.good() {
        Some(built) if !built.is_current => {
            Line::from(own("the file says something else by now", theme.warn))
        }
        Some(built) => {
            let version = built.version.as_deref().unwrap_or("not built yet");
            Line::from(own(text::clean(version).into_owned(), theme.dim))
        }
        None => Line::default(),
    }
}

/// Who asked what of it, the newest first.
pub fn operations(model: &Model, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    read(&model.projection.operations, theme, width, |recorded| {
        page::operations(recorded, theme, width)
    })
}

/// How many parked events are listed.
pub fn parked_count(model: &Model) -> usize {
    model
        .projection
        .parked
        .good()
        .map_or(0, |(_, events)| events.len())
}

/// Draws what is parked: one event is chosen, and told in full.
pub fn parked(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let width = usize::from(area.width);
    let chosen = model.projection.scroll[Pane::Parked as usize];
    let mut seen = 0;
    let lines = read(&model.projection.parked, theme, width, |found| {
        let chosen = chosen.min(found.1.len().saturating_sub(1));
        let (lines, last) = events::lines(found, chosen, model, theme, width);
        seen = last;
        lines
    });
    let height = usize::from(area.height);
    let above = (seen + 1).saturating_sub(height);
    for (row, line) in (0..area.height).zip(lines.iter().skip(above)) {
        put_cut(buf, area, row, line, theme);
    }
}
