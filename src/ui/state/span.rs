//! Which stretch of time charts show: how long, and until when.

use std::time::Duration;

use crate::event::Timestamp;

/// The stretches there are, in seconds, from the shortest to the longest.
const STRETCHES: [u32; 12] = [
    10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400,
];

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its place among the stretches.
    stretch: usize,
    /// Where it ends; `None` follows what is new.
    pub end: Option<Timestamp>,
}

impl Default for Span {
    /// Two minutes, up to now.
    fn default() -> Self {
        Self {
            stretch: 3,
            end: None,
        }
    }
}

impl Span {
    /// How long it is, in seconds.
    pub fn seconds(self) -> f64 {
        f64::from(STRETCHES[self.stretch])
    }

    /// A shorter one, or a longer one; the shortest and the longest stay.
    pub fn zoom(&mut self, closer: bool) {
        self.stretch = if closer {
            self.stretch.saturating_sub(1)
        } else {
            (self.stretch + 1).min(STRETCHES.len() - 1)
        };
    }

    /// Moves a quarter of its length back, or on; from now on it follows again. Nothing is before the `oldest`.
    pub fn pan(&mut self, back: bool, now: Timestamp, oldest: Timestamp) {
        let quarter = Duration::from_secs_f64(self.seconds() / 4.0);
        let end = self.end.unwrap_or(now);
        let moved = if back {
            end.checked_sub(quarter).unwrap_or(end).max(oldest)
        } else {
            end.checked_add(quarter).unwrap_or(end)
        };
        self.end = Some(moved).filter(|end| *end < now);
    }

    /// From when to when, in seconds before (below 0) this moment.
    pub fn window(self, now: Timestamp) -> (f64, f64) {
        let to = self
            .end
            .map_or(0.0, |end| end.duration_since(now).as_secs_f64());
        (to - self.seconds(), to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn it_follows_until_somebody_goes_back_and_again_once_back_at_now() {
        let (now, oldest) = (at(1_000), at(930));
        let mut span = Span::default();
        assert_eq!(span.window(now), (-120.0, 0.0));
        span.pan(true, now, oldest);
        assert_eq!(span.window(now), (-150.0, -30.0));
        assert_eq!(span.window(at(1_010)), (-160.0, -40.0), "it stands still");
        span.pan(true, now, oldest);
        span.pan(true, now, oldest);
        assert_eq!(span.end, Some(oldest), "nothing is before the oldest");
        for _ in 0..3 {
            span.pan(false, now, oldest);
        }
        assert_eq!(span.end, None);
    }

    #[test]
    fn zooming_stops_at_both_ends() {
        let mut span = Span::default();
        for _ in 0..20 {
            span.zoom(true);
        }
        assert!((span.seconds() - 10.0).abs() < 1e-9);
        for _ in 0..20 {
            span.zoom(false);
        }
        assert!((span.seconds() - 86_400.0).abs() < 1e-9);
    }
}
