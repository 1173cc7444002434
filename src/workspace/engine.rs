//! The engine: a supervisor a projection, a manager a process, and one who reports for all of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::WorkspaceError;
use super::catalogue::Catalogue;
use super::faults::Faults;
use super::folder::Folder;
use super::manager::{self, Management};
use super::report::{self, HEARTBEAT, ProcessReport, Progress, Report};
use super::snapshot::CommandCounts;
use super::supervisor::{self, Charge, Stepping};
use crate::event::Timestamp;
use crate::log::SharedLog;
use crate::read::{Pages, Projection};
use crate::write::Commands;

/// How often an engine reports at most.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// How often, a millisecond apart, the engine's lock is tried for before it counts as another engine's.
const LOCK_ATTEMPTS: usize = 20;

/// The name of the lock that says which process runs the engine.
pub(super) const ENGINE: &str = "$engine";

/// An engine that runs in this process. Stop it with [`Engine::stop`]; dropping it stops it too, and
/// waits for its threads.
pub struct Engine {
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    ready: watch::Receiver<bool>,
}

/// What each projection's loop says of itself, by name.
type Reports = Arc<Mutex<BTreeMap<String, Told>>>;

/// How one loop tells of itself: in its own words, and by its steps.
type Told = (watch::Receiver<Option<Progress>>, Stepping);

/// What each process manager says of itself, by name.
type ProcessReports = BTreeMap<&'static str, watch::Receiver<Option<ProcessReport>>>;

impl Engine {
    /// Starts a thread for each projection, one that starts and ends these as files come and go, one for each
    /// process of `commands`, and one that reports. Called within a tokio runtime.
    ///
    /// Errors: the system gives no thread.
    #[allow(clippy::too_many_arguments)] // what a workspace has and an engine needs
    pub(super) fn start(
        folder: &Folder,
        log: &SharedLog,
        catalogue: watch::Receiver<Arc<Catalogue>>,
        only: Option<&str>,
        moved: &Arc<Notify>,
        commands: &Commands,
        counts: &Arc<Mutex<CommandCounts>>,
        faults: Option<&Faults>,
    ) -> Result<Self, WorkspaceError> {
        let (stop, stopped) = watch::channel(false);
        let (attempted, attempts) = watch::channel(0);
        let (reported, ready) = watch::channel(false);
        let changed = Arc::new(Notify::new());
        let reports = Reports::default();
        let runtime = Handle::current();
        // Taken before any loop runs: whoever is told that they do, finds an engine.
        let lock = take_lock(folder);
        let mut keeper = Keeper {
            folder: folder.clone(),
            log: Arc::clone(log),
            pages: Pages::new(Arc::clone(log)),
            catalogue,
            only: only.map(str::to_owned),
            moved: Arc::clone(moved),
            faults: faults.cloned(),
            changed: Arc::clone(&changed),
            attempted,
            runtime: runtime.clone(),
            started: Instant::now(),
            reports: Arc::clone(&reports),
            loops: BTreeMap::new(),
        };
        keeper.reconcile();
        let mut engine = Self {
            stop,
            threads: Vec::new(),
            ready,
        };
        let mut processes = ProcessReports::new();
        for process in commands.processes() {
            let (report, shown) = watch::channel(None);
            processes.insert(process.category(), shown);
            let management = Management {
                folder: folder.clone(),
                log: Arc::clone(log),
                commands: commands.clone(),
                process: process.clone(),
                counts: Arc::clone(counts),
                report,
                changed: Arc::clone(&changed),
                attempted: keeper.attempted.clone(),
                stop: stopped.clone(),
                runtime: runtime.clone(),
            };
            engine.spawn(folder, process.category(), move || {
                manager::run(&management);
            })?;
        }
        let reporter = Reporter {
            folder: folder.clone(),
            reports,
            processes,
            changed,
            stop: stopped.clone(),
            lock,
            attempts,
            reported,
        };
        let on = runtime.clone();
        engine.spawn(folder, "engine", move || on.block_on(keeper.keep(stopped)))?;
        engine.spawn(folder, "reports", move || runtime.block_on(reporter.run()))?;
        Ok(engine)
    }

