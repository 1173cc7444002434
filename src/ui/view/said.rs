//! What was said last: the ripple of a command, or a sentence.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::super::action::Action;
use super::super::keymap::Keymap;
use super::super::state::ripple::{Has, Reach, Ripple};
use super::super::state::{Model, Said, Tone};
use super::super::text;
use super::super::theme::Theme;
use super::super::widgets::flow::{self, Piece};
use super::put;
use super::words::{held, own, span, status};

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
            let mut lead = Some(vec![" ".into(), own(glyph, style), " ".into()]);
            let line = |text| {
                let mut spans = lead.take().unwrap_or_else(|| vec!["   ".into()]);
                spans.push(own(text, theme.text));
                Line::from(spans)
            };
            wrapped.into_iter().map(line).collect()
        }
    }
}

/// Accepted where, visible in which read models after what time; then what the others wait for.
fn ripple(model: &Model, ripple: &Ripple, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let mut accepted: Vec<Piece> = vec![vec![
        own(format!(" {} ", theme.glyphs.done), theme.good),
        span(&ripple.command, theme.strong),
        own(" accepted at ", theme.dim),
        own(text::thousands(ripple.position.get()), theme.strong),
    ]];
    let mut visible: Vec<(String, Vec<&str>)> = Vec::new();
    let (mut waiting, mut aside): (Vec<Piece>, Vec<Piece>) = Default::default();
    for view in &model.snapshot.projections {
        let reach = ripple.reach(view, model.now);
        if let Reach::Visible(took) = reach {
            let took = if took.is_zero() {
                " at once".to_owned()
            } else {
                format!(" within {}", text::span(took))
            };
            match visible.iter_mut().find(|(time, _)| *time == took) {
                Some((_, names)) => names.push(&view.name),
                None => visible.push((took, vec![&view.name])),
            }
        } else if let Some(has) = set_aside(&reach) {
            let (glyph, word, style) = held(has, theme);
            let mut piece = vec![
                own(format!("{glyph} {word} in "), style),
                span(&view.name, theme.text),
            ];
            if has == Has::Parked {
                let name = text::clean(&view.name);
                let way = format!(": it does not come by itself, `:parked {name}`");
                piece.push(own(way, theme.dim));
            }
            aside.push(piece);
        } else {
            let (words, style) = waits(&reach, &model.keys, theme);
            waiting.push(vec![
                span(&view.name, theme.text),
                own(format!(" {words}"), style),
            ]);
        }
    }
    let seen = visible.into_iter().map(|(took, names)| {
        let room = usize::from(width).saturating_sub(20 + took.chars().count());
        vec![
            own(as_many(&names, room), theme.text),
            own(took, theme.good),
        ]
    });
    let mut seen: Vec<Piece> = seen.collect();
    label(&mut seen, "visible in ", theme);
    label(&mut waiting, "   not yet in ", theme);
    // First what somebody has to do something about: on a small terminal the rest is cut.
    accepted.extend(aside);
    accepted.extend(seen);
    let between = own(format!(" {} ", theme.glyphs.dot), theme.rule);
    let width = width.saturating_sub(1);
    let mut lines = flow::lines(accepted, &between, width, 3);
    lines.extend(flow::lines(waiting, &between, width, 14));
    lines
}

/// How a read model has the events where they do not come by themselves.
const fn set_aside(reach: &Reach) -> Option<Has> {
    match reach {
        Reach::Parked => Some(Has::Parked),
        Reach::Skipped => Some(Has::Skipped),
        _ => None,
    }
}

/// As many names as there is room for, and how many more there are.
fn as_many(names: &[&str], room: usize) -> String {
    let all = names.join(", ");
    if all.chars().count() <= room {
        return all;
    }
    let mut shown = String::new();
    for (n, name) in names.iter().enumerate() {
        let more = format!(" and {} more", names.len() - n);
        if n > 0 && shown.chars().count() + 2 + name.chars().count() + more.chars().count() > room {
            return shown + &more;
        }
        shown = if n == 0 {
            (*name).to_owned()
        } else {
            format!("{shown}, {name}")
        };
    }
    shown
}

/// What a read model that lacks the events waits for.
pub(super) fn waits(reach: &Reach, keys: &Keymap, theme: &Theme) -> (String, Style) {
    match reach {
        Reach::Waiting(Some(left)) if left.is_zero() => ("any moment".to_owned(), theme.accent),
        Reach::Waiting(Some(left)) => (format!("at most {} more", text::span(*left)), theme.accent),
        Reach::Visible(_) | Reach::Waiting(None) => ("waiting".to_owned(), theme.accent),
        Reach::Held => {
            let key = keys.of(Action::Apply);
            (format!("when asked ({key})"), theme.held)
        }
        Reach::Paused => ("paused".to_owned(), theme.held),
        Reach::Parked => ("parked".to_owned(), theme.bad),
        Reach::Skipped => ("skipped".to_owned(), theme.held),
        Reach::Stopped(why) => (status(*why, theme).1.to_owned(), theme.bad),
    }
}

/// Puts words before the first of some pieces.
fn label(pieces: &mut [Piece], words: &'static str, theme: &Theme) {
    if let Some(first) = pieces.first_mut() {
        first.insert(0, own(words, theme.dim));
    }
}
