//! One aggregate, step by step, beside what the read models have of it.

/// The Stream screen's own state.
#[derive(Debug, Clone, Default)]
pub struct Stream {}
