//! The bell: how processes tell each other that the log has grown. Whoever commits touches a small
//! file, after the commit can be seen; the others watch its folder. A slow poll stands behind, for
//! file systems that report nothing.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use rusqlite::Connection;
use tokio::sync::watch;

use super::publish;
use super::reader::head;
use super::schema::Place;
use crate::event::Position;
use crate::log::LogError;

/// How often the file is looked at although nothing rang.
const POLL: Duration = Duration::from_millis(250);

/// The same where the system cannot watch a folder (out of watches, say).
const POLL_ALONE: Duration = Duration::from_millis(20);

/// The file that is touched. Kept open, because opening would be heard too.
pub(super) struct Bell(File);

impl Bell {
    pub fn open(place: &Place) -> Result<Self, LogError> {
        let path = place.bell.join("log");
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map(Self)
            .map_err(|e| Place::io(&path, "cannot be opened", &e))
    }

    /// Tells the others. Where that fails, their poll sees it.
    pub fn ring(&mut self) {
        let _ = self.0.rewind().and_then(|()| self.0.write_all(b"!"));
    }
}

/// Listens for the bell, whoever rings, and publishes the head.
#[derive(Debug)]
pub(super) struct Listener {
    ear: Arc<Ear>,
    watcher: Option<RecommendedWatcher>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Reads the head on a connection of its own.
#[derive(Debug)]
struct Ear {
    connection: Mutex<Option<Connection>>,
    head: watch::Sender<Position>,
}

impl Listener {
    pub fn start(place: &Place, head: watch::Sender<Position>) -> Result<Self, LogError> {
        fs::create_dir_all(&place.bell)
            .map_err(|e| Place::io(&place.bell, "cannot be made", &e))?;
        let ear = Arc::new(Ear {
            connection: Mutex::new(Some(place.glancer()?)),
            head,
        });
        let watcher = watch_folder(place, Arc::clone(&ear));
        let period = if watcher.is_some() { POLL } else { POLL_ALONE };
        let (stop, stopped) = channel();
        let poller = Arc::clone(&ear);
        let thread = std::thread::Builder::new()
            .name("log poll".into())
            .spawn(move || {
                let mut seen = None;
                while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                    poller.poll(&mut seen);
                }
            })
            .map_err(|e| Place::io(&place.file, "the thread that polls cannot be started", &e))?;
        Ok(Self {
            ear,
            watcher,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// `None` where the system cannot; the poll alone goes on then.
fn watch_folder(place: &Place, ear: Arc<Ear>) -> Option<RecommendedWatcher> {
    let heard = move |event: notify::Result<notify::Event>| match event {
        Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
        _ => ear.listen(),
    };
    notify::recommended_watcher(heard)
        .and_then(|mut watcher| {
            watcher.watch(&place.bell, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        })
        .inspect_err(|e| {
            tracing::warn!("{} cannot be watched ({e}): polling", place.bell.display());
        })
        .ok()
}

impl Ear {
    /// Publishes the head. A failure here is not reported: whoever reads meets it too.
    fn listen(&self) {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(head)) = connection.as_ref().map(head) {
            publish(&self.head, head);
        }
    }

    /// The same if anybody has committed since the last time.
    fn poll(&self, seen: &mut Option<i64>) {
        let version = {
            let connection = self
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            connection.as_ref().and_then(|connection| {
                let mut statement = connection.prepare_cached("PRAGMA data_version").ok()?;
                statement.query_row([], |row| row.get(0)).ok()
            })
        };
        if version.is_none() || version != *seen {
            *seen = version;
            self.listen();
        }
    }
}

impl Drop for Listener {
    /// The watcher's thread ends by itself a moment later, so the connection is taken from it here.
    fn drop(&mut self) {
        self.watcher.take();
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.ear
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}
