//! A day of observations, finely and coarsely, with its gaps.

use std::time::Duration;

use super::super::{History, Point};
use crate::event::Position;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn point(n: u64) -> Point {
    #[allow(clippy::cast_precision_loss)]
    let rate = Some(n as f64);
    Point {
        head: Position::new(n + 10),
        checkpoint: Position::new(n),
        gap: n,
        age: secs(n),
        stored: rate,
        applied: None,
        p99: None,
    }
}

fn gaps(history: &History, from: u64, to: u64, columns: usize) -> Vec<Option<u64>> {
    let columns = history.columns(secs(from), secs(to), columns);
    columns.into_iter().map(|c| c.map(|p| p.gap)).collect()
}

#[test]
fn observations_of_one_second_come_to_the_last_position_the_worst_lag_and_the_mean_rate() {
    let mut history = History::new();
    for (millis, n) in [(100, 4), (300, 9), (900, 2)] {
        history.push(Duration::from_millis(millis), point(n));
    }
    history.push(
        Duration::from_millis(950),
        Point {
            applied: Some(7.0),
            p99: Some(secs(1)),
            ..point(1)
        },
    );
    let found = history.columns(secs(0), secs(1), 1)[0].unwrap();
    let expected = Point {
        head: Position::new(11),
        checkpoint: Position::new(1),
        gap: 9,
        age: secs(9),
        stored: Some(4.0),
        applied: Some(7.0),
        p99: Some(secs(1)),
    };
    assert_eq!(found, expected);
}

#[test]
fn a_gap_stays_a_gap_unless_nothing_changed() {
    let mut history = History::new();
    assert_eq!(gaps(&history, 0, 3, 3), [None, None, None]);
    history.push(secs(1), point(5));
    history.push(secs(4), point(6));
    let expected = [None, Some(5), None, None, Some(6), None];
    assert_eq!(gaps(&history, 0, 6, 6), expected);
    history.unchanged_until(secs(7));
    history.push(secs(8), point(1));
    assert_eq!(
        gaps(&history, 3, 10, 7),
        [None, Some(6), Some(6), Some(6), Some(6), Some(1), None]
    );
    // Back in time: it counts as now.
    history.push(secs(2), point(3));
    assert_eq!(gaps(&history, 8, 9, 1), [Some(3)]);
    assert_eq!(history.last_at(), Some(secs(8)));
}

#[test]
fn what_is_old_is_kept_coarsely_and_then_no_more() {
    const DAY: u64 = 24 * 3_600;
    let mut history = History::new();
    for second in 0..2 * DAY {
        // A minute of each hour was not observed.
        if second % 3_600 >= 60 {
            history.push(secs(second), point(second % 3_600));
        }
    }
    let now = 2 * DAY;
    assert!(history.len() <= 600 + 720 + 1_440, "{}", history.len());
    // The last ten minutes by the second.
    let second = |ago: u64| gaps(&history, now - ago, now - ago + 1, 1)[0];
    assert_eq!((second(1), second(300)), (Some(3_599), Some(3_300)));
    // An hour ago by ten seconds: the worst of them.
    assert_eq!(gaps(&history, now - 3_000, now - 2_990, 1), [Some(609)]);
    assert_eq!(second(2_995), Some(609), "a column within a bucket");
    assert_eq!(gaps(&history, now - 3_600, now - 3_540, 6), [None; 6]);
    assert_eq!(gaps(&history, now - 3_540, now - 3_530, 1), [Some(69)]);
    // Ten hours ago by the minute.
    assert_eq!(gaps(&history, now - 36_000, now - 35_940, 1), [None]);
    assert_eq!(gaps(&history, now - 35_940, now - 35_880, 1), [Some(119)]);
    assert_eq!(gaps(&history, 0, 3_600, 3), [None; 3], "a day is over");
    // The whole day in a few columns has the worst of each.
    assert_eq!(gaps(&history, now - DAY + 60, now, 4), [Some(3_599); 4]);
}

#[test]
fn odd_questions_have_answers() {
    let mut history = History::new();
    history.push(secs(3), point(1));
    assert_eq!(gaps(&history, 0, 10, 0), []);
    assert_eq!(gaps(&history, 10, 0, 2), [None; 2]);
    assert_eq!(gaps(&history, 3, 4, 4), [Some(1); 4], "finer than is kept");
    history.unchanged_until(Duration::MAX);
    assert_eq!(gaps(&history, 3, 4, 1), [None], "long ago");
    assert!(history.len() <= 2_760, "{}", history.len());
}
