//! What takes more than one moment: trends, rates, arrival and breaches.

use std::time::Duration;

use proptest::prelude::*;

use super::super::*;
use super::ms;

/// What a projection does over time, sampled every half second: (excess, checkpoint) by tick.
fn sampled(ticks: u64, at: impl Fn(u64) -> (u64, u64)) -> Samples {
    let mut samples = Samples::new();
    for tick in 0..ticks {
        let (excess, checkpoint) = at(tick);
        samples.push(Sample {
            at: ms(1_000 + tick * 500),
            excess: ms(excess),
            checkpoint: Position::new(checkpoint),
            ..Sample::default()
        });
    }
    samples
}

#[test]
fn trends_over_the_window() {
    let table: &[(&str, Samples, bool, bool)] = &[
        ("no samples", Samples::new(), false, false),
        (
            "nine seconds",
            sampled(19, |t| (15_000 + t * 500, 7)),
            false,
            false,
        ),
        (
            "ten seconds",
            sampled(21, |t| (15_000 + t * 500, 7)),
            true,
            true,
        ),
        (
            "late for less than it",
            sampled(21, |t| (t * 500, 7)),
            false,
            true,
        ),
        (
            "late for just over it",
            sampled(22, |t| (t * 500, 7)),
            true,
            true,
        ),
        (
            "moved once",
            sampled(21, |t| (15_000, 7 + t / 20)),
            false,
            false,
        ),
        (
            "later and later, moving",
            sampled(40, |t| (t * 100, t)),
            false,
            true,
        ),
        (
            "later and later, page by page",
            sampled(40, |t| (1_000 + t * 400 - t % 2 * 500, t)),
            false,
            true,
        ),
        (
            "level, page by page",
            sampled(40, |t| (1_000 - t % 2 * 500, t)),
            false,
            false,
        ),
        (
            "one dip",
            sampled(40, |t| (if t == 30 { 0 } else { t * 100 }, t)),
            false,
            false,
        ),
        (
            "a dip long ago",
            sampled(40, |t| (if t == 10 { 0 } else { t * 100 }, t)),
            false,
            true,
        ),
        (
            "catching up",
            sampled(40, |t| (60_000 - t * 900, t)),
            false,
            false,
        ),
        ("level", sampled(40, |t| (4_000, t)), false, false),
        ("idle", sampled(40, |_| (0, 7)), false, false),
        (
            "one late event after idleness",
            sampled(40, |t| (t / 39 * 10, 7)),
            false,
            false,
        ),
        ("held by its policy", sampled(400, |_| (0, 7)), false, false),
    ];
    for (name, samples, stalled, falling) in table {
        let expected = Trend {
            stalled: *stalled,
            falling: *falling,
        };
        assert_eq!(samples.trend(), expected, "{name}");
    }
}

#[test]
fn four_samples_are_too_few_for_a_trend_or_a_rate() {
    let mut samples = Samples::new();
    for n in 0..ENOUGH as u64 {
        assert_eq!(samples.trend(), Trend::default());
        assert_eq!(samples.rates(), Rates::default());
        samples.push(Sample {
            at: ms(n * 2_500),
            excess: ms(11_000 + n),
            ..Sample::default()
        });
    }
    let both = Trend {
        stalled: true,
        falling: true,
    };
    assert_eq!(samples.trend(), both);
    assert!(samples.rates().applied.is_some());
}

/// A projection that works at the given events a second, busy for so many ms each second.
fn working(stored: u64, applied: u64, busy: u64, ticks: u64) -> Samples {
    let mut samples = Samples::new();
    for tick in 0..ticks {
        samples.push(Sample {
            at: ms(500 * tick),
            stored: Some(stored * tick / 2),
            applied: applied * tick / 2,
            checkpoint: Position::new(applied * tick / 2),
            busy: ms(busy * tick / 2),
            ..Sample::default()
        });
    }
    samples
}

