//! What a domain is made of: the aggregate, and a business reason against a command.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Upcasters;

/// A consistency boundary: the state that one stream's events fold into, and the rules for the next.
///
/// Implemented for the state, which starts as its default. Commands and events are enums in serde's
/// own form: a variant is one command or one event, and its named fields are the data.
///
/// ```
/// use highwater::write::{Aggregate, Rejection, testing::given};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
/// struct Account { balance_cents: u64 }
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// enum AccountCommand {
///     /// Pay money in.
///     Deposit { account: String, amount_cents: u64 },
///     /// Take money out.
///     Withdraw { account: String, amount_cents: u64 },
/// }
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// enum AccountEvent {
///     Deposited { amount_cents: u64 },
///     Withdrawn { amount_cents: u64 },
/// }
///
/// impl Aggregate for Account {
///     const CATEGORY: &'static str = "account";
///     type Command = AccountCommand;
///     type Event = AccountEvent;
///
///     fn key(command: &AccountCommand) -> String {
///         let (AccountCommand::Deposit { account, .. } | AccountCommand::Withdraw { account, .. }) = command;
///         account.clone()
///     }
///
///     fn decide(&self, command: &AccountCommand) -> Result<Vec<AccountEvent>, Rejection> {
///         match *command {
///             AccountCommand::Deposit { amount_cents, .. } => Ok(vec![AccountEvent::Deposited { amount_cents }]),
///             AccountCommand::Withdraw { amount_cents, .. } if amount_cents > self.balance_cents => {
///                 Err(Rejection::new("there is not enough money in the account"))
///             }
///             AccountCommand::Withdraw { amount_cents, .. } => Ok(vec![AccountEvent::Withdrawn { amount_cents }]),
///         }
///     }
///
///     fn evolve(&mut self, event: &AccountEvent) {
///         match event {
///             AccountEvent::Deposited { amount_cents } => self.balance_cents += amount_cents,
///             AccountEvent::Withdrawn { amount_cents } => self.balance_cents -= amount_cents,
///         }
///     }
/// }
///
/// given::<Account>([AccountEvent::Deposited { amount_cents: 100 }])
///     .when(AccountCommand::Withdraw { account: "a".into(), amount_cents: 101 })
///     .rejected("not enough money");
/// ```
///
/// The state is kept in snapshots, as the JSON that serde makes of it; so what serde skips is no part of it. A
/// snapshot of a state whose JSON Schema was another is not used.
pub trait Aggregate:
    Default + Clone + Send + Sync + Serialize + DeserializeOwned + JsonSchema + 'static
{
    /// The category of its streams: what stands before the first `-`, so without one.
    const CATEGORY: &'static str;

    /// To be raised where [`evolve`](Self::evolve) comes to another state of the same form, or an upcaster
    /// to other data: snapshots from before are not used any more. 1, unless it says otherwise.
    const REVISION: u32 = 1;

    /// What can be asked of it. The doc comments of variants and fields are what forms and help show.
    type Command: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// What can happen to it, each in the past tense.
    type Event: Serialize
        + DeserializeOwned
        + Clone
        + PartialEq
        + fmt::Debug
        + Send
        + Sync
        + 'static;

    /// Which aggregate a command is for: its stream is `CATEGORY-key`.
    fn key(command: &Self::Command) -> String;

    /// What a command leads to in this state: events (none where nothing changes), or a reason against it.
    /// It may be asked again with a newer state, so it has no effect of its own.
    fn decide(&self, command: &Self::Command) -> Result<Vec<Self::Event>, Rejection>;

    /// The state after an event. It happened, so this cannot fail and asks no questions.
    fn evolve(&mut self, event: &Self::Event);

    /// What brings events that were stored in an older form to that of [`Event`](Self::Event): nothing,
    /// unless it says otherwise.
    fn upcasters() -> Upcasters {
        Upcasters::new()
    }
}

/// A business reason against a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejection(String);

impl Rejection {
    /// A reason, as the person who sent the command should read it.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl From<Rejection> for String {
    fn from(rejection: Rejection) -> Self {
        rejection.0
    }
}
