//! The numbers are true: in many random states, `highwater status --json` says what this file makes of
//! the SQLite files by itself. It knows nothing of the library's arithmetic, nor of what an engine says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use highwater::event::{EventType, JsonObject, NewEvent, StreamId};
use highwater::log::{Commit, CommitId, Expected};
use highwater::workspace::{Folder, Operation, Workspace};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// One projection as this test knows it.
struct Known {
    name: &'static str,
    policy: &'static str,
    objective_ms: Option<u64>,
    /// The event types it takes; empty for all.
    types: &'static [&'static str],
    category: Option<&'static str>,
}

const PROJECTIONS: [Known; 6] = [
    Known {
        name: "all",
        policy: "live",
        objective_ms: Some(1_000),
        types: &[],
        category: None,
    },
    Known {
        name: "paid",
        policy: "batch 400 or 1h",
        objective_ms: None,
        types: &["Paid", "Refunded"],
        category: Some("account"),
    },
    Known {
        name: "notes",
        policy: "manual",
        objective_ms: Some(300),
        types: &["Note Taken"],
        category: None,
    },
    Known {
        name: "hourly",
        policy: "every 1h",
        objective_ms: Some(3_600_000),
        types: &["Paid"],
        category: None,
    },
    Known {
        name: "strict",
        policy: "sync",
        objective_ms: Some(250),
        types: &["Paid", "Poisoned"],
        category: None,
    },
    Known {
        name: "late",
        policy: "delay 2h",
        objective_ms: None,
        types: &[],
        category: Some("branch"),
    },
];

/// Policies that it can be given by hand, each with what it allows, in milliseconds.
const POLICIES: [(&str, Option<u64>); 12] = [
    ("live", Some(0)),
    ("sync", Some(0)),
    ("manual", None),
    ("batch 400 or 1h", Some(3_600_000)),
    ("batch 3 or 100ms", Some(100)),
    ("batch 2000 or 2s", Some(2_000)),
    ("every 1h", Some(3_600_000)),
    ("every 50ms", Some(50)),
    ("delay 2h", Some(7_200_000)),
    ("delay 1500ms", Some(1_500)),
    ("rate 1/s", Some(0)),
    ("rate 100000/s", Some(0)),
];

impl Known {
    fn takes(&self, stream: &str, event_type: &str) -> bool {
        !stream.starts_with('$')
            && (self.types.is_empty() || self.types.contains(&event_type))
            && self
                .category
                .is_none_or(|category| stream.split('-').next() == Some(category))
    }

    fn text(&self, variant: u32) -> String {
        let mut text = format!("-- policy: {}\n", self.policy);
        if let Some(ms) = self.objective_ms {
            text += &format!("-- objective: {ms}ms\n");
        }
        if let Some(category) = self.category {
            text += &format!("-- category: {category}\n");
        }
        text += "-- schema\nCREATE TABLE t (n INTEGER NOT NULL) STRICT;\n";
        let quoted: Vec<String> = self.types.iter().map(|t| format!("\"{t}\"")).collect();
        let types = if quoted.is_empty() {
            "*".to_owned()
        } else {
            quoted.join(", ")
        };
        text + &format!(
            "-- on {types}\nINSERT INTO t VALUES (iif(:type = 'Poisoned', NULL, :position + {variant} * 0));\n"
        )
    }
}

struct State {
    dir: tempfile::TempDir,
    random: StdRng,
    engine: Option<Child>,
    backup: Option<PathBuf>,
    variant: u32,
}

impl State {
    fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Folder::init(dir.path()).unwrap();
        for known in &PROJECTIONS {
            std::fs::write(file_of(dir.path(), known), known.text(0)).unwrap();
        }
        Self {
            dir,
            random: StdRng::seed_from_u64(seed),
            engine: None,
            backup: None,
            variant: 0,
        }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn workspace(&self) -> Workspace {
        let folder = Folder::existing(self.path()).unwrap();
        Workspace::open(folder, |_, _| Some(highwater::shop::commands())).unwrap()
    }

    /// Something happens.
    async fn change(&mut self) {
        let known = PROJECTIONS.choose(&mut self.random).unwrap();
        match self.random.random_range(0..15) {
            0..=4 => self.append().await,
            5 => self.ask(known, Operation::Pause).await,
            6 => self.ask(known, Operation::Resume).await,
            7 | 8 => {
                let (policy, _) = POLICIES.choose(&mut self.random).unwrap();
                self.ask(known, Operation::SetPolicy(policy.parse().unwrap()))
                    .await;
            }
            9 => self.ask(known, Operation::Apply).await,
            10 => {
                self.ask(known, Operation::Rebuild { hold: false }).await;
                if self.random.random() {
                    self.kill();
                }
            }
            11 => {
                self.variant += 1;
                let file = file_of(self.path(), known);
                std::fs::write(file, known.text(self.variant)).unwrap();
            }
            12 => self.back_up_or_restore(),
            13 => self.start(),
            _ if self.random.random() => self.kill(),
            _ => self.stop(),
        }
    }

