//! Where a row parted from a fresh fold: compared with what every single position has.

use highwater::event::Position;
use highwater::read::Difference;
use highwater::workspace::{Work, Workspace};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rusqlite::Connection;

use crate::kit::{MIXED, Place, append, catch_up, grow, verified};

/// The rows of a table that are called what a difference is called, each as text.
fn rows(path: &std::path::Path, difference: &Difference) -> Vec<String> {
    let db = Connection::open(path).unwrap();
    let columns = difference.columns.join(", ");
    let mut select = db
        .prepare(&format!("SELECT {columns} FROM {}", difference.table))
        .unwrap();
    let wanted = named(
        difference,
        difference.here.as_ref().or(difference.there.as_ref()),
    );
    let read = |row: &rusqlite::Row<'_>| {
        let cells = (0..difference.columns.len()).map(|at| Ok(row.get_ref(at)?.into()));
        cells.collect::<rusqlite::Result<Vec<highwater::read::Cell>>>()
    };
    let found = select.query_map([], read).unwrap().map(Result::unwrap);
    let mut found: Vec<String> = found
        .filter(|cells| named(difference, Some(cells)) == wanted)
        .map(|cells| format!("{cells:?}"))
        .collect();
    found.sort();
    found
}

/// What names a row: its key, or all of it.
fn named(difference: &Difference, cells: Option<&Vec<highwater::read::Cell>>) -> String {
    let cells = difference.columns.iter().zip(cells.unwrap());
    let key =
        cells.filter(|(column, _)| difference.key.is_empty() || difference.key.contains(*column));
    format!("{:?}", key.collect::<Vec<_>>())
}

/// The last positions, found by folding up to each.
async fn by_force(
    workspace: &Workspace,
    link: &std::path::Path,
    differences: &[Difference],
    head: Position,
) -> Vec<Option<Position>> {
    let mut past = workspace.past("mixed", 0, Work::new()).await.unwrap();
    let stored: Vec<_> = differences.iter().map(|d| rows(link, d)).collect();
    let mut last = vec![None; differences.len()];
    for position in 0..=head.get() {
        let position = Position::new(position);
        past.step_to(position).await.unwrap();
        for (at, difference) in differences.iter().enumerate() {
            if rows(past.path(), difference) == stored[at] {
                last[at] = Some(position);
            }
        }
    }
    last
}

const DAMAGE: [&str; 14] = [
    "UPDATE counts SET n = 2, parity = 'even' WHERE key = '1'",
    "UPDATE counts SET n = 1 WHERE key = '2'",
    "DELETE FROM counts WHERE key = '0'",
    "INSERT INTO counts VALUES ('nobody', 1, 'odd')",
    "DELETE FROM seen WHERE rowid % 3 = 0",
    "INSERT INTO seen VALUES ('1', 4)",
    "INSERT INTO seen SELECT key, size FROM seen",
    "UPDATE slots SET key = 'x' || key",
    "DELETE FROM slots WHERE slot = 1",
    "DELETE FROM words WHERE rowid % 2",
    "INSERT INTO words VALUES ('2', 'w1 common')",
    "UPDATE words SET body = 'w0 common' WHERE key = '3'",
    "UPDATE totals SET n = 3",
    "UPDATE totals SET n = -1",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_last_position_is_what_folding_up_to_every_position_finds() {
    for seed in 0..6 {
        let mut random = StdRng::seed_from_u64(seed);
        let place = Place::new(&[("mixed", MIXED)]);
        let workspace = place.open();
        let streams = ["thing-0", "thing-1", "thing-2", "thing-3"];
        let events = (0..40).map(|_| {
            let kind = match random.random_range(0..20) {
                0 => "Cleared",
                1 | 2 => "Forgotten",
                3 => "Nobodys",
                _ => "Grew",
            };
            let (size, word) = (random.random_range(0..6), random.random_range(0..3));
            let stream = *streams.choose(&mut random).unwrap();
            (
                stream,
                kind,
                format!("{{\"size\":{size},\"word\":\"w{word} common\"}}"),
            )
        });
        let events: Vec<_> = events.collect();
        append(&workspace, events).await;
        catch_up(&workspace, "mixed").await;
        let mut damages = DAMAGE.to_vec();
        if seed > 0 {
            damages.retain(|_| random.random_bool(0.4));
        }
        for sql in &damages {
            place.damage("mixed", sql);
        }
        let checked = verified(&workspace, "mixed").await.unwrap();
        let differences = &checked.comparison.differences;
        assert!(!differences.is_empty() || damages.is_empty(), "{damages:?}");
        let link = place.link("mixed");
        let expected = by_force(&workspace, &link, differences, checked.position).await;
        for (at, difference) in differences.iter().enumerate() {
            let (found, expected) = (checked.last_equal[at], expected[at]);
            assert_eq!(
                found, expected,
                "seed {seed}: {difference}: {difference:#?}"
            );
        }
    }
}

#[tokio::test]
async fn a_row_that_was_equal_twice_is_found_where_it_was_so_last() {
    let flips = "\
-- schema
CREATE TABLE lamp (id INTEGER PRIMARY KEY, shines TEXT NOT NULL);
INSERT INTO lamp VALUES (1, 'off');
-- on Switched
UPDATE lamp SET shines = :data ->> 'to';
-- query All()
SELECT * FROM lamp;
";
    let place = Place::new(&[("lamp", flips)]);
    let workspace = place.open();
    let to = |state: &str| ("lamp-1", "Switched", format!("{{\"to\":\"{state}\"}}"));
    let events = ["on", "off", "on", "dim", "dim"].map(to);
    append(&workspace, events).await;
    append(&workspace, [("cat-1", "Slept", "{}".to_owned())]).await;
    catch_up(&workspace, "lamp").await;
    for (state, last) in [("on", Some(3)), ("off", Some(2)), ("broken", None)] {
        place.damage("lamp", &format!("UPDATE lamp SET shines = '{state}'"));
        let checked = verified(&workspace, "lamp").await.unwrap();
        assert_eq!(checked.comparison.total, 1);
        assert_eq!(checked.last_equal, [last.map(Position::new)], "{state}");
    }
}

#[tokio::test]
async fn of_many_rows_that_differ_as_many_are_looked_for_as_were_asked_for() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 30, 60).await;
    catch_up(&workspace, "mixed").await;
    place.damage("mixed", "UPDATE counts SET n = n + 1");
    let checked = workspace.verify("mixed", 7, &Work::new()).await.unwrap();
    assert_eq!(checked.comparison.total, 30);
    assert_eq!(checked.comparison.differences.len(), 7);
    assert_eq!(checked.last_equal, [None; 7]);
    let checked = workspace.verify("mixed", 0, &Work::new()).await.unwrap();
    assert_eq!(
        (checked.comparison.total, checked.last_equal.len()),
        (30, 0)
    );
}
