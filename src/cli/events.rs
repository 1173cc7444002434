//! `events`: the newest, those after a position, or all that come; for people or as CloudEvents lines.

use std::collections::VecDeque;

use highwater::cloudevents;
use highwater::event::{Event, EventType, Position, StreamId, Version};
use highwater::log::{EventLog, LogError};
use highwater::text::{clean, program, thousands};

use super::context::Context;
use super::out::{Out, cut, width};
use super::{Exit, Failure, causes, interrupt};

/// How many are shown where nobody says.
const NEWEST: usize = 20;

/// How many are read at once.
const PAGE: usize = 500;

/// What `events` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// From this position on (not with it); without it, the newest
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// At most so many; without --after and --limit, 20
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Only of this stream
    #[arg(long)]
    stream: Option<String>,
    /// Only of streams of this category: what stands before the first `-`
    #[arg(long)]
    category: Option<String>,
    /// Go on with what comes, until Ctrl-C (or the limit, with --after)
    #[arg(long)]
    follow: bool,
    /// What caused what in one story: all events of this correlation, or of the stream's first event's
    #[arg(long, value_name = "CORRELATION|STREAM", conflicts_with_all = ["after", "limit", "event_type", "stream", "category", "follow"])]
    tree: Option<String>,
    /// As export writes them: CloudEvents JSON, one a line
    #[arg(long)]
    json: bool,
}

/// Prints them, newest last.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let filter = Filter {
        event_type: args.event_type.as_deref().map(EventType::new).transpose()?,
        stream: args.stream.as_deref().map(StreamId::new).transpose()?,
        category: args.category,
    };
    let workspace = context.open()?;
    let log = workspace.log();
    let mut printer = Printer {
        out: Out::new(),
        own_source: args
            .json
            .then(|| cloudevents::own_source(log.describe().incarnation)),
        cells: width(),
    };
    if let Some(of) = args.tree {
        causes::run(&workspace, &of, printer).await?;
        return Ok(Exit::Done);
    }
    // All that come while the newest are looked for are after this.
    let head = log.head().await?;
    let (after, left) = match args.after {
        Some(after) => (Position::new(after), args.limit),
        None => {
            let newest = newest(&*log, &filter, head, args.limit.unwrap_or(NEWEST)).await?;
            for event in &newest {
                printer.print(event)?;
            }
            (head, None)
        }
    };
    let forward = Forward {
        log: &*log,
        filter: &filter,
        follow: args.follow,
    };
    if args.after.is_some() || args.follow {
        tokio::select! {
            done = forward.run(after, left, &mut printer) => done?,
            () = interrupt::asked() => {}
        }
    }
    printer.out.finish()?;
    Ok(Exit::Done)
}

/// Which events are wanted.
struct Filter {
    event_type: Option<EventType>,
    stream: Option<StreamId>,
    category: Option<String>,
}

impl Filter {
    fn takes(&self, event: &Event) -> bool {
        let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
        self.event_type
            .as_ref()
            .is_none_or(|wanted| *wanted == event.event_type)
            && self
                .stream
                .as_ref()
                .is_none_or(|wanted| *wanted == event.stream)
            && same(&self.category, event.stream.category())
    }
}

/// The last events up to the head that are wanted, oldest first. Goes backwards a stretch at a time: along the
/// stream where one is asked for, else along the log.
async fn newest(
    log: &dyn EventLog,
    filter: &Filter,
    head: Position,
    limit: usize,
) -> Result<VecDeque<Event>, LogError> {
    let mut found = VecDeque::new();
    let mut end = match &filter.stream {
        Some(stream) => log
            .read_stream(stream, Version::NONE, 1)
            .await?
            .version
            .get(),
        None => head.get(),
    };
    while end > 0 && found.len() < limit {
        let start = end.saturating_sub(PAGE as u64);
        let mut stretch = VecDeque::new();
        let mut at = start;
        while at < end {
            let page = page(log, filter, at, end).await?;
            if page.is_empty() {
                break;
            }
            at += page.len() as u64;
            stretch.extend(
                page.into_iter()
                    .filter(|event| event.position <= head && filter.takes(event)),
            );
            // Only the last of them can be among the newest: no more are kept than were asked for.
            let surplus = stretch.len().saturating_sub(limit - found.len());
            stretch.drain(..surplus);
        }
        stretch.append(&mut found);
        found = stretch;
        end = start;
    }
    Ok(found)
}

/// The next events of a stretch; fewer than are left of it where they are large. Positions, like versions,
/// are without holes.
async fn page(
    log: &dyn EventLog,
    filter: &Filter,
    after: u64,
    end: u64,
) -> Result<Vec<Event>, LogError> {
    // At most a page: the difference fits.
    let size = usize::try_from(end - after).unwrap_or(PAGE);
    match &filter.stream {
        Some(stream) => Ok(log
            .read_stream(stream, Version::new(after), size)
            .await?
            .events),
        None => log.read_all(Position::new(after), size).await,
    }
}

/// Reading on from a position.
struct Forward<'a> {
    log: &'a dyn EventLog,
    filter: &'a Filter,
    follow: bool,
}

impl Forward<'_> {
    async fn run(
        &self,
        after: Position,
        mut left: Option<usize>,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        let mut at = after;
        loop {
            let page = self.log.read_all(at, PAGE).await?;
            let Some(last) = page.last().map(|event| event.position) else {
                printer.out.flush()?;
                if !self.follow {
                    return Ok(());
                }
                self.log.wait(at, None).await?;
                continue;
            };
            for event in page.iter().filter(|event| self.filter.takes(event)) {
                match &mut left {
                    Some(0) => return Ok(()),
                    Some(left) => *left -= 1,
                    None => {}
                }
                printer.print(event)?;
            }
            if left == Some(0) {
                return Ok(());
            }
            at = last;
        }
    }
}

/// Prints events, for people or as CloudEvents lines.
pub(super) struct Printer {
    out: Out,
    /// Where CloudEvents are wanted: the source of the log's own events.
    own_source: Option<String>,
    cells: Option<usize>,
}

impl Printer {
    /// Whether CloudEvents are wanted.
    pub(super) const fn is_json(&self) -> bool {
        self.own_source.is_some()
    }

    /// A line for people.
    pub(super) fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.out.line(cut(line, self.cells))
    }

    /// Hands over what was printed.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.out.finish()
    }

    /// One event.
    pub(super) fn print(&mut self, event: &Event) -> Result<(), Failure> {
        match &self.own_source {
            Some(own) => {
                let line = cloudevents::write(event, own).map_err(|e| {
                    Failure::failed(format!(
                        "event {} is damaged: its data is {e}. Run `{program} verify --log`",
                        event.position,
                        program = program()
                    ))
                })?;
                self.out.raw(&line)
            }
            None => self.line(&line(event)),
        }
    }
}

/// An event for people: position, time, stream and version, type, data.
fn line(event: &Event) -> String {
    format!(
        "{:>9}  {:.3}  {}@{}  {}  {}",
        thousands(event.position.get()),
        event.time(),
        event.stream,
        event.version,
        event.event_type,
        clean(event.data.as_str())
    )
}
