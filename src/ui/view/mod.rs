//! Draws the state, and changes nothing.

mod brief;
mod chart;
mod checked;
mod diff;
pub mod events;
mod filter;
mod footer;
mod form;
mod header;
mod help;
mod line;
pub mod log;
mod operation;
mod overview;
mod page;
mod parked;
pub mod plain;
mod projection;
pub mod rebuilds;
mod rows;
mod said;
mod stream;
mod tabs;
mod time;
mod words;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Color;
use ratatui::text::Line;

use super::screen::Screen;
use super::state::projection::Pane;
use super::state::{Layer, Model};
use super::text;
use super::theme::Theme;
pub use overview::At as OverviewAt;
pub use projection::At as ProjectionAt;

/// The smallest terminal in which there is something to see.
pub const SMALLEST: (u16, u16) = (40, 8);

/// Draws everything, and says where the cursor is, if anywhere.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let cursor = screen(model, theme, area, buf);
    if let Some(colours) = theme.painted {
        paint(colours, buf);
    }
    if theme.is_ascii() {
        only_ascii(buf);
    }
    cursor
}

/// The theme's own background and text in place of the terminal's.
fn paint((ground, text): (Color, Color), buf: &mut Buffer) {
    for cell in &mut buf.content {
        if cell.bg == Color::Reset {
            cell.bg = ground;
        }
        if cell.fg == Color::Reset {
            cell.fg = text;
        }
    }
}

/// What stands in ASCII for a character of our own sentences; a question mark for any other.
fn plain_form(symbol: &str) -> &'static str {
    match symbol {
        "…" => "~",
        "·" | "–" | "—" | "−" => "-",
        "→" => ">",
        "←" => "<",
        "≥" => ">",
        "≤" => "<",
        "×" => "x",
        "µ" | "μ" => "u",
        "‘" | "’" => "'",
        "“" | "”" => "\"",
        _ => "?",
    }
}

/// What is stored may have any characters: of those that are not ASCII few have a form of their own.
fn only_ascii(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if !cell.symbol().is_ascii() {
            let plain = plain_form(cell.symbol());
            cell.set_symbol(plain);
        }
    }
}

