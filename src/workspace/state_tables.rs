//! The state of a projection written in Rust, which is one JSON text in its file, as tables that can be read: a row for
//! each thing that it holds, beside the same row now.

use std::collections::HashMap;

use serde_json::Value;

use super::steps::{self, Change};
use crate::event::Position;
use crate::read::{Beside, Cell, Changed, Rows, Shown};

/// A longer state is shown as it is stored: 8 MiB.
const LARGEST: usize = 8 << 20;

/// A state that holds more things by name than this is a map, whatever each of them holds: one table has them all.
const TABLES: usize = 32;

/// Where the rows of a table have more fields than this between them, the names are keys themselves: each row is one value.
const COLUMNS: usize = 64;

/// The table of what is held outside of any other.
const WHOLE: &str = "state";

/// What an event changed of a state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateSeen {
    /// The values that are others after the event.
    pub changes: Vec<Change>,
    /// For each row that is shown, whether the event changed it.
    pub written: Vec<bool>,
}

/// The state that a file's only table has; `None` where it is no such table, or too large.
pub(super) fn state_of(rows: &Rows) -> Option<Value> {
    let is_it = rows.tables == [WHOLE] && rows.columns == [WHOLE] && rows.count == 1;
    let row = rows.rows.first().filter(|_| is_it)?;
    value_of(row)
}

fn value_of(row: &[Cell]) -> Option<Value> {
    match row {
        [Cell::Text(text)] if text.len() <= LARGEST => {
            let value = serde_json::from_str(text).ok();
            value.filter(|value: &Value| value.is_object() || value.is_array())
        }
        _ => None,
    }
}

/// What an event made of the state; `None` where it did not change it.
pub(super) fn before_and_after(changed: &Changed) -> Option<(Value, Value)> {
    let rows = &changed.rows.as_ref()?.differences;
    let mut before = rows.iter().filter_map(|row| row.here.as_deref());
    let mut after = rows.iter().filter_map(|row| row.there.as_deref());
    Some((value_of(before.next()?)?, value_of(after.next()?)?))
}

/// Some rows of a state as it was, the same ones as they are now, and which of them an event changed.
pub(super) fn shown(
    then: &Value,
    now: Option<(Position, &Value)>,
    event: Option<&(Value, Value)>,
    shown: Shown,
    arrived: bool,
) -> (Rows, Option<Beside>, StateSeen) {
    let event_values = event.iter().flat_map(|(before, after)| [before, after]);
    let all: Vec<&Value> = std::iter::once(then)
        .chain(now.map(|(_, now)| now))
        .chain(event_values)
        .collect();
    let names = tables(&all);
    let table = shown.table.min(names.len().saturating_sub(1));
    let field = names.get(table).and_then(Option::as_deref);
    let layout = Layout::of(&all, field, &names);
    let rows = layout.rows(then);
    let changed: Vec<String> = event.map_or_else(Vec::new, |(before, after)| {
        let before: HashMap<_, _> = layout.rows(before).into_iter().collect();
        let is_other = |(key, row): &&(String, Vec<Cell>)| before.get(key) != Some(row);
        let after = layout.rows(after);
        after
            .iter()
            .filter(is_other)
            .map(|row| row.0.clone())
            .collect()
    });
    let first = rows.iter().position(|(key, _)| changed.contains(key));
    let count = rows.len();
    let last = count.saturating_sub(shown.most);
    let from = usize::try_from(shown.first).unwrap_or(usize::MAX).min(last);
    let from =
        match first.filter(|at| arrived && !(from..from.saturating_add(shown.most)).contains(at)) {
            Some(at) => at.saturating_sub(2).min(last),
            None => from,
        };
    let page: Vec<_> = rows.into_iter().skip(from).take(shown.most).collect();
    let beside = now.map(|(position, now)| {
        let now: HashMap<_, _> = layout.rows(now).into_iter().collect();
        Beside {
            position,
            count: now.len() as u64,
            keyed: true,
            rows: page.iter().map(|(key, _)| now.get(key).cloned()).collect(),
        }
    });
    let seen = StateSeen {
        changes: event.map_or_else(Vec::new, |(before, after)| steps::changes(before, after)),
        written: page.iter().map(|(key, _)| changed.contains(key)).collect(),
    };
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| WHOLE.to_owned());
    let rows = Rows {
        tables: names.iter().map(name).collect(),
        table,
        columns: layout.columns.clone(),
        count: count as u64,
        first: from as u64,
        rows: page.into_iter().map(|(_, row)| row).collect(),
    };
    (rows, beside, seen)
}

/// Whether a value is a row: it names values that hold no others.
fn is_row(value: &Value) -> bool {
    let fields = value.as_object();
    fields.is_some_and(|fields| fields.values().any(|value| !holds(value)))
}

