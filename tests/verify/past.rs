//! Read models as they were: whatever is stepped over in which order, a position has the rows that a fold
//! from the beginning has there.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use highwater::event::{EventType, JsonObject, NewEvent, Position, StreamId, Timestamp};
use highwater::log::sqlite::{LogOptions, SqliteLog};
use highwater::log::{Commit, CommitId, EventLog as _, Expected};
use highwater::read::{Cell, Contents, FoldError, Shown, compare, contents, position_at};
use highwater::workspace::{AsOf, Work, WorkspaceError};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::kit::{MIXED, Place, append, catch_up, grow};

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn any_sequence_of_steps_has_the_rows_of_a_fresh_fold_there() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    let head = grow(&workspace, 17, 6_000).await;
    append(&workspace, [("thing-1", "Forgotten", "{}".to_owned())]).await;
    let mut random = StdRng::seed_from_u64(4);
    let work = Work::new();
    // Each position folded from the beginning, once.
    let mut fresh: HashMap<u64, Contents> = HashMap::new();
    for copies in [0, 1, 3, 8] {
        let mut past = workspace.past("mixed", copies, Work::new()).await.unwrap();
        let mut at = 0_u64;
        for step in 0..25 {
            at = match random.random_range(0..4) {
                0 => random.random_range(0..=head.get()),
                1 => at.saturating_sub(random.random_range(1..4)),
                2 => (at + random.random_range(1..4)).min(head.get()),
                _ => at.saturating_sub(random.random_range(500..2_000)),
            };
            past.step_to(Position::new(at)).await.unwrap();
            assert_eq!(past.position(), Position::new(at));
            let expected = match fresh.remove(&at) {
                Some(known) => known,
                None => {
                    let mut other = workspace.past("mixed", 0, Work::new()).await.unwrap();
                    other.step_to(Position::new(at)).await.unwrap();
                    contents(other.path(), &work).unwrap()
                }
            };
            let found = contents(past.path(), &work).unwrap();
            assert_eq!(found, expected, "{copies} copies, step {step} to {at}");
            fresh.insert(at, expected);
        }
        // One folder for each that is open, and no more files in it than was said.
        let folders = place.scratch();
        assert_eq!(folders.len(), 1, "{folders:?}");
        let folder = workspace.folder().scratch().join(&folders[0]);
        let files = std::fs::read_dir(folder).unwrap();
        let databases = files.filter(|file| {
            let path = file.as_ref().unwrap().path();
            path.extension().is_some_and(|e| e == "db")
        });
        assert!(databases.count() <= copies + 2, "{copies} copies");
    }
    assert_eq!(place.scratch(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_event_changed_is_all_that_tells_the_rows_before_from_those_after() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 5, 60).await;
    append(&workspace, [("thing-1", "Forgotten", "{}".to_owned())]).await;
    append(&workspace, [("thing-2", "Ignored", "{}".to_owned())]).await;
    append(&workspace, [("thing-1", "Cleared", "{}".to_owned())]).await;
    let head = grow(&workspace, 5, 7).await;
    let (work, most) = (Work::new(), 1_000);
    let mut past = workspace.past("mixed", 3, Work::new()).await.unwrap();
    let mut before = workspace.past("mixed", 0, Work::new()).await.unwrap();
    let mut after = workspace.past("mixed", 0, Work::new()).await.unwrap();
    let mut expected = Vec::new();
    for at in 1..=head.get() {
        before.step_to(Position::new(at - 1)).await.unwrap();
        after.step_to(Position::new(at)).await.unwrap();
        expected.push(compare(before.path(), after.path(), most, &work).unwrap());
    }
    // On, back, and in leaps.
    let all: Vec<u64> = (1..=head.get()).collect();
    let leaps = [head.get(), 1, 40, 39, 62, 61, 60, 1];
    let order = all.iter().chain(all.iter().rev()).chain(&leaps);
    for at in order.copied() {
        let position = Position::new(at);
        let changed = past.step_and_compare(position, most).await.unwrap();
        let changed = changed.unwrap();
        assert_eq!(
            (past.position(), changed.event.position),
            (position, position)
        );
        let expected = &expected[usize::try_from(at).unwrap() - 1];
        match &changed.rows {
            Some(rows) => assert_eq!(rows, expected, "at {at}"),
            None => assert!(expected.is_equal() && !changed.takes, "at {at}"),
        }
    }
    assert_eq!(
        past.step_and_compare(Position::START, most).await.unwrap(),
        None
    );
    assert!(past.step_and_compare(head.next(), most).await.is_err());
}

