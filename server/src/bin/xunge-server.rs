//! The `xunge-server` command line; everything stands in [`server::cli`].

fn main() -> anyhow::Result<std::process::ExitCode> {
    server::cli::main()
}
