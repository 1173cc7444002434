//! Every policy on a real log and a real read model, with both clocks in the test's hands: nothing here
//! waits for time to pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use highwater::event::{EventType, JsonObject, NewEvent, Position, StreamId, Timestamp};
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::log::{Commit, CommitId, Expected, SharedLog};
use highwater::read::{
    Cost, Model, Now, Policy, Projection, Runner, SqlProjection, Step, TRIES, forecast,
};
use proptest::prelude::*;

const SEEN: &str = "\
-- replayable: yes
-- category: thing
-- schema
CREATE TABLE seen (position INTEGER PRIMARY KEY, times INTEGER NOT NULL CHECK (times < 9)) STRICT;
CREATE TABLE gate (closed INTEGER NOT NULL) STRICT;
-- on Happened
INSERT INTO seen VALUES (:position, 1) ON CONFLICT (position) DO UPDATE SET times = times + 1;
-- on Poisoned
INSERT INTO seen SELECT :position, 9 WHERE NOT EXISTS (SELECT 1 FROM gate);
";

/// A log, a read model, and a runner between them, at a time of the test's making.
struct World {
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    /// In microseconds.
    wall: Arc<AtomicI64>,
    monotonic: Duration,
    log: SharedLog,
    runner: Runner,
}

/// What the runner wants to be woken by.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rest {
    until: Option<Duration>,
    past: Option<Position>,
    /// Applied before it rested.
    applied: u64,
}

impl World {
    fn new(policy: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let wall = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        let clock = Arc::clone(&wall);
        let options = LogOptions {
            clock: Arc::new(move || {
                Timestamp::from_microsecond(clock.load(Ordering::SeqCst)).unwrap()
            }),
            ..LogOptions::default()
        };
        let log: SharedLog =
            Arc::new(SqliteLog::create_or_open(&dir.path().join("log"), options).unwrap());
        let monotonic = Duration::from_secs(1_000);
        let projection: Arc<dyn Projection> = Arc::new(SqlProjection::parse("seen", SEEN).unwrap());
        let model = Model::create(&dir.path().join("seen.db"), &*projection, 1, None).unwrap();
        let policy = policy.parse().unwrap();
        let runner = Runner::attach(projection, Arc::clone(&log), model, policy, monotonic);
        let runner = runtime.block_on(runner).unwrap();
        Self {
            dir,
            runtime,
            wall,
            monotonic,
            log,
            runner,
        }
    }

    fn append_as(&self, stream: &str, event_type: &str, many: u64) -> Position {
        let commits = (0..many).map(|_| Commit {
            id: CommitId::new(),
            stream: StreamId::new(stream).unwrap(),
            expected: Expected::Any,
            events: vec![NewEvent::new(
                EventType::new(event_type).unwrap(),
                JsonObject::parse("{}").unwrap(),
            )],
        });
        let answers = self
            .runtime
            .block_on(self.log.append_all(commits.collect()));
        answers.into_iter().map(|a| a.unwrap().last).max().unwrap()
    }

    fn append(&self, many: u64) -> Position {
        self.append_as("thing-1", "Happened", many)
    }

    fn pass(&mut self, time: Duration) {
        self.monotonic += time;
        self.wall
            .fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }

    fn step_clock_back(&self, time: Duration) {
        self.wall
            .fetch_sub(i64::try_from(time.as_micros()).unwrap(), Ordering::SeqCst);
    }

    fn now(&self) -> Now {
        Now {
            wall: Timestamp::from_microsecond(self.wall.load(Ordering::SeqCst)).unwrap(),
            monotonic: self.monotonic,
        }
    }

    fn step(&mut self) -> Step {
        let now = self.now();
        self.runtime.block_on(self.runner.step(now)).unwrap()
    }

    /// Steps until it rests, at this very moment.
    fn settle(&mut self) -> Rest {
        let mut all = 0;
        for _ in 0..10_000 {
            match self.step() {
                Step::Moved { applied, .. } => all += applied,
                Step::Rest { until, past } => {
                    return Rest {
                        until,
                        past,
                        applied: all,
                    };
                }
            }
        }
        panic!("it never rests");
    }

    /// Steps until it rests, at this very moment. How many events became visible that are live work?
    fn live(&mut self) -> usize {
        let mut all = 0;
        while let Step::Moved { live, .. } = self.step() {
            all += live.len();
        }
        all
    }

