//! Read models made of a whole log: one that is built anew while it answers, and several that catch up.
//!
//! Bare is one loop on one thread: it scans the same file, and has the same prepared statements applied, 10,000 events
//! a transaction. The rows of both are compared afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use highwater::event::Timestamp;
use highwater::workspace::{Consistency, Done, Engine, Folder, Operation, Workspace};
use jiff::fmt::temporal::DateTimePrinter;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Runtime;

use crate::kit::fill::fill;
use crate::kit::process::anonymous;
use crate::kit::steady;
use crate::ratio::{Ratio, a_second};

/// Events in the log.
const EVENTS: u64 = 300_000;

/// Events a transaction of the bare loop.
const A_TRANSACTION: usize = 10_000;

const PATIENCE: Duration = Duration::from_secs(600);

/// What the crate sets when it opens a read model's file to fold into it.
pub const PRAGMAS: &str = "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
    PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16000; PRAGMA mmap_size = 268435456;";

/// A projection: what a file for the crate is made of, and what the bare loop runs.
pub struct Sample {
    name: &'static str,
    schema: &'static str,
    handler: &'static str,
}

pub const ORDERS: Sample = Sample {
    name: "orders",
    schema: "CREATE TABLE orders (id TEXT PRIMARY KEY, events INTEGER NOT NULL, total INTEGER NOT NULL) STRICT;",
    handler: "INSERT INTO orders VALUES (:key, 1, :data ->> 'total') ON CONFLICT (id) DO UPDATE \
        SET events = events + 1, total = total + excluded.total",
};

/// What catches up together.
const SAMPLES: [Sample; 4] = [
    ORDERS,
    Sample {
        name: "days",
        schema: "CREATE TABLE days (day TEXT PRIMARY KEY, events INTEGER NOT NULL) STRICT;",
        handler: "INSERT INTO days VALUES (substr(:time, 1, 10), 1) ON CONFLICT (day) DO UPDATE \
            SET events = events + 1",
    },
    Sample {
        name: "customers",
        schema: "CREATE TABLE customers (customer TEXT PRIMARY KEY, spent INTEGER NOT NULL) STRICT;",
        handler: "INSERT INTO customers VALUES (:data ->> 'customer', :data ->> 'total') \
            ON CONFLICT (customer) DO UPDATE SET spent = spent + excluded.spent",
    },
    Sample {
        name: "last",
        schema: "CREATE TABLE last (id TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;",
        handler: "INSERT INTO last VALUES (:key, :position) ON CONFLICT (id) DO UPDATE \
            SET position = excluded.position",
    },
];

impl Sample {
    pub fn name(&self) -> &'static str {
        self.name
    }

    fn file(&self) -> String {
        let Self {
            name,
            schema,
            handler,
        } = self;
        format!(
            "-- policy: live\n-- schema\n{schema}\n-- on OrderPlaced\n{handler};\n-- query Rows()\n\
             SELECT count(*) AS rows FROM {name};\n"
        )
    }

    /// All rows in a file, in order.
    fn rows(&self, file: &Path) -> Vec<Vec<Value>> {
        let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let select = format!("SELECT * FROM {} ORDER BY 1", self.name);
        let mut statement = db.prepare(&select).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect());
        rows.unwrap().map(Result::unwrap).collect()
    }
}

/// A projection is built anew while it answers, as `rebuild` does it.
pub fn rebuild(dir: &Path, rounds: usize) {
    let place = Place::filled(dir, &[ORDERS], EVENTS);
    let engine = place.start();
    place.has_everything(&ORDERS);
    Ratio::measure(
        "rebuild, SQL projection",
        "≥ 0.9",
        rounds,
        || {
            a_second(EVENTS, || {
                let rebuild = Operation::Rebuild { hold: false };
                let done = place.workspace.operate("orders", rebuild, Some(PATIENCE));
                let done = place.runtime.block_on(done).unwrap();
                assert!(matches!(done, Done::Finished { .. }), "{done:?}");
            })
        },
        || a_second(EVENTS, || place.bare(&ORDERS)),
    );
    place.runtime.block_on(engine.stop());
    place.same_rows(&[ORDERS]);
}

