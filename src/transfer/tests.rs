//! Imports and exports over the real engine, in folders of their own.

use std::collections::HashMap;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::event::{Event, EventType, JsonObject, NewEvent, Origin, Position, StreamId, Timestamp};
use crate::log::sqlite::{Limits, LogOptions, SqliteLog};
use crate::log::{Commit, CommitId, EventLog, Expected};

/// A log in a folder that goes when it does.
struct Log {
    log: SqliteLog,
    runtime: tokio::runtime::Runtime,
    _dir: TempDir,
}

impl Log {
    fn new() -> Self {
        Self::with(LogOptions::default())
    }

    fn with(options: LogOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            log: SqliteLog::create_or_open(dir.path(), options).unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap(),
            _dir: dir,
        }
    }

    fn import(&self, input: impl Into<Vec<u8>>) -> Result<Imported, ImportError> {
        self.import_from(Cursor::new(input.into()), |_| {}, &AtomicBool::new(false))
    }

    fn import_from(
        &self,
        input: impl Read + Send + 'static,
        progress: impl FnMut(&ImportProgress),
        stop: &AtomicBool,
    ) -> Result<Imported, ImportError> {
        self.runtime
            .block_on(import(&self.log, input, progress, stop))
    }

    fn export(&self) -> String {
        let mut out = Vec::new();
        let exported = export(&self.log, &mut out, Position::START, |_| {});
        let written = self.runtime.block_on(exported).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.lines().count() as u64, written);
        out
    }

    fn append(&self, stream: &str, event: NewEvent) {
        let commit = Commit {
            id: event
                .origin
                .clone()
                .map_or_else(CommitId::new, CommitId::Origin),
            stream: StreamId::new(stream).unwrap(),
            expected: Expected::Any,
            events: vec![event],
        };
        self.runtime.block_on(self.log.append(commit)).unwrap();
    }

    fn events(&self) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        loop {
            let after = events
                .last()
                .map_or(Position::START, |event| event.position);
            let page = self.runtime.block_on(self.log.read_all(after, 5_000));
            let page = page.unwrap();
            if page.is_empty() {
                return events;
            }
            events.extend(page);
        }
    }

    fn ids(&self) -> Vec<String> {
        self.events().into_iter().map(|event| event.id).collect()
    }
}

fn line(id: u64) -> String {
    let event = json!({
        "specversion": "1.0", "source": "/test", "id": id.to_string(), "type": "Counted",
        "subject": format!("counter-{}", id % 7), "data": {"n": id},
    });
    format!("{event}\n")
}

fn lines(ids: impl IntoIterator<Item = u64>) -> String {
    ids.into_iter().map(line).collect()
}

fn numbers(ids: impl IntoIterator<Item = u64>) -> Vec<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[track_caller]
fn assert_imported(found: Result<Imported, ImportError>, imported: u64, skipped: u64, head: u64) {
    let expected = Imported {
        imported,
        skipped,
        head: Position::new(head),
    };
    assert_eq!(found.unwrap(), expected);
}

#[test]
fn what_is_imported_twice_is_stored_once() {
    let log = Log::new();
    assert_imported(log.import(lines(0..12_000)), 12_000, 0, 12_000);
    assert_imported(log.import(lines(0..12_000)), 0, 12_000, 12_000);
    assert_imported(log.import(lines(11_000..13_000)), 1_000, 1_000, 13_000);
    assert_eq!(log.ids(), numbers(0..13_000));
}

#[test]
fn a_line_that_comes_twice_in_one_input_is_stored_once() {
    let log = Log::new();
    let input = lines([1, 2, 1, 3, 2]);
    assert_imported(log.import(input), 3, 2, 3);
}

#[test]
fn empty_inputs_and_blank_lines_are_no_events() {
    let log = Log::new();
    for input in ["", "\n", "\r\n \t\n", "{", "\u{feff}"].map(str::to_owned) {
        match input.as_str() {
            "{" => assert!(log.import(input).is_err()),
            _ => assert_imported(log.import(input), 0, 0, 0),
        }
    }
    assert_imported(log.import(packed("")), 0, 0, 0);
    let input = format!("\u{feff}{}\n\r\n{}", line(1), line(2).trim_end());
    assert_imported(log.import(input), 2, 0, 2);
}

