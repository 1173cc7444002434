//! Checks a command's data against its JSON Schema, and names every problem at once: what serde would
//! stop at one by one.

use std::fmt;

use serde_json::{Map, Value};

use crate::write::near::near;
use crate::write::schema::{
    alternatives, choices, is_optional, kind, kinds, properties, resolve, takes_null,
};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Which field: `order`, `lines[0].quantity`; empty for the data as a whole.
    pub field: String,
    /// What is wrong with it.
    pub problem: Problem,
    /// What would be right, in words: `a whole number from 1 to 1000`.
    pub expected: String,
}

/// What can be wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It is not there.
    Missing,
    /// There is no such field.
    Surplus,
    /// It has a value that does not fit.
    Mistyped {
        /// The value, shortened.
        found: String,
    },
}

impl FieldProblem {
    pub(super) fn mistyped(field: &str, expected: String, found: String) -> Self {
        Self {
            field: field.to_owned(),
            problem: Problem::Mistyped { found },
            expected,
        }
    }
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field, expected, ..
        } = self;
        let field = if field.is_empty() { "the data" } else { field };
        match &self.problem {
            Problem::Missing => write!(f, "{field} is missing, give {expected}"),
            Problem::Surplus => write!(f, "{field} is no field here, {expected}"),
            Problem::Mistyped { found } => write!(f, "{field} must be {expected}, not {found}"),
        }
    }
}

/// Every problem that `data` has with a command's `schema`; none where it fits.
///
/// Fields that the schema does not name are surplus, except in a map.
pub fn check(schema: &Value, data: &Value) -> Vec<FieldProblem> {
    let mut check = Check {
        root: schema,
        problems: Vec::new(),
    };
    check.value("", schema, data);
    check.problems
}

/// The first problem that a value has as one of a command's fields; `None` where it fits, or there is no such field.
pub fn check_field(schema: &Value, field: &str, value: &Value) -> Option<FieldProblem> {
    let property = properties(schema)?.get(field)?;
    let mut check = Check {
        root: schema,
        problems: Vec::new(),
    };
    check.value(field, property, value);
    check.problems.into_iter().next()
}

struct Check<'a> {
    root: &'a Value,
    problems: Vec<FieldProblem>,
}

