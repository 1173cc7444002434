//! Rows under columns whose names and widths are only known from what is shown: as many of both as fit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::text;
use super::super::theme::Theme;

/// The widest column, in cells.
const WIDEST: usize = 32;

/// What is drawn.
pub struct Grid<'a> {
    /// The columns' names.
    pub columns: &'a [String],
    /// How many columns are left of the first that is shown.
    pub left: usize,
    /// The rows that are shown, by their places.
    pub shown: std::ops::Range<usize>,
    /// The chosen one's place.
    pub chosen: Option<usize>,
    /// By which column rows are sorted, and whether the largest is first.
    pub sort: Option<(usize, bool)>,
    /// A value: row, column; `None` where it is not there yet. With whether it stands at the right.
    pub value: &'a dyn Fn(usize, usize) -> Option<(String, bool)>,
}

/// A column that is shown.
struct Shown {
    at: usize,
    width: usize,
    right: bool,
}

/// Draws it, the names of the columns on the first line.
pub fn draw(buf: &mut Buffer, area: Rect, grid: &Grid<'_>, theme: &Theme) {
    if area.is_empty() {
        return;
    }
    let ellipsis = theme.glyphs.ellipsis;
    let columns = columns(grid, usize::from(area.width).saturating_sub(2), theme);
    let mut head = vec![Span::raw("  ")];
    for column in &columns {
        let mark = mark(grid, column.at, theme);
        let room = column.width.saturating_sub(text::width(mark));
        let name = text::cut(&text::clean(&grid.columns[column.at]), room, ellipsis);
        head.push(padded(&format!("{name}{mark}"), column, theme.dim));
    }
    let end = columns.last().map_or(grid.left, |column| column.at + 1);
    if end < grid.columns.len() {
        head.push(Span::styled(ellipsis, theme.dim));
    }
    buf.set_line(area.x, area.y, &Line::from(head), area.width);
    for (y, row) in (area.y + 1..area.bottom()).zip(grid.shown.clone()) {
        let is_chosen = grid.chosen == Some(row);
        let (lead, style) = if is_chosen {
            (theme.glyphs.selected, theme.chosen)
        } else {
            (" ", theme.text)
        };
        let mut line = vec![Span::styled(format!("{lead:<2}"), theme.title)];
        for column in &columns {
            let (value, style) = match (grid.value)(row, column.at) {
                Some((value, _)) => (value, style),
                None => (ellipsis.to_owned(), theme.dim),
            };
            let value = text::cut(&text::clean(&value), column.width, ellipsis);
            line.push(padded(&value, column, style));
        }
        buf.set_line(area.x, y, &Line::from(line), area.width);
    }
}

fn mark(grid: &Grid<'_>, column: usize, theme: &Theme) -> &'static str {
    match grid.sort {
        Some((by, descending)) if by == column => theme.glyphs.order(descending),
        _ => "",
    }
}

/// The columns that fit, from the first that is to be shown.
fn columns(grid: &Grid<'_>, mut room: usize, theme: &Theme) -> Vec<Shown> {
    let mut columns = Vec::new();
    for (at, name) in grid.columns.iter().enumerate().skip(grid.left) {
        let values = || grid.shown.clone().filter_map(|row| (grid.value)(row, at));
        let widest = values().map(|(value, _)| text::width(&text::clean(&value)));
        let name = text::width(&text::clean(name)) + text::width(mark(grid, at, theme));
        let wanted = widest.max().unwrap_or(0).max(name).min(WIDEST);
        // A column of which nothing could be read helps nobody.
        if room < wanted.min(6) && !columns.is_empty() {
            break;
        }
        columns.push(Shown {
            at,
            width: wanted.min(room),
            right: values().next().is_some() && values().all(|(_, right)| right),
        });
        room = room.saturating_sub(wanted + 2);
    }
    columns
}

fn padded(words: &str, column: &Shown, style: ratatui::style::Style) -> Span<'static> {
    let space = " ".repeat(column.width.saturating_sub(text::width(words)));
    let words = if column.right {
        format!("{space}{words}  ")
    } else {
        format!("{words}{space}  ")
    };
    Span::styled(words, style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_shown_and_hostile_text_stays_inside() {
        let columns = ["id", "note", "total"].map(str::to_owned);
        let value = |row: usize, column: usize| match (row, column) {
            (2, _) => None,
            (_, 0) => Some((format!("order-{row}"), false)),
            (_, 1) => Some(("x\u{1b}[2J".repeat(20), false)),
            _ => Some((format!("{}", row * 100), true)),
        };
        let grid = Grid {
            columns: &columns,
            left: 0,
            shown: 0..3,
            chosen: Some(1),
            sort: Some((0, true)),
            value: &value,
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, 60, 5));
        let area = buf.area;
        draw(&mut buf, area, &grid, &Theme::colour().ascii());
        let line = |y| (0..60).map(|x| buf[(x, y)].symbol()).collect::<String>();
        assert!(line(0).starts_with("  idv      note"), "{:?}", line(0));
        assert!(line(2).starts_with("> order-1"), "{:?}", line(2));
        assert!(line(2).trim_end().ends_with("  100"), "{:?}", line(2));
        assert!(line(3).starts_with("  ~ "), "{:?}", line(3));
        assert!((0..5).all(|y| !line(y).contains('\u{1b}')));
    }
}
