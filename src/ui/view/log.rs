//! Draws the Log screen: the program's own messages, the newest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use tracing::Level;

use super::super::journal::Message;
use super::super::state::Model;
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::rule;
use super::words::{own, span};
use super::{put, put_cut};

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let log = &model.log;
    let right = if log.filter.is_everything() {
        "newest first; data/highwater.log has warnings and errors".to_owned()
    } else {
        format!("narrowed to {}", text::clean(log.filter.text()))
    };
    rule::draw(buf, area, "Log", &Line::from(own(right, theme.dim)), theme);
    let below = below_rule(area);
    let mut row = 0;
    for line in problems(model, theme, below) {
        put_cut(buf, below, row, &line, theme);
        row += 1;
    }
    let above = match log.above() {
        0 => 0,
        above => above.min(end(model, below)),
    };
    for message in log.shown().skip(above) {
        for line in lines(message, theme, usize::from(below.width)) {
            if row >= below.height {
                return;
            }
            put_cut(buf, below, row, &line, theme);
            row += 1;
        }
    }
    if row == 0 {
        let words = if log.messages.is_empty() {
            "   Nothing to report: nothing was said since the start."
        } else {
            "   No message fits the filter."
        };
        put(buf, below, 0, &Line::from(own(words, theme.dim)));
    }
}

fn below_rule(area: Rect) -> Rect {
    Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    }
}

/// How many messages are above the first that is drawn, once the oldest is in view: there it ends.
pub fn scroll_end(model: &Model) -> usize {
    super::body(model).map_or(0, |body| end(model, below_rule(body)))
}

fn end(model: &Model, area: Rect) -> usize {
    let (theme, width) = (Theme::monochrome(), usize::from(area.width));
    let taken = problems(model, &theme, area).len();
    let mut left = usize::from(area.height).saturating_sub(taken);
    let shown: Vec<_> = model.log.shown().collect();
    let fitting = shown.iter().rev().take_while(|message| {
        let lines = lines(message, &theme, width).len();
        let fits = lines <= left;
        left = left.saturating_sub(lines);
        fits
    });
    let fitting = fitting.count().max(1);
    shown.len().saturating_sub(fitting)
}

/// What is wrong with the workspace now, above what was said; at most half of the screen.
fn problems(model: &Model, theme: &Theme, area: Rect) -> Vec<Line<'static>> {
    let filter = &model.log.filter;
    let room = usize::from(area.width).saturating_sub(LEAD + 1).max(20);
    let most = usize::from(area.height / 2);
    let fitting = model.snapshot.problems.iter();
    let fitting = fitting.filter(|problem| filter.is_everything() || filter.fits(problem));
    let lines = fitting.flat_map(|problem| {
        let wrapped = wrapped(problem, room, theme);
        let leads = std::iter::once("  now           wrong ").chain(std::iter::repeat(""));
        leads.zip(wrapped).collect::<Vec<_>>()
    });
    let line = |(lead, words)| {
        Line::from(vec![
            own(format!("{lead:<LEAD$}"), theme.bad),
            own(words, theme.text),
        ])
    };
    lines.take(most).map(line).collect()
}

/// How many cells stand before a message's words.
const LEAD: usize = 22;

/// The lines of what somebody else said, as SQLite's of where a statement is wrong, stay lines. One that has room keeps its
/// spaces: SQLite points at a place with them.
fn wrapped(words: &str, room: usize, theme: &Theme) -> Vec<String> {
    let wrap = |line| match text::clean(line) {
        line if text::width(&line) <= room => vec![line.into_owned()],
        line => text::wrap(&line, room, theme.glyphs.ellipsis),
    };
    words.lines().flat_map(wrap).collect()
}

fn lines(message: &Message, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let (word, style) = level(message.level, theme);
    let room = width.saturating_sub(LEAD + 1).max(20);
    let wrapped = wrapped(&message.text, room, theme);
    let mut lines = Vec::with_capacity(wrapped.len());
    for (at, part) in wrapped.into_iter().enumerate() {
        lines.push(if at == 0 {
            Line::from(vec![
                own(format!("  {}  ", message.at.strftime("%T%.3f")), theme.dim),
                span(word, style),
                own(" ", theme.text),
                own(part, theme.text),
            ])
        } else {
            Line::from(vec![
                own(" ".repeat(LEAD), theme.text),
                own(part, theme.text),
            ])
        });
    }
    lines
}

fn level(level: Level, theme: &Theme) -> (&'static str, Style) {
    match level {
        Level::ERROR => ("error", theme.bad),
        Level::WARN => ("warn ", theme.warn),
        Level::INFO => ("info ", theme.accent),
        _ => ("debug", theme.dim),
    }
}
