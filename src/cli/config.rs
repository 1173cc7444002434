//! `config`: how the dashboard is set, and where each value comes from. What else reads the files for it is here too.

use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use highwater::ui::config::{Origin, Problem, Settings};
use highwater::ui::{Screen, ThemeName};
use highwater::workspace::CONFIG_FILE;
use serde_json::json;

use super::context::Context;
use super::out::Out;
use super::screen::screens;
use super::table::{Side, Table};
use super::{Exit, Failure};

/// What `config` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// As if the dashboard were to begin with this screen
    #[arg(long, value_name = "NAME", value_parser = screens())]
    screen: Option<Screen>,
    /// As if the dashboard were given this theme
    #[arg(long, value_name = "NAME")]
    theme: Option<ThemeName>,
    /// As if the dashboard were told to draw only ASCII
    #[arg(long)]
    ascii: bool,
}

/// Prints what is in force. Errors: something in a file is wrong; the rest is printed.
pub fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let folder = context.folder().ok();
    let folder = folder.as_ref().map(|folder| folder.path());
    let given = Given {
        start: args.screen,
        theme: args.theme,
        ascii: args.ascii,
    };
    let (settings, problems) = read(folder, &given);
    let mut out = Out::new();
    if args.json {
        let all = settings.all();
        let all: Vec<_> = all
            .iter()
            .map(|setting| json!({"name": setting.name, "value": setting.value, "origin": origin(&setting.origin)}))
            .collect();
        let problems: Vec<_> = problems
            .iter()
            .map(|p| json!({"file": p.path, "line": p.line, "problem": p.what}))
            .collect();
        out.json(&json!({"settings": all, "problems": problems}))?;
    } else {
        let mut table = Table::new(&[
            ("SETTING", Side::Left),
            ("VALUE", Side::Left),
            ("FROM", Side::Left),
        ]);
        for setting in settings.all() {
            table.row([
                setting.name,
                setting.value.to_string(),
                setting.origin.to_string(),
            ]);
        }
        for line in table.lines() {
            out.line(line)?;
        }
    }
    out.finish()?;
    if problems.is_empty() {
        return Ok(Exit::Done);
    }
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(Failure::failed(told.join("\n")))
}

/// Where a value comes from, for a program.
fn origin(origin: &Origin) -> serde_json::Value {
    match origin {
        Origin::Default => json!({"kind": "default"}),
        Origin::File(path, line) => json!({"kind": "file", "file": path, "line": line}),
        Origin::Environment(name) => json!({"kind": "environment", "name": name}),
        Origin::Flag(name) => json!({"kind": "flag", "name": name}),
    }
}

/// What the command line says of the dashboard.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given {
    /// The screen to begin with.
    pub start: Option<Screen>,
    /// Its theme.
    pub theme: Option<ThemeName>,
    /// Whether it is drawn with ASCII alone.
    pub ascii: bool,
}

/// The settings in force: your own file's, over them the workspace's, the environment's, the command line's.
pub fn read(workspace: Option<&Path>, given: &Given) -> (Settings, Vec<Problem>) {
    let mut settings = Settings::default();
    let mut problems = Vec::new();
    let files = [own_file(), workspace.map(|folder| folder.join(CONFIG_FILE))];
    for path in files.into_iter().flatten() {
        match std::fs::read_to_string(&path) {
            Ok(text) => problems.extend(settings.lay(&path, &text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => problems.push(Problem {
                what: format!("it cannot be read: {error}"),
                line: 1,
                path,
            }),
        }
    }
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        settings.set_theme(ThemeName::Monochrome, Origin::Environment("NO_COLOR"));
    }
    if let Some(start) = given.start {
        settings.set_start(start, Origin::Flag("--screen"));
    }
    if let Some(theme) = given.theme {
        settings.set_theme(theme, Origin::Flag("--theme"));
    }
    if given.ascii {
        settings.set_ascii(true, Origin::Flag("--ascii"));
    }
    (settings, problems)
}

/// Your own file; `None` where nobody knows your folders.
fn own_file() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("highwater").join("config.toml"))
}

/// Where what is typed in the dashboard is kept: a file of your own, not of the workspace, which others may read.
pub fn history() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    let folder = base.state_dir().unwrap_or_else(|| base.data_dir());
    Some(folder.join("highwater").join("history"))
}
