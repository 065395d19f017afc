//! The `xunge-server` command line; see [`server::cli`].

use std::process::ExitCode;

/// The system's allocator keeps what each of its arenas once needed: after a flood of sign-ins, of which each takes 19 MiB,
/// that is 300 MB until the process ends. This one gives it back (`cargo xtask judges attack` measures it).
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::main().unwrap_or_else(|error| {
        // An error may quote a file or the database.
        eprintln!("Error: {}", protocol::text::for_terminal(&format!("{error:#}")));
        ExitCode::FAILURE
    })
}
