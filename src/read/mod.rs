//! The read side: events → answers. Projections, their files, policies and versions, and the queries
//! they answer. Knows nothing of commands.

mod dates;
mod definition;
mod guard;
mod hindered;
mod model;
mod pace;
mod policy;
mod projection;
mod query;
mod runner;
mod sql;
mod subscription;
mod survey;
mod versions;

pub use definition::{
    Definition, DefinitionError, FILE_LIMIT, Handler, Key, Query, Replica, Section,
};
pub use hindered::Hindered;
pub use model::{About, Checkpoint, MODEL_APPLICATION_ID, MODEL_FORMAT, Model, ModelError, Replay};
pub use pace::{Allowed, Now, Pace, Waiting};
pub use policy::{DurationError, LONGEST, Policy, PolicyError, format_duration, parse_duration};
pub use projection::{ApplyError, Projection};
pub use query::{ANSWER_LIMIT, Answer, QueryError, ROW_LIMIT, Reader};
pub use runner::{Runner, RunnerError, Step, TRIES, Trouble, is_foreign};
pub use sql::SqlProjection;
pub use subscription::Subscription;
pub use survey::{Backlog, STALE_KEYS, Survey, Tail};
pub use versions::{Versions, remove_database};
