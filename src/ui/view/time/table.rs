//! The rows of a table as it was, beside the same rows now: two tables where there is room, else each value with what
//! became of it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::words::own;
use super::super::{put_cut, rows};
use crate::text::thousands;
use crate::ui::text;
use crate::ui::theme::Theme;
use crate::ui::widgets::rule;
use crate::workspace::{Difference, Moment, StateSeen, Unkeyed};

/// The widest value of a row, in cells.
const WIDEST: usize = 28;

/// From which width on then and now have a table each.
const WIDE: u16 = 100;

/// The cells of the marks before a row.
const MARKS: usize = 3;

/// How many lines it needs: its name, its columns and its rows; all that there are where two tables may stand below each
/// other.
pub fn height(moment: &Moment) -> u16 {
    if moment.unkeyed.is_some() {
        return u16::MAX;
    }
    u16::try_from(moment.rows.rows.len() + 2).unwrap_or(u16::MAX)
}

/// Draws it.
pub fn draw(moment: &Moment, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let rows = &moment.rows;
    let Some(name) = rows.tables.get(rows.table) else {
        let words = Line::from(own("   it has no tables", theme.dim));
        put_cut(buf, area, 1, &words, theme);
        return;
    };
    let place = match rows.rows.len() as u64 {
        0 => "no rows".to_owned(),
        shown if shown == rows.count => text::count(rows.count, "row", "rows"),
        _ => format!(
            "from row {} of {}",
            thousands(rows.first + 1),
            thousands(rows.count)
        ),
    };
    let title = format!(
        "{}, table {} of {}, {place}",
        text::clean(name),
        rows.table + 1,
        rows.tables.len()
    );
    let is_wide = area.width >= WIDE && moment.now.as_ref().is_some_and(|now| now.keyed);
    if is_wide {
        let half = area.width / 2;
        let left = Rect {
            width: half,
            ..area
        };
        let right = Rect {
            x: area.x + half,
            width: area.width - half,
            ..area
        };
        rule::draw(buf, left, &title, &Line::default(), theme);
        rule::draw(buf, right, &now(moment), &legend(moment, theme), theme);
        let columns = Columns::of(moment, half, false, theme);
        columns.draw(buf, left, &|at| columns.then(at), theme);
        columns.draw(buf, right, &|at| columns.now(at), theme);
    } else if let Some(unkeyed) = moment
        .unkeyed
        .as_ref()
        .filter(|found| !found.came.is_empty())
    {
        let [then, since] = beside_or_below(area);
        rule::draw(buf, then, &title, &legend(moment, theme), theme);
        let columns = Columns::of(moment, then.width, true, theme);
        columns.draw(buf, then, &|at| columns.both(at), theme);
        came(moment, unkeyed, &columns, theme, since, buf);
    } else {
        rule::draw(buf, area, &title, &legend(moment, theme), theme);
        let columns = Columns::of(moment, area.width, true, theme);
        columns.draw(buf, area, &|at| columns.both(at), theme);
    }
}

/// Two halves: beside each other where there is room, else below each other.
fn beside_or_below(area: Rect) -> [Rect; 2] {
    let parts = if area.width >= WIDE {
        Layout::horizontal([Constraint::Fill(1); 2])
    } else {
        Layout::vertical([Constraint::Fill(1); 2])
    };
    parts.areas(area)
}

