//! Rows that no primary key names, as they were and as they are now: which went, and which came. Equal rows are counted,
//! not told apart.

use std::collections::HashMap;

use crate::read::{Cell, ROWS_OF_A_PAGE};

/// The most rows that are compared: what one page can have.
pub(super) const MOST: usize = ROWS_OF_A_PAGE;

/// Rows of a table without a primary key, compared as wholes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unkeyed {
    /// For each row that is shown, whether there is none like it left now.
    pub gone: Vec<bool>,
    /// How many rows of the whole table are gone.
    pub went: usize,
    /// The rows that there are now and were not then.
    pub came: Vec<Vec<Cell>>,
}

/// Compares all rows as they were with all that there are now; `shown` are those that are shown, and where they begin.
pub(super) fn compare(then: &[Vec<Cell>], now: Vec<Vec<Cell>>, shown: (usize, usize)) -> Unkeyed {
    // Cells have no hash: a floating-point number is one of them.
    let name = |row: &Vec<Cell>| format!("{row:?}");
    let mut left: HashMap<String, usize> = HashMap::new();
    for row in &now {
        *left.entry(name(row)).or_default() += 1;
    }
    let mut take = |row: &Vec<Cell>| match left.get_mut(&name(row)) {
        Some(count @ 1..) => {
            *count -= 1;
            true
        }
        _ => false,
    };
    let gone: Vec<bool> = then.iter().map(|row| !take(row)).collect();
    // Of equal rows the last are those that came.
    let mut came: Vec<Vec<Cell>> = now.into_iter().rev().filter(|row| take(row)).collect();
    came.reverse();
    Unkeyed {
        went: gone.iter().filter(|gone| **gone).count(),
        gone: gone.into_iter().skip(shown.0).take(shown.1).collect(),
        came,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_are_counted_and_the_rest_came_or_went() {
        let rows = |of: &[i64]| {
            of.iter()
                .map(|n| vec![Cell::Integer(*n)])
                .collect::<Vec<_>>()
        };
        let found = compare(&rows(&[1, 1, 2, 3]), rows(&[1, 3, 3, 4]), (1, 3));
        assert_eq!(found.gone, [true, true, false]);
        assert_eq!((found.went, found.came), (2, rows(&[3, 4])));
        let same = compare(&rows(&[2, 1]), rows(&[1, 2]), (0, 2));
        assert_eq!((same.went, same.came.len()), (0, 0));
    }
}
