//! Runs the three checks and prints what they found.

use std::path::Path;

use anyhow::{Result, bail};

use super::order::{ROOMS, WITHOUT_ORDER};
use super::rooms::{self, RoomFindings};
use super::{crates, tables};
use crate::workspace::Workspace;

/// Fails with every fault at once.
pub fn run(ws: &Workspace) -> Result<()> {
    let mut faults = crates::faults(ws)?;
    let ordered = ROOMS.iter().map(|(name, order)| (*name, Some(*order)));
    let (mut upward, mut cycles) = (0, 0);
    for (name, order) in ordered.chain(WITHOUT_ORDER.iter().map(|name| (*name, None))) {
        let found = rooms::judge(&ws.path(name).join("src"), name, order)?;
        print(name, order, &found);
        upward += found.upward.len();
        cycles += found.cycles.len();
        faults.extend(found.faults().cloned());
    }
    faults.extend(tables_of(ws.root())?);
    println!("arrows: {upward} upward, {cycles} cycles");
    if faults.is_empty() {
        return Ok(());
    }
    for fault in &faults {
        eprintln!("arrows: {fault}");
    }
    bail!(
        "{} forbidden (crates: xtask/src/arrows/crates.rs, rooms: order.rs, tables: tables.rs there)",
        faults.len()
    );
}

fn print(name: &str, order: Option<&[&str]>, found: &RoomFindings) {
    let arrows: usize = found.arrows.values().map(std::collections::BTreeSet::len).sum();
    for room in order.unwrap_or_default() {
        if let Some(used) = found.arrows.get(*room) {
            let used: Vec<&str> = used.iter().map(String::as_str).collect();
            println!(
                "   {name}: {room} -> {}",
                if used.is_empty() {
                    "none".to_owned()
                } else {
                    used.join(", ")
                }
            );
        }
    }
    let upward = order.map_or_else(String::new, |_| format!(", {} upward", found.upward.len()));
    println!(
        "arrows: {name}: {} rooms, {arrows} arrows{upward}, {} cycles (largest: {} files)",
        found.arrows.len(),
        found.cycles.len(),
        found.knot
    );
}

fn tables_of(root: &Path) -> Result<Vec<String>> {
    let found = tables::judge(&root.join("server/src"))?;
    println!(
        "arrows: server: {} tables, {} written by more than one room",
        found.tables, found.shared
    );
    Ok(found.faults)
}
