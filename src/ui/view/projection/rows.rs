//! The rows of a read model: one table at a time, sorted and narrowed, however many there are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::page::{key_of, wrapped};
use super::super::words::own;
use super::super::{put, put_cut};
use crate::ui::action::Action;
use crate::ui::keymap::Keymap;
use crate::ui::state::Model;
use crate::ui::state::projection::Pane;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::flow::{self, Piece};
use crate::ui::widgets::{grid, table};
use crate::workspace::{Cell, RowsPage};

/// No more of a long text is looked at than could be shown.
const LONGEST: usize = 160;

/// How many rows there are, as far as that is known.
pub fn count(model: &Model) -> usize {
    let rows = &model.projection.rows;
    match rows.count() {
        Some(count) => count,
        None if rows.page.good().is_some() => usize::MAX / 4,
        None => 0,
    }
}

/// At the right of the head: narrowed, sorted, where it stands.
pub fn right(model: &Model, theme: &Theme, width: u16) -> Line<'static> {
    let rows = &model.projection.rows;
    let mut pieces: Vec<Piece> = Vec::new();
    if let Some(page) = rows.page.good() {
        let chosen = model.projection.scroll[Pane::Rows as usize];
        let words = match page.matching.rows {
            0 => "no rows".to_owned(),
            _ => format!(
                "row {} of {}",
                text::thousands(chosen as u64 + 1),
                page.matching
            ),
        };
        pieces.push(vec![own(words, theme.dim)]);
    }
    if !rows.filter.text().is_empty() {
        let words = format!("/{}", text::clean(rows.filter.text()));
        pieces.push(vec![own(words, theme.warn)]);
    }
    match rows.sort {
        Some(sort) => {
            let name = rows.columns().get(sort.column).cloned().unwrap_or_default();
            let mark = theme.glyphs.order(sort.descending);
            pieces.push(vec![own(
                format!("by {} {mark}", text::clean(&name)),
                theme.dim,
            )]);
        }
        None if rows.turned => pieces.push(vec![own("the last first", theme.dim)]),
        None => {}
    }
    flow::one_line(pieces, &Span::raw("   "), width.saturating_sub(12))
}

/// Draws them.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let state = &model.projection.rows;
    let page = match &state.page.value {
        None => {
            put(buf, area, 0, &Line::from(own("reading …", theme.dim)));
            return;
        }
        Some(Err(error)) => {
            let lines = wrapped(error, theme.bad, usize::from(area.width), theme);
            for (row, line) in (0..area.height).zip(&lines) {
                put(buf, area, row, line);
            }
            return;
        }
        Some(Ok(page)) => page,
    };
    put_cut(buf, area, 0, &tables(page, &model.keys, theme), theme);
    if page.rows.is_empty() {
        let words = if state.filter.is_everything() {
            "It has no rows."
        } else {
            "No row fits the filter."
        };
        put(buf, area, 2, &Line::from(own(words, theme.dim)));
    }
    let chosen = model.projection.scroll[Pane::Rows as usize];
    let list = list(area);
    let below = detail_height(area);
    let shown = shown(model, list);
    let sort = state.sort.map(|sort| (sort.column, sort.descending));
    let value = |row: usize, column: usize| {
        let cell = cell(page, row, column)?;
        let right = matches!(cell, Cell::Integer(_) | Cell::Real(_));
        Some((words(cell, LONGEST), right))
    };
    let grid = grid::Grid {
        columns: state.columns(),
        left: state.left,
        shown,
        chosen: Some(chosen),
        sort,
        value: &value,
    };
    grid::draw(buf, list, &grid, theme);
    if below > 0 {
        let part = Rect {
            y: area.bottom() - below,
            height: below,
            ..area
        };
        detail(page, state.columns(), chosen, theme, part, buf);
    }
}

