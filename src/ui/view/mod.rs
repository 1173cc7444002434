//! Draws the state, and changes nothing.

mod checked;
mod diff;
mod events;
mod footer;
mod form;
mod header;
mod help;
mod line;
mod operation;
mod page;
mod parked;
mod past;
pub mod plain;
mod projections;
mod rows;
mod ruler;
mod said;
mod words;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::state::{Layer, Model};
use super::text;
use super::theme::Theme;

/// The smallest terminal in which there is something to see.
pub const SMALLEST: (u16, u16) = (40, 8);

/// Draws everything, and says where the cursor is, if anywhere.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let cursor = screen(model, theme, area, buf);
    if theme.is_ascii() {
        only_ascii(buf);
    }
    cursor
}

/// What is stored may have any characters: those that are not ASCII become question marks.
fn only_ascii(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if !cell.symbol().is_ascii() {
            cell.set_symbol("?");
        }
    }
}

fn screen(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) -> Option<Position> {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(theme, area, buf);
        return None;
    }
    let areas = Areas::of(model, theme, area);
    header::draw(model, theme, areas.header, buf);
    projections::draw(model, theme, areas.projections, buf);
    ruler::draw(model, theme, areas.ruler, buf);
    events::draw(model, theme, areas.events, buf);
    said::draw(model, theme, areas.said, buf);
    if model.layers.is_empty() {
        footer::draw(model, theme, areas.footer, buf);
    } else if !matches!(model.layers.last(), Some(Layer::Line(_))) {
        buf.set_style(area, theme.under);
    }
    // Only the topmost: two boxes over each other are two things to look at.
    model.layers.last().and_then(|layer| match layer {
        Layer::Help(scroll) => help::draw(model, *scroll, theme, area, buf),
        Layer::Commands(chooser) => form::choose(model, chooser, theme, area, buf),
        Layer::Form(form) => form::fill(model, form, theme, area, buf),
        Layer::Policy(prompt) => operation::policy(model, prompt, theme, area, buf),
        Layer::Confirm(confirm) => operation::confirm(model, confirm, theme, area, buf),
        Layer::Page(page) => page::draw(model, page, theme, area, buf),
        Layer::Past(pane) => past::draw(model, pane, theme, area, buf),
        Layer::Line(line) => line::draw(model, line, theme, area, buf),
    })
}

/// What is said where nothing else fits.
fn too_small(theme: &Theme, area: Rect, buf: &mut Buffer) {
    let (width, height) = SMALLEST;
    let words = format!(
        "{} by {} is too small: at least {width} by {height}",
        area.width, area.height
    );
    let lines = text::wrap(&words, usize::from(area.width), theme.glyphs.ellipsis);
    for (y, line) in (area.top()..area.bottom()).zip(lines) {
        buf.set_stringn(area.x, y, line, usize::from(area.width), theme.text);
    }
}

/// Where the parts of the Overview stand.
#[derive(Debug, Clone, Copy, Default)]
struct Areas {
    header: Rect,
    projections: Rect,
    ruler: Rect,
    events: Rect,
    said: Rect,
    footer: Rect,
}

impl Areas {
    /// Shares out the lines: every projection first, then the ruler, the events take the rest.
    fn of(model: &Model, theme: &Theme, area: Rect) -> Self {
        let footer = 1;
        let header = header::height(model, area);
        let said = said::height(model, theme, area);
        let rest = area.height.saturating_sub(header + footer + said);
        let ruler = match rest {
            _ if model.snapshot.head.get() == 0 => 0,
            0..14 => 0,
            14..22 => 5,
            _ => 6,
        };
        let wanted = projections::height(model);
        let events = (rest / 5).max(if rest >= 9 { 3 } else { 0 });
        let projections = wanted
            .min(rest.saturating_sub(ruler + events))
            .max(3)
            .min(rest);
        // A panel of which only the name would be there helps nobody.
        let (projections, events) = match rest.saturating_sub(ruler + projections) {
            1 => (projections + 1, 0),
            events => (projections, events),
        };
        let mut y = area.y;
        let mut next = |height: u16| {
            let part = Rect { y, height, ..area };
            y += height;
            part
        };
        Self {
            header: next(header),
            projections: next(projections),
            ruler: next(ruler),
            events: next(events),
            said: next(said),
            footer: next(footer),
        }
    }
}

/// How many lines a page has on this terminal.
pub fn page_length(model: &Model, page: &super::state::page::Page) -> usize {
    page::length(model, page, model.size.width)
}

/// The projection drawn at a cell, by its place.
pub fn row_at(model: &Model, x: u16, y: u16) -> Option<usize> {
    let area = Rect::from((Position::ORIGIN, model.size));
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return None;
    }
    let areas = Areas::of(model, &Theme::colour(), area);
    projections::row_at(model, areas.projections, Position::new(x, y))
}

/// Draws a line at the left of a row.
fn put(buf: &mut Buffer, area: Rect, row: u16, line: &Line<'_>) {
    if row < area.height {
        buf.set_line(area.x, area.y + row, line, area.width);
    }
}

/// Draws a line at the left of a row; one that is too long ends in an ellipsis.
fn put_cut(buf: &mut Buffer, area: Rect, row: u16, line: &Line<'_>, theme: &Theme) {
    put(buf, area, row, line);
    if row < area.height && area.width > 0 && line.width() > usize::from(area.width) {
        let last = area.right() - 1;
        buf.set_string(last, area.y + row, theme.glyphs.ellipsis, theme.dim);
    }
}

/// Draws a line at the right of a row, where it does not touch what is `left` cells wide at the left.
fn put_right(buf: &mut Buffer, area: Rect, row: u16, left: usize, line: &Line<'_>) {
    let wide = u16::try_from(line.width()).unwrap_or(u16::MAX);
    if row < area.height && left + usize::from(wide) < usize::from(area.width) {
        buf.set_line(area.right() - wide, area.y + row, line, wide);
    }
}
