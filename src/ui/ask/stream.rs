//! What the Stream screen asks of the workspace.

use crate::workspace::Operator;

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {}

/// What it came to.
#[derive(Debug, Clone)]
pub enum Answer {}

/// Asks the workspace.
#[allow(clippy::unused_async)]
pub async fn answer(_operator: &Operator, ask: Ask) -> Answer {
    match ask {}
}
