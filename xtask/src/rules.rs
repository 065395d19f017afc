//! `cargo xtask rules`: the rules of the product, found by their id.
//!
//! `docs/rules.md` is the list. This task reads the list and the sources and prints for each id the places in the code,
//! the refusal codes and the tests. It fails for a rule that has neither a test nor the mark `later`, for an id that a
//! source uses and the list lacks, for a failure story without its test, and for a refusal code that does not exist.
//!
//! A test carries an id in its name (`sp_07_…`, `t14_…`, `story_17_…`, `law_1_…`) or in its doc comment
//! (`/// Rule: SP-07`).

mod book;
mod id;
mod judge;
mod scan;

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, bail};

use crate::files;
use crate::workspace::Workspace;
use book::Book;
use judge::Findings;
use scan::ScannedFile;

/// The list of the rules.
const LIST: &str = "docs/rules.md";
/// The file or folder of the registry of problem codes, which must hold each refusal code of the list.
const CODES: &str = "protocol/src/problem";

/// Prints the rules named in `only` (all rules if it is empty), then every fault; an error if there is a fault.
pub fn run(ws: &Workspace, only: &[String]) -> Result<()> {
    let findings = read(ws)?;
    let wanted = only
        .iter()
        .map(|text| {
            id::parse(text)
                .ok_or_else(|| anyhow!("`{text}` is no rule id: write SP-07, T14, story 17 or law 1"))
        })
        .collect::<Result<Vec<_>>>()?;
    print!("{}", findings.report(&wanted));
    conclude(&findings)
}

/// The stage of the gate: prints faults only.
pub fn check(ws: &Workspace) -> Result<()> {
    conclude(&read(ws)?)
}

fn read(ws: &Workspace) -> Result<Findings> {
    let text = files::text_of(ws, LIST);
    let book =
        Book::parse(&text).map_err(|faults| anyhow!("{LIST} cannot be read:\n{}", faults.join("\n")))?;
    let mut sources: Vec<ScannedFile> = Vec::new();
    let mut codes = BTreeSet::new();
    for path in files::tracked(ws, &["*.rs", "*.sql", "*.md"])? {
        let text = files::text_of(ws, &path);
        if path.starts_with(CODES) {
            codes.extend(scan::problem_codes(&text));
        }
        if path != LIST && !path.starts_with("xtask/src/rules") {
            sources.push(scan::source(&path, &text));
        }
    }
    Ok(Findings::new(book, &sources, &codes))
}

fn conclude(findings: &Findings) -> Result<()> {
    println!("{}", findings.summary());
    if findings.faults.is_empty() {
        return Ok(());
    }
    bail!("{}", findings.faults.join("\n"))
}
