//! The demo's projections, edited while the demo runs and two others ask throughout: no error, no torn answer,
//! no wrong row.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;

use highwater::event::Position;
use highwater::read::Definition;
use highwater::workspace::{Consistency, Folder, Workspace};
use serde_json::Value;

use super::place::Place;
use super::screen::{PATIENCE, WIDE};
use super::shop::{Shop, values};

/// How often each file goes through everything; more, where somebody has the time.
const ROUNDS: &str = "HIGHWATER_EDITING_ROUNDS";

/// Every projection with what is asked of it, and whether it is asked for everything that is stored: not
/// of those that wait on purpose.
const QUESTIONS: [(&str, &str, &str, bool); 17] = [
    ("activity", "Activity", "", true),
    ("customers", "ListCustomers", "", true),
    ("customers", "NewestCustomers", "", false),
    ("letters", "NewestLetters", "", false),
    ("order_search", "SearchOrders", "words=grinder", true),
    ("orders", "CountByStatus", "", true),
    ("orders", "CountByStatus", "", false),
    ("orders", "ListOrders", "status=placed", true),
    ("orders", "ListOrders", "status=shipped", false),
    ("orders", "GetOrderById", "order_id=", true),
    ("orders", "SearchOrdersByDate", "from_day=", false),
    ("orders_before", "CountBefore", "", false),
    ("parcels@ap", "Waiting", "", false),
    ("parcels@eu", "Waiting", "", true),
    ("parcels@us", "Waiting", "", false),
    ("revenue", "RevenueByDay", "", false),
    ("stock", "AllStock", "", false),
];

/// Each file with another policy, other handlers that lead to the same rows, and another schema for them.
const EDITS: [(&str, &str, [&str; 2], &str); 9] = [
    (
        "activity",
        "every 200ms",
        ["events + 1", "1 + events"],
        "activity (events)",
    ),
    (
        "customers",
        "live",
        [":data ->> 'name'", "json_extract(:data, '$.name')"],
        "customers (name)",
    ),
    (
        "letters",
        "batch 3 or 100ms",
        ["'moved'", "lower('MOVED')"],
        "letters (kind)",
    ),
    (
        "order_search",
        "every 100ms",
        [":data ->> 'reason'", "json_extract(:data, '$.reason')"],
        "entries (entry)",
    ),
    (
        "orders",
        "sync",
        ["status = 'paid'", "status = 'pa' || 'id'"],
        "orders (changed_at)",
    ),
    (
        "orders_before",
        "delay 1s",
        ["'shipped'", "'ship' || 'ped'"],
        "orders (status)",
    ),
    (
        "parcels",
        "rate 1000/s",
        ["'stopped'", "replace('started', 'art', 'opp')"],
        "parcels (state)",
    ),
    (
        "revenue",
        "live",
        [
            ":data ->> 'amount_cents'",
            "json_extract(:data, '$.amount_cents')",
        ],
        "movements (cents)",
    ),
    (
        "stock",
        "rate 900/s",
        [":data ->> 'quantity'", "json_extract(:data, '$.quantity')"],
        "stock (name)",
    ),
];

/// What whoever asks has seen so far.
#[derive(Default)]
struct Seen {
    answers: BTreeMap<String, u64>,
    versions: BTreeMap<String, String>,
    /// The projection whose file is gone, while it may be said to be unknown; and how often that was so.
    gone: Option<&'static str>,
    times_gone: u64,
    /// How often that was said.
    unknown: u64,
    wrong: Vec<String>,
}

#[derive(Default)]
struct Witness {
    seen: Mutex<Seen>,
    more: Condvar,
    over: AtomicBool,
}

impl Witness {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits until what was seen fits. Panics at the first wrong answer.
    #[track_caller]
    fn until(&self, what: &str, fits: impl Fn(&Seen) -> bool) {
        let waits = |seen: &mut Seen| seen.wrong.is_empty() && !fits(seen);
        let waited = self.more.wait_timeout_while(self.seen(), PATIENCE, waits);
        let (seen, waited) = waited.unwrap();
        let wrong = seen.wrong.first().cloned();
        drop(seen);
        assert_eq!(wrong, None, "while waiting for {what}");
        assert!(!waited.timed_out(), "this did not come: {what}");
    }

