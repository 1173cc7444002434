//! `verify --log`: shows that nothing in the log was changed, removed or reordered.

use std::ops::ControlFlow;

use highwater::log::LogError;
use highwater::log::sqlite::Verified;
use highwater::text::thousands;
use highwater::workspace::{Workspace, WorkspaceError};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::context::Context;
use super::out::Out;
use super::{Exit, Failure};

/// What `verify` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The whole log: positions, versions, and every event's hash
    #[arg(long, required = true)]
    log: bool,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// Reads all of it. Exit 3 where an event is not as it was written.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let folder = context.folder()?;
    let workspace = Workspace::open(folder, |_, _| Some(highwater::shop::commands()));
    let workspace = match workspace {
        Ok(workspace) => workspace,
        // Its end is looked at on opening already: that is the answer to what is asked here.
        Err(WorkspaceError::Log(LogError::Damaged { path, what })) => {
            let what = format!("{}: {what}", path.display());
            let value = json!({ "whole": false, "position": null, "what": what });
            let sentence = format!("{what}. Keep the file, and restore a backup");
            return say(&value, sentence, Exit::No, args.json);
        }
        Err(other) => return Err(other.into()),
    };
    let bar = ProgressBar::new(workspace.log().head().await?.get());
    let shown = bar.clone();
    let checked = tokio::task::spawn_blocking(move || {
        workspace.sqlite().verify(&mut |at| {
            shown.set_position(at.get());
            ControlFlow::Continue(())
        })
    });
    let verified = checked.await.map_err(Failure::failed)??;
    bar.finish_and_clear();
    tell(&verified, args.json)
}

fn tell(verified: &Verified, json: bool) -> Result<Exit, Failure> {
    let (value, sentence, exit) = match verified {
        Verified::Whole { head, streams } => (
            json!({ "whole": true, "head": head, "streams": streams }),
            format!(
                "whole at head {}: {} streams, every hash fits",
                thousands(head.get()),
                thousands(*streams)
            ),
            Exit::Done,
        ),
        Verified::Flawed { position, what } => (
            json!({ "whole": false, "position": position, "what": what }),
            format!(
                "event {position} is not as it was written: {what}. Keep the file, and restore a backup"
            ),
            Exit::No,
        ),
        Verified::Stopped { at } => (
            json!({ "whole": false, "position": at, "what": "stopped" }),
            format!("stopped at position {at}; all was well so far"),
            Exit::Failed,
        ),
    };
    say(&value, sentence, exit, json)
}

fn say(value: &Value, sentence: String, exit: Exit, json: bool) -> Result<Exit, Failure> {
    let mut out = Out::new();
    if json {
        out.json(value)?;
    } else if exit == Exit::Done {
        out.line(&sentence)?;
    }
    out.finish()?;
    match exit {
        Exit::Done => Ok(exit),
        _ => Err(Failure::Told {
            exit,
            message: sentence,
        }),
    }
}