/// The tables, the one that is shown marked.
fn tables(page: &RowsPage, keys: &Keymap, theme: &Theme) -> Line<'static> {
    if page.tables.is_empty() {
        return Line::from(own("It has no tables.", theme.dim));
    }
    let mut spans = Vec::new();
    for (at, table) in page.tables.iter().enumerate() {
        let style = if at == page.table {
            theme.chosen
        } else {
            theme.dim
        };
        spans.push(own(text::clean(&table.name).into_owned(), style));
        spans.push(own(format!(" {}   ", table.rows), theme.dim));
    }
    if page.tables.len() > 1 {
        let words = format!("{} turns", key_of(keys, Action::Turn));
        spans.push(own(words, theme.rule));
    }
    Line::from(spans)
}

/// Where the rows are, under the names of the tables.
fn list(area: Rect) -> Rect {
    Rect {
        y: area.y + 1.min(area.height),
        height: area.height.saturating_sub(1 + detail_height(area)),
        ..area
    }
}

/// How many lines the chosen row in full takes.
const fn detail_height(area: Rect) -> u16 {
    if area.height < 14 { 0 } else { area.height / 3 }
}

/// The rows that are drawn.
fn shown(model: &Model, list: Rect) -> std::ops::Range<usize> {
    let chosen = model.projection.scroll[Pane::Rows as usize];
    let lines = usize::from(list.height.saturating_sub(1));
    table::shown(count(model), Some(chosen), lines)
}

/// The row that is drawn on a line.
pub fn row_at(model: &Model, area: Rect, y: u16) -> Option<usize> {
    let list = list(area);
    let line = usize::from(y.checked_sub(list.y + 1)?);
    let inside = y < list.bottom();
    shown(model, list).nth(line).filter(|_| inside)
}

/// A value that was read.
fn cell(page: &RowsPage, row: usize, column: usize) -> Option<&Cell> {
    let first = usize::try_from(page.first).unwrap_or(usize::MAX);
    page.rows.get(row.checked_sub(first)?)?.get(column)
}

/// A value for people: text without quotation marks, nothing as a dash.
fn words(cell: &Cell, longest: usize) -> String {
    match cell {
        Cell::Null => "-".to_owned(),
        Cell::Text(text) => text.chars().take(longest).collect(),
        Cell::Blob(bytes) => {
            Cell::Blob(bytes.iter().take(longest / 4).copied().collect()).to_string()
        }
        other => other.to_string(),
    }
}

/// The chosen row, every column with all of its value that fits.
fn detail(
    page: &RowsPage,
    columns: &[String],
    chosen: usize,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let rule = theme.glyphs.leader;
    let names = columns.iter().map(|name| text::width(&text::clean(name)));
    let pad = names.max().unwrap_or(0).min(20);
    let mut lines = vec![Line::default()];
    for (at, name) in columns.iter().enumerate() {
        let Some(cell) = cell(page, chosen, at) else {
            continue;
        };
        let name = text::cut(&text::clean(name), pad, theme.glyphs.ellipsis);
        let space = " ".repeat(pad - text::width(&name));
        let mut lead = format!("  {space}{name} {rule} ");
        let room = usize::from(area.width).saturating_sub(pad + 5).max(1);
        let value = text::clean(&words(cell, room * usize::from(area.height))).into_owned();
        for part in parts(&value, room) {
            lines.push(Line::from(vec![
                own(lead, theme.dim),
                own(part, theme.text),
            ]));
            lead = " ".repeat(pad + 5);
        }
    }
    for (row, line) in (0..area.height).zip(&lines) {
        put_cut(buf, area, row, line, theme);
    }
}

/// A text on as many lines as it needs, broken wherever a line is full: JSON has few spaces.
fn parts(value: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for c in value.chars() {
        let wide = text::width(c.encode_utf8(&mut [0; 4]));
        if used + wide > room {
            lines.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(line) = lines.last_mut() {
            line.push(c);
        }
    }
    lines
}
