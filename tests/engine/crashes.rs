//! An engine dies between two writes, at each place where two stand side by side; the next one ends
//! where the first would have.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater::event::Position;
use highwater::lag::Status;
use highwater::workspace::{Consistency, Operation, Workspace};

use crate::child::Other;
use crate::kit::{Place, append_many, finished, refused, rows, until, view};

const LAST: &str = "\
-- policy: live
-- replayable: yes
-- schema
CREATE TABLE last (key TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;
-- on ThingHappened
INSERT INTO last VALUES (:key, :position) ON CONFLICT (key) DO UPDATE SET position = :position;
-- query All()
SELECT key, position FROM last ORDER BY key;
";

/// The same content by another definition.
fn changed() -> String {
    LAST.replace(
        "SET position = :position",
        "SET position = excluded.position",
    )
}

/// A definition that fails at the first event.
fn broken() -> String {
    LAST.replace("VALUES (:key, :position)", "VALUES (:key, NULL)")
}

const SIGABRT: i32 = 6;

/// Reads the files as anybody can.
struct Files {
    data: PathBuf,
}

impl Files {
    fn of(place: &Place) -> Self {
        Self {
            data: place.folder().data(),
        }
    }

    /// What the log says each read model's row must be: the last position of each key.
    fn expected(&self) -> Vec<(String, i64)> {
        let db = rusqlite::Connection::open(self.data.join("log.db")).unwrap();
        let mut last = BTreeMap::new();
        let mut select = db
            .prepare("SELECT stream, position FROM events WHERE type = 'ThingHappened'")
            .unwrap();
        let mut found = select.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let stream: String = row.get(0).unwrap();
            let key = stream.split_once('-').unwrap().1.to_owned();
            last.insert(key, row.get(1).unwrap());
        }
        last.into_iter().collect()
    }

    /// Requests by position, each with the types of its outcomes.
    fn requests(&self) -> BTreeMap<i64, Vec<String>> {
        let db = rusqlite::Connection::open(self.data.join("log.db")).unwrap();
        let mut select = db
            .prepare(
                "SELECT position, type, data ->> 'request' FROM events
                 WHERE stream = '$projection-last' ORDER BY position",
            )
            .unwrap();
        let mut requests = BTreeMap::<i64, Vec<String>>::new();
        let mut found = select.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let event_type: String = row.get(1).unwrap();
            if event_type.ends_with("Requested") {
                requests.entry(row.get(0).unwrap()).or_default();
            } else if let Some(request) = row.get::<_, Option<i64>>(2).unwrap() {
                requests.get_mut(&request).unwrap().push(event_type);
            }
        }
        requests
    }

    fn rows(&self) -> Vec<(String, i64)> {
        let db = rusqlite::Connection::open(self.data.join("read/last.db")).unwrap();
        let mut select = db.prepare("SELECT key, position FROM last").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let mut rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
        rows.sort();
        rows
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Every file of the read model, without those that belong to the live version and the one before.
    fn left_over(&self) -> Vec<String> {
        let folder = self.data.join("read/last");
        let live = std::fs::read_link(self.data.join("read/last.db")).unwrap();
        let live = live.file_name().unwrap().to_str().unwrap().to_owned();
        let number = |name: &str| -> u64 {
            let stem = name.split_once(".db").unwrap().0;
            stem.rsplit_once('-').unwrap().1.parse().unwrap()
        };
        let names = Self::names(&folder);
        assert!(names.contains(&live), "{live} is not in {names:?}");
        // After a rollback, the one that was rolled back is kept; else the one before.
        let others = || {
            names
                .iter()
                .filter(|name| name.ends_with(".db") && **name != live)
        };
        let before = others()
            .filter(|name| number(name) < number(&live))
            .max_by_key(|name| number(name))
            .or(others().next().filter(|_| others().count() == 1))
            .cloned();
        let kept = |name: &String| {
            name.starts_with(&live) || before.as_ref().is_some_and(|b| name.starts_with(b))
        };
        let mut left: Vec<_> = names.into_iter().filter(|name| !kept(name)).collect();
        let others = Self::names(&self.data.join("read")).into_iter();
        left.extend(others.filter(|name| name != "last" && name != "last.db"));
        left
    }
}

/// Waits until nothing is left to do, with an engine in this process, and stops it.
async fn settle(place: &Place) -> Workspace {
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    let files = Files::of(place);
    until(&operator, |snapshot| {
        let last = view(snapshot, "last");
        last.lag.behind == 0
            && last.lag.behind_exact
            && last.rebuild.is_none()
            && files.requests().values().all(|outcomes| !outcomes.is_empty())
            // A definition that cannot be built is told of; every other one is built.
            && (!snapshot.problems.is_empty() || last.version.starts_with(&hash(&workspace)))
    })
    .await;
    engine.stop().await;
    workspace
}

