//! Events that were set aside: parked, tried again, skipped, and parked again.

use super::super::parked::{
    Aside, OnError, PARKED_LIMIT, ParkedCount, ParkedEvent, Record, State, Why,
};
use super::super::projection::Blame;
use super::{Runner, RunnerError, event_at};
use crate::crash;
use crate::event::{Event, Position, StreamId, Timestamp};
use crate::text::thousands;

/// What trying a parked event again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// It is in the read model now.
    Applied,
    /// It is parked as before, with one try more.
    Failed {
        /// What the handler said.
        error: String,
        /// How often it was tried by now.
        tries: u32,
    },
    /// It was not tried: why, and the way out.
    Not(String),
}

/// What skipping a parked event came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skipped {
    /// It is left out from now on; so many later ones of its stream are parked.
    Done {
        /// Its stream.
        stream: StreamId,
        /// How many of it are still parked.
        left: u64,
    },
    /// It is not parked.
    NotParked,
}

/// What taking back a skip came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unskipped {
    /// It is parked again.
    Parked,
    /// It stays left out of this version: this later event of its stream was applied.
    Passed(Position),
    /// This version has not left it out.
    NotHere,
}

impl Runner {
    /// What becomes of an event that cannot be applied, from now on. One that it stopped at is tried once more.
    pub fn set_on_error(&mut self, on_error: OnError) {
        if std::mem::replace(&mut self.on_error, on_error) == on_error || !self.parks() {
            return;
        }
        if let Some(trouble) = self.trouble.as_mut().filter(|t| t.next_try.is_none()) {
            trouble.next_try = Some(std::time::Duration::ZERO);
        }
    }

    /// Whether an event that cannot be applied is parked. In a replay it is not: an earlier fold had it.
    pub(super) fn parks(&self) -> bool {
        self.on_error == OnError::Park && !self.is_replaying()
    }

    /// Whether a replay has not come to its end.
    pub fn is_replaying(&self) -> bool {
        self.seen.position < self.replay_to
    }

    /// How much is parked.
    pub fn parked(&self) -> ParkedCount {
        self.waiting_aside.count()
    }

    /// The first event that its file has as parked. Errors: the file.
    pub fn first_parked(&self) -> Result<Option<ParkedEvent>, RunnerError> {
        Ok(self.model.first_of_all_parked()?)
    }

    /// Whether its file has this event as parked. Errors: the file.
    pub fn has_parked(&self, event: Position) -> Result<bool, RunnerError> {
        let record = self.model.record(event)?;
        Ok(record.is_some_and(|record| record.state == State::Parked))
    }

    /// These events are to be left out of every version: somebody decided so. What of them is parked here is
    /// skipped now, what is not reached yet when its turn comes, and what was applied before stays.
    ///
    /// Errors: the file.
    pub fn leave_out(
        &mut self,
        events: impl IntoIterator<Item = Position>,
    ) -> Result<(), RunnerError> {
        let known = |event: &Position| !self.waiting_aside.skips(*event);
        let events: Vec<Position> = events.into_iter().filter(known).collect();
        if events.is_empty() {
            return Ok(());
        }
        self.flush()?;
        for event in events {
            match self.model.record(event)? {
                Some(record) if record.state == State::Parked => {
                    self.model.skip(event, None)?;
                    self.waiting_aside.remove(&record.event.stream);
                    self.waiting_aside.skip(event);
                }
                None if event > self.seen.position.max(self.replay_to) => {
                    self.waiting_aside.skip(event);
                }
                _ => {}
            }
        }
        self.go_on_where_there_is_room();
        Ok(())
    }

    /// The last checkpoint at which a parked event was applied, with that event: what comes after it cannot be
    /// applied again in the same order. Errors: the file.
    pub fn last_out_of_turn(&self) -> Result<Option<(Position, Position)>, RunnerError> {
        Ok(self.model.last_out_of_turn()?)
    }

    /// The streams that have parked events, in the order of the first of them. Errors: the file.
    pub fn parked_streams(&mut self) -> Result<Vec<StreamId>, RunnerError> {
        self.flush()?;
        Ok(self.model.parked_streams()?)
    }

    /// How many parked events a request has had applied so far. Errors: the file.
    pub fn applied_by(&self, request: Position) -> Result<u64, RunnerError> {
        Ok(self.model.applied_by(request)?)
    }

    /// Tries one parked event again, which must be the first of its stream. Done once a request, whatever is
    /// killed.
    ///
    /// Errors: the log, the file, or a handler that was broken off; nothing is changed then.
    pub async fn retry(
        &mut self,
        event: Position,
        request: Position,
    ) -> Result<Tried, RunnerError> {
        self.flush()?;
        let record = self.model.record(event)?;
        match record {
            Some(record) if record.state == State::Parked => {
                let first = self.model.first_parked(&record.event.stream)?;
                match first.map(|first| first.event.position) {
                    Some(first) if first < event => Ok(Tried::Not(format!(
                        "event {first} of {} comes first: try that one, or the whole stream",
                        record.event.stream
                    ))),
                    _ => self.retry_record(&record, request).await,
                }
            }
            Some(record) if record.request == Some(request) && record.state == State::Applied => {
                Ok(Tried::Applied)
            }
            _ => Ok(Tried::Not(format!(
                "event {} is not parked",
                thousands(event.get())
            ))),
        }
    }

    /// Tries the first parked event of a stream again, if there is one that this request has not tried.
    ///
    /// Errors: as [`retry`](Self::retry).
    pub async fn retry_first(
        &mut self,
        stream: &StreamId,
        request: Position,
    ) -> Result<Option<(Position, Tried)>, RunnerError> {
        self.flush()?;
        match self.model.first_parked(stream)? {
            Some(record) => {
                let tried = self.retry_record(&record, request).await?;
                Ok(Some((record.event.position, tried)))
            }
            None => Ok(None),
        }
    }

