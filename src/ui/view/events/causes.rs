//! What caused the chosen event, and what it caused: the events that belong to it as a tree.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::page::wrapped;
use super::super::put_cut;
use super::super::words::{own, span};
use super::inner;
use crate::event::Timestamp;
use crate::ui::state::Model;
use crate::ui::state::events::CAUSES;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::rule;
use crate::ui::widgets::table;
use crate::workspace::{Caused, Direction, Story};

/// The row at a line, by its place.
pub fn row_at(model: &Model, area: Rect, y: u16) -> Option<usize> {
    let causes = &model.events.causes;
    let inside = inner(area);
    let line = usize::from(y.checked_sub(inside.y)?);
    let lines = usize::from(inside.height);
    let count = causes.story.as_ref().map_or(0, |story| story.tree().len());
    let mut shown = table::shown(count, Some(causes.index()), lines);
    shown.nth(line).filter(|_| line < lines)
}

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let causes = &model.events.causes;
    let has_keys = model.events.panes.focus == CAUSES;
    let right = match &causes.story {
        Some(story) => looked(model, story, theme),
        None => Line::default(),
    };
    rule::pane(buf, area, ("Causes and effects", has_keys), &right, theme);
    let inside = inner(area);
    let width = usize::from(inside.width);
    let lines = match (&causes.error, &causes.story) {
        (Some(error), _) => wrapped(error, theme.bad, width, theme),
        (None, Some(story)) if story.tree().len() > 1 => tree(model, story, inside, theme),
        (None, story) => wrapped(alone(model, story.as_deref()), theme.dim, width, theme),
    };
    for (row, line) in (0..).zip(lines) {
        put_cut(buf, inside, row, &line, theme);
    }
}

/// What is said where there is no tree.
fn alone(model: &Model, story: Option<&Story>) -> &'static str {
    match story {
        _ if model.snapshot.head.get() == 0 => "",
        None if model.events.list.chosen().is_none() => "",
        None if model.events.list.follows => {
            "The list follows the head. Choose an event with Up to see what caused it and what it caused."
        }
        None => "looking …",
        Some(_) if model.events.causes.under_way.is_some() => "looking …",
        Some(_) => "No other event that was looked at caused it, or was caused by it.",
    }
}

/// How many events belong to it, and how far was looked for them.
fn looked(model: &Model, story: &Story, theme: &Theme) -> Line<'static> {
    let head = model.snapshot.head;
    let number = |position: crate::event::Position| text::thousands(position.get());
    let (low, high) = story.looked();
    let count = text::count(story.tree().len() as u64, "event", "events");
    let is_all = !story.has_more(Direction::Older, head) && !story.has_more(Direction::Newer, head);
    let words = match model.events.causes.under_way {
        _ if story.is_full() => format!("the first {count}"),
        Some(_) => format!("{count}, looked from {} to {} …", number(low), number(high)),
        None if is_all => count,
        None if story.tree().len() < 2 => {
            format!("looked from {} to {}", number(low), number(high))
        }
        None => format!("{count} from {} to {}", number(low), number(high)),
    };
    Line::from(own(words, theme.dim))
}

fn tree(model: &Model, story: &Story, inside: Rect, theme: &Theme) -> Vec<Line<'static>> {
    let causes = &model.events.causes;
    let has_keys = model.events.panes.focus == CAUSES;
    let tree = story.tree();
    let first = tree.iter().map(|caused| caused.event.recorded_at).min();
    let wide = tree
        .iter()
        .map(|c| text::thousands(c.event.position.get()).len());
    let row = Row {
        began: first.unwrap_or_default(),
        position: wide.max().unwrap_or(0),
        time: inside.width >= 50,
    };
    let here = model.events.list.chosen().map(|entry| entry.position);
    let chosen = causes.index();
    let shown = table::shown(tree.len(), Some(chosen), usize::from(inside.height));
    let lines = shown.map(|at| {
        let caused = &tree[at];
        let is_here = Some(caused.event.position) == here;
        row.line(caused, (is_here, has_keys && at == chosen), theme)
    });
    lines.collect()
}

/// How the rows of a tree stand.
struct Row {
    began: Timestamp,
    position: usize,
    time: bool,
}

impl Row {
    /// Position, time since the beginning, and under what caused it: type, stream, and what is to say.
    fn line(
        &self,
        caused: &Caused,
        (is_here, is_chosen): (bool, bool),
        theme: &Theme,
    ) -> Line<'static> {
        let event = &caused.event;
        let mark = match (is_chosen, is_here) {
            (true, _) => theme.glyphs.selected,
            (false, true) => theme.glyphs.mark_selected,
            (false, false) => " ",
        };
        let style = |style| if is_chosen { theme.chosen } else { style };
        let position = text::thousands(event.position.get());
        let mut spans = vec![
            own(format!("{mark} "), theme.title),
            own(
                format!("{position:>width$}  ", width = self.position),
                style(theme.text),
            ),
        ];
        if self.time {
            let since = event.recorded_at.duration_since(self.began).unsigned_abs();
            spans.push(own(
                format!("{:>6}  ", format!("+{}", text::span(since))),
                theme.dim,
            ));
        }
        if let Some(deep) = caused.depth.checked_sub(1) {
            // A deep tree leaves room for what stands in it.
            let branch = format!("{}{} ", "  ".repeat(deep.min(12)), theme.glyphs.branch);
            spans.push(own(branch, theme.rule));
        }
        let kind = if is_here { theme.title } else { theme.strong };
        spans.push(span(event.event_type.as_str(), style(kind)));
        spans.push(Span::raw("  "));
        spans.push(span(event.stream.as_str(), style(theme.accent)));
        if let Some(remark) = caused.remark() {
            spans.push(own(format!("  {}", text::clean(&remark)), theme.dim));
        }
        Line::from(spans)
    }
}
