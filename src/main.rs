//! The binary: the command line, with the built-in domain.

use std::process::ExitCode;

fn main() -> ExitCode {
    highwater::cli::main(highwater::cli::shop())
}
