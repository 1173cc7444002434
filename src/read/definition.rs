//! A projection as one SQL file: its directives, schema, handlers and queries, read from text. Whether
//! the SQL itself is good, `check` says.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::markers::{is_word, parse_query, parse_types, split};
use super::policy::{Policy, parse_duration};
use super::subscription::Subscription;

/// Everything that a projection's file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The file's name without `.sql`.
    pub name: String,
    /// The comments before `-- schema` that are no directives.
    pub description: String,
    /// When it applies what is waiting.
    pub policy: Policy,
    /// How stale its read model may be.
    pub objective: Option<Duration>,
    /// Which column's rows belong to streams of which category.
    pub key: Option<Key>,
    /// Whether an event can be applied twice.
    pub replayable: bool,
    /// What it is told of.
    pub subscription: Subscription,
    /// What makes its tables.
    pub schema: Section,
    /// What folds events into them.
    pub handlers: Vec<Handler>,
    /// What can be asked.
    pub queries: Vec<Query>,
    /// The whole file.
    pub text: String,
    /// SHA-256, in hexadecimal, of what shapes the read model's content: category, schema and handlers.
    pub hash: String,
}

/// `-- key: order_id = order`: rows with this `order_id` belong to stream `order-…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The column.
    pub column: String,
    /// The category of the streams.
    pub category: String,
}

/// A piece of SQL and where it begins in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The SQL.
    pub sql: String,
    /// The line of the file, from 1, on which it begins.
    pub line: usize,
}

/// `-- on OrderPlaced`: statements that apply one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// The event types it takes; `None` is every type (`*`).
    pub types: Option<BTreeSet<String>>,
    /// Its statements, one a section.
    pub statements: Vec<Section>,
}

impl Handler {
    /// Whether it takes events of this type.
    pub fn takes(&self, event_type: &str) -> bool {
        self.types
            .as_ref()
            .is_none_or(|types| types.contains(event_type))
    }
}

/// `-- query GetOrderById(order_id)`: a named question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Its name.
    pub name: String,
    /// Its parameters, in order.
    pub parameters: Vec<String>,
    /// One statement.
    pub statement: Section,
}

/// What is wrong with a projection's file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// The line itself.
    pub shown: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl std::error::Error for DefinitionError {}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            shown,
            message,
        } = self;
        let gutter = line.to_string().len();
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, "{line} | {shown}")?;
        write!(f, "{:gutter$} | {:>column$}", "", "^")
    }
}

impl DefinitionError {
    /// An error at a byte of a section.
    pub(super) fn at(
        definition: &Definition,
        section: &Section,
        offset: usize,
        message: String,
    ) -> Self {
        let before = section.sql.get(..offset).unwrap_or(&section.sql);
        let line = section.line + before.matches('\n').count();
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |tail| tail.chars().count())
            + 1;
        Self::on(&definition.name, &definition.text, line, column, message)
    }

    fn on(name: &str, text: &str, line: usize, column: usize, message: String) -> Self {
        let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        Self {
            file: format!("{name}.sql"),
            line,
            column,
            shown: crate::text::clean(shown).into_owned(),
            message,
        }
    }
}

/// The directives that a file may have before `-- schema`.
const DIRECTIVES: [&str; 5] = ["policy", "objective", "key", "category", "replayable"];

/// The largest file that is read, in bytes.
pub const FILE_LIMIT: usize = 1 << 20;

impl Definition {
    /// Reads a projection's file. `name` is the file's name without `.sql`.
    ///
    /// ```
    /// use highwater::read::Definition;
    /// let text = "-- policy: live\n-- schema\nCREATE TABLE t (n);\n-- on Counted\nINSERT INTO t VALUES (:position);";
    /// assert_eq!(Definition::parse("counts", text)?.handlers.len(), 1);
    /// # Ok::<(), highwater::read::DefinitionError>(())
    /// ```
    ///
    /// Errors: an unknown or repeated directive, no schema, no handler, a malformed marker. The SQL itself
    /// is not looked at here.
    pub fn parse(name: &str, text: &str) -> Result<Self, DefinitionError> {
        let mut parser = Parser {
            name,
            text,
            head: Head::default(),
            sections: Vec::new(),
        };
        parser.check_file()?;
        for (index, line) in text.lines().enumerate() {
            parser.line(index + 1, line)?;
        }
        parser.finish()
    }

    /// The first digits of its hash: enough to tell versions apart.
    pub fn short_hash(&self) -> &str {
        &self.hash[..8]
    }

    /// The query of this name.
    pub fn query(&self, name: &str) -> Option<&Query> {
        self.queries.iter().find(|query| query.name == name)
    }
}

