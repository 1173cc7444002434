//! What the program itself has to say, for the Log screen: the newest messages of this process, kept in memory.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tokio::sync::watch;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::event::Timestamp;

/// How many messages are kept; older ones are in the file alone.
pub const KEPT: usize = 1_000;

/// The longest message that is kept, in bytes; what is longer is cut.
const LONGEST: usize = 4_096;

/// Something that the program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its number: 1, 2, 3 … in this process.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// How bad it is.
    pub level: Level,
    /// The part of the program that said it.
    pub target: String,
    /// What.
    pub text: String,
}

/// The newest messages of this process.
#[derive(Debug)]
pub struct Journal {
    kept: Mutex<VecDeque<Arc<Message>>>,
    said: watch::Sender<u64>,
    hears: AtomicBool,
}

static JOURNAL: LazyLock<Journal> = LazyLock::new(|| Journal {
    kept: Mutex::new(VecDeque::new()),
    said: watch::Sender::new(0),
    hears: AtomicBool::new(false),
});

impl Journal {
    /// That of this process. There is one, as there is one subscriber to what the program says.
    pub fn of_process() -> &'static Self {
        &JOURNAL
    }

    /// Keeps a message.
    pub fn say(&self, level: Level, target: &str, mut text: String) {
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = *self.said.borrow() + 1;
        kept.push_back(Arc::new(Message {
            number,
            at: Timestamp::now(),
            level,
            target: target.to_owned(),
            text,
        }));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        self.said.send_replace(number);
    }

    /// The messages after this number that are still kept, oldest first.
    pub fn after(&self, number: u64) -> Vec<Arc<Message>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = |message: &&Arc<Message>| message.number > number;
        kept.iter().filter(newer).cloned().collect()
    }

    /// Whether what is said through `tracing` comes here: whoever embeds the dashboard may send it elsewhere.
    pub fn hears(&self) -> bool {
        self.hears.load(Ordering::Relaxed)
    }

    /// Waits for the number of the newest message to change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.said.subscribe()
    }
}

/// What is said through `tracing` goes to the journal.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToJournal;

impl<S: Subscriber> Layer<S> for ToJournal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        let meta = event.metadata();
        let text = format!("{}{}", words.message, words.fields);
        JOURNAL.hears.store(true, Ordering::Relaxed);
        JOURNAL.say(*meta.level(), meta.target(), text);
    }
}

/// The message, then the other fields as `name=value`.
#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn what_is_said_is_kept_with_its_fields() {
        let subscriber = tracing_subscriber::registry().with(ToJournal);
        let before = *JOURNAL.watch().borrow();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(projection = "orders", tries = 3, "it cannot be read");
        });
        let said = JOURNAL.after(before);
        let message = said.iter().find(|m| m.text.contains("cannot be read"));
        let message = message.expect("it was kept");
        assert_eq!(message.text, "it cannot be read projection=orders tries=3");
        assert_eq!(message.level, Level::WARN);
    }

    #[test]
    fn only_the_newest_are_kept_and_none_is_longer_than_it_may_be() {
        let journal = Journal {
            kept: Mutex::default(),
            said: watch::Sender::new(0),
            hears: AtomicBool::new(false),
        };
        for n in 0..KEPT + 5 {
            journal.say(Level::INFO, "test", format!("{n} {}", "é".repeat(LONGEST)));
        }
        let kept = journal.after(0);
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept[0].number, 6);
        assert!(kept.iter().all(|message| message.text.len() <= LONGEST));
    }
}
