//! Rows of different heights in a window: which part of them is shown, so that the chosen one is.

use std::ops::Range;

/// The lines that a window of `height` shows of rows with these heights, counted over all rows. The
/// chosen row is whole in it where it can be; there is no more empty space than needed.
pub fn window(heights: &[u16], chosen: usize, height: u16) -> Range<usize> {
    let total: usize = heights.iter().map(|h| usize::from(*h)).sum();
    let height = usize::from(height);
    if total <= height {
        return 0..total;
    }
    let before: usize = heights.iter().take(chosen).map(|h| usize::from(*h)).sum();
    let own = heights.get(chosen).map_or(0, |h| usize::from(*h));
    // The chosen row in the middle: what comes next can be seen on both sides.
    let middle = (before + own / 2).saturating_sub(height / 2);
    let start = middle.min(before).min(total - height);
    start..start + height
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_row_is_always_in_the_window() {
        let heights = [1, 2, 1, 3, 1, 1];
        for height in 3..9 {
            for chosen in 0..heights.len() {
                let before: u16 = heights[..chosen].iter().sum();
                let shown = window(&heights, chosen, height);
                assert!(shown.start <= usize::from(before));
                assert!(
                    shown.end
                        >= usize::from(before + heights[chosen])
                            .min(shown.start + usize::from(height))
                );
                assert!(shown.len() == usize::from(height.min(9)));
            }
        }
        assert_eq!(window(&[], 0, 5), 0..0);
    }
}
