//! Projections, their lag, and why they are stale: `htop` for the read side of event-sourced systems.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod cloudevents;
mod crash;
pub mod event;
pub mod lag;
pub mod log;
pub mod read;
pub mod shop;
pub mod text;
pub mod transfer;
pub mod ui;
pub mod workspace;
pub mod write;
