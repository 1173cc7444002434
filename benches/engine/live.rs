//! From stored to visible: how long after an append was answered, and after it was called, a query on a connection
//! of its own sees the event in a `live` read model. At rest, while 64 callers append as fast as they can, and
//! where another process appends.
//!
//! Bare is one thread: it stores the same event, applies the same statements to a file of its own, and commits. At rest
//! there is bare with two threads besides: one stores and hands the event to the other, which sleeps until then and
//! applies it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::log::{EventLog, SharedLog};
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Runtime;

use crate::bare::{Bare, Row};
use crate::kit::events::{commit, data, stream_at_random};
use crate::project::{Apply, ORDERS, PRAGMAS, Place, bare_model, checkpoint};

/// Names the log's folder for a process of this program that appends what it is told.
const APPENDS_TO: &str = "HIGHWATER_BENCH_APPENDS_TO";

/// Events in the log before.
const BEFORE: u64 = 10_000;

/// Between two events, so that everybody sleeps.
const PAUSE: Duration = Duration::from_millis(2);

/// Callers that do not rest, and how many events each of them appends in a round.
const CALLERS: u64 = 64;
const EACH: u64 = 200;

/// Measures all of it: so many hundreds of events at rest, and so many rounds under load.
pub fn live(dir: &Path, rounds: usize) {
    let place = Place::filled(dir, &[ORDERS], BEFORE);
    let engine = place.start();
    place.has_everything(&ORDERS);
    let mut bare = Plain::create(dir);
    println!("| stored → visible, µs                     |   half |   99 % | slowest | budget |");
    println!("|------------------------------------------|-------:|-------:|--------:|:-------|");
    at_rest(&place, &mut bare, Handing::create(dir), rounds);
    across_processes(&place, rounds);
    under_load(&place, &mut bare, rounds);
    place.runtime.block_on(engine.stop());
    place.same_as_folded(&ORDERS);
}

/// What was measured, in nanoseconds: from the answer, and from the call.
struct Took {
    answered: Histogram<u64>,
    called: Histogram<u64>,
}

impl Took {
    fn new() -> Self {
        let histogram = || Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
        Self {
            answered: histogram(),
            called: histogram(),
        }
    }

    /// Seen before it was answered counts as at once.
    fn record(&mut self, answered: Duration, called: Duration) {
        let nanos = |took: Duration| (took.as_nanos() as u64).max(1);
        self.answered.saturating_record(nanos(answered));
        self.called.saturating_record(nanos(called));
    }

    fn print(&self, what: &str, budget: &str) {
        for (since, times, budget) in [
            ("from the answer", &self.answered, budget),
            ("from the call", &self.called, ""),
        ] {
            let what = format!("{what}, {since}");
            let at = |quantile| times.value_at_quantile(quantile) as f64 / 1e3;
            println!(
                "| {what:<40} | {:>6.0} | {:>6.0} | {:>7.0} | {budget} |",
                at(0.5),
                at(0.99),
                times.max() as f64 / 1e3
            );
        }
    }
}

/// One event after the other, each after a pause; the crate and bare in turns.
fn at_rest(place: &Place, bare: &mut Plain, mut handing: Handing, rounds: usize) {
    let log = place.workspace.log();
    let probe = Probe::open(place);
    let (mut ours, mut plain, mut handed) = (Took::new(), Took::new(), Took::new());
    for number in 0..rounds as u64 * 100 {
        thread::sleep(PAUSE);
        let commit = commit(&stream_at_random(number), number);
        let called = Instant::now();
        let stored = place.runtime.block_on(log.append(commit)).unwrap();
        let answered = Instant::now();
        probe.until(|position| position >= stored.last.get());
        ours.record(answered.elapsed(), called.elapsed());
        thread::sleep(PAUSE);
        bare.transaction(number..number + 1, &mut plain);
        thread::sleep(PAUSE);
        handing.event(number, &mut handed);
    }
    ours.print("at rest", "half ≤ 60, 99 % ≤ 1,000");
    handed.print("at rest, bare, two threads", "");
    plain.print("at rest, bare, one thread", "");
}

