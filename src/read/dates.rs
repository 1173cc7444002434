//! SQLite's date and time functions for handlers, without the clock: 'now' and a missing argument, which
//! means 'now', are refused, and so are time zones of the machine.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};
use std::sync::{Arc, Mutex, PoisonError};

/// Each with how many arguments stand before the first time value.
const FUNCTIONS: [(&str, usize); 7] = [
    ("date", 0),
    ("time", 0),
    ("datetime", 0),
    ("julianday", 0),
    ("unixepoch", 0),
    ("strftime", 1),
    ("timediff", 0),
];

/// Replaces SQLite's date functions, and those that give another answer each time, on one connection.
///
/// Ours check the arguments and let a second, untouched connection compute: one who knows SQLite's
/// functions finds nothing different.
pub(super) fn install(db: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    let original = Arc::new(Mutex::new(Connection::open_in_memory()?));
    for (name, lead) in FUNCTIONS {
        let original = Arc::clone(&original);
        db.create_scalar_function(name, -1, flags, move |context| {
            check(name, lead, context)?;
            let original = original.lock().unwrap_or_else(PoisonError::into_inner);
            compute(&original, name, context)
        })?;
    }
    // The authorizer refuses these where they are written; a column's DEFAULT does not pass by it.
    for (name, arguments) in [
        ("random", 0),
        ("randomblob", 1),
        ("changes", 0),
        ("total_changes", 0),
        ("last_insert_rowid", 0),
        ("current_time", 0),
        ("current_date", 0),
        ("current_timestamp", 0),
    ] {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        db.create_scalar_function(
            name,
            arguments,
            flags,
            move |_| -> rusqlite::Result<Value> {
                Err(user_error(format!(
                    "{name} is not allowed in a projection: its answer changes from run to run"
                )))
            },
        )?;
    }
    Ok(())
}

fn user_error(message: String) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(message.into())
}

fn check(name: &str, lead: usize, context: &Context<'_>) -> rusqlite::Result<()> {
    let way_out = "use the event's :time or :recorded_at";
    if context.len() <= lead {
        return Err(user_error(format!(
            "{name}() without a time means 'now', which changes from run to run: {way_out}"
        )));
    }
    for index in lead..context.len() {
        // As SQLite reads it: bytes too, and up to the first zero.
        let (ValueRef::Text(text) | ValueRef::Blob(text)) = context.get_raw(index) else {
            continue;
        };
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let word = String::from_utf8_lossy(text).trim().to_ascii_lowercase();
        let is_now =
            word == "now" || (index == lead && matches!(word.as_str(), "subsec" | "subsecond"));
        if is_now || matches!(word.as_str(), "localtime" | "utc") {
            return Err(user_error(format!(
                "{name}(… '{word}' …) changes from run to run, or with the machine: {way_out}"
            )));
        }
    }
    Ok(())
}

fn compute(original: &Connection, name: &str, context: &Context<'_>) -> rusqlite::Result<Value> {
    let marks = vec!["?"; context.len()].join(", ");
    let mut statement = original.prepare_cached(&format!("SELECT {name}({marks})"))?;
    let arguments = (0..context.len())
        .map(|index| context.get(index))
        .collect::<Result<Vec<Value>, _>>()?;
    statement.query_row(params_from_iter(arguments), |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(sql: &str) -> Result<Value, String> {
        let db = Connection::open_in_memory().unwrap();
        install(&db).unwrap();
        db.query_row(sql, [], |row| row.get(0))
            .map_err(|e| super::super::guard::message(&e))
    }

    #[test]
    fn a_given_time_is_computed_as_sqlite_does() {
        let plain = Connection::open_in_memory().unwrap();
        for sql in [
            "SELECT date('2024-02-28', '+2 days')",
            "SELECT strftime('%Y-%W', '2024-02-28T10:00:00Z')",
            "SELECT unixepoch('2024-01-01')",
            "SELECT julianday(2460000.5)",
            "SELECT datetime(1700000000, 'unixepoch', 'subsec')",
            "SELECT timediff('2024-01-01', '2023-01-01')",
            "SELECT date(NULL)",
            "SELECT date('nonsense')",
        ] {
            let expected: Value = plain.query_row(sql, [], |row| row.get(0)).unwrap();
            assert_eq!(answer(sql).unwrap(), expected, "{sql}");
        }
    }

    #[test]
    fn the_clock_is_out_of_reach() {
        for sql in [
            "SELECT date('now')",
            "SELECT date(' NoW ')",
            "SELECT date()",
            "SELECT strftime('%s')",
            "SELECT unixepoch('subsec')",
            "SELECT timediff('2024-01-01', 'now')",
            "SELECT datetime('2024-01-01', 'localtime')",
            "SELECT CURRENT_TIMESTAMP",
            "SELECT random()",
            // SQLite takes bytes for text, and ends a text at its first zero.
            "SELECT date(x'6e6f77')",
            "SELECT date('now' || char(0) || 'x')",
            "SELECT datetime('2024-01-01', x'6c6f63616c74696d65')",
        ] {
            assert!(
                answer(sql).unwrap_err().contains("from run to run"),
                "{sql}"
            );
        }
    }
}
