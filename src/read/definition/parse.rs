//! Reads a projection's file, line by line: directives first, then sections.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::markers::{is_word, parse_query, parse_replicas, parse_types, split};
use super::{Definition, DefinitionError, FILE_LIMIT, Handler, Key, Query, Replica, Section};
use crate::read::parked::OnError;
use crate::read::policy::{Policy, parse_duration};
use crate::read::subscription::Subscription;

/// The directives that a file may have before `-- schema`.
const DIRECTIVES: [&str; 8] = [
    "policy",
    "replicas",
    "objective",
    "key",
    "category",
    "replayable",
    "cutover",
    "on-error",
];

/// Reads a whole file.
pub(super) fn parse(name: &str, text: &str) -> Result<Definition, DefinitionError> {
    let (base, replica) = match name.split_once('@') {
        Some((base, replica)) => (base, Some(replica)),
        None => (name, None),
    };
    let mut parser = Parser {
        name: base,
        text,
        head: Head::default(),
        sections: Vec::new(),
    };
    parser.check_file()?;
    for (index, line) in text.lines().enumerate() {
        parser.line(index + 1, line)?;
    }
    let definition = parser.finish()?;
    match replica {
        Some(replica) => as_replica(definition, replica),
        None => Ok(definition),
    }
}

/// Whether a projection, or a replica behind its `@`, may be called so: 1 to 64 letters, digits, `_` and `-`.
pub fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}

/// The same definition as one of its replicas has it: with that one's name and policy.
fn as_replica(definition: Definition, replica: &str) -> Result<Definition, DefinitionError> {
    match definition
        .replicas
        .iter()
        .find(|known| known.name == replica)
    {
        Some(Replica { policy, .. }) => Ok(Definition {
            name: format!("{}@{replica}", definition.name),
            policy: *policy,
            ..definition
        }),
        None => {
            let message = format!("no replica {replica}: name it in `-- replicas:`");
            Err(DefinitionError::on(
                &definition.name,
                &definition.text,
                1,
                1,
                message,
            ))
        }
    }
}

#[derive(Default)]
struct Head {
    description: Vec<String>,
    policy: Option<Policy>,
    replicas: Vec<Replica>,
    objective: Option<Duration>,
    key: Option<Key>,
    category: Option<String>,
    replayable: bool,
    waits: bool,
    on_error: OnError,
    given: BTreeSet<String>,
}

enum Marker {
    Schema,
    On(Option<BTreeSet<String>>),
    Query(String, Vec<String>),
}

struct Parser<'a> {
    name: &'a str,
    text: &'a str,
    head: Head,
    sections: Vec<(Marker, Section)>,
}

