//! Checks on the files of the tree: source files that are too long, and paths that exist on one machine only.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};

use crate::shell;
use crate::workspace::Workspace;

/// A file has one purpose. One with more lines than this has two, or states its reason in its first lines.
const LONG: usize = 500;
/// Begins the reason, in a comment.
const REASON: &str = "Over 500 lines: ";
/// Lines in which the reason must begin.
const FIRST_LINES: usize = 12;
/// A shorter text than this is no reason.
const SHORTEST_REASON: usize = 20;
/// Endings of source code. Data, snapshots, documents and generated files may be long.
const CODE: &[&str] = &[
    "*.rs", "*.c", "*.go", "*.h", "*.py", "*.mjs", "*.js", "*.ts", "*.sh", "*.sql", "*.kt", "*.swift",
];

/// The crates of the product, whose type names a search finds once.
const PRODUCT: &[&str] = &[
    "protocol/src/",
    "grid/src/",
    "media/src/",
    "sqlcipher-provider/src/",
    "terminal-core/src/",
    "server/src/",
];

/// Folders that exist only on the machine where a file was written. In two halves, so that this list does not find
/// itself.
const FOREIGN: &[(&str, &str)] = &[
    ("/wo", "rk/"),
    ("/tm", "p/w/"),
    ("/Us", "ers/"),
    ("../sh", "ared/"),
    (".lib", "rary/"),
];

/// Fails when a source file has over 500 lines and no reason in its first lines.
pub fn lengths(ws: &Workspace) -> Result<()> {
    let (mut checked, mut long, mut faults) = (0, 0, Vec::new());
    for name in tracked(ws, CODE)? {
        let text = text_of(ws, &name);
        let lines = text.lines().count();
        checked += 1;
        if lines > LONG {
            long += 1;
            if !has_reason(&text) {
                faults.push((lines, name));
            }
        }
    }
    println!("lengths: {checked} source files, {long} over {LONG} lines");
    faults.sort_by(|a, b| b.cmp(a));
    if !faults.is_empty() {
        let list: Vec<String> = faults
            .iter()
            .map(|(lines, name)| format!("  {name}: {lines} lines"))
            .collect();
        bail!(
            "split them, or say why not in the first {FIRST_LINES} lines (`{REASON}…`):\n{}",
            list.join("\n")
        );
    }
    Ok(())
}

fn has_reason(text: &str) -> bool {
    let reason = |line: &str| {
        line.split_once(REASON)
            .map(|(_, reason)| reason.trim().chars().count())
    };
    text.lines()
        .take(FIRST_LINES)
        .filter_map(reason)
        .any(|length| length >= SHORTEST_REASON)
}

/// Fails when two files of the product give a type the same name: a search for it should end at one place.
pub fn type_names(ws: &Workspace) -> Result<()> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in tracked(ws, &["*.rs"])? {
        let is_test = name.ends_with("/tests.rs") || name.contains("/tests/");
        if is_test || !PRODUCT.iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        for line in text_of(ws, &name).lines() {
            if let Some(defined) = type_name(line) {
                places.entry(defined.to_owned()).or_default().push(name.clone());
            }
        }
    }
    let twice: Vec<String> = places
        .iter()
        .filter(|(_, files)| files.len() > 1)
        .map(|(name, files)| format!("  {name}: {}", files.join(", ")))
        .collect();
    println!("names: {} types, {} named twice", places.len(), twice.len());
    if !twice.is_empty() {
        bail!("rename all but one:\n{}", twice.join("\n"));
    }
    Ok(())
}

/// The name that a line gives to a type others can use.
fn type_name(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub")?;
    let rest = match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(')')?.1,
        None => rest,
    };
    let (kind, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (["struct", "enum", "trait"].contains(&kind) && !name.is_empty()).then_some(name)
}

/// Fails when a file of the project names a folder that only one machine has.
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

/// A foreign path counts where a path begins: `docs/work/plan.md` names no machine.
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

