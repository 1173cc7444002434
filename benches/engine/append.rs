//! Durable appends: one caller, many callers, and imports.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use hdrhistogram::Histogram;
use highwater::event::Origin;
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::log::{Commit, CommitId, EventLog};
use tokio::runtime::Runtime;

use crate::bare::{Bare, Imported, Row};
use crate::kit::events::{commit, data, stream_at_random};
use crate::ratio::{Ratio, a_second};
use crate::verified;

/// Events in both logs before anything is measured.
const BEFORE: u64 = 100_000;

/// One caller, one event a commit, each synced before the next.
pub fn one_caller(dir: &Path, rounds: usize) {
    const MANY: u64 = 2_000;
    let (mut crates, mut bare) = (Crates::create(dir), Plain::create(dir));
    Ratio::measure(
        "durable append, one caller",
        "≥ 0.9",
        rounds,
        || {
            let commits = crates.commits(MANY);
            let log = &crates.log;
            a_second(MANY, || {
                crates.runtime.block_on(async {
                    for commit in commits {
                        log.append(commit).await.expect("it is stored");
                    }
                });
            })
        },
        || {
            let rows = bare.rows(MANY);
            a_second(MANY, || {
                rows.chunks(1).for_each(|row| bare.log.store(row, &[]))
            })
        },
    );
    crates.verified();
}

/// So many callers that each wait for their answer before they append again, beside 64 events a transaction.
pub fn many_callers(
    dir: &Path,
    rounds: usize,
    callers: u64,
    what: &'static str,
    budget: &'static str,
) {
    const MANY: u64 = 40_960;
    const A_TRANSACTION: usize = 64;
    let (mut crates, mut bare) = (Crates::create(dir), Plain::create(dir));
    let answers = histogram();
    let answers = Arc::new(Mutex::new(answers));
    Ratio::measure(
        what,
        budget,
        rounds,
        || {
            let mut commits = crates.commits(MANY);
            let many = (MANY / callers) as usize;
            let shares: Vec<_> = (0..callers)
                .map(|_| commits.split_off(commits.len() - many))
                .collect();
            let done = shares.iter().map(Vec::len).sum::<usize>() as u64;
            let (log, answers) = (&crates.log, &answers);
            a_second(done, || {
                crates.runtime.block_on(async move {
                    let callers: Vec<_> = shares
                        .into_iter()
                        .map(|share| {
                            tokio::spawn(caller(Arc::clone(log), share, Arc::clone(answers)))
                        })
                        .collect();
                    for caller in callers {
                        caller.await.expect("it ends");
                    }
                });
            })
        },
        || {
            let rows = bare.rows(MANY);
            a_second(MANY, || {
                for transaction in rows.chunks(A_TRANSACTION) {
                    bare.log.store(transaction, &[]);
                }
            })
        },
    );
    let answers = answers.lock().expect("nobody panicked");
    println!(
        "an answer after: half {:.2} ms, 99 % {:.2} ms, the slowest {:.2} ms",
        answers.value_at_quantile(0.5) as f64 / 1e3,
        answers.value_at_quantile(0.99) as f64 / 1e3,
        answers.max() as f64 / 1e3
    );
    crates.verified();
}

/// Microseconds, up to a minute.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are in order")
}

async fn caller(log: Arc<SqliteLog>, commits: Vec<Commit>, answers: Arc<Mutex<Histogram<u64>>>) {
    let mut own = histogram();
    for mut commit in commits {
        let began = Instant::now();
        // Made now, as programs do: ids are in order of time across all callers.
        commit.id = CommitId::new();
        log.append(commit).await.expect("it is stored");
        own.saturating_record(began.elapsed().as_micros() as u64);
    }
    answers
        .lock()
        .expect("nobody panicked")
        .add(own)
        .expect("they count alike");
}

/// Commits that have ids of another program's, as `import` hands them over, beside 10,000 a transaction.
pub fn import(dir: &Path, rounds: usize) {
    const MANY: u64 = 50_000;
    const AT_ONCE: usize = 10_000;
    let (mut crates, mut bare) = (Crates::create(dir), Plain::create(dir));
    Ratio::measure(
        "import, large batches",
        "≥ 0.8",
        rounds,
        || {
            let mut commits = crates.commits(MANY);
            for (at, commit) in commits.iter_mut().enumerate() {
                let origin = Origin {
                    source: "bench".into(),
                    id: format!("{}", crates.next - MANY + at as u64),
                };
                commit.id = CommitId::Origin(origin.clone());
                commit.events[0].origin = Some(origin);
            }
            let mut pages = Vec::new();
            while !commits.is_empty() {
                pages.push(commits.split_off(commits.len() - AT_ONCE));
            }
            let log = &crates.log;
            a_second(MANY, || {
                crates.runtime.block_on(async {
                    for page in pages {
                        let answers = log.append_all(page).await;
                        assert!(answers.iter().all(Result::is_ok));
                    }
                });
            })
        },
        || {
            let rows = bare.rows(MANY);
            let imported = (bare.next - MANY..bare.next).map(|number| Imported {
                digest: rand::random(),
                id: number.to_string(),
            });
            let imported: Vec<_> = imported.collect();
            a_second(MANY, || {
                for (rows, imported) in rows.chunks(AT_ONCE).zip(imported.chunks(AT_ONCE)) {
                    bare.log.store(rows, imported);
                }
            })
        },
    );
    crates.verified();
}

/// A log that is written through the crate.
struct Crates {
    log: Arc<SqliteLog>,
    runtime: Runtime,
    next: u64,
}

impl Crates {
    fn create(dir: &Path) -> Self {
        let log = SqliteLog::create_or_open(&dir.join("crate"), LogOptions::default());
        let mut crates = Self {
            log: Arc::new(log.expect("a log")),
            runtime: Runtime::new().expect("a runtime"),
            next: 0,
        };
        let commits = crates.commits(BEFORE);
        crates.runtime.block_on(crates.log.append_all(commits));
        crates
    }

    /// The next so many.
    fn commits(&mut self, many: u64) -> Vec<Commit> {
        let numbers = next(&mut self.next, many);
        numbers
            .map(|number| commit(&stream_at_random(number), number))
            .collect()
    }

    fn verified(self) {
        verified(&self.log, self.next);
    }
}

/// The same, written by bare statements.
struct Plain {
    log: Bare,
    next: u64,
    versions: HashMap<String, i64>,
}

impl Plain {
    fn create(dir: &Path) -> Self {
        let mut plain = Self {
            log: Bare::create(&dir.join("bare")),
            next: 0,
            versions: HashMap::new(),
        };
        for rows in plain.rows(BEFORE).chunks(500) {
            plain.log.store(rows, &[]);
        }
        plain
    }

    fn rows(&mut self, many: u64) -> Vec<Row> {
        let numbers = next(&mut self.next, many);
        numbers
            .map(|number| {
                let stream = stream_at_random(number);
                let version = self.versions.entry(stream.clone()).or_default();
                *version += 1;
                Row {
                    version: *version,
                    stream,
                    data: data(number),
                }
            })
            .collect()
    }
}

fn next(at: &mut u64, many: u64) -> Range<u64> {
    let from = *at;
    *at += many;
    from..*at
}
