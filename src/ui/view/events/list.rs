//! The rows of the log: which events there are around the chosen one, and which read models have each of them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::brief::brief;
use super::super::words::{dot, held, own, set_aside, span};
use super::super::{put, put_cut};
use crate::ui::state::Model;
use crate::ui::state::events::{Entry, LIST, List};
use crate::ui::state::ripple::has;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::rule;
use crate::ui::widgets::table;
use crate::workspace::{ProjectionView, Without};

/// The widest name of a stream or a type that is shown whole.
const WIDEST: usize = 24;

/// The name of the column of dots.
const VISIBLE: &str = "visible";

/// How many projections get a dot each.
const DOTS: usize = 12;

/// How many rows there are lines for.
pub fn rows(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1 + heading(area)))
}

/// Whether there is a line for the names of the columns.
const fn heading(area: Rect) -> u16 {
    if area.height >= 7 { 1 } else { 0 }
}

/// The row at a line, by its place.
pub fn row_at(model: &Model, area: Rect, y: u16) -> Option<usize> {
    let list = &model.events.list;
    let line = usize::from(y.checked_sub(area.y + 1 + heading(area))?);
    let lines = rows(area);
    let mut shown = table::shown(list.entries.len(), list.index(), lines);
    shown.nth(line).filter(|_| line < lines)
}

/// Draws them.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let list = &model.events.list;
    let left = named(model, theme);
    let room = usize::from(area.width).saturating_sub(text::width(&left) + 8);
    let right = right(model, theme, room);
    let has_keys = model.events.panes.focus == LIST;
    rule::pane(buf, area, (&left, has_keys), &right, theme);
    let lines = rows(area);
    if list.entries.is_empty() {
        for (row, line) in (1..).zip(nothing(model, theme)) {
            put_cut(buf, area, row, &line, theme);
        }
        return;
    }
    let shown = table::shown(list.entries.len(), list.index(), lines);
    let entries: Vec<&Entry> = list.entries.range(shown.clone()).collect();
    let widths = Widths::of(model, &entries, area.width);
    let mut row = 1;
    if heading(area) > 0 {
        put(buf, area, row, &widths.heading(theme));
        row += 1;
    }
    for (place, entry) in shown.zip(entries) {
        let is_chosen = list.index() == Some(place);
        put(buf, area, row, &widths.line(model, entry, is_chosen, theme));
        row += 1;
    }
}

/// What is shown: the log, or what it is narrowed to.
fn named(model: &Model, theme: &Theme) -> String {
    let typed = model.events.search.text().trim();
    if typed.is_empty() {
        // As it is read; on the first screen the newest are at the top, where they come into sight.
        "Events, newest last".to_owned()
    } else {
        format!(
            "Events: {}",
            text::cut(&text::clean(typed), 40, theme.glyphs.ellipsis)
        )
    }
}

/// Where in the log one is; before that, who has set the chosen event aside and where to look for the way out, or what
/// those marks mean, as much of it as there is room for.
fn right(model: &Model, theme: &Theme, room: usize) -> Line<'static> {
    let place = where_it_is(model, theme);
    let views = &model.snapshot.projections;
    let mut told: Vec<Vec<Span<'static>>> = Vec::new();
    let chosen = model.events.list.chosen().map(|entry| entry.position);
    for why in [Without::Parked, Without::Skipped] {
        let has = |view: &&ProjectionView| chosen.and_then(|at| view.passed_by.of(at)) == Some(why);
        let names: Vec<&str> = views.iter().filter(has).map(|v| v.name.as_str()).collect();
        let Some(first) = names.first().filter(|_| told.is_empty()) else {
            continue;
        };
        let (glyph, word, style) = held(why.into(), theme);
        let names = text::clean(&names.join(", ")).into_owned();
        let short = vec![own(format!("{glyph} {word} in {names}"), style)];
        let mut long = short.clone();
        if why == Without::Parked {
            let way = format!(": `:parked {}`", text::clean(first));
            long.push(own(way, theme.dim));
        }
        told = vec![long, short];
    }
    let mut legend = set_aside(views.iter(), theme);
    if let Some(first) = legend.first_mut() {
        *first = own(first.content.trim_start().to_owned(), first.style);
        told.push(legend);
    }
    for mut spans in told {
        if !place.spans.is_empty() {
            spans.push(Span::raw("  "));
        }
        spans.extend(place.spans.iter().cloned());
        let line = Line::from(spans);
        if line.width() <= room {
            return line;
        }
    }
    place
}

/// Where in the log one is, how far was looked, and what has come since.
fn where_it_is(model: &Model, theme: &Theme) -> Line<'static> {
    let (events, head) = (&model.events, model.snapshot.head);
    let list = &events.list;
    let number = |position: crate::event::Position| text::thousands(position.get());
    let mut spans = Vec::new();
    if !events.search.is_everything() {
        spans.push(own(looked(list, head), theme.dim));
    }
    if list.follows {
        spans.push(own("follows the head", theme.good));
    } else if let Some(chosen) = list.chosen() {
        let words = format!("{} of {}", number(chosen.position), number(head));
        spans.push(own(words, theme.dim));
        let new = head.since(list.since);
        if new > 0 {
            let words = format!("+{} new, G follows", text::thousands(new));
            spans.push(own(words, theme.warn));
        }
    }
    let between = Span::raw("  ");
    let mut line = Line::default();
    for span in spans {
        if !line.spans.is_empty() {
            line.push_span(between.clone());
        }
        line.push_span(span);
    }
    line
}

