//! The binary: parse, dispatch, exit code.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

use std::process::ExitCode;

use clap::Parser as _;

mod cli;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(words) => {
            // Help and version come this way too, and end well. Where nobody reads them, nothing is lost.
            drop(words.print());
            return ExitCode::from(if words.use_stderr() { 2 } else { 0 });
        }
    };
    match cli::run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.tell().into(),
    }
}
