//! One line of text that somebody types, with a cursor.

use super::super::action::Edit;
use crate::event::is_disguise;

/// The longest text a field takes, in bytes: what an event's data may have.
const LIMIT: usize = 1 << 20;

/// A text and a place in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Editor {
    text: String,
    /// In bytes, always between two characters.
    cursor: usize,
    /// Whether nobody has touched the text: what is typed replaces it.
    suggestion: bool,
}

impl Editor {
    /// A text with the cursor at its end.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let cursor = text.len();
        Self {
            text,
            cursor,
            suggestion: false,
        }
    }

    /// A text that somebody may take as it is, or change; what is typed first replaces it.
    pub fn suggesting(text: impl Into<String>) -> Self {
        Self {
            suggestion: true,
            ..Self::new(text)
        }
    }

    /// What is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nobody has touched it: what is typed replaces it.
    pub const fn is_suggestion(&self) -> bool {
        self.suggestion
    }

    /// What stands before the cursor.
    pub fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Whether the cursor is behind the last character.
    pub fn at_end(&self) -> bool {
        self.cursor == self.text.len()
    }

    /// Writes another text, cursor at its end.
    pub fn set(&mut self, text: impl Into<String>) {
        *self = Self::new(text);
    }

    /// Types a text at the cursor; characters that could disguise text, and what is over the limit,
    /// are left out.
    pub fn insert(&mut self, text: &str) {
        if self.suggestion {
            self.set("");
        }
        for c in text.chars().filter(|c| !is_disguise(*c)) {
            if self.text.len() + c.len_utf8() <= LIMIT {
                self.text.insert(self.cursor, c);
                self.cursor += c.len_utf8();
            }
        }
    }

    /// Changes the text or moves the cursor.
    pub fn edit(&mut self, edit: Edit) {
        self.suggestion = false;
        match edit {
            Edit::Left => self.cursor -= self.left(),
            Edit::Right => self.cursor += self.right(),
            Edit::Home => self.cursor = 0,
            Edit::End => self.cursor = self.text.len(),
            Edit::Backspace => self.delete(self.cursor - self.left(), self.cursor),
            Edit::Delete => self.delete(self.cursor, self.cursor + self.right()),
            Edit::Word => {
                let ends_word = |c: char| c.is_whitespace() || c == '=';
                let kept = self.before().trim_end_matches(ends_word);
                let from = kept.rfind(ends_word).map_or(0, |at| {
                    at + kept[at..].chars().next().map_or(1, char::len_utf8)
                });
                self.delete(from, self.cursor);
            }
            Edit::Clear => self.set(""),
        }
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn left(&self) -> usize {
        self.before().chars().next_back().map_or(0, char::len_utf8)
    }

    fn right(&self) -> usize {
        let after = self.text[self.cursor..].chars().next();
        after.map_or(0, char::len_utf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_replaces_a_suggestion_that_nobody_touched() {
        let mut editor = Editor::suggesting("ada");
        editor.insert("grace");
        editor.insert("!");
        assert_eq!(editor.text(), "grace!");
        let mut editor = Editor::suggesting("ada");
        editor.edit(Edit::End);
        editor.insert("m");
        assert_eq!(editor.text(), "adam");
    }

    #[test]
    fn the_cursor_never_stands_inside_a_character() {
        let mut editor = Editor::new("aé日");
        for edit in [Edit::Left, Edit::Left, Edit::Backspace, Edit::Delete] {
            editor.edit(edit);
        }
        assert_eq!(editor.text(), "日");
        editor.edit(Edit::Backspace);
        assert_eq!(editor.text(), "日");
    }

    #[test]
    fn a_word_is_deleted_back_to_the_space_or_the_equals_sign() {
        let mut editor = Editor::new("PlaceOrder order=42");
        editor.edit(Edit::Word);
        assert_eq!(editor.text(), "PlaceOrder order=");
        editor.edit(Edit::Word);
        assert_eq!(editor.text(), "PlaceOrder ");
    }

    #[test]
    fn control_characters_are_not_typed() {
        let mut editor = Editor::default();
        editor.insert("a\u{1b}[0m\n");
        assert_eq!(editor.text(), "a[0m");
    }
}
