//! A projection written as SQL: its file checked against a real database, and its handlers run.

use std::collections::HashMap;
use std::time::Duration;

use jiff::fmt::temporal::DateTimePrinter;
use rusqlite::{CachedStatement, Connection, Statement};

use super::definition::{Definition, DefinitionError, Key, Section};
use super::guard::{Guard, Mode, OWN_PREFIX, message};
use super::parked::OnError;
use super::policy::Policy;
use super::projection::{
    AnswerError, ApplyError, Blame, Memory, Parameters, Projection, Row, Signature,
};
use super::rows::{collect, sql_value};
use super::subscription::Subscription;
use super::{dates, guard};
use crate::event::{Event, Timestamp};

/// The longest that one page of events, or a schema, may take.
pub(super) const APPLY_LIMIT: Duration = Duration::from_secs(5);

/// The longest that checking one statement may take; SQLite's planner runs no rows.
const CHECK_LIMIT: Duration = Duration::from_secs(5);

/// A projection written as one SQL file, whose SQL was checked.
pub struct SqlProjection {
    definition: Definition,
    /// Every statement of every handler, in the file's order.
    statements: Vec<Program>,
    /// Event type → which of them apply it, where it is named; others fall to `any`.
    by_type: HashMap<String, Vec<usize>>,
    any: Vec<usize>,
    queries: Vec<Signature>,
}

struct Program {
    section: Section,
    parameters: Vec<Parameter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parameter {
    Position,
    Stream,
    Key,
    Version,
    Type,
    Data,
    Metadata,
    RecordedAt,
    Time,
}

const PARAMETERS: [(&str, Parameter); 9] = [
    (":position", Parameter::Position),
    (":stream", Parameter::Stream),
    (":key", Parameter::Key),
    (":version", Parameter::Version),
    (":type", Parameter::Type),
    (":data", Parameter::Data),
    (":metadata", Parameter::Metadata),
    (":recorded_at", Parameter::RecordedAt),
    (":time", Parameter::Time),
];

impl SqlProjection {
    /// Reads and checks a file: makes its tables in memory and compiles every handler and query.
    ///
    /// Errors: what [`Definition::parse`] finds, or what SQLite and the authorizer say of the SQL, with
    /// file, line and column.
    pub fn parse(name: &str, text: &str) -> Result<Self, DefinitionError> {
        let definition = Definition::parse(name, text)?;
        let whole = definition.schema.clone();
        let broken = |e: rusqlite::Error| DefinitionError::at(&definition, &whole, 0, message(&e));
        let mut db = Connection::open_in_memory().map_err(broken)?;
        let guard = prepare_connection(&mut db).map_err(broken)?;
        check_schema(&definition, &db, &guard)?;
        check_key(&definition, &db)?;
        let statements = check_handlers(&definition, &db, &guard)?;
        check_queries(&definition, &db, &guard)?;
        let (by_type, any) = dispatch(&definition);
        let queries = definition.queries.iter().map(|query| Signature {
            name: query.name.clone(),
            parameters: query.parameters.clone(),
        });
        Ok(Self {
            queries: queries.collect(),
            definition,
            statements,
            by_type,
            any,
        })
    }