/// Callers that each append again as soon as they were answered, beside 64 events a transaction.
fn under_load(place: &Place, bare: &mut Plain, rounds: usize) {
    let log = place.workspace.log();
    let (mut ours, mut plain) = (Took::new(), Took::new());
    for round in 0..rounds as u64 {
        let done = Arc::new(AtomicBool::new(false));
        let watched = watch(Probe::open(place), Arc::clone(&done));
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let from = (round * CALLERS + caller) * EACH;
                place.runtime.spawn(calls(Arc::clone(&log), from))
            })
            .collect();
        let calls: Vec<Call> = callers
            .into_iter()
            .flat_map(|caller| place.runtime.block_on(caller).unwrap())
            .collect();
        place.has_everything(&ORDERS);
        done.store(true, Ordering::Relaxed);
        let seen = watched.join().unwrap();
        for call in calls {
            let first = seen.partition_point(|(position, _)| *position < call.position);
            let (_, at) = seen[first];
            ours.record(
                at.saturating_duration_since(call.answered),
                at.duration_since(call.called),
            );
        }
        for group in 0..EACH {
            let from = (round * EACH + group) * CALLERS;
            bare.transaction(from..from + CALLERS, &mut plain);
        }
    }
    ours.print("64 callers", "99 % ≤ 10,000");
    plain.print("64 a transaction, bare", "");
}

struct Call {
    position: u64,
    called: Instant,
    answered: Instant,
}

async fn calls(log: SharedLog, from: u64) -> Vec<Call> {
    let mut calls = Vec::new();
    for number in from..from + EACH {
        let commit = commit(&stream_at_random(number), number);
        let called = Instant::now();
        let stored = log.append(commit).await.unwrap();
        calls.push(Call {
            position: stored.last.get(),
            called,
            answered: Instant::now(),
        });
    }
    calls
}

/// Notes when the read model was seen at which position, ten times a millisecond.
fn watch(probe: Probe, done: Arc<AtomicBool>) -> thread::JoinHandle<Vec<(u64, Instant)>> {
    thread::spawn(move || {
        let mut seen = vec![(probe.position(), Instant::now())];
        loop {
            let last = done.load(Ordering::Relaxed);
            let position = probe.position();
            if seen.last().is_some_and(|(known, _)| position > *known) {
                seen.push((position, Instant::now()));
            }
            if last {
                return seen;
            }
            thread::sleep(Duration::from_micros(100));
        }
    })
}

/// A process of its own appends one event after the other, each after a pause.
fn across_processes(place: &Place, rounds: usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(APPENDS_TO, place.workspace.folder().data())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut tell = child.stdin.take().unwrap();
    let mut hear = BufReader::new(child.stdout.take().unwrap());
    let probe = Probe::open(place);
    let mut took = Took::new();
    for number in 0..rounds as u64 * 100 {
        thread::sleep(PAUSE);
        let before = probe.position();
        writeln!(tell, "{number}").unwrap();
        probe.until(|position| position > before);
        let seen = SystemTime::now();
        let [answered, called] = told(&mut hear);
        let since = |then| seen.duration_since(then).unwrap_or_default();
        took.record(since(answered), since(called));
    }
    end(child, tell);
    took.print("another process", "99 % ≤ 1,000");
}

fn end(mut child: std::process::Child, tell: ChildStdin) {
    drop(tell);
    assert!(child.wait().unwrap().success());
}

fn told(hear: &mut BufReader<ChildStdout>) -> [SystemTime; 2] {
    let mut line = String::new();
    hear.read_line(&mut line).unwrap();
    let mut times = line.split_whitespace().map(|nanos| nanos.parse().unwrap());
    [(); 2].map(|()| UNIX_EPOCH + Duration::from_nanos(times.next().unwrap()))
}

/// Where this process is one that appends what it is told: does it, and says so.
pub fn appends_for_another() -> bool {
    let Some(dir) = std::env::var_os(APPENDS_TO) else {
        return false;
    };
    let log = SqliteLog::open_existing(Path::new(&dir), LogOptions::default()).unwrap();
    let runtime = Runtime::new().unwrap();
    for line in std::io::stdin().lines() {
        let number = line.unwrap().parse().unwrap();
        let commit = commit(&stream_at_random(number), number);
        let called = SystemTime::now();
        runtime.block_on(log.append(commit)).unwrap();
        let answered = SystemTime::now();
        let nanos = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_nanos();
        println!("{} {}", nanos(answered), nanos(called));
    }
    true
}

