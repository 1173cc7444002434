//! The queries of a read model, and what the last one answered at each level of freshness.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use serde_json::Value;

use super::super::page::{key_of, wrapped};
use super::super::words::own;
use super::super::{put, put_cut};
use crate::text::human_duration;
use crate::ui::action::Action;
use crate::ui::state::Model;
use crate::ui::state::projection::{Answers, Level, Pane};
use crate::ui::state::question;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::{grid, rows};
use crate::workspace::ProjectionView;

/// The most queries that are listed while there is an answer.
const LISTED: u16 = 5;

/// Draws them.
pub fn draw(model: &Model, view: &ProjectionView, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if view.queries.is_empty() {
        let words = "It answers no queries: write `-- query NAME(…)` in its file.";
        let lines = wrapped(words, theme.dim, usize::from(area.width), theme);
        for (row, line) in (0..area.height).zip(&lines) {
            put(buf, area, row, line);
        }
        return;
    }
    let list = list(model, view, area);
    let window = window(model, view, list);
    for (row, at) in (0..).zip(window) {
        let query = &view.queries[at];
        let is_chosen = at == chosen(model, view);
        let (mark, style) = if is_chosen {
            (theme.glyphs.selected, theme.chosen)
        } else {
            (" ", theme.text)
        };
        let parameters = format!("({})", query.parameters.join(", "));
        let line = Line::from(vec![
            own(format!("{mark} "), theme.title),
            own(text::clean(&query.name).into_owned(), style),
            own(text::clean(&parameters).into_owned(), theme.dim),
        ]);
        put_cut(buf, list, row, &line, theme);
    }
    let below = Rect {
        y: list.bottom() + 1,
        height: area.bottom().saturating_sub(list.bottom() + 1),
        ..area
    };
    match &model.projection.answers {
        Some(asked) => answers(asked, theme, below, buf),
        None => {
            let words = format!(
                "{} asks it, by default at each level of freshness: what it answers now, and what it answers once it has \
                 what was stored when you asked.",
                key_of(&model.keys, Action::Open)
            );
            let lines = wrapped(&words, theme.dim, usize::from(area.width), theme);
            for (row, line) in (0..below.height).zip(&lines) {
                put(buf, below, row, line);
            }
        }
    }
}

fn chosen(model: &Model, view: &ProjectionView) -> usize {
    let at = model.projection.scroll[Pane::Queries as usize];
    at.min(view.queries.len().saturating_sub(1))
}

/// Where the queries are listed.
fn list(model: &Model, view: &ProjectionView, area: Rect) -> Rect {
    let all = u16::try_from(view.queries.len()).unwrap_or(u16::MAX);
    let most = if model.projection.answers.is_some() {
        LISTED.min(area.height / 3).max(1)
    } else {
        area.height.saturating_sub(3).max(1)
    };
    Rect {
        height: all.min(most).min(area.height),
        ..area
    }
}

fn window(model: &Model, view: &ProjectionView, list: Rect) -> std::ops::Range<usize> {
    let heights = vec![1; view.queries.len()];
    rows::window(&heights, chosen(model, view), list.height)
}

/// The query that is listed on a line.
pub fn row_at(model: &Model, area: Rect, y: u16) -> Option<usize> {
    let view = model.selected()?;
    let list = list(model, view, area);
    let line = usize::from(y.checked_sub(list.y)?);
    let inside = y < list.bottom();
    window(model, view, list).nth(line).filter(|_| inside)
}

/// The question, a line for each level, and the rows of one of them.
fn answers(asked: &Answers, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let given: Vec<String> = asked
        .parameters
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let question = format!("{} {}", asked.query, given.join(" "));
    let mut lines = vec![
        Line::from(own(text::clean(&question).into_owned(), theme.strong)),
        heading(area.width, theme),
    ];
    for (at, level) in asked.all.iter().enumerate() {
        let is_shown = at == asked.shown && asked.all.len() > 1;
        lines.push(answer(level, is_shown, area.width, theme));
    }
    if let Some(Err(error)) = asked.all.get(asked.shown).and_then(|l| l.answer.as_ref()) {
        lines.extend(wrapped(error, theme.bad, usize::from(area.width), theme));
    }
    if let Some(warning) = asked.answered().and_then(|found| found.warning.as_ref()) {
        lines.extend(wrapped(warning, theme.warn, usize::from(area.width), theme));
    }
    lines.push(Line::default());
    for (row, line) in (0..area.height).zip(&lines) {
        put_cut(buf, area, row, line, theme);
    }
    let used = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .min(area.height);
    let rest = Rect {
        y: area.y + used,
        height: area.height - used,
        ..area
    };
    rows_of(asked, theme, rest, buf);
}

