//! What every read model and every replica has of the stream's key now: each field beside its counterparts, the stale
//! ones marked, and under them the events that will mend them, with how long that takes at most.

mod mends;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::words::{held, own, span, status};
use super::super::{page, put_cut, rows, said};
use crate::event::Position;
use crate::lag::Status;
use crate::ui::state::Model;
use crate::ui::state::ripple::{Has, Reach, Ripple, has};
use crate::ui::state::stream::{MODELS, Shown, base, groups, takes};
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::flow::{self, Piece};
use crate::ui::widgets::rule;
use crate::workspace::{Cell, ComingRow, ComingTable, KeyRows, KeyedModel, OfStream};
use mends::{brief, mends};

/// The widest name of a field that is shown whole.
const LABEL: usize = 16;

/// The least and the most cells of a value.
const VALUE: (usize, usize) = (10, 28);

/// The most rows of a table that are told.
const ROWS: usize = 12;

/// Draws it.
pub fn draw(model: &Model, shown: &Shown, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let right = if shown.is_newest() {
        let title = text::width("Read models now") + 8;
        summary(shown, theme, usize::from(area.width).saturating_sub(title))
    } else {
        let words = format!("now, not at version {}", shown.version());
        Line::from(own(words, theme.warn))
    };
    let title = ("Read models now", shown.panes.focus == MODELS);
    rule::pane(buf, area, title, &right, theme);
    let lines = lines(model, shown, theme, area.width);
    let room = usize::from(area.height.saturating_sub(1));
    let first = shown.scroll.min(lines.len().saturating_sub(room));
    for (row, line) in (1..area.height).zip(lines.iter().skip(first)) {
        put_cut(buf, area, row, line, theme);
    }
    if lines.len() > first + room && area.height > 1 {
        let more = lines.len() - first - room;
        let words = Line::from(own(
            format!("  {} {more} more ", theme.glyphs.falling),
            theme.title,
        ));
        let wide = u16::try_from(words.width()).unwrap_or(0).min(area.width);
        buf.set_line(area.right() - wide, area.bottom() - 1, &words, wide);
    }
}

/// How many of them lack something, and what stale fields are marked with where there is room for it.
fn summary(shown: &Shown, theme: &Theme, room: usize) -> Line<'static> {
    let Some(rows) = &shown.rows.is else {
        return Line::default();
    };
    let all = rows.models.len();
    let count = |of: fn(&&KeyedModel) -> bool| rows.models.iter().filter(of).count();
    let parked = count(|model| model.coming.passed_by.parked.count.any());
    let skipped = count(|model| model.coming.passed_by.skipped > 0);
    let lack = count(|model| model.coming.lacks > 0) - parked;
    let absent = count(|model| model.version.is_none());
    let mut pieces: Vec<Piece> = Vec::new();
    if absent > 0 {
        pieces.push(vec![own(
            format!("{} {absent} of {all} not there", theme.glyphs.none),
            theme.warn,
        )]);
    }
    for (has, count) in [(Has::Parked, parked), (Has::Skipped, skipped)] {
        if count > 0 {
            let (glyph, word, style) = held(has, theme);
            pieces.push(vec![own(format!("{glyph} {word} in {count}"), style)]);
        }
    }
    if lack > 0 {
        pieces.push(vec![own(
            format!("{} {lack} of {all} lack events", theme.glyphs.no),
            theme.warn,
        )]);
        pieces.push(vec![
            own(theme.glyphs.differs, theme.warn),
            own(" stale", theme.dim),
        ]);
    }
    if pieces.is_empty() && all > 0 {
        pieces.push(vec![
            own(theme.glyphs.yes, theme.good),
            own(format!(" visible in all {all}"), theme.dim),
        ]);
    }
    let between = own(", ", theme.warn);
    let line = flow::one_line(pieces.clone(), &between, u16::MAX);
    if line.width() <= room || pieces.len() < 2 {
        return line;
    }
    pieces.pop();
    flow::one_line(pieces, &between, u16::MAX)
}

/// How far it can be scrolled.
pub fn most(model: &Model, shown: &Shown, area: Rect) -> usize {
    let lines = lines(model, shown, &Theme::monochrome(), area.width).len();
    lines.saturating_sub(usize::from(area.height.saturating_sub(1)))
}

