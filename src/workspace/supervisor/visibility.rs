//! How long events take from stored to visible, over the last minute.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::event::Timestamp;

/// What is told of them, in microseconds.
#[derive(Clone)]
pub(super) struct Figures {
    /// Half, 99 of 100, and all were visible after so long.
    pub(super) at: [u64; 3],
    /// How many were visible after so long at most, and after more than the bucket before: those with any.
    pub(super) buckets: Vec<(u64, u64)>,
}

impl Figures {
    fn of(all: &Histogram<u64>) -> Self {
        let mut buckets: Vec<(u64, u64)> = Vec::new();
        for value in all.iter_recorded() {
            let bound = bound(value.value_iterated_to());
            match buckets.last_mut().filter(|(last, _)| *last == bound) {
                Some((_, count)) => *count += value.count_at_value(),
                None => buckets.push((bound, value.count_at_value())),
            }
        }
        Self {
            at: [
                all.value_at_quantile(0.5),
                all.value_at_quantile(0.99),
                all.max(),
            ],
            buckets,
        }
    }
}

/// The bucket of a time: 10, 20, 50, 100 microseconds and so on. Below 10 there is one, and one above an hour.
fn bound(micros: u64) -> u64 {
    let mut ten = 10;
    loop {
        for step in [1, 2, 5] {
            let bound = ten * step;
            if bound >= micros || bound >= 5_000_000_000 {
                return bound;
            }
        }
        ten *= 10;
    }
}

/// From stored to visible, over the last minute: two halves, so that the older can be dropped.
pub(super) struct Visibility {
    halves: [Histogram<u64>; 2],
    turned: Duration,
    figures: Option<Figures>,
    figured: Option<Duration>,
}

impl Visibility {
    const HALF: Duration = Duration::from_secs(30);

    /// Adding histograms up costs more than a step does: not more often than anybody reads it.
    const FIGURES_EVERY: Duration = Duration::from_millis(200);

    pub(super) fn new() -> Self {
        // 1 µs to an hour, to two digits: the bounds are constant and valid.
        let half =
            || Histogram::new_with_bounds(1, 3_600_000_000, 2).unwrap_or_else(|_| unreachable!());
        Self {
            halves: [half(), half()],
            turned: Duration::ZERO,
            figures: None,
            figured: None,
        }
    }

    pub(super) fn record(
        &mut self,
        recorded: &[Timestamp],
        visible: Timestamp,
        monotonic: Duration,
    ) {
        self.turn(monotonic);
        for at in recorded {
            let took = visible.as_microsecond() - at.as_microsecond();
            self.halves[0].saturating_record(u64::try_from(took).unwrap_or(0).max(1));
        }
    }

    pub(super) fn turn(&mut self, monotonic: Duration) {
        if monotonic >= self.turned + Self::HALF {
            self.halves.swap(0, 1);
            self.halves[0].reset();
            self.turned = monotonic;
        }
    }

    pub(super) fn figures(&mut self, monotonic: Duration) -> Option<&Figures> {
        if self
            .figured
            .is_none_or(|at| monotonic >= at + Self::FIGURES_EVERY)
        {
            self.figured = Some(monotonic);
            self.turn(monotonic);
            let mut all = self.halves[0].clone();
            self.figures = all
                .add(&self.halves[1])
                .ok()
                .filter(|()| !all.is_empty())
                .map(|()| Figures::of(&all));
        }
        self.figures.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_few_and_each_time_is_in_the_first_that_holds_it() {
        for (micros, expected) in [
            (1, 10),
            (10, 10),
            (11, 20),
            (20, 20),
            (21, 50),
            (51, 100),
            (3_600_000_000, 5_000_000_000),
            (u64::MAX, 5_000_000_000),
        ] {
            assert_eq!(bound(micros), expected, "{micros}");
        }
        let mut visibility = Visibility::new();
        for micros in [5, 7, 15, 15, 15, 40_000] {
            let recorded = Timestamp::from_microsecond(0).unwrap();
            let visible = Timestamp::from_microsecond(micros).unwrap();
            visibility.record(&[recorded], visible, Duration::ZERO);
        }
        let told = visibility.figures(Duration::ZERO).unwrap();
        assert_eq!(told.buckets, [(10, 2), (20, 3), (50_000, 1)]);
        // A minute later nothing is left of them.
        visibility.turn(Duration::from_secs(31));
        assert!(visibility.figures(Duration::from_secs(62)).is_none());
    }
}
