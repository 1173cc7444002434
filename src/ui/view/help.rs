//! The list of keys, from the table of actions.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::action::{Action, Context, Entry, within};
use super::super::keymap::shown;
use super::super::state::Model;
use super::super::state::help::Help;
use super::super::state::line::takes_projection;
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::{input, popup};
use super::footer;
use super::put;
use super::words::{own, status};
use crate::lag::Status;

/// The widest box; from `BESIDE` cells on, its lines stand in two columns.
const WIDTH: u16 = 132;
const BESIDE: u16 = 100;

/// What is between two columns.
const BETWEEN: usize = 3;

/// Draws it.
pub fn draw(
    model: &Model,
    open: &Help,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let columns = columns(model, open, theme, area);
    let long = longest(&columns);
    let widths: Vec<usize> = columns.iter().map(|lines| widest(lines)).collect();
    let width = widths.iter().sum::<usize>() + BETWEEN * (columns.len() - 1) + 4;
    let searching = usize::from(open.shows_search());
    // While somebody looks for something, the box stays as wide as it was: the eye need not follow it.
    let width = if searching > 0 {
        usize::from(WIDTH)
    } else {
        width
    };
    let size = [width, long + searching + 2].map(|cells| u16::try_from(cells).unwrap_or(u16::MAX));
    let context = model.context_of(model.layers.last());
    let keys = footer::keys(model, context, theme, area.width.saturating_sub(6));
    let last = last_scroll(long, open, area);
    let scroll = open.scroll.min(last);
    let title = match scroll {
        _ if last == 0 => "Keys",
        scroll if scroll >= last => "Keys, the end",
        _ => "Keys, more below",
    };
    let inner = popup::draw(buf, area, (size[0], size[1]), title, keys, theme);
    let mut list = inner;
    let mut cursor = None;
    if open.shows_search() {
        cursor = search(open, theme, inner, buf).filter(|_| open.is_typing);
        list.y += 1;
        list.height = list.height.saturating_sub(1);
    }
    let mut x = list.x;
    for (lines, wide) in columns.iter().zip(widths) {
        let part = Rect {
            x: x.min(list.right()),
            width: list.right().saturating_sub(x),
            ..list
        };
        for (row, line) in (0..).zip(lines.iter().skip(scroll)) {
            put(buf, part, row, line);
        }
        x += u16::try_from(wide + BETWEEN).unwrap_or(u16::MAX);
    }
    cursor
}

/// The line that says what is looked for.
fn search(open: &Help, theme: &Theme, area: Rect, buf: &mut Buffer) -> Option<Position> {
    put(buf, area, 0, &Line::from(own("/", theme.title)));
    let field = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(1),
        height: area.height.min(1),
        ..area
    };
    let typed = open.editor.text();
    if typed.is_empty() {
        let example = own("   a key, or words of what it does", theme.dim);
        put(buf, field, 0, &Line::from(example));
    }
    input::draw(buf, field, typed, open.editor.before(), theme.text)
}

/// How many lines can be scrolled away.
pub fn last(model: &Model, open: &Help, area: Rect) -> usize {
    let columns = columns(model, open, &Theme::colour(), area);
    last_scroll(longest(&columns), open, area)
}

fn last_scroll(long: usize, open: &Help, area: Rect) -> usize {
    let used = 2 + u16::from(open.shows_search());
    long.saturating_sub(usize::from(area.height.saturating_sub(used)))
}

/// What is listed, in one column or two.
fn columns(model: &Model, open: &Help, theme: &Theme, area: Rect) -> Vec<Vec<Line<'static>>> {
    let inside = usize::from(WIDTH.min(area.width)).saturating_sub(4);
    let wide = |width| groups(model, open, theme, width);
    let all = if area.width < BESIDE {
        vec![wide(inside).concat()]
    } else {
        side_by_side(wide((inside - BETWEEN) / 2))
    };
    if longest(&all) == 0 {
        let words = "Nothing has that, neither a key nor what one does. Esc takes it away.";
        let lines = text::wrap(words, inside, theme.glyphs.ellipsis).into_iter();
        return vec![lines.map(|line| Line::from(own(line, theme.dim))).collect()];
    }
    all
}

fn longest(columns: &[Vec<Line<'_>>]) -> usize {
    columns.iter().map(Vec::len).max().unwrap_or(0)
}

fn widest(lines: &[Line<'_>]) -> usize {
    lines.iter().map(Line::width).max().unwrap_or(0)
}

/// The groups in two columns of about the same length; none is split.
fn side_by_side(groups: Vec<Vec<Line<'static>>>) -> Vec<Vec<Line<'static>>> {
    let all: usize = groups.iter().map(Vec::len).sum();
    let mut columns = [Vec::new(), Vec::new()];
    let mut before = 0;
    for group in groups {
        let right = before + group.len() / 2 >= all.div_ceil(2);
        before += group.len();
        columns[usize::from(right)].extend(group);
    }
    columns.into()
}

/// What a key is for, as the help groups them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Here,
    Moving,
    Screens,
    Projection,
    Command,
    Text,
    Program,
}

impl Group {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Command, "Commands"),
        (Self::Here, "Here"),
        (Self::Projection, "The chosen projection"),
        (Self::Moving, "Moving"),
        (Self::Text, "Text"),
        (Self::Screens, "Screens"),
        (Self::Program, "Everywhere"),
    ];

    /// Where an action belongs.
    fn of(action: Action, context: Context) -> Self {
        match action {
            Action::Up
            | Action::Down
            | Action::PageUp
            | Action::PageDown
            | Action::First
            | Action::Last
            | Action::Next
            | Action::Previous
            | Action::Before
            | Action::After
            | Action::FurtherBack
            | Action::FurtherOn => Self::Moving,
            Action::Go(_) | Action::NextScreen | Action::PreviousScreen => Self::Screens,
            Action::Commands | Action::Load | Action::Faster | Action::Slower | Action::Fault => {
                Self::Command
            }
            Action::Edit(_) => Self::Text,
            Action::Help
            | Action::Quit
            | Action::Line
            | Action::Mouse
            | Action::Theme
            | Action::Export
            | Action::Picture
            | Action::Redraw
            | Action::Suspend => Self::Program,
            // Of a projection it is the path; elsewhere what is chosen there.
            Action::Copy if !matches!(context, Context::Overview | Context::Projection) => {
                Self::Here
            }
            action if takes_projection(action) => Self::Projection,
            _ => Self::Here,
        }
    }
}

