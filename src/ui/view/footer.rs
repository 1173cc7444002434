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

/// The keys of a context on one line: those that fit of the most needed, then the way back, the way out, and where all
/// the others are.
pub fn keys(model: &Model, context: Context, theme: &Theme, width: u16) -> Line<'static> {
    let mut all: Vec<&'static Entry> = within(context)
        .filter(|entry| !entry.hint.is_empty() && model.can(entry))
        .filter(|entry| !model.keys.keys(context, entry).is_empty())
        .collect();
    all.sort_by_key(|entry| rank(context, entry.action));
    let mut room = usize::from(width);
    let mut fitting: Vec<(&'static Entry, Piece)> = Vec::new();
    for entry in all {
        let piece = piece(model, context, entry, theme);
        let cells = piece.iter().map(Span::width).sum::<usize>() + BETWEEN.len();
        // The first needs nothing before it. What is needed less does not take the room of what is needed more.
        let Some(left) =
            (room + usize::from(fitting.is_empty()) * BETWEEN.len()).checked_sub(cells)
        else {
            break;
        };
        room = left;
        fitting.push((entry, piece));
    }
    fitting.sort_by_key(|(entry, _)| match entry.action {
        Action::Help => 3,
        Action::Quit => 2,
        Action::Close => 1,
        _ => 0,
    });
    let pieces = fitting.into_iter().map(|(_, piece)| piece).collect();
    flow::one_line(pieces, &Span::raw(BETWEEN), width)
}

const BETWEEN: &str = "  ";

/// How much an action is needed in a context: the smaller, the more. Those that are not named come after them, as the
/// table of actions has them.
fn rank(context: Context, action: Action) -> usize {
    use Action::{
        Accept, After, Apply, Before, Close, Commands, Copy, Down, Filter, FindStream, Freeze,
        FurtherBack, Go, Help, Line, Load, Next, NextOne, Open, Pause, Policy, Quit, Rebuild,
        Retry, Skip, Why, Wider, Zoom,
    };
    let first: &[Action] = match context {
        Context::Overview => &[
            Help, Close, Pause, Why, Rebuild, Commands, Freeze, Open, Filter, Wider, Policy, Quit,
            Next, Load,
        ],
        Context::Events => &[
            Help,
            Close,
            Open,
            Filter,
            Commands,
            Freeze,
            // In one column it is the way to what is not in view.
            Next,
            Go(Screen::Stream),
            Copy,
            Zoom,
            Quit,
        ],
        Context::Projection => &[
            Help,
            Close,
            Retry,
            Skip,
            Pause,
            Why,
            Rebuild,
            Commands,
            Freeze,
            Open,
            Next,
            Filter,
            Action::Ask,
            Policy,
            Wider,
            Quit,
        ],
        Context::Stream => &[
            Help, Close, Before, After, Apply, Open, Commands, Freeze, FindStream, Filter, Next,
            Zoom, Quit,
        ],
        Context::Time => &[
            Help,
            Close,
            Before,
            NextOne,
            Commands,
            Freeze,
            FurtherBack,
            Next,
            Quit,
        ],
        Context::Rebuilds => &[
            Help, Close, Pause, Why, Rebuild, Commands, Freeze, Open, Filter, Policy, Apply, Quit,
        ],
        Context::Log => &[Help, Close, Filter, Freeze, Commands, Line, Quit],
        // What is about the very line that is chosen comes first.
        _ => &[Accept, Close, Help, Retry, Skip, Down],
    };
    let at = first.iter().position(|named| *named == action);
    at.unwrap_or(first.len())
}

/// The other half of what two keys do together, one each way: both are shown at the first.
const fn other_way(action: Action) -> Option<Action> {
    match action {
        Action::Wider => Some(Action::Closer),
        Action::Before => Some(Action::After),
        Action::FurtherBack => Some(Action::FurtherOn),
        Action::NextOne => Some(Action::OneBefore),
        Action::Down => Some(Action::Up),
        _ => None,
    }
}

fn piece(model: &Model, context: Context, entry: &'static Entry, theme: &Theme) -> Piece {
    let main = |entry| model.keys.keys(context, entry).first().copied().map(shown);
    let mut key = main(entry).unwrap_or_default().to_owned();
    let other = other_way(entry.action)
        .and_then(|other| within(context).find(|entry| entry.action == other));
    if let Some(other) = other.and_then(main) {
        key = format!("{key} {other}");
    }
    vec![
        own(key, theme.title),
        own(format!(" {}", hint(model, entry)), theme.dim),
    ]
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
        Action::Close if model.layers.is_empty() && model.is_narrowed() => "no filter",
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
