//! A projection as one SQL file: its directives, schema, handlers and queries, read from text. Whether
//! the SQL itself is good, [`SqlProjection`](super::SqlProjection) says.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::parked::OnError;
use super::policy::Policy;
use super::subscription::Subscription;

mod markers;
mod parse;

pub use parse::is_name;

/// Everything that a projection's file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The file's name without `.sql`; a replica's is `orders@eu`.
    pub name: String,
    /// The comments before `-- schema` that are no directives.
    pub description: String,
    /// When it applies what is waiting.
    pub policy: Policy,
    /// How often it runs, each with its own read model; none is once.
    pub replicas: Vec<Replica>,
    /// How stale its read model may be.
    pub objective: Option<Duration>,
    /// Which column's rows belong to streams of which category.
    pub key: Option<Key>,
    /// Whether an event can be applied twice.
    pub replayable: bool,
    /// What becomes of an event that cannot be applied (`-- on-error:`). It does not shape what the handlers make
    /// of an event, so it is no part of the hash.
    pub on_error: OnError,
    /// Whether what a changed file gives waits, once it has caught up, until somebody cuts over
    /// (`-- cutover: asked`); else it answers at once (`-- cutover: caught up`).
    pub waits: bool,
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

/// One of `-- replicas: eu live, us delay 800ms`: the same projection with a read model and a policy of its
/// own, as the nodes of a distributed system have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// What stands behind the `@` in its name.
    pub name: String,
    /// When it applies what is waiting.
    pub policy: Policy,
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

    pub(super) fn on(name: &str, text: &str, line: usize, column: usize, message: String) -> Self {
        let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        Self {
            file: format!("{}.sql", name.split('@').next().unwrap_or(name)),
            line,
            column,
            shown: crate::text::clean(shown).into_owned(),
            message,
        }
    }
}

/// The largest file that is read, in bytes.
pub const FILE_LIMIT: usize = 1 << 20;

impl Definition {
    /// Reads a projection's file. `name` is the file's name without `.sql`, or a replica's (`orders@eu`).
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
        parse::parse(name, text)
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
        let parks = ORDERS.replace("-- objective: 1s", "-- on-error: park");
        assert_eq!(hash(ORDERS), hash(&parks));
        let on_error = |text: &str| Definition::parse("orders", text).unwrap().on_error;
        assert_eq!(on_error(&parks), OnError::Park);
        assert_eq!(on_error(ORDERS), OnError::Stop);
        let wrong = ORDERS.replace("-- objective: 1s", "-- on-error: skip");
        assert!(error(&wrong).contains("write `stop` or `park`"));
        let waits = ORDERS.replace("-- objective: 1s", "-- cutover: asked");
        assert_eq!(hash(ORDERS), hash(&waits));
        assert!(Definition::parse("orders", &waits).unwrap().waits);
        assert!(error("-- cutover: never\n").contains("`asked` or `caught up`"));
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
        assert!(error("-- on A\nSELECT 1;").contains("begin with `-- schema`"));
        assert!(error("-- schema\nCREATE TABLE t (n);\n").contains("no handler"));
        assert!(error("-- schema\n\n-- on A B\nSELECT 1;").contains("comma"));
        assert!(error("-- schema\n\n-- on A\n-- nothing\n").contains("no SQL"));
        assert!(
            error("-- schema\n\n-- on A\nSELECT 1;\n-- query Q\nSELECT 1")
                .contains("Name(parameter")
        );
    }

    #[test]
    fn a_replica_has_its_own_name_and_policy_and_the_same_content() {
        let text = ORDERS.replace(
            "policy: batch 500 or 5s",
            "replicas: eu live, us delay 800ms, ap batch 5 or 1s",
        );
        let orders = Definition::parse("orders", &text).unwrap();
        let names: Vec<_> = orders
            .replicas
            .iter()
            .map(|replica| replica.name.as_str())
            .collect();
        assert_eq!(names, ["eu", "us", "ap"]);
        let us = Definition::parse("orders@us", &text).unwrap();
        assert_eq!(
            (us.name.as_str(), us.policy.to_string()),
            ("orders@us", "delay 800ms".into())
        );
        assert_eq!(us.hash, orders.hash);
        assert!(
            Definition::parse("orders@xx", &text)
                .unwrap_err()
                .to_string()
                .starts_with("orders.sql:1:1: no replica xx")
        );
        assert!(error("-- replicas: eu\n").contains("eu live"));
        assert!(error("-- replicas: eu live, eu manual\n").contains("twice"));
        assert!(
            error(&text.replace("-- objective: 1s", "-- policy: live"))
                .contains("each replica has its own policy")
        );
    }

    #[test]
    fn a_name_that_is_no_file_name_is_refused() {
        assert!(Definition::parse("../x", ORDERS).is_err());
        assert!(Definition::parse("", ORDERS).is_err());
    }
}
