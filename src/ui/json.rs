//! A JSON value as rows that can be folded: one for each field, in the order in which it was written. What is
//! drawn costs as much as is drawn, however large the value is.

use std::ops::Range;

use serde_json::{Number, Value};
use unicode_width::UnicodeWidthChar;

use crate::event::is_disguise;

/// The cells by which each level stands further in.
pub const INDENT: usize = 2;

/// A value, which of its parts are folded, and which row is chosen.
#[derive(Debug, Clone, Default)]
pub struct Json {
    /// Every part in the order in which it is written: what is inside of one follows it.
    nodes: Vec<Node>,
    /// What is shown.
    rows: Vec<Row>,
    /// How many cells there are for a row: a text that is longer can be unfolded.
    cells: usize,
    /// The chosen row.
    chosen: usize,
}

#[derive(Debug, Clone)]
struct Node {
    depth: u16,
    /// The place after its last part.
    end: usize,
    is_open: bool,
    key: Key,
    part: Part,
}

/// What a part is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The name of a field.
    Name(Box<str>),
    /// The place in a list, from 0.
    Place(usize),
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// So many fields.
    Object(usize),
    /// So many values.
    List(usize),
    /// A text, as it is.
    Text(Box<str>),
    /// A number.
    Number(Number),
    /// `true`, `false` or `null`.
    Literal(&'static str),
}

impl Part {
    /// Whether there is something inside.
    pub const fn holds(&self) -> bool {
        matches!(self, Self::Object(1..) | Self::List(1..))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    node: usize,
    /// Which bytes of a long text.
    piece: Option<Range<usize>>,
}

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown<'a> {
    /// How many levels stand above it.
    pub depth: usize,
    /// Whether it is unfolded; `None` where there is nothing to fold.
    pub is_open: Option<bool>,
    /// What it is called; `None` for a piece of a long text.
    pub key: Option<&'a Key>,
    /// What it is; a piece of a text is its own row's.
    pub part: &'a Part,
    /// The piece of the text, as it is.
    pub piece: Option<&'a str>,
}

impl Json {
    /// Named values below each other, for rows of so many cells. As many levels are unfolded as `room` rows can show,
    /// and one at least.
    pub fn new(values: Vec<(&str, Value)>, room: usize, cells: usize) -> Self {
        let mut json = Self {
            cells,
            ..Self::default()
        };
        for (name, value) in values {
            json.add(0, Key::Name(name.into()), value);
        }
        json.unfold_within(room);
        json.lay();
        json
    }

    fn add(&mut self, depth: u16, key: Key, value: Value) {
        let at = self.nodes.len();
        let (part, inside) = match value {
            Value::Null => (Part::Literal("null"), None),
            Value::Bool(true) => (Part::Literal("true"), None),
            Value::Bool(false) => (Part::Literal("false"), None),
            Value::Number(number) => (Part::Number(number), None),
            Value::String(text) => (Part::Text(text.into()), None),
            Value::Array(values) => (Part::List(values.len()), Some(Value::Array(values))),
            Value::Object(fields) => (Part::Object(fields.len()), Some(Value::Object(fields))),
        };
        self.nodes.push(Node {
            depth,
            end: at + 1,
            is_open: false,
            key,
            part,
        });
        match inside {
            Some(Value::Array(values)) => {
                for (place, value) in values.into_iter().enumerate() {
                    self.add(depth + 1, Key::Place(place), value);
                }
            }
            Some(Value::Object(fields)) => {
                for (name, value) in fields {
                    self.add(depth + 1, Key::Name(name.into()), value);
                }
            }
            _ => {}
        }
        self.nodes[at].end = self.nodes.len();
    }

    /// Unfolds level by level while everything so far has room.
    fn unfold_within(&mut self, room: usize) {
        let deepest = self.nodes.iter().map(|node| node.depth).max().unwrap_or(0);
        for depth in 0..deepest {
            let shown = self.nodes.iter().filter(|n| n.depth <= depth + 1).count();
            if depth > 0 && shown > room {
                break;
            }
            let level = self.nodes.iter_mut().filter(|node| node.depth == depth);
            level.for_each(|node| node.is_open = node.part.holds());
        }
    }

    /// Says how many cells there are for a row.
    pub fn set_cells(&mut self, cells: usize) {
        if self.cells != cells {
            self.cells = cells;
            self.again();
        }
    }

    /// How many rows it has.
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// The chosen row.
    pub const fn chosen(&self) -> usize {
        self.chosen
    }

