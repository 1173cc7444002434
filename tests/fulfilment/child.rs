//! An engine in a process of its own, so that it can be killed: this test binary starts itself again,
//! with the workspace in its environment.

use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use highwater::shop;
use highwater::workspace::{Folder, Workspace};

/// In which workspace the child runs an engine.
const DIR: &str = "HIGHWATER_TEST_FULFILMENT_IN";

/// A child that never comes to the point at which it should die gives up after this.
const GIVE_UP: Duration = Duration::from_secs(60);

/// How long customers have in these workspaces.
pub const PAYMENT_WITHIN: Duration = Duration::from_millis(100);

/// The workspace, with fulfilment.
pub fn open(path: &Path) -> Workspace {
    let folder = Folder::existing(path).unwrap();
    Workspace::open(folder, |_, _| {
        Some(shop::commands_with_fulfilment(PAYMENT_WITHIN))
    })
    .unwrap()
}

/// An engine that can be killed.
pub struct Other {
    process: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Starts it. It kills itself at a point, where one is named.
    pub fn start(workspace: &Path, crash_at: Option<&str>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "child::engine", "--nocapture"])
            .env(DIR, workspace)
            .env_remove("HIGHWATER_CRASH_AT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(point) = crash_at {
            command.env("HIGHWATER_CRASH_AT", point);
        }
        let mut process = command.spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, said }
    }

    /// Waits until each loop runs.
    pub fn ready(&mut self) {
        assert!(self.hears("ready"), "the child died early");
    }

    /// Waits for a word; answers whether it came before the child's end.
    fn hears(&mut self, word: &str) -> bool {
        let wanted = format!("@ {word}");
        let mut said = self.said.by_ref().map(Result::unwrap);
        said.any(|line| line.ends_with(&wanted))
    }

    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits until it is dead.
    pub fn died(mut self) -> ExitStatus {
        assert!(!self.hears("idle"), "the child never came to its point");
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
        let workspace = open(Path::new(&dir));
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        println!("@ ready");
        // The parent closes this when it dies itself.
        let told = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        if tokio::time::timeout(GIVE_UP, told).await.is_err() {
            println!("@ idle");
        }
        engine.stop().await;
    });
}
