//! The lines of an import, read, unpacked and parsed on a thread of their own, so that parsing and
//! storing share the work of two cores. What is read ahead is bounded.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::cloudevents::{Incoming, ReadError, read};
use crate::event::{Position, StreamId};
use crate::log::{AppendError, Commit, CommitId, Expected};

/// The longest line that is read: 8 MiB.
pub const LINE_LIMIT: usize = 8 * 1024 * 1024;

/// A chunk is handed over when it has so many events …
const CHUNK_EVENTS: usize = 500;
/// … or so many bytes, or when nothing more is there to be read at once.
const CHUNK_BYTES: usize = 1024 * 1024;
/// How many chunks are read ahead.
const AHEAD: usize = 16;
/// How much is read at once.
const BUFFER: usize = 256 * 1024;

/// What is wrong with one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// It is no event.
    #[error(transparent)]
    NotAnEvent(#[from] ReadError),
    /// It is longer than the limit.
    #[error("it is longer than the limit of {LINE_LIMIT} bytes; write one event a line")]
    TooLong,
    /// Its stream is one of ours.
    #[error(
        "`subject` is {0}: streams that begin with `$` belong to highwater; give the stream another name"
    )]
    SystemStream(StreamId),
    /// The log refuses it, and always will: a limit of its own.
    #[error(transparent)]
    Refused(AppendError),
}

/// An event and where it stood.
#[derive(Debug)]
pub(super) struct Line {
    pub number: u64,
    /// Its position in the log that wrote the line, where that is said.
    pub sequence: Option<Position>,
    pub bytes: usize,
    pub commit: Commit,
}

/// Why the lines ended before the input did.
#[derive(Debug)]
pub(super) enum Broken {
    Line(u64, LineError),
    /// The input could not be read or unpacked at this line.
    Read(u64, io::Error),
}

/// What the thread hands over: lines, and last how they ended.
pub(super) enum Message {
    Lines(Vec<Line>),
    End(Result<(), Broken>),
}

/// Starts the thread; it ends with the input, or when nobody receives any more. `consumed` counts the
/// bytes of the input as they come.
pub(super) fn start(
    input: impl Read + Send + 'static,
    consumed: Arc<AtomicU64>,
) -> io::Result<Receiver<Message>> {
    let (sender, receiver) = channel(AHEAD);
    std::thread::Builder::new()
        .name("import reader".into())
        .spawn(move || {
            let end = run(Counted { input, consumed }, &sender);
            // Nobody to tell where the import has ended already.
            let _ = sender.blocking_send(Message::End(end));
        })?;
    Ok(receiver)
}

fn run(input: impl Read + Send + 'static, sender: &Sender<Message>) -> Result<(), Broken> {
    let mut input = unpacked(input).map_err(|e| Broken::Read(1, e))?;
    let mut text = Vec::new();
    let mut chunk = Vec::new();
    let mut bytes = 0;
    for number in 1.. {
        let end = match next(&mut input, number, &mut text) {
            Ok(None) => Some(Ok(())),
            Err(broken) => Some(Err(broken)),
            Ok(Some(None)) => None,
            Ok(Some(Some(line))) => {
                bytes += line.bytes;
                chunk.push(line);
                None
            }
        };
        let full = chunk.len() >= CHUNK_EVENTS || bytes >= CHUNK_BYTES;
        if !chunk.is_empty() && (full || end.is_some() || input.buffer().is_empty()) {
            bytes = 0;
            let lines = Message::Lines(std::mem::take(&mut chunk));
            if sender.blocking_send(lines).is_err() {
                return Ok(());
            }
        }
        if let Some(end) = end {
            return end;
        }
    }
    Ok(())
}

/// The input itself, or what is packed in it (gzip, known by its first two bytes).
fn unpacked(mut input: impl Read + Send + 'static) -> io::Result<BufReader<Box<dyn Read>>> {
    let mut start = Vec::new();
    input.by_ref().take(2).read_to_end(&mut start)?;
    let packed = start == [0x1f, 0x8b];
    let whole = Cursor::new(start).chain(input);
    let plain: Box<dyn Read> = if packed {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        Box::new(whole)
    };
    Ok(BufReader::with_capacity(BUFFER, plain))
}

/// The next line: `None` at the end, `Some(None)` where it is blank.
fn next(
    input: &mut impl BufRead,
    number: u64,
    text: &mut Vec<u8>,
) -> Result<Option<Option<Line>>, Broken> {
    text.clear();
    let mut bounded = input.by_ref().take(LINE_LIMIT as u64 + 1);
    bounded
        .read_until(b'\n', text)
        .map_err(|e| Broken::Read(number, e))?;
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > LINE_LIMIT {
        return Err(Broken::Line(number, LineError::TooLong));
    }
    let mark = if number == 1 { "\u{feff}" } else { "" };
    let line = text.strip_prefix(mark.as_bytes()).unwrap_or(text);
    if line.trim_ascii().is_empty() {
        return Ok(Some(None));
    }
    let line = parse(line, number).map_err(|e| Broken::Line(number, e))?;
    Ok(Some(Some(line)))
}

fn parse(line: &[u8], number: u64) -> Result<Line, LineError> {
    let Incoming {
        stream,
        event,
        origin,
        sequence,
    } = read(line)?;
    if stream.is_system() {
        return Err(LineError::SystemStream(stream));
    }
    Ok(Line {
        number,
        sequence,
        bytes: line.len(),
        commit: Commit {
            id: CommitId::Origin(origin),
            stream,
            expected: Expected::Any,
            events: vec![event],
        },
    })
}

/// Counts what is read.
struct Counted<R> {
    input: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