#[tokio::test]
async fn rows_are_read_where_somebody_looks_and_nowhere_else() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    let head = grow(&workspace, 30, 40).await;
    let mut past = workspace.past("mixed", 0, Work::new()).await.unwrap();
    past.step_to(head).await.unwrap();
    let look = |table, first, most| past.rows(Shown { table, first, most }).unwrap();
    let found = look(0, 0, 4);
    assert_eq!(found.tables, ["counts", "seen", "slots", "totals", "words"]);
    assert_eq!((found.count, found.first, found.rows.len()), (30, 0, 4));
    assert_eq!(found.columns, ["key", "n", "parity"]);
    assert_eq!(found.rows[0][0], Cell::Text("0".to_owned()));
    let next = look(0, 3, 4);
    assert_eq!(next.rows[0], found.rows[3]);
    let end = look(0, 1_000, 4);
    assert_eq!((end.first, end.rows.len()), (26, 4));
    let last = look(99, 0, 100);
    assert_eq!((last.table, last.count, last.rows.len()), (4, 40, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_is_broken_off_shows_where_it_came_to_and_the_next_goes_on() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    let head = grow(&workspace, 3, 2_000).await;
    let operator = workspace.operator().await.unwrap();
    let looking = operator.looking("mixed");
    assert_eq!(
        place.scratch(),
        [""; 0],
        "nothing is folded before the first look"
    );
    let shown = Shown {
        most: 10,
        ..Shown::default()
    };
    looking.work().stop();
    let moment = looking.look(None, shown).await.unwrap();
    assert!(moment.stopped && moment.changed.is_none(), "{moment:?}");
    assert!(moment.position < head);
    let moment = looking.look(None, shown).await.unwrap();
    assert_eq!((moment.position, moment.head), (head, head));
    let changed = moment.changed.unwrap();
    assert_eq!(Some(&changed.event), moment.event.as_ref());
    assert!(changed.rows.unwrap().total > 0);
    assert_eq!(moment.rows.rows.len(), 3);
    let ago = Some(AsOf::Position(Position::new(7)));
    assert_eq!(looking.look(ago, shown).await.unwrap().position.get(), 7);
    let beyond = Some(AsOf::Position(head.next()));
    let beyond = looking.look(beyond, shown).await.unwrap_err();
    assert!(beyond.to_string().contains("beyond the head"), "{beyond}");
    drop(looking);
    assert_eq!(place.scratch(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_as_it_was_stands_beside_the_same_row_now() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    let head = grow(&workspace, 30, 60).await;
    catch_up(&workspace, "mixed").await;
    place.damage("mixed", "DELETE FROM counts WHERE key = '3'");
    let operator = workspace.operator().await.unwrap();
    let looking = operator.looking("mixed");
    let at = |position| Some(AsOf::Position(Position::new(position)));
    let shown = |table, most| Shown {
        table,
        first: 0,
        most,
    };
    let moment = looking.look(at(30), shown(0, 100)).await.unwrap();
    let now = moment.now.unwrap();
    assert!(now.position >= head, "{now:?}");
    assert_eq!((now.count, now.keyed), (29, true));
    for (was, is) in moment.rows.rows.iter().zip(&now.rows) {
        let key = was[0].clone();
        match is {
            None => assert_eq!(key, Cell::Text("3".to_owned())),
            Some(is) => {
                assert_eq!((&is[0], &is[1]), (&key, &Cell::Integer(2)));
                assert_eq!(was[1], Cell::Integer(1));
            }
        }
    }
    assert_eq!(now.rows.iter().filter(|row| row.is_none()).count(), 1);
    // Without a primary key nothing says which row is which; a virtual table has its rows' numbers.
    let seen = looking.look(at(30), shown(1, 10)).await.unwrap();
    let now = seen.now.unwrap();
    assert_eq!((now.keyed, now.count, now.rows.len()), (false, 60, 0));
    let unkeyed = seen.unkeyed.unwrap();
    assert_eq!((unkeyed.went, unkeyed.came.len()), (0, 30));
    assert_eq!(unkeyed.gone, vec![false; seen.rows.rows.len()]);
    let words = looking.look(at(30), shown(4, 10)).await.unwrap();
    assert_eq!(
        words.now.unwrap().rows[0].as_ref(),
        Some(&words.rows.rows[0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_shows_the_row_that_the_event_changed() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 50, 100).await;
    let operator = workspace.operator().await.unwrap();
    let looking = operator.looking("mixed");
    let shown = Shown {
        most: 5,
        ..Shown::default()
    };
    // Keys are texts: many stand before 48.
    let goal = Some(AsOf::Position(Position::new(99)));
    let moment = looking.look(goal, shown).await.unwrap();
    let keys: Vec<_> = moment.rows.rows.iter().map(|row| row[0].clone()).collect();
    assert!(keys.contains(&Cell::Text("48".to_owned())), "{keys:?}");
    assert!(moment.rows.first > 0);
    // Whoever scrolls away from there stays away.
    let moment = looking.look(goal, shown).await.unwrap();
    assert_eq!(moment.rows.first, 0);
}

#[tokio::test]
async fn a_query_is_answered_as_it_would_have_been_then() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 3, 10).await;
    let mut past = workspace.past("mixed", 2, Work::new()).await.unwrap();
    let none = BTreeMap::new();
    for (position, rows) in [(0, 0), (1, 1), (10, 3), (2, 2), (0, 0)] {
        past.step_to(Position::new(position)).await.unwrap();
        let answer = past.ask("All", &none, LIMIT).unwrap();
        assert_eq!(answer.rows.len(), rows, "at {position}");
        assert_eq!(answer.checkpoint.position, Position::new(position));
    }
    let beyond = past.step_to(Position::new(11)).await.unwrap_err();
    assert!(matches!(beyond, FoldError::BeyondHead { .. }), "{beyond:?}");
    assert!(
        beyond.to_string().contains("the log ends at 10"),
        "{beyond}"
    );
    assert_eq!(past.position(), Position::START, "nothing was done");
    assert!(past.ask("Nope", &none, LIMIT).is_err());
    assert!(past.check("All", &none).is_ok());
    // What comes later can be stepped to as well.
    grow(&workspace, 3, 1).await;
    past.step_to(Position::new(11)).await.unwrap();
}

#[tokio::test]
async fn the_definition_is_that_of_the_version_which_answers() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 3, 10).await;
    catch_up(&workspace, "mixed").await;
    drop(workspace);
    place.write(
        "mixed",
        &MIXED.replace("SET n = n + 1, parity", "SET n = n + 100, parity"),
    );
    let workspace = place.open();
    let mut past = workspace.past("mixed", 0, Work::new()).await.unwrap();
    let head = workspace.log().head().await.unwrap();
    past.step_to(head).await.unwrap();
    let answer = past.ask("All", &BTreeMap::new(), LIMIT).unwrap();
    assert_eq!(answer.rows[0]["n"], 4, "{:?}", answer.rows);
}

#[tokio::test]
async fn a_step_that_is_stopped_can_be_taken_again() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    let head = grow(&workspace, 3, 2_000).await;
    let mut past = workspace.past("mixed", 2, Work::new()).await.unwrap();
    past.work().stop();
    let stopped = past.step_to(head).await.unwrap_err();
    assert!(matches!(stopped, FoldError::Stopped { .. }), "{stopped:?}");
    past.work().again();
    past.step_to(head).await.unwrap();
    assert_eq!(past.position(), head);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_of_a_fold_is_never_ahead_of_it() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    let head = grow(&workspace, 50, 12_000).await;
    let mut past = workspace.past("mixed", 0, Work::new()).await.unwrap();
    let (work, path) = (past.work().clone(), past.path().to_owned());
    let step = tokio::spawn(async move { past.step_to(head).await.map(|()| past) });
    let db = rusqlite::Connection::open(path).unwrap();
    let (mut looks, mut last) = (0, 0);
    while !step.is_finished() {
        let shown = work.progress().done;
        let folded = "SELECT position FROM _highwater_checkpoint";
        let folded: i64 = db.query_row(folded, [], |row| row.get(0)).unwrap();
        let folded = folded.unsigned_abs();
        assert!(last <= shown && shown <= folded, "{last} {shown} {folded}");
        (looks, last) = (looks + 1, shown);
    }
    step.await.unwrap().unwrap();
    assert_eq!((work.progress().done, work.progress().of), (12_000, 12_000));
    assert!(looks > 0);
}