fn holds(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// The tables of some states of one projection, by the field that each is made of; `None` is what is in no other. A map
/// is one table: one of rows, or one that holds too many things to be anything else.
fn tables(states: &[&Value]) -> Vec<Option<String>> {
    let fields = || {
        states
            .iter()
            .filter_map(|state| state.as_object())
            .flatten()
    };
    let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    let is_map = fields().any(|(_, value)| is_row(value))
        && fields().all(|(_, value)| is_row(value) || is_empty(value));
    let mut tables: Vec<Option<String>> = Vec::new();
    for (name, _) in fields().filter(|(_, value)| !is_map && holds(value)) {
        if !tables.iter().flatten().any(|other| other == name) {
            if tables.len() == TABLES {
                return vec![None];
            }
            tables.push(Some(name.clone()));
        }
    }
    let has_table = |name: &String| tables.iter().flatten().any(|other| other == name);
    if tables.is_empty() || fields().any(|(name, _)| !has_table(name)) {
        tables.insert(0, None);
    }
    tables
}

/// How a table is made of a state.
struct Layout<'a> {
    /// The field that it is made of; `None`: what is not in any other table.
    field: Option<&'a str>,
    /// The fields that have a table of their own.
    others: &'a [Option<String>],
    columns: Vec<String>,
    /// Whether each row has named values.
    named: bool,
}