/// The rows that came since, where no primary key says which row is which.
fn came(
    moment: &Moment,
    unkeyed: &Unkeyed,
    columns: &Columns<'_>,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let room = usize::from(area.height.saturating_sub(2));
    let count = unkeyed.came.len();
    let place = if count > room {
        format!(
            "the last {} of {}",
            room,
            text::count(count as u64, "row", "rows")
        )
    } else {
        text::count(count as u64, "row", "rows")
    };
    let lead = if is_behind(moment) {
        "only now"
    } else {
        "came since"
    };
    rule::draw(
        buf,
        area,
        &format!("{lead}: {place}"),
        &Line::default(),
        theme,
    );
    put_cut(buf, area, 1, &columns.heading(theme), theme);
    for (y, row) in (2..area.height).zip(unkeyed.came.iter().skip(count.saturating_sub(room))) {
        let mut line = vec![Span::raw(" ".repeat(MARKS))];
        for (at, wide) in &columns.fitting {
            let words = row
                .get(*at)
                .map_or_else(String::new, |cell| rows::value(cell, WIDEST));
            line.push(padded(" ", &words, *wide, theme.text, theme));
        }
        put_cut(buf, area, y, &Line::from(line), theme);
    }
}

/// What the table is now, in words.
fn now(moment: &Moment) -> String {
    moment.now.as_ref().map_or_else(String::new, |now| {
        format!(
            "now, at {}: {}",
            thousands(now.position.get()),
            text::count(now.count, "row", "rows")
        )
    })
}

/// What the marks mean, where there is one.
fn legend(moment: &Moment, theme: &Theme) -> Line<'static> {
    let Some(now) = &moment.now else {
        return Line::from(own("nothing to compare it with now", theme.dim));
    };
    if !now.keyed {
        return by_whole_rows(moment, theme);
    }
    let pairs = || moment.rows.rows.iter().zip(&now.rows);
    let gone = pairs().any(|(_, now)| now.is_none());
    let other = pairs().any(|(then, now)| now.as_ref().is_some_and(|now| now != then));
    let mut words = Vec::new();
    if other {
        words.push(own(theme.glyphs.differs, theme.warn));
        words.push(own(" differs now", theme.dim));
    }
    if gone {
        let space = if other { "  " } else { "" };
        let (glyph, style) = lost(moment, theme);
        words.push(own(format!("{space}{glyph}"), style));
        words.push(own(format!(" {}", lost_words(moment)), theme.dim));
    }
    let (shown, then) = (moment.rows.rows.len() as u64, moment.rows.count);
    if words.is_empty() {
        let all = match shown {
            0 if then == 0 && now.count > 0 => "all rows came since",
            0 => "",
            shown if shown == then && now.count == then => "the same now",
            _ => "these are the same now",
        };
        words.push(own(all, theme.dim));
    }
    Line::from(words)
}

/// The same where rows are compared as wholes: no primary key names them.
fn by_whole_rows(moment: &Moment, theme: &Theme) -> Line<'static> {
    let Some(unkeyed) = &moment.unkeyed else {
        let words = "without a primary key, and too many rows to compare";
        return Line::from(own(words, theme.dim));
    };
    if unkeyed.went == 0 && unkeyed.came.is_empty() {
        return Line::from(own("the same rows now", theme.dim));
    }
    let (glyph, style) = lost(moment, theme);
    let words = if is_behind(moment) { "not yet" } else { "gone" };
    let went = thousands(unkeyed.went as u64);
    let came = thousands(unkeyed.came.len() as u64);
    Line::from(vec![
        own(glyph, style),
        own(format!(" {went} {words}, {came} came"), theme.dim),
    ])
}

/// How a row is marked that is not there now: it went, or the read model has not got so far yet.
fn lost(moment: &Moment, theme: &Theme) -> (&'static str, Style) {
    if is_behind(moment) {
        (theme.glyphs.no, theme.warn)
    } else {
        (theme.glyphs.failed, theme.bad)
    }
}

fn lost_words(moment: &Moment) -> &'static str {
    if is_behind(moment) { "not yet" } else { "gone" }
}

fn is_behind(moment: &Moment) -> bool {
    let now = moment.now.as_ref();
    now.is_some_and(|now| now.position < moment.position)
}

/// The columns that fit, and what stands in them.
struct Columns<'a> {
    moment: &'a Moment,
    /// The place of each, and its cells.
    fitting: Vec<(usize, usize)>,
    theme: &'a Theme,
}

