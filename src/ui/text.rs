//! Text for a grid of cells: measured and cut by display width, and numbers, times and sizes in words.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub use crate::text::{clean, thousands};

/// How many cells a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `cells` cells; what is left out at the end is said by `ellipsis`.
pub fn cut(text: &str, cells: usize, ellipsis: &str) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let room = cells.saturating_sub(width(ellipsis));
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w > room {
            break;
        }
        used += w;
        out.push(c);
    }
    if width(ellipsis) <= cells {
        out.push_str(ellipsis);
    }
    out
}

/// As [`cut`], but what is left out is at the beginning: for paths, whose end says most.
pub fn cut_front(text: &str, cells: usize, ellipsis: &str) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let room = cells.saturating_sub(width(ellipsis));
    let mut used = 0;
    let mut from = text.len();
    for (at, c) in text.char_indices().rev() {
        let w = c.width().unwrap_or(0);
        if used + w > room {
            break;
        }
        used += w;
        from = at;
    }
    let lead = if width(ellipsis) <= cells {
        ellipsis
    } else {
        ""
    };
    format!("{lead}{}", &text[from..])
}

/// The words of a text on lines of at most `cells` cells. A longer word is cut.
pub fn wrap(text: &str, cells: usize, ellipsis: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = cut(word, cells, ellipsis);
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(&word) <= cells => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// A rate a second: `0`, `0.4`, `12`, `1,240`, `120k`, `1.3M`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        r if !r.is_finite() || r < 0.05 => "0".to_owned(),
        r if r < 9.95 => format!("{r:.1}"),
        r if r < 99_999.5 => thousands(whole(r)),
        r if r < 999_500.0 => format!("{:.0}k", r / 1e3),
        r => format!("{:.1}M", r / 1e6),
    }
}

/// A number rounded to a whole one; 0 where it is none.
fn whole(number: f64) -> u64 {
    // A float cast saturates, and the callers pass what was checked to be finite.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rounded = number.round() as u64;
    rounded
}

/// A time span in at most six cells: `0`, `<1ms`, `340ms`, `1.4s`, `12s`, `3m20s`, `2h05m`, `3d04h`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match duration.as_micros() {
        0 => "0".to_owned(),
        1..1_000 => "<1ms".to_owned(),
        1_000..1_000_000 => format!("{}ms", duration.as_millis()),
        1_000_000..9_950_000 => {
            let tenths = (duration.as_millis() + 50) / 100;
            format!("{}.{}s", tenths / 10, tenths % 10)
        }
        _ if seconds < 60 => format!("{seconds}s"),
        _ if seconds < 3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ if seconds < 86_400 => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A span that somebody chose, such as an objective: `5s`, not `5.0s`, and `2m`, not `2m00s`.
pub fn limit(duration: Duration) -> String {
    let span = span(duration);
    for (long, unit) in [(".0s", "s"), ("m00s", "m"), ("h00m", "h"), ("d00h", "d")] {
        if let Some(number) = span.strip_suffix(long) {
            return format!("{number}{unit}");
        }
    }
    span
}

/// A size: `0 B`, `12 KiB`, `1.2 MiB`.
pub fn bytes(size: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let size_f = size as f64;
    let units = [
        (1_u64 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    match units.iter().find(|(unit, _)| size >= *unit) {
        Some((unit, name)) => {
            #[allow(clippy::cast_precision_loss)]
            let share = size_f / *unit as f64;
            if share < 9.95 {
                format!("{share:.1} {name}")
            } else {
                format!("{share:.0} {name}")
            }
        }
        None => format!("{size} B"),
    }
}

/// One or many: `1 event`, `2 events`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        thousands(number),
        if number == 1 { one } else { many }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_never_takes_more_cells_than_it_may() {
        assert_eq!(cut("orders", 6, "…"), "orders");
        assert_eq!(cut("customers", 6, "…"), "custo…");
        assert_eq!(cut("日本語", 4, "…"), "日…");
        assert_eq!(cut("abc", 0, "…"), "");
        assert_eq!(cut_front("/var/data/shop", 8, "…"), "…ta/shop");
    }

    #[test]
    fn numbers_have_separators_and_times_have_units() {
        assert_eq!(rate(0.42), "0.4");
        assert_eq!(rate(1_240.2), "1,240");
        assert_eq!(rate(f64::NAN), "0");
        let words = [0, 340, 1_440, 12_000, 200_000, 7_500_000, 270_000_000]
            .map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(
            words,
            ["0", "340ms", "1.4s", "12s", "3m20s", "2h05m", "3d03h"]
        );
        let limits = [5, 60, 90, 7_200, 86_400].map(|s| limit(Duration::from_secs(s)));
        assert_eq!(limits, ["5s", "1m", "1m30s", "2h", "1d"]);
        assert_eq!(bytes(1_300_000), "1.2 MiB");
    }

    #[test]
    fn words_wrap_between_and_never_inside() {
        assert_eq!(wrap("one two three", 7, "…"), ["one two", "three"]);
    }
}
