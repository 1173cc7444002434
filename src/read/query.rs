//! Asking a read model one of its named questions: read-only, in one read transaction with the
//! checkpoint, bounded in time and size.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, Statement};
use serde_json::{Map, Value};

use super::definition::{Definition, Query};
use super::guard::{Guard, Mode};
use super::model::{About, Checkpoint, ModelError, open_to_read, read_about, read_checkpoint};
use super::versions::Versions;

/// The most rows that an answer has.
pub const ROW_LIMIT: usize = 100_000;

/// The most bytes of values, with their names, that an answer has: 64 MiB.
pub const ANSWER_LIMIT: usize = 64 << 20;

/// What a question came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// One object a row, columns in the order of the SELECT.
    pub rows: Vec<Map<String, Value>>,
    /// Up to where the read model had the log, in the same read transaction.
    pub checkpoint: Checkpoint,
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
        "query {query} was stopped after {}: ask for less, or give it longer with --timeout", crate::text::human_duration(*limit)
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
    /// The read model's file cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A read model's live version, open for questions.
pub struct Reader {
    db: Connection,
    guard: Guard,
    definition: Definition,
    version: String,
}

impl Reader {
    /// Opens the version that answers now. Errors: there is none, or its file cannot be used.
    pub fn open(versions: &Versions, projection: &str) -> Result<Self, QueryError> {
        let none = || QueryError::NoModel {
            projection: projection.to_owned(),
            known: "an engine makes it from projections/*.sql when it starts".to_owned(),
        };
        let db = match open_to_read(&versions.link()) {
            Ok(db) => db,
            Err(_) if is_gone(versions) => return Err(none()),
            // The link may have been switched, and what it showed removed, while we opened it.
            Err(_) => open_to_read(&versions.link())?,
        };
        Self::of(db, &versions.link(), projection)
    }

    /// Opens the file of a version. Errors: it cannot be used.
    pub(super) fn at(path: &Path, projection: &str) -> Result<Self, QueryError> {
        Self::of(open_to_read(path)?, path, projection)
    }

    fn of(mut db: Connection, path: &Path, projection: &str) -> Result<Self, QueryError> {
        let fail = super::model::io(path);
        let about = read_about(&db).map_err(&fail)?;
        let definition =
            Definition::parse(projection, &about.source).map_err(|e| QueryError::Failed {
                query: projection.to_owned(),
                reason: e.to_string(),
            })?;
        let guard = Guard::install(&mut db).map_err(&fail)?;
        Ok(Self {
            db,
            guard,
            definition,
            version: about.label(),
        })
    }

    /// Whether the file still says what it said when it was opened: queries may have been written anew.
    pub fn is_current(&self) -> bool {
        read_about(&self.db).is_ok_and(|about| about.source == self.definition.text)
    }

    /// The definition that the version was built from.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// What the version is called.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the version's file says of itself. Errors: SQLite's.
    pub fn about(&self) -> Result<About, ModelError> {
        read_about(&self.db).map_err(super::model::io(Path::new(
            self.db.path().unwrap_or(&self.definition.name),
        )))
    }

    /// Up to where the read model has the log. Errors: SQLite's.
    pub fn checkpoint(&self) -> Result<Checkpoint, QueryError> {
        read_checkpoint(&self.db).map_err(|e| QueryError::Failed {
            query: self.definition.name.clone(),
            reason: self.guard.explain(&e),
        })
    }