    /// The file.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }
}

/// What every connection that folds has: the guard and our date functions.
pub(super) fn prepare_connection(db: &mut Connection) -> rusqlite::Result<Guard> {
    dates::install(db)?;
    db.set_prepared_statement_cache_capacity(256);
    Guard::install(db)
}

fn locate(
    definition: &Definition,
    section: &Section,
    guard: &Guard,
    error: &rusqlite::Error,
) -> DefinitionError {
    // SQLite names a byte of the statement it was given, which is the section's end part.
    let offset = match error {
        rusqlite::Error::SqlInputError { sql, offset, .. } => {
            let skipped = section.sql.len().saturating_sub(sql.len());
            skipped + usize::try_from(*offset).unwrap_or(0)
        }
        _ => 0,
    };
    DefinitionError::at(definition, section, offset, guard.explain(error))
}

fn check_schema(
    definition: &Definition,
    db: &Connection,
    guard: &Guard,
) -> Result<(), DefinitionError> {
    let scope = guard.enter(Mode::Schema, CHECK_LIMIT);
    let made = db.execute_batch(&definition.schema.sql);
    drop(scope);
    made.map_err(|e| locate(definition, &definition.schema, guard, &e))?;
    let own = format!("{OWN_PREFIX}%");
    let count =
        "SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE ?";
    match db.query_row(count, [own], |row| row.get::<_, i64>(0)) {
        Ok(0) => Err(DefinitionError::at(
            definition,
            &definition.schema,
            0,
            "no table under `-- schema`: write CREATE TABLE".to_owned(),
        )),
        Ok(_) => Ok(()),
        Err(e) => Err(locate(definition, &definition.schema, guard, &e)),
    }
}

fn check_key(definition: &Definition, db: &Connection) -> Result<(), DefinitionError> {
    let Some(key) = &definition.key else {
        return Ok(());
    };
    let find = "SELECT count(*) FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND c.name = ?";
    match db.query_row(find, [&key.column], |row| row.get::<_, i64>(0)) {
        Ok(0) => Err(DefinitionError::at(
            definition,
            &definition.schema,
            0,
            format!(
                "key column {} is in no table: name a column of the schema in `-- key:`",
                key.column
            ),
        )),
        _ => Ok(()),
    }
}

fn check_handlers(
    definition: &Definition,
    db: &Connection,
    guard: &Guard,
) -> Result<Vec<Program>, DefinitionError> {
    let mut programs = Vec::new();
    for section in definition
        .handlers
        .iter()
        .flat_map(|handler| &handler.statements)
    {
        let _scope = guard.enter(Mode::Handler, CHECK_LIMIT);
        let statement = db
            .prepare(&section.sql)
            .map_err(|e| locate(definition, section, guard, &e))?;
        let parameters = named_parameters(&statement).map_err(|name| {
            let known: Vec<_> = PARAMETERS.iter().map(|(name, _)| *name).collect();
            let at = section.sql.find(&name).unwrap_or(0);
            let known = known.join(" ");
            DefinitionError::at(
                definition,
                section,
                at,
                format!("parameter {name} is not known: a handler has {known}"),
            )
        })?;
        programs.push(Program {
            section: section.clone(),
            parameters,
        });
    }
    Ok(programs)
}

fn named_parameters(statement: &Statement<'_>) -> Result<Vec<Parameter>, String> {
    (1..=statement.parameter_count())
        .map(|index| {
            let name = statement.parameter_name(index).unwrap_or("?");
            let found = PARAMETERS.iter().find(|(known, _)| *known == name);
            found
                .map(|(_, parameter)| *parameter)
                .ok_or_else(|| name.to_owned())
        })
        .collect()
}

fn check_queries(
    definition: &Definition,
    db: &Connection,
    guard: &Guard,
) -> Result<(), DefinitionError> {
    for query in &definition.queries {
        let section = &query.statement;
        let wrong = |message: String| Err(DefinitionError::at(definition, section, 0, message));
        let _scope = guard.enter(Mode::Query, CHECK_LIMIT);
        let statement = db
            .prepare(&section.sql)
            .map_err(|e| locate(definition, section, guard, &e))?;
        if !statement.readonly() || statement.column_count() == 0 {
            return wrong(format!("query {} must be a SELECT", query.name));
        }
        let used: Vec<&str> = (1..=statement.parameter_count())
            .filter_map(|index| statement.parameter_name(index))
            .collect();
        if let Some(name) = used
            .iter()
            .find(|name| !query.parameters.iter().any(|p| name[1..] == **p))
        {
            return wrong(format!(
                "query {} uses {name}, which is not in its brackets: add it there",
                query.name
            ));
        }
        if let Some(name) = query
            .parameters
            .iter()
            .find(|p| !used.contains(&format!(":{p}").as_str()))
        {
            return wrong(format!(
                "query {} never uses its parameter {name}: use it or remove it",
                query.name
            ));
        }
    }
    Ok(())
}

fn dispatch(definition: &Definition) -> (HashMap<String, Vec<usize>>, Vec<usize>) {
    let mut by_type: HashMap<String, Vec<usize>> = definition
        .handlers
        .iter()
        .filter_map(|h| h.types.as_ref())
        .flatten()
        .map(|t| (t.clone(), vec![]))
        .collect();
    let mut any = Vec::new();
    let mut index = 0;
    for handler in &definition.handlers {
        let range = index..index + handler.statements.len();
        index = range.end;
        for (_, list) in by_type
            .iter_mut()
            .filter(|(event_type, _)| handler.takes(event_type))
        {
            list.extend(range.clone());
        }
        if handler.types.is_none() {
            any.extend(range);
        }
    }
    (by_type, any)
}

/// The form in which handlers see times: ISO 8601 in UTC, with microseconds, so that text sorts as time.
pub(super) fn iso(time: Timestamp) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
    PRINTER.timestamp_to_string(&time)
}

