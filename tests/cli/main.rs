//! The command line's contract, through the real binary: what it prints, its exit codes, and what it does
//! with bad input.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod config;
mod demo;
mod engines;
mod events;
mod hostile;
mod kit;
mod old_events;
mod once;
mod operations;
mod parked;
mod queries;
#[cfg(unix)]
mod repairs;
#[cfg(unix)]
mod scenarios;
mod side_by_side;
mod status;
mod transfer;
mod verify;
mod versions;
mod write;
