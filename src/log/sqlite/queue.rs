//! What waits to be stored, in the order it came, and how much of it one transaction takes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use tokio::sync::oneshot;

use super::transaction::{Failure, Supply};
use super::writer::Answer;
use crate::log::Commit;

/// Events a transaction where others wait, so that they get in between; a single commit may have more.
const BESIDE_OTHERS: usize = 500;

/// Events a transaction where nobody does.
const ALONE: usize = 10_000;

/// Small transactions after somebody waited, before they grow.
const WARY: u32 = 8;

/// After a transaction that took longer than this, the next is not larger, whoever waits.
const LONG: Duration = Duration::from_millis(100);

/// Bytes a transaction for each event that it may have, and in all.
const BYTES_AN_EVENT: usize = 8 << 10;
const BYTES: usize = 16 << 20;

/// Commits that came together and are answered together.
pub(super) struct Job {
    /// Shared with whoever waits, who frees them.
    commits: Arc<Vec<Commit>>,
    /// What the first of them came to.
    answers: Vec<Answer>,
    /// How many after these are in the transaction that runs.
    taken: usize,
    reply: oneshot::Sender<Vec<Answer>>,
}

impl Job {
    /// And where its answers will come.
    pub fn new(commits: Arc<Vec<Commit>>) -> (Self, oneshot::Receiver<Vec<Answer>>) {
        let (reply, answers) = oneshot::channel();
        let job = Self {
            answers: Vec::with_capacity(commits.len()),
            commits,
            taken: 0,
            reply,
        };
        (job, answers)
    }

    /// The next one that no transaction has taken.
    fn next(&self) -> Option<&Commit> {
        self.commits.get(self.answers.len() + self.taken)
    }

    fn has_more(&self) -> bool {
        self.next().is_some()
    }

    fn reply(self) {
        drop(self.commits);
        // Whoever asked may have gone; what they asked for is stored all the same.
        let _ = self.reply.send(self.answers);
    }
}

/// Jobs, the next first.
pub(super) struct Queue {
    jobs: VecDeque<Job>,
    /// Events that a transaction may have. It doubles while nobody else waits, so that whoever comes then waits about
    /// as long as nobody had waited before.
    limit: usize,
    /// After how many more transactions it does: somebody who waited a moment ago may be about to come again.
    wary: u32,
}

impl Queue {
    pub fn new() -> Self {
        Self {
            jobs: VecDeque::new(),
            limit: BESIDE_OTHERS,
            wary: 0,
        }
    }

    pub fn push(&mut self, job: Job) {
        self.jobs.push_back(job);
    }

    /// What has come in.
    pub fn extend(&mut self, incoming: &Receiver<Job>) {
        self.jobs.extend(incoming.try_iter());
    }

    /// Lets go of everybody: they hear that nobody writes any more.
    pub fn clear(&mut self) {
        self.jobs.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// What one transaction takes: also of what comes in while it is written.
    pub fn supply<'a>(&'a mut self, incoming: &'a Receiver<Job>) -> Taking<'a> {
        Taking {
            queue: self,
            incoming,
            job: 0,
            events: 0,
            bytes: 0,
        }
    }

    /// Gives the answers of a transaction that took so long. `is_alone` says whether no other process waits.
    pub fn answer(
        &mut self,
        answers: Vec<Answer>,
        took: Duration,
        is_alone: impl FnOnce() -> bool,
    ) {
        let mut answers = answers.into_iter();
        let mut is_begun = false;
        while let Some(mut job) = self.jobs.pop_front() {
            let taken = std::mem::take(&mut job.taken);
            job.answers.extend(answers.by_ref().take(taken));
            if job.has_more() {
                is_begun = taken > 0;
                if is_begun {
                    // A long job lets those pass who came while it was written.
                    self.jobs.push_back(job);
                } else {
                    self.jobs.push_front(job);
                }
                break;
            }
            job.reply();
        }
        let others = self.jobs.len() > usize::from(is_begun);
        let is_large = is_begun || self.limit > BESIDE_OTHERS;
        if others || is_large && !is_alone() {
            self.limit = BESIDE_OTHERS;
            self.wary = WARY;
        } else if self.wary > 0 {
            self.wary -= 1;
        } else if is_begun && took < LONG {
            self.limit = ALONE.min(2 * self.limit);
        }
    }

    /// Answers everybody who was in a transaction that failed, or all that waited for it, where it took nothing. The rest
    /// of their commits is not tried, so that what is stored of a job has no holes.
    pub fn fail(&mut self, failure: &Failure) {
        let took_any = self.jobs.iter().any(|job| job.taken > 0);
        while let Some(mut job) = self.jobs.pop_front() {
            if took_any && job.taken == 0 && job.has_more() {
                self.jobs.push_front(job);
                return;
            }
            let begun = job.answers.len();
            for (at, commit) in job.commits.iter().enumerate().skip(begun) {
                let error = if at < begun + job.taken {
                    failure.of(&commit.id)
                } else {
                    failure.of_untried()
                };
                job.answers.push(Err(error));
            }
            job.reply();
        }
    }
}

/// What a transaction takes.
pub(super) struct Taking<'a> {
    queue: &'a mut Queue,
    incoming: &'a Receiver<Job>,
    /// From which job, of how many events and bytes.
    job: usize,
    events: usize,
    bytes: usize,
}

