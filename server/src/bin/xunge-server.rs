//! The `xunge-server` command line; see [`server::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::main().unwrap_or_else(|error| {
        // An error may quote a file or the database.
        eprintln!("Error: {}", protocol::text::for_terminal(&format!("{error:?}")));
        ExitCode::FAILURE
    })
}
