//! The core as a phone loads it (docs/adr/0016, 0017): built small, with the database's cryptography in Rust; its Kotlin
//! and Swift code; its size.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::shell::{self, quiet_stdin};
use crate::symbols;
use crate::workspace::Workspace;

mod aarch64;
mod parts;

pub use aarch64::size as size_aarch64;

/// Compiles SQLCipher for the provider of the crate `sqlcipher-provider`, and without the searches in texts and boxes that
/// no statement of ours uses (275 kB).
const SQLCIPHER: (&str, &str) = (
    "LIBSQLITE3_FLAGS",
    "-DSQLCIPHER_CRYPTO_CUSTOM=xunge_sqlcipher_setup -USQLITE_ENABLE_FTS3 -USQLITE_ENABLE_FTS5 \
     -USQLITE_ENABLE_RTREE",
);
/// A target folder of its own, because SQLite is compiled another way.
const TARGET: &str = "target/phone";
/// Names and exported functions of the core; `strip` leaves only the second.
const LIBRARY: &str = "target/phone/phone/libxunge_core.so";
/// The library without names, as it is packed into an app.
pub const STRIPPED: &str = "target/phone/stripped";
/// What is generated, a folder for each language.
pub const GENERATED: &str = "target/bindings";
/// The most that a phone may load, in bytes.
const MOST_BYTES: u64 = 8_000_000;
/// The most lines of code, without comments and empty lines, that `bindings/src` may have: it holds no logic.
const MOST_LINES: usize = 1_500;

fn cargo(ws: &Workspace) -> Command {
    let mut cargo = ws.cargo();
    cargo.env(SQLCIPHER.0, SQLCIPHER.1);
    cargo.env("CARGO_TARGET_DIR", ws.path(TARGET));
    cargo
}

/// Runs the core's tests on databases that the Rust provider encrypts.
pub fn tests(ws: &Workspace) -> Result<()> {
    let mut cargo = cargo(ws);
    cargo.args(["test", "--quiet", "--package", "terminal-core"]);
    cargo.args(["--features", "rust-cipher"]);
    shell::run(&mut cargo)
}

/// Builds the library of this machine's processor, and strips a copy. Only the `cdylib`: the archive for iOS would be
/// optimised a second time.
pub fn library(ws: &Workspace) -> Result<()> {
    let mut cargo = cargo(ws);
    cargo.args([
        "rustc",
        "--quiet",
        "--profile",
        "phone",
        "--package",
        "bindings",
        "--lib",
    ]);
    cargo.args(["--features", "rust-cipher", "--crate-type", "cdylib"]);
    cargo.args(["--", "-C", "link-arg=-Wl,-z,pack-relative-relocs"]);
    shell::run(&mut cargo)?;
    symbols::innocent(ws, &[ws.path(LIBRARY)])?;
    std::fs::create_dir_all(ws.path(STRIPPED))?;
    let stripped = ws.path(STRIPPED).join("libxunge_core.so");
    let mut strip = ws.command("strip");
    strip
        .args(["--strip-unneeded", "-o"])
        .arg(stripped)
        .arg(ws.path(LIBRARY));
    shell::run(&mut strip)
}

/// Builds the library and writes its Kotlin and Swift code. From the library with names: the description that the
/// generator reads is not in the other.
pub fn bindings(ws: &Workspace) -> Result<()> {
    let lines = lines_of_code(&ws.path("bindings/src"))?;
    ensure!(
        lines <= MOST_LINES,
        "bindings/src has {lines} lines of code, more than {MOST_LINES}: what an app needs is decided in terminal-core"
    );
    library(ws)?;
    let out = ws.path(GENERATED);
    if out.exists() {
        std::fs::remove_dir_all(&out).with_context(|| format!("cannot remove {}", out.display()))?;
    }
    for language in ["kotlin", "swift"] {
        let mut generate = ws.cargo();
        generate.args([
            "run",
            "--quiet",
            "--package",
            "bindings-generator",
            "--",
            "generate",
        ]);
        generate.arg(ws.path(LIBRARY));
        generate.args(["--language", language, "--no-format", "--out-dir"]);
        shell::run(generate.arg(out.join(language)))?;
    }
    println!("bindings: {lines} lines of code; Kotlin and Swift are in {GENERATED}");
    Ok(())
}

/// Prints the ten largest parts of the library and fails if it is too large. Builds it first.
pub fn size(ws: &Workspace) -> Result<()> {
    library(ws)?;
    let full = ws.path(LIBRARY);
    let read = |program: &str, args: &[&str]| -> Result<String> {
        let out = shell::output(quiet_stdin(program).args(args).arg(&full))?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    };
    let sections = read("readelf", &["--wide", "--sections"])?;
    let symbols = read("nm", &["--print-size", "--defined-only", "--demangle"])?;
    let parts = parts::of(&sections, &symbols);
    ensure!(!parts.is_empty(), "the library has no sections");
    for (name, bytes) in parts.iter().take(10) {
        println!("size: {bytes:>9}  {name}");
    }
    let file = ws.path(STRIPPED).join("libxunge_core.so");
    let bytes = std::fs::metadata(&file)
        .with_context(|| format!("no {}", file.display()))?
        .len();
    println!("size: {bytes:>9}  the stripped library, of at most {MOST_BYTES}");
    ensure!(
        bytes <= MOST_BYTES,
        "the library of a phone is too large: {bytes} bytes"
    );
    Ok(())
}

/// Lines that are neither empty nor a comment, in all Rust files of a folder.
fn lines_of_code(folder: &Path) -> Result<usize> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    let files: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    let mut lines = 0;
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "rs"))
    {
        lines += std::fs::read_to_string(file)?
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.is_empty() && !line.starts_with("//"))
            .count();
    }
    Ok(lines)
}
