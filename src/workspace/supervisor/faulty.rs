//! What an injected fault does: the live version is folded with a projection that is slower than its own, or
//! refuses an event. A version that is built beside it is spared.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::watch;

use super::super::faults::{Faults, INJECTED, Injected};
use super::Owned;
use crate::event::{Event, Position};
use crate::read::{ApplyError, Projection, Subscription};

/// How often a projection that is held up looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(5);

impl Owned<'_> {
    /// Folds the live version with or without faults from now on, as somebody wants it.
    pub(super) fn take_up_faults(&mut self) {
        let Some(faults) = &self.charge.faults else {
            return;
        };
        if let Some(changes) = &mut self.faults_changed {
            changes.mark_unchanged();
        }
        let injected = faults.of(&self.charge.name);
        let plain = Arc::clone(&self.plain);
        self.live.fold_with(match &injected {
            Some(injected) => Arc::new(Faulty {
                plain,
                injected: injected.clone(),
                met: OnceLock::new(),
                faults: faults.clone(),
                stop: self.charge.stop.clone(),
            }),
            None => plain,
        });
    }
}

/// A projection with faults. They do not change while it lives: others make another one.
struct Faulty {
    plain: Arc<dyn Projection>,
    injected: Injected,
    /// The event that it refuses, where that was not known before.
    met: OnceLock<Position>,
    faults: Faults,
    stop: watch::Receiver<bool>,
}

impl Faulty {
    fn refuses(&self, event: &Event) -> bool {
        let Some(poison) = &self.injected.poison else {
            return false;
        };
        match poison.position.or(self.met.get().copied()) {
            Some(position) => position == event.position,
            None => {
                let wanted = poison.event_type.as_deref();
                wanted.is_none_or(|wanted| wanted == event.event_type.as_str())
            }
        }
    }

    /// Takes so much time; no longer than until the engine is to stop, which it says then.
    fn hold_up(&self, by: Duration) -> bool {
        let began = Instant::now();
        while let Some(left) = by.checked_sub(began.elapsed()).filter(|d| !d.is_zero()) {
            if *self.stop.borrow() {
                return true;
            }
            std::thread::sleep(left.min(LOOK));
        }
        false
    }
}

impl Projection for Faulty {
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

    fn create(&self, db: &Connection) -> Result<(), String> {
        self.plain.create(db)
    }

    fn apply(&self, db: &Connection, events: &[Event]) -> Result<(), ApplyError> {
        let refused = events.iter().position(|event| self.refuses(event));
        let sound = &events[..refused.unwrap_or(events.len())];
        for _ in sound {
            if self.injected.slow.is_some_and(|by| self.hold_up(by)) {
                return Err(ApplyError {
                    index: 0,
                    reason: "broken off, since the engine stops".to_owned(),
                    poisoned: false,
                });
            }
        }
        self.plain.apply(db, sound)?;
        let Some(index) = refused else {
            return Ok(());
        };
        let position = events[index].position;
        self.faults
            .met(self.name(), *self.met.get_or_init(|| position));
        Err(ApplyError {
            index,
            reason: format!("{INJECTED}: `:fault stop {}`, then resume it", self.name()),
            poisoned: true,
        })
    }
}
