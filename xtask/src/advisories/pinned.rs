//! What the stage reads: the copy of advisories with its lists, and the lock files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use jiff::civil::Date;
use rustsec::advisory::{Advisory, Id};
use rustsec::package::Name;
use rustsec::{Database, Lockfile, Version};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::files;
use crate::workspace::Workspace;

/// Where the copy is.
pub const FOLDER: &str = "xtask/advisories";
/// Names of crates whose advisories are in the copy, sorted; most crates have none.
pub const LOOKED_UP: &str = "looked-up.txt";
/// Advisories that touch a locked version and are accepted, each with its reason.
pub const ACCEPTED: &str = "accepted.toml";
/// How old the copy is.
const COPY: &str = "copy.toml";

/// The copy and its lists.
pub struct Pinned {
    pub advisories: Vec<Advisory>,
    pub looked_up: BTreeSet<Name>,
    pub accepted: Vec<Accepted>,
    pub copy: Age,
}

/// An advisory that touches a locked version and is accepted for now.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    pub id: Id,
    /// Why the advisory does no harm here, or why nothing can be done yet.
    pub reason: String,
    /// The day on which somebody looks again.
    pub look_again: Date,
}

/// How old the copy is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Age {
    /// The day on which the copy was taken.
    pub taken: Date,
    /// The newest advisory, of any crate, that the source held on that day.
    pub newest: Id,
    /// The day on which `newest` was published. The source may have been older than the day on which it was read, so
    /// nothing later is promised.
    pub reaches: Date,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcceptedFile {
    #[serde(default)]
    accepted: Vec<Accepted>,
}

/// Each crate and version that a lock file takes from a registry, with the lock files that name it.
pub type Locked = BTreeMap<(Name, Version), BTreeSet<String>>;

impl Pinned {
    /// # Errors
    /// A file that is missing or cannot be read, an advisory in a folder or file that does not bear its name, a list of
    /// names that is not sorted, and an advisory of a crate that the list lacks.
    pub fn open(folder: &Path) -> Result<Self> {
        let database = Database::open(folder).context("the copy of advisories")?;
        let file: AcceptedFile = read(&folder.join(ACCEPTED))?;
        let names = std::fs::read_to_string(folder.join(LOOKED_UP)).context(LOOKED_UP)?;
        let pinned = Self {
            advisories: database.iter().cloned().collect(),
            looked_up: looked_up(&names)?,
            accepted: file.accepted,
            copy: read(&folder.join(COPY))?,
        };
        for advisory in &pinned.advisories {
            let name = &advisory.metadata.package;
            ensure!(
                pinned.looked_up.contains(name),
                "{} is in the copy, but `{name}` is not in {LOOKED_UP}",
                advisory.id()
            );
        }
        ensure!(!pinned.advisories.is_empty(), "the copy holds no advisory");
        Ok(pinned)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// One name in each line. Sorted, so that a change shows in one line and nothing stands twice.
pub fn looked_up(text: &str) -> Result<BTreeSet<Name>> {
    let lines: Vec<&str> = text.lines().collect();
    ensure!(
        lines.is_sorted_by(|a, b| a < b),
        "{LOOKED_UP} is not sorted, or holds a name twice"
    );
    lines
        .into_iter()
        .map(|line| line.parse().with_context(|| format!("{LOOKED_UP}: `{line}`")))
        .collect()
}

/// Reads every lock file of the tree. The tree's own packages come from no registry and are left out.
///
/// # Errors
/// No lock file, or one that cannot be read.
pub fn locked(ws: &Workspace) -> Result<Locked> {
    let mut locked = Locked::new();
    for lock in files::tracked(ws, &["Cargo.lock", "*/Cargo.lock"])? {
        let file = Lockfile::load(ws.path(&lock)).with_context(|| lock.clone())?;
        for package in file
            .packages
            .into_iter()
            .filter(|package| package.source.is_some())
        {
            locked
                .entry((package.name, package.version))
                .or_default()
                .insert(lock.clone());
        }
    }
    ensure!(!locked.is_empty(), "no lock file names a crate of a registry");
    Ok(locked)
}
