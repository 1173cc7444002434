//! The list of commands, and the form of one.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::action::Context;
use super::super::state::Model;
use super::super::state::commands::Chooser;
use super::super::state::form::{Field, Form, Kind, Refusal};
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::{input, popup, rows};
use super::footer;
use super::words::{own, span};
use super::{put, put_cut};

/// The widest box.
const WIDTH: u16 = 88;

/// Draws the list of commands, or of queries, with its filter.
pub fn choose(
    model: &Model,
    chooser: &Chooser,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let (title, what) = match model.context() {
        Context::Queries => ("Ask a query", "query"),
        _ => ("Send a command", "command"),
    };
    let keys = footer::keys(model, model.context(), theme, WIDTH.min(area.width) - 6);
    let height = u16::try_from(chooser.commands.len()).unwrap_or(u16::MAX);
    let size = (WIDTH, height.saturating_add(4));
    let inner = popup::draw(buf, area, size, title, keys, theme);
    if inner.height < 3 {
        return None;
    }
    put(buf, inner, 0, &Line::from(own("> ", theme.title)));
    let field = Rect {
        x: inner.x + 2,
        width: inner.width.saturating_sub(2),
        height: 1,
        ..inner
    };
    let filter = &chooser.filter;
    if filter.text().is_empty() {
        let words = Line::from(own("type a few letters of its name", theme.dim));
        put(buf, field, 0, &words);
    }
    let cursor = input::draw(buf, field, filter.text(), filter.before(), theme.text);
    let list = Rect {
        y: inner.y + 2,
        height: inner.height - 2,
        ..inner
    };
    if chooser.fitting.is_empty() {
        put(
            buf,
            list,
            0,
            &Line::from(own(format!("  no {what} has these letters"), theme.dim)),
        );
    }
    let window = rows::window(&vec![1; chooser.fitting.len()], chooser.chosen, list.height);
    let widest = chooser.commands.iter().map(|c| text::width(&c.name)).max();
    let pad = widest.unwrap_or(0).min(28);
    for (row, at) in (0..).zip(window) {
        let command = &chooser.commands[chooser.fitting[at]];
        let chosen = at == chooser.chosen;
        let (mark, style) = if chosen {
            (theme.glyphs.selected, theme.chosen)
        } else {
            (" ", theme.text)
        };
        let name = text::cut(&command.name, pad, theme.glyphs.ellipsis);
        let line = Line::from(vec![
            own(format!("{mark} "), theme.title),
            span(&format!("{name:<pad$}"), style),
            Span::raw("  "),
            span(&command.description, theme.dim),
        ]);
        put_cut(buf, list, row, &line, theme);
    }
    cursor
}

/// Draws the form of a command or a query.
pub fn fill(
    model: &Model,
    form: &Form,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let keys = footer::keys(model, model.context(), theme, WIDTH.min(area.width) - 6);
    let inside = usize::from(WIDTH.min(area.width).saturating_sub(4));
    let answer = answer(form, inside, theme);
    let fields = u16::try_from(form.fields.len() * 2)
        .unwrap_or(u16::MAX)
        .max(1);
    let below = u16::try_from(answer.len()).unwrap_or(0);
    let height = fields.saturating_add(4 + below + u16::from(below > 0));
    let title = match model.context() {
        Context::Query => format!("{} of {}", form.command.name, form.command.category),
        _ => form.command.name.clone(),
    };
    let title = text::clean(&title).into_owned();
    let inner = popup::draw(buf, area, (WIDTH, height), &title, keys, theme);
    put(
        buf,
        inner,
        0,
        &Line::from(span(&form.command.description, theme.dim)),
    );
    let below = below.min(inner.height.saturating_sub(3));
    let body = Rect {
        y: inner.y + 2,
        height: inner
            .height
            .saturating_sub(2 + below + u16::from(below > 0)),
        ..inner
    };
    if form.fields.is_empty() {
        put(
            buf,
            body,
            0,
            &Line::from(own("It has no fields: Enter sends it.", theme.dim)),
        );
    }
    let cursor = fields_of(form, theme, body, buf);
    for (row, line) in (0..below).zip(&answer) {
        put(buf, inner, inner.height - below + row, line);
    }
    cursor
}

