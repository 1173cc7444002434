//! The keys that matter just now, from the table of actions.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::action::{Action, Context, Entry, within};
use super::super::keymap::shown;
use super::super::screen::Screen;
use super::super::state::{Model, stream};
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::flow::{self, Piece};
use super::put;
use super::words::own;
use crate::lag::Status;

/// Draws them.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let line = keys(model, model.context(), theme, area.width.saturating_sub(1));
    let mut spans = vec![Span::raw(" ")];
    spans.extend(line.spans);
    put(buf, area, 0, &Line::from(spans));
}

/// The keys of a context on one line; help and quit are always among those that fit.
pub fn keys(model: &Model, context: Context, theme: &Theme, width: u16) -> Line<'static> {
    let mut all: Vec<&'static Entry> = within(context)
        .filter(|entry| !entry.hint.is_empty() && model.can(entry))
        .filter(|entry| !model.keys.keys(context, entry).is_empty())
        .collect();
    // What is about the very line that is chosen comes first.
    all.sort_by_key(|entry| !matches!(entry.action, Action::Retry | Action::Skip));
    let piece = |entry: &&'static Entry| -> Piece {
        let keys = model.keys.keys(context, entry);
        let mut key = shown(keys.first().unwrap_or(&"")).to_owned();
        // One word for both ways.
        if entry.action == Action::Wider {
            key = format!("{key} {}", model.keys.of(Action::Closer));
        }
        vec![
            own(key, theme.title),
            own(format!(" {}", hint(model, entry)), theme.dim),
        ]
    };
    let always = |entry: &&&'static Entry| {
        matches!(entry.action, Action::Help | Action::Quit | Action::Close)
    };
    let last: Vec<Piece> = all.iter().filter(always).map(piece).collect();
    let rest: Vec<Piece> = all.iter().filter(|e| !always(e)).map(piece).collect();
    let between = Span::raw("  ");
    let end = flow::one_line(last, &between, width);
    let room = width.saturating_sub(u16::try_from(end.width()).unwrap_or(0) + 2);
    let mut line = flow::one_line(rest, &between, room);
    if !line.spans.is_empty() && !end.spans.is_empty() {
        line.push_span(between);
    }
    line.spans.extend(end.spans);
    line
}

/// A word for what the key would do now.
fn hint(model: &Model, entry: &Entry) -> Cow<'static, str> {
    let word = match entry.action {
        Action::Apply if model.screen == Screen::Stream => {
            return match stream::waiting(model).as_slice() {
                [only] => format!("apply now in {}", text::clean(only)).into(),
                all => format!("apply now in {} read models", all.len()).into(),
            };
        }
        Action::Open => model.opens().unwrap_or(entry.hint),
        Action::Freeze if model.newest.is_some() => "follow",
        Action::Pause => match model.selected() {
            Some(view) if view.lag.status == Status::Paused => "resume",
            Some(view) if matches!(view.lag.status, Status::Faulted(_)) => "try again",
            _ => "pause",
        },
        Action::Load if model.load.is_some_and(|load| load > 0.0) => "stop load",
        Action::Load => "start load",
        _ => entry.hint,
    };
    word.into()
}