    /// Chooses a row, or the last where there are fewer.
    pub fn choose(&mut self, row: usize) {
        self.chosen = row.min(self.rows.len().saturating_sub(1));
    }

    /// Folds or unfolds the chosen row; a piece of a text is folded with the rest of it. Says whether there was
    /// something to fold.
    pub fn turn(&mut self) -> bool {
        let Some(row) = self.rows.get(self.chosen) else {
            return false;
        };
        let node = row.node;
        let can = self.can_fold(node);
        if can {
            self.nodes[node].is_open = !self.nodes[node].is_open;
            self.again();
        }
        can
    }

    /// Folds the chosen row; where there is nothing to fold, what it is in is chosen.
    pub fn fold(&mut self) {
        let Some(row) = self.rows.get(self.chosen) else {
            return;
        };
        let node = row.node;
        if self.nodes[node].is_open && self.can_fold(node) {
            self.turn();
            return;
        }
        let depth = self.nodes[node].depth;
        let above = self.rows[..self.chosen].iter();
        let parent = above
            .rev()
            .position(|row| self.nodes[row.node].depth < depth);
        if let Some(back) = parent {
            self.chosen -= back + 1;
        }
    }

    /// Unfolds the chosen row.
    pub fn unfold(&mut self) {
        if self
            .row(self.chosen)
            .is_some_and(|row| row.is_open == Some(false))
        {
            self.turn();
        }
    }

    /// What a row shows.
    pub fn row(&self, at: usize) -> Option<Shown<'_>> {
        let row = self.rows.get(at)?;
        let node = &self.nodes[row.node];
        let is_first = row.piece.is_none();
        let piece = match (&node.part, &row.piece) {
            (Part::Text(text), Some(range)) => text.get(range.clone()),
            _ => None,
        };
        Some(Shown {
            depth: usize::from(node.depth) + usize::from(!is_first),
            is_open: (is_first && self.can_fold(row.node)).then_some(node.is_open),
            key: is_first.then_some(&node.key),
            part: &node.part,
            piece,
        })
    }

    /// What is inside of a row's object or list, one level down, from the first on.
    pub fn inside(&self, at: usize) -> impl Iterator<Item = (&Key, &Part)> {
        let node = self.rows.get(at).map(|row| row.node);
        let (mut next, end) = node.map_or((0, 0), |node| (node + 1, self.nodes[node].end));
        std::iter::from_fn(move || {
            let node = (next < end).then(|| &self.nodes[next])?;
            next = node.end;
            Some((&node.key, &node.part))
        })
    }

    fn can_fold(&self, node: usize) -> bool {
        let node = &self.nodes[node];
        match &node.part {
            Part::Text(text) => {
                let key = match &node.key {
                    Key::Name(name) => name.len(),
                    Key::Place(_) => 4,
                };
                // Before it: the levels, the mark, the key and what is between; around it, the quotation marks.
                let before = usize::from(node.depth) * INDENT + INDENT + key + 4;
                let room = self.cells.saturating_sub(before);
                // A text that is longer in bytes may still be short in cells.
                text.len() > room && text.chars().take(room + 1).count() > room
                    || text.contains('\n')
            }
            part => part.holds(),
        }
    }

    /// Finds the rows anew; the chosen one stays the same part.
    fn again(&mut self) {
        let node = self.rows.get(self.chosen).map_or(0, |row| row.node);
        self.lay();
        let place = self.rows.partition_point(|row| row.node < node);
        self.choose(place);
    }

    fn lay(&mut self) {
        let mut rows = Vec::new();
        let mut at = 0;
        while let Some(node) = self.nodes.get(at) {
            rows.push(Row {
                node: at,
                piece: None,
            });
            if node.is_open
                && let Part::Text(text) = &node.part
                && self.can_fold(at)
            {
                let before = (usize::from(node.depth) + 2) * INDENT;
                let room = self.cells.saturating_sub(before).max(8);
                let pieces = pieces(text, room).into_iter();
                rows.extend(pieces.map(|piece| Row {
                    node: at,
                    piece: Some(piece),
                }));
            }
            at = if node.is_open { at + 1 } else { node.end };
        }
        self.rows = rows;
    }
}

