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
#[non_exhaustive]
pub enum PolicyError {
    /// There is none that is written like this.
    #[error(
        "policy {given:?} is not known: write sync, live, batch 500 or 5s, every 2s, delay 10s, rate 200/s or manual"
    )]
    Unknown {
        /// What was given.
        given: String,
    },
    /// A number or a duration in it cannot be.
    #[error("policy {given:?} cannot be: {because}")]
    Impossible {
        /// What was given.
        given: String,
        /// What is wrong with it, and what to write instead.
        because: String,
    },
}

/// Why a duration could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// It is not written as one.
    #[error("{given:?} is not a duration: write a number and a unit, as 250ms, 2s, 5m or 1h")]
    Words {
        /// What was given.
        given: String,
    },
    /// It is nothing.
    #[error("{given:?} is no time at all: write at least 1us")]
    Nothing {
        /// What was given.
        given: String,
    },
    /// It is longer than [`LONGEST`].
    #[error("{given:?} is too long: write at most 366d")]
    TooLong {
        /// What was given.
        given: String,
    },
}

/// The longest period, delay or objective: 366 days.
pub const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Reads `250ms`, `2s`, `1.5s`, `5m`, `1h`, `1d`. Errors: no number, no unit, zero, or over 366 days.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let given = || text.to_owned();
    let wrong = || DurationError::Words { given: given() };
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
        Ok(duration) if duration.is_zero() => Err(DurationError::Nothing { given: given() }),
        Ok(duration) if duration <= LONGEST => Ok(duration),
        // A number without a sign that is no duration is too large for one.
        _ => Err(DurationError::TooLong { given: given() }),
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
        let unknown = || PolicyError::Unknown {
            given: given.to_owned(),
        };
        let because = |because: String| PolicyError::Impossible {
            given: given.to_owned(),
            because,
        };
        let duration = |text: &str| {
            parse_duration(text).map_err(|error| {
                because(match error {
                    DurationError::Nothing { .. } => {
                        format!("{error}, or the policy live, which waits for nothing")
                    }
                    error => error.to_string(),
                })
            })
        };
        let count = |text: &str| match text.parse::<u64>() {
            Ok(n) if (1..=1_000_000_000).contains(&n) => Ok(n),
            _ => Err(because(format!(
                "{text:?} is not a number from 1 to 1,000,000,000"
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

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        text.parse::<Policy>().unwrap_err().to_string()
    }

    #[test]
    fn a_duration_that_cannot_be_is_named_with_the_way_out() {
        for form in ["every 0s", "delay 0ms", "batch 5 or 0.0h"] {
            let (_, duration) = form.rsplit_once(' ').unwrap();
            let words = format!(
                "policy {form:?} cannot be: {duration:?} is no time at all: write at least 1us, or the policy live, \
                 which waits for nothing"
            );
            assert_eq!(wrong(form), words);
        }
        assert!(wrong("every 9999999h").ends_with("\"9999999h\" is too long: write at most 366d"));
        assert!(wrong("delay 2").contains("\"2\" is not a duration"));
        assert!(wrong("rate 0/s").contains("\"0\" is not a number from 1 to"));
        assert!(wrong("evry 2s").starts_with("policy \"evry 2s\" is not known: write sync"));
    }

    #[test]
    fn a_duration_is_longer_than_nothing_and_at_most_a_year() {
        let is = |text: &str| parse_duration(text);
        let given = |text: &str| text.to_owned();
        assert_eq!(is("1us"), Ok(Duration::from_micros(1)));
        assert_eq!(is("366d"), Ok(LONGEST));
        let too_long = Err(DurationError::TooLong {
            given: given("367d"),
        });
        assert_eq!(is("367d"), too_long);
        let nothing = Err(DurationError::Nothing { given: given("0m") });
        assert_eq!(is("0m"), nothing);
        let words = Err(DurationError::Words {
            given: given("-1s"),
        });
        assert_eq!(is("-1s"), words);
    }
}
