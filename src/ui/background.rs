//! Whether the terminal's background is dark or light: the question, and its answer picked out of the keys among which
//! it comes. Nobody waits for it, and nothing of it is taken for a key however late it is.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// OSC 11: which colour is the background?
pub const QUESTION: &str = "\x1b]11;?\x1b\\";

/// What an answer begins with, after `ESC ]`.
const LEADS: [&str; 2] = ["11;rgb:", "11;rgba:"];

/// Four numbers of four digits and three strokes: no answer is longer.
const LONGEST: usize = "11;rgba:".len() + 19;

/// Picks the answer out of the keys.
#[derive(Debug, Default)]
pub struct Listening {
    state: State,
    /// Keys that may be of an answer.
    held: Vec<KeyEvent>,
    answer: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing came yet.
    #[default]
    Waiting,
    /// `ESC ]` came, and what fits an answer.
    Hearing,
    /// The answer is whole but for the stroke that its end may have.
    Ending,
    /// It is there.
    Heard,
}

/// What a key is.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// These are keys.
    Keys(Vec<KeyEvent>),
    /// The end of the answer: whether the background is dark.
    Dark(bool),
}

impl Listening {
    /// Takes a key, and gives back what is certain to be none of the answer.
    pub fn hear(&mut self, key: KeyEvent) -> Heard {
        match self.state {
            State::Waiting if is(key, ']', KeyModifiers::ALT) => {
                self.state = State::Hearing;
                self.held.push(key);
                Heard::Keys(Vec::new())
            }
            State::Waiting | State::Heard => Heard::Keys(vec![key]),
            State::Ending => {
                self.state = State::Heard;
                let stroke = is(key, '\\', KeyModifiers::NONE);
                Heard::Keys(if stroke { Vec::new() } else { vec![key] })
            }
            State::Hearing => self.more(key),
        }
    }

    fn more(&mut self, key: KeyEvent) -> Heard {
        self.held.push(key);
        let alone = key.code == KeyCode::Esc;
        if alone || is(key, '\\', KeyModifiers::ALT) || is(key, 'g', KeyModifiers::CONTROL) {
            if let Some(dark) = dark(&self.answer) {
                self.held.clear();
                self.state = if alone { State::Ending } else { State::Heard };
                return Heard::Dark(dark);
            }
        } else if let KeyCode::Char(c) = key.code
            && !key
                .modifiers
                .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
        {
            self.answer.push(c);
            if may_be_answer(&self.answer) {
                return Heard::Keys(Vec::new());
            }
        }
        self.give_up()
    }

    /// There is no answer any more: what was held back were keys.
    pub fn give_up(&mut self) -> Heard {
        self.state = State::Waiting;
        self.answer.clear();
        Heard::Keys(std::mem::take(&mut self.held))
    }
}

fn is(key: KeyEvent, c: char, modifiers: KeyModifiers) -> bool {
    key.code == KeyCode::Char(c) && key.modifiers == modifiers
}

fn may_be_answer(text: &str) -> bool {
    text.len() <= LONGEST
        && LEADS.iter().any(|lead| match text.strip_prefix(lead) {
            Some(rest) => rest.chars().all(|c| c == '/' || c.is_ascii_hexdigit()),
            None => lead.starts_with(text),
        })
}

/// Whether `11;rgb:1212/1616/1d1d` is dark.
fn dark(answer: &str) -> Option<bool> {
    let parts = LEADS.iter().find_map(|lead| answer.strip_prefix(lead))?;
    let mut levels = parts.split('/').map(|part| {
        let most = 16_u32
            .checked_pow(u32::try_from(part.len()).ok()?)?
            .checked_sub(1)?;
        let level = u32::from_str_radix(part, 16).ok()?;
        (most > 0).then(|| f64::from(level) / f64::from(most))
    });
    let mut next = || levels.next().flatten();
    let (red, green, blue) = (next()?, next()?, next()?);
    Some(0.299 * red + 0.587 * green + 0.114 * blue < 0.5)
}

/// Whether the background is dark, by the variable `COLORFGBG`: `15;0`, the numbers of text and background.
pub fn told(colorfgbg: &str) -> Option<bool> {
    let ground: u8 = colorfgbg.rsplit(';').next()?.parse().ok()?;
    (ground < 16).then_some(ground < 7 || ground == 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(c: char, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(c), modifiers)
    }

    /// What is heard of a text that comes after `ESC ]`, and the keys that are left.
    fn heard(text: &str, end: &[KeyEvent]) -> (Option<bool>, Vec<KeyEvent>) {
        let mut listening = Listening::default();
        let mut keys = vec![key(']', KeyModifiers::ALT)];
        keys.extend(text.chars().map(|c| key(c, KeyModifiers::NONE)));
        keys.extend(end);
        keys.push(key('q', KeyModifiers::NONE));
        let (mut dark, mut left) = (None, Vec::new());
        for key in keys {
            match listening.hear(key) {
                Heard::Keys(keys) => left.extend(keys),
                Heard::Dark(is) => dark = Some(is),
            }
        }
        (dark, left)
    }

    #[test]
    fn an_answer_is_heard_and_nothing_of_it_is_a_key() {
        let q = [key('q', KeyModifiers::NONE)];
        let stroke = key('\\', KeyModifiers::ALT);
        let bell = key('g', KeyModifiers::CONTROL);
        let apart = [
            KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE),
            key('\\', KeyModifiers::NONE),
        ];
        let (dark, left) = heard("11;rgb:1212/1616/1d1d", &[stroke]);
        assert_eq!((dark, left.as_slice()), (Some(true), q.as_slice()));
        let (dark, left) = heard("11;rgb:ff/FF/e0", &[bell]);
        assert_eq!((dark, left.as_slice()), (Some(false), q.as_slice()));
        let (dark, left) = heard("11;rgba:0000/0000/0000/ffff", &apart);
        assert_eq!((dark, left.as_slice()), (Some(true), q.as_slice()));
    }

    #[test]
    fn keys_that_only_look_like_an_answer_are_keys() {
        for text in ["", "1", "11;rgb:zz", "p", "11;rgb:1/2/"] {
            let (dark, left) = heard(text, &[]);
            assert_eq!(dark, None, "{text}");
            assert_eq!(left.len(), text.len() + 2, "{text}");
        }
        let long = "f".repeat(40);
        let (dark, left) = heard(&format!("11;rgb:{long}"), &[]);
        assert_eq!((dark, left.len()), (None, 7 + 40 + 2));
    }

    #[test]
    fn the_variable_tells_it_too() {
        assert_eq!(told("15;0"), Some(true));
        assert_eq!(told("0;default;15"), Some(false));
        assert_eq!(told("0;7"), Some(false));
        assert_eq!(told("15;8"), Some(true));
        assert_eq!(told("15;default"), None);
        assert_eq!(told(""), None);
    }
}
