//! The kill test: the real `highwater run` and the real `highwater import` are killed again and again
//! while a bank's applications are stored and applied. Nothing is lost, nothing counts twice.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use crate::data::Line;
use crate::fold::Fold;
use crate::{data, models};

/// So many of the events; all 262,200 of them with `HIGHWATER_KILL_ALL=1`.
const EVENTS: usize = 60_000;

/// The importer is killed when the head passes this many places, chosen at random.
const IMPORTER_KILLS: usize = 4;

/// The engine is killed at least so often.
const ENGINE_KILLS: usize = 24;

/// What an engine lives for, in milliseconds: every other one from when it is ready, and the rest from
/// their start, which may not be long enough to be ready.
const LIFE: std::ops::Range<u64> = 5..450;

/// Nobody waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

fn highwater(workspace: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
    command
        .env_remove("HIGHWATER_CRASH_AT")
        .env("HIGHWATER_WORKSPACE", workspace)
        .stdin(Stdio::null());
    command
}

/// Runs a subcommand to its end.
fn said(workspace: &Path, arguments: &[&str]) -> Output {
    highwater(workspace).args(arguments).output().unwrap()
}

/// A process of ours that is killed when it is dropped.
struct Process {
    child: Child,
    /// Each line it says, and `None` when it has ended.
    says: Receiver<Option<String>>,
}

