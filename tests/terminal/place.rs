//! A folder of one's own, and the processes in it that have no terminal.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::screen::{Console, environment, signal};

/// A home directory; it goes when the test does.
pub struct Place {
    home: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// One with a workspace that `init` has made, with these projections.
    pub fn with(projections: &[(&str, &str)]) -> Self {
        let place = Self::new();
        assert!(place.highwater(&["init", "shop"]).status.success());
        for (name, text) in projections {
            let file = place.workspace().join("projections").join(name);
            std::fs::write(file, text).unwrap();
        }
        place
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Where the workspace is.
    pub fn workspace(&self) -> PathBuf {
        self.home().join("shop")
    }

    /// The demo in a terminal, with a load of so many commands a second.
    pub fn demo(&self, size: (u16, u16), rate: &str) -> Console {
        let args = ["demo", "shop", "--rate", rate, "--seed", "7"];
        Console::start(self.home(), size, &args)
    }

    /// The dashboard of the workspace in a terminal.
    pub fn console(&self, size: (u16, u16), more: &[&str]) -> Console {
        let args = [&["-w", "shop"], more].concat();
        Console::start(self.home(), size, &args)
    }

    /// The binary without a terminal, until it ends.
    pub fn highwater(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a subcommand answers in JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["-w", "shop", "--json"]].concat();
        let output = self.highwater(&args);
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("{args:?}: {e}: {text}{:?}", output.stderr))
    }

    /// Appends an event.
    pub fn append(&self, stream: &str, event_type: &str, data: &str) {
        self.json(&["append", stream, event_type, data]);
    }

    /// An engine without a screen, once it is ready.
    pub fn engine(&self) -> Engine {
        let mut child = self
            .command(&["-w", "shop", "run"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.starts_with("ready"), "it says {line:?}");
        Engine {
            child,
            _output: Box::new(output),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        command
            .args(args)
            .current_dir(self.home())
            .env_clear()
            .envs(environment(self.home()))
            .stdin(Stdio::null());
        command
    }
}

/// `highwater run`, until it is dropped.
pub struct Engine {
    child: Child,
    _output: Box<dyn Read>,
}

impl Engine {
    /// Ends it as a power cut would.
    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as a service manager would.
    pub fn stop(&mut self) {
        signal(self.child.id(), "TERM");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // One that has ended already is no error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
