//! What a policy allows just now: pure decisions over times and counts, for the runner to carry out.

use std::collections::VecDeque;
use std::time::Duration;

use super::policy::Policy;
use crate::event::{Position, Timestamp};

/// Both clocks at one moment. The wall clock can step; the other cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The time of day.
    pub wall: Timestamp,
    /// Time since some fixed start.
    pub monotonic: Duration,
}

/// What waits beyond the checkpoint, as far as the policy needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// How many subscribed events were counted.
    pub count: u64,
    /// The first of them: when it was recorded, and when it was first seen waiting (monotonic).
    pub oldest: Option<(Timestamp, Duration)>,
    /// Up to where the log was looked at.
    pub looked_to: Position,
}

impl Waiting {
    /// How long the oldest has waited: by the wall clock, and no less than it was seen waiting.
    pub fn age(&self, now: Now) -> Duration {
        self.oldest.map_or(Duration::ZERO, |(recorded, seen)| {
            let by_wall = Duration::try_from(now.wall.duration_since(recorded)).unwrap_or_default();
            by_wall.max(now.monotonic.saturating_sub(seen))
        })
    }
}

/// What may be applied now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// At most so many subscribed events, and only those recorded no later than this.
    Apply {
        /// How many.
        events: u64,
        /// Recorded when.
        recorded_by: Option<Timestamp>,
    },
    /// Everything up to the head as it is now, in as many steps as that takes.
    ToHead,
    /// Nothing. Ask again at this time (monotonic); `None`: only when something changes.
    Nothing(Option<Duration>),
}

/// A policy with what it must remember: the schedule's start, the rate's budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    policy: Policy,
    started: Duration,
    /// Tick of `every` that was served last.
    served: u64,
    budget: f64,
    budgeted_at: Duration,
    /// What `rate` let through in the last second, with the times.
    spent: VecDeque<(Duration, u64)>,
}

/// `rate` counts by the second.
const SECOND: Duration = Duration::from_secs(1);

/// What was spent closer together than this counts as one, so that little is remembered.
const GRAIN: Duration = Duration::from_millis(5);

impl Pace {
    /// Begins to keep to a policy.
    pub fn new(policy: Policy, monotonic: Duration) -> Self {
        Self {
            policy,
            started: monotonic,
            served: 0,
            budget: 1.0,
            budgeted_at: monotonic,
            spent: VecDeque::new(),
        }
    }

    /// The policy.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// Until how many events must wait before counting them can stop; `None` where nothing needs counting.
    pub fn counts_to(&self) -> Option<u64> {
        match self.policy {
            Policy::Batch { events, .. } => Some(events),
            Policy::Every(_) | Policy::Manual => Some(1),
            _ => None,
        }
    }

    /// What may be applied now.
    pub fn allowed(&mut self, waiting: &Waiting, now: Now) -> Allowed {
        match self.policy {
            Policy::Sync | Policy::Live => Allowed::Apply {
                events: u64::MAX,
                recorded_by: None,
            },
            Policy::Manual => Allowed::Nothing(None),
            Policy::Batch { events, or } => {
                let age = waiting.age(now);
                if waiting.count >= events || (waiting.count > 0 && age >= or) {
                    Allowed::ToHead
                } else {
                    let left = or.saturating_sub(age);
                    Allowed::Nothing((waiting.count > 0).then(|| now.monotonic + left))
                }
            }
            Policy::Every(period) => self.on_schedule(period, waiting, now),
            Policy::Delay(delay) => {
                let by = now.wall.checked_sub(delay).unwrap_or(Timestamp::MIN);
                Allowed::Apply {
                    events: u64::MAX,
                    recorded_by: Some(by),
                }
            }
            Policy::Rate(rate) => self.within_rate(rate, now),
        }
    }