/// Several projections begin together, as on an engine's first start, beside one bare loop after the other.
pub fn catch_up(dir: &Path, rounds: usize) {
    let place = Place::filled(dir, &SAMPLES, EVENTS);
    let events = EVENTS * SAMPLES.len() as u64;
    let before = anonymous(std::process::id());
    let most = AtomicU64::new(0);
    Ratio::measure(
        "catch up, four SQL projections",
        "",
        rounds,
        || {
            let fresh = place.without_models();
            let mut running = None;
            let rate = a_second(events, || {
                running = Some(fresh.start());
                SAMPLES.iter().for_each(|sample| {
                    fresh.has_everything(sample);
                    most.fetch_max(anonymous(std::process::id()), Ordering::Relaxed);
                });
            });
            fresh
                .runtime
                .block_on(running.expect("it was started").stop());
            rate
        },
        || {
            a_second(events, || {
                SAMPLES.iter().for_each(|sample| place.bare(sample))
            })
        },
    );
    place.same_rows(&SAMPLES);
    println!(
        "memory that no file stands behind: {before} KiB before, {} KiB at most while they catch up",
        most.into_inner()
    );
}

/// A workspace with projections, whose log has events.
pub struct Place {
    pub runtime: Runtime,
    pub workspace: Workspace,
}

impl Place {
    /// Makes one in a folder.
    pub fn filled(dir: &Path, samples: &[Sample], events: u64) -> Self {
        let runtime = Runtime::new().unwrap();
        let within = runtime.enter();
        let folder = Folder::init(&dir.join("workspace")).unwrap();
        // No commands: what is measured is the engine.
        fs::write(folder.path().join("highwater.toml"), "domain = \"none\"\n").unwrap();
        for sample in samples {
            let file = folder.projections().join(format!("{}.sql", sample.name));
            fs::write(file, sample.file()).unwrap();
        }
        let workspace = steady::open(folder.path());
        runtime.block_on(fill(&*workspace.log(), 0, events));
        drop(within);
        Self { runtime, workspace }
    }

    /// The same log in a workspace that has no read model yet.
    fn without_models(&self) -> Self {
        let folder = self.workspace.folder();
        drop(fs::remove_dir_all(folder.models()));
        let runtime = Runtime::new().unwrap();
        let within = runtime.enter();
        let workspace = steady::open(folder.path());
        drop(within);
        Self { runtime, workspace }
    }

    /// Starts its engine, and waits until it works.
    pub fn start(&self) -> Engine {
        self.runtime.block_on(async {
            let mut engine = self.workspace.start(None).unwrap();
            engine.ready().await;
            engine
        })
    }

    /// Waits until a read model has the whole log.
    pub fn has_everything(&self, sample: &Sample) {
        let none = BTreeMap::new();
        let strong = Consistency::Strong;
        let rows = self
            .workspace
            .query(sample.name, "Rows", &none, strong, PATIENCE);
        self.runtime.block_on(rows).unwrap();
    }

    fn log(&self) -> PathBuf {
        self.workspace.folder().data().join("log.db")
    }

    fn bare_file(&self, sample: &Sample) -> PathBuf {
        let beside = self.workspace.folder().path().join("bare");
        fs::create_dir_all(&beside).unwrap();
        beside.join(format!("{}.db", sample.name))
    }