impl Supply for Taking<'_> {
    fn next(&mut self) -> Option<&Commit> {
        let Queue { jobs, limit, .. } = &mut *self.queue;
        while !jobs.get(self.job).is_some_and(Job::has_more) {
            if self.job < jobs.len() {
                self.job += 1;
            } else {
                jobs.push_back(self.incoming.try_recv().ok()?);
            }
        }
        let job = jobs.get_mut(self.job)?;
        let next = job.commits.get(job.answers.len() + job.taken)?;
        let is_first = self.events == 0;
        self.events += next.events.len();
        self.bytes += size(next);
        let is_full = self.events > *limit || self.bytes > BYTES.min(*limit * BYTES_AN_EVENT);
        if is_full && !is_first {
            return None;
        }
        job.taken += 1;
        Some(next)
    }
}

fn size(commit: &Commit) -> usize {
    let texts = commit.events.iter();
    texts
        .map(|event| event.data.as_str().len() + event.metadata.as_str().len())
        .sum()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::event::{EventType, JsonObject, NewEvent, StreamId};
    use crate::log::{AppendError, CommitId, Expected, LogError};

    const QUICK: Duration = Duration::from_millis(1);

    fn commit() -> Commit {
        let event_type = EventType::new("OrderPlaced").unwrap();
        Commit {
            id: CommitId::new(),
            stream: StreamId::new("order-1").unwrap(),
            expected: Expected::Any,
            events: vec![NewEvent::new(event_type, JsonObject::empty())],
        }
    }

    fn job(commits: usize) -> (Job, oneshot::Receiver<Vec<Answer>>) {
        Job::new(Arc::new((0..commits).map(|_| commit()).collect()))
    }

    fn refused() -> AppendError {
        AppendError::NotStored(LogError::Closed)
    }

    /// Where jobs come in, and a queue with one of so many commits.
    fn queue(commits: usize) -> (Queue, Sender<Job>, Receiver<Job>) {
        let (jobs, incoming) = channel();
        let mut queue = Queue::new();
        queue.push(job(commits).0);
        (queue, jobs, incoming)
    }

    /// How many commits a transaction takes.
    fn take(queue: &mut Queue, incoming: &Receiver<Job>) -> usize {
        let mut taking = queue.supply(incoming);
        std::iter::from_fn(|| taking.next().map(drop)).count()
    }

    /// The same, answered.
    fn turn(queue: &mut Queue, incoming: &Receiver<Job>, took: Duration, is_alone: bool) -> usize {
        let taken = take(queue, incoming);
        queue.extend(incoming);
        let answers = (0..taken).map(|_| Err(refused())).collect();
        queue.answer(answers, took, || is_alone);
        taken
    }

    #[test]
    fn transactions_grow_while_nobody_else_waits_and_are_small_again_when_somebody_does() {
        let (mut queue, jobs, incoming) = queue(100_000);
        let mut next = |took, is_alone| turn(&mut queue, &incoming, took, is_alone);
        let sizes: Vec<_> = (0..7).map(|_| next(QUICK, true)).collect();
        assert_eq!(sizes, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        // Another process; then another caller.
        assert_eq!(next(QUICK, false), 10_000);
        let sizes: Vec<_> = (0..10).map(|_| next(QUICK, true)).collect();
        assert_eq!(sizes, [[500; 9].as_slice(), &[1_000]].concat());
        jobs.send(job(1).0).unwrap();
        assert_eq!([next(QUICK, true), next(QUICK, true)], [2_000, 500]);
    }

    #[test]
    fn jobs_that_follow_each_other_let_others_in_although_each_is_stored_at_once() {
        let (mut queue, jobs, incoming) = queue(10_000);
        while !queue.is_empty() {
            turn(&mut queue, &incoming, QUICK, true);
        }
        for size in [2_000, 500] {
            jobs.send(job(2_000).0).unwrap();
            assert_eq!(turn(&mut queue, &incoming, QUICK, false), size);
        }
    }

    #[test]
    fn after_a_slow_transaction_the_next_is_not_larger() {
        let (mut queue, _jobs, incoming) = queue(5_000);
        let slow = 2 * LONG;
        let sizes = [slow; 3].map(|took| turn(&mut queue, &incoming, took, true));
        assert_eq!(sizes, [500; 3]);
    }

    #[test]
    fn a_transaction_takes_what_comes_while_it_is_written() {
        let (mut queue, jobs, incoming) = queue(1);
        let mut taking = queue.supply(&incoming);
        assert!(taking.next().is_some());
        jobs.send(job(1).0).unwrap();
        assert!(taking.next().is_some());
        assert!(taking.next().is_none());
    }

    #[test]
    fn who_was_not_in_the_transaction_that_failed_goes_on_waiting() {
        let (mut queue, jobs, incoming) = queue(600);
        let (second, mut answers) = job(1);
        queue.push(second);
        assert_eq!(take(&mut queue, &incoming), 500);
        queue.fail(&Failure::NotStored(LogError::Closed));
        assert!(!queue.is_empty());
        assert!(answers.try_recv().is_err());
        // Nothing was taken where the lock was not had: who waited for it is told, who came meanwhile is not.
        let (third, mut later) = job(1);
        jobs.send(third).unwrap();
        queue.fail(&Failure::NotStored(LogError::Closed));
        assert_eq!(answers.try_recv().unwrap().len(), 1);
        assert!(queue.is_empty());
        assert!(later.try_recv().is_err());
    }
}
