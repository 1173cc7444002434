//! Whose turn it is: the live version's, which must not be late, or that of what is built beside it.
//!
//! One thread runs both, so that a page of the new version is what live work waits for. Its pages are short
//! while there is live work and a little longer while there is none; and where live work never rests, the new
//! version gets a share of the time only.

use std::time::Duration;

/// How long a page takes, about, while there is live work.
const BUSY: Duration = Duration::from_millis(20);

/// The same while there is none: long enough that the commit at its end costs nothing.
const IDLE: Duration = Duration::from_millis(100);

/// After live work, for how long more of it is expected.
const EXPECTED: Duration = Duration::from_secs(1);

/// How often longer than the page before the live version then works alone, if it has so much to do: with an
/// objective, and without.
const SHARES: (u32, u32) = (4, 1);

/// The first page.
const FIRST: usize = 100;

/// The longest.
const LONGEST: usize = 10_000;

/// When a page of the new version may run, and how long it may be.
pub(super) struct Turns {
    events: usize,
    live_worked_at: Option<Duration>,
    /// Until then (monotonic) the live version goes first.
    live_until: Duration,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self {
            events: FIRST,
            live_worked_at: None,
            live_until: Duration::ZERO,
        }
    }

    /// The live version had something to do.
    pub(super) fn live_worked(&mut self, monotonic: Duration) {
        self.live_worked_at = Some(monotonic);
    }

    /// How many events the next page may have; `None` while the live version, which has more to do, goes
    /// first.
    pub(super) fn page(&self, monotonic: Duration, live_has_more: bool) -> Option<usize> {
        (!live_has_more || monotonic >= self.live_until).then_some(self.events)
    }

    /// A page took so long: the next one is made to take as long as it should.
    pub(super) fn took(
        &mut self,
        took: Duration,
        monotonic: Duration,
        objective: Option<Duration>,
    ) {
        let share = match objective {
            Some(_) => SHARES.0,
            None => SHARES.1,
        };
        self.live_until = monotonic + took * share;
        let wanted = self.wanted(monotonic, objective).as_secs_f64();
        let factor = wanted / took.as_secs_f64().max(1e-6);
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let events = (self.events as f64 * factor.clamp(0.05, 2.0)) as usize;
        self.events = events.clamp(1, LONGEST);
    }

    fn wanted(&self, monotonic: Duration, objective: Option<Duration>) -> Duration {
        let expected = |at: Duration| monotonic < at + EXPECTED;
        let most = if self.live_worked_at.is_some_and(expected) {
            BUSY
        } else {
            IDLE
        };
        objective.map_or(most, |objective| most.min(objective / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Pages of a version whose every event takes so long, until they stay as they are.
    fn settles(each: Duration, busy: bool, objective: Option<Duration>) -> Duration {
        let mut turns = Turns::new();
        let mut now = MS(10_000);
        for _ in 0..40 {
            if busy {
                turns.live_worked(now);
            }
            let events = turns.page(now, false).unwrap();
            let took = each * u32::try_from(events).unwrap();
            now += took;
            turns.took(took, now, objective);
        }
        each * u32::try_from(turns.events).unwrap()
    }

    #[test]
    fn a_page_is_as_long_as_live_work_can_wait() {
        let slow = MS(1);
        assert!(settles(slow, true, None) <= MS(20));
        assert!(settles(slow, true, Some(MS(40))) <= MS(10));
        let idle = settles(slow, false, None);
        assert!(idle > MS(50) && idle <= MS(100), "{idle:?}");
        let fast = Duration::from_micros(1);
        assert_eq!(settles(fast, true, None), fast * 10_000);
    }

    #[test]
    fn a_live_version_that_never_rests_has_most_of_the_time() {
        let mut turns = Turns::new();
        let objective = Some(MS(1_000));
        let (mut now, mut shadow, mut live) = (MS(0), MS(0), MS(0));
        while now < MS(2_000) {
            turns.live_worked(now);
            match turns.page(now, true) {
                Some(_) => {
                    shadow += MS(10);
                    now += MS(10);
                    turns.took(MS(10), now, objective);
                }
                None => {
                    live += MS(1);
                    now += MS(1);
                }
            }
        }
        assert!(live >= shadow * 3, "{live:?} and {shadow:?}");
        assert!(shadow > MS(200), "it goes on all the same: {shadow:?}");
    }
}
