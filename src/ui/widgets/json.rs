//! A JSON value: its rows as lines in the colours of what they are, and as many of them as fit. What is folded says
//! what is in it, as far as there is room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::json::{INDENT, Json, Key, Part};
use super::super::text;
use super::super::theme::Theme;
use super::table;

/// The cells before a row, for the mark of the chosen one.
pub const MARK: u16 = 1;

/// Draws the rows around the chosen one; it is marked where `is_focused`.
pub fn draw(buf: &mut Buffer, area: Rect, json: &Json, is_focused: bool, theme: &Theme) {
    let lines = usize::from(area.height);
    for (y, at) in (area.y..).zip(table::shown(json.len(), Some(json.chosen()), lines)) {
        let is_chosen = is_focused && at == json.chosen();
        let width = area.width.saturating_sub(MARK);
        let line = line(json, at, usize::from(width), is_chosen, theme);
        if is_chosen && area.width > 0 {
            buf.set_string(area.x, y, theme.glyphs.selected, theme.title);
        }
        buf.set_line(area.x + MARK, y, &line, width);
    }
}

/// The row that is drawn on a line of the area.
pub fn row_at(area: Rect, json: &Json, y: u16) -> Option<usize> {
    let line = usize::from(y.checked_sub(area.y)?);
    let lines = usize::from(area.height);
    table::shown(json.len(), Some(json.chosen()), lines)
        .nth(line)
        .filter(|_| line < lines)
}

/// A row in so many cells.
pub fn line(json: &Json, at: usize, cells: usize, is_chosen: bool, theme: &Theme) -> Line<'static> {
    let Some(row) = json.row(at) else {
        return Line::default();
    };
    let mut line = Writer {
        spans: Vec::new(),
        left: cells,
        ellipsis: theme.glyphs.ellipsis,
    };
    line.put(&" ".repeat(row.depth * INDENT), theme.text);
    let mark = match row.is_open {
        Some(true) => theme.glyphs.unfolded,
        Some(false) => theme.glyphs.folded,
        None => " ",
    };
    line.put(mark, theme.dim);
    line.put(" ", theme.text);
    if let Some(key) = row.key {
        let (name, style) = key_of(key, theme);
        line.put(&name, if is_chosen { theme.chosen } else { style });
        line.put("  ", theme.text);
    }
    match (row.part, row.piece) {
        (_, Some(piece)) => {
            let style = if is_chosen {
                theme.chosen
            } else {
                theme.json_text
            };
            line.put(piece, style);
        }
        (Part::Text(text), _) if row.is_open == Some(true) => {
            line.put(&text::bytes(text.len() as u64), theme.dim);
        }
        (part, _) if row.is_open == Some(true) => line.put(&count(part), theme.dim),
        (part, _) if part.holds() => {
            line.put(&count(part), theme.dim);
            line.put("  ", theme.text);
            preview(&mut line, json, at, theme);
        }
        (part, _) => value(&mut line, part, theme),
    }
    Line::from(line.spans)
}

fn key_of(key: &Key, theme: &Theme) -> (String, Style) {
    match key {
        Key::Name(name) => (name.to_string(), theme.json_key),
        Key::Place(place) => (place.to_string(), theme.dim),
    }
}

fn count(part: &Part) -> String {
    match part {
        Part::Object(count) => format!("{{{count}}}"),
        Part::List(count) => format!("[{count}]"),
        _ => String::new(),
    }
}

/// The first parts that have room.
fn preview(line: &mut Writer<'_>, json: &Json, at: usize, theme: &Theme) {
    for (number, (key, part)) in json.inside(at).enumerate() {
        if number > 0 {
            line.put(", ", theme.dim);
        }
        if line.left == 0 {
            break;
        }
        if let Key::Name(name) = key {
            line.put(name, theme.json_key);
            line.put(" ", theme.text);
        }
        value(line, part, theme);
    }
}

