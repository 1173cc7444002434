//! Group commit: one thread writes. Appends that wait together share one transaction and one sync;
//! batches form during the sync before, so that nobody waits for a timer. A caller who is alone writes
//! in place, because handing over would take half as long as the sync.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::bell::Bell;
use super::schema::Place;
use super::transaction::{Failure, Stored, Transactor};
use super::{LogOptions, publish};
use crate::event::Position;
use crate::log::{AppendError, Commit, Committed, LogError};

/// What a commit came to.
pub(super) type Answer = Result<Committed, AppendError>;

/// Events a transaction, so that other processes get in between; a single commit may have more.
const EVENTS_A_TRANSACTION: usize = 500;

/// Bytes a transaction, for the same reason.
const BYTES_A_TRANSACTION: usize = 4 * 1024 * 1024;

/// A transaction that takes longer is not for the thread of somebody who does other things meanwhile.
const QUICK: Duration = Duration::from_micros(500);

/// The thread that writes, seen from outside.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    desk: Arc<Mutex<Desk>>,
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
    /// Starts the thread. `unsound` is why nothing may be appended, where that is so.
    pub fn start(
        place: Place,
        genesis: super::chain::Hash,
        options: LogOptions,
        head: watch::Sender<Position>,
        unsound: Option<LogError>,
    ) -> Result<Self, LogError> {
        let (jobs, receiver) = channel();
        let clamped = Arc::new(AtomicU64::new(0));
        let path = place.file.clone();
        let desk = Arc::new(Mutex::new(Desk {
            bell: Bell::open(&place)?,
            patience: options.lock_patience,
            transactor: Transactor::new(place, genesis, options, unsound)?,
            queue: VecDeque::new(),
            head,
            clamped: Arc::clone(&clamped),
            quiet: true,
        }));
        let shared = Arc::clone(&desk);
        let thread = std::thread::Builder::new()
            .name("log writer".into())
            .spawn(move || run(&receiver, &shared))
            .map_err(|e| Place::io(&path, "the thread that writes cannot be started", &e))?;
        Ok(Self {
            jobs: Some(jobs),
            desk,
            thread: Some(thread),
            clamped,
        })
    }

    /// How often a clock that stepped back was clamped.
    pub fn clamped(&self) -> u64 {
        self.clamped.load(Ordering::Relaxed)
    }

    /// The answers come when all commits are stored or refused.
    pub async fn append(&self, commits: Vec<Commit>) -> Vec<Answer> {
        match self.in_place(&commits) {
            Some(answers) => answers,
            None => self.hand_over(commits).await,
        }
    }

    /// Stores a single commit on the caller's own thread, if that is quick. `None` where it is not:
    /// somebody writes already, in this process or another, or the disk is slow.
    fn in_place(&self, commits: &[Commit]) -> Option<Vec<Answer>> {
        let mut desk = match self.desk.try_lock() {
            Ok(desk) if commits.len() == 1 && desk.quiet && desk.queue.is_empty() => desk,
            _ => return None,
        };
        match desk.store(commits, Duration::ZERO) {
            Ok(stored) => {
                desk.tell(stored.head);
                Some(stored.answers)
            }
            Err(Failure::NotStored(LogError::Locked { .. })) => None,
            Err(failure) => {
                let failed = commits.iter().map(|commit| Err(failure.of(&commit.id)));
                Some(failed.collect())
            }
        }
    }

    async fn hand_over(&self, commits: Vec<Commit>) -> Vec<Answer> {
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

/// The thread that writes: as long as anybody can still hand something over.
fn run(receiver: &Receiver<Job>, desk: &Mutex<Desk>) {
    while let Ok(job) = receiver.recv() {
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.queue.push_back(job);
        while !desk.queue.is_empty() {
            desk.queue.extend(receiver.try_iter());
            desk.turn();
        }
    }
}

/// Where commits are written, by one thread at a time.
struct Desk {
    /// What waits, the next first.
    queue: VecDeque<Job>,
    transactor: Transactor,
    patience: Duration,
    head: watch::Sender<Position>,
    bell: Bell,
    clamped: Arc<AtomicU64>,
    /// Whether the last transaction was quick, and for one commit only.
    quiet: bool,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// One transaction: takes what fits, stores it, answers.
    fn turn(&mut self) {
        let commits = self.take();
        match self.store(&commits, self.patience) {
            Ok(stored) => {
                self.answer(stored.answers);
                // Last, because nobody here waits for it.
                self.tell(stored.head);
            }
            Err(failure) => self.fail(&commits, &failure),
        }
    }

    fn store(&mut self, commits: &[Commit], patience: Duration) -> Result<Stored, Failure> {
        let start = Instant::now();
        let outcome = self.transactor.store(commits, patience);
        self.quiet = outcome.is_ok() && commits.len() <= 1 && start.elapsed() < QUICK;
        self.clamped
            .store(self.transactor.clamped(), Ordering::Relaxed);
        if let Ok(Stored {
            head: Some(head), ..
        }) = outcome
        {
            publish(&self.head, head);
        }
        outcome
    }

    /// Rings for the other processes, if there is anything new.
    fn tell(&mut self, head: Option<Position>) {
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
