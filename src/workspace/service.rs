//! How well an objective was held over the last hour, and what another policy would have given: from the
//! breaches that are recorded, and from the times at which events were recorded.

use std::sync::Arc;
use std::time::Duration;

use super::objectives::overdue;
use super::operations::Turn;
use super::{Policy, Workspace, WorkspaceError};
use crate::event::Timestamp;
use crate::read::{Cost, Projection, forecast, late_for, position_at};

/// How far back.
pub const OVER: Duration = Duration::from_secs(3_600);

/// The share of the time in which an objective is to be held: what is beyond that is the error budget.
pub const TARGET: f64 = 0.99;

/// The most events that a forecast looks at: the newest.
pub const MOST_ARRIVALS: usize = 1_000_000;

/// How many events are read at once.
const PAGE: usize = 5_000;

/// How an objective was held.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// How old the read model may be.
    pub objective: Duration,
    /// Over how long this looks back: an hour, or since the log began.
    pub over: Duration,
    /// For how long of it the objective was breached.
    pub breached: Duration,
    /// How often it was.
    pub breaches: usize,
}

impl Service {
    /// The share of the time in which it was held: 0 to 1.
    pub fn held(&self) -> f64 {
        1.0 - share(self.breached, self.over)
    }

    /// How long it could have been breached, by the [`TARGET`].
    pub fn budget(&self) -> Duration {
        self.over.mul_f64(1.0 - TARGET)
    }

    /// What is left of that; `None` where more than all of it was used.
    pub fn left(&self) -> Option<Duration> {
        self.budget().checked_sub(self.breached)
    }
}

/// What a policy would have given over the same events.
#[derive(Debug, Clone, PartialEq)]
pub struct WhatIf {
    /// The policy.
    pub policy: Policy,
    /// How many events there were.
    pub events: usize,
    /// Since when: an hour ago, or since the first of the newest million.
    pub since: Timestamp,
    /// From stored to visible: half were faster, 99 of 100, and the slowest of those that became visible.
    pub visible: Option<[Duration; 3]>,
    /// How many would not be visible yet.
    pub unseen: usize,
    /// The share of the time in which the objective would have been held; `None` without an objective.
    pub held: Option<f64>,
}

impl Workspace {
    /// How the objective of a projection was held over the last hour; `None` where it has none. A breach that
    /// goes on while no engine runs counts, though nobody is there to record it.
    ///
    /// Errors: no such projection, the log.
    pub async fn service(&self, projection: &str) -> Result<Option<Service>, WorkspaceError> {
        let found = self.projection(projection)?;
        let Some(objective) = found.objective() else {
            return Ok(None);
        };
        let (from, now) = self.last_hour().await?;
        let history = self.history(Some(projection)).await?;
        let recorded = history.into_iter().filter_map(|line| line.breach);
        let open = self.open_outage(&found, objective).await?;
        let (breached, breaches) = breached(recorded.chain(open), from, now);
        Ok(Some(Service {
            objective,
            over: between(from, now),
            breached,
            breaches,
        }))
    }

    /// What a policy would have given to a projection over the events of the last hour, if applying each of
    /// them cost what it is measured to cost now.
    ///
    /// Errors: no such projection, the log.
    pub async fn what_if(
        &self,
        projection: &str,
        policy: Policy,
        cost: Cost,
    ) -> Result<WhatIf, WorkspaceError> {
        let found = self.projection(projection)?;
        let (from, now) = self.last_hour().await?;
        let mut arrivals = Vec::new();
        let mut at = position_at(&*self.0.log, from).await?;
        loop {
            let page = self.0.upcasting.read_all(at, PAGE).await?;
            let Some(last) = page.last() else { break };
            at = last.position;
            let concern = page.iter().filter(|e| found.subscription().takes_event(e));
            arrivals.extend(concern.map(|event| event.recorded_at));
            if arrivals.len() > 2 * MOST_ARRIVALS {
                arrivals.drain(..arrivals.len() - MOST_ARRIVALS);
            }
        }
        let surplus = arrivals.len().saturating_sub(MOST_ARRIVALS);
        arrivals.drain(..surplus);
        let since = match arrivals.first() {
            Some(first) if surplus > 0 => *first,
            _ => from,
        };
        let visible = forecast(policy, &arrivals, since, now, cost);
        let mut took: Vec<Duration> = arrivals
            .iter()
            .zip(&visible)
            .filter_map(|(arrived, seen)| Some(between(*arrived, (*seen)?)))
            .collect();
        took.sort_unstable();
        let late = |objective| late_for(&arrivals, &visible, objective, since, now);
        let held = |objective| 1.0 - share(late(objective), between(since, now));
        Ok(WhatIf {
            policy,
            events: arrivals.len(),
            since,
            unseen: visible.iter().filter(|seen| seen.is_none()).count(),
            visible: quantiles(&took),
            held: found.objective().map(held),
        })
    }

