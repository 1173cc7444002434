//! From a key to an action: names of keys as the action table writes them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Action, Context, within};

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

/// What a key asks for in a context.
pub fn action(context: Context, key: &KeyEvent) -> Option<Action> {
    let name = name(key)?;
    within(context)
        .find(|entry| entry.keys.contains(&name.as_str()))
        .map(|entry| entry.action)
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

    #[test]
    fn a_letter_is_text_in_a_text_field_and_an_action_elsewhere() {
        let key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(action(Context::Overview, &key), Some(Action::Quit));
        assert_eq!(action(Context::Form, &key), None);
        assert_eq!(typed(&key), Some('q'));
    }

    #[test]
    fn control_is_part_of_a_key_and_shift_is_in_the_letter() {
        let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(action(Context::Line, &key), Some(Action::Quit));
        assert_eq!(typed(&key), None);
        let key = KeyEvent::new(KeyCode::Char('P'), KeyModifiers::SHIFT);
        assert_eq!(action(Context::Overview, &key), Some(Action::Policy));
    }
}
