//! A table: a heading that says how it is sorted, and as many of its rows as fit, the chosen one among them. Only
//! the rows that are shown are made.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::text;
use super::super::theme::Theme;
use super::columns::{Column, SPACE, fit, marked};

/// What a table is drawn from.
pub struct Table<'a> {
    /// Its columns.
    pub columns: &'a [Column],
    /// How many rows it has.
    pub count: usize,
    /// The chosen row's place; `None` where none can be chosen.
    pub chosen: Option<usize>,
    /// By which column it is sorted, and whether the largest is first.
    pub sort: Option<(usize, bool)>,
    /// The cells of a row.
    pub row: &'a dyn Fn(usize) -> Vec<Span<'static>>,
}

/// Which rows a table shows in so many lines, its heading not among them.
pub fn shown(count: usize, chosen: Option<usize>, lines: usize) -> std::ops::Range<usize> {
    let middle = chosen.unwrap_or(0).saturating_sub(lines / 2);
    let first = middle.min(count.saturating_sub(lines));
    first..(first + lines).min(count)
}

/// The row that is drawn on a line of the area, the heading being its first.
pub fn row_at(area: Rect, count: usize, chosen: Option<usize>, y: u16) -> Option<usize> {
    let line = usize::from(y.checked_sub(area.y + 1)?);
    let lines = usize::from(area.height.saturating_sub(1));
    let rows = shown(count, chosen, lines);
    rows.clone().nth(line).filter(|_| line < lines)
}

/// The places of the columns that a table of so many cells shows, each with its width.
pub fn fitting(columns: &[Column], by: Option<usize>, width: u16) -> Vec<(usize, u16)> {
    let mut columns = columns.to_vec();
    if let Some(column) = by.and_then(|by| columns.get_mut(by)) {
        *column = marked(*column);
    }
    fit(&columns, width.saturating_sub(2))
}

/// Draws it.
pub fn draw(buf: &mut Buffer, area: Rect, table: &Table<'_>, theme: &Theme) {
    if area.is_empty() {
        return;
    }
    let columns = fitting(table.columns, table.sort.map(|(by, _)| by), area.width);
    let heading = columns.iter().map(|(at, cells)| {
        let column = &table.columns[*at];
        let mark = match table.sort {
            Some((by, true)) if by == *at => theme.glyphs.falling,
            Some((by, false)) if by == *at => theme.glyphs.breach,
            _ => "",
        };
        let title = Span::styled(format!("{}{mark}", column.title), theme.dim);
        (title, *cells, column.right)
    });
    line(buf, area, 0, ("  ", theme.text), heading, theme);
    let lines = usize::from(area.height - 1);
    for (y, at) in (1..).zip(shown(table.count, table.chosen, lines)) {
        let is_chosen = table.chosen == Some(at);
        let mark = if is_chosen {
            theme.glyphs.selected
        } else {
            " "
        };
        let mut cells: Vec<Option<Span<'static>>> = (table.row)(at).into_iter().map(Some).collect();
        let row = columns.iter().map(|(place, width)| {
            let cell = cells.get_mut(*place).and_then(Option::take);
            let mut cell = cell.unwrap_or_default();
            if is_chosen && cell.style == theme.text {
                cell.style = theme.chosen;
            }
            (cell, *width, table.columns[*place].right)
        });
        line(buf, area, y, (mark, theme.title), row, theme);
    }
}

fn line(
    buf: &mut Buffer,
    area: Rect,
    y: u16,
    (mark, style): (&str, ratatui::style::Style),
    cells: impl Iterator<Item = (Span<'static>, u16, bool)>,
    theme: &Theme,
) {
    let mut spans = vec![Span::styled(format!("{mark:<2}"), style)];
    for (cell, width, right) in cells {
        let room = usize::from(width);
        let words = text::cut(&text::clean(&cell.content), room, theme.glyphs.ellipsis);
        let space = " ".repeat(room - text::width(&words));
        let between = " ".repeat(usize::from(SPACE));
        let words = if right {
            format!("{space}{words}{between}")
        } else {
            format!("{words}{space}{between}")
        };
        spans.push(Span::styled(words, cell.style));
    }
    buf.set_line(area.x, area.y + y, &Line::from(spans), area.width);
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect::new(0, 3, 40, 6);

    #[test]
    fn the_chosen_row_is_shown_and_no_line_is_left_empty() {
        for count in 0..12 {
            for chosen in 0..count {
                let rows = shown(count, Some(chosen), 5);
                assert!(rows.contains(&chosen));
                assert_eq!(rows.len(), count.min(5));
            }
        }
    }

    #[test]
    fn a_click_finds_the_row_that_is_drawn_there() {
        assert_eq!(row_at(AREA, 20, Some(10), 3), None, "the heading");
        assert_eq!(row_at(AREA, 20, Some(10), 4), Some(8));
        assert_eq!(row_at(AREA, 20, Some(10), 8), Some(12));
        assert_eq!(row_at(AREA, 20, Some(10), 9), None);
        assert_eq!(row_at(AREA, 2, Some(0), 7), None);
    }

    #[test]
    fn the_heading_says_by_what_it_is_sorted() {
        let column = |title, right| Column {
            title,
            width: 8,
            grows: None,
            rank: 1,
            right,
        };
        let columns = [column("name", false), column("gap", true)];
        let table = Table {
            columns: &columns,
            count: 2,
            chosen: Some(1),
            sort: Some((1, true)),
            row: &|at| vec![Span::raw(format!("row {at}\u{1b}[2J")), Span::raw("7")],
        };
        let mut buf = Buffer::empty(Rect::new(0, 0, 24, 3));
        let area = buf.area;
        draw(&mut buf, area, &table, &Theme::colour().ascii());
        let lines: Vec<String> = (0..3)
            .map(|y| (0..24).map(|x| buf[(x, y)].symbol()).collect())
            .collect();
        assert_eq!(lines[0].trim_end(), "  name          gapv");
        assert!(lines[2].starts_with("> row 1"), "{}", lines[2]);
        assert!(lines[1].ends_with("7  ") || lines[1].trim_end().ends_with('7'));
        assert!(lines.iter().all(|line| !line.contains('\u{1b}')));
    }
}
