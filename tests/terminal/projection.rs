//! One projection in full, as a person reads it: its rows, its queries, what it was built from; and the table of all
//! of them, sorted and narrowed.

use super::looks::COUNTS;
use super::place::Place;
use super::screen::{SMALL, WIDE};

/// Two of them, so that there is something to choose.
const LAST: &str = "\
-- The last event of each.
-- policy: manual
-- schema
CREATE TABLE last (key TEXT PRIMARY KEY, type TEXT NOT NULL) STRICT;
-- on *
INSERT INTO last VALUES (:key, :type) ON CONFLICT (key) DO UPDATE SET type = excluded.type;
-- query Of(key)
SELECT type FROM last WHERE key = :key;
";

fn place() -> Place {
    let place = Place::with(&[("counts.sql", COUNTS), ("last.sql", LAST)]);
    for key in ["box-1", "box-2", "box-2"] {
        place.append(key, "BoxPacked", "{}");
    }
    place
}

#[test]
fn everything_of_a_projection_can_be_read_at_80_by_24() {
    let place = place();
    let mut console = place.console(SMALL, &[]);
    console.shows("engine here");
    console.keys("3").shows("counts has everything.");
    console.keys("\t").shows("Age and gap over time");
    console.keys("\t").shows("From stored to visible");
    console.keys("\t").shows("It has no objective");
    console.keys("\t").shows("row 1 of 2");
    // What comes is shown without a key.
    place.append("box-4", "BoxPacked", "{}");
    console.shows("row 1 of 3");
    console
        .keys("/4\r")
        .until("only one", |picture| picture.has("row 1 of 1"));
    console.keys("\t").shows("All()");
    console.keys("\t").shows("CREATE TABLE counts");
    console.keys("\t").shows("Nothing is parked.");
    console.keys("\t").shows("Who asked what of it");
    console.keys("J").shows("last@");
    console.keys("\x1b").shows("age / objective");
    console.keys("q");
    assert_eq!(console.ended().status.exit_code(), 0);
}

#[test]
fn a_query_is_answered_at_each_level_of_freshness() {
    let place = place();
    let mut console = place.console(WIDE, &[]);
    console.shows("engine here");
    console.keys("3").shows("counts has everything");
    console.keys("A").shows("All of counts");
    console.keys("\r").until("each level", |picture| {
        let rows = ["eventual", "at least", "within", "strong"];
        let answered = |level: &&str| {
            let line = picture.line(level);
            line.is_some_and(|line| !line.contains("waiting") && !line.contains("no answer"))
        };
        rows.iter().all(answered)
    });
    console.shows("key  events");
    // One that applies when it is asked: what it has now, and, asked for more, everything.
    console.keys(":query last Of key=2 eventual\r");
    console.until("nothing is applied yet", |picture| {
        picture.has("last@") && picture.has("no rows")
    });
    console.keys(":query last Of key=2 strong\r");
    console.shows("BoxPacked");
    console.keys(":query last Of kee=2\r").shows("has no field");
    console.keys("\x1b");
    console.hides("Command line");
    console.keys(":objective counts live\r");
    console.shows("half visible after");
    console.keys("q");
    assert_eq!(console.ended().status.exit_code(), 0);
}

#[test]
fn the_table_is_sorted_and_narrowed_and_the_chart_is_a_pane() {
    let place = place();
    let mut console = place.console(SMALL, &[]);
    console.until("one waits", |picture| {
        picture.row("last").is_some_and(|row| row.gap > 0)
    });
    let order = |first: &'static str, second: &'static str| {
        move |picture: &super::screen::Picture| {
            let lines = picture.lines();
            let at = |name: &str| lines.iter().position(|line| line.contains(name));
            at(first).is_some_and(|first| at(second).is_some_and(|second| first < second))
        }
    };
    console.until("by name", order(" counts ", " last "));
    console
        .keys(">>>>")
        .until("by gap", order(" last ", " counts "));
    console.shows("by gap");
    // The ruler has its mark still.
    console
        .keys("/!manual\r")
        .until("it is gone", |picture| picture.row("last").is_none());
    console
        .keys("/\x15\r")
        .until("it is back", |picture| picture.row("last").is_some());
    console.keys("\t\t").shows("Age over time");
    console.keys("z").until("it alone", |picture| {
        picture.has("Age over time") && !picture.has("Projections")
    });
    console.keys("z").shows("Projections");
    console.keys("q");
    assert_eq!(console.ended().status.exit_code(), 0);
}
