//! `export [FILE|-]`: all events but those of system streams, as CloudEvents lines.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use highwater::event::Position;
use highwater::log::EventLog;
use highwater::text::thousands;
use highwater::transfer::{ExportError, export};
use indicatif::ProgressBar;

use super::context::Context;
use super::failure::say;
use super::{Exit, Failure};

/// What `export` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A new file, packed with gzip where its name ends with .gz; - is standard output
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// Exports everything there is at the start.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let workspace = context.open()?;
    // As it was stored: whoever takes it in may know how to read older events better than this program.
    let log = workspace.sqlite();
    if args.file == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        write_all(log, &mut out, |_| {}).await?;
        return Ok(Exit::Done);
    }
    let name = args.file.display().to_string();
    let file = BufWriter::new(create(&args.file)?);
    let bar = ProgressBar::new(log.head().await?.get());
    let progress = |at: Position| bar.set_position(at.get());
    let written = if args.file.extension().is_some_and(|e| e == "gz") {
        let mut out = GzEncoder::new(file, Compression::default());
        let written = write_all(log, &mut out, progress).await;
        let ended = out.finish().and_then(|mut file| file.flush());
        written.and_then(|count| ended.map(|()| count).map_err(|e| Failure::output(&e)))
    } else {
        let mut out = file;
        write_all(log, &mut out, progress).await
    };
    bar.finish_and_clear();
    let written = written.map_err(|failure| failure.in_file(&name))?;
    say(&format!("{} events exported to {name}", thousands(written)));
    Ok(Exit::Done)
}

async fn write_all(
    log: &dyn EventLog,
    out: &mut impl Write,
    progress: impl FnMut(Position),
) -> Result<u64, Failure> {
    let written = export(log, out, Position::START, progress).await;
    written.map_err(|error| match error {
        ExportError::Output(error) => Failure::output(&error),
        other => Failure::failed(other),
    })
}

/// A new file, or a device or pipe that is there: no file is written over, or a slip of the finger could
/// cost a log.
fn create(path: &Path) -> Result<File, Failure> {
    let mut options = File::options();
    let special = std::fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir());
    if special {
        options.write(true);
    } else {
        options.write(true).create_new(true);
    }
    options.open(path).map_err(|e| {
        let what = match e.kind() {
            ErrorKind::AlreadyExists => {
                "it is there already: give another name, or remove it first".to_owned()
            }
            _ => format!("cannot be written: {e}"),
        };
        Failure::failed(format!("{}: {what}", path.display()))
    })
}
