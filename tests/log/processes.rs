//! Several processes with one log: this test binary starts itself again, with the role of the child in
//! its environment.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Lines, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use highwater::event::{Position, Version};
use highwater::log::sqlite::{SqliteLog, Verified};
use highwater::log::{AppendError, Commit, CommitId, EventLog, Expected, StreamHead};
use proptest::prelude::*;
use uuid::Uuid;

use super::conformance::{
    assert_without_holes, block_on, commit, event, everything, expecting, stream,
};
use super::open;

/// A process that plays one role of [`child`].
struct Other {
    process: Child,
    input: Option<ChildStdin>,
    said: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(role: &str, dir: &Path, arguments: &[u64]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(u64::to_string).collect();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::child", "--nocapture"])
            .env("HIGHWATER_TEST_ROLE", role)
            .env("HIGHWATER_TEST_DIR", dir)
            .env("HIGHWATER_TEST_ARGUMENTS", arguments.join(" "))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: process.stdin.take(),
            said: BufReader::new(process.stdout.take().unwrap()).lines(),
            process,
        }
    }

    /// The next thing it says; `None` when it has ended. What the test harness says is left out.
    fn next(&mut self) -> Option<Vec<String>> {
        loop {
            let line = self.said.next()?.ok()?;
            if let Some((_, said)) = line.split_once("@ ") {
                return Some(said.split(' ').map(str::to_owned).collect());
            }
        }
    }

    fn tell(&mut self) {
        self.input.as_mut().unwrap().write_all(b"now\n").unwrap();
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Says something to the parent; a broken pipe means that it is gone.
fn say(what: impl std::fmt::Display) {
    writeln!(std::io::stdout().lock(), "@ {what}").unwrap();
}

/// Waits until the parent says so.
fn listen() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// Not a test: what the other process does.
#[test]
fn child() {
    let Ok(role) = std::env::var("HIGHWATER_TEST_ROLE") else {
        return;
    };
    let dir = std::env::var("HIGHWATER_TEST_DIR").unwrap();
    let dir = Path::new(&dir);
    let arguments = std::env::var("HIGHWATER_TEST_ARGUMENTS").unwrap();
    let arguments: Vec<u64> = arguments
        .split(' ')
        .filter_map(|n| n.parse().ok())
        .collect();
    match (role.as_str(), arguments.as_slice()) {
        ("append", [from]) => append_without_end(dir, *from),
        ("create", []) => {
            for n in 0.. {
                open(&dir.join(n.to_string()));
                say(n);
            }
        }
        ("race", [who, threads, rounds, streams]) => {
            let log = Arc::new(open(dir));
            say("ready");
            listen();
            for (first, last) in race(&log, *who, *threads, *rounds, *streams) {
                say(format!("{first} {last}"));
            }
        }
        ("import", []) => {
            let log = open(dir);
            loop {
                let commits = (0..5_000).map(|n| commit(&format!("s-{n}"), 1)).collect();
                let answers = block_on(log.append_all(commits));
                say(answers.into_iter().filter(Result::is_ok).count());
            }
        }
        ("once", []) => {
            let log = open(dir);
            say("ready");
            listen();
            say(block_on(log.append(commit("order-1", 1))).unwrap().last);
        }
        ("fill", []) => fill(dir),
        other => panic!("no such role: {other:?}"),
    }
}

/// Eight callers that append without end, and say what was acknowledged.
fn append_without_end(dir: &Path, from: u64) {
    let log = open(dir);
    block_on(async {
        let callers = (0..8).map(|caller| {
            let log = &log;
            async move {
                for n in (from + caller..).step_by(8) {
                    let id = Uuid::now_v7();
                    let mine = Commit {
                        id: CommitId::Unique(id),
                        events: vec![event(n), event(n)],
                        ..commit(&format!("s-{}", n % 5), 0)
                    };
                    let committed = log.append(mine).await.unwrap();
                    say(format!("{id} {} {}", committed.first, n));
                }
            }
        });
        futures_util::future::join_all(callers).await;
    });
}

#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged_and_stores_nothing_by_halves() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for (round, many) in [1, 40, 7, 150, 3, 80].into_iter().enumerate() {
        // Sometimes somebody else has the log open, sometimes the file has to be recovered.
        let watching = (round % 2 == 0).then(|| open(dir.path()));
        let mut other = Other::start("append", dir.path(), &[round as u64 * 1_000_000]);
        let mut answers: Vec<_> = (0..many).map(|_| other.next().unwrap()).collect();
        other.kill();
        // What it had said before it died was acknowledged too.
        answers.extend(std::iter::from_fn(|| other.next()).filter(|said| said.len() == 3));
        acknowledged.extend(answers);

        let log = watching.unwrap_or_else(|| open(dir.path()));
        for said in &acknowledged {
            let id = CommitId::Unique(said[0].parse().unwrap());
            let found = block_on(log.committed(&id)).unwrap().unwrap();
            assert_eq!(found.first.to_string(), said[1]);
        }
        let events = block_on(everything(&log));
        assert_without_holes(&events);
        let (firsts, seconds): (Vec<_>, Vec<_>) =
            events.chunks(2).map(|pair| (&pair[0], &pair[1])).unzip();
        for (first, second) in firsts.iter().zip(&seconds) {
            assert_eq!((&first.stream, &first.data), (&second.stream, &second.data));
        }
        let once: HashSet<_> = firsts.iter().map(|event| event.data.as_str()).collect();
        assert_eq!(once.len(), firsts.len(), "something is there twice");
        for said in &acknowledged {
            assert!(once.contains(format!("{{\"n\":{}}}", said[2]).as_str()));
        }
        assert!(matches!(
            log.verify(&mut |_| ControlFlow::Continue(())).unwrap(),
            Verified::Whole { .. }
        ));
    }
}

