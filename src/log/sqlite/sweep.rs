//! Folding the WAL into the file beside the writer, so that a commit does not have to wait for it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::schema::Place;
use crate::log::{Durability, LogError};

/// Each time the WAL has grown by so many pages it is folded in: 8 MiB.
const SWEEP: i32 = 1000;

/// Pages at which the writer does it itself. A WAL begins anew only when all of it is folded in, which
/// never happens beside somebody who writes without a pause: 32 MiB.
const STOP: i32 = 4000;

/// The thread that does it.
#[derive(Debug)]
pub(super) struct Sweeper {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    pub fn start(place: &Place, durability: Durability) -> Result<Self, LogError> {
        let connection = place.writer(durability)?;
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("log sweeper".into())
            .spawn(move || sweep(&connection, &woken))
            .map_err(|e| Place::io(&place.file, "the thread that sweeps cannot be started", &e))?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// Has the sweeper woken whenever this connection has written enough.
    pub fn attend(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let wake = self.wake.clone();
        let mut swept = 0;
        connection.wal_hook(Some(move |wal: &mut Wal, pages| {
            // What fails is tried again after the next commit: an error here would look like one of the
            // commit, which has happened.
            if pages >= STOP {
                let _ = wal.checkpoint();
                return Ok(());
            }
            // Fewer than the last time: it has begun anew.
            swept = swept.min(pages);
            if pages - swept >= SWEEP {
                swept = pages;
                let _ = wake.as_ref().map(|wake| wake.try_send(()));
            }
            Ok(())
        }))
    }
}

fn sweep(connection: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        let swept = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)");
        let _ = swept.and_then(|mut sweep| sweep.query_row([], |_| Ok(())));
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