impl<'a> Layout<'a> {
    fn of(states: &[&Value], field: Option<&'a str>, others: &'a [Option<String>]) -> Self {
        let mut layout = Self {
            field,
            others,
            columns: Vec::new(),
            named: false,
        };
        let entries: Vec<(String, &Value)> =
            states.iter().flat_map(|s| layout.entries(s)).collect();
        let has = |fits: fn(&Value) -> bool| entries.iter().any(|(_, value)| fits(value));
        let is_named = has(is_row) && entries.iter().all(|(_, value)| value.is_object());
        let values = entries.iter().filter_map(|(_, value)| value.as_object());
        let mut columns: Vec<String> = Vec::new();
        for name in values.filter(|_| is_named).flat_map(serde_json::Map::keys) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
            if columns.len() > COLUMNS {
                break;
            }
        }
        let named = is_named && columns.len() <= COLUMNS;
        if !named {
            columns = vec!["value".to_owned()];
        }
        columns.insert(0, "key".to_owned());
        layout.named = named;
        layout.columns = columns;
        layout
    }

    /// What the table is made of, by its key.
    fn entries<'v>(&self, state: &'v Value) -> Vec<(String, &'v Value)> {
        let value = match self.field {
            Some(field) => state.get(field),
            None => Some(state),
        };
        match value {
            Some(Value::Object(fields)) => {
                let elsewhere =
                    |name: &String| self.others.iter().flatten().any(|other| other == name);
                let is_here = |name: &String| self.field.is_some() || !elsewhere(name);
                let here = fields.iter().filter(|(name, _)| is_here(name));
                let mut here: Vec<_> = here.map(|(name, v)| (name.clone(), v)).collect();
                // A map may be written in any order.
                here.sort_by_cached_key(|(name, _)| (name.parse::<u64>().ok(), name.clone()));
                here
            }
            Some(Value::Array(values)) => {
                let places = values.iter().enumerate();
                places.map(|(at, value)| (at.to_string(), value)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The rows of a state, each with its key.
    fn rows(&self, state: &Value) -> Vec<(String, Vec<Cell>)> {
        let row = |(key, value): (String, &Value)| {
            let mut cells = vec![Cell::Text(key.clone())];
            if self.named {
                let fields = self.columns.iter().skip(1);
                cells.extend(fields.map(|name| value.get(name).map_or(Cell::Null, cell)));
            } else {
                cells.push(cell(value));
            }
            (key, cells)
        };
        self.entries(state).into_iter().map(row).collect()
    }
}

/// A value as a cell: what holds others as JSON.
fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::String(text) => Cell::Text(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Cell::Integer(whole),
            (None, Some(real)) if number.is_f64() => Cell::Real(real),
            _ => Cell::Text(number.to_string()),
        },
        other => Cell::Text(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(then: &Value, now: &Value, table: usize) -> (Rows, Vec<Option<Vec<Cell>>>) {
        let wanted = Shown {
            table,
            first: 0,
            most: 10,
        };
        let now = Some((Position::new(9), now));
        let (rows, now, _) = shown(then, now, None, wanted, false);
        (rows, now.unwrap().rows)
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn each_field_that_holds_others_is_a_table_with_a_row_for_each_key() {
        let then = json!({"sold": {"pot": {"units": 1}, "mug": {"units": 2}}, "open": {}});
        let now =
            json!({"sold": {"mug": {"units": 3}}, "open": {"7": {"lines": [1], "paid": true}}});
        let (rows, now_rows) = seen(&then, &now, 0);
        assert_eq!(rows.tables, ["sold", "open"]);
        assert_eq!(rows.columns, ["key", "units"]);
        assert_eq!(rows.rows[0], [text("mug"), Cell::Integer(2)]);
        assert_eq!(now_rows[0], Some(vec![text("mug"), Cell::Integer(3)]));
        assert_eq!(now_rows[1], None, "there is no pot now");
        let (rows, _) = seen(&now, &then, 1);
        assert_eq!(rows.columns, ["key", "lines", "paid"]);
        assert_eq!(rows.rows, [[text("7"), text("[1]"), text("true")]]);
    }

    #[test]
    fn maps_lists_and_single_values_are_tables_too() {
        let nothing = json!({});
        let tables = |state: &Value| seen(state, &nothing, 0).0;
        let map = tables(&json!({"ada": 2, "bob": 1}));
        assert_eq!(
            (map.tables.len(), map.columns.join(" ")),
            (1, "key value".to_owned())
        );
        assert_eq!(map.rows[0], [text("ada"), Cell::Integer(2)]);
        let of_rows = tables(&json!({"10": {"n": 1}, "9": {"n": 2.5}}));
        assert_eq!(
            (of_rows.tables.len(), of_rows.columns.join(" ")),
            (1, "key n".to_owned())
        );
        assert_eq!(of_rows.rows[0], [text("9"), Cell::Real(2.5)]);
        let list = tables(&json!([{"n": 1}, {"m": null}]));
        assert_eq!(list.columns, ["key", "n", "m"]);
        let mixed = tables(&json!({"total": 5, "state": {"a": [1]}}));
        assert_eq!(mixed.tables, ["state", "state"]);
        assert_eq!(mixed.rows, [[text("total"), Cell::Integer(5)]]);
        assert_eq!(tables(&nothing).rows.len(), 0);
    }

    #[test]
    fn names_that_are_keys_are_rows_and_neither_tables_nor_columns() {
        let nothing = json!({});
        let many = |value: Value| -> Value {
            let entries = (0..100_000).map(|at| (format!("o-{at}"), value.clone()));
            Value::Object(entries.collect())
        };
        let (rows, _) = seen(&many(json!(["mug"])), &nothing, 0);
        assert_eq!((rows.tables.len(), rows.count), (1, 100_000));
        assert_eq!(rows.rows[0], [text("o-0"), text("[\"mug\"]")]);
        let sold = json!({"sold": {"ada": many(json!(1)), "bob": {"mug": 2}}});
        let (rows, _) = seen(&sold, &nothing, 0);
        assert_eq!(rows.columns, ["key", "value"]);
        assert_eq!(rows.rows[1], [text("bob"), text("{\"mug\":2}")]);
    }

    #[test]
    fn of_a_hundred_thousand_rows_the_one_that_changed_is_found() {
        let of = |n: u64| -> Value {
            let units =
                (0..100_000).map(|at| (at.to_string(), json!(if at == 70_000 { n } else { 0 })));
            Value::Object(units.collect())
        };
        let event = (of(1), of(2));
        let wanted = Shown {
            table: 0,
            first: 0,
            most: 10,
        };
        let now = Some((Position::new(9), &event.0));
        let (rows, beside, _) = shown(&event.1, now, Some(&event), wanted, true);
        assert_eq!(rows.first, 69_998);
        let was = beside.and_then(|beside| beside.rows[2].clone());
        assert_eq!(was, Some(vec![text("70000"), Cell::Integer(1)]));
    }

    #[test]
    fn what_an_event_changed_is_marked_and_scrolled_to() {
        let of = |n: u64| {
            json!(
                (0..50)
                    .map(|at| (at.to_string(), json!(if at == 40 { n } else { 0 })))
                    .collect::<serde_json::Map<_, _>>()
            )
        };
        let (before, after) = (of(1), of(2));
        let event = (before, after.clone());
        let wanted = Shown {
            table: 0,
            first: 0,
            most: 10,
        };
        let (rows, _, state) = shown(&after, None, Some(&event), wanted, true);
        assert_eq!(rows.first, 38);
        let written: Vec<u64> = (38..)
            .zip(&state.written)
            .filter(|(_, w)| **w)
            .map(|(at, _)| at)
            .collect();
        assert_eq!(written, [40]);
        assert_eq!(state.changes.len(), 1);
        let (rows, _, _) = shown(&after, None, Some(&event), wanted, false);
        assert_eq!(rows.first, 0, "whoever scrolls away stays away");
    }
}