#[test]
fn rates_are_of_the_window_and_capacity_is_of_the_busy_time() {
    let rates = working(1_000, 800, 250, 100).rates();
    let expected = Rates {
        stored: Some(1_000.0),
        applied: Some(800.0),
        capacity: Some(3_200.0),
        utilisation: Some(0.25),
    };
    assert_eq!(rates, expected);
    let idle = Rates {
        stored: Some(0.0),
        applied: Some(0.0),
        capacity: None,
        utilisation: Some(0.0),
    };
    assert_eq!(working(0, 0, 0, 100).rates(), idle);
    assert_eq!(working(1, 1, 5_000, 100).rates().utilisation, Some(1.0));
}

#[test]
fn what_happened_before_the_window_is_forgotten() {
    let mut samples = working(1_000, 1_000, 100, 40);
    let last = samples.last().unwrap();
    for tick in 1..=21 {
        samples.push(Sample {
            at: last.at + ms(500 * tick),
            ..last
        });
    }
    assert_eq!(samples.rates().applied, Some(0.0));
}

#[test]
fn a_backlog_that_is_only_counted_is_not_stored_just_then() {
    let mut samples = Samples::new();
    for tick in 0..30 {
        let counted = tick >= 4;
        samples.push(Sample {
            at: ms(200 * tick),
            stored: counted.then_some(7_800 + tick),
            ..Sample::default()
        });
        // Five samples that know it are enough.
        let expected = (tick >= 8).then_some(5.0);
        assert_eq!(samples.rates().stored, expected, "{tick}");
    }
    assert_eq!(samples.len(), 30);
}

#[test]
fn whoever_was_paused_does_not_fall_behind_once_it_goes_on() {
    let mut samples = Samples::new();
    let sample = |tick: u64| Sample {
        at: ms(500 * tick),
        excess: ms(500 * tick),
        paused: tick < 40,
        checkpoint: Position::new(tick.saturating_sub(40) * 10),
        applied: tick.saturating_sub(40) * 10,
        ..Sample::default()
    };
    for tick in 0..40 {
        samples.push(sample(tick));
    }
    assert!(samples.trend().falling, "nothing is applied in a pause");
    for tick in 40..50 {
        samples.push(sample(tick));
        assert_eq!(samples.trend(), Trend::default(), "{tick}");
    }
    assert_eq!(samples.rates().applied, Some(20.0), "the pause is no part");
}

#[test]
fn the_window_begins_anew_where_a_count_goes_back() {
    let full = working(1_000, 1_000, 100, 40);
    let last = full.last().unwrap();
    let next = Sample {
        at: last.at + ms(500),
        ..last
    };
    for anew in [
        Sample {
            checkpoint: Position::START,
            ..next
        },
        Sample {
            stored: Some(0),
            ..next
        },
        Sample { applied: 0, ..next },
        Sample {
            busy: Duration::ZERO,
            ..next
        },
    ] {
        let mut samples = full.clone();
        samples.push(anew);
        assert_eq!(
            (samples.len(), samples.rates()),
            (1, Rates::default()),
            "{anew:?}"
        );
    }
    let mut samples = full.clone();
    samples.push(Sample {
        at: Duration::ZERO,
        ..next
    });
    assert_eq!(
        samples.len(),
        full.len(),
        "a sample from before the last is ignored"
    );
}

#[test]
fn the_window_is_bounded_however_often_it_is_sampled() {
    let mut samples = Samples::new();
    for millisecond in 0..100_000_u64 {
        samples.push(Sample {
            at: ms(millisecond),
            applied: millisecond,
            ..Sample::default()
        });
        assert!(samples.len() <= 410, "{} at {millisecond}", samples.len());
    }
    assert_eq!(samples.rates().applied, Some(1_000.0));
    assert_eq!(samples.last().unwrap().at, ms(99_999), "the newest is kept");
}