fn screen(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) -> Option<Position> {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(theme, area, buf);
        return None;
    }
    let parts = Parts::of(model, theme, area);
    header::draw(model, theme, parts.header, buf);
    if parts.tabs.height > 0 {
        tabs::draw(model, theme, parts.tabs, buf);
    }
    match model.screen {
        Screen::Overview => overview::draw(model, theme, parts.body, buf),
        Screen::Events => events::draw(model, theme, parts.body, buf),
        Screen::Projection => projection::draw(model, theme, parts.body, buf),
        Screen::Stream => stream::draw(model, theme, parts.body, buf),
        Screen::Time => time::draw(model, theme, parts.body, buf),
        Screen::Rebuilds => rebuilds::draw(model, theme, parts.body, buf),
        Screen::Log => log::draw(model, theme, parts.body, buf),
    }
    said::draw(model, theme, parts.said, buf);
    match model.layers.last() {
        None => footer::draw(model, theme, parts.footer, buf),
        // What is narrowed or talked about has to be seen meanwhile.
        Some(Layer::Line(_) | Layer::Filter(_)) => {}
        Some(_) => buf.set_style(area, theme.under),
    }
    // Only the topmost: two boxes over each other are two things to look at.
    model.layers.last().and_then(|layer| match layer {
        Layer::Help(open) => help::draw(model, open, theme, area, buf),
        Layer::Commands(chooser) | Layer::Queries(chooser) => {
            form::choose(model, chooser, theme, area, buf)
        }
        Layer::Query(question) => form::fill(model, &question.form, theme, area, buf),
        Layer::Form(form) => form::fill(model, form, theme, area, buf),
        Layer::Policy(prompt) => operation::policy(model, prompt, theme, area, buf),
        Layer::Confirm(confirm) => operation::confirm(model, confirm, theme, area, buf),
        Layer::Page(page) => page::draw(model, page, theme, area, buf),
        Layer::Filter(narrowing) => filter::draw(model, narrowing, theme, area, buf),
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

/// Where the parts of every screen stand.
#[derive(Debug, Clone, Copy, Default)]
struct Parts {
    header: Rect,
    tabs: Rect,
    body: Rect,
    said: Rect,
    footer: Rect,
}

impl Parts {
    fn of(model: &Model, theme: &Theme, area: Rect) -> Self {
        let header = header::height(model, area);
        let keys = u16::from(!model.still);
        let tabs = tabs::height(area) * keys;
        let said = said::height(model, theme, area);
        let body = area.height.saturating_sub(header + tabs + said + keys);
        let mut y = area.y;
        let mut next = |height: u16| {
            let part = Rect { y, height, ..area };
            y += height;
            part
        };
        Self {
            header: next(header),
            tabs: next(tabs),
            body: next(body),
            said: next(said),
            footer: next(keys),
        }
    }
}

/// Where the screen's own part stands on this terminal; `None` where it is too small.
pub fn body(model: &Model) -> Option<Rect> {
    let area = Rect::from((Position::ORIGIN, model.size));
    let fits = area.width >= SMALLEST.0 && area.height >= SMALLEST.1;
    fits.then(|| Parts::of(model, &Theme::colour(), area).body)
}

/// The screen whose name is drawn at a cell.
pub fn tab_at(model: &Model, x: u16, y: u16) -> Option<Screen> {
    let area = Rect::from((Position::ORIGIN, model.size));
    body(model)?;
    let tabs = Parts::of(model, &Theme::colour(), area).tabs;
    tabs.contains(Position::new(x, y))
        .then(|| tabs::at(model.screen, area.width, x))
        .flatten()
}

/// What stands at a cell of the Stream screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamAt {
    /// A row of the list of streams.
    Listed(usize),
    /// A step.
    Step(crate::event::Version),
    /// The state, and which of its rows.
    State(Option<usize>),
    /// What the read models have.
    Models,
}

/// What stands at a cell of the Stream screen.
pub fn stream_at(model: &Model, x: u16, y: u16) -> Option<StreamAt> {
    stream::at(model, body(model)?, Position::new(x, y))
}

/// How many cells a row of the state has on the Stream screen.
pub fn state_width(model: &Model) -> usize {
    body(model).map_or(0, |area| stream::state_width(model, area))
}

/// How far the read-model side of the Stream screen can be scrolled.
pub fn models_scroll(model: &Model) -> usize {
    body(model).map_or(0, |area| stream::models_scroll(model, area))
}

/// How many rows of a read model as it was there is room for.
pub fn time_rows(model: &Model) -> usize {
    body(model).map_or(0, time::rows)
}

/// Whether the log is drawn at a cell of the Time screen.
pub fn is_on_the_log(model: &Model, x: u16, y: u16) -> bool {
    body(model).is_some_and(|area| time::log(area).contains(Position::new(x, y)))
}

/// The position of the log that stands at a column of the Time screen, or the nearest.
pub fn position_at(model: &Model, x: u16) -> Option<crate::event::Position> {
    Some(time::position_at(model, time::log(body(model)?), x))
}

/// How many lines of the list of keys can be scrolled away on this terminal.
pub fn help_scroll(model: &Model, open: &super::state::help::Help) -> usize {
    help::last(model, open, Rect::from((Position::ORIGIN, model.size)))
}

/// How many lines a page has on this terminal.
pub fn page_length(model: &Model, page: &super::state::page::Page) -> usize {
    page::length(model, page, model.size.width)
}

/// What is drawn at a cell of the Overview.
pub fn overview_at(model: &Model, x: u16, y: u16) -> Option<OverviewAt> {
    overview::at(model, body(model)?, Position::new(x, y))
}

/// The columns of the table of projections that are shown, by what they sort.
pub fn overview_columns(model: &Model) -> Vec<usize> {
    overview::projections::sortable(model, width(model))
}

/// The columns of the list of streams that are shown.
pub fn stream_columns(model: &Model) -> Vec<usize> {
    stream::list::sortable(width(model))
}

/// How wide a screen's own part is.
fn width(model: &Model) -> u16 {
    body(model).map_or(0, |area| area.width)
}

/// What is drawn at a cell of the Projection screen.
pub fn projection_at(model: &Model, x: u16, y: u16) -> Option<ProjectionAt> {
    projection::at(model, body(model)?, Position::new(x, y))
}

/// The panes of the Projection screen that are shown.
pub fn projection_panes(model: &Model) -> Vec<Pane> {
    let body = body(model);
    body.map_or_else(Vec::new, |area| projection::shown(model, area))
}

/// Whether the Projection screen has room for more than one pane.
pub fn projection_has_room(model: &Model) -> bool {
    body(model).is_some_and(projection::has_room)
}

/// How many lines, or rows, the pane that has the keys has.
pub fn projection_length(model: &Model) -> usize {
    body(model).map_or(0, |area| projection::length(model, area))
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
