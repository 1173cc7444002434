//! Rows that differ: what names each, and each of its values on either side.

use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use super::page::wrapped;
use crate::ui::text;
use crate::workspace::{Cell, Difference};

/// What it means that a row is on one side only: gone after, or only there after.
pub struct Only {
    /// Here, not there.
    pub here: &'static str,
    /// There, not here.
    pub there: &'static str,
}

/// The lines of a row that differs, from here to there.
pub fn lines(
    difference: &Difference,
    only: &Only,
    theme: &Theme,
    width: usize,
) -> Vec<Line<'static>> {
    let mut lines = wrapped(&difference.to_string(), theme.strong, width, theme);
    let mut inside = Vec::new();
    match (&difference.here, &difference.there) {
        (Some(_), None) => inside.push(only.here.to_owned()),
        (None, Some(cells)) => {
            inside.push(only.there.to_owned());
            let cells = difference.columns.iter().zip(cells);
            let others = cells.filter(|(column, _)| !difference.key.contains(column));
            let others: Vec<String> = others
                .map(|(column, cell)| format!("{column}: {cell}"))
                .collect();
            if !others.is_empty() && !difference.key.is_empty() {
                inside.push(others.join(", "));
            }
        }
        _ => {}
    }
    let fields = difference.fields();
    inside.extend(
        fields
            .iter()
            .map(|(name, before, after)| format!("{name}: {before} → {after}")),
    );
    for words in inside {
        for mut line in wrapped(&words, theme.text, width.saturating_sub(2), theme) {
            line.spans.insert(0, Span::raw("  "));
            lines.push(line);
        }
    }
    lines
}

/// A value for people, of which no more is looked at than so many cells could show: text without quotation marks,
/// nothing as a dash.
pub fn value(cell: &Cell, cells: usize) -> String {
    let most = cells.saturating_mul(4);
    match cell {
        Cell::Null => "-".to_owned(),
        Cell::Text(words) => {
            text::clean(&words.chars().take(most).collect::<String>()).into_owned()
        }
        Cell::Blob(bytes) => Cell::Blob(bytes.iter().take(most).copied().collect()).to_string(),
        other => other.to_string(),
    }
}
