//! A stretch of time in which nobody looked is a hole in a chart, not a line across it.

use std::time::Duration;

use super::super::state::Model;
use super::super::testing::{model, normal, now};
use super::super::update::{Msg, update};
use super::on_screen;

/// Two minutes of a read model that is late, of which the dashboard saw all but a stretch: nobody looked meanwhile, or
/// there was only nothing new.
fn after(stopped: bool) -> Model {
    let mut model = model();
    let at = |second| now() + Duration::from_secs(second);
    for second in (0..=120).filter(|second| !(41..80).contains(second)) {
        let mut snapshot = normal();
        snapshot.taken_at = at(second);
        if stopped && second > 40 {
            snapshot.unseen = Some((at(40), at(80)));
        }
        for view in &mut snapshot.projections {
            view.lag.age = Duration::from_secs(5);
        }
        update(&mut model, at(second), Msg::Snapshot(snapshot.into()));
    }
    model
}

/// The longest stretch of the chart between two pieces of its line, in cells.
fn longest_hole(model: &Model) -> usize {
    let drawn = on_screen(model);
    let lines = drawn.lines().filter(|line| line.contains('│'));
    let is_dot = |c: char| ('\u{2801}'..='\u{28ff}').contains(&c);
    let line = lines.max_by_key(|line| line.chars().filter(|c| is_dot(*c)).count());
    let line = line.unwrap_or_default().trim_start_matches(|c| !is_dot(c));
    let line = line.trim_end_matches(|c| !is_dot(c));
    line.split(is_dot)
        .map(|hole| hole.chars().count())
        .max()
        .unwrap_or(0)
}

#[test]
fn what_nobody_saw_is_a_hole_in_the_line_and_hearing_of_nothing_new_is_none() {
    let away = longest_hole(&after(true));
    assert!((30..45).contains(&away), "{away} cells of 39 seconds");
    assert!(longest_hole(&after(false)) < 2);
}
