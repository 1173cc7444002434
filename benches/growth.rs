//! How cost grows with the log: the same workspace at ten thousand, a million and ten million events.
//!
//! `cargo bench --bench growth -- [EVENTS]…` prints a table, and writes its plot (the ratio to the first size) to the
//! file that `HIGHWATER_PLOT` names. Everything is the real thing: the log's file, an engine and a dashboard as
//! processes of their own. It never fails because of a figure.

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
use std::time::{Duration, Instant};

use highwater::event::Position;
use highwater::text::thousands;
use highwater::ui::{Theme, svg};
use kit::events::{commit, stream_of_a_life};
use kit::process::anonymous;
use place::Place;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, LegendPosition, Widget};
use screen::WIDE;
use tokio::runtime::Runtime;

/// A projection with a row a stream, as most are.
const ORDERS: &str = "-- policy: live\n\n-- schema\nCREATE TABLE orders (id TEXT PRIMARY KEY, events INTEGER NOT NULL, \
    total INTEGER NOT NULL) STRICT;\n\n-- on OrderPlaced\nINSERT INTO orders VALUES (:key, 1, :data ->> 'total') \
    ON CONFLICT (id) DO UPDATE SET events = events + 1, total = total + excluded.total;\n";

/// What is measured: its name, its unit, and whether it is drawn.
const COLUMNS: [(&str, &str, Option<Color>); 8] = [
    ("append, one caller", "µs", Some(Color::Red)),
    ("rebuild", "µs an event", Some(Color::Green)),
    ("last 100 events", "µs", Some(Color::Yellow)),
    ("one stream", "µs", None),
    ("open to first frame", "ms", Some(Color::Blue)),
    ("engine's memory", "MiB", Some(Color::Magenta)),
    ("dashboard's memory", "MiB", Some(Color::Cyan)),
    ("log's file", "bytes an event", None),
];

fn main() {
    let mut sizes: Vec<u64> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 1_000_000, 10_000_000];
    }
    let place = Place::with(&[("orders.sql", ORDERS)]);
    let config = place.workspace().join("highwater.toml");
    let text = fs::read_to_string(&config).expect("init has written it");
    // Only events and read models: no load of the domain's own.
    fs::write(&config, format!("domain = \"none\"\n{text}")).expect("it can be written");

    let names = COLUMNS.map(|(name, unit, _)| format!("{name}, {unit}"));
    println!("| events | {} |", names.join(" | "));
    println!("| ---: |{}", " ---: |".repeat(COLUMNS.len()));
    let mut rows = Vec::new();
    let mut stored = 0;
    for size in sizes {
        fill(&place, stored, size);
        stored = size;
        let figures = measure(&place, size);
        let cells = figures.map(|figure| {
            if figure < 10.0 {
                format!("{figure:.1}")
            } else {
                format!("{figure:.0}")
            }
        });
        println!("| {size} | {} |", cells.join(" | "));
        rows.push((size, figures));
    }
    if let Some(file) = std::env::var_os("HIGHWATER_PLOT") {
        fs::write(file, plot(&rows)).expect("it can be written");
    }
}

fn fill(place: &Place, from: u64, to: u64) {
    let workspace = kit::steady::open(&place.workspace());
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(kit::fill::fill(&*workspace.log(), from, to));
}

/// One figure a column.
fn measure(place: &Place, events: u64) -> [f64; COLUMNS.len()] {
    let file = place.workspace().join("data").join("log.db");
    // Before more is stored to measure with.
    let file = fs::metadata(file).expect("the log's file").len() as f64 / events as f64;
    let rebuild = rebuild(place, events);
    let (append, tail, stream) = queries(place, events);
    let (open, engine, dashboard) = processes(place);
    [append, rebuild, tail, stream, open, engine, dashboard, file]
}

