//! The read side: events → answers. Projections, their files, policies and versions, and the queries
//! they answer. Knows nothing of commands.

mod dates;
mod definition;
mod guard;
mod policy;
mod projection;
mod sql;
mod subscription;

pub use definition::{Definition, DefinitionError, FILE_LIMIT, Handler, Key, Query, Section};
pub use policy::{DurationError, LONGEST, Policy, PolicyError, format_duration, parse_duration};
pub use projection::{ApplyError, Projection};
pub use sql::SqlProjection;
pub use subscription::Subscription;
