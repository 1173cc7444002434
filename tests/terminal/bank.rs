//! Somebody else's domain: `examples/bank.rs`, from its first command to its dashboard.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::place::Place;
use super::screen::{Console, ENTER, TAB, WIDE, environment};

/// The example's binary, which cargo builds beside the tests.
fn bank() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_highwater")).with_file_name("examples/bank");
    assert!(
        program.exists(),
        "{} is not built: run `cargo build --example bank`, or the whole of `cargo test`",
        program.display()
    );
    program
}

fn run(place: &Place, args: &[&str]) -> Output {
    let mut command = Command::new(bank());
    command.args(args).current_dir(place.home());
    command.env_clear().envs(environment(place.home()));
    command.output().unwrap()
}

#[track_caller]
fn says(place: &Place, args: &[&str], code: i32, words: &str) {
    let output = run(place, args);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(words), "{args:?}: {said}");
}

/// A bank with an account that has 100.00 in it.
fn opened() -> Place {
    let place = Place::new();
    says(&place, &["init", "bank"], 0, "is a workspace");
    for (command, code, words) in [
        (
            "OpenAccount account=ada holder=Ada",
            0,
            "accepted at position 1",
        ),
        (
            "Deposit account=ada amount_cents=10000",
            0,
            "account-ada has version 2",
        ),
        (
            "Withdraw account=ada amount_cents=10001",
            3,
            "100.01 is more than the balance of 100.00",
        ),
        (
            "Withdraw account=bob amount_cents=1",
            3,
            "there is no such account",
        ),
    ] {
        let words_of: Vec<&str> = ["-w", "bank", "send"]
            .into_iter()
            .chain(command.split(' '))
            .collect();
        says(&place, &words_of, code, words);
    }
    place
}

#[test]
fn a_program_with_a_domain_of_its_own_has_the_whole_command_line() {
    let place = opened();
    says(
        &place,
        &["-w", "bank", "send"],
        0,
        "Take money out: what is there at most.",
    );
    says(
        &place,
        &["-w", "bank", "send", "Withdraw", "account=ada"],
        2,
        "amount_cents is missing",
    );
    let all = [
        "-w",
        "bank",
        "query",
        "accounts",
        "ListAccounts",
        "--consistency",
        "strong",
    ];
    says(&place, &all, 0, "10000");
    says(
        &place,
        &["-w", "bank", "stream", "account-ada", "--state"],
        0,
        "balance_cents: 0 → 10000",
    );
    says(&place, &["--help"], 0, "Usage: bank");
}

#[test]
fn its_hints_name_the_program_that_runs() {
    let place = opened();
    // Its exit code says whether a second has passed since the account was opened.
    let status = run(&place, &["-w", "bank", "status"]);
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("start one with `bank run`"), "{status}");
    for (args, code, words) in [
        (
            &["-w", "bank", "why", "accounts"][..],
            0,
            "`bank run` starts an engine",
        ),
        (
            &["-w", "nosuch", "status"],
            1,
            "`bank init` makes a workspace",
        ),
        (&["status"], 1, "make one with `bank init DIR`"),
        (
            &["-w", "bank", "diff", "accounts"],
            1,
            "`bank rebuild accounts --hold`",
        ),
        (
            &["-w", "bank", "stream", "account-eve"],
            1,
            "`bank events` shows",
        ),
        (&["retry", "--help"], 0, "Usage: bank retry PROJECTION <"),
    ] {
        says(&place, args, code, words);
    }
    let hint = "`highwater run` starts an engine";
    let output = place.highwater(&["init", "other"]);
    assert!(output.status.success());
    place.highwater(&["-w", "other", "append", "a-1", "T", "{}"]);
    std::fs::write(
        place.home().join("other/projections/n.sql"),
        "-- schema\nCREATE TABLE n (n INTEGER) STRICT;\n-- on *\nINSERT INTO n VALUES (1);\n",
    )
    .unwrap();
    let told = place.highwater(&["-w", "other", "why", "n"]).stdout;
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains(hint), "{told}");
}

#[test]
fn a_workspace_of_another_domain_is_refused_with_the_way_out() {
    let place = opened();
    let output = place.highwater(&["-w", "bank", "status"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("domain \"bank\" is not known"), "{said}");
    assert!(said.contains("with the program that has it"), "{said}");
}

#[test]
fn its_dashboard_has_its_projection_and_forms_made_of_its_commands() {
    let place = opened();
    let mut console = Console::start_program(&bank(), place.home(), WIDE, &["-w", "bank"], &[]);
    console.until("the projection, with all there is", |picture| {
        picture.row("accounts").is_some() && picture.has("engine here")
    });
    console.keys("c").shows("OpenAccount");
    console.keys("withdr").until("one command", |picture| {
        picture.has("Withdraw") && !picture.has("OpenAccount")
    });
    console.keys(ENTER).shows("How much, in cents");
    console.keys("ada").keys(TAB).keys("2500").keys(ENTER);
    console.shows("Withdraw accepted at");
    console.keys("q");
    assert!(console.ended().status.success());
    let all = [
        "-w",
        "bank",
        "query",
        "accounts",
        "ListAccounts",
        "--consistency",
        "strong",
    ];
    says(&place, &all, 0, "7500");
}
