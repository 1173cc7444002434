//! However it ends, and whenever it steps aside: the terminal is given back, and the engine has stopped.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::place::Place;
use super::screen::{CTRL_L, CTRL_Z, Console, ENTER, PATIENCE, WIDE};

#[test]
fn q_quits_with_exit_code_0_and_gives_the_terminal_back() {
    let place = Place::new();
    let mut demo = place.demo(WIDE, "5");
    demo.shows("engine here");
    assert!(!demo.restored());
    demo.keys("q");
    let ended = demo.ended();
    assert_eq!(ended.status.exit_code(), 0);
    assert!(ended.restored);
    assert!(ended.text.trim().is_empty(), "{}", ended.text);
    let bytes = String::from_utf8_lossy(&ended.bytes);
    let (_, last) = bytes.rsplit_once("\u{1b}[?1049l").unwrap();
    assert_eq!(last, "\u{1b}[?25h", "what comes after the alternate screen");
    assert_eq!(place.json(&["status"])["engine"]["running"], false);
}

#[test]
fn q_is_a_letter_in_a_text_field() {
    let place = Place::new();
    let mut demo = place.demo(WIDE, "0");
    demo.shows("engine here");
    demo.keys(":").shows("Enter do it");
    demo.keys("q").shows(":q");
}

#[track_caller]
fn a_signal_ends_it(name: &str) {
    let place = Place::new();
    let mut demo = place.demo(WIDE, "5");
    demo.until("some events", |picture| picture.head() > 5);
    demo.signal(name);
    let ended = demo.ended();
    assert_eq!(ended.status.signal(), None, "the signal was not caught");
    assert_eq!(ended.status.exit_code(), 0);
    assert!(ended.restored);

    assert_eq!(place.json(&["status"])["engine"]["running"], false);
    // Its locks are free: the next engine need not wait for them.
    let mut next = place.demo(WIDE, "0");
    next.shows("engine here");
}

#[test]
fn sigterm_ends_it_cleanly() {
    a_signal_ends_it("TERM");
}

#[test]
fn sighup_ends_it_cleanly() {
    a_signal_ends_it("HUP");
}

#[test]
fn sigquit_ends_it_cleanly() {
    a_signal_ends_it("QUIT");
}

#[test]
fn a_terminal_that_is_closed_ends_it() {
    let place = Place::new();
    let mut demo = place.demo(WIDE, "20");
    demo.until("some events", |picture| picture.head() > 5);
    let status = demo.hang_up();
    assert_eq!(status.signal(), None);
    assert_eq!(place.json(&["status"])["engine"]["running"], false);
}

#[test]
fn sigint_ends_it_cleanly() {
    a_signal_ends_it("INT");
}

/// What the system says of a process: `T` is stopped.
fn process_state(pid: u32) -> String {
    let args = ["-o", "state=", "-p", &pid.to_string()];
    let output = Command::new("ps").args(args).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[track_caller]
fn suspends(stop: impl FnOnce(&mut Console)) {
    let place = Place::new();
    let mut demo = place.demo(WIDE, "0");
    demo.shows("engine here");
    stop(&mut demo);
    demo.until_restored();
    let asked = Instant::now();
    while process_state(demo.pid) != "T" {
        assert!(asked.elapsed() < PATIENCE, "the process goes on");
    }
    assert!(demo.restored());

    // The shell gives it another size meanwhile.
    demo.resize((100, 30));
    demo.signal("CONT");
    let again = demo.shows("all keys");
    assert_eq!(again.lines().len(), 30);
    assert!(again.lines()[29].contains("all keys"));
    assert!(again.has("engine here"));
    demo.keys("c").shows("RegisterCustomer");
}

#[test]
fn ctrl_z_stops_it_and_it_comes_back_as_large_as_the_terminal_is_then() {
    suspends(|demo| {
        demo.keys(CTRL_Z);
    });
}

#[test]
fn sigtstp_stops_it_like_ctrl_z() {
    suspends(|demo| demo.signal("TSTP"));
}

#[test]
fn ctrl_l_draws_everything_again() {
    let place = Place::new();
    let mut demo = place.demo(WIDE, "0");
    demo.shows("all keys");
    demo.wipe();
    demo.keys(CTRL_L);
    demo.until("the whole screen", |picture| {
        picture.has("engine here") && picture.has("all keys") && picture.row("stock").is_some()
    });
}

#[test]
fn a_panic_gives_the_terminal_back_and_then_says_what_happened() {
    let place = Place::new();
    let at = [("HIGHWATER_PANIC_AT", "drawn")];
    let demo = Console::start_with(place.home(), WIDE, &["demo", "shop"], &at);
    let ended = demo.ended();
    assert_eq!(ended.status.exit_code(), 101);
    assert!(ended.restored);
    assert!(ended.text.contains("panicked at"), "{}", ended.text);
}

#[test]
fn a_panic_beside_the_dashboard_ends_it_as_well() {
    let place = Place::new();
    let at = [("HIGHWATER_PANIC_AT", "asked")];
    let args = ["demo", "shop", "--rate", "500"];
    let mut demo = Console::start_with(place.home(), WIDE, &args, &at);
    demo.shows("engine here");
    demo.keys(":RegisterCustomer customer=a name=A email=a@b.c address=L");
    demo.keys(ENTER);
    let ended = demo.ended();
    assert_eq!(ended.status.exit_code(), 1);
    assert!(ended.restored);
    assert!(ended.text.contains("panicked at"), "{}", ended.text);
    assert!(ended.text.contains("start again"), "{}", ended.text);
}

#[test]
fn without_a_terminal_one_line_says_what_to_use_instead() {
    let place = Place::with(&[]);
    for args in [&["-w", "shop"][..], &["demo", "new"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_highwater"))
            .args(args)
            .current_dir(place.home())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("--once") && said.contains("--json"), "{said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn it_begins_although_the_last_event_was_changed_by_hand() {
    let place = Place::with(&[(
        "orders.sql",
        "-- schema\nCREATE TABLE t (n);\n-- on A\nINSERT INTO t VALUES (1);\n",
    )]);
    let mut console = place.console(WIDE, &[]);
    console.shows("engine here");
    console.keys("q");
    console.ended();
    let log = rusqlite::Connection::open(place.workspace().join("data/log.db")).unwrap();
    log.execute_batch(
        "DROP TRIGGER events_no_UPDATE;
         UPDATE events SET data = 'nonsense' WHERE position = (SELECT max(position) FROM events)",
    )
    .unwrap();
    drop(log);
    let mut console = place.console(WIDE, &[]);
    console.shows("engine here");
    console.shows("of its history is passed over");
    place.append("thing-1", "A", "{}");
    console.until("the event is applied", |picture| {
        picture
            .row("orders")
            .is_some_and(|row| row.status == "live")
            && picture.head() > 1
    });
}
