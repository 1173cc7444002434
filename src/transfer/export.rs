//! A log's events written out, a page at a time.

use std::io::Write;

use crate::cloudevents::{own_source, write};
use crate::event::{JsonError, Position};
use crate::log::{EventLog, LogError};
use crate::text::program;

/// How many events are read at once: large enough for speed, small enough for events of 1 MiB.
const PAGE: usize = 500;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The output could not be written: a full disk, a pipe that nobody reads …
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    /// What is stored is damaged.
    #[error(
        "event {position} cannot be exported: its data is {reason}. Run `{program} verify --log`", program = program())]
    Damaged {
        /// The event.
        position: Position,
        /// What is wrong with its data.
        reason: JsonError,
    },
}

/// Writes every event after a position and up to the head there was at the start, one a line, without
/// system streams. Answers how many were written; `progress` is told the position that was reached,
/// a page at a time.
///
/// Errors: the log cannot be read, the output not written, or an event is damaged; the lines before
/// that are written.
pub async fn export(
    log: &dyn EventLog,
    out: &mut impl Write,
    after: Position,
    mut progress: impl FnMut(Position),
) -> Result<u64, ExportError> {
    let own_source = own_source(log.describe().incarnation);
    let end = log.head().await?;
    let mut reached = after;
    let mut written = 0;
    while reached < end {
        let page = log.read_all(reached, PAGE).await?;
        let Some(last) = page.last() else { break };
        reached = last.position;
        let wanted = |position| position <= end;
        for event in page.iter().filter(|event| wanted(event.position)) {
            if event.stream.is_system() {
                continue;
            }
            let line = write(event, &own_source).map_err(|reason| ExportError::Damaged {
                position: event.position,
                reason,
            })?;
            out.write_all(line.as_bytes())?;
            out.write_all(b"\n")?;
            written += 1;
        }
        progress(reached.min(end));
    }
    out.flush()?;
    Ok(written)
}
