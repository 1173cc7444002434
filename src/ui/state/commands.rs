//! The list of commands, filtered as somebody types.

use std::sync::Arc;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::editor::Editor;
use crate::workspace::CommandInfo;

/// The list while it is open.
#[derive(Debug, Clone)]
pub struct Chooser {
    /// Every command.
    pub commands: Arc<[CommandInfo]>,
    /// What is typed.
    pub filter: Editor,
    /// The commands that fit, the best first: places in `commands`.
    pub fitting: Vec<usize>,
    /// The chosen one's place in `fitting`.
    pub chosen: usize,
}

impl Chooser {
    /// All of them.
    pub fn new(commands: Arc<[CommandInfo]>) -> Self {
        let fitting = (0..commands.len()).collect();
        Self {
            commands,
            filter: Editor::default(),
            fitting,
            chosen: 0,
        }
    }

    /// Finds what fits the filter: the letters in their order, not necessarily side by side.
    pub fn search(&mut self) {
        let mut matcher = Matcher::new(Config::DEFAULT);
        let typed = self.filter.text();
        let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
        let mut space = Vec::new();
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for (at, command) in self.commands.iter().enumerate() {
            let name = Utf32Str::new(&command.name, &mut space);
            if let Some(score) = pattern.score(name, &mut matcher) {
                scored.push((score, at));
            }
        }
        scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        self.fitting = scored.into_iter().map(|(_, at)| at).collect();
        self.chosen = 0;
    }

    /// The chosen command.
    pub fn command(&self) -> Option<&CommandInfo> {
        self.commands.get(*self.fitting.get(self.chosen)?)
    }
}