impl Check<'_> {
    fn value(&mut self, field: &str, schema: &Value, found: &Value) {
        if found.is_null() && takes_null(schema) {
            return;
        }
        let schema = resolve(self.root, schema);
        if !self.fits(schema, found) {
            self.problems.push(FieldProblem::mistyped(
                field,
                expected(self.root, schema),
                shown(found),
            ));
            return;
        }
        match found {
            Value::Object(fields) => self.object(field, schema, fields),
            Value::Array(items) => {
                if let Some(item) = schema.get("items") {
                    for (at, found) in items.iter().enumerate() {
                        self.value(&format!("{field}[{at}]"), item, found);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a value is of the right kind, size and choice, its fields and items aside.
    fn fits(&self, schema: &Value, found: &Value) -> bool {
        if let Some(choices) = choices(schema) {
            return choices.contains(&found);
        }
        if let Some(all) = alternatives(schema) {
            return all.into_iter().any(|one| {
                let mut check = Check {
                    root: self.root,
                    problems: Vec::new(),
                };
                check.value("", one, found);
                check.problems.is_empty()
            });
        }
        let kinds = kinds(schema);
        (kinds.is_empty() || kinds.into_iter().any(|kind| is_of(kind, found)))
            && within(schema, found)
    }

    fn object(&mut self, path: &str, schema: &Value, found: &Map<String, Value>) {
        let Some(properties) = properties(schema) else {
            // A map: the values are all of one kind.
            if let Some(values) = schema.get("additionalProperties").filter(|s| s.is_object()) {
                for (name, value) in found {
                    self.value(&join(path, &escaped(name)), values, value);
                }
            }
            return;
        };
        for (name, property) in properties {
            match found.get(name) {
                Some(value) => self.value(&join(path, name), property, value),
                None if is_optional(schema, name) => {}
                None => self.problems.push(FieldProblem {
                    field: join(path, name),
                    problem: Problem::Missing,
                    expected: expected(self.root, resolve(self.root, property)),
                }),
            }
        }
        let open = schema
            .get("additionalProperties")
            .is_some_and(|more| *more != Value::Bool(false));
        for name in found.keys().filter(|_| !open) {
            if !properties.contains_key(name) {
                self.problems.push(FieldProblem {
                    field: join(path, &escaped(name)),
                    problem: Problem::Surplus,
                    expected: instead(name, properties),
                });
            }
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn instead(name: &str, properties: &Map<String, Value>) -> String {
    match near(name, properties.keys().map(String::as_str)).as_slice() {
        [closest, ..] => format!("did you mean {closest}?"),
        [] if properties.is_empty() => "there are none".to_owned(),
        [] => format!("there are {}", names(properties)),
    }
}

fn names(properties: &Map<String, Value>) -> String {
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    names.join(", ")
}

fn is_of(kind: &str, found: &Value) -> bool {
    match kind {
        "null" => found.is_null(),
        "boolean" => found.is_boolean(),
        "integer" => found.is_i64() || found.is_u64(),
        "number" => found.is_number(),
        "string" => found.is_string(),
        "array" => found.is_array(),
        "object" => found.is_object(),
        _ => true,
    }
}

/// The least and the greatest value: as said, else what the Rust type holds.
fn bounds(schema: &Value) -> (Option<f64>, Option<f64>) {
    let held = match schema.get("format").and_then(Value::as_str) {
        Some("int8") => (Some(-128.0), Some(127.0)),
        Some("int16") => (Some(-32_768.0), Some(32_767.0)),
        Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        Some("uint8") => (Some(0.0), Some(255.0)),
        Some("uint16") => (Some(0.0), Some(65_535.0)),
        Some("uint32") => (Some(0.0), Some(f64::from(u32::MAX))),
        _ => (None, None),
    };
    let said = |key| schema.get(key).and_then(Value::as_f64);
    (said("minimum").or(held.0), said("maximum").or(held.1))
}

fn within(schema: &Value, found: &Value) -> bool {
    let size = match found {
        Value::Number(number) => {
            let (least, most) = bounds(schema);
            let number = number.as_f64().unwrap_or_default();
            return least.is_none_or(|least| number >= least)
                && most.is_none_or(|most| number <= most);
        }
        Value::String(text) => (text.chars().count(), "minLength", "maxLength"),
        Value::Array(items) => (items.len(), "minItems", "maxItems"),
        _ => return true,
    };
    let (size, least, most) = size;
    let limit = |key| schema.get(key).and_then(Value::as_u64);
    limit(least).is_none_or(|least| size as u64 >= least)
        && limit(most).is_none_or(|most| size as u64 <= most)
}

/// What a schema wants, in words.
pub(super) fn expected(root: &Value, schema: &Value) -> String {
    if let Some(choices) = choices(schema) {
        let all: Vec<String> = choices.into_iter().map(Value::to_string).collect();
        return format!("one of {}", all.join(", "));
    }
    if let Some(all) = alternatives(schema) {
        let all: Vec<String> = all
            .into_iter()
            .map(|one| expected(root, resolve(root, one)))
            .collect();
        return all.join(", or ");
    }
    match kind(schema) {
        Some("string") => sized(schema, "text", "character", "minLength", "maxLength"),
        Some("integer") => ranged(schema, "a whole number"),
        Some("number") => ranged(schema, "a number"),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => {
            let list = sized(schema, "a list", "item", "minItems", "maxItems");
            match schema.get("items").map(|item| resolve(root, item)) {
                Some(item) if properties(item).is_some() => {
                    format!("{list}, each {}", expected(root, item))
                }
                _ => list,
            }
        }
        Some("object") => match properties(schema) {
            Some(fields) if !fields.is_empty() => format!("an object with {}", names(fields)),
            _ => "an object".to_owned(),
        },
        _ => "a value".to_owned(),
    }
}

fn ranged(schema: &Value, what: &str) -> String {
    match bounds(schema) {
        (Some(least), Some(most)) => format!("{what} from {least} to {most}"),
        (Some(least), None) => format!("{what} of at least {least}"),
        (None, Some(most)) => format!("{what} of at most {most}"),
        (None, None) => what.to_owned(),
    }
}

fn sized(schema: &Value, what: &str, unit: &str, least: &str, most: &str) -> String {
    let limit = |key| schema.get(key).and_then(Value::as_u64);
    let units = |n: u64| {
        if n == 1 {
            unit.to_owned()
        } else {
            format!("{unit}s")
        }
    };
    match (limit(least), limit(most)) {
        (Some(least), Some(most)) => format!("{what} of {least} to {most} {}", units(most)),
        (Some(least), None) => format!("{what} of at least {least} {}", units(least)),
        (None, Some(most)) => format!("{what} of at most {most} {}", units(most)),
        (None, None) => what.to_owned(),
    }
}

/// A value as an error shows it: short, and without characters that disguise it.
pub(super) fn shown(found: &Value) -> String {
    match found {
        Value::String(text) => format!("the text \"{}\"", escaped(text)),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let mut short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "order": {"type": "string", "minLength": 1},
                "quantity": {"type": "integer", "format": "uint32", "minimum": 1},
                "note": {"type": ["string", "null"]},
                "speed": {"anyOf": [{"$ref": "#/$defs/Speed"}, {"type": "null"}]},
                "lines": {"type": "array", "minItems": 1, "items": {
                    "type": "object",
                    "properties": {"product": {"type": "string"}, "price": {"type": "number"}},
                    "required": ["product", "price"]
                }},
                "tags": {"type": "object", "additionalProperties": {"type": "string"}}
            },
            "required": ["order", "quantity", "lines"],
            "$defs": {"Speed": {"oneOf": [{"const": "slow"}, {"const": "fast"}]}}
        })
    }

    fn problems(data: Value) -> Vec<String> {
        check(&schema(), &data)
            .iter()
            .map(FieldProblem::to_string)
            .collect()
    }

    #[test]
    fn data_that_fits_has_no_problem() {
        let line = json!({"product": "mug", "price": 4.5});
        assert!(problems(json!({"order": "1", "quantity": 2, "lines": [line]})).is_empty());
        assert!(
            problems(json!({
                "order": "1", "quantity": 2, "lines": [line], "note": null, "speed": "fast", "tags": {"a": "b"}
            }))
            .is_empty()
        );
    }

    #[test]
    fn every_problem_is_named_at_once_with_what_was_expected_and_found() {
        assert_eq!(
            problems(json!({
                "order": 7, "quantiy": 1, "speed": "warp", "tags": {"a": 1},
                "lines": [{"product": "mug", "price": "x", "colour": "red"}, 3]
            })),
            [
                "order must be text of at least 1 character, not 7",
                "quantity is missing, give a whole number from 1 to 4294967295",
                "speed must be one of \"slow\", \"fast\", not the text \"warp\"",
                "lines[0].price must be a number, not the text \"x\"",
                "lines[0].colour is no field here, there are product, price",
                "lines[1] must be an object with product, price, not 3",
                "tags.a must be text, not 1",
                "quantiy is no field here, did you mean quantity?",
            ]
        );
    }

    #[test]
    fn sizes_and_ranges_are_kept() {
        assert_eq!(
            problems(json!({"order": "", "quantity": 0, "lines": []})),
            [
                "order must be text of at least 1 character, not the text \"\"",
                "quantity must be a whole number from 1 to 4294967295, not 0",
                "lines must be a list of at least 1 item, each an object with product, price, not an empty list",
            ]
        );
        let too_much = json!({"order": "1", "quantity": 4_294_967_296_u64, "lines": [1.5]});
        assert_eq!(problems(too_much).len(), 2);
    }

    #[test]
    fn data_that_is_no_object_is_one_problem() {
        assert_eq!(problems(json!([1])).len(), 1);
        assert!(problems(json!("x"))[0].starts_with("the data must be an object with order"));
    }

    #[test]
    fn an_error_shows_no_character_that_disguises_it() {
        let words = problems(
            json!({"order": "1", "quantity": "\u{1b}[2J\u{202e}", "lines": [], "\u{202e}x": 1}),
        );
        assert!(
            words
                .concat()
                .chars()
                .all(|c| !crate::event::is_disguise(c)),
            "{words:?}"
        );
    }
}