/// Fails when a `#[path = "…"]` names a file that does not exist. A fuzz target compiles private files of other crates
/// this way, and only the slow fuzz stage would notice that one was moved.
pub fn module_paths(ws: &Workspace) -> Result<()> {
    let mut checked = 0;
    let mut missing = Vec::new();
    for name in tracked(ws, &["*.rs"])? {
        for (line, target) in path_attributes(&text_of(ws, &name)) {
            checked += 1;
            let folder = ws.root().join(&name);
            let folder = folder.parent().unwrap_or(ws.root());
            if !folder.join(target).is_file() {
                missing.push(format!("{name}:{line}: `{target}`"));
            }
        }
    }
    println!("paths: {checked} modules with a path");
    if !missing.is_empty() {
        bail!(
            "`#[path]` names a file that does not exist:\n{}",
            missing.join("\n")
        );
    }
    Ok(())
}

/// The targets of `#[path = "…"]` with their line numbers. A path is relative to the folder of the file that names it;
/// the project has no such attribute inside an inline module, where the rule differs.
fn path_attributes(text: &str) -> Vec<(usize, &str)> {
    let lines = (1..).zip(text.lines());
    lines
        .filter_map(|(number, line)| Some((number, path_attribute(line)?)))
        .collect()
}

fn path_attribute(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("#[path")?;
    let rest = rest.trim_start().strip_prefix('=')?;
    rest.trim_start().strip_prefix('"')?.split('"').next()
}

/// The files that git tracks or would add, so that a new file is checked before it is committed.
pub fn tracked(ws: &Workspace, patterns: &[&str]) -> Result<Vec<String>> {
    let mut git = ws.command("git");
    // In a build container the clone may belong to another user; only names are listed here.
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

/// The text of a file. Binary files, and deleted files that git still lists, count as empty.
pub fn text_of(ws: &Workspace, name: &str) -> String {
    std::fs::read_to_string(ws.root().join(Path::new(name))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_counts_in_the_first_lines_only_and_when_it_says_something() {
        let reason = format!("//! {REASON}one table of cases, read from top to bottom.\n");
        assert!(has_reason(&format!("//! Tests.\n//!\n{reason}")));
        assert!(!has_reason(&format!("//! {REASON}yes\n")));
        assert!(!has_reason(&("\n".repeat(FIRST_LINES) + &reason)));
    }

    #[test]
    fn the_names_of_types_that_others_can_use_are_found() {
        for (line, name) in [
            ("pub struct Store {", "Store"),
            ("    pub(crate) enum Part<'a> {", "Part"),
            ("pub(in crate::cases) trait Follow: Send {", "Follow"),
            ("pub struct Id(Uuid);", "Id"),
        ] {
            assert_eq!(type_name(line), Some(name), "{line}");
        }
        for line in [
            "struct Own {",
            "pub fn struct_of() {",
            "/// pub struct Store",
            "pub const A: B = 1;",
            "pub(crate)",
        ] {
            assert_eq!(type_name(line), None, "{line}");
        }
    }

    #[test]
    fn path_attributes_are_found_with_their_lines_and_not_in_comments() {
        let text = "//! Include it with `#[path = \"support/pg.rs\"] mod pg;`.\n\
                    #[path = \"../../server/src/http/range.rs\"]\nmod range;\n    #[path=\"a.rs\"]\n    mod a;\n";
        assert_eq!(
            path_attributes(text),
            [(2, "../../server/src/http/range.rs"), (4, "a.rs")]
        );
    }

    #[test]
    fn every_path_attribute_of_the_project_names_a_file() {
        module_paths(&Workspace::find().unwrap()).unwrap();
    }

    #[test]
    fn a_path_of_one_machine_is_found_where_a_path_begins() {
        let (head, tail) = FOREIGN[0];
        assert!(foreign_word(&format!("see {head}{tail}notes")).is_some());
        assert!(foreign_word(&format!("`{head}{tail}x`")).is_some());
        assert!(foreign_word(&format!("docs{head}{tail}plan.md")).is_none());
        assert!(foreign_word("a plain line about work").is_none());
    }
}
