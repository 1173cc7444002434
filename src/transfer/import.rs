//! Lines stored as events, in large batches, each event a commit of its own that is known by its
//! origin: what is there already is skipped, so that an import can be interrupted and repeated.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;

use super::lines::{self, Broken, Line, LineError, Message};
use crate::cloudevents::own_source;
use crate::event::{Event, Position};
use crate::log::{AppendError, Commit, CommitId, EventLog, LogError};

/// The most events that are handed to the log at once …
const BATCH_EVENTS: usize = 5_000;
/// … and the most bytes, short of one more chunk.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// How often it looks whether it shall stop while it waits for input.
const LOOK: Duration = Duration::from_millis(50);

/// How many of its own events the log is asked for at once.
const OWN_PAGE: usize = 500;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportProgress {
    /// Events stored so far.
    pub imported: u64,
    /// Events that were there already.
    pub skipped: u64,
    /// Bytes of the input read so far, packed as they came; up to some MiB ahead of what is stored.
    pub bytes: u64,
}

/// What an import came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Events stored.
    pub imported: u64,
    /// Events that were there already.
    pub skipped: u64,
    /// The log's last position after it.
    pub head: Position,
}

/// An import that ended early. What stands before is stored.
#[derive(Debug, thiserror::Error)]
#[error(
    "{failure}. Before that {imported} events were imported and {skipped} skipped; import again, and what is stored is skipped"
)]
pub struct ImportError {
    /// Events stored.
    pub imported: u64,
    /// Events that were there already.
    pub skipped: u64,
    /// Why.
    pub failure: ImportFailure,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportFailure {
    /// A line that cannot be stored. All lines before it are.
    ///
    /// None after it is, unless the log refused it for a limit that was set lower than the usual one:
    /// then lines of the same batch may be.
    #[error("line {line}: {reason}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        reason: LineError,
    },
    /// The input cannot be read, or is no whole gzip file.
    #[error("the input cannot be read at line {line}: {reason}")]
    Input {
        /// The number of the line, from 1.
        line: u64,
        /// The system's words.
        reason: io::Error,
    },
    /// The log did not store it.
    #[error("line {line}: {reason}")]
    Append {
        /// The number of the line, from 1.
        line: u64,
        /// The log's words.
        reason: AppendError,
    },
    /// The log could not be read.
    #[error(transparent)]
    Log(LogError),
    /// Somebody asked it to stop.
    #[error("the import was interrupted")]
    Interrupted,
}

/// Stores the events of an input, plain or gzip, one CloudEvents JSON object a line; blank lines are
/// skipped, as is every event that is there already: one with the same source and id, or one of this
/// log's own, that it exported itself. `progress` is told after each batch.
///
/// It ends early between two batches when `stop` is set. Errors: see [`ImportFailure`]; in each case
/// it can be repeated. Needs a Tokio runtime with time enabled.
pub async fn import(
    log: &dyn EventLog,
    input: impl Read + Send + 'static,
    progress: impl FnMut(&ImportProgress),
    stop: &AtomicBool,
) -> Result<Imported, ImportError> {
    let mut import = Import {
        log,
        own: OwnEvents::of(log),
        done: ImportProgress::default(),
        consumed: Arc::new(AtomicU64::new(0)),
        progress,
        stop,
    };
    let failure = match import.run(input).await {
        Ok(head) => {
            return Ok(Imported {
                imported: import.done.imported,
                skipped: import.done.skipped,
                head,
            });
        }
        Err(failure) => failure,
    };
    Err(ImportError {
        imported: import.done.imported,
        skipped: import.done.skipped,
        failure,
    })
}

/// An import while it runs.
struct Import<'a, P> {
    log: &'a dyn EventLog,
    own: OwnEvents,
    done: ImportProgress,
    consumed: Arc<AtomicU64>,
    progress: P,
    stop: &'a AtomicBool,
}

