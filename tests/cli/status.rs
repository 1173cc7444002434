//! Which workspace is meant, and `init` and `status`.

use serde_json::json;

use crate::kit::{COUNTS, ORDERS, Place};

#[test]
fn init_makes_a_workspace_once_and_explains_each_setting() {
    let place = Place::empty();
    place.done(&["init", "new/shop"]);
    let config = std::fs::read_to_string(place.file("new/shop/highwater.toml")).unwrap();
    for setting in [
        "# name =",
        "# domain =",
        "# durability =",
        "# sync-timeout =",
    ] {
        assert!(config.contains(setting), "{config}");
    }
    let projections = std::fs::read_dir(place.file("new/shop/projections")).unwrap();
    assert_eq!(projections.count(), 0);
    place
        .run(&["init", "new/shop"])
        .failed(1, &["is a workspace already"]);
}

#[test]
fn the_workspace_is_the_one_given_else_the_variables_else_the_nearest_upward() {
    let place = Place::empty();
    for name in ["given", "variable", "nearest"] {
        place.done(&["init", name]);
    }
    std::fs::create_dir_all(place.file("nearest/deep/er")).unwrap();
    let head = |workspace: &str| place.done(&["-w", workspace, "append", "a-1", "A", "{}"]);
    head("given");
    head("given");
    head("variable");
    let status = |args: &[&str], variable: Option<&str>| {
        let mut command = place.command(args);
        command.current_dir(place.file("nearest/deep/er"));
        if let Some(name) = variable {
            command.env("HIGHWATER_WORKSPACE", place.file(name));
        }
        let out = command.output().unwrap().stdout;
        serde_json::from_slice::<serde_json::Value>(&out).unwrap()["head"].clone()
    };
    let given = place.file("given").display().to_string();
    assert_eq!(status(&["status", "--json"], None), 0);
    assert_eq!(status(&["status", "--json"], Some("variable")), 1);
    let args = ["status", "--json", "-w", &given];
    assert_eq!(status(&args, Some("variable")), 2);
    let args = ["--workspace", &given, "status", "--json"];
    assert_eq!(status(&args, None), 2);
}

#[test]
fn status_says_where_each_read_model_stands() {
    let place = Place::with(&[("orders", ORDERS), ("counts", COUNTS)]);
    for key in ["order-1", "order-2"] {
        place.done(&["append", key, "OrderPlaced", "{}"]);
    }
    let status = place.done(&["status", "--json"]).json();
    assert_eq!(status["head"], 2);
    assert_eq!(status["engine"], json!({"running": false, "pid": null}));
    let views = status["projections"].as_array().unwrap().iter();
    let names: Vec<_> = views.map(|view| view["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["counts", "orders"]);
    let orders = place.status("orders");
    for (field, value) in [
        ("policy", json!("live")),
        ("status", json!("dead")),
        ("checkpoint", json!(0)),
        ("gap", json!(2)),
        ("behind", json!(2)),
        ("behind_exact", json!(true)),
        ("objective_ms", json!(10_000)),
        ("breach", json!(false)),
        ("parked", json!(0)),
        ("stale_keys", json!(2)),
    ] {
        assert_eq!(orders[field], value, "{field} of {orders}");
    }
    for field in ["age_ms", "excess_ms"] {
        assert!(orders[field].is_u64(), "{field} of {orders}");
    }
    assert!(orders["version"].is_string());
    assert_eq!(place.status("counts")["objective_ms"], json!(null));
    let text = place.done(&["status"]).out;
    assert!(text.contains("orders") && text.contains("10s"), "{text}");
}

#[test]
fn a_breach_is_an_answer_of_its_own() {
    let place = Place::with(&[(
        "orders",
        &ORDERS.replace("objective: 10s", "objective: 1us"),
    )]);
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    let status = place.run(&["status", "--json"]);
    assert_eq!(status.code, 3, "{status:?}");
    assert_eq!(status.json()["projections"][0]["breach"], true);
    assert!(place.run(&["status"]).out.contains("BREACH"));
}

#[test]
fn status_that_watches_says_it_again_when_something_changed() {
    let place = Place::with(&[]);
    let mut watch = place.start(&["status", "--json", "--watch"]);
    let head = |line: &str| -> u64 {
        let status: serde_json::Value = serde_json::from_str(line).unwrap();
        status["head"].as_u64().unwrap()
    };
    assert_eq!(head(&watch.line()), 0);
    place.done(&["append", "a-1", "A", "{}"]);
    while head(&watch.line()) < 1 {}
}

#[test]
fn without_a_terminal_one_line_names_the_ways_to_look() {
    let place = Place::with(&[("orders", ORDERS)]);
    place.run(&[]).failed(1, &["--once", "status --json"]);
    place.run(&["demo", "d"]).failed(1, &["--once"]);
    assert!(!place.file("d").exists());
    let once = place.done(&["--once"]).out;
    assert!(once.contains("orders"), "{once}");
    place.done(&["--once", "--svg", "picture.svg"]);
    let picture = std::fs::read_to_string(place.file("picture.svg")).unwrap();
    assert!(picture.starts_with("<svg"), "{picture}");
    place
        .run(&["--once", "--svg", "highwater.toml"])
        .failed(2, &["highwater.toml", ".svg"]);
    place
        .run(&["--once", "--svg", "nowhere/picture.svg"])
        .failed(1, &["nowhere/picture.svg", "cannot be written"]);
    place.run(&["--svg", "picture.svg"]).failed(2, &["--once"]);
}

#[test]
fn words_that_are_not_known_are_usage_errors() {
    let place = Place::with(&[]);
    place.run(&["statsu"]).failed(2, &["status"]);
    place.run(&["status", "--jsno"]).failed(2, &["--json"]);
    place.run(&["--once", "status"]).failed(2, &["--once"]);
    assert!(place.done(&["--help"]).out.contains("demo"));
    assert!(place.done(&["--version"]).out.contains("highwater"));
}
