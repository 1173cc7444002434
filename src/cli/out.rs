//! Standard output: lines for people, harmless for a terminal, and JSON for programs.

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};

use highwater::event::is_disguise;
use highwater::text::clean;
use serde::Serialize;
use unicode_width::UnicodeWidthChar as _;

use super::Failure;

/// Standard output, locked and buffered. What was written is there for others after a [`flush`](Self::flush),
/// at the latest when it is dropped.
pub struct Out(BufWriter<StdoutLock<'static>>);

impl Out {
    /// Takes standard output.
    pub fn new() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    /// A line for people: whatever in it could disguise text is made harmless.
    pub fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        let line = line.to_string();
        self.raw(&clean(&line))
    }

    /// A value as one line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        self.raw(&json(value)?)
    }

    /// A line as it is.
    pub fn raw(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.0, "{line}").map_err(|e| Failure::output(&e))
    }

    /// Hands over what was written.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(|e| Failure::output(&e))
    }

    /// Hands over what was written, and gives standard output back.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.flush()
    }
}

/// A value as JSON on one line, in which no character could disguise what stands around it: JSON requires
/// only some of them to be escaped.
fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(value)
        .map_err(|e| Failure::failed(format!("the answer cannot be written as JSON: {e}")))?;
    Ok(printable(text))
}

/// Serialized JSON has none of these outside of strings, so each can be written as an escape.
fn printable(text: String) -> String {
    if !text.contains(is_disguise) {
        return text;
    }
    let mut printable = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_disguise(c) {
            printable.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            printable.push(c);
        }
    }
    printable
}

/// How many cells a line may have: the terminal's width; `None` where standard output is none.
pub fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    crossterm::terminal::size()
        .ok()
        .map(|(columns, _)| usize::from(columns.max(20)))
}

/// A line cut to so many cells, where there are so few.
pub fn cut(line: &str, cells: Option<usize>) -> String {
    let line = clean(line);
    let Some(cells) = cells else {
        return line.into_owned();
    };
    let mut used = 0;
    for (at, c) in line.char_indices() {
        used += c.width().unwrap_or(0);
        if used > cells {
            // The ellipsis takes the cell of the last character that fits.
            let kept = line[..at]
                .char_indices()
                .next_back()
                .map_or(0, |(last, _)| last);
            return format!("{}…", &line[..kept]);
        }
    }
    line.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_for_a_terminal_has_no_character_that_disguises_and_is_still_the_same() {
        let value = serde_json::json!({"a\u{202e}b": "\u{1b}[2J\u{9b}31m\u{7f}\n é"});
        let text = json(&value).unwrap();
        assert!(!text.contains(is_disguise), "{text}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }

    #[test]
    fn a_line_is_cut_at_the_cells_it_has() {
        assert_eq!(cut("abcdef", None), "abcdef");
        assert_eq!(cut("abcdef", Some(6)), "abcdef");
        assert_eq!(cut("abcdef", Some(4)), "abc…");
        assert_eq!(cut("日本語", Some(4)), "日…");
        assert_eq!(cut("a\u{1b}", Some(4)), "a\u{fffd}");
    }
}
