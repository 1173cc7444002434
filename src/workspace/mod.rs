//! A workspace: a folder with its configuration, log and read models; starts and stops the engine,
//! observes and operates.

mod operator;
mod snapshot;

pub use operator::{Done, OperateError, Operation, Operator, Preview};
pub use snapshot::{
    CommandCounts, EngineInfo, Fault, HISTORY, ProjectionView, QueryInfo, RECENT_EVENTS, Rates,
    RebuildView, Snapshot, Visibility, WorkspaceInfo,
};

pub use crate::log::Durability;
pub use crate::read::Policy;
pub use crate::write::{CommandInfo, Outcome};
