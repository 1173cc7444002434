//! What a person may set for the dashboard: the `[ui]` section of a file, each value with where it comes from, and
//! each mistake with its line and the way out. It is given texts; who reads the files is the command line.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::action::{ACTIONS, Action, Context, contexts};
use super::columns::ColumnName;
use super::keymap::{self, Keymap};
use super::options::UiOptions;
use super::screen::Screen;
use super::theme::ThemeName;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody has set it.
    Default,
    /// A line of a file.
    File(PathBuf, usize),
    /// A variable of the environment.
    Environment(&'static str),
    /// An option on the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// Something in a file that cannot be set so; the value before it counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {what}", path.display())]
pub struct Problem {
    /// In which file.
    pub path: PathBuf,
    /// On which line of it, from 1.
    pub line: usize,
    /// What is wrong, and the way out.
    pub what: String,
}

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the section, with dots: `theme`, `keys.pause`.
    pub name: String,
    /// Its value, as JSON.
    pub value: Value,
    /// Where that comes from.
    pub origin: Origin,
}

/// The settings in force, while files and options are laid over each other.
#[derive(Debug, Clone)]
pub struct Settings {
    theme: (ThemeName, Origin),
    start: (Screen, Origin),
    mouse: (bool, Origin),
    ascii: (bool, Origin),
    columns: (Vec<ColumnName>, Origin),
    keys: Keymap,
    /// What was set of the keys, the last counts: where, what, by whom.
    set: Vec<(Option<Context>, Action, Origin)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: (ThemeName::default(), Origin::Default),
            start: (Screen::default(), Origin::Default),
            mouse: (true, Origin::Default),
            ascii: (false, Origin::Default),
            columns: (Vec::new(), Origin::Default),
            keys: Keymap::default(),
            set: Vec::new(),
        }
    }
}