#[test]
fn a_packed_input_is_known_by_its_first_bytes() {
    let log = Log::new();
    let mut two_members = packed(&lines(0..3_000));
    two_members.extend(packed(&lines(3_000..3_010)));
    assert_imported(log.import(two_members), 3_010, 0, 3_010);
}

#[test]
fn a_packed_input_that_was_cut_off_is_stored_as_far_as_it_goes() {
    let log = Log::new();
    let mut cut = packed(&lines(0..20_000));
    cut.truncate(cut.len() / 2);
    let error = log.import(cut).unwrap_err();
    let ImportFailure::Input { line, .. } = error.failure else {
        panic!("{error}");
    };
    assert_eq!(error.imported, line - 1);
    assert_eq!(log.ids(), numbers(0..line - 1));
    assert_imported(
        log.import(lines(0..20_000)),
        20_001 - line,
        line - 1,
        20_000,
    );
}

#[test]
fn all_lines_before_a_bad_one_are_stored_and_none_after() {
    for (bad, reason) in [
        (
            "{\"specversion\":\"1.0\"}\n".to_owned(),
            "line 6002: `source` is missing",
        ),
        (
            "nonsense\n".to_owned(),
            "line 6002: not a JSON object: it begins with nonsense",
        ),
        (
            line(7).replace("counter-0", "$projection-orders"),
            "line 6002: `subject` is $projection-orders: streams that begin with `$`",
        ),
        (
            line(7).replace("counter-0", "counter\\u202e"),
            "line 6002: `subject`: stream name has the character U+202E",
        ),
        (
            line(7).replace("\"n\":7", &format!("\"n\":\"{}\"", "x".repeat(5_000_000))),
            "line 6002: `data` of 5000008 bytes: the limit is 1048576",
        ),
        (
            format!("{}\n", " ".repeat(LINE_LIMIT + 1)),
            "line 6002: it is longer than the limit",
        ),
    ] {
        let log = Log::new();
        let input = format!("\n{}{bad}{}", lines(0..6_000), lines(6_001..9_000));
        let error = log.import(input).unwrap_err();
        assert!(error.to_string().starts_with(reason), "{error}");
        assert_eq!((error.imported, error.skipped), (6_000, 0));
        assert_eq!(log.ids(), numbers(0..6_000));
    }
}

#[test]
fn a_line_that_the_log_refuses_is_named() {
    let log = Log::with(LogOptions {
        limits: Limits {
            data: 100,
            ..Limits::default()
        },
        ..LogOptions::default()
    });
    let large = line(2).replace("\"n\":2", &format!("\"n\":\"{}\"", "x".repeat(200)));
    let error = log.import(lines([0, 1]) + &large).unwrap_err();
    assert!(
        matches!(
            error.failure,
            ImportFailure::Line {
                line: 3,
                reason: LineError::Refused(_)
            }
        ),
        "{error}"
    );
    assert_eq!(log.ids(), numbers(0..2));
}

#[test]
fn an_import_that_is_stopped_goes_on_where_it_ended() {
    let log = Log::new();
    let mut told = Vec::new();
    let stop = AtomicBool::new(false);
    let mut runs = 0;
    let total = loop {
        runs += 1;
        stop.store(false, Ordering::Relaxed);
        let before = told.last().copied().unwrap_or(0);
        let stored = |progress: &ImportProgress| {
            if progress.imported + progress.skipped > before {
                told.push(progress.imported + progress.skipped);
                stop.store(true, Ordering::Relaxed);
            }
        };
        match log.import_from(Cursor::new(lines(0..30_000)), stored, &stop) {
            Ok(all) => break all,
            Err(error) => assert!(
                matches!(error.failure, ImportFailure::Interrupted),
                "{error}"
            ),
        }
    };
    assert!(runs > 2, "{runs}");
    assert_eq!(total.head, Position::new(30_000));
    assert_eq!(log.ids(), numbers(0..30_000));
}

