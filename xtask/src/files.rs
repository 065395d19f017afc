//! Checks on the files of the tree themselves: rooms that grew too long, and words that belong to one machine.

use std::path::Path;

use anyhow::{Result, bail};

use crate::shell;
use crate::workspace::Workspace;

/// A file is a room with one purpose; over this many lines it is worth asking whether it has two.
const LONG: usize = 500;

/// Paths that exist on the machine something was written on and nowhere else. In two halves, so that this list
/// does not find itself.
const FOREIGN: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("/tm", "p/w/"),
    ("/Us", "ers/"),
    ("../sh", "ared/"),
    (".lib", "rary/"),
];

/// Reports long files without failing: length is a question, not an error.
pub fn lengths(ws: &Workspace) -> Result<()> {
    let mut long: Vec<(usize, String)> = Vec::new();
    for name in tracked(ws, &["*.rs"])? {
        let lines = text_of(ws, &name).lines().count();
        if lines > LONG {
            long.push((lines, name));
        }
    }
    long.sort_by(|a, b| b.cmp(a));
    for (lines, name) in &long {
        println!("warning: {name} has {lines} lines (over {LONG}): has it more than one purpose?");
    }
    println!("lengths: {} files over {LONG} lines", long.len());
    Ok(())
}

/// Fails when a file of the project names a place that only one machine has.
pub fn foreign_paths(ws: &Workspace) -> Result<()> {
    let mut found = Vec::new();
    for name in tracked(ws, &[])? {
        let text = text_of(ws, &name);
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(word) = foreign_word(line) {
                found.push(format!("{name}:{number}: `{word}`"));
            }
        }
    }
    if !found.is_empty() {
        bail!("paths of one machine in the project:\n{}", found.join("\n"));
    }
    Ok(())
}

/// A foreign path counts where a path begins; `docs/work/plan.md` is nobody's machine.
fn foreign_word(line: &str) -> Option<String> {
    FOREIGN
        .iter()
        .map(|(head, tail)| format!("{head}{tail}"))
        .find(|word| {
            let begins = |(at, _): (usize, &str)| {
                let before = line.get(..at).and_then(|text| text.chars().next_back());
                !before.is_some_and(|c| c.is_alphanumeric() || "-_.".contains(c))
            };
            line.match_indices(word.as_str()).any(begins)
        })
}

/// The files git knows or would take, so that a new file is judged before it is committed.
fn tracked(ws: &Workspace, patterns: &[&str]) -> Result<Vec<String>> {
    let mut git = ws.command("git");
    // In a build container the clone may belong to another user; we only list names.
    git.args([
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
    ]);
    let out = shell::output(git.args(patterns))?;
    let names = String::from_utf8_lossy(&out).into_owned();
    let names: Vec<String> = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        bail!("git lists no file: nothing can be checked");
    }
    Ok(names)
}

/// The text of a file; binary files and those deleted but still listed count as empty.
fn text_of(ws: &Workspace, name: &str) -> String {
    std::fs::read_to_string(ws.root().join(Path::new(name))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_one_machine_is_found_where_a_path_begins() {
        let (head, tail) = FOREIGN[0];
        assert!(foreign_word(&format!("see {head}{tail}notes")).is_some());
        assert!(foreign_word(&format!("`{head}{tail}x`")).is_some());
        assert!(foreign_word(&format!("docs{head}{tail}plan.md")).is_none());
        assert!(foreign_word("a plain line about work").is_none());
    }
}
