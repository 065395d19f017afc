//! Every crate that goes into a program, with the features of that program alone. `cargo metadata` unifies features
//! over the whole workspace and would name crates that only tests link, so the list comes from `cargo tree`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::artefacts::Artefact;
use crate::shell::{self, quiet_stdin};
use crate::workspace::Workspace;

/// Name and version.
pub type CrateId = (String, String);

/// One crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// Not linked: needed while the program is built (build scripts, procedural macros).
    pub build_only: bool,
    pub depends_on: BTreeSet<CrateId>,
}

/// What is known of a crate besides its place in the tree.
#[derive(Debug, Clone)]
pub struct Facts {
    pub licence: String,
    pub folder: PathBuf,
    pub repository: Option<String>,
    /// One of ours.
    pub member: bool,
    /// SHA-256 of the archive on crates.io, as the lock has it.
    pub checksum: Option<String>,
}

pub type Closure = BTreeMap<CrateId, Linked>;

/// The crates of an artefact, the artefact itself included.
pub fn of(ws: &Workspace, artefact: &Artefact, host: &str) -> Result<Closure> {
    let tree = |edges: &str| -> Result<Closure> {
        let mut cargo = ws.cargo();
        cargo
            .args(["tree", "--locked", "--target", host, "--edges", edges])
            .args(["--prefix", "depth", "--format", "\t{p}"])
            .args(artefact.selection());
        parse(&String::from_utf8(shell::output(&mut cargo)?).context("cargo tree is not UTF-8")?)
    };
    let linked = tree("normal,no-proc-macro")?;
    let mut all = tree("normal,build")?;
    for (id, krate) in &mut all {
        krate.build_only = !linked.contains_key(id);
    }
    Ok(all)
}

/// The host's target triple.
pub fn host() -> Result<String> {
    let out = shell::output(quiet_stdin("rustc").arg("-vV"))?;
    let text = String::from_utf8_lossy(&out).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc names no host")?.to_owned())
}

/// Facts of every crate that the workspace may link on this host.
pub fn facts(ws: &Workspace, host: &str) -> Result<BTreeMap<CrateId, Facts>> {
    let mut cargo = ws.cargo();
    cargo.args([
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--filter-platform",
        host,
    ]);
    let metadata: Value =
        serde_json::from_slice(&shell::output(&mut cargo)?).context("cargo metadata is not JSON")?;
    let lock = std::fs::read_to_string(ws.path("Cargo.lock")).context("cannot read Cargo.lock")?;
    let checksums = checksums(&lock);
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .context("cargo metadata names no package")?;
    let mut facts = BTreeMap::new();
    for package in packages {
        let text = |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
        let id = (
            text("name").unwrap_or_default(),
            text("version").unwrap_or_default(),
        );
        let manifest = PathBuf::from(text("manifest_path").unwrap_or_default());
        let known = Facts {
            licence: text("license").unwrap_or_default(),
            folder: manifest
                .parent()
                .context("a manifest without a folder")?
                .to_path_buf(),
            repository: text("repository"),
            member: text("source").is_none(),
            checksum: checksums.get(&id).cloned(),
        };
        facts.insert(id, known);
    }
    Ok(facts)
}

/// `0\tserver v0.1.0 (…)`, `1\tserde v1.0.228 (*)`: depth, crate, and a mark where the crate's own tree stands
/// elsewhere.
fn parse(tree: &str) -> Result<Closure> {
    let mut closure = Closure::new();
    let mut above: Vec<CrateId> = Vec::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        // Groups such as `[build-dependencies]` are named in lines without a depth.
        let Some((depth, shown)) = line.split_once('\t') else {
            continue;
        };
        let depth: usize = depth
            .parse()
            .with_context(|| format!("cargo tree: no depth in `{line}`"))?;
        let mut words = shown.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let version = version
            .strip_prefix('v')
            .with_context(|| format!("cargo tree: no version in `{line}`"))?;
        let id = (name.to_owned(), version.to_owned());
        ensure!(depth <= above.len(), "cargo tree: `{line}` hangs below nothing");
        above.truncate(depth);
        if let Some(parent) = above.last().and_then(|parent| closure.get_mut(parent)) {
            parent.depends_on.insert(id.clone());
        }
        closure.entry(id.clone()).or_insert_with(|| Linked {
            build_only: false,
            depends_on: BTreeSet::new(),
        });
        above.push(id);
    }
    ensure!(!closure.is_empty(), "cargo tree names no crate");
    Ok(closure)
}

fn checksums(lock: &str) -> BTreeMap<CrateId, String> {
    let value = |block: &str, key: &str| {
        let line = block
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key} = \"")).map(str::to_owned));
        line.map(|line| line.trim_end_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]").filter_map(|block| {
        let id = (value(block, "name")?, value(block, "version")?);
        Some((id, value(block, "checksum")?))
    });
    blocks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> CrateId {
        (name.to_owned(), "1.0.0".to_owned())
    }

    #[test]
    fn the_tree_gives_crates_and_who_needs_whom() {
        let tree = "0\tserver v1.0.0 (/tree/server)\n1\taxum v1.0.0\n2\tbytes v1.0.0\n[build-dependencies]\n2\tcc v1.0.0\n1\tbytes v1.0.0 (*)\n";
        let closure = parse(tree).unwrap();
        assert_eq!(closure.len(), 4);
        assert_eq!(
            closure[&id("server")].depends_on,
            BTreeSet::from([id("axum"), id("bytes")])
        );
        assert_eq!(
            closure[&id("axum")].depends_on,
            BTreeSet::from([id("bytes"), id("cc")])
        );
        assert!(parse("").is_err());
    }

    #[test]
    fn checksums_come_from_the_lock() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"x\"\nchecksum = \"ab\"\n\n[[package]]\nname = \"own\"\nversion = \"1.0.0\"\n";
        assert_eq!(checksums(lock), BTreeMap::from([(id("a"), "ab".to_owned())]));
    }
}