fn lines(model: &Model, shown: &Shown, theme: &Theme, width: u16) -> Vec<Line<'static>> {
    let room = usize::from(width.saturating_sub(4));
    let Some(rows) = &shown.rows.is else {
        return match &shown.rows.error {
            Some(error) => hung(page::wrapped(error, theme.bad, room, theme)),
            None => vec![Line::from(own("   reading the read models …", theme.dim))],
        };
    };
    let mut lines = Vec::new();
    if rows.models.is_empty() {
        let words = format!(
            "No read model has rows of category {}: a projection says so by a line `-- key: COLUMN = {}`.",
            rows.stream.category(),
            rows.stream.category()
        );
        lines.extend(hung(page::wrapped(&words, theme.dim, room, theme)));
    }
    let screen = Screen {
        model,
        shown,
        rows,
        theme,
        width,
    };
    for group in groups(rows) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(screen.group(&group));
    }
    lines.extend(screen.others());
    lines
}

fn hung(mut lines: Vec<Line<'static>>) -> Vec<Line<'static>> {
    for line in &mut lines {
        line.spans.insert(0, Span::raw("   "));
    }
    lines
}

/// What all lines are made from.
struct Screen<'a> {
    model: &'a Model,
    shown: &'a Shown,
    rows: &'a KeyRows,
    theme: &'a Theme,
    width: u16,
}