/// An input that gives what it is sent, and waits for more until the sender is gone.
struct Pipe(Receiver<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Ok(bytes) = self.0.recv() else {
            return Ok(0);
        };
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

#[test]
fn a_line_is_stored_before_the_next_one_is_there() {
    let log = Log::new();
    let (sender, receiver) = channel();
    // The first read is for the two bytes that a packed input would begin with.
    let mut waiting = std::collections::VecDeque::from(["{".to_owned(), " ".to_owned()]);
    waiting.push_back(line(0)[1..].to_owned());
    waiting.extend((1..5).map(line));
    for part in waiting.drain(..3) {
        sender.send(part.into_bytes()).unwrap();
    }
    let mut sender = Some(sender);
    let mut told = 0;
    let stored = |progress: &ImportProgress| {
        if progress.imported == told {
            return;
        }
        told = progress.imported;
        match waiting.pop_front() {
            Some(line) => sender.as_ref().unwrap().send(line.into_bytes()).unwrap(),
            None => sender = None,
        }
    };
    let found = log.import_from(Pipe(receiver), stored, &AtomicBool::new(false));
    assert_imported(found, 5, 0, 5);
}

#[test]
fn an_import_that_waits_for_input_can_be_stopped() {
    let log = Log::new();
    let (sender, receiver) = channel::<Vec<u8>>();
    let stop = AtomicBool::new(true);
    let error = log.import_from(Pipe(receiver), |_| {}, &stop).unwrap_err();
    assert!(matches!(error.failure, ImportFailure::Interrupted));
    drop(sender);
}

/// An input without an end; whoever holds the other end of the channel notices when it is dropped.
struct Endless {
    next: u64,
    rest: Cursor<Vec<u8>>,
    _dropped: std::sync::mpsc::Sender<()>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.rest.position() == self.rest.get_ref().len() as u64 {
            self.rest = Cursor::new(lines(self.next..self.next + 1_000).into_bytes());
            self.next += 1_000;
        }
        self.rest.read(buffer)
    }
}

