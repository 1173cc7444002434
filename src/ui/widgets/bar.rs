//! A bar that says how much is done, and a line of levels that says how something went.

use ratatui::style::Style;
use ratatui::text::Span;

use super::super::theme::Theme;

/// A bar of so many cells, filled by the share; full only at 1.
pub fn progress(share: f64, cells: u16, style: Style, theme: &Theme) -> [Span<'static>; 2] {
    let share = if share.is_finite() { share } else { 0.0 };
    // Between 0 and the number of cells.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let full = (share.clamp(0.0, 1.0) * f64::from(cells)).floor() as usize;
    let rest = usize::from(cells) - full;
    [
        Span::styled(theme.glyphs.bar_full.repeat(full), style),
        Span::styled(theme.glyphs.bar_empty.repeat(rest), theme.rule),
    ]
}

/// A line of levels: the newest sample at the right, each cell the largest of its samples, and empty where at least
/// half of them are missing: a hole shows, though it does not fill a cell. A sample over `limit` has another style; `top` is at least as high as the line goes.
pub fn levels(
    samples: &[Option<f32>],
    cells: u16,
    top: f32,
    limit: Option<f32>,
    theme: &Theme,
) -> Vec<Span<'static>> {
    let cells = usize::from(cells);
    if samples.is_empty() || cells == 0 {
        return vec![Span::raw(" ".repeat(cells))];
    }
    // A flat line has no beginning: it need not be drawn again for each sample that joins it.
    if samples.iter().all(|sample| *sample == Some(0.0)) {
        let line = theme.glyphs.levels[0].repeat(cells);
        return vec![Span::styled(line, theme.rule)];
    }
    let each = samples.len().div_ceil(cells).max(1);
    let largest = |chunk: &[Option<f32>]| {
        let missing = chunk.iter().filter(|sample| sample.is_none()).count();
        let known = chunk.iter().copied().flatten();
        known.reduce(f32::max).filter(|_| missing * 2 < chunk.len())
    };
    let mut values: Vec<Option<f32>> = samples.rchunks(each).map(largest).collect();
    values.reverse();
    let known = values.iter().copied().flatten();
    let top = known.fold(top, f32::max).max(f32::EPSILON);
    let mut spans = vec![Span::raw(" ".repeat(cells.saturating_sub(values.len())))];
    for value in values {
        let Some(value) = value else {
            spans.push(Span::raw(" "));
            continue;
        };
        // Between 0 and 6: a full block would touch the line above.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let level = ((value / top).clamp(0.0, 1.0) * 6.0).round() as usize;
        let style = match limit {
            _ if value <= 0.0 => theme.rule,
            Some(limit) if value > limit => theme.over,
            _ => theme.trace,
        };
        spans.push(Span::styled(theme.glyphs.levels[level.min(6)], style));
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_empty_where_at_least_half_of_its_samples_are_missing() {
        let theme = Theme::colour();
        let empty = |samples: &[Option<f32>]| {
            let spans = levels(samples, 2, 1.0, None, &theme);
            let cells = spans.iter().skip(1).map(|span| span.content == " ");
            cells.collect::<Vec<bool>>()
        };
        let known = Some(0.5);
        let cells = empty(&[known, None, None, known, known, None, known, known]);
        // The line begins with what is left of it: nothing.
        assert_eq!(cells, [true, false]);
    }
}
