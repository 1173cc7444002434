//! A process that was stopped and goes on: what nobody saw meanwhile is not drawn.

use std::time::Duration;

use super::place::Place;
use super::screen::{Picture, WIDE};

/// A read model that nobody asks to apply anything, so that its age grows.
const WAITING: &str = "\
-- policy: manual
-- schema
CREATE TABLE noted (position INTEGER PRIMARY KEY) STRICT;
-- on *
INSERT INTO noted VALUES (:position);
";

fn is_line(c: char) -> bool {
    ('\u{2801}'..='\u{28ff}').contains(&c)
}

/// The longest stretch, in cells, between two pieces of a chart's line.
fn hole(picture: &Picture) -> usize {
    let lines = picture.lines();
    let cells = lines.iter().flat_map(|line| line.chars().enumerate());
    let mut drawn: Vec<usize> = cells.filter(|(_, c)| is_line(*c)).map(|(x, _)| x).collect();
    drawn.sort_unstable();
    let between = drawn
        .windows(2)
        .map(|two| (two[1] - two[0]).saturating_sub(1));
    between.max().unwrap_or(0)
}

#[test]
fn the_time_in_which_it_was_stopped_is_a_hole_in_a_line() {
    let place = Place::with(&[("noted.sql", WAITING)]);
    place.append("door-1", "DoorOpened", "{}");
    let mut console = place.console(WIDE, &[]);
    console.shows("engine here");
    console.keys("3");
    let drawn = |picture: &Picture| {
        let lines = picture.lines();
        let cells = lines.iter().flat_map(|line| line.chars());
        cells.filter(|c| is_line(*c)).count()
    };
    let before = console.until("a line of some seconds", |picture| drawn(picture) > 3);
    assert_eq!(hole(&before), 0);
    console.signal("STOP");
    console.quiet(Duration::from_secs(6));
    console.signal("CONT");
    console.until("a line that goes on behind a hole", |picture| {
        hole(picture) > 1
    });
}
