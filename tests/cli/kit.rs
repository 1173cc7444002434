//! A workspace in a folder of its own, and the real binary in it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a run of the binary came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Its output as one line of JSON.
    pub fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Its output as lines of JSON.
    pub fn lines(&self) -> Vec<Value> {
        let line = |line| serde_json::from_str(line).unwrap();
        self.out.lines().map(line).collect()
    }

    /// That it failed with this code, told one error on standard error alone, and said these words.
    pub fn failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.starts_with("error: "), "{self:?}");
        assert_eq!(self.err.matches("error: ").count(), 1, "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {self:?}");
        }
        let harmless = |c: char| c == '\n' || !highwater::event::is_disguise(c);
        assert!(self.err.chars().all(harmless), "{self:?}");
    }
}

/// A folder that is gone with the test.
pub struct Place {
    dir: TempDir,
}

impl Place {
    /// An empty folder.
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir }
    }

    /// A workspace, with these projections: name and text.
    pub fn with(projections: &[(&str, &str)]) -> Self {
        let place = Self::empty();
        assert_eq!(place.run(&["init", "."]).code, 0);
        for (name, text) in projections {
            place.project(name, text);
        }
        place
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.file(name), text).unwrap();
    }

    pub fn project(&self, name: &str, text: &str) {
        self.write(&format!("projections/{name}.sql"), text);
    }

    /// The binary in this folder, away from the user's own settings.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        command
            .args(args)
            .current_dir(self.path())
            .env_remove("HIGHWATER_WORKSPACE")
            .env_remove("HIGHWATER_LOG")
            .env("XDG_DATA_HOME", self.file("user-data"))
            .env("XDG_CONFIG_HOME", self.file("user-config"))
            .env("XDG_STATE_HOME", self.file("user-state"))
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// The same; it must be done.
    pub fn done(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran
    }

    /// The same, with something on standard input.
    pub fn run_with(&self, args: &[&str], input: impl AsRef<[u8]>) -> Ran {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end before it has read everything.
        drop(child.stdin.take().unwrap().write_all(input.as_ref()));
        Ran::of(child.wait_with_output().unwrap())
    }

    /// Starts it, to be waited for line by line.
    pub fn start(&self, args: &[&str]) -> Running {
        let mut child = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Running { child, out }
    }

    /// An engine whose loops run.
    pub fn engine(&self) -> Running {
        let mut engine = self.start(&["run"]);
        let ready = engine.line();
        assert!(ready.starts_with("ready "), "{ready}");
        engine
    }

    /// The projection of this name in `status --json`.
    pub fn status(&self, name: &str) -> Value {
        let status = self.run(&["status", "--json"]).json();
        let projections = status["projections"].as_array().unwrap();
        let found = projections.iter().find(|view| view["name"] == name);
        found.unwrap_or_else(|| panic!("{status}")).clone()
    }
}

/// A process that goes on; killed at the end of the test, where it has not ended.
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output; empty at the end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// All of its standard error, at its end.
    pub fn errors(&mut self) -> String {
        let mut said = String::new();
        let mut err = self.child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut err, &mut said).unwrap();
        said
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end: the exit code, and the rest of what it said.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.out, &mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One row an order; may be applied twice.
pub const ORDERS: &str = "\
-- Orders.
-- policy: live
-- objective: 10s
-- key: order_id = order
-- replayable: yes

-- schema
CREATE TABLE orders (order_id TEXT PRIMARY KEY, status TEXT NOT NULL) STRICT;

-- on OrderPlaced
INSERT OR REPLACE INTO orders VALUES (:key, 'placed');

-- on OrderShipped
INSERT OR REPLACE INTO orders VALUES (:key, 'shipped');

-- query GetOrderById(order_id)
SELECT * FROM orders WHERE order_id = :order_id;

-- query Count()
SELECT count(*) AS orders FROM orders;
";

/// Counts events; applied twice they would count twice.
pub const COUNTS: &str = "\
-- policy: manual
-- schema
CREATE TABLE counts (type TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
-- on *
INSERT INTO counts VALUES (:type, 1) ON CONFLICT DO UPDATE SET n = n + 1;
-- query Counts()
SELECT * FROM counts ORDER BY type;
";