impl Projection for SqlProjection {
    fn name(&self) -> &str {
        &self.definition.name
    }

    fn description(&self) -> &str {
        &self.definition.description
    }

    fn subscription(&self) -> &Subscription {
        &self.definition.subscription
    }

    fn hash(&self) -> &str {
        &self.definition.hash
    }

    fn source(&self) -> &str {
        &self.definition.text
    }

    fn policy(&self) -> Policy {
        self.definition.policy
    }

    fn objective(&self) -> Option<Duration> {
        self.definition.objective
    }

    fn replayable(&self) -> bool {
        self.definition.replayable
    }

    fn on_error(&self) -> OnError {
        self.definition.on_error
    }

    fn waits(&self) -> bool {
        self.definition.waits
    }

    fn key(&self) -> Option<&Key> {
        self.definition.key.as_ref()
    }

    fn queries(&self) -> &[Signature] {
        &self.queries
    }

    fn create(&self, db: &Connection) -> Result<(), String> {
        db.execute_batch(&self.definition.schema.sql)
            .map_err(|e| guard::message(&e))
    }

    fn apply(&self, db: &Connection, _: &mut Memory, events: &[Event]) -> Result<(), ApplyError> {
        let mut prepared: Vec<Option<CachedStatement<'_>>> = Vec::new();
        prepared.resize_with(self.statements.len(), || None);
        for (index, event) in events.iter().enumerate() {
            for &number in self
                .by_type
                .get(event.event_type.as_str())
                .unwrap_or(&self.any)
            {
                let program = &self.statements[number];
                self.run(db, program, &mut prepared[number], event)
                    .map_err(|e| ApplyError {
                        index,
                        reason: format!(
                            "{}.sql:{}: {}",
                            self.definition.name,
                            program.section.line,
                            message(&e)
                        ),
                        blame: blame(&e),
                    })?;
            }
        }
        Ok(())
    }

    /// A value that is written as a number is one; everything else is text.
    fn answer(
        &self,
        db: &Connection,
        query: &str,
        parameters: &Parameters,
    ) -> Result<Vec<Row>, AnswerError> {
        let unknown = || AnswerError::Refused(format!("there is no query {query}"));
        let query = self.definition.query(query).ok_or_else(unknown)?;
        let mut statement = db.prepare(&query.statement.sql)?;
        for name in &query.parameters {
            if let Some(index) = statement.parameter_index(&format!(":{name}"))? {
                let value = parameters.get(name).map(|text| sql_value(text));
                statement.raw_bind_parameter(index, value)?;
            }
        }
        collect(&mut statement)
    }
}

impl SqlProjection {
    fn run<'db>(
        &self,
        db: &'db Connection,
        program: &Program,
        prepared: &mut Option<CachedStatement<'db>>,
        event: &Event,
    ) -> rusqlite::Result<()> {
        let statement = match prepared {
            Some(statement) => statement,
            None => prepared.insert(db.prepare_cached(&program.section.sql)?),
        };
        for (index, parameter) in (1..).zip(&program.parameters) {
            let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            match parameter {
                Parameter::Position => {
                    statement.raw_bind_parameter(index, number(event.position.get()))
                }
                Parameter::Stream => statement.raw_bind_parameter(index, event.stream.as_str()),
                Parameter::Key => statement.raw_bind_parameter(index, event.stream.key()),
                Parameter::Version => {
                    statement.raw_bind_parameter(index, number(event.version.get()))
                }
                Parameter::Type => statement.raw_bind_parameter(index, event.event_type.as_str()),
                Parameter::Data => statement.raw_bind_parameter(index, event.data.as_str()),
                Parameter::Metadata => statement.raw_bind_parameter(index, event.metadata.as_str()),
                Parameter::RecordedAt => {
                    statement.raw_bind_parameter(index, iso(event.recorded_at))
                }
                Parameter::Time => statement.raw_bind_parameter(index, iso(event.time())),
            }?;
        }
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        Ok(())
    }
}

/// Whether the event and its handler are to blame: not the disk, nor somebody's lock.
/// What is to blame for what SQLite says.
pub(super) fn blame(error: &rusqlite::Error) -> Blame {
    use rusqlite::ErrorCode as Code;
    match error.sqlite_error_code() {
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => Blame::Lock,
        Some(
            Code::DiskFull
            | Code::SystemIoFailure
            | Code::OutOfMemory
            | Code::CannotOpen
            | Code::ReadOnly,
        ) => Blame::System,
        _ => Blame::Event,
    }
}

#[cfg(test)]
mod tests;
