//! The engine on a real folder: policies, pauses, rebuilds, replays and restarts, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod child;
#[cfg(unix)]
mod crashes;
mod differences;
mod faults;
mod folds;
mod interleavings;
mod kit;
mod live;
mod looking;
mod mending;
mod objectives;
mod operations;
mod parked;
mod parked_beside;
#[cfg(unix)]
mod parked_crashes;
mod parked_many;
mod parked_memory;
mod parked_random;
mod parked_reference;
mod parked_told;
mod queries;
mod rebuilds;
mod saved;
mod slow;
mod stories;
mod sync;
mod tables;
mod trouble;
mod two;
mod why;
