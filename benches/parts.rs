//! What single parts cost, by criterion: `cargo bench --bench parts`. Whole scenarios are in `engine`, `growth` and
//! `dashboard`.

#![allow(missing_docs, reason = "criterion's macros make functions without")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use highwater::event::{JsonObject, Position, StreamId, Version};
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::log::{EventLog, StreamHead};
use highwater::read::SqlProjection;
use highwater::ui::{self, Theme, svg};
use highwater::workspace::Folder;
use highwater::{cloudevents, text};
use tokio::runtime::Runtime;

mod kit;

const DEFINITION: &str = "-- policy: live\n\n-- schema\nCREATE TABLE orders (id TEXT PRIMARY KEY, events INTEGER NOT \
    NULL, total INTEGER NOT NULL) STRICT;\n\n-- on OrderPlaced\nINSERT INTO orders VALUES (:key, 1, :data ->> 'total') \
    ON CONFLICT (id) DO UPDATE SET events = events + 1, total = total + excluded.total;\n";

/// What comes from outside: checked and read.
fn outside(c: &mut Criterion) {
    let data = kit::events::data(7);
    c.bench_function("check an event's JSON, 200 bytes", |b| {
        b.iter(|| JsonObject::parse(black_box(&data)).expect("it is JSON"));
    });
    let line = format!(
        r#"{{"specversion":"1.0","id":"1","source":"bench","type":"OrderPlaced","subject":"order-1","data":{data}}}"#
    );
    c.bench_function("read a line of CloudEvents", |b| {
        b.iter(|| cloudevents::read(black_box(line.as_bytes())).expect("it is an event"));
    });
    c.bench_function("clean 200 bytes for the terminal", |b| {
        b.iter(|| text::clean(black_box(&data)).len())
    });
    c.bench_function("read a projection's definition", |b| {
        b.iter(|| SqlProjection::parse("orders", black_box(DEFINITION)).expect("it is right"));
    });
}

/// Single questions to a log of 100,000 events.
fn log(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let log = filled(dir.path(), 100_000);
    let runtime = Runtime::new().expect("a runtime");
    let stream = StreamId::new(&kit::events::stream_of_a_life(50_000)).expect("it is a stream");
    c.bench_function("the head", |b| {
        b.iter(|| runtime.block_on(log.head()).expect("a head"))
    });
    c.bench_function("a stream of ten events", |b| {
        b.iter(|| {
            let page = runtime.block_on(log.read_stream(&stream, Version::NONE, 100));
            assert_ne!(page.expect("a page").head, StreamHead::NONE);
        });
    });
    let mut group = c.benchmark_group("a page of the log");
    for many in [100, 1_000] {
        group.throughput(Throughput::Elements(many));
        group.bench_function(many.to_string(), |b| {
            b.iter(|| {
                let page = runtime.block_on(log.read_all(Position::new(50_000), many as usize));
                assert_eq!(page.expect("a page").len() as u64, many);
            });
        });
    }
    group.finish();
}

/// A frame of the dashboard, and the same as a picture.
fn frames(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = Folder::init(dir.path()).expect("a workspace");
    let projection = folder.projections().join("orders.sql");
    std::fs::write(projection, DEFINITION).expect("it can be written");
    let workspace = kit::steady::open(dir.path());
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(kit::fill::fill(&*workspace.log(), 0, 1_000));
    let snapshot = runtime.block_on(workspace.snapshot()).expect("a snapshot");
    let theme = Theme::default();
    for (width, height) in [(80, 24), (120, 36), (400, 100)] {
        c.bench_function(&format!("a frame of {width}x{height}"), |b| {
            b.iter(|| ui::picture(black_box(&snapshot), width, height, &theme));
        });
    }
    let frame = ui::picture(&snapshot, 120, 36, &theme);
    c.bench_function("a frame as SVG", |b| {
        b.iter(|| svg::render(black_box(&frame), "shop", &theme).len())
    });
}

fn filled(dir: &Path, events: u64) -> SqliteLog {
    let log = SqliteLog::create_or_open(dir, LogOptions::default()).expect("a log");
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(kit::fill::fill(&log, 0, events));
    log
}

criterion_group!(parts, outside, log, frames);
criterion_main!(parts);