    fn spawn(
        &mut self,
        folder: &Folder,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<(), WorkspaceError> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work);
        let thread = thread.map_err(|e| WorkspaceError::io(folder.path(), &e))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Becomes true when the engine is to stop; its sender is gone when the engine is.
    pub(super) fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Waits until each projection's loop runs, or stands by for another engine's, and that can be seen.
    pub async fn ready(&mut self) {
        // The sender lives as long as its thread: an error means that the engine is gone.
        drop(self.ready.wait_for(|ready| *ready).await);
    }

    /// Stops after the step that each loop is in, with every checkpoint written.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let threads = std::mem::take(&mut self.threads);
        let joined =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|t| drop(t.join())));
        drop(joined.await);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

/// Keeps one loop for each projection that there is.
struct Keeper {
    folder: Folder,
    log: SharedLog,
    pages: Arc<Pages>,
    catalogue: watch::Receiver<Arc<Catalogue>>,
    only: Option<String>,
    moved: Arc<Notify>,
    faults: Option<Faults>,
    changed: Arc<Notify>,
    attempted: watch::Sender<usize>,
    runtime: Handle,
    started: Instant,
    reports: Reports,
    loops: BTreeMap<String, Loop>,
}

/// One projection's thread, and how it is told things.
struct Loop {
    projection: watch::Sender<Arc<dyn Projection>>,
    stop: watch::Sender<bool>,
    removed: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keeper {
    async fn keep(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                changed = self.catalogue.changed() => match changed {
                    Ok(()) => self.reconcile(),
                    Err(_) => break,
                }
            }
        }
        for running in self.loops.values() {
            running.stop.send_replace(true);
        }
        for (_, running) in self.loops {
            drop(running.thread.join());
        }
    }

    /// Ends the loops of files that are gone, tells the others what changed, and starts new ones.
    fn reconcile(&mut self) {
        let catalogue = Arc::clone(&self.catalogue.borrow_and_update());
        let wanted = |name: &str| self.only.as_deref().is_none_or(|only| only == name);
        let wanted: Vec<_> = catalogue
            .projections
            .iter()
            .filter(|p| wanted(p.name()))
            .collect();
        self.loops.retain(|name, running| {
            let stays = wanted.iter().any(|projection| projection.name() == name);
            if !stays {
                // Its read model stays where it is. The thread ends after the step that it is in, with what
                // it builds beside that.
                running.removed.store(true, Ordering::Release);
                running.stop.send_replace(true);
                self.reports
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(name);
            }
            stays
        });
        for projection in wanted {
            match self.loops.get(projection.name()) {
                Some(running) => {
                    running.projection.send_if_modified(|known| {
                        let new = !Arc::ptr_eq(known, projection);
                        *known = Arc::clone(projection);
                        new
                    });
                }
                None => self.start_loop(projection),
            }
        }
        self.changed.notify_one();
    }

    fn start_loop(&mut self, projection: &Arc<dyn Projection>) {
        let name = projection.name().to_owned();
        let (definition, defined) = watch::channel(Arc::clone(projection));
        let (progress, shown) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        let stepping = Stepping::default();
        let removed = Arc::new(AtomicBool::new(false));
        let charge = Charge {
            removed: Arc::clone(&removed),
            stepping: stepping.clone(),
            watches_objectives: self.only.is_none(),
            folder: self.folder.clone(),
            log: Arc::clone(&self.log),
            pages: Arc::clone(&self.pages),
            name: name.clone(),
            projection: defined,
            progress,
            changed: Arc::clone(&self.changed),
            moved: Arc::clone(&self.moved),
            faults: self.faults.clone(),
            attempted: self.attempted.clone(),
            stop: stopped,
            runtime: self.runtime.clone(),
            started: self.started,
        };
        self.reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.clone(), (shown, stepping));
        let thread = std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || supervisor::run(&charge));
        match thread {
            Ok(thread) => {
                self.loops.insert(
                    name,
                    Loop {
                        projection: definition,
                        stop,
                        removed,
                        thread,
                    },
                );
            }
            Err(error) => {
                tracing::error!(projection = name, %error, "the system gives no thread for it")
            }
        }
    }
}

