//! Work that takes its time, as others see it: what it does, how far it is, and a way to stop it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A handle on work that takes its time. Clones are of the same work: one does it, others look and may
/// stop it.
///
/// ```
/// let work = highwater::read::Work::new();
/// let seen_from_elsewhere = work.clone();
/// seen_from_elsewhere.stop();
/// assert!(work.is_stopped());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Work(Arc<State>);

#[derive(Debug, Default)]
struct State {
    stop: AtomicBool,
    progress: Mutex<Progress>,
}

/// How far work is. Never ahead of the truth: what is counted was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// How much of it is done: positions, and rows where rows are compared.
    pub done: u64,
    /// How much there is; 0 where that is not known.
    pub of: u64,
}

/// What work that takes its time is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Phase {
    /// Taking a copy of a read model.
    #[default]
    Copying,
    /// Folding the log into a scratch file.
    Folding,
    /// Comparing rows.
    Comparing,
    /// Looking for the positions at which rows parted.
    Searching,
}

impl Work {
    /// Nothing done yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks it to stop: soon, between two pages or in the middle of a statement.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed)
    }

    /// Lets what was stopped be begun again.
    pub fn again(&self) {
        self.0.stop.store(false, Ordering::Relaxed);
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        *self.lock()
    }

    /// Begins something of which there is so much.
    pub(super) fn begin(&self, phase: Phase, of: u64) {
        *self.lock() = Progress { phase, done: 0, of };
    }

    /// So much of it is done.
    pub(super) fn did(&self, done: u64) {
        self.lock().done = done;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.0
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
