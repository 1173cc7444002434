//! What the dashboard costs, measured from outside on the real binary in a real pseudo-terminal: CPU and bytes while
//! nothing changes and while events pour in, how soon a key is answered, how soon there is a first frame, and memory.
//!
//! `cargo bench --bench dashboard -- [EVENTS] [SECONDS]`: so many events in the log (1,000,000), and so long for each
//! figure (10). It prints one line a figure, with the budget beside it; it never fails because of one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod kit;
// The kit of the terminal's tests: a process in a pseudo-terminal, and a folder of its own.
#[allow(dead_code)]
#[path = "../tests/terminal/place.rs"]
mod place;
#[allow(dead_code)]
#[path = "../tests/terminal/screen.rs"]
mod screen;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use highwater::ui::{self, Theme};
use kit::process::{anonymous, share, ticks};
use kit::steady::{self, Load};
use place::Place;
use screen::{Console, WIDE};

const ORDERS: &str = "-- policy: live\n-- objective: 1s\n\n-- schema\nCREATE TABLE orders (id TEXT PRIMARY KEY, \
    events INTEGER NOT NULL, total INTEGER NOT NULL) STRICT;\n\n-- on OrderPlaced\nINSERT INTO orders VALUES (:key, 1, \
    :data ->> 'total') ON CONFLICT (id) DO UPDATE SET events = events + 1, total = total + excluded.total;\n";

const DAYS: &str = "-- policy: batch 500 or 1s\n\n-- schema\nCREATE TABLE days (day TEXT PRIMARY KEY, events INTEGER \
    NOT NULL) STRICT;\n\n-- on OrderPlaced\nINSERT INTO days VALUES (substr(:time, 1, 10), 1) ON CONFLICT (day) DO \
    UPDATE SET events = events + 1;\n";

const SCREENS: [(&str, &str); 7] = [
    ("1", "Overview"),
    ("2", "Events"),
    ("3", "Projection"),
    ("4", "Stream"),
    ("5", "Time"),
    ("6", "Rebuilds"),
    ("7", "Log"),
];

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
    filled(&place, events);
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

    let mut engine = place.engine();
    let mut console = place.console(WIDE, &[]);
    console.shows("engine pid");
    let load = Load::begin(&place.workspace(), 5_000);
    for (key, screen) in SCREENS {
        console.keys(key);
        busy(&mut console, screen, window);
    }
    console.keys("1");
    keys(&mut console);
    memory(&mut console, window);
    println!("stored meanwhile: {:.0} events/s", load.end());
    console.keys("q");
    assert!(console.ended().status.success());
    engine.stop();
}

fn line(what: &str, took: Duration, budget: &str) {
    println!("{what}: {:.1} ms ({budget})", took.as_secs_f64() * 1e3);
}

fn filled(place: &Place, events: u64) {
    let began = Instant::now();
    let log = steady::open(&place.workspace()).log();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(kit::fill::fill(&*log, 0, events));
    println!("filled in {:.1} s", began.elapsed().as_secs_f64());
}

/// Lets both read models have everything.
fn catch_up(place: &Place) {
    let mut engine = place.engine();
    loop {
        let status = place.json(&["status"]);
        let all = status["projections"].as_array().expect("a list");
        if all.iter().all(|view| view["gap"] == 0) {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    engine.stop();
}

/// How long it takes to draw a frame of this workspace: the middle of many.
fn frames(place: &Place) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let workspace = steady::open(&place.workspace());
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

fn busy(console: &mut Console, screen: &str, window: Duration) {
    // What a screen reads when it is opened is no part of what it costs to stay there.
    console.bytes_within(Duration::from_secs(2));
    let before = ticks(console.pid);
    let bytes = console.bytes_within(window);
    let share = share(console.pid, before, window);
    let rate = bytes as f64 / window.as_secs_f64() / 1024.0;
    println!(
        "{screen} at 5,000 events/s, engine elsewhere: {share:.1} % of a core, {rate:.0} KiB/s to the terminal (≤ 10 %)"
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
