//! One projection in full: which pane is read, and what was fetched for it.

/// The Projection screen's own state.
#[derive(Debug, Clone, Default)]
pub struct Projection {}
