//! Asking a read model one of its named questions: read-only, in one read transaction with the
//! checkpoint, bounded in time and size.

mod browse;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::guard::{Guard, Mode};
use super::model::{Checkpoint, ModelError, open_to_read, read_about, read_checkpoint};
use super::parked::{self, ParkedCount, PassedBy};
use super::projection::{AnswerError, Parameters, Projection, Row, Signature};
use super::retired::built_from;
use super::versions::Versions;
use crate::event::Position;

pub use browse::{Browse, Counted, ROWS_COUNTED, ROWS_OF_A_PAGE, RowFilter, RowsPage, TableInfo};

/// What a question came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// One object a row, columns in the order of the SELECT.
    pub rows: Vec<Row>,
    /// Up to where the read model had the log, in the same read transaction.
    pub checkpoint: Checkpoint,
    /// What it had parked then: events up to the checkpoint that are not in the answer.
    pub parked: ParkedCount,
}

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// There is no such read model yet.
    #[error("there is no read model of projection {projection}: {known}")]
    NoModel {
        /// What was asked for.
        projection: String,
        /// What there is, or what to do.
        known: String,
    },
    /// The projection has no such query.
    #[error("projection {projection} has no query {query}: it has {known}")]
    NoQuery {
        /// The projection.
        projection: String,
        /// What was asked for.
        query: String,
        /// What there is.
        known: String,
    },
    /// A parameter is not known, missing or given twice.
    #[error("query {query}: {problem}; it takes {known}")]
    Parameters {
        /// The query.
        query: String,
        /// What is wrong.
        problem: String,
        /// What it takes.
        known: String,
    },
    /// It ran longer than it may.
    #[error(
        "query {query} was stopped after {}: ask for less, or give it longer", crate::text::human_duration(*limit)
    )]
    TimeLimit {
        /// The query.
        query: String,
        /// How long it may take.
        limit: Duration,
    },
    /// The answer is larger than one may be.
    #[error("query {query} answers with more than {limit}: add a LIMIT to it")]
    TooLarge {
        /// The query.
        query: String,
        /// How much it may be, with its unit.
        limit: String,
    },
    /// SQLite said no.
    #[error("query {query}: {reason}")]
    Failed {
        /// The query.
        query: String,
        /// What it said.
        reason: String,
    },
    /// There is no such table, or no such column in it.
    #[error("{projection} has no {what}: it has {known}")]
    NoTable {
        /// The projection.
        projection: String,
        /// What was asked for.
        what: String,
        /// What there is.
        known: String,
    },
    /// A table could not be read.
    #[error("{table}: {reason}")]
    Table {
        /// The projection, and the table.
        table: String,
        /// Why.
        reason: String,
    },
    /// The read model's file cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A read model's live version, open for questions.
pub struct Reader {
    db: Connection,
    guard: Guard,
    projection: Arc<dyn Projection>,
    /// What the file said that it was built from.
    source: String,
    version: String,
}

impl Reader {
    /// Opens the version that answers now, whatever it was built from; `today` is the projection as it is
    /// now. Errors: there is none, or its file cannot be used.
    pub fn open(versions: &Versions, today: &Arc<dyn Projection>) -> Result<Self, QueryError> {
        let none = || QueryError::NoModel {
            projection: today.name().to_owned(),
            known: "an engine makes it when it starts".to_owned(),
        };
        let db = match open_to_read(&versions.link()) {
            Ok(db) => db,
            Err(_) if versions.is_gone() => return Err(none()),
            // The link may have been switched, and what it showed removed, while we opened it.
            Err(_) => open_to_read(&versions.link())?,
        };
        Self::of(db, &versions.link(), today)
    }

    /// Opens the file of a version. Errors: it cannot be used.
    pub fn at(path: &Path, today: &Arc<dyn Projection>) -> Result<Self, QueryError> {
        Self::of(open_to_read(path)?, path, today)
    }

    fn of(
        mut db: Connection,
        path: &Path,
        today: &Arc<dyn Projection>,
    ) -> Result<Self, QueryError> {
        let fail = super::model::io(path);
        let about = read_about(&db).map_err(&fail)?;
        let guard = Guard::install(&mut db).map_err(&fail)?;
        Ok(Self {
            db,
            guard,
            projection: built_from(today, &about),
            version: about.label(),
            source: about.source,
        })
    }

