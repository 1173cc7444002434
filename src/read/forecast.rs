//! What another policy would have given: the same decisions as the runner's, taken over recorded arrivals
//! in made-up time. Pure, and checked against really running the policy.

use std::time::Duration;

use super::pace::{Allowed, Now, Pace, Waiting};
use super::policy::Policy;
use super::runner::PAGE_NEAR;
use crate::event::{Position, Timestamp};

/// What applying costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Each transaction, whatever is in it.
    pub page: Duration,
    /// Each event.
    pub event: Duration,
}

/// When each of these events would have been visible under a policy that began at `started`; `None` where
/// it would not have been by `until`, or never without somebody who asks.
///
/// `arrivals` are the times at which the events were recorded, in the log's order; those of one moment came together.
///
/// ```
/// use std::time::Duration;
/// use highwater::event::Timestamp;
/// use highwater::read::{Cost, forecast};
///
/// let start = Timestamp::from_second(1_700_000_000)?;
/// let arrivals = [start + Duration::from_millis(300), start + Duration::from_millis(900)];
/// let visible = forecast("every 2s".parse()?, &arrivals, start, start + Duration::from_secs(10), Cost::default());
/// assert_eq!(visible, [Some(start + Duration::from_secs(2)); 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn forecast(
    policy: Policy,
    arrivals: &[Timestamp],
    started: Timestamp,
    until: Timestamp,
    cost: Cost,
) -> Vec<Option<Timestamp>> {
    let mut course = Course {
        arrivals,
        started,
        cost,
        pace: Pace::new(policy, Duration::ZERO),
        now: started,
        goal: 0,
        visible: Vec::with_capacity(arrivals.len()),
    };
    while course.visible.len() < arrivals.len() && course.now <= until {
        if !course.step() {
            break;
        }
    }
    let mut visible = course.visible;
    for at in &mut visible {
        *at = at.filter(|at| *at <= until);
    }
    visible.resize(arrivals.len(), None);
    visible
}

/// For how long, between two moments, an event had been waiting for longer than `objective`: how long a
/// read model that showed each event when `visible` says was in breach of it.
pub fn late_for(
    arrivals: &[Timestamp],
    visible: &[Option<Timestamp>],
    objective: Duration,
    from: Timestamp,
    to: Timestamp,
) -> Duration {
    let mut late = Duration::ZERO;
    let mut counted_to = from;
    for (arrived, visible) in arrivals.iter().zip(visible) {
        let begins = after(*arrived, objective).max(counted_to);
        let ends = visible.unwrap_or(to).min(to);
        if let Ok(time) = Duration::try_from(ends.duration_since(begins)) {
            late += time;
            counted_to = ends.max(counted_to);
        }
    }
    late
}

struct Course<'a> {
    arrivals: &'a [Timestamp],
    started: Timestamp,
    cost: Cost,
    pace: Pace,
    now: Timestamp,
    /// Up to here nothing holds anything back.
    goal: usize,
    visible: Vec<Option<Timestamp>>,
}

impl Course<'_> {
    /// One decision; whether there is another one to take.
    fn step(&mut self) -> bool {
        let done = self.visible.len();
        let arrived = done + self.arrivals[done..].partition_point(|at| *at <= self.now);
        if done < self.goal {
            self.apply(self.goal.min(done + PAGE_NEAR));
            return true;
        }
        let now = Now {
            wall: self.now,
            monotonic: self.since(self.now),
        };
        let waiting = Waiting {
            count: (arrived - done) as u64,
            oldest: (done < arrived).then(|| {
                let recorded = self.arrivals[done];
                (recorded, self.since(recorded))
            }),
            looked_to: Position::START,
        };
        match self.pace.allowed(&waiting, now) {
            Allowed::ToHead => {
                self.goal = arrived;
                true
            }
            Allowed::Nothing(at) => {
                let at = at.map(|at| after(self.started, at));
                self.wait(at, arrived)
            }
            Allowed::Apply {
                events,
                recorded_by,
            } => {
                let most = usize::try_from(events).unwrap_or(usize::MAX).min(PAGE_NEAR);
                let by = recorded_by.unwrap_or(Timestamp::MAX);
                let old_enough =
                    done + self.arrivals[done..arrived].partition_point(|at| *at <= by);
                let end = old_enough.min(done.saturating_add(most));
                if end > done {
                    self.apply(end);
                    self.pace.spent((end - done) as u64, now);
                    return true;
                }
                let held = (done < arrived).then(|| {
                    let left = self.arrivals[done].duration_since(by);
                    after(self.now, Duration::try_from(left).unwrap_or_default())
                });
                self.wait(held, arrived)
            }
        }
    }

    fn apply(&mut self, end: usize) {
        let events = end - self.visible.len();
        let all = self.cost.event * u32::try_from(events).unwrap_or(u32::MAX);
        self.now = after(self.now, self.cost.page + all);
        self.visible.resize(end, Some(self.now));
    }

    /// Until the next event arrives, or until then.
    fn wait(&mut self, until: Option<Timestamp>, arrived: usize) -> bool {
        let next = self.arrivals.get(arrived).copied();
        match [until, next].into_iter().flatten().min() {
            Some(at) => {
                self.now = at.max(self.now);
                true
            }
            None => false,
        }
    }

    fn since(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.started)).unwrap_or_default()
    }
}

/// A time after another one, or the last that there is.
fn after(at: Timestamp, time: Duration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap() + Duration::from_millis(millis)
    }

    #[test]
    fn lateness_counts_each_moment_once() {
        let arrivals = [at(0), at(100), at(5_000), at(9_900)];
        let visible = [Some(at(2_000)), Some(at(2_500)), Some(at(5_001)), None];
        let late = |objective| {
            late_for(
                &arrivals,
                &visible,
                Duration::from_millis(objective),
                at(0),
                at(12_000),
            )
        };
        // Late from 1.0 to 2.5 s, and from 10.9 s to the end.
        assert_eq!(late(1_000), Duration::from_millis(1_500 + 1_100));
        assert_eq!(late(60_000), Duration::ZERO);
    }

    #[test]
    fn what_costs_more_than_comes_is_later_and_later() {
        let arrivals: Vec<Timestamp> = (0..100).map(|n| at(n * 10)).collect();
        let cost = Cost {
            page: Duration::ZERO,
            event: Duration::from_millis(20),
        };
        let visible = forecast(Policy::Live, &arrivals, at(0), at(60_000), cost);
        assert_eq!(visible[0], Some(at(20)));
        assert!(visible[99].unwrap() >= at(2_000));
    }

    #[test]
    fn manual_shows_nothing_by_itself() {
        let visible = forecast(Policy::Manual, &[at(1)], at(0), at(60_000), Cost::default());
        assert_eq!(visible, [None]);
    }
}
