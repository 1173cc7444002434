//! What several benchmarks share.

pub mod events;
pub mod fill;
pub mod process;
pub mod steady;