impl Screen<'_> {
    /// The replicas of one projection: a column each, a line a field; then what each of them waits for.
    fn group(&self, group: &[&KeyedModel]) -> Vec<Line<'static>> {
        let tables = tables(group);
        let label = tables.iter().flat_map(|table| &table.columns);
        let label = label.map(|name| text::width(&text::clean(name))).max();
        let label = label
            .unwrap_or(0)
            .max(text::width(base(&group[0].name)))
            .clamp(6, LABEL);
        let left = usize::from(self.width).saturating_sub(label + 5);
        let each = (left / group.len().max(1)).clamp(VALUE.0 + 2, VALUE.1 + 2);
        let fitting = (left / each).clamp(1, group.len());
        let (columns, more) = group.split_at(fitting);
        let widths = (label, if group.len() == 1 { left } else { each });
        let mut lines = self.heading(columns, widths);
        for table in &tables {
            lines.extend(self.table(columns, table, tables.len(), widths));
        }
        if !more.is_empty() {
            let names: Vec<&str> = more.iter().map(|model| model.name.as_str()).collect();
            let words = format!("not beside them for want of room: {}", names.join(", "));
            let room = usize::from(self.width.saturating_sub(4));
            lines.extend(hung(page::wrapped(
                &words,
                self.theme.dim,
                room,
                self.theme,
            )));
        }
        for model in group {
            lines.extend(self.waits(model, group.len() == 1));
        }
        lines
    }

    /// Which they are, when they apply events, and how far they are.
    fn heading(&self, group: &[&KeyedModel], (label, each): (usize, usize)) -> Vec<Line<'static>> {
        let theme = self.theme;
        if let [model] = group {
            let (glyph, style) = self.glyph(model);
            let mut spans = vec![
                own(format!(" {glyph} "), style),
                span(&model.name, theme.strong),
            ];
            spans.push(own(format!(" {}", self.has(model)), style));
            let stands = format!("  at {}, {}", self.position(model), self.policy(model));
            spans.push(own(stands, theme.dim));
            return vec![Line::from(spans)];
        }
        let pad = |words: &str, cells: usize| {
            let words = text::cut(&text::clean(words), cells, theme.glyphs.ellipsis);
            let space = " ".repeat(cells.saturating_sub(text::width(&words)));
            format!("{words}{space}")
        };
        let row = |name: &str, style: Style, of: &dyn Fn(&KeyedModel) -> (String, Style)| {
            let mut spans = vec![own(format!("   {}  ", pad(name, label)), style)];
            for model in group {
                let (words, style) = of(model);
                spans.push(own(format!("{}  ", pad(&words, each - 2)), style));
            }
            Line::from(spans)
        };
        vec![
            row(base(&group[0].name), theme.strong, &|model| {
                let (glyph, style) = self.glyph(model);
                let name = model.name.strip_prefix(base(&model.name)).unwrap_or("");
                let name = if name.is_empty() { &model.name } else { name };
                (format!("{glyph} {name}"), style)
            }),
            row("", theme.dim, &|model| (self.policy(model), theme.dim)),
            row("", theme.dim, &|model| {
                (format!("at {}", self.position(model)), theme.dim)
            }),
            row("", theme.dim, &|model| {
                let (_, style) = self.glyph(model);
                let has = self.has(model);
                let short = has.replace(" events", "").replace(" event", "");
                (short, style)
            }),
        ]
    }

    fn glyph(&self, model: &KeyedModel) -> (&'static str, Style) {
        let theme = self.theme;
        let passed_by = &model.coming.passed_by;
        let marked = |has| {
            let (glyph, _, style) = held(has, theme);
            (glyph, style)
        };
        if passed_by.parked.count.any() {
            marked(Has::Parked)
        } else if model.coming.lacks == 0 && passed_by.skipped > 0 {
            marked(Has::Skipped)
        } else if model.coming.lacks > 0 {
            (theme.glyphs.no, theme.warn)
        } else if model.version.is_none() {
            (theme.glyphs.none, theme.dim)
        } else if self.shown.caught_up.contains(&model.name) {
            (theme.glyphs.done, theme.good)
        } else {
            (theme.glyphs.yes, theme.good)
        }
    }

    fn has(&self, model: &KeyedModel) -> String {
        let OfStream {
            parked, skipped, ..
        } = &model.coming.passed_by;
        match model.coming.lacks {
            _ if model.version.is_none() => "not there".to_owned(),
            lacks if parked.count.any() => {
                format!("lacks {}, parked", text::count(lacks, "event", "events"))
            }
            0 if *skipped > 0 => format!("{} skipped", text::thousands(*skipped)),
            0 if self.shown.caught_up.contains(&model.name) => "caught up".to_owned(),
            0 => "has all".to_owned(),
            lacks => format!("lacks {}", text::count(lacks, "event", "events")),
        }
    }

    /// When it applies events; or why it applies none.
    fn policy(&self, model: &KeyedModel) -> String {
        let view = self.model.projection(&model.name);
        view.map_or_else(String::new, |view| match view.lag.status {
            Status::Paused
            | Status::Faulted(_)
            | Status::Dead
            | Status::Stalled
            | Status::Ahead => status(view.lag.status, self.theme).1.to_owned(),
            _ => view.policy.to_string(),
        })
    }

    /// Up to where it has the log. Where nothing is lacking it may have moved on since the rows were read.
    fn position(&self, model: &KeyedModel) -> String {
        let read = model.coming.position;
        let view = self.model.projection(&model.name);
        let now = view.map_or(read, |view| view.checkpoint);
        let position = match model.coming.next {
            Some(_) => read,
            None => read.max(now),
        };
        text::thousands(position.get())
    }

    /// The rows of a table, field by field.
    fn table(
        &self,
        group: &[&KeyedModel],
        table: &ComingTable,
        tables: usize,
        (label, each): (usize, usize),
    ) -> Vec<Line<'static>> {
        let theme = self.theme;
        let held = |model: &&KeyedModel| {
            let mut found = model.coming.tables.iter();
            found.find(|t| t.name == table.name).map(|t| t.rows.len())
        };
        let count = group.iter().filter_map(held).max().unwrap_or(0);
        if count == 0 {
            let words = format!("   no row in {}", text::clean(&table.name));
            return vec![Line::from(own(words, theme.dim))];
        }
        let mut lines = Vec::new();
        let key = key_column(group, table, self.rows.stream.key());
        for row in 0..count.min(ROWS) {
            if tables > 1 || count > 1 {
                let name = text::clean(&table.name);
                let words = match count {
                    1 => format!("   {name}"),
                    _ => format!("   {name}, row {} of {count}", row + 1),
                };
                lines.push(Line::from(own(words, theme.dim)));
            }
            for (at, column) in table.columns.iter().enumerate() {
                if Some(at) == key {
                    continue;
                }
                let cells = group.iter().map(|model| field(model, &table.name, row, at));
                let cells: Vec<Field<'_>> = cells.collect();
                let differ = cells.windows(2).any(|pair| pair[0].now != pair[1].now);
                let (mark, style) = if differ {
                    (theme.glyphs.differs, theme.warn)
                } else {
                    (" ", theme.dim)
                };
                let name = text::cut(&text::clean(column), label, theme.glyphs.ellipsis);
                // The mark of a stale field stands in the second of the cells that keep columns apart.
                let space = " ".repeat(label.saturating_sub(text::width(&name)) + 1);
                let mut spans = vec![
                    own(format!(" {mark} "), style),
                    own(format!("{name}{space}"), theme.dim),
                ];
                let cells = cells.iter().map(|cell| cell.span(each, theme));
                spans.extend(cells);
                lines.push(Line::from(spans));
            }
        }
        if count > ROWS {
            let words = format!("   and {} more rows", count - ROWS);
            lines.push(Line::from(own(words, theme.dim)));
        }
        lines
    }

    /// What one of them lacks, which events will mend what, and how long that takes at most. Where it is alone, its
    /// heading says how many it lacks.
    fn waits(&self, model: &KeyedModel, is_alone: bool) -> Vec<Line<'static>> {
        let theme = self.theme;
        let room = usize::from(self.width.saturating_sub(6));
        let mut lines = Vec::new();
        let mends = mends(model, theme);
        if model.coming.lacks > 0 {
            let mut pieces: Vec<Piece> = Vec::new();
            if !is_alone {
                let (glyph, style) = self.glyph(model);
                pieces.push(vec![
                    own(format!("{glyph} "), style),
                    span(&model.name, theme.strong),
                    own(format!(" {}", self.has(model)), style),
                ]);
            }
            if let Some(next) = model.coming.next.filter(|_| mends.is_empty()) {
                let words = if model.coming.unknown.is_some() {
                    format!("from {} on", text::thousands(next.get()))
                } else {
                    "none of its fields will change".to_owned()
                };
                pieces.push(vec![own(words, theme.dim)]);
                pieces.extend(self.until(model, next));
            }
            let between = own(", ", theme.dim);
            lines.extend(flow::lines(
                pieces,
                &between,
                self.width.saturating_sub(4),
                2,
            ));
        }
        for (position, fields) in mends {
            let event = self.shown.event(position);
            let kind = event.map_or("the event", |event| event.event_type.as_str());
            let mut pieces: Vec<Piece> = vec![vec![
                own("  ", theme.dim),
                span(kind, theme.accent),
                own(
                    format!(" at {}", text::thousands(position.get())),
                    theme.dim,
                ),
            ]];
            pieces.extend(self.until(model, position));
            let between = own(", ", theme.dim);
            lines.extend(flow::lines(
                pieces,
                &between,
                self.width.saturating_sub(4),
                4,
            ));
            for field in fields {
                let words = text::cut(&field, room.saturating_sub(4), theme.glyphs.ellipsis);
                lines.push(Line::from(own(format!("    {words}"), theme.text)));
            }
        }
        lines.extend(self.parked(model, room));
        let is_parked = model.coming.passed_by.parked.count.any();
        let is_told = model.coming.lacks > 0 && !is_parked || model.version.is_none();
        if let Some(why) = model.coming.unknown.as_ref().filter(|_| is_told) {
            let words = match model.coming.lacks {
                0 => format!("{}: {why}", model.name),
                _ => why.clone(),
            };
            let wrapped = page::wrapped(&words, theme.dim, room, theme);
            lines.extend(wrapped);
        }
        hung(lines)
    }

    /// Which event is parked and why, that it does not come by itself, and what lets it.
    fn parked(&self, model: &KeyedModel, room: usize) -> Vec<Line<'static>> {
        let (theme, sum) = (self.theme, &model.coming.passed_by.parked);
        let Some((position, error)) = &sum.first else {
            return Vec::new();
        };
        let event = self.shown.event(*position);
        let kind = event.map_or("the event", |event| event.event_type.as_str());
        let behind = match model.coming.lacks.saturating_sub(1) {
            0 => String::new(),
            more => format!(", and {} more behind it", text::thousands(more)),
        };
        let at = text::thousands(position.get());
        let style = held(Has::Parked, theme).2;
        let why = if error.is_empty() { "" } else { ": " };
        let told = format!("{kind} at {at} is parked{behind}{why}{error}");
        let (name, at) = (&model.name, position.get());
        let way = if self.model.read_only {
            "It does not come by itself.".to_owned()
        } else {
            format!(
                "It does not come by itself: `:retry {name} {at}` tries it again, `:skip {name} {at} REASON` leaves it \
                 out."
            )
        };
        let mut lines = page::wrapped(&told, style, room, theme);
        lines.extend(page::wrapped(&way, theme.dim, room, theme));
        lines
    }

    /// How long it takes at most until a read model has an event.
    fn until(&self, model: &KeyedModel, position: Position) -> Option<Piece> {
        let view = self.model.projection(&model.name)?;
        let (words, style) = said::waits(&self.reach(view, position), &self.model.keys, self.theme);
        Some(vec![own(words, style)])
    }

    fn reach(&self, view: &crate::workspace::ProjectionView, position: Position) -> Reach {
        let event = self.shown.event(position);
        let stored_at = event.map_or(self.model.snapshot.taken_at, |event| event.recorded_at);
        let ripple = Ripple {
            command: String::new(),
            first: position,
            position,
            stored_at,
            seen: Vec::new(),
        };
        ripple.reach(view, self.model.now)
    }

    /// The read models that take the newest event, but are keyed by something else.
    fn others(&self) -> Vec<Line<'static>> {
        let theme = self.theme;
        let Some(step) = self.shown.step(self.shown.newest()) else {
            return Vec::new();
        };
        let event = &step.event;
        let is_keyed = |name: &str| self.rows.models.iter().any(|model| model.name == name);
        let views = self.model.snapshot.projections.iter();
        let others = views.filter(|view| takes(view, event) && !is_keyed(&view.name));
        let mut pieces: Vec<Piece> = others
            .map(|view| {
                let has = has(view, &self.model.snapshot, event.position);
                let (glyph, _, style) = held(has, theme);
                let mut piece = vec![
                    own(format!("{glyph} "), style),
                    span(&view.name, theme.text),
                ];
                if has != Has::Yes {
                    let reach = self.reach(view, event.position);
                    let (words, style) = said::waits(&reach, &self.model.keys, theme);
                    piece.push(own(format!(" {words}"), style));
                }
                piece
            })
            .collect();
        if pieces.is_empty() {
            return Vec::new();
        }
        pieces.insert(0, vec![own("not kept by this key:", theme.dim)]);
        let between = Span::raw("  ");
        let lines = flow::lines(pieces, &between, self.width.saturating_sub(4), 2);
        std::iter::once(Line::default())
            .chain(hung(lines))
            .collect()
    }
}