    async fn retry_record(
        &mut self,
        record: &Record,
        request: Position,
    ) -> Result<Tried, RunnerError> {
        let position = record.event.position;
        if record.request == Some(request)
            && let Some(error) = record.event.error.clone()
        {
            let tries = record.event.tries;
            return Ok(Tried::Failed { error, tries });
        }
        let Some(event) = event_at(&*self.log, position).await? else {
            let why = format!("the log has no event {position} any more: rebuild the read model");
            return Ok(Tried::Not(why));
        };
        let applied = self
            .model
            .apply_late(&*self.projection, &event, Some(request));
        match applied {
            Ok(()) => {
                crash::point("after-retried");
                self.waiting_aside.remove(&event.stream);
                self.go_on_where_there_is_room();
                Ok(Tried::Applied)
            }
            Err(error) if error.blame == Blame::Event => {
                self.model.failed_again(position, &error.reason, request)?;
                Ok(Tried::Failed {
                    error: error.reason,
                    tries: record.event.tries + 1,
                })
            }
            Err(error) => Err(super::ModelError::Io {
                path: self.model.path().to_owned(),
                reason: error.reason,
            }
            .into()),
        }
    }

    /// Leaves a parked event out. Done once a request, whatever is killed.
    ///
    /// Errors: the file.
    pub fn skip(&mut self, event: Position, request: Position) -> Result<Skipped, RunnerError> {
        self.flush()?;
        let Some(record) = self.model.record(event)? else {
            return Ok(Skipped::NotParked);
        };
        let stream = record.event.stream;
        match record.state {
            State::Parked => {
                self.model.skip(event, Some(request))?;
                crash::point("after-skipped");
                self.waiting_aside.remove(&stream);
                self.waiting_aside.skip(event);
                self.go_on_where_there_is_room();
            }
            State::Skipped if record.request == Some(request) => {}
            _ => return Ok(Skipped::NotParked),
        }
        let left = self.waiting_aside.of(&stream);
        Ok(Skipped::Done { stream, left })
    }

    /// Parks a skipped event again, where nothing that follows it in its stream was applied since.
    ///
    /// Errors: the log, the file.
    pub async fn unskip(
        &mut self,
        event: Position,
        request: Position,
    ) -> Result<Unskipped, RunnerError> {
        self.flush()?;
        self.waiting_aside.unskip(event);
        let record = self.model.record(event)?;
        let Some(record) = record.filter(|record| record.state == State::Skipped) else {
            return Ok(Unskipped::NotHere);
        };
        if let Some(later) = self.applied_after(event, &record.event.stream).await? {
            // It stays left out here, and in a replay too.
            self.waiting_aside.skip(event);
            return Ok(Unskipped::Passed(later));
        }
        self.model.unskip(event, request)?;
        self.waiting_aside.add(&record.event.stream);
        Ok(Unskipped::Parked)
    }

    /// The first event of a stream after this one that the read model has applied.
    async fn applied_after(
        &self,
        event: Position,
        stream: &StreamId,
    ) -> Result<Option<Position>, RunnerError> {
        let Some(skipped) = event_at(&*self.log, event).await? else {
            return Ok(None);
        };
        let mut version = skipped.version;
        loop {
            let page = self.log.read_stream(stream, version, 500).await?;
            let Some(last) = page.events.last() else {
                return Ok(None);
            };
            version = last.version;
            for later in &page.events {
                if later.position > self.seen.position {
                    return Ok(None);
                }
                let takes = self.projection.subscription().takes_event(later);
                let applied = |record: Option<Record>| {
                    record.is_none_or(|record| record.state == State::Applied)
                };
                if takes && applied(self.model.record(later.position)?) {
                    return Ok(Some(later.position));
                }
            }
        }
    }

    /// What the file has of it counts again.
    pub(super) fn forget_aside(&mut self) {
        if std::mem::take(&mut self.aside).is_empty() {
            return;
        }
        match self.model.waiting() {
            Ok(mut waiting) => {
                // Decisions are not in the file before their event is reached.
                waiting.keep_skipped(&self.waiting_aside);
                self.waiting_aside = waiting;
            }
            Err(error) => tracing::error!(%error, "what is parked could not be read again"),
        }
    }

    /// What a page has set aside is passed, and to be written with the checkpoint.
    pub(super) fn remember_aside(&mut self, aside: &[Aside]) {
        for aside in aside {
            match aside.why {
                Why::Skipped => self.waiting_aside.skip(aside.position),
                Why::Failed { .. } | Why::Behind => self.waiting_aside.add(&aside.stream),
                Why::Again => {}
            }
        }
    }

    /// There is no room for one more: it stops.
    pub(super) fn stop_for_room(&mut self, position: Position) {
        self.is_full = true;
        self.trouble = Some(super::Trouble {
            position,
            error: format!(
                "{} events are parked, and no more may be: try them again or skip them",
                crate::text::thousands(PARKED_LIMIT)
            ),
            tries: super::TRIES,
            next_try: None,
            blame: Blame::Event,
        });
    }

    fn go_on_where_there_is_room(&mut self) {
        if self.is_full && self.waiting_aside.room() > 0 {
            self.is_full = false;
            self.trouble = None;
        }
    }
}

/// An event that is set aside.
pub(super) fn aside(event: &Event, why: Why, at: Timestamp) -> Aside {
    Aside {
        position: event.position,
        stream: event.stream.clone(),
        event_type: event.event_type.clone(),
        why,
        at,
    }
}
