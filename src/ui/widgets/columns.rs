//! Which columns of a table fit into a width: the most important first, shown in the table's order.

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// How many cells it needs.
    pub width: u16,
    /// Whether it takes what is left over, and up to how many cells in all.
    pub grows: Option<u16>,
    /// The smaller, the longer it stays.
    pub rank: u8,
    /// Whether its text stands at the right.
    pub right: bool,
}

/// The cells between two columns.
pub const SPACE: u16 = 2;

/// A column by which the table is sorted: it stays, and its heading has a cell more, for the mark.
#[must_use]
pub fn marked(column: Column) -> Column {
    let title = u16::try_from(super::super::text::width(column.title)).unwrap_or(u16::MAX);
    Column {
        width: column.width.max(title.saturating_add(1)),
        rank: 0,
        ..column
    }
}

/// The places of the columns that fit, each with its width, in the table's order.
pub fn fit(columns: &[Column], width: u16) -> Vec<(usize, u16)> {
    let mut by_rank: Vec<usize> = (0..columns.len()).collect();
    by_rank.sort_by_key(|at| columns[*at].rank);
    let mut used = 0_u16;
    let mut chosen: Vec<(usize, u16)> = Vec::new();
    for at in by_rank {
        let space = if chosen.is_empty() { 0 } else { SPACE };
        let need = columns[at].width.saturating_add(space);
        if used.saturating_add(need) > width {
            if chosen.is_empty() && width > 0 {
                chosen.push((at, width));
                used = width;
            }
            continue;
        }
        used += need;
        chosen.push((at, columns[at].width));
    }
    chosen.sort_unstable();
    let mut left = width.saturating_sub(used);
    for (at, cells) in &mut chosen {
        if let Some(most) = columns[*at].grows {
            let more = most.saturating_sub(*cells).min(left);
            *cells += more;
            left -= more;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_important_columns_stay_and_keep_their_order() {
        let column = |rank, width, grows| Column {
            title: "",
            width,
            grows,
            rank,
            right: false,
        };
        let columns = [
            column(2, 10, None),
            column(1, 5, Some(8)),
            column(3, 10, None),
        ];
        assert_eq!(fit(&columns, 40), [(0, 10), (1, 8), (2, 10)]);
        assert_eq!(fit(&columns, 20), [(0, 10), (1, 8)]);
        assert_eq!(fit(&columns, 9), [(1, 8)]);
        assert_eq!(
            fit(
                &[column(1, 8, None), column(2, 9, None), column(3, 2, None)],
                12
            ),
            [(0, 8), (2, 2)]
        );
        assert_eq!(fit(&columns, 3), [(1, 3)]);
        assert_eq!(fit(&columns, 0), []);
    }
}
