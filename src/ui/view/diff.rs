//! What a cutover would change: the rows that differ, and the events that explain them.

use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::keymap::Keymap;
use super::super::theme::Theme;
use super::page::{key_of, wrapped};
use super::words::own;
use crate::text::{program, thousands};
use crate::workspace::{Because, Diff, Difference, Side};

/// Its lines, of a page that is so wide.
pub fn lines(diff: &Diff, keys: &Keymap, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let comparison = &diff.comparison;
    let (live, new, at) = (&diff.live, &diff.new, thousands(diff.position.get()));
    let parked = diff.parked.count.any().then(|| {
        let words = format!("in the new version {}", diff.parked);
        wrapped(&words, theme.warn, width, theme)
    });
    if comparison.is_equal() {
        let rows = thousands(comparison.here.rows);
        let words = format!("{live} and {new} are equal at position {at}: {rows} rows");
        let mut lines = wrapped(&words, theme.good, width, theme);
        lines.extend(parked.unwrap_or_default());
        return lines;
    }
    let words = format!(
        "{} of {} rows differ between {live}, which answers, and {new}, at position {at}",
        thousands(comparison.total),
        thousands(comparison.here.rows.max(comparison.there.rows)),
    );
    let mut lines = wrapped(&words, theme.strong, width, theme);
    lines.extend(parked.unwrap_or_default());
    for shape in &comparison.shape {
        let column = shape.column.as_deref();
        let what = column.map_or_else(String::new, |column| format!("column {column} of "));
        let words = format!("{what}table {} is in one of them only", shape.table);
        lines.extend(wrapped(&words, theme.warn, width, theme));
    }
    for (difference, because) in comparison.differences.iter().zip(&diff.because) {
        lines.push(Line::default());
        lines.extend(row(difference, because, theme, width));
    }
    let told = comparison.differences.len() as u64;
    if told > 0 && told < comparison.total {
        let more = thousands(comparison.total - told);
        lines.push(Line::default());
        lines.push(Line::from(own(
            format!(
                "and {more} more: `{program} diff --rows N` tells of more",
                program = program()
            ),
            theme.dim,
        )));
    }
    let (cut_over, cancel) = (key_of(keys, Action::CutOver), key_of(keys, Action::Cancel));
    lines.push(Line::default());
    lines.push(Line::from(own(
        format!("{cut_over} lets the new version answer, {cancel} removes it."),
        theme.dim,
    )));
    lines
}

fn row(
    difference: &Difference,
    because: &Because,
    theme: &Theme,
    width: usize,
) -> Vec<Line<'static>> {
    let mut lines = wrapped(&difference.to_string(), theme.strong, width, theme);
    let only = match (&difference.here, &difference.there) {
        (Some(_), None) => Some("is not in the new version"),
        (None, _) => Some("is in the new version only"),
        _ => None,
    };
    let mut indented = |words: &str, style| {
        for mut line in wrapped(words, style, width.saturating_sub(2), theme) {
            line.spans.insert(0, Span::raw("  "));
            lines.push(line);
        }
    };
    if let Some(words) = only {
        indented(words, theme.text);
    }
    for (name, live, new) in difference.fields() {
        indented(&format!("{name}: {live} → {new}"), theme.text);
    }
    if let Some(words) = explained(because) {
        indented(&words, theme.dim);
    }
    lines
}

fn explained(because: &Because) -> Option<String> {
    match because {
        Because::Event {
            position,
            stream,
            event_type,
            parked,
        } => {
            let at = thousands(position.get());
            let parked = match parked {
                Some(Side::There) => ", which is parked in the new version",
                Some(Side::Here) => ", which is parked in the version that answers",
                None => "",
            };
            Some(format!("since {at}: {event_type} of {stream}{parked}"))
        }
        Because::NoEvent(side) => {
            let side = match side {
                Side::Here => "the version that answers",
                Side::There => "the new version",
            };
            Some(format!(
                "no event explains it: in {side} it is not what its definition makes of the log"
            ))
        }
        Because::Schema => Some("since before the first event, by their schemas".to_owned()),
        Because::Unnamed => None,
    }
}
