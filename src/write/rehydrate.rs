//! Rehydration: a stream's events, from a snapshot where there is a good one, folded into the aggregate's
//! state.

use crate::event::{Event, StreamId, Version};
use crate::log::{EventLog, StreamHead, StreamPage};
use crate::write::snapshots::{Form, SNAPSHOT_EVERY, Snapshots};
use crate::write::{Aggregate, EventError, SendError, Upcasters, tagged, upcast};

/// How many events of a stream are read at once.
const PAGE: usize = 500;

/// How the streams of one aggregate are read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub upcasters: &'a Upcasters,
    pub form: Form,
    pub snapshots: Option<&'a dyn Snapshots>,
}

/// What one aggregate's stream comes to.
pub(super) struct Rehydrated<A> {
    pub state: A,
    pub version: Version,
    pub head: StreamHead,
}

/// A state, and how it came about.
struct Folded<A> {
    state: A,
    version: Version,
    /// How many events were folded since the last snapshot.
    since: u64,
}

impl Reading<'_> {
    /// Errors: the log cannot be read; an event that the aggregate does not know.
    pub async fn rehydrate<A: Aggregate>(
        self,
        log: &dyn EventLog,
        stream: &StreamId,
    ) -> Result<Rehydrated<A>, SendError> {
        let (mut folded, mut page) = match self.resume(log, stream).await? {
            Some(resumed) => resumed,
            None => (Folded::start(), read(log, stream, Version::NONE).await?),
        };
        loop {
            folded.fold(self.upcasters, &page.events)?;
            if folded.version >= page.version || page.events.is_empty() {
                break;
            }
            page = read(log, stream, folded.version).await?;
        }
        if folded.since >= SNAPSHOT_EVERY {
            self.save(log, &folded, page.events.last());
        }
        Ok(Rehydrated {
            state: folded.state,
            version: page.version,
            head: page.head,
        })
    }

    /// The state that was kept, and the page that begins with the event after which it was taken; `None` where
    /// there is none, or none that is worth anything.
    async fn resume<A: Aggregate>(
        self,
        log: &dyn EventLog,
        stream: &StreamId,
    ) -> Result<Option<(Folded<A>, StreamPage)>, SendError> {
        let Some(snapshots) = self.snapshots else {
            return Ok(None);
        };
        let Some(kept) = snapshots.load(stream) else {
            return Ok(None);
        };
        let before = Version::new(kept.version.get().saturating_sub(1));
        let page = read(log, stream, before).await?;
        let incarnation = log.describe().incarnation;
        let last = page.events.first();
        let Some(state) = last.and_then(|last| self.form.open(incarnation, last, &kept)) else {
            snapshots.forget(stream);
            return Ok(None);
        };
        let version = kept.version;
        Ok(Some((
            Folded {
                state,
                version,
                since: 0,
            },
            page,
        )))
    }

    fn save<A: Aggregate>(self, log: &dyn EventLog, folded: &Folded<A>, last: Option<&Event>) {
        let (Some(snapshots), Some(last)) = (self.snapshots, last) else {
            return;
        };
        let incarnation = log.describe().incarnation;
        if let Some(snapshot) = self.form.take(incarnation, last, &folded.state) {
            snapshots.save(&last.stream, &snapshot);
        }
    }
}

impl<A: Aggregate> Folded<A> {
    fn start() -> Self {
        Self {
            state: A::default(),
            version: Version::NONE,
            since: 0,
        }
    }

    fn fold(&mut self, upcasters: &Upcasters, events: &[Event]) -> Result<(), EventError> {
        for event in events.iter().filter(|event| event.version > self.version) {
            self.state.evolve(&decode::<A>(upcasters, event)?);
            self.since += 1;
        }
        if let Some(last) = events.last() {
            self.version = last.version;
        }
        Ok(())
    }
}

async fn read(
    log: &dyn EventLog,
    stream: &StreamId,
    after: Version,
) -> Result<StreamPage, SendError> {
    let page = log.read_stream(stream, after, PAGE).await;
    page.map_err(|source| SendError::Read {
        stream: stream.clone(),
        source,
    })
}

/// A stored event as the aggregate's own.
pub(super) fn decode<A: Aggregate>(
    upcasters: &Upcasters,
    event: &Event,
) -> Result<A::Event, EventError> {
    let today = upcasters.today(event);
    let (schema, known) = (
        upcast::schema(&today.metadata),
        upcasters.current(today.event_type.as_str()),
    );
    if schema > known {
        let reason =
            format!("its schema version is {schema}, and the newest known here is {known}");
        return Err(EventError::of(event, A::CATEGORY, reason));
    }
    tagged::join(today.event_type.as_str(), today.data.as_str())
        .map_err(|error| EventError::of(event, A::CATEGORY, error.to_string()))
}
