//! `events --tree CORRELATION`: what caused what, from the first command to the last compensation.

use highwater::event::Timestamp;
use highwater::text::{program, thousands};
use highwater::workspace::{Caused, Workspace};

use super::Failure;
use super::events::Printer;

/// Prints the tree of one correlation, or of a stream's first event.
pub async fn run(workspace: &Workspace, of: &str, mut printer: Printer) -> Result<(), Failure> {
    let tree = workspace.causes(of).await?;
    let Some(began) = tree.iter().map(|caused| caused.event.recorded_at).min() else {
        return Err(Failure::failed(format!(
            "nothing belongs to {of:?}: give a stream, as order-1042, or the correlationid that \
             `{program} events --json` shows",
            program = program()
        )));
    };
    for caused in &tree {
        if printer.is_json() {
            printer.print(&caused.event)?;
        } else {
            printer.line(&line(caused, began))?;
        }
    }
    printer.finish()
}

/// Position, time since the beginning, and under what caused it: stream and version, type, and what is to say.
fn line(caused: &Caused, began: Timestamp) -> String {
    let event = &caused.event;
    let since = event.recorded_at.duration_since(began).unsigned_abs();
    let branch = match caused.depth {
        0 => String::new(),
        depth => format!("{}└ ", "  ".repeat(depth - 1)),
    };
    let remark = caused
        .remark()
        .map_or_else(String::new, |r| format!("  {r}"));
    format!(
        "{:>9}  {:>+9.3} s  {branch}{}@{}  {}{}",
        thousands(event.position.get()),
        since.as_secs_f64(),
        event.stream,
        event.version,
        event.event_type,
        remark
    )
}
