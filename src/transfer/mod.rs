//! Events into a log and out of it, as lines of CloudEvents JSON ([`crate::cloudevents`]), over any
//! engine and in flat memory.
//!
//! Export, import into an empty log and export again give the same lines but for `sequence`.

mod export;
mod import;
mod lines;

pub use export::{ExportError, export};
pub use import::{ImportError, ImportFailure, ImportProgress, Imported, import};
pub use lines::{LINE_LIMIT, LineError};

#[cfg(test)]
mod tests;
