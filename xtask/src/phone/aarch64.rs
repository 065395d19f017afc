//! The size of the library for the processor that phones have. No Android toolchain can be had from the registries, so it
//! is built for Linux on aarch64, by the compiler of Debian forky in a folder of its own: code and data are the same, the
//! system's libraries are not part of it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{MOST_BYTES, SQLCIPHER};
use crate::needs::For;
use crate::workspace::Workspace;
use crate::{setup, shell};

/// The system that compiles, and what it wrote. About 2 GB.
const FOLDER: &str = "target/aarch64";
const TRIPLE: &str = "aarch64-unknown-linux-gnu";
const PACKAGES: &str = "rustc,cargo,libstd-rust-dev:arm64,gcc,libc6-dev,gcc-aarch64-linux-gnu,binutils-aarch64-linux-gnu,\
                        libc6-dev-arm64-cross";

/// Builds the library and prints its size. Needs root, and the Debian mirror that apt uses.
pub fn size(ws: &Workspace) -> Result<()> {
    setup::system(For::Phone)?;
    let root = ws.path(FOLDER).join("root");
    if !root.join("usr/bin/rustc").exists() {
        system(ws, &root)?;
    }
    build(ws, &root)?;
    let built = ws
        .path(FOLDER)
        .join("out")
        .join(TRIPLE)
        .join("phone/libxunge_core.so");
    let stripped = ws.path(FOLDER).join("libxunge_core.so");
    std::fs::copy(&built, &stripped).with_context(|| format!("no {}", built.display()))?;
    let mut strip = inside(&root);
    strip.arg("--bind").arg(ws.path(FOLDER)).arg("/out");
    strip.args([
        "aarch64-linux-gnu-strip",
        "--strip-unneeded",
        "/out/libxunge_core.so",
    ]);
    shell::run(&mut strip)?;
    let bytes = std::fs::metadata(&stripped)?.len();
    println!("size: {bytes:>9}  the stripped library for aarch64, of at most {MOST_BYTES}");
    ensure!(
        bytes <= MOST_BYTES,
        "the library for aarch64 is too large: {bytes} bytes"
    );
    Ok(())
}

/// Makes the system that compiles, from the mirror of this machine's own packages.
fn system(ws: &Workspace, root: &Path) -> Result<()> {
    let mut targets = ws.command("apt-get");
    targets.args([
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
        "Component: main",
    ]);
    let mirrors = shell::output(&mut targets)?;
    let mirrors = String::from_utf8_lossy(&mirrors).into_owned();
    let mirror = mirrors
        .lines()
        .next()
        .context("apt names no mirror; run apt-get update")?;
    std::fs::create_dir_all(ws.path(FOLDER))?;
    let mut make = ws.command("mmdebstrap");
    make.args([
        "--quiet",
        "--mode=root",
        "--variant=apt",
        "--architectures=amd64,arm64",
    ]);
    // A snapshot of a mirror may be older than its list allows.
    make.args([
        "--aptopt=Acquire::Check-Valid-Until \"false\"",
        &format!("--include={PACKAGES}"),
        "forky",
    ]);
    shell::run(make.arg(root).arg(mirror)).context("mmdebstrap, as root")
}

fn build(ws: &Workspace, root: &Path) -> Result<()> {
    let out = ws.path(FOLDER).join("out");
    // The library asks the linker for libcrypto and uses none of it: an empty archive proves that.
    std::fs::create_dir_all(out.join("stub"))?;
    let mut archive = inside(root);
    archive.arg("--bind").arg(&out).arg("/out");
    shell::run(archive.args(["aarch64-linux-gnu-ar", "cr", "/out/stub/libcrypto.a"]))?;
    let cargo_home = ws.path(FOLDER).join("cargo");
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))?;
    for folder in [&out, &cargo_home.join("registry")] {
        std::fs::create_dir_all(folder)?;
    }
    let mut cargo = inside(root);
    cargo.arg("--ro-bind").arg(ws.path("")).arg("/src");
    cargo.arg("--bind").arg(&out).arg("/out");
    cargo.arg("--bind").arg(&cargo_home).arg("/cargo");
    cargo.args([
        "--ro-bind",
        &format!("{home}/registry"),
        "/cargo/registry",
        "--chdir",
        "/src",
    ]);
    for (name, value) in [
        ("CARGO_HOME", "/cargo"),
        ("CARGO_TARGET_DIR", "/out"),
        (
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            "aarch64-linux-gnu-gcc",
        ),
        ("CC_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-gcc"),
        ("AR_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-ar"),
        SQLCIPHER,
    ] {
        cargo.args(["--setenv", name, value]);
    }
    cargo.args([
        "cargo",
        "rustc",
        "--quiet",
        "--offline",
        "--locked",
        "--profile",
        "phone",
        "--package",
        "bindings",
    ]);
    cargo.args([
        "--lib",
        "--target",
        TRIPLE,
        "--features",
        "rust-cipher",
        "--crate-type",
        "cdylib",
    ]);
    cargo.args([
        "--",
        "-C",
        "link-arg=-Wl,-z,pack-relative-relocs",
        "-C",
        "link-arg=-L/out/stub",
    ]);
    shell::run(&mut cargo)
}

/// A program inside the other system, with nothing of this one but what is bound afterwards. The binds end with it.
fn inside(root: &Path) -> Command {
    let mut bwrap = shell::quiet_stdin("bwrap");
    bwrap.arg("--bind").arg(root).arg("/");
    bwrap.args([
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "--tmpfs",
        "/tmp",
        "--unshare-net",
        "--clearenv",
    ]);
    bwrap.args(["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/tmp"]);
    bwrap
}
