//! Real input, from the file to the answers: what is published about it comes out, and every read model
//! is what an independent fold makes of the same lines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod data;
mod fold;
mod kill;
mod models;
mod totals;
