//! Folding the WAL into the file beside the writer, so that a commit does not have to wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::schema::Place;
use crate::log::{Durability, LogError};

/// Once so many pages of the WAL are not folded in the sweeper folds them: 8 MiB.
const SWEEP: i32 = 1000;

/// A WAL begins anew only when all of it is folded in, which never happens beside somebody who writes without a
/// pause. From so many pages on the writer folds the rest itself, once that is little because the sweeper has just
/// ended, and nobody waits for the next commit: 32 MiB.
const FINISH: i32 = 4000;

/// Where somebody waits, from so many: those who wait for it are fewer than one in a hundred. 80 MiB.
const FINISH_BESIDE_OTHERS: i32 = 10_000;

/// So few pages are little.
const LITTLE: i32 = 500;

/// Nobody waits behind a commit if the one before it ended so long ago: that is longer than many of one transaction take.
const PAUSE: Duration = Duration::from_millis(20);

/// At so many pages it folds them, however many are left: 112 MiB.
const STOP: i32 = 14_000;

/// The thread that does it.
#[derive(Debug)]
pub(super) struct Sweeper {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    folded: Arc<AtomicI32>,
}

impl Sweeper {
    pub fn start(place: &Place, durability: Durability) -> Result<Self, LogError> {
        let connection = place.writer(durability)?;
        // Nothing waits in it: whoever sweeps already is not asked to do it again.
        let (wake, woken) = sync_channel(0);
        let folded = Arc::new(AtomicI32::new(0));
        let said = Arc::clone(&folded);
        let thread = std::thread::Builder::new()
            .name("log sweeper".into())
            .spawn(move || sweep(&connection, &woken, &said))
            .map_err(|e| Place::io(&place.file, "the thread that sweeps cannot be started", &e))?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            folded,
        })
    }

    /// Has the sweeper woken whenever this connection has written enough.
    pub fn attend(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let wake = self.wake.clone();
        let folded = Arc::clone(&self.folded);
        let mut before = Instant::now();
        connection.wal_hook(Some(move |wal: &mut Wal, pages| {
            // More than there are: it has begun anew.
            if folded.load(Ordering::Relaxed) > pages {
                folded.store(0, Ordering::Relaxed);
            }
            let left = pages - folded.load(Ordering::Relaxed);
            let finish = if before.elapsed() > PAUSE {
                FINISH
            } else {
                FINISH_BESIDE_OTHERS
            };
            if pages >= STOP || pages >= finish && left <= LITTLE {
                // What fails is tried again after the next commit: an error here would look like one of the
                // commit, which has happened.
                let _ = wal.checkpoint();
            } else if left >= SWEEP {
                let _ = wake.as_ref().map(|wake| wake.try_send(()));
            }
            before = Instant::now();
            Ok(())
        }))
    }
}

/// Says up to which page of the WAL it has folded.
fn sweep(connection: &Connection, woken: &Receiver<()>, folded: &AtomicI32) {
    while woken.recv().is_ok() {
        let swept = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)");
        let swept = swept.and_then(|mut sweep| sweep.query_row([], |row| row.get(2)));
        if let Ok(pages) = swept {
            folded.store(pages, Ordering::Relaxed);
        }
    }
}

impl Drop for Sweeper {
    /// The connections that it attends have to be closed before: they can wake it.
    fn drop(&mut self) {
        self.wake.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
