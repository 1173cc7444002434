//! Where the program's own messages go, and which: `HIGHWATER_LOG` asks for others than usual.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _};
use std::path::Path;

use highwater::ui::journal::ToJournal;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

/// A file of messages that is larger than this begins anew.
const LARGEST: u64 = 1 << 20;

fn filter(default: &str) -> EnvFilter {
    let wanted = std::env::var("HIGHWATER_LOG").unwrap_or_default();
    EnvFilter::try_new(wanted)
        .ok()
        .filter(|filter| !filter.to_string().is_empty())
        .unwrap_or_else(|| EnvFilter::new(default))
}

/// Messages go to standard error: those of this level and worse, as `warn`; `off` is none.
pub fn stderr(default: &str) {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(default))
        .with_writer(io::stderr)
        .with_ansi(colour);
    // There is one already where a test has made one.
    drop(subscriber.try_init());
}

/// Messages go to `highwater.log` in a folder and to the dashboard's journal, away from the screen. Where the file
/// cannot be written there is the journal alone.
pub fn file(folder: &Path) {
    let path = folder.join("highwater.log");
    let large = fs::metadata(&path).is_ok_and(|data| data.len() > LARGEST);
    let options = File::options()
        .create(true)
        .append(!large)
        .write(true)
        .truncate(large)
        .open(path);
    let file = options.ok().map(|file| {
        fmt::layer()
            .with_writer(file)
            .with_ansi(false)
            .with_filter(filter("warn"))
    });
    let journal = ToJournal.with_filter(filter("highwater=info,warn"));
    drop(
        tracing_subscriber::registry()
            .with(file)
            .with(journal)
            .try_init(),
    );
}
