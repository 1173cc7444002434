//! The list of keys: how far it is scrolled, and what it is narrowed to.

use super::editor::Editor;
use super::filter::Filter;

/// The list of keys.
#[derive(Debug, Clone, Default)]
pub struct Help {
    /// By how many lines it is scrolled.
    pub scroll: usize,
    /// What is looked for.
    pub editor: Editor,
    /// Whether that is being typed.
    pub is_typing: bool,
}

impl Help {
    /// Whether nothing is looked for.
    pub fn is_everything(&self) -> bool {
        self.editor.text().trim().is_empty()
    }

    /// Whether the line that says what is looked for is shown.
    pub fn shows_search(&self) -> bool {
        self.is_typing || !self.is_everything()
    }

    /// Esc: takes away what is looked for; says whether there was anything.
    pub fn is_cleared(&mut self) -> bool {
        let was = self.shows_search();
        *self = Self::default();
        was
    }

    /// Whether a line of it is looked for. One character is a key; a longer word a part of a key's name, letters of the
    /// action's name in their order, or a part of what it does. All words have to be there.
    pub fn fits(&self, keys: &[&str], name: &str, help: &str) -> bool {
        let lower = help.to_lowercase();
        self.editor.text().split_whitespace().all(|word| {
            if word.chars().nth(1).is_none() {
                return keys.contains(&word);
            }
            let wanted = word.to_lowercase();
            keys.iter().any(|key| key.to_lowercase().contains(&wanted))
                || !name.is_empty() && Filter::letters(word).fits(name)
                || lower.contains(&wanted)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_a_key_and_a_word_is_in_a_keys_name_the_actions_name_or_its_help() {
        let fits = |typed: &str| {
            let help = Help {
                editor: Editor::new(typed),
                ..Help::default()
            };
            help.fits(&["R", "PageUp"], "rebuild", "Fold the read model again")
        };
        for typed in [
            "", " ", "R", "page", "rebu", "rbd", "fold", "Again", "R model",
        ] {
            assert!(fits(typed), "{typed}");
        }
        for typed in ["r", "pause", "R pause", "dlr", "fod"] {
            assert!(!fits(typed), "{typed}");
        }
    }
}
