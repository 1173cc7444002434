//! The command line at the bottom: what is typed, how it could go on, and what is wrong with it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::state::Model;
use super::super::state::line::{Choice, CommandLine, candidates, choices, is_whole, needs, read};
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::flow;
use super::super::widgets::{input, popup, rule};
use super::words::{own, span};
use super::{put, put_cut};

/// The lines that an error has at most: what helps stands at its end.
const ERROR: usize = 4;

/// Draws it on the last three lines of the screen; a long error takes some more.
pub fn draw(
    model: &Model,
    line: &CommandLine,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let whole = area;
    let wrong = error(line, theme, area.width);
    let more = u16::try_from(wrong.len().saturating_sub(1)).unwrap_or(0);
    let height = area.height.min(3 + more);
    let area = Rect {
        y: area.bottom() - height,
        height,
        ..area
    };
    popup::clear(buf, area);
    let first = !line.editor.text().contains(char::is_whitespace) && line.error.is_none();
    if first {
        list(model, line.editor.text(), theme, whole, buf);
    }
    let keys = super::footer::keys(
        model,
        super::super::action::Context::Line,
        theme,
        area.width / 2,
    );
    rule::draw(buf, area, "Command line", &keys, theme);
    put(buf, area, 1, &Line::from(own(" :", theme.title)));
    let field = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width - 2,
        height: 1,
    };
    let typed = line.editor.text();
    let cursor = input::draw(buf, field, typed, line.editor.before(), theme.text);
    if let Some(command) = &line.sending {
        let words = Line::from(own(format!("   sending {command} …"), theme.dim));
        put_cut(buf, area, 2, &words, theme);
        return None;
    }
    let options = candidates(model, typed);
    let is_whole = is_whole(model, typed);
    // What would be done, or was refused, is what was typed: nothing else stands behind it.
    let has_ghost = line.editor.at_end() && line.error.is_none() && !is_whole;
    if let (Some(first), true) = (options.first(), has_ghost) {
        ghost(buf, field, typed, first, theme);
    }
    for (row, line) in (2..).zip(&wrong) {
        put(buf, area, row, line);
    }
    if !wrong.is_empty() {
        return cursor;
    }
    // The list above names them already.
    let options = if first { &[] } else { options.as_slice() };
    let needs = needs(model, typed);
    let row = below(needs, options, is_whole, theme, area.width);
    put(buf, area, 2, &row);
    cursor
}

/// What the first word could be, above the line: as much as fits into half of the screen.
fn list(model: &Model, typed: &str, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let all = choices(model, typed);
    let most = usize::from(area.height / 2).saturating_sub(3);
    let count = all.len().min(most);
    if count == 0 || all.iter().all(|choice| choice.name == typed) {
        return;
    }
    let height = u16::try_from(count).unwrap_or(0) + 1;
    let area = Rect {
        y: area.bottom() - 3 - height,
        height,
        ..area
    };
    popup::clear(buf, area);
    let more = Line::from(own(format!("{count} of {}", all.len()), theme.dim));
    rule::draw(buf, area, "What can be typed", &more, theme);
    let shown = &all[..count];
    let widest = |of: fn(&Choice) -> &str| shown.iter().map(|c| text::width(of(c))).max();
    let names = widest(|choice| &choice.name).unwrap_or(0).min(28);
    let keys = widest(|choice| &choice.keys).unwrap_or(0).min(12);
    for (row, choice) in (1..).zip(shown) {
        let name = text::cut(&text::clean(&choice.name), names, theme.glyphs.ellipsis);
        let space = " ".repeat(names - text::width(&name));
        let key = text::cut(&choice.keys, keys, theme.glyphs.ellipsis);
        let line = Line::from(vec![
            Span::raw("   "),
            own(name, theme.strong),
            own(format!("{space}  {key:>keys$}  "), theme.title),
            span(&choice.help, theme.dim),
        ]);
        put_cut(buf, area, row, &line, theme);
    }
}

/// The rest of the first candidate, after what is typed.
fn ghost(buf: &mut Buffer, field: Rect, typed: &str, option: &str, theme: &Theme) {
    let start = read(typed).last;
    let Some(rest) = option.strip_prefix(&typed[start..]) else {
        return;
    };
    let used = u16::try_from(text::width(typed)).unwrap_or(u16::MAX);
    if typed.is_empty() || used >= field.width {
        return;
    }
    let room = usize::from(field.width - used);
    buf.set_stringn(field.x + used, field.y, text::clean(rest), room, theme.rule);
}

/// What is wrong with what was typed, on as many lines as it needs.
fn error(line: &CommandLine, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let Some(error) = &line.error else {
        return Vec::new();
    };
    let room = usize::from(width).saturating_sub(4);
    let clean = text::clean(error);
    let mut lines = text::wrap(&clean, room, theme.glyphs.ellipsis);
    if lines.len() > ERROR {
        let rest = lines.split_off(ERROR - 1).join(" ");
        lines.push(text::cut(&rest, room, theme.glyphs.ellipsis));
    }
    let mut mark = theme.glyphs.failed;
    let mut spans = Vec::new();
    for words in lines {
        let mark = std::mem::replace(&mut mark, " ");
        spans.push(Line::from(vec![
            Span::raw(" "),
            own(mark, theme.bad),
            Span::raw(" "),
            own(words, theme.warn),
        ]));
    }
    spans
}

/// The candidates, the one that a key takes marked, or what is needed.
fn below(
    needs: Option<String>,
    options: &[String],
    is_whole: bool,
    theme: &Theme,
    width: u16,
) -> Line<'static> {
    let lead = needs.map(|words| vec![own(words, theme.dim)]);
    let options = options.iter().enumerate().map(|(at, option)| {
        let is_taken = at == 0 && !is_whole;
        let style = if is_taken { theme.accent } else { theme.dim };
        vec![span(option, style)]
    });
    let mut all = Line::from(Span::raw("  "));
    let pieces = lead.into_iter().chain(options).collect();
    let line = flow::one_line(pieces, &Span::raw("  "), width.saturating_sub(2));
    all.spans.extend(line.spans);
    all
}
