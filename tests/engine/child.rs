//! An engine in a process of its own, so that it can be killed: this test binary starts itself again,
//! with the workspace in its environment.

use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use highwater::workspace::{Folder, Workspace};
#[cfg(unix)]
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// In which workspace the child runs an engine.
const DIR: &str = "HIGHWATER_TEST_ENGINE_IN";

/// Which program the child is, where it is one with projections in Rust.
const PROGRAM: &str = "HIGHWATER_TEST_PROGRAM";

/// A child that never comes to the point at which it should die gives up after this.
const GIVE_UP: Duration = Duration::from_secs(60);

/// An engine that can be killed.
pub struct Other {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Starts it; it may not own anything yet.
    pub fn start(workspace: &Path) -> Self {
        Self::with(workspace, None, None)
    }

    /// Starts one of a program with projections in Rust, of this revision.
    pub fn start_program(workspace: &Path, revision: &str, crash_at: Option<&str>) -> Self {
        Self::with(workspace, Some(revision), crash_at)
    }

    /// Starts one that can write no file beyond about so many mebibytes: as if the disk were full there. Some
    /// shells count twice as many.
    #[cfg(unix)]
    pub fn start_with_little_room(workspace: &Path, mebibytes: u32) -> Self {
        let mut command = Command::new("sh");
        // The signal is ignored, so that whoever writes hears of it.
        let blocks = mebibytes * 2 * 1024;
        command
            .arg("-c")
            .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""))
            .arg("sh")
            .arg(std::env::current_exe().unwrap());
        Self::spawn(command, workspace, None, None)
    }

    /// Starts one that kills itself when it comes to this point.
    pub fn start_to_die_at(workspace: &Path, point: &str) -> Self {
        Self::with(workspace, None, Some(point))
    }

    fn with(workspace: &Path, program: Option<&str>, crash_at: Option<&str>) -> Self {
        let command = Command::new(std::env::current_exe().unwrap());
        Self::spawn(command, workspace, program, crash_at)
    }

    fn spawn(
        mut command: Command,
        workspace: &Path,
        program: Option<&str>,
        crash_at: Option<&str>,
    ) -> Self {
        command
            .args(["--exact", "child::engine", "--nocapture"])
            .env(DIR, workspace)
            .env_remove("HIGHWATER_CRASH_AT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(revision) = program {
            command.env(PROGRAM, revision);
        }
        if let Some(point) = crash_at {
            command.env("HIGHWATER_CRASH_AT", point);
        }
        let mut process = command.spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, said }
    }

    /// Waits until each loop runs.
    pub fn ready(&mut self) {
        assert_eq!(self.hears("ready"), Some(()), "the child died early");
    }

    /// Waits for a word; `None` when the child has ended without it.
    fn hears(&mut self, word: &str) -> Option<()> {
        let wanted = format!("@ {word}");
        self.said
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.ends_with(&wanted))
            .map(drop)
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Has it hang. Once this returns none of its threads runs; the signal alone says nothing of that.
    #[cfg(unix)]
    pub fn hang(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        let (_, status) = waitpid(Some(self.pid()), WaitOptions::UNTRACED)
            .unwrap()
            .unwrap();
        assert!(status.stopped(), "{status:?}");
    }

    /// Has it go on after it hung.
    #[cfg(unix)]
    pub fn go_on(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    #[cfg(unix)]
    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Stops it as a person would.
    pub fn stop(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }

    /// Waits until it is dead.
    pub fn died(mut self) -> ExitStatus {
        let idle = self.hears("idle");
        assert_eq!(idle, None, "the child never came to its point");
        self.process.wait().unwrap()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Not a test: what the other process does.
#[test]
fn engine() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let folder = Folder::existing(Path::new(&dir)).unwrap();
        let workspace = match std::env::var(PROGRAM) {
            Ok(revision) => crate::folds::program(&revision).open(folder),
            Err(_) => Workspace::open(folder, |_, _| Some(highwater::shop::commands())),
        };
        let workspace = workspace.unwrap();
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        println!("@ ready");
        // The parent closes this when it wants the engine to stop, and when it dies itself.
        let told = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        if tokio::time::timeout(GIVE_UP, told).await.is_err() {
            println!("@ idle");
        }
        engine.stop().await;
    });
}
