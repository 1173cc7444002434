//! The command line at the bottom: what is typed, how it could go on, and what is wrong with it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::state::Model;
use super::super::state::line::{CommandLine, candidates};
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::flow;
use super::super::widgets::{input, popup, rule};
use super::put;
use super::words::{own, span};

/// Draws it on the last three lines of the screen.
pub fn draw(
    model: &Model,
    line: &CommandLine,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let height = area.height.min(3);
    let area = Rect {
        y: area.bottom() - height,
        height,
        ..area
    };
    popup::clear(buf, area);
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
    let options = candidates(model, typed);
    let cursor = input::draw(buf, field, typed, line.editor.before(), theme.text);
    if let (Some(first), true) = (options.first(), line.editor.at_end()) {
        ghost(buf, field, typed, first, theme);
    }
    put(buf, area, 2, &below(line, &options, theme, area.width));
    cursor
}

/// The rest of the first candidate, after what is typed.
fn ghost(buf: &mut Buffer, field: Rect, typed: &str, option: &str, theme: &Theme) {
    let start = typed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
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

/// The error, or the candidates, or examples.
fn below(line: &CommandLine, options: &[String], theme: &Theme, width: u16) -> Line<'static> {
    if let Some(error) = &line.error {
        let room = usize::from(width).saturating_sub(4);
        let error = text::cut(&text::clean(error), room, theme.glyphs.ellipsis);
        return Line::from(vec![
            Span::raw(" "),
            own(theme.glyphs.failed, theme.bad),
            Span::raw(" "),
            own(error, theme.warn),
        ]);
    }
    let pieces = options.iter().enumerate().map(|(at, option)| {
        let style = if at == 0 { theme.accent } else { theme.dim };
        vec![span(option, style)]
    });
    let mut all = Line::from(Span::raw("  "));
    let line = flow::one_line(pieces.collect(), &Span::raw("  "), width.saturating_sub(2));
    all.spans.extend(line.spans);
    all
}
