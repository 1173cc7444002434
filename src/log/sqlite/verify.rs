//! Checking the whole log: nothing was changed, removed or reordered. A page at a time, so that the
//! WAL can shrink and memory stays flat.

use std::ops::ControlFlow;

use rusqlite::{Connection, params};

use super::reader::{Broken, Hashes, Reader, head, integer};
use crate::event::Position;
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

/// How far checking the whole log is. All of it is gone along twice, so there are two steps an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub done: u64,
    /// Steps there are.
    pub of: u64,
}

/// Walks along the chain first, then along the streams.
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
            match along_the_streams(connection, head, progress)? {
                Some(streams) => Ok(Verified::Whole { head, streams }),
                None => Ok(Verified::Stopped { at: head }),
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
    while at < head {
        let limit = head.since(at).min(PAGE);
        let last = reader.walk(connection, at, limit as usize, Hashes::Checked, |stored| {
            stored.event().map(|_| ControlFlow::Continue(()))
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
            of: 2 * head.get(),
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
            of: 2 * head.get(),
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
