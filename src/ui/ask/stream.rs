//! What the Stream screen asks of the workspace: some steps of a stream, and what the read models have of its key.

use std::sync::Arc;

use crate::event::{StreamId, Version};
use crate::workspace::{KeyRows, Operator, Steps};

/// A question; its number says for which stream it was asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// At most `limit` steps from a version on.
    Steps {
        /// Of what is shown.
        number: u64,
        /// Of which stream.
        stream: StreamId,
        /// The first version.
        from: Version,
        /// How many.
        limit: usize,
    },
    /// What each read model has of the stream's key.
    Rows {
        /// Of what is shown.
        number: u64,
        /// Of which stream.
        stream: StreamId,
    },
}

/// What it came to; or why it could not be told.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The steps.
    Steps {
        /// Of what is shown.
        number: u64,
        /// What was found.
        result: Result<Arc<Steps>, String>,
    },
    /// The rows.
    Rows {
        /// Of what is shown.
        number: u64,
        /// What was found.
        result: Result<Arc<KeyRows>, String>,
    },
}

/// Asks the workspace.
pub async fn answer(operator: &Operator, ask: Ask) -> Answer {
    match ask {
        Ask::Steps {
            number,
            stream,
            from,
            limit,
        } => {
            let result = operator.stream_steps(&stream, from, limit).await;
            let result = result.map(Arc::new).map_err(|e| e.to_string());
            Answer::Steps { number, result }
        }
        Ask::Rows { number, stream } => {
            let rows = operator.rows_of_key(stream.category(), stream.key());
            let result = rows.await.map(Arc::new).map_err(|e| e.to_string());
            Answer::Rows { number, result }
        }
    }
}