    /// Whether a question and its parameters are right. Errors: what is wrong with them.
    pub fn check(
        &self,
        query: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<(), QueryError> {
        check_parameters(self.find(query)?, parameters)
    }

    /// Answers a question, for at most so long.
    ///
    /// A value that is written as a number is one; everything else is text.
    ///
    /// Errors: no such query, wrong parameters, a limit, SQLite's.
    pub fn ask(
        &mut self,
        query: &str,
        parameters: &BTreeMap<String, String>,
        limit: Duration,
    ) -> Result<Answer, QueryError> {
        let query = self.find(query)?.clone();
        check_parameters(&query, parameters)?;
        let failed = |e: &rusqlite::Error| failure(&self.guard, &query, limit, e);
        // One read transaction: rows and checkpoint are of the same moment.
        let transaction = self.db.unchecked_transaction().map_err(|e| failed(&e))?;
        let checkpoint = read_checkpoint(&transaction).map_err(|e| failed(&e))?;
        let _scope = self.guard.enter(Mode::Query, limit);
        let mut statement = transaction
            .prepare(&query.statement.sql)
            .map_err(|e| failed(&e))?;
        for name in &query.parameters {
            let index = statement
                .parameter_index(&format!(":{name}"))
                .map_err(|e| failed(&e))?;
            if let Some(index) = index {
                let value = sql_value(&parameters[name]);
                statement
                    .raw_bind_parameter(index, value)
                    .map_err(|e| failed(&e))?;
            }
        }
        let rows = collect(&mut statement, &query, |e| failed(e))?;
        Ok(Answer { rows, checkpoint })
    }

    fn find(&self, name: &str) -> Result<&Query, QueryError> {
        self.definition.query(name).ok_or_else(|| {
            let known: Vec<&str> = self
                .definition
                .queries
                .iter()
                .map(|q| q.name.as_str())
                .collect();
            QueryError::NoQuery {
                projection: self.definition.name.clone(),
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

/// Whether there is no version that could answer, or its file was removed.
fn is_gone(versions: &Versions) -> bool {
    let live = versions.live();
    live.is_ok_and(|live| live.is_none_or(|path| matches!(path.try_exists(), Ok(false))))
}

fn failure(guard: &Guard, query: &Query, limit: Duration, error: &rusqlite::Error) -> QueryError {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) {
        QueryError::TimeLimit {
            query: query.name.clone(),
            limit,
        }
    } else {
        QueryError::Failed {
            query: query.name.clone(),
            reason: guard.explain(error),
        }
    }
}

fn check_parameters(query: &Query, given: &BTreeMap<String, String>) -> Result<(), QueryError> {
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

/// A number where the text is how that number is written; so `007` and `1e3` stay text.
fn sql_value(text: &str) -> SqlValue {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(n), _) if n.to_string() == text => SqlValue::Integer(n),
        (_, Ok(n)) if n.is_finite() && n.to_string() == text => SqlValue::Real(n),
        _ => SqlValue::Text(text.to_owned()),
    }
}

fn collect(
    statement: &mut Statement<'_>,
    query: &Query,
    failed: impl Fn(&rusqlite::Error) -> QueryError,
) -> Result<Vec<Map<String, Value>>, QueryError> {
    let too_large = |limit: String| QueryError::TooLarge {
        query: query.name.clone(),
        limit,
    };
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut bytes = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|e| failed(&e))? {
        let mut object = Map::new();
        for (index, column) in columns.iter().enumerate() {
            let value = row.get_ref(index).map_err(|e| failed(&e))?;
            bytes += 16 + column.len() + value.as_bytes().map_or(0, <[u8]>::len);
            object.insert(column.clone(), json(value));
        }
        found.push(object);
        if found.len() > ROW_LIMIT {
            return Err(too_large(format!("{ROW_LIMIT} rows")));
        }
        if bytes > ANSWER_LIMIT {
            return Err(too_large(format!("{ANSWER_LIMIT} bytes")));
        }
    }
    Ok(found)
}

/// A value as JSON; bytes as hexadecimal text.
fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => n.into(),
        ValueRef::Real(n) => n.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(bytes) => bytes
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_number_only_when_it_is_written_as_one() {
        assert_eq!(sql_value("42"), SqlValue::Integer(42));
        assert_eq!(sql_value("1.5"), SqlValue::Real(1.5));
        for text in ["007", "1e3", "", "inf", "NaN", "+1", "x"] {
            assert_eq!(sql_value(text), SqlValue::Text(text.into()), "{text}");
        }
    }
}
