//! The stories in `demo/scenarios`, told by the real binary; and whether what they say is true.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::kit::Place;

/// Every event of an order, as the log has it: position, type, order.
fn events(shop: &Path) -> Vec<(u64, String, String)> {
    let db = rusqlite::Connection::open(shop.join("data/log.db")).unwrap();
    let mut select = db
        .prepare(
            "SELECT position, type, substr(stream, 7) FROM events WHERE stream LIKE 'order-%'
             ORDER BY position",
        )
        .unwrap();
    let rows = select.query_map([], |row| {
        let position: i64 = row.get(0)?;
        Ok((position.unsigned_abs(), row.get(1)?, row.get(2)?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// How many orders have which status at a position, where a cancelled one is shown as this.
fn counts(events: &[(u64, String, String)], at: u64, cancelled: &str) -> BTreeMap<String, u64> {
    let mut orders = BTreeMap::new();
    for (_, event_type, order) in events.iter().take_while(|event| event.0 <= at) {
        let status = match event_type.as_str() {
            "OrderPlaced" => "placed",
            "PaymentProcessed" => "paid",
            "OrderShipped" => "shipped",
            "OrderCancelled" => cancelled,
            _ => continue,
        };
        orders.insert(order.as_str(), status);
    }
    let mut counts = BTreeMap::new();
    for status in orders.values() {
        *counts.entry((*status).to_owned()).or_default() += 1;
    }
    counts
}

/// Tells a story in a shop of its own; what was printed, and what went to standard error.
#[track_caller]
fn told(place: &Place, story: &str, shop: &Path) -> (String, String) {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/scenarios");
    let binary = Path::new(env!("CARGO_BIN_EXE_highwater")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let told = Command::new("sh")
        .arg(scripts.join(story))
        .arg(shop)
        .env("PATH", format!("{}:{path}", binary.display()))
        .env("XDG_DATA_HOME", place.file("user-data"))
        .env_remove("HIGHWATER_WORKSPACE")
        .output()
        .unwrap();
    let out = String::from_utf8(told.stdout).unwrap();
    let err = String::from_utf8(told.stderr).unwrap();
    assert!(told.status.success(), "{out}\n{err}");
    (out, err)
}

#[test]
fn a_row_is_damaged_found_and_mended() {
    if Command::new("sqlite3").arg("-version").output().is_err() {
        eprintln!("not told: there is no sqlite3 here to break a row with");
        return;
    }
    let place = Place::empty();
    let (out, _) = told(&place, "damage.sh", &place.file("shop"));
    let said: Vec<&str> = out.split("## ").collect();
    assert!(said[1].contains("equal at position"), "{out}");
    assert!(said[2].contains("nobody"), "{out}");
    assert!(said[3].contains("order_id = 'precious'"), "{out}");
    assert!(
        said[4].contains("customer was 'nobody', becomes 'c-1'"),
        "{out}"
    );
    assert!(said[4].contains("equal at position"), "{out}");
}

#[test]
fn a_bug_ships_and_is_mended_while_everybody_gets_whole_answers() {
    let place = Place::empty();
    let shop = place.file("shop");
    let (_, err) = told(&place, "bug.sh", &shop);
    let errors: Vec<&str> = err.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "the difference is told once: {err}");

    let events = events(&shop);
    let diff: Value =
        serde_json::from_slice(&std::fs::read(shop.join("diff.json")).unwrap()).unwrap();
    let at = diff["position"].as_u64().unwrap();
    let mut cancelled: Vec<(String, u64)> = events
        .iter()
        .filter(|event| event.1 == "OrderCancelled" && event.0 <= at)
        .map(|event| (event.2.clone(), event.0))
        .collect();
    cancelled.sort();
    let differences = diff["differences"].as_array().unwrap();
    let explained: Vec<(String, u64)> = differences
        .iter()
        .map(|row| {
            let because = row["because"]["position"].as_u64().unwrap();
            (row["new"]["order_id"].as_str().unwrap().to_owned(), because)
        })
        .collect();
    assert!(explained.len() > 1, "{diff}");
    assert_eq!(
        explained, cancelled,
        "exactly the wrong rows, each explained"
    );

    let answers = std::fs::read_to_string(shop.join("answers.jsonl")).unwrap();
    let mut by_version = BTreeMap::<String, u64>::new();
    for line in answers.lines() {
        let answer: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let version = answer["version"]
            .as_str()
            .unwrap_or_else(|| panic!("{line}"));
        let at = answer["position"].as_u64().unwrap();
        let rows = answer["rows"].as_array().unwrap();
        let rows = rows.iter().map(|row| {
            let status = row["status"].as_str().unwrap().to_owned();
            (status, row["orders"].as_u64().unwrap())
        });
        // The second version is the one with the bug.
        let shown = if version.ends_with("-2") {
            "placed"
        } else {
            "cancelled"
        };
        assert_eq!(
            rows.collect::<BTreeMap<_, _>>(),
            counts(&events, at, shown),
            "an answer that is of no single version: {line}"
        );
        *by_version.entry(version.to_owned()).or_default() += 1;
    }
    eprintln!("{by_version:?}");
    assert_eq!(by_version.len(), 3, "{by_version:?}");
}
