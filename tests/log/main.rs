//! The embedded log: what every log promises, and what only a log in a file does.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;
use std::sync::Arc;

use highwater::log::sqlite::{LogOptions, SqliteLog};

#[path = "../conformance/mod.rs"]
mod conformance;
mod files;
mod folding;
#[path = "../../src/log/handing_on.rs"]
mod handing_on;
mod processes;
mod sweeping;
mod waiting;
mod writing;

/// Opens the log in a folder with the defaults.
fn open(dir: &Path) -> SqliteLog {
    SqliteLog::create_or_open(dir, LogOptions::default()).unwrap()
}

#[test]
fn the_embedded_log_keeps_every_promise_of_the_trait() {
    conformance::every_claim(|| {
        let dir = tempfile::tempdir().unwrap();
        (Arc::new(open(dir.path())), Box::new(dir))
    });
}
