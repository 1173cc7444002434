//! Read models as they were: which position a time is, and a fold up to there.

use std::str::FromStr;
use std::time::Duration;

use super::verify::database_size;
use super::{Workspace, WorkspaceError};
use crate::event::{Position, Timestamp};
use crate::log::EventLog as _;
use crate::read::{About, Past, Work, parse_duration, position_at};

/// When something is wanted as of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// Up to a position; 0 is before the first event.
    Position(Position),
    /// Up to the last event that was recorded by then.
    Time(Timestamp),
    /// Up to the last event that was recorded so long ago.
    Ago(Duration),
}

/// Why a point of time could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no point of time: write a position (128403), a time with its zone (2026-11-23T10:00Z) or how \
     long ago (10m)"
)]
pub struct AsOfError(String);

impl FromStr for AsOf {
    type Err = AsOfError;

    fn from_str(text: &str) -> Result<Self, AsOfError> {
        let position = text.parse().map(|n| Self::Position(Position::new(n)));
        position
            .or_else(|_| text.parse().map(Self::Time))
            .or_else(|_| parse_duration(text).map(Self::Ago))
            .map_err(|_| AsOfError(text.to_owned()))
    }
}

impl Workspace {
    /// Which position a point of time is.
    ///
    /// Errors: it is beyond the head, or in the future.
    pub async fn position_at(&self, as_of: AsOf) -> Result<Position, WorkspaceError> {
        let now = Timestamp::now();
        let time = match as_of {
            AsOf::Position(position) => {
                let head = self.0.log.head().await?;
                if position > head {
                    return Err(WorkspaceError::BeyondHead { position, head });
                }
                return Ok(position);
            }
            AsOf::Time(time) => time,
            // Before time began nothing was recorded.
            AsOf::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        };
        if time > now {
            return Err(WorkspaceError::Future { time, now });
        }
        Ok(position_at(&*self.0.log, time).await?)
    }

    /// A read model to be stepped along the log, with room for so many copies to step back to; it stands
    /// before the first event. It is folded with what the version that answers was built from, or with the
    /// projection as it is now where no version was made yet.
    ///
    /// Errors: no such projection, no room on the disk, the log.
    pub async fn past(
        &self,
        projection: &str,
        copies: usize,
        work: Work,
    ) -> Result<Past, WorkspaceError> {
        let versions = self.0.folder.versions(projection);
        let is_there = self.read_models()?.iter().any(|name| name == projection);
        let built_from = if is_there {
            let about = About::read(&versions.link())?;
            self.built_from(&about)?
        } else {
            self.projection(projection)?
        };
        self.check_room(Self::past_room(database_size(&versions.link()), copies))?;
        let (scratch, log) = (self.scratch()?, self.log());
        let failed = |error| WorkspaceError::fold(projection, error);
        let past = Past::open(scratch, built_from, log, copies, work).await;
        let past = past.map_err(failed)?;
        if !is_there {
            return Ok(past);
        }
        past.like(&versions.link()).map_err(failed)
    }

    /// About how many bytes of disk a read model of so many bytes needs to be stepped with so many copies:
    /// said before it is begun.
    pub fn past_room(bytes: u64, copies: usize) -> u64 {
        // The file itself; and to step back, one copy near where it stands and one that is made of it.
        let files = match copies as u64 {
            0 => 1,
            copies => copies.saturating_add(3),
        };
        bytes.saturating_mul(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_of_time_is_a_position_a_time_or_how_long_ago() {
        let read = |text: &str| text.parse::<AsOf>();
        assert_eq!(read("0"), Ok(AsOf::Position(Position::START)));
        assert_eq!(read("155"), Ok(AsOf::Position(Position::new(155))));
        let time: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        assert_eq!(read("2026-11-23T10:00Z"), Ok(AsOf::Time(time)));
        assert_eq!(read("2026-11-23T11:00:00+01:00"), Ok(AsOf::Time(time)));
        assert_eq!(read("10m"), Ok(AsOf::Ago(Duration::from_secs(600))));
        for text in [
            "",
            "-1",
            "yesterday",
            "1.5",
            "2026-11-23",
            "10",
            "2026-11-23T10:00",
        ] {
            let wrong = read(text);
            assert!(text == "10" || wrong.is_err(), "{text:?}: {wrong:?}");
        }
    }
}