/// The keys of what lies under the help, by group, then what a projection can be.
fn groups(model: &Model, open: &Help, theme: &Theme, width: usize) -> Vec<Vec<Line<'static>>> {
    let mut under = model.layers.iter().rev();
    under.next();
    let context = model.context_of(under.next());
    let entries: Vec<(&Entry, String)> = within(context)
        .filter(|entry| model.has(entry))
        .map(|entry| (entry, keys(model, context, entry)))
        .filter(|(_, keys)| !keys.is_empty())
        .filter(|(entry, keys)| open.fits(keys, entry.name, entry.help))
        .map(|(entry, keys)| (entry, keys.join(" ")))
        .collect();
    let pad = entries.iter().map(|(_, keys)| text::width(keys)).max();
    let pad = pad.unwrap_or(0);
    let mut groups = Vec::new();
    for (group, name) in Group::ALL {
        let mut lines = vec![Line::from(own(name, theme.strong))];
        for (entry, keys) in &entries {
            if Group::of(entry.action, context) == group {
                let lead = own(format!("{keys:>pad$}"), theme.title);
                described(
                    &mut lines,
                    lead,
                    pad,
                    (entry.help, theme.text),
                    width,
                    theme,
                );
            }
        }
        if lines.len() > 1 {
            lines.push(Line::default());
            groups.push(lines);
        }
    }
    groups.extend(statuses(open, theme, width));
    groups
}

/// What a projection can be, as far as it is looked for; `None` where nothing of it is.
fn statuses(open: &Help, theme: &Theme, width: usize) -> Option<Vec<Line<'static>>> {
    let mut lines = vec![Line::from(own("What a projection can be", theme.strong))];
    for (state, words) in STATUSES {
        let (glyph, word, style) = status(*state, theme);
        if open.fits(&[], word, words) {
            let lead = own(format!("{glyph} {word}"), style);
            described(&mut lines, lead, 13, (words, theme.dim), width, theme);
        }
    }
    let words = "older than its objective allows";
    if open.fits(&[], "breach", words) {
        let breach = own(format!("{} breach", theme.glyphs.breach), theme.bad);
        described(&mut lines, breach, 13, (words, theme.dim), width, theme);
    }
    let words = "positions up to the head; dim where none concerns it, and nothing is lacking";
    if open.fits(&[], "gap", words) {
        let gap = own("gap", theme.text);
        described(&mut lines, gap, 13, (words, theme.dim), width, theme);
    }
    (lines.len() > 1).then_some(lines)
}

/// What each status means, in a few words.
const STATUSES: &[(Status, &str)] = &[
    (Status::Live, "it has every event"),
    (
        Status::Waiting,
        "nothing waits beyond what the policy allows",
    ),
    (Status::CatchingUp, "late, and gaining"),
    (
        Status::Falling,
        "late, and its age only grew: look at its ETA",
    ),
    (Status::Stalled, "late, and not moving"),
    (Status::Paused, "somebody paused it"),
    (
        Status::Faulted(crate::event::Position::START),
        "stopped at an event that cannot be applied",
    ),
    (Status::Dead, "nobody applies events to it"),
    (Status::Ahead, "beyond the log: the log was restored"),
];

/// An entry's keys, as they are shown.
fn keys<'a>(model: &'a Model, context: Context, entry: &'static Entry) -> Vec<&'a str> {
    let keys = model.keys.keys(context, entry);
    keys.into_iter().map(shown).collect()
}

/// A name in `pad` cells and what it means, on as many lines as that needs.
fn described(
    lines: &mut Vec<Line<'static>>,
    name: Span<'static>,
    pad: usize,
    (words, style): (&str, Style),
    width: usize,
    theme: &Theme,
) {
    let room = width.saturating_sub(pad + 2).max(8);
    let space = |used: usize| Span::raw(" ".repeat((pad + 2).saturating_sub(used)));
    let mut wrapped = text::wrap(words, room, theme.glyphs.ellipsis).into_iter();
    let first = wrapped.next().unwrap_or_default();
    let used = name.width();
    lines.push(Line::from(vec![name, space(used), own(first, style)]));
    for more in wrapped {
        lines.push(Line::from(vec![space(0), own(more, style)]));
    }
}
