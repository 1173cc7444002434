//! A form made from a command's JSON Schema: fields with types, checks and what is filled in already.

use std::fmt;

use serde_json::{Map, Value};

use super::editor::Editor;
use crate::workspace::{CommandInfo, Consistency, ConsistencyError, Keys, check_field, from_word};

/// What stands for one answer at each consistency.
pub const EACH: &str = "each";

/// The form of one command, as far as it is filled in.
#[derive(Debug, Clone)]
pub struct Form {
    /// The command.
    pub command: CommandInfo,
    /// Its fields, in the schema's order.
    pub fields: Vec<Field>,
    /// The field that is being filled in.
    pub focus: usize,
    /// Whether an answer is awaited.
    pub sending: bool,
    /// The last answer, where it was not 'accepted'.
    pub answer: Option<Answer>,
}

/// Why a command was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What became of it.
    pub outcome: Refusal,
    /// Why.
    pub reason: String,
}

/// What became of a command that was not accepted, or of a question that could not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The handler said no.
    Rejected,
    /// Others wrote to its stream meanwhile.
    InConflict,
    /// It did not get that far.
    NotSent,
    /// The same, of a question.
    NotAsked,
    /// What was typed is not wrong, but not all.
    Needed,
}

/// In words, before the reason.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rejected => "rejected",
            Self::InConflict => "in conflict",
            Self::NotSent => "not sent",
            Self::NotAsked => "not asked",
            Self::Needed => "still needed",
        })
    }
}

/// One field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: Kind,
    /// Whether it has to be filled in.
    pub required: bool,
    /// Whether the schema says what it is where nobody fills it in.
    pub has_default: bool,
    /// What it means, in the schema's words; may be empty.
    pub description: String,
    /// An example that stands in the empty field; may be empty.
    pub placeholder: String,
    /// What is filled in.
    pub editor: Editor,
    /// Whether somebody was there: an empty field is no error before.
    pub touched: bool,
    /// What it could be: the values of a choice, or keys that there are.
    pub options: Vec<String>,
    /// While somebody goes through them: what was typed before, and the place among those that fit.
    pub going: Option<(String, usize)>,
}

/// What a field takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Any text, of at least and at most so many characters.
    Text {
        /// At least.
        min: Option<u64>,
        /// At most.
        max: Option<u64>,
    },
    /// A whole number, from and to.
    Integer {
        /// From.
        min: Option<f64>,
        /// To.
        max: Option<f64>,
    },
    /// Any number, from and to.
    Number {
        /// From.
        min: Option<f64>,
        /// To.
        max: Option<f64>,
    },
    /// `true` or `false`.
    Boolean,
    /// One of these.
    Choice(Vec<String>),
    /// A list, as JSON.
    List,
    /// An object, as JSON.
    Object,
    /// Any JSON.
    Any,
    /// How fresh an answer has to be: a consistency, or [`EACH`].
    Freshness,
}

impl Kind {
    /// What it takes, in words.
    pub fn words(&self) -> String {
        match self {
            Self::Text { .. } => "text".to_owned(),
            Self::Integer { .. } => "whole number".to_owned(),
            Self::Number { .. } => "number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Choice(all) => all.join(" | "),
            Self::List => "list, as JSON".to_owned(),
            Self::Object => "object, as JSON".to_owned(),
            Self::Any => "JSON".to_owned(),
            Self::Freshness => "level".to_owned(),
        }
    }
}

impl Form {
    /// An empty form: defaults and examples filled in.
    pub fn new(command: &CommandInfo) -> Self {
        let schema = &command.schema;
        let required: Vec<&str> = schema["required"]
            .as_array()
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let none = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        let fields = properties
            .iter()
            .map(|(name, field)| Field::new(name, field, schema, required.contains(&name.as_str())))
            .collect();
        Self {
            command: command.clone(),
            fields,
            focus: 0,
            sending: false,
            answer: None,
        }
    }