    /// Whatever waited at a tick is applied, once a tick; what came after it waits for the next one.
    fn on_schedule(&mut self, period: Duration, waiting: &Waiting, now: Now) -> Allowed {
        let running = now.monotonic.saturating_sub(self.started);
        let ticks = running.as_nanos() / period.as_nanos().max(1);
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
        let nth = |n: u64| {
            let passed = period.as_nanos().saturating_mul(u128::from(n));
            let passed = u64::try_from(passed).unwrap_or(u64::MAX);
            self.started.saturating_add(Duration::from_nanos(passed))
        };
        let since_tick = now.monotonic.saturating_sub(nth(ticks));
        if waiting.count == 0 {
            Allowed::Nothing(None)
        } else if ticks > self.served && waiting.age(now) >= since_tick {
            self.served = ticks;
            Allowed::ToHead
        } else {
            Allowed::Nothing(Some(nth(ticks + 1)))
        }
    }

    /// As many as were saved up, and never more than the rate within any second.
    fn within_rate(&mut self, rate: u64, now: Now) -> Allowed {
        self.refill(rate, now);
        while self
            .spent
            .front()
            .is_some_and(|(at, _)| *at + SECOND <= now.monotonic)
        {
            self.spent.pop_front();
        }
        let spent = self.spent.iter().map(|(_, events)| events).sum();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let events = (self.budget as u64).min(rate.saturating_sub(spent));
        if events > 0 {
            return Allowed::Apply {
                events,
                recorded_by: None,
            };
        }
        #[allow(clippy::cast_precision_loss)]
        let saved = Duration::from_secs_f64((1.0 - self.budget).max(0.0) / rate as f64);
        // A whisker more, so that rounding does not wake us just before it is there.
        let saved = now.monotonic + saved + Duration::from_micros(1);
        let full = self.spent.front().filter(|_| spent >= rate);
        Allowed::Nothing(Some(full.map_or(saved, |(at, _)| saved.max(*at + SECOND))))
    }

    /// Tells that so many of the events that were allowed were applied.
    pub fn spent(&mut self, events: u64, now: Now) {
        if !matches!(self.policy, Policy::Rate(_)) || events == 0 {
            return;
        }
        #[allow(clippy::cast_precision_loss)]
        let cost = events as f64;
        self.budget = (self.budget - cost).max(0.0);
        match self.spent.back_mut() {
            Some((at, already)) if grain(*at) == grain(now.monotonic) => {
                *at = now.monotonic;
                *already += events;
            }
            _ => self.spent.push_back((now.monotonic, events)),
        }
    }

    /// A tenth of a second's worth can be saved up: enough for smooth work, too little for a burst.
    #[allow(clippy::cast_precision_loss)]
    fn refill(&mut self, rate: u64, now: Now) {
        let rate = rate as f64;
        let passed = now.monotonic.saturating_sub(self.budgeted_at).as_secs_f64();
        self.budgeted_at = now.monotonic;
        self.budget = (self.budget + passed * rate).min((rate / 10.0).max(1.0));
    }
}

