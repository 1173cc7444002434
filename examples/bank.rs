//! Somebody else's domain: a bank. One aggregate, its commands and one projection; the command line, the forms
//! and the dashboard come from the library.
//!
//! ```console
//! $ cargo run --example bank -- init /tmp/bank
//! $ cd /tmp/bank
//! $ bank send OpenAccount account=ada holder='Ada Lovelace'
//! $ bank send Deposit account=ada amount_cents=10000
//! $ bank send Withdraw account=ada amount_cents=20000
//! rejected: 200.00 is more than the balance of 100.00
//! $ bank query accounts ListAccounts --consistency strong
//! $ bank                        # the dashboard; `c` sends a command
//! ```

use std::process::ExitCode;

use highwater::Domain;
use highwater::write::{Aggregate, Commands, Rejection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An account, as its events make it.
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
struct Account {
    holder: Option<String>,
    balance_cents: u64,
}

/// What can be asked of an account. The comments are what forms and help show.
#[derive(Serialize, Deserialize, JsonSchema)]
enum AccountCommand {
    /// Open an account.
    OpenAccount {
        /// The new account's number. Keys that there are do not complete it: it is to be another.
        #[schemars(length(min = 1, max = 34), example = &"ada", extend("x-new" = true))]
        account: String,
        /// Whose it is.
        #[schemars(length(min = 1, max = 200), example = &"Ada Lovelace")]
        holder: String,
    },
    /// Pay money in.
    Deposit {
        /// Which account.
        #[schemars(length(min = 1, max = 34), example = &"ada")]
        account: String,
        /// How much, in cents.
        #[schemars(range(min = 1, max = 100_000_000), example = 10_000)]
        amount_cents: u64,
    },
    /// Take money out: what is there at most.
    Withdraw {
        /// Which account.
        #[schemars(length(min = 1, max = 34), example = &"ada")]
        account: String,
        /// How much, in cents.
        #[schemars(range(min = 1, max = 100_000_000), example = 2_500)]
        amount_cents: u64,
    },
}

/// What can happen to an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum AccountEvent {
    AccountOpened { holder: String },
    MoneyDeposited { amount_cents: u64 },
    MoneyWithdrawn { amount_cents: u64 },
}

use AccountCommand::{Deposit, OpenAccount, Withdraw};
use AccountEvent::{AccountOpened, MoneyDeposited, MoneyWithdrawn};

impl Aggregate for Account {
    const CATEGORY: &'static str = "account";
    type Command = AccountCommand;
    type Event = AccountEvent;

    fn key(command: &AccountCommand) -> String {
        let (OpenAccount { account, .. } | Deposit { account, .. } | Withdraw { account, .. }) =
            command;
        account.clone()
    }

    fn decide(&self, command: &AccountCommand) -> Result<Vec<AccountEvent>, Rejection> {
        let event = match (command, &self.holder) {
            (OpenAccount { holder, .. }, None) => AccountOpened {
                holder: holder.clone(),
            },
            (OpenAccount { .. }, Some(_)) => return Err(Rejection::new("it is open already")),
            (_, None) => return Err(Rejection::new("there is no such account")),
            (&Deposit { amount_cents, .. }, _) => MoneyDeposited { amount_cents },
            (&Withdraw { amount_cents, .. }, _) if amount_cents > self.balance_cents => {
                return Err(Rejection::new(format!(
                    "{} is more than the balance of {}",
                    money(amount_cents),
                    money(self.balance_cents)
                )));
            }
            (&Withdraw { amount_cents, .. }, _) => MoneyWithdrawn { amount_cents },
        };
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &AccountEvent) {
        match event {
            AccountOpened { holder } => self.holder = Some(holder.clone()),
            MoneyDeposited { amount_cents } => self.balance_cents += amount_cents,
            MoneyWithdrawn { amount_cents } => self.balance_cents -= amount_cents,
        }
    }
}

fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The read model that a new workspace begins with, as `projections/accounts.sql`.
const ACCOUNTS: &str = "\
-- One row an account.
-- policy: live
-- objective: 1s
-- key: account = account

-- schema
CREATE TABLE accounts (account TEXT PRIMARY KEY, holder TEXT NOT NULL, balance_cents INTEGER NOT NULL) STRICT;

-- on AccountOpened
INSERT INTO accounts VALUES (:key, :data ->> 'holder', 0);

-- on MoneyDeposited
UPDATE accounts SET balance_cents = balance_cents + (:data ->> 'amount_cents') WHERE account = :key;

-- on MoneyWithdrawn
UPDATE accounts SET balance_cents = balance_cents - (:data ->> 'amount_cents') WHERE account = :key;

-- query ListAccounts()
SELECT * FROM accounts ORDER BY account;
";

fn main() -> ExitCode {
    let commands = Commands::new().with::<Account>();
    highwater::cli::main(Domain::new("bank", commands).with_projection("accounts", ACCOUNTS))
}
