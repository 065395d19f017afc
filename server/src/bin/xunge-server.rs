//! The `xunge-server` command line; see [`server::cli`].

fn main() -> anyhow::Result<std::process::ExitCode> {
    server::cli::main()
}
