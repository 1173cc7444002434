//! From a key to an action: names of keys as the action table writes them, and those that somebody has set instead.

use std::collections::HashMap;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Action, Context, Entry, within};

/// The name of a key: `p`, `P`, `ctrl-c`, `pageup`. `None` for keys that no action could have.
pub fn name(key: &KeyEvent) -> Option<String> {
    let base = match key.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::BackTab => "backtab".to_owned(),
        KeyCode::Backspace => "backspace".to_owned(),
        KeyCode::Delete => "delete".to_owned(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::PageUp => "pageup".to_owned(),
        KeyCode::PageDown => "pagedown".to_owned(),
        KeyCode::Insert => "insert".to_owned(),
        KeyCode::F(n) => format!("f{n}"),
        _ => return None,
    };
    let lead = if key.modifiers.contains(KeyModifiers::CONTROL) {
        "ctrl-"
    } else if key.modifiers.contains(KeyModifiers::ALT) {
        "alt-"
    } else {
        ""
    };
    Some(format!("{lead}{base}"))
}

/// The keys in force: those of the table of actions, but where somebody has set others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keymap {
    set: Arc<HashMap<(Context, Action), Vec<String>>>,
}

/// A key that would mean two things in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clash {
    /// Where.
    pub context: Context,
    /// Which key.
    pub key: String,
    /// What it would mean.
    pub actions: [Action; 2],
}

impl Keymap {
    /// An entry's keys in a context, the main one first; none where another entry of the same action shows them.
    pub(super) fn keys<'a>(&'a self, context: Context, entry: &'static Entry) -> Vec<&'a str> {
        match self.set.get(&(context, entry.action)) {
            Some(keys) if !entry.is_fixed() => {
                let of_it = |other: &&Entry| other.action == entry.action && !other.is_fixed();
                let shows = within(context).find(of_it);
                if shows.is_some_and(|first| std::ptr::eq(first, entry)) {
                    keys.iter().map(String::as_str).collect()
                } else {
                    Vec::new()
                }
            }
            _ => entry.keys.to_vec(),
        }
    }

    /// What a key asks for in a context.
    pub(super) fn action(&self, context: Context, key: &KeyEvent) -> Option<Action> {
        let name = name(key)?;
        within(context)
            .find(|entry| self.keys(context, entry).contains(&name.as_str()))
            .map(|entry| entry.action)
    }

    /// An action's main key as it is written on the screen; empty where it has none.
    pub(super) fn of(&self, action: Action) -> String {
        let entries = super::action::ACTIONS.iter();
        let key = entries
            .filter(|entry| entry.action == action)
            .find_map(|entry| {
                let context = *entry.contexts.first()?;
                self.keys(context, entry)
                    .first()
                    .map(|key| shown(key).to_owned())
            });
        key.unwrap_or_default()
    }

    /// Sets an action's keys, in one context or wherever it counts. In a text field a character is text: there an
    /// action keeps its keys if it would have none but characters.
    pub(super) fn change(&mut self, only: Option<Context>, action: Action, keys: &[String]) {
        let set = Arc::make_mut(&mut self.set);
        for context in contexts_of(action) {
            if only.is_some_and(|only| only != context) {
                continue;
            }
            let fit = |key: &&String| !context.is_text() || !is_character(key);
            let fitting: Vec<String> = keys.iter().filter(fit).cloned().collect();
            if !fitting.is_empty() || keys.is_empty() {
                set.insert((context, action), fitting);
            }
        }
    }

    /// The first key that means two things in one place.
    pub(super) fn clash(&self) -> Option<Clash> {
        for context in super::action::contexts() {
            let mut seen: HashMap<&str, Action> = HashMap::new();
            for entry in within(*context) {
                for key in self.keys(*context, entry) {
                    match seen.insert(key, entry.action) {
                        Some(other) if other != entry.action => {
                            return Some(Clash {
                                context: *context,
                                key: key.to_owned(),
                                actions: [other, entry.action],
                            });
                        }
                        _ => {}
                    }
                }
            }
        }
        None
    }
}

/// Where an action counts.
pub(super) fn contexts_of(action: Action) -> impl Iterator<Item = Context> {
    super::action::contexts()
        .iter()
        .copied()
        .filter(move |context| {
            within(*context).any(|entry| entry.action == action && !entry.is_fixed())
        })
}

/// Whether a key types something where text is written.
fn is_character(key: &str) -> bool {
    key == "space" || key.chars().count() == 1
}

