//! A read model as it was: a mark on the log, the event it stands at, its rows then beside now, and what that event
//! changed.

mod log;
mod table;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::page::{key_of, wrapped};
use super::rows::{self, Only};
use super::words::{own, span};
use super::{checked, put, put_cut};
use crate::event::Position;
use crate::ui::action::Action;
use crate::ui::state::Model;
use crate::ui::state::time::Pane;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::rule;
use crate::workspace::{Change, Changed, Comparison, Moment, StateSeen, Without};

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(pane) = &model.time else {
        let words = "There is no projection yet: put one SQL file for each into projections/.";
        let line = Line::from(own(format!("   {words}"), theme.dim));
        put_cut(buf, area, 1, &line, theme);
        return;
    };
    let told = told(pane, theme, area.width);
    let needs = |lines: usize| u16::try_from(lines).unwrap_or(u16::MAX);
    let lines = told.as_ref().map_or(0, |(_, lines)| needs(lines.len() + 1));
    let table = pane.moment.as_deref().map_or(u16::MAX, table::height);
    let areas = Areas::of(area).with_room(lines, table);
    title(model, pane, theme, areas.title, buf);
    log::draw(model, pane, theme, areas.log, buf);
    write(
        buf,
        areas.head,
        &head(model, pane, theme, areas.head),
        theme,
    );
    if let Some(moment) = &pane.moment {
        table::draw(moment, theme, areas.table, buf);
    }
    if let Some((name, lines)) = told {
        below(&name, lines, theme, areas.below, buf);
    }
}

/// How many rows of a table there is room for.
pub fn rows(area: Rect) -> usize {
    // Its name and its columns stand above them.
    usize::from(Areas::of(area).table.height.saturating_sub(2)).max(1)
}

/// Where the log is drawn as a line.
pub fn log(area: Rect) -> Rect {
    Areas::of(area).log
}

/// The position at a column of that line, or the nearest one.
pub fn position_at(model: &Model, line: Rect, x: u16) -> Position {
    log::position_at(model, line, x)
}

/// Where its parts stand.
#[derive(Debug, Clone, Copy, Default)]
struct Areas {
    title: Rect,
    log: Rect,
    head: Rect,
    table: Rect,
    below: Rect,
}

impl Areas {
    fn of(area: Rect) -> Self {
        let height = area.height;
        let log = match height {
            0..7 => 0,
            7..12 => 2,
            12..24 => 3,
            _ => 4,
        };
        let head = match height {
            0..10 => 1,
            10..14 => 2,
            _ => 3,
        };
        let below = match height {
            0..10 => 0,
            10..14 => 3,
            _ => height / 4,
        };
        let table = height.saturating_sub(1 + log + head + below);
        let inside = Rect {
            x: area.x + 2,
            width: area.width.saturating_sub(4),
            ..area
        };
        let mut y = area.y;
        let mut next = |of: Rect, height: u16| {
            let height = height.min(area.bottom().saturating_sub(y));
            let part = Rect { y, height, ..of };
            y += height;
            part
        };
        Self {
            title: next(area, 1),
            log: next(inside, log),
            head: next(inside, head),
            table: next(area, table),
            below: next(area, below),
        }
    }
}

impl Areas {
    /// With so many lines below, as far as the table does not need them itself.
    fn with_room(mut self, lines: u16, table: u16) -> Self {
        if self.below.height > 0 {
            let spare = self.table.height.saturating_sub(table);
            let more = lines.saturating_sub(self.below.height).min(spare);
            self.table.height -= more;
            self.below.y -= more;
            self.below.height += more;
        }
        self
    }
}

fn title(model: &Model, pane: &Pane, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let views = &model.snapshot.projections;
    let at = views.iter().position(|view| view.name == pane.projection);
    let right = match at {
        Some(at) if views.len() > 1 => Line::from(vec![
            own(format!("{} of {}, ", at + 1, views.len()), theme.dim),
            own(key_of(&model.keys, Action::NextOne), theme.title),
            own(" ", theme.dim),
            own(key_of(&model.keys, Action::OneBefore), theme.title),
            own(" another", theme.dim),
        ]),
        _ => Line::default(),
    };
    let name = format!("{} as it was", text::clean(&pane.projection));
    rule::draw(buf, area, &name, &right, theme);
}

