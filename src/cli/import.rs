//! `import FILE|-`: events from CloudEvents lines, with progress on a terminal. Ctrl-C stops it between two
//! batches.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use highwater::text::thousands;
use highwater::transfer::{ImportFailure, ImportProgress, import};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::context::{Context, file_name};
use super::out::Out;
use super::{Exit, Failure, interrupt};

/// What `import` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file, plain or gzip; - is standard input
    file: PathBuf,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// Imports it; what is there already is skipped.
pub async fn run(args: Args, context: &Context) -> Result<Exit, Failure> {
    let name = file_name(&args.file, "standard input");
    let (input, size) = open(&args.file)?;
    let workspace = context.open()?;
    let stop = Arc::new(AtomicBool::new(false));
    tokio::spawn({
        let stop = Arc::clone(&stop);
        async move {
            interrupt::asked().await;
            stop.store(true, Ordering::Relaxed);
        }
    });
    let bar = progress_bar(size);
    let shown = bar.clone();
    let progress = move |done: &ImportProgress| {
        shown.set_position(done.bytes);
        let events = thousands(done.imported + done.skipped);
        shown.set_message(format!("{events} events"));
    };
    let imported = import(&*workspace.log(), input, progress, &stop).await;
    bar.finish_and_clear();
    let done = imported.map_err(|e| match e.failure {
        ImportFailure::Interrupted => Failure::failed(&e),
        _ => Failure::failed(&e).in_file(&name),
    })?;
    let mut out = Out::new();
    if args.json {
        out.json(&json!({
            "imported": done.imported, "skipped": done.skipped, "head": done.head,
        }))?;
    } else {
        out.line(format_args!(
            "{} events imported, {} skipped; head {}",
            thousands(done.imported),
            thousands(done.skipped),
            thousands(done.head.get())
        ))?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

/// The input, and its size where that is known.
fn open(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(std::io::stdin()), None));
    }
    let fail = |what: String| Failure::failed(format!("{}: {what}", path.display()));
    let file = File::open(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
    let data = file
        .metadata()
        .map_err(|e| fail(format!("cannot be read: {e}")))?;
    if data.is_dir() {
        return Err(fail("it is a folder: give a file of events, or -".into()));
    }
    let size = data.is_file().then_some(data.len());
    Ok((Box::new(file), size))
}

/// It shows itself on standard error, and only on a terminal.
fn progress_bar(size: Option<u64>) -> ProgressBar {
    let template = if size.is_some() {
        "{bar:30} {percent:>3} % read  {msg}"
    } else {
        "{spinner} {msg}"
    };
    let bar = size.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
