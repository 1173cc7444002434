//! Draws the Rebuilds screen: what is folded again, what waits for a cutover, which versions are kept, and what was
//! done before.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::state::Model;
use super::super::state::rebuilds::{COLUMNS as SORTED, DONE, TABLE};
use super::super::text::{self, thousands};
use super::super::theme::Theme;
use super::super::widgets::columns::Column;
use super::super::widgets::{bar, rule, table};
use super::page::{key_of, wrapped};
use super::words::{own, span};
use super::{put, put_cut};
use crate::workspace::{ProjectionView, RebuildView, Recorded, Role, VersionInfo};

/// Draws it.
pub fn draw(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let parts = Parts::of(model, area);
    projections(model, theme, parts.table, buf);
    versions(model, theme, parts.versions, buf);
    done(model, theme, parts.done, buf);
}

/// Where its panes stand.
#[derive(Debug, Clone, Copy)]
struct Parts {
    table: Rect,
    versions: Rect,
    done: Rect,
}

impl Parts {
    fn of(model: &Model, area: Rect) -> Self {
        let panes = model.rebuilds.panes;
        let none = Rect { height: 0, ..area };
        if panes.zoomed && panes.focus == DONE {
            return Self {
                table: none,
                versions: none,
                done: area,
            };
        }
        let rows = model.rebuilds.order(&model.snapshot).len();
        let wanted = u16::try_from(rows + 2).unwrap_or(u16::MAX).max(3);
        let below = if panes.zoomed { 5 } else { 10 };
        let height = wanted
            .min(area.height.saturating_sub(below).max(4))
            .min(area.height);
        let table = Rect { height, ..area };
        let left = area.height - height;
        let known = chosen(model).and_then(|view| model.rebuilds.versions.get(&view.name));
        let known = known
            .and_then(|found| found.as_ref().ok())
            .map_or(1, Vec::len);
        let wanted = u16::try_from(known + 2).unwrap_or(u16::MAX).clamp(3, 7);
        let most = if panes.zoomed { left } else { left / 2 + 1 };
        let versions = Rect {
            y: table.bottom(),
            height: wanted.min(most).min(left),
            ..area
        };
        let done = if panes.zoomed {
            none
        } else {
            Rect {
                y: versions.bottom(),
                height: left - versions.height,
                ..area
            }
        };
        Self {
            table,
            versions,
            done,
        }
    }
}

/// The projection drawn at a cell, by its place in the snapshot.
pub fn row_at(model: &Model, x: u16, y: u16) -> Option<usize> {
    let area = Parts::of(model, super::body(model)?).table;
    let order = model.rebuilds.order(&model.snapshot);
    if !area.contains(Position::new(x, y)) {
        return None;
    }
    let at = table::row_at(below_rule(area), order.len(), place(model, &order), y)?;
    order.get(at).copied()
}

const fn below_rule(area: Rect) -> Rect {
    Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    }
}

fn place(model: &Model, order: &[usize]) -> Option<usize> {
    let chosen = model.selected_place();
    let at = order.iter().position(|place| Some(*place) == chosen);
    (!order.is_empty()).then_some(at.unwrap_or(0))
}

fn chosen(model: &Model) -> Option<&ProjectionView> {
    let order = model.rebuilds.order(&model.snapshot);
    let at = place(model, &order)?;
    model.snapshot.projections.get(order[at])
}

const fn column(title: &'static str, width: u16, rank: u8, right: bool) -> Column {
    Column {
        title,
        width,
        grows: None,
        rank,
        right,
    }
}

/// The columns that are shown and that it can be sorted by.
pub fn sortable(model: &Model) -> Vec<usize> {
    let fitting = table::fitting(&COLUMNS, None, super::width(model));
    let places = fitting.into_iter().map(|(at, _)| at);
    places.filter(|at| *at < SORTED).collect()
}

const COLUMNS: [Column; 7] = [
    Column {
        grows: Some(28),
        ..column("projection", 12, 0, false)
    },
    column("answers", 11, 4, false),
    column("beside it", 11, 3, false),
    column("progress", 20, 1, false),
    column("events/s", 8, 5, true),
    column("ready in", 12, 2, true),
    column("at", 21, 6, true),
];

