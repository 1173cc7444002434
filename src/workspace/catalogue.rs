//! The projections of a workspace, the program's own and those that its files have now: read, read again when they change, and told
//! to whoever runs or shows them.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use super::folder::Folder;
use super::{Inner, WorkspaceError, watching};
use crate::read::{About, Definition, FILE_LIMIT, Projection, SqlProjection, is_name};

/// Editors write a file in several steps: it is read once they have been quiet for so long.
const QUIET: Duration = Duration::from_millis(30);

/// Behind the watcher, for file systems that report nothing: look at names, sizes and times so often.
const LOOK: Duration = Duration::from_secs(1);

/// The projections that a workspace has, and what is wrong with their files.
#[derive(Default)]
pub(super) struct Catalogue {
    /// By name, replicas each on their own. What did not change is the same one as before.
    pub projections: Vec<Arc<dyn Projection>>,
    /// A message with file, line and column for each broken file.
    pub problems: Vec<String>,
}

impl Catalogue {
    /// Reads the folder, beside what the program itself has. Where a file is broken, the last good definition
    /// stays: the one there was, else the one that the read model was built from.
    ///
    /// Errors: the folder cannot be read.
    pub(super) fn read(
        folder: &Folder,
        own: &[Arc<dyn Projection>],
        before: &Self,
    ) -> Result<Self, WorkspaceError> {
        let mut catalogue = Self::default();
        for projection in own {
            match catalogue.refuse(projection.name()) {
                None => catalogue.projections.push(Arc::clone(projection)),
                Some(problem) => catalogue.problems.push(problem),
            }
        }
        for path in files(&folder.projections())? {
            let name = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            if own.iter().any(|known| base(known.name()) == name) {
                catalogue.problems.push(format!(
                    "{name}.sql: the program has a projection of this name, which goes on: rename the file"
                ));
                continue;
            }
            match read_file(&name, &path, before) {
                Ok(projections) => catalogue.projections.extend(projections),
                Err(problem) => {
                    catalogue
                        .projections
                        .extend(last_good(folder, &name, before));
                    catalogue.problems.push(problem);
                }
            }
        }
        // Replicas stay in the order in which they are written.
        catalogue
            .projections
            .sort_by(|a, b| base(a.name()).cmp(base(b.name())));
        Ok(catalogue)
    }

    /// Why a projection of the program's cannot go by this name.
    fn refuse(&self, name: &str) -> Option<String> {
        let shown = crate::text::clean(name);
        if !name.splitn(2, '@').all(is_name) {
            Some(format!(
                "{shown}: a projection's name has 1 to 64 letters, digits, `_` and `-`: give it another one in its code"
            ))
        } else if self.projections.iter().any(|known| known.name() == name) {
            Some(format!(
                "{shown}: the program has two projections of this name: give one another name"
            ))
        } else {
            None
        }
    }

    /// Whether somebody who has the other one is told anything new by this one.
    fn is_new_to(&self, other: &Self) -> bool {
        let same = |(a, b): (&Arc<dyn Projection>, &Arc<dyn Projection>)| Arc::ptr_eq(a, b);
        self.problems != other.problems
            || self.projections.len() != other.projections.len()
            || !self.projections.iter().zip(&other.projections).all(same)
    }
}

