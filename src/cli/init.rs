//! `init DIR`: makes a workspace of a folder.

use std::path::PathBuf;

use highwater::text::program;
use highwater::workspace::{CONFIG_FILE, Folder};

use super::context::Context;
use super::out::Out;
use super::{Exit, Failure};

/// What `init` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder; it is made where there is none, and what is in it stays
    dir: PathBuf,
}

/// Makes it, and says what comes next.
pub fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let folder = Folder::init_for(&args.dir, &context.domain)?;
    let mut out = Out::new();
    out.line(format_args!("{} is a workspace.", folder.path().display()))?;
    out.line(format_args!(
        "  {CONFIG_FILE}    its settings, each explained"
    ))?;
    let projections = if context.domain.projections().is_empty() {
        format!(
            "write one as NAME.sql; `{} demo DIR` has examples",
            program()
        )
    } else {
        "its read models: edit them, or write one more as NAME.sql".to_owned()
    };
    out.line(format_args!("  projections/      {projections}"))?;
    out.finish()?;
    Ok(Exit::Done)
}