impl<P: FnMut(&ImportProgress)> Import<'_, P> {
    async fn run(&mut self, input: impl Read + Send + 'static) -> Result<Position, ImportFailure> {
        let unread = |reason| ImportFailure::Input { line: 1, reason };
        let mut messages = lines::start(input, Arc::clone(&self.consumed)).map_err(unread)?;
        loop {
            let first = self.next(&mut messages).await?;
            let (batch, end) = collect(first, &mut messages);
            self.store(batch).await?;
            match end {
                None => {}
                Some(Ok(())) => break,
                Some(Err(Broken::Line(line, reason))) => {
                    return Err(ImportFailure::Line { line, reason });
                }
                Some(Err(Broken::Read(line, reason))) => {
                    return Err(ImportFailure::Input { line, reason });
                }
            }
        }
        self.log.head().await.map_err(ImportFailure::Log)
    }

    /// Waits for input, but not for longer than until it shall stop.
    async fn next(&self, messages: &mut Receiver<Message>) -> Result<Message, ImportFailure> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(ImportFailure::Interrupted);
            }
            if let Ok(message) = tokio::time::timeout(LOOK, messages.recv()).await {
                return Ok(message.unwrap_or_else(ended_without_a_word));
            }
        }
    }

    async fn store(&mut self, batch: Vec<Line>) -> Result<(), ImportFailure> {
        let mut numbers = Vec::with_capacity(batch.len());
        let mut commits = Vec::with_capacity(batch.len());
        for line in batch {
            let own = self.own.has(self.log, &line).await;
            if own.map_err(ImportFailure::Log)? {
                self.done.skipped += 1;
            } else {
                numbers.push(line.number);
                commits.push(line.commit);
            }
        }
        let answers = self.append(commits).await;
        let mut failed = None;
        for (line, answer) in numbers.into_iter().zip(answers) {
            match answer {
                Ok(committed) if committed.repeated => self.done.skipped += 1,
                Ok(_) => self.done.imported += 1,
                Err(reason) => {
                    failed.get_or_insert((line, reason));
                }
            }
        }
        self.done.bytes = self.consumed.load(Ordering::Relaxed);
        (self.progress)(&self.done);
        match failed {
            None => Ok(()),
            Some((line, reason @ AppendError::Limit { .. })) => Err(ImportFailure::Line {
                line,
                reason: LineError::Refused(reason),
            }),
            Some((line, reason)) => Err(ImportFailure::Append { line, reason }),
        }
    }

    async fn append(
        &self,
        commits: Vec<Commit>,
    ) -> Vec<Result<crate::log::Committed, AppendError>> {
        if commits.is_empty() {
            return Vec::new();
        }
        self.log.append_all(commits).await
    }
}

/// The lines that are there already, up to a batch, and how they end, where they do.
fn collect(
    first: Message,
    messages: &mut Receiver<Message>,
) -> (Vec<Line>, Option<Result<(), Broken>>) {
    let mut batch = Vec::new();
    let mut bytes = 0;
    let mut message = first;
    loop {
        match message {
            Message::End(end) => return (batch, Some(end)),
            Message::Lines(lines) => {
                bytes += lines.iter().map(|line| line.bytes).sum::<usize>();
                batch.extend(lines);
            }
        }
        if batch.len() >= BATCH_EVENTS || bytes >= BATCH_BYTES {
            return (batch, None);
        }
        message = match messages.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Empty) => return (batch, None),
            Err(TryRecvError::Disconnected) => ended_without_a_word(),
        };
    }
}

/// The thread says how it ended, unless it panicked.
fn ended_without_a_word() -> Message {
    let reason = io::Error::other("the thread that reads has ended");
    Message::End(Err(Broken::Read(0, reason)))
}

/// Recognizes the log's own events when they come back: their ids are in no index, but a line says at
/// which position it stood.
struct OwnEvents {
    source: String,
    page: Vec<Event>,
}

impl OwnEvents {
    fn of(log: &dyn EventLog) -> Self {
        Self {
            source: own_source(log.describe().incarnation),
            page: Vec::new(),
        }
    }

    async fn has(&mut self, log: &dyn EventLog, line: &Line) -> Result<bool, LogError> {
        let CommitId::Origin(origin) = &line.commit.id else {
            return Ok(false);
        };
        let Some(position) = line.sequence.filter(|_| origin.source == self.source) else {
            return Ok(false);
        };
        if self.at(position).is_none() {
            let before = Position::new(position.get().saturating_sub(1));
            self.page = log.read_all(before, OWN_PAGE).await?;
        }
        let event = self.at(position);
        Ok(event.is_some_and(|event| event.source.is_none() && event.id == origin.id))
    }

    fn at(&self, position: Position) -> Option<&Event> {
        let first = self.page.first()?.position;
        let offset = position.get().checked_sub(first.get())?;
        self.page.get(usize::try_from(offset).ok()?)
    }
}
