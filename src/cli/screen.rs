//! `highwater` without a subcommand: the dashboard on a terminal, or one picture of it.

use std::path::PathBuf;

use highwater::ui::{self, UiOptions};
use highwater::workspace::Operator;

use super::context::{Context, warn_of_problems};
use super::out::Out;
use super::{Exit, Failure, status, tracing_to};

/// How the dashboard is to be shown.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// Print the overview once, as text, and end
    #[arg(long)]
    once: bool,
    /// With --once: draw the overview into a file instead
    #[arg(long, value_name = "FILE", requires = "once")]
    svg: Option<PathBuf>,
    /// Look only: no engine, and nothing that changes the workspace
    #[arg(long)]
    read_only: bool,
    /// Only ASCII characters
    #[arg(long)]
    ascii: bool,
}

impl Options {
    /// Whether any of them was given.
    pub const fn any(&self) -> bool {
        self.once || self.svg.is_some() || self.read_only || self.ascii
    }

    /// Whether one picture is wanted.
    pub const fn once(&self) -> bool {
        self.once
    }
}

/// Opens the workspace and shows it; this process is its engine meanwhile, unless another one is.
pub async fn open(options: Options, context: &Context) -> Result<Exit, Failure> {
    let workspace = context.open()?;
    tracing_to::file(&workspace.folder().data());
    if options.once {
        warn_of_problems(&workspace);
        return show(options, workspace.operator().await?).await;
    }
    let engine = match options.read_only {
        true => None,
        false => Some(workspace.start(None)?),
    };
    let shown = show(options, workspace.operator().await?).await;
    if let Some(engine) = engine {
        engine.stop().await;
    }
    shown
}

/// Shows a workspace until somebody quits, or once.
pub async fn show(options: Options, operator: Operator) -> Result<Exit, Failure> {
    let look = UiOptions {
        no_color: std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
        ascii: options.ascii,
        read_only: options.read_only,
        ..UiOptions::default()
    };
    if !options.once {
        return match ui::run(operator, look).await {
            Ok(_) => Ok(Exit::Done),
            Err(error) => Err(Failure::failed(error)),
        };
    }
    let snapshot = operator.snapshots().borrow().clone();
    if let Some(file) = options.svg {
        let frame = ui::picture(&snapshot, 120, 36, &look.theme());
        let picture = ui::svg::render(&frame, &snapshot.workspace.name);
        return match std::fs::write(&file, picture) {
            Ok(()) => Ok(Exit::Done),
            Err(error) => Err(Failure::failed(format!("{}: {error}", file.display()))),
        };
    }
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let mut out = Out::new();
    for line in ui::plain(&snapshot, columns.unwrap_or(120), &look.theme()).lines() {
        out.line(line)?;
    }
    out.finish()?;
    Ok(Exit::Done)
}