/// The tables of the first that has any.
fn tables<'a>(group: &[&'a KeyedModel]) -> Vec<&'a ComingTable> {
    let most = group.iter().max_by_key(|model| model.coming.tables.len());
    most.map_or_else(Vec::new, |model| model.coming.tables.iter().collect())
}

/// The column that has nothing but the key.
fn key_column(group: &[&KeyedModel], table: &ComingTable, key: &str) -> Option<usize> {
    let cell = |row: &ComingRow, at: usize| {
        let row = row.now.as_ref().or(row.then.as_ref())?;
        row.get(at).map(|cell| rows::value(cell, usize::MAX))
    };
    let is_it = |at: &usize| {
        let tables = group.iter().flat_map(|model| &model.coming.tables);
        let mut rows = tables
            .filter(|t| t.name == table.name)
            .flat_map(|t| &t.rows);
        rows.all(|row| cell(row, *at).as_deref() == Some(key))
    };
    (0..table.columns.len()).find(is_it)
}

/// A field of one of them.
#[derive(Clone, Copy)]
struct Field<'a> {
    now: Option<&'a Cell>,
    is_stale: bool,
}

fn field<'a>(model: &'a KeyedModel, table: &str, row: usize, at: usize) -> Field<'a> {
    let mut tables = model.coming.tables.iter();
    let row = tables
        .find(|t| t.name == table)
        .and_then(|table| table.rows.get(row));
    Field {
        now: row.and_then(|row| row.now.as_ref()?.get(at)),
        is_stale: row.is_some_and(|row| row.mends.get(at).is_some_and(Option::is_some)),
    }
}

impl Field<'_> {
    fn span(self, cells: usize, theme: &Theme) -> Span<'static> {
        let room = cells.saturating_sub(2);
        let words = match self.now {
            Some(cell) => brief(rows::value(cell, room), room),
            None => "no row".to_owned(),
        };
        let (mark, style) = match self.now {
            _ if self.is_stale => (theme.glyphs.differs, theme.warn),
            None => (" ", theme.dim),
            Some(_) => (" ", theme.text),
        };
        let words = text::cut(&words, room, theme.glyphs.ellipsis);
        let space = " ".repeat(cells.saturating_sub(text::width(&words) + 1));
        own(format!("{mark}{words}{space}"), style)
    }
}
