//! `field=value` words, as they are typed after a command's name, into data by the command's schema.

use serde_json::{Map, Value};

use crate::write::CommandInfo;
use crate::write::fields::{FieldProblem, check};
use crate::write::schema::{is_optional, kind, properties, resolve};

/// Reads `field=value` words into a command's data.
///
/// A value is read as its field's type says: numbers and `true`/`false` as such, text as it stands, lists
/// and objects as JSON. A list may also be written short: its items with commas between them, and an item
/// with several fields as their values in order, with colons: `lines=mug:2:1250,teapot:1:3900`.
///
/// Errors: every problem that [`check`] finds, and words that are not of this form or say a field twice.
pub fn from_words<W: AsRef<str>>(
    info: &CommandInfo,
    words: &[W],
) -> Result<Value, Vec<FieldProblem>> {
    let schema = &info.schema;
    let mut data = Map::new();
    let mut problems = Vec::new();
    for word in words {
        let word = word.as_ref();
        let Some((field, text)) = word.split_once('=') else {
            let wanted = "field=value".to_owned();
            problems.push(FieldProblem::mistyped(
                "each word",
                wanted,
                format!("{word:?}"),
            ));
            continue;
        };
        let value = match properties(schema).and_then(|all| all.get(field)) {
            Some(property) => read(schema, property, text),
            None => Value::from(text),
        };
        if data.insert(field.to_owned(), value).is_some() {
            let once = "given once".to_owned();
            problems.push(FieldProblem::mistyped(field, once, "twice".to_owned()));
        }
    }
    let data = Value::Object(data);
    problems.extend(check(schema, &data));
    if problems.is_empty() {
        Ok(data)
    } else {
        Err(problems)
    }
}

/// What one field's text is read as, in the ways of [`from_words`] but unchecked; `None` where the command has
/// no such field.
pub fn from_word(info: &CommandInfo, field: &str, text: &str) -> Option<Value> {
    let property = properties(&info.schema)?.get(field)?;
    Some(read(&info.schema, property, text))
}

/// A text as the value that the schema wants. One that cannot be read so stays text, and the check says
/// what was expected instead.
fn read(root: &Value, schema: &Value, text: &str) -> Value {
    let schema = resolve(root, schema);
    let parsed = match kind(schema) {
        Some("integer") => integer(text),
        Some("number") => integer(text).or_else(|| text.parse::<f64>().ok().map(Value::from)),
        Some("boolean") => text.parse::<bool>().ok().map(Value::from),
        Some("array") if !text.starts_with('[') => short_list(root, schema, text),
        Some("array" | "object") => serde_json::from_str(text).ok(),
        Some("string") => None,
        // Anything goes: an alternative of several kinds, or no type at all.
        _ => serde_json::from_str(text).ok(),
    };
    parsed.unwrap_or_else(|| Value::from(text))
}

fn integer(text: &str) -> Option<Value> {
    let signed = text.parse::<i64>().ok().map(Value::from);
    signed.or_else(|| text.parse::<u64>().ok().map(Value::from))
}

fn short_list(root: &Value, schema: &Value, text: &str) -> Option<Value> {
    let item = resolve(root, schema.get("items")?);
    let items = text.split(',').filter(|_| !text.is_empty());
    let Some(fields) = properties(item) else {
        return Some(items.map(|text| read(root, item, text)).collect());
    };
    let one = |text: &str| -> Value {
        let parts = text.splitn(fields.len(), ':');
        let values = fields.iter().zip(parts);
        values
            .map(|((name, field), part)| (name.clone(), read(root, field, part)))
            .collect::<Map<_, _>>()
            .into()
    };
    Some(items.map(one).collect())
}

/// How a command is typed: `PlaceOrder order=… customer=… lines=product:quantity:unit_price_cents,…`; a field
/// that may be left out stands in brackets.
pub fn usage(info: &CommandInfo) -> String {
    let mut words = vec![info.name.clone()];
    for (name, field) in properties(&info.schema).into_iter().flatten() {
        let field = resolve(&info.schema, field);
        let item = field.get("items").map(|item| resolve(&info.schema, item));
        let value = match (kind(field), item.and_then(properties)) {
            (Some("array"), Some(parts)) => {
                let parts: Vec<&str> = parts.keys().map(String::as_str).collect();
                format!("{},…", parts.join(":"))
            }
            (Some("array"), None) => "…,…".to_owned(),
            (Some("object"), _) => "{…}".to_owned(),
            _ => "…".to_owned(),
        };
        words.push(if is_optional(&info.schema, name) {
            format!("[{name}={value}]")
        } else {
            format!("{name}={value}")
        });
    }
    words.join(" ")
}
