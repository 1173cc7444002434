//! When a read model will have caught up, from rates.

use std::time::Duration;

/// When what is behind will have caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eta {
    /// In so long, if the rates stay as they are. 0 where nothing is behind.
    Known(Duration),
    /// Never, as things stand: no more is applied than is stored.
    FallingBehind,
    /// Too few samples to say.
    Unknown,
}

impl Eta {
    /// The time, where it is known.
    pub const fn known(self) -> Option<Duration> {
        match self {
            Self::Known(time) => Some(time),
            Self::FallingBehind | Self::Unknown => None,
        }
    }
}

/// When `behind` events will have been applied: behind / (a − w), in events a second, where `stored`
/// is w and `applied` is a, but never more than `cap`, what the policy itself permits (`rate 200/s`).
///
/// `FallingBehind` when a ≤ w. Rates that are `None`, for want of samples, give `Unknown`, unless
/// nothing is behind. For a rebuild, `behind` is what lies between its checkpoint and the head,
/// `stored` how fast that head moves, and `applied` the rebuild's own rate.
///
/// The rates describe work that goes on. For a read model that is paused, or that its policy holds
/// back, they say nothing about when it will go on.
pub fn eta(behind: u64, stored: Option<f64>, applied: Option<f64>, cap: Option<f64>) -> Eta {
    if behind == 0 {
        return Eta::Known(Duration::ZERO);
    }
    let (Some(stored), Some(applied)) = (stored, applied) else {
        return Eta::Unknown;
    };
    let gain = cap.map_or(applied, |cap| applied.min(cap)) - stored;
    if gain <= 0.0 || gain.is_nan() {
        return Eta::FallingBehind;
    }
    #[allow(clippy::cast_precision_loss)] // an estimate
    let seconds = behind as f64 / gain;
    // A gain so small that the time does not fit a duration is none.
    Duration::try_from_secs_f64(seconds).map_or(Eta::FallingBehind, Eta::Known)
}
