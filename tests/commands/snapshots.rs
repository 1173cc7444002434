//! Snapshots on a real log: whatever becomes of their file, every aggregate comes to the state that its
//! events make.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use highwater::event::{EventType, JsonObject, NewEvent, StreamId, Version};
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::log::{Commit, CommitId, Durability, EventLog as _, Expected};
use highwater::write::{
    Commands, Outcome, Request, SNAPSHOT_EVERY, Snapshot, Snapshots, SqliteSnapshots,
};
use proptest::prelude::*;
use proptest::sample::Index;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tally::{Doubled, Tally};
use crate::trouble::Trouble;

const STREAMS: u8 = 3;

fn stream(number: u8) -> StreamId {
    StreamId::new(&format!("tally-{number}")).unwrap()
}

fn log_in(dir: &Path) -> SqliteLog {
    let options = LogOptions {
        durability: Durability::Relaxed,
        ..LogOptions::default()
    };
    SqliteLog::create_or_open(dir, options).unwrap()
}

async fn count(log: &SqliteLog, stream: &StreamId, numbers: impl IntoIterator<Item = u64>) {
    let counted = |number| {
        let data = JsonObject::of(&json!({"number": number})).unwrap();
        NewEvent::new(EventType::new("Counted").unwrap(), data)
    };
    let commit = Commit {
        id: CommitId::new(),
        stream: stream.clone(),
        expected: Expected::Any,
        events: numbers.into_iter().map(counted).collect(),
    };
    log.append(commit).await.unwrap();
}

/// What is known of snapshots that were saved, forgotten or found.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<BTreeMap<String, Snapshot>>>);

impl Snapshots for Kept {
    fn load(&self, stream: &StreamId) -> Option<Snapshot> {
        self.0.lock().unwrap().get(stream.as_str()).cloned()
    }

    fn save(&self, stream: &StreamId, snapshot: &Snapshot) {
        let mut kept = self.0.lock().unwrap();
        kept.insert(stream.to_string(), snapshot.clone());
    }

    fn forget(&self, stream: &StreamId) {
        self.0.lock().unwrap().remove(stream.as_str());
    }
}

impl Kept {
    fn version(&self, stream: &StreamId) -> Option<u64> {
        self.load(stream).map(|snapshot| snapshot.version.get())
    }
}

fn tallies() -> Commands {
    Commands::new().with::<Tally>()
}

