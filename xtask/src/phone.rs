//! The core as a phone loads it: the database's cryptography in Rust, no OpenSSL (docs/adr/0016).

use anyhow::Result;

use crate::shell;
use crate::workspace::Workspace;

/// Compiles SQLCipher for the provider of the crate `sqlcipher-provider`.
const SQLCIPHER: (&str, &str) = (
    "LIBSQLITE3_FLAGS",
    "-DSQLCIPHER_CRYPTO_CUSTOM=xunge_sqlcipher_setup",
);

/// Runs the core's tests on databases that the Rust provider encrypts. In a target folder of its own, because SQLite is
/// compiled another way.
pub fn tests(ws: &Workspace) -> Result<()> {
    let mut cargo = ws.cargo();
    cargo.env(SQLCIPHER.0, SQLCIPHER.1);
    cargo.env("CARGO_TARGET_DIR", ws.path("target/phone"));
    cargo.args(["test", "--quiet", "--package", "terminal-core"]);
    cargo.args(["--features", "rust-cipher"]);
    shell::run(&mut cargo)
}
