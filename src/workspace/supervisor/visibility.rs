//! How long events take from stored to visible, over the last minute.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::event::Timestamp;

/// From stored to visible, over the last minute: two halves, so that the older can be dropped.
pub(super) struct Visibility {
    halves: [Histogram<u64>; 2],
    turned: Duration,
    figures: Option<[u64; 3]>,
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

    pub(super) fn figures(&mut self, monotonic: Duration) -> Option<[u64; 3]> {
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
                .map(|()| {
                    [
                        all.value_at_quantile(0.5),
                        all.value_at_quantile(0.99),
                        all.max(),
                    ]
                });
        }
        self.figures
    }
}
