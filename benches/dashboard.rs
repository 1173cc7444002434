//! What the dashboard costs, measured from outside on the real binary in a real pseudo-terminal: CPU and bytes while
//! nothing changes and while events pour in, how soon a key is answered, how soon there is a first frame, and memory.
//!
//! `cargo bench --bench dashboard -- [EVENTS] [SECONDS]`: so many events in the log (1,000,000), and so long for each
//! figure (10). It prints one line a figure, with the budget beside it; it never fails because of one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

// The kit of the terminal's tests: a process in a pseudo-terminal, and a folder of its own.
#[allow(dead_code)]
#[path = "../tests/terminal/place.rs"]
mod place;
#[allow(dead_code)]
#[path = "../tests/terminal/screen.rs"]
mod screen;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use highwater::event::{EventType, JsonObject, NewEvent, StreamId};
use highwater::log::{Commit, CommitId, Expected};
use highwater::ui::{self, Theme};
use highwater::workspace::{Folder, Workspace};
use place::Place;
use screen::{Console, WIDE};

const BIN: &str = env!("CARGO_BIN_EXE_highwater");

/// What is stored, in order: one event in so many streams.
const STREAMS: u64 = 10_000;

const ORDERS: &str = "-- policy: live\n-- objective: 1s\n\n-- schema\nCREATE TABLE orders (id TEXT PRIMARY KEY, \
    events INTEGER NOT NULL, total INTEGER NOT NULL) STRICT;\n\n-- on OrderPlaced\nINSERT INTO orders VALUES (:key, 1, \
    :data ->> 'total') ON CONFLICT (id) DO UPDATE SET events = events + 1, total = total + excluded.total;\n";

const DAYS: &str = "-- policy: batch 500 or 1s\n\n-- schema\nCREATE TABLE days (day TEXT PRIMARY KEY, events INTEGER \
    NOT NULL) STRICT;\n\n-- on OrderPlaced\nINSERT INTO days VALUES (substr(:time, 1, 10), 1) ON CONFLICT (day) DO \
    UPDATE SET events = events + 1;\n";

fn main() {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|a| a.parse().ok())
        .collect();
    let events = numbers.first().copied().unwrap_or(1_000_000);
    let window = Duration::from_secs(numbers.get(1).copied().unwrap_or(10));
    let place = Place::with(&[("orders.sql", ORDERS), ("days.sql", DAYS)]);
    // Only events and read models: no load of the domain's own.
    let config = place.workspace().join("highwater.toml");
    let text = fs::read_to_string(&config).expect("init has written it");
    fs::write(&config, format!("domain = \"none\"\n{text}")).expect("it can be written");
    println!(
        "{events} events, two projections, {} s a figure",
        window.as_secs()
    );
    fill(&place, events);
    catch_up(&place);
    frames(&place);

    let began = Instant::now();
    let mut console = place.console(WIDE, &[]);
    console.shows("Projections");
    line("open to first frame", began.elapsed(), "≤ 200 ms");
    console.shows("engine here");
    idle(&mut console, window);
    console.keys("q");
    assert!(console.ended().status.success());

    let engine = Running::engine(&place);
    let mut console = place.console(WIDE, &[]);
    console.shows("engine pid");
    let load = Load::begin(&place, 5_000);
    busy(&mut console, window);
    keys(&mut console);
    memory(&mut console, window);
    println!("stored meanwhile: {:.0} events/s", load.end());
    console.keys("q");
    assert!(console.ended().status.success());
    engine.end();
}

fn line(what: &str, took: Duration, budget: &str) {
    println!("{what}: {:.1} ms ({budget})", took.as_secs_f64() * 1e3);
}

/// One event as a line of CloudEvents.
fn event(number: u64, to: &mut impl Write) {
    let stream = number * 7_919 % STREAMS;
    let total = number % 10_000;
    writeln!(
        to,
        r#"{{"specversion":"1.0","id":"bench-{number}","source":"bench","type":"OrderPlaced","subject":"order-{stream}","data":{{"customer":"c-{}","total":{total},"lines":[{{"product":"mug","quantity":2}}],"note":"as one would expect of an order of this size"}}}}"#,
        stream % 997
    )
    .expect("the importer reads to the end");
}

