//! The demo's projections, edited while the demo runs and two others ask throughout: no error, no torn answer,
//! no wrong row.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::thread;

use highwater::read::Definition;
use serde_json::{Value, json};

use super::asking::{Asker, Over, QUESTIONS, Witness, ask_library, ask_process};
use super::place::Place;
use super::screen::WIDE;

/// How often each file goes through everything; more, where somebody has the time.
const ROUNDS: &str = "HIGHWATER_EDITING_ROUNDS";

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

/// Whoever edits one file.
struct Editor<'a> {
    place: &'a Place,
    witness: &'a Witness,
    name: &'static str,
    /// A projection that the file makes: its own name, or a replica's.
    one: &'static str,
    path: PathBuf,
}

impl<'a> Editor<'a> {
    fn of(name: &'static str, place: &'a Place, witness: &'a Witness) -> Self {
        let file = format!("projections/{name}.sql");
        Self {
            place,
            witness,
            name,
            one: if name == "parcels" {
                "parcels@eu"
            } else {
                name
            },
            path: place.workspace().join(file),
        }
    }

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

    /// Waits until the engine says this of a projection.
    fn until_shown(&self, name: &str, field: &str, value: &str) {
        self.until_status(|status| {
            let mut all = status["projections"].as_array().unwrap().iter();
            all.any(|projection| projection["name"] == name && projection[field] == value)
        });
    }

    /// Everything that can become of a file.
    fn edit(&self, policy: &str, [from, to]: [&str; 2], index: &str) {
        let original = std::fs::read_to_string(&self.path).unwrap();
        let handlers = original.replace(from, to);
        assert_ne!(handlers, original);
        let index = format!("CREATE INDEX more ON {index};\n\n-- on ");
        let schema = original.replacen("-- on ", &index, 1);

        self.save(&format!("-- Another first line.\n{original}"));
        self.witness.answers(self.one, 3);
        self.change_the_policy(&original, policy);
        self.save(&handlers);
        self.answers(&handlers);
        self.break_and_mend(&handlers, &original);
        self.save_with_backup(&schema);
        self.answers(&schema);
        self.save_ten_times([&original, &handlers, &schema]);
        self.take_away_and_bring_back(&original);
    }

    /// Another policy, or other replicas; and back.
    fn change_the_policy(&self, original: &str, policy: &str) {
        if let Some((before, after)) = original.split_once("-- policy: ") {
            let (now, after) = after.split_once('\n').unwrap();
            self.save_by_rename(&format!("{before}-- policy: {policy}\n{after}"));
            self.until_shown(self.one, "policy", policy);
            self.save(original);
            self.until_shown(self.one, "policy", now);
        } else {
            self.save_by_rename(&original.replace("us delay 800ms", "us live"));
            self.until_shown("parcels@us", "policy", "live");
            self.save(original);
            self.until_shown("parcels@us", "policy", "delay 800ms");
        }
    }

    /// What was built last goes on while the file is broken.
    fn break_and_mend(&self, handlers: &str, original: &str) {
        self.save(&handlers.replacen("INSERT", "INSERTED", 1));
        self.until_status(|status| status["problems"] != json!([]));
        self.witness.answers(self.one, 3);
        self.save_by_rename(original);
        self.answers(original);
    }

    /// Within a second or so, in every way of saving; the last one is as the first.
    fn save_ten_times(&self, texts: [&str; 3]) {
        for save in 0..10 {
            let text = texts[save % 3];
            match save % 4 {
                0 | 2 => self.save(text),
                1 => self.save_by_rename(text),
                _ => self.save_with_backup(text),
            }
            self.witness.answers("orders", 2);
        }
        self.answers(texts[0]);
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
            all.any(|projection| projection["name"] == self.one && projection["status"] != "dead")
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
    let made = place.highwater(&["demo", "shop", "--once"]);
    assert!(made.status.success());
    // Some of what is not paid for is given back while this runs.
    let toml = place.workspace().join("highwater.toml");
    let settings = std::fs::read_to_string(&toml).unwrap();
    std::fs::write(&toml, settings.replace("\"15m\"", "\"2s\"")).unwrap();
    let mut demo = place.demo(WIDE, "30");
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
                Editor::of(name, &place, &witness).edit(policy, handlers, index);
            }
        }
        for (projection, ..) in QUESTIONS {
            witness.answers(projection, 2);
        }
        drop(over);
    });
    assert_eq!(witness.seen().wrong, [""; 0]);
    assert_eq!(place.json(&["status"])["problems"], json!([]));
    demo.keys("q");
    assert!(demo.ended().status.success());
}
