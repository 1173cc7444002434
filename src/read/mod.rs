//! The read side: events → answers. Projections, their files, policies and versions, and the queries
//! they answer. Knows nothing of commands.

mod afresh;
mod ahead;
mod coming;
mod contents;
mod copied;
#[cfg(test)]
mod counting;
mod dates;
mod definition;
mod diff;
mod difference;
mod explain;
mod fold;
mod forecast;
mod guard;
mod hindered;
mod keyed;
mod model;
mod numbered;
mod pace;
mod parked;
mod parting;
mod past;
mod policy;
mod projection;
mod query;
mod repair;
mod retired;
mod rows;
mod runner;
mod scratch;
mod sql;
mod subscription;
mod survey;
mod touched;
mod verify;
mod versions;
mod work;

pub use afresh::FoldError;
pub use ahead::Pages;
pub use coming::{Coming, ComingRow, ComingTable, LACKS_LIMIT, Mends, coming};
pub use contents::{Cell, Contents};
pub use copied::Copied;
pub use definition::{
    Definition, DefinitionError, FILE_LIMIT, Handler, Key, Query, Replica, Section, is_name,
};
pub use diff::{Diff, diff};
pub use difference::{Comparison, Difference, Shape, Side, compare, contents};
pub use explain::Because;
pub use fold::{Fold, FoldQuery, Given, InMemory, rows};
pub use forecast::{Cost, forecast, late_for};
pub use hindered::Hindered;
pub use keyed::{Keyed, KeyedTable, keyed};
pub use model::{
    About, Checkpoint, MODEL_APPLICATION_ID, MODEL_FORMAT, Model, ModelError, ModelSpent, Replay,
    checkpoint_in, is_disk_full,
};
pub use pace::{Allowed, Now, Pace, Waiting};
pub use parked::{
    Ahead, OfStream, OnError, PARKED_LIMIT, ParkedCount, ParkedEvent, ParkedSum, PassedBy, Without,
    parked_in,
};
pub use past::{Beside, Changed, Past, Rows, Shown, beside, position_at, version_at};
pub use policy::{DurationError, LONGEST, Policy, PolicyError, format_duration, parse_duration};
pub use projection::{
    AnswerError, ApplyError, Blame, Memory, Parameters, Projection, Row, Signature,
};
pub use query::{
    Answer, Browse, Counted, QueryError, ROWS_COUNTED, ROWS_OF_A_PAGE, Reader, RowFilter, RowsPage,
    TableInfo,
};
pub use repair::{Mend, Mending, RepairError, mend};
pub use retired::built_from;
pub use rows::{ANSWER_LIMIT, ROW_LIMIT};
pub use runner::{
    Runner, RunnerError, Skipped, Step, TRIES, Tried, Trouble, Unskipped, is_foreign,
};
pub use scratch::Scratch;
pub use sql::SqlProjection;
pub use subscription::Subscription;
pub use survey::{Backlog, STALE_KEYS, Survey, Tail};
pub use verify::{Checked, VerifyError, verify};
pub use versions::{Versions, label, remove_database};
pub use work::{Phase, Progress, Work};
