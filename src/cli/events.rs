//! `events`: the newest, those after a position, or all that come; for people or as CloudEvents lines.

use std::collections::VecDeque;

use highwater::cloudevents;
use highwater::event::{Event, EventType, Position, StreamId};
use highwater::text::{clean, program, thousands};
use highwater::workspace::{Direction, EVENTS_OF_A_PAGE, EventFilter, Workspace};

use super::context::Context;
use super::out::{Out, cut, width};
use super::{Exit, Failure, causes, interrupt};

/// How many are shown where nobody says.
const NEWEST: usize = 20;

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
    let wanted = args.event_type.as_deref().map(EventType::new).transpose()?;
    let filter = EventFilter {
        types: wanted.iter().map(ToString::to_string).collect(),
        stream: args.stream.as_deref().map(StreamId::new).transpose()?,
        category: args.category,
        ..EventFilter::default()
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
            let newest = newest(&workspace, &filter, head, args.limit.unwrap_or(NEWEST)).await?;
            for event in &newest {
                printer.print(event)?;
            }
            (head, None)
        }
    };
    let forward = Forward {
        workspace: &workspace,
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

/// The last events up to the head that are wanted, oldest first.
async fn newest(
    workspace: &Workspace,
    filter: &EventFilter,
    head: Position,
    limit: usize,
) -> Result<VecDeque<Event>, Failure> {
    let mut found = VecDeque::new();
    let mut from = head.next();
    while found.len() < limit {
        let left = limit - found.len();
        let page = workspace
            .events_page(filter, from, Direction::Older, left)
            .await?;
        page.events
            .into_iter()
            .for_each(|event| found.push_front(event));
        if page.ended {
            break;
        }
        from = page.looked_to;
    }
    Ok(found)
}

/// Reading on from a position.
struct Forward<'a> {
    workspace: &'a Workspace,
    filter: &'a EventFilter,
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
        while left != Some(0) {
            let most = left.unwrap_or(EVENTS_OF_A_PAGE);
            let page = self
                .workspace
                .events_page(self.filter, at, Direction::Newer, most)
                .await?;
            left = left.map(|left| left - page.events.len());
            for event in &page.events {
                printer.print(event)?;
            }
            at = at.max(page.looked_to);
            if page.ended && left != Some(0) {
                printer.out.flush()?;
                if !self.follow {
                    break;
                }
                self.workspace.log().wait(at, None).await?;
            }
        }
        Ok(())
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
