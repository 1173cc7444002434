//! A list that somebody sorts, narrows and walks through: the choice stays on its row while rows move.

use std::cmp::Ordering;

use super::filter::Filter;

/// How a list is shown, and which of its rows is chosen.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// By which column, if not in the list's own order.
    pub sort: Option<Sort>,
    /// Which rows.
    pub filter: Filter,
    /// The chosen row's key; the first where it is not there.
    pub chosen: Option<String>,
}

/// By which column, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The column's place.
    pub column: usize,
    /// Whether the largest is first.
    pub descending: bool,
}

impl Table {
    /// The places of the rows that are shown, in order. `text` is what the filter looks at, `by` compares two rows
    /// by a column; rows that are equal there keep their order.
    pub fn order<T>(
        &self,
        rows: &[T],
        text: impl Fn(&T) -> String,
        by: impl Fn(usize, &T, &T) -> Ordering,
    ) -> Vec<usize> {
        let fits = |at: &usize| self.filter.is_everything() || self.filter.fits(&text(&rows[*at]));
        let mut places: Vec<usize> = (0..rows.len()).filter(fits).collect();
        if let Some(sort) = self.sort {
            places.sort_by(|a, b| {
                let order = by(sort.column, &rows[*a], &rows[*b]);
                if sort.descending {
                    order.reverse()
                } else {
                    order
                }
            });
        }
        places
    }

    /// The chosen row among the keys of those that are shown; 0 where it is not among them.
    pub fn index<'a>(&self, mut keys: impl Iterator<Item = &'a str>) -> usize {
        let chosen = self.chosen.as_deref();
        keys.position(|key| Some(key) == chosen).unwrap_or(0)
    }

    /// Sorts by the next of the columns that are shown, or the one before; by none after the last.
    pub fn turn_sort(&mut self, shown: &[usize], back: bool) {
        let now = self
            .sort
            .and_then(|sort| shown.iter().position(|column| *column == sort.column))
            .map_or(0, |at| at + 1);
        let by = if back { shown.len() } else { 1 };
        let next = (now + by) % (shown.len() + 1);
        self.sort = next.checked_sub(1).map(|at| Sort {
            column: shown[at],
            descending: false,
        });
    }

    /// Turns the order around.
    pub const fn invert(&mut self) {
        if let Some(sort) = &mut self.sort {
            sort.descending = !sort.descending;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(table: &Table) -> Vec<&'static str> {
        const ROWS: [(&str, u64); 4] =
            [("orders", 3), ("customers", 1), ("stock", 3), ("audit", 2)];
        let by = |column: usize, a: &(&str, u64), b: &(&str, u64)| match column {
            0 => a.0.cmp(b.0),
            _ => a.1.cmp(&b.1),
        };
        let places = table.order(&ROWS, |row| row.0.to_owned(), by);
        places.into_iter().map(|at| ROWS[at].0).collect()
    }

    #[test]
    fn rows_are_sorted_by_any_column_both_ways_and_narrowed() {
        let mut table = Table::default();
        assert_eq!(shown(&table), ["orders", "customers", "stock", "audit"]);
        table.turn_sort(&[0, 1], false);
        assert_eq!(shown(&table), ["audit", "customers", "orders", "stock"]);
        table.turn_sort(&[0, 1], false);
        table.invert();
        assert_eq!(shown(&table), ["orders", "stock", "audit", "customers"]);
        table.filter = Filter::parse("!st");
        assert_eq!(shown(&table), ["orders", "audit"]);
        table.turn_sort(&[0, 1], false);
        assert_eq!(table.sort, None);
        table.turn_sort(&[0, 1], true);
        assert_eq!(table.sort.map(|sort| sort.column), Some(1));
        table.turn_sort(&[1, 4], false);
        assert_eq!(
            table.sort.map(|sort| sort.column),
            Some(4),
            "one between is not shown"
        );
    }

    #[test]
    fn the_choice_stays_on_its_row_and_falls_back_to_the_first() {
        let table = Table {
            chosen: Some("stock".to_owned()),
            ..Table::default()
        };
        assert_eq!(table.index(["orders", "stock"].into_iter()), 1);
        assert_eq!(table.index(["stock", "orders"].into_iter()), 0);
        assert_eq!(table.index(["orders"].into_iter()), 0);
    }
}
