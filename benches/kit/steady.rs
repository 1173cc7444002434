//! Events that come at a steady rate, from a thread with a log of its own, as from another program.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use highwater::log::Commit;
use highwater::workspace::{Folder, Workspace};

use super::events::{self, stream_at_random};

/// Events of one commit.
const A_COMMIT: u64 = 100;

/// Opens a workspace in which nobody decides anything.
pub fn open(folder: &Path) -> Workspace {
    let folder = Folder::existing(folder).expect("there is a workspace");
    Workspace::open(folder, |_, _| None).expect("the workspace opens")
}

/// A load that goes on until it is ended.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<f64>,
}

impl Load {
    /// Begins to store so many events a second.
    pub fn begin(folder: &Path, per_second: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let folder = folder.to_owned();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(store(&folder, per_second, &stopped))
        });
        Self { stop, thread }
    }

    /// Ends it; answers how many events a second were stored.
    pub fn end(self) -> f64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the load ends")
    }
}

/// Stores a hundred times a second what is due.
async fn store(folder: &Path, per_second: u64, stop: &AtomicBool) -> f64 {
    let log = open(folder).log();
    let began = Instant::now();
    let mut stored = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = (began.elapsed().as_secs_f64() * per_second as f64) as u64;
        while stored < due {
            let many = (due - stored).min(A_COMMIT);
            log.append(commit(stored, many))
                .await
                .expect("it is stored");
            stored += many;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stored as f64 / began.elapsed().as_secs_f64()
}

/// So many at once of one stream, as a busy service would send them.
fn commit(number: u64, many: u64) -> Commit {
    let mut commit = events::commit(&stream_at_random(number), number);
    let more = (1..many).map(|at| events::commit("order-0", number + at).events.remove(0));
    commit.events.extend(more);
    commit
}
