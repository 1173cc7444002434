//! A read model as it was: which event it stands at, its rows then, and what that event changed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::state::Model;
use super::super::state::time::Pane;
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::rule;
use super::page::wrapped;
use super::rows::{self, Only};
use super::words::{own, span};
use super::{checked, put_cut};
use crate::text::thousands;
use crate::workspace::{Cell, Moment, Rows};

/// The widest value of a row, in cells.
const WIDEST: usize = 28;

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(pane) = &model.time else {
        let words = "There is no projection yet: put one SQL file for each into projections/.";
        put_cut(
            buf,
            area,
            1,
            &Line::from(own(format!("   {words}"), theme.dim)),
            theme,
        );
        return;
    };
    let title = format!("{} as it was", text::clean(&pane.projection));
    rule::draw(buf, area, &title, &Line::default(), theme);
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(1),
    };
    let width = usize::from(inner.width);
    let mut head = head(model, pane, theme, width);
    let Some(moment) = &pane.moment else {
        write(buf, inner, &head, theme);
        return;
    };
    head.push(Line::default());
    let changes = changes(moment, theme, width);
    let height = usize::from(inner.height);
    let left = height.saturating_sub(head.len());
    // The rows have what the changes leave, and at least half.
    let below = changes.len().min(left / 2);
    let room = left.saturating_sub(below + 1);
    let mut lines = head;
    let end = lines.len() + room;
    lines.extend(table(moment, theme, width).into_iter().take(room));
    lines.resize(end, Line::default());
    lines.push(Line::default());
    lines.extend(changes.into_iter().take(below));
    write(buf, inner, &lines, theme);
}

fn write(buf: &mut Buffer, area: Rect, lines: &[Line<'_>], theme: &Theme) {
    for (row, line) in (0..area.height).zip(lines) {
        put_cut(buf, area, row, line, theme);
    }
}

/// Where it stands, and how far it is on its way.
fn head(model: &Model, pane: &Pane, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(moment) = &pane.moment {
        let head = moment.head.max(model.snapshot.head);
        let words = format!(
            "{} at position {} of {}",
            text::clean(&pane.projection),
            thousands(moment.position.get()),
            thousands(head.get())
        );
        let mut line = vec![own(words, theme.strong)];
        if moment.stopped {
            line.push(own(", broken off on the way", theme.warn));
        }
        lines.push(Line::from(line));
        lines.push(event(moment, theme));
    }
    let way = match (&pane.error, pane.under_way, pane.progress) {
        (_, Some(_), Some(progress)) => {
            let words = format!("{} Esc breaks it off", checked::progress(progress));
            Some(Line::from(own(words, theme.warn)))
        }
        (_, Some(_), None) if pane.moment.is_none() => {
            Some(Line::from(own("folding …", theme.dim)))
        }
        (Some(error), None, _) => {
            lines.extend(wrapped(error, theme.bad, width, theme));
            None
        }
        _ => None,
    };
    lines.extend(way);
    lines
}

fn event(moment: &Moment, theme: &Theme) -> Line<'static> {
    let Some(event) = &moment.event else {
        return Line::from(own("before the first event", theme.dim));
    };
    Line::from(vec![
        own("event ", theme.dim),
        span(event.event_type.as_str(), theme.accent),
        own(" in ", theme.dim),
        span(event.stream.as_str(), theme.text),
        own(
            format!(", stored at {}", event.recorded_at.strftime("%F %T%.3f")),
            theme.dim,
        ),
        own("  ", theme.dim),
        span(event.data.as_str(), theme.dim),
    ])
}

/// What the event changed.
fn changes(moment: &Moment, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let dim = |words: &str| wrapped(words, theme.dim, width, theme);
    let Some(changed) = &moment.changed else {
        return Vec::new();
    };
    let Some(found) = &changed.rows else {
        return dim("This event changed nothing: the projection does not take it.");
    };
    if found.total == 0 {
        return dim("This event changed no row.");
    }
    let words = format!(
        "This event changed {}",
        text::count(found.total, "row", "rows")
    );
    let mut lines = wrapped(&words, theme.title, width, theme);
    let only = Only {
        here: "goes",
        there: "comes",
    };
    for difference in &found.differences {
        lines.extend(rows::lines(difference, &only, theme, width));
    }
    lines.extend(checked::more(found.differences.len(), found.total, theme));
    lines
}

