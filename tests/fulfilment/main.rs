//! Fulfilment on a real log: what becomes of orders, whatever comes in between, whoever dies when.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod child;
mod deaths;
mod dying;
mod engines;
#[path = "../../src/log/handing_on.rs"]
mod handing_on;
mod interleavings;
mod kit;
mod stories;
