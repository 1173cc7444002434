//! What is folded again and what waits for a cutover.

/// The Rebuilds screen's own state.
#[derive(Debug, Clone, Default)]
pub struct Rebuilds {}
