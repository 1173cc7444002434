//! Group commit: one thread writes. Appends that wait together share one transaction and one sync; what comes while it is
//! written is taken too, so that nobody waits for a timer, and callers who were just answered are in the next one
//! together. A caller who is alone writes in place, because handing over would take half as long as the sync.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::bell::Bell;
use super::queue::{Job, Queue};
use super::schema::Place;
use super::transaction::{Failure, Stored, Supply, Transactor};
use super::{LogOptions, publish};
use crate::event::Position;
use crate::log::{AppendError, Commit, Committed, LogError};

/// What a commit came to.
pub(super) type Answer = Result<Committed, AppendError>;

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
            queue: Queue::new(),
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
        let ([commit], Ok(mut desk)) = (commits, self.desk.try_lock()) else {
            return None;
        };
        if !desk.quiet || !desk.queue.is_empty() {
            return None;
        }
        let began = Instant::now();
        let outcome = desk
            .transactor
            .store(&mut One(Some(commit)), Duration::ZERO);
        match desk.stored(outcome, began) {
            Ok(stored) => {
                desk.tell(stored.head);
                Some(stored.answers)
            }
            Err(Failure::NotStored(LogError::Locked { .. })) => None,
            Err(failure) => Some(vec![Err(failure.of(&commit.id))]),
        }
    }

    async fn hand_over(&self, commits: Vec<Commit>) -> Vec<Answer> {
        let commits = Arc::new(commits);
        let (job, answers) = Job::new(Arc::clone(&commits));
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(job));
        if !matches!(sent, Some(Ok(()))) {
            let closed = AppendError::NotStored(LogError::Closed);
            return commits.iter().map(|_| Err(closed.clone())).collect();
        }
        answers.await.unwrap_or_else(|_| {
            let unknown = |commit: &Commit| {
                Err(AppendError::Unknown {
                    id: commit.id.clone(),
                    reason: "the thread that writes has ended".into(),
                })
            };
            commits.iter().map(unknown).collect()
        })
    }
}

/// A commit that is stored alone.
struct One<'a>(Option<&'a Commit>);

impl Supply for One<'_> {
    fn next(&mut self) -> Option<&Commit> {
        self.0.take()
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
fn run(incoming: &Receiver<Job>, desk: &Mutex<Desk>) {
    let _leaving = Leaving(desk);
    while let Ok(job) = incoming.recv() {
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.queue.push(job);
        while !desk.queue.is_empty() {
            desk.turn(incoming);
        }
    }
}

/// Lets go of everybody who waits when the thread ends: nobody waits for one that has panicked.
struct Leaving<'a>(&'a Mutex<Desk>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        desk.queue.clear();
    }
}

/// Where commits are written, by one thread at a time.
struct Desk {
    queue: Queue,
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
    /// One transaction: stores what waits, and what comes meanwhile; answers.
    fn turn(&mut self, incoming: &Receiver<Job>) {
        let began = Instant::now();
        // Whoever is here already waits no longer for another process than the first.
        self.queue.extend(incoming);
        let mut taking = self.queue.supply(incoming);
        let outcome = self.transactor.store(&mut taking, self.patience);
        let outcome = self.stored(outcome, began);
        match outcome {
            Ok(stored) => {
                let transactor = &self.transactor;
                self.queue.extend(incoming);
                self.queue
                    .answer(stored.answers, began.elapsed(), || transactor.is_alone());
                // Last, because nobody here waits for it.
                self.tell(stored.head);
            }
            Err(failure) => self.queue.fail(&failure),
        }
    }

    /// What is done after each transaction, before anybody is answered.
    fn stored(
        &mut self,
        outcome: Result<Stored, Failure>,
        began: Instant,
    ) -> Result<Stored, Failure> {
        self.clamped
            .store(self.transactor.clamped(), Ordering::Relaxed);
        self.quiet = outcome
            .as_ref()
            .is_ok_and(|stored| stored.answers.len() <= 1 && began.elapsed() < QUICK);
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
}