    async fn append(&mut self) {
        let many = *[1, 3, 30, 1_500].choose(&mut self.random).unwrap();
        let poisoned = self.random.random_bool(0.15).then_some(many / 2);
        let mut commits = Vec::new();
        for n in 0..many {
            let category = *["account", "branch", "clerk"]
                .choose(&mut self.random)
                .unwrap();
            let event_type = match self.random.random_range(0..6) {
                _ if poisoned == Some(n) => "Poisoned",
                0..3 => "Paid",
                3 => "Refunded",
                _ => "Note Taken",
            };
            commits.push(Commit {
                id: CommitId::new(),
                stream: StreamId::new(&format!("{category}-{}", n % 1_203)).unwrap(),
                expected: Expected::Any,
                events: vec![NewEvent::new(
                    EventType::new(event_type).unwrap(),
                    JsonObject::parse("{}").unwrap(),
                )],
            });
        }
        for answer in self.workspace().log().append_all(commits).await {
            answer.unwrap();
        }
    }

    async fn ask(&self, known: &Known, operation: Operation) {
        let workspace = self.workspace();
        let asked = workspace.operate(known.name, operation, Some(Duration::ZERO));
        asked.await.unwrap();
    }

    fn start(&mut self) {
        if self.engine.is_some() {
            return;
        }
        let mut engine = highwater(self.path())
            .arg("run")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut says = BufReader::new(engine.stdout.take().unwrap());
        let mut line = String::new();
        says.read_line(&mut line).unwrap();
        assert!(line.starts_with("ready "), "{line:?}");
        self.engine = Some(engine);
    }

    fn kill(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            engine.kill().unwrap();
            engine.wait().unwrap();
        }
    }

    /// As a person would stop it.
    fn stop(&mut self) {
        if let Some(mut engine) = self.engine.take() {
            let pid = engine.id().to_string();
            let told = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
            assert!(told.success());
            assert!(engine.wait().unwrap().success());
        }
    }

    /// A copy of the log is kept; the next time it takes the log's place.
    fn back_up_or_restore(&mut self) {
        let log = self.path().join("data/log.db");
        if !log.exists() {
            return;
        }
        let Some(backup) = self.backup.take() else {
            let backup = self.path().join("backup.db");
            let into = backup.display().to_string();
            open(&log).execute("VACUUM INTO ?1", [into]).unwrap();
            self.backup = Some(backup);
            return;
        };
        self.stop();
        for beside in ["log.db-wal", "log.db-shm"] {
            drop(std::fs::remove_file(self.path().join("data").join(beside)));
        }
        std::fs::rename(backup, log).unwrap();
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.kill();
    }
}

fn file_of(dir: &Path, known: &Known) -> PathBuf {
    dir.join(format!("projections/{}.sql", known.name))
}

