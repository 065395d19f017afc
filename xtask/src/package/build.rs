//! Builds the programs of a release: one command for each, so that neither gets features that only the other asks for,
//! in a target folder of their own, without a path of this machine in them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::artefacts::{ARTEFACTS, Artefact};
use crate::shell::{self, quiet_stdin};
use crate::symbols;
use crate::workspace::Workspace;

/// Folder below the target folder, so that other builds and this one do not replace each other's files.
const FOLDER: &str = "package";
/// What the programs hold in place of the root of the tree, cargo's home and the toolchain.
const ROOT_SHOWN: &str = "/xunge";
const CARGO_SHOWN: &str = "/cargo";
const RUST_SHOWN: &str = "/rust";
/// Separates arguments in `CARGO_ENCODED_RUSTFLAGS`.
const UNIT_SEPARATOR: &str = "\u{1f}";

/// Builds every artefact and checks it. `fresh` removes what an earlier build left.
pub fn build(ws: &Workspace, epoch: u64, fresh: bool) -> Result<Vec<PathBuf>> {
    let target = ws.binary(FOLDER, "")?;
    if fresh && target.exists() {
        std::fs::remove_dir_all(&target).with_context(|| format!("cannot remove {}", target.display()))?;
    }
    let hidden = hidden_paths(ws)?;
    let mut files = Vec::new();
    for artefact in ARTEFACTS {
        compile(ws, artefact, &target, &hidden, epoch)?;
        files.push(target.join("release").join(artefact.program));
    }
    symbols::innocent(ws, &files)?;
    for file in &files {
        without_paths(file, &hidden)?;
    }
    Ok(files)
}

fn compile(
    ws: &Workspace,
    artefact: &Artefact,
    target: &Path,
    hidden: &[(String, &str)],
    epoch: u64,
) -> Result<()> {
    let map = |flag: &str, separator: &str| {
        let flags: Vec<String> = hidden
            .iter()
            .map(|(path, shown)| format!("{flag}{path}={shown}"))
            .collect();
        flags.join(separator)
    };
    let mut cargo = ws.cargo();
    cargo
        .args(["build", "--release", "--locked", "--bin", artefact.program])
        .args(artefact.selection())
        .arg("--target-dir")
        .arg(target);
    // Rust's paths come from `file!` and panics, those of C from `__FILE__`.
    cargo
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            map("--remap-path-prefix=", UNIT_SEPARATOR),
        )
        .env("CFLAGS", map("-ffile-prefix-map=", " "))
        .env("CARGO_INCREMENTAL", "0")
        .env("SOURCE_DATE_EPOCH", epoch.to_string())
        .env_remove("RUSTFLAGS");
    shell::run(&mut cargo)
}

/// Folders of this machine and what is written in their place.
fn hidden_paths(ws: &Workspace) -> Result<Vec<(String, &'static str)>> {
    let home =
        std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    let root = ws
        .root()
        .to_str()
        .context("the tree lies in a folder whose name is not UTF-8")?;
    // Generic code of the standard library names its source where the component rust-src is installed.
    let sysroot = shell::output(ws.command("rustc").args(["--print", "sysroot"]))?;
    let sysroot =
        String::from_utf8(sysroot).context("the toolchain lies in a folder whose name is not UTF-8")?;
    let paths = vec![
        (root.to_owned(), ROOT_SHOWN),
        (home, CARGO_SHOWN),
        (sysroot.trim().to_owned(), RUST_SHOWN),
    ];
    // A flag holds one path after another, separated by spaces for C.
    for (path, _) in &paths {
        ensure!(
            !path.contains([' ', '=']),
            "a release cannot be built in {path}: it holds a space or `=`"
        );
    }
    Ok(paths)
}

fn without_paths(file: &Path, hidden: &[(String, &str)]) -> Result<()> {
    let mut grep = quiet_stdin("grep");
    grep.env("LC_ALL", "C")
        .args(["--text", "--only-matching", "--max-count=3"]);
    for (path, _) in hidden {
        // With what follows, so that the message names the source file.
        let quoted: String = path
            .chars()
            .flat_map(|c| if c == '.' { vec!['\\', c] } else { vec![c] })
            .collect();
        grep.arg("-e").arg(format!("{quoted}/[[:alnum:]_./-]*"));
    }
    let out = grep.arg("--").arg(file).output().context("cannot start grep")?;
    match out.status.code() {
        Some(1) => Ok(()),
        Some(0) => bail!(
            "{} holds paths of this machine:\n{}",
            file.display(),
            String::from_utf8_lossy(&out.stdout)
        ),
        _ => bail!("grep failed on {}", file.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_machine_in_a_program_is_found() {
        let file = std::env::temp_dir().join(format!("xtask-paths-{}", std::process::id()));
        let hidden = [("/somewhere/.cargo".to_owned(), CARGO_SHOWN)];
        std::fs::write(&file, b"\0\xff/somewhere/.cargo/registry/x.rs\0").unwrap();
        let error = without_paths(&file, &hidden).unwrap_err().to_string();
        assert!(error.contains("/somewhere/.cargo/registry/x.rs"), "{error}");
        std::fs::write(&file, b"\0/cargo/registry/x.rs /somewhere/xcargo/\0").unwrap();
        without_paths(&file, &hidden).unwrap();
        std::fs::remove_file(&file).unwrap();
    }
}
