//! The binary: the command line, with the built-in domain.

use std::process::ExitCode;

use highwater::{Domain, shop};

fn main() -> ExitCode {
    highwater::cli::main(Domain::new("shop", shop::commands()))
}
