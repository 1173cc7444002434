//! What was said last: the ripple of a command, or a sentence.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::state::ripple::{Reach, Ripple};
use super::super::state::{Model, Said, Tone};
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::flow::{self, Piece};
use super::put;
use super::words::{own, span, status};

/// How many lines it takes: one that is kept free, more where more is said.
pub fn height(model: &Model, theme: &Theme, area: Rect) -> u16 {
    let lines = lines(model, theme, area.width);
    let lines = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let (least, most) = match area.height {
        0..14 => (0, 2),
        14..20 => (1, 3),
        _ => (1, 5),
    };
    lines.clamp(least, most)
}

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    for (row, line) in (0..).zip(lines(model, theme, area.width)) {
        put(buf, area, row, &line);
    }
}

fn lines(model: &Model, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    match &model.said {
        None => Vec::new(),
        Some(Said::Ripple(ripple)) => self::ripple(model, ripple, theme, width),
        Some(Said::Note(tone, words)) => {
            let (glyph, style) = match tone {
                Tone::Info => (theme.glyphs.dot, theme.accent),
                Tone::Good => (theme.glyphs.done, theme.good),
                Tone::Bad => (theme.glyphs.failed, theme.bad),
            };
            let room = usize::from(width).saturating_sub(4);
            let wrapped = text::wrap(&text::clean(words), room, theme.glyphs.ellipsis);
            let mut lead = Some(own(format!(" {glyph} "), style));
            let line = |text| {
                Line::from(vec![
                    lead.take().unwrap_or("   ".into()),
                    own(text, theme.text),
                ])
            };
            wrapped.into_iter().map(line).collect()
        }
    }
}

/// Accepted where, visible in which read models after what time, and what the others wait for.
fn ripple(model: &Model, ripple: &Ripple, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let mut pieces: Vec<Piece> = vec![vec![
        own(format!(" {} ", theme.glyphs.done), theme.good),
        span(&ripple.command, theme.strong),
        own(" accepted at ", theme.dim),
        own(text::thousands(ripple.position.get()), theme.strong),
    ]];
    let mut visible = Vec::new();
    let mut waiting = Vec::new();
    for view in &model.snapshot.projections {
        let reach = ripple.reach(view, model.now);
        let (words, style) = match reach {
            Reach::Visible(took) => (format!("within {}", text::span(took)), theme.good),
            Reach::Waiting(Some(left)) if left.is_zero() => ("any moment".to_owned(), theme.accent),
            Reach::Waiting(Some(left)) => {
                (format!("at most {} more", text::span(left)), theme.accent)
            }
            Reach::Waiting(None) => ("waiting".to_owned(), theme.accent),
            Reach::Held => (format!("when asked ({})", key()), theme.held),
            Reach::Paused => ("paused".to_owned(), theme.held),
            Reach::Stopped(why) => (status(why, theme).1.to_owned(), theme.bad),
        };
        let piece = vec![
            span(&view.name, theme.text),
            own(format!(" {words}"), style),
        ];
        if matches!(reach, Reach::Visible(_)) {
            visible.push(piece);
        } else {
            waiting.push(piece);
        }
    }
    label(&mut visible, "visible in ", theme);
    label(&mut waiting, "not yet in ", theme);
    pieces.extend(visible);
    pieces.extend(waiting);
    let between = own(format!(" {} ", theme.glyphs.dot), theme.rule);
    flow::lines(pieces, &between, width.saturating_sub(1), 3)
}

/// Puts words before the first of some pieces.
fn label(pieces: &mut [Piece], words: &'static str, theme: &Theme) {
    if let Some(first) = pieces.first_mut() {
        first.insert(0, own(words, theme.dim));
    }
}

/// The key that applies what waits, from the table of actions.
fn key() -> &'static str {
    use super::super::action::{ACTIONS, Action};
    let apply = ACTIONS.iter().find(|entry| entry.action == Action::Apply);
    apply.map_or("", |entry| super::super::keymap::shown(entry.keys[0]))
}
