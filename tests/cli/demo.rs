//! `demo`: where it is, what it keeps, and what it leaves alone.

use crate::kit::Place;

#[test]
fn the_demo_is_in_the_users_data_folder_and_has_something_to_see() {
    let place = Place::empty();
    let shown = place.done(&["demo", "--once"]).out;
    for name in [
        "orders",
        "customers",
        "stock",
        "revenue",
        "order_search",
        "orders_before",
        "activity",
    ] {
        assert!(shown.contains(name), "{name} is not in {shown}");
    }
    let folder = place.file("user-data/highwater/demo");
    assert!(folder.join("highwater.toml").is_file());
    let folder = folder.display().to_string();
    let ask = |words: &[&str]| {
        place
            .done(&[&["-w", &folder, "query"], words].concat())
            .json()
    };
    let orders = ask(&["orders", "CountByStatus", "--json"]);
    assert!(orders["rows"].as_array().unwrap().len() > 1, "{orders}");
    let activity = ask(&["activity", "Activity", "--consistency", "strong", "--json"]);
    assert!(activity["rows"].as_array().unwrap().len() > 5, "{activity}");
    let search = ask(&[
        "order_search",
        "SearchOrders",
        "words=mug",
        "--consistency",
        "strong",
        "--json",
    ]);
    assert!(!search["rows"].as_array().unwrap().is_empty(), "{search}");
}

#[test]
fn every_demo_projection_that_says_so_can_be_replayed() {
    let place = Place::empty();
    place.done(&["demo", "d", "--once"]);
    for (name, query) in [
        ("orders", "CountByStatus"),
        ("customers", "NewestCustomers"),
        ("revenue", "RevenueByDay"),
    ] {
        let ask = || {
            let words = [
                "-w",
                "d",
                "query",
                name,
                query,
                "--consistency",
                "strong",
                "--timeout",
                "20s",
                "--json",
            ];
            place.done(&words).json()["rows"].clone()
        };
        let before = ask();
        assert!(!before.as_array().unwrap().is_empty());
        place.done(&["-w", "d", "replay", name, "0"]);
        assert_eq!(before, ask(), "{name}");
    }
    place
        .run(&["-w", "d", "replay", "stock", "0"])
        .failed(3, &["rebuild"]);
}

#[test]
fn edited_files_stay_and_fresh_removes_only_the_data() {
    let place = Place::empty();
    place.done(&["demo", "d", "--once"]);
    let edited =
        "-- Mine.\n-- schema\nCREATE TABLE t (n);\n-- on *\nINSERT INTO t VALUES (:position);\n";
    place.write("d/projections/stock.sql", edited);
    place.write("d/projections/notes.txt", "mine");
    let head = || {
        place.run(&["-w", "d", "status", "--json"]).json()["head"]
            .as_u64()
            .unwrap()
    };
    let before = head();
    place.done(&["demo", "d", "--once"]);
    let grown = head();
    assert!(grown > before);
    place.done(&["demo", "d", "--once", "--fresh"]);
    assert!(head() < grown);
    assert_eq!(
        std::fs::read_to_string(place.file("d/projections/stock.sql")).unwrap(),
        edited
    );
    assert!(place.file("d/projections/notes.txt").exists());
}

#[test]
fn a_workspace_or_folder_of_somebody_elses_is_left_alone() {
    let place = Place::with(&[]);
    place.done(&["append", "a-1", "A", "{}"]);
    for words in [
        &["demo", ".", "--once"] as &[&str],
        &["demo", ".", "--fresh", "--once"],
    ] {
        place.run(words).failed(1, &["did not make"]);
    }
    assert_eq!(place.done(&["status", "--json"]).json()["head"], 1);
    std::fs::create_dir(place.file("photos")).unwrap();
    place.write("photos/cat.jpg", "cat");
    place
        .run(&["demo", "photos", "--fresh", "--once"])
        .failed(1, &["photos", "not empty"]);
    place
        .run(&["demo", "highwater.toml", "--once"])
        .failed(1, &["highwater.toml"]);
    place.run(&["demo", "d", "--rate=-1"]).failed(2, &["rate"]);
    let left = std::fs::read_dir(place.file("photos")).unwrap().count();
    assert_eq!(left, 1);
}

#[test]
fn fresh_does_not_pull_the_log_from_under_an_engine() {
    let place = Place::empty();
    place.done(&["demo", "d", "--once"]);
    let mut engine = place.start(&["-w", "d", "run"]);
    assert!(engine.line().starts_with("ready "));
    place
        .run(&["demo", "d", "--fresh", "--once"])
        .failed(1, &["stop that first"]);
}

#[test]
fn the_demo_can_begin_with_faults_and_says_so() {
    let place = Place::empty();
    let shown = place.done(&[
        "demo",
        "d",
        "--once",
        "--fault",
        "slow orders 1ms",
        "--fault",
        "poison stock",
    ]);
    assert!(shown.out.contains("fault: slow 1ms"), "{}", shown.out);
    assert!(shown.out.contains("fault: poison"), "{}", shown.out);
    // They end with the process that injected them.
    let shown = place.done(&["demo", "d", "--once"]);
    assert!(!shown.out.contains("fault:"), "{}", shown.out);
}

#[test]
fn a_fault_that_is_wrong_is_refused_before_anything_is_made_or_removed() {
    let place = Place::empty();
    for (fault, why) in [
        ("", "slow NAME 20ms"),
        ("slow orders", "slow NAME 20ms"),
        ("slow orders banana", "banana"),
        ("slow orders 10h", "at most 500ms"),
        ("stop", "no fault yet"),
    ] {
        let words = ["demo", "d", "--once", "--fault", fault];
        place.run(&words).failed(2, &[why]);
    }
    assert!(!place.file("d").exists());
    place.done(&["demo", "d", "--once"]);
    let head = || place.run(&["-w", "d", "status", "--json"]).json()["head"].clone();
    let before = head();
    for (fault, why) in [
        ("slow nosuch 20ms", "there are activity"),
        ("poison orders NoSuchType", "OrderPlaced"),
    ] {
        let words = ["demo", "d", "--once", "--fresh", "--fault", fault];
        place.run(&words).failed(2, &[why]);
    }
    assert_eq!(head(), before);
}
