//! The workspace as cargo reports it: its folder, its packages, their dependencies, binaries and tests.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::shell;

/// Folder of the pinned tools (a Python environment), inside the tree.
pub const TOOLS: &str = ".venv-tools";

/// One member of the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub dependencies: Vec<Dependency>,
    pub binaries: Vec<String>,
    pub tests: Vec<TestTarget>,
}

/// One test binary of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestTarget {
    pub name: String,
    pub required_features: Vec<String>,
}

/// One dependency a member's manifest names, whatever its kind (normal, build or dev).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The package's own name, also where the manifest renames it.
    pub name: String,
    /// `normal`, `build` or `dev`.
    pub kind: String,
}

/// The root folder of the project. Only tasks that need cargo's metadata ask for it, to keep the others quick.
#[derive(Clone)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The tree that `cargo run` was called in, not the one this program was compiled in: a binary in a shared target
    /// directory must not check another clone.
    pub fn find() -> Result<Self> {
        let manifest =
            std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&manifest)
            .parent()
            .context("xtask is outside of a workspace")?;
        Ok(Self {
            root: root.to_path_buf(),
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// A program that runs in the root, with the pinned tools first on PATH.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.prepared(shell::quiet_stdin(program))
    }

    /// Cargo, in the root, with the pinned subcommands on PATH.
    pub fn cargo(&self) -> Command {
        self.prepared(shell::cargo())
    }

    pub fn packages(&self) -> Result<Vec<Package>> {
        Ok(packages_of(&self.metadata()?))
    }

    /// The file `cargo build` writes a binary to. `profile` is the folder: `debug` or `release`.
    pub fn binary(&self, profile: &str, name: &str) -> Result<PathBuf> {
        let metadata = self.metadata()?;
        let target = metadata.get("target_directory").and_then(Value::as_str);
        Ok(
            Path::new(target.context("cargo metadata names no target directory")?)
                .join(profile)
                .join(name),
        )
    }

    fn prepared(&self, mut command: Command) -> Command {
        command
            .current_dir(&self.root)
            .env("PATH", path_with_tools(&self.root));
        command
    }

    fn metadata(&self) -> Result<Value> {
        let json = shell::output(
            self.cargo()
                .args(["metadata", "--format-version", "1", "--no-deps"]),
        )?;
        serde_json::from_slice(&json).context("cargo metadata is not JSON")
    }
}

/// PATH with the pinned tools first.
fn path_with_tools(root: &Path) -> OsString {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(root.join(TOOLS).join("bin")).chain(std::env::split_paths(&old));
    std::env::join_paths(dirs).unwrap_or(old)
}

fn packages_of(metadata: &Value) -> Vec<Package> {
    list(metadata, "packages").map(package_of).collect()
}

fn package_of(package: &Value) -> Package {
    let dependencies = list(package, "dependencies").map(|dependency| Dependency {
        name: text(dependency, "name"),
        kind: dependency
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or("normal")
            .to_owned(),
    });
    let of_kind = |wanted: &'static str| {
        list(package, "targets")
            .filter(move |target| list(target, "kind").any(|kind| kind.as_str() == Some(wanted)))
    };
    let test = |target: &Value| TestTarget {
        name: text(target, "name"),
        required_features: list(target, "required-features")
            .filter_map(|feature| feature.as_str().map(str::to_owned))
            .collect(),
    };
    Package {
        name: text(package, "name"),
        dependencies: dependencies.collect(),
        binaries: of_kind("bin").map(|target| text(target, "name")).collect(),
        tests: of_kind("test").map(test).collect(),
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_carry_their_dependencies_of_every_kind_their_binaries_and_tests() {
        let metadata = serde_json::json!({ "packages": [{
            "name": "server",
            "dependencies": [{ "name": "protocol", "kind": null }, { "name": "grid", "kind": "dev", "rename": "g" }],
            "targets": [{ "name": "server", "kind": ["lib"] }, { "name": "xunge-server", "kind": ["bin"] },
                { "name": "blobs", "kind": ["test"], "required-features": ["s3"] }],
        }]});
        let expected = Package {
            name: "server".into(),
            dependencies: vec![
                Dependency {
                    name: "protocol".into(),
                    kind: "normal".into(),
                },
                Dependency {
                    name: "grid".into(),
                    kind: "dev".into(),
                },
            ],
            binaries: vec!["xunge-server".into()],
            tests: vec![TestTarget {
                name: "blobs".into(),
                required_features: vec!["s3".into()],
            }],
        };
        assert_eq!(packages_of(&metadata), [expected]);
    }
}
