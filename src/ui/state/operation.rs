//! The prompts before an operation: a policy to choose, a rebuild or a switch to confirm, a replay to be
//! sure of.

use super::editor::Editor;
use crate::event::Position;
use crate::workspace::{Operation, Policy, Preview};

/// A policy that is being written.
#[derive(Debug, Clone)]
pub struct PolicyPrompt {
    /// For which projection.
    pub projection: String,
    /// What is written.
    pub editor: Editor,
}

/// The policies with an example of each and what it means.
pub const POLICIES: &[(&str, &str)] = &[
    ("live", "as soon as events arrive"),
    ("sync", "and commands wait until it is visible"),
    (
        "batch 500 or 5s",
        "when so many wait, or the oldest so long",
    ),
    ("every 2s", "on a schedule"),
    ("delay 10s", "each event when it is so old"),
    ("rate 200/s", "at most so many a second"),
    ("manual", "when somebody asks"),
];

impl PolicyPrompt {
    /// Starts with the policy there is.
    pub fn new(projection: String, policy: Policy) -> Self {
        Self {
            projection,
            editor: Editor::suggesting(policy.to_string()),
        }
    }

    /// The policy that is written. Errors: what is wrong with it, in words.
    pub fn policy(&self) -> Result<Policy, String> {
        let text = self.editor.text().trim();
        text.parse().map_err(|_| {
            let like = POLICIES.iter().find(|(example, _)| {
                let word = |text: &str| text.split(' ').next().map(str::to_owned);
                word(example) == word(text)
            });
            match like {
                Some((example, _)) => format!("write it like this: {example}"),
                None => "not a policy: choose one of these".to_owned(),
            }
        })
    }

    /// The example whose first word is written, by its place.
    pub fn near(&self) -> Option<usize> {
        let word = self.editor.text().split_whitespace().next()?;
        POLICIES
            .iter()
            .position(|(p, _)| p.split(' ').next() == Some(word))
    }

    /// Writes the example before or after the one that is written.
    pub fn step(&mut self, down: bool) {
        let count = POLICIES.len();
        let next = match (self.near(), down) {
            (Some(at), true) => (at + 1) % count,
            (Some(at), false) => (at + count - 1) % count,
            (None, _) => 0,
        };
        self.editor.set(POLICIES[next].0);
    }

    /// Completes the word that is written.
    pub fn complete(&mut self) {
        let text = self.editor.text().trim();
        let found = POLICIES.iter().find(|(p, _)| p.starts_with(text));
        if let Some((policy, _)) = found {
            self.editor.set(*policy);
        }
    }
}

/// An operation before it happens.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// Of which projection.
    pub projection: String,
    /// Whether its handlers can be applied twice.
    pub replayable: bool,
    /// Which operation.
    pub ask: Ask,
    /// What it would mean; `None` until the answer is there.
    pub preview: Option<Result<Preview, String>>,
    /// Whether somebody pressed Enter before the answer was there: nothing happens before it could be read.
    pub early: bool,
}

/// What is asked before the operation.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Only Enter.
    Rebuild {
        /// Whether the new version waits, once it has caught up.
        hold: bool,
    },
    /// Only Enter: one that is done at once.
    Plain(Operation),
    /// From where, and the name, to be sure.
    Replay {
        /// The position before the first event to be applied again.
        after: Editor,
        /// The projection's name, typed.
        name: Editor,
        /// Whether the name is being typed, not the position.
        naming: bool,
    },
}

impl Confirm {
    /// Before a rebuild.
    pub fn rebuild(projection: String, replayable: bool) -> Self {
        Self {
            projection,
            replayable,
            ask: Ask::Rebuild { hold: false },
            preview: None,
            early: false,
        }
    }

    /// Before a rebuild whose version waits.
    pub fn hold(projection: String) -> Self {
        Self {
            projection,
            replayable: false,
            ask: Ask::Rebuild { hold: true },
            preview: None,
            early: false,
        }
    }

    /// Before something that is done at once.
    pub fn plain(projection: String, operation: Operation) -> Self {
        Self {
            projection,
            replayable: false,
            ask: Ask::Plain(operation),
            preview: None,
            early: false,
        }
    }

    /// Before a replay.
    pub fn replay(projection: String, replayable: bool, after: Option<String>) -> Self {
        let naming = after.is_some();
        Self {
            projection,
            replayable,
            ask: Ask::Replay {
                after: after.map_or_else(|| Editor::suggesting("0"), Editor::new),
                name: Editor::default(),
                naming,
            },
            preview: None,
            early: false,
        }
    }

    /// The field that is being filled in.
    pub fn focused(&mut self) -> Option<&mut Editor> {
        match &mut self.ask {
            Ask::Rebuild { .. } | Ask::Plain(_) => None,
            Ask::Replay {
                name, naming: true, ..
            } => Some(name),
            Ask::Replay { after, .. } => Some(after),
        }
    }

    /// What it comes to. Errors: the position is none.
    pub fn operation(&self) -> Result<Operation, String> {
        match &self.ask {
            Ask::Rebuild { hold } => Ok(Operation::Rebuild { hold: *hold }),
            Ask::Plain(operation) => Ok(operation.clone()),
            Ask::Replay { after, .. } => {
                let digits: String = after.text().chars().filter(|c| *c != ',').collect();
                let position = digits
                    .trim()
                    .parse()
                    .map_err(|_| "write a position: a whole number from 0".to_owned())?;
                Ok(Operation::Replay {
                    after: Position::new(position),
                })
            }
        }
    }

    /// Why it cannot be done, where it cannot.
    pub fn refused(&self) -> Option<&str> {
        match &self.preview {
            Some(Ok(preview)) => preview.refused.as_deref(),
            _ if !self.replayable && matches!(self.ask, Ask::Replay { .. }) => Some(
                "its file does not say that its handlers can be applied twice (-- replayable: yes)",
            ),
            _ => None,
        }
    }

    /// Whether there is something to go on to: what was asked for, or a rebuild in place of a replay.
    pub fn goes_on(&self) -> bool {
        let is_there = matches!(self.preview, Some(Ok(_)));
        is_there && self.refused().is_none() || matches!(self.ask, Ask::Replay { .. })
    }

    /// Whether what has to be typed was typed.
    pub fn sure(&self) -> bool {
        match &self.ask {
            Ask::Rebuild { .. } | Ask::Plain(_) => true,
            Ask::Replay { name, .. } => name.text().trim() == self.projection,
        }
    }
}