/// The cells of a row: the mark before it, what stands there, and how it looks.
type Cells = Vec<(&'static str, String, Style)>;

impl<'a> Columns<'a> {
    fn of(moment: &'a Moment, width: u16, both: bool, theme: &'a Theme) -> Self {
        let mut columns = Self {
            moment,
            fitting: Vec::new(),
            theme,
        };
        let names = &moment.rows.columns;
        let wanted = names.iter().enumerate().map(|(at, name)| {
            let name = text::width(&text::clean(name)).min(WIDEST);
            columns.widest(at, both).max(name)
        });
        let wanted: Vec<usize> = wanted.collect();
        columns.fitting = fitting(0..wanted.len(), &wanted, width);
        if columns.fitting.len() < wanted.len() {
            columns.fitting = fitting(columns.by_weight(), &wanted, width);
            columns.fitting.sort_unstable();
        }
        columns
    }

    /// The places of all columns, those first that have to be seen where not all fit: what a row is known by, and
    /// what the event changed in it.
    fn by_weight(&self) -> Vec<usize> {
        let names = &self.moment.rows.columns;
        let of_state = |at: usize, state: &StateSeen| {
            let mut fields = state.changes.iter().map(|change| &change.field);
            let is_changed = |field: &String| field.rsplit('.').next() == Some(&*names[at]);
            match at {
                0 => 0,
                _ if fields.any(is_changed) => 1,
                _ => 2,
            }
        };
        let of_rows = |name: &String| {
            let written = || self.differences();
            let is_changed = |d: &Difference| match (&d.here, &d.there) {
                (Some(here), Some(there)) => {
                    let at = d.columns.iter().position(|column| column == name);
                    let cells = at.and_then(|at| Some((here.get(at)?, there.get(at)?)));
                    cells.is_some_and(|(here, there)| !there.is_same(here))
                }
                _ => false,
            };
            match name {
                _ if written().any(|d| d.key.contains(name)) => 0,
                _ if written().any(is_changed) => 1,
                _ => 2,
            }
        };
        let mut places: Vec<usize> = (0..names.len()).collect();
        places.sort_by_cached_key(|at| match &self.moment.state {
            Some(state) => of_state(*at, state),
            None => of_rows(&names[*at]),
        });
        places
    }

    /// What the event changed in the table that is shown.
    fn differences(&self) -> impl Iterator<Item = &'a Difference> {
        let rows = &self.moment.rows;
        let table = rows.tables.get(rows.table);
        let changed = self.moment.changed.as_ref().and_then(|c| c.rows.as_ref());
        let found = changed.map_or(&[][..], |found| &found.differences);
        found.iter().filter(move |d| Some(&d.table) == table)
    }

    fn widest(&self, column: usize, both: bool) -> usize {
        let cells = (0..self.moment.rows.rows.len()).map(|row| {
            if both {
                text::width(&self.between(row, column).0)
            } else {
                let then = text::width(&self.was(row, column));
                then.max(self.is(row, column).map_or(0, |(now, _)| text::width(&now)))
            }
        });
        cells.max().unwrap_or(0)
    }

    fn was(&self, row: usize, column: usize) -> String {
        let cell = self.moment.rows.rows.get(row).and_then(|r| r.get(column));
        let cell = cell.map_or_else(String::new, |cell| rows::value(cell, WIDEST));
        text::cut(&cell, WIDEST, self.theme.glyphs.ellipsis)
    }

    /// What it is now, and whether that is another; `None` where the row is gone or nobody can say.
    fn is(&self, row: usize, column: usize) -> Option<(String, bool)> {
        let then = self.moment.rows.rows.get(row)?.get(column)?;
        let now = self.moment.now.as_ref()?.rows.get(row)?.as_ref()?;
        let now = now.get(column)?;
        let words = text::cut(
            &rows::value(now, WIDEST),
            WIDEST,
            self.theme.glyphs.ellipsis,
        );
        let other = !now.is_same(then);
        Some((words, other))
    }

    /// What it was, and what became of it.
    fn between(&self, row: usize, column: usize) -> (String, bool) {
        let was = self.was(row, column);
        match self.is(row, column) {
            Some((now, true)) => {
                let words = format!("{was} {} {now}", self.theme.glyphs.becomes);
                (words, true)
            }
            _ => (was, false),
        }
    }

    /// Whether the row is gone now, or has other values.
    fn fate(&self, row: usize) -> (&'static str, Style) {
        let glyphs = self.theme.glyphs;
        if let Some(unkeyed) = &self.moment.unkeyed {
            return match unkeyed.gone.get(row) {
                Some(true) => lost(self.moment, self.theme),
                _ => (" ", self.theme.text),
            };
        }
        let now = self.moment.now.as_ref().and_then(|now| now.rows.get(row));
        match (self.moment.rows.rows.get(row), now) {
            (Some(_), Some(None)) => lost(self.moment, self.theme),
            (Some(then), Some(Some(now))) if then != now => (glyphs.differs, self.theme.warn),
            _ => (" ", self.theme.text),
        }
    }

    fn style(&self, row: usize) -> Style {
        if self.is_written(row) {
            self.theme.chosen
        } else {
            self.theme.text
        }
    }

    fn then(&self, row: usize) -> Cells {
        let cells = self.fitting.iter();
        cells
            .map(|(column, _)| (" ", self.was(row, *column), self.style(row)))
            .collect()
    }

    fn now(&self, row: usize) -> Cells {
        let mut cells = Cells::new();
        for (column, _) in &self.fitting {
            match self.is(row, *column) {
                Some((words, true)) => {
                    cells.push((self.theme.glyphs.differs, words, self.theme.warn));
                }
                Some((words, false)) => cells.push((" ", words, self.theme.text)),
                None if cells.is_empty() => {
                    let (_, style) = lost(self.moment, self.theme);
                    cells.push((" ", lost_words(self.moment).to_owned(), style));
                }
                None => {}
            }
        }
        cells
    }

    fn both(&self, row: usize) -> Cells {
        let cells = self.fitting.iter();
        cells
            .map(|(column, _)| match self.between(row, *column) {
                (words, true) => (" ", words, self.theme.warn),
                (words, false) => (" ", words, self.style(row)),
            })
            .collect()
    }

    /// Whether the event wrote it.
    fn is_written(&self, row: usize) -> bool {
        if let Some(state) = &self.moment.state {
            return state.written.get(row).copied().unwrap_or_default();
        }
        let row = self.moment.rows.rows.get(row);
        self.differences().any(|d| d.there.as_ref() == row)
    }

    fn heading(&self, theme: &Theme) -> Line<'static> {
        let all = &self.moment.rows.columns;
        let mut heading = vec![Span::raw(" ".repeat(MARKS))];
        let mut next = 0;
        for (at, wide) in &self.fitting {
            // Where columns are left out.
            let mark = if *at == next {
                " "
            } else {
                theme.glyphs.ellipsis
            };
            heading.push(padded(mark, &all[*at], *wide, theme.dim, theme));
            next = at + 1;
        }
        if next < all.len() {
            heading.push(own(format!(" {}", theme.glyphs.ellipsis), theme.dim));
        }
        Line::from(heading)
    }

    /// The heading and the rows under it.
    fn draw(&self, buf: &mut Buffer, area: Rect, cells: &dyn Fn(usize) -> Cells, theme: &Theme) {
        put_cut(buf, area, 1, &self.heading(theme), theme);
        for (y, row) in (2..area.height).zip(0..self.moment.rows.rows.len()) {
            let written = if self.is_written(row) {
                theme.glyphs.selected
            } else {
                " "
            };
            let (fate, style) = self.fate(row);
            let mut line = vec![own(format!(" {written}"), theme.title), own(fate, style)];
            for ((_, wide), (mark, words, style)) in self.fitting.iter().zip(cells(row)) {
                line.push(padded(mark, &words, *wide, style, theme));
            }
            // What only keeps columns apart is not cut off.
            if let Some(last) = line.last_mut() {
                last.content = last.content.trim_end().to_owned().into();
            }
            put_cut(buf, area, y, &Line::from(line), theme);
        }
    }
}

