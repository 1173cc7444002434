//! What the screens ask of the workspace: one file a screen, with its questions, the answers, and how they are got.

pub mod events;
pub mod projection;
pub mod rebuilds;
pub mod stream;
