//! Which packages one cargo command builds, and with which features.
//!
//! Cargo unifies features over all packages of one command. The package `sim` turns on test code in the members that it
//! links (`protocol/sabotage`, `terminal-core/testing`), so there are two selections that are never mixed: the product
//! with everything that runs it as it is, and the test variants. Both share one target directory.
//! `tests/sim/Cargo.toml` keeps the features of external crates equal, so only the members with features are compiled
//! twice.

use std::process::Command;

use anyhow::Result;

use crate::workspace::Workspace;

/// The package that turns test code on.
pub const VARIANT: &str = "sim";

/// The product, its tests, and the programs that run the product as a user does. Without the library of phones, which is
/// built another way (`phone.rs`).
pub const PRODUCT: &[&str] = &["--workspace", "--exclude", VARIANT, "--exclude", "bindings"];

/// [`PRODUCT`] and the library of phones, for checks that build nothing.
pub const CHECKED: &[&str] = &["--workspace", "--exclude", VARIANT];

/// The simulator, and terminal-core for the tests that need its feature `testing`. Without default features: the
/// program `xunge` needs `cli`, so this selection does not build it and cannot replace the product's binary.
pub const VARIANTS: &[&str] = &[
    "-p",
    VARIANT,
    "-p",
    "terminal-core",
    "--no-default-features",
    "--features",
    "terminal-core/testing",
];

/// The variants' targets: the libraries' unit tests, the simulator, and the tests that the product selection leaves
/// out.
pub fn variant_targets(ws: &Workspace) -> Result<Vec<String>> {
    let mut targets = vec!["--lib".to_owned()];
    for package in ws.packages()? {
        let tests = package.tests.iter().filter(|test| match package.name.as_str() {
            VARIANT => true,
            "terminal-core" => test.required_features.iter().any(|feature| feature == "testing"),
            _ => false,
        });
        for test in tests {
            targets.extend(["--test".to_owned(), test.name.clone()]);
        }
        if package.name == VARIANT {
            let of_binary = |name: &String| ["--bin".to_owned(), name.clone()];
            targets.extend(package.binaries.iter().flat_map(of_binary));
        }
    }
    Ok(targets)
}

/// `cargo nextest run`, or `cargo test` where nextest is missing.
pub fn test_command(ws: &Workspace, nextest: bool) -> Command {
    let mut command = ws.cargo();
    if nextest {
        command.args(["nextest", "run"]);
    } else {
        command.args(["test", "--no-fail-fast"]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variants_run_what_the_product_selection_leaves_out_and_nothing_twice() {
        let targets = variant_targets(&Workspace::find().unwrap()).unwrap();
        for wanted in [
            "work_cli",
            "salvage",
            "simulate",
            "killed_before_the_sync",
            "xunge-simulate",
        ] {
            assert!(
                targets.iter().any(|target| target == wanted),
                "{wanted}: {targets:?}"
            );
        }
        // Needs no test code, so the product selection runs it.
        assert!(
            !targets.iter().any(|target| target == "engine_sync"),
            "{targets:?}"
        );
    }
}