impl Process {
    fn start(workspace: &Path, arguments: &[&str]) -> Self {
        let mut child = highwater(workspace)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (to, says) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                drop(to.send(Some(line)));
            }
            drop(to.send(None));
        });
        Self { child, says }
    }

    /// Waits until an engine is ready.
    fn ready(&self) {
        let line = self.says.recv_timeout(PATIENCE).unwrap().unwrap();
        assert!(line.starts_with("ready "), "{line:?}");
    }

    /// What it says on standard error, once it has ended.
    fn why(&mut self) -> String {
        let mut text = String::new();
        let mut errors = self.child.stderr.take().unwrap();
        errors.read_to_string(&mut text).unwrap();
        text
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The log's last position, as anybody can read it; 0 while there is no log.
fn head(workspace: &Path) -> u64 {
    let path = workspace.join("data/log.db");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let read = rusqlite::Connection::open_with_flags(path, flags).and_then(|db| {
        db.query_row("SELECT coalesce(max(position), 0) FROM events", [], |row| {
            row.get::<_, i64>(0)
        })
    });
    read.map_or(0, i64::unsigned_abs)
}

/// What all the killing came to.
struct Survived {
    /// What the last importer said.
    imported: Value,
    /// Where events stand that were appended in between, one by one, and acknowledged.
    acknowledged: Vec<i64>,
}

/// Kills engines and importers until everything is imported, and engines a little longer.
fn kill_again_and_again(workspace: &Path, file: &str, many: u64, random: &mut StdRng) -> Survived {
    let mut places: Vec<u64> = (0..IMPORTER_KILLS)
        .map(|_| random.random_range(0..many))
        .collect();
    places.sort_unstable_by(|a, b| b.cmp(a));
    let import = || Process::start(workspace, &["import", file, "--json"]);
    let mut importer = import();
    let (mut imported, mut acknowledged) = (None, Vec::new());
    let mut kills = 0;
    while kills < ENGINE_KILLS || imported.is_none() {
        let engine = Process::start(workspace, &["run"]);
        if kills % 2 == 0 {
            engine.ready();
        }
        let life = Duration::from_millis(random.random_range(LIFE));
        let says = match &imported {
            None => &importer.says,
            Some(_) => &engine.says,
        };
        // Until the moment has come, or something is said.
        match says.recv_timeout(life) {
            Ok(Some(line)) if imported.is_none() => {
                imported = Some(serde_json::from_str(&line).unwrap());
            }
            Ok(None) if imported.is_none() => panic!("the importer gave up: {}", importer.why()),
            _ => {}
        }
        if imported.is_none() && places.last().is_some_and(|at| head(workspace) > *at) {
            places.pop();
            std::mem::replace(&mut importer, import()).kill();
        }
        engine.kill();
        kills += 1;
        let noted = said(workspace, &["append", "desk-1", "Noted", "{}", "--json"]);
        let noted: Value = serde_json::from_slice(&noted.stdout).unwrap();
        acknowledged.push(noted["position"].as_i64().unwrap());
    }
    Survived {
        imported: imported.unwrap(),
        acknowledged,
    }
}

#[test]
fn killed_again_and_again_it_loses_nothing_and_counts_nothing_twice() {
    let Some(input) = data::file() else { return };
    let events = match std::env::var("HIGHWATER_KILL_ALL") {
        Ok(_) => usize::MAX,
        Err(_) => EVENTS,
    };
    let seed = match std::env::var("HIGHWATER_KILL_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => 2012,
    };
    let dir = tempfile::tempdir().unwrap();
    let workspace = dir.path().join("bank");
    let made = said(&workspace, &["init", workspace.to_str().unwrap()]);
    assert!(made.status.success(), "{made:?}");
    models::write_projections(&workspace);
    let lines = data::lines(&input, events);
    let file = dir.path().join("loan.jsonl");
    let mut part = std::fs::File::create(&file).unwrap();
    lines
        .iter()
        .for_each(|line| writeln!(part, "{line}").unwrap());

    let mut random = StdRng::seed_from_u64(seed);
    let many = lines.len() as u64;
    let survived = kill_again_and_again(&workspace, file.to_str().unwrap(), many, &mut random);
    let count = |what: &str| survived.imported[what].as_u64().unwrap();
    assert_eq!(count("imported") + count("skipped"), many);

    let last = Process::start(&workspace, &["run"]);
    last.ready();
    for query in [
        "application_status Outcomes",
        "offers_by_application Offers application=1",
        "work_in_progress Desk resource=1",
        "amount_by_final_status Amounts",
        "events_by_day Days",
    ] {
        let mut arguments = vec!["query"];
        arguments.extend(query.split(' '));
        arguments.extend(["--consistency", "strong", "--timeout", "60s", "--json"]);
        let answer = said(&workspace, &arguments);
        assert!(answer.status.success(), "{query}: {answer:?}");
    }
    last.kill();

    let lines: Vec<Line> = lines.iter().map(|line| Line::read(line)).collect();
    let positions = assert_each_is_there_once(&workspace, &lines);
    let fold = Fold::of(positions.into_iter().zip(&lines));
    models::assert_equal(&workspace, fold.tables());
    assert_eq!(notes(&workspace), survived.acknowledged);
    let verified = said(&workspace, &["verify", "--log", "--json"]);
    let verdict: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(verdict["whole"], true, "{verified:?}");
    assert_eq!(verdict["head"], head(&workspace));
}

/// Where the events stand that were appended one by one.
fn notes(workspace: &Path) -> Vec<i64> {
    let log = models::open(&workspace.join("data/log.db"));
    let mut select = log
        .prepare("SELECT position FROM events WHERE stream = 'desk-1' ORDER BY version")
        .unwrap();
    let positions = select.query_map([], |row| row.get(0)).unwrap();
    positions.map(Result::unwrap).collect()
}

/// The lines' events are in the log, in their order, each once, without a hole. Answers where.
fn assert_each_is_there_once(workspace: &Path, lines: &[Line]) -> Vec<u64> {
    let log = models::open(&workspace.join("data/log.db"));
    let mut select = log
        .prepare("SELECT position, source, id, stream, type FROM events ORDER BY position")
        .unwrap();
    let mut found = select.query([]).unwrap();
    let mut positions = Vec::new();
    let mut before = 0;
    while let Some(row) = found.next().unwrap() {
        let position = row.get::<_, i64>(0).unwrap().unsigned_abs();
        assert_eq!(position, before + 1, "no hole");
        before = position;
        if row.get::<_, Option<String>>(1).unwrap().is_none() {
            continue;
        }
        let line = &lines[positions.len()];
        let text = |column: usize| row.get::<_, String>(column).unwrap();
        assert_eq!(text(2), line.id, "at position {position}");
        assert_eq!(
            (text(3), text(4)),
            (line.subject.clone(), line.event_type.clone())
        );
        positions.push(position);
    }
    assert_eq!(positions.len(), lines.len(), "events");
    positions
}
