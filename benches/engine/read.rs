//! Reading back: the whole log a page at a time, and one aggregate's events folded into its state.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use highwater::event::{Position, StreamId};
use highwater::log::EventLog;
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::write::{Aggregate, Commands, Rejection, SqliteSnapshots};
use rusqlite::{Connection, OpenFlags, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::kit::events;
use crate::ratio::{Ratio, a_second};

/// Events a page.
const A_PAGE: i64 = 1_000;

/// Every event with all that was stored, beside rows that are read into texts of their own, with neither hashes nor
/// names checked.
pub fn read_all(dir: &Path, rounds: usize) {
    const MANY: u64 = 200_000;
    let logs = Logs::filled(dir, MANY, events::stream_at_random);
    Ratio::measure(
        "read all, pages",
        "≥ 0.8",
        rounds,
        || {
            a_second(MANY, || {
                let read = logs.runtime.block_on(async {
                    let mut after = Position::START;
                    loop {
                        let page = logs
                            .log
                            .read_all(after, A_PAGE as usize)
                            .await
                            .expect("a page");
                        match page.last() {
                            Some(last) => after = last.position,
                            None => return after.get(),
                        }
                    }
                });
                assert_eq!(read, MANY);
            })
        },
        || a_second(MANY, || assert_eq!(scan(&logs.bare), MANY as i64)),
    );
}

/// A row with all that was stored but its hash.
struct Row {
    position: i64,
    _stream: String,
    _version: i64,
    _event_type: String,
    _id: String,
    _source: Option<String>,
    _recorded_at: i64,
    _time: Option<i64>,
    _data: String,
    _metadata: String,
}

fn scan(connection: &Connection) -> i64 {
    let mut statement = connection
        .prepare(
            "SELECT position, stream, version, type, id, source, recorded_at, time, data, metadata \
             FROM events WHERE position > ? ORDER BY position LIMIT ?",
        )
        .expect("a statement");
    let mut after = 0_i64;
    loop {
        let rows = statement.query_map(params![after, A_PAGE], |row| {
            Ok(Row {
                position: row.get(0)?,
                _stream: row.get(1)?,
                _version: row.get(2)?,
                _event_type: row.get(3)?,
                _id: row.get(4)?,
                _source: row.get(5)?,
                _recorded_at: row.get(6)?,
                _time: row.get(7)?,
                _data: row.get(8)?,
                _metadata: row.get(9)?,
            })
        });
        let mut page = Vec::with_capacity(A_PAGE as usize);
        page.extend(rows.expect("rows").map(|row| row.expect("a row")));
        match page.last() {
            Some(last) => after = last.position,
            None => return after,
        }
    }
}

/// Aggregates of so many events each.
const AGGREGATES: u64 = 100;
const OF_EVENTS: u64 = 1_000;

/// Aggregates of a thousand events, whose events lie far apart, beside one statement each and the same fold.
pub fn rehydrate(dir: &Path, rounds: usize) {
    let stream = |number: u64| format!("order-{}", number % AGGREGATES);
    let logs = Logs::filled(dir, AGGREGATES * OF_EVENTS, stream);
    let streams: Vec<_> = (0..AGGREGATES)
        .map(|number| StreamId::new(&stream(number)).expect("a stream"))
        .collect();
    let commands = Commands::new().with::<Orders>();
    let state = |commands: &Commands, stream: &StreamId| {
        let state = logs.runtime.block_on(commands.state(&logs.log, stream));
        let (version, _) = state.expect("it is read").expect("it is an aggregate");
        assert_eq!(version.get(), OF_EVENTS);
    };
    Ratio::measure(
        "rehydrate 1,000 events (budget: 1.2 ×)",
        "≥ 0.83",
        rounds,
        || {
            a_second(AGGREGATES, || {
                streams.iter().for_each(|stream| state(&commands, stream));
            })
        },
        || {
            a_second(AGGREGATES, || {
                for stream in &streams {
                    assert_eq!(fold(&logs.bare, stream.as_str()).placed, OF_EVENTS);
                }
            })
        },
    );
    let commands = commands.with_snapshots(SqliteSnapshots::at(dir.join("snapshots.db")));
    streams.iter().for_each(|stream| state(&commands, stream));
    let mut took: Vec<_> = streams
        .iter()
        .cycle()
        .take(2_000)
        .map(|stream| {
            let began = Instant::now();
            state(&commands, stream);
            began.elapsed().as_micros()
        })
        .collect();
    took.sort_unstable();
    let (half, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("from a snapshot (budget: 100 µs): half {half} µs, 99 % {most} µs");
}

/// What is made of the orders that one customer placed.
#[derive(Default, Clone, Serialize, Deserialize, JsonSchema)]
struct Orders {
    placed: u64,
    total: u64,
    mugs: HashMap<String, u64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum Happened {
    OrderPlaced(Placed),
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Placed {
    customer: String,
    total: u64,
    currency: String,
    lines: Vec<Line>,
    note: String,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Line {
    product: String,
    quantity: u64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Asked {
    Nothing { key: String },
}

impl Orders {
    fn place(&mut self, placed: &Placed) {
        self.placed += 1;
        self.total += placed.total;
        for line in &placed.lines {
            *self.mugs.entry(line.product.clone()).or_default() += line.quantity;
        }
    }
}

impl Aggregate for Orders {
    const CATEGORY: &'static str = "order";
    type Command = Asked;
    type Event = Happened;

    fn key(Asked::Nothing { key }: &Asked) -> String {
        key.clone()
    }

    fn decide(&self, _: &Asked) -> Result<Vec<Happened>, Rejection> {
        Ok(Vec::new())
    }

    fn evolve(&mut self, Happened::OrderPlaced(placed): &Happened) {
        self.place(placed);
    }
}

/// An event's type says what its data is, as in every fold over more than one kind of event.
fn fold(connection: &Connection, stream: &str) -> Orders {
    let mut statement = connection
        .prepare_cached("SELECT type, data FROM events WHERE stream = ? ORDER BY version")
        .expect("a statement");
    let mut rows = statement.query([stream]).expect("rows");
    let mut orders = Orders::default();
    while let Some(row) = rows.next().expect("a row") {
        let text = |at| row.get_ref(at).expect("a value").as_str().expect("a text");
        match text(0) {
            "OrderPlaced" => orders.place(&serde_json::from_str(text(1)).expect("it is known")),
            other => panic!("{other} is not known"),
        }
    }
    orders
}

/// One log, read through the crate and by bare statements.
struct Logs {
    log: SqliteLog,
    bare: Connection,
    runtime: Runtime,
}

impl Logs {
    fn filled(dir: &Path, many: u64, stream: impl Fn(u64) -> String) -> Self {
        let log = SqliteLog::create_or_open(dir, LogOptions::default()).expect("a log");
        let runtime = Runtime::new().expect("a runtime");
        let commits = (0..many).map(|number| events::commit(&stream(number), number));
        let answers = runtime.block_on(log.append_all(commits.collect()));
        assert!(answers.iter().all(Result::is_ok));
        let file = dir.join("log.db");
        // As the crate: a connection that one thread has at a time needs no lock of SQLite's at each call.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let bare = Connection::open_with_flags(file, flags);
        let bare = bare.expect("the log's file");
        bare.execute_batch("PRAGMA mmap_size = 268435456; PRAGMA trusted_schema = 0;")
            .expect("the pragmas");
        Self { log, bare, runtime }
    }
}