/// Microseconds an event, from the first to the last, by an engine that does nothing else.
fn rebuild(place: &Place, events: u64) -> f64 {
    let mut engine = place.engine();
    caught_up(place);
    let began = Instant::now();
    let rebuilt = place.highwater(&["-w", "shop", "rebuild", "orders", "--yes"]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    let took = began.elapsed();
    engine.stop();
    took.as_secs_f64() * 1e6 / events as f64
}

/// Waits until the read model has everything.
fn caught_up(place: &Place) {
    while place.json(&["status"])["projections"][0]["gap"] != 0 {
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The middle of a thousand appends, of as many reads of the log's end, and of as many streams read whole.
fn queries(place: &Place, events: u64) -> (f64, f64, f64) {
    let workspace = kit::steady::open(&place.workspace());
    let log = workspace.log();
    let runtime = Runtime::new().expect("a runtime");
    let commit = |number: u64| commit(&stream_of_a_life(number), number);
    let append = middle(|at| {
        let commit = commit(events - 1 - at);
        a_time(|| {
            runtime
                .block_on(log.append(commit))
                .map(drop)
                .expect("it is stored")
        })
    });
    let head = runtime.block_on(log.head()).expect("a head").get();
    let tail = middle(|_| {
        a_time(|| {
            let page = log.read_all(Position::new(head - 100), 100);
            assert_eq!(runtime.block_on(page).expect("a page").len(), 100);
        })
    });
    let stream = middle(|at| {
        let stream = commit(kit::events::spread(at) % events).stream;
        a_time(|| {
            let page = log.read_stream(&stream, highwater::event::Version::NONE, 100);
            assert!(!runtime.block_on(page).expect("a page").events.is_empty());
        })
    });
    (append, tail, stream)
}

fn middle(mut once: impl FnMut(u64) -> f64) -> f64 {
    let mut took: Vec<f64> = (0..1_000).map(&mut once).collect();
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}

/// Microseconds.
fn a_time(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64() * 1e6
}

/// From start to the first frame in ms, and the anonymous memory of an engine and of a dashboard beside it in MiB, both
/// after events came for five seconds.
fn processes(place: &Place) -> (f64, f64, f64) {
    let mut engine = place.engine();
    caught_up(place);
    let began = Instant::now();
    let mut console = place.console(WIDE, &[]);
    console.shows("Projections");
    let open = began.elapsed().as_secs_f64() * 1e3;
    console.shows("engine pid");
    let load = kit::steady::Load::begin(&place.workspace(), 1_000);
    console.bytes_within(Duration::from_secs(5));
    load.end();
    let memory = |pid| anonymous(pid) as f64 / 1024.0;
    let (of_engine, of_console) = (memory(engine.id()), memory(console.pid));
    console.keys("q");
    assert!(console.ended().status.success());
    engine.stop();
    (open, of_engine, of_console)
}

/// How many times as much as at the first size each figure is, over the sizes.
fn plot(rows: &[(u64, [f64; COLUMNS.len()])]) -> String {
    let Some((_, first)) = rows.first() else {
        return String::new();
    };
    let lines: Vec<(_, _, Vec<(f64, f64)>)> = COLUMNS
        .iter()
        .enumerate()
        .filter_map(|(at, (name, _, colour))| {
            let points = rows
                .iter()
                .map(|(size, figures)| ((*size as f64).log10(), figures[at] / first[at]));
            colour.map(|colour| (*name, colour, points.collect()))
        })
        .collect();
    let sets = lines.iter().map(|(name, colour, points)| {
        Dataset::default()
            .name(*name)
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(*colour)
            .data(points)
    });
    let most = lines
        .iter()
        .flat_map(|(_, _, points)| points)
        .fold(2.0_f64, |most, (_, y)| most.max(*y))
        .ceil();
    let ends = [0, rows.len() - 1].map(|at| (rows[at].0 as f64).log10());
    // Labels stand at equal distances, as powers of ten do.
    let decades = ends[0].round() as u32..=ends[1].round() as u32;
    let area = Rect::new(0, 0, 90, 24);
    let mut buffer = Buffer::empty(area);
    Chart::new(sets.collect())
        .x_axis(
            Axis::default()
                .bounds(ends)
                .title("events in the log")
                .labels(decades.map(|decade| Line::from(thousands(10_u64.pow(decade))))),
        )
        .y_axis(
            Axis::default()
                .bounds([0.0, most])
                .title("times as much")
                .labels(
                    (0..=2).map(|part| Line::from(format!("{:.1}", most * f64::from(part) / 2.0))),
                ),
        )
        .legend_position(Some(LegendPosition::TopLeft))
        .hidden_legend_constraints((
            ratatui::layout::Constraint::Min(0),
            ratatui::layout::Constraint::Min(0),
        ))
        .render(area, &mut buffer);
    svg::render(&buffer, "how cost grows with the log", &Theme::default())
}