/// As many columns as there is room for, in this order, and the cells of each; the last may be cut.
fn fitting(
    order: impl IntoIterator<Item = usize>,
    wanted: &[usize],
    width: u16,
) -> Vec<(usize, usize)> {
    let mut left = usize::from(width).saturating_sub(MARKS + 2);
    let mut fitting = Vec::new();
    for at in order {
        let wanted = wanted[at];
        // A column of which nothing could be read helps nobody.
        if left < wanted.min(8) {
            break;
        }
        fitting.push((at, wanted.min(left)));
        left = left.saturating_sub(wanted + 2);
    }
    fitting
}

/// A mark, the content, and the first of the two cells that keep columns apart: the second is the next one's mark.
fn padded(mark: &str, content: &str, cells: usize, style: Style, theme: &Theme) -> Span<'static> {
    let content = text::cut(&text::clean(content), cells, theme.glyphs.ellipsis);
    let space = " ".repeat(cells.saturating_sub(text::width(&content)) + 1);
    own(format!("{mark}{content}{space}"), style)
}

#[cfg(test)]
mod tests {
    use super::super::super::plain;
    use super::*;
    use crate::ui::testing;
    use crate::workspace::{Cell, Change};

    const COLUMNS: [&str; 8] = [
        "activity",
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "completed",
        "last",
    ];

