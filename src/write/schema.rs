//! From a command enum's JSON Schema to one [`CommandInfo`] a variant, and the few questions the rest
//! asks of a schema.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::write::{Aggregate, CommandInfo};

/// Every command of an aggregate, in the order of its enum. Errors, in words: another form of enum.
pub(super) fn infos<A: Aggregate>() -> Result<Vec<CommandInfo>, String> {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let root = settings
        .into_generator()
        .into_root_schema_for::<A::Command>()
        .to_value();
    let variants = match root.get("oneOf") {
        Some(Value::Array(variants)) => variants.clone(),
        _ => vec![root.clone()],
    };
    let mut infos = Vec::new();
    for variant in &variants {
        for (name, mut fields) in commands(variant)? {
            let description = text(variant, "description")
                .or_else(|| text(&fields, "description"))
                .unwrap_or_default();
            if let Value::Object(fields) = &mut fields {
                fields.shift_remove("description");
                // What is left of `$ref` after inlining (types that contain themselves) looks here.
                if let Some(defs) = root.get("$defs") {
                    fields.insert("$defs".to_owned(), defs.clone());
                }
            }
            infos.push(CommandInfo {
                name,
                description: one_line(&description),
                category: A::CATEGORY.to_owned(),
                schema: fields,
            });
        }
    }
    Ok(infos)
}

/// The commands of one alternative: one with fields, or several bare names.
fn commands(variant: &Value) -> Result<Vec<(String, Value)>, String> {
    let bare = || json!({"type": "object", "properties": {}, "additionalProperties": false});
    if let Some(names) = choices(variant) {
        let names = names.into_iter().filter_map(Value::as_str);
        return Ok(names.map(|name| (name.to_owned(), bare())).collect());
    }
    match properties(variant).map(|p| p.iter().collect::<Vec<_>>()) {
        Some(one) if one.len() == 1 && is_kind(one[0].1, "object") => {
            Ok(vec![(one[0].0.clone(), one[0].1.clone())])
        }
        _ => Err(format!(
            "commands must be an enum in serde's own form whose variants have named fields, not {variant}"
        )),
    }
}

fn text(schema: &Value, key: &str) -> Option<String> {
    schema.get(key)?.as_str().map(str::to_owned)
}

/// A doc comment's first paragraph, without its line breaks.
fn one_line(description: &str) -> String {
    let first = description.split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Follows a `$ref` into the root's `$defs`, and steps over 'or null' to what is meant.
pub(super) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    // Types nest, they do not go round: a chain of references alone is short.
    for _ in 0..8 {
        let target = schema.get("$ref").and_then(Value::as_str);
        let referred = target
            .and_then(|target| target.strip_prefix("#/"))
            .and_then(|path| path.split('/').try_fold(root, |at, key| at.get(key)));
        let option = alternatives(schema).and_then(|all| match all.as_slice() {
            [one, null] | [null, one] if is_null(null) => Some(*one),
            _ => None,
        });
        match referred.or(option) {
            Some(inner) => schema = inner,
            None => break,
        }
    }
    schema
}

/// The alternatives of `anyOf` or `oneOf`.
pub(super) fn alternatives(schema: &Value) -> Option<Vec<&Value>> {
    let all = schema.get("anyOf").or_else(|| schema.get("oneOf"))?;
    Some(all.as_array()?.iter().collect())
}

/// The values of `const`, `enum`, or of a `oneOf` of these.
pub(super) fn choices(schema: &Value) -> Option<Vec<&Value>> {
    if let Some(one) = schema.get("const") {
        return Some(vec![one]);
    }
    if let Some(Value::Array(all)) = schema.get("enum") {
        return Some(all.iter().collect());
    }
    let nested: Option<Vec<_>> = alternatives(schema)?.into_iter().map(choices).collect();
    nested.map(|all| all.into_iter().flatten().collect())
}

/// An object's fields, in the order of the Rust type.
pub(super) fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

/// The names of `type`; none where anything goes.
pub(super) fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The one `type` that is not null.
pub(super) fn kind(schema: &Value) -> Option<&str> {
    kinds(schema).into_iter().find(|kind| *kind != "null")
}

fn is_kind(schema: &Value, kind: &str) -> bool {
    kinds(schema).contains(&kind)
}

/// Whether only null fits.
fn is_null(schema: &Value) -> bool {
    kinds(schema) == ["null"]
}

/// Whether a field may be left out or null.
pub(super) fn is_optional(object: &Value, field: &str) -> bool {
    let required = object.get("required").and_then(Value::as_array);
    !required.is_some_and(|all| all.iter().any(|name| name == field))
}

/// Whether null fits, whatever else does.
pub(super) fn takes_null(schema: &Value) -> bool {
    is_kind(schema, "null")
        || alternatives(schema).is_some_and(|all| all.into_iter().any(takes_null))
}
