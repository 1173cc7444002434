//! What the dashboard asks the workspace for, and what comes back.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::ask;
use super::update::{Effect, Msg};
use crate::crash;
use crate::workspace::Operator;

/// The workspace's answer to an effect, where it is one that has an answer.
pub async fn answer(operator: &Operator, effect: Effect) -> Option<Msg> {
    crash::panic_point("asked");
    Some(match effect {
        Effect::Events(asked) => Msg::Events(ask::events::answer(operator, asked).await),
        Effect::Projection(asked) => {
            Msg::Projection(ask::projection::answer(operator, asked).await)
        }
        Effect::Stream(asked) => Msg::Stream(ask::stream::answer(operator, asked).await),
        Effect::Rebuilds(asked) => Msg::Rebuilds(ask::rebuilds::answer(operator, asked).await),
        Effect::Keys => {
            let keys = operator.recent_keys().await;
            Msg::Keys(keys.map_err(|e| e.to_string()))
        }
        Effect::Save {
            stem,
            ending,
            text,
            rows,
        } => {
            let operator = operator.clone();
            let saved = spawn_blocking(move || operator.save(&stem, ending, &text)).await;
            let saved = saved.map_err(|e| e.to_string());
            let result = saved.and_then(|saved| saved.map_err(|e| e.to_string()));
            Msg::Saved { rows, result }
        }
        Effect::Remember(line) => {
            let operator = operator.clone();
            let kept = spawn_blocking(move || operator.remember(&line)).await;
            if let Ok(Err(error)) = kept {
                tracing::warn!(%error, "what is typed cannot be kept");
            }
            return None;
        }
        Effect::Send { command, data } => {
            let outcome = operator.send(&command, data).await;
            let outcome = outcome.map_err(|e| e.to_string());
            Msg::Sent { command, outcome }
        }
        Effect::Preview {
            projection,
            operation,
        } => {
            let result = operator.preview(&projection, &operation).await;
            let result = result.map_err(|e| e.to_string());
            Msg::Previewed {
                projection,
                operation,
                result,
            }
        }
        Effect::Operate {
            projection,
            operation,
        } => {
            let result = operator.operate(&projection, operation.clone()).await;
            let result = result.map_err(|e| e.to_string());
            Msg::Operated {
                projection,
                operation,
                result,
            }
        }
        Effect::Inject(order) => {
            let result = operator.inject(&order);
            Msg::Injected(result.map_err(|e| e.to_string()))
        }
        Effect::History { projection } => {
            let history = operator.history(&projection).await;
            let history = history.map_err(|e| e.to_string());
            Msg::Told {
                projection,
                history,
            }
        }
        Effect::Diff { projection } => {
            let diff = operator.diff(&projection).await;
            let diff = diff.map(Box::new).map_err(|e| e.to_string());
            Msg::Compared { projection, diff }
        }
        Effect::Parked { projection } => {
            let parked = operator.parked(&projection).await;
            let parked = parked.map_err(|e| e.to_string());
            Msg::Parked { projection, parked }
        }
        Effect::Mending { projection, key } => {
            let result = operator.mending(&projection, &key).await;
            let result = result.map(Arc::new).map_err(|e| e.to_string());
            Msg::Mending {
                projection,
                key,
                result,
            }
        }
        Effect::Undo { projection } => {
            let result = operator.undo(&projection).await;
            let result = result.map_err(|e| e.to_string());
            Msg::Undone { projection, result }
        }
        _ => return None,
    })
}
