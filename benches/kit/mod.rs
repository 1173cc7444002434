//! What several benchmarks share; each uses a part of it.

#![allow(dead_code)]

pub mod events;
pub mod fill;
pub mod process;
pub mod steady;