fn value(line: &mut Writer<'_>, part: &Part, theme: &Theme) {
    match part {
        Part::Object(0) => line.put("{}", theme.dim),
        Part::List(0) => line.put("[]", theme.dim),
        Part::Object(_) | Part::List(_) => line.put(&count(part), theme.dim),
        Part::Number(number) => line.put(&number.to_string(), theme.json_number),
        Part::Literal(word) => line.put(word, theme.json_literal),
        Part::Text(text) => {
            line.put("\"", theme.json_text);
            line.put(text, theme.json_text);
            line.put("\"", theme.json_text);
        }
    }
}

/// Puts pieces beside each other until there is no room; what does not fit ends in an ellipsis.
struct Writer<'a> {
    spans: Vec<Span<'static>>,
    left: usize,
    ellipsis: &'a str,
}

impl Writer<'_> {
    /// Says that something is left out, where there was room for no more than what is there.
    fn end(&mut self) {
        if let Some(last) = self.spans.last_mut()
            && !last.content.ends_with(self.ellipsis)
        {
            let cells = last.width();
            last.content = text::cut(&format!("{} ", last.content), cells, self.ellipsis).into();
        }
    }

    fn put(&mut self, content: &str, style: Style) {
        if content.is_empty() {
            return;
        }
        if self.left == 0 {
            self.end();
            return;
        }
        // No more of a long text is looked at than could be shown.
        let most = content.char_indices().nth(self.left + 1);
        let content = most.map_or(content, |(at, _)| &content[..at]);
        let content = text::clean(content);
        let shown = text::cut(&content, self.left, self.ellipsis);
        let wide = text::width(&content);
        self.left = self.left.saturating_sub(wide);
        self.spans.push(Span::styled(shown, style));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(json: &Json, cells: usize) -> Vec<String> {
        let theme = Theme::colour().ascii();
        let lines = (0..json.len()).map(|at| line(json, at, cells, false, &theme).to_string());
        lines.collect()
    }

    fn order() -> Json {
        let data = json!({
            "order": 7, "paid": false, "note": "a\u{1b}[2Jb", "tags": [],
            "lines": [{"product": "p-1"}, 2.5, "x", null],
        });
        Json::new(vec![("data", data)], 6, 40)
    }

    #[test]
    fn each_part_is_a_line_and_what_is_folded_says_what_is_in_it() {
        assert_eq!(
            lines(&order(), 60),
            [
                "- data  {5}",
                "    order  7",
                "    paid  false",
                "    note  \"a\u{fffd}[2Jb\"",
                "    tags  []",
                "  + lines  [4]  {1}, 2.5, \"x\", null",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_its_room_and_what_is_left_out_is_said() {
        for cells in 0..60 {
            let json = order();
            for line in lines(&json, cells) {
                assert!(text::width(&line) <= cells, "{line:?} in {cells}");
            }
        }
        assert_eq!(lines(&order(), 16)[3], "    note  \"a\u{fffd}[2~");
        assert_eq!(lines(&order(), 20)[5], "  + lines  [4]  {1}~");
        assert_eq!(lines(&order(), 19)[5], "  + lines  [4]  {1~");
        assert_eq!(lines(&order(), 12)[1], "    order  7");
        assert_eq!(lines(&order(), 11)[1], "    order ~");
    }

    #[test]
    fn parts_have_the_style_of_what_they_are() {
        let theme = Theme::colour();
        let json = order();
        let style = |row: usize, content: &str| {
            let line = line(&json, row, 60, false, &theme);
            line.spans
                .into_iter()
                .find(|s| s.content == content)
                .unwrap()
                .style
        };
        assert_eq!(style(1, "order"), theme.json_key);
        assert_eq!(style(1, "7"), theme.json_number);
        assert_eq!(style(2, "false"), theme.json_literal);
        assert_eq!(style(5, "x"), theme.json_text);
    }
}
