//! Rehydration: a stream's events, from a snapshot where there is a good one, folded into the aggregate's
//! state.

use std::ops::ControlFlow::{Break, Continue};

use crate::event::{Event, EventRef, StreamId, Version};
use crate::log::{EventLog, LogError, StreamEnd, StreamHead};
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
        let (mut folded, mut end) = match self.resume(log, stream).await? {
            Some(resumed) => resumed,
            None => {
                let mut folded = Folded::start();
                let end = folded.go_on(self.upcasters, log, stream).await?;
                (folded, end)
            }
        };
        while folded.version < end.version {
            let before = folded.version;
            end = folded.go_on(self.upcasters, log, stream).await?;
            if folded.version == before {
                break;
            }
        }
        if folded.since >= SNAPSHOT_EVERY {
            self.save(log, stream, &folded).await;
        }
        Ok(Rehydrated {
            state: folded.state,
            version: end.version,
            head: end.head,
        })
    }

    /// The state that was kept and what followed it, a page of that; `None` where there is none, or none that is
    /// worth anything. That page is of whole events: it begins with the one after which the state was taken, and
    /// the state's seal is over more than a fold needs.
    async fn resume<A: Aggregate>(
        self,
        log: &dyn EventLog,
        stream: &StreamId,
    ) -> Result<Option<(Folded<A>, StreamEnd)>, SendError> {
        let Some(snapshots) = self.snapshots else {
            return Ok(None);
        };
        let Some(kept) = snapshots.load(stream) else {
            return Ok(None);
        };
        let page = log.read_stream(stream, before(kept.version), PAGE).await;
        let page = page.map_err(|source| unread(stream, source))?;
        let incarnation = log.describe().incarnation;
        let last = page.events.first();
        let Some(state) = last.and_then(|last| self.form.open(incarnation, last, &kept)) else {
            snapshots.forget(stream);
            return Ok(None);
        };
        let mut folded = Folded {
            state,
            version: kept.version,
            since: 0,
        };
        folded.take_all(self.upcasters, page.events.get(1..).unwrap_or_default())?;
        let (version, head) = (page.version, page.head);
        Ok(Some((folded, StreamEnd { version, head })))
    }

    /// What cannot be kept is folded again.
    async fn save<A: Aggregate>(self, log: &dyn EventLog, stream: &StreamId, folded: &Folded<A>) {
        let Some(snapshots) = self.snapshots else {
            return;
        };
        let page = log.read_stream(stream, before(folded.version), 1).await;
        let Ok([last]) = page.as_ref().map(|page| page.events.as_slice()) else {
            return;
        };
        let incarnation = log.describe().incarnation;
        if let Some(snapshot) = self.form.take(incarnation, last, &folded.state) {
            snapshots.save(stream, &snapshot);
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

    /// Folds a page more; answers where the stream ends.
    async fn go_on(
        &mut self,
        upcasters: &Upcasters,
        log: &dyn EventLog,
        stream: &StreamId,
    ) -> Result<StreamEnd, SendError> {
        let (mut is_known, after) = (true, self.version);
        let mut fold = |event: EventRef<'_>| {
            is_known = self.take(upcasters, event).is_ok();
            if is_known { Continue(()) } else { Break(()) }
        };
        let end = log.fold_stream(stream, after, PAGE, &mut fold).await;
        let end = end.map_err(|source| unread(stream, source))?;
        if !is_known {
            // The whole event says where it is.
            let page = log.read_stream(stream, self.version, 1).await;
            let page = page.map_err(|source| unread(stream, source))?;
            self.take_all(upcasters, &page.events)?;
        }
        Ok(end)
    }

    /// Errors: one that the aggregate does not know.
    fn take_all(&mut self, upcasters: &Upcasters, events: &[Event]) -> Result<(), EventError> {
        for event in events {
            let taken = self.take(upcasters, event.into());
            taken.map_err(|reason| EventError::of(event, A::CATEGORY, reason))?;
        }
        Ok(())
    }

    /// Errors: why the aggregate does not know it.
    fn take(&mut self, upcasters: &Upcasters, event: EventRef<'_>) -> Result<(), String> {
        self.state.evolve(&decode::<A>(upcasters, event)?);
        self.version = event.version;
        self.since += 1;
        Ok(())
    }
}

const fn before(version: Version) -> Version {
    Version::new(version.get().saturating_sub(1))
}

fn unread(stream: &StreamId, source: LogError) -> SendError {
    SendError::Read {
        stream: stream.clone(),
        source,
    }
}

/// A stored event as the aggregate's own. Errors: why it is none.
pub(super) fn decode<A: Aggregate>(
    upcasters: &Upcasters,
    event: EventRef<'_>,
) -> Result<A::Event, String> {
    let brought_up = upcasters.bring_up(event);
    let today = brought_up.as_ref().map_or(event, |today| today.of(event));
    let (schema, known) = (
        upcast::schema(today.metadata),
        upcasters.current(today.event_type.as_str()),
    );
    if schema > known {
        return Err(format!(
            "its schema version is {schema}, and the newest known here is {known}"
        ));
    }
    tagged::join(today.event_type.as_str(), today.data).map_err(|error| error.to_string())
}
