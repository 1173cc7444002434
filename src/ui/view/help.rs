//! The list of keys, from the table of actions.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::action::{Context, within};
use super::super::keymap::shown;
use super::super::state::{Layer, Model};
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
    let lines = lines(model, theme);
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

/// What lies under the help: its keys are the ones to explain.
fn below(model: &Model) -> Context {
    let rest = model.layers.iter().rev().skip(1);
    let mut under = model.clone();
    under.layers = rest.rev().cloned().collect();
    match under.layers.last() {
        Some(Layer::Help(_)) => Context::Overview,
        _ => under.context(),
    }
}

fn lines(model: &Model, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let entries: Vec<_> = within(below(model))
        .filter(|entry| model.has(entry))
        .collect();
    let keys = |all: &[&str]| {
        all.iter()
            .map(|key| shown(key))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let widest = entries.iter().map(|e| text::width(&keys(e.keys))).max();
    for entry in entries {
        let pad = widest.unwrap_or(0);
        lines.push(Line::from(vec![
            own(format!("{:>pad$}  ", keys(entry.keys)), theme.chosen),
            own(entry.help, theme.text),
        ]));
    }
    lines.push(Line::default());
    lines.push(Line::from(own("What a projection can be", theme.strong)));
    let statuses: [(Status, &str); 9] = [
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
    for (state, words) in statuses {
        let (glyph, word, style) = status(state, theme);
        lines.push(Line::from(vec![
            own(format!("{glyph} {word:<11}  "), style),
            own(words, theme.dim),
        ]));
    }
    lines.push(Line::from(vec![
        own(
            format!("{} {:<11}  ", theme.glyphs.breach, "breach"),
            theme.bad,
        ),
        own("older than its objective allows", theme.dim),
    ]));
    lines.push(Line::from(Span::raw("")));
    lines
}
