//! The list of keys, from the table of actions.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::action::{Context, Entry, within};
use super::super::keymap::shown;
use super::super::state::Model;
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::popup;
use super::footer;
use super::put;
use super::words::{own, status};
use crate::lag::Status;

/// Draws it.
pub fn draw(
    model: &Model,
    scroll: usize,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let lines = lines(model, theme, usize::from(area.width).saturating_sub(4));
    let widest = lines.iter().map(Line::width).max().unwrap_or(0);
    let width = u16::try_from(widest + 4).unwrap_or(u16::MAX);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let keys = footer::keys(model, Context::Help, theme, area.width);
    let room = usize::from(area.height.saturating_sub(2));
    let last = lines.len().saturating_sub(room);
    let title = match scroll {
        _ if last == 0 => "Keys",
        scroll if scroll >= last => "Keys, the end",
        _ => "Keys, more below",
    };
    let inner = popup::draw(buf, area, (width, height), title, keys, theme);
    for (row, line) in (0..).zip(lines.iter().skip(scroll.min(last))) {
        put(buf, inner, row, line);
    }
    None
}

/// The keys of what lies under the help, then what a projection can be.
fn lines(model: &Model, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let mut under = model.layers.iter().rev();
    under.next();
    let entries: Vec<&Entry> = within(model.context_of(under.next()))
        .filter(|entry| model.has(entry))
        .collect();
    let widest = entries.iter().map(|e| text::width(&keys(e))).max();
    let pad = widest.unwrap_or(0);
    let mut lines = Vec::new();
    for entry in entries {
        let lead = own(format!("{:>pad$}", keys(entry)), theme.title);
        described(
            &mut lines,
            lead,
            pad,
            (entry.help, theme.text),
            width,
            theme,
        );
    }
    lines.push(Line::default());
    lines.push(Line::from(own("What a projection can be", theme.strong)));
    for (state, words) in STATUSES {
        let (glyph, word, style) = status(*state, theme);
        let lead = own(format!("{glyph} {word}"), style);
        described(&mut lines, lead, 13, (words, theme.dim), width, theme);
    }
    let breach = own(format!("{} breach", theme.glyphs.breach), theme.bad);
    let words = "older than its objective allows";
    described(&mut lines, breach, 13, (words, theme.dim), width, theme);
    lines
}

/// What each status means, in a few words.
const STATUSES: &[(Status, &str)] = &[
    (Status::Live, "it has every event"),
    (
        Status::Waiting,
        "nothing waits beyond what the policy allows",
    ),
    (Status::CatchingUp, "late, and gaining"),
    (
        Status::Falling,
        "late, and only later: more is stored than applied",
    ),
    (Status::Stalled, "late, and not moving"),
    (Status::Paused, "somebody paused it"),
    (
        Status::Faulted(crate::event::Position::START),
        "stopped at an event that cannot be applied",
    ),
    (Status::Dead, "nobody applies events to it"),
    (Status::Ahead, "beyond the log: the log was restored"),
];

/// An entry's keys, as they are shown.
fn keys(entry: &Entry) -> String {
    let all: Vec<&str> = entry.keys.iter().map(|key| shown(key)).collect();
    all.join(" ")
}

/// A name in `pad` cells and what it means, on as many lines as that needs.
fn described(
    lines: &mut Vec<Line<'static>>,
    name: Span<'static>,
    pad: usize,
    (words, style): (&str, Style),
    width: usize,
    theme: &Theme,
) {
    let room = width.saturating_sub(pad + 2).max(8);
    let space = |used: usize| Span::raw(" ".repeat((pad + 2).saturating_sub(used)));
    let mut wrapped = text::wrap(words, room, theme.glyphs.ellipsis).into_iter();
    let first = wrapped.next().unwrap_or_default();
    let used = name.width();
    lines.push(Line::from(vec![name, space(used), own(first, style)]));
    for more in wrapped {
        lines.push(Line::from(vec![space(0), own(more, style)]));
    }
}