async fn state(commands: &Commands, log: &SqliteLog, stream: &StreamId) -> (Version, Value) {
    commands.state(log, stream).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_snapshot_is_taken_by_a_command_once_so_many_events_have_come_since_the_last() {
    let (dir, kept, one) = (tempfile::tempdir().unwrap(), Kept::default(), stream(1));
    let (log, commands) = (log_in(dir.path()), tallies().with_snapshots(kept.clone()));
    let send = async |number: u64| {
        let request = Request::new("Count", json!({"tally": "1", "number": number}));
        let outcome = commands.send(&log, request).await.unwrap();
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    };
    count(&log, &one, 0..SNAPSHOT_EVERY - 2).await;
    send(1).await;
    send(2).await;
    assert_eq!(kept.version(&one), None, "one event too few was read");
    send(3).await;
    assert_eq!(kept.version(&one), Some(SNAPSHOT_EVERY));
    send(4).await;
    assert_eq!(kept.version(&one), Some(SNAPSHOT_EVERY));
}

#[tokio::test]
async fn what_stands_in_a_good_snapshot_is_not_read_again() {
    let (dir, kept, one) = (tempfile::tempdir().unwrap(), Kept::default(), stream(1));
    let log = Arc::new(log_in(dir.path()));
    let commands = tallies().with_snapshots(kept.clone());
    count(&log, &one, 0..60).await;
    state(&commands, &log, &one).await;
    count(&log, &one, [7]).await;
    let watched = Trouble {
        log: log.clone(),
        appends: AtomicU32::new(0),
        read: AtomicUsize::new(0),
        lost: 0,
        rival: false,
    };
    let now = commands.state(&watched, &one).await.unwrap().unwrap();
    assert_eq!(now, state(&tallies(), &log, &one).await);
    // The snapshot's own event, which it is compared with, and the one that came after it.
    assert_eq!(watched.read.into_inner(), 2);
}

#[tokio::test]
async fn a_snapshot_that_is_not_what_it_seems_is_thrown_away() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [log, other] = [log_in(dirs[0].path()), log_in(dirs[1].path())];
    let [one, two] = [stream(1), stream(2)];
    for log in [&log, &other] {
        count(log, &one, 0..60).await;
        count(log, &two, 100..160).await;
    }
    let snapshot = async |commands: Commands, log: &SqliteLog, stream: &StreamId| {
        let kept = Kept::default();
        state(&commands.with_snapshots(kept.clone()), log, stream).await;
        kept.load(stream).unwrap()
    };
    let good = snapshot(tallies(), &log, &one).await;
    let beyond = Version::new(1_000);
    let bad = [
        ("another log", snapshot(tallies(), &other, &one).await),
        ("another stream", snapshot(tallies(), &log, &two).await),
        (
            "another revision",
            snapshot(Commands::new().with::<Doubled>(), &log, &one).await,
        ),
        (
            "another state",
            Snapshot {
                state: good.state.replace("\"count\":60", "\"count\":61"),
                ..good.clone()
            },
        ),
        (
            "an earlier event",
            Snapshot {
                version: Version::new(59),
                ..good.clone()
            },
        ),
        (
            "an event that is not there",
            Snapshot {
                version: beyond,
                ..good.clone()
            },
        ),
        (
            "before every event",
            Snapshot {
                version: Version::NONE,
                ..good.clone()
            },
        ),
    ];
    let expected = state(&tallies(), &log, &one).await;
    for (what, snapshot) in bad {
        assert_ne!(snapshot, good, "{what}");
        let kept = Kept::default();
        kept.save(&one, &snapshot);
        let found = state(&tallies().with_snapshots(kept.clone()), &log, &one).await;
        assert_eq!(found, expected, "{what}");
        assert_eq!(kept.load(&one).as_ref(), Some(&good), "{what}");
    }
}

#[tokio::test]
async fn somebody_elses_file_is_left_as_it_is_and_commands_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (log, one) = (log_in(dir.path()), stream(1));
    count(&log, &one, 0..60).await;
    let theirs = dir.path().join("theirs.db");
    let connection = Connection::open(&theirs).unwrap();
    connection.execute_batch("CREATE TABLE t (a)").unwrap();
    drop(connection);
    let text = dir.path().join("text.db");
    std::fs::write(&text, "a letter").unwrap();
    for path in [theirs, text, dir.path().to_owned()] {
        let before = std::fs::read(&path).ok();
        let commands = tallies().with_snapshots(SqliteSnapshots::at(&path));
        for _ in 0..2 {
            assert_eq!(
                state(&commands, &log, &one).await,
                state(&tallies(), &log, &one).await
            );
        }
        assert_eq!(std::fs::read(&path).ok(), before);
    }
}

#[test]
fn many_may_begin_the_file_at_once_and_all_of_them_use_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("snapshots.db");
    let all: Vec<_> = (0..8).map(|_| SqliteSnapshots::at(&file)).collect();
    let snapshot = |number: u8| Snapshot {
        version: Version::new(number.into()),
        seal: [number; 32],
        state: "{}".to_owned(),
    };
    let together = Barrier::new(all.len());
    std::thread::scope(|scope| {
        for (number, one) in (1..).zip(&all) {
            let together = &together;
            scope.spawn(move || {
                together.wait();
                one.save(&stream(0), &snapshot(number));
            });
        }
    });
    // One that found the file locked has kept nothing, and goes on.
    for (number, one) in (1..).zip(&all) {
        one.save(&stream(number), &snapshot(number));
        for other in &all {
            assert_eq!(other.load(&stream(number)), Some(snapshot(number)));
        }
    }
}

