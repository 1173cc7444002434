//! A projection written in Rust whose state is a value in memory: written to its read model's file with the
//! checkpoint every now and then, and answered from there.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::parked::OnError;
use super::policy::Policy;
use super::projection::{
    AnswerError, ApplyError, Blame, Memory, Parameters, Projection, Row, Signature,
};
use super::rows::ROW_LIMIT;
use super::subscription::Subscription;
use crate::crash;
use crate::event::Event;

/// A read model that is a value in memory: what it begins with, how each event changes it, and what it can be
/// asked. [`InMemory`] makes a [`Projection`] of it.
///
/// The state is written as JSON, with the checkpoint in one transaction, at most [once a second](Self::STORE_EVERY).
/// Whoever asks is answered from there, with the position and the age of what was written. Whatever a kill
/// takes from memory is folded again from the log, so that each event counts once.
///
/// JSON must give the state back as it was. Text, whole numbers, sequences, options and maps with such keys
/// do; a floating point number may come back a little different, so count money in cents. Equal states must be
/// written alike: take a set with an order, where maps may be without. The whole of it may be 64 MiB.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use highwater::event::Event;
/// use highwater::read::{Fold, FoldQuery, Subscription, rows};
///
/// /// How many orders each customer placed.
/// struct Loyalty;
///
/// impl Fold for Loyalty {
///     const NAME: &'static str = "loyalty";
///     const REVISION: u32 = 1;
///     type State = BTreeMap<String, u64>;
///
///     fn subscription() -> Subscription {
///         Subscription::types(["OrderPlaced"])
///     }
///
///     fn evolve(orders: &mut Self::State, event: &Event) -> Result<(), String> {
///         let data: serde_json::Value =
///             serde_json::from_str(event.data.as_str()).map_err(|e| e.to_string())?;
///         let customer = data["customer"].as_str().ok_or("an order of nobody")?;
///         *orders.entry(customer.to_owned()).or_default() += 1;
///         Ok(())
///     }
///
///     fn queries() -> Vec<FoldQuery<Self::State>> {
///         vec![FoldQuery::new("OrdersOf", &["customer"], |orders, given| {
///             let customer = given.text("customer");
///             rows(orders.get(customer).map(|n| serde_json::json!({ "orders": n })))
///         })]
///     }
/// }
///
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path();
/// use highwater::workspace::Folder;
/// use highwater::{Domain, shop};
///
/// let domain = Domain::new("shop", shop::commands()).with_fold::<Loyalty>();
/// let workspace = domain.open(Folder::init_for(path, &domain)?)?;
/// assert_eq!(workspace.projection("loyalty")?.queries()[0].name, "OrdersOf");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Fold: Send + Sync + 'static {
    /// The projection's name: a file's name without its ending.
    const NAME: &'static str;

    /// Raised with every change of what is folded: 1, 2, 3 … A program with another revision builds a new
    /// version of the read model beside the one that answers, and switches once it has caught up.
    const REVISION: u32;

    /// The earliest revision whose state this one's [queries](Self::queries) understand: they go on answering
    /// from it while the new version is built. Unless it says so, none but its own.
    const READS: u32 = Self::REVISION;

    /// What it is for, in a line.
    const DESCRIPTION: &'static str = "";

    /// Whether an event can be applied twice.
    const REPLAYABLE: bool = false;

    /// What becomes of an event that cannot be applied.
    const ON_ERROR: OnError = OnError::Stop;

    /// How stale its read model may be.
    const OBJECTIVE: Option<Duration> = None;

    /// How much later than it was folded the state is in the file, at most, and so how old an answer may be
    /// beyond what the policy allows. With the policy `sync` it is written at once.
    const STORE_EVERY: Duration = Duration::from_secs(1);

    /// The read model.
    type State: Default + Serialize + DeserializeOwned + Send + 'static;

    /// What it is told of.
    fn subscription() -> Subscription;

    /// When it applies what is waiting, unless somebody says otherwise.
    fn policy() -> Policy {
        Policy::Live
    }

    /// Takes an event up. The same events must give the same state, whenever and however often they are folded.
    ///
    /// Errors: the sentence that says why this event cannot be applied. The projection stops before it, and
    /// what was done to the state is forgotten. A panic counts as such an error.
    fn evolve(state: &mut Self::State, event: &Event) -> Result<(), String>;

    /// What it can be asked.
    fn queries() -> Vec<FoldQuery<Self::State>>;
}

