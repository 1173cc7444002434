//! The program's own messages.

use std::collections::VecDeque;
use std::sync::Arc;

use tracing::Level;

use super::super::journal::{KEPT, Message};
use super::filter::Filter;

/// The Log screen's own state.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The newest messages, oldest first.
    pub messages: VecDeque<Arc<Message>>,
    /// Which of them are shown.
    pub filter: Filter,
    /// The number of the message at the top of the screen; `None` is the newest, whichever that is.
    pub top: Option<u64>,
    /// How many warnings and errors came since the screen was shown last.
    pub unread: usize,
}

impl Log {
    /// Takes in messages.
    pub fn take(&mut self, messages: Vec<Arc<Message>>, is_shown: bool) {
        for message in messages {
            if message.level <= Level::WARN && !is_shown {
                self.unread += 1;
            }
            self.messages.push_back(message);
            if self.messages.len() > KEPT {
                self.messages.pop_front();
            }
        }
    }

    /// Those that fit the filter, the newest first.
    pub fn shown(&self) -> impl Iterator<Item = &Arc<Message>> {
        let fits = |message: &&Arc<Message>| {
            self.filter.is_everything()
                || self.filter.fits(&format!(
                    "{} {} {}",
                    message.level, message.target, message.text
                ))
        };
        self.messages.iter().rev().filter(fits)
    }

    /// How many of them are above the first that is drawn.
    pub fn above(&self) -> usize {
        let top = self.top.unwrap_or(u64::MAX);
        self.shown()
            .take_while(|message| message.number > top)
            .count()
    }
}
