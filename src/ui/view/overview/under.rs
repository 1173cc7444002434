//! The lines under a projection's row: a rebuild that runs or waits, faults that were injected, what stopped it.

use ratatui::text::{Line, Span};

use super::super::page::key_of;
use super::super::words::own;
use crate::lag::Status;
use crate::ui::action::Action;
use crate::ui::keymap::Keymap;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::bar;
use crate::workspace::{INJECTED, ProjectionView, RebuildView};

/// What a line under a row shows, in their order.
#[derive(Clone, Copy)]
pub enum Under {
    Rebuild,
    Injected,
    Fault,
}

/// What there is under a projection's row.
pub fn under(view: &ProjectionView) -> impl Iterator<Item = Under> {
    let rebuild = view.rebuild.as_ref().map(|_| Under::Rebuild);
    let injected = view.injected.as_ref().map(|_| Under::Injected);
    let fault = view.fault.as_ref().map(|_| Under::Fault);
    [rebuild, injected, fault].into_iter().flatten()
}

/// The line under a row that says how far a rebuild is.
pub fn rebuild(
    view: &ProjectionView,
    selected: bool,
    width: u16,
    keys: &Keymap,
    theme: &Theme,
) -> Line<'static> {
    let Some(rebuild) = &view.rebuild else {
        return Line::default();
    };
    if rebuild.held {
        return held(rebuild, selected, width, keys, theme);
    }
    let bar = match width {
        0..60 => 10,
        60..100 => 20,
        _ => 30,
    };
    let side = if selected { theme.glyphs.selected } else { " " };
    let mut spans = vec![
        own(side, theme.title),
        own(
            format!("    {} rebuild  ", theme.glyphs.rebuild),
            theme.accent,
        ),
    ];
    spans.extend(bar::progress(rebuild.progress(), bar, theme.accent, theme));
    // Cut, not rounded: it never says 100 % before it is done.
    let percent = (rebuild.progress() * 1000.0).floor() / 10.0;
    spans.push(own(format!("  {percent:.1} %"), theme.strong));
    let mut more = Vec::new();
    if rebuild.paused {
        more.push("paused".to_owned());
    }
    if let Some(rate) = rebuild.rate {
        more.push(format!("{} events/s", text::rate(rate)));
    }
    if let Some(eta) = rebuild.eta {
        more.push(format!("ready in {}", text::span(eta)));
    }
    more.push(format!(
        "{} of {}",
        text::thousands(rebuild.checkpoint.get()),
        text::thousands(rebuild.target.get())
    ));
    for part in more {
        let used: usize = spans.iter().map(Span::width).sum();
        if used + 2 + part.len() <= usize::from(width) {
            spans.push(own(format!("  {part}"), theme.dim));
        }
    }
    Line::from(spans)
}

/// The same line where the new version is ready and waits.
fn held(
    rebuild: &RebuildView,
    selected: bool,
    width: u16,
    keys: &Keymap,
    theme: &Theme,
) -> Line<'static> {
    let side = if selected { theme.glyphs.selected } else { " " };
    let mut spans = vec![
        own(side, theme.title),
        own(format!("    {} ", theme.glyphs.rebuild), theme.accent),
    ];
    let paused = if rebuild.paused { "paused" } else { "follows" };
    let parked = match rebuild.parked.count.events {
        0 => String::new(),
        events => format!("{} parked", text::thousands(events)),
    };
    let parts = [
        (
            "new version ready, waits for cutover".to_owned(),
            theme.strong,
        ),
        (text::clean(&rebuild.version).into_owned(), theme.text),
        (
            format!("{paused} at {}", text::thousands(rebuild.checkpoint.get())),
            theme.dim,
        ),
        (parked, theme.warn),
        (
            format!(
                "{} compares, {} cuts over, {} cancels",
                key_of(keys, Action::Diff),
                key_of(keys, Action::CutOver),
                key_of(keys, Action::Cancel)
            ),
            theme.dim,
        ),
    ];
    for (part, style) in parts {
        let used: usize = spans.iter().map(Span::width).sum();
        if !part.is_empty() && used + 2 + part.len() <= usize::from(width) {
            spans.push(own(format!(" {part} "), style));
        }
    }
    Line::from(spans)
}

/// The line under a row that says which faults somebody has injected, so that nobody takes them for real.
pub fn injected(view: &ProjectionView, selected: bool, width: u16, theme: &Theme) -> Line<'static> {
    let Some(injected) = &view.injected else {
        return Line::default();
    };
    let side = if selected { theme.glyphs.selected } else { " " };
    let words = format!("fault: {injected}");
    let room = usize::from(width).saturating_sub(8);
    let words = text::cut(&text::clean(&words), room, theme.glyphs.ellipsis);
    let left = room.saturating_sub(text::width(&words));
    let end = "  injected; :fault stop ends it";
    let end = if left >= end.len() { end } else { "" };
    Line::from(vec![
        own(side, theme.title),
        Span::raw("    "),
        own(theme.glyphs.breach, theme.held),
        Span::raw(" "),
        own(words, theme.held),
        own(end, theme.dim),
    ])
}

/// The line under a row that says what stopped it.
pub fn fault(view: &ProjectionView, selected: bool, width: u16, theme: &Theme) -> Line<'static> {
    let Some(fault) = &view.fault else {
        return Line::default();
    };
    let side = if selected { theme.glyphs.selected } else { " " };
    let at = format!(
        "at {} after {}: ",
        text::thousands(fault.position.get()),
        text::count(u64::from(fault.tries), "try", "tries")
    );
    let room = usize::from(width).saturating_sub(8 + at.len());
    let error = view.error_of(fault);
    let error = error.lines().next().unwrap_or_default();
    let error = text::cut(&text::clean(error), room, theme.glyphs.ellipsis);
    // An injected fault says itself how it is ended.
    let mend = "  mend its file, and it is built anew";
    let fits = text::width(&error) + mend.len() <= room;
    let real = !fault.error.starts_with(INJECTED) && matches!(view.lag.status, Status::Faulted(_));
    let mend = if real && fits { mend } else { "" };
    Line::from(vec![
        own(side, theme.title),
        Span::raw("    "),
        own(theme.glyphs.faulted, theme.bad),
        Span::raw(" "),
        own(at, theme.dim),
        own(error, theme.warn),
        own(mend, theme.dim),
    ])
}