/// A key as somebody writes it, in the form of the table: `Ctrl-X`, `shift-tab`, `PageUp`, `p`. `None` where there
/// is no such key.
pub(super) fn parse(written: &str) -> Option<String> {
    const NAMED: [&str; 16] = [
        "space",
        "enter",
        "esc",
        "tab",
        "backtab",
        "backspace",
        "delete",
        "up",
        "down",
        "left",
        "right",
        "home",
        "end",
        "pageup",
        "pagedown",
        "insert",
    ];
    if written == " " {
        return Some("space".to_owned());
    }
    if written.chars().count() == 1 {
        return (!crate::event::is_disguise(written.chars().next()?)).then(|| written.to_owned());
    }
    let lower = written.to_lowercase();
    if lower == "shift-tab" {
        return Some("backtab".to_owned());
    }
    if let Some(number) = lower.strip_prefix('f').and_then(|n| n.parse::<u8>().ok()) {
        return (1..=12).contains(&number).then(|| format!("f{number}"));
    }
    for lead in ["ctrl-", "alt-"] {
        if let Some(rest) = lower.strip_prefix(lead) {
            // With Alt a capital is another key, with Ctrl terminals know no difference.
            let own = if lead == "alt-" {
                &written[lead.len()..]
            } else {
                rest
            };
            let rest = if rest.chars().count() == 1 { own } else { rest };
            return parse(rest).map(|key| format!("{lead}{key}"));
        }
    }
    NAMED.contains(&lower.as_str()).then_some(lower)
}

/// The character that a key types, where it types one.
pub fn typed(key: &KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(c)
            if !key
                .modifiers
                .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
        {
            Some(c)
        }
        _ => None,
    }
}

/// How a key is written on the screen.
pub fn shown(key: &str) -> &str {
    match key {
        "up" => "Up",
        "down" => "Down",
        "left" => "Left",
        "right" => "Right",
        "enter" => "Enter",
        "esc" => "Esc",
        "tab" => "Tab",
        "backtab" => "Shift-Tab",
        "pageup" => "PageUp",
        "pagedown" => "PageDown",
        "space" => "Space",
        "home" => "Home",
        "end" => "End",
        "f1" => "F1",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: char, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(code), modifiers)
    }

    fn keys(all: &[&str]) -> Vec<String> {
        all.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn a_letter_is_text_in_a_text_field_and_an_action_elsewhere() {
        let key = pressed('q', KeyModifiers::NONE);
        let map = Keymap::default();
        assert_eq!(map.action(Context::Overview, &key), Some(Action::Quit));
        assert_eq!(map.action(Context::Form, &key), None);
        assert_eq!(typed(&key), Some('q'));
    }

    #[test]
    fn control_is_part_of_a_key_and_shift_is_in_the_letter() {
        let map = Keymap::default();
        let key = pressed('c', KeyModifiers::CONTROL);
        assert_eq!(map.action(Context::Line, &key), Some(Action::Quit));
        assert_eq!(typed(&key), None);
        let key = pressed('P', KeyModifiers::SHIFT);
        assert_eq!(map.action(Context::Overview, &key), Some(Action::Policy));
    }

    #[test]
    fn keys_that_were_set_count_in_place_of_the_tables_and_ctrl_c_always_quits() {
        let mut map = Keymap::default();
        map.change(None, Action::Quit, &keys(&["x", "ctrl-q"]));
        let quits = |context, code, modifiers| {
            map.action(context, &pressed(code, modifiers)) == Some(Action::Quit)
        };
        assert!(quits(Context::Overview, 'x', KeyModifiers::NONE));
        assert!(!quits(Context::Overview, 'q', KeyModifiers::NONE));
        assert!(quits(Context::Overview, 'c', KeyModifiers::CONTROL));
        assert!(
            !quits(Context::Form, 'x', KeyModifiers::NONE),
            "a letter is text there"
        );
        assert_eq!(map.of(Action::Quit), "x");
    }

    #[test]
    fn an_action_that_would_have_only_letters_keeps_its_keys_where_letters_are_text() {
        let mut map = Keymap::default();
        map.change(None, Action::Close, &keys(&["x"]));
        let esc = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
        assert_eq!(map.action(Context::Form, &esc), Some(Action::Close));
        assert_eq!(map.action(Context::Help, &esc), None);
    }

    #[test]
    fn a_key_that_means_two_things_in_one_place_is_found() {
        let mut map = Keymap::default();
        assert_eq!(map.clash(), None);
        map.change(Some(Context::Overview), Action::Pause, &keys(&["R"]));
        let clash = map.clash().unwrap();
        assert_eq!(
            (clash.context, clash.key.as_str()),
            (Context::Overview, "R")
        );
        assert!(clash.actions.contains(&Action::Pause) && clash.actions.contains(&Action::Rebuild));
    }

    #[test]
    fn keys_are_read_as_people_write_them() {
        for (written, key) in [
            ("Ctrl-X", "ctrl-x"),
            ("shift-tab", "backtab"),
            ("PageUp", "pageup"),
            ("P", "P"),
            (" ", "space"),
            ("F12", "f12"),
            ("alt-P", "alt-P"),
            ("ctrl-left", "ctrl-left"),
        ] {
            assert_eq!(parse(written).as_deref(), Some(key));
        }
        for wrong in ["", "pp", "f13", "ctrl-", "hyper-x", "\u{202e}"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
