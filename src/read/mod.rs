//! The read side: events → answers. Projections, their files, policies and versions, and the queries
//! they answer. Knows nothing of commands.

mod policy;

pub use policy::{DurationError, LONGEST, Policy, PolicyError, format_duration, parse_duration};