impl Settings {
    /// Lays the `[ui]` section of a file over what is set so far. What is wrong is left as it was, and told.
    pub fn lay(&mut self, path: &Path, text: &str) -> Vec<Problem> {
        let mut file = File {
            path,
            text,
            problems: Vec::new(),
        };
        match DeTable::parse(text) {
            Ok(table) => {
                let section = table.get_ref().get("ui");
                match section.map(|section| (section.span(), section.get_ref())) {
                    Some((_, DeValue::Table(section))) => self.section(&mut file, section),
                    Some((span, _)) => file.wrong(
                        span.start,
                        "ui is a section: write [ui] on a line of its own",
                    ),
                    None => {}
                }
            }
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let what = error.message().to_owned();
                file.wrong(at, format!("this is not TOML: {what}"));
            }
        }
        file.problems.sort_by_key(|problem| problem.line);
        file.problems
    }

    /// Sets the screen to begin with.
    pub fn set_start(&mut self, start: Screen, origin: Origin) {
        self.start = (start, origin);
    }

    /// Sets the theme.
    pub fn set_theme(&mut self, theme: ThemeName, origin: Origin) {
        self.theme = (theme, origin);
    }

    /// Sets whether only ASCII characters are drawn.
    pub fn set_ascii(&mut self, ascii: bool, origin: Origin) {
        self.ascii = (ascii, origin);
    }

    /// The options for [`super::run()`].
    pub fn options(&self) -> UiOptions {
        UiOptions {
            theme: self.theme.0,
            ascii: self.ascii.0,
            mouse: self.mouse.0,
            start: self.start.0,
            columns: self.columns.0.clone(),
            keys: self.keys.clone(),
            ..UiOptions::default()
        }
    }

    /// Every setting, as it is in force.
    pub fn all(&self) -> Vec<Setting> {
        let setting = |name: &str, value: Value, origin: &Origin| Setting {
            name: name.to_owned(),
            value,
            origin: origin.clone(),
        };
        let columns: Vec<&str> = self.columns.0.iter().map(|column| column.name()).collect();
        let mut all = vec![
            setting("theme", json!(self.theme.0.name()), &self.theme.1),
            setting("start", json!(self.start.0.setting()), &self.start.1),
            setting("mouse", json!(self.mouse.0), &self.mouse.1),
            setting("ascii", json!(self.ascii.0), &self.ascii.1),
            setting("columns", json!(columns), &self.columns.1),
        ];
        for action in actions() {
            all.extend(self.keys_of(action));
        }
        all
    }

    /// An action's keys: those that it has in most places, then the places where it has others.
    fn keys_of(&self, action: Action) -> Vec<Setting> {
        let mut found: Vec<(Vec<String>, Vec<Context>)> = Vec::new();
        for context in keymap::contexts_of(action) {
            let entries = ACTIONS
                .iter()
                .filter(|e| e.action == action && e.contexts.contains(&context));
            let keys: Vec<String> = entries
                .flat_map(|entry| self.keys.keys(context, entry))
                .filter(|key| *key != "ctrl-c")
                .map(str::to_owned)
                .collect();
            match found.iter_mut().find(|(other, _)| *other == keys) {
                Some((_, places)) => places.push(context),
                None => found.push((keys, vec![context])),
            }
        }
        // Of as many places, the first ones are meant.
        found.sort_by_key(|(_, places)| std::cmp::Reverse(places.len()));
        let mut settings = Vec::new();
        for (at, (keys, places)) in found.iter().enumerate() {
            let named = places
                .iter()
                .map(|place| format!("keys-in.{}.{}", place.name(), action.name()));
            let names = if at == 0 {
                vec![format!("keys.{}", action.name())]
            } else {
                named.collect()
            };
            for name in names {
                settings.push(Setting {
                    name,
                    value: json!(keys),
                    origin: self.origin_of(action, places),
                });
            }
        }
        settings
    }

    fn origin_of(&self, action: Action, places: &[Context]) -> Origin {
        let by = self.set.iter().rev().find(|(only, other, _)| {
            *other == action && only.is_none_or(|only| places.contains(&only))
        });
        by.map_or(Origin::Default, |(_, _, origin)| origin.clone())
    }

    fn section(&mut self, file: &mut File<'_>, section: &DeTable<'_>) {
        for (key, value) in section {
            let (at, origin) = (key.span().start, file.origin(key.span().start));
            match key.get_ref().as_ref() {
                "theme" => {
                    let theme = file.text_of(value, "a theme's name").and_then(|(at, text)| {
                        text.parse().map_err(|error: String| file.wrong(at, error)).ok()
                    });
                    if let Some(theme) = theme {
                        self.theme = (theme, origin);
                    }
                }
                "start" => {
                    if let Some(start) = file.one_of(value, "screen", &Screen::ALL, |s| s.setting().to_owned()) {
                        self.start = (start, origin);
                    }
                }
                "mouse" => {
                    if let Some(mouse) = file.truth(value) {
                        self.mouse = (mouse, origin);
                    }
                }
                "ascii" => {
                    if let Some(ascii) = file.truth(value) {
                        self.ascii = (ascii, origin);
                    }
                }
                "columns" => {
                    if let Some(columns) = file.columns(value) {
                        self.columns = (columns, origin);
                    }
                }
                "keys" => self.keys(file, None, value),
                "keys-in" => self.keys_in(file, value),
                other => file.wrong(
                    at,
                    format!("there is no setting {other:?}: there are theme, start, mouse, ascii, columns, keys and keys-in"),
                ),
            }
        }
    }

    fn keys(&mut self, file: &mut File<'_>, only: Option<Context>, value: &Spanned<DeValue<'_>>) {
        let DeValue::Table(table) = value.get_ref() else {
            let what = "keys are a section: write [ui.keys], and under it pause = \"p\"";
            file.wrong(value.span().start, what);
            return;
        };
        for (key, value) in in_order(table) {
            self.key(file, only, key, value);
        }
    }

    fn keys_in(&mut self, file: &mut File<'_>, value: &Spanned<DeValue<'_>>) {
        let DeValue::Table(table) = value.get_ref() else {
            let what = "keys-in has sections: write [ui.keys-in.time], and under it up = \"K\"";
            file.wrong(value.span().start, what);
            return;
        };
        for (key, value) in in_order(table) {
            let name = key.get_ref().as_ref();
            let context = contexts().iter().find(|context| context.name() == name);
            match context {
                Some(context) => self.keys(file, Some(*context), value),
                None => {
                    let all: Vec<String> =
                        contexts().iter().map(|context| context.name()).collect();
                    let what = format!(
                        "there is no place {name:?} for keys: there are {}",
                        all.join(", ")
                    );
                    file.wrong(key.span().start, what);
                }
            }
        }
    }

    /// One action's keys. Where they would mean two things in one place, they are not set.
    fn key(
        &mut self,
        file: &mut File<'_>,
        only: Option<Context>,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let (name, at) = (key.get_ref().as_ref(), key.span().start);
        let Some(action) = actions().into_iter().find(|action| action.name() == name) else {
            file.wrong(
                at,
                format!("there is no action {name:?}: `highwater config` lists them all"),
            );
            return;
        };
        if let Some(only) = only
            && !keymap::contexts_of(action).any(|context| context == only)
        {
            file.wrong(
                at,
                format!(
                    "{name} does nothing in {}: set it where it counts",
                    only.name()
                ),
            );
            return;
        }
        let Some(keys) = file.keys(value) else {
            return;
        };
        let before = self.keys.clone();
        self.keys.change(only, action, &keys);
        if let Some(clash) = self.keys.clash() {
            let other = clash.actions.iter().find(|other| **other != action);
            let other = other.map_or_else(String::new, |other| other.name());
            let place = clash.context.name();
            self.keys = before;
            file.wrong(
                at,
                format!(
                    "{} would mean {name} and {other} in {place}: give {name} another key, or set another one for \
                     {other} on a line before",
                    keymap::shown(&clash.key)
                ),
            );
            return;
        }
        self.set.push((only, action, file.origin(at)));
    }
}