/// `cargo test --release --test commands measure -- --ignored --nocapture`
#[tokio::test]
#[ignore = "measures, with optimisations only"]
async fn measure_how_long_a_thousand_events_take_to_rehydrate() {
    let (dir, one) = (tempfile::tempdir().unwrap(), stream(1));
    let log = log_in(dir.path());
    // Shares without fractions: a state that JSON does not give back exactly is not kept.
    count(&log, &one, (0..3_000).step_by(3)).await;
    let file = dir.path().join("snapshots.db");
    let with = tallies().with_snapshots(SqliteSnapshots::at(&file));
    let median = async |commands: &Commands| {
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..501 {
            let began = Instant::now();
            state(commands, &log, &one).await;
            times.push(began.elapsed());
        }
        times.sort();
        (times[250], times[495])
    };
    println!("without a snapshot: {:?}", median(&tallies()).await);
    println!("with one, nothing after it: {:?}", median(&with).await);
    count(&log, &one, (0..3 * (SNAPSHOT_EVERY - 1)).step_by(3)).await;
    println!(
        "with one, as much after it as can be: {:?}",
        median(&with).await
    );
    let new = count_saves(&with, &log, &one).await;
    println!("reading as many and keeping a new one: {new:?}");
}

/// The median time in which a stream's last events are read and a new snapshot is kept.
async fn count_saves(commands: &Commands, log: &SqliteLog, stream: &StreamId) -> Duration {
    let mut times = Vec::new();
    for _ in 0..51 {
        count(log, stream, (0..3 * SNAPSHOT_EVERY).step_by(3)).await;
        let began = Instant::now();
        state(commands, log, stream).await;
        times.push(began.elapsed());
    }
    times.sort();
    times[25]
}

/// What may happen between two commands.
#[derive(Debug, Clone)]
enum Step {
    /// Events come, from anywhere.
    Append { stream: u8, numbers: Vec<u64> },
    /// A command comes.
    Send { stream: u8, number: u64 },
    /// The file is removed.
    Remove,
    /// Bytes of the file are others.
    Damage { at: Index, bytes: Vec<u8> },
    /// The file ends early.
    Truncate { at: Index },
    /// A snapshot says something else.
    Edit { sql: usize },
    /// The file is as it once was.
    Restore,
    /// The file is that of another log with the same streams, or of another program.
    Foreign { revision: bool },
    /// Another process opens it.
    Reopen,
    /// The log is as it once was, and goes on from there.
    Rewind,
}

const EDITS: [&str; 5] = [
    "UPDATE snapshots SET version = version + 1",
    "UPDATE snapshots SET version = -version",
    "UPDATE snapshots SET state = replace(state, '1', '2')",
    "UPDATE snapshots SET seal = x'00'",
    "UPDATE snapshots SET (version, seal, state) = (SELECT version, seal, state FROM snapshots ORDER BY stream DESC)",
];

fn step() -> impl Strategy<Value = Step> {
    let stream = 0..STREAMS;
    prop_oneof![
        4 => (stream.clone(), prop::collection::vec(0..1_000_u64, 1..130))
            .prop_map(|(stream, numbers)| Step::Append { stream, numbers }),
        3 => (stream, 0..1_000_u64).prop_map(|(stream, number)| Step::Send { stream, number }),
        1 => Just(Step::Remove),
        1 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..200))
            .prop_map(|(at, bytes)| Step::Damage { at, bytes }),
        1 => any::<Index>().prop_map(|at| Step::Truncate { at }),
        2 => (0..EDITS.len()).prop_map(|sql| Step::Edit { sql }),
        1 => Just(Step::Restore),
        1 => any::<bool>().prop_map(|revision| Step::Foreign { revision }),
        2 => Just(Step::Reopen),
        2 => Just(Step::Rewind),
    ]
}

/// A log, its snapshots, and files that might take their place.
struct World {
    log: Option<SqliteLog>,
    other: SqliteLog,
    commands: Commands,
    file: PathBuf,
    earlier: Option<Vec<u8>>,
    earlier_log: Option<Vec<u8>>,
    dirs: [TempDir; 2],
}

