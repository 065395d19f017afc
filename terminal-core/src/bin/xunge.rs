//! `xunge`: the handset on the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    terminal_core::cli::main()
}
