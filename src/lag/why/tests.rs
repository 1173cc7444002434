//! Every leaf of the tree, by table; and that a verdict never contradicts the status.

use std::time::Duration;

use super::*;
use crate::lag::Status;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A read model with 12 events waiting for 7 s, whose status is given.
fn case(status: Status) -> Case {
    Case {
        name: "orders".to_owned(),
        checkpoint: Position::new(128_000),
        head: Position::new(128_403),
        lag: Lag {
            gap: 403,
            behind: 12,
            behind_exact: true,
            age: MS(7_000),
            excess: MS(7_000),
            status,
        },
        log_still_for: Some(MS(20)),
        last_stored: Some("2026-11-23T17:25:15.25Z".parse().unwrap()),
        policy: "live".to_owned(),
        allowance: Some(Duration::ZERO),
        cap: None,
        objective: Some(MS(1_000)),
        rates: Rates::default(),
        eta: None,
        work: Work::default(),
        runs: Loop::Alive {
            pid: 7,
            stuck_for: None,
        },
        paused: None,
        trouble: None,
        problem: None,
        not_built: None,
        rebuild: None,
        parked: (0, 0),
        injected: None,
    }
}

fn trouble(locked: bool) -> Trouble {
    Trouble {
        position: Position::new(128_001),
        error: "no such account".to_owned(),
        tries: 5,
        locked,
        ended: false,
    }
}

fn injected(words: &str) -> Option<Injected> {
    Some(Injected {
        words: words.to_owned(),
        poison: words.contains("poison"),
    })
}

fn said(case: &Case) -> (&'static str, String) {
    let verdict = case.verdict();
    (verdict.word(), case.sentence(&verdict))
}