#[test]
fn a_process_killed_while_it_makes_a_log_leaves_one_that_opens() {
    for many in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        let mut other = Other::start("create", dir.path(), &[]);
        for _ in 0..=many {
            other.next().unwrap();
        }
        other.kill();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            block_on(open(&entry.unwrap().path()).append(commit("order-1", 1))).unwrap();
        }
    }
}

#[test]
fn an_append_in_another_process_ends_the_wait() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut other = Other::start("once", dir.path(), &[]);
    other.next().unwrap();
    other.tell();
    assert_eq!(
        block_on(log.wait(Position::START, None)).unwrap(),
        Position::new(1)
    );
    assert_eq!(block_on(everything(&log)).len(), 1);
    assert_eq!(other.next().unwrap(), ["1"]);
}

#[test]
fn an_append_is_seen_although_nobody_rings() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    block_on(log.append(commit("order-1", 1))).unwrap();
    // Written past the engine, so that only the poll can see it.
    let raw = rusqlite::Connection::open(dir.path().join("log.db")).unwrap();
    let row = "2, stream, 2, type, id, source, recorded_at, time, hash, data, metadata";
    raw.execute(&format!("INSERT INTO events SELECT {row} FROM events"), [])
        .unwrap();
    let deadline = Some(Instant::now() + Duration::from_secs(10));
    let head = block_on(log.wait(Position::new(1), deadline)).unwrap();
    assert_eq!(head, Position::new(2));
}

