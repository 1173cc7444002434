//! What the engine costs beside bare SQLite: each kind of work through the crate and by bare rusqlite statements, with
//! the same settings and the same data, in turns, and the ratio with its spread.
//!
//! `cargo bench --bench engine -- [KIND]… [ROUNDS]`: all kinds, or those whose name is given; so many pairs of rounds
//! each (11); with `alone`, only the crate's side, for a profile. It prints a table; it never fails because of a figure. What was stored is verified afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

#[path = "../kit/mod.rs"]
mod kit;

mod append;
mod bare;
mod live;
mod project;
mod ratio;
mod read;

use std::ops::ControlFlow;
use std::path::Path;

use highwater::log::sqlite::{SqliteLog, Verified};

use ratio::Ratio;

/// A kind of work: its name, and what measures it in a folder, in so many rounds.
type Kind = (&'static str, fn(&Path, usize));

const KINDS: [Kind; 9] = [
    ("append", append::one_caller),
    ("callers64", |dir, rounds| {
        append::many_callers(dir, rounds, 64, "durable append, 64 callers", "≥ 0.9")
    }),
    ("callers256", |dir, rounds| {
        append::many_callers(dir, rounds, 256, "durable append, 256 callers", "≥ 1.3")
    }),
    ("import", append::import),
    ("rebuild", project::rebuild),
    ("catch-up", project::catch_up),
    ("live", live::live),
    ("read", read::read_all),
    ("rehydrate", read::rehydrate),
];

fn main() {
    if live::appends_for_another() {
        return;
    }
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let rounds = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(11);
    let is_named = |name: &str| args.iter().any(|arg| arg == name);
    let all = !KINDS.iter().any(|(name, _)| is_named(name));
    println!("{}", Ratio::head());
    for (name, measure) in KINDS {
        if all || is_named(name) {
            let dir = tempfile::tempdir().expect("a folder");
            measure(dir.path(), rounds);
        }
    }
}

/// Compares every hash of a log that holds so many events.
fn verified(log: &SqliteLog, events: u64) {
    let verified = log.verify(&mut |_| ControlFlow::Continue(()));
    let is_whole = matches!(&verified, Ok(Verified::Whole { head, .. }) if head.get() == events);
    assert!(is_whole, "{events} events were stored: {verified:?}");
}