/// A projection's name without a replica's.
fn base(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, WorkspaceError> {
    let fail = |e: std::io::Error| WorkspaceError::Io {
        path: folder.to_owned(),
        reason: e.to_string(),
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(fail(e)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(fail)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|e| e == "sql") && !hidden {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(
    name: &str,
    path: &Path,
    before: &Catalogue,
) -> Result<Vec<Arc<dyn Projection>>, String> {
    let words = |e: std::io::Error| format!("{}: {e}", path.display());
    let about = std::fs::metadata(path).map_err(words)?;
    // A pipe or a device would be read without an end.
    if !about.is_file() {
        return Err(format!(
            "{}: it is not a file: remove it, or give it another ending",
            path.display()
        ));
    }
    let size = about.len();
    if size > FILE_LIMIT as u64 {
        return Err(format!(
            "{}: {size} bytes: the limit is {FILE_LIMIT} bytes",
            path.display()
        ));
    }
    let text = std::fs::read_to_string(path).map_err(words)?;
    let one = |name: &str| -> Result<Arc<dyn Projection>, String> {
        match before.projections.iter().find(|known| known.name() == name) {
            Some(known) if known.source() == text => Ok(Arc::clone(known)),
            _ => match SqlProjection::parse(name, &text) {
                Ok(projection) => Ok(Arc::new(projection)),
                Err(error) => Err(error.to_string()),
            },
        }
    };
    let definition = crate::read::Definition::parse(name, &text).map_err(|e| e.to_string())?;
    if definition.replicas.is_empty() {
        return Ok(vec![one(name)?]);
    }
    definition
        .replicas
        .iter()
        .map(|replica| one(&format!("{name}@{}", replica.name)))
        .collect()
}

/// What a file said when it was last good.
fn last_good(folder: &Folder, name: &str, before: &Catalogue) -> Vec<Arc<dyn Projection>> {
    let is_of_it = |other: &str| base(other) == name;
    let known: Vec<_> = before
        .projections
        .iter()
        .filter(|p| is_of_it(p.name()))
        .cloned()
        .collect();
    if !known.is_empty() {
        return known;
    }
    let links = std::fs::read_dir(folder.models())
        .into_iter()
        .flatten()
        .flatten();
    let names = links.filter_map(|link| {
        let path = link.path();
        let stem = path.file_stem()?.to_str()?.to_owned();
        (path.is_symlink() && path.extension()? == "db" && is_of_it(&stem)).then_some(stem)
    });
    let mut models: Vec<(String, About, Option<SystemTime>)> = names
        .filter_map(|name| {
            let link = folder.versions(&name).link();
            let about = About::read(&link).ok()?;
            Some((name, about, written_at(&link)))
        })
        .collect();
    models.sort_by(|a, b| a.0.cmp(&b.0));
    // A replica that was taken out of the file keeps its read model, and the text of its day.
    let newest = models.iter().max_by_key(|(_, _, written)| *written);
    let newest = newest.and_then(|(_, about, _)| Definition::parse(name, &about.source).ok());
    let replicas = newest
        .map(|definition| definition.replicas)
        .unwrap_or_default();
    let stands = |model: &str| match model.split_once('@') {
        Some((_, replica)) => replicas.iter().any(|r| r.name == replica),
        None => replicas.is_empty(),
    };
    let built_from = |(name, about, _): &(String, About, _)| -> Option<Arc<dyn Projection>> {
        let projection = SqlProjection::parse(name, &about.source).ok()?;
        stands(name).then(|| Arc::new(projection) as _)
    };
    models.iter().filter_map(built_from).collect()
}

/// When the version behind a link was written to last.
fn written_at(link: &Path) -> Option<SystemTime> {
    let database = std::fs::canonicalize(link).ok()?;
    let mut wal = database.clone().into_os_string();
    wal.push("-wal");
    let modified = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|data| data.modified())
            .ok()
    };
    modified(&database).max(modified(Path::new(&wal)))
}

/// A projection that is not in the catalogue though it has a read model: some editors put the old file aside
/// before they write the new one, and whoever opens the workspace in that instant finds neither. Looks once
/// more when that is over.
pub(super) fn look_again(folder: &Folder, name: &str) -> Option<Arc<dyn Projection>> {
    if !folder.versions(name).link().is_symlink() {
        return None;
    }
    let base = name.split('@').next().unwrap_or(name);
    let path = folder.projections().join(format!("{base}.sql"));
    let none = Catalogue::default();
    let look = || {
        let of_file = match read_file(base, &path, &none) {
            Ok(projections) => projections,
            Err(_) if path.exists() => last_good(folder, base, &none),
            Err(_) => Vec::new(),
        };
        of_file.into_iter().find(|found| found.name() == name)
    };
    look().or_else(|| {
        std::thread::sleep(QUIET);
        look()
    })
}

/// Watches the folder in a thread of its own, for as long as the workspace is open.
pub(super) fn watch(workspace: &Arc<Inner>) {
    let folder = workspace.folder.projections();
    let weak = Arc::downgrade(workspace);
    let (changed, changes) = channel();
    let watcher = watching::watch(&folder, move |_| {
        // Where this fails, the thread has ended: nobody wants to know any more.
        let _ = changed.send(());
    });
    if let Err(error) = &watcher {
        tracing::warn!(%error, folder = %folder.display(), "changes of projections are noticed once a second only");
    }
    let thread = std::thread::Builder::new().name("projections".to_owned());
    let spawned = thread.spawn(move || {
        let _watcher = watcher;
        follow(&weak, &folder, &changes);
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "changes of projections are not noticed");
    }
}

fn follow(workspace: &Weak<Inner>, folder: &Path, changes: &Receiver<()>) {
    let mut seen = None;
    loop {
        match changes.recv_timeout(LOOK) {
            Ok(()) => while changes.recv_timeout(QUIET).is_ok() {},
            Err(RecvTimeoutError::Timeout) => {}
            // There is no watcher.
            Err(RecvTimeoutError::Disconnected) => std::thread::park_timeout(LOOK),
        }
        let Some(workspace) = workspace.upgrade() else {
            return;
        };
        let now = Some(signature(folder));
        if now == seen {
            continue;
        }
        seen = now;
        let before = Arc::clone(&workspace.catalogue.borrow());
        match Catalogue::read(&workspace.folder, &workspace.own, &before) {
            Ok(catalogue) if catalogue.is_new_to(&before) => {
                for problem in catalogue
                    .problems
                    .iter()
                    .filter(|p| !before.problems.contains(p))
                {
                    tracing::warn!("{problem}");
                }
                workspace.catalogue.send_replace(Arc::new(catalogue));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the projections cannot be read just now"),
        }
    }
}

/// Names, sizes and times: what differs when a file was written.
fn signature(folder: &Path) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let files = files(folder).unwrap_or_default();
    let look = |path: PathBuf| {
        let data = std::fs::metadata(&path).ok();
        (
            path,
            data.as_ref().map_or(0, std::fs::Metadata::len),
            data.and_then(|d| d.modified().ok()),
        )
    };
    files.into_iter().map(look).collect()
}
