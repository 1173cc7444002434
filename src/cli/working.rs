//! Work that takes its time: a bar on the terminal while it is done, and Ctrl-C to stop it.

use std::future::Future;
use std::time::Duration;

use highwater::workspace::{Phase, Progress, Work};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::runtime::Handle;

use super::{Failure, interrupt};

/// How often the bar is drawn.
const LOOK: Duration = Duration::from_millis(100);

/// Does it, on a thread of its own, until it is done; where this process is asked to stop, the work is. On
/// standard error a terminal sees how far it is.
pub async fn watched<T: Send + 'static>(
    name: &str,
    work: &Work,
    task: impl Future<Output = T> + Send + 'static,
) -> Result<T, Failure> {
    let bar = ProgressBar::new(0);
    let done = tokio::task::spawn_blocking(|| Handle::current().block_on(task));
    let mut done = std::pin::pin!(done);
    let mut asked = std::pin::pin!(interrupt::asked());
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            done = &mut done => {
                bar.finish_and_clear();
                return done.map_err(Failure::failed);
            }
            _ = looks.tick() => show(&bar, name, work.progress()),
            () = &mut asked, if !work.is_stopped() => work.stop(),
        }
    }
}

fn show(bar: &ProgressBar, name: &str, progress: Progress) {
    let Progress { phase, done, of } = progress;
    let what = match phase {
        Phase::Copying => "taking a copy",
        Phase::Folding => "folding",
        Phase::Comparing => "comparing rows",
        Phase::Searching => "looking for where rows parted",
    };
    let template = match (of, done) {
        (0, 0) => "{prefix}: {msg}",
        (0, _) => "{prefix}: {msg} {human_pos}",
        _ => "{prefix}: {msg} {wide_bar} {human_pos} of {human_len}, {eta} left",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(name.to_owned());
    bar.set_message(what);
    bar.set_length(of);
    bar.set_position(done);
    bar.tick();
}