/// How a question is answered.
type Ask<State> = fn(&State, &Given<'_>) -> Result<Vec<Row>, String>;

/// A named question to a state, and how it is answered.
pub struct FoldQuery<State> {
    signature: Signature,
    ask: Ask<State>,
}

impl<State> FoldQuery<State> {
    /// A question that takes these parameters. The answer's rows are objects: [`rows`] makes them.
    pub fn new(name: &str, parameters: &[&str], ask: Ask<State>) -> Self {
        let signature = Signature {
            name: name.to_owned(),
            parameters: parameters.iter().map(|&name| name.to_owned()).collect(),
        };
        Self { signature, ask }
    }
}

/// What a question was given. Every parameter of its is there.
pub struct Given<'a>(&'a Parameters);

impl Given<'_> {
    /// A parameter, as it was written.
    pub fn text(&self, parameter: &str) -> &str {
        self.0.get(parameter).map_or("", String::as_str)
    }

    /// A parameter as a number, or whatever else can be read from text.
    ///
    /// Errors: it cannot; the sentence says which parameter.
    pub fn parse<T: FromStr<Err: Display>>(&self, parameter: &str) -> Result<T, String> {
        let text = self.text(parameter);
        let wrong = |e| {
            format!(
                "parameter {parameter} is {:?}: {e}",
                crate::text::clean(text)
            )
        };
        text.parse().map_err(wrong)
    }
}

/// Rows of an answer, from values that serialise as objects.
///
/// Errors: one that does not.
pub fn rows<T: Serialize>(values: impl IntoIterator<Item = T>) -> Result<Vec<Row>, String> {
    let row = |value| match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(row)) => Ok(row),
        Ok(other) => Err(format!("a row must be an object, and {other} is none")),
        Err(error) => Err(format!("a row cannot be written as JSON: {error}")),
    };
    values.into_iter().map(row).collect()
}

/// What a read model's file says of the revision that it was built from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Told {
    /// The projection, without a replica's name.
    rust: String,
    pub(super) revision: u32,
    pub(super) description: String,
    pub(super) subscription: Subscription,
    pub(super) queries: Vec<Signature>,
}

impl Told {
    /// `None` where the text is not of a projection that is written in Rust.
    pub(super) fn read(source: &str) -> Option<Self> {
        serde_json::from_str(source).ok()
    }

    /// Of something that nobody can read.
    pub(super) fn nothing() -> Self {
        Self {
            rust: String::new(),
            revision: 0,
            description: String::new(),
            subscription: Subscription::types(Vec::<String>::new()),
            queries: Vec::new(),
        }
    }
}

/// The [`Projection`] that a [`Fold`] is.
pub struct InMemory<F: Fold> {
    name: String,
    policy: Policy,
    subscription: Subscription,
    queries: Vec<FoldQuery<F::State>>,
    signatures: Vec<Signature>,
    hash: String,
    source: String,
}

impl<F: Fold> Default for InMemory<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Fold> InMemory<F> {
    /// The projection, by its own name.
    pub fn new() -> Self {
        let queries = F::queries();
        let signatures: Vec<_> = queries
            .iter()
            .map(|query| query.signature.clone())
            .collect();
        let told = Told {
            rust: F::NAME.to_owned(),
            revision: F::REVISION,
            description: F::DESCRIPTION.to_owned(),
            subscription: F::subscription(),
            queries: signatures.clone(),
        };
        Self {
            name: F::NAME.to_owned(),
            policy: F::policy(),
            hash: hash(&told),
            source: serde_json::json!(told).to_string(),
            subscription: told.subscription,
            queries,
            signatures,
        }
    }

    /// One of several that fold the same, each with a read model and a policy of its own: `loyalty@eu`.
    #[must_use]
    pub fn replica(self, name: &str, policy: Policy) -> Self {
        Self {
            name: format!("{}@{name}", F::NAME),
            policy,
            ..self
        }
    }

