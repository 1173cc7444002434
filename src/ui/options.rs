//! How the dashboard is to be: what whoever starts it can say.

use super::columns::ColumnName;
use super::keymap::Keymap;
use super::screen::Screen;
use super::theme::{Theme, ThemeName};

/// How the dashboard is to be.
#[derive(Debug, Clone)]
pub struct UiOptions {
    /// How it looks. Default: as the terminal's background asks for.
    pub theme: ThemeName,
    /// Only ASCII characters. Default: no.
    pub ascii: bool,
    /// Nothing that changes the workspace. Default: no.
    pub read_only: bool,
    /// Whether the mouse chooses rows; else it is the terminal's. Default: yes.
    pub mouse: bool,
    /// The keys in force. Default: those of the table of actions.
    pub keys: Keymap,
    /// The columns of the table of projections, the most important first; none leaves the choice to the table.
    /// Default: none.
    pub columns: Vec<ColumnName>,
    /// The screen that it begins with. Default: the Overview.
    pub start: Screen,
    /// What that screen is of, as it would be typed behind its name after `:`: a projection, a stream, or what is looked for
    /// among the events. Default: what the screen itself begins with.
    pub of: Option<String>,
    /// Something to say at the beginning: what of the configuration was wrong. Default: nothing.
    pub warning: Option<String>,
}

impl Default for UiOptions {
    fn default() -> Self {
        Self {
            theme: ThemeName::default(),
            ascii: false,
            read_only: false,
            mouse: true,
            keys: Keymap::default(),
            columns: Vec::new(),
            start: Screen::default(),
            of: None,
            warning: None,
        }
    }
}

impl UiOptions {
    /// The theme that these options ask for, before the terminal has told its background.
    pub fn theme(&self) -> Theme {
        let theme = self.theme.theme();
        if self.ascii { theme.ascii() } else { theme }
    }
}
