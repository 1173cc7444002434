//! `rebuild --hold`, `diff`, `cutover`, `rollback`, `cancel` and `repair`, with an engine elsewhere and with
//! none.

use crate::kit::{ORDERS, Place};

fn ordered(place: &Place) {
    place.done(&["append", "order-1", "OrderPlaced", "{}"]);
    place.done(&["append", "order-2", "OrderPlaced", "{}"]);
    place.done(&["append", "order-2", "OrderShipped", "{}"]);
    let strong = ["query", "orders", "Count", "--consistency", "strong"];
    place.done(&strong);
}

#[test]
fn a_version_is_held_compared_switched_to_and_back_with_an_engine_elsewhere_and_without_one() {
    for elsewhere in [false, true] {
        let place = Place::with(&[("orders", ORDERS)]);
        let engine = elsewhere.then(|| place.engine());
        ordered(&place);
        let version = || place.status("orders")["version"].clone();
        let first = version();
        for (words, what) in [
            (&["cutover", "orders"][..], "no new version is held"),
            (&["rollback", "orders"], "no version is kept"),
            (&["cancel", "orders"], "nothing is being rebuilt"),
            (
                &["pause", "orders", "--rebuild"],
                "nothing is being rebuilt",
            ),
        ] {
            place.run(words).failed(3, &[what]);
        }
        place.run(&["diff", "orders"]).failed(1, &["--hold"]);

        let held = place.done(&["rebuild", "orders", "--hold", "--json"]);
        assert!(held.json()["what"].as_str().unwrap().contains("waits"));
        let equal = place.done(&["diff", "orders", "--json"]).json();
        assert_eq!(
            (&equal["equal"], &equal["differing"]),
            (&true.into(), &0.into())
        );
        assert_eq!(version(), first);
        place.done(&["cancel", "orders"]);

        let mended = ORDERS
            .replace("'shipped'", "'sent'")
            .replace("-- policy: live", "-- policy: live\n-- cutover: asked");
        place.project("orders", &mended);
        let diff = loop {
            let ran = place.run(&["diff", "orders", "--json"]);
            // The file was saved a moment ago.
            if ran.code != 1 {
                break ran;
            }
        };
        assert_eq!(diff.code, 3, "{diff:?}");
        let diff = diff.json();
        assert_eq!(diff["differing"], 1);
        let row = &diff["differences"][0];
        assert_eq!(
            (&row["live"]["status"], &row["new"]["status"]),
            (&"shipped".into(), &"sent".into())
        );
        assert_eq!(row["because"]["type"], "OrderShipped");
        let wrong = ["cutover", "orders", "--version", "0badcafe-7"];
        place.run(&wrong).failed(3, &["not there any more"]);
        let new = diff["new"].as_str().unwrap();
        place.done(&["cutover", "orders", "--version", new]);
        assert_eq!(version(), new);
        place.done(&["rollback", "orders", "--from", new]);
        assert_eq!(version(), first);
        place.done(&["undo", "orders"]);
        assert_eq!(version(), new);
        drop(engine);
    }
}

#[test]
fn a_damaged_key_is_shown_and_mended() {
    let place = Place::with(&[("orders", ORDERS)]);
    ordered(&place);
    let repair = |more: &[&str]| {
        let words = ["repair", "orders", "--key", "2", "--json"];
        place.run(&[&words, more].concat())
    };
    assert_eq!(repair(&[]).json()["equal"], true);
    let db = rusqlite::Connection::open(place.file("data/read/orders.db")).unwrap();
    db.execute("DELETE FROM orders WHERE order_id = '2'", [])
        .unwrap();
    drop(db);
    place.run(&["verify", "orders"]).failed(3, &["orders"]);
    let shown = repair(&["--dry-run"]);
    assert_eq!(shown.code, 3, "{shown:?}");
    let row = shown.json()["rows"][0].clone();
    assert!(
        row["before"].is_null() && row["after"]["status"] == "shipped",
        "{row}"
    );
    assert_eq!(repair(&[]).json()["outcome"], "finished");
    place.done(&["verify", "orders"]);
    place
        .run(&["repair", "orders", "--key", "nobody"])
        .failed(3, &["no rows of key nobody"]);
}

#[test]
fn a_rebuild_says_what_it_would_mean_and_does_nothing() {
    let place = Place::with(&[("orders", ORDERS)]);
    ordered(&place);
    let before = place.status("orders")["version"].clone();
    let meant = place
        .done(&["rebuild", "orders", "--dry-run", "--json"])
        .json();
    assert_eq!(
        (&meant["events"], &meant["refused"]),
        (&3.into(), &serde_json::Value::Null)
    );
    assert!(meant["disk_free"].as_u64() > meant["disk_needed"].as_u64());
    assert_eq!(meant["seconds"].as_array().unwrap().len(), 2);
    assert_eq!(place.status("orders")["version"], before);
}
