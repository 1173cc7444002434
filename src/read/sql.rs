//! A projection written as SQL: its file checked against a real database, and its handlers run.

use std::collections::HashMap;
use std::time::Duration;

use jiff::fmt::temporal::DateTimePrinter;
use rusqlite::{CachedStatement, Connection, Statement};

use super::definition::{Definition, DefinitionError, Key, Section};
use super::guard::{Guard, Mode, OWN_PREFIX, message};
use super::parked::OnError;
use super::policy::Policy;
use super::projection::{AnswerError, ApplyError, Memory, Parameters, Projection, Row, Signature};
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
                        poisoned: is_poison(&e),
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
fn is_poison(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Code;
    let blameless = [
        Code::DatabaseBusy,
        Code::DatabaseLocked,
        Code::DiskFull,
        Code::SystemIoFailure,
        Code::OutOfMemory,
        Code::CannotOpen,
        Code::ReadOnly,
    ];
    error
        .sqlite_error_code()
        .is_none_or(|code| !blameless.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(schema: &str, handler: &str) -> String {
        format!("-- schema\n{schema}\n-- on A\n{handler}\n")
    }

    fn error(schema: &str, handler: &str) -> String {
        let Err(error) = SqlProjection::parse("p", &file(schema, handler)) else {
            panic!("{schema} / {handler} was let through");
        };
        error.to_string()
    }

    const T: &str = "CREATE TABLE t (n);";

    #[test]
    fn a_mistake_in_sql_is_shown_where_it_is() {
        let shown = error(T, "INSERT INTO t\n  VALUES (:position, );");
        assert!(
            shown.starts_with("p.sql:5:22: near \")\": syntax error"),
            "{shown}"
        );
        let shown = error("CREATE TABLE a (n);\nCREATE TABEL b (n);", "SELECT 1;");
        assert!(shown.starts_with("p.sql:3:8: near \"TABEL\""), "{shown}");
        assert!(error(T, "INSERT INTO t VALUES (:dat);").contains("parameter :dat is not known"));
    }

    #[test]
    fn a_file_reaches_its_own_tables_only() {
        assert!(error(T, "DELETE FROM customers;").contains("has its own tables only"));
        assert!(error(T, "DELETE FROM _highwater_checkpoint;").contains("_highwater"));
        assert!(error("CREATE TABLE _highwater_x (n);", "SELECT 1;").contains("highwater's own"));
        for sql in [
            "ATTACH 'x.db' AS x;",
            "PRAGMA journal_mode = DELETE;",
            "CREATE TABLE u (n);",
            "BEGIN;",
            "DROP TABLE t;",
        ] {
            assert!(error(T, sql).contains("not allowed"), "{sql}");
        }
        assert!(error("CREATE TEMP TABLE t (n);", "SELECT 1;").contains("not allowed"));
        assert!(
            error("CREATE TABLE t (n); PRAGMA user_version = 3;", "SELECT 1;")
                .contains("PRAGMA user_version")
        );
        assert!(error(T, "UPDATE sqlite_schema SET sql = '';").contains("may not be modified"));
    }

    #[test]
    fn nothing_that_changes_from_run_to_run_is_let_through() {
        for sql in [
            "random()",
            "randomblob(4)",
            "CURRENT_TIMESTAMP",
            "changes()",
            "last_insert_rowid()",
        ] {
            let shown = error(T, &format!("INSERT INTO t VALUES ({sql});"));
            assert!(shown.contains("changes from run to run"), "{shown}");
        }
    }

    #[test]
    fn what_sqlite_says_of_itself_is_out_of_a_handlers_reach() {
        for table in ["pragma_data_version", "pragma_function_list", "dbstat"] {
            let shown = error(T, &format!("INSERT INTO t SELECT count(*) FROM {table};"));
            assert!(shown.contains(table), "{shown}");
        }
        let unpack = "INSERT INTO t SELECT value FROM json_each(:data);";
        assert!(SqlProjection::parse("p", &file(T, unpack)).is_ok());
    }

    /// Applies one event with these data to a projection of this schema and handler.
    fn applied(schema: &str, handler: &str, data: &str) -> Result<(), String> {
        let projection =
            SqlProjection::parse("p", &file(schema, handler)).map_err(|e| e.to_string())?;
        let mut db = Connection::open_in_memory().unwrap();
        let guard = prepare_connection(&mut db).unwrap();
        let _scope = guard.enter(Mode::Schema, APPLY_LIMIT);
        projection.create(&db)?;
        let _scope = guard.enter(Mode::Handler, APPLY_LIMIT);
        let event = Event {
            position: crate::event::Position::new(1),
            stream: crate::event::StreamId::new("a-1").unwrap(),
            version: crate::event::Version::new(1),
            event_type: crate::event::EventType::new("A").unwrap(),
            id: "1".into(),
            source: None,
            data: crate::event::JsonObject::parse(data).unwrap(),
            metadata: crate::event::JsonObject::empty(),
            recorded_at: Timestamp::UNIX_EPOCH,
            happened_at: None,
        };
        projection
            .apply(&db, &mut Memory::default(), &[event])
            .map_err(|e| guard.explain_limit(e.reason))
    }

    #[test]
    fn nothing_that_changes_from_run_to_run_hides_in_a_schema_or_in_data() {
        let insert = "INSERT INTO t (n) VALUES (1);";
        for schema in [
            "CREATE TABLE t (n, at DEFAULT CURRENT_TIMESTAMP);",
            "CREATE TABLE t (n, r DEFAULT (random()));",
            "CREATE TABLE t (n, r DEFAULT (abs(random()) % 2));",
            "CREATE TABLE t (n, d DEFAULT (date('now')));",
            "CREATE TABLE t (n, d AS (date('now')));",
            "CREATE TABLE t (n, CHECK (n < unixepoch()));",
            "CREATE TABLE t (n, CHECK (n <> random()));",
            "CREATE TABLE t (n); CREATE INDEX i ON t (n) WHERE n <> random();",
            "CREATE TABLE t (n); CREATE INDEX i ON t (date('now'));",
            "CREATE TABLE t (n); CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET n = random(); END;",
            "CREATE TABLE t (n); CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET n = date('now'); END;",
            "CREATE TABLE t (n); CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET n = last_insert_rowid(); END;",
            "CREATE TABLE u (n); CREATE VIEW t AS SELECT n FROM u; \
             CREATE TRIGGER g INSTEAD OF INSERT ON t BEGIN INSERT INTO u VALUES (random()); END;",
        ] {
            let found = applied(schema, insert, "{}");
            assert!(found.is_err(), "{schema}");
        }
        let hidden = "INSERT INTO t VALUES (date(:data ->> 'd'));";
        assert!(applied(T, hidden, "{\"d\":\"2024-01-01\"}").is_ok());
        for now in ["now", "NOW", "now\\u0000"] {
            let found = applied(T, hidden, &format!("{{\"d\":\"{now}\"}}"));
            assert!(found.unwrap_err().contains("from run to run"), "{now}");
        }
        for order in ["random()", "randomblob(1)", "date('now') || n"] {
            let sql = format!("INSERT INTO t SELECT n FROM t ORDER BY {order};");
            assert!(applied(&format!("{T} INSERT INTO t VALUES (1);"), &sql, "{}").is_err());
        }
    }

    #[test]
    fn a_trigger_reaches_no_more_than_its_handler() {
        for body in [
            "UPDATE _highwater_checkpoint SET position = 9",
            "DELETE FROM _highwater_model",
            "INSERT INTO t SELECT source FROM _highwater_model",
        ] {
            let schema =
                format!("{T} CREATE TRIGGER g AFTER INSERT ON t WHEN new.n = 1 BEGIN {body}; END;");
            let found = applied(&schema, "INSERT INTO t VALUES (1);", "{}");
            assert!(found.unwrap_err().contains("_highwater"), "{body}");
        }
    }

    #[test]
    fn full_text_search_is_kept_in_order_by_a_handler() {
        let schema = "CREATE VIRTUAL TABLE s USING fts5(body);";
        for command in ["rebuild", "integrity-check", "optimize"] {
            let handler =
                format!("INSERT INTO s VALUES (:data); INSERT INTO s (s) VALUES ('{command}');");
            assert_eq!(applied(schema, &handler, "{}"), Ok(()), "{command}");
        }
    }

    #[test]
    fn a_comment_after_the_last_statement_is_no_statement() {
        for comment in ["/* done */", "-- done", "; ;", "/* a */ /* b */ -- c"] {
            let handler = format!("INSERT INTO t VALUES (1); {comment}");
            assert_eq!(applied(T, &handler, "{}"), Ok(()), "{comment}");
        }
    }

    #[test]
    fn a_query_only_reads_and_uses_what_it_names() {
        let with =
            |query: &str| SqlProjection::parse("p", &format!("{}{query}", file(T, "SELECT 1;")));
        assert!(with("-- query Q(a)\nSELECT n FROM t WHERE n = :a\n").is_ok());
        assert!(with("-- query Q(a)\nDELETE FROM t WHERE n = :a\n").is_err());
        assert!(with("-- query Q()\nSELECT n FROM t WHERE n = :a\n").is_err());
        assert!(with("-- query Q(a, b)\nSELECT n FROM t WHERE n = :a\n").is_err());
    }

    #[test]
    fn full_text_search_is_allowed() {
        let text = file(
            "CREATE VIRTUAL TABLE s USING fts5(body);",
            "INSERT INTO s VALUES (:data);",
        );
        assert!(SqlProjection::parse("p", &text).is_ok());
    }

    #[test]
    fn handlers_run_in_the_order_of_the_file() {
        let text = "-- schema\nCREATE TABLE t (n);\n-- on *\nSELECT 1;\n-- on A\nSELECT 2; SELECT 3;\n-- on *, A\nSELECT 4;";
        assert!(SqlProjection::parse("p", text).is_err(), "* stands alone");
        let text = "-- schema\nCREATE TABLE t (n);\n-- on *\nSELECT 1;\n-- on A\nSELECT 2; SELECT 3;\n-- on *\nSELECT 4;";
        let projection = SqlProjection::parse("p", text).unwrap();
        assert_eq!(projection.by_type["A"], [0, 1, 2, 3]);
        assert_eq!(projection.any, [0, 3]);
    }
}
