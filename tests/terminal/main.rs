//! The real binary in a real pseudo-terminal, as a person meets it: what it shows, what its keys do, and
//! what it leaves behind.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod asking;
mod bank;
mod editing;
mod ending;
mod events;
mod faults;
mod looks;
mod others;
mod parked;
mod past;
mod place;
mod projection;
mod screen;
mod shop;
mod stopped;
mod stream;
mod tour;
mod using;
mod versions;
mod ways;