#[derive(Default)]
struct Head {
    description: Vec<String>,
    policy: Option<Policy>,
    objective: Option<Duration>,
    key: Option<Key>,
    category: Option<String>,
    replayable: bool,
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
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(allowed) {
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
            if comment.starts_with("on ") || comment.starts_with("query ") {
                return self.wrong(
                    number,
                    1,
                    "handlers and queries come after `-- schema`".to_owned(),
                );
            }
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
            "objective" => {
                self.head.objective = Some(parse_duration(value).map_err(|e| e.to_string())?)
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
        let Head {
            description,
            policy,
            objective,
            key,
            category,
            replayable,
            given: _,
        } = self.head;
        Ok(Definition {
            name: self.name.to_owned(),
            description: description.join("\n").trim().to_owned(),
            policy: policy.unwrap_or_default(),
            objective,
            key,
            replayable,
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

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = "\
-- One row an order: what customer service looks at.
-- policy: batch 500 or 5s
-- objective: 1s
-- key: order_id = order        rows of `order_id` belong to streams of category `order`
-- Note: a capital letter begins a remark.

-- schema
CREATE TABLE orders (order_id TEXT PRIMARY KEY, status TEXT NOT NULL) STRICT;

-- on OrderPlaced
INSERT INTO orders VALUES (:key, 'a;b'); -- not; here
UPDATE orders SET status = 'placed';
-- on \"Order paid\", OrderShipped
UPDATE orders SET status = 'paid' WHERE order_id = :key;
-- query GetOrderById(order_id)
SELECT * FROM orders WHERE order_id = :order_id;
";

    fn error(text: &str) -> String {
        Definition::parse("orders", text).unwrap_err().to_string()
    }

    #[test]
    fn a_file_says_everything() {
        let orders = Definition::parse("orders", ORDERS).unwrap();
        assert_eq!(orders.policy.to_string(), "batch 500 or 5s");
        assert_eq!(orders.objective, Some(Duration::from_secs(1)));
        assert_eq!(
            orders.key,
            Some(Key {
                column: "order_id".into(),
                category: "order".into()
            })
        );
        assert!(orders.description.starts_with("One row an order"));
        assert!(orders.description.contains("Note: a capital"));
        assert_eq!(orders.handlers[0].statements.len(), 2);
        assert_eq!(orders.handlers[0].statements[1].line, 12);
        assert!(orders.subscription.takes("order-1", "Order paid"));
        assert!(!orders.subscription.takes("order-1", "OrderCancelled"));
        assert_eq!(orders.queries[0].parameters, ["order_id"]);
    }

    #[test]
    fn only_what_shapes_the_content_changes_the_hash() {
        let hash = |text: &str| Definition::parse("orders", text).unwrap().hash;
        assert_eq!(
            hash(ORDERS),
            hash(&ORDERS.replace("batch 500 or 5s", "manual"))
        );
        assert_eq!(
            hash(ORDERS),
            hash(&ORDERS.replace("SELECT *", "SELECT status"))
        );
        assert_ne!(hash(ORDERS), hash(&ORDERS.replace("'paid'", "'settled'")));
        assert_ne!(
            hash(ORDERS),
            hash(&ORDERS.replace("OrderShipped", "OrderSent"))
        );
        assert_ne!(
            hash(ORDERS),
            hash(&ORDERS.replace("-- objective: 1s", "-- category: order"))
        );
    }

    #[test]
    fn an_error_names_file_line_and_column_and_shows_the_line() {
        let shown = error(&ORDERS.replace("-- objective: 1s", "-- objetive: 1s"));
        assert!(
            shown.starts_with("orders.sql:3:4: directive `objetive` is not known"),
            "{shown}"
        );
        assert!(shown.contains("3 | -- objetive: 1s\n  |    ^"), "{shown}");
        assert!(
            error("-- policy: fast\n").contains("orders.sql:1:4: policy \"fast\" is not known")
        );
        assert!(error("-- policy: live\n-- policy: live\n").contains("twice"));
        assert!(error("CREATE TABLE t (n);").contains("begin with `-- schema`"));
        assert!(error("-- schema\nCREATE TABLE t (n);\n").contains("no handler"));
        assert!(error("-- schema\n\n-- on A B\nSELECT 1;").contains("comma"));
        assert!(error("-- schema\n\n-- on A\n-- nothing\n").contains("no SQL"));
        assert!(
            error("-- schema\n\n-- on A\nSELECT 1;\n-- query Q\nSELECT 1")
                .contains("Name(parameter")
        );
    }

    #[test]
    fn a_name_that_is_no_file_name_is_refused() {
        assert!(Definition::parse("../x", ORDERS).is_err());
        assert!(Definition::parse("", ORDERS).is_err());
    }
}