const fn grain(at: Duration) -> u128 {
    at.as_nanos() / GRAIN.as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Now {
        let wall = Timestamp::from_second(1_700_000_000).unwrap() + Duration::from_millis(millis);
        Now {
            wall,
            monotonic: Duration::from_millis(millis),
        }
    }

    fn waiting(count: u64, since: u64) -> Waiting {
        let now = at(since);
        Waiting {
            count,
            oldest: (count > 0).then_some((now.wall, now.monotonic)),
            looked_to: Position::START,
        }
    }

    fn pace(policy: &str) -> Pace {
        Pace::new(policy.parse().unwrap(), Duration::ZERO)
    }

    const ALL: Allowed = Allowed::Apply {
        events: u64::MAX,
        recorded_by: None,
    };
    const MILLI: fn(u64) -> Option<Duration> = |n| Some(Duration::from_millis(n));

    #[test]
    fn live_and_sync_apply_whatever_waits() {
        for policy in ["live", "sync"] {
            assert_eq!(pace(policy).allowed(&waiting(3, 0), at(0)), ALL);
        }
    }

    #[test]
    fn manual_waits_for_somebody() {
        assert_eq!(
            pace("manual").allowed(&waiting(3, 0), at(1_000_000)),
            Allowed::Nothing(None)
        );
    }

    #[test]
    fn a_batch_is_due_by_count_or_by_age() {
        let mut batch = pace("batch 500 or 5s");
        assert_eq!(
            batch.allowed(&waiting(499, 0), at(4_999)),
            Allowed::Nothing(MILLI(5_000))
        );
        assert_eq!(batch.allowed(&waiting(500, 0), at(1)), Allowed::ToHead);
        assert_eq!(batch.allowed(&waiting(1, 0), at(5_000)), Allowed::ToHead);
        assert_eq!(
            batch.allowed(&waiting(0, 0), at(9_000)),
            Allowed::Nothing(None)
        );
    }

    #[test]
    fn a_batch_is_due_though_the_clock_stepped_back() {
        let mut now = at(5_000);
        now.wall = at(0).wall - Duration::from_secs(3_600);
        assert_eq!(
            pace("batch 500 or 5s").allowed(&waiting(1, 0), now),
            Allowed::ToHead
        );
    }

    #[test]
    fn a_schedule_ticks_once_a_period_and_skips_what_it_missed() {
        let mut every = pace("every 2s");
        assert_eq!(
            every.allowed(&waiting(1, 0), at(1_999)),
            Allowed::Nothing(MILLI(2_000))
        );
        assert_eq!(every.allowed(&waiting(1, 0), at(2_000)), Allowed::ToHead);
        assert_eq!(
            every.allowed(&waiting(1, 0), at(2_001)),
            Allowed::Nothing(MILLI(4_000))
        );
        assert_eq!(every.allowed(&waiting(1, 0), at(9_000)), Allowed::ToHead);
        assert_eq!(
            every.allowed(&waiting(1, 0), at(9_001)),
            Allowed::Nothing(MILLI(10_000))
        );
        assert_eq!(
            every.allowed(&waiting(0, 0), at(9_002)),
            Allowed::Nothing(None)
        );
    }

    #[test]
    fn a_delay_lets_through_what_is_old_enough() {
        let by = Some(at(0).wall);
        let allowed = pace("delay 10s").allowed(&waiting(0, 0), at(10_000));
        assert_eq!(
            allowed,
            Allowed::Apply {
                events: u64::MAX,
                recorded_by: by
            }
        );
    }

    #[test]
    fn a_rate_is_kept_over_time() {
        let mut rate = pace("rate 200/s");
        let mut applied = 0;
        let mut now = 0;
        while now < 10_000 {
            match rate.allowed(&waiting(1_000, 0), at(now)) {
                Allowed::Apply { events, .. } => {
                    applied += events;
                    rate.spent(events, at(now));
                }
                Allowed::Nothing(Some(until)) => {
                    now = u64::try_from(until.as_millis()).unwrap() + 1
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(
            (1_600..=2_000).contains(&applied),
            "{applied} in 10 s at 200 a second"
        );
    }

    #[test]
    fn a_rate_saves_up_no_burst() {
        let mut rate = pace("rate 200/s");
        let Allowed::Apply { events, .. } = rate.allowed(&waiting(0, 0), at(3_600_000)) else {
            panic!()
        };
        assert_eq!(events, 20);
    }

    #[test]
    fn a_schedule_of_moments_goes_on_for_years() {
        let mut every = pace("every 1ms");
        let year = 366 * 86_400_000;
        let allowed = every.allowed(&waiting(1, 0), at(year));
        assert_eq!(allowed, Allowed::ToHead);
        let allowed = every.allowed(&waiting(1, year), at(year));
        assert_eq!(allowed, Allowed::Nothing(MILLI(year + 1)));
    }
}