    /// Waits for some more answers of a projection.
    #[track_caller]
    fn answers(&self, projection: &str, more: u64) {
        let goal = self.seen().answers.get(projection).copied().unwrap_or(0) + more;
        let what = format!("{more} more answers of {projection}");
        self.until(&what, |seen| seen.answers.get(projection) >= Some(&goal));
    }
}

/// Ends the asking when it goes, however that comes.
struct Over<'a>(&'a Witness);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// An answer, wherever it came from.
struct Answer {
    rows: Vec<Value>,
    position: Position,
    version: String,
}

/// Somebody who asks, and checks each answer against the log.
struct Asker<'a> {
    witness: &'a Witness,
    log: Workspace,
    folds: BTreeMap<&'static str, Shop>,
    runtime: tokio::runtime::Runtime,
}

fn open(place: &Place) -> Workspace {
    let folder = Folder::existing(&place.workspace()).unwrap();
    Workspace::open(folder, |_, _| Some(highwater::shop::commands())).unwrap()
}

impl<'a> Asker<'a> {
    fn new(place: &Place, witness: &'a Witness) -> Self {
        Self {
            witness,
            log: open(place),
            folds: BTreeMap::new(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// Asks everything, again and again.
    fn run(
        &mut self,
        ask: impl Fn(&Self, &str, &str, &[String], Consistency) -> Result<Answer, String>,
    ) {
        for (projection, query, parameter, strong) in QUESTIONS.into_iter().cycle() {
            if self.witness.over.load(Ordering::Relaxed) {
                return;
            }
            let fold = self.folds.entry(projection).or_default();
            let (parameters, value) = match parameter.split_once('=') {
                None => (vec![], String::new()),
                Some(("order_id", _)) => (
                    vec![format!("order_id={}", fold.an_order())],
                    fold.an_order(),
                ),
                Some(("from_day", _)) => {
                    let today =
                        format!("{:.0}", highwater::event::Timestamp::now())[..10].to_owned();
                    (
                        vec![format!("from_day={today}"), format!("to_day={today}")],
                        today,
                    )
                }
                Some((_, value)) => (vec![parameter.to_owned()], value.to_owned()),
            };
            let consistency = if strong {
                Consistency::Strong
            } else {
                Consistency::Eventual
            };
            let before = self.witness.seen().times_gone;
            let answered = ask(self, projection, query, &parameters, consistency);
            let checked = answered.and_then(|answer| {
                self.check(projection, query, &value, &answer)
                    .map(|()| answer)
            });
            let mut seen = self.witness.seen();
            match checked {
                Ok(answer) => {
                    *seen.answers.entry(projection.to_owned()).or_default() += 1;
                    seen.versions.insert(projection.to_owned(), answer.version);
                }
                // Gone just now, or when it was asked for.
                Err(error)
                    if error.contains("there is no projection")
                        && (seen.gone.is_some_and(|gone| projection.starts_with(gone))
                            || seen.times_gone != before) =>
                {
                    seen.unknown += 1;
                }
                Err(error) => seen
                    .wrong
                    .push(format!("{projection} {query} {parameters:?}: {error}")),
            }
            drop(seen);
            self.witness.more.notify_all();
        }
    }

    /// Folds the log up to the answer's position, and compares.
    fn check(
        &mut self,
        projection: &'static str,
        query: &str,
        value: &str,
        answer: &Answer,
    ) -> Result<(), String> {
        let log = self.log.log();
        let fold = self.folds.entry(projection).or_default();
        if fold.at > answer.position {
            return Err(format!(
                "it went back from {} to {}",
                fold.at, answer.position
            ));
        }
        while fold.at < answer.position {
            let left = usize::try_from(answer.position.since(fold.at)).unwrap();
            let page = self
                .runtime
                .block_on(log.read_all(fold.at, left.min(500)))
                .unwrap();
            assert!(!page.is_empty(), "the log ends before {}", answer.position);
            page.iter().for_each(|event| fold.take(event));
        }
        let checked = fold.check(query, value, &answer.rows);
        checked.map_err(|wrong| format!("at {} by {}: {wrong}", answer.position, answer.version))
    }
}

/// Through the library, as a service does: the workspace stays open.
fn ask_library(
    asker: &Asker<'_>,
    projection: &str,
    query: &str,
    parameters: &[String],
    consistency: Consistency,
) -> Result<Answer, String> {
    let parameters = parameters.iter().map(|word| word.split_once('=').unwrap());
    let parameters = parameters
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let asked = asker
        .log
        .query(projection, query, &parameters, consistency, PATIENCE);
    let answered = asker.runtime.block_on(asked).map_err(|e| e.to_string())?;
    Ok(Answer {
        rows: values(answered.rows),
        position: answered.position,
        version: answered.version,
    })
}

/// Through the command line: a process a question.
fn ask_process(
    place: &Place,
    projection: &str,
    query: &str,
    parameters: &[String],
    consistency: Consistency,
) -> Result<Answer, String> {
    let level = if consistency == Consistency::Strong {
        "strong"
    } else {
        "eventual"
    };
    let mut words = vec!["-w", "shop", "query", projection, query];
    words.extend(parameters.iter().map(String::as_str));
    words.extend(["--consistency", level, "--timeout", "60s", "--json"]);
    let output = place.highwater(&words);
    let said = String::from_utf8(output.stderr).unwrap();
    if !output.status.success() || !said.is_empty() {
        return Err(format!("{}: {said}", output.status));
    }
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    Ok(Answer {
        rows: answer["rows"].as_array().unwrap().clone(),
        position: Position::new(answer["position"].as_u64().unwrap()),
        version: answer["version"].as_str().unwrap().to_owned(),
    })
}

/// Whoever edits one file.
struct Editor<'a> {
    place: &'a Place,
    witness: &'a Witness,
    name: &'static str,
    /// A projection that the file makes: its own name, or a replica's.
    one: &'static str,
    path: PathBuf,
}

impl Editor<'_> {
    /// In place, and in two pieces: in between the file is torn.
    fn save(&self, text: &str) {
        let mut file = File::create(&self.path).unwrap();
        let (first, rest) = text.as_bytes().split_at(text.len() / 2);
        file.write_all(first).unwrap();
        file.sync_all().unwrap();
        file.write_all(rest).unwrap();
    }

    /// As careful editors save: what is written takes the name when it is whole.
    fn save_by_rename(&self, text: &str) {
        let beside = self.path.with_extension("sql.new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, &self.path).unwrap();
    }

    /// As others do: the old file goes aside first, and for a moment there is none.
    fn save_with_backup(&self, text: &str) {
        let beside = self.path.with_extension("sql~");
        std::fs::rename(&self.path, &beside).unwrap();
        File::open(&beside).unwrap().sync_all().unwrap();
        self.save(text);
        std::fs::remove_file(beside).unwrap();
    }

    /// Waits until what is written answers.
    #[track_caller]
    fn answers(&self, text: &str) {
        let definition = Definition::parse(self.one, text).unwrap();
        self.witness
            .until(&format!("{} by what its file says", self.one), |seen| {
                let version = seen.versions.get(self.one);
                version.is_some_and(|version| version.starts_with(definition.short_hash()))
            });
    }

    /// Waits until the engine says something of the projection.
    fn until_status(&self, fits: impl Fn(&Value) -> bool) {
        loop {
            let status = self.place.json(&["status"]);
            if fits(&status) {
                return;
            }
            self.witness.answers(self.one, 1);
        }
    }

    fn policy_is(&self, policy: &str) {
        self.until_status(|status| {
            let mut all = status["projections"].as_array().unwrap().iter();
            all.any(|p| p["name"] == self.one && p["policy"] == policy)
        });
    }

    /// Everything that can become of a file.
    fn edit(&self, policy: &str, [from, to]: [&str; 2], index: &str) {
        let original = std::fs::read_to_string(&self.path).unwrap();
        let marker = ["-- policy: ", "-- replicas: "]
            .into_iter()
            .find(|m| original.contains(m))
            .unwrap();
        let (head, rest) = original.split_once(marker).unwrap();
        let (now, rest) = rest.split_once('\n').unwrap();
        self.save(&format!("-- Another first line.\n{original}"));
        self.witness.answers(self.one, 3);

        if marker == "-- policy: " {
            self.save_by_rename(&format!("{head}{marker}{policy}\n{rest}"));
            self.policy_is(policy);
        } else {
            self.save_by_rename(&format!(
                "{head}{marker}eu {policy}, us live, ap every 1s\n{rest}"
            ));
            self.until_status(|status| {
                let mut all = status["projections"].as_array().unwrap().iter();
                all.any(|p| p["name"] == "parcels@us" && p["policy"] == "live")
            });
        }
        self.save(&original);
        let one_now = if marker == "-- policy: " { now } else { "live" };
        self.policy_is(one_now);

        let handlers = original.replace(from, to);
        assert_ne!(handlers, original);
        self.save(&handlers);
        self.answers(&handlers);

        self.save(&handlers.replacen("INSERT", "INSERTED", 1));
        self.until_status(|status| status["problems"] != serde_json::json!([]));
        self.witness.answers(self.one, 3);
        self.save_by_rename(&original);
        self.answers(&original);

        let schema = original.replacen(
            "-- on ",
            &format!("CREATE INDEX more ON {index};\n\n-- on "),
            1,
        );
        self.save_with_backup(&schema);
        self.answers(&schema);

        for save in 0..10 {
            let text = [&original, &handlers, &schema][save % 3];
            match save % 4 {
                0 | 2 => self.save(text),
                1 => self.save_by_rename(text),
                _ => self.save_with_backup(text),
            }
            self.witness.answers("orders", 4);
        }
        self.answers(&original);
        self.take_away_and_bring_back(&original);
    }

    /// Without its file a projection is unknown; with it, it is there again, with what it had.
    fn take_away_and_bring_back(&self, original: &str) {
        let unknown = {
            let mut seen = self.witness.seen();
            (seen.gone, seen.times_gone) = (Some(self.name), seen.times_gone + 1);
            seen.unknown
        };
        std::fs::remove_file(&self.path).unwrap();
        self.witness
            .until("that it is gone", |seen| seen.unknown > unknown);
        self.save(original);
        self.until_status(|status| {
            let mut all = status["projections"].as_array().unwrap().iter();
            all.any(|p| p["name"] == self.one && p["status"] != "dead")
        });
        let mut seen = self.witness.seen();
        (seen.gone, seen.times_gone) = (None, seen.times_gone + 1);
        drop(seen);
        self.witness.answers(self.one, 3);
    }
}

#[test]
fn whoever_asks_while_every_file_is_edited_gets_no_error_and_no_wrong_row() {
    let rounds = std::env::var(ROUNDS).map_or(1, |rounds| rounds.parse().unwrap());
    let place = Place::new();
    assert!(
        place
            .highwater(&["demo", "shop", "--once"])
            .status
            .success()
    );
    // Some of what is not paid for is given back while this runs.
    let toml = place.workspace().join("highwater.toml");
    let settings = std::fs::read_to_string(&toml).unwrap();
    std::fs::write(&toml, settings.replace("\"2m\"", "\"2s\"")).unwrap();
    let mut demo = place.demo(WIDE, "40");
    demo.shows("engine here");
    let witness = Witness::default();
    thread::scope(|scope| {
        let over = Over(&witness);
        let mut library = Asker::new(&place, &witness);
        scope.spawn(move || library.run(ask_library));
        let mut process = Asker::new(&place, &witness);
        let asked = &place;
        scope.spawn(move || {
            process.run(|_, projection, query, words, consistency| {
                ask_process(asked, projection, query, words, consistency)
            });
        });
        for _ in 0..rounds {
            for (name, policy, handlers, index) in EDITS {
                let editor = Editor {
                    place: &place,
                    witness: &witness,
                    name,
                    one: if name == "parcels" {
                        "parcels@eu"
                    } else {
                        name
                    },
                    path: place
                        .workspace()
                        .join("projections")
                        .join(format!("{name}.sql")),
                };
                editor.edit(policy, handlers, index);
            }
        }
        for (projection, ..) in QUESTIONS {
            witness.answers(projection, 2);
        }
        drop(over);
    });
    assert_eq!(witness.seen().wrong, [""; 0]);
    assert_eq!(place.json(&["status"])["problems"], serde_json::json!([]));
    demo.keys("q");
    assert!(demo.ended().status.success());
}
