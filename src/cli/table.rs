//! A table for people: columns as wide as what stands in them.

use highwater::text::clean;
use unicode_width::UnicodeWidthStr as _;

/// On which side a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table of text. Cells may hold stored text: they are made harmless.
pub struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// One with these columns.
    pub fn new(columns: &[(&str, Side)]) -> Self {
        let heads = columns.iter().map(|(head, _)| clean(head).into_owned());
        Self {
            sides: columns.iter().map(|(_, side)| *side).collect(),
            rows: vec![heads.collect()],
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().map(|cell| clean(&cell).into_owned());
        self.rows.push(cells.collect());
    }

    /// Its lines, the heads first.
    pub fn lines(&self) -> Vec<String> {
        let mut widths = vec![0; self.sides.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        let line = |row: &Vec<String>| {
            let mut line = String::new();
            for ((cell, width), side) in row.iter().zip(&widths).zip(&self.sides) {
                let space = " ".repeat(width.saturating_sub(cell.width()));
                let (before, after) = match side {
                    Side::Left => ("", space.as_str()),
                    Side::Right => (space.as_str(), ""),
                };
                line.push_str(&format!("{before}{cell}{after}  "));
            }
            line.trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("NAME", Side::Left), ("GAP", Side::Right)]);
        table.row(["日本".to_owned(), "1,000".to_owned()]);
        table.row(["a\u{1b}".to_owned(), "2".to_owned()]);
        assert_eq!(
            table.lines(),
            ["NAME    GAP", "日本  1,000", "a\u{fffd}        2"]
        );
    }
}