fn write(buf: &mut Buffer, area: Rect, lines: &[Line<'_>], theme: &Theme) {
    for (row, line) in (0..area.height).zip(lines) {
        put_cut(buf, area, row, line, theme);
    }
}

/// Where it stands, at which event; and how far it is on its way. What is on its way has the last line.
fn head(model: &Model, pane: &Pane, theme: &Theme, area: Rect) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(moment) = &pane.moment {
        let head = moment.head.max(model.snapshot.head);
        let mut line = vec![own(
            format!(
                "at {} of {}",
                text::thousands(moment.position.get()),
                text::thousands(head.get())
            ),
            theme.strong,
        )];
        match &moment.event {
            None => line.push(own(": before the first event", theme.dim)),
            Some(event) => {
                line.push(own(": ", theme.dim));
                line.push(span(event.event_type.as_str(), theme.accent));
                line.push(own(" in ", theme.dim));
                line.push(span(event.stream.as_str(), theme.text));
            }
        }
        lines.push(Line::from(line));
        lines.extend(moment.event.as_ref().map(|event| {
            let stored = event.recorded_at.strftime("stored at %F %T%.3f  ");
            let happened = event.happened_at.map_or_else(String::new, |at| {
                at.strftime("happened at %F %T%.3f, ").to_string()
            });
            Line::from(vec![
                own(format!("{happened}{stored}"), theme.dim),
                span(event.data.as_str(), theme.dim),
            ])
        }));
    }
    let way = match (pane.under_way, pane.progress) {
        (Some(_), Some(progress)) => {
            let words = format!("{} Esc breaks it off", checked::progress(progress));
            Some(Line::from(own(words, theme.warn)))
        }
        (Some(_), None) if pane.moment.is_none() => Some(Line::from(own("folding …", theme.dim))),
        (None, _) if pane.moment.as_ref().is_some_and(|moment| moment.stopped) => {
            Some(Line::from(own("Broken off on the way there.", theme.warn)))
        }
        _ if area.height > 2 && pane.error.is_none() => {
            let now = key_of(&model.keys, Action::Last);
            Some(Line::from(if pane.kept {
                let words = format!("The mark is where you left it; {now} goes to now.");
                own(words, theme.warn)
            } else {
                let words = "Drag the mark along the log, or type :as-of 10m";
                own(format!("{words}; {now} goes to now"), theme.dim)
            }))
        }
        _ => None,
    };
    if let Some(way) = way {
        lines.truncate(usize::from(area.height.saturating_sub(1)));
        lines.push(way);
    }
    lines
}

/// What the event changed; or why there is nothing new to see. `None` where nothing is to be said.
fn told(pane: &Pane, theme: &Theme, width: u16) -> Option<(String, Vec<Line<'static>>)> {
    let width = usize::from(width.saturating_sub(4));
    let told = match (&pane.error, &pane.moment) {
        (Some(error), _) if pane.under_way.is_none() => (
            "Nothing new to see".to_owned(),
            wrapped(error, theme.bad, width, theme),
        ),
        (_, Some(moment)) => changes(moment, theme, width),
        _ => return None,
    };
    (!told.0.is_empty()).then_some(told)
}

fn below(name: &str, mut lines: Vec<Line<'static>>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    rule::draw(buf, area, name, &Line::default(), theme);
    let room = usize::from(area.height.saturating_sub(1));
    if lines.len() > room && room > 0 {
        lines.truncate(room - 1);
        let words = "and more: a higher terminal shows it";
        lines.push(Line::from(own(words, theme.dim)));
    }
    let inside = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(1),
    };
    for (row, line) in (0..inside.height).zip(&lines) {
        put(buf, inside, row, line);
    }
}

