//! `init DIR`: makes a workspace of a folder.

use std::path::PathBuf;

use highwater::workspace::{CONFIG_FILE, Folder};

use super::out::Out;
use super::{Exit, Failure};

/// What `init` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder; it is made where there is none, and what is in it stays
    dir: PathBuf,
}

/// Makes it, and says what comes next.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let folder = Folder::init(&args.dir)?;
    let mut out = Out::new();
    out.line(format_args!("{} is a workspace.", folder.path().display()))?;
    out.line(format_args!(
        "  {CONFIG_FILE}    its settings, each explained"
    ))?;
    out.line("  projections/      write one as NAME.sql; `highwater demo DIR` has examples")?;
    out.finish()?;
    Ok(Exit::Done)
}
