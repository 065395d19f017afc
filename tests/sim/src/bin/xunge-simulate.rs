//! `cargo xtask simulate`: simulated days with faults. See [`sim`].

use clap::Parser;
use sim::command::{SimulateArgs, run};
use std::process::ExitCode;

/// One thread handles many small strings; the system's allocator took a sixth of the run time.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(&SimulateArgs::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulate: {error:#}");
            ExitCode::FAILURE
        }
    }
}
