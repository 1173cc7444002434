//! What every subcommand starts from: which workspace, opened; and an engine for one that needs one.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use highwater::workspace::{Domain, Engine, Folder, Workspace};

use super::Failure;
use super::failure::say;

/// The variable that names the workspace where the command line does not.
const VARIABLE: &str = "HIGHWATER_WORKSPACE";

/// Which workspace is meant.
pub struct Context {
    given: Option<PathBuf>,
    /// What this program brings along.
    pub domain: Domain,
}

impl Context {
    /// The one that was given; else it is looked for.
    pub const fn new(given: Option<PathBuf>, domain: Domain) -> Self {
        Self { given, domain }
    }

    /// Finds the workspace's folder: the one given, else the variable's, else the nearest upward.
    pub fn folder(&self) -> Result<Folder, Failure> {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        if let Some(path) = self.given.clone().or_else(|| variable.map(PathBuf::from)) {
            return Ok(Folder::existing(&path)?);
        }
        let here = std::env::current_dir()
            .map_err(|e| Failure::failed(format!("the current folder cannot be read: {e}")))?;
        Ok(Folder::nearest(&here)?)
    }

    /// Opens the workspace.
    pub fn open(&self) -> Result<Workspace, Failure> {
        Ok(self.domain.open(self.folder()?)?)
    }
}

/// Says what is wrong with projections' files; the others go on.
pub fn warn_of_problems(workspace: &Workspace) {
    for problem in workspace.problems() {
        say(&format!("warning: {problem}"));
    }
}

/// Says what is wrong with one projection's file: then its last good version is what goes on.
pub fn warn_of(workspace: &Workspace, projection: &str) {
    let base = projection.split('@').next().unwrap_or(projection);
    let file = format!("{base}.sql:");
    let problems = workspace.problems();
    for problem in problems.iter().filter(|problem| problem.starts_with(&file)) {
        say(&format!(
            "warning: {problem}\nwhat was built from its last good version is used"
        ));
    }
}

/// An engine for one projection, for as long as a subcommand needs one. Where another engine owns the
/// projection, that one does the work, and this one takes over only if it ends.
pub async fn engine_for(workspace: &Workspace, projection: &str) -> Result<Engine, Failure> {
    workspace.projection(projection)?;
    let mut engine = workspace.start(Some(projection))?;
    engine.ready().await;
    // Whoever looks whether an engine runs holds its lock for an instant: then it is taken at the next try.
    let deadline = Instant::now() + Duration::from_secs(3);
    while workspace.engine().is_none() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(engine)
}

/// Stops an engine that is not needed any more. A statement that takes too long is not waited for: what it
/// did is not committed, and the next engine does it again.
pub async fn stop(engine: Engine) {
    drop(tokio::time::timeout(Duration::from_secs(2), engine.stop()).await);
}

/// The most bytes of JSON that are read from standard input: more than any limit allows, so that the limit
/// is what is named.
const INPUT_LIMIT: u64 = 64 << 20;

/// A text from the command line, or standard input's where it is `-`: an argument has room for little.
pub fn text_or_input(text: String) -> Result<String, Failure> {
    if text != "-" {
        return Ok(text);
    }
    let mut read = String::new();
    std::io::stdin()
        .lock()
        .take(INPUT_LIMIT)
        .read_to_string(&mut read)
        .map_err(|e| Failure::failed(format!("standard input cannot be read: {e}")))?;
    Ok(read)
}

/// A path for people; `-` by its name.
pub fn file_name(path: &Path, dash: &str) -> String {
    if path == Path::new("-") {
        dash.to_owned()
    } else {
        path.display().to_string()
    }
}