    fn load(db: &Connection) -> Result<F::State, AnswerError> {
        let state: String = db.query_row("SELECT state FROM state", [], |row| row.get(0))?;
        let unreadable = |e| {
            AnswerError::Refused(format!(
                "the state in the file of {} is not what its code reads ({e}): raise its REVISION",
                F::NAME
            ))
        };
        serde_json::from_str(&state).map_err(unreadable)
    }

    /// The same for the same state, whatever order its maps have: verifying compares it.
    fn text(state: &F::State) -> Result<String, String> {
        let text = match serde_json::to_value(state) {
            Ok(mut value) => {
                value.sort_all_objects();
                serde_json::to_string(&value)
            }
            // A number that only text has room for.
            Err(_) => serde_json::to_string(state),
        };
        text.map_err(|e| format!("the state of {} cannot be written as JSON: {e}", F::NAME))
    }
}

/// SHA-256 over what shapes the content, with the revision in front for people. Replicas share it.
fn hash(told: &Told) -> String {
    let mut hash = Sha256::new();
    let subscription = serde_json::json!(told.subscription).to_string();
    for part in [&told.rust, &told.revision.to_string(), &subscription] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("r{}-{digits}", told.revision)
}

impl<F: Fold> Projection for InMemory<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn description(&self) -> &str {
        F::DESCRIPTION
    }

    fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    fn hash(&self) -> &str {
        &self.hash
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn policy(&self) -> Policy {
        self.policy
    }

    fn objective(&self) -> Option<Duration> {
        F::OBJECTIVE
    }

    fn replayable(&self) -> bool {
        F::REPLAYABLE
    }

    fn on_error(&self) -> OnError {
        F::ON_ERROR
    }

    fn queries(&self) -> &[Signature] {
        &self.signatures
    }

    fn store_every(&self) -> Option<Duration> {
        Some(F::STORE_EVERY)
    }

    fn answers_for(&self, earlier: &str) -> bool {
        Told::read(earlier).is_some_and(|told| {
            told.rust == F::NAME && (F::READS..=F::REVISION).contains(&told.revision)
        })
    }

    fn create(&self, db: &Connection) -> Result<(), String> {
        let words = |e: rusqlite::Error| super::guard::message(&e);
        db.execute_batch("CREATE TABLE state (state TEXT NOT NULL) STRICT")
            .map_err(words)?;
        let state = Self::text(&F::State::default())?;
        db.execute("INSERT INTO state VALUES (?1)", [state])
            .map(drop)
            .map_err(words)
    }

    fn apply(
        &self,
        db: &Connection,
        memory: &mut Memory,
        events: &[Event],
    ) -> Result<(), ApplyError> {
        let failed = |index, reason, blame| ApplyError {
            index,
            reason,
            blame,
        };
        let state = memory
            .get_or_load(|| Self::load(db))
            .map_err(|e| failed(0, e.to_string(), Blame::System))?;
        for (index, event) in events.iter().enumerate() {
            crash::catching(|| F::evolve(state, event))
                .and_then(|evolved| evolved)
                .map_err(|reason| failed(index, reason, Blame::Event))?;
        }
        Ok(())
    }

    fn store(&self, db: &Connection, memory: &Memory) -> Result<(), String> {
        let Some(state) = memory.get::<F::State>() else {
            return Ok(());
        };
        let state = Self::text(state)?;
        db.prepare_cached("UPDATE state SET state = ?1")
            .and_then(|mut update| update.execute([state]))
            .map(drop)
            .map_err(|e| super::guard::message(&e))
    }

    fn answer(
        &self,
        db: &Connection,
        query: &str,
        parameters: &Parameters,
    ) -> Result<Vec<Row>, AnswerError> {
        let asked = self.queries.iter().find(|q| q.signature.name == query);
        let asked = asked.ok_or_else(|| AnswerError::Refused(format!("there is no {query}")))?;
        let state = Self::load(db)?;
        let rows = crash::catching(|| (asked.ask)(&state, &Given(parameters)))
            .and_then(|rows| rows)
            .map_err(AnswerError::Refused)?;
        if rows.len() > ROW_LIMIT {
            return Err(AnswerError::TooLarge(format!("{ROW_LIMIT} rows")));
        }
        Ok(rows)
    }
}