fn projections(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let views = &model.snapshot.projections;
    let order = model.rebuilds.order(&model.snapshot);
    let under_way = views.iter().filter(|view| view.rebuild.is_some()).count();
    let right = match under_way {
        0 if model.read_only || order.is_empty() => "nothing is built or held just now".to_owned(),
        0 => format!(
            "nothing is built or held: {} begins one",
            model.keys.of(Action::Rebuild)
        ),
        n => format!("{n} built or held"),
    };
    let has_keys = model.rebuilds.panes.focus == TABLE;
    let right = Line::from(own(right, theme.dim));
    rule::pane(buf, area, ("Rebuilds", has_keys), &right, theme);
    let below = below_rule(area);
    if order.is_empty() {
        let words = if views.is_empty() {
            "   There is no projection yet: put one SQL file for each into projections/."
        } else {
            "   No projection fits the filter."
        };
        put_cut(buf, below, 0, &Line::from(own(words, theme.dim)), theme);
        return;
    }
    let row = |at: usize| row(model, &views[order[at]], theme);
    let table = table::Table {
        columns: &COLUMNS,
        count: order.len(),
        chosen: place(model, &order),
        sort: model
            .rebuilds
            .table
            .sort
            .map(|sort| (sort.column, sort.descending)),
        row: &row,
    };
    table::draw(buf, below, &table, theme);
}

fn row(model: &Model, view: &ProjectionView, theme: &Theme) -> Vec<Span<'static>> {
    let name = span(&view.name, theme.text);
    let answers = span(&view.version, theme.dim);
    let Some(rebuild) = &view.rebuild else {
        let none = || own(theme.glyphs.none, theme.rule);
        return vec![name, answers, none(), none(), none(), none(), none()];
    };
    let ready = match model
        .rebuilds
        .ready_in(&view.name, rebuild, model.snapshot.taken_at)
    {
        _ if rebuild.held => own("cutover", theme.strong),
        _ if rebuild.paused => own("paused", theme.held),
        None => own(theme.glyphs.none, theme.rule),
        Some((least, most)) => {
            let (least, most) = (text::span(least), text::span(most));
            let words = if least == most {
                least
            } else {
                format!("{least} to {most}")
            };
            own(words, theme.text)
        }
    };
    let rate = rebuild.rate.map_or_else(
        || own(theme.glyphs.none, theme.rule),
        |rate| own(text::rate(rate), theme.text),
    );
    let at = format!(
        "{} of {}",
        thousands(rebuild.checkpoint.get()),
        thousands(rebuild.target.get())
    );
    vec![
        name,
        answers,
        span(&rebuild.version, theme.accent),
        progress(rebuild, theme),
        rate,
        ready,
        own(at, theme.dim),
    ]
}

/// How far it is: cut, not rounded, so that it never says 100 % before it is done.
fn progress(rebuild: &RebuildView, theme: &Theme) -> Span<'static> {
    if rebuild.held {
        return own("ready, held", theme.good);
    }
    let percent = (rebuild.progress() * 1000.0).floor() / 10.0;
    let bar: String = bar::progress(rebuild.progress(), 12, theme.accent, theme)
        .iter()
        .map(|span| span.content.clone())
        .collect();
    own(format!("{bar} {percent:>5.1} %"), theme.accent)
}

/// The versions of the chosen projection, and which keys do what with them.
fn versions(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(view) = chosen(model).filter(|_| !area.is_empty()) else {
        return;
    };
    let title = format!("Versions of {}", text::clean(&view.name));
    rule::draw(buf, area, &title, &Line::default(), theme);
    let below = below_rule(area);
    let lines = match model.rebuilds.versions.get(&view.name) {
        None => vec![Line::from(own("  reading \u{2026}", theme.dim))],
        Some(Err(error)) => wrapped(error, theme.bad, usize::from(below.width), theme),
        Some(Ok(found)) => {
            let wide = found.iter().map(|info| text::width(&info.label)).max();
            let line = |info| version(info, view, wide.unwrap_or(0), theme);
            found.iter().map(line).collect()
        }
    };
    let room = usize::from(below.height.saturating_sub(1));
    for (row, line) in (0..).zip(lines.iter().take(room)) {
        put_cut(buf, below, row, line, theme);
    }
    if below.height > 0 {
        let keys = keys(model, view, theme);
        put_cut(buf, below, below.height - 1, &keys, theme);
    }
}

fn version(info: &VersionInfo, view: &ProjectionView, wide: usize, theme: &Theme) -> Line<'static> {
    let (word, style) = match info.role {
        Role::Answers => ("answers", theme.good),
        Role::Beside if view.rebuild.as_ref().is_some_and(|r| r.held) => ("is held", theme.accent),
        Role::Beside => ("is built", theme.accent),
        Role::Kept => ("is kept", theme.dim),
    };
    let at = match &info.checkpoint {
        Ok(position) => own(format!("at {}", thousands(position.get())), theme.dim),
        Err(error) => span(error, theme.bad),
    };
    Line::from(vec![
        own("  ", theme.text),
        span(&format!("{:<wide$}", info.label), theme.strong),
        own(format!("  {word:<9}"), style),
        own(format!("{:>9}  ", text::bytes(info.bytes)), theme.text),
        at,
    ])
}