fn highwater(workspace: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    command
        .env_remove("HIGHWATER_CRASH_AT")
        .env("HIGHWATER_WORKSPACE", workspace)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn open(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).unwrap();
    db.busy_timeout(Duration::from_secs(5)).unwrap();
    db
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// What one projection's numbers must be, as far as files say so.
#[derive(Debug, Clone, PartialEq)]
struct Truth {
    version: String,
    policy: String,
    checkpoint: u64,
    gap: u64,
    behind: u64,
    /// In milliseconds since 1970.
    oldest: Option<i64>,
    stale_keys: usize,
    paused: bool,
    /// The checkpoint is not of this log.
    foreign: bool,
    /// The next event that it takes cannot be applied, and where that is.
    poison_next: Option<u64>,
}

/// The log's last position, and each projection's truth.
fn recompute(dir: &Path) -> (u64, Vec<Truth>) {
    let checkpoints: Vec<_> = PROJECTIONS.iter().map(|k| checkpoint(dir, k)).collect();
    let log = open(&dir.join("data/log.db"));
    let head: i64 = log
        .query_row("SELECT coalesce(max(position), 0) FROM events", [], |row| {
            row.get(0)
        })
        .unwrap();
    let truths = PROJECTIONS.iter().zip(checkpoints);
    let truths = truths.map(|(known, at)| truth(&log, head, known, at));
    (head.unsigned_abs(), truths.collect())
}

/// The version that answers, its position and its event's id.
fn checkpoint(dir: &Path, known: &Known) -> (String, i64, Option<String>) {
    let link = dir.join(format!("data/read/{}.db", known.name));
    let Ok(target) = std::fs::read_link(&link) else {
        return (String::new(), 0, None);
    };
    let version = target.file_stem().unwrap().to_str().unwrap().to_owned();
    let select = "SELECT position, event FROM _highwater_checkpoint";
    let (position, event) = open(&link)
        .query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    (version, position, event)
}

fn truth(
    log: &Connection,
    head: i64,
    known: &Known,
    (version, at, event): (String, i64, Option<String>),
) -> Truth {
    let mut select = log
        .prepare("SELECT position, stream, type, recorded_at FROM events WHERE position > ?1")
        .unwrap();
    let mut rows = select.query([at]).unwrap();
    let (mut behind, mut oldest, mut poison_next) = (0, None, None);
    let mut keys = BTreeSet::new();
    while let Some(row) = rows.next().unwrap() {
        let (stream, event_type): (String, String) = (row.get(1).unwrap(), row.get(2).unwrap());
        if known.takes(&stream, &event_type) {
            if behind == 0 {
                oldest = Some(row.get::<_, i64>(3).unwrap() / 1_000);
                let position: i64 = row.get(0).unwrap();
                poison_next = (event_type == "Poisoned").then_some(position.unsigned_abs());
            }
            behind += 1;
            keys.insert(stream);
        }
    }
    let (paused, policy) = operations(log, known);
    let at_checkpoint: Option<String> = log
        .query_row("SELECT id FROM events WHERE position = ?1", [at], |row| {
            row.get(0)
        })
        .ok();
    Truth {
        version,
        policy,
        checkpoint: at.unsigned_abs(),
        gap: (head - at).max(0).unsigned_abs(),
        behind,
        oldest,
        stale_keys: keys.len().min(1_000),
        paused,
        foreign: at > 0 && at_checkpoint != event,
        poison_next,
    }
}

/// What the projection's system stream comes to: whether it is paused, and its policy.
fn operations(log: &Connection, known: &Known) -> (bool, String) {
    let mut select = log
        .prepare("SELECT type, data ->> 'policy' FROM events WHERE stream = ?1 ORDER BY position")
        .unwrap();
    let mut rows = select
        .query([format!("$projection-{}", known.name)])
        .unwrap();
    let (mut paused, mut policy) = (false, known.policy.to_owned());
    while let Some(row) = rows.next().unwrap() {
        match row.get::<_, String>(0).unwrap().as_str() {
            "PauseRequested" => paused = true,
            "ResumeRequested" => paused = false,
            "PolicyRequested" | "DefinitionChanged" => policy = row.get(1).unwrap(),
            _ => {}
        }
    }
    (paused, policy)
}

/// Everything about one projection that `status` says otherwise than the files do.
fn differences(
    known: &Known,
    truth: &Truth,
    said: &Value,
    engine: bool,
    (from, to): (i64, i64),
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |what: &str, fits: bool| {
        if !fits {
            wrong.push(format!("{}.{what} is {}", known.name, said[what]));
        }
    };
    let number = |what: &str| said[what].as_u64().unwrap();
    check("version", said["version"] == truth.version);
    check("policy", said["policy"] == truth.policy);
    check("checkpoint", said["checkpoint"] == truth.checkpoint);
    check("gap", said["gap"] == truth.gap);
    check("behind", said["behind"] == truth.behind);
    check("behind_exact", said["behind_exact"] == true);
    check("stale_keys", said["stale_keys"] == truth.stale_keys);
    check("parked", said["parked"] == 0);
    check(
        "objective_ms",
        said["objective_ms"] == Value::from(known.objective_ms),
    );
    let least = truth.oldest.map_or(0, |oldest| (from - oldest - 1).max(0));
    let most = truth.oldest.map_or(0, |oldest| to - oldest + 1);
    let age = number("age_ms");
    let as_ms = |ms: i64| ms.unsigned_abs();
    check("age_ms", (as_ms(least)..=as_ms(most)).contains(&age));
    let allowed = POLICIES
        .iter()
        .find(|(policy, _)| *policy == truth.policy)
        .unwrap()
        .1;
    let excess = allowed.map_or(0, |allowed| age.saturating_sub(allowed));
    check("excess_ms", number("excess_ms") == excess);
    let breach = match known.objective_ms {
        Some(objective) if as_ms(least) > objective => Some(true),
        // It may have become one between two looks, or by less than a millisecond.
        Some(objective) if age >= objective => None,
        _ => Some(false),
    };
    check(
        "breach",
        breach.is_none_or(|breach| said["breach"] == breach),
    );
    let possible = statuses(truth, engine, excess, allowed);
    check(
        "status",
        possible.contains(&said["status"].as_str().unwrap()),
    );
    if said["status"] == "faulted" {
        let at = said["fault"]["position"].as_u64();
        check("fault", at.is_some() && at == truth.poison_next);
    }
    wrong
}

/// What may be said of it: one word, but where an engine alone knows whether it has stopped yet.
fn statuses(truth: &Truth, engine: bool, excess: u64, allowed: Option<u64>) -> Vec<&'static str> {
    if truth.foreign {
        return vec!["ahead"];
    }
    if !engine {
        return vec!["dead"];
    }
    let mut possible = Vec::new();
    if truth.poison_next.is_some() {
        possible.push("faulted");
    }
    possible.push(match (truth.paused, excess) {
        (true, _) => "paused",
        (false, 251..) => "catching up",
        (false, _) if truth.behind > 0 && allowed != Some(0) => "waiting",
        (false, _) => "live",
    });
    if excess == 250 {
        possible.push("catching up");
    }
    possible
}

