//! Group commit: one thread writes. Appends that wait together share one transaction and one sync;
//! batches form during the sync before, so that nobody waits for a timer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

use super::bell::Bell;
use super::schema::Place;
use super::transaction::{Failure, Transactor};
use super::{LogOptions, publish};
use crate::event::Position;
use crate::log::{AppendError, Commit, Committed, LogError};

/// What a commit came to.
pub(super) type Answer = Result<Committed, AppendError>;

/// Events a transaction, so that other processes get in between; a single commit may have more.
const EVENTS_A_TRANSACTION: usize = 500;

/// Bytes a transaction, for the same reason.
const BYTES_A_TRANSACTION: usize = 4 * 1024 * 1024;

/// The thread that writes, seen from outside.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    clamped: Arc<AtomicU64>,
}

/// Commits that came together and are answered together.
struct Job {
    waiting: VecDeque<Commit>,
    /// How many of them are in the transaction that runs.
    taken: usize,
    answers: Vec<Answer>,
    reply: oneshot::Sender<Vec<Answer>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(
        place: Place,
        genesis: super::chain::Hash,
        options: LogOptions,
        head: watch::Sender<Position>,
    ) -> Result<Self, LogError> {
        let (jobs, receiver) = channel();
        let clamped = Arc::new(AtomicU64::new(0));
        let path = place.file.clone();
        let mut desk = Desk {
            bell: Bell::open(&place)?,
            transactor: Transactor::new(place, genesis, options)?,
            receiver,
            queue: VecDeque::new(),
            head,
            clamped: Arc::clone(&clamped),
        };
        let thread = std::thread::Builder::new()
            .name("log writer".into())
            .spawn(move || desk.run())
            .map_err(|e| Place::io(&path, "the thread that writes cannot be started", &e))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            clamped,
        })
    }

    /// How often a clock that stepped back was clamped.
    pub fn clamped(&self) -> u64 {
        self.clamped.load(Ordering::Relaxed)
    }

    /// Hands commits over; the answers come when all of them are stored or refused.
    pub async fn append(&self, commits: Vec<Commit>) -> Vec<Answer> {
        let ids: Vec<_> = commits.iter().map(|commit| commit.id.clone()).collect();
        let (reply, answers) = oneshot::channel();
        let job = Job {
            answers: Vec::with_capacity(commits.len()),
            waiting: commits.into(),
            taken: 0,
            reply,
        };
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(job));
        if !matches!(sent, Some(Ok(()))) {
            let closed = AppendError::NotStored(LogError::Closed);
            return ids.iter().map(|_| Err(closed.clone())).collect();
        }
        answers.await.unwrap_or_else(|_| {
            let unknown = |id| {
                Err(AppendError::Unknown {
                    id,
                    reason: "the thread that writes has ended".into(),
                })
            };
            ids.into_iter().map(unknown).collect()
        })
    }
}

impl Drop for Writer {
    /// Finishes what was handed over, then ends the thread and closes its connection.
    fn drop(&mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take() {
            // A panic over there was reported there.
            let _ = thread.join();
        }
    }
}

/// The thread that writes, seen from inside.
struct Desk {
    receiver: Receiver<Job>,
    /// What waits, the next first.
    queue: VecDeque<Job>,
    transactor: Transactor,
    head: watch::Sender<Position>,
    bell: Bell,
    clamped: Arc<AtomicU64>,
}

impl Desk {
    fn run(&mut self) {
        loop {
            if self.queue.is_empty() {
                match self.receiver.recv() {
                    Ok(job) => self.queue.push_back(job),
                    Err(_) => return,
                }
            }
            self.queue.extend(self.receiver.try_iter());
            self.turn();
        }
    }

    /// One transaction: takes what fits, stores it, answers.
    fn turn(&mut self) {
        let commits = self.take();
        let outcome = self.transactor.store(&commits);
        self.clamped
            .store(self.transactor.clamped(), Ordering::Relaxed);
        let head = outcome.as_ref().ok().and_then(|stored| stored.head);
        if let Some(head) = head {
            publish(&self.head, head);
        }
        match outcome {
            Ok(stored) => self.answer(stored.answers),
            Err(failure) => self.fail(&commits, &failure),
        }
        // Last, because nobody here waits for it.
        if head.is_some() {
            self.bell.ring();
        }
    }

    fn take(&mut self) -> Vec<Commit> {
        let mut commits = Vec::new();
        let (mut events, mut bytes) = (0, 0);
        for job in &mut self.queue {
            while let Some(next) = job.waiting.front() {
                events += next.events.len();
                bytes += size(next);
                let full = events > EVENTS_A_TRANSACTION || bytes > BYTES_A_TRANSACTION;
                if full && !commits.is_empty() {
                    return commits;
                }
                commits.extend(job.waiting.pop_front());
                job.taken += 1;
            }
        }
        commits
    }

    fn answer(&mut self, answers: Vec<Answer>) {
        let mut answers = answers.into_iter();
        while let Some(mut job) = self.queue.pop_front() {
            let taken = std::mem::take(&mut job.taken);
            job.answers.extend(answers.by_ref().take(taken));
            if job.waiting.is_empty() {
                // Whoever asked may have gone; what they asked for is stored all the same.
                let _ = job.reply.send(job.answers);
                continue;
            }
            if taken == 0 {
                self.queue.push_front(job);
            } else {
                // A long job lets those pass who came while it was written.
                self.queue.push_back(job);
            }
            return;
        }
    }

    /// Answers everybody who was in a transaction that failed. The rest of their commits is not tried,
    /// so that what is stored of a job has no holes.
    fn fail(&mut self, commits: &[Commit], failure: &Failure) {
        let mut commits = commits.iter();
        while let Some(mut job) = self.queue.pop_front() {
            if job.taken == 0 && !job.waiting.is_empty() {
                self.queue.push_front(job);
                return;
            }
            let failed = commits.by_ref().take(job.taken);
            job.answers
                .extend(failed.map(|commit| Err(failure.of(&commit.id))));
            let rest = job.waiting.iter().map(|_| Err(failure.of_untried()));
            job.answers.extend(rest);
            let _ = job.reply.send(job.answers);
        }
    }
}

fn size(commit: &Commit) -> usize {
    let texts = commit.events.iter();
    texts
        .map(|event| event.data.as_str().len() + event.metadata.as_str().len())
        .sum()
}