    /// Says why what was typed in a line could not be sent: what of it is wrong, and which fields are missing. What was
    /// not typed stays an example, and what may be left empty is empty.
    pub fn refuse(&mut self, wrong: &[String], missing: &[String]) {
        let mut is_shown = false;
        for field in self.fields.iter_mut().filter(|field| !field.touched) {
            if field.editor.is_suggestion() && !field.required && !field.has_default {
                field.editor.set("");
            }
            // A list has a sketch of what it would be.
            let has_something = !field.editor.text().is_empty();
            is_shown |= field.required && !field.has_default && has_something;
        }
        let (outcome, mut reason) = match (wrong, missing) {
            // Nobody was at these fields: they are no error.
            ([], missing) => (Refusal::Needed, missing.join(", ")),
            (wrong, []) => (Refusal::NotSent, wrong.join("; ")),
            (wrong, missing) => {
                let (wrong, missing) = (wrong.join("; "), missing.join(", "));
                let reason = format!("{wrong}; {}: {missing}", Refusal::Needed);
                (Refusal::NotSent, reason)
            }
        };
        if is_shown {
            reason.push_str(". An example stands in its place: Enter sends what stands here");
        }
        if let Some(field) = self.focused().filter(|_| !wrong.is_empty()) {
            field.touched = true;
        }
        self.answer = Some(Answer { outcome, reason });
    }

    /// Takes in which keys there are.
    pub fn know(&mut self, keys: &Keys) {
        for field in &mut self.fields {
            field.options = options(&self.command.schema, &field.name, keys);
        }
    }

    /// The field that is being filled in.
    pub fn focused(&mut self) -> Option<&mut Field> {
        self.fields.get_mut(self.focus)
    }

    /// Everything as one JSON object, or the place of the first field that is wrong.
    pub fn data(&self) -> Result<Value, usize> {
        let mut data = Map::new();
        for (at, field) in self.fields.iter().enumerate() {
            match self.value(field) {
                Ok(Some(value)) => {
                    data.insert(field.name.clone(), value);
                }
                Ok(None) => {}
                Err(_) => return Err(at),
            }
        }
        Ok(Value::Object(data))
    }

    /// What a field has, as JSON; `None` where an optional one is empty. A list may be written short, as on the command
    /// line. Errors, in words: it is required, or not what it takes.
    pub fn value(&self, field: &Field) -> Result<Option<Value>, String> {
        let text = in_full(&self.command, field, field.editor.text());
        let value = field.read(&text)?;
        let problem = value
            .as_ref()
            .and_then(|value| check_field(&self.command.schema, &field.name, value));
        problem.map_or(Ok(value), |problem| Err(problem.to_string()))
    }

    /// Fills in `key=value` words. Errors: a word without `=`, a field the command does not have, or one that was
    /// filled in already.
    pub fn fill(&mut self, words: &[String]) -> Result<(), String> {
        for word in words {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| format!("{word:?} is not field=value"))?;
            let names = || {
                let all: Vec<&str> = self.fields.iter().map(|f| f.name.as_str()).collect();
                all.join(", ")
            };
            let names = names();
            match self.fields.iter_mut().find(|f| f.name == key) {
                // As the command line of the shell says it.
                Some(field) if field.touched => {
                    return Err(format!("{key} must be given once, not twice"));
                }
                Some(field) => {
                    let text = in_full(&self.command, field, value);
                    field.editor.set(&text);
                    field.touched = true;
                }
                None => {
                    let command = &self.command.name;
                    return Err(format!(
                        "{command} has no field {key:?}; its fields: {names}"
                    ));
                }
            }
        }
        Ok(())
    }
}