impl World {
    fn new() -> Self {
        let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let file = dirs[0].path().join("snapshots.db");
        Self {
            log: Some(log_in(dirs[0].path())),
            other: log_in(dirs[1].path()),
            commands: tallies().with_snapshots(SqliteSnapshots::at(&file)),
            file,
            earlier: None,
            earlier_log: None,
            dirs,
        }
    }

    fn log(&self) -> &SqliteLog {
        self.log.as_ref().unwrap()
    }

    /// Closes the file, changes it, and opens it again.
    fn change(&mut self, change: impl FnOnce(&Path)) {
        self.commands = Commands::new();
        change(&self.file);
        self.reopen();
    }

    fn reopen(&mut self) {
        self.commands = tallies().with_snapshots(SqliteSnapshots::at(&self.file));
    }

    async fn go(&mut self, step: Step) {
        match step {
            Step::Append {
                stream: to,
                numbers,
            } => {
                count(&self.other, &stream(to), numbers.iter().rev().copied()).await;
                count(self.log(), &stream(to), numbers).await;
            }
            Step::Send { stream, number } => {
                let data = json!({"tally": stream.to_string(), "number": number});
                let sent = self
                    .commands
                    .send(self.log(), Request::new("Count", data))
                    .await;
                assert!(matches!(sent, Ok(Outcome::Accepted { .. })), "{sent:?}");
            }
            Step::Remove => drop(std::fs::remove_file(&self.file)),
            Step::Damage { at, bytes } => self.change(|file| overwrite(file, at, &bytes)),
            Step::Truncate { at } => self.change(|file| {
                if let Ok(before) = std::fs::read(file) {
                    let end = at.index(before.len() + 1);
                    std::fs::write(file, &before[..end]).unwrap();
                }
            }),
            // Beside an open connection, as another process would do it; it may be damaged or not be there.
            Step::Edit { sql } => {
                if let Ok(connection) = Connection::open(&self.file) {
                    drop(connection.execute_batch(EDITS[sql]));
                }
            }
            Step::Restore => {
                let earlier = self.earlier.take();
                let mut now = None;
                self.change(|file| {
                    now = std::fs::read(file).ok();
                    if let Some(earlier) = earlier {
                        std::fs::write(file, earlier).unwrap();
                    }
                });
                self.earlier = now;
            }
            Step::Foreign { revision } => {
                self.commands = Commands::new();
                let snapshots = SqliteSnapshots::at(&self.file);
                let (commands, log) = if revision {
                    (Commands::new().with::<Doubled>(), self.log())
                } else {
                    (tallies(), &self.other)
                };
                let commands = commands.with_snapshots(snapshots);
                for number in 0..STREAMS {
                    state(&commands, log, &stream(number)).await;
                }
                drop(commands);
                self.reopen();
            }
            Step::Reopen => self.reopen(),
            Step::Rewind => {
                // Closed, it is one file.
                drop(self.log.take());
                let dir = self.dirs[0].path();
                let file = dir.join("log.db");
                let now = std::fs::read(&file).unwrap();
                if let Some(earlier) = self.earlier_log.replace(now) {
                    std::fs::write(&file, earlier).unwrap();
                }
                self.log = Some(log_in(dir));
            }
        }
    }

    async fn check(&self) {
        for number in 0..STREAMS {
            let stream = stream(number);
            let with = state(&self.commands, self.log(), &stream).await;
            let without = state(&tallies(), self.log(), &stream).await;
            assert_eq!(with, without, "{stream}");
        }
    }
}

fn overwrite(file: &Path, at: Index, bytes: &[u8]) {
    if let Ok(mut all) = std::fs::read(file) {
        let at = at.index(all.len() + 1);
        for (old, new) in all[at..].iter_mut().zip(bytes) {
            *old = *new;
        }
        std::fs::write(file, all).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_aggregate_comes_to_the_same_state_with_and_without_snapshots(
        steps in prop::collection::vec(step(), 1..25)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.go(step).await;
                world.check().await;
            }
        });
    }
}