fn import(place: &Place) -> Child {
    Command::new(BIN)
        .args(["-w", "shop", "import", "-"])
        .current_dir(place.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the importer starts")
}

fn fill(place: &Place, events: u64) {
    let began = Instant::now();
    let mut importer = import(place);
    let pipe = importer.stdin.take().expect("it is piped");
    let mut pipe = std::io::BufWriter::with_capacity(1 << 20, pipe);
    for number in 0..events {
        event(number, &mut pipe);
    }
    drop(pipe);
    assert!(importer.wait().expect("it ends").success());
    println!("imported in {:.1} s", began.elapsed().as_secs_f64());
}

/// Lets both read models have everything.
fn catch_up(place: &Place) {
    let engine = Running::engine(place);
    loop {
        let status = place.json(&["status"]);
        let all = status["projections"].as_array().expect("a list");
        if all.iter().all(|view| view["gap"] == 0) {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    engine.end();
}

/// How long it takes to draw a frame of this workspace: the middle of many.
fn frames(place: &Place) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let workspace = open(&place.workspace());
    let snapshot = runtime.block_on(workspace.snapshot()).expect("a snapshot");
    let theme = Theme::default();
    for (width, height, budget) in [(120, 36, "≤ 2 ms"), (400, 100, "≤ 5 ms")] {
        let mut took: Vec<Duration> = (0..200)
            .map(|_| {
                let began = Instant::now();
                std::hint::black_box(ui::picture(&snapshot, width, height, &theme));
                began.elapsed()
            })
            .collect();
        took.sort_unstable();
        line(
            &format!("a frame of the Overview at {width}x{height}"),
            took[100],
            budget,
        );
    }
}

fn idle(console: &mut Console, window: Duration) {
    console.quiet(Duration::from_secs(3));
    let before = ticks(console.pid);
    let bytes = console.bytes_within(window);
    let share = share(console.pid, before, window);
    println!(
        "idle, with its engine: {share:.2} % of a core, {bytes} bytes to the terminal (≤ 0.5 %, 0)"
    );
}

fn busy(console: &mut Console, window: Duration) {
    let before = ticks(console.pid);
    let bytes = console.bytes_within(window);
    let share = share(console.pid, before, window);
    let rate = bytes as f64 / window.as_secs_f64() / 1024.0;
    println!(
        "at 5,000 events/s, engine elsewhere: {share:.1} % of a core, {rate:.0} KiB/s to the terminal (≤ 10 %)"
    );
}

/// How long after a key was pressed the screen shows what it does, while events pour in.
fn keys(console: &mut Console) {
    let mut took: Vec<Duration> = (0..100)
        .map(|at| {
            let (key, shown) = if at % 2 == 0 {
                ("?", "Esc close")
            } else {
                ("?", "? help")
            };
            let began = Instant::now();
            console.keys(key);
            console.until("the key's answer", |picture| {
                picture.has(shown) && (at % 2 == 0) == picture.has("What a projection can be")
                    || (at % 2 == 0) == picture.has("Esc close")
            });
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    line("a key is answered, half of them within", took[50], "");
    line("a key is answered, the slowest of 100", took[99], "≤ 50 ms");
}

fn memory(console: &mut Console, window: Duration) {
    let before = anonymous(console.pid);
    console.bytes_within(window * 3);
    let after = anonymous(console.pid);
    println!(
        "anonymous memory under load: {before} KiB, {} s later {after} KiB",
        window.as_secs() * 3
    );
}

/// An engine without a screen.
struct Running(Child);

impl Running {
    fn engine(place: &Place) -> Self {
        let child = Command::new(BIN)
            .args(["-w", "shop", "run"])
            .current_dir(place.home())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the engine starts"))
    }

    fn end(mut self) {
        screen::signal(self.0.id(), "TERM");
        assert!(self.0.wait().expect("it ends").success());
    }
}

/// Events that come at a steady rate from another process.
struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<f64>,
}

impl Load {
    fn begin(place: &Place, per_second: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let folder = place.workspace();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(store(&folder, per_second, &stopped))
        });
        Self { stop, thread }
    }

    fn end(self) -> f64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the load ends")
    }
}

/// Stores events until it is stopped, a hundred times a second; says how many a second that were.
async fn store(folder: &Path, per_second: u64, stop: &AtomicBool) -> f64 {
    let log = open(folder).log();
    let began = Instant::now();
    let mut stored = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = (began.elapsed().as_secs_f64() * per_second as f64) as u64;
        while stored < due {
            let many = (due - stored).min(100);
            log.append(commit(stored, many))
                .await
                .expect("it is stored");
            stored += many;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stored as f64 / began.elapsed().as_secs_f64()
}

/// A hundred at once of one stream, as a busy service would send them.
fn commit(number: u64, many: u64) -> Commit {
    let data = format!(
        r#"{{"customer":"c-{}","total":{}}}"#,
        number % 997,
        number % 10_000
    );
    let event = || {
        NewEvent::new(
            EventType::new("OrderPlaced").expect("it is a type"),
            JsonObject::parse(&data).expect("it is JSON"),
        )
    };
    Commit {
        id: CommitId::new(),
        stream: StreamId::new(&format!("order-{}", number % STREAMS)).expect("it is a stream"),
        expected: Expected::Any,
        events: (0..many).map(|_| event()).collect(),
    }
}

fn open(folder: &Path) -> Workspace {
    let folder = Folder::existing(folder).expect("there is a workspace");
    Workspace::open(folder, |_, _| None).expect("the workspace opens")
}

/// The processor time that a process has used, in hundredths of a second.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let of = |at: usize| {
        fields
            .split(' ')
            .nth(at)
            .and_then(|n| n.parse::<u64>().ok())
    };
    of(11).unwrap_or(0) + of(12).unwrap_or(0)
}

/// The share of a core since then, in hundredths.
fn share(pid: u32, before: u64, window: Duration) -> f64 {
    (ticks(pid) - before) as f64 / window.as_secs_f64()
}

/// Memory that no file stands behind, in KiB.
fn anonymous(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok())
        .unwrap_or(0)
}