#[test]
fn every_leaf_is_one_sentence() {
    let rates = Rates {
        stored: Some(540.0),
        applied: Some(100.0),
        capacity: Some(101.2),
        utilisation: Some(0.99),
    };
    let work = Work {
        wall: MS(10_000),
        load: MS(1_000),
        apply: MS(8_000),
        commit: MS(1_000),
        rebuild: Duration::ZERO,
    };
    let mut cases = vec![
        case(Status::Ahead),
        Case {
            runs: Loop::NoEngine,
            ..case(Status::Dead)
        },
        Case {
            runs: Loop::Silent { pid: 7 },
            ..case(Status::Dead)
        },
        Case {
            problem: Some("log.db: disk is full".into()),
            ..case(Status::Dead)
        },
        Case {
            trouble: Some(trouble(false)),
            ..case(Status::Faulted(Position::new(128_001)))
        },
        case(Status::Faulted(Position::new(128_001))),
        Case {
            paused: Some(Said {
                by: "ada (process 12)".into(),
                at: Timestamp::from_second(1_700_000_000).unwrap(),
            }),
            ..case(Status::Paused)
        },
        case(Status::Paused),
        Case {
            trouble: Some(trouble(false)),
            ..case(Status::CatchingUp)
        },
        Case {
            trouble: Some(trouble(true)),
            ..case(Status::Stalled)
        },
        Case {
            runs: Loop::Alive {
                pid: 7,
                stuck_for: Some(MS(4_200)),
            },
            ..case(Status::Stalled)
        },
        Case {
            rates,
            work,
            ..case(Status::Falling)
        },
        Case {
            rates,
            work,
            eta: Some(MS(90_000)),
            ..case(Status::CatchingUp)
        },
        Case {
            work: Work {
                load: MS(9_000),
                ..work
            },
            ..case(Status::CatchingUp)
        },
        Case {
            work: Work {
                commit: MS(9_000),
                ..work
            },
            ..case(Status::CatchingUp)
        },
        case(Status::CatchingUp),
        Case {
            work: Work {
                rebuild: MS(9_500),
                apply: MS(300),
                load: MS(100),
                commit: MS(100),
                ..work
            },
            rebuild: Some(Rebuild {
                version: "3f2a9c1b-2".into(),
                checkpoint: Position::new(5_000),
                target: Position::new(128_000),
            }),
            ..case(Status::CatchingUp)
        },
        Case {
            policy: "rate 5/s".into(),
            cap: Some(5.0),
            rates: Rates {
                stored: Some(9.0),
                applied: Some(5.0),
                capacity: Some(4_000.0),
                utilisation: Some(0.01),
            },
            ..case(Status::Falling)
        },
        Case {
            policy: "rate 5/s".into(),
            cap: Some(5.0),
            ..case(Status::CatchingUp)
        },
        case(Status::Stalled),
        Case {
            policy: "delay 10s".into(),
            allowance: Some(MS(10_000)),
            objective: Some(MS(5_000)),
            ..case(Status::Waiting)
        },
        Case {
            policy: "batch 500 or 10s".into(),
            allowance: Some(MS(10_000)),
            objective: Some(MS(20_000)),
            ..case(Status::Waiting)
        },
        Case {
            policy: "manual".into(),
            allowance: None,
            ..case(Status::Waiting)
        },
        case(Status::Live),
    ];
    let mut nothing = case(Status::Live);
    (nothing.lag.behind, nothing.lag.age) = (0, Duration::ZERO);
    cases.push(Case {
        log_still_for: Some(MS(3_600_000)),
        ..nothing.clone()
    });
    cases.push(Case {
        log_still_for: None,
        last_stored: None,
        ..nothing.clone()
    });
    cases.push(nothing.clone());
    nothing.lag.status = Status::Waiting;
    nothing.lag.behind_exact = false;
    cases.push(nothing);

    let all: Vec<String> = cases
        .iter()
        .map(|case| {
            let (word, sentence) = said(case);
            assert!(
                sentence.ends_with('.') && !sentence.contains(".."),
                "{sentence}"
            );
            format!("{word}: {sentence}")
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_slow_projection_under_a_rate_is_not_blamed_on_the_rate() {
    let slow = Case {
        cap: Some(200.0),
        rates: Rates {
            capacity: Some(40.0),
            ..Rates::default()
        },
        work: Work {
            wall: MS(10_000),
            apply: MS(9_000),
            ..Work::default()
        },
        ..case(Status::Falling)
    };
    assert_eq!(slow.verdict().word(), "outrun");
}

#[test]
fn a_rebuild_that_yields_is_not_blamed() {
    let yields = Case {
        work: Work {
            wall: MS(10_000),
            apply: MS(6_000),
            rebuild: MS(3_500),
            ..Work::default()
        },
        rebuild: Some(Rebuild {
            version: "3f2a9c1b-2".into(),
            checkpoint: Position::new(5_000),
            target: Position::new(128_000),
        }),
        ..case(Status::CatchingUp)
    };
    assert_eq!(yields.verdict().word(), "catching-up");
}

#[test]
fn numbers_of_speed_come_with_verdicts_on_speed_alone() {
    let rates = Rates {
        stored: Some(9.0),
        ..Rates::default()
    };
    let names = |case: &Case| {
        let numbers = case.numbers(&case.verdict());
        numbers.iter().map(|number| number.name).collect::<Vec<_>>()
    };
    let paused = Case {
        rates,
        ..case(Status::Paused)
    };
    assert_eq!(
        names(&paused),
        ["checkpoint", "head", "behind", "age", "objective"]
    );
    let late = Case {
        rates,
        ..case(Status::CatchingUp)
    };
    assert_eq!(
        names(&late),
        [
            "checkpoint",
            "head",
            "behind",
            "age",
            "objective",
            "stored a second"
        ]
    );
}

/// What it applies next was stored at once, long ago: it only gets older, and the gap closes.
#[test]
fn one_whose_age_only_grows_while_it_gains_is_not_said_to_be_outrun() {
    let mut gains = case(Status::Falling);
    gains.runs = Loop::Alive {
        pid: 7,
        stuck_for: None,
    };
    assert_eq!(gains.verdict().word(), "outrun");
    gains.eta = Some(MS(9_700));
    let verdict = gains.verdict();
    assert_eq!(verdict.word(), "catching-up");
    assert!(
        gains.sentence(&verdict).contains("caught up in 9.7 s"),
        "{}",
        gains.sentence(&verdict)
    );
}

#[test]
fn what_is_parked_is_told_of_whatever_the_verdict() {
    let said = |parked| {
        let case = Case {
            parked,
            ..case(Status::Live)
        };
        case.sentence(&case.verdict())
    };
    let helps = |parked| {
        let case = Case {
            parked,
            ..case(Status::Live)
        };
        case.remedies(&case.verdict())
    };
    assert_eq!(helps((0, 0)), []);
    assert_eq!(helps((1, 1)), [Remedy::Retry]);
    assert!(said((0, 0)).ends_with("on their way."));
    assert!(said((1, 1)).ends_with(" 1 event is parked: answers lack it."));
    assert!(
        said((1_200, 3)).ends_with(" 1,200 events of 3 streams are parked: answers lack them.")
    );
}

#[test]
fn an_older_definitions_answers_are_told_of_whatever_the_verdict() {
    let case = |status| Case {
        not_built: Some("the new version stopped at event 7: no such column".into()),
        ..case(status)
    };
    let mut fresh = case(Status::Live);
    (fresh.lag.behind, fresh.lag.age) = (0, Duration::ZERO);
    let (word, sentence) = said(&fresh);
    assert_eq!(word, "outdated");
    assert_eq!(
        sentence,
        "orders has everything, but by an older definition than is in force: the new version stopped at event \
         7: no such column."
    );
    let verdict = fresh.verdict();
    assert_eq!(
        fresh.remedies(&verdict),
        [Remedy::EditFile, Remedy::Rebuild]
    );
    let (word, sentence) = said(&case(Status::Paused));
    assert_eq!(word, "paused");
    assert!(
        sentence.ends_with(" What answers is an older definition's: the new version stopped at event 7: no such column."),
        "{sentence}"
    );
}

#[test]
fn an_injected_fault_is_named_and_ending_it_helps_first() {
    let faulted = Case {
        trouble: Some(trouble(false)),
        injected: injected("poison at event 128001"),
        ..case(Status::Faulted(Position::new(128_001)))
    };
    let verdict = faulted.verdict();
    let sentence = faulted.sentence(&verdict);
    assert!(
        sentence.ends_with("A fault is injected: poison at event 128001."),
        "{sentence}"
    );
    assert_eq!(
        faulted.remedies(&verdict),
        [Remedy::EndFault, Remedy::TryAgain]
    );
    let slow = Case {
        injected: injected("slow 100ms"),
        ..case(Status::CatchingUp)
    };
    assert_eq!(slow.remedies(&slow.verdict()), [Remedy::EndFault]);
}

#[test]
fn where_the_fault_has_ended_nothing_is_to_be_ended_or_mended() {
    let helps = |status, injected| {
        let case = Case {
            trouble: Some(Trouble {
                ended: true,
                ..trouble(false)
            }),
            injected,
            ..case(status)
        };
        case.remedies(&case.verdict())
    };
    let stopped = Status::Faulted(Position::new(128_001));
    assert_eq!(helps(stopped, None), [Remedy::TryAgain]);
    assert_eq!(helps(stopped, injected("slow 20ms")), [Remedy::TryAgain]);
    assert_eq!(helps(Status::Stalled, None), [Remedy::Wait]);
}

#[test]
fn ending_a_fault_helps_where_something_is_parked_or_stopped_at_only_if_it_has_an_event_fail() {
    let helps = |words, status, trouble, parked| {
        let case = Case {
            injected: injected(words),
            trouble,
            parked,
            ..case(status)
        };
        case.remedies(&case.verdict())
    };
    let parked = |words| helps(words, Status::Live, None, (1, 1));
    assert_eq!(parked("slow 20ms"), [Remedy::Retry]);
    assert_eq!(parked("stall"), [Remedy::Retry]);
    assert_eq!(parked("poison"), [Remedy::EndFault, Remedy::Retry]);
    let stopped = Status::Faulted(Position::new(128_001));
    assert_eq!(
        helps("slow 20ms", stopped, Some(trouble(false)), (0, 0)),
        [Remedy::EditFile, Remedy::TryAgain]
    );
}