/// Compares once nothing moves: the files say the same before and after.
fn assert_true(state: &mut State, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let before = recompute(state.path());
        let from = now_ms();
        let status = highwater(state.path())
            .args(["status", "--json"])
            .output()
            .unwrap();
        let to = now_ms();
        let after = recompute(state.path());
        let said: Value = serde_json::from_slice(&status.stdout).unwrap();
        let engine = state.engine.as_ref().map(Child::id);
        let mut wrong = Vec::new();
        if said["head"] != before.0 {
            wrong.push(format!("head is {}", said["head"]));
        }
        if said["engine"]["running"] != engine.is_some()
            || said["engine"]["pid"] != Value::from(engine)
        {
            wrong.push(format!("engine is {}", said["engine"]));
        }
        let projections = said["projections"].as_array().unwrap();
        assert_eq!(projections.len(), PROJECTIONS.len());
        for (known, truth) in PROJECTIONS.iter().zip(&before.1) {
            let said = projections
                .iter()
                .find(|p| p["name"] == known.name)
                .unwrap();
            let times = (from, to);
            wrong.extend(differences(known, truth, said, engine.is_some(), times));
        }
        let breached = projections.iter().any(|p| p["breach"] == true);
        if status.status.code() != Some(if breached { 3 } else { 0 }) {
            wrong.push(format!("the exit code is {:?}", status.status.code()));
        }
        if before == after {
            assert!(
                wrong.is_empty(),
                "{what}: {wrong:#?}\nfiles: {before:#?}\nsaid: {said:#}"
            );
            return;
        }
        assert!(Instant::now() < deadline, "{what}: it never comes to rest");
    }
}

/// Whether some projection has yet to find out that it cannot apply its next event.
fn stopping(state: &mut State) -> bool {
    let (_, truths) = recompute(state.path());
    let status = highwater(state.path()).args(["status", "--json"]).output();
    let said: Value = serde_json::from_slice(&status.unwrap().stdout).unwrap();
    PROJECTIONS.iter().zip(truths).any(|(known, truth)| {
        let allowed = POLICIES.iter().find(|(policy, _)| *policy == truth.policy);
        let tries = allowed.is_some_and(|(_, allowed)| *allowed == Some(0))
            && truth.poison_next.is_some()
            && !truth.paused
            && !truth.foreign;
        let all = said["projections"].as_array().unwrap();
        let said = all.iter().find(|p| p["name"] == known.name).unwrap();
        tries && said["status"] != "faulted"
    })
}

/// A few each time; `HIGHWATER_NUMBERS_SEEDS` asks for others, as `10..60`.
fn seeds() -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("HIGHWATER_NUMBERS_SEEDS") else {
        return 0..6;
    };
    let (from, to) = asked.split_once("..").unwrap();
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn status_says_what_the_files_say_in_any_state() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for seed in seeds() {
        let mut state = State::new(seed);
        drop(state.workspace());
        if seed % 2 == 0 {
            state.start();
        }
        for step in 0..25 {
            runtime.block_on(state.change());
            if state.random.random_range(0..3) == 0 {
                assert_true(&mut state, &format!("seed {seed}, step {step}"));
            }
        }
        state.start();
        while stopping(&mut state) {}
        assert_true(&mut state, &format!("seed {seed}, at the end"));
    }
}
