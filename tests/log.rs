//! The embedded log: what every log promises, and what only a log in a file does.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::sync::Arc;

use highwater::log::sqlite::{LogOptions, SqliteLog};

mod conformance;

#[test]
fn the_embedded_log_keeps_every_promise_of_the_trait() {
    conformance::every_claim(|| {
        let dir = tempfile::tempdir().unwrap();
        let log = SqliteLog::create_or_open(dir.path(), LogOptions::default()).unwrap();
        (Arc::new(log), Box::new(dir))
    });
}
