//! Reading one stream: a page of whole events, or only what a fold needs of each, as it stands in SQLite's memory.

use rusqlite::{Connection, Row, Rows, Statement, params};

use super::reader::{Broken, Names, PAGE_BYTES, Reader, Stored, integer, select, size, version};
use crate::event::{Event, EventRef, Position, StreamId, Version};
use crate::log::{Fold, LogError, StreamEnd, StreamHead, StreamPage};

const WHOLE: &str = select!("stream = ? AND version > ? AND version <= ? ORDER BY version LIMIT ?");

const FOLDED: &str = "SELECT position, version, type, data, metadata FROM events \
    WHERE stream = ? AND version > ? AND version <= ? ORDER BY version LIMIT ?";

const VERSIONS: &str = "SELECT position, version FROM events \
    WHERE stream = ? AND version > ? AND version <= ? ORDER BY version LIMIT ?";

/// Which events of a stream are wanted.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    stream: &'a StreamId,
    after: i64,
    until: i64,
    limit: usize,
}

impl Reader {
    /// Reads a page of a stream.
    pub fn stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, LogError> {
        let mut events = Vec::new();
        let end = self.page(stream, after, limit, |connection, wanted| {
            let read = self.whole(connection, wanted, &mut events);
            (read, !events.is_empty())
        })?;
        Ok(StreamPage {
            events,
            version: end.version,
            head: end.head,
        })
    }

    /// Gives the events of a page of a stream to `fold`.
    pub fn fold(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
        fold: &mut Fold<'_>,
    ) -> Result<StreamEnd, LogError> {
        if stream.is_system() {
            // Checked by their hashes, and those are over whole events.
            return Ok(self.stream(stream, after, limit)?.fold(fold));
        }
        self.page(stream, after, limit, |connection, wanted| {
            let mut is_begun = false;
            let read = folded(connection, wanted, &mut |event| {
                is_begun = true;
                fold(event)
            });
            match read {
                Ok(true) => (Ok(()), true),
                // What was given may stand behind the hole.
                Ok(false) => (find_hole(connection, wanted), false),
                Err(broken) => (Err(broken), is_begun),
            }
        })
    }

    /// The stream's head is read first and bounds the page: the page never lacks an event that its head
    /// counts, although both are transactions of their own. `read` says besides whether it came to any event.
    fn page(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
        read: impl FnOnce(&Connection, Wanted<'_>) -> (Result<(), Broken>, bool),
    ) -> Result<StreamEnd, LogError> {
        self.with(|connection| {
            let until = version(connection, stream).map_err(|e| self.place.error(&e))?;
            let after = integer(after.get());
            if after < until {
                let wanted = Wanted {
                    stream,
                    after,
                    until,
                    limit,
                };
                let (read, is_begun) = read(connection, wanted);
                self.unless_begun(read, is_begun)?;
            }
            let version = u64::try_from(until).map_err(|e| self.place.damaged(e))?;
            Ok(StreamEnd {
                version: Version::new(version),
                head: StreamHead(version),
            })
        })
    }

    fn whole(
        &self,
        connection: &Connection,
        wanted: Wanted<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Broken> {
        let mut statement = connection.prepare_cached(WHOLE)?;
        let mut rows = wanted.rows(&mut statement)?;
        let mut expected = wanted.after;
        let mut names = Names::default();
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let stored = Stored::of(row).map_err(|e| unreadable(row, &e))?;
            expected += 1;
            wanted.must_be(row, stored.content.version, expected)?;
            // What operations are carried out by is read from here alone.
            if wanted.stream.is_system() {
                self.check(connection, &stored)?;
            }
            let event = stored.event(&mut names).map_err(|what| flaw(row, what))?;
            bytes += size((&event).into());
            events.push(event);
            if bytes >= PAGE_BYTES {
                break;
            }
        }
        Ok(())
    }
}

/// Gives each event to `fold`, borrowed from SQLite; answers whether none is missing. Of versions only the last is
/// read: a stream has each but once, so where that one is right there is no hole before it.
fn folded(
    connection: &Connection,
    wanted: Wanted<'_>,
    fold: &mut Fold<'_>,
) -> Result<bool, Broken> {
    let mut statement = connection.prepare_cached(FOLDED)?;
    let mut rows = wanted.rows(&mut statement)?;
    let mut names = Names::default();
    let (mut version, mut bytes) = (wanted.after, 0);
    while let Some(row) = rows.next()? {
        version += 1;
        let event = borrowed(row, version, &mut names)?;
        bytes += size(event);
        let is_last = version == wanted.last();
        if fold(event).is_break() || bytes >= PAGE_BYTES || is_last {
            return Ok(row.get::<_, i64>(1)? == version);
        }
    }
    Ok(version == wanted.last())
}

/// An event as a fold sees it.
fn borrowed<'a>(
    row: &'a Row<'_>,
    version: i64,
    names: &'a mut Names,
) -> Result<EventRef<'a>, Broken> {
    let text = |at| -> Result<&'a str, Broken> {
        let value = row.get_ref(at)?.as_str();
        value.map_err(|e| unreadable(row, &e.into()))
    };
    Ok(EventRef {
        version: Version::new(version.unsigned_abs()),
        event_type: names
            .event_type(text(2)?)
            .map_err(|e| flaw(row, e.to_string()))?,
        data: text(3)?,
        metadata: text(4)?,
    })
}

/// Errors: the first version that is missing.
fn find_hole(connection: &Connection, wanted: Wanted<'_>) -> Result<(), Broken> {
    let mut statement = connection.prepare_cached(VERSIONS)?;
    let mut rows = wanted.rows(&mut statement)?;
    let mut expected = wanted.after;
    while let Some(row) = rows.next()? {
        expected += 1;
        wanted.must_be(row, row.get(1)?, expected)?;
    }
    // Somebody mended it meanwhile.
    Err(Broken::Unreadable {
        position: Position::START,
        what: format!(
            "stream {} lacked a version a moment ago, and has it now: read it again",
            wanted.stream
        ),
    })
}

impl Wanted<'_> {
    /// The version after the page's last event, unless it ends early.
    fn last(&self) -> i64 {
        let full = self.after.saturating_add(integer(self.limit as u64));
        full.min(self.until)
    }

    fn rows<'s>(&self, statement: &'s mut Statement<'_>) -> rusqlite::Result<Rows<'s>> {
        let limit = integer(self.limit as u64);
        statement.query(params![self.stream.as_str(), self.after, self.until, limit])
    }

    /// Errors: versions have a hole before this row.
    fn must_be(&self, row: &Row<'_>, found: i64, expected: i64) -> Result<(), Broken> {
        if found == expected {
            return Ok(());
        }
        let stream = self.stream;
        let what = format!("version {expected} of stream {stream} is missing before it");
        Err(flaw(row, what))
    }
}

/// An event that is not as it was written; its position is the row's first column.
fn flaw(row: &Row<'_>, what: String) -> Broken {
    match row.get::<_, i64>(0) {
        Ok(position) => Broken::Flaw {
            position: Position::new(position.unsigned_abs()),
            what,
        },
        Err(error) => Broken::Failed(error),
    }
}

fn unreadable(row: &Row<'_>, error: &rusqlite::Error) -> Broken {
    flaw(row, format!("it cannot be read ({error})"))
}