/// What a field could be: the values of a choice, or the keys there are of the category that it is named after. The
/// category can be said by `x-category` in the field's schema, too. With `x-new` it is the key of something that the
/// command makes: none that there is can be right.
pub fn options(schema: &Value, field: &str, keys: &Keys) -> Vec<String> {
    let property = resolve(&schema["properties"][field], schema);
    match kind(&property) {
        Kind::Choice(all) => all,
        Kind::Boolean => vec!["true".to_owned(), "false".to_owned()],
        Kind::Text { .. } | Kind::Integer { .. } if property["x-new"] != true => {
            keys_of(&property, field, keys).to_vec()
        }
        _ => Vec::new(),
    }
}

/// The keys there are of a field's category.
fn keys_of<'a>(property: &Value, field: &str, keys: &'a Keys) -> &'a [String] {
    let named = field.strip_suffix("_id").unwrap_or(field);
    let category = property["x-category"].as_str().unwrap_or(named);
    keys.get(category).map_or(&[], Vec::as_slice)
}

/// A field's example, or its default, in the schema's words; none where it is the key of something new that is there
/// already.
pub fn example(schema: &Value, field: &str, keys: &Keys) -> Option<String> {
    let property = schema["properties"].get(field)?;
    let resolved = resolve(property, schema);
    let example = written(given(property, &resolved)?);
    let is_taken = resolved["x-new"] == true && keys_of(&resolved, field, keys).contains(&example);
    (!is_taken).then_some(example)
}

/// `field=value` for each field that has a default and is not among the words: what has one need not be typed.
pub fn defaults(schema: &Value, words: &[String]) -> Vec<String> {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let missing = fields.filter(|(name, _)| {
        let lead = format!("{name}=");
        !words.iter().any(|word| word.starts_with(&lead))
    });
    missing
        .filter_map(|(name, property)| {
            let resolved = resolve(property, schema);
            default(property, &resolved).map(|value| format!("{name}={}", written(value)))
        })
        .collect()
}

fn default<'a>(schema: &'a Value, resolved: &'a Value) -> Option<&'a Value> {
    let default = schema.get("default").or_else(|| resolved.get("default"));
    default.filter(|value| !value.is_null())
}

/// What the schema says that a field could be: its default, or the first of its examples.
fn given<'a>(schema: &'a Value, resolved: &'a Value) -> Option<&'a Value> {
    let given = [
        schema.get("default"),
        schema.get("examples").and_then(|e| e.get(0)),
        resolved.get("default"),
        resolved.get("examples").and_then(|e| e.get(0)),
    ];
    given.into_iter().flatten().find(|value| !value.is_null())
}

/// A list that is written short, as `mug:2:1250`, in full; everything else as it is.
fn in_full(command: &CommandInfo, field: &Field, text: &str) -> String {
    let short = matches!(field.kind, Kind::List) && !text.trim_start().starts_with(['[', '{']);
    let list = short
        .then(|| from_word(command, &field.name, text))
        .flatten();
    list.filter(Value::is_array)
        .map_or_else(|| text.to_owned(), |list| list.to_string())
}

impl Field {
    fn new(name: &str, schema: &Value, root: &Value, required: bool) -> Self {
        let resolved = resolve(schema, root);
        let kind = kind(&resolved);
        let given = given(schema, &resolved);
        // Nobody likes to type JSON: what it looks like stands there to be changed.
        let sketch = match kind {
            Kind::List | Kind::Object => sketch(&resolved, root, 0).to_string(),
            _ => String::new(),
        };
        let (filled, placeholder) = if required {
            (sketch, String::new())
        } else {
            (String::new(), sketch)
        };
        let description = ["description", "title"]
            .iter()
            .find_map(|key| schema[*key].as_str().or_else(|| resolved[*key].as_str()));
        Self {
            name: name.to_owned(),
            kind,
            required,
            has_default: default(schema, &resolved).is_some(),
            description: description
                .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
                .unwrap_or_default(),
            placeholder,
            editor: match given {
                Some(given) => Editor::suggesting(written(given)),
                None => Editor::new(filled),
            },
            touched: false,
            options: Vec::new(),
            going: None,
        }
    }

