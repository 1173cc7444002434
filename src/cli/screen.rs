//! `highwater` without a subcommand: the dashboard on a terminal, or one picture of one of its screens.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use highwater::ui::config::Problem;
use highwater::ui::journal::Journal;
use highwater::ui::{self, Screen, ThemeName, UiError, UiOptions, once};
use highwater::workspace::Operator;

use super::config::{self, Given};
use super::context::{Context, stop, warn_of_problems};
use super::failure::say;
use super::out::Out;
use super::{Exit, Failure, tracing_to};

/// How the dashboard is to be shown.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// Print one screen once, as text, and end: the Overview, wherever the dashboard is set to begin, or the one that
    /// --screen names
    #[arg(long)]
    once: bool,
    /// With --once: draw it into a file instead, whose name ends with .svg
    #[arg(long, value_name = "FILE", requires = "once")]
    svg: Option<PathBuf>,
    /// The screen to begin with
    #[arg(long, value_name = "NAME", value_parser = screens())]
    screen: Option<Screen>,
    /// With --screen: what it is of, as it is typed after `:`. A projection for projection and time, a stream for stream,
    /// what is looked for among events
    #[arg(long, value_name = "WHAT", requires = "screen")]
    of: Option<String>,
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

/// One of the screens, by the name that it has where the dashboard is set.
pub fn screens() -> impl TypedValueParser<Value = Screen> {
    let names = Screen::ALL.map(Screen::setting);
    PossibleValuesParser::new(names).map(|name| {
        let named = Screen::ALL
            .into_iter()
            .find(|screen| screen.setting() == name);
        named.unwrap_or_default()
    })
}

impl Options {
    /// Whether any of them was given.
    pub const fn any(&self) -> bool {
        self.once
            || self.svg.is_some()
            || self.screen.is_some()
            || self.of.is_some()
            || self.read_only
            || self.ascii
            || self.theme.is_some()
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
        // One picture is the same for everybody, wherever somebody likes to begin.
        start: options.screen.or(options.once.then(Screen::default)),
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
        of: options.of,
        warning: warning(&problems).filter(|_| !options.once),
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
    match &options.svg {
        Some(file) => draw(file, operator, &look).await,
        None => print(operator, &look).await,
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

/// The widest and tallest text that is printed.
const LARGEST: u16 = 1_000;

async fn draw(file: &Path, operator: Operator, look: &UiOptions) -> Result<Exit, Failure> {
    let picture = once::picture(operator, look, PICTURE).await;
    let picture = picture.map_err(Failure::failed)?;
    std::fs::write(file, picture)
        .map_err(|e| Failure::failed(format!("{} cannot be written: {e}", file.display())))?;
    Ok(Exit::Done)
}

async fn print(operator: Operator, look: &UiOptions) -> Result<Exit, Failure> {
    let cells = |name: &str, usual: u16| {
        let given = std::env::var(name).ok();
        let given = given.and_then(|cells| cells.parse().ok());
        given.map_or(usual, |cells: u16| cells.min(LARGEST))
    };
    let size = (cells("COLUMNS", PICTURE.0), cells("LINES", PICTURE.1));
    let text = once::plain(operator, look, size).await;
    let text = text.map_err(Failure::failed)?;
    let mut out = Out::new();
    for line in text.lines() {
        out.line(line)?;
    }
    out.finish()?;
    Ok(Exit::Done)
}