/// A text in pieces of at most so many cells: at line ends, else between words where there are some.
fn pieces(text: &str, cells: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut start, mut used, mut space) = (0, 0, None);
    for (at, c) in text.char_indices() {
        if c == '\n' {
            pieces.push(start..at);
            (start, used, space) = (at + 1, 0, None);
            continue;
        }
        let wide = if is_disguise(c) {
            1
        } else {
            c.width().unwrap_or(1)
        };
        if used + wide > cells {
            let end = space.unwrap_or(at);
            pieces.push(start..end);
            start = end;
            used = unicode_width::UnicodeWidthStr::width(&text[start..at]);
            space = None;
        }
        used += wide;
        if c == ' ' {
            space = Some(at + 1);
        }
    }
    pieces.push(start..text.len());
    pieces
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    fn order() -> Json {
        let data = json!({"order": 7, "lines": [{"product": "p-1", "quantity": 2}, {"product": "p-2"}], "paid": null});
        Json::new(vec![("data", data), ("metadata", json!({}))], 20, 60)
    }

    fn keys(json: &Json) -> Vec<String> {
        let rows = (0..json.len()).map(|at| json.row(at).unwrap());
        let key = |row: Shown<'_>| match (row.key, row.piece) {
            (Some(Key::Name(name)), _) => name.to_string(),
            (Some(Key::Place(place)), _) => place.to_string(),
            (None, piece) => format!("'{}'", piece.unwrap()),
        };
        rows.map(key).collect()
    }

    #[test]
    fn as_many_levels_are_unfolded_as_there_is_room_for_and_one_at_least() {
        let all = [
            "data", "order", "lines", "0", "product", "quantity", "1", "product", "paid",
            "metadata",
        ];
        assert_eq!(keys(&order()), all);
        let value = json!({"a": {"b": [1, 2, 3]}});
        let small = Json::new(vec![("data", value)], 1, 60);
        assert_eq!(keys(&small), ["data", "a"]);
    }

    #[test]
    fn folding_hides_what_is_inside_and_the_choice_stays_on_its_part() {
        let mut json = order();
        json.choose(2);
        assert!(json.turn());
        assert_eq!(keys(&json), ["data", "order", "lines", "paid", "metadata"]);
        assert_eq!(json.chosen(), 2);
        assert_eq!(json.row(2).unwrap().is_open, Some(false));
        assert_eq!(json.inside(2).count(), 2);
        json.unfold();
        json.choose(5);
        json.fold();
        assert_eq!(json.chosen(), 3, "from a value to what it is in");
        json.fold();
        json.fold();
        assert_eq!(json.chosen(), 2);
        json.choose(99);
        assert_eq!(json.chosen(), json.len() - 1);
        assert!(!json.turn(), "an empty object has nothing to fold");
    }

    #[test]
    fn a_long_text_unfolds_into_lines_that_fit() {
        let note = "one two three four five six seven\neight \u{1b}[2J";
        let mut json = Json::new(vec![("note", json!(note))], 9, 20);
        assert_eq!(json.len(), 1);
        assert!(json.turn());
        assert_eq!(
            keys(&json),
            [
                "note",
                "'one two three '",
                "'four five six '",
                "'seven'",
                "'eight \u{1b}[2J'"
            ]
        );
        json.choose(3);
        json.turn();
        assert_eq!((json.len(), json.chosen()), (1, 0));
        json.set_cells(80);
        assert_eq!(
            json.row(0).unwrap().is_open,
            Some(false),
            "it has two lines"
        );
        let short = Json::new(vec![("note", json!("é".repeat(10)))], 9, 20);
        assert_eq!(short.row(0).unwrap().is_open, None);
    }

    #[test]
    fn no_text_and_no_width_loses_a_character() {
        for text in [
            "",
            "日本語日本語",
            "a b c d e f",
            "no-space-in-this-one",
            "x\n\ny",
        ] {
            for cells in 2..9 {
                let joined: Vec<&str> = pieces(text, cells).into_iter().map(|r| &text[r]).collect();
                assert_eq!(joined.concat(), text.replace('\n', ""));
            }
        }
    }

    #[test]
    fn a_mebibyte_is_shown_at_once() {
        let values = Value::Array(vec![json!(1); 1 << 19]);
        let begun = Instant::now();
        let mut json = Json::new(vec![("data", json!({ "values": values }))], 40, 80);
        assert_eq!(json.len(), 2, "too many for the room");
        json.choose(1);
        json.turn();
        assert_eq!(json.len(), (1 << 19) + 2);
        json.choose(usize::MAX);
        json.fold();
        assert_eq!(json.chosen(), 1);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
