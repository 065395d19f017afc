//! The stage `advisories`: a pinned part of the RustSec database, held against every lock file of the tree.
//!
//! It needs no network, so that a build machine decides as a developer's does. It fails for a locked version that an
//! advisory touches and `accepted.toml` does not accept, for an acceptance that has no object any more, and for a locked
//! crate that nobody has looked up. It says in words when the copy is old: an old copy finds nothing new.
//! `xtask/advisories/README.md` says what the copy is and how it is renewed.

mod judge;
mod pinned;

use anyhow::{Result, bail};

use crate::clock;
use crate::workspace::Workspace;
use pinned::Pinned;

/// The stage of the gate: prints what is accepted and how old the copy is; an error if there is a fault.
pub fn check(ws: &Workspace) -> Result<()> {
    let pinned = Pinned::open(&ws.path(pinned::FOLDER))?;
    let locked = pinned::locked(ws)?;
    let verdict = judge::judge(&pinned, &locked, clock::today()?);
    println!("{}", verdict.summary);
    for line in &verdict.notes {
        println!("{line}");
    }
    if verdict.faults.is_empty() {
        return Ok(());
    }
    bail!("{}", verdict.faults.join("\n"))
}
