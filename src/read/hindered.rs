//! A projection that somebody hinders: it is slower than its own handlers, or refuses an event. For trying out
//! what becomes of the read model then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::definition::Key;
use super::parked::OnError;
use super::policy::Policy;
use super::projection::{
    AnswerError, ApplyError, Blame, Memory, Parameters, Projection, Row, Signature,
};
use super::subscription::Subscription;
use crate::event::Event;

/// How often a projection that is held up looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(5);

/// Why an event is refused, where it is, and what is to blame.
type Refuse = Box<dyn Fn(&Event) -> Option<(String, Blame)> + Send + Sync>;

/// Whether whoever runs it wants it to end.
type Stop = Box<dyn Fn() -> bool + Send + Sync>;

/// A projection, hindered. In all other things it is the one that it was.
pub struct Hindered {
    plain: Arc<dyn Projection>,
    slow: Option<Duration>,
    refuse: Refuse,
    stop: Stop,
}

impl Hindered {
    /// Has each event take so much longer, refuses those for which `refuse` has a reason, and is broken off as
    /// soon as `stop` is true.
    pub fn new(
        plain: Arc<dyn Projection>,
        slow: Option<Duration>,
        refuse: impl Fn(&Event) -> Option<(String, Blame)> + Send + Sync + 'static,
        stop: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            plain,
            slow,
            refuse: Box::new(refuse),
            stop: Box::new(stop),
        }
    }

    /// Takes so much time, or says that it was to stop before.
    fn hold_up(&self, by: Duration) -> Result<(), ApplyError> {
        let began = Instant::now();
        while let Some(left) = by.checked_sub(began.elapsed()).filter(|d| !d.is_zero()) {
            if (self.stop)() {
                return Err(ApplyError {
                    index: 0,
                    reason: "broken off, since the engine stops".to_owned(),
                    blame: Blame::System,
                });
            }
            std::thread::sleep(left.min(LOOK));
        }
        Ok(())
    }
}

impl Projection for Hindered {
    fn name(&self) -> &str {
        self.plain.name()
    }

    fn subscription(&self) -> &Subscription {
        self.plain.subscription()
    }

    fn hash(&self) -> &str {
        self.plain.hash()
    }

    fn source(&self) -> &str {
        self.plain.source()
    }

    fn description(&self) -> &str {
        self.plain.description()
    }

    fn policy(&self) -> Policy {
        self.plain.policy()
    }

    fn objective(&self) -> Option<Duration> {
        self.plain.objective()
    }

    fn replayable(&self) -> bool {
        self.plain.replayable()
    }

    fn on_error(&self) -> OnError {
        self.plain.on_error()
    }

    fn key(&self) -> Option<&Key> {
        self.plain.key()
    }

    fn queries(&self) -> &[Signature] {
        self.plain.queries()
    }

    fn folds(&self) -> bool {
        self.plain.folds()
    }

    fn store_every(&self) -> Option<Duration> {
        self.plain.store_every()
    }

    fn answers_for(&self, earlier: &str) -> bool {
        self.plain.answers_for(earlier)
    }

    fn store(&self, db: &Connection, memory: &Memory) -> Result<(), String> {
        self.plain.store(db, memory)
    }

    fn answer(
        &self,
        db: &Connection,
        query: &str,
        parameters: &Parameters,
    ) -> Result<Vec<Row>, AnswerError> {
        self.plain.answer(db, query, parameters)
    }

    fn create(&self, db: &Connection) -> Result<(), String> {
        self.plain.create(db)
    }

    fn apply(
        &self,
        db: &Connection,
        memory: &mut Memory,
        events: &[Event],
    ) -> Result<(), ApplyError> {
        let mut refused = None;
        for (index, event) in events.iter().enumerate() {
            if let Some(why) = (self.refuse)(event) {
                refused = Some((index, why));
                break;
            }
            if let Some(by) = self.slow {
                self.hold_up(by)?;
            }
        }
        let sound = refused.as_ref().map_or(events.len(), |(index, _)| *index);
        // A handler that fails before is the first to be told of.
        self.plain.apply(db, memory, &events[..sound])?;
        refused.map_or(Ok(()), |(index, (reason, blame))| {
            Err(ApplyError {
                index,
                reason,
                blame,
            })
        })
    }
}
