//! `highwater` without a subcommand: the dashboard on a terminal, or one picture of it.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use highwater::ui::config::Problem;
use highwater::ui::journal::Journal;
use highwater::ui::{self, ThemeName, UiError, UiOptions};
use highwater::workspace::{Operator, Snapshot};

use super::config::{self, Given};
use super::context::{Context, stop, warn_of_problems};
use super::failure::say;
use super::out::Out;
use super::{Exit, Failure, tracing_to};

/// How the dashboard is to be shown.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// Print the overview once, as text, and end
    #[arg(long)]
    once: bool,
    /// With --once: draw the overview into a file instead, whose name ends with .svg
    #[arg(long, value_name = "FILE", requires = "once")]
    svg: Option<PathBuf>,
    /// Look only: no engine, and nothing that changes the workspace
    #[arg(long)]
    read_only: bool,
    /// Only ASCII characters
    #[arg(long)]
    ascii: bool,
    /// How it looks: auto, dark, light, high-contrast, monochrome
    #[arg(long, value_name = "NAME")]
    theme: Option<ThemeName>,
}

impl Options {
    /// Whether any of them was given.
    pub const fn any(&self) -> bool {
        self.once || self.svg.is_some() || self.read_only || self.ascii || self.theme.is_some()
    }

    /// Whether one picture is wanted.
    pub const fn once(&self) -> bool {
        self.once
    }

    /// Whether it can be shown at all: asked before anything is made or started. Errors: there is no terminal,
    /// or the picture's file could be something else.
    pub fn check(&self) -> Result<(), Failure> {
        if !self.once && !std::io::stdout().is_terminal() {
            return Err(Failure::failed(UiError::NoTerminal));
        }
        match &self.svg {
            Some(file) if file.extension().is_none_or(|e| e != "svg") => {
                Err(Failure::usage(format!(
                    "{}: a picture's name ends with .svg, so that no other file is written over",
                    file.display()
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Opens the workspace and shows it; this process is its engine meanwhile, unless another one is.
pub async fn open(options: Options, context: &Context) -> Result<Exit, Failure> {
    options.check()?;
    let workspace = context.open()?;
    tracing_to::file(&workspace.folder().data());
    if options.once {
        warn_of_problems(&workspace);
        return show(options, workspace.operator().await?).await;
    }
    let engine = (!options.read_only)
        .then(|| workspace.start(None))
        .transpose()?;
    let shown = show(options, workspace.operator().await?).await;
    if let Some(engine) = engine {
        stop(engine).await;
    }
    shown
}

/// Shows a workspace until somebody quits, or once.
pub async fn show(options: Options, operator: Operator) -> Result<Exit, Failure> {
    let given = Given {
        theme: options.theme,
        ascii: options.ascii,
    };
    let folder = operator.snapshots().borrow().workspace.path.clone();
    let (settings, problems) = config::read(Some(&folder), &given);
    // The dashboard's first message tells one of them; the Log screen has all.
    for problem in problems.iter().filter(|_| !options.once) {
        Journal::of_process().say(tracing::Level::WARN, "config", problem.to_string());
    }
    if options.once {
        for problem in &problems {
            say(&format!("warning: {problem}"));
        }
    }
    let look = UiOptions {
        read_only: options.read_only,
        warning: warning(&problems),
        ..settings.options()
    };
    if !options.once {
        let operator = match config::history() {
            Some(file) => operator.with_history(file),
            None => operator,
        };
        return match ui::run(operator, look).await {
            Ok(_) => Ok(Exit::Done),
            Err(error) => Err(Failure::failed(error)),
        };
    }
    let snapshot = operator.snapshots().borrow().clone();
    match &options.svg {
        Some(file) => draw(file, &snapshot, &look),
        None => print(&snapshot, &look),
    }
}

/// The first mistake in the configuration, and that there are more.
fn warning(problems: &[Problem]) -> Option<String> {
    let (first, more) = problems.split_first()?;
    Some(match more.len() {
        0 => first.to_string(),
        more => format!("{first}; {more} more: `highwater config` tells them all"),
    })
}

/// The size of a picture: what the screen is designed for.
const PICTURE: (u16, u16) = (120, 36);

fn draw(file: &Path, snapshot: &Snapshot, look: &UiOptions) -> Result<Exit, Failure> {
    let (width, height) = PICTURE;
    let theme = look.theme();
    let frame = ui::picture(snapshot, width, height, &theme);
    let picture = ui::svg::render(&frame, &snapshot.workspace.name, &theme);
    std::fs::write(file, picture)
        .map_err(|e| Failure::failed(format!("{} cannot be written: {e}", file.display())))?;
    Ok(Exit::Done)
}

fn print(snapshot: &Snapshot, look: &UiOptions) -> Result<Exit, Failure> {
    let columns = std::env::var("COLUMNS").ok();
    let columns = columns.and_then(|columns| columns.parse().ok());
    let text = ui::plain(snapshot, columns.unwrap_or(PICTURE.0), &look.theme());
    let mut out = Out::new();
    for line in text.lines() {
        out.line(line)?;
    }
    out.finish()?;
    Ok(Exit::Done)
}
