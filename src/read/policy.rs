//! Policies: when a projection applies what is waiting. Words in, words out, and the pure decision.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// When a projection applies what is waiting.
///
/// ```
/// use highwater::read::Policy;
/// let policy: Policy = "batch 500 or 5s".parse()?;
/// assert_eq!(policy.to_string(), "batch 500 or 5s");
/// # Ok::<(), highwater::read::PolicyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Policy {
    /// As `live`, and a command is answered only once the read model has it.
    Sync,
    /// As soon as events arrive, whatever is waiting in one transaction.
    #[default]
    Live,
    /// When so many wait, or the oldest has waited so long.
    Batch {
        /// How many.
        events: u64,
        /// How long.
        or: Duration,
    },
    /// On a schedule.
    Every(Duration),
    /// Each event when it is so old.
    Delay(Duration),
    /// At most so many a second.
    Rate(u64),
    /// When somebody asks.
    Manual,
}

/// Why a policy could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "policy {given:?} is not known{because}: write sync, live, batch 500 or 5s, every 2s, delay 10s, rate 200/s or manual"
)]
pub struct PolicyError {
    /// What was given.
    pub given: String,
    /// What is wrong with it, with a leading space and in brackets; empty where nothing fits at all.
    pub because: String,
}

/// Why a duration could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a duration: write a number and a unit, as 250ms, 2s, 5m or 1h")]
pub struct DurationError {
    /// What was given.
    pub given: String,
}

/// The longest period, delay or objective: 366 days.
pub const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Reads `250ms`, `2s`, `1.5s`, `5m`, `1h`, `1d`. Errors: no number, no unit, zero, or over 366 days.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError {
        given: text.to_owned(),
    };
    let text = text.trim();
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(duration) if !duration.is_zero() && duration <= LONGEST => Ok(duration),
        _ => Err(wrong()),
    }
}

/// Writes a duration as [`parse_duration`] reads it: the largest unit that needs no fraction.
pub fn format_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    let units = [
        (86_400_000_000, "d"),
        (3_600_000_000, "h"),
        (60_000_000, "m"),
        (1_000_000, "s"),
        (1_000, "ms"),
    ];
    match units
        .iter()
        .find(|(size, _)| micros > 0 && micros.is_multiple_of(*size))
    {
        Some((size, unit)) => format!("{}{unit}", micros / size),
        None => format!("{micros}us"),
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(given: &str) -> Result<Self, PolicyError> {
        let because = |because: String| PolicyError {
            given: given.to_owned(),
            because,
        };
        let unknown = || because(String::new());
        let duration = |text: &str| parse_duration(text).map_err(|e| because(format!(" ({e})")));
        let count = |text: &str| match text.parse::<u64>() {
            Ok(n) if (1..=1_000_000_000).contains(&n) => Ok(n),
            _ => Err(because(format!(
                " ({text:?} is not a number from 1 to 1,000,000,000)"
            ))),
        };
        let words: Vec<&str> = given.split_whitespace().collect();
        match words.as_slice() {
            ["sync"] => Ok(Self::Sync),
            ["live"] => Ok(Self::Live),
            ["manual"] => Ok(Self::Manual),
            ["batch", events, "or", time] => Ok(Self::Batch {
                events: count(events)?,
                or: duration(time)?,
            }),
            ["every", period] => Ok(Self::Every(duration(period)?)),
            ["delay", delay] => Ok(Self::Delay(duration(delay)?)),
            ["rate", rate] => {
                let number = rate.strip_suffix("/s").ok_or_else(unknown)?;
                Ok(Self::Rate(count(number)?))
            }
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Sync => "sync".to_owned(),
            Self::Live => "live".to_owned(),
            Self::Batch { events, or } => format!("batch {events} or {}", format_duration(*or)),
            Self::Every(period) => format!("every {}", format_duration(*period)),
            Self::Delay(delay) => format!("delay {}", format_duration(*delay)),
            Self::Rate(rate) => format!("rate {rate}/s"),
            Self::Manual => "manual".to_owned(),
        };
        f.pad(&text)
    }
}

impl From<Policy> for String {
    fn from(policy: Policy) -> Self {
        policy.to_string()
    }
}

impl TryFrom<String> for Policy {
    type Error = PolicyError;
    fn try_from(text: String) -> Result<Self, PolicyError> {
        text.parse()
    }
}

impl Policy {
    /// How late the policy itself makes a read model: what is not counted as `excess`. `None` where
    /// any lateness is the policy's own (`manual`).
    pub const fn allowance(self) -> Option<Duration> {
        match self {
            Self::Sync | Self::Live | Self::Rate(_) => Some(Duration::ZERO),
            Self::Batch { or, .. } => Some(or),
            Self::Every(period) => Some(period),
            Self::Delay(delay) => Some(delay),
            Self::Manual => None,
        }
    }
}