/// A connection that asks up to where the read model is.
struct Probe(Connection);

impl Probe {
    fn open(place: &Place) -> Self {
        let link = place.workspace.folder().versions(ORDERS.name()).link();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self(Connection::open_with_flags(link, flags).unwrap())
    }

    fn position(&self) -> u64 {
        position(&self.0, "SELECT position FROM _highwater_checkpoint")
    }

    /// Gives the core away between two looks: one who only spins holds up the very thread that it waits for, until
    /// the scheduler's next tick (4 ms here).
    fn until(&self, is_it: impl Fn(u64) -> bool) {
        while !is_it(self.position()) {
            thread::yield_now();
        }
    }
}

fn position(db: &Connection, select: &str) -> u64 {
    let mut statement = db.prepare_cached(select).unwrap();
    let position: i64 = statement.query_row([], |row| row.get(0)).unwrap();
    position.unsigned_abs()
}

/// The bare way: a log, a read model, and a connection that asks.
struct Plain {
    log: Bare,
    model: Model,
    asks: Connection,
    position: i64,
}

impl Plain {
    fn create(dir: &Path) -> Self {
        let file = dir.join("bare.db");
        let model = Model(bare_model(&file, &ORDERS));
        Self {
            log: Bare::create(&dir.join("bare")),
            model,
            asks: asking(&file),
            position: 0,
        }
    }

    /// Stores these events and applies them, each in one transaction.
    fn transaction(&mut self, numbers: std::ops::Range<u64>, took: &mut Took) {
        let first = self.position + 1;
        let rows: Vec<Row> = numbers
            .map(|number| {
                self.position += 1;
                row(number, self.position)
            })
            .collect();
        let called = Instant::now();
        self.log.store(&rows, &[]);
        let answered = Instant::now();
        self.model.apply(first, &rows);
        assert_eq!(
            position(&self.asks, CHECKPOINT),
            self.position.unsigned_abs()
        );
        for _ in rows {
            took.record(answered.elapsed(), called.elapsed());
        }
    }
}

/// The bare way with a thread for each side: what was stored is handed over in memory.
struct Handing {
    log: Bare,
    hand: mpsc::Sender<(i64, Row)>,
    asks: Connection,
    position: i64,
}

impl Handing {
    fn create(dir: &Path) -> Self {
        let file = dir.join("handing.db");
        let model = Model(bare_model(&file, &ORDERS));
        let (hand, handed) = mpsc::channel();
        // It ends with the sender.
        thread::spawn(move || {
            for (position, row) in handed {
                model.apply(position, &[row]);
            }
        });
        Self {
            log: Bare::create(&dir.join("handing")),
            hand,
            asks: asking(&file),
            position: 0,
        }
    }

    fn event(&mut self, number: u64, took: &mut Took) {
        self.position += 1;
        let rows = [row(number, self.position)];
        let called = Instant::now();
        self.log.store(&rows, &[]);
        let answered = Instant::now();
        let [row] = rows;
        self.hand.send((self.position, row)).unwrap();
        while position(&self.asks, CHECKPOINT) < self.position.unsigned_abs() {
            thread::yield_now();
        }
        took.record(answered.elapsed(), called.elapsed());
    }
}

const CHECKPOINT: &str = "SELECT position FROM checkpoint";

fn asking(file: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let asks = Connection::open_with_flags(file, flags).unwrap();
    asks.execute_batch(PRAGMAS).unwrap();
    asks
}

fn row(number: u64, version: i64) -> Row {
    Row {
        stream: stream_at_random(number),
        version,
        data: data(number),
    }
}

/// A bare read model.
struct Model(Connection);

impl Model {
    /// Applies these events from a position on in one transaction.
    fn apply(&self, first: i64, rows: &[Row]) {
        let run = |sql: &str| {
            let mut statement = self.0.prepare_cached(sql).unwrap();
            statement.execute([]).unwrap();
        };
        run("BEGIN IMMEDIATE");
        let mut apply = Apply::prepare(&self.0, &ORDERS);
        let mut last = first;
        for (position, row) in (first..).zip(rows) {
            apply.run(position, &row.stream, 0, &row.data);
            last = position;
        }
        drop(apply);
        let id = "01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
        checkpoint(&self.0, &(last, id));
        run("COMMIT");
    }
}
