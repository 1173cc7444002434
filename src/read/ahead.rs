//! Reading ahead of those who are far behind: on a thread of its own, so that reading (with its hashes) and applying
//! have a core each; and once for all who are about as far.

use std::collections::VecDeque;
use std::ops::{Deref, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::sync::{OnceCell, mpsc};

use crate::event::{Event, Position};
use crate::log::{LogError, SharedLog};

/// Events a page, and a transaction of those who are far behind.
pub(super) const PAGE: usize = 10_000;

/// A page of fewer is close to the head: it is not read ahead of anybody from there on.
const NEAR: usize = 500;

/// Pages that are kept for whoever comes next, while anybody reads ahead.
const KEPT: usize = 4;

/// A log in pages, for all who are far behind: what one of them has read just now, the others need not read.
pub struct Pages {
    log: SharedLog,
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    /// The oldest first.
    pages: VecDeque<Arc<Page>>,
    /// How many read ahead.
    readers: usize,
}

/// A page, once somebody has read it.
struct Page {
    after: Position,
    events: OnceCell<Arc<Vec<Event>>>,
}

impl Page {
    fn holds_what_follows(&self, after: Position) -> bool {
        let end = match self.events.get() {
            Some(events) => end(events).unwrap_or(self.after),
            None => self.after.plus(PAGE as u64),
        };
        self.after <= after && after < end
    }
}

fn end(events: &[Event]) -> Option<Position> {
    events.last().map(|event| event.position)
}

impl Pages {
    /// Of this log; nothing is read yet.
    pub fn new(log: SharedLog) -> Arc<Self> {
        Arc::new(Self {
            log,
            shelf: Mutex::default(),
        })
    }

    /// A page that holds what follows a position, perhaps with events before it. Empty at the head only.
    async fn holding(&self, after: Position) -> Result<Arc<Vec<Event>>, LogError> {
        let page = self.place(after);
        let read = || async { self.log.read_all(page.after, PAGE).await.map(Arc::new) };
        let events = page.events.get_or_try_init(read).await?;
        if end(events) > Some(after) {
            return Ok(Arc::clone(events));
        }
        // It ended early: at the head as it was, or because its events are large.
        self.log.read_all(after, PAGE).await.map(Arc::new)
    }

    /// Where that page is, or will be.
    fn place(&self, after: Position) -> Arc<Page> {
        let mut shelf = self.shelf();
        let mut known = shelf.pages.iter();
        if let Some(page) = known.find(|page| page.holds_what_follows(after)) {
            return Arc::clone(page);
        }
        let page = Arc::new(Page {
            after,
            events: OnceCell::new(),
        });
        shelf.pages.push_back(Arc::clone(&page));
        if shelf.pages.len() > KEPT {
            shelf.pages.pop_front();
        }
        page
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events that follow each other in the log.
pub(super) struct Stretch {
    page: Arc<Vec<Event>>,
    range: Range<usize>,
}

impl Stretch {
    /// All of a page.
    pub(super) fn all(page: Vec<Event>) -> Self {
        Self {
            range: 0..page.len(),
            page: Arc::new(page),
        }
    }

    /// At most so many events of a page after a position; `None` where the page does not hold the next.
    fn of(page: &Arc<Vec<Event>>, after: Position, limit: usize) -> Option<Self> {
        let first = page.first()?.position;
        let skipped = usize::try_from(after.next().since(first)).ok()?;
        (first <= after.next() && skipped < page.len()).then(|| Self {
            range: skipped..page.len().min(skipped.saturating_add(limit)),
            page: Arc::clone(page),
        })
    }

    /// A part of it.
    pub(super) fn part(&self, range: Range<usize>) -> Self {
        let at = self.range.start;
        Self {
            page: Arc::clone(&self.page),
            range: at + range.start..at + range.end,
        }
    }
}

impl Deref for Stretch {
    type Target = [Event];

    fn deref(&self) -> &[Event] {
        &self.page[self.range.clone()]
    }
}

/// Reads ahead of one who applies, until the head. Dropping it ends that.
pub(super) struct Ahead {
    pages: Arc<Pages>,
    /// What is being applied.
    page: Arc<Vec<Event>>,
    /// The page after it; no more than one, so that memory is bounded.
    waiting: Option<mpsc::Receiver<Result<Arc<Vec<Event>>, LogError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Begins after a position. `None` where there is no runtime, or the system gives no thread.
    pub(super) fn begin(pages: &Arc<Pages>, after: Position) -> Option<Self> {
        let runtime = Handle::try_current().ok()?;
        let (sender, waiting) = mpsc::channel(1);
        let reads = Arc::clone(pages);
        let work = move || runtime.block_on(read_on(&reads, after, &sender));
        pages.shelf().readers += 1;
        let mut ahead = Self {
            pages: Arc::clone(pages),
            page: Arc::default(),
            waiting: Some(waiting),
            thread: None,
        };
        let thread = std::thread::Builder::new().name("reads ahead".into());
        ahead.thread = Some(thread.spawn(work).ok()?);
        Some(ahead)
    }

    /// At most so many events after a position, which never goes back; `None` at the head.
    ///
    /// Errors: the log cannot be read.
    pub(super) async fn after(
        &mut self,
        after: Position,
        limit: usize,
    ) -> Result<Option<Stretch>, LogError> {
        loop {
            if let Some(stretch) = Stretch::of(&self.page, after, limit) {
                return Ok(Some(stretch));
            }
            let next = match &mut self.waiting {
                Some(waiting) => waiting.recv().await,
                None => None,
            };
            match next {
                Some(page) => self.page = page?,
                None => return Ok(None),
            }
            if self
                .page
                .first()
                .is_none_or(|first| first.position > after.next())
            {
                return Ok(None);
            }
        }
    }
}

/// Reads page after page, each while the one before it is applied, until the head is near or nobody takes them.
async fn read_on(
    pages: &Pages,
    mut at: Position,
    taken: &mpsc::Sender<Result<Arc<Vec<Event>>, LogError>>,
) {
    while let Ok(room) = taken.reserve().await {
        let page = pages.holding(at).await;
        let next = page.as_ref().ok().filter(|events| events.len() >= NEAR);
        let next = next.and_then(|events| end(events));
        room.send(page);
        match next {
            Some(end) => at = end,
            None => return,
        }
    }
}

impl Drop for Ahead {
    /// Waits for the page that is being read: nobody reads a log that its owner has closed.
    fn drop(&mut self) {
        self.waiting.take();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        let mut shelf = self.pages.shelf();
        shelf.readers -= 1;
        if shelf.readers == 0 {
            shelf.pages.clear();
        }
    }
}

#[cfg(test)]
mod tests;
