//! Tells when something in a folder changes.

use std::path::{Path, PathBuf};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

/// Tells of each change in a folder, for as long as the answer lives. That somebody reads is no change:
/// else who looks because of a change would wake himself, for ever.
///
/// Errors: the system cannot watch it.
pub(super) fn watch(
    folder: &Path,
    mut tell: impl FnMut(&[PathBuf]) + Send + 'static,
) -> notify::Result<RecommendedWatcher> {
    let mut watcher =
        notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
            Ok(event) => tell(&event.paths),
            // What was missed may have been a change.
            Err(_) => tell(&[]),
        })?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn reading_is_no_change() {
        let dir = tempfile::tempdir().unwrap();
        let (read, written) = (dir.path().join("read"), dir.path().join("written"));
        std::fs::write(&read, "x").unwrap();
        let (seen, changes) = channel();
        let _watcher = watch(dir.path(), move |paths| seen.send(paths.to_vec()).unwrap()).unwrap();
        for _ in 0..20 {
            std::fs::read(&read).unwrap();
            std::fs::read_dir(dir.path()).unwrap().for_each(drop);
        }
        std::fs::write(&written, "x").unwrap();
        // They are told in order: had reading been told of, it would come first.
        let first = changes
            .recv_timeout(std::time::Duration::from_secs(60))
            .unwrap();
        assert_eq!(first, [written]);
    }
}
