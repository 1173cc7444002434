//! Whether a read model is what its handlers make of the log, and what mending a key would change.

use ratatui::text::Line;

use super::super::action::Action;
use super::super::keymap::Keymap;
use super::super::state::page::{Repair, Verify};
use super::super::text;
use super::super::theme::Theme;
use super::page::{key_of, wrapped};
use super::rows::{self, Only};
use super::words::own;
use crate::text::thousands;
use crate::workspace::{Checked, Mending, Phase, Progress, Shape, Side};

/// How many digits of a digest tell it from others.
const DIGEST: usize = 16;

/// The lines of a read model that is verified.
pub fn verify(verify: &Verify, keys: &Keymap, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    match &verify.result {
        None => vec![
            Line::from(own(progress(verify.progress), theme.text)),
            Line::default(),
            Line::from(own("Esc breaks it off.", theme.dim)),
        ],
        Some(Err(error)) => wrapped(error, theme.bad, width, theme),
        Some(Ok(checked)) => verified(checked, keys, theme, width),
    }
}

/// How far work is, in words.
pub fn progress(progress: Progress) -> String {
    let Progress { phase, done, of } = progress;
    let (done, of) = (thousands(done), thousands(of));
    match phase {
        Phase::Copying => "taking a copy …".to_owned(),
        Phase::Folding => format!("folding: position {done} of {of} …"),
        Phase::Comparing => format!("comparing: {done} rows …"),
        _ => format!("looking where rows parted: position {done} of {of} …"),
    }
}

fn verified(checked: &Checked, keys: &Keymap, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let comparison = &checked.comparison;
    let at = thousands(checked.position.get());
    let count = |rows| text::count(rows, "row", "rows");
    if comparison.is_equal() {
        let digest = &comparison.here.digest;
        let words = format!(
            "{} {}: equal at position {at}, {}, digest {}",
            theme.glyphs.done,
            checked.version,
            count(comparison.here.rows),
            digest.get(..DIGEST).unwrap_or(digest)
        );
        let mut lines = wrapped(&words, theme.good, width, theme);
        lines.push(Line::default());
        let words = "It is what its handlers make of the log. Whether the handlers are right, this does not say.";
        lines.extend(wrapped(words, theme.dim, width, theme));
        return lines;
    }
    let words = format!(
        "{} {}: {} of {} differ at position {at}",
        theme.glyphs.failed,
        checked.version,
        thousands(comparison.total),
        count(comparison.here.rows.max(comparison.there.rows)),
    );
    let mut lines = wrapped(&words, theme.bad, width, theme);
    for shape in &comparison.shape {
        lines.extend(wrapped(&lacks(shape), theme.warn, width, theme));
    }
    let only = Only {
        here: "stored, and not in a fresh fold",
        there: "only in a fresh fold",
    };
    for (difference, last) in comparison.differences.iter().zip(&checked.last_equal) {
        lines.push(Line::default());
        lines.extend(rows::lines(difference, &only, theme, width));
        let last = last.map_or_else(
            || "  never equal".to_owned(),
            |position| format!("  last equal at position {}", thousands(position.get())),
        );
        lines.push(Line::from(own(last, theme.dim)));
    }
    lines.extend(more(comparison.differences.len(), comparison.total, theme));
    lines.push(Line::default());
    let words = format!(
        "On the left of each arrow what is stored, on the right a fresh fold. {} mends the rows of one key, {} makes \
         all anew.",
        key_of(keys, Action::Repair),
        key_of(keys, Action::Rebuild)
    );
    lines.extend(wrapped(&words, theme.dim, width, theme));
    lines
}

fn lacks(shape: &Shape) -> String {
    let column = shape.column.as_deref();
    let what = column.map_or_else(String::new, |column| format!("column {column} of "));
    let side = match shape.only {
        Side::Here => "is stored, and not in the definition",
        Side::There => "is lacking in the file",
    };
    format!("{what}table {} {side}", shape.table)
}

/// How many rows are not told, where some are not.
pub fn more(told: usize, total: u64, theme: &Theme) -> Option<Line<'static>> {
    let more = total.saturating_sub(told as u64);
    (told > 0 && more > 0)
        .then(|| Line::from(own(format!("and {} more", thousands(more)), theme.dim)))
}

/// The lines of a key before it is mended.
pub fn repair(repair: &Repair, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    match &repair.mending {
        None => vec![Line::from(own("folding its stream …", theme.dim))],
        Some(Err(error)) => wrapped(error, theme.warn, width, theme),
        Some(Ok(mending)) => mended(&repair.key, mending, theme, width),
    }
}

fn mended(key: &str, mending: &Mending, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let stream = &mending.stream;
    let events = text::count(mending.events, "event", "events");
    let at = thousands(mending.position.get());
    if mending.comparison.is_equal() {
        let words = format!(
            "{} Nothing to mend: the rows of key {key} are what {stream} gives, {events} up to position {at}",
            theme.glyphs.done
        );
        return wrapped(&words, theme.good, width, theme);
    }
    let words =
        format!("{stream} alone, {events} up to position {at}, gives other rows of key {key}");
    let mut lines = wrapped(&words, theme.strong, width, theme);
    let only = Only {
        here: "goes",
        there: "comes",
    };
    for difference in &mending.comparison.differences {
        lines.push(Line::default());
        lines.extend(rows::lines(difference, &only, theme, width));
    }
    lines.push(Line::default());
    let words = format!(
        "Enter replaces them. That is right where these rows depend on {stream} alone, as its file says."
    );
    lines.extend(wrapped(&words, theme.dim, width, theme));
    lines
}
