//! What the Events screen asks of the workspace: rows, the chosen event, its story, and the event to be copied.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::state::events::{Detail, Entry};
use super::super::state::search::Search;
use crate::event::Position;
use crate::workspace::{Direction, EVENTS_OF_A_PAGE, EventFilter, Operator, Story};

/// How long is looked for rows before it is told how far that is.
const TIME: Duration = Duration::from_millis(100);

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// The next rows from a position on.
    Page {
        /// Its number.
        number: u64,
        /// Which events.
        search: Box<Search>,
        /// From where, without the event there.
        from: Position,
        /// Which way.
        way: Direction,
        /// At most about so many.
        limit: usize,
    },
    /// One event.
    Detail {
        /// Which.
        position: Position,
        /// How many lines there are for it.
        lines: usize,
        /// And how many cells for a line.
        cells: usize,
    },
    /// More of what belongs to an event.
    Story {
        /// Its number.
        number: u64,
        /// What is known of it.
        story: Arc<Story>,
        /// Where to look on.
        ways: Vec<Direction>,
    },
    /// One event as CloudEvents.
    Copy(Position),
}

/// What it came to.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Rows.
    Page {
        /// The question's number.
        number: u64,
        /// What was found, or why the log cannot be read.
        found: Result<Found, String>,
    },
    /// One event.
    Detail {
        /// Which.
        position: Position,
        /// The event; `None` where there is none.
        detail: Result<Option<Box<Detail>>, String>,
    },
    /// More of a story.
    Story {
        /// The question's number.
        number: u64,
        /// All that is known by now.
        story: Result<Arc<Story>, String>,
    },
    /// One event to be copied.
    Copied {
        /// Which.
        position: Position,
        /// The line.
        line: Result<String, String>,
    },
}

/// Some rows.
#[derive(Debug, Clone)]
pub struct Found {
    /// The nearest first.
    pub entries: Vec<Entry>,
    /// Everything up to here was looked at, with it.
    pub looked_to: Position,
}

/// Asks the workspace.
pub async fn answer(operator: &Operator, ask: Ask) -> Answer {
    match ask {
        Ask::Page {
            number,
            search,
            from,
            way,
            limit,
        } => Answer::Page {
            number,
            found: page(operator, &search, from, way, limit).await,
        },
        Ask::Detail {
            position,
            lines,
            cells,
        } => Answer::Detail {
            position,
            detail: detail(operator, position, lines, cells).await,
        },
        Ask::Story {
            number,
            story,
            ways,
        } => {
            let story = operator.story_on(Story::clone(&story), ways).await;
            let story = story.map(Arc::new).map_err(|e| e.to_string());
            Answer::Story { number, story }
        }
        Ask::Copy(position) => {
            let line = operator.cloud_event(position).await;
            let line = line.map_err(|e| e.to_string());
            Answer::Copied { position, line }
        }
    }
}

/// The next rows. What the log cannot be asked for is looked for in what it gives.
async fn page(
    operator: &Operator,
    search: &Search,
    mut from: Position,
    way: Direction,
    limit: usize,
) -> Result<Found, String> {
    let until = Instant::now() + TIME;
    let most = if search.is_asked_for() {
        limit
    } else {
        EVENTS_OF_A_PAGE
    };
    let mut entries = Vec::new();
    loop {
        let page = operator.events_page(&search.terms, from, way, most).await;
        let page = page.map_err(|e| e.to_string())?;
        let fitting = page.events.iter().filter(|event| search.fits(event));
        entries.extend(fitting.map(Entry::of));
        from = page.looked_to;
        if page.ended || entries.len() >= limit || Instant::now() >= until {
            break;
        }
    }
    Ok(Found {
        entries,
        looked_to: from,
    })
}

async fn detail(
    operator: &Operator,
    position: Position,
    lines: usize,
    cells: usize,
) -> Result<Option<Box<Detail>>, String> {
    let before = Position::new(position.get().saturating_sub(1));
    let (everything, way) = (EventFilter::default(), Direction::Newer);
    let page = operator.events_page(&everything, before, way, 1).await;
    let event = page.map_err(|e| e.to_string())?.events.pop();
    Ok(event.map(|event| Box::new(Detail::of(event, lines, cells))))
}
