//! `run`: the engine without a screen, as a service. Says `ready …` once its loops run.

use highwater::workspace::Workspace;

use super::context::{Context, warn_of_problems};
use super::out::Out;
use super::{Exit, Failure, interrupt};

/// Runs until a signal says stop; then every loop ends after the step it is in.
pub async fn run(context: &Context) -> Result<Exit, Failure> {
    let workspace = context.open()?;
    warn_of_problems(&workspace);
    let stop = interrupt::asked();
    let mut stop = std::pin::pin!(stop);
    let mut engine = workspace.start(None)?;
    tokio::select! {
        () = engine.ready() => {
            let said = say_ready(&workspace).await;
            if said.is_ok() {
                stop.await;
            }
            engine.stop().await;
            said?;
        }
        () = &mut stop => engine.stop().await,
    }
    Ok(Exit::Done)
}

/// One line, for whoever waits for it. Nobody has to read it.
async fn say_ready(workspace: &Workspace) -> Result<(), Failure> {
    let pid = std::process::id();
    let projections = workspace.projections().len();
    let head = workspace.log().head().await?;
    let owner = workspace.engine().filter(|owner| *owner != pid);
    let stand_by = owner.map_or_else(String::new, |owner| {
        format!(" standing by: process {owner} runs the engine")
    });
    let mut out = Out::new();
    let said = out.line(format_args!(
        "ready pid={pid} projections={projections} head={head}{stand_by}"
    ));
    match said.and_then(|()| out.finish()) {
        Err(Failure::OutputClosed) => Ok(()),
        other => other,
    }
}