    /// Eight columns of twelve cells, of which the event changed the one before the last.
    fn moment() -> Moment {
        let mut moment = testing::moment();
        let text = |words: &str| Cell::Text(words.to_owned());
        let row = |completed: i64| {
            let mut row: Vec<Cell> = COLUMNS.map(|name| text(&format!("{name:-<12}"))).to_vec();
            row[6] = Cell::Integer(completed);
            row
        };
        let change = Difference::example("orders", &COLUMNS, Some(row(10_347)), Some(row(10_348)));
        moment.rows.columns = COLUMNS.map(str::to_owned).to_vec();
        moment.rows.rows = vec![row(10_348)];
        let now = moment.now.as_mut().unwrap();
        now.rows = vec![Some(row(19_999))];
        let changed = moment.changed.as_mut().unwrap();
        changed.rows = Some(testing::comparison(vec![change], 1));
        moment
    }

    fn drawn(moment: &Moment, width: u16) -> String {
        let area = Rect::new(0, 0, width, 4);
        let mut buffer = Buffer::empty(area);
        draw(moment, &Theme::colour(), area, &mut buffer);
        plain::text(&buffer)
    }

    #[test]
    fn what_the_event_changed_is_in_view_where_not_all_columns_are() {
        for width in [60, 80, 120] {
            let text = drawn(&moment(), width);
            assert!(text.contains("completed"), "{text}");
            assert!(text.contains("10348"), "{text}");
            assert!(
                text.contains("activity"),
                "what a row is known by stays: {text}"
            );
            assert!(
                text.contains("…completed"),
                "some are left out before it: {text}"
            );
        }
        // A projection in Rust says by fields what was changed.
        let mut state = moment();
        let change = Change {
            field: "loans.7.completed".to_owned(),
            before: 10_347.into(),
            after: 10_348.into(),
        };
        state.changed = None;
        state.state = Some(StateSeen {
            changes: vec![change],
            written: vec![true],
        });
        let text = drawn(&state, 80);
        assert!(
            text.contains("activity") && text.contains("…completed"),
            "{text}"
        );
        let all = drawn(&moment(), 300);
        assert!(!all.contains('…') && all.contains("last"), "{all}");
        let mut other = moment();
        other.changed = None;
        let text = drawn(&other, 80);
        assert!(
            text.contains("first") && !text.contains("completed"),
            "{text}"
        );
    }
}