/// How many were found, and how far was looked for them.
fn looked(list: &List, head: crate::event::Position) -> String {
    let found = if list.is_stale { 0 } else { list.entries.len() };
    let found = text::thousands(found as u64);
    let back = list.low.get() <= 1;
    match (back, list.high >= head) {
        _ if list.is_stale => "looking …".to_owned(),
        (true, true) => format!("{found} found, no others"),
        (false, _) if list.under_way.is_some() => {
            format!(
                "{found} found, looked back to {} …",
                text::thousands(list.low.get())
            )
        }
        (true, false) if list.under_way.is_some() => {
            format!(
                "{found} found, looked on to {} …",
                text::thousands(list.high.get())
            )
        }
        _ => format!("{found} found and more"),
    }
}

/// What stands where there are no rows.
fn nothing(model: &Model, theme: &Theme) -> Vec<Line<'static>> {
    let list = &model.events.list;
    let dim = |words: &str| vec![Line::from(own(format!("   {words}"), theme.dim))];
    if let Some(error) = &list.error {
        return vec![Line::from(vec![
            own("   ", theme.text),
            span(error, theme.bad),
        ])];
    }
    if model.snapshot.head.get() == 0 {
        return dim("No events yet: send a command, import some, or append one.");
    }
    if list.under_way.is_some() || list.is_stale {
        return dim("reading the log …");
    }
    let mut lines = dim("No event fits. Esc shows all of them again, / changes the words.");
    if let Some(doubt) = model.events.search.doubt() {
        let words = doubt.words().into_iter();
        let shown = words.map(|words| format!("   {}", text::clean(&words)));
        lines.extend(shown.map(|words| Line::from(own(words, theme.warn))));
    }
    lines
}

/// The cells of each column: as wide as what is shown needs.
struct Widths {
    position: usize,
    time: usize,
    dots: usize,
    visible: usize,
    stream: usize,
    kind: usize,
    all: usize,
}

impl Widths {
    fn of(model: &Model, entries: &[&Entry], width: u16) -> Self {
        let most = match width {
            0..70 => 14,
            70..120 => WIDEST,
            _ => 32,
        };
        let widest = |least: usize, of: &dyn Fn(&Entry) -> usize| {
            let widest = entries.iter().map(|e| of(e)).max().unwrap_or(0);
            widest.clamp(least, most)
        };
        let count = model.snapshot.projections.len();
        Self {
            position: widest(8, &|e| text::thousands(e.position.get()).len()),
            time: match width {
                0..60 => 0,
                60..110 => 12,
                _ => 19,
            },
            dots: if width < 90 || count > DOTS { 0 } else { count },
            visible: if width < 90 || count > DOTS {
                0
            } else {
                count.max(VISIBLE.len())
            },
            stream: widest(6, &|e| text::width(e.stream.as_str())),
            kind: widest(4, &|e| text::width(e.event_type.as_str())),
            all: usize::from(width),
        }
    }

    fn heading(&self, theme: &Theme) -> Line<'static> {
        let mut words = format!("  {:>width$}  ", "position", width = self.position);
        if self.time > 0 {
            words.push_str(&format!("{:<width$}  ", "stored", width = self.time));
        }
        if self.dots > 0 {
            words.push_str(&format!("{VISIBLE:<width$}  ", width = self.visible));
        }
        words.push_str(&format!("{:<width$}  ", "stream", width = self.stream));
        words.push_str(&format!("{:<width$}  data", "type", width = self.kind));
        Line::from(own(text::cut(&words, self.all, ""), theme.dim))
    }

    fn line(&self, model: &Model, entry: &Entry, is_chosen: bool, theme: &Theme) -> Line<'static> {
        let padded = |content: &str, width: usize| {
            let shown = text::cut(&text::clean(content), width, theme.glyphs.ellipsis);
            let space = width.saturating_sub(text::width(&shown));
            format!("{shown}{}  ", " ".repeat(space))
        };
        let styled = |style| if is_chosen { theme.chosen } else { style };
        let mark = if is_chosen {
            theme.glyphs.selected
        } else {
            " "
        };
        let position = text::thousands(entry.position.get());
        let mut spans = vec![
            own(format!("{mark} "), theme.title),
            own(
                format!("{position:>width$}  ", width = self.position),
                styled(theme.text),
            ),
        ];
        if self.time > 0 {
            let format = if self.time > 12 {
                "%m-%d %H:%M:%S%.3f"
            } else {
                "%H:%M:%S%.3f"
            };
            let time = entry.recorded_at.strftime(format).to_string();
            spans.push(own(padded(&time, self.time), theme.dim));
        }
        for view in model.snapshot.projections.iter().take(self.dots) {
            spans.push(dot(has(view, &model.snapshot, entry.position), theme));
        }
        if self.dots > 0 {
            spans.push(Span::raw(" ".repeat(self.visible - self.dots + 2)));
        }
        spans.push(own(
            padded(entry.stream.as_str(), self.stream),
            styled(theme.accent),
        ));
        spans.push(own(
            padded(entry.event_type.as_str(), self.kind),
            styled(theme.strong),
        ));
        let used: usize = spans.iter().map(Span::width).sum();
        let fields = entry
            .brief
            .iter()
            .map(|field| (&*field.name, &*field.value));
        spans.extend(brief(fields, self.all.saturating_sub(used + 1), theme));
        Line::from(spans)
    }
}