/// What the event changed, and in how many words it is said.
fn changes(moment: &Moment, theme: &Theme, width: usize) -> (String, Vec<Line<'static>>) {
    let dim = |words: &str| wrapped(words, theme.dim, width, theme);
    let Some(changed) = &moment.changed else {
        return (String::new(), Vec::new());
    };
    let Some(found) = &changed.rows else {
        let name = "This event changed nothing".to_owned();
        return (name, dim("The projection does not take such events."));
    };
    let not_applied = not_applied(changed);
    if !changed.late.is_empty() {
        return with_late(moment, changed, not_applied, theme, width);
    }
    let nothing = match &not_applied {
        _ if found.total > 0 => None,
        None => Some("Its handler found nothing to change."),
        Some(why) => Some(why.as_str()),
    };
    if let Some(why) = nothing.filter(|_| moment.state.is_none() || not_applied.is_some()) {
        return ("This event changed no row".to_owned(), dim(why));
    }
    if let Some(state) = &moment.state {
        return of_state(state, theme, width);
    }
    let name = format!(
        "This event changed {}",
        text::count(found.total, "row", "rows")
    );
    (name, of_rows(found, theme, width))
}

/// Why an event was not applied when its turn came; `None` where it was.
fn not_applied(changed: &Changed) -> Option<String> {
    match (changed.later, changed.without) {
        (Some(at), _) => {
            let at = text::thousands(at.get());
            Some(format!(
                "It was parked when its turn came, and applied later: after event {at}."
            ))
        }
        (None, Some(Without::Parked)) => {
            Some("It is parked: it was not applied, and does not come by itself.".to_owned())
        }
        (None, Some(Without::Skipped)) => {
            Some("Somebody skipped it: it was not applied.".to_owned())
        }
        (None, None) => None,
    }
}

/// What changed where events were applied after their turn: which of them changed what cannot be told.
fn with_late(
    moment: &Moment,
    changed: &Changed,
    not_applied: Option<String>,
    theme: &Theme,
    width: usize,
) -> (String, Vec<Line<'static>>) {
    let own = changed.takes && not_applied.is_none();
    let late = match changed.late.as_slice() {
        [one] => format!("event {}, which was", text::thousands(one.get())),
        more => format!("{} events, which were", text::thousands(more.len() as u64)),
    };
    let too = if own {
        "Applied here too"
    } else {
        "Applied here"
    };
    let mut lines = wrapped(
        &format!("{too}: {late} parked before."),
        theme.dim,
        width,
        theme,
    );
    lines.extend(
        not_applied
            .iter()
            .flat_map(|why| wrapped(why, theme.dim, width, theme)),
    );
    let (count, what, rows) = match (&moment.state, &changed.rows) {
        (Some(state), _) => {
            let (_, lines) = of_state(state, theme, width);
            (state.changes.len() as u64, ("value", "values"), lines)
        }
        (None, Some(found)) => (found.total, ("row", "rows"), of_rows(found, theme, width)),
        (None, None) => (0, ("row", "rows"), Vec::new()),
    };
    lines.extend(rows);
    (
        format!("{} changed here", text::count(count, what.0, what.1)),
        lines,
    )
}

/// The rows that differ.
fn of_rows(found: &Comparison, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let only = Only {
        here: "goes",
        there: "comes",
    };
    let rows = found.differences.iter();
    let mut lines: Vec<_> = rows
        .flat_map(|difference| rows::lines(difference, &only, theme, width))
        .collect();
    lines.extend(checked::more(found.differences.len(), found.total, theme));
    lines
}

/// What the event changed of a state.
fn of_state(state: &StateSeen, theme: &Theme, width: usize) -> (String, Vec<Line<'static>>) {
    let count = state.changes.len() as u64;
    if count == 0 {
        let name = "This event changed nothing of the state".to_owned();
        return (name, Vec::new());
    }
    let name = format!(
        "This event changed {}",
        text::count(count, "value", "values")
    );
    let line = |change: &Change| {
        let (field, becomes) = (text::clean(&change.field), theme.glyphs.becomes);
        let words = format!("{field}: {} {becomes} {}", change.before, change.after);
        let words = words.chars().take(width * 2).collect::<String>();
        Line::from(own(
            text::cut(&text::clean(&words), width, theme.glyphs.ellipsis),
            theme.text,
        ))
    };
    // No more is written than could be shown.
    (name, state.changes.iter().take(100).map(line).collect())
}
