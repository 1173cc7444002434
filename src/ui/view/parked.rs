//! The events that a read model has parked: one a line, and what is wrong with the chosen one.

use ratatui::text::Line;

use super::super::action::Action;
use super::super::state::Model;
use super::super::text;
use super::super::theme::Theme;
use super::page::{key_of, wrapped};
use super::words::own;
use crate::text::{program, thousands};
use crate::workspace::{ParkedCount, ParkedEvent};

/// Its lines, of a page that is so wide, and which of them is the last that has to be seen.
pub fn lines(
    (count, events): &(ParkedCount, Vec<ParkedEvent>),
    chosen: usize,
    model: &Model,
    theme: &Theme,
    width: usize,
) -> (Vec<Line<'static>>, usize) {
    if !count.any() {
        let words = "Nothing is parked.";
        return (wrapped(words, theme.good, width, theme), 0);
    }
    let help = format!(
        " {} tries again, {} leaves one out.",
        key_of(&model.keys, Action::Retry),
        key_of(&model.keys, Action::Skip)
    );
    let help = if model.read_only { "" } else { &help };
    let words = format!("{count}: this read model is not whole.{help}");
    let mut lines = wrapped(&words, theme.warn, width, theme);
    lines.push(Line::default());
    let mut seen = 0;
    for (at, event) in events.iter().enumerate() {
        let is_chosen = at == chosen;
        lines.push(one(event, is_chosen, theme));
        if is_chosen {
            let error = event.error.as_deref();
            let error = error.unwrap_or("waits behind an earlier event of its stream");
            let inside = wrapped(error, theme.text, width.saturating_sub(4), theme);
            lines.extend(inside.into_iter().map(|mut line| {
                line.spans.insert(0, own("    ", theme.text));
                line
            }));
            seen = lines.len() - 1;
        }
    }
    let shown = events.len() as u64;
    if shown < count.events {
        let more = thousands(count.events - shown);
        let words = format!(
            "and {more} more: `{program} parked -n 0` lists all",
            program = program()
        );
        lines.push(Line::from(own(words, theme.dim)));
    }
    (lines, seen)
}

fn one(event: &ParkedEvent, is_chosen: bool, theme: &Theme) -> Line<'static> {
    let (mark, style) = if is_chosen {
        (theme.glyphs.selected, theme.chosen)
    } else {
        (" ", theme.text)
    };
    let tries = match event.tries {
        0 => "not tried".to_owned(),
        tries => text::count(u64::from(tries), "try", "tries"),
    };
    let what = format!(
        "{}  {} of {}",
        thousands(event.position.get()),
        text::clean(event.event_type.as_str()),
        text::clean(event.stream.as_str())
    );
    Line::from(vec![
        own(format!("{mark} "), theme.title),
        own(what, style),
        own(
            format!("  {tries}, since {}", event.since.strftime("%F %T")),
            theme.dim,
        ),
    ])
}