    /// As if the log had been there before the read model.
    fn attach_again(&mut self, policy: &str) {
        let projection: Arc<dyn Projection> = Arc::new(SqlProjection::parse("seen", SEEN).unwrap());
        let file = self.dir.path().join("again.db");
        let model = Model::create(&file, &*projection, 1, None).unwrap();
        let (log, policy) = (Arc::clone(&self.log), policy.parse().unwrap());
        let runner = Runner::attach(projection, log, model, policy, self.monotonic);
        self.runner = self.runtime.block_on(runner).unwrap();
    }

    fn pass_and_settle(&mut self, millis: u64) -> u64 {
        self.pass(ms(millis));
        self.settle().applied
    }

    fn number(&self, sql: &str) -> i64 {
        let db = rusqlite::Connection::open(self.dir.path().join("seen.db")).unwrap();
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn rows(&self) -> i64 {
        self.number("SELECT count(*) FROM seen")
    }

    fn stored_checkpoint(&self) -> i64 {
        self.number("SELECT position FROM _highwater_checkpoint")
    }

    fn set_policy(&mut self, policy: &str) {
        self.runner
            .set_policy(policy.parse().unwrap(), self.monotonic);
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn live_and_sync_apply_whatever_waits_in_one_transaction() {
    for policy in ["live", "sync"] {
        let mut world = World::new(policy);
        for many in [1, 7, 499] {
            world.append(many);
            let Step::Moved { live, applied } = world.step() else {
                panic!("{policy} rests while {many} wait");
            };
            assert_eq!((applied, live.len() as u64), (many, many), "{policy}");
            assert_eq!(world.settle().until, None);
        }
        assert_eq!(world.rows(), 507);
    }
}

#[test]
fn what_became_visible_under_load_is_live_work_however_large_the_pages_are() {
    for policy in ["live", "batch 500 or 5s", "every 2s"] {
        let mut world = World::new(policy);
        for _ in 0..3 {
            world.append(3_000);
            world.pass(ms(2_000));
            assert_eq!(world.live(), 3_000, "{policy}");
        }
    }
}

#[test]
fn what_was_stored_before_a_read_model_began_or_while_it_was_paused_is_no_live_work() {
    for policy in ["live", "batch 500 or 5s", "every 2s"] {
        for many in [3, 1_200] {
            let mut world = World::new(policy);
            world.append(many);
            world.attach_again(policy);
            // The first tick comes after its period.
            let mut live = world.live();
            world.pass(ms(5_000));
            live += world.live();
            assert_eq!(
                (live, world.runner.checkpoint().position),
                (0, Position::new(many)),
                "{policy}, {many}"
            );
            world.append(2);
            world.pass(ms(5_000));
            live = world.live();
            world.pass(ms(5_000));
            assert_eq!(live + world.live(), 2, "{policy}, {many}");
            world.append(many);
            world.runner.fall_behind();
            world.pass(ms(5_000));
            assert_eq!(world.live(), 0, "{policy}, {many}, after a pause");
        }
    }
}

#[test]
fn a_batch_waits_for_its_number() {
    let mut world = World::new("batch 500 or 5s");
    world.append(499);
    assert_eq!(world.settle().applied, 0);
    let rest = world.settle();
    assert_eq!(rest.until, Some(world.monotonic + ms(5_000)));
    assert_eq!(rest.past, Some(Position::new(499)));
    world.pass(ms(4_999));
    assert_eq!(world.settle().applied, 0);
    world.append(1);
    assert_eq!(world.settle().applied, 500);
    // What is not for it does not count.
    world.append_as("other-1", "Happened", 600);
    world.append(1);
    assert_eq!(world.settle().applied, 0);
}

#[test]
fn a_batch_waits_no_longer_than_its_time() {
    let mut world = World::new("batch 500 or 5s");
    world.append(1);
    world.pass(ms(2_000));
    world.append(1);
    assert_eq!(world.pass_and_settle(2_999), 0);
    assert_eq!(world.pass_and_settle(1), 2, "the oldest has waited 5 s");
    world.append(1);
    assert_eq!(world.settle().applied, 0, "the next one waits anew");
    // The wall clock steps back: it has been seen waiting all the same.
    world.step_clock_back(Duration::from_secs(3_600));
    assert_eq!(world.pass_and_settle(5_000), 1);
}

#[test]
fn a_schedule_applies_at_its_ticks_and_at_no_other_time() {
    let mut world = World::new("every 2s");
    world.append(3);
    assert_eq!(world.settle().applied, 0);
    assert_eq!(world.pass_and_settle(1_999), 0);
    assert_eq!(world.pass_and_settle(1), 3);
    world.append(2);
    assert_eq!(world.settle().applied, 0, "a tick serves once");
    assert_eq!(world.pass_and_settle(2_000), 2);
    // Nothing waits for a while; what comes then waits for the next tick.
    assert_eq!(world.pass_and_settle(7_000), 0);
    world.append(1);
    let rest = world.settle();
    assert_eq!(rest.applied, 0, "between two ticks");
    assert_eq!(rest.until, Some(world.monotonic + ms(1_000)));
    assert_eq!(world.pass_and_settle(999), 0);
    assert_eq!(world.pass_and_settle(1), 1);
    // A loop that was held up serves what waited at the tick it missed.
    world.append(1);
    assert_eq!(world.settle().applied, 0);
    assert_eq!(world.pass_and_settle(5_500), 1);
}

#[test]
fn a_delay_is_never_early_and_ends_on_time() {
    let mut world = World::new("delay 10s");
    for _ in 0..5 {
        world.append(1);
        world.pass(ms(1_000));
    }
    let rest = world.settle();
    assert_eq!((rest.applied, world.rows()), (0, 0));
    assert_eq!(rest.until, Some(world.monotonic + ms(5_000)));
    assert_eq!(world.pass_and_settle(4_999), 0);
    for n in 1..=5 {
        assert_eq!(world.pass_and_settle(1), 1);
        assert_eq!(world.rows(), n);
        assert_eq!(world.pass_and_settle(999), 0);
    }
    // A clock that steps back makes it later, never earlier.
    world.append(1);
    world.pass(ms(9_000));
    world.step_clock_back(ms(3_000));
    assert_eq!(world.settle().applied, 0);
    assert_eq!(world.pass_and_settle(3_999), 0);
    assert_eq!(world.pass_and_settle(1), 1);
}

#[test]
fn manual_applies_what_was_allowed_and_nothing_beyond() {
    let mut world = World::new("manual");
    world.append(10);
    let rest = world.settle();
    assert_eq!((rest.applied, rest.until), (0, None));
    assert_eq!(world.pass_and_settle(100_000_000), 0);
    world.runner.allow_to(Position::new(4));
    assert_eq!(world.settle().applied, 4);
    world.runner.allow_to(Position::new(2));
    assert_eq!(world.settle().applied, 0);
    world.runner.allow_to(Position::new(10));
    world.append(5);
    assert_eq!(world.settle().applied, 6);
    assert_eq!(world.rows(), 10);
}

#[test]
fn a_rate_is_not_exceeded_in_any_second() {
    for rate in [1_u64, 3, 200] {
        let mut world = World::new(&format!("rate {rate}/s"));
        let mut applied: Vec<(Duration, u64)> = Vec::new();
        world.append(rate * 6);
        let begun = world.monotonic;
        // Idle first, then busy: nothing is saved up for a burst.
        world.pass(ms(0));
        while world.rows() < i64::try_from(rate * 4).unwrap() {
            let rest = world.settle();
            if rest.applied > 0 {
                applied.push((world.monotonic, rest.applied));
            }
            let until = rest.until.expect("it wants to go on");
            assert!(until > world.monotonic, "it spins");
            world.pass(until - world.monotonic);
        }
        for (from, _) in &applied {
            let second = *from..*from + ms(1_000);
            let in_it: u64 = applied
                .iter()
                .filter(|(at, _)| second.contains(at))
                .map(|(_, n)| n)
                .sum();
            assert!(in_it <= rate, "{in_it} in one second at {rate}/s");
        }
        let took = (world.monotonic - begun).as_secs_f64();
        assert!(
            (2.5..5.0).contains(&took),
            "{took} s for four seconds' worth"
        );
    }
}

#[test]
fn what_is_asked_for_by_hand_is_not_charged_to_the_rate() {
    let mut world = World::new("rate 10/s");
    let head = world.append(1_000);
    world.runner.allow_to(head);
    assert_eq!(world.settle().applied, 1_000);
    world.pass(ms(1_000));
    world.append(1);
    assert_eq!(world.settle().applied, 1, "it does not wait for 100 s");
}

#[test]
fn an_event_that_cannot_be_applied_is_tried_with_growing_pauses_and_then_stopped_at() {
    let mut world = World::new("live");
    let good = world.append(3);
    world.append_as("thing-2", "Poisoned", 1);
    world.append(2);
    // The handler fails as long as its CHECK holds.
    let rest = world.settle();
    assert_eq!(
        (rest.applied, world.rows()),
        (3, 3),
        "what stands before it"
    );
    assert_eq!(world.stored_checkpoint(), 3);
    for (tries, pause) in (1..TRIES).zip([100, 200, 400, 800]) {
        let trouble = world.runner.trouble().unwrap().clone();
        assert_eq!((trouble.tries, trouble.position), (tries, good.next()));
        assert!(trouble.error.contains("seen.sql:"), "{}", trouble.error);
        assert_eq!(trouble.next_try, Some(world.monotonic + ms(pause)));
        world.pass(ms(pause - 1));
        assert_eq!(world.settle().until, trouble.next_try);
        assert_eq!(world.runner.trouble().unwrap().tries, tries, "too early");
        world.pass(ms(1));
        world.settle();
    }
    let trouble = world.runner.trouble().unwrap();
    assert_eq!((trouble.tries, trouble.next_try), (TRIES, None), "stopped");
    assert_eq!(world.pass_and_settle(10_000_000), 0);
    assert_eq!(world.runner.checkpoint().position, good);
    // Somebody mends what was wrong and asks it to try again.
    let db = rusqlite::Connection::open(world.dir.path().join("seen.db")).unwrap();
    db.execute("INSERT INTO gate VALUES (1)", []).unwrap();
    world.runner.try_again();
    assert_eq!(world.settle().applied, 3);
    assert_eq!((world.runner.trouble(), world.rows()), (None, 5));
}

#[test]
fn a_read_model_that_somebody_else_locks_is_tried_again_without_end() {
    let mut world = World::new("live");
    world.append(1);
    let db = rusqlite::Connection::open(world.dir.path().join("seen.db")).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    for tries in 1..=TRIES + 1 {
        world.settle();
        let trouble = world.runner.trouble().unwrap();
        assert_eq!(trouble.tries, tries);
        assert!(trouble.next_try.is_some(), "no event is to blame");
        world.pass(ms(1_600));
    }
    db.execute_batch("ROLLBACK").unwrap();
    assert_eq!(world.settle().applied, 1);
    assert_eq!(world.runner.trouble(), None);
}

#[test]
fn events_that_concern_nobody_cost_a_write_a_second() {
    for policy in [
        "live",
        "batch 500 or 5s",
        "every 100ms",
        "manual",
        "rate 5/s",
        "delay 1s",
    ] {
        let mut world = World::new(policy);
        let (mut writes, mut stored) = (0, 0);
        for _ in 0..500 {
            world.append_as("other-1", "Happened", 1);
            world.settle();
            let now = world.stored_checkpoint();
            if now != stored {
                (stored, writes) = (now, writes + 1);
            }
            world.pass(ms(10));
        }
        assert!(
            (4..=6).contains(&writes),
            "{policy}: {writes} writes in 5 s"
        );
        // And the last of them is written though nothing comes any more.
        let rest = world.settle();
        if let Some(until) = rest.until {
            world.pass(until.saturating_sub(world.monotonic));
            world.settle();
        }
        assert_eq!(world.stored_checkpoint(), 500, "{policy}");
        assert_eq!(
            world.settle().until,
            None,
            "{policy}: nothing is left to do"
        );
    }
}

#[test]
fn nothing_is_applied_beyond_the_bound() {
    for policy in ["live", "batch 2 or 1s", "every 1s", "rate 1000/s"] {
        let mut world = World::new(policy);
        world.append(10);
        world.append_as("other-1", "Happened", 10);
        world.runner.bound_to(Position::new(7));
        for _ in 0..20 {
            world.pass(ms(500));
            world.settle();
        }
        assert_eq!(
            world.runner.checkpoint().position,
            Position::new(7),
            "{policy}"
        );
        world.runner.bound_to(Position::new(15));
        for _ in 0..20 {
            world.pass(ms(500));
            world.settle();
        }
        assert_eq!(
            world.runner.checkpoint().position,
            Position::new(15),
            "{policy}"
        );
        assert_eq!(world.rows(), 10);
    }
}

#[test]
fn a_policy_changes_from_one_moment_to_the_next() {
    let mut world = World::new("manual");
    world.append(10);
    world.settle();
    world.set_policy("rate 5/s");
    assert_eq!(world.settle().applied, 1);
    world.set_policy("batch 100 or 1s");
    assert_eq!(world.settle().applied, 0);
    assert_eq!(world.pass_and_settle(1_000), 9);
    world.append(10);
    world.set_policy("manual");
    world.runner.allow_to(Position::new(15));
    world.set_policy("delay 1h");
    assert_eq!(world.settle().applied, 5, "what was let through goes on");
    world.set_policy("live");
    assert_eq!(world.settle().applied, 5);
}

#[test]
fn a_replay_applies_again_what_it_was_asked_to_and_no_more() {
    for policy in ["live", "manual"] {
        let mut world = World::new(policy);
        let head = world.append(20);
        world.runner.allow_to(head);
        world.settle();
        let before = world.runner.checkpoint().clone();
        let replay = world.runner.replay(Position::new(99), Position::new(12));
        world.runtime.block_on(replay).unwrap();
        assert_eq!(world.runner.checkpoint().position, Position::new(12));
        assert_eq!(world.settle().applied, 8, "{policy}");
        assert_eq!(world.runner.checkpoint(), &before);
        assert_eq!(world.number("SELECT sum(times) FROM seen"), 28);
    }
}

/// Wakes the runner as an engine does, when it asks to be woken or something is appended, and notes when
/// each event became visible.
fn run_by_its_own_alarm(policy: &str, gaps: &[u64]) -> Vec<(Duration, Duration)> {
    let mut world = World::new(policy);
    let start = world.monotonic;
    let mut appended = Vec::new();
    let mut visible = Vec::new();
    let mut gaps = gaps.iter().map(|gap| ms(*gap));
    let mut next = gaps.next().map(|gap| world.monotonic + gap);
    loop {
        let rest = world.settle();
        for _ in 0..rest.applied {
            visible.push((appended[visible.len()], world.monotonic - start));
        }
        let alarm = match (rest.until, next) {
            (None, None) => return visible,
            (Some(until), Some(append)) => until.min(append),
            (Some(at), None) | (None, Some(at)) => at,
        };
        assert!(alarm >= world.monotonic, "an alarm for the past");
        world.pass(alarm - world.monotonic);
        if next == Some(world.monotonic) {
            world.append(1);
            appended.push(world.monotonic - start);
            next = gaps.next().map(|gap| world.monotonic + gap);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn woken_by_its_own_alarms_each_policy_is_neither_early_nor_late(
        gaps in prop::collection::vec(1_u64..4_000, 1..25),
        policy in prop::sample::select(vec![
            "live", "sync", "batch 4 or 3s", "every 2s", "delay 1500ms", "rate 1000/s",
        ]),
    ) {
        let visible = run_by_its_own_alarm(policy, &gaps);
        prop_assert_eq!(visible.len(), gaps.len(), "each event, in the end");
        let allowance = policy.parse::<Policy>().unwrap().allowance().unwrap();
        for (recorded, seen) in visible {
            let age = seen - recorded;
            prop_assert!(age <= allowance + ms(2), "{}: {:?} late", policy, age);
            if policy.starts_with("delay") {
                prop_assert!(age >= allowance, "{}: after {:?}", policy, age);
            }
            if policy.starts_with("every") {
                prop_assert_eq!(seen.as_millis() % 2_000, 0);
            }
        }
    }
}

/// When each event becomes visible, with arrivals after these pauses, in the runner's own hands.
fn really(
    policy: &str,
    pauses: &[u64],
) -> (Vec<Timestamp>, Vec<Option<Timestamp>>, [Timestamp; 2]) {
    let mut world = World::new(policy);
    let started = world.now().wall;
    let (mut arrivals, mut visible) = (Vec::new(), Vec::new());
    let mut arrive = |world: &mut World, after: Duration| {
        let due = world.monotonic + after;
        loop {
            let rest = world.settle();
            visible.resize(
                visible.len() + rest.applied as usize,
                Some(world.now().wall),
            );
            match rest.until {
                Some(until) if until < due => world.pass(until - world.monotonic),
                _ => break,
            }
        }
        world.pass(due - world.monotonic);
    };
    for pause in pauses {
        arrive(&mut world, Duration::from_millis(*pause));
        world.append(1);
        arrivals.push(world.now().wall);
    }
    arrive(&mut world, Duration::from_secs(20));
    arrive(&mut world, Duration::ZERO);
    visible.resize(arrivals.len(), None);
    (arrivals, visible, [started, world.now().wall])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_forecast_says_what_running_the_policy_gives(
        policy in prop::sample::select(vec![
            "live", "batch 5 or 3s", "every 2s", "delay 4s", "rate 3/s", "manual",
        ]),
        // Never none: what is recorded at one moment is there together for a forecast, but came here one after the other.
        pauses in prop::collection::vec(1..1_500_u64, 1..40),
    ) {
        let (arrivals, visible, [started, ended]) = really(policy, &pauses);
        let told = forecast(policy.parse().unwrap(), &arrivals, started, ended, Cost::default());
        let off = |(told, real): (&Option<Timestamp>, &Option<Timestamp>)| match (told, real) {
            (Some(told), Some(real)) => told.duration_since(*real).unsigned_abs() > Duration::from_millis(1),
            (told, real) => told != real,
        };
        let wrong = told.iter().zip(&visible).position(off);
        prop_assert_eq!(wrong, None, "{}: told {:?}, really {:?}", policy, told, visible);
    }
}