/// In the order of the file: an earlier line makes room for a later one.
fn in_order<'a, 'i>(
    table: &'a DeTable<'i>,
) -> Vec<(&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>)> {
    let mut all: Vec<_> = table.iter().collect();
    all.sort_by_key(|(key, _)| key.span().start);
    all
}

/// Every action, once.
fn actions() -> Vec<Action> {
    let mut all: Vec<Action> = Vec::new();
    for entry in ACTIONS.iter().filter(|entry| !entry.is_fixed()) {
        if !all.contains(&entry.action) {
            all.push(entry.action);
        }
    }
    all
}

/// A file while it is read.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
    problems: Vec<Problem>,
}

impl File<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn origin(&self, at: usize) -> Origin {
        Origin::File(self.path.to_owned(), self.line(at))
    }

    fn wrong(&mut self, at: usize, what: impl Into<String>) {
        self.problems.push(Problem {
            path: self.path.to_owned(),
            line: self.line(at),
            what: what.into(),
        });
    }

    fn text_of(&mut self, value: &Spanned<DeValue<'_>>, what: &str) -> Option<(usize, String)> {
        let at = value.span().start;
        if let DeValue::String(text) = value.get_ref() {
            return Some((at, text.clone().into_owned()));
        }
        self.wrong(at, format!("write {what}, between quotes"));
        None
    }

    fn truth(&mut self, value: &Spanned<DeValue<'_>>) -> Option<bool> {
        if let DeValue::Boolean(truth) = value.get_ref() {
            return Some(*truth);
        }
        self.wrong(value.span().start, "write true or false");
        None
    }

    fn one_of<T: Copy>(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        what: &str,
        all: &[T],
        name: impl Fn(T) -> String,
    ) -> Option<T> {
        let (at, text) = self.text_of(value, &format!("a {what}'s name"))?;
        let found = all.iter().copied().find(|one| name(*one) == text);
        if found.is_none() {
            let names: Vec<String> = all.iter().copied().map(name).collect();
            let what = format!(
                "there is no {what} {text:?}: write one of {}",
                names.join(", ")
            );
            self.wrong(at, what);
        }
        found
    }

    /// A list of texts, or one.
    fn list<'v, 'i>(
        &mut self,
        value: &'v Spanned<DeValue<'i>>,
        what: &str,
    ) -> Option<Vec<&'v Spanned<DeValue<'i>>>> {
        match value.get_ref() {
            DeValue::Array(items) => Some(items.iter().collect()),
            DeValue::String(_) => Some(vec![value]),
            _ => {
                self.wrong(value.span().start, format!("write {what}"));
                None
            }
        }
    }

    fn columns(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Vec<ColumnName>> {
        let items = self.list(value, "columns, as [\"status\", \"name\", \"gap\"]")?;
        let before = self.problems.len();
        let mut columns: Vec<ColumnName> = Vec::new();
        for item in items {
            if let Some(column) =
                self.one_of(item, "column", &ColumnName::ALL, |c| c.name().to_owned())
                && !columns.contains(&column)
            {
                columns.push(column);
            }
        }
        (self.problems.len() == before).then_some(columns)
    }

    fn keys(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Vec<String>> {
        let items = self.list(
            value,
            "a key between quotes, or several as [\"p\", \"ctrl-p\"]",
        )?;
        let before = self.problems.len();
        let mut keys = Vec::new();
        for item in items {
            let Some((at, text)) = self.text_of(item, "a key") else {
                continue;
            };
            match keymap::parse(&text) {
                Some(key) if key == "ctrl-c" => self.wrong(at, "ctrl-c quits, always: choose another key"),
                Some(key) => keys.push(key),
                None => self.wrong(
                    at,
                    format!("{text:?} is no key: write one as p, P, ctrl-p, alt-p, space, enter, pageup or f5"),
                ),
            }
        }
        (self.problems.len() == before).then_some(keys)
    }
}

#[cfg(test)]
mod tests;
