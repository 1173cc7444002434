//! Every rule of one moment by table, and what holds whatever the facts are.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::read::Policy;

mod history;
mod over_time;

const NOW: i64 = 1_700_000_000_000;

/// A wall-clock time, in milliseconds before (or, negative, after) now.
fn ago(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(NOW - milliseconds).unwrap()
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A `live` read model at 100 of 100 that runs and has everything.
fn facts() -> Facts {
    Facts {
        checkpoint: Position::new(100),
        head: Position::new(100),
        behind: 0,
        behind_exact: true,
        oldest_waiting: None,
        seen_waiting: Duration::ZERO,
        now: ago(0),
        allowance: Some(Duration::ZERO),
        foreign_checkpoint: false,
        activity: Activity::Running,
        trend: Trend::default(),
    }
}

/// The same with 7 of 40 events waiting, the oldest for so long.
fn late(milliseconds: i64) -> Facts {
    Facts {
        head: Position::new(140),
        behind: 7,
        oldest_waiting: Some(ago(milliseconds)),
        ..facts()
    }
}

#[track_caller]
fn assert_lag(facts: &Facts, gap: u64, age: u64, excess: u64, status: Status) {
    let lag = facts.lag();
    let found = (lag.gap, lag.age, lag.excess, lag.status);
    assert_eq!(found, (gap, ms(age), ms(excess), status), "{facts:#?}");
    assert_eq!(
        (lag.behind, lag.behind_exact),
        (facts.behind, facts.behind_exact)
    );
}

#[test]
fn an_idle_log_has_no_lag_however_old_its_last_event_is() {
    assert_lag(&facts(), 0, 0, 0, Status::Live);
    let empty = Facts {
        checkpoint: Position::START,
        head: Position::START,
        ..facts()
    };
    assert_lag(&empty, 0, 0, 0, Status::Live);
}

#[test]
fn events_that_concern_nobody_make_a_gap_but_no_age() {
    let filtered = Facts {
        head: Position::new(1_000_100),
        ..facts()
    };
    assert_lag(&filtered, 1_000_000, 0, 0, Status::Live);
    // What was remembered of an earlier wait does not count once nothing waits.
    let remembered = Facts {
        oldest_waiting: Some(ago(9_000)),
        seen_waiting: ms(9_000),
        ..filtered
    };
    assert_lag(&remembered, 1_000_000, 0, 0, Status::Live);
}

#[test]
fn a_log_that_was_cut_shorter_than_the_checkpoint_shows_ahead() {
    let cut = Facts {
        head: Position::new(60),
        ..facts()
    };
    assert_lag(&cut, 0, 0, 0, Status::Ahead);
}

#[test]
fn a_restored_log_with_another_event_at_the_checkpoint_shows_ahead() {
    let foreign = Facts {
        foreign_checkpoint: true,
        ..facts()
    };
    assert_lag(&foreign, 0, 0, 0, Status::Ahead);
    let grown = Facts {
        foreign_checkpoint: true,
        ..late(3_000)
    };
    assert_lag(&grown, 40, 3_000, 3_000, Status::Ahead);
}

#[test]
fn a_clock_that_steps_back_hides_no_age_and_makes_none_negative() {
    // The oldest event seems to be recorded in the future.
    let stepped = Facts {
        seen_waiting: ms(4_000),
        ..late(-3_600_000)
    };
    assert_lag(&stepped, 40, 4_000, 4_000, Status::CatchingUp);
    let just_seen = Facts {
        seen_waiting: Duration::ZERO,
        ..stepped
    };
    assert_lag(&just_seen, 40, 0, 0, Status::Live);
    // The wall clock counts where it says more: it waited before anybody looked.
    let found_late = Facts {
        seen_waiting: ms(10),
        ..late(4_000)
    };
    assert_lag(&found_late, 40, 4_000, 4_000, Status::CatchingUp);
}

#[test]
fn age_without_a_time_of_the_oldest_event_is_the_time_seen_waiting() {
    let timeless = Facts {
        oldest_waiting: None,
        seen_waiting: ms(600),
        ..late(0)
    };
    assert_lag(&timeless, 40, 600, 600, Status::CatchingUp);
}

#[test]
fn the_first_event_after_an_idle_night_is_as_old_as_itself() {
    assert_lag(&late(10), 40, 10, 10, Status::Live);
}

#[test]
fn each_policy_is_late_only_beyond_its_own_allowance() {
    let table: &[(&str, i64, u64, Status)] = &[
        ("sync", 10, 10, Status::Live),
        ("sync", 250, 250, Status::Live),
        ("sync", 251, 251, Status::CatchingUp),
        ("live", 0, 0, Status::Live),
        ("live", 250, 250, Status::Live),
        ("live", 251, 251, Status::CatchingUp),
        ("rate 200/s", 250, 250, Status::Live),
        ("rate 200/s", 900, 900, Status::CatchingUp),
        ("batch 500 or 5s", 10, 0, Status::Waiting),
        ("batch 500 or 5s", 5_000, 0, Status::Waiting),
        ("batch 500 or 5s", 5_250, 250, Status::Waiting),
        ("batch 500 or 5s", 5_251, 251, Status::CatchingUp),
        ("every 2s", 2_000, 0, Status::Waiting),
        ("every 2s", 3_000, 1_000, Status::CatchingUp),
        ("delay 10s", 9_999, 0, Status::Waiting),
        ("delay 10s", 10_600, 600, Status::CatchingUp),
        ("manual", 1, 0, Status::Waiting),
        ("manual", 86_400_000, 0, Status::Waiting),
    ];
    for (policy, age, excess, status) in table {
        let policy: Policy = policy.parse().unwrap();
        let facts = Facts {
            allowance: policy.allowance(),
            ..late(*age)
        };
        assert_lag(&facts, 40, age.unsigned_abs(), *excess, *status);
        let nothing_waits = Facts {
            allowance: policy.allowance(),
            ..super::tests::facts()
        };
        assert_lag(&nothing_waits, 0, 0, 0, Status::Live);
    }
}

#[test]
fn what_is_not_counted_yet_is_not_called_live() {
    let uncounted = Facts {
        head: Position::new(5_000_100),
        behind_exact: false,
        ..facts()
    };
    assert_lag(&uncounted, 5_000_000, 0, 0, Status::Waiting);
    let at_least_some = Facts {
        behind_exact: false,
        ..late(10)
    };
    assert_lag(&at_least_some, 40, 10, 10, Status::Live);
}

#[test]
fn the_first_status_that_fits_is_told() {
    let everything_wrong = Facts {
        foreign_checkpoint: true,
        activity: Activity::Dead,
        trend: Trend {
            stalled: true,
            falling: true,
        },
        ..late(30_000)
    };
    assert_lag(&everything_wrong, 40, 30_000, 30_000, Status::Ahead);
    let at = Position::new(101);
    let mut facts = Facts {
        foreign_checkpoint: false,
        ..everything_wrong
    };
    for (activity, status) in [
        (Activity::Dead, Status::Dead),
        (Activity::Faulted(at), Status::Faulted(at)),
        (Activity::Paused, Status::Paused),
        (Activity::Running, Status::Stalled),
    ] {
        facts.activity = activity;
        assert_lag(&facts, 40, 30_000, 30_000, status);
    }
    facts.trend.stalled = false;
    assert_lag(&facts, 40, 30_000, 30_000, Status::Falling);
    facts.trend.falling = false;
    assert_lag(&facts, 40, 30_000, 30_000, Status::CatchingUp);
    facts.allowance = Some(ms(30_000));
    assert_lag(&facts, 40, 30_000, 0, Status::Waiting);
    facts.behind = 0;
    assert_lag(&facts, 40, 0, 0, Status::Live);
}

#[test]
fn a_read_model_that_is_paused_dead_or_faulted_keeps_growing_older() {
    for activity in [
        Activity::Paused,
        Activity::Dead,
        Activity::Faulted(Position::new(101)),
    ] {
        let facts = Facts {
            activity,
            ..late(60_000)
        };
        assert_eq!(facts.lag().age, ms(60_000));
    }
}

#[test]
fn an_old_trend_accuses_nobody_who_has_caught_up() {
    let trend = Trend {
        stalled: true,
        falling: true,
    };
    assert_lag(&Facts { trend, ..facts() }, 0, 0, 0, Status::Live);
    assert_lag(&Facts { trend, ..late(200) }, 40, 200, 200, Status::Live);
    let short_of_the_window = Facts {
        trend,
        ..late(10_000)
    };
    assert_lag(&short_of_the_window, 40, 10_000, 10_000, Status::Falling);
}

#[test]
fn statuses_are_told_in_the_words_of_the_design() {
    let at = Position::new(128_403);
    for (status, word, shown) in [
        (Status::Ahead, "ahead", "ahead"),
        (Status::Dead, "dead", "dead"),
        (Status::Faulted(at), "faulted", "faulted @128403"),
        (Status::Paused, "paused", "paused"),
        (Status::Stalled, "stalled", "stalled"),
        (Status::Falling, "falling", "falling"),
        (Status::CatchingUp, "catching up", "catching up"),
        (Status::Waiting, "waiting", "waiting"),
        (Status::Live, "live", "live"),
    ] {
        assert_eq!((status.word(), &*status.to_string()), (word, shown));
        assert_eq!(serde_json::to_value(status).unwrap(), word);
    }
    assert_eq!(format!("{:>8}", Status::Live), "    live");
}

#[test]
fn spread_is_between_the_furthest_two() {
    let spread_of = |checkpoints: &[u64]| spread(checkpoints.iter().map(|c| Position::new(*c)));
    assert_eq!(spread_of(&[]), 0);
    assert_eq!(spread_of(&[7]), 0);
    assert_eq!(spread_of(&[40, 7, 19]), 33);
    assert_eq!(spread_of(&[0, u64::MAX]), u64::MAX);
}

fn any_activity() -> impl Strategy<Value = Activity> {
    prop_oneof![
        Just(Activity::Running),
        Just(Activity::Paused),
        Just(Activity::Dead),
        (0..200_u64).prop_map(|p| Activity::Faulted(Position::new(p))),
    ]
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let time = -100_000..100_000_i64;
    let length = 0..100_000_u64;
    (
        (0..200_u64, 0..200_u64, 0..20_u64, any::<bool>()),
        (
            prop::option::of(time),
            length.clone(),
            prop::option::of(length),
        ),
        (any_activity(), any::<bool>(), any::<bool>(), any::<bool>()),
    )
        .prop_map(|(counts, times, how)| Facts {
            checkpoint: Position::new(counts.0),
            head: Position::new(counts.1),
            behind: counts.2,
            behind_exact: counts.3,
            oldest_waiting: times.0.map(ago),
            seen_waiting: ms(times.1),
            now: ago(0),
            allowance: times.2.map(ms),
            foreign_checkpoint: how.1,
            activity: how.0,
            trend: Trend {
                stalled: how.2,
                falling: how.3,
            },
        })
}

proptest! {
    #[test]
    fn whatever_the_facts_the_figures_agree_with_each_other(facts in any_facts()) {
        let lag = facts.lag();
        prop_assert_eq!(lag.gap, facts.head.get().saturating_sub(facts.checkpoint.get()));
        prop_assert!(lag.excess <= lag.age);
        prop_assert!(lag.behind > 0 || lag.age.is_zero());
        prop_assert!(lag.behind == 0 || lag.age >= facts.seen_waiting);
        prop_assert!(facts.allowance.is_some() || lag.excess.is_zero());
        match lag.status {
            Status::Stalled => prop_assert!(lag.excess > WINDOW),
            Status::Falling | Status::CatchingUp => prop_assert!(lag.excess > TOLERANCE),
            Status::Waiting => prop_assert!(lag.excess <= TOLERANCE),
            Status::Live => prop_assert!(
                lag.age <= TOLERANCE && (lag.behind == 0 || facts.allowance == Some(Duration::ZERO))
            ),
            Status::Ahead | Status::Dead | Status::Faulted(_) | Status::Paused => {}
        }
    }

    #[test]
    fn a_stalled_read_model_ages_by_a_second_a_second(late_by in 0..50_000_i64, more in 0..50_000_u64) {
        let before = late(late_by);
        let after = Facts { now: before.now + ms(more), ..before.clone() };
        prop_assert_eq!(after.lag().age, before.lag().age + ms(more));
    }
}
