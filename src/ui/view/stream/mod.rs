//! The Stream screen: an aggregate step by step, the state after each, and beside it what every read model has of it
//! now; or the streams to choose from.

pub(super) mod list;
mod models;
mod steps;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::words::own;
use super::{StreamAt, page, put};
use crate::ui::state::Model;
use crate::ui::state::stream::{MODELS, PANES, STATE, STEPS, Shown};
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::{json, rule};

/// From which width on the read models stand beside the steps.
const WIDE: u16 = 100;

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(shown) = &model.stream.shown else {
        list::draw(model, theme, area, buf);
        return;
    };
    let areas = Areas::of(shown, area);
    if let Some(error) = wrong(shown) {
        let title = text::clean(shown.stream.as_str());
        rule::draw(buf, area, &title, &Line::default(), theme);
        let width = usize::from(area.width.saturating_sub(6));
        let lines = page::wrapped(&error, theme.warn, width, theme);
        for (row, mut line) in (2..area.height).zip(lines) {
            line.spans.insert(0, "   ".into());
            put(buf, area, row, &line);
        }
        return;
    }
    steps::draw(model, shown, theme, areas.0[STEPS], buf);
    state(shown, theme, areas.0[STATE], buf);
    models::draw(model, shown, theme, areas.0[MODELS], buf);
}

/// Why there is nothing to see.
fn wrong(shown: &Shown) -> Option<String> {
    match (&shown.steps.is, &shown.steps.error) {
        (None, Some(error)) => Some(error.clone()),
        (Some(steps), _) if steps.version.get() == 0 => Some(format!(
            "there is no stream {}: nothing was stored in it so far. What is stored there is shown at once; Esc goes \
             back",
            shown.stream
        )),
        _ => None,
    }
}

/// What stands at a cell.
pub fn at(model: &Model, area: Rect, at: Position) -> Option<StreamAt> {
    let Some(shown) = &model.stream.shown else {
        return list::row_at(model, area, at).map(StreamAt::Listed);
    };
    let areas = Areas::of(shown, area);
    let pane = areas.0.iter().position(|area| area.contains(at))?;
    let inside = areas.0[pane];
    match pane {
        STEPS => steps::version_at(model, shown, inside, at.y).map(StreamAt::Step),
        STATE => {
            let rows = rows_of_state(shown, inside);
            Some(StreamAt::State(json::row_at(rows, &shown.json, at.y)))
        }
        _ => Some(StreamAt::Models),
    }
}

/// How many cells a row of the state has.
pub fn state_width(model: &Model, area: Rect) -> usize {
    let shown = model.stream.shown.as_ref();
    shown.map_or(0, |shown| {
        let width = Areas::of(shown, area).0[STATE].width;
        usize::from(width.saturating_sub(4))
    })
}

/// How far what the read models have can be scrolled.
pub fn models_scroll(model: &Model, area: Rect) -> usize {
    let shown = model.stream.shown.as_ref();
    shown.map_or(0, |shown| {
        models::most(model, shown, Areas::of(shown, area).0[MODELS])
    })
}

/// Where the panes stand; one that is not shown has no lines.
struct Areas([Rect; PANES]);

impl Areas {
    fn of(shown: &Shown, area: Rect) -> Self {
        let mut areas = [Rect { height: 0, ..area }; PANES];
        let focus = shown.panes.focus.min(PANES - 1);
        if shown.panes.zoomed || area.height < 9 {
            areas[focus] = area;
            return Self(areas);
        }
        let half = if area.width >= WIDE {
            Rect {
                width: area.width / 2 - 1,
                ..area
            }
        } else {
            area
        };
        let count = u16::try_from(shown.newest().get()).unwrap_or(u16::MAX);
        // Its name and its columns stand above them, and where it is narrow what each dot is of.
        let wanted = count.saturating_add(2).max(4);
        if area.width >= WIDE {
            let wanted = wanted.saturating_add(1);
            let steps = wanted.min(area.height / 2);
            areas[STEPS] = Rect {
                height: steps,
                ..half
            };
            areas[STATE] = Rect {
                y: area.y + steps,
                height: area.height - steps,
                ..half
            };
            let x = area.x + half.width + 1;
            areas[MODELS] = Rect {
                x,
                width: area.right() - x,
                ..area
            };
        } else {
            let steps = wanted.min((area.height * 2 / 5).max(4));
            areas[STEPS] = Rect {
                height: steps,
                ..area
            };
            // Both are about one step: one at a time, the read models unless somebody goes to the state.
            let below = if focus == STATE { STATE } else { MODELS };
            areas[below] = Rect {
                y: area.y + steps,
                height: area.height - steps,
                ..area
            };
        }
        Self(areas)
    }
}

/// What the step changed, then the state after it.
fn state(shown: &Shown, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let title = format!("State after version {}", shown.version());
    let title = (title.as_str(), shown.panes.focus == STATE);
    rule::pane(buf, area, title, &Line::default(), theme);
    let changes = changes(shown, theme, area);
    for (row, line) in (1..).zip(&changes) {
        put(buf, area, row, line);
    }
    let rows = rows_of_state(shown, area);
    json::draw(buf, rows, &shown.json, shown.panes.focus == STATE, theme);
}

/// Where the state is drawn, under what the step changed.
fn rows_of_state(shown: &Shown, area: Rect) -> Rect {
    let above = u16::try_from(changes(shown, &Theme::monochrome(), area).len()).unwrap_or(0);
    let above = (above + 1).min(area.height);
    Rect {
        x: area.x + 2,
        y: area.y + above,
        width: area.width.saturating_sub(4),
        height: area.height - above,
    }
}

/// The fields that the step changed, in as many lines as there is room for; or why there is no state.
fn changes(shown: &Shown, theme: &Theme, area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width.saturating_sub(5));
    let room = usize::from(area.height / 3);
    let mut lines = Vec::new();
    let Some(step) = shown.looked_at() else {
        return lines;
    };
    let Some(after) = &step.after else {
        let why = shown.steps.is.as_ref().and_then(|s| s.unfolded.clone());
        let why = why.unwrap_or_else(|| "nothing was folded".to_owned());
        return indented(page::wrapped(&why, theme.dim, width, theme));
    };
    if after.changes.is_empty() {
        lines.push(Line::from(own(
            "the state is the same as before",
            theme.dim,
        )));
    }
    for change in &after.changes {
        let mark = theme.glyphs.differs;
        let words = format!("{mark} {}", steps::change(change, theme));
        let words = text::cut(&words, width, theme.glyphs.ellipsis);
        lines.push(Line::from(own(words, theme.accent)));
    }
    if lines.len() > room.max(1) {
        let more = lines.len() - room.max(1) + 1;
        lines.truncate(room.max(1) - 1);
        let words = format!("and {} more", text::count(more as u64, "field", "fields"));
        lines.push(Line::from(own(words, theme.dim)));
    }
    indented(lines)
}

fn indented(mut lines: Vec<Line<'static>>) -> Vec<Line<'static>> {
    for line in &mut lines {
        line.spans.insert(0, "   ".into());
    }
    lines
}
