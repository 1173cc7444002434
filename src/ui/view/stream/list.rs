//! The streams to choose from: those that something happened to lately, and whether every read model has it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::page::key_of;
use super::super::put_cut;
use super::super::words::{held, own, span};
use crate::ui::action::Action;
use crate::ui::state::Model;
use crate::ui::state::ripple::Has;
use crate::ui::state::stream::{COLUMNS as COUNT, Recent, lacking, listed};
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::columns::Column;
use crate::ui::widgets::{rule, table};

const COLUMNS: [Column; COUNT] = [
    column("stream", 20, 28, 1, false),
    column("version", 7, 7, 4, true),
    column("newest event", 18, 24, 2, false),
    column("position", 10, 10, 5, true),
    column("stored", 12, 12, 6, false),
    column("read models", 22, 26, 3, false),
];

const fn column(title: &'static str, width: u16, grows: u16, rank: u8, right: bool) -> Column {
    Column {
        title,
        width,
        grows: Some(grows),
        rank,
        right,
    }
}

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let words = if model.stream.list.sort.is_none() {
        "newest first"
    } else {
        ""
    };
    let right = Line::from(own(words, theme.dim));
    rule::draw(buf, area, "Which stream?", &right, theme);
    let hint = Line::from(vec![
        own("   ", theme.text),
        own(key_of(&model.keys, Action::Open), theme.title),
        own(" shows the chosen one, ", theme.dim),
        own(key_of(&model.keys, Action::FindStream), theme.title),
        own(" any other: type its name, as order-1042", theme.dim),
    ]);
    put_cut(buf, area, 1, &hint, theme);
    let streams = listed(model);
    if streams.is_empty() {
        let words = if model.stream.list.filter.is_everything() {
            "   Nothing was stored lately: send a command, or type the name of a stream."
        } else {
            "   No stream of the newest events fits the filter."
        };
        put_cut(buf, area, 3, &Line::from(own(words, theme.dim)), theme);
        return;
    }
    let sort = model.stream.list.sort;
    let row = |at: usize| cells(model, &streams[at], theme);
    let table = table::Table {
        columns: &COLUMNS,
        count: streams.len(),
        chosen: Some(chosen(model, &streams)),
        sort: sort.map(|sort| (sort.column, sort.descending)),
        row: &row,
    };
    table::draw(buf, below(area), &table, theme);
}

/// The columns that are shown in so many cells while it is not sorted.
pub fn sortable(width: u16) -> Vec<usize> {
    let fitting = table::fitting(&COLUMNS, None, width);
    fitting.into_iter().map(|(at, _)| at).collect()
}

/// The row at a cell.
pub fn row_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    let streams = listed(model);
    let chosen = Some(chosen(model, &streams));
    table::row_at(below(area), streams.len(), chosen, at.y)
}

/// Where the table stands.
fn below(area: Rect) -> Rect {
    let above = 3.min(area.height);
    Rect {
        y: area.y + above,
        height: area.height - above,
        ..area
    }
}

fn chosen(model: &Model, streams: &[Recent<'_>]) -> usize {
    let keys = streams.iter().map(|r| r.last.stream.as_str());
    model.stream.list.index(keys)
}

fn cells(model: &Model, recent: &Recent<'_>, theme: &Theme) -> Vec<Span<'static>> {
    let event = recent.last;
    let lacking = lacking(&model.snapshot, event);
    let all = lacking.all;
    let aside = [
        (Has::Parked, lacking.parked),
        (Has::NotYet, lacking.not_yet),
        (Has::Skipped, lacking.skipped),
    ];
    let told = match aside.into_iter().find(|(_, count)| *count > 0) {
        _ if all == 0 => own("none takes it", theme.dim),
        None => own(format!("{} in all {all}", theme.glyphs.yes), theme.good),
        Some((has, count)) => {
            let (glyph, word, style) = held(has, theme);
            own(format!("{glyph} {word} in {count} of {all}"), style)
        }
    };
    vec![
        span(event.stream.as_str(), theme.text),
        own(event.version.to_string(), theme.dim),
        span(event.event_type.as_str(), theme.strong),
        own(text::thousands(event.position.get()), theme.dim),
        own(
            event.recorded_at.strftime("%H:%M:%S%.3f").to_string(),
            theme.dim,
        ),
        told,
    ]
}
