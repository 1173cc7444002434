//! The watchdog's view of a loop: since when it is in the step that it is in. The loop itself cannot say that
//! it hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::event::Timestamp;

/// A step that takes longer is worth telling of: pages end after a tenth of a second.
const LONG: Duration = Duration::from_millis(1_500);

/// Since when a loop is in the step that it is in: told by the loop, asked by whoever reports.
#[derive(Clone, Default)]
pub(in crate::workspace) struct Stepping(Arc<AtomicI64>);

/// No step, in microseconds since the epoch.
const NONE: i64 = 0;

impl Stepping {
    /// A step begins.
    pub(super) fn begin(&self) {
        self.0
            .store(Timestamp::now().as_microsecond(), Ordering::Relaxed);
    }

    /// It is over.
    pub(super) fn end(&self) {
        self.0.store(NONE, Ordering::Relaxed);
    }

    /// Since when it is in a step that takes long.
    pub(in crate::workspace) fn stuck_since(&self) -> Option<Timestamp> {
        let began = self.0.load(Ordering::Relaxed);
        let began = Timestamp::from_microsecond(began)
            .ok()
            .filter(|_| began != NONE)?;
        let took = Timestamp::now().duration_since(began).unsigned_abs();
        (took >= LONG).then_some(began)
    }
}