    /// What it could be, as far as what was typed fits, the first first.
    pub fn fitting(&self) -> impl Iterator<Item = &str> {
        let typed = match &self.going {
            Some((typed, _)) => typed.as_str(),
            None if self.editor.is_suggestion() => "",
            None => self.editor.text(),
        };
        let all = self.options.iter().map(String::as_str);
        all.filter(move |option| option.starts_with(typed))
    }

    /// Fills in the next of what it could be, or the one before; what was typed comes after the last.
    pub fn go_on(&mut self, back: bool) {
        let typed = match &self.going {
            Some((typed, _)) => typed.clone(),
            None if self.editor.is_suggestion() => String::new(),
            None => self.editor.text().to_owned(),
        };
        let fitting: Vec<String> = self.fitting().map(str::to_owned).collect();
        if fitting.is_empty() {
            return;
        }
        let count = fitting.len();
        let at = match (&self.going, back) {
            (None, false) => 0,
            (None, true) => count - 1,
            (Some((_, at)), false) => (at + 1) % count,
            (Some((_, at)), true) => (at + count - 1) % count,
        };
        self.editor.set(&fitting[at]);
        self.going = Some((typed, at));
        self.touched = true;
    }

    /// A text as JSON; `None` where an optional field is empty. Errors, in words: it is required, or not
    /// what the field takes.
    fn read(&self, text: &str) -> Result<Option<Value>, String> {
        if text.is_empty() {
            return if self.required {
                Err("required".to_owned())
            } else {
                Ok(None)
            };
        }
        match &self.kind {
            Kind::Text { min, max } => {
                let length = text.chars().count() as u64;
                match (min, max) {
                    (Some(min), _) if length < *min => {
                        Err(format!("at least {min} characters, this has {length}"))
                    }
                    (_, Some(max)) if length > *max => {
                        Err(format!("at most {max} characters, this has {length}"))
                    }
                    _ => Ok(Some(Value::from(text))),
                }
            }
            Kind::Integer { min, max } => integer(text, *min, *max).map(Some),
            Kind::Number { min, max } => number(text, *min, *max).map(Some),
            Kind::Boolean => match text.trim() {
                "true" | "yes" => Ok(Some(Value::Bool(true))),
                "false" | "no" => Ok(Some(Value::Bool(false))),
                _ => Err("write true or false".to_owned()),
            },
            Kind::Choice(all) if all.iter().any(|c| c == text) => Ok(Some(Value::from(text))),
            Kind::Choice(all) => Err(format!("write one of {}", all.join(", "))),
            Kind::List => json(text, "a list, as [ … ]", Value::is_array).map(Some),
            Kind::Object => json(text, "an object, as { … }", Value::is_object).map(Some),
            Kind::Any => json(text, "JSON", |_| true).map(Some),
            Kind::Freshness if text != EACH => {
                let level: Result<Consistency, _> = text.trim().parse();
                level.map_err(|e: ConsistencyError| e.to_string())?;
                Ok(Some(Value::from(text)))
            }
            Kind::Freshness => Ok(Some(Value::from(text))),
        }
    }
}

fn integer(text: &str, min: Option<f64>, max: Option<f64>) -> Result<Value, String> {
    let trimmed = text.trim();
    let value = trimmed
        .parse::<i64>()
        .map(Value::from)
        .or_else(|_| trimmed.parse::<u64>().map(Value::from))
        .map_err(|_| "write a whole number".to_owned())?;
    bounds(value, min, max)
}

fn number(text: &str, min: Option<f64>, max: Option<f64>) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text.trim())
        .ok()
        .filter(Value::is_number)
        .ok_or_else(|| "write a number".to_owned())?;
    bounds(value, min, max)
}

