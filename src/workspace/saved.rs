//! What a user interface keeps in files outside of the workspace: what somebody saves from a screen, and what was typed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{OperateError, Operator};

/// How many typed lines are given back, and after how many the file is made short again.
const LINES: usize = 500;

/// The longest line that is kept, in bytes: a pasted list of a hundred kilobytes is nothing to go back to.
const LONGEST: usize = 4 << 10;

/// How many files of the same second there may be.
const TWINS: u32 = 100;

impl Operator {
    /// What is typed is kept in this file, for the next session; nobody else may read it.
    #[must_use]
    pub fn with_history(mut self, file: PathBuf) -> Self {
        self.typed = Some(file);
        self
    }

    /// What was typed before, oldest first: at most 500 lines. Nothing where it cannot be read.
    pub fn typed(&self) -> Vec<String> {
        let Some(file) = &self.typed else {
            return Vec::new();
        };
        // A file of another encoding, say: a lost history is no reason not to begin.
        let text = fs::read_to_string(file).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let first = lines.len().saturating_sub(LINES);
        lines[first..].to_vec()
    }

    /// Keeps a line that was typed. Errors: the file cannot be written.
    pub fn remember(&self, line: &str) -> io::Result<()> {
        let Some(file) = &self.typed else {
            return Ok(());
        };
        if line.len() > LONGEST || line.contains('\n') {
            return Ok(());
        }
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        writeln!(private(file, OpenOptions::new().append(true))?, "{line}")?;
        shorten(file)
    }

    /// Writes a text into a new file in the folder where the program was started, and answers its path. No file is
    /// written over. Errors: the folder cannot be written, or has too many files of that name.
    pub fn save(&self, stem: &str, ending: &str, text: &str) -> Result<PathBuf, OperateError> {
        let folder = std::env::current_dir().map_err(|e| {
            OperateError(format!("the folder that this was started in is gone: {e}"))
        })?;
        save_in(&folder, stem, ending, text).map_err(|e| {
            OperateError(format!(
                "{}: nothing can be saved there: {e}; start this in a folder that you may write to",
                folder.display()
            ))
        })
    }
}

fn save_in(folder: &Path, stem: &str, ending: &str, text: &str) -> io::Result<PathBuf> {
    for twin in 1..=TWINS {
        let name = match twin {
            1 => format!("{stem}.{ending}"),
            twin => format!("{stem}-{twin}.{ending}"),
        };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                return Ok(path);
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("{stem}.{ending} is there {TWINS} times"),
    ))
}

/// Opens a file that only its owner may read, made where it is not there.
fn private(file: &Path, options: &mut OpenOptions) -> io::Result<fs::File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.create(true).open(file)
}

/// Only the newest lines stay, once there are twice as many. What another session adds in that moment is lost.
fn shorten(file: &Path) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() < 2 * LINES {
        return Ok(());
    }
    let newest = lines[lines.len() - LINES..].join("\n") + "\n";
    let beside = file.with_extension("new");
    private(&beside, OpenOptions::new().write(true).truncate(true))?
        .write_all(newest.as_bytes())?;
    fs::rename(beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let first = save_in(dir.path(), "overview", "csv", "one").unwrap();
        let second = save_in(dir.path(), "overview", "csv", "two").unwrap();
        assert_eq!(second.file_name().unwrap(), "overview-2.csv");
        assert_eq!(fs::read_to_string(first).unwrap(), "one");
        assert_eq!(fs::read_to_string(second).unwrap(), "two");
    }

    #[test]
    fn a_file_that_grew_is_made_short_and_stays_private() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("history");
        private(&file, OpenOptions::new().append(true)).unwrap();
        let lines: String = (0..2 * LINES).map(|n| format!("load {n}\n")).collect();
        fs::write(&file, lines).unwrap();
        shorten(&file).unwrap();
        let kept = fs::read_to_string(&file).unwrap();
        assert_eq!(kept.lines().count(), LINES);
        assert_eq!(kept.lines().last(), Some("load 999"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
