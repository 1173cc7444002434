//! The program's own messages.

/// The Log screen's own state.
#[derive(Debug, Clone, Default)]
pub struct Log {}