    /// Whether the file still says what it said when it was opened: queries may have been written anew.
    pub fn is_current(&self) -> bool {
        read_about(&self.db).is_ok_and(|about| about.source == self.source)
    }

    /// What the version was built from.
    pub fn projection(&self) -> &Arc<dyn Projection> {
        &self.projection
    }

    /// The same as its file keeps it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the version is called.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What is parked. Errors: SQLite's.
    pub fn parked(&self) -> Result<ParkedCount, QueryError> {
        self.told(parked::count(&self.db))
    }

    /// The last event that was ever parked or skipped here; `None` where none was. Errors: SQLite's.
    pub fn last_passed_by(&self) -> Result<Option<Position>, QueryError> {
        self.told(PassedBy::last(&self.db))
    }

    /// The events that it has passed without them. Errors: SQLite's.
    pub fn passed_by(&self) -> Result<PassedBy, QueryError> {
        self.told(PassedBy::read(&self.db))
    }

    fn told<T>(&self, found: rusqlite::Result<T>) -> Result<T, QueryError> {
        found.map_err(|e| QueryError::Failed {
            query: self.projection.name().to_owned(),
            reason: self.guard.explain(&e),
        })
    }

    /// Up to where the read model has the log. Errors: SQLite's.
    pub fn checkpoint(&self) -> Result<Checkpoint, QueryError> {
        self.told(read_checkpoint(&self.db))
    }

    /// Whether a question and its parameters are right. Errors: what is wrong with them.
    pub fn check(&self, query: &str, parameters: &Parameters) -> Result<(), QueryError> {
        check_parameters(self.find(query)?, parameters)
    }

    /// Answers a question, for at most so long.
    ///
    /// Errors: no such query, wrong parameters, a limit, what SQLite or the query says.
    pub fn ask(
        &mut self,
        query: &str,
        parameters: &Parameters,
        limit: Duration,
    ) -> Result<Answer, QueryError> {
        let query = self.find(query)?;
        check_parameters(query, parameters)?;
        let failed = |e: AnswerError| failure(&self.guard, &query.name, limit, e);
        // One read transaction: rows and checkpoint are of the same moment.
        let transaction = self
            .db
            .unchecked_transaction()
            .map_err(|e| failed(e.into()))?;
        let checkpoint = read_checkpoint(&transaction).map_err(|e| failed(e.into()))?;
        let parked = parked::count(&transaction).map_err(|e| failed(e.into()))?;
        let _scope = self.guard.enter(Mode::Query, limit);
        let rows = self
            .projection
            .answer(&transaction, &query.name, parameters)
            .map_err(failed)?;
        Ok(Answer {
            rows,
            checkpoint,
            parked,
        })
    }

    fn find(&self, name: &str) -> Result<&Signature, QueryError> {
        let queries = self.projection.queries();
        queries.iter().find(|q| q.name == name).ok_or_else(|| {
            let known: Vec<&str> = queries.iter().map(|q| q.name.as_str()).collect();
            QueryError::NoQuery {
                projection: self.projection.name().to_owned(),
                query: crate::text::clean(name).into_owned(),
                known: if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                },
            }
        })
    }
}

fn failure(guard: &Guard, query: &str, limit: Duration, error: AnswerError) -> QueryError {
    let query = query.to_owned();
    match error {
        AnswerError::Sqlite(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) =>
        {
            QueryError::TimeLimit { query, limit }
        }
        AnswerError::Sqlite(error) => QueryError::Failed {
            query,
            reason: guard.explain(&error),
        },
        AnswerError::TooLarge(limit) => QueryError::TooLarge { query, limit },
        AnswerError::Refused(reason) => QueryError::Failed { query, reason },
    }
}

fn check_parameters(query: &Signature, given: &Parameters) -> Result<(), QueryError> {
    let wrong = |problem: String| {
        let known = query.parameters.join(", ");
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known
        };
        Err(QueryError::Parameters {
            query: query.name.clone(),
            problem,
            known,
        })
    };
    if let Some(name) = given.keys().find(|name| !query.parameters.contains(name)) {
        return wrong(format!(
            "parameter {} is not known",
            crate::text::clean(name)
        ));
    }
    match query
        .parameters
        .iter()
        .find(|name| !given.contains_key(*name))
    {
        Some(name) => wrong(format!("parameter {name} is missing")),
        None => Ok(()),
    }
}
