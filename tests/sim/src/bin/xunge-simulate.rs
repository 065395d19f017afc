//! `cargo xtask simulate`: days of bad luck in bulk. See [`sim`].

use clap::Parser;
use sim::command::{Arguments, run};
use std::process::ExitCode;

/// One thread lives whole days of small strings: a sixth of the time was the system's allocator.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulate: {error:#}");
            ExitCode::FAILURE
        }
    }
}
