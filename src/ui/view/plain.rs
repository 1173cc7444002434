//! A screen for people without a terminal, without tabs and keys. The Overview is as tall as it needs to be.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::super::screen::Screen;
use super::super::state::Model;
use super::super::theme::Theme;
use super::header;
use super::overview::{live, projections, ruler};

/// How many events are shown.
const EVENTS: u16 = 11;

/// Draws it into a buffer of its own.
pub fn draw(model: &Model, theme: &Theme) -> Buffer {
    let mut buf = match model.screen {
        Screen::Overview => overview(model, theme),
        _ => {
            let area = Rect::from((Position::ORIGIN, model.size));
            let mut buf = Buffer::empty(area);
            super::screen(model, theme, area, &mut buf);
            buf
        }
    };
    if theme.is_ascii() {
        super::only_ascii(&mut buf);
    }
    buf
}

fn overview(model: &Model, theme: &Theme) -> Buffer {
    let width = model.size.width;
    let everything = Rect::new(0, 0, width, u16::MAX);
    let shown = u16::try_from(model.snapshot.recent.len()).unwrap_or(EVENTS);
    let heights = [
        header::height(model, everything),
        projections::height(model),
        6,
        shown.clamp(1, EVENTS - 1) + 1,
    ];
    let total = heights.iter().fold(0_u16, |sum, h| sum.saturating_add(*h));
    let mut buf = Buffer::empty(Rect::new(0, 0, width, total));
    let parts = [header::draw, projections::draw, ruler::draw, live::draw];
    let mut y = 0;
    for (part, height) in parts.into_iter().zip(heights) {
        part(model, theme, Rect::new(0, y, width, height), &mut buf);
        y += height;
    }
    buf
}

/// A buffer's characters, without spaces at the ends of lines.
pub fn text(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in buf.area.top()..buf.area.bottom() {
        let mut line = String::new();
        let mut skip = 0;
        for x in buf.area.left()..buf.area.right() {
            let symbol = buf[(x, y)].symbol();
            if skip == 0 {
                line.push_str(symbol);
                skip = super::text::width(symbol).max(1);
            }
            skip -= 1;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