fn bounds(value: Value, min: Option<f64>, max: Option<f64>) -> Result<Value, String> {
    let number = value.as_f64().unwrap_or_default();
    match (min, max) {
        (Some(min), _) if number < min => Err(format!("at least {min}")),
        (_, Some(max)) if number > max => Err(format!("at most {max}")),
        _ => Ok(value),
    }
}

fn json(text: &str, what: &str, fits: fn(&Value) -> bool) -> Result<Value, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) if fits(&value) => Ok(value),
        Ok(_) => Err(format!("write {what}")),
        Err(e) => Err(format!("write {what}: {e}")),
    }
}

/// A text as it is, everything else as JSON.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The schema behind references and 'this or null'.
fn resolve(schema: &Value, root: &Value) -> Value {
    let mut found = schema.clone();
    for _ in 0..8 {
        if let Some(path) = found["$ref"].as_str().and_then(|r| r.strip_prefix('#')) {
            found = root.pointer(path).cloned().unwrap_or_default();
            continue;
        }
        let not_null = found["anyOf"].as_array().and_then(|any| {
            let mut rest = any.iter().filter(|s| s["type"] != "null");
            rest.next().filter(|_| rest.next().is_none()).cloned()
        });
        match not_null {
            Some(schema) => found = schema,
            None => break,
        }
    }
    found
}

fn kind(schema: &Value) -> Kind {
    if let Some(choice) = choice(schema) {
        return Kind::Choice(choice);
    }
    let named = schema["type"].as_str().or_else(|| {
        let any = schema["type"].as_array()?;
        any.iter().filter_map(Value::as_str).find(|t| *t != "null")
    });
    let bound = |inclusive: &str, exclusive: &str| {
        schema[inclusive]
            .as_f64()
            .or_else(|| schema[exclusive].as_f64())
    };
    let (min, max) = (
        bound("minimum", "exclusiveMinimum"),
        bound("maximum", "exclusiveMaximum"),
    );
    match named {
        Some("string") => Kind::Text {
            min: schema["minLength"].as_u64(),
            max: schema["maxLength"].as_u64(),
        },
        Some("integer") => Kind::Integer { min, max },
        Some("number") => Kind::Number { min, max },
        Some("boolean") => Kind::Boolean,
        Some("array") => Kind::List,
        Some("object") => Kind::Object,
        _ => Kind::Any,
    }
}

/// The texts that an enumeration allows: `enum`, or `oneOf` of constants.
fn choice(schema: &Value) -> Option<Vec<String>> {
    let texts = |values: Vec<&Value>| -> Option<Vec<String>> {
        values
            .into_iter()
            .filter(|v| !v.is_null())
            .map(|v| v.as_str().map(str::to_owned))
            .collect()
    };
    let all = match (schema["enum"].as_array(), schema["oneOf"].as_array()) {
        (Some(values), _) => texts(values.iter().collect()),
        (_, Some(any)) => texts(any.iter().map(|s| &s["const"]).collect()),
        _ => None,
    };
    all.filter(|names| !names.is_empty())
}

/// What a value of this schema looks like.
fn sketch(schema: &Value, root: &Value, depth: usize) -> Value {
    let schema = resolve(schema, root);
    if let Some(example) = schema.get("examples").and_then(|e| e.get(0)) {
        return example.clone();
    }
    match kind(&schema) {
        Kind::Integer { .. } | Kind::Number { .. } => Value::from(1),
        Kind::Boolean => Value::Bool(true),
        Kind::Choice(all) => all.into_iter().next().map(Value::from).unwrap_or_default(),
        Kind::List if depth < 4 => Value::Array(vec![sketch(&schema["items"], root, depth + 1)]),
        Kind::Object if depth < 4 => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let made = fields.map(|(name, s)| (name.clone(), sketch(s, root, depth + 1)));
            Value::Object(made.collect())
        }
        _ => Value::from("…"),
    }
}

#[cfg(test)]
mod tests;
