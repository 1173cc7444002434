//! A fold of its own, with the exceptions that a read model's file names: what the rows must be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use highwater::event::{Event, Position};
use highwater::workspace::Workspace;

/// What the table in a read model's file says of an event.
struct Exception {
    state: String,
    ended_at: Option<i64>,
    order: Option<i64>,
    error: Option<String>,
}

fn exceptions(file: &Path) -> BTreeMap<i64, Exception> {
    let db = rusqlite::Connection::open(file).unwrap();
    let sql = "SELECT position, state, ended_at, ended_order, error FROM _highwater_parked";
    let mut select = db.prepare(sql).unwrap();
    let rows = select.query_map([], |row| {
        let exception = Exception {
            state: row.get(1)?,
            ended_at: row.get(2)?,
            order: row.get(3)?,
            error: row.get(4)?,
        };
        Ok((row.get(0)?, exception))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// The rows that SHOP's file must have, folded here with the exceptions that it names; on the way it is checked
/// that each exception had its reason, and that the order within a stream was kept.
pub async fn reference(
    workspace: &Workspace,
    file: &Path,
    checkpoint: i64,
) -> Vec<(String, i64, String)> {
    let exceptions = exceptions(file);
    let mut shop = Reference::default();
    let log = workspace.log();
    let mut all = Vec::new();
    let mut at = Position::START;
    loop {
        let page = log.read_all(at, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        at = last.position;
        all.extend(page);
    }
    let number = |event: &Event| i64::try_from(event.position.get()).unwrap();
    let mut held = BTreeSet::<String>::new();
    for event in all.iter().filter(|e| number(e) <= checkpoint) {
        let stream = event.stream.to_string();
        let is_taken = ["Bought", "Priced"].contains(&event.event_type.as_str());
        match exceptions.get(&number(event)) {
            Some(exception) => {
                let fails = !shop.clone().apply(event);
                let first = !held.contains(&stream);
                // What begins to be parked failed; what is behind was not tried then.
                assert!(!first || fails || exception.state == "skipped", "{event:?}");
                assert!(!first || exception.error.is_some() || exception.state == "skipped");
                if exception.state != "skipped" || exception.error.is_some() {
                    held.insert(stream);
                }
            }
            None if is_taken => {
                assert!(
                    !held.contains(&stream),
                    "{event:?} was applied before what is parked"
                );
                assert!(shop.apply(event), "{event:?} cannot be applied");
            }
            None => {}
        }
        let mut now: Vec<_> = exceptions
            .iter()
            .filter(|(_, e)| e.ended_at == Some(number(event)))
            .collect();
        now.sort_by_key(|(_, e)| e.order);
        for (position, exception) in now {
            let late = all.iter().find(|e| number(e) == *position).unwrap();
            let stream = late.stream.to_string();
            if exception.state == "applied" {
                assert!(
                    shop.apply(late),
                    "{late:?} was applied at {:?}",
                    event.position
                );
            }
            let waits = |(p, e): (&i64, &Exception)| {
                let same = all
                    .iter()
                    .any(|o| number(o) == *p && o.stream.as_str() == stream);
                let later = (e.ended_at, e.order) > (exception.ended_at, exception.order);
                same && *p <= number(event) && (e.ended_at.is_none() || later)
            };
            if !exceptions.iter().any(waits) {
                held.remove(&stream);
            }
        }
    }
    shop.bills
        .into_iter()
        .map(|(key, (total, events))| (key, total, events))
        .collect()
}

#[derive(Clone, Default)]
struct Reference {
    prices: BTreeMap<String, i64>,
    bills: BTreeMap<String, (i64, String)>,
}

impl Reference {
    /// Whether it could be applied.
    fn apply(&mut self, event: &Event) -> bool {
        let data = event.data.value();
        let key = event.stream.as_str().split_once('-').unwrap().1.to_owned();
        if event.event_type.as_str() == "Priced" {
            self.prices.insert(key, data["price"].as_i64().unwrap());
            return true;
        }
        let Some(price) = self.prices.get(data["product"].as_str().unwrap()) else {
            return false;
        };
        let position = event.position.get().to_string();
        let bill = self.bills.entry(key).or_default();
        bill.0 += price;
        if !bill.1.is_empty() {
            bill.1.push(' ');
        }
        bill.1.push_str(&position);
        true
    }
}

/// What SHOP's file has: its bills, and its checkpoint.
pub fn stored(file: &Path) -> (Vec<(String, i64, String)>, i64) {
    let db = rusqlite::Connection::open(file).unwrap();
    let mut select = db
        .prepare("SELECT key, total, events FROM bills ORDER BY key")
        .unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let rows = rows.unwrap().map(Result::unwrap).collect();
    let checkpoint = "SELECT position FROM _highwater_checkpoint";
    (
        rows,
        db.query_row(checkpoint, [], |row| row.get(0)).unwrap(),
    )
}