impl Parser<'_> {
    fn wrong<T>(&self, line: usize, column: usize, message: String) -> Result<T, DefinitionError> {
        Err(DefinitionError::on(
            self.name, self.text, line, column, message,
        ))
    }

    fn check_file(&self) -> Result<(), DefinitionError> {
        if !is_name(self.name) {
            return self.wrong(
                1,
                1,
                "a projection's name is its file's name: 1 to 64 letters, digits, `_` and `-`"
                    .to_owned(),
            );
        }
        if self.text.len() > FILE_LIMIT {
            return self.wrong(
                1,
                1,
                format!("{} bytes: the limit is {FILE_LIMIT} bytes", self.text.len()),
            );
        }
        Ok(())
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), DefinitionError> {
        let comment = line.strip_prefix("--").map(str::trim);
        if let Some(comment) = comment
            && let Some(marker) = self.marker(number, comment)?
        {
            if let Marker::Schema = marker
                && self
                    .sections
                    .iter()
                    .any(|(m, _)| matches!(m, Marker::Schema))
            {
                return self.wrong(
                    number,
                    1,
                    "a second `-- schema`: put all tables under one".to_owned(),
                );
            }
            self.sections.push((
                marker,
                Section {
                    sql: String::new(),
                    line: number + 1,
                },
            ));
            return Ok(());
        }
        if let Some((_, section)) = self.sections.last_mut() {
            section.sql.push_str(line);
            section.sql.push('\n');
            return Ok(());
        }
        match comment {
            Some(comment) => self.head_comment(number, comment),
            None if line.trim().is_empty() => Ok(()),
            None => self.wrong(
                number,
                1,
                "SQL before `-- schema`: begin with `-- schema`".to_owned(),
            ),
        }
    }

    /// `-- schema`, `-- on …` and `-- query …` begin a section; every other comment is one.
    fn marker(&self, number: usize, comment: &str) -> Result<Option<Marker>, DefinitionError> {
        if comment == "schema" {
            return Ok(Some(Marker::Schema));
        }
        if self.sections.is_empty() {
            return Ok(None);
        }
        if let Some(types) = comment.strip_prefix("on ") {
            let types = parse_types(types).or_else(|message| self.wrong(number, 4, message))?;
            return Ok(Some(Marker::On(types)));
        }
        if let Some(query) = comment.strip_prefix("query ") {
            let (name, parameters) =
                parse_query(query).or_else(|message| self.wrong(number, 4, message))?;
            return Ok(Some(Marker::Query(name, parameters)));
        }
        Ok(None)
    }

    fn head_comment(&mut self, number: usize, comment: &str) -> Result<(), DefinitionError> {
        let directive = comment.split_once(':').filter(|(word, _)| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        });
        let Some((word, value)) = directive else {
            self.head.description.push(comment.to_owned());
            return Ok(());
        };
        // Two spaces end the value: what follows is a remark.
        let value = value
            .trim_start()
            .split("  ")
            .next()
            .unwrap_or_default()
            .trim();
        if !self.head.given.insert(word.to_owned()) {
            return self.wrong(number, 4, format!("`{word}` is given twice: keep one"));
        }
        self.directive(word, value)
            .or_else(|message| self.wrong(number, 4, message))
    }

    fn directive(&mut self, word: &str, value: &str) -> Result<(), String> {
        match word {
            "policy" => self.head.policy = Some(value.parse().map_err(|e| format!("{e}"))?),
            "replicas" => self.head.replicas = parse_replicas(value)?,
            "objective" => {
                self.head.objective =
                    Some(parse_duration(value).map_err(|e| format!("objective {e}"))?)
            }
            "category" if is_word(value) => self.head.category = Some(value.to_owned()),
            "category" => {
                return Err(format!(
                    "category {value:?}: write one word, as `-- category: order`"
                ));
            }
            "replayable" => {
                self.head.replayable = match value {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(format!("replayable {value:?}: write yes or no")),
                }
            }
            "cutover" => {
                self.head.waits = match value {
                    "asked" => true,
                    "caught up" => false,
                    _ => return Err(format!("cutover {value:?}: write `asked` or `caught up`")),
                }
            }
            "on-error" => {
                self.head.on_error = match value {
                    "stop" => OnError::Stop,
                    "park" => OnError::Park,
                    _ => return Err(format!("on-error {value:?}: write `stop` or `park`")),
                }
            }
            "key" => match value.split_once('=').map(|(c, k)| (c.trim(), k.trim())) {
                Some((column, category)) if is_word(column) && is_word(category) => {
                    self.head.key = Some(Key {
                        column: column.to_owned(),
                        category: category.to_owned(),
                    });
                }
                _ => {
                    return Err(format!(
                        "key {value:?}: write column = category, as `order_id = order`"
                    ));
                }
            },
            _ => {
                let known = DIRECTIVES.join(", ");
                return Err(format!(
                    "directive `{word}` is not known: the directives are {known}"
                ));
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Definition, DefinitionError> {
        let last = self.text.lines().count().max(1);
        let mut schema = None;
        let mut handlers: Vec<Handler> = Vec::new();
        let mut queries: Vec<Query> = Vec::new();
        for (marker, section) in &self.sections {
            match marker {
                Marker::Schema => schema = Some(section.clone()),
                Marker::On(types) => {
                    let statements = split(section);
                    if statements.is_empty() {
                        return self.wrong(
                            section.line - 1,
                            1,
                            "no SQL under this `-- on`: add a statement".into(),
                        );
                    }
                    handlers.push(Handler {
                        types: types.clone(),
                        statements,
                    });
                }
                Marker::Query(name, parameters) => {
                    let mut statements = split(section);
                    let (Some(statement), true) = (statements.pop(), statements.is_empty()) else {
                        return self.wrong(
                            section.line - 1,
                            1,
                            format!("query {name}: write exactly one SELECT"),
                        );
                    };
                    if queries.iter().any(|query| query.name == *name) {
                        return self.wrong(
                            section.line - 1,
                            1,
                            format!("query {name} is there twice: rename one"),
                        );
                    }
                    queries.push(Query {
                        name: name.clone(),
                        parameters: parameters.clone(),
                        statement,
                    });
                }
            }
        }
        let Some(schema) = schema else {
            return self.wrong(
                last,
                1,
                "no `-- schema`: add it, and under it the tables".to_owned(),
            );
        };
        if handlers.is_empty() {
            return self.wrong(
                last,
                1,
                "no handler: add `-- on EventType` and a statement".to_owned(),
            );
        }
        if self.head.policy.is_some() && !self.head.replicas.is_empty() {
            let message =
                "policy and replicas: each replica has its own policy, so remove `-- policy:`";
            return self.wrong(1, 1, message.to_owned());
        }
        let Head {
            description,
            policy,
            replicas,
            objective,
            key,
            category,
            replayable,
            waits,
            on_error,
            given: _,
        } = self.head;
        Ok(Definition {
            name: self.name.to_owned(),
            description: description.join("\n").trim().to_owned(),
            policy: policy.unwrap_or_default(),
            replicas,
            objective,
            key,
            replayable,
            waits,
            on_error,
            hash: hash(&schema, category.as_deref(), &handlers),
            subscription: subscription(&handlers).of_category(category),
            schema,
            handlers,
            queries,
            text: self.text.to_owned(),
        })
    }
}

fn subscription(handlers: &[Handler]) -> Subscription {
    let mut names = BTreeSet::new();
    for handler in handlers {
        match &handler.types {
            None => return Subscription::all(),
            Some(types) => names.extend(types.iter().cloned()),
        }
    }
    Subscription::types(names)
}

fn hash(schema: &Section, category: Option<&str>, handlers: &[Handler]) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    part(category.unwrap_or("*"));
    part(schema.sql.trim());
    for handler in handlers {
        part("on");
        handler.types.iter().flatten().for_each(|name| part(name));
        part("do");
        handler
            .statements
            .iter()
            .for_each(|statement| part(statement.sql.trim()));
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