/// The last answer, or that one is awaited.
fn answer(form: &Form, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    if form.sending {
        return vec![Line::from(own("sending …", theme.dim))];
    }
    let Some(answer) = &form.answer else {
        return Vec::new();
    };
    let (mark, style) = match answer.outcome {
        Refusal::Needed => ("", theme.text),
        _ => (theme.glyphs.failed, theme.bad),
    };
    let lead = format!("{mark} {}: ", answer.outcome);
    let words = format!("{lead}{}", text::clean(&answer.reason));
    let lines = text::wrap(&words, width, theme.glyphs.ellipsis);
    lines
        .into_iter()
        .map(|line| Line::from(own(line, style)))
        .collect()
}

/// The fields, each with a line for what it takes or what is wrong with it.
fn fields_of(form: &Form, theme: &Theme, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let heights = vec![2; form.fields.len()];
    let window = rows::window(&heights, form.focus, area.height);
    let widest = form.fields.iter().map(|f| text::width(&f.name)).max();
    let pad = u16::try_from(widest.unwrap_or(0)).unwrap_or(u16::MAX);
    let pad = pad.min(area.width / 3);
    let mut cursor = None;
    for (at, field) in form.fields.iter().enumerate() {
        let focused = at == form.focus;
        for part in 0..2 {
            let line = at * 2 + part;
            if !window.contains(&line) {
                continue;
            }
            let y = area.y + u16::try_from(line - window.start).unwrap_or(0);
            let row = Rect {
                y,
                height: 1,
                ..area
            };
            if part == 0 {
                let drawn = value(field, focused, pad, theme, row, buf);
                if focused && !form.sending {
                    cursor = drawn;
                }
            } else {
                let row = Rect {
                    x: (row.x + pad + 5).min(row.right()),
                    width: row.width.saturating_sub(pad + 5),
                    ..row
                };
                put_cut(
                    buf,
                    row,
                    0,
                    &Line::from(remark(form, field, focused, theme)),
                    theme,
                );
            }
        }
    }
    cursor
}

/// The name of a field and what is filled in.
fn value(
    field: &Field,
    focused: bool,
    pad: u16,
    theme: &Theme,
    row: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let mark = if focused { theme.glyphs.selected } else { " " };
    let style = if focused { theme.chosen } else { theme.strong };
    let wide = usize::from(pad);
    let name = text::cut(&text::clean(&field.name), wide, theme.glyphs.ellipsis);
    let space = " ".repeat(wide - text::width(&name));
    let required = if field.required { "*" } else { " " };
    let label = Line::from(vec![
        own(format!("{mark} "), theme.title),
        own(format!("{name}{space}"), style),
        own(format!(" {required} "), theme.warn),
    ]);
    put(buf, row, 0, &label);
    let used = pad + 5;
    let place = Rect {
        x: (row.x + used).min(row.right()),
        width: row.width.saturating_sub(used),
        ..row
    };
    let editor = &field.editor;
    if editor.text().is_empty() && !field.placeholder.is_empty() {
        put(
            buf,
            place,
            0,
            &Line::from(span(&field.placeholder, theme.rule)),
        );
    }
    // A long text is seen from its beginning, but for the one that is being written.
    let before = if focused { editor.before() } else { "" };
    input::draw(buf, place, editor.text(), before, theme.text)
}

/// What a field takes; what is wrong with it, once somebody was there.
fn remark(form: &Form, field: &Field, focused: bool, theme: &Theme) -> Vec<Span<'static>> {
    if field.touched
        && let Err(wrong) = form.value(field)
    {
        return vec![
            own(theme.glyphs.failed, theme.bad),
            Span::raw(" "),
            span(&wrong, theme.warn),
        ];
    }
    // Of a choice all are named anyway.
    if focused && !matches!(field.kind, Kind::Choice(_) | Kind::Boolean) {
        let there: Vec<&str> = field.fitting().take(12).collect();
        if !there.is_empty() {
            return vec![
                own("there is  ", theme.dim),
                span(&there.join("  "), theme.accent),
            ];
        }
    }
    let mut spans = vec![span(&field.kind.words(), theme.dim)];
    if !field.required {
        spans.push(own(", may be left empty", theme.dim));
    }
    if !field.description.is_empty() {
        spans.push(own(format!(" {} ", theme.glyphs.dot), theme.rule));
        spans.push(span(&field.description, theme.dim));
    }
    spans
}