    /// The breach that the next engine would record, where none runs. One that is recorded already goes on.
    async fn open_outage(
        &self,
        projection: &Arc<dyn Projection>,
        objective: Duration,
    ) -> Result<Option<Turn>, WorkspaceError> {
        if self.engine().is_some() {
            return Ok(None);
        }
        // Where there is no read model, all of the log waits.
        let stands = self.reader(projection).ok();
        let at = stands.as_ref().and_then(|reader| reader.checkpoint().ok());
        let at = at.map(|checkpoint| checkpoint.position).unwrap_or_default();
        let built_from = stands
            .as_ref()
            .map_or(projection, |reader| reader.projection());
        let takes = built_from.subscription();
        let since = overdue(&*self.0.log, at, takes, objective).await?;
        Ok(since.map(Turn::Raised))
    }

    /// From an hour ago, or since the log began, until now.
    async fn last_hour(&self) -> Result<(Timestamp, Timestamp), WorkspaceError> {
        let now = Timestamp::now();
        let ago = now.checked_sub(OVER).unwrap_or(Timestamp::MIN);
        let first = self
            .0
            .upcasting
            .read_all(crate::event::Position::START, 1)
            .await?;
        let began = first.first().map_or(now, |event| event.recorded_at);
        Ok((ago.max(began), now))
    }
}

/// For how long, and how often, an objective was breached between two moments.
fn breached(
    turns: impl Iterator<Item = Turn>,
    from: Timestamp,
    to: Timestamp,
) -> (Duration, usize) {
    let (mut time, mut count, mut since) = (Duration::ZERO, 0, None);
    for turn in turns {
        match turn {
            Turn::Raised(at) => since = since.or(Some(at)),
            Turn::Cleared(at) => {
                if let Some(raised) = since.take().filter(|_| at > from) {
                    time += between(raised.max(from), at.min(to));
                    count += 1;
                }
            }
        }
    }
    if let Some(raised) = since {
        time += between(raised.max(from), to);
        count += 1;
    }
    (time, count)
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() {
        return 0.0;
    }
    (part.as_secs_f64() / whole.as_secs_f64()).min(1.0)
}

/// Half, 99 of 100 and all of what is sorted.
fn quantiles(sorted: &[Duration]) -> Option<[Duration; 3]> {
    let last = sorted.len().checked_sub(1)?;
    let at = |percent: usize| sorted[(sorted.len() * percent / 100).min(last)];
    Some([at(50), at(99), sorted[last]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn breaches_count_within_the_time_that_is_looked_at() {
        let turns = [
            Turn::Raised(at(-500)),
            Turn::Cleared(at(-400)),
            Turn::Raised(at(-50)),
            Turn::Cleared(at(10)),
            Turn::Raised(at(100)),
            Turn::Raised(at(110)),
            Turn::Cleared(at(130)),
            Turn::Raised(at(3_590)),
        ];
        let (time, count) = breached(turns.into_iter(), at(0), at(3_600));
        assert_eq!((time.as_secs(), count), (10 + 30 + 10, 3));
        let (time, count) = breached([].into_iter(), at(0), at(3_600));
        assert_eq!((time, count), (Duration::ZERO, 0));
    }

    #[test]
    fn the_budget_is_a_hundredth_of_the_time() {
        let service = |breached| Service {
            objective: Duration::from_secs(1),
            over: OVER,
            breached: Duration::from_secs(breached),
            breaches: 1,
        };
        assert_eq!(service(9).left(), Some(Duration::from_secs(27)));
        assert_eq!(service(37).left(), None);
        assert!((service(36).held() - TARGET).abs() < 1e-9);
    }
}
