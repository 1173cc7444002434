//! Projections, their lag, and why they are stale: `htop` for the read side of event-sourced systems.
//!
//! # The nouns
//!
//! - An [`Event`](event::Event) is an immutable fact. All of them stand in one order in the
//!   [log](log::EventLog), each at its [`Position`](event::Position); the last position is the *head*. The
//!   events of one aggregate are a [stream](event::StreamId).
//! - An [`Aggregate`](write::Aggregate) holds the rules: it is *rehydrated* from its stream, decides on a
//!   command, and its events are appended, or there is a rejection or a conflict. A domain's aggregates are
//!   registered in [`Commands`](write::Commands).
//! - A [projection](read::Projection) folds events into one *read model*, which answers queries. It is written
//!   as one SQL file, and applies what is waiting by its [`Policy`](read::Policy). How far it has come is its
//!   *checkpoint*; how far that is behind the head, and how long something has been waiting, says
//!   [`lag`].
//! - A [`Workspace`] is a folder with all of these: settings, projections, log, read models. Its
//!   [`Engine`](workspace::Engine) keeps the read models up to date, in this process or another; its
//!   [`Snapshot`](workspace::Snapshot) shows where everything stands; its
//!   [`Operator`](workspace::Operator) pauses, rebuilds and replays. [`ui::run`] is the dashboard over these
//!   two.
//! - A [`Domain`] is what a program brings along. [`cli::main`] makes a whole program of it: the command line,
//!   forms made of its commands, and the dashboard. `examples/bank.rs` is one, in 150 lines.
//!
//! # How they meet
//!
//! ```text
//! command ─► write ─► log ─► read ─► read model ─► query
//!            Aggregate       Projection
//!            └──────────── Workspace ─────────────┘
//!                        cli, ui
//! ```
//!
//! The write side and the read side know nothing of each other: what is stored is visible a moment later. Who
//! needs to read their own writes says so with the query's [`Consistency`](workspace::Consistency).
//!
//! # An example
//!
//! ```
//! use std::time::Duration;
//!
//! use highwater::workspace::{Consistency, Folder};
//! use highwater::write::Request;
//! use highwater::{Domain, shop};
//! use serde_json::json;
//!
//! const CUSTOMERS: &str = "
//! -- schema
//! CREATE TABLE customers (customer TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;
//! -- on CustomerRegistered
//! INSERT INTO customers VALUES (:key, :data ->> 'name');
//! -- query ListCustomers()
//! SELECT * FROM customers;
//! ";
//!
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path();
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let domain = Domain::new("shop", shop::commands()).with_projection("customers", CUSTOMERS);
//! let folder = Folder::init_for(path, &domain)?;
//! let workspace = domain.open(folder)?;
//! let mut engine = workspace.start(None)?;
//! engine.ready().await;
//!
//! let register = json!({
//!     "customer": "ada", "name": "Ada Lovelace", "email": "ada@example.org", "address": "London"
//! });
//! workspace.send(Request::new("RegisterCustomer", register)).await?;
//!
//! let answer = workspace
//!     .query("customers", "ListCustomers", &Default::default(), Consistency::Strong, Duration::from_secs(5))
//!     .await?;
//! assert_eq!(answer.rows[0]["name"], "Ada Lovelace");
//!
//! engine.stop().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With `highwater::ui::run(workspace.operator().await?, UiOptions::default()).await` in place of the query,
//! the same program is the dashboard.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

// The command line names the library as its users do.
extern crate self as highwater;

pub mod cli;
pub mod cloudevents;
mod crash;
mod demo;
pub mod event;
pub mod lag;
pub mod log;
pub mod read;
pub mod shop;
pub mod text;
pub mod transfer;
pub mod ui;
pub mod workspace;
pub mod write;

pub use workspace::{Domain, Workspace};