fn hash(workspace: &Workspace) -> String {
    workspace.projections()[0].short_hash().to_owned()
}

/// A workspace in which two versions have been built already.
async fn prepared() -> Place {
    let place = Place::new(&[("last", LAST)]);
    let workspace = place.open();
    append_many(&workspace, 7, 300).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    rows(&workspace, "last", "All", Consistency::Strong).await;
    finished(&workspace, "last", Operation::Rebuild { hold: false }).await;
    engine.stop().await;
    append_many(&workspace, 5, 50).await;
    place
}

async fn request(place: &Place, operation: Operation) {
    let workspace = place.open();
    let asked = workspace.operate("last", operation, Some(Duration::ZERO));
    asked.await.unwrap();
}

/// Lets an engine die at a point, and checks what the next one makes of it.
async fn dies_and_recovers(place: &Place, what: &str, point: &str) {
    let status = Other::start_to_die_at(place.folder().path(), point).died();
    assert_eq!(status.signal(), Some(SIGABRT), "{what} at {point}");
    assert_whole(place, what, point).await;
}

async fn assert_whole(place: &Place, what: &str, point: &str) {
    let files = Files::of(place);
    settle(place).await;
    assert_eq!(files.rows(), files.expected(), "{what}, killed at {point}");
    for (position, outcomes) in files.requests() {
        assert_eq!(
            outcomes.len(),
            1,
            "{what}, {point}: {position} {outcomes:?}"
        );
    }
    let left = files.left_over();
    assert!(left.is_empty(), "{what}, killed at {point}, left {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_version_is_made_though_an_engine_dies_making_it() {
    for point in ["half-made", "before-first-link", "half-switched"] {
        let place = Place::new(&[("last", LAST)]);
        append_many(&place.open(), 3, 20).await;
        dies_and_recovers(&place, "first start", point).await;
    }
}

const BUILDING: [&str; 8] = [
    "before-shadow",
    "half-made",
    "after-shadow",
    "while-folding",
    "before-switch",
    "half-switched",
    "after-switch",
    "half-removed",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_ends_once_though_an_engine_dies_in_it() {
    for point in BUILDING
        .into_iter()
        .chain(["before-outcome", "after-outcome"])
    {
        let place = prepared().await;
        request(&place, Operation::Rebuild { hold: false }).await;
        dies_and_recovers(&place, "rebuild", point).await;
        let last = Files::of(&place).requests().pop_last().unwrap();
        assert_eq!(last.1, ["RebuildFinished"], "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_definition_takes_over_though_an_engine_dies_building_it() {
    for point in BUILDING {
        let place = prepared().await;
        place.write("last", &changed());
        dies_and_recovers(&place, "changed file", point).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_taken_back_after_a_death_leaves_nothing() {
    for point in BUILDING {
        let place = prepared().await;
        place.write("last", &changed());
        let status = Other::start_to_die_at(place.folder().path(), point).died();
        assert_eq!(status.signal(), Some(SIGABRT), "{point}");
        place.write("last", LAST);
        assert_whole(&place, "change taken back", point).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_is_given_up_once_though_an_engine_dies_doing_so() {
    for point in ["half-removed", "before-outcome", "after-outcome"] {
        let place = prepared().await;
        place.write("last", &broken());
        request(&place, Operation::Rebuild { hold: false }).await;
        dies_and_recovers(&place, "rebuild that fails", point).await;
        let last = Files::of(&place).requests().pop_last().unwrap();
        assert_eq!(last.1, ["OperationFailed"], "{point}");
    }
}

/// A workspace in which a changed definition is built and waits, with all that it asks for asked.
async fn held() -> Place {
    let place = prepared().await;
    place.write(
        "last",
        &changed().replace("-- policy: live", "-- cutover: asked"),
    );
    let workspace = place.open();
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    let operator = workspace.operator().await.unwrap();
    until(&operator, |s| {
        view(s, "last").rebuild.as_ref().is_some_and(|r| r.held)
    })
    .await;
    engine.stop().await;
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_version_is_held_again_though_an_engine_dies_holding_it() {
    for point in ["while-folding", "before-outcome", "after-outcome"] {
        let place = prepared().await;
        request(&place, Operation::Rebuild { hold: true }).await;
        let died = Other::start_to_die_at(place.folder().path(), point).died();
        assert_eq!(died.signal(), Some(SIGABRT), "{point}");
        let workspace = place.open();
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        let operator = workspace.operator().await.unwrap();
        until(&operator, |s| {
            view(s, "last").rebuild.as_ref().is_some_and(|r| r.held)
        })
        .await;
        finished(&workspace, "last", Operation::CutOver { version: None }).await;
        engine.stop().await;
        assert_whole(&place, "held rebuild", point).await;
        let requests = Files::of(&place).requests();
        let outcomes: Vec<_> = requests.values().rev().take(2).collect();
        assert_eq!(outcomes, [&["CutOver"], &["RebuildHeld"]], "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cutover_that_was_asked_for_ends_once_though_an_engine_dies_in_it() {
    for point in [
        "after-shadow",
        "half-removed",
        "before-switch",
        "half-switched",
        "after-switch",
        "before-outcome",
        "after-outcome",
    ] {
        let place = held().await;
        let (_, path) = place
            .folder()
            .versions("last")
            .all()
            .unwrap()
            .pop()
            .unwrap();
        let version = highwater::read::label(&path);
        request(&place, Operation::CutOver { version }).await;
        dies_and_recovers(&place, "cutover", point).await;
        let last = Files::of(&place).requests().pop_last().unwrap();
        assert_eq!(last.1, ["CutOver"], "{point}");
        let live = place.folder().versions("last").live().unwrap();
        assert_eq!(live, Some(path), "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_goes_back_once_though_an_engine_dies_in_it() {
    for point in [
        "before-roll-back",
        "half-switched",
        "after-roll-back",
        "before-outcome",
        "after-outcome",
    ] {
        let place = prepared().await;
        let versions = place.folder().versions("last");
        let before = versions.all().unwrap()[0].1.clone();
        request(&place, Operation::RollBack { from: None }).await;
        dies_and_recovers(&place, "rollback", point).await;
        let last = Files::of(&place).requests().pop_last().unwrap();
        assert_eq!(last.1, ["RolledBack"], "{point}");
        assert_eq!(versions.live().unwrap(), Some(before), "{point}");
        assert_eq!(versions.all().unwrap().len(), 2, "{point}: both are kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_version_is_not_built_again_though_an_engine_dies_cancelling() {
    for point in ["half-removed", "before-outcome", "after-outcome"] {
        let place = held().await;
        let before = place.folder().versions("last").live().unwrap();
        request(&place, Operation::Cancel).await;
        let died = Other::start_to_die_at(place.folder().path(), point).died();
        assert_eq!(died.signal(), Some(SIGABRT), "{point}");
        let workspace = place.open();
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        rows(&workspace, "last", "All", Consistency::Strong).await;
        let files = Files::of(&place);
        let last = files.requests().pop_last().unwrap();
        assert_eq!(last.1, ["Cancelled"], "{point}");
        assert_eq!(
            view(&workspace.snapshot().await.unwrap(), "last").rebuild,
            None
        );
        engine.stop().await;
        assert_eq!(place.folder().versions("last").live().unwrap(), before);
        assert!(
            files.left_over().is_empty(),
            "{point}: {:?}",
            files.left_over()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_mended_though_an_engine_dies_mending_it() {
    for point in ["after-repair", "before-outcome", "after-outcome"] {
        let place = prepared().await;
        place.write(
            "last",
            &LAST.replace("-- policy: live", "-- key: key = thing"),
        );
        settle(&place).await;
        let db = rusqlite::Connection::open(place.folder().versions("last").link()).unwrap();
        let damaged = db.execute("UPDATE last SET position = 1 WHERE key = '3'", []);
        assert_eq!(damaged.unwrap(), 1);
        drop(db);
        let key = "3".to_owned();
        request(&place, Operation::Repair { key }).await;
        dies_and_recovers(&place, "repair", point).await;
        let last = Files::of(&place).requests().pop_last().unwrap();
        assert_eq!(last.1, ["Repaired"], "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_ends_once_though_an_engine_dies_in_it() {
    for point in ["after-replay-began", "before-outcome", "after-outcome"] {
        let place = prepared().await;
        let after = Position::new(100);
        request(&place, Operation::Replay { after }).await;
        dies_and_recovers(&place, "replay", point).await;
        let last = Files::of(&place).requests().pop_last().unwrap();
        assert_eq!(last.1, ["ReplayFinished"], "{point}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_operations_end_once_though_an_engine_dies_in_them() {
    let operations = [
        (
            Operation::SetPolicy("rate 5000/s".parse().unwrap()),
            "PolicyChanged",
        ),
        (Operation::Apply, "Applied"),
        (Operation::Resume, "Resumed"),
    ];
    for (operation, ended) in operations {
        for point in ["before-outcome", "after-outcome"] {
            let place = prepared().await;
            request(&place, operation.clone()).await;
            dies_and_recovers(&place, ended, point).await;
            let last = Files::of(&place).requests().pop_last().unwrap();
            assert_eq!(last.1, [ended], "{point}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_though_the_engine_dies_before_it_says_so() {
    for point in ["before-outcome", "after-outcome"] {
        let place = prepared().await;
        request(&place, Operation::Pause).await;
        let status = Other::start_to_die_at(place.folder().path(), point).died();
        assert_eq!(status.signal(), Some(SIGABRT), "{point}");
        let workspace = place.open();
        let mut engine = workspace.start(None).unwrap();
        engine.ready().await;
        let snapshot = workspace.snapshot().await.unwrap();
        assert_eq!(view(&snapshot, "last").lag.status, Status::Paused);
        assert_eq!(view(&snapshot, "last").lag.behind, 50, "{point}");
        finished(&workspace, "last", Operation::Resume).await;
        engine.stop().await;
        assert_whole(&place, "pause", point).await;
    }
}

/// A log that was restored holds another request at the position of one that the read model knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_not_taken_for_one_of_another_log() {
    for point in [None, Some("before-switch")] {
        let place = prepared().await;
        let data = place.folder().data();
        let backup = data.join("backup.db");
        let db = rusqlite::Connection::open(data.join("log.db")).unwrap();
        let into = backup.display().to_string();
        db.execute("VACUUM INTO ?1", [into]).unwrap();
        drop(db);
        append_many(&place.open(), 3, 40).await;
        settle(&place).await;
        request(&place, Operation::Rebuild { hold: false }).await;
        match point {
            Some(point) => {
                let died = Other::start_to_die_at(place.folder().path(), point).died();
                assert_eq!(died.signal(), Some(SIGABRT));
            }
            None => drop(settle(&place).await),
        }
        let asked = Files::of(&place).requests().pop_last().unwrap().0;
        for file in ["log.db-wal", "log.db-shm"] {
            drop(std::fs::remove_file(data.join(file)));
        }
        std::fs::rename(&backup, data.join("log.db")).unwrap();
        let workspace = place.open();
        let head = workspace.log().head().await.unwrap().get();
        let between = usize::try_from(asked.unsigned_abs() - head - 1).unwrap();
        append_many(&workspace, 2, between).await;
        drop(workspace);
        request(&place, Operation::Rebuild { hold: false }).await;
        assert_eq!(Files::of(&place).requests().pop_last().unwrap().0, asked);
        assert_whole(&place, "a restored log", point.unwrap_or("no point")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_applied_to_a_read_model_of_another_log_is_refused() {
    let place = prepared().await;
    let data = place.folder().data();
    for file in ["log.db", "log.db-wal", "log.db-shm"] {
        drop(std::fs::remove_file(data.join(file)));
    }
    let workspace = place.open();
    append_many(&workspace, 2, 10).await;
    let mut engine = workspace.start(None).unwrap();
    engine.ready().await;
    for operation in [
        Operation::Apply,
        Operation::Replay {
            after: Position::new(1),
        },
    ] {
        let reason = refused(&workspace, "last", operation).await;
        assert!(reason.contains("rebuild it"), "{reason}");
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_goes_on_where_it_was_killed() {
    let place = prepared().await;
    append_many(&place.open(), 9, 3_000).await;
    settle(&place).await;
    request(&place, Operation::Rebuild { hold: false }).await;
    let died = Other::start_to_die_at(place.folder().path(), "while-folding").died();
    assert_eq!(died.signal(), Some(SIGABRT));
    let all = place.folder().versions("last").all().unwrap();
    let (_, half) = all.last().unwrap();
    let db = rusqlite::Connection::open(half).unwrap();
    let select = "SELECT position FROM _highwater_checkpoint";
    let position: u64 = db
        .query_row(select, [], |row| row.get(0).map(i64::unsigned_abs))
        .unwrap();
    drop(db);
    assert!(
        (1..3_000).contains(&position),
        "it folded a part: {position}"
    );
    assert_whole(&place, "rebuild", "while-folding").await;
    let live = place.folder().versions("last").live().unwrap();
    assert_eq!(live.as_ref(), Some(half), "no other version was begun");
}

/// Every point that the source names is in `ARCHITECTURE.md`'s table, and is one that a test here kills at.
#[test]
fn no_point_between_two_writes_is_forgotten() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let table = read(&root.join("ARCHITECTURE.md"));
    let tests = [
        "tests/engine/crashes.rs",
        "tests/engine/folds.rs",
        "tests/engine/parked_crashes.rs",
        "tests/fulfilment/engines.rs",
    ];
    let tests = tests.map(|path| read(&root.join(path))).concat();
    let mut folders = vec![root.join("src")];
    let mut points = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = read(&path);
            let found = source.split("crash::point(\"").skip(1);
            points.extend(found.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
    assert!(points.len() > 10, "{points:?}");
    for point in points {
        assert!(
            table.contains(&format!("*{point}*")),
            "{point}: not in the table"
        );
        assert!(
            tests.contains(&format!("\"{point}\"")),
            "{point}: not tested"
        );
    }
}
