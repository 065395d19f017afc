//! The `xunge-server` command line; see [`server::cli`].

use std::process::ExitCode;

/// The system's allocator keeps what each of its arenas once needed: after a flood of sign-ins, of which each takes 19 MiB,
/// that is 300 MB until the process ends. This one gives it back (`cargo xtask judges attack` measures it).
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Some systems give huge pages to every program that does not refuse them. Half of the memory of each open connection
    // would then be pages that nothing was written to. A kernel without this call has no such pages to refuse.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    server::cli::main().unwrap_or_else(|error| {
        // An error may quote a file or the database.
        eprintln!("Error: {}", protocol::text::for_terminal(&format!("{error:#}")));
        ExitCode::FAILURE
    })
}