    /// The bare loop.
    fn bare(&self, sample: &Sample) {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let log = Connection::open_with_flags(self.log(), flags).unwrap();
        log.execute_batch("PRAGMA mmap_size = 268435456").unwrap();
        let db = bare_model(&self.bare_file(sample), sample);
        let mut scan = log
            .prepare("SELECT position, stream, type, recorded_at, data, id FROM events ORDER BY position")
            .unwrap();
        let mut apply = Apply::prepare(&db, sample);
        let mut rows = scan.query([]).unwrap();
        let mut since = 0;
        let mut at = (0, String::new());
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        while let Some(row) = rows.next().unwrap() {
            let text = |at| row.get_ref(at).unwrap().as_str().unwrap();
            at.0 = row.get(0).unwrap();
            if text(2) == "OrderPlaced" {
                apply.run(at.0, text(1), row.get(3).unwrap(), text(4));
            }
            since += 1;
            if since == A_TRANSACTION {
                at.1 = text(5).to_owned();
                checkpoint(&db, &at);
                db.execute_batch("COMMIT; BEGIN IMMEDIATE").unwrap();
                since = 0;
            }
        }
        checkpoint(&db, &at);
        db.execute_batch("COMMIT").unwrap();
    }

    /// Compares a read model with one that the bare loop makes of the same log.
    pub fn same_as_folded(&self, sample: &Sample) {
        self.bare(sample);
        self.same_rows(std::slice::from_ref(sample));
    }

    /// Compares what both have.
    fn same_rows(&self, samples: &[Sample]) {
        for sample in samples {
            let link = self.workspace.folder().versions(sample.name).link();
            let (ours, bare) = (sample.rows(&link), sample.rows(&self.bare_file(sample)));
            assert!(!ours.is_empty() && ours == bare, "{} differs", sample.name);
        }
    }
}

/// A new file with a projection's table, and one for the checkpoint.
pub fn bare_model(file: &Path, sample: &Sample) -> Connection {
    for suffix in ["", "-wal", "-shm"] {
        drop(fs::remove_file(format!("{}{suffix}", file.display())));
    }
    let db = Connection::open(file).unwrap();
    db.execute_batch(PRAGMAS).unwrap();
    db.execute_batch(sample.schema).unwrap();
    db.execute_batch(
        "CREATE TABLE checkpoint (position INTEGER NOT NULL, event TEXT) STRICT; INSERT INTO checkpoint VALUES (0, '')",
    )
    .unwrap();
    db
}

/// Moves the checkpoint.
pub fn checkpoint(db: &Connection, (position, event): &(i64, String)) {
    db.prepare_cached("UPDATE checkpoint SET position = ?, event = ?")
        .and_then(|mut update| update.execute((position, event)))
        .unwrap();
}

/// A projection's prepared statement, and where its parameters stand.
pub struct Apply<'db> {
    statement: rusqlite::CachedStatement<'db>,
    position: Option<usize>,
    key: Option<usize>,
    time: Option<usize>,
    data: Option<usize>,
}

impl<'db> Apply<'db> {
    pub fn prepare(db: &'db Connection, sample: &Sample) -> Self {
        let statement = db.prepare_cached(sample.handler).unwrap();
        let at = |name| statement.parameter_index(name).unwrap();
        Self {
            position: at(":position"),
            key: at(":key"),
            time: at(":time"),
            data: at(":data"),
            statement,
        }
    }

    pub fn run(&mut self, position: i64, stream: &str, recorded_at: i64, data: &str) {
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
        let statement = &mut self.statement;
        if let Some(at) = self.position {
            statement.raw_bind_parameter(at, position).unwrap();
        }
        if let Some(at) = self.key {
            let key = stream.split_once('-').map_or(stream, |(_, key)| key);
            statement.raw_bind_parameter(at, key).unwrap();
        }
        if let Some(at) = self.time {
            let time = Timestamp::from_microsecond(recorded_at).unwrap();
            let time = PRINTER.timestamp_to_string(&time);
            statement.raw_bind_parameter(at, time).unwrap();
        }
        if let Some(at) = self.data {
            statement.raw_bind_parameter(at, data).unwrap();
        }
        statement.raw_execute().unwrap();
    }
}
