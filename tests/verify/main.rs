//! Read models folded afresh: compared row by row with what is stored, and as they were at any position.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod beside;
mod kit;
mod memory;
mod parting;
mod past;
mod rows;
mod trouble;