#[test]
fn arrival_is_what_is_behind_over_the_gain() {
    use Eta::{FallingBehind, Known, Unknown};
    let seconds = |s| Known(Duration::from_secs(s));
    let table = [
        ("no samples", eta(500, None, None, None), Unknown),
        (
            "nothing to do, no samples",
            eta(0, None, None, None),
            seconds(0),
        ),
        (
            "nothing to do",
            eta(0, Some(9.0), Some(1.0), None),
            seconds(0),
        ),
        (
            "quiet log",
            eta(500, Some(0.0), Some(100.0), None),
            seconds(5),
        ),
        (
            "moving log",
            eta(500, Some(50.0), Some(100.0), None),
            seconds(10),
        ),
        (
            "no faster",
            eta(500, Some(100.0), Some(100.0), None),
            FallingBehind,
        ),
        (
            "slower",
            eta(500, Some(200.0), Some(100.0), None),
            FallingBehind,
        ),
        (
            "nothing applied",
            eta(500, Some(0.0), Some(0.0), None),
            FallingBehind,
        ),
        (
            "capped",
            eta(500, Some(0.0), Some(1e6), Some(50.0)),
            seconds(10),
        ),
        (
            "capped below the inflow",
            eta(500, Some(60.0), Some(1e6), Some(50.0)),
            FallingBehind,
        ),
        (
            "under its cap",
            eta(500, Some(0.0), Some(100.0), Some(1e6)),
            seconds(5),
        ),
        (
            "in effect never",
            eta(u64::MAX, Some(0.0), Some(1e-9), None),
            FallingBehind,
        ),
        (
            "not a rate",
            eta(500, Some(f64::NAN), Some(1.0), None),
            FallingBehind,
        ),
    ];
    for (name, found, expected) in table {
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(seconds(5).known(), Some(Duration::from_secs(5)));
    assert_eq!(FallingBehind.known(), None);
}

#[test]
fn a_breach_is_raised_after_two_and_cleared_after_three() {
    // `!` is over the objective, `.` is within it; below, whether it is raised after each.
    let table = [
        ("!!", ".!"),
        ("!.!.!.", "......"),
        ("!!...", ".!!!."),
        ("!!..!..!...", ".!!!!!!!!!."),
        ("!!...!.!!", ".!!!....!"),
    ];
    for (ages, raised) in table {
        let mut breach = Breach::new();
        for (n, (age, raised)) in ages.chars().zip(raised.chars()).enumerate() {
            let age = if age == '!' { ms(1_001) } else { ms(1_000) };
            let found = breach.evaluate(age, Some(ms(1_000)));
            assert_eq!(found, raised == '!', "{ages} at {n}");
            assert_eq!(found, breach.is_raised());
        }
    }
}

#[test]
fn a_breach_is_forgotten_when_the_objective_goes() {
    let mut breach = Breach::new();
    for _ in 0..5 {
        breach.evaluate(ms(2), Some(ms(1)));
    }
    assert!(breach.is_raised());
    assert!(!breach.evaluate(ms(2), None));
    assert!(!breach.evaluate(ms(2), Some(ms(1))));
    assert!(breach.evaluate(ms(2), Some(ms(1))));
}

proptest! {
    #[test]
    fn any_samples_give_rates_that_are_finite_and_a_share_of_time(
        steps in prop::collection::vec(
            (0..3_000_u64, 0..9_000_u64, 0..9_000_u64, 0..5_000_u64, any::<bool>(), any::<bool>()),
            0..60,
        )
    ) {
        let mut samples = Samples::new();
        let mut now = Sample::default();
        let mut so_far = 0;
        for (time, stored, applied, busy, reset, counted) in steps {
            now.at += ms(time);
            so_far += stored;
            now.stored = counted.then_some(so_far);
            now.busy += ms(busy);
            now.applied = if reset { 0 } else { now.applied + applied };
            samples.push(now);
            let rates = samples.rates();
            for rate in [rates.stored, rates.applied, rates.capacity].into_iter().flatten() {
                prop_assert!(rate.is_finite() && rate >= 0.0);
            }
            prop_assert!(rates.utilisation.is_none_or(|share| (0.0..=1.0).contains(&share)));
        }
    }
}