/// The rows of the table that is shown, under their columns. Those that the event wrote are marked.
fn table(moment: &Moment, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let rows = &moment.rows;
    let Some(name) = rows.tables.get(rows.table) else {
        return vec![Line::from(own("it has no tables", theme.dim))];
    };
    let shown = rows.rows.len() as u64;
    let place = match shown {
        0 => "no rows".to_owned(),
        _ if shown == rows.count => text::count(rows.count, "row", "rows"),
        _ => format!(
            "from row {} of {}",
            thousands(rows.first + 1),
            thousands(rows.count)
        ),
    };
    let mut lines = vec![Line::from(vec![
        span(name, theme.title),
        own(
            format!(
                "  table {} of {}, {place}",
                rows.table + 1,
                rows.tables.len()
            ),
            theme.dim,
        ),
    ])];
    let columns = columns(rows, width.saturating_sub(4), theme);
    let mut header = vec![Span::raw("  ")];
    for (at, cells) in &columns {
        header.push(padded(&rows.columns[*at], *cells, theme.dim, theme));
    }
    if columns.len() < rows.columns.len() {
        header.push(own(theme.glyphs.ellipsis, theme.dim));
    }
    lines.push(Line::from(header));
    for row in &rows.rows {
        let is_written = is_written(moment, name, row);
        let (mark, style) = if is_written {
            (theme.glyphs.selected, theme.chosen)
        } else {
            (" ", theme.text)
        };
        let mut line = vec![own(format!("{mark} "), theme.title)];
        for (at, cells) in &columns {
            let value = row.get(*at).map_or_else(String::new, value);
            line.push(padded(&value, *cells, style, theme));
        }
        lines.push(Line::from(line));
    }
    lines
}

fn is_written(moment: &Moment, table: &str, row: &[Cell]) -> bool {
    let changed = moment.changed.as_ref().and_then(|c| c.rows.as_ref());
    changed.is_some_and(|found| {
        let mut written = found.differences.iter().filter(|d| d.table == table);
        written.any(|difference| difference.there.as_deref() == Some(row))
    })
}

/// The columns that fit, each with its cells, from the first on.
fn columns(rows: &Rows, width: usize, theme: &Theme) -> Vec<(usize, usize)> {
    let mut left = width;
    let mut columns = Vec::new();
    for (at, name) in rows.columns.iter().enumerate() {
        let values = rows.rows.iter().filter_map(|row| row.get(at));
        let widest =
            values.map(|cell| text::width(&text::cut(&value(cell), WIDEST, theme.glyphs.ellipsis)));
        let name = text::width(&text::clean(name)).min(WIDEST);
        let wanted = widest.max().unwrap_or(0).max(name);
        // A column of which nothing could be read helps nobody.
        if left < wanted.min(4) {
            break;
        }
        columns.push((at, wanted.min(left)));
        left = left.saturating_sub(wanted + 2);
    }
    columns
}

fn padded(content: &str, cells: usize, style: Style, theme: &Theme) -> Span<'static> {
    let content = text::cut(&text::clean(content), cells, theme.glyphs.ellipsis);
    let space = " ".repeat(cells.saturating_sub(text::width(&content)) + 2);
    own(format!("{content}{space}"), style)
}

/// A value for people: text without quotation marks, nothing as a dash.
fn value(cell: &Cell) -> String {
    // No more of a long text is looked at than could be shown.
    match cell {
        Cell::Null => "-".to_owned(),
        Cell::Text(text) => {
            text::clean(&text.chars().take(4 * WIDEST).collect::<String>()).into_owned()
        }
        Cell::Blob(bytes) => Cell::Blob(bytes.iter().take(WIDEST).copied().collect()).to_string(),
        other => other.to_string(),
    }
}
