//! Whatever is asked for in whatever order, and whoever is killed when: in the end each read model is
//! what a fold of the log makes, and each request has one outcome.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use highwater::event::{EventType, JsonObject, NewEvent, Position, StreamId};
use highwater::log::{Commit, CommitId, Expected};
use highwater::workspace::{Done, Operation, Workspace, WorkspaceError};
use proptest::prelude::*;
use proptest::sample::select;

use crate::child::Other;
use crate::kit::{PATIENCE, Place, finished, until, view};

const COUNTS: &str = "\
-- policy: live
-- schema
CREATE TABLE t (key TEXT PRIMARY KEY, events INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
-- on *
INSERT INTO t VALUES (:key, 1, :position)
ON CONFLICT (key) DO UPDATE SET events = events + 1, last = :position;
";

const LATEST: &str = "\
-- policy: batch 40 or 100ms
-- replayable: yes
-- category: account
-- schema
CREATE TABLE t (key TEXT PRIMARY KEY, n INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
-- on Paid, Refunded
INSERT INTO t VALUES (:key, :data ->> 'n', :position)
ON CONFLICT (key) DO UPDATE SET n = :data ->> 'n', last = :position;
";

const SUMS: &str = "\
-- policy: every 50ms
-- schema
CREATE TABLE t (key TEXT PRIMARY KEY, n INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
-- on Paid
INSERT INTO t VALUES (:key, :data ->> 'n', :position)
ON CONFLICT (key) DO UPDATE SET n = n + :data ->> 'n', last = :position;
-- on Refunded
INSERT INTO t VALUES (:key, -(:data ->> 'n'), :position)
ON CONFLICT (key) DO UPDATE SET n = n - :data ->> 'n', last = :position;
";

const PROJECTIONS: [(&str, &str); 3] = [("counts", COUNTS), ("latest", LATEST), ("sums", SUMS)];

/// The same content by another definition, or by the first one again.
fn definition(name: &str, other: bool) -> String {
    let text = PROJECTIONS.iter().find(|(n, _)| *n == name).unwrap().1;
    if other {
        text.replace("last = :position;", "last = max(last, :position);")
    } else {
        text.to_owned()
    }
}

#[derive(Debug, Clone)]
enum Act {
    /// So many events, over streams of two categories.
    Append(u64),
    Ask(&'static str, Operation),
    /// Apply again from so many hundredths of the log.
    Replay(u64),
    /// Write a projection's file: whoever runs an engine sees it.
    Write(&'static str, bool),
    /// Take a projection's file away: its read model stays, and nobody folds into it.
    Remove(&'static str),
    Start {
        wait: bool,
    },
    Stop,
    Kill,
    /// Let it run for a moment.
    Milliseconds(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let name = || select(vec!["counts", "latest", "sums"]);
    let policies = [
        "live",
        "sync",
        "manual",
        "batch 30 or 50ms",
        "every 20ms",
        "delay 30ms",
        "rate 2000/s",
    ];
    let operation = prop_oneof![
        2 => Just(Operation::Pause),
        2 => Just(Operation::Resume),
        3 => any::<bool>().prop_map(|hold| Operation::Rebuild { hold }),
        1 => Just(Operation::PauseRebuild),
        1 => Just(Operation::ResumeRebuild),
        1 => Just(Operation::Cancel),
        3 => Just(Operation::CutOver { version: None }),
        3 => Just(Operation::RollBack { from: None }),
        1 => Just(Operation::Apply),
        2 => select(policies.to_vec()).prop_map(|p| Operation::SetPolicy(p.parse().unwrap())),
    ];
    prop_oneof![
        6 => (1_u64..120).prop_map(Act::Append),
        2 => (500_u64..3_000).prop_map(Act::Append),
        8 => (name(), operation).prop_map(|(name, operation)| Act::Ask(name, operation)),
        3 => (0_u64..100).prop_map(Act::Replay),
        2 => (name(), any::<bool>()).prop_map(|(name, other)| Act::Write(name, other)),
        1 => name().prop_map(Act::Remove),
        5 => any::<bool>().prop_map(|wait| Act::Start { wait }),
        2 => Just(Act::Stop),
        4 => Just(Act::Kill),
        4 => (0_u64..40).prop_map(Act::Milliseconds),
    ]
}

/// What was appended: position, key, category, whether it was a payment, and its number.
type Appended = (Position, String, &'static str, bool, i64);

struct Run {
    place: Place,
    workspace: Workspace,
    engines: Vec<Other>,
    appended: Vec<Appended>,
    /// Whether a version may stand still, wait or have been switched back.
    switched: bool,
}

impl Run {
    fn new() -> Self {
        let place = Place::new(&PROJECTIONS);
        let workspace = place.open();
        Self {
            place,
            workspace,
            engines: Vec::new(),
            appended: Vec::new(),
            switched: false,
        }
    }

    async fn act(&mut self, act: &Act) {
        match act {
            Act::Append(many) => self.append(*many).await,
            Act::Ask(name, operation) => {
                self.switched |= matches!(
                    operation,
                    Operation::Rebuild { hold: true }
                        | Operation::PauseRebuild
                        | Operation::Cancel
                        | Operation::RollBack { .. }
                );
                self.ask(name, operation.clone()).await;
            }
            Act::Replay(hundredths) => {
                let head = self.workspace.log().head().await.unwrap();
                let after = Position::new(head.get() * hundredths / 100);
                self.ask("latest", Operation::Replay { after }).await;
                self.ask("sums", Operation::Replay { after }).await;
            }
            Act::Write(name, other) => self.place.write(name, &definition(name, *other)),
            Act::Remove(name) => drop(std::fs::remove_file(self.file(name))),
            Act::Start { wait } => {
                // One more than one stands by.
                if self.engines.len() < 2 {
                    let mut engine = Other::start(self.place.folder().path());
                    if *wait {
                        engine.ready();
                    }
                    self.engines.push(engine);
                }
            }
            Act::Stop => drop(self.engines.pop().map(Other::stop)),
            Act::Kill => {
                if !self.engines.is_empty() {
                    self.engines.remove(0).kill();
                }
            }
            Act::Milliseconds(some) => {
                let deadline = Instant::now() + Duration::from_millis(*some);
                let never = Position::new(u64::MAX);
                let waited = self.workspace.log().wait(never, Some(deadline)).await;
                waited.unwrap();
            }
        }
    }

    async fn append(&mut self, many: u64) {
        let mut commits = Vec::new();
        let mut what = Vec::new();
        for n in 0..many {
            let category = if n % 3 == 0 { "branch" } else { "account" };
            let (key, paid) = (format!("{}", (n * 7) % 11), n % 4 != 1);
            let event_type = if paid { "Paid" } else { "Refunded" };
            let data = JsonObject::parse(&format!("{{\"n\":{n}}}")).unwrap();
            commits.push(Commit {
                id: CommitId::new(),
                stream: StreamId::new(&format!("{category}-{key}")).unwrap(),
                expected: Expected::Any,
                events: vec![NewEvent::new(EventType::new(event_type).unwrap(), data)],
            });
            what.push((key, category, paid, i64::try_from(n).unwrap()));
        }
        let answers = self.workspace.log().append_all(commits).await;
        for (answer, (key, category, paid, n)) in answers.into_iter().zip(what) {
            self.appended
                .push((answer.unwrap().last, key, category, paid, n));
        }
    }

    async fn ask(&self, name: &str, operation: Operation) {
        let asked = self
            .workspace
            .operate(name, operation, Some(Duration::ZERO));
        match asked.await {
            // Its file was taken away, and nothing can be asked of it.
            Err(WorkspaceError::NoProjection { .. }) => {}
            other => drop(other.unwrap()),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        let folder = self.place.folder().projections();
        folder.join(format!("{name}.sql"))
    }

    /// Everything is resumed and catches up, with an engine of this process.
    async fn come_to_rest(&mut self) {
        for engine in self.engines.drain(..) {
            engine.kill();
        }
        for (name, text) in PROJECTIONS {
            if !self.file(name).exists() {
                self.place.write(name, text);
            }
        }
        self.workspace = self.place.open();
        let mut engine = self.workspace.start(None).unwrap();
        engine.ready().await;
        for (name, _) in PROJECTIONS {
            finished(&self.workspace, name, Operation::Resume).await;
            let live = Operation::SetPolicy("live".parse().unwrap());
            finished(&self.workspace, name, live).await;
            if self.switched {
                // Whatever is built is not waited for: what answers must be right all the same.
                let cancel = self
                    .workspace
                    .operate(name, Operation::Cancel, Some(PATIENCE));
                assert_ne!(cancel.await.unwrap(), Done::Requested);
            }
        }
        let operator = self.workspace.operator().await.unwrap();
        let data = self.place.folder().data();
        until(&operator, |snapshot| {
            PROJECTIONS.iter().all(|(name, _)| {
                let seen = view(snapshot, name);
                let projection = self.workspace.projection(name).unwrap();
                seen.lag.behind == 0
                    && seen.lag.behind_exact
                    && seen.rebuild.is_none()
                    && (self.switched || seen.version.starts_with(projection.short_hash()))
                    && requests(&data, name).values().all(|outcomes| *outcomes > 0)
            })
        })
        .await;
        engine.stop().await;
    }

    /// What each read model must hold, folded here.
    fn folded(&self, name: &str) -> Rows {
        let mut rows = BTreeMap::<&str, (i64, i64)>::new();
        for (position, key, category, paid, n) in &self.appended {
            let last = i64::try_from(position.get()).unwrap();
            let before = rows.get(key.as_str()).map_or(0, |row| row.0);
            let after = match name {
                "counts" => before + 1,
                "sums" if *paid => before + n,
                "sums" => before - n,
                _ if *category == "account" => *n,
                _ => continue,
            };
            rows.insert(key, (after, last));
        }
        let rows = rows.into_iter();
        rows.map(|(key, (n, last))| (key.to_owned(), n, last))
            .collect()
    }
}

type Rows = Vec<(String, i64, i64)>;

fn stored(data: &Path, name: &str) -> Rows {
    let db = rusqlite::Connection::open(data.join(format!("read/{name}.db"))).unwrap();
    let mut select = db.prepare("SELECT * FROM t ORDER BY key").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

/// How many outcomes each request has, by position.
fn requests(data: &Path, name: &str) -> BTreeMap<i64, usize> {
    let db = rusqlite::Connection::open(data.join("log.db")).unwrap();
    let mut select = db
        .prepare(
            "SELECT r.position, (SELECT count(*) FROM events o
                 WHERE o.stream = r.stream AND o.data ->> 'request' = r.position)
             FROM events r WHERE r.stream = ?1 AND r.type LIKE '%Requested'",
        )
        .unwrap();
    let counts = select.query_map([format!("$projection-{name}")], |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs() as usize))
    });
    counts.unwrap().map(Result::unwrap).collect()
}

/// The same log in another workspace, folded from the beginning.
async fn fold_afresh(run: &Run) -> Place {
    let fresh = Place::new(&[]);
    let data = fresh.folder().data();
    std::fs::create_dir_all(&data).unwrap();
    let log = run.place.folder().data().join("log.db");
    let db = rusqlite::Connection::open(log).unwrap();
    let into = data.join("log.db").display().to_string();
    db.execute("VACUUM INTO ?1", [into]).unwrap();
    for (name, _) in PROJECTIONS {
        let projection = run.workspace.projection(name).unwrap();
        fresh.write(name, projection.source());
    }
    let workspace = fresh.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let all = |s: &highwater::workspace::Snapshot| {
        let caught_up = |(name, _): &(&str, &str)| view(s, name).lag.behind == 0;
        PROJECTIONS.iter().all(caught_up)
    };
    until(&operator, all).await;
    engine.stop().await;
    fresh
}

async fn holds(acts: &[Act]) {
    let mut run = Run::new();
    for act in acts {
        let done = tokio::time::timeout(PATIENCE, run.act(act)).await;
        assert!(done.is_ok(), "{act:?} never ended");
    }
    run.come_to_rest().await;
    let data = run.place.folder().data();
    let fresh = fold_afresh(&run).await;
    for (name, _) in PROJECTIONS {
        let rows = stored(&data, name);
        assert_eq!(rows, run.folded(name), "{name}: stored, folded here");
        assert_eq!(rows, stored(&fresh.folder().data(), name), "{name}: afresh");
        for (position, outcomes) in requests(&data, name) {
            assert_eq!(outcomes, 1, "{name}: outcomes of the request at {position}");
        }
    }
}

/// A few each time; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(16)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_interleaving_ends_with_each_read_model_equal_to_a_fresh_fold(
        acts in prop::collection::vec(act(), 5..30),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(holds(&acts));
    }
}