#[test]
fn what_is_read_ahead_is_bounded_and_reading_ends_with_the_import() {
    let log = Log::new();
    let (sender, dropped) = channel();
    let input = Endless {
        next: 0,
        rest: Cursor::default(),
        _dropped: sender,
    };
    let stop = AtomicBool::new(false);
    let told = |progress: &ImportProgress| {
        let ahead = progress.bytes - progress.imported * line(0).len() as u64;
        assert!(ahead < 16 << 20, "{ahead} bytes ahead");
        stop.store(progress.imported > 20_000, Ordering::Relaxed);
    };
    let error = log.import_from(input, told, &stop).unwrap_err();
    assert!(matches!(error.failure, ImportFailure::Interrupted));
    let ended = dropped.recv_timeout(std::time::Duration::from_secs(60));
    assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn system_streams_are_not_exported() {
    let log = Log::new();
    let event = || NewEvent::new(EventType::new("Paused").unwrap(), JsonObject::empty());
    log.append("$projection-orders", event());
    log.append("order-1", event());
    let exported = log.export();
    assert_eq!(exported.lines().count(), 1);
    assert!(exported.contains("\"sequence\":\"2\""));
}

#[test]
fn an_export_begins_after_a_position() {
    let log = Log::new();
    log.import(lines(0..1_200)).unwrap();
    let mut out = Vec::new();
    let mut told = Vec::new();
    let exported = export(&log.log, &mut out, Position::new(100), |at| {
        told.push(at.get())
    });
    assert_eq!(log.runtime.block_on(exported).unwrap(), 1_100);
    assert_eq!(told, [600, 1_100, 1_200]);
    assert!(out.starts_with(b"{\"specversion\":\"1.0\",\"id\":\"100\""));
}

#[test]
fn an_output_that_takes_no_more_ends_the_export() {
    let log = Log::new();
    log.import(lines(0..10)).unwrap();
    let mut full = [0_u8; 100];
    let exported = log.runtime.block_on(export(
        &log.log,
        &mut &mut full[..],
        Position::START,
        |_| {},
    ));
    assert!(matches!(exported, Err(ExportError::Output(_))));
}

#[test]
fn what_a_log_exported_itself_is_skipped_when_it_comes_back() {
    let log = Log::new();
    for n in 0..1_100 {
        let data = JsonObject::parse(&format!("{{\"n\":{n}}}")).unwrap();
        log.append(
            "order-1",
            NewEvent::new(EventType::new("Changed").unwrap(), data),
        );
    }
    log.import(lines(0..10)).unwrap();
    let exported = log.export();
    assert_imported(log.import(exported.clone()), 0, 1_110, 1_110);
    // A line under this log's name that it never wrote is stored.
    let forged = exported
        .lines()
        .next()
        .unwrap()
        .replace("\"id\":\"", "\"id\":\"0");
    assert_imported(log.import(forged.clone()), 1, 0, 1_111);
    let beyond = forged.replace("\"id\":\"0", "\"id\":\"1").replace(
        "\"sequence\":\"1\"",
        "\"sequence\":\"18446744073709551615\"",
    );
    assert_imported(log.import(beyond), 1, 0, 1_112);
}

/// The lines without `sequence`, which is the one thing that may differ between two logs.
fn without_sequence(exported: &str) -> Vec<String> {
    let drop = |line: &str| {
        let (before, after) = line.split_once("\"sequence\":\"").unwrap();
        let (_, after) = after.split_once("\",").unwrap();
        format!("{before}{after}")
    };
    exported.lines().map(drop).collect()
}

fn any_new_event() -> impl Strategy<Value = (String, NewEvent)> {
    let origin = prop::option::of(("\\PC{1,8}", "\\PC{1,8}"));
    let time = prop::option::of(-60_000_000_000_000_000..250_000_000_000_000_000_i64);
    let texts = (
        any::<String>(),
        any::<String>(),
        prop::option::of(any::<String>()),
    );
    (
        "[a-z$é]{1,3}-[0-9]",
        "\\PC{1,8}",
        texts,
        origin,
        time,
        any::<bool>(),
    )
        .prop_map(
            |(stream, event_type, (key, text, cause), origin, time, pretty)| {
                let data = json!({key: {"nested": [text, {"deep": null}, 1.5e300]}});
                let data = if pretty {
                    format!("{data:#}")
                } else {
                    data.to_string()
                };
                let metadata =
                    cause.map_or(json!({}), |cause| json!({"causation_id": cause, "n": 1}));
                let name = |name: String| name.replace(crate::event::is_disguise, "?");
                let event = NewEvent {
                    event_type: EventType::new(&name(event_type)).unwrap(),
                    data: JsonObject::parse(&data).unwrap(),
                    metadata: JsonObject::of(&metadata).unwrap(),
                    origin: origin.map(|(source, id)| Origin { source, id }),
                    time: time.map(|time| Timestamp::from_microsecond(time).unwrap()),
                };
                (stream, event)
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn export_import_export_gives_the_same_events(events in prop::collection::vec(any_new_event(), 1..12)) {
        let first = Log::new();
        let mut expected = 0;
        for (stream, event) in events {
            expected += usize::from(!stream.starts_with('$'));
            first.append(&stream, event);
        }
        let exported = first.export();
        let second = Log::new();
        let imported = second.import(packed(&exported)).unwrap();
        let again = second.export();
        prop_assert!(exported.lines().count() <= expected);
        prop_assert_eq!(imported.imported as usize, exported.lines().count());
        prop_assert_eq!(without_sequence(&exported), without_sequence(&again));
    }
}

/// The loan applications of BPI Challenge 2012, in a folder `shared` somewhere above; they are not
/// part of the repository.
fn loan_file() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|dir| dir.join("shared/data/loan.jsonl.gz"))
        .find(|file| file.exists());
    if found.is_none() {
        eprintln!("NOT TESTED: shared/data/loan.jsonl.gz is in no folder above this one");
    }
    found
}

#[test]
fn the_loan_applications_come_in_with_their_published_totals() {
    let Some(file) = loan_file() else { return };
    let log = Log::new();
    let open = || std::fs::File::open(&file).unwrap();
    let mut progress = ImportProgress::default();
    let imported = log.import_from(open(), |p| progress = *p, &AtomicBool::new(false));
    assert_imported(imported, 262_200, 0, 262_200);
    assert_eq!(progress.bytes, open().metadata().unwrap().len());
    let mut types: HashMap<String, u64> = HashMap::new();
    let mut streams = std::collections::HashSet::new();
    let mut requested = 0;
    for event in log.events() {
        if event.event_type.as_str() == "A_SUBMITTED" {
            requested += event.data.value()["amount_req"].as_u64().unwrap();
        }
        *types.entry(event.event_type.into()).or_default() += 1;
        streams.insert(event.stream);
    }
    let counts = ["A_SUBMITTED", "A_DECLINED", "A_CANCELLED", "A_APPROVED"].map(|t| types[t]);
    assert_eq!(counts, [13_087, 7_635, 2_807, 2_246]);
    assert_eq!((streams.len(), requested), (13_087, 177_634_511));
    let again = log.import_from(open(), |_| {}, &AtomicBool::new(false));
    assert_imported(again, 0, 262_200, 262_200);
}