#[tokio::test]
async fn what_the_disk_has_no_room_for_is_refused_before_it_is_begun() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    grow(&workspace, 3, 9).await;
    catch_up(&workspace, "mixed").await;
    for copies in [1 << 50, usize::MAX] {
        match workspace.past("mixed", copies, Work::new()).await {
            Err(error @ WorkspaceError::NoRoom { .. }) => {
                assert!(error.to_string().contains("free some space"), "{error}");
            }
            other => panic!("{:?}", other.map(|past| past.position())),
        }
    }
    assert_eq!(place.scratch(), [""; 0]);
}

/// A log with events at these times, in microseconds.
async fn log_at(dir: &std::path::Path, times: &[i64]) -> SqliteLog {
    use std::sync::atomic::{AtomicI64, Ordering};
    let now = std::sync::Arc::new(AtomicI64::new(0));
    let clock = std::sync::Arc::clone(&now);
    let options = LogOptions {
        clock: std::sync::Arc::new(move || {
            Timestamp::from_microsecond(clock.load(Ordering::Relaxed)).unwrap()
        }),
        ..LogOptions::default()
    };
    let log = SqliteLog::create_or_open(dir, options).unwrap();
    for time in times {
        now.store(*time, Ordering::Relaxed);
        let event = NewEvent::new(EventType::new("A").unwrap(), JsonObject::empty());
        let commit = Commit {
            id: CommitId::new(),
            stream: StreamId::new("a-1").unwrap(),
            expected: Expected::Any,
            events: vec![event],
        };
        log.append(commit).await.unwrap();
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_time_is_the_position_of_the_last_event_by_then(
        mut times in proptest::collection::vec(0i64..20, 0..12),
        asked in 0i64..22,
    ) {
        times.sort_unstable();
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(async {
            let log = log_at(dir.path(), &times).await;
            position_at(&log, Timestamp::from_microsecond(asked).unwrap()).await.unwrap()
        });
        let expected = times.iter().filter(|time| **time <= asked).count();
        prop_assert_eq!(found, Position::new(expected as u64));
    }
}

#[tokio::test]
async fn what_nobody_can_know_is_refused_by_name() {
    let place = Place::new(&[("mixed", MIXED)]);
    let workspace = place.open();
    let as_of = |text: &str| text.parse::<AsOf>().unwrap();
    let empty = workspace.position_at(as_of("1s")).await.unwrap();
    assert_eq!(empty, Position::START, "an empty log");
    let head = grow(&workspace, 3, 5).await;
    let at = async |text: &str| workspace.position_at(as_of(text)).await;
    assert_eq!(at("0").await.unwrap(), Position::START);
    assert_eq!(at("5").await.unwrap(), head);
    assert_eq!(at("1970-01-02T00:00Z").await.unwrap(), Position::START);
    assert_eq!(at("24h").await.unwrap(), Position::START);
    let beyond = at("6").await.unwrap_err();
    assert!(
        matches!(beyond, WorkspaceError::BeyondHead { .. }),
        "{beyond:?}"
    );
    assert!(beyond.to_string().contains("the log ends at 5"), "{beyond}");
    let future = at("2999-01-01T00:00Z").await.unwrap_err();
    assert!(
        matches!(future, WorkspaceError::Future { .. }),
        "{future:?}"
    );
}