/// Writes what the supervisors say to a file.
struct Reporter {
    folder: Folder,
    reports: Reports,
    processes: ProcessReports,
    changed: Arc<Notify>,
    stop: watch::Receiver<bool>,
    /// Held while this is the process that is shown as the engine.
    lock: Option<File>,
    /// How many supervisors made their first attempt.
    attempts: watch::Receiver<usize>,
    /// Set once a report says how all of them are.
    reported: watch::Sender<bool>,
}

impl Reporter {
    async fn run(mut self) {
        let mut stop = self.stop.clone();
        let pid = std::process::id();
        if let Err(error) = report::remove_dead(&self.folder.reports()) {
            tracing::warn!(%error, "the reports of earlier engines cannot be removed");
        }
        // Whoever looks whether an engine runs holds the lock for a moment: that is no other engine.
        for _ in 0..LOCK_ATTEMPTS {
            self.lock = self.lock.take().or_else(|| take_lock(&self.folder));
            if self.lock.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        loop {
            let everybody = *self.attempts.borrow() >= self.loops();
            if self.lock.is_none() {
                self.lock = take_lock(&self.folder);
            }
            if let Err(error) = report::write(&self.folder.reports(), &self.report(pid)) {
                tracing::warn!(%error, "the engine's report cannot be written");
            }
            if everybody {
                self.reported.send_replace(true);
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = self.until_due(everybody) => {}
            }
        }
        drop(std::fs::remove_file(report::path(
            &self.folder.reports(),
            pid,
        )));
    }

    /// Until somebody has news, at most five times a second, or the heartbeat is due. At the start it is
    /// due as soon as everybody has made an attempt.
    async fn until_due(&self, everybody: bool) {
        if !everybody {
            let mut attempts = self.attempts.clone();
            let all = self.loops();
            drop(tokio::time::timeout(REPORT_EVERY, attempts.wait_for(|made| *made >= all)).await);
            return;
        }
        tokio::time::sleep(REPORT_EVERY).await;
        drop(
            tokio::time::timeout(
                HEARTBEAT.saturating_sub(REPORT_EVERY),
                self.changed.notified(),
            )
            .await,
        );
    }

    fn loops(&self) -> usize {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.len() + self.processes.len()
    }

    fn report(&self, pid: u32) -> Report {
        let owned = |(name, (shown, stepping)): (&String, &Told)| {
            let mut progress = shown.borrow().clone()?;
            progress.stuck_since = stepping.stuck_since();
            Some((name.clone(), progress))
        };
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        Report {
            pid,
            heartbeat: Timestamp::now(),
            projections: reports.iter().filter_map(owned).collect(),
            processes: self
                .processes
                .iter()
                .filter_map(|(name, shown)| Some(((*name).to_owned(), shown.borrow().clone()?)))
                .collect(),
        }
    }
}

/// The lock that shows this process as the engine; `None` while another one has it.
fn take_lock(folder: &Folder) -> Option<File> {
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.lock(ENGINE))
        .ok()?;
    file.try_lock().ok()?;
    file.set_len(0).ok()?;
    write!(file, "{}", std::process::id()).ok()?;
    Some(file)
}

/// The process that runs the engine; `None` where nobody does.
pub(super) fn running(folder: &Folder) -> Option<u32> {
    let path = folder.lock(ENGINE);
    let file = File::open(&path).ok()?;
    match file.try_lock_shared() {
        Ok(()) => None,
        Err(_) => std::fs::read_to_string(&path)
            .ok()
            .and_then(|pid| pid.trim().parse().ok())
            .or(Some(0)),
    }
}
