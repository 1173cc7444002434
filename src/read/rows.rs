//! What goes into an SQL query, and the rows that come out of it, as JSON and bounded in size.

use rusqlite::Statement;
use rusqlite::types::{Value as SqlValue, ValueRef};
use serde_json::Value;

use super::projection::{AnswerError, Row};

/// The most rows that an answer has.
pub const ROW_LIMIT: usize = 100_000;

/// The most bytes of values, with their names, that an answer has: 64 MiB.
pub const ANSWER_LIMIT: usize = 64 << 20;

/// A number where the text is how that number is written; so `007` and `1e3` stay text.
pub(super) fn sql_value(text: &str) -> SqlValue {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(n), _) if n.to_string() == text => SqlValue::Integer(n),
        (_, Ok(n)) if n.is_finite() && n.to_string() == text => SqlValue::Real(n),
        _ => SqlValue::Text(text.to_owned()),
    }
}

/// Every row of a statement whose parameters are bound.
pub(super) fn collect(statement: &mut Statement<'_>) -> Result<Vec<Row>, AnswerError> {
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut bytes = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let mut object = Row::new();
        for (index, column) in columns.iter().enumerate() {
            let value = row.get_ref(index)?;
            bytes += 16 + column.len() + value.as_bytes().map_or(0, <[u8]>::len);
            object.insert(column.clone(), json(value));
        }
        found.push(object);
        if found.len() > ROW_LIMIT {
            return Err(AnswerError::TooLarge(format!("{ROW_LIMIT} rows")));
        }
        if bytes > ANSWER_LIMIT {
            return Err(AnswerError::TooLarge(format!("{ANSWER_LIMIT} bytes")));
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
