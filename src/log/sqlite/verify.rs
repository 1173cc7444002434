//! Checking the whole log: nothing was changed, removed or reordered, and each event belongs to one commit. A
//! page at a time, so that the WAL can shrink and memory stays flat: it grows by a bit an event.

use std::ops::ControlFlow;

use rusqlite::{Connection, params};

use super::reader::{Broken, Hashes, Names, Reader, head, integer};
use crate::event::{Position, Timestamp};
use crate::log::LogError;

/// Rows a page.
const PAGE: u64 = 1000;

/// What checking the whole log came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verified {
    /// Positions and versions are without holes, and every hash fits.
    Whole {
        /// The last position that was checked.
        head: Position,
        /// How many streams there are.
        streams: u64,
    },
    /// It was broken off; all was well so far.
    Stopped {
        /// The last position that was checked.
        at: Position,
    },
    /// An event is not as it was written.
    Flawed {
        /// The first that is wrong.
        position: Position,
        /// What is wrong with it.
        what: String,
    },
}

/// How far checking the whole log is. All of it is gone along three times, so there are three steps an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub done: u64,
    /// Steps there are.
    pub of: u64,
}

/// Steps an event.
const ROUNDS: u64 = 3;

/// Walks along the chain first, then along the streams, then along the commits.
pub(super) fn verify(
    reader: &Reader,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Verified, LogError> {
    let outcome = reader.with(|connection| {
        let head = head(connection).map_err(|e| reader.place.error(&e))?;
        let checked = along_the_chain(reader, connection, head, progress).and_then(|at| {
            if at < head {
                return Ok(Verified::Stopped { at });
            }
            let streams = along_the_streams(connection, head, progress)?;
            match (
                streams,
                streams.is_some() && along_the_commits(connection, head, progress)?,
            ) {
                (Some(streams), true) => Ok(Verified::Whole { head, streams }),
                _ => Ok(Verified::Stopped { at: head }),
            }
        });
        Ok(checked)
    })?;
    match outcome {
        Ok(verified) => Ok(verified),
        Err(Broken::Flaw { position, what } | Broken::Unreadable { position, what }) => {
            Ok(Verified::Flawed { position, what })
        }
        Err(failed) => Err(reader.error(failed)),
    }
}

/// Answers how far it came.
fn along_the_chain(
    reader: &Reader,
    connection: &Connection,
    head: Position,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Position, Broken> {
    let mut at = Position::START;
    let mut recorded_at = Timestamp::MIN;
    let mut names = Names::default();
    while at < head {
        let limit = head.since(at).min(PAGE);
        let last = reader.walk(connection, at, limit as usize, Hashes::Checked, |stored| {
            let event = stored.event(&mut names)?;
            if event.recorded_at < recorded_at {
                return Err("it says that it was recorded before the one before it".into());
            }
            recorded_at = event.recorded_at;
            Ok(ControlFlow::Continue(()))
        })?;
        if last == at {
            return Err(Broken::Flaw {
                position: at.next(),
                what: "it is missing".into(),
            });
        }
        at = last;
        let steps = Progress {
            done: at.get(),
            of: ROUNDS * head.get(),
        };
        if progress(steps).is_break() {
            break;
        }
    }
    Ok(at)
}

/// Answers how many streams there are; `None` where it was broken off. The index that is read here has an entry for each event, in
/// the order wanted, so that nothing needs to be remembered.
fn along_the_streams(
    connection: &Connection,
    head: Position,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<u64>, Broken> {
    let mut statement = connection.prepare(
        "SELECT stream, version, position FROM events
         WHERE (stream, version) > (?, ?) AND position <= ?
         ORDER BY stream, version LIMIT ?",
    )?;
    let (mut stream, mut version) = (String::new(), 0);
    let (mut streams, mut events) = (0, 0);
    loop {
        let before = events;
        let from = (stream.clone(), version);
        let mut rows =
            statement.query(params![from.0, from.1, integer(head.get()), integer(PAGE)])?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            let (found, position): (i64, i64) = (row.get(1)?, row.get(2)?);
            if name != stream {
                name.clone_into(&mut stream);
                version = 0;
                streams += 1;
            }
            version += 1;
            events += 1;
            if found != version {
                return Err(Broken::Flaw {
                    position: Position::new(position.unsigned_abs()),
                    what: format!("version {version} of stream {stream} is missing before it"),
                });
            }
        }
        if events == before {
            break;
        }
        let steps = Progress {
            done: head.get() + events,
            of: ROUNDS * head.get(),
        };
        if events < head.get() && progress(steps).is_break() {
            return Ok(None);
        }
    }
    if events != head.get() {
        return Err(Broken::Flaw {
            position: head,
            what: format!("the index of streams has {events} of {head} events"),
        });
    }
    Ok(Some(streams))
}

/// Where commits are remembered: the statement that gives a page of them, with whether their ends are there.
const COMMITS: [&str; 2] = [
    "SELECT c.id, c.first, c.last, f.position, l.position FROM commits c
     LEFT JOIN events f ON f.position = c.first LEFT JOIN events l ON l.position = c.last
     WHERE c.id > ? ORDER BY c.id LIMIT ?",
    "SELECT c.digest, c.first, c.last, f.position, l.position FROM keys c
     LEFT JOIN events f ON f.position = c.first LEFT JOIN events l ON l.position = c.last
     WHERE c.digest > ? ORDER BY c.digest LIMIT ?",
];

/// Answers whether it came to the end. Each event belongs to one commit, and the events of each commit are there: a
/// commit whose events are not was left behind when the log was cut off.
fn along_the_commits(
    connection: &Connection,
    head: Position,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<bool, Broken> {
    let mut covered = Covered::none(head);
    for sql in COMMITS {
        let mut statement = connection.prepare_cached(sql)?;
        let mut id = Vec::new();
        loop {
            let mut read = 0;
            let from = id.clone();
            let mut rows = statement.query(params![from, integer(PAGE)])?;
            while let Some(row) = rows.next()? {
                read += 1;
                id = row.get(0)?;
                let ends: (i64, i64) = (row.get(1)?, row.get(2)?);
                let there: (Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?);
                covered.add(ends, (there.0.is_some(), there.1.is_some()))?;
            }
            if read < PAGE {
                break;
            }
            let steps = Progress {
                done: 2 * head.get() + covered.events,
                of: ROUNDS * head.get(),
            };
            if progress(steps).is_break() {
                return Ok(false);
            }
        }
    }
    covered.whole().map(|()| true)
}

/// Which events belong to a commit, up to the head.
struct Covered {
    head: u64,
    events: u64,
    bits: Vec<u64>,
}

impl Covered {
    /// None does yet. All events up to the head are there, so that this is small.
    fn none(head: Position) -> Self {
        let words = usize::try_from(head.get() / 64 + 1).unwrap_or(usize::MAX);
        Self {
            head: head.get(),
            events: 0,
            bits: vec![0; words],
        }
    }

    fn add(&mut self, (first, last): (i64, i64), there: (bool, bool)) -> Result<(), Broken> {
        let (from, to) = (first.unsigned_abs(), last.unsigned_abs());
        let flaw = |position: u64, what: &str| {
            let position = Position::new(position);
            let what = what.to_owned();
            Err(Broken::Flaw { position, what })
        };
        if first < 1 || last < first {
            let what = format!("a commit is said to have the events {first} to {last}");
            return flaw(from, &what);
        }
        if !there.0 || !there.1 {
            let missing = from.max(self.head + 1);
            return flaw(
                missing,
                "it is missing: it was stored, and the log was cut off before it",
            );
        }
        // What came after the start is left out.
        for position in from..=to.min(self.head) {
            let at = usize::try_from(position / 64).unwrap_or(usize::MAX);
            let bit = 1 << (position % 64);
            match self.bits.get_mut(at) {
                Some(word) if *word & bit == 0 => *word |= bit,
                _ => return flaw(position, "it is said to belong to two commits"),
            }
            self.events += 1;
        }
        Ok(())
    }

    /// Errors: the first event that belongs to no commit.
    fn whole(&self) -> Result<(), Broken> {
        if self.events == self.head {
            return Ok(());
        }
        let is_in = |position: u64| {
            let word = usize::try_from(position / 64).ok();
            let word = word.and_then(|at| self.bits.get(at));
            word.is_some_and(|word| word & (1 << (position % 64)) != 0)
        };
        let lacking = (1..=self.head).find(|position| !is_in(*position));
        Err(Broken::Flaw {
            position: Position::new(lacking.unwrap_or(self.head)),
            what: "the commit that stored it is missing".into(),
        })
    }
}