/// Whether there is room for everything that is told of an answer.
const fn is_wide(width: u16) -> bool {
    width >= 60
}

/// How many cells there are for how fresh it had to be: `at least 999,999,999` where there is room.
fn fresh_width(width: u16) -> usize {
    17 + usize::from(width.saturating_sub(60).min(4))
}

fn heading(width: u16, theme: &Theme) -> Line<'static> {
    let parked = if is_wide(width) { "  parked" } else { "" };
    let fresh = fresh_width(width);
    let words = format!(
        "  {:<fresh$}{:>11}{:>8}{:>8}{:>6}{parked}",
        "how fresh", "position", "age", "waited", "rows"
    );
    Line::from(own(words, theme.dim))
}

fn answer(level: &Level, is_shown: bool, width: u16, theme: &Theme) -> Line<'static> {
    let mark = if is_shown { theme.glyphs.selected } else { " " };
    let style = if is_shown { theme.chosen } else { theme.text };
    let fresh = fresh_width(width);
    let name = text::cut(
        &question::words(level.consistency),
        fresh,
        theme.glyphs.ellipsis,
    );
    let mut spans = vec![
        own(format!("{mark} "), theme.title),
        own(format!("{name:<fresh$}"), style),
    ];
    match &level.answer {
        None => spans.push(own("    waiting …", theme.dim)),
        Some(Err(_)) => spans.push(own(
            format!("    {} no answer", theme.glyphs.failed),
            theme.bad,
        )),
        Some(Ok(found)) => {
            let age = if found.age.is_zero() {
                theme.dim
            } else {
                theme.warn
            };
            let position = text::thousands(found.position.get());
            spans.push(own(format!("{position:>11}"), theme.text));
            spans.push(own(format!("{:>8}", text::span(found.age)), age));
            let waited = human_duration(found.waited);
            spans.push(own(format!("{waited:>8}"), theme.text));
            let rows = text::thousands(found.rows.len() as u64);
            spans.push(own(format!("{rows:>6}"), theme.text));
            if is_wide(width) {
                let (parked, style) = match found.parked.events {
                    0 => (theme.glyphs.none.to_owned(), theme.rule),
                    events => (text::thousands(events), theme.warn),
                };
                spans.push(own(format!("{parked:>8}"), style));
            }
        }
    }
    Line::from(spans)
}

/// The rows of the answer that is shown; one row alone stands upright.
fn rows_of(asked: &Answers, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(found) = asked.rows() else { return };
    let columns = asked.columns();
    match found {
        [] => put(buf, area, 0, &Line::from(own("no rows", theme.dim))),
        [row] => {
            let names = columns.iter().map(|name| text::width(&text::clean(name)));
            let pad = names.max().unwrap_or(0).min(20);
            for (y, (name, value)) in (0..area.height).zip(row) {
                let name = text::cut(&text::clean(name), pad, theme.glyphs.ellipsis);
                let space = " ".repeat(pad - text::width(&name));
                let line = Line::from(vec![
                    own(
                        format!("  {space}{name} {} ", theme.glyphs.leader),
                        theme.dim,
                    ),
                    own(text::clean(&words(value).0).into_owned(), theme.text),
                ]);
                put_cut(buf, area, y, &line, theme);
            }
        }
        found => {
            let lines = usize::from(area.height.saturating_sub(1));
            let first = asked.scroll.min(found.len().saturating_sub(lines));
            let value = |row: usize, column: usize| {
                let row = found.get(row)?;
                row.get(columns.get(column)?).map(words)
            };
            let grid = grid::Grid {
                columns: &columns,
                left: asked.left,
                shown: first..(first + lines).min(found.len()),
                chosen: None,
                sort: None,
                value: &value,
            };
            grid::draw(buf, area, &grid, theme);
        }
    }
}

/// A value for people, and whether it stands at the right.
fn words(value: &Value) -> (String, bool) {
    const LONGEST: usize = 160;
    match value {
        Value::Null => ("-".to_owned(), false),
        Value::String(text) => (text.chars().take(LONGEST).collect(), false),
        Value::Number(number) => (number.to_string(), true),
        other => (other.to_string().chars().take(LONGEST).collect(), false),
    }
}