/// What can be done with the chosen one just now.
fn keys(model: &Model, view: &ProjectionView, theme: &Theme) -> Line<'static> {
    let kept = model.rebuilds.versions.get(&view.name);
    let kept = kept
        .and_then(|found| found.as_ref().ok())
        .is_some_and(|found| found.iter().any(|info| info.role == Role::Kept));
    let mut wanted: Vec<(Action, &str)> = match &view.rebuild {
        Some(rebuild) if rebuild.held => vec![
            (Action::Diff, "what differs"),
            (Action::CutOver, "cut over"),
            (Action::Cancel, "remove it"),
        ],
        Some(rebuild) => vec![
            (
                Action::PauseRebuild,
                if rebuild.paused { "go on" } else { "pause it" },
            ),
            (Action::Cancel, "give it up"),
        ],
        None => vec![
            (Action::Rebuild, "fold again and cut over"),
            (Action::Hold, "fold again and hold"),
        ],
    };
    if kept {
        wanted.push((Action::RollBack, "back to the version before"));
    }
    if model.read_only {
        wanted.retain(|(action, _)| *action == Action::Diff);
    }
    let mut line = Line::from(own("  ", theme.text));
    for (action, words) in wanted {
        line.push_span(own(key_of(&model.keys, action), theme.title));
        line.push_span(own(format!(" {words}   "), theme.dim));
    }
    line
}

/// Who did what to versions, the newest first.
fn done(model: &Model, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let right = Line::from(own("newest first", theme.dim));
    let has_keys = model.rebuilds.panes.focus == DONE;
    rule::pane(buf, area, ("What was done before", has_keys), &right, theme);
    let below = below_rule(area);
    let words = match &model.rebuilds.done {
        None => own("  reading the log \u{2026}", theme.dim),
        Some(Err(error)) => span(error, theme.bad),
        Some(Ok(found)) if found.is_empty() => own(
            "   No version was built, switched or given up yet.",
            theme.dim,
        ),
        Some(Ok(found)) => {
            let from = model.rebuilds.scroll.min(end(found, below));
            records(found, from, theme, below, buf);
            return;
        }
    };
    put(buf, below, 0, &Line::from(words));
}

/// How far the history can be scrolled: until the rest of it fits.
pub fn scroll_end(model: &Model) -> usize {
    let (Some(Ok(found)), Some(body)) = (&model.rebuilds.done, super::body(model)) else {
        return 0;
    };
    end(found, below_rule(Parts::of(model, body).done))
}

fn end(found: &[Recorded], area: Rect) -> usize {
    let (theme, width) = (Theme::monochrome(), usize::from(area.width));
    let mut left = usize::from(area.height);
    let fitting = found.iter().rev().take_while(|recorded| {
        let lines = record(recorded, &theme, width).len();
        let fits = lines <= left;
        left = left.saturating_sub(lines);
        fits
    });
    let fitting = fitting.count().max(1);
    found.len().saturating_sub(fitting)
}

fn records(found: &[Recorded], from: usize, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let width = usize::from(area.width);
    let mut row = 0;
    for recorded in found.iter().skip(from) {
        for line in record(recorded, theme, width) {
            if row >= area.height {
                return;
            }
            put_cut(buf, area, row, &line, theme);
            row += 1;
        }
    }
}

fn record(recorded: &Recorded, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let by = recorded.by.as_deref().unwrap_or("the file");
    let lead = Line::from(vec![
        own(format!("  {}  ", recorded.at.strftime("%F %T")), theme.dim),
        span(&recorded.projection, theme.strong),
        own("  ", theme.text),
        span(&recorded.what, theme.text),
        own(
            format!("  at {} by ", thousands(recorded.position.get())),
            theme.dim,
        ),
        span(by, theme.text),
    ]);
    let (words, style) = match &recorded.outcome {
        Some(outcome) if outcome.finished => (outcome.what.as_str(), theme.dim),
        Some(outcome) => (outcome.what.as_str(), theme.bad),
        None => return vec![lead],
    };
    let mut lines = vec![lead];
    let indent = 23.min(width / 4);
    for mut line in wrapped(words, style, width.saturating_sub(indent + 1), theme) {
        line.spans.insert(0, own(" ".repeat(indent), theme.text));
        lines.push(line);
    }
    lines
}
