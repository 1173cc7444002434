//! The whole log: which events are shown, and what is known of the chosen one.

/// The Events screen's own state.
#[derive(Debug, Clone, Default)]
pub struct Events {}