/// So many threads append so often to so few streams; half of the time they expect what they have
/// read, and in a conflict read again. Answers the positions of each commit.
fn race(
    log: &Arc<SqliteLog>,
    who: u64,
    threads: u64,
    rounds: u64,
    streams: u64,
) -> Vec<(Position, Position)> {
    let threads: Vec<_> = (0..threads)
        .map(|thread| {
            let log = Arc::clone(log);
            std::thread::spawn(move || {
                let number = |round| (who * 100 + thread) * 10_000 + round;
                let rounds = (0..rounds).map(number);
                rounds
                    .map(|n| block_on(insist(&log, n, n % streams)))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let done = threads.into_iter().map(|thread| thread.join().unwrap());
    done.flatten().collect()
}

async fn insist(log: &SqliteLog, n: u64, to: u64) -> (Position, Position) {
    let name = format!("s-{to}");
    let id = CommitId::new();
    loop {
        let page = log
            .read_stream(&stream(&name), Version::NONE, 0)
            .await
            .unwrap();
        let mine = Commit {
            id: id.clone(),
            stream: stream(&name),
            expected: match n % 2 {
                0 => Expected::Any,
                _ => Expected::Head(page.head),
            },
            events: vec![event(n); 1 + n as usize % 3],
        };
        match log.append(mine).await {
            Ok(committed) => return (committed.first, committed.last),
            Err(AppendError::Conflict { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn threads_and_processes_together_leave_no_hole_and_no_version_twice(
        threads in 1..4u64,
        theirs in 1..4u64,
        rounds in 1..30u64,
        streams in 1..4u64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(open(dir.path()));
        let mut other = Other::start("race", dir.path(), &[2, theirs, rounds, streams]);
        other.next().unwrap();
        other.tell();
        let mut commits = race(&log, 1, threads, rounds, streams);
        while let Some(said) = other.next() {
            let position = |at: usize| Position::new(said[at].parse().unwrap());
            commits.push((position(0), position(1)));
        }
        prop_assert_eq!(commits.len() as u64, (threads + theirs) * rounds);
        let events = block_on(everything(&*log));
        assert_without_holes(&events);
        // What was acknowledged covers the log exactly, and no two share a position.
        commits.sort_unstable();
        let mut next = Position::new(1);
        for (first, last) in commits {
            prop_assert_eq!(first, next);
            next = last.next();
        }
        prop_assert_eq!(next, Position::new(events.len() as u64 + 1));
    }
}

#[test]
fn nobody_starves_beside_a_process_that_imports_without_a_pause() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut other = Other::start("import", dir.path(), &[]);
    other.next().unwrap();
    let mut passed: Vec<_> = (0..30)
        .map(|_| {
            let head = block_on(log.head()).unwrap();
            let mine = block_on(log.append(commit("mine-1", 1))).unwrap();
            mine.last.since(head)
        })
        .collect();
    passed.sort_unstable();
    // The other takes 500 at a time. One transaction passes, or two where it had the turn already; more
    // only where the system stops us in between.
    assert!(passed[26] <= 1_001, "{passed:?}");
    // And the other went on as well.
    assert_eq!(other.next().unwrap(), ["5000"]);
}

#[test]
fn a_conflict_with_another_process_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut other = Other::start("once", dir.path(), &[]);
    other.next().unwrap();
    other.tell();
    other.next().unwrap();
    let refused = block_on(log.append(expecting("order-1", StreamHead::NONE))).unwrap_err();
    assert!(
        matches!(refused, AppendError::Conflict { .. }),
        "{refused:?}"
    );
}

/// Appends until the system refuses to let the files grow, then says what came of it.
fn fill(dir: &Path) {
    let log = open(dir);
    say("ready");
    let mut stored = 0_u64;
    let large = "x".repeat(100_000);
    loop {
        let mut mine = commit("order-1", 1);
        mine.events[0].data =
            highwater::event::JsonObject::parse(&format!("{{\"n\":{stored},\"x\":\"{large}\"}}"))
                .unwrap();
        match block_on(log.append(mine.clone())) {
            Ok(_) => stored += 1,
            Err(error) => {
                let readable = block_on(everything(&log)).len();
                assert_eq!(readable as u64, stored);
                say(format!("{stored} {}", error.to_string().replace(' ', "_")));
                return;
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_reported_and_what_was_stored_stays() {
    let dir = tempfile::tempdir().unwrap();
    // The shell makes a file that grows beyond a few MiB fail as a full disk would: by an error, not by a signal.
    let script = "trap '' XFSZ; ulimit -f 4096; exec \"$0\" --exact processes::child --nocapture";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("HIGHWATER_TEST_ROLE", "fill")
        .env("HIGHWATER_TEST_DIR", dir.path())
        .env("HIGHWATER_TEST_ARGUMENTS", "")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let (_, last) = said.rsplit_once("@ ").unwrap();
    let mut words = last.split_whitespace();
    let stored: usize = words.next().unwrap().parse().unwrap();
    let error = words.next().unwrap();
    assert!(stored > 5, "{said}");
    assert!(
        error.starts_with("not_stored") && error.contains("log.db"),
        "{error}"
    );
    let log = open(dir.path());
    let events = block_on(everything(&log));
    assert_without_holes(&events);
    assert_eq!(events.len(), stored);
    block_on(log.append(commit("order-1", 1))).unwrap();
}
